//! Where the time of a grade went, stage by stage, for those who ask.

use std::time::Duration;

use colored::Colorize;
use faultline_verdict::{Stage, Timings};

use crate::safe::wrap;

/// What the columns mean, which differs from what one would guess where runs are parallel.
const LEGEND: &str = "wall: while any thread was at it, so that stages of parallel tests overlap; \
                      threads: summed over all that were at it";

/// Where the columns begin.
const INDENT: usize = 11;

/// A table of the stages in their order, in lines of at most `width` columns.
pub fn timings_text(timings: &Timings, width: usize) -> String {
    let head = format!("{:>9}  {:>11}  {:>11}", "stage", "wall", "threads");
    let mut out = format!("\n{}\n", head.bold());
    for stage in Stage::ALL {
        let time = timings.of(stage);
        let threads = stage.is_parallel().then_some(time.threads);
        out += &row(stage.name(), time.wall, threads);
    }
    out += &row("whole", timings.whole, None);
    for line in wrap(LEGEND, width.clamp(40, 160) - INDENT, "") {
        out += &format!("{:INDENT$}{}\n", "", line.dimmed());
    }
    out
}

fn row(name: &str, wall: Duration, threads: Option<Duration>) -> String {
    let threads = threads.map_or_else(String::new, |threads| format!("  {}", seconds(threads)));
    format!("{name:>9}  {}{threads}\n", seconds(wall))
}

fn seconds(time: Duration) -> String {
    format!("{:>5}.{:03} s", time.as_secs(), time.subsec_millis())
}
