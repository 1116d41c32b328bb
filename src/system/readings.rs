//! What a call takes of the processor and of memory.

use super::{
    peak::{Measurement, Peak},
    per_process::ThisProcess,
    process, sampler,
};

/// A call whose usage is being measured. A figure that the system does not tell is missing.
pub struct OpenUsage {
    cpu: Option<f64>,
    memory: Option<Measurement>,
}

/// What a call took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processor time of the process, in seconds, less what measuring took.
    pub cpu: Option<f64>,
    /// Its memory, and what its children took.
    pub memory: Option<Peak>,
}

impl OpenUsage {
    /// Begins to measure.
    #[must_use]
    pub fn begin() -> Self {
        let process = ThisProcess::now();
        Self {
            memory: Measurement::begin_in(process).ok(),
            cpu: cpu_seconds(process),
        }
    }

    /// Ends the measurement.
    #[must_use]
    pub fn finish(self) -> Usage {
        let process = ThisProcess::now();
        let cpu = cpu_seconds(process).zip(self.cpu);
        Usage {
            cpu: cpu.map(|(end, begin)| (end - begin).max(0.0)),
            memory: self
                .memory
                .and_then(|memory| memory.finish_in(process).ok()),
        }
    }
}

/// The processor time that the process has taken, in seconds, less what measuring has taken.
fn cpu_seconds(process: ThisProcess) -> Option<f64> {
    let taken = process::cpu_seconds().ok()?;
    Some(taken - sampler::cost(process).as_secs_f64())
}
