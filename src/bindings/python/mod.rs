//! What any binding needs of Python: threads, guards, values made once, errors.

pub mod awaitable;
pub mod code;
pub mod detached;
pub mod errors;
pub mod initialized;
pub mod lock;
pub mod objects;
pub mod once;
pub mod overrides;
pub mod owner;
pub mod pickling;
pub mod sequence;
pub mod thread;
