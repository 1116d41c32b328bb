//! Who writes: a source of a process.

use std::{
    process,
    sync::{Arc, OnceLock},
};

use crate::time::{Clock, Zone};

/// A writer as its rows know it. A forked child is another one than its parent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Since when it writes, in UTC nanoseconds since the Unix epoch, by the system's clock.
    pub started: i64,
    /// The process.
    pub pid: u32,
    /// The name of the machine.
    pub host: &'static str,
    /// What in the process: a kind and a number.
    pub source: String,
    /// How many seconds after those of UTC its hours start, so that local days have whole ones.
    pub hour_shift: i64,
    /// What its program calls its release, if it does.
    pub version: Option<Arc<str>>,
}

impl Identity {
    /// Of the source called `source` of the calling process, from now on; `version` is what its program
    /// calls its release.
    #[must_use]
    pub fn new(source: &str, version: Option<Arc<str>>) -> Self {
        let started = Clock::System.wall();
        Self {
            host: host(),
            pid: process::id(),
            started,
            source: source.to_owned(),
            hour_shift: hour_shift(Zone::Local.offset(started)),
            version,
        }
    }

    /// Of the same source in the calling process, a child of this one.
    #[must_use]
    pub fn of_child(&self) -> Self {
        Self {
            pid: process::id(),
            started: Clock::System.wall(),
            ..self.clone()
        }
    }

    /// The start of the hour that `second` lies in, both in seconds since the Unix epoch.
    #[must_use]
    pub fn hour_of(&self, second: i64) -> i64 {
        hour_start(second, self.hour_shift)
    }
}

/// Seconds in an hour.
pub const HOUR: i64 = 3_600;

/// The start of the hour that `second` lies in, of hours that start `shift` after those of UTC.
#[must_use]
pub fn hour_start(second: i64, shift: i64) -> i64 {
    second.saturating_sub(second.saturating_sub(shift).rem_euclid(HOUR))
}

/// By how much the hours of a zone that is `offset` seconds ahead of UTC start after those of UTC:
/// whole minutes, since a minute belongs to one hour.
#[must_use]
pub fn hour_shift(offset: i32) -> i64 {
    let shift = (-i64::from(offset)).rem_euclid(HOUR);
    shift - shift % 60
}

fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| sysinfo::System::host_name().unwrap_or_default())
}
