//! Errors between a submission and the lab, told in the student's terms.
//!
//! The glue is our code in the student's name: it says which types the lab needs and what they must
//! be. When it does not compile, rustc points into it, which tells a student nothing.

use std::collections::BTreeMap;

use super::{
    diagnostics::{Diagnostic, Level},
    error::{DoesNotBuild, Obstacle},
};

/// What a module exports to the grader: the text of a module of Rust. The crate that it stands in
/// has `labkit`, and a function `lab()` at its top.
pub const EXPORTS: &str = include_str!("exports.rs");

/// The source of the glue crate.
pub(super) fn source(student: &str, api: &str) -> String {
    format!(
        "//! Made by the grader: joins the submission to the lab.\n{api}::glue!({student});\n\n\
         mod exports {{\n{EXPORTS}}}\n"
    )
}

/// What the errors of the glue say about the submission; `None` if they are not about it.
pub(super) fn translate(
    diagnostics: &[Diagnostic],
    student: &str,
    sources: &BTreeMap<String, String>,
) -> Option<DoesNotBuild> {
    let errors = diagnostics
        .iter()
        .filter(|each| each.level == Level::Error && each.is_about_the_program());
    let errors: Vec<&Diagnostic> = errors.collect();
    // Some errors in generic code of the student's show only where the grader uses it.
    let own: Vec<Diagnostic> = errors
        .iter()
        .filter(|each| is_in(each, sources))
        .copied()
        .cloned()
        .collect();
    if !own.is_empty() {
        return Some(DoesNotBuild::diagnosed(own));
    }
    let mut lines = Vec::new();
    for error in errors {
        // An error without a code is not about types: the linker failed, say.
        error.code.as_ref()?;
        let line = in_their_terms(error, sources).replace(&format!("{student}::"), "");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return None;
    }
    let text = format!(
        "error: the crate compiles, but it is not what the lab asks for\n\n{}",
        lines.join("\n\n")
    );
    Some(DoesNotBuild::text(Obstacle::LabContract, text))
}

fn is_in(diagnostic: &Diagnostic, sources: &BTreeMap<String, String>) -> bool {
    diagnostic
        .spans
        .iter()
        .any(|span| span.is_primary && sources.contains_key(&span.file_name))
}

fn in_their_terms(error: &Diagnostic, sources: &BTreeMap<String, String>) -> String {
    let label = error
        .spans
        .iter()
        .filter(|span| span.is_primary)
        .find_map(|span| span.label.as_deref());
    let quoted = between(&error.message, "`", "`").unwrap_or_default();
    let name = quoted.rsplit("::").next().unwrap_or_default();
    let text = match error.code.as_deref() {
        Some("E0432" | "E0433") => {
            format!(
                "your crate has no public type `{name}` at its top: `src/lib.rs` must define it \
                 with `pub` or `pub use` it"
            )
        }
        Some("E0603") => format!(
            "`{name}` is not public: write `pub` before it (or before the `use` that brings it)"
        ),
        Some("E0271") => {
            associated_type(&error.message).unwrap_or_else(|| joined(&error.message, label))
        }
        _ => joined(&error.message, label),
    };
    let mut places = error
        .notes
        .iter()
        .flat_map(|(_, spans)| spans)
        .filter(|span| sources.contains_key(&span.file_name));
    let about_definition = !matches!(error.code.as_deref(), Some("E0277"));
    match places.next().filter(|_| about_definition) {
        Some(place) => format!("{text}\n  --> {}:{}", place.file_name, place.line_start),
        None => text,
    }
}

fn joined(message: &str, label: Option<&str>) -> String {
    match label {
        Some(label) => format!("{message}: {label}"),
        None => message.to_owned(),
    }
}

/// Reads "type mismatch resolving `<Server as Node>::Config == ServerConfig`".
fn associated_type(message: &str) -> Option<String> {
    let resolving = between(message, "resolving `<", "`")?;
    let (found, expected) = resolving.split_once(" == ")?;
    let (owner, name) = found.rsplit_once(">::")?;
    let (owner, implemented) = owner.split_once(" as ")?;
    Some(format!(
        "in `impl {implemented} for {owner}`, the lab needs `type {name} = {expected};`"
    ))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_mismatch_names_what_is_needed() {
        let text =
            associated_type("type mismatch resolving `<Server as Node>::Config == ServerConfig`");
        assert_eq!(
            text.as_deref(),
            Some("in `impl Node for Server`, the lab needs `type Config = ServerConfig;`")
        );
        assert_eq!(associated_type("type mismatch of another form"), None);
    }
}
