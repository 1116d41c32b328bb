//! Texts: compared fast, and shown so that they can do no harm.

pub mod display;
pub mod short;
