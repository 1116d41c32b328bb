//! Reports and their renderings, one file for each file of the room.

mod comparison;
mod csv;
mod file;
mod samples;
