//! The memory that this process may use: the host's, or its container's where that is less.

use crate::error::Result;

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// What is taken; on a host all that is not available, as psutil and `free` define it.
    pub used: u64,
}

impl Memory {
    /// The used share in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        100.0 * self.used as f64 / self.total as f64
    }

    fn of_host(total: u64, available: u64) -> Self {
        Self {
            total,
            available,
            used: total.saturating_sub(available),
        }
    }
}

/// The memory that this process may use, now.
#[cfg(target_os = "linux")]
pub fn current() -> Result<Memory> {
    use super::cgroup;

    let host = host()?;
    // A limit whose usage cannot be read tells less than the host's own figures.
    let group = cgroup::with_current(cgroup::Limits::memory).and_then(Result::ok);
    Ok(group.map_or(host, |group| host.limited_to(group)))
}

/// The memory that this process may use, now.
#[cfg(not(target_os = "linux"))]
pub fn current() -> Result<Memory> {
    use std::io;

    use sysinfo::{MemoryRefreshKind, RefreshKind, System};

    use crate::error::Error;

    let wanted = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted)
        .map_err(|error| Error::io("host memory", io::Error::other(error.to_string())))?;
    Ok(Memory::of_host(
        system.total_memory(),
        system.available_memory(),
    ))
}

#[cfg(target_os = "linux")]
impl Memory {
    /// This host's memory as seen from inside a control group with a limit of its own.
    #[must_use]
    pub fn limited_to(self, group: super::cgroup::GroupMemory) -> Self {
        if group.limit >= self.total {
            return self;
        }
        Self {
            total: group.limit,
            // The host may run out first.
            available: group.limit.saturating_sub(group.used).min(self.available),
            used: group.used,
        }
    }

    /// Reads the text of `/proc/meminfo`, of which the first lines suffice.
    #[must_use]
    pub fn parse(meminfo: &[u8]) -> Option<Self> {
        use super::files::field;

        let bytes = |key: &[u8]| field(meminfo, key)?.checked_mul(1024);
        let total = bytes(b"MemTotal:")?;
        let free = bytes(b"MemFree:")?;
        // Absent before Linux 3.14, and some containers' stand-ins for this file show zero.
        let available = bytes(b"MemAvailable:")
            .filter(|&available| available > 0)
            .unwrap_or_else(|| free.saturating_add(bytes(b"Cached:").unwrap_or(0)));
        // Stand-ins also mix the container's total with the host's rest.
        let available = if available > total { free } else { available };
        Some(Self::of_host(total, available.min(total)))
    }
}

/// Read without sysinfo, which opens and parses all of the file anew each time.
#[cfg(target_os = "linux")]
fn host() -> Result<Memory> {
    use super::{files::KeptFile, per_process::PerProcess};

    static MEMINFO: PerProcess<KeptFile> = PerProcess::new(|| KeptFile::new("/proc/meminfo"));

    MEMINFO.get().read(&mut [0; 512], Memory::parse)
}
