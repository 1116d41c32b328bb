//! Tests of the core through its public interface, one file for each room.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cache;
mod calendar;
mod clock;
mod monitor;
mod series;
mod stats;
mod timers;
mod zone;
