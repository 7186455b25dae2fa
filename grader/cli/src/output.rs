//! Writing for people.

use std::io::{self, Stdout, Write};

use faultline_report::Guarded;

/// Writes to standard output; a reader that has gone away is no error.
pub fn print(text: &str) {
    let _gone = screen().write_all(text.as_bytes());
}

/// Standard output, which may be the log of a build service.
pub fn screen() -> Guarded<Stdout> {
    Guarded::new(io::stdout())
}

/// How many columns there are.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let of_terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    of_terminal().or(columns).unwrap_or(100)
}
