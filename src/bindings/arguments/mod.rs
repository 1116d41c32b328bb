//! Arguments whose errors name them and show the value.
//!
//! `PyO3` tells the name of an argument that it cannot convert in a note, which a plain `str` of
//! the exception does not show.

pub mod arrays;
mod calendar;
pub mod names;
mod numbers;
mod paths;
mod text;
mod times;

pub use calendar::{calendar_date, period, zone};
pub use numbers::{
    Number, Whole, duration, float_of, index, int_of, measured, named, percent, real, seconds_in,
    whole,
};
pub use paths::{optional_path, path, to_path};
pub use text::{Flag, Given, SessionText, Text, text_of};
pub use times::{iso_text, micros, time, time_range, timedelta_seconds, to_datetime};
