//! Readings of the host, the container, the process and the GPUs. A figure that cannot be read
//! is an error or a `None` with a reason, never a panic.

pub mod alerts;
#[cfg(target_os = "linux")]
pub mod cgroup;
pub mod children;
pub mod cpu;
pub mod disk;
#[cfg(target_os = "linux")]
mod files;
pub mod gpu;
pub mod memory;
pub mod peak;
mod per_process;
pub mod process;
pub mod readings;
mod rusage;
pub mod sampler;
pub mod watch;
