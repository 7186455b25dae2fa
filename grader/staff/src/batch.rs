//! `cargo grade batch` and `cargo grade merge`: a class of submissions.

use std::{
    io::{self, Stdout},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use faultline_class::{BatchRequest, ClassListener, Kept, MergeRequest, Shard, Worker};
use faultline_cli::{
    BatchArguments, MergeArguments, WORKER,
    exit::{ALL_PASSED, NOT_SCORED},
    output::{print, screen, width},
};
use faultline_grade::{Building, Cache, Course, Error, LockIn, Salt, write_whole};
use faultline_report::{
    ClassScreen, Guarded, Page, class_csv, class_markdown, class_page, class_plan_text,
    class_to_json, handed_out, to_json,
};
use faultline_verdict::{Audience, Class, ClassEvent};

/// Grades a class.
pub fn batch(
    course: &Course,
    arguments: &BatchArguments,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let program = std::env::current_exe().map_err(|error| {
        Error::Broken(format!("the grader does not know its own program: {error}"))
    })?;
    let beside = |name: String| arguments.batch.parent().unwrap_or(Path::new("")).join(name);
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| beside(format!("results-{}", arguments.lab)));
    let request = BatchRequest {
        lab: arguments.lab.clone(),
        batch: arguments.batch.clone(),
        out: absolute(&out)?,
        hidden: arguments.hidden,
        salt: arguments.salt.as_deref().map(Salt::read).transpose()?,
        only: arguments.only.clone(),
        jobs: arguments.jobs.map(usize::from),
        fresh: arguments.fresh,
        budget: arguments.budget,
        shard: arguments.shard.map(|shard| Shard {
            part: shard.part,
            of: shard.of,
        }),
        building: Building {
            lock_in: if arguments.unsafe_build {
                LockIn::Never
            } else {
                LockIn::Required
            },
            limit: arguments.build_limit.unwrap_or(Building::default().limit),
            cache: Cache::Unused,
        },
        shrink: !arguments.no_shrink,
        limit: arguments.limit.unwrap_or(Duration::from_secs(20 * 60)),
        worker: Worker {
            program,
            arguments: vec![WORKER.into()],
        },
    };
    if arguments.dry_run {
        print(&class_plan_text(
            &faultline_class::plan_of_batch(course, &request)?,
            width(),
        ));
        return Ok(ALL_PASSED);
    }
    let mut desk = Desk::new(&request.out, arguments.after_deadline);
    let graded = faultline_class::batch(course, &request, &mut desk, interrupt)?;
    drop(desk);
    print(&format!("scores in {}\n", out.join("scores.csv").display()));
    Ok(exit_code(graded.is_whole()))
}

/// Joins the results of shards.
pub fn merge(arguments: &MergeArguments) -> Result<u8, Error> {
    let request = MergeRequest {
        out: absolute(&arguments.out)?,
        shards: arguments.shards.clone(),
    };
    let mut desk = Desk::new(&request.out, arguments.after_deadline);
    let class = faultline_class::merge(&request, &mut desk)?;
    desk.event(ClassEvent::Finished {
        class: Box::new(class.clone()),
        stopped: None,
        took_ms: 0,
    });
    drop(desk);
    print(&format!(
        "scores in {}\n",
        arguments.out.join("scores.csv").display()
    ));
    Ok(exit_code(class.open().next().is_none()))
}

/// Whatever the scores are, it has worked; but somebody may still wait for one.
fn exit_code(is_whole: bool) -> u8 {
    match is_whole {
        true => ALL_PASSED,
        false => NOT_SCORED,
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// Writes the files and tells the terminal.
struct Desk {
    out: PathBuf,
    students: Audience,
    screen: ClassScreen<Guarded<Stdout>>,
}

impl Desk {
    fn new(out: &Path, after_deadline: bool) -> Desk {
        let screen = ClassScreen::new(screen(), width());
        Desk {
            out: out.to_owned(),
            students: Audience::Students { after_deadline },
            screen,
        }
    }
}

impl ClassListener for Desk {
    fn event(&mut self, event: ClassEvent) {
        // A reader that has gone away is no error.
        let _gone: io::Result<()> = self.screen.event(&event);
    }

    fn result(&mut self, kept: &Kept<'_>) -> Result<(), Error> {
        let page = Page::of_submission(kept.id, kept.warnings);
        write_if_new(&kept.staff.join("report.html"), &page.of(kept.grade))?;
        let theirs = handed_out(self.students, kept.grade.clone());
        write_if_new(&kept.student.join("report.html"), &page.of(&theirs))?;
        write_if_new(&kept.student.join("result.json"), &to_json(&theirs))
    }

    fn rows(&mut self, class: &Class) -> Result<(), Error> {
        write_if_new(&self.out.join("scores.csv"), &class_csv(class))?;
        write_if_new(&self.out.join("scores.json"), &class_to_json(class))?;
        write_if_new(&self.out.join("summary.md"), &class_markdown(class))?;
        write_if_new(&self.out.join("index.html"), &class_page(class))
    }
}

/// A file that is right already is left alone: syncing hundreds of them takes longer than reading.
fn write_if_new(path: &Path, text: &str) -> Result<(), Error> {
    match std::fs::read(path) {
        Ok(old) if old == text.as_bytes() => Ok(()),
        _ => write_whole(path, text.as_bytes()),
    }
}
