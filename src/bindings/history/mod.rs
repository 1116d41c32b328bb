//! `History`, and how other objects record to one.

pub mod attached;
pub mod history;
pub mod recent;
pub mod rows;

pub use history::History;
