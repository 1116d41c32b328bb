//! What the children of this process take: programs that it runs, pools of workers, and theirs.
//!
//! The kernel adds the processor time of a child, and of what that has waited for, to its parent's
//! account when the parent waits for it (`RUSAGE_CHILDREN`, see getrusage(2)). On Linux the time of
//! those that live is read as well, so that a worker who is never waited for counts with what it
//! has done meanwhile.
//!
//! The memory is the highest RSS of one of them, pages that it shares with its parent included. The
//! kernel's own account of it (`ru_maxrss`) is the highest of all that were ever waited for, and on
//! Linux includes what a child shared with its parent before it ran another program. So it tells
//! something only if it rose, and above all that this process ever had. Else the children are looked
//! at, as the sampler does every few milliseconds.

use std::time::Duration;

mod living;
#[cfg(target_os = "linux")]
mod process;

pub use living::{Found, may_be_about_to_run, now, parse, readings};
#[cfg(target_os = "linux")]
pub use process::Process;

/// What the children have taken during a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChildUsage {
    /// Processor time, user and system together; `None` where the system does not tell.
    pub cpu: Option<Duration>,
    /// The highest RSS of one of them, in bytes; 0 if there were none, `None` where there were some of
    /// which it cannot be told.
    pub peak: Option<u64>,
}

/// What the kernel's account says of the children that were waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Their processor time.
    pub cpu: Duration,
    /// The highest RSS that one of them ever had, in bytes.
    pub highest: u64,
    /// Page faults: every process has some, even if it takes no measurable time.
    pub faults: i64,
}

/// The children at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// That moment, in the ticks of [`Process::started`].
    pub tick: u64,
    /// Those that have ended and were waited for; `None` where the system does not tell.
    pub reaped: Option<Reaped>,
    /// Those that live.
    pub living: Vec<Process>,
}

impl State {
    /// The state now, which is at `tick`.
    #[must_use]
    pub fn read(tick: u64) -> Self {
        let (reaped, living) = account();
        Self {
            tick,
            reaped,
            living,
        }
    }

    /// What was taken from here until `end`. `sampled` is the highest RSS that was seen meanwhile, and
    /// `own` the highest that this process itself ever had where children begin with that.
    #[must_use]
    pub fn usage_until(&self, end: &Self, sampled: u64, own: u64) -> ChildUsage {
        let (Some(before), Some(after)) = (self.reaped, end.reaped) else {
            return ChildUsage::default();
        };
        let total = |reaped: Reaped, living: &[Process]| {
            let living: Duration = living.iter().map(|process| process.cpu).sum();
            reaped.cpu + living
        };
        // A child that nobody waits for takes its time with it, so that there may be less than before.
        let cpu = total(after, &end.living).saturating_sub(total(before, &self.living));
        let seen = end.living.iter().map(|process| self.highest(process));
        let told = self.told(before, after, own);
        let peak = seen.chain([sampled]).chain(told).max().unwrap_or(0);
        let were_some =
            !self.living.is_empty() || !end.living.is_empty() || after.faults != before.faults;
        ChildUsage {
            cpu: Some(cpu),
            peak: (peak > 0 || !were_some).then_some(peak),
        }
    }

    /// The highest RSS since this state of one that lives.
    fn highest(&self, process: &Process) -> u64 {
        let is_same =
            |earlier: &&Process| (earlier.pid, earlier.started) == (process.pid, process.started);
        match self.living.iter().find(is_same) {
            Some(earlier) if process.highest > earlier.highest => process.highest,
            _ => process.highest_since(self.tick),
        }
    }

    /// The highest RSS by the kernel's account, if it can only be one since this state.
    fn told(&self, before: Reaped, after: Reaped, own: u64) -> Option<u64> {
        let earlier = self.living.iter().map(|process| process.highest);
        let known = earlier.chain([before.highest, own]).max().unwrap_or(0);
        (after.highest > known).then_some(after.highest)
    }
}

/// The kernel's account and those that live, of the same moment.
#[cfg(target_os = "linux")]
fn account() -> (Option<Reaped>, Vec<Process>) {
    /// How often both are read again because a child was waited for meanwhile.
    const TRIES: usize = 3;

    if !living::has_children() {
        return (reaped(), Vec::new());
    }
    let mut before = reaped();
    for _ in 0..TRIES {
        let living = readings();
        let after = reaped();
        if after == before {
            return (after, living);
        }
        before = after;
    }
    (before, readings())
}

/// The kernel's account; nobody looks at those that live.
#[cfg(not(target_os = "linux"))]
fn account() -> (Option<Reaped>, Vec<Process>) {
    (reaped(), Vec::new())
}

/// Nobody looks at those that live.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn now() -> u64 {
    0
}

#[cfg(unix)]
fn reaped() -> Option<Reaped> {
    use nix::sys::{
        resource::{UsageWho, getrusage},
        time::TimeVal,
    };

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let duration = |time: TimeVal| {
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec()).unwrap_or(0));
        seconds + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
    };
    Some(Reaped {
        cpu: duration(usage.user_time()) + duration(usage.system_time()),
        highest: super::rusage::bytes_of_max_rss(usage.max_rss())?,
        faults: usage.minor_page_faults() + usage.major_page_faults(),
    })
}

#[cfg(not(unix))]
fn reaped() -> Option<Reaped> {
    None
}
