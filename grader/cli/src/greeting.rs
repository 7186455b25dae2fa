//! What `cargo grade` prints without arguments: which labs there are, how far they are, and what to
//! do first.

use colored::Colorize;
use faultline_grade::LabInfo;
use faultline_report::{Places, printable};

/// A greeting in lines of at most 80 columns, as far as paths allow.
pub fn greeting(labs: &[LabInfo], places: &Places) -> String {
    let mut out = String::from(
        "Faultline: distributed-systems labs. You write programs; cargo grade runs them\n\
         in a world that drops messages and crashes machines, and shows what broke.\n\n",
    );
    for lab in labs {
        let points = format!("{:>3} points", lab.points);
        out += &format!(
            "  {}  {:<54} {}\n",
            lab.id.bold(),
            lab.title,
            points.dimmed()
        );
        let mut row = |word: &str, text: &str| {
            out += &format!("        {}  {text}\n", format!("{word:<5}").dimmed());
        };
        row("read", &places.in_project(&lab.handout));
        row(
            "write",
            &places.in_project(&format!("starter/{}/src", lab.id)),
        );
        row("last", &progress(lab));
    }
    if let Some(first) = labs.first() {
        out += &format!(
            "\nStart here:\n\n\
             \x20 cargo grade {0:<13} grade starter/{0}\n\
             \x20 cargo grade {1:<13} grade a part, a category, or tests by a word\n\
             \x20 cargo grade {2:<13} list the tests of a lab, and their points\n\
             \x20 cargo grade {3:<13} show everything else\n",
            first.id,
            format!("{} B", first.id),
            format!("{} --list", first.id),
            "--help",
        );
    }
    out
}

/// What the lab had when all of its tests were run last.
fn progress(lab: &LabInfo) -> String {
    let Some(last) = &lab.last else {
        return "not graded yet".dimmed().to_string();
    };
    // Of another folder than the one above it is said which.
    let of = match last.submission == format!("starter/{}", lab.id) {
        true => String::new(),
        false => format!(" ({})", printable(&last.submission)),
    };
    if !last.builds {
        return format!("{}{of}", "does not build".red());
    }
    let points = format!("{}/{}", last.earned, last.possible);
    let points = match (last.earned, last.possible) {
        (earned, possible) if earned == possible => points.green(),
        (0, _) => points.red(),
        _ => points.yellow(),
    };
    let which = match last.possible == lab.public_points {
        true => "points from public tests",
        false => "points",
    };
    format!("{points} {which}{of}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_fits_and_says_what_to_do_first() {
        let lab = |id: &str, title: &str, handout: &str| LabInfo {
            id: id.to_owned(),
            title: title.to_owned(),
            points: 100,
            public_points: 67,
            handout: handout.to_owned(),
            last: None,
        };
        colored::control::set_override(false);
        let labs = [
            lab(
                "lab0",
                "Warm-up: ping-pong, echo, unique ids",
                "labs/lab0-warm-up/README.md",
            ),
            lab(
                "lab2",
                "Primary/backup key-value service",
                "labs/lab2-primary-backup/README.md",
            ),
        ];
        let text = greeting(&labs, &Places::default());
        assert_eq!(text, include_str!("greeting.txt"));
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        colored::control::set_override(true);
        assert!(greeting(&labs, &Places::default()).contains("\u{1b}[1mlab0"));
        colored::control::set_override(false);
    }
}
