//! The threads of ours that work in the background: each can be told to end, and is gone when it is said
//! to be, so that a fork finds none.

use std::{
    io,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

/// What a thread sleeps by, and is woken by. Ringing it takes no lock, allocates nothing, and is one
/// system call at most, so that a signal's handler may.
#[derive(Debug, Default)]
pub struct Bell(AtomicU32);

impl Bell {
    /// One that has not rung.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// How often it has rung. To be asked before looking at what there is to do, since
    /// [`Bell::wait`] does not wait if it has rung since.
    #[must_use]
    pub fn rung(&self) -> u32 {
        self.0.load(Acquire)
    }

    /// Wakes whoever waits.
    pub fn ring(&self) {
        self.0.fetch_add(1, Release);
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::futex;
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }
    }

    /// Waits until it has rung more than `seen` times, or for `timeout`, or less: whoever waits looks
    /// again.
    #[cfg(target_os = "linux")]
    pub fn wait(&self, seen: u32, timeout: Duration) {
        use rustix::thread::futex::{self, Timespec};
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let _ = futex::wait(&self.0, futex::Flags::PRIVATE, seen, Some(&timeout));
    }

    /// Waits until it has rung more than `seen` times, or for `timeout`, or less: whoever waits looks
    /// again.
    #[cfg(not(target_os = "linux"))]
    pub fn wait(&self, seen: u32, timeout: Duration) {
        const LOOK: Duration = Duration::from_millis(10);
        let begun = Instant::now();
        while self.rung() == seen && begun.elapsed() < timeout {
            thread::sleep(LOOK.min(timeout));
        }
    }
}

/// A thread that works until it is told to end.
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
    told: Arc<Told>,
}

/// What the thread and those who know of it tell each other.
#[derive(Debug, Default)]
pub struct Told {
    end: AtomicBool,
    ended: AtomicBool,
    /// Whether it is in somebody else's code; see [`Told::while_away`].
    away: AtomicBool,
    /// It rings when the thread has ended.
    bell: Bell,
    /// The system's number of the thread, once it runs.
    id: AtomicU32,
}

impl Told {
    /// Whether the thread is to end.
    #[must_use]
    pub fn is_to_end(&self) -> bool {
        self.end.load(Acquire)
    }

    /// Calls somebody else's code, which may wait for what the thread that forks has locked, while nothing
    /// of ours is in use: a fork waits a moment for that, and then begins beside the thread.
    pub fn while_away(&self, call: impl FnOnce()) {
        self.away.store(true, Release);
        call();
        self.away.store(false, Release);
    }
}

/// Says that the thread has ended, by whatever.
struct Ending<'a>(&'a Told);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Release);
        self.0.bell.ring();
    }
}

impl Worker {
    /// A thread called `name` that does `work`. The signal that asks the process to end never
    /// interrupts it: it is for the program's own threads.
    pub fn spawn(
        name: &str,
        stack: Option<usize>,
        work: impl FnOnce(&Told) + Send + 'static,
    ) -> io::Result<Self> {
        let told = Arc::new(Told::default());
        let own = Arc::clone(&told);
        let mut builder = thread::Builder::new().name(name.to_owned());
        if let Some(stack) = stack {
            builder = builder.stack_size(stack);
        }
        let thread = builder.spawn(move || {
            let _ending = Ending(&own);
            own.id.store(own_id(), Relaxed);
            leave_sigterm_to_others();
            work(&own);
        })?;
        Ok(Self { thread, told })
    }

    /// The thread.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.thread.thread()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.told.ended.load(Acquire)
    }

    /// Tells it to end. Whoever knows what it sleeps by wakes it.
    pub fn tell_to_end(&self) {
        self.told.end.store(true, Release);
        self.thread.thread().unpark();
    }

    /// Waits until it is gone, for `patience` at most, and calls `look` now and then. Whether it is. It
    /// does not wait for itself.
    pub fn join(self, patience: Duration, look: impl FnMut()) -> bool {
        self.wait(patience, patience, look)
    }

    /// The same, with `away` as the patience while it is in somebody else's code.
    fn wait(self, patience: Duration, away: Duration, mut look: impl FnMut()) -> bool {
        const LOOK: Duration = Duration::from_millis(1);
        if self.thread().id() == thread::current().id() {
            return false;
        }
        let begun = Instant::now();
        loop {
            let seen = self.told.bell.rung();
            if self.has_ended() {
                break;
            }
            let is_away = self.told.away.load(Acquire);
            if begun.elapsed() >= if is_away { away } else { patience } {
                return false;
            }
            self.told.bell.wait(seen, LOOK);
            look();
        }
        // It cannot panic in a way that matters here.
        let _ = self.thread.join();
        wait_until_gone(self.told.id.load(Relaxed));
        true
    }
}

/// How many threads were told to end by a fork and are not known to be gone.
#[derive(Debug, Default)]
pub struct Going(AtomicUsize);

/// A fork that is about to begin, and the threads that are not to be there.
#[derive(Debug)]
#[must_use]
pub struct Fork {
    workers: Vec<Worker>,
    going: &'static Going,
}

impl Going {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// For a fork that waits for `workers`, which were told to end, and for those that other forks at
    /// the same time wait for.
    pub fn wait_for(&'static self, workers: Vec<Worker>) -> Fork {
        self.0.fetch_add(workers.len(), AcqRel);
        Fork {
            workers,
            going: self,
        }
    }

    /// In a forked child, which has none of them.
    pub fn begin_anew(&self) {
        self.0.store(0, Release);
    }
}

impl Fork {
    /// Waits until they are gone, for `patience` at most, and calls `look` now and then.
    pub fn wait(self, patience: Duration, mut look: impl FnMut()) {
        const NAP: Duration = Duration::from_micros(200);
        const AWAY: Duration = Duration::from_millis(100);
        let Self { workers, going } = self;
        for worker in workers {
            worker.wait(patience, AWAY, &mut look);
            going.0.fetch_sub(1, AcqRel);
        }
        let begun = Instant::now();
        while going.0.load(Acquire) > 0 && begun.elapsed() < patience {
            thread::sleep(NAP);
            look();
        }
    }
}

#[cfg(target_os = "linux")]
fn own_id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .cast_unsigned()
}

#[cfg(not(target_os = "linux"))]
fn own_id() -> u32 {
    0
}

/// A thread that has been joined is still counted for a moment, by which Python tells whether a process
/// that forks has several.
fn wait_until_gone(id: u32) {
    const LONGEST: Duration = Duration::from_secs(1);
    const YIELDS: u32 = 100;
    const NAP: Duration = Duration::from_micros(50);
    if id == 0 {
        return;
    }
    let place = format!("/proc/self/task/{id}");
    let begun = Instant::now();
    let mut looks = 0;
    while std::fs::exists(&place).unwrap_or(false) && begun.elapsed() < LONGEST {
        looks += 1;
        if looks < YIELDS {
            thread::yield_now();
        } else {
            thread::sleep(NAP);
        }
    }
}

#[cfg(unix)]
fn leave_sigterm_to_others() {
    use nix::sys::signal::{SigSet, Signal};
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    let _ = set.thread_block();
}

#[cfg(not(unix))]
fn leave_sigterm_to_others() {}
