//! `cargo grade` with the labs of this course and all commands: what `cargo grade import`, `batch`
//! and `merge` start, and what is handed on as a program.

use std::process::ExitCode;

use faultline_cli::Staff;

fn main() -> ExitCode {
    let staff = Staff::Here(faultline_staff::carry_out);
    faultline_cli::main(course::suites(), course::origin(), staff)
}
