//! What changed in a state, field by field, from what the program's own `Debug` wrote of it before
//! and after (`{:#?}`).
//!
//! That form is lines: `name: Type {`, `value,`, `}`. Lines that are none of that (a `Debug`
//! written by hand may say anything) count as values, so the worst that can happen is a difference
//! that is larger than necessary.

use faultline_verdict::FieldChange;

/// The maximum number of characters of a group that is shown in one line.
const ONE_LINE: usize = 56;

/// The maximum number of characters of a group that changes as a whole.
const ONE_VALUE: usize = 24;

/// The longest value that is shown.
const LONGEST: usize = 160;

/// Maximum depth up to which nested groups are distinguished.
const DEEPEST: usize = 64;

/// The maximum number of changes of one step that are told.
const MOST: usize = 60;

/// A value, or a group of named or unnamed ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tree {
    /// The field's name or the map's key; empty for elements of lists, sets and tuples.
    key: String,
    /// The value, or what stands before the bracket of a group.
    head: String,
    /// The opening bracket of a group.
    bracket: Option<char>,
    parts: Vec<Tree>,
}

/// The fields of a state, one a line, groups that are long indented below their names.
pub fn lines(state: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in &Tree::parse(state).parts {
        part.write(0, &mut out);
    }
    out
}

/// What is different, long values cut short.
pub fn changes(before: &str, after: &str) -> Vec<FieldChange> {
    let short = |value: Option<String>| value.map(|value| cut(&value));
    let cut_short = |change: FieldChange| FieldChange {
        before: short(change.before),
        after: short(change.after),
        ..change
    };
    full_changes(before, after)
        .into_iter()
        .map(cut_short)
        .collect()
}

/// What is different, with whole values.
pub fn full_changes(before: &str, after: &str) -> Vec<FieldChange> {
    let mut out = Vec::new();
    // Each is one value whose parts are the fields; the value's own name tells nothing.
    match (
        Tree::parse(before).parts.as_slice(),
        Tree::parse(after).parts.as_slice(),
    ) {
        ([before], [after]) => before.differs("", after, &mut out),
        (before, after) => in_order("", '{', before, after, &mut out),
    }
    if out.len() > MOST {
        let more = out.len() - MOST;
        out.truncate(MOST);
        out.push(FieldChange {
            path: format!("({more} more changes)"),
            before: None,
            after: None,
        });
    }
    out
}

impl Tree {
    /// A tree whose parts are the values of the text; there is one if a program's derived `Debug`
    /// wrote it.
    fn parse(text: &str) -> Tree {
        let mut open = vec![Tree::default()];
        for line in text.lines() {
            let line = line.trim();
            let line = line.strip_suffix(',').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let last = line.chars().next_back().unwrap_or_default();
            let closes = line.starts_with(['}', ')', ']']) && open.len() > 1;
            if closes {
                let group = open.pop().unwrap_or_default();
                // A map whose key is itself a group: `}: value`.
                let value = line[1..].strip_prefix(": ");
                match (value, open.last_mut()) {
                    (Some(value), Some(_)) => {
                        let key = group.inline();
                        add(
                            &mut open,
                            Tree {
                                key,
                                ..Tree::value(value)
                            },
                            last,
                        );
                    }
                    (None, Some(parent)) => parent.parts.push(group),
                    (_, None) => {}
                }
                continue;
            }
            let (key, value) = split(line);
            add(
                &mut open,
                Tree {
                    key: key.to_owned(),
                    ..Tree::value(value)
                },
                last,
            );
        }
        // A text that was cut short leaves groups open.
        while let Some(group) = open.pop() {
            match open.last_mut() {
                Some(parent) => parent.parts.push(group),
                None => return group,
            }
        }
        Tree::default()
    }

    fn value(text: &str) -> Tree {
        Tree {
            head: text.to_owned(),
            ..Tree::default()
        }
    }

    /// In one line.
    fn inline(&self) -> String {
        let Some(bracket) = self.bracket else {
            return self.head.clone();
        };
        let parts: Vec<String> = self.parts.iter().map(Tree::named).collect();
        let parts = parts.join(", ");
        match (bracket, self.head.is_empty()) {
            ('{', false) => format!("{} {{ {parts} }}", self.head),
            (bracket, _) => format!("{}{bracket}{parts}{}", self.head, closing(bracket)),
        }
    }

    fn named(&self) -> String {
        if self.key.is_empty() {
            self.inline()
        } else {
            format!("{}: {}", self.key, self.inline())
        }
    }

    /// In one line, if that has at most this number of characters; a value is in any case.
    fn short(&self, most: usize) -> Option<String> {
        let is_small = self.bracket.is_none() || self.size() <= most;
        is_small
            .then(|| self.inline())
            .filter(|line| self.bracket.is_none() || line.chars().count() <= most)
    }

    fn size(&self) -> usize {
        1 + self.parts.iter().map(Tree::size).sum::<usize>()
    }

    fn write(&self, depth: usize, out: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        let key = if self.key.is_empty() {
            String::new()
        } else {
            format!("{}: ", self.key)
        };
        match self.short(ONE_LINE) {
            Some(line) => out.push(format!("{indent}{key}{}", cut(&line))),
            None => {
                let bracket = self.bracket.unwrap_or_default();
                let space = if self.head.is_empty() || bracket != '{' {
                    ""
                } else {
                    " "
                };
                out.push(format!("{indent}{key}{}{space}{bracket}", self.head));
                for part in &self.parts {
                    part.write(depth + 1, out);
                }
                out.push(format!("{indent}{}", closing(bracket)));
            }
        }
    }

    fn differs(&self, path: &str, after: &Tree, out: &mut Vec<FieldChange>) {
        if self == after {
            return;
        }
        let short = |tree: &Tree| tree.short(ONE_VALUE).is_some();
        let whole = path.is_empty();
        match (self.bracket, after.bracket) {
            (Some(bracket), Some(other))
                if bracket == other
                    && self.head == after.head
                    && (whole || !(short(self) && short(after))) =>
            {
                let keyed = |tree: &Tree| tree.parts.iter().all(|part| !part.key.is_empty());
                match keyed(self) && keyed(after) {
                    true => by_key(path, &self.parts, &after.parts, out),
                    false => in_order(path, bracket, &self.parts, &after.parts, out),
                }
            }
            _ => out.push(change(path.to_owned(), Some(self), Some(after))),
        }
    }
}

fn add(open: &mut Vec<Tree>, mut tree: Tree, last: char) {
    let opens = matches!(last, '{' | '(' | '[') && open.len() < DEEPEST;
    if opens {
        tree.head.pop();
        tree.head.truncate(tree.head.trim_end().len());
        tree.bracket = Some(last);
        open.push(tree);
    } else if let Some(group) = open.last_mut() {
        group.parts.push(tree);
    }
}

/// The key and the value of a line; a quoted key may hold anything.
fn split(line: &str) -> (&str, &str) {
    let end_of_key = if line.starts_with('"') {
        let mut escaped = false;
        line.char_indices().skip(1).find_map(|(at, char)| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends.then_some(at + 1)
        })
    } else {
        line.find(": ")
    };
    match end_of_key.map(|end| line.split_at(end)) {
        Some((key, rest)) if rest.starts_with(": ") => (key, &rest[2..]),
        _ => ("", line),
    }
}

fn closing(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}

fn change(path: String, before: Option<&Tree>, after: Option<&Tree>) -> FieldChange {
    FieldChange {
        path,
        before: before.map(Tree::inline),
        after: after.map(Tree::inline),
    }
}

fn below(path: &str, key: &str) -> String {
    let is_name = key
        .chars()
        .all(|char| char.is_alphanumeric() || char == '_');
    match (path.is_empty(), is_name) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (false, false) => format!("{path}[{key}]"),
    }
}

/// Fields of a struct, entries of a map.
fn by_key(path: &str, before: &[Tree], after: &[Tree], out: &mut Vec<FieldChange>) {
    for part in before {
        let path = below(path, &part.key);
        match after.iter().find(|other| other.key == part.key) {
            Some(other) => part.differs(&path, other, out),
            None => out.push(change(path, Some(part), None)),
        }
    }
    for part in after
        .iter()
        .filter(|part| before.iter().all(|other| other.key != part.key))
    {
        out.push(change(below(path, &part.key), None, Some(part)));
    }
}

/// Elements of a list or tuple: what is the same at both ends is the same; in between by position
/// if they are as many.
fn in_order(
    path: &str,
    bracket: char,
    before: &[Tree],
    after: &[Tree],
    out: &mut Vec<FieldChange>,
) {
    let same = |(one, other): &(&Tree, &Tree)| one == other;
    let head = before.iter().zip(after).take_while(same).count();
    let (before, after) = (&before[head..], &after[head..]);
    let tail = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take_while(same)
        .count();
    let (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
    let position = |index: usize| match bracket {
        '(' if path.is_empty() => (head + index).to_string(),
        '(' => format!("{path}.{}", head + index),
        _ => format!("{path}[{}]", head + index),
    };
    // Elements of a set have no position.
    if bracket == '{' {
        let gone = before
            .iter()
            .filter(|part| !after.contains(part))
            .map(|part| change(path.to_owned(), Some(part), None));
        let come = after
            .iter()
            .filter(|part| !before.contains(part))
            .map(|part| change(path.to_owned(), None, Some(part)));
        out.extend(gone.chain(come));
    } else if before.len() == after.len() {
        for (index, (one, other)) in before.iter().zip(after).enumerate() {
            one.differs(&position(index), other, out);
        }
    } else {
        out.extend(
            before
                .iter()
                .enumerate()
                .map(|(index, part)| change(position(index), Some(part), None)),
        );
        out.extend(
            after
                .iter()
                .enumerate()
                .map(|(index, part)| change(position(index), None, Some(part))),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, VecDeque};

    use super::*;

    #[derive(Clone, Debug)]
    #[expect(dead_code, reason = "read by `Debug`")]
    struct View {
        number: u64,
        primary: Option<&'static str>,
    }

    #[derive(Clone, Debug)]
    #[expect(dead_code, reason = "read by `Debug`")]
    enum Role {
        Idle,
        Primary(u64),
    }

    #[derive(Clone, Debug)]
    struct State {
        view: View,
        role: Role,
        replies: BTreeMap<(u64, String), String>,
        names: BTreeMap<String, u64>,
        acks: BTreeSet<u64>,
        queue: VecDeque<(u64, String)>,
        names_of_all: BTreeSet<&'static str>,
        text: String,
    }

    fn state() -> State {
        State {
            view: View {
                number: 1,
                primary: None,
            },
            role: Role::Idle,
            replies: BTreeMap::from([(
                (
                    1,
                    "a name so long that this entry has its own line".to_owned(),
                ),
                "x".to_owned(),
            )]),
            names: BTreeMap::from([
                ("with: a colon \" and {".to_owned(), 1),
                ("plain".to_owned(), 2),
            ]),
            acks: BTreeSet::from([1, 2]),
            queue: VecDeque::from([
                (1, "one".to_owned()),
                (2, "two".to_owned()),
                (3, "three".to_owned()),
            ]),
            names_of_all: BTreeSet::from(["one of three", "two of three", "three of three"]),
            text: "two\nlines, {".to_owned(),
        }
    }

    fn told(before: &State, after: &State) -> Vec<String> {
        changes(&format!("{before:#?}"), &format!("{after:#?}"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn nothing_changed() {
        assert_eq!(told(&state(), &state()), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_change_is_named_by_its_field() {
        let mut after = state();
        after.view = View {
            number: 2,
            primary: Some("s1"),
        };
        after.role = Role::Primary(2);
        after.replies.insert((2, "new".to_owned()), "y".to_owned());
        *after.names.get_mut("with: a colon \" and {").unwrap() = 9;
        after.acks = BTreeSet::from([2, 3]);
        after.queue.pop_front();
        after.names_of_all.remove("one of three");
        after.names_of_all.insert("four");
        after.text.push('!');
        assert_eq!(
            told(&state(), &after),
            [
                "view.number: 1 -> 2",
                "view.primary: None -> Some(\"s1\")",
                "role: Idle -> Primary(2)",
                "replies[(2, \"new\")]: + \"y\"",
                "names[\"with: a colon \\\" and {\"]: 1 -> 9",
                "acks: {1, 2} -> {2, 3}",
                "queue[0]: - (1, \"one\")",
                "names_of_all: - \"one of three\"",
                "names_of_all: + \"four\"",
                "text: \"two\\nlines, {\" -> \"two\\nlines, {!\"",
            ]
        );
    }

    #[test]
    fn a_state_is_shown_field_by_field() {
        let lines = lines(&format!("{:#?}", state())).join("\n");
        assert_eq!(
            lines,
            "State {
  view: View { number: 1, primary: None }
  role: Idle
  replies: {
    (1, \"a name so long that this entry has its own line\"): \"x\"
  }
  names: {\"plain\": 2, \"with: a colon \\\" and {\": 1}
  acks: {1, 2}
  queue: [(1, \"one\"), (2, \"two\"), (3, \"three\")]
  names_of_all: {\"one of three\", \"three of three\", \"two of three\"}
  text: \"two\\nlines, {\"
}"
        );
    }

    #[test]
    fn any_text_is_accepted() {
        for text in [
            "",
            "}",
            "(((",
            "a: {\n}\n}\n}: x",
            "[\n".repeat(5_000).as_str(),
            "\"",
            "x: ",
            "}: {\n]: (",
        ] {
            assert_eq!(changes(text, text), Vec::new());
            let _no_panic = (
                lines(text),
                changes(text, "y: 1"),
                changes("[\n1,\n]", text),
            );
        }
    }
}
