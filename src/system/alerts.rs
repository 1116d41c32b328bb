//! Which readings deserve attention.

use std::fmt;

use crate::error::{Error, Result};

/// From this usage on, in percent, an alert is critical whatever its threshold.
pub const CRITICAL_FROM: f64 = 95.0;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Processor time.
    Cpu,
    /// Main memory.
    Memory,
    /// Disk space.
    Disk,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Disk];

    /// Its name in data: `cpu`, `memory` or `disk`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// The argument that sets its threshold.
    #[must_use]
    pub const fn threshold_name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_threshold",
            Self::Memory => "memory_threshold",
            Self::Disk => "disk_threshold",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Memory => "Memory",
            Self::Disk => "Disk",
        })
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Above the threshold.
    Warning,
    /// Above the threshold and at least [`CRITICAL_FROM`].
    Critical,
}

impl Severity {
    /// Its name in data: `warning` or `critical`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A usage above its threshold, both in percent. Its `Display` is the message for people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// What it is about.
    pub resource: Resource,
    /// The usage.
    pub usage: f64,
    /// The threshold that it exceeds.
    pub threshold: f64,
    /// How much it matters.
    pub severity: Severity,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} usage at {:.1}%", self.resource, self.usage)
    }
}

/// The usages, in percent, above which there are alerts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    cpu: f64,
    memory: f64,
    disk: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cpu: 80.0,
            memory: 80.0,
            disk: 90.0,
        }
    }
}

impl Thresholds {
    /// Thresholds in percent. Fails for a value that is not finite or not in 0..=100.
    pub fn new(cpu: f64, memory: f64, disk: f64) -> Result<Self> {
        let mut thresholds = Self::default();
        thresholds.set(Resource::Cpu, cpu)?;
        thresholds.set(Resource::Memory, memory)?;
        thresholds.set(Resource::Disk, disk)?;
        Ok(thresholds)
    }

    /// The threshold of `resource`.
    #[must_use]
    pub const fn get(&self, resource: Resource) -> f64 {
        match resource {
            Resource::Cpu => self.cpu,
            Resource::Memory => self.memory,
            Resource::Disk => self.disk,
        }
    }

    /// Sets the threshold of `resource`; a bad value changes nothing.
    pub fn set(&mut self, resource: Resource, percent: f64) -> Result<()> {
        if !(0.0..=100.0).contains(&percent) {
            let expected = "a percentage from 0 to 100";
            return Err(Error::argument(
                resource.threshold_name(),
                percent,
                expected,
            ));
        }
        match resource {
            Resource::Cpu => self.cpu = percent,
            Resource::Memory => self.memory = percent,
            Resource::Disk => self.disk = percent,
        }
        Ok(())
    }

    /// The alert for a `usage` strictly above the threshold. A NaN is above nothing.
    #[must_use]
    pub fn check(&self, resource: Resource, usage: f64) -> Option<Alert> {
        let threshold = self.get(resource);
        (usage > threshold).then_some(Alert {
            resource,
            usage,
            threshold,
            severity: if usage >= CRITICAL_FROM {
                Severity::Critical
            } else {
                Severity::Warning
            },
        })
    }
}
