//! What protects this machine from the programs that it builds.

use colored::Colorize;

use crate::safe::{printable, wrap};

/// One layer of protection, tried out.
#[derive(Clone, Copy, Debug)]
pub struct LayerLine<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it works.
    pub works: bool,
    /// What was tried, or why it does not work.
    pub detail: &'a str,
    /// What to do about it; nothing if it works.
    pub advice: &'a str,
}

/// All layers, then what follows from them: what locks builds in, or why nothing does.
pub fn doctor_text(
    layers: &[LayerLine<'_>],
    cage: Result<&[String], &str>,
    width: usize,
) -> String {
    const INDENT: usize = 31;
    let room = width.saturating_sub(INDENT).max(30);
    let mut out = String::new();
    for layer in layers {
        let word = if layer.works {
            "works".green().bold()
        } else {
            "does not".yellow().bold()
        };
        let mut lines = wrap(&printable(layer.detail), room, "");
        if !layer.advice.is_empty() {
            lines.extend(wrap(&printable(layer.advice), room, ""));
        }
        let mut lines = lines.into_iter();
        out += &format!(
            "{word:>9}  {:<18}  {}\n",
            layer.name,
            lines.next().unwrap_or_default()
        );
        for line in lines {
            out += &format!("{:INDENT$}{}\n", "", line.dimmed());
        }
    }
    let (word, text) = match cage {
        Ok(layers) => (
            "safe".green().bold(),
            format!("submissions are built behind {}", layers.join(", ")),
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
        let layer = |name, works, advice| LayerLine {
            name,
            works,
            detail: "tried",
            advice,
        };
        let layers = [
            layer("landlock", true, ""),
            layer("bubblewrap", false, "install it"),
        ];
        colored::control::set_override(false);
        let active = ["landlock 7".to_owned()];
        assert_eq!(
            doctor_text(&layers, Ok(&active), 80),
            "    works  landlock            tried\n does not  bubblewrap          tried\n\
             \x20                              install it\n\n     safe  submissions are built \
             behind landlock 7\n"
        );
        assert!(
            doctor_text(&layers, Err("no walls"), 80)
                .ends_with(" not safe  `cargo grade batch` refuses to build here: no walls\n")
        );
    }
}
