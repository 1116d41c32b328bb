//! How busy the processors are that this process may use.

use std::time::Duration;

use crate::{
    error::Result,
    time::{Clock, Monotonic, NANOS_PER_SEC},
};

/// The shortest interval that is measured. The kernel counts in ticks of 10 ms, so that less
/// would be mostly noise.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Cumulative counters, two readings of which give a usage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Counters {
    /// Ticks of all processors of the host.
    Host(HostTicks),
    /// Time used by a control group with a quota.
    Group {
        /// The quota, in processors.
        processors: f64,
        /// The time used, in nanoseconds.
        used_nanos: u64,
    },
    /// A percentage that the system has already worked out.
    Percent(f64),
}

/// Where counters come from; replaced in tests.
pub trait CounterSource {
    /// The counters now.
    fn read(&mut self) -> Result<Counters>;
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, guest
/// and guest nice, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTicks([u64; 10]);

impl HostTicks {
    /// How many of the fields count: those before the guests' time, which user and nice
    /// already hold.
    const COUNTED: usize = 8;
    const IDLE: usize = 3;
    const IOWAIT: usize = 4;

    /// Reads the text of `/proc/stat`. Fields that an older kernel does not tell are zero.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn parse(stat: &[u8]) -> Option<Self> {
        let mut ticks = [0; 10];
        let mut numbers = super::files::numbers(stat.strip_prefix(b"cpu ")?);
        for (place, slot) in ticks.iter_mut().enumerate() {
            match numbers.next() {
                Some(number) => *slot = number,
                None if place > Self::IDLE => break,
                None => return None,
            }
        }
        Some(Self(ticks))
    }

    /// The busy share since `earlier`, in percent, worked out as top and psutil do: waiting for
    /// the disk is idle time, and a counter that ran backwards counts as standing still.
    fn percent_since(self, earlier: Self) -> f64 {
        let mut passed = [0; Self::COUNTED];
        for ((passed, now), before) in passed.iter_mut().zip(self.0).zip(earlier.0) {
            *passed = now.saturating_sub(before);
        }
        let total: u64 = passed.iter().sum();
        if total == 0 {
            return 0.0;
        }
        let busy = total - passed[Self::IDLE] - passed[Self::IOWAIT];
        100.0 * busy as f64 / total as f64
    }
}

impl Counters {
    /// The usage since `earlier`, `seconds` ago, in percent of what may be used. `None` where
    /// the two are not alike, which happens when a quota is set or lifted in between.
    fn percent_since(&self, earlier: &Self, seconds: f64) -> Option<f64> {
        let percent = match (self, earlier) {
            (Self::Host(now), Self::Host(before)) => now.percent_since(*before),
            (
                Self::Group {
                    processors,
                    used_nanos,
                },
                Self::Group {
                    used_nanos: before, ..
                },
            ) => {
                let used = used_nanos.saturating_sub(*before) as f64 / NANOS_PER_SEC as f64;
                let allowed = processors * seconds;
                if allowed > 0.0 {
                    100.0 * used / allowed
                } else {
                    0.0
                }
            }
            (Self::Percent(percent), Self::Percent(_)) => *percent,
            _ => return None,
        };
        // A group may exceed its quota by a burst, and accounting lags by a tick.
        Some(percent.clamp(0.0, 100.0))
    }
}

/// Measures the usage between one call and the next.
#[derive(Debug)]
pub struct Meter<S> {
    clock: Clock,
    source: S,
    baseline: Option<(Monotonic, Counters)>,
    last: Option<f64>,
}

impl<S: CounterSource> Meter<S> {
    /// A meter whose first interval begins now.
    pub fn new(clock: Clock, mut source: S) -> Self {
        let now = clock.monotonic();
        // Counters that cannot be read now are reported when somebody asks for a usage.
        let baseline = source.read().ok().map(|counters| (now, counters));
        Self {
            clock,
            source,
            baseline,
            last: None,
        }
    }

    /// How long to wait before [`Self::percent`], because there is no earlier usage to fall back
    /// on and the first interval is still too short; `None` if it can be asked right away.
    pub fn wait_needed(&self) -> Option<Duration> {
        if self.last.is_some() {
            return None;
        }
        let Some((since, _)) = self.baseline else {
            return Some(MIN_INTERVAL);
        };
        let elapsed = self.clock.monotonic().since(since);
        MIN_INTERVAL
            .checked_sub(elapsed)
            .filter(|wait| !wait.is_zero())
    }

    /// The usage since the last call of [`Self::percent`], whose interval goes on; `None` where there is
    /// nothing to tell yet.
    pub fn peek(&mut self) -> Option<f64> {
        let passed = |(since, _): &(Monotonic, Counters)| {
            let nanos = self.clock.monotonic().0.saturating_sub(since.0);
            u128::from(nanos) >= MIN_INTERVAL.as_nanos()
        };
        let Some((since, before)) = self.baseline.filter(passed) else {
            return self.last;
        };
        let now = self.clock.monotonic();
        let counters = self.source.read().ok()?;
        let usage = counters.percent_since(&before, now.seconds_since(since));
        usage.or(self.last)
    }

    /// The usage since the last call, in percent of what this process may use; within
    /// [`MIN_INTERVAL`] of the last call its result again.
    ///
    /// `None` where there was nothing to compare with, so that a first interval begins now. Who
    /// did not heed [`Self::wait_needed`] gets the usage of a short interval.
    pub fn percent(&mut self) -> Result<Option<f64>> {
        let now = self.clock.monotonic();
        if let (Some(last), Some((since, _))) = (self.last, self.baseline)
            && u128::from(now.0.saturating_sub(since.0)) < MIN_INTERVAL.as_nanos()
        {
            return Ok(Some(last));
        }
        let counters = self.source.read()?;
        let usage = self
            .baseline
            .and_then(|(since, before)| counters.percent_since(&before, now.seconds_since(since)));
        self.baseline = Some((now, counters));
        self.last = usage.or(self.last);
        Ok(self.last)
    }
}

/// The counters of the control group where it has a quota, else those of the host.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
pub struct SystemCounters(());

#[cfg(target_os = "linux")]
impl CounterSource for SystemCounters {
    fn read(&mut self) -> Result<Counters> {
        use super::{cgroup, files::KeptFile, per_process::PerProcess};

        static STAT: PerProcess<KeptFile> = PerProcess::new(|| KeptFile::new("/proc/stat"));

        // As with memory, a quota whose usage cannot be read tells less than the host.
        if let Some(Ok(group)) = cgroup::with_current(cgroup::Limits::cpu) {
            return Ok(Counters::Group {
                processors: group.processors,
                used_nanos: group.used_nanos,
            });
        }
        // Only the first line is wanted, and it is shorter than this.
        let ticks = STAT.get().read(&mut [0; 256], HostTicks::parse)?;
        Ok(Counters::Host(ticks))
    }
}

/// The usage of the host.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub struct SystemCounters(Option<sysinfo::System>);

#[cfg(not(target_os = "linux"))]
impl CounterSource for SystemCounters {
    fn read(&mut self) -> Result<Counters> {
        use std::io;

        use sysinfo::{RefreshKind, System};

        use crate::error::Error;

        // It measures from one refresh to the next, so each meter keeps its own.
        if self.0.is_none() {
            let system = System::new_with_specifics(RefreshKind::nothing())
                .map_err(|error| Error::io("host CPU", io::Error::other(error.to_string())))?;
            self.0 = Some(system);
        }
        let percent = self.0.as_mut().map_or(0.0, |system| {
            system.refresh_cpu_usage();
            f64::from(system.global_cpu_usage())
        });
        Ok(Counters::Percent(percent))
    }
}
