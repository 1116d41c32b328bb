//! What users hold: a history, and what is attached to it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use super::{
    engine::{Engine, Options, Reading},
    gate::Pass,
    hours::Hours,
    identity::Identity,
    problem::{Cause, Problem},
    process,
    read::{Found, Reader, Timeline},
};
use crate::{
    error::{self, Error},
    rollup::{Delta, Key, Sink, Source},
    sync::atomic::{AtomicBool, Ordering},
    time::{Clock, TimeRange},
};

/// A history on disk. Several of the same file share one connection and one collection of what
/// waits; each has its own sources.
#[derive(Debug)]
pub struct History {
    engine: Arc<Engine>,
    user: u64,
    closed: AtomicBool,
}

impl History {
    /// The history in the file at `path`, which is made if there is none. Nothing is opened here,
    /// and nothing fails; see [`History::problem`]. `options` count unless this process uses the
    /// file already.
    #[must_use]
    pub fn open(path: &Path, options: impl FnOnce() -> Options) -> Arc<Self> {
        let user = process::next_number();
        Arc::new(Self {
            engine: process::join(&real_path(path), options, user),
            user,
            closed: AtomicBool::new(false),
        })
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.engine.path()
    }

    /// Whether what waits is written before SIGTERM ends the process.
    #[must_use]
    pub fn takes_sigterm(&self) -> bool {
        self.engine.options().on_sigterm
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What tells how late it is.
    pub(super) fn clock(&self) -> &Clock {
        &self.engine.options().clock
    }

    /// What keeps it from being written, if anything does.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        process::look_after_fork();
        self.engine.problem()
    }

    /// The history that others keep in the file at `path`, to be looked at. It is in use beside one
    /// that this process may keep there itself, with a connection of its own for each question, and
    /// no thread. What is attached to it records in memory alone.
    #[must_use]
    pub fn look(path: &Path, options: Options) -> Arc<Self> {
        let user = process::next_number();
        let options = Options {
            records: false,
            ..options
        };
        let engine = Engine::new(process::next_number(), &real_path(path), options);
        engine.add_user(user);
        Arc::new(Self {
            engine: Arc::new(engine),
            user,
            closed: AtomicBool::new(false),
        })
    }

    /// Whether the process was forked in the middle of work, so that not even a lock may be used.
    fn is_broken(&self) -> bool {
        self.engine.options().access.gate.is_broken()
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Collects the rollups of `source` from now on, as those of a `kind` of source.
    pub fn attach(
        self: &Arc<Self>,
        kind: &str,
        source: Weak<dyn Source>,
    ) -> error::Result<Arc<Attachment>> {
        if self.is_closed() {
            let path = self.path().display();
            return Err(Error::argument("history", path, "one that is not closed"));
        }
        let number = process::next_number();
        let is_awaited = source
            .upgrade()
            .is_some_and(|source| source.drain_in().is_some());
        self.engine.add_source(number, self.user, kind, source);
        if is_awaited {
            process::wake_writer();
        }
        Ok(Arc::new(Attachment {
            history: Arc::clone(self),
            number,
        }))
    }

    /// Writes what was recorded, and tells whether all of it is on disk now. Waits for others that
    /// use the file, so it must not be called while attached to the interpreter.
    pub fn flush(&self) -> bool {
        process::flush(&self.engine)
    }

    /// What was recorded in `range` of each key that is `wanted`, on disk or on its way there;
    /// those of `own` sources apart from those of other writers. As [`History::flush`], which it
    /// begins with, not while attached.
    pub fn read(
        &self,
        range: TimeRange,
        wanted: impl Fn(&Key) -> bool,
        own: &[Arc<Identity>],
    ) -> Reading<Found> {
        self.reading(|pass| self.engine.read(pass, range, &wanted, own))
    }

    /// The same by time, in slots that begin with the range, of all writers together. `length` says
    /// how many seconds the slots are long, for the part of the range that there are rows of; they
    /// are no shorter than a minute, or an hour where minutes are no longer kept.
    pub fn timelines(
        &self,
        range: TimeRange,
        length: impl Fn(TimeRange) -> i64,
        wanted: impl Fn(&Key) -> bool,
    ) -> Reading<Timeline> {
        self.reading(|pass| self.engine.timelines(pass, range, &length, &wanted))
    }

    /// What the writers of a version, as they noted it, have recorded of each key that is `wanted`; all
    /// of it as that of others.
    pub fn of_version(&self, version: &str, wanted: impl Fn(&Key) -> bool) -> Reading<Found> {
        self.reading(|pass| self.engine.of_version(pass, version, &wanted))
    }

    /// Hands on what [`History::timelines`] would tell by the hour, in each of `ranges`, as of one moment,
    /// to what `empty` gives, and returns that.
    pub fn hourly<H: Hours>(
        &self,
        ranges: &[TimeRange],
        wanted: impl Fn(&Key) -> bool,
        empty: impl Fn() -> H,
    ) -> H {
        let mut reading = self.reading(|pass| self.engine.hourly(pass, ranges, &wanted, &empty));
        reading.found.pop().unwrap_or_else(empty)
    }

    pub(super) fn reading<T>(&self, read: impl Fn(&Pass<'_>) -> Reading<T>) -> Reading<T> {
        // What cannot be written is read from where it waits.
        self.flush();
        let read = self.undisturbed(|pass| {
            let reading = read(pass);
            match reading.problem {
                Some(problem) if problem.cause == Cause::GaveWay => Err(problem),
                _ => Ok(reading),
            }
        });
        read.unwrap_or_else(|problem| Reading {
            found: Vec::new(),
            counted: None,
            problem: Some(problem),
        })
    }

    /// Writes what was recorded, and looks at the file by `look`. As [`History::flush`], not while
    /// attached.
    pub fn inspect<T>(
        &self,
        look: impl Fn(&mut Reader) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.flush();
        self.undisturbed(|_| look(&mut self.engine.reader()?))
    }

    /// Copies the file, with all that was written to it by now, to `to`; likewise. A fork waits.
    pub fn back_up(&self, to: &Path) -> error::Result<()> {
        let access = &self.engine.options().access;
        self.inspect(|reader| Ok(reader.back_up(to, access)))?
    }

    /// Deletes all that is too old, a little at a time; likewise. It would be without being asked.
    pub fn fold(&self) -> Result<(), Problem> {
        self.flush();
        while self.undisturbed(|pass| self.engine.fold(pass))? {}
        Ok(())
    }

    /// Gives what is free in the file back to the file system; likewise. Nobody else can write
    /// meanwhile, and a fork waits.
    pub fn vacuum(&self) -> Result<(), Problem> {
        self.flush();
        self.undisturbed(|pass| self.engine.vacuum(pass))
    }

    /// Does `work`, once more if it stopped waiting for somebody else's lock because a fork waited.
    fn undisturbed<T>(&self, work: impl Fn(&Pass<'_>) -> Result<T, Problem>) -> Result<T, Problem> {
        loop {
            let done = process::with_pass(&self.engine, |pass| match work(pass) {
                Err(problem) if problem.cause == Cause::GaveWay => Ok(None),
                result => result.map(Some),
            })?;
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }

    /// How many rollups wait to be written, and how many had to be dropped; likewise.
    #[must_use]
    pub fn waiting(&self) -> (u64, u64) {
        process::with_pass(&self.engine, |pass| Ok(self.engine.waiting(pass))).unwrap_or_default()
    }

    /// How many samples of this process went to `(other operations)` and the like because the file
    /// holds too many already; likewise.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        process::with_pass(&self.engine, |pass| Ok(self.engine.overflowed(pass)))
            .unwrap_or_default()
    }

    /// Writes what was recorded and lets the sources go, which record in memory alone from then on.
    /// What cannot be written now is written once it can be, until the process ends. As
    /// [`History::flush`], not while attached.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        process::flush(&self.engine);
        process::leave(&self.engine, self.user);
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if !self.is_closed() && !self.is_broken() {
            self.engine.remove_user(self.user);
        }
    }
}

/// A source's connection to its history.
pub struct Attachment {
    // With its last source, a history that nobody holds any more goes, and not before.
    history: Arc<History>,
    number: u64,
}

impl Attachment {
    /// The history.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Who the source's rows are, or were, written by in this process; `None` in one that was forked
    /// in the middle of work.
    #[must_use]
    pub fn identity(&self) -> Option<Arc<Identity>> {
        if self.history.is_broken() {
            return None;
        }
        self.history.engine.identity(self.number)
    }
}

impl Sink for Attachment {
    fn begin(&self) {
        if self.history.is_broken() {
            return;
        }
        process::start_if_refused();
        if self.history.engine.begins() {
            process::wake_writer();
        }
    }

    fn absorb(&self, deltas: Vec<Delta>) {
        if !self.history.is_broken() {
            self.history.engine.absorb(self.number, deltas);
            process::start_if_refused();
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attachment").field(&self.number).finish()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.history.is_broken() {
            self.history.engine.remove_source(self.number);
        }
    }
}

/// `path` without links, so that one file has one engine. What does not exist yet has a folder.
///
/// It names a file whatever it is: to the database an empty name is a file that nobody sees,
/// `:memory:` is none, and what begins with `file:` is a URI, but nothing with a folder is.
fn real_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| Path::new(".").join(path));
    if let Ok(real) = fs::canonicalize(&path) {
        return real;
    }
    match (path.parent().map(fs::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}
