//! The messages of rustc, read from its JSON.

use serde::Deserialize;

/// Maximum number of errors, and of other messages, to keep. The first ones tell most.
const MAX_KEPT: usize = 100;

/// Maximum size of one message. The name of a type alone can have millions of bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Maximum number of places and notes to keep of one message.
const MAX_PARTS: usize = 64;

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The compiler gives up.
    Error,
    /// The compiler goes on.
    Warning,
    /// Neither, such as a note at the end.
    Other,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Span {
    /// The file as the compiler names it, such as `src/server.rs`.
    pub file_name: String,
    /// The first line, from 1.
    pub line_start: usize,
    /// The first column, from 1.
    pub column_start: usize,
    /// Whether this is where the trouble is, not only where it comes from.
    pub is_primary: bool,
    /// What the compiler writes beside the place.
    pub label: Option<String>,
}

/// A message of the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// Such as `E0432` or `unused_variables`.
    pub code: Option<String>,
    /// The first line without the level.
    pub message: String,
    /// The places of the message itself.
    pub spans: Vec<Span>,
    /// The notes and helps below it, each with its places.
    pub notes: Vec<(String, Vec<Span>)>,
    /// What people read.
    pub plain: String,
    /// The same with ANSI colours.
    pub coloured: String,
}

#[derive(Deserialize)]
struct RawCode {
    code: String,
}

#[derive(Deserialize)]
struct RawSpan {
    #[serde(flatten)]
    span: Span,
    expansion: Option<Box<RawExpansion>>,
}

#[derive(Deserialize)]
struct RawExpansion {
    span: RawSpan,
    def_site_span: Option<RawSpan>,
}

#[derive(Deserialize)]
struct Raw {
    message: String,
    code: Option<RawCode>,
    level: String,
    #[serde(default)]
    spans: Vec<RawSpan>,
    #[serde(default)]
    children: Vec<Raw>,
    rendered: Option<String>,
}

impl RawSpan {
    fn files(&self, files: &mut Vec<String>) {
        files.push(self.span.file_name.clone());
        if let Some(expansion) = &self.expansion {
            expansion.span.files(files);
            if let Some(definition) = &expansion.def_site_span {
                definition.files(files);
            }
        }
    }
}

impl Raw {
    fn files(&self, files: &mut Vec<String>) {
        self.spans.iter().for_each(|span| span.files(files));
        self.children.iter().for_each(|child| child.files(files));
    }

    fn read(self) -> Diagnostic {
        let level = match self.level.as_str() {
            level if level.starts_with("error") => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Other,
        };
        let coloured = without_pointers(&self.rendered.unwrap_or_default());
        let plain = shortened(without_colours(&coloured));
        // A cut through a colour would colour what comes after it.
        let coloured = if coloured.len() > MAX_TEXT_BYTES {
            plain.clone()
        } else {
            coloured
        };
        Diagnostic {
            level,
            code: self.code.map(|code| code.code),
            message: shortened(self.message),
            spans: plain_spans(self.spans),
            notes: self
                .children
                .into_iter()
                .take(MAX_PARTS)
                .map(|child| (shortened(child.message), plain_spans(child.spans)))
                .collect(),
            plain,
            coloured,
        }
    }
}

fn plain_spans(spans: Vec<RawSpan>) -> Vec<Span> {
    let spans = spans.into_iter().take(MAX_PARTS).map(|raw| raw.span);
    spans
        .map(|span| Span {
            label: span.label.map(shortened),
            ..span
        })
        .collect()
}

impl Diagnostic {
    /// Whether it is about the program; the others count errors or say where to read more.
    pub fn is_about_the_program(&self) -> bool {
        let summary = self.code.is_none() && self.spans.is_empty();
        let counts =
            self.message.starts_with("aborting due to") || self.message.ends_with(" emitted");
        self.level != Level::Other && !(summary && counts)
    }

    /// The place that the message is about, as `src/server.rs:12`.
    pub fn place(&self) -> Option<String> {
        let primary = self.spans.iter().find(|span| span.is_primary)?;
        Some(format!("{}:{}", primary.file_name, primary.line_start))
    }

    /// Writes another name for a folder of this machine.
    pub(super) fn rename(&mut self, folder: &str, name: &str) {
        for text in [&mut self.plain, &mut self.coloured] {
            if text.contains(folder) {
                *text = text.replace(folder, name);
            }
        }
    }

    /// Leaves out of the text where these files are, with what is quoted of them. What the
    /// message says of them stays.
    pub(super) fn leave_out_places(&mut self, file: impl Fn(&str) -> bool) {
        for text in [&mut self.plain, &mut self.coloured] {
            let mut left_out = false;
            let keep = |line: &&str| {
                let plain = without_colours(line);
                if let Some(place) = file_of(&plain) {
                    left_out = file(place);
                } else if !is_quoted(&plain) && !plain.trim_start().starts_with("= ") {
                    left_out = false;
                }
                !left_out || !(is_quoted(&plain) || file_of(&plain).is_some())
            };
            *text = text.split_inclusive('\n').filter(keep).collect();
        }
    }
}

/// The file in a line such as `  --> src/server.rs:12:5`.
fn file_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let place = line.strip_prefix("--> ").or(line.strip_prefix("::: "))?;
    let (place, _column) = place.rsplit_once(':')?;
    Some(place.rsplit_once(':')?.0)
}

/// Whether a line belongs to what is quoted below a place: `12 | let a = 1;`, `   | ^^^`, `...`.
fn is_quoted(line: &str) -> bool {
    let line = line.trim();
    let behind_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line == "..." || behind_number.trim_start().starts_with('|')
}

/// What rustc printed with `--error-format=json`.
#[derive(Default)]
pub(crate) struct Messages {
    /// Its messages, the first [`MAX_KEPT`] errors and as many others.
    pub diagnostics: Vec<Diagnostic>,
    /// All files that its messages show, also in notes and expansions of macros, and in messages
    /// that are not kept.
    pub files: Vec<String>,
    /// Whether the compiler calls itself broken.
    pub crashed: bool,
    /// The beginning of what is no message: a crash of the compiler, the linker's output.
    pub rest: String,
}

impl Messages {
    /// Reads standard error.
    pub fn read(output: &str) -> Messages {
        let mut messages = Messages::default();
        let (mut errors, mut others) = (0, 0);
        for line in output.lines() {
            let Ok(raw) = serde_json::from_str::<Raw>(line) else {
                if messages.rest.len() + line.len() <= MAX_TEXT_BYTES {
                    messages.rest.push_str(line);
                    messages.rest.push('\n');
                }
                continue;
            };
            raw.files(&mut messages.files);
            messages.crashed |= raw.level.starts_with("error: internal compiler error");
            let kept = if raw.level.starts_with("error") {
                &mut errors
            } else {
                &mut others
            };
            *kept += 1;
            if *kept <= MAX_KEPT {
                messages.diagnostics.push(raw.read());
            }
        }
        messages
    }
}

/// Cuts a text that nobody would read to its end.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push_str("...\n(cut here)\n");
    }
    text
}

/// Removes the lines that point to a file with the full name of a long type: that file is gone when
/// they are read.
fn without_pointers(text: &str) -> String {
    let pointers = [
        "the full name for the type has been written to",
        "to print the full type name to the console",
    ];
    text.split_inclusive('\n')
        .filter(|line| !pointers.iter().any(|pointer| line.contains(pointer)))
        .collect()
}

/// Removes ANSI control sequences (`ESC [ ... letter`).
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("\u{1b}[");
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| ('@'..='~').contains(&c));
        plain.push_str(end.map_or("", |end| &piece[end + 1..]));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        assert_eq!(
            without_colours("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: no \u{1b}[38;5;9mway"),
            "error: no way"
        );
        assert_eq!(without_colours("plain [text]"), "plain [text]");
    }

    #[test]
    fn places_in_libraries_are_left_out_with_what_is_quoted_there() {
        let text = "error[E0277]: no sum\n  \u{1b}[94m--> \u{1b}[0msrc/lib.rs:16:159\n   |\n16 | \
                    x.sum()\n   |   ^^^ no\n   |\n   = help: not implemented\nhelp: others \
                    do\n  --> /lib/accum.rs:48:8\n   |\n   = note: `u64` does\n  ::: \
                    /lib/accum.rs:70:8\n   |\n70 |   sum! { u64 }\n...\n71 |   ^^^\nnote: your \
                    call\n  --> src/lib.rs:17:5\n   |\n17 | y\nhelp: write\n   |\n17 + z\n";
        let mut message = Diagnostic {
            level: Level::Error,
            code: None,
            message: String::new(),
            spans: Vec::new(),
            notes: Vec::new(),
            plain: without_colours(text),
            coloured: text.to_owned(),
        };
        message.leave_out_places(|file| file == "/lib/accum.rs");
        let expected = "error[E0277]: no sum\n  --> src/lib.rs:16:159\n   |\n16 | x.sum()\n   |   \
                        ^^^ no\n   |\n   = help: not implemented\nhelp: others do\n   = note: \
                        `u64` does\nnote: your call\n  --> src/lib.rs:17:5\n   |\n17 | y\nhelp: \
                        write\n   |\n17 + z\n";
        assert_eq!(message.plain, expected);
        assert_eq!(without_colours(&message.coloured), expected);
        assert!(message.coloured.contains('\u{1b}'));
    }

    #[test]
    fn what_is_no_diagnostic_is_kept_as_text() {
        let line = "{\"message\":\"m\",\"level\":\"error\",\"rendered\":\"error: m\"}";
        let messages = Messages::read(&format!("{line}\nthread panicked\n"));
        assert_eq!(
            (messages.diagnostics.len(), messages.diagnostics[0].level),
            (1, Level::Error)
        );
        assert_eq!(
            (messages.rest.as_str(), messages.crashed),
            ("thread panicked\n", false)
        );
        let crash = line.replace("\"error\"", "\"error: internal compiler error\"");
        assert!(Messages::read(&crash).crashed);
    }

    #[test]
    fn a_flood_of_warnings_hides_no_error_and_no_file() {
        let message = |level: &str, file: &str| {
            format!(
                "{{\"message\":\"m\",\"level\":\"{level}\",\"rendered\":\"{}\",\
                 \"spans\":[{{\"file_name\":\"{file}\",\
                 \"line_start\":1,\"column_start\":1,\"is_primary\":true,\"label\":null}}]}}\n",
                "x".repeat(70_000)
            )
        };
        let output = message("warning", "src/lib.rs").repeat(150)
            + &message("warning", "other")
            + &message("error", "e");
        let messages = Messages::read(&output);
        assert_eq!(messages.diagnostics.len(), MAX_KEPT + 1);
        assert_eq!(messages.diagnostics[MAX_KEPT].level, Level::Error);
        assert!(messages.files.iter().any(|file| file == "other"));
        assert!(
            messages
                .diagnostics
                .iter()
                .all(|each| each.plain.len() < MAX_TEXT_BYTES + 100)
        );
    }
}
