//! `ImageProcessingProfiler`, its options and what it takes for an image.

pub mod images;
pub mod operation_name;
pub mod options;
pub mod profile;
pub mod profiler;

pub use profiler::ImageProcessingProfiler;
