//! What the control groups of this process allow it and what they have used.
//!
//! Both versions are read, and both at once where a system mixes them: the kernel's documents
//! `admin-guide/cgroup-v1` and `admin-guide/cgroup-v2` define the files. A controller belongs
//! to one hierarchy at a time, so whichever has it is asked.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::{
    files::{contents, field, number_at, numbers, unexpected},
    per_process::PerProcess,
};
use crate::{
    error::Result,
    time::{Clock, Monotonic},
};

mod mounts;
mod roots;

use mounts::{Hierarchy, Map};
pub use roots::Roots;

/// Memory of the control group that sets the tightest limit, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMemory {
    /// The limit.
    pub limit: u64,
    /// What is used of it, without the page cache that is reclaimed first.
    pub used: u64,
}

/// Processor time of the control group that sets the tightest quota.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupCpu {
    /// The quota, in processors.
    pub processors: f64,
    /// The time used since the group was made, in nanoseconds.
    pub used_nanos: u64,
}

/// The limits that hold for this process, and where their usage is read.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    memory: Option<MemoryLimit>,
    cpu: Option<CpuQuota>,
}

#[derive(Debug, Clone)]
struct MemoryLimit {
    bytes: u64,
    usage: PathBuf,
    stat: PathBuf,
    inactive: &'static [u8],
}

#[derive(Debug, Clone)]
struct CpuQuota {
    processors: f64,
    usage: Usage,
}

#[derive(Debug, Clone)]
enum Usage {
    /// `cpu.stat`, whose `usage_usec` is in microseconds.
    Stat(PathBuf),
    /// `cpuacct.usage`, in nanoseconds.
    Acct(PathBuf),
}

impl Limits {
    /// Looks for the limits. Without control groups, and where none limits anything, there are
    /// none; files that cannot be read limit nothing either, since a guess would be worse.
    #[must_use]
    pub fn discover(roots: &Roots) -> Self {
        let Some(map) = Map::read(roots) else {
            return Self::default();
        };
        Self {
            memory: map.find("memory").as_ref().and_then(memory_limit),
            cpu: map
                .find("cpu")
                .and_then(|cpu| cpu_quota(&cpu, &map))
                // A quota of at least all processors is none.
                .filter(|quota| {
                    let online = online_processors(roots);
                    online.is_none_or(|online| quota.processors < online)
                }),
        }
    }

    /// The tightest memory limit on the way up to the root and the usage of the group that sets
    /// it; `None` without a limit.
    pub fn memory(&self) -> Option<Result<GroupMemory>> {
        self.memory.as_ref().map(MemoryLimit::read)
    }

    /// The tightest CPU quota on the way up to the root and the time that the group that sets it
    /// has used; `None` without a quota.
    pub fn cpu(&self) -> Option<Result<GroupCpu>> {
        self.cpu.as_ref().map(CpuQuota::read)
    }
}

/// For how long limits count as known. They change rarely, when an operator resizes a
/// container, and looking for them takes some dozen file reads.
const LIMITS_HOLD_SECONDS: f64 = 10.0;

/// The limits of this process, looked up anew every ten seconds.
pub fn with_current<T>(read: impl FnOnce(&Limits) -> T) -> T {
    static CURRENT: PerProcess<Mutex<Option<(Monotonic, Limits)>>> =
        PerProcess::new(|| Mutex::new(None));

    let now = Clock::System.monotonic();
    let mut current = CURRENT.get().lock();
    let known = current
        .take()
        .filter(|(since, _)| now.seconds_since(*since) < LIMITS_HOLD_SECONDS)
        .unwrap_or_else(|| (now, Limits::discover(&Roots::default())));
    read(&current.insert(known).1)
}

impl MemoryLimit {
    fn read(&self) -> Result<GroupMemory> {
        let usage = number_at(&self.usage)?;
        // Page cache that nobody has used lately counts as usage, although the kernel drops it
        // before it refuses memory. With it every group that reads files looks full, so that
        // container tools (docker stats, the kubelet's working set) subtract it as well.
        let inactive = field(&contents(&self.stat)?, self.inactive)
            .ok_or_else(|| unexpected(self.stat.as_path()))?;
        Ok(GroupMemory {
            limit: self.bytes,
            used: usage.saturating_sub(inactive),
        })
    }
}

impl CpuQuota {
    fn read(&self) -> Result<GroupCpu> {
        let used_nanos = match &self.usage {
            Usage::Acct(path) => number_at(path)?,
            Usage::Stat(path) => field(&contents(path)?, b"usage_usec ")
                .and_then(|micros| micros.checked_mul(1_000))
                .ok_or_else(|| unexpected(path.as_path()))?,
        };
        Ok(GroupCpu {
            processors: self.processors,
            used_nanos,
        })
    }
}

/// Version 1 says "no limit" by the largest multiple of the page size below 2^63. No machine
/// comes near 2^60, whatever its page size.
const UNLIMITED_FROM: u64 = 1 << 60;

fn memory_limit(hierarchy: &Hierarchy) -> Option<MemoryLimit> {
    let unified = hierarchy.is_unified();
    let (limit, usage, inactive): (_, _, &[u8]) = if unified {
        ("memory.max", "memory.current", b"inactive_file ")
    } else {
        // The total covers the groups below, as the usage does.
        (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            b"total_inactive_file ",
        )
    };
    hierarchy
        .levels()
        .filter_map(|level| {
            // "max" is no number, and the root of version 2 has no such file.
            let bytes = number_at(&level.join(limit)).ok()?;
            (bytes < UNLIMITED_FROM).then(|| MemoryLimit {
                bytes,
                usage: level.join(usage),
                stat: level.join("memory.stat"),
                inactive,
            })
        })
        .min_by_key(|limit| limit.bytes)
}

fn cpu_quota(cpu: &Hierarchy, map: &Map<'_>) -> Option<CpuQuota> {
    cpu.levels()
        .enumerate()
        .filter_map(|(height, level)| {
            let processors = quota_at(&level, cpu.is_unified())?;
            let usage = if cpu.is_unified() {
                Usage::Stat(level.join("cpu.stat"))
            } else {
                // The two controllers are nearly always mounted together; where they are not,
                // their groups form like trees.
                let beside = level.join("cpuacct.usage");
                let apart = || {
                    let level = map.find("cpuacct")?.levels().nth(height)?;
                    Some(level.join("cpuacct.usage"))
                };
                Usage::Acct(if beside.exists() { beside } else { apart()? })
            };
            Some(CpuQuota { processors, usage })
        })
        .min_by(|a, b| a.processors.total_cmp(&b.processors))
}

/// The quota that one group sets, in processors.
fn quota_at(level: &Path, unified: bool) -> Option<f64> {
    let (quota, period) = if unified {
        let text = contents(&level.join("cpu.max")).ok()?;
        let mut numbers = numbers(&text);
        (numbers.next()?, numbers.next()?)
    } else {
        // -1 stands for no quota, and is no number to `number_at`.
        (
            number_at(&level.join("cpu.cfs_quota_us")).ok()?,
            number_at(&level.join("cpu.cfs_period_us")).ok()?,
        )
    };
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// How many processors are on line, from a list such as `0-3,6`.
fn online_processors(roots: &Roots) -> Option<f64> {
    let text = contents(&roots.sys.join("devices/system/cpu/online")).ok()?;
    let count = text
        .trim_ascii()
        .split(|&byte| byte == b',')
        .map(|range| {
            let mut ends = range
                .splitn(2, |&byte| byte == b'-')
                .map(|end| numbers(end).next());
            let first = ends.next()??;
            let last = ends.next().unwrap_or(Some(first))?;
            Some(last.checked_sub(first)? + 1)
        })
        .sum::<Option<u64>>()?;
    Some(count as f64)
}
