//! `cargo grade`, for any labs: arguments in, exit code out.
//!
//! A registry of labs (`grader/course`) is a program of a few lines around [`main`]. This crate
//! must not know any lab, how anything is graded (`grader/grade` does) or how it looks
//! (`grader/report`): it reads the command line, asks for what it says, prints what comes back and
//! writes the files that were asked for.
//!
//! It knows what can be asked for, but not all of it is carried out here: a student's first verdict
//! must not wait for the build of what only [`StaffCommand`]s need. Whoever makes a program says
//! who carries these out ([`Staff`]).
//!
//! ```
//! use faultline_cli::{Origin, Staff, main};
//!
//! // Of no labs it tells that there are none: `cargo grade` without arguments lists them.
//! let code = main(Vec::new(), Origin::default(), Staff::Program("faultline-full"));
//! assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
//! ```
//!
//! Read on in `arguments` (what can be asked for), `exit` (what the exit code says) and then in the
//! module of a command, which is called like the command.

mod arguments;
mod check;
mod doctor;
pub mod exit;
mod grade;
mod greeting;
mod mutants;
pub mod output;
mod places;
mod project;
mod replay;
mod staff;
mod step;
mod watch;

use std::{
    io::{self, IsTerminal},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::{CommandFactory, Parser};
use faultline_grade::{Course, Error, MatrixRequest, Steps};
pub use faultline_labtest::Suite;
pub use faultline_origin::Origin;
use faultline_report::{hint_text, printable, without_commands};

use arguments::{Arguments, Color, Command};
pub use arguments::{
    BatchArguments, Import, Layout, MergeArguments, NewLabArguments, Part, WORKER,
};
use exit::{ALL_PASSED, BROKEN, DOES_NOT_BUILD, INTERRUPTED, NOT_SCORED, USAGE};
use output::{print, width};
pub use staff::{CarryOut, Staff, StaffCommand};

/// The grader: reads the command line, does what it asks for, and says how that went. The suites
/// are the labs that there are, in the order of the course; `origin` is what they were compiled
/// from; `staff` carries out what is not carried out here.
pub fn main(suites: Vec<Suite>, origin: Origin, staff: Staff) -> ExitCode {
    let arguments = Arguments::parse_from(arguments::words(std::env::args_os()));
    let color = match arguments.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    colored::control::set_override(color);
    let interrupt = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupt);
    // The first Ctrl-C ends the run in good order; a second one, if that takes too long, at once.
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    let result = match (ctrlc::set_handler(handler), &arguments.command) {
        (Err(error), _) => Err(Error::Broken(format!(
            "no handler can be set for Ctrl-C: {error}"
        ))),
        // Histories are of any system: no project is needed for them.
        (
            Ok(()),
            Some(Command::Check {
                path,
                json,
                html,
                model,
            }),
        ) => check::check(path, *json, html.as_deref(), *model),
        (Ok(()), _) => project::root().and_then(|root| {
            let course = Course {
                root,
                suites,
                origin,
            };
            run(&course, staff, arguments, &interrupt)
        }),
    };
    ExitCode::from(result.unwrap_or_else(|error| complain(&error)))
}

fn complain(error: &Error) -> u8 {
    eprintln!(
        "cargo grade: {}",
        without_commands(&printable(&error.to_string()))
    );
    match error {
        Error::Usage(_) | Error::Trace { .. } => USAGE,
        Error::DoesNotBuild { text } => {
            eprintln!("\n{}", without_commands(&printable(text)));
            DOES_NOT_BUILD
        }
        Error::Rejected { .. } | Error::NotScored { .. } => NOT_SCORED,
        Error::Rubric { .. } | Error::OtherProject { .. } | Error::Broken(_) => BROKEN,
        Error::Interrupted | Error::BatchInterrupted => INTERRUPTED,
    }
}

fn run(
    course: &Course,
    staff: Staff,
    arguments: Arguments,
    interrupt: &Arc<AtomicBool>,
) -> Result<u8, Error> {
    match (&arguments.command, &arguments.lab) {
        (Some(command), _) => carry_out(course, staff, command, interrupt),
        (None, None) => {
            print(&greeting::greeting(
                &faultline_grade::labs(course)?,
                &places::of_project(course),
            ));
            Ok(ALL_PASSED)
        }
        (None, Some(lab)) if arguments.list => grade::list_tests(course, lab, &arguments),
        (None, Some(lab)) => grade::grade(course, lab, &arguments, interrupt),
    }
}

fn carry_out(
    course: &Course,
    staff: Staff,
    command: &Command,
    interrupt: &Arc<AtomicBool>,
) -> Result<u8, Error> {
    let of_staff = |command| staff.carry_out(course, command, interrupt);
    match command {
        Command::Batch(arguments) => of_staff(StaffCommand::Batch(arguments)),
        Command::Merge(arguments) => of_staff(StaffCommand::Merge(arguments)),
        Command::BatchWorker => of_staff(StaffCommand::BatchWorker),
        Command::Import(arguments) => of_staff(StaffCommand::Import(arguments)),
        Command::Replay {
            trace,
            path,
            step,
            at,
        } => replay(
            course,
            trace.as_deref(),
            path.as_deref(),
            *step,
            *at,
            interrupt,
        ),
        Command::Watch {
            lab,
            filters,
            path,
            timings,
        } => {
            let request = watch::watched(course, lab.as_deref(), filters, path.as_deref())?;
            watch::watch(course, request, *timings, interrupt)
        }
        Command::Hint { test } => hint(course, test),
        Command::Starter { lab } => {
            let files = faultline_grade::write_starter(&course.root, lab)?;
            let written = format!("starter/{lab}: {files} files written from solutions/{lab}\n");
            print(&written);
            Ok(ALL_PASSED)
        }
        Command::NewLab(asked) => of_staff(StaffCommand::NewLab(asked)),
        Command::Mutants {
            lab,
            names,
            json,
            threads,
            rebase,
            timings,
        } => {
            if let Some(revision) = rebase {
                return mutants::rebase(course, lab, names, revision);
            }
            let request = MatrixRequest {
                lab: lab.clone(),
                names: names.clone(),
                threads: threads.map(usize::from),
            };
            mutants::mutants(course, &request, json.as_deref(), *timings, interrupt)
        }
        Command::Doctor => doctor::doctor(&course.root),
        Command::Check { .. } => unreachable!("it is carried out without a project"),
    }
}

/// The names of all commands, which a lab must not have.
pub fn commands() -> Vec<String> {
    let command = Arguments::command();
    let commands = command.get_subcommands();
    let names = commands.map(|command| command.get_name().to_owned());
    names.chain(["help".to_owned()]).collect()
}

fn replay(
    course: &Course,
    trace: Option<&Path>,
    path: Option<&Path>,
    step: bool,
    at: Option<u64>,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let trace = faultline_grade::find_trace(course, trace)?;
    let steps = match at {
        Some(at) => Steps::And(at),
        None if step => Steps::Shown,
        None => Steps::Unseen,
    };
    let replayed = faultline_grade::replay(course, &trace, path, steps, interrupt)?;
    let places = places::of_replay(course, &replayed, path);
    replay::replay(&replayed, at, &places)
}

fn hint(course: &Course, test: &str) -> Result<u8, Error> {
    let hint = faultline_grade::hint(course, test)?;
    if let Some(stale) = &hint.stale {
        print(&format!("{}\n", without_commands(&printable(stale))));
    }
    print(&hint_text(
        &hint.test,
        &hint.kind,
        &hint.text,
        &hint.handout,
        width(),
    ));
    Ok(ALL_PASSED)
}
