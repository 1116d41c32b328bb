//! What goes out: texts, files, and Python objects as JSON.

pub mod destination;
pub mod json;
pub mod python;
pub mod replacement;
