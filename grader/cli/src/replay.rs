//! `cargo grade replay`: a failure, once more.

use faultline_grade::{Error, Replayed};
use faultline_report::{Nodes, Places, failure_text, step_text, walk_text};
use faultline_verdict::Walk;

use crate::{
    exit::{ALL_PASSED, SOMETHING_FAILED},
    output::{print, width},
    step::{is_possible, step},
};

/// Tells what came of a replay.
pub fn replay(replayed: &Replayed, at: Option<u64>, places: &Places) -> Result<u8, Error> {
    let mut out = String::new();
    if let Some(walk) = &replayed.walk {
        match at {
            Some(number) => out += &step_at(walk, number)?,
            None if is_possible() => step(walk)?,
            None => out += &walk_text(walk, width()),
        }
        out.push('\n');
    }
    if replayed.changed {
        out += "The submission has changed since the trace was written.\n";
    }
    if replayed.skipped > 0 {
        out += &format!(
            "{} actions of the trace were no longer possible and were skipped.\n",
            replayed.skipped
        );
    }
    let code = match &replayed.verdict.failure {
        Some(failure) => {
            // Who asks for one step has seen the failure.
            if at.is_none() {
                out += &failure_text(&replayed.verdict, failure, width(), places);
            }
            out += match (replayed.same_failure, replayed.changed) {
                (true, _) => "The same failure as in the trace.\n",
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
            Error::Usage(format!(
                "--at {number}: this run has no such step; its steps are numbered 1 to {}",
                walk.of
            ))
        })?;
    Ok(step_text(walk, position, Nodes::All, width()))
}
