//! `cargo grade`: arguments in, exit code out.

mod arguments;
mod batch;
mod check;
mod doctor;
mod greeting;
mod import;
mod project;
mod step;
mod watch;

use std::{
    io::{self, IsTerminal, Stdout, Write},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Parser;
use faultline_grade::{
    Building, CheckRequest, Error, HistoryModel, MatrixRequest, Rebased, Replayed, Request, Salt,
    Seeds, Selection, Traces,
};
use faultline_report::{
    Guarded, HIDDEN, MatrixScreen, Nodes, Page, Terminal, event_for, failure_text, grade_for,
    hint_text, matrix_to_json, printable, step_text, to_json, walk_text, without_commands,
};
use faultline_verdict::{Audience, Event, Grade, Matrix, Outcome, Status, Walk};

use arguments::{Arguments, Color, Command, Model};

/// Every test passed, and all points are earned.
const ALL_PASSED: u8 = 0;
/// Graded, and something failed.
const SOMETHING_FAILED: u8 = 1;
/// The command is wrong.
const USAGE: u8 = 2;
/// The submission does not build.
const DOES_NOT_BUILD: u8 = 3;
/// The grader itself failed: there is no score.
const BROKEN: u8 = 4;
/// Somebody has no score: a human must look at a submission, or it must be graded again.
const NOT_SCORED: u8 = 5;
/// Somebody pressed Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
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
    let result = match ctrlc::set_handler(handler) {
        Ok(()) => run(arguments, &interrupt),
        Err(error) => Err(Error::Broken(format!("Ctrl-C cannot be handled: {error}"))),
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

fn run(arguments: Arguments, interrupt: &Arc<AtomicBool>) -> Result<u8, Error> {
    let root = project::root()?;
    match (&arguments.command, &arguments.lab) {
        (
            Some(Command::Replay {
                trace,
                path,
                step,
                at,
            }),
            _,
        ) => {
            let replayed =
                faultline_grade::replay(&root, trace, path.as_deref(), *step || at.is_some())?;
            replay(&replayed, *at)
        }
        (Some(Command::Watch { lab, filters, path }), _) => {
            watch::watch(request(&root, lab, filters, path.as_deref()), interrupt)
        }
        (Some(Command::Hint { test }), _) => {
            let hint = faultline_grade::hint(&root, test)?;
            print(&hint_text(
                &hint.test,
                &hint.kind,
                &hint.text,
                &hint.handout,
                width(),
            ));
            Ok(ALL_PASSED)
        }
        (Some(Command::Starter { lab }), _) => {
            let files = faultline_grade::write_starter(&root, lab)?;
            print(&format!(
                "starter/{lab}: {files} files written from solutions/{lab}\n"
            ));
            Ok(ALL_PASSED)
        }
        (
            Some(Command::Mutants {
                lab,
                names,
                json,
                threads,
                rebase,
            }),
            _,
        ) => {
            if let Some(revision) = rebase {
                return carried(&faultline_grade::rebase(&root, lab, names, revision)?);
            }
            let threads = threads.map(usize::from);
            let request = MatrixRequest {
                root,
                lab: lab.clone(),
                names: names.clone(),
                threads,
            };
            mutants(&request, json.as_deref(), interrupt)
        }
        (Some(Command::Batch(arguments)), _) => batch::batch(&root, arguments, interrupt),
        (Some(Command::Doctor), _) => doctor::doctor(&root),
        (Some(Command::Merge(arguments)), _) => batch::merge(arguments),
        (Some(Command::BatchWorker), _) => faultline_grade::serve(interrupt).map(|()| ALL_PASSED),
        (
            Some(Command::Check {
                path,
                json,
                html,
                model,
            }),
            _,
        ) => check(path, *json, html.as_deref(), *model),
        (Some(Command::Import(arguments)), _) => {
            print(&import::import(arguments)?);
            Ok(ALL_PASSED)
        }
        (None, None) => greet(&root),
        (None, Some(lab)) if arguments.list => list_tests(&root, lab, &arguments),
        (None, Some(lab)) => grade(&root, lab, &arguments, interrupt),
    }
}

fn selection(arguments: &Arguments) -> Selection {
    Selection {
        filters: arguments.filters.clone(),
        hidden: arguments.hidden,
    }
}

fn audience(arguments: &Arguments) -> Audience {
    match arguments.student_view {
        true => Audience::Students {
            after_deadline: arguments.after_deadline,
        },
        false => Audience::Staff,
    }
}

fn grade(
    root: &Path,
    lab: &str,
    arguments: &Arguments,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let audience = audience(arguments);
    let request = Request {
        root: root.to_owned(),
        lab: lab.to_owned(),
        submission: arguments.path.clone(),
        tests: selection(arguments),
        seeds: match (arguments.seed, arguments.seeds) {
            (Some(seed), _) => Seeds::Only(seed),
            (None, Some(count)) => Seeds::Count(count),
            (None, None) => Seeds::Rubric,
        },
        salt: arguments.salt.as_deref().map(Salt::read).transpose()?,
        threads: arguments.threads.map(usize::from),
        traces: Some(Traces::in_folder(match &arguments.traces {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
            None => Path::new("target/grade").join(lab),
        })),
        building: Building::default(),
        shrink: !arguments.no_shrink,
        audience,
    };
    let mut terminal = Terminal::new(screen(), width(), io::stderr().is_terminal());
    let mut page = Page::default();
    let mut broken_pipe = false;
    let mut listen = |event: Event| {
        let event = event_for(audience, event);
        page.event(&event);
        broken_pipe |= terminal.event(&event).is_err();
    };
    let grade = grade_for(
        audience,
        faultline_grade::grade(&request, &mut listen, interrupt)?,
    );
    if let Some(file) = &arguments.json {
        faultline_grade::write_whole(file, to_json(&grade).as_bytes())?;
    }
    let beside_traces = request
        .traces
        .as_ref()
        .map(|traces| traces.folder.join("report.html"));
    let report = arguments
        .report
        .clone()
        .or(beside_traces)
        .filter(|file| file.as_os_str() != "none");
    if let Some(file) = report {
        // What the user named is relative to where they are, the usual place to the project.
        let path = if arguments.report.is_some() {
            file.clone()
        } else {
            root.join(&file)
        };
        faultline_grade::write_whole(&path, page.of(&grade).as_bytes())?;
        print(&format!(
            "{:>9}  {}\n",
            "page",
            printable(&file.display().to_string())
        ));
    }
    Ok(exit_code(&grade))
}

/// What `watch` asks for: the public tests, or some of them, as a student runs them.
fn request(root: &Path, lab: &str, filters: &[String], path: Option<&Path>) -> Request {
    Request {
        root: root.to_owned(),
        lab: lab.to_owned(),
        submission: path.map(Path::to_owned),
        tests: Selection {
            filters: filters.to_owned(),
            hidden: false,
        },
        seeds: Seeds::Rubric,
        salt: None,
        threads: None,
        traces: Some(Traces::in_folder(Path::new("target/grade").join(lab))),
        building: Building::default(),
        audience: Audience::Staff,
        shrink: true,
    }
}

fn exit_code(grade: &Grade) -> u8 {
    match grade.outcome {
        Outcome::Graded => {}
        Outcome::DoesNotBuild => return DOES_NOT_BUILD,
        Outcome::Rejected | Outcome::NotScored => return NOT_SCORED,
    }
    let passed = grade
        .tests
        .iter()
        .all(|verdict| verdict.status == Status::Passed);
    if passed { ALL_PASSED } else { SOMETHING_FAILED }
}

fn replay(replayed: &Replayed, at: Option<u64>) -> Result<u8, Error> {
    let mut out = String::new();
    if let Some(walk) = &replayed.walk {
        match at {
            Some(number) => out += &step_at(walk, number)?,
            None if step::is_possible() => step::step(walk)?,
            None => out += &walk_text(walk, width()),
        }
        out.push('\n');
    }
    if replayed.changed {
        out += "The submission has changed since the trace was written.\n";
    }
    if replayed.skipped > 0 {
        out += &format!(
            "{} actions of the trace were no longer possible and left out.\n",
            replayed.skipped
        );
    }
    let code = match &replayed.verdict.failure {
        Some(failure) => {
            // Who asks for one step has seen the failure.
            if at.is_none() {
                out += &failure_text(&replayed.verdict, failure, width());
            }
            out += match (replayed.same_failure, replayed.changed) {
                (true, _) => "The failure of the trace, again.\n",
                (false, true) => "It fails, but differently from the trace.\n",
                (false, false) => {
                    "It fails, but differently from the trace, which should not be: please report \
                     it.\n"
                }
            };
            SOMETHING_FAILED
        }
        None => {
            out += "This schedule no longer fails. Grade again: another one may.\n";
            ALL_PASSED
        }
    };
    print(&out);
    Ok(code)
}

fn step_at(walk: &Walk, number: u64) -> Result<String, Error> {
    let position = walk
        .steps
        .iter()
        .position(|step| step.number == number)
        .ok_or_else(|| {
            let (first, last) = (walk.forgotten + 1, walk.of);
            Error::Usage(format!(
                "--at {number}: this run has no such step; its steps are numbered {first} to {last}"
            ))
        })?;
    Ok(step_text(walk, position, Nodes::All, width()))
}

fn mutants(
    request: &MatrixRequest,
    json: Option<&Path>,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let mut screen = MatrixScreen::new(screen(), width());
    // A reader that has gone away is no error.
    let mut listen = |matrix: &Matrix| drop(screen.grown(matrix));
    let matrix = faultline_grade::matrix(request, &mut listen, interrupt)?;
    let _gone = screen.finished(&matrix);
    if let Some(file) = json {
        faultline_grade::write_whole(file, matrix_to_json(&matrix).as_bytes())?;
    }
    Ok(if matrix.broken_promises.is_empty() {
        ALL_PASSED
    } else {
        SOMETHING_FAILED
    })
}

/// Tells what became of the wrong solutions' patches.
fn carried(rebased: &Rebased) -> Result<u8, Error> {
    let mut out = String::new();
    for (name, why) in &rebased.conflicts {
        out += &format!("does not merge  {name}: {}\n", printable(why));
    }
    out += &format!(
        "{} patches written anew, {} right as they were, {} that do not merge and were left alone\n",
        rebased.carried.len(),
        rebased.unchanged.len(),
        rebased.conflicts.len()
    );
    print(&out);
    Ok(match rebased.conflicts.is_empty() {
        true => ALL_PASSED,
        false => SOMETHING_FAILED,
    })
}

fn check(path: &Path, json: bool, page: Option<&Path>, model: Model) -> Result<u8, Error> {
    let model = match model {
        Model::Kv => HistoryModel::Kv,
        Model::Register => HistoryModel::Register,
        Model::Queue => HistoryModel::Queue,
        Model::Lock => HistoryModel::Lock,
        Model::Bank => HistoryModel::Bank,
    };
    let (out, code) = check::check(
        &CheckRequest {
            path: path.to_owned(),
            model,
        },
        json,
        page,
    )?;
    print(&out);
    Ok(code)
}

fn greet(root: &Path) -> Result<u8, Error> {
    print(&greeting::greeting(&faultline_grade::labs(root)?));
    Ok(ALL_PASSED)
}

fn list_tests(root: &Path, lab: &str, arguments: &Arguments) -> Result<u8, Error> {
    let mut out = String::new();
    for row in faultline_grade::tests(root, lab, &selection(arguments))? {
        let title = if audience(arguments).sees(row.visibility.into()) {
            &row.title
        } else {
            HIDDEN
        };
        out += &format!("{}  {:<45} {:>2}  {title}\n", row.part, row.id, row.points);
    }
    print(&out);
    Ok(ALL_PASSED)
}

/// Writes to standard output; a reader that has gone away is no error.
fn print(text: &str) {
    let _gone = screen().write_all(text.as_bytes());
}

/// Standard output, which may be the log of a build service.
fn screen() -> Guarded<Stdout> {
    Guarded::new(io::stdout())
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let of_terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    of_terminal().or(columns).unwrap_or(100)
}
