//! One child process.

use std::time::Duration;
/// A child, a child's child and so on, that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in ticks since the machine did.
    pub started: u64,
    /// Its processor time and that of children that it has waited for.
    pub cpu: Duration,
    /// Its RSS, in bytes.
    pub rss: u64,
    /// The highest that it ever had.
    pub highest: u64,
}

impl Process {
    /// The highest RSS that is known to be since `tick`.
    #[must_use]
    pub fn highest_since(&self, tick: u64) -> u64 {
        if self.started >= tick {
            self.highest.max(self.rss)
        } else {
            self.rss
        }
    }
}
