//! What the fuzz targets share: how their input is read, and streams fed in pieces.
//!
//! A target's input is a script: single bytes that choose, and texts with their length before them. It is read in
//! order and without an encoding of its own, so that files of the corpus can be written by a program (`seeds.py`)
//! and small mutations of them stay small changes of what happens.

#![forbid(unsafe_code)]

mod frame;
mod output;
mod script;
mod stream;

pub use frame::{ARRAYS, ERRORS, write_frame};
pub use output::Output;
pub use script::Script;
pub use stream::{Outcome, feed, repair};
