//! The children that live, as `/proc` tells.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str,
    time::Duration,
};

use rustix::{
    io::Errno,
    param::{clock_ticks_per_second, page_size},
    process::{WaitId, WaitIdOptions, waitid},
    time::{ClockId, clock_gettime},
};

use super::{
    super::{files::field, process},
    Process,
};

/// No more processes are looked at.
const MOST: usize = 1_000;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// The time now, in the ticks in which the kernel tells when a process started.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = Duration::from_secs(time.tv_sec.cast_unsigned());
    let ticks = time.tv_nsec.cast_unsigned() / nanos_per_tick();
    seconds.as_secs() * ticks_per_second() + ticks
}

fn ticks_per_second() -> u64 {
    clock_ticks_per_second().max(1)
}

fn nanos_per_tick() -> u64 {
    NANOS_PER_SEC / ticks_per_second()
}

/// The processes that descend from this one.
#[must_use]
pub fn readings() -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![PathBuf::from("/proc/self")];
    while let Some(parent) = parents.pop() {
        for pid in children_of(&parent) {
            if found.len() >= MOST {
                return found;
            }
            found.extend(read(pid));
            parents.push(PathBuf::from(format!("/proc/{pid}")));
        }
    }
    found
}

/// Whether this process has any child, be it one that has ended and was not waited for. Costs one
/// system call, and takes nobody's child away.
#[must_use]
pub fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(Errno::CHILD))
}

/// The children of a process, which are told for each of its threads.
fn children_of(process: &Path) -> Vec<u32> {
    let list_of = |thread: io::Result<fs::DirEntry>| {
        fs::read_to_string(thread.ok()?.path().join("children")).ok()
    };
    let threads = fs::read_dir(process.join("task")).into_iter().flatten();
    let mut children = Vec::new();
    for list in threads.filter_map(list_of) {
        let pids = list.split_ascii_whitespace();
        children.extend(pids.filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children
}

/// The size of this process's address space, in bytes.
fn own_size() -> u64 {
    process::memory().map_or(0, |memory| memory.vms)
}

/// A process, unless it is gone.
fn read(pid: u32) -> Option<Process> {
    // Other threads change it at any time, so it is read before and after.
    let own_before = own_size();
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let Found {
        mut process,
        has_run_program,
        size,
    } = parse(pid, &stat)?;
    if !has_run_program && may_be_about_to_run(size, own_before, own_size()) {
        // It is about to run a program, and its memory is still that of its parent.
        process.rss = 0;
        return Some(process);
    }
    let status = fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    process.highest = field(&status, b"VmHWM:").unwrap_or(0) * 1024;
    Some(process)
}

/// Whether a forked child whose address space has `size` may be about to run a program, in that of its
/// parent, which had a size just before and one just after. Where these differ, nobody can tell.
#[must_use]
pub fn may_be_about_to_run(size: u64, own_before: u64, own_after: u64) -> bool {
    own_before != own_after || size == own_before
}

/// What `/proc/<pid>/stat` tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The process, but for the highest RSS.
    pub process: Process,
    /// Whether it has run another program since it was forked.
    pub has_run_program: bool,
    /// Its address space, in bytes.
    pub size: u64,
}

/// Reads `/proc/<pid>/stat`, see `proc_pid_stat(5)`.
#[must_use]
pub fn parse(pid: u32, stat: &[u8]) -> Option<Found> {
    /// The flag of a process that has been forked and has run no other program yet.
    const FORKED: u64 = 0x40;
    /// The number that the manual gives to the first field after the name.
    const FIRST: usize = 3;

    // The name may hold anything, parentheses and spaces included.
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let text = str::from_utf8(&stat[end + 1..]).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - FIRST)?.parse::<u64>().ok();
    let ticks = [14, 15, 16, 17].map(number);
    let ticks = ticks.into_iter().sum::<Option<u64>>()?;
    Some(Found {
        process: Process {
            pid,
            started: number(22)?,
            cpu: Duration::from_nanos(ticks.saturating_mul(nanos_per_tick())),
            rss: number(24)?.saturating_mul(u64::try_from(page_size()).ok()?),
            highest: 0,
        },
        has_run_program: number(9)? & FORKED == 0,
        size: number(23)?,
    })
}
