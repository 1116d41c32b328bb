//! Reports and their renderings, one file for each file of the room.

mod changed;
mod charts;
mod comparison;
mod csv;
mod few;
mod file;
mod html;
mod markdown;
mod recorded;
mod requests;
mod samples;
mod slots;
mod verdict;
mod verdicts;
