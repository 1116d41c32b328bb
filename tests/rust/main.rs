//! Tests of the core through its public interface, one file for each room.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cache;
mod clock;
#[cfg(target_os = "linux")]
mod system;
#[cfg(target_os = "linux")]
mod system_cgroup;
#[cfg(target_os = "linux")]
mod system_peak;
