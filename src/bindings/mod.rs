//! The Python module. One file for each room of the core; nothing but exports here.

mod clock;
mod errors;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::clock::ManualClock;
}
