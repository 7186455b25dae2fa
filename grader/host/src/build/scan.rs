//! Looks through a submission's sources for what reaches out of them when they are compiled.
//!
//! `include_str!` reads any file of the machine, `env!` its environment, `#[path]` compiles another
//! file; assembler and `unsafe` could do more at run time. The sources are read as tokens, with the
//! compiler's own lexer: it cannot be confused by strings and comments, and, unlike a parser, needs
//! no stack for what is nested.
//!
//! The scan is there to tell early, in a student's terms. A macro can still put such a call
//! together; then the audit of what the compiler has read finds it, and where builds are sandboxed
//! (see [`sandbox`](crate::sandbox)), there is nothing to be read.

use std::{collections::BTreeMap, fmt::Write as _};

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, strip_shebang, tokenize};

use super::error::Rejected;

/// Maximum nesting depth of delimiters. The compiler's parser needs stack for each level; programs
/// that people write stay below 30.
pub const MAX_NESTING: usize = 200;

/// Maximum number of findings to report.
const MAX_FINDINGS: usize = 10;

const READS_A_FILE: &str = "it reads another file while the crate is compiled, and only the \
                            submission's own `src/**/*.rs` are graded. Write the text into a \
                            source file (as a `const`), or use `mod` for a file of your own below \
                            `src`";
const READS_THE_ENVIRONMENT: &str = "it reads the environment of the machine that compiles the \
                                     crate, and a grade must not depend on it. Write the value \
                                     into a source file";
const IS_ASSEMBLER: &str = "a node is a WebAssembly program without assembler. Write it in Rust";
const COMPILES_ANOTHER_FILE: &str = "it names the file of a module, which may be any file. Use \
                                     `mod name;` with a file `name.rs` or `name/mod.rs` where the \
                                     compiler looks for it";
const IS_UNSAFE: &str =
    "a submission is safe Rust (`unsafe_code` is forbidden). Write it without `unsafe`";
const IS_TOO_DEEP: &str = "the compiler needs stack for each level and may crash. Give the inner \
                           parts names of their own";

/// The macros that are refused, and why.
const MACROS: [(&str, &str); 8] = [
    ("include", READS_A_FILE),
    ("include_str", READS_A_FILE),
    ("include_bytes", READS_A_FILE),
    ("env", READS_THE_ENVIRONMENT),
    ("option_env", READS_THE_ENVIRONMENT),
    ("asm", IS_ASSEMBLER),
    ("global_asm", IS_ASSEMBLER),
    ("naked_asm", IS_ASSEMBLER),
];

/// Refuses sources (texts by path) in which something reaches out of them.
///
/// # Errors
/// The text names each kind of finding once, with its place, the reason, and what to do instead.
pub fn scan(sources: &BTreeMap<String, String>) -> Result<(), Rejected> {
    let mut findings: Vec<Finding> = Vec::new();
    for (path, text) in sources {
        let mut file = File {
            path,
            text,
            tokens: tokens(text),
            findings: &mut findings,
        };
        file.macros();
        file.attributes();
        file.keywords();
        file.nesting();
    }
    if findings.is_empty() {
        return Ok(());
    }
    // The order of reading, not that of the kinds.
    findings.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    let mut text = String::from("error: the submission uses what is not graded\n");
    for Finding {
        path,
        line,
        column,
        what,
        why,
    } in findings.iter().take(MAX_FINDINGS)
    {
        let _ = write!(text, "\n{path}:{line}:{column}: {what}: {why}.\n");
    }
    Err(Rejected { text })
}

/// A file in which a macro that reads files may be hidden from the scan: its name stands in an
/// import, or there are macros of the submission's own, or an attribute has a text that could be
/// read as code. A variable of that name hides nothing.
pub(super) fn hidden_read(sources: &BTreeMap<String, String>) -> Option<&str> {
    let files: Vec<_> = sources
        .iter()
        .map(|(path, text)| (path.as_str(), tokens(text)))
        .collect();
    let mut all = files.iter().flat_map(|(_, tokens)| tokens);
    let own_macros = all.any(|token| token.name() == Some("macro_rules"));
    let hiding = files
        .iter()
        .find(|(_, tokens)| may_hide_a_read(tokens, own_macros));
    hiding.map(|(path, _)| *path)
}

fn may_hide_a_read(tokens: &[Token<'_>], own_macros: bool) -> bool {
    let mut import = false;
    // For each bracket that is open: is it an attribute's?
    let mut open: Vec<bool> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Ident if token.text == "use" => import = true,
            TokenKind::Semi => import = false,
            TokenKind::OpenBracket => {
                let mut before = tokens[..index].iter().rev();
                let mark = before.find(|token| !token.is(TokenKind::Bang));
                open.push(mark.is_some_and(|mark| mark.is(TokenKind::Pound)));
            }
            TokenKind::CloseBracket => {
                open.pop();
            }
            TokenKind::Literal { .. } => {
                let as_code = token.text.contains('\\') || token.text.contains("include");
                if as_code && open.contains(&true) {
                    return true;
                }
            }
            _ => {
                let mut reads = MACROS.iter().filter(|(_, why)| *why == READS_A_FILE);
                let named = reads.any(|(name, _)| token.name() == Some(name));
                if named && (import || own_macros) {
                    return true;
                }
            }
        }
    }
    false
}

/// Whether a source has one of these names in it, outside of comments and texts.
pub(super) fn names(sources: &BTreeMap<String, String>, wanted: &[&str]) -> bool {
    let is_wanted = |token: &Token<'_>| token.name().is_some_and(|name| wanted.contains(&name));
    // Most sources have none, and then they need not be read as tokens.
    let candidates = sources
        .values()
        .filter(|text| wanted.iter().any(|name| text.contains(name)));
    candidates
        .map(|text| tokens(text))
        .any(|tokens| tokens.iter().any(is_wanted))
}

struct Finding {
    path: String,
    line: usize,
    column: usize,
    what: String,
    why: &'static str,
}

/// A token that means something: no white space, no comment.
#[derive(Clone, Copy)]
struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
    at: usize,
}

impl Token<'_> {
    /// The name, if it is one; `r#include` names the same macro as `include`.
    fn name(&self) -> Option<&str> {
        match self.kind {
            TokenKind::Ident => Some(self.text),
            TokenKind::RawIdent => self.text.strip_prefix("r#"),
            _ => None,
        }
    }

    fn is(&self, kind: TokenKind) -> bool {
        self.kind == kind
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let start = strip_shebang(text).unwrap_or(0);
    let mut at = start;
    let mut tokens = Vec::new();
    // Read as code, a frontmatter hides nothing.
    for token in tokenize(&text[start..], FrontmatterAllowed::No) {
        let end = at + token.len as usize;
        let means_something = !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. }
        );
        if means_something {
            tokens.push(Token {
                kind: token.kind,
                text: &text[at..end],
                at,
            });
        }
        at = end;
    }
    tokens
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    findings: &'a mut Vec<Finding>,
}

impl File<'_> {
    /// Notes the first finding of a kind.
    fn found(&mut self, at: usize, what: &str, why: &'static str) {
        if self.findings.iter().any(|finding| finding.what == what) {
            return;
        }
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        self.findings.push(Finding {
            path: self.path.to_owned(),
            line,
            column,
            what: what.to_owned(),
            why,
        });
    }

    fn kind(&self, index: usize) -> Option<TokenKind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// Calls of the macros, and imports of them: under another name they would not be seen.
    fn macros(&mut self) {
        let mut import: Option<Import> = None;
        for index in 0..self.tokens.len() {
            let token = self.tokens[index];
            // `use<'a>` in a return type is no import.
            let captures = self.kind(index + 1) == Some(TokenKind::Lt);
            if token.is(TokenKind::Ident) && token.text == "use" && !captures {
                import = Some(Import::new(&self.tokens[index + 1..]));
            } else if token.is(TokenKind::Semi) {
                import = None;
            }
            let Some(&(name, why)) = MACROS.iter().find(|(name, _)| token.name() == Some(name))
            else {
                continue;
            };
            // `include != other` compares a variable.
            let next = self
                .tokens
                .get(index + 1)
                .filter(|next| next.is(TokenKind::Bang));
            let compared = |bang: &Token<'_>| {
                self.tokens
                    .get(index + 2)
                    .is_some_and(|next| next.is(TokenKind::Eq) && next.at == bang.at + 1)
            };
            let called = next.is_some_and(|bang| !compared(bang));
            if called
                || import
                    .as_ref()
                    .is_some_and(|import| import.brings(&self.tokens, index, name))
            {
                self.found(token.at, &format!("`{name}!`"), why);
            }
        }
    }

    /// `#[path = ".."]`, and the same behind a condition.
    fn attributes(&mut self) {
        // For each bracket that is open: does it hold an attribute's `cfg_attr`?
        let mut open: Vec<bool> = Vec::new();
        let mut conditions = 0_usize;
        for index in 0..self.tokens.len() {
            match self.tokens[index].kind {
                TokenKind::OpenBracket => {
                    let name = self.attribute(index);
                    let conditional = name == Some("cfg_attr");
                    if name == Some("path") && self.is_assigned(index + 1) {
                        self.found(
                            self.tokens[index + 1].at,
                            "`#[path]`",
                            COMPILES_ANOTHER_FILE,
                        );
                    }
                    conditions += usize::from(conditional);
                    open.push(conditional);
                }
                TokenKind::CloseBracket => conditions -= usize::from(open.pop().unwrap_or(false)),
                _ if conditions > 0
                    && self.tokens[index].name() == Some("path")
                    && self.is_assigned(index) =>
                {
                    self.found(self.tokens[index].at, "`#[path]`", COMPILES_ANOTHER_FILE);
                }
                _ => {}
            }
        }
    }

    /// The first name of the attribute whose bracket opens at `open`, if it is one: `#[name`,
    /// `#![name`.
    fn attribute(&self, open: usize) -> Option<&str> {
        let before = |back: usize| open.checked_sub(back).and_then(|index| self.kind(index));
        let is_attribute = before(1) == Some(TokenKind::Pound)
            || (before(1) == Some(TokenKind::Bang) && before(2) == Some(TokenKind::Pound));
        self.tokens
            .get(open + 1)
            .filter(|_| is_attribute)
            .and_then(Token::name)
    }

    /// Whether `=`, and not `==`, follows.
    fn is_assigned(&self, index: usize) -> bool {
        self.kind(index + 1) == Some(TokenKind::Eq) && self.kind(index + 2) != Some(TokenKind::Eq)
    }

    fn keywords(&mut self) {
        let is_unsafe = |token: &&Token<'_>| match token.kind {
            TokenKind::Ident => token.text == "unsafe",
            TokenKind::ForcedKeywordIdent => token.text == "k#unsafe",
            // `r#unsafe` is a name like any other.
            _ => false,
        };
        if let Some(at) = self.tokens.iter().find(is_unsafe).map(|token| token.at) {
            self.found(at, "`unsafe`", IS_UNSAFE);
        }
    }

    fn nesting(&mut self) {
        let mut depth = 0_usize;
        for index in 0..self.tokens.len() {
            match self.tokens[index].kind {
                TokenKind::OpenParen | TokenKind::OpenBrace | TokenKind::OpenBracket => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBrace | TokenKind::CloseBracket => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
            if depth > MAX_NESTING {
                let what = format!("delimiters nested deeper than {MAX_NESTING}");
                return self.found(self.tokens[index].at, &what, IS_TOO_DEEP);
            }
        }
    }
}

/// A `use` declaration.
struct Import {
    /// Whether its path begins in the submission, where `include` may be anything.
    own: bool,
}

impl Import {
    fn new(path: &[Token<'_>]) -> Import {
        let first = path.first().and_then(Token::name);
        Import {
            own: matches!(first, Some("crate" | "self" | "super")),
        }
    }

    /// Whether the name at `index` is a macro that the import brings. `use std::env` is about the
    /// module of that name, and brings a macro that can only be called by the name that is looked
    /// for anyway; with another name it could be called unseen.
    fn brings(&self, tokens: &[Token<'_>], index: usize, name: &str) -> bool {
        let next = tokens.get(index + 1);
        let is_a_folder = next.is_some_and(|token| token.is(TokenKind::Colon));
        let renamed = next.is_some_and(|token| token.is(TokenKind::Ident) && token.text == "as");
        // `as include`: something else gets the name.
        let is_new_name =
            index > 0 && tokens[index - 1].is(TokenKind::Ident) && tokens[index - 1].text == "as";
        !self.own && !is_a_folder && !is_new_name && (renamed || name != "env")
    }
}

#[cfg(test)]
mod tests;
