//! Text that a submission wrote must not steer the terminal, nor the machine that reads what is
//! printed.

use std::io::{self, Write};

/// The text with control characters made visible, line breaks and tabs kept.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\n' | '\t' => char.to_string(),
            char if char.is_control() || is_invisible(char) => char.escape_default().to_string(),
            char => char.to_string(),
        })
        .collect()
}

/// Characters that change how those around them are shown.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Text of which a build service that reads its log line by line carries out nothing. GitHub's
/// runner takes a line that begins with `::` (behind white space) for a command, and what follows
/// `##[` anywhere in one.
pub fn without_commands(text: &str) -> String {
    text.split_inclusive('\n').map(without_command).collect()
}

fn without_command(line: &str) -> String {
    let begin = line.len() - line.trim_start().len();
    let line = match line[begin..].strip_prefix("::") {
        Some(rest) => format!("{}\\u{{3a}}:{rest}", &line[..begin]),
        None => line.to_owned(),
    };
    line.replace("##[", "#\\u{23}[")
}

/// A writer that lets no line be a command: [`without_commands`] for everything that is printed,
/// wherever lines come to be broken.
pub struct Guarded<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Guarded<W> {
    /// Writes to `out`, whole lines at a time.
    pub fn new(out: W) -> Guarded<W> {
        Guarded {
            out,
            line: Vec::new(),
        }
    }

    fn write_out(&mut self, up_to: usize) -> io::Result<()> {
        let rest = self.line.split_off(up_to);
        let lines = std::mem::replace(&mut self.line, rest);
        self.out
            .write_all(without_commands(&String::from_utf8_lossy(&lines)).as_bytes())
    }
}

impl<W: Write> Write for Guarded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.write_out(end + 1)?;
        }
        Ok(bytes.len())
    }

    /// Only whole lines: of a piece of one nobody knows yet whether it begins with a command.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Drop for Guarded<W> {
    fn drop(&mut self) {
        // A reader that has gone away is no error.
        let _gone = self
            .write_out(self.line.len())
            .and_then(|()| self.out.flush());
    }
}

/// Breaks a text into lines of at most `width` characters, at spaces where possible; further lines
/// begin with `indent`.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let own = &paragraph[..paragraph.len() - paragraph.trim_start().len()];
        let mut line = String::from(own);
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            let mut word = word;
            let room = |line: &str| width.saturating_sub(line.chars().count());
            if !empty && room(&line) < word.chars().count() + 1 {
                lines.push(std::mem::replace(&mut line, format!("{own}{indent}")));
                empty = true;
            }
            while word.chars().count() > room(&line).max(8) {
                let (end, _) = word
                    .char_indices()
                    .nth(room(&line).max(8))
                    .expect("the word is longer");
                line.push_str(&word[..end]);
                lines.push(std::mem::replace(&mut line, format!("{own}{indent}")));
                word = &word[end..];
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(
            printable("a\u{1b}[31mb\r\n\u{202e}c"),
            "a\\u{1b}[31mb\\r\n\\u{202e}c"
        );
    }

    #[test]
    fn no_line_is_a_command_of_a_build_service() {
        for (text, expected) in [
            ("::error::x\n", "\\u{3a}:error::x\n"),
            ("a\n \t::add-mask::x", "a\n \t\\u{3a}:add-mask::x"),
            ("x ##[error]y", "x #\\u{23}[error]y"),
            ("12 | ::std::mem::drop(x)\n", "12 | ::std::mem::drop(x)\n"),
            ("a::b\n# [x]\n", "a::b\n# [x]\n"),
        ] {
            assert_eq!(without_commands(text), expected);
            // Byte by byte, too.
            let mut out = Vec::new();
            let mut guarded = Guarded::new(&mut out);
            for byte in text.bytes() {
                guarded
                    .write_all(&[byte])
                    .and_then(|()| guarded.flush())
                    .unwrap();
            }
            drop(guarded);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        let text = "one two three fourfivesixseveneight nine\n  indented text goes on";
        for width in 12..40 {
            let lines = wrap(text, width, "  ");
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{width}: {lines:?}"
            );
            let letters = |text: &str| {
                text.chars()
                    .filter(|char| !char.is_whitespace())
                    .collect::<String>()
            };
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }
}
