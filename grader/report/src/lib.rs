//! What people and programs read: listeners of the stream of [`Event`](faultline_verdict::Event)s.
//!
//! This crate knows only verdict data: nothing of runs, labs or submissions, and neither clocks nor
//! files. Since all reports come from one stream, no two can disagree. It decides nothing about
//! points; what students may not see is taken out by [`event_for`] before a report is told of it.
//!
//! ```
//! use faultline_report::printable;
//!
//! // What a program printed cannot steer the terminal that shows it.
//! assert_eq!(printable("\u{1b}[31mred"), "\\u{1b}[31mred");
//! ```
//!
//! Read on in `terminal.rs` and `ending.rs` (a grade on the terminal), `html/mod.rs` (the page),
//! `alike.rs` (which failures are told together), `places.rs` (paths that can be opened),
//! `json.rs`,
//! `student.rs` (what students may see), `class.rs` and `gradebook.rs` (a class), `matrix.rs`
//! (wrong solutions), `histories.rs` (checks of recorded histories), `walk.rs` and `watch.rs` (one
//! run, step by step), `timings.rs` (where the time went). All text of programs goes through
//! `safe.rs`.

mod alike;
mod by_hand;
mod class;
mod doctor;
mod ending;
mod failure;
mod gradebook;
mod histories;
mod html;
mod json;
mod lanes;
mod list;
mod matrix;
mod places;
mod safe;
mod student;
mod terminal;
mod timings;
mod walk;
mod watch;

pub use class::{ClassScreen, class_plan_text};
pub use doctor::{MechanismLine, doctor_text};
pub use failure::{failure_text, hint_text};
pub use gradebook::{class_csv, class_markdown};
pub use histories::check_text;
pub use html::{Page, check_page, class_page};
pub use json::{check_to_json, class_to_json, matrix_to_json, to_json};
pub use list::{Listed, list_text};
pub use matrix::MatrixScreen;
pub use places::Places;
pub use safe::{Guarded, printable, without_commands};
pub use student::{HIDDEN, event_for, grade_for, handed_out};
pub use terminal::Terminal;
pub use timings::timings_text;
pub use walk::{Nodes, step_text, walk_text};
pub use watch::{Shown, watch_screen};
