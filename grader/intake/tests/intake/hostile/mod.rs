//! Clones and zip files of people who try something.

mod clones;
mod objects;
mod paths;
mod zips;
