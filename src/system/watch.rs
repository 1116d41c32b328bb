//! Readings of all resources now and then, for a history.

use std::{path::Path, time::Duration};

use super::{
    cpu::{Meter, SystemCounters},
    disk, gpu, memory,
};
use crate::{
    rollup::{Delta, Key, Rollup, Source, minute_of},
    sync::Mutex,
    time::{Clock, Monotonic},
    units::{GB, MB},
};

/// Seconds between two readings unless asked otherwise.
pub const DEFAULT_INTERVAL: f64 = 10.0;

/// Reads all resources whenever a history asks and the last time is long enough ago. The figures
/// are called as the fields of `ResourceUsage`.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cpu: Meter<SystemCounters>,
    next: Option<Monotonic>,
}

/// A figure: its name, unit and value.
type Figure = (&'static str, &'static str, f64);

const PERCENT: &str = "percent";

impl Watch {
    /// With readings at least `interval` apart, the first of them soon.
    ///
    /// Looks for the GPU and its driver in the environment, which the thread that reads must not do while
    /// the host program may change it.
    #[must_use]
    pub fn new(clock: Clock, interval: Duration) -> Self {
        gpu::look_into_environment();
        let cpu = Meter::new(clock.clone(), SystemCounters::default());
        Self {
            clock,
            interval,
            state: Mutex::new(State { cpu, next: None }),
        }
    }
}

impl State {
    fn is_due(&mut self, now: Monotonic, interval: Duration) -> bool {
        // Usage of the processors is that since the reading before.
        if self.cpu.wait_needed().is_some() || self.next.is_some_and(|next| now < next) {
            return false;
        }
        // By a rhythm of its own, which those who ask a little late do not shift.
        let next = self.next.unwrap_or(now).after(interval);
        self.next = Some(if next > now {
            next
        } else {
            now.after(interval)
        });
        true
    }

    fn due_in(&self, now: Monotonic) -> Duration {
        let next = self.next.map_or(Duration::ZERO, |next| next.since(now));
        next.max(self.cpu.wait_needed().unwrap_or_default())
    }

    /// What the system tells; a figure that it does not is missing.
    fn read(&mut self) -> Vec<Figure> {
        let mut figures = Vec::new();
        if let Ok(Some(percent)) = self.cpu.percent() {
            figures.push(("cpu_percent", PERCENT, percent));
        }
        if let Ok(memory) = memory::current() {
            figures.push(("memory_percent", PERCENT, memory.percent()));
            figures.push(("memory_used_mb", "MB", memory.used as f64 / MB));
        }
        if let Ok(disk) = disk::usage(Path::new("/")) {
            figures.push(("disk_percent", PERCENT, disk.percent()));
            figures.push(("disk_used_gb", "GB", disk.used as f64 / GB));
        }
        if let Some(gpu) = gpu::read_own() {
            if let Ok(percent) = gpu.utilisation {
                figures.push(("gpu_percent", PERCENT, percent));
            }
            if let Ok(memory) = gpu.memory {
                figures.push(("gpu_memory_mb", "MB", memory.used as f64 / MB));
            }
        }
        figures
    }
}

impl Source for Watch {
    fn drain(&self, out: &mut Vec<Delta>) {
        let now = self.clock.monotonic();
        let time = self.clock.wall_at(now);
        let mut state = self.state.lock();
        if !state.is_due(now, self.interval) {
            return;
        }
        for (figure, unit, value) in state.read() {
            let mut rollup = Rollup::default();
            rollup.record(time, value);
            out.push(Delta {
                key: Key::Resource {
                    figure: figure.into(),
                    unit: unit.into(),
                },
                minute: minute_of(time),
                rollup,
            });
        }
    }

    fn drain_in(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        Some(self.state.lock().due_in(now))
    }

    fn forget(&self) {
        // The child has an environment of its own, and a driver to initialise.
        gpu::look_into_environment();
    }
}
