//! One file of a process: what its sources record is collected, kept and written.

mod flush;
mod read;
mod users;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    gate::Pass,
    identity::Identity,
    pending::{Batch, MAX_PENDING, Pending},
    problem::{Cause, Event, Notice, Problem},
    read::Reader,
    retention::Retention,
    store::{Access, Store},
    transaction::Committed,
    turn::Turn,
    watch::Left,
};
use crate::{
    rollup::Source,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Clock, Monotonic},
};

pub use flush::{Flushed, Urgency};
pub use read::Reading;
pub use users::Retirement;

/// How a file is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether the file is written at all. If not, it is one that others write: it is never made, and
    /// nothing in it changes unless somebody asks for [`Engine::fold`] or [`Engine::vacuum`].
    pub records: bool,
    /// How long a sample stays in memory alone, at most.
    pub flush_interval: Duration,
    /// How long rows are kept; as long as the file says if that is not said here.
    pub retention: Option<Retention>,
    /// What tells how old they are.
    pub clock: Clock,
    /// Who is told of events.
    pub notice: Option<Notice>,
    /// How many rollups wait at most.
    pub max_pending: usize,
    /// How the file is used.
    pub access: Access,
    /// Whether what waits is written before SIGTERM ends the process.
    pub on_sigterm: bool,
    /// What the program calls its release, which is noted with what it writes.
    pub version: Option<Arc<str>>,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self {
            records: true,
            flush_interval: Duration::from_secs(1),
            retention: None,
            clock: Clock::System,
            notice: None,
            max_pending: MAX_PENDING,
            access,
            on_sigterm: false,
            version: None,
        }
    }
}

/// One file of a process.
#[derive(Debug)]
pub struct Engine {
    number: u64,
    path: PathBuf,
    options: Options,
    /// Whether the thread that writes rests until something is recorded.
    awaits: AtomicBool,
    /// When that thread is to write it; unknown until it first looks.
    turn: Mutex<Option<Turn>>,
    /// Held for moments only.
    shared: Mutex<Shared>,
    /// Held while the file is in use, by whoever has a pass. Comes before `shared`.
    work: Mutex<Work>,
}

#[derive(Debug)]
struct Shared {
    /// The handles that are open.
    users: Vec<u64>,
    sources: Vec<Attached>,
    /// What sources that went, or were cleared, had not handed over yet.
    absorbed: Pending,
    /// Who sources that went wrote as, the one that went first in front.
    gone: VecDeque<Arc<Identity>>,
    problem: Option<Problem>,
}

#[derive(Debug, Clone)]
struct Attached {
    number: u64,
    owner: u64,
    identity: Arc<Identity>,
    source: Weak<dyn Source>,
    /// Whether its handle was closed: nothing more is taken from it, and it keeps its identity, by
    /// which its rows are known.
    detached: bool,
}

#[derive(Debug)]
struct Work {
    store: Option<Store>,
    /// Which files it was, if it was closed as it was.
    left: Option<Left>,
    /// Whether it was found moved or removed, and has not been opened since.
    moved: bool,
    /// What somebody is still to be told.
    events: Vec<Event>,
    /// Nobody uses it any more, and the process has forgotten it: the file stays closed.
    retired: bool,
    /// Whether the file has been opened, or tried to be, since this process began.
    tried: bool,
    pending: Pending,
    /// How many samples went to the series that stand for all others.
    overflowed: u64,
    /// Whose commit failed, so that nobody knows yet whether it is on disk.
    in_doubt: Option<(Batch, Committed)>,
    /// Since when somebody else's lock has kept it from being written.
    locked_since: Option<Monotonic>,
    /// After a failure, how long to wait and until when.
    pause: Option<(Duration, Monotonic)>,
    upkeep_at: Option<Monotonic>,
}

impl Engine {
    /// For the file at `path`, which is not opened yet. `number` tells it from others.
    #[must_use]
    pub fn new(number: u64, path: &Path, options: Options) -> Self {
        Self {
            number,
            path: path.to_owned(),
            awaits: AtomicBool::new(true),
            turn: Mutex::new(None),
            shared: Mutex::new(Shared {
                users: Vec::new(),
                sources: Vec::new(),
                absorbed: Pending::new(options.max_pending),
                gone: VecDeque::new(),
                problem: None,
            }),
            work: Mutex::new(Work {
                store: None,
                left: None,
                moved: false,
                events: Vec::new(),
                retired: false,
                tried: false,
                pending: Pending::new(options.max_pending),
                overflowed: 0,
                in_doubt: None,
                locked_since: None,
                pause: None,
                upkeep_at: None,
            }),
            options,
        }
    }

    /// What tells it from others.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is written.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Asks to be told when something is recorded; see [`Engine::begins`].
    pub fn await_the_next(&self, awaits: bool) {
        self.awaits.store(awaits, SeqCst);
    }

    /// Whether nothing has been recorded since it was asked for.
    #[must_use]
    pub fn awaits(&self) -> bool {
        self.awaits.load(SeqCst)
    }

    /// Notes that something is recorded after a time in which nothing was, and tells whether somebody
    /// waits for that.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.awaits() && self.awaits.swap(false, SeqCst)
    }

    /// When it is to be written, once that is known.
    pub(super) fn turn(&self, _pass: &Pass<'_>) -> Option<Turn> {
        *self.turn.lock()
    }

    /// Notes when it is to be written next.
    pub(super) fn keep_turn(&self, turn: Turn, _pass: &Pass<'_>) {
        *self.turn.lock() = Some(turn);
    }

    /// What keeps it from being written, if anything does.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if self.options.access.gate.is_broken() {
            return Some(Problem::new(&self.path, Cause::Forked, ""));
        }
        self.shared.lock().problem.clone()
    }

    /// The file, opened for reading. What keeps it from being written mostly keeps it from being read.
    pub(super) fn reader(&self) -> Result<Reader, Problem> {
        self.read_from(Reader::open(&self.path, &self.options.access))
    }

    /// The same for who works on it, and may know already what lies there.
    fn reader_beside(&self, work: &Work) -> Result<Reader, Problem> {
        if work.store.as_ref().is_some_and(Store::is_unchanged) {
            let access = &self.options.access;
            return self.read_from(Reader::open_with_its_log(&self.path, access));
        }
        self.reader()
    }

    fn read_from(&self, opened: Result<Reader, Problem>) -> Result<Reader, Problem> {
        opened.map_err(|problem| match problem.cause {
            Cause::GaveWay => problem,
            _ => self.shared.lock().problem.clone().unwrap_or(problem),
        })
    }

    fn now(&self) -> Monotonic {
        self.options.clock.monotonic()
    }
}

impl Work {
    /// Whether nothing waits.
    fn is_clean(&self) -> bool {
        self.pending.is_empty() && self.in_doubt.is_none()
    }

    fn close_quickly(&mut self) {
        if let Some(mut store) = self.store.take() {
            self.left = Some(store.close_as_it_is());
        }
        // What a fork was in the way of was in nobody's hands for so long.
        self.locked_since = None;
    }
}
