//! `CacheManager`, and what it takes and hands out.

pub mod arguments;
pub mod cache;
pub mod computation;
pub mod key;
pub mod memory_size;
pub mod weigher;

pub use cache::CacheManager;
