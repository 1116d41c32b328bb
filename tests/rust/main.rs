//! Tests of the core through its public interface, one file for each room.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::float_cmp,
    reason = "figures are exact unless a test says otherwise"
)]

mod accuracy;
mod bounds;
mod cache;
mod cache_computing;
mod cache_weighed;
mod calendar;
mod clock;
mod counter;
mod distribution;
mod entered;
mod fallen_off;
mod histogram;
mod histogram_bytes;
mod history;
mod images;
mod inference;
mod monitor;
mod profile;
mod report;
mod request_errors;
mod request_names;
mod requests;
mod rollup;
mod series;
mod sessions;
mod settings;
mod short;
mod stats;
#[cfg(target_os = "linux")]
mod system;
#[cfg(target_os = "linux")]
mod system_cgroup;
#[cfg(target_os = "linux")]
mod system_children;
mod system_gpu;
#[cfg(target_os = "linux")]
mod system_peak;
#[cfg(target_os = "linux")]
mod system_watch;
#[cfg(target_os = "linux")]
mod threads;
mod timers;
mod zone;
