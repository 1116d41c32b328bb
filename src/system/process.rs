//! What this process itself takes.

use super::per_process::ThisProcess;
#[cfg(not(target_os = "linux"))]
use crate::error::Error;
use crate::error::Result;

/// Memory of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    /// The part that is in main memory: the resident set size.
    pub rss: u64,
    /// The whole address space.
    pub vms: u64,
}

impl ProcessMemory {
    /// The RSS in percent of `total` bytes.
    #[must_use]
    pub fn percent_of(&self, total: u64) -> f64 {
        if total == 0 {
            return 0.0;
        }
        100.0 * self.rss as f64 / total as f64
    }
}

/// The memory of this process now.
///
/// On Linux one `pread` of a file that is kept open: below a microsecond on common machines,
/// where opening, reading and closing it anew costs several.
pub fn memory() -> Result<ProcessMemory> {
    memory_of(ThisProcess::now())
}

/// Likewise, where the caller knows which process this is.
#[cfg(target_os = "linux")]
pub(super) fn memory_of(process: ThisProcess) -> Result<ProcessMemory> {
    use super::{files::KeptFile, per_process::PerProcess};

    // The name `self` is resolved when the file is opened, so that a forked child that kept its
    // parent's descriptor would read about its parent.
    static STATM: PerProcess<KeptFile> = PerProcess::new(|| KeptFile::new("/proc/self/statm"));

    // Seven numbers of at most twenty digits.
    STATM.of(process).read(&mut [0; 160], parse_statm)
}

/// Reads the text of `/proc/<pid>/statm`: sizes in pages, of which the first two count here.
#[cfg(target_os = "linux")]
#[must_use]
pub fn parse_statm(text: &[u8]) -> Option<ProcessMemory> {
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    let mut pages = super::files::numbers(text);
    let (vms, rss) = (pages.next()?, pages.next()?);
    Some(ProcessMemory {
        rss: rss.checked_mul(page)?,
        vms: vms.checked_mul(page)?,
    })
}

/// Likewise.
#[cfg(not(target_os = "linux"))]
pub(super) fn memory_of(_process: ThisProcess) -> Result<ProcessMemory> {
    let (rss, vms, _) = from_sysinfo()?;
    Ok(ProcessMemory { rss, vms })
}

/// The processor time that this process has taken, user and system together, in seconds.
#[cfg(unix)]
pub fn cpu_seconds() -> Result<f64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// The processor time that this process has taken, user and system together, in seconds.
#[cfg(not(unix))]
pub fn cpu_seconds() -> Result<f64> {
    let (_, _, milliseconds) = from_sysinfo()?;
    Ok(milliseconds as f64 / 1e3)
}

/// RSS and VMS in bytes, and processor time in milliseconds.
#[cfg(not(target_os = "linux"))]
fn from_sysinfo() -> Result<(u64, u64, u64)> {
    use std::io;

    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, get_current_pid};

    let missing = |reason: String| Error::io("this process", io::Error::other(reason));
    let pid = get_current_pid().map_err(|error| missing(error.to_string()))?;
    let mut system = System::new_with_specifics(RefreshKind::nothing())
        .map_err(|error| missing(error.to_string()))?;
    let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
    let process = system
        .process(pid)
        .ok_or_else(|| missing("the system does not list it".to_owned()))?;
    Ok((
        process.memory(),
        process.virtual_memory(),
        process.accumulated_cpu_time(),
    ))
}
