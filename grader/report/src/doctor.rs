//! What protects this machine from the programs that it builds.

use colored::Colorize;

use crate::safe::{printable, wrap};

/// One sandbox mechanism, tried out.
#[derive(Clone, Copy, Debug)]
pub struct MechanismLine<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it works.
    pub works: bool,
    /// What was tried, or why it does not work.
    pub detail: &'a str,
    /// What to do about it; nothing if it works.
    pub advice: &'a str,
}

/// All mechanisms, then what follows from them: what sandboxes builds, or why nothing does.
pub fn doctor_text(
    mechanisms: &[MechanismLine<'_>],
    sandbox: Result<&[String], &str>,
    width: usize,
) -> String {
    const INDENT: usize = 31;
    let room = width.saturating_sub(INDENT).max(30);
    let mut out = String::new();
    for mechanism in mechanisms {
        let word = if mechanism.works {
            "works".green().bold()
        } else {
            "does not".yellow().bold()
        };
        let mut lines = wrap(&printable(mechanism.detail), room, "");
        if !mechanism.advice.is_empty() {
            lines.extend(wrap(&printable(mechanism.advice), room, ""));
        }
        let mut lines = lines.into_iter();
        out += &format!(
            "{word:>9}  {:<18}  {}\n",
            mechanism.name,
            lines.next().unwrap_or_default()
        );
        for line in lines {
            out += &format!("{:INDENT$}{}\n", "", line.dimmed());
        }
    }
    let (word, text) = match sandbox {
        Ok(mechanisms) => (
            "safe".green().bold(),
            format!("submissions are built behind {}", mechanisms.join(", ")),
        ),
        Err(why) => (
            "not safe".red().bold(),
            format!("`cargo grade batch` refuses to build here: {why}"),
        ),
    };
    out += "\n";
    for (number, line) in wrap(&printable(&text), width.saturating_sub(11).max(30), "")
        .into_iter()
        .enumerate()
    {
        out += &match number {
            0 => format!("{word:>9}  {line}\n"),
            _ => format!("{:11}{line}\n", ""),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_work_comes_with_what_to_do() {
        let mechanism = |name, works, advice| MechanismLine {
            name,
            works,
            detail: "tried",
            advice,
        };
        let mechanisms = [
            mechanism("landlock", true, ""),
            mechanism("bubblewrap", false, "install it"),
        ];
        colored::control::set_override(false);
        let active = ["landlock 7".to_owned()];
        assert_eq!(
            doctor_text(&mechanisms, Ok(&active), 80),
            "    works  landlock            tried\n does not  bubblewrap          tried\n\
             \x20                              install it\n\n     safe  submissions are built \
             behind landlock 7\n"
        );
        assert!(
            doctor_text(&mechanisms, Err("nothing works"), 80)
                .ends_with(" not safe  `cargo grade batch` refuses to build here: nothing works\n")
        );
    }
}
