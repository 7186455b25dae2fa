//! The messages of rustc, read from its JSON.

use serde::Deserialize;

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
    /// All files that are shown, also in notes and expansions of macros.
    pub(crate) files: Vec<String>,
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
        let mut files = Vec::new();
        self.files(&mut files);
        let level = match self.level.as_str() {
            level if level.starts_with("error") => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Other,
        };
        let coloured = without_pointers(&self.rendered.unwrap_or_default());
        Diagnostic {
            level,
            code: self.code.map(|code| code.code),
            message: self.message,
            spans: plain_spans(self.spans),
            notes: self.children.into_iter().map(|child| (child.message, plain_spans(child.spans))).collect(),
            files,
            plain: without_colours(&coloured),
            coloured,
        }
    }
}

fn plain_spans(spans: Vec<RawSpan>) -> Vec<Span> {
    spans.into_iter().map(|raw| raw.span).collect()
}

impl Diagnostic {
    /// Whether it is about the program; the others count errors or say where to read more.
    pub fn is_about_the_program(&self) -> bool {
        let summary = self.code.is_none() && self.spans.is_empty();
        let counts = self.message.starts_with("aborting due to") || self.message.ends_with(" emitted");
        self.level != Level::Other && !(summary && counts)
    }

    /// The place that the message is about, as `src/server.rs:12`.
    pub fn place(&self) -> Option<String> {
        let primary = self.spans.iter().find(|span| span.is_primary)?;
        Some(format!("{}:{}", primary.file_name, primary.line_start))
    }
}

/// Reads what rustc printed with `--error-format=json`; lines that are no diagnostics (a crash of the compiler, the
/// linker's output) come back as text.
pub(crate) fn read(output: &str) -> (Vec<Diagnostic>, String) {
    let (mut diagnostics, mut rest) = (Vec::new(), String::new());
    for line in output.lines() {
        match serde_json::from_str::<Raw>(line) {
            Ok(raw) => diagnostics.push(raw.read()),
            Err(_) => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    (diagnostics, rest)
}

/// Removes the lines that point to a file with the full name of a long type: that file is gone when they are read.
fn without_pointers(text: &str) -> String {
    let pointers = ["the full name for the type has been written to", "to print the full type name to the console"];
    text.split_inclusive('\n').filter(|line| !pointers.iter().any(|pointer| line.contains(pointer))).collect()
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
        assert_eq!(without_colours("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: no \u{1b}[38;5;9mway"), "error: no way");
        assert_eq!(without_colours("plain [text]"), "plain [text]");
    }

    #[test]
    fn what_is_no_diagnostic_is_kept_as_text() {
        let (diagnostics, rest) =
            read("{\"message\":\"m\",\"level\":\"error\",\"rendered\":\"error: m\"}\nthread panicked\n");
        assert_eq!((diagnostics.len(), diagnostics[0].level), (1, Level::Error));
        assert_eq!(rest, "thread panicked\n");
    }
}
