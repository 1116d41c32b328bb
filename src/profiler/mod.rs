//! What an image is, and what profiled calls add up to.

pub mod calls;
pub mod images;
