//! The settings that environment variables make.

mod environment;
pub mod misspelt;

pub use environment::{
    MAX_VERSION_LENGTH, PREFIX, Settings, misspelt_among, misspelt_in_environment, version,
    version_from_environment,
};
