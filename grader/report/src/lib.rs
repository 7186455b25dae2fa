//! What people and programs read: listeners of the stream of [`Event`](faultline_verdict::Event)s.
//!
//! This crate knows only verdict data: nothing of runs, labs or submissions. Since all reports come
//! from one stream, no two can disagree.

mod class;
mod doctor;
mod failure;
mod gradebook;
mod histories;
mod html;
mod json;
mod lanes;
mod matrix;
mod safe;
mod student;
mod terminal;
mod walk;
mod watch;

pub use class::{ClassScreen, class_plan_text};
pub use doctor::{LayerLine, doctor_text};
pub use failure::{failure_text, hint_text};
pub use gradebook::{class_csv, class_markdown};
pub use histories::check_text;
pub use html::{Page, check_page, class_page};
pub use json::{check_to_json, class_to_json, matrix_to_json, to_json};
pub use matrix::MatrixScreen;
pub use safe::{Guarded, printable, without_commands};
pub use student::{HIDDEN, event_for, grade_for, handed_out};
pub use terminal::Terminal;
pub use walk::{Nodes, step_text, walk_text};
pub use watch::{Shown, watch_screen};
