"""In-process performance monitoring with a Rust core."""
