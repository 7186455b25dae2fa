//! What course staff ask `cargo grade` for, and students do not: `import`, `batch`, `merge` and
//! `new-lab`.
//!
//! What can be asked for, `faultline-cli` knows; this crate carries it out. It must not know any
//! lab, what a submission is worth or how results look. It is apart from `faultline-cli` so that a
//! student's grader is built without it: a program that has it hands [`carry_out`] to
//! [`faultline_cli::main`].
//!
//! ```
//! use faultline_cli::{Origin, Staff, main};
//!
//! let code = main(Vec::new(), Origin::default(), Staff::Here(faultline_staff::carry_out));
//! assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
//! ```
//!
//! Read on in `batch` (and then in `grader/class`) and in `import` (and then in `grader/intake`);
//! `new_lab` is the door to `grader/newlab`.

mod batch;
mod import;
mod new_lab;

use std::sync::{Arc, atomic::AtomicBool};

use faultline_cli::{StaffCommand, exit::ALL_PASSED, output::print};
use faultline_grade::{Course, Error};

/// Does what was asked for, and says the exit code.
///
/// # Errors
/// As for grading; what it was, the text says.
pub fn carry_out(
    course: &Course,
    command: StaffCommand<'_>,
    interrupt: &Arc<AtomicBool>,
) -> Result<u8, Error> {
    match command {
        StaffCommand::Batch(arguments) => batch::batch(course, arguments, interrupt),
        StaffCommand::Merge(arguments) => batch::merge(arguments),
        StaffCommand::BatchWorker => {
            faultline_class::serve(course, interrupt)?;
            Ok(ALL_PASSED)
        }
        StaffCommand::Import(arguments) => {
            print(&import::import(arguments)?);
            Ok(ALL_PASSED)
        }
        StaffCommand::NewLab(arguments) => {
            print(&new_lab::new_lab(&course.root, arguments)?);
            Ok(ALL_PASSED)
        }
    }
}
