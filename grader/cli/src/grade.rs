//! `cargo grade LAB`: grading one submission, and listing the tests.

use std::{
    io::{self, IsTerminal},
    path::Path,
    sync::atomic::AtomicBool,
    time::Instant,
};

use colored::Colorize;
use faultline_grade::{
    Building, Cache, Course, Error, Request, Salt, Seeds, Selection, Traces, remember, usual_folder,
};
use faultline_report::{
    HIDDEN, Listed, Page, Places, Terminal, event_for, grade_for, list_text, printable,
    timings_text, to_json,
};
use faultline_verdict::{Audience, Event, Grade, Outcome, Stage, Status, Timings};

use crate::{
    arguments::Arguments,
    exit::{ALL_PASSED, DOES_NOT_BUILD, NOT_SCORED, SOMETHING_FAILED},
    output::{print, screen, width},
    places::places,
};

fn selection(arguments: &Arguments) -> Selection {
    Selection {
        filters: arguments.filters.clone(),
        hidden: arguments.hidden,
    }
}

/// Which tests, and with which seeds.
fn chosen(course: &Course, lab: &str, arguments: &Arguments) -> Result<(Selection, Seeds), Error> {
    if arguments.nightly {
        let nightly = faultline_grade::rubric(course, lab)?.self_check.nightly;
        let tests = Selection {
            filters: nightly.tests,
            hidden: true,
        };
        return Ok((tests, Seeds::Count(nightly.seeds)));
    }
    let seeds = match (arguments.seed, arguments.seeds) {
        (Some(seed), _) => Seeds::Only(seed),
        (None, Some(count)) => Seeds::Count(count),
        (None, None) => Seeds::Rubric,
    };
    Ok((selection(arguments), seeds))
}

fn audience(arguments: &Arguments) -> Audience {
    match arguments.student_view {
        true => Audience::Students {
            after_deadline: arguments.after_deadline,
        },
        false => Audience::Staff,
    }
}

/// Grades, and tells what comes out.
pub fn grade(
    course: &Course,
    lab: &str,
    arguments: &Arguments,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let audience = audience(arguments);
    let (tests, seeds) = chosen(course, lab, arguments)?;
    let request = Request {
        lab: lab.to_owned(),
        submission: arguments.path.clone(),
        tests,
        seeds,
        salt: arguments.salt.as_deref().map(Salt::read).transpose()?,
        threads: arguments.threads.map(usize::from),
        traces: Some(Traces::in_folder(match &arguments.traces {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
            None => usual_folder(lab),
        })),
        building: Building::from(Cache::Last),
        shrink: !arguments.no_shrink,
        audience,
    };
    let places = places(course, lab, arguments.path.as_deref());
    let mut terminal =
        Terminal::new(screen(), width(), io::stderr().is_terminal()).seen_from(places.clone());
    let mut page = Page::default();
    let mut timings = Timings::default();
    let mut broken_pipe = false;
    let mut listen = |event: Event| {
        let event = event_for(audience, event);
        page.event(&event);
        if let Event::Timed(told) = &event {
            timings.clone_from(told);
        }
        broken_pipe |= terminal.event(&event).is_err();
    };
    let grade = faultline_grade::grade(course, &request, &mut listen, interrupt)?;
    let told = Instant::now();
    remember(course, &request, &grade)?;
    let grade = grade_for(audience, grade);
    write_reports(course, &request, arguments, &page, &grade, &places)?;
    if arguments.timings {
        timings.add_to(Stage::Report, told.elapsed());
        print(&timings_text(&timings, width()));
    }
    Ok(exit_code(&grade))
}

/// Writes the JSON document, if it was asked for, and the page.
fn write_reports(
    course: &Course,
    request: &Request,
    arguments: &Arguments,
    page: &Page,
    grade: &Grade,
    places: &Places,
) -> Result<(), Error> {
    if let Some(file) = &arguments.json {
        faultline_grade::write_whole(file, to_json(grade).as_bytes())?;
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
        let (path, shown) = match arguments.report.is_some() || file.is_absolute() {
            true => (file.clone(), file.display().to_string()),
            false => {
                let shown = places.in_project(&file.display().to_string());
                (course.root.join(&file), shown)
            }
        };
        faultline_grade::write_whole(&path, page.of(grade).as_bytes())?;
        print(&format!("{:>9}  {}\n", "page".cyan(), printable(&shown)));
    }
    Ok(())
}

/// What `watch` asks for: the public tests, or some of them, as a student runs them.
pub fn request(lab: &str, filters: &[String], path: Option<&Path>) -> Request {
    Request {
        lab: lab.to_owned(),
        submission: path.map(Path::to_owned),
        tests: Selection {
            filters: filters.to_owned(),
            hidden: false,
        },
        seeds: Seeds::Rubric,
        salt: None,
        threads: None,
        traces: Some(Traces::in_folder(usual_folder(lab))),
        building: Building::from(Cache::Last),
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

/// Lists the tests.
pub fn list_tests(course: &Course, lab: &str, arguments: &Arguments) -> Result<u8, Error> {
    let tests = faultline_grade::tests(course, lab, &selection(arguments))?;
    let listed = tests.into_iter().map(|row| Listed {
        title: match audience(arguments).sees(row.visibility.into()) {
            true => row.title,
            false => HIDDEN.to_owned(),
        },
        part: row.part,
        id: row.id,
        points: row.points,
        category: row.category.name(),
    });
    print(&list_text(lab, &listed.collect::<Vec<_>>(), width()));
    Ok(ALL_PASSED)
}
