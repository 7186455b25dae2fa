//! What `cargo grade` prints without arguments: which labs there are, and what to do first.

use faultline_grade::LabInfo;

/// A greeting in lines of at most 80 columns.
pub fn greeting(labs: &[LabInfo]) -> String {
    let mut out = String::from(
        "Faultline: distributed-systems labs. You write programs; cargo grade runs them\n\
         in a world that drops messages and crashes machines, and shows what broke.\n\n",
    );
    for lab in labs {
        out += &format!("  {}  {:<54} {:>3} points\n", lab.id, lab.title, lab.points);
        out += &format!("        read   {}\n", lab.handout);
        out += &format!("        write  starter/{}/src\n", lab.id);
    }
    if let Some(first) = labs.first() {
        out += &format!(
            "\nStart here:\n\n\
             \x20 cargo grade {0:<13} grade starter/{0}\n\
             \x20 cargo grade {1:<13} grade one part, or tests with a word in their names\n\
             \x20 cargo grade {2:<13} list the tests of a lab, and their points\n\
             \x20 cargo grade {3:<13} show everything else\n",
            first.id,
            format!("{} A", first.id),
            format!("{} --list", first.id),
            "--help",
        );
    }
    out
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
            handout: handout.to_owned(),
        };
        let text = greeting(&[
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
        ]);
        assert_eq!(text, include_str!("greeting.txt"));
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
