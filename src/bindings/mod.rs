//! The Python module. One file for each room of the core; nothing but exports here.

mod arguments;
mod clock;
mod errors;
mod process;
mod resource_usage_stub;
mod resources;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::clock::ManualClock;
    #[pymodule_export]
    use super::process::process_memory;
    #[pymodule_export]
    use super::resource_usage_stub::ResourceUsage;
    #[pymodule_export]
    use super::resources::ResourceMonitor;
}
