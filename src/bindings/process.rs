//! Readings of this process.

use pyo3::prelude::*;

use crate::system::process;

/// The memory of this process in bytes, as ``(rss, vms)``: the resident set and the whole
/// address space. Raises ``OSError`` where the system does not tell.
#[pyfunction]
pub fn process_memory() -> PyResult<(u64, u64)> {
    let memory = process::memory()?;
    Ok((memory.rss, memory.vms))
}
