//! Long texts of a program cut around what they are shown for.
//!
//! A `Debug` form is groups in brackets whose parts stand between commas. What names a value that
//! is at issue stays; of many parts alike one stays, and so does one that is unlike its neighbours;
//! the rest becomes `...`. A text that is no such form is cut on both sides of the first value.

use std::collections::BTreeSet;

use super::words::brings;

/// The deepest nesting that is looked into.
const DEEPEST: usize = 40;

/// The maximum number of rounds: each leaves one group out.
const ROUNDS: usize = 200;

/// Of a longer text only this much is taken apart.
const LONGEST: usize = 8_000;

/// What is left out.
const GAP: &str = "...";

/// The text in about `most` characters, half as many again at most, with what names these values.
pub fn around(text: &str, values: &[String], most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut part = match length(text) <= LONGEST {
        true => Part::parse(text, values),
        false => Part::parse(&window(text, values, LONGEST), values),
    };
    part.fold();
    let (soft, most) = (most, most + most / 2);
    for _ in 0..ROUNDS {
        let long = length(&part.to_string());
        // What is left then tells something, and may be half as long again.
        let best = part.best();
        let tells = best.is_none_or(|(worth, long)| worth < Worth::Named || long <= SMALL);
        if long <= soft || (tells && long <= most) {
            return part.to_string();
        }
        if !best.is_some_and(|best| part.empty(best)) {
            break;
        }
    }
    window(&part.to_string(), values, most)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// What stands around the first value that is named there, or else the beginning.
fn window(text: &str, values: &[String], most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let found = values.iter().find_map(|value| {
        let begin = text.find(value.as_str())?;
        Some((length(&text[..begin]), length(value)))
    });
    let (at, long) = found.unwrap_or((0, 0));
    let room = most.saturating_sub(2 * GAP.len());
    // The beginning says what it is, and a part of the rest what stands before the value.
    let head = if at + long <= room { 0 } else { room / 4 };
    let begin = if head == 0 {
        0
    } else {
        at.saturating_sub(room / 4).max(head)
    };
    let end = (begin + room - head).min(letters.len());
    let text = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    let front = if begin > 0 {
        text(0..head) + GAP
    } else {
        String::new()
    };
    let after = if end < letters.len() { GAP } else { "" };
    format!("{front}{}{after}", text(begin..end))
}

/// What stands between two commas: texts and groups, one after the other.
#[derive(Debug, Default)]
struct Part {
    atoms: Vec<Atom>,
    /// It names a value that is at issue.
    named: bool,
    /// It is unlike its neighbours.
    odd: bool,
    /// It stands for what is left out.
    gap: bool,
}

#[derive(Debug)]
enum Atom {
    Text(String),
    Group(Group),
}

#[derive(Debug)]
struct Group {
    open: char,
    parts: Vec<Part>,
    /// Empty if the text ends before it does.
    close: String,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for atom in &self.atoms {
            match atom {
                Atom::Text(text) => f.write_str(text)?,
                Atom::Group(Group { open, parts, close }) => {
                    write!(f, "{open}")?;
                    for (index, part) in parts.iter().enumerate() {
                        let comma = if index == 0 { "" } else { "," };
                        write!(f, "{comma}{part}")?;
                    }
                    f.write_str(close)?;
                }
            }
        }
        Ok(())
    }
}

impl Part {
    fn parse(text: &str, values: &[String]) -> Part {
        let mut letters = text.chars().peekable();
        let mut whole = Part::default();
        while letters.peek().is_some() {
            let mut parts = parts(&mut letters, 0);
            whole.atoms.append(&mut commas(&mut parts));
            // A bracket that nothing opened.
            if let Some(letter) = letters.next() {
                whole.atoms.push(Atom::Text(letter.to_string()));
            }
        }
        whole.look_for(values);
        whole
    }

    fn gap(space: bool) -> Part {
        let text = if space { " ..." } else { GAP };
        Part::text(text.to_owned())
    }

    /// Stands for so many parts that are like one before.
    fn more(count: usize) -> Part {
        Part::text(format!(" {count} more"))
    }

    fn text(text: String) -> Part {
        Part {
            atoms: vec![Atom::Text(text)],
            gap: true,
            ..Part::default()
        }
    }

    fn look_for(&mut self, values: &[String]) {
        let text = self.to_string();
        self.named = values.iter().any(|value| brings(&text, value));
        for group in self.groups_mut() {
            for part in &mut group.parts {
                part.look_for(values);
            }
        }
    }

    fn groups_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.atoms.iter_mut().filter_map(|atom| match atom {
            Atom::Group(group) => Some(group),
            Atom::Text(_) => None,
        })
    }

    /// Of parts alike in a group the first one stays, and those that name a value.
    fn fold(&mut self) {
        for group in self.groups_mut() {
            let shapes: Vec<String> = group.parts.iter().map(Part::shape).collect();
            let most = |shape: &String| shapes.iter().filter(|other| *other == shape).count();
            let usual = shapes.iter().map(most).max().unwrap_or(0);
            let mut kept: Vec<Part> = Vec::new();
            let mut known: BTreeSet<&String> = BTreeSet::new();
            let mut gone = 0;
            for (index, mut part) in std::mem::take(&mut group.parts).into_iter().enumerate() {
                let shape = &shapes[index];
                part.odd = usual > 2 && most(shape) * 4 <= usual;
                if known.insert(shape) || part.named || usual <= 2 {
                    kept.extend((gone > 0).then(|| Part::more(gone)));
                    gone = 0;
                    kept.push(part);
                } else {
                    gone += 1;
                }
            }
            kept.extend((gone > 0).then(|| Part::more(gone)));
            group.parts = kept;
            for part in &mut group.parts {
                part.fold();
                let inside = part
                    .groups_mut()
                    .any(|group| group.parts.iter().any(|part| part.odd));
                part.odd |= inside;
            }
        }
    }

    /// The part without what differs from one to the next.
    fn shape(&self) -> String {
        let mut quoted = false;
        let mut shape = String::new();
        for letter in self.to_string().trim_start().chars() {
            quoted ^= letter == '"';
            match letter {
                '{' | '[' if !quoted => break,
                letter if !quoted && !letter.is_ascii_digit() => shape.push(letter),
                _ => {}
            }
        }
        // Names of nodes differ in their numbers only, other words tell parts apart.
        shape
    }

    /// How good it is to leave out a group here: the best of those that are innermost.
    fn best(&mut self) -> Option<(Worth, usize)> {
        let mut best = None;
        for group in self.groups_mut() {
            let inside = group.parts.iter_mut().filter_map(Part::best).max();
            best = best.max(inside).max(group.worth(inside));
        }
        best
    }

    /// Leaves out the first group that is worth this.
    fn empty(&mut self, worth: (Worth, usize)) -> bool {
        for group in self.groups_mut() {
            if group.parts.iter_mut().any(|part| part.empty(worth)) {
                return true;
            }
            if group.worth(None) == Some(worth) {
                group.leave_out();
                return true;
            }
        }
        false
    }
}

/// Which parts of a group are left out: the later, the sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Fields that stand beside one that names a value.
    Beside,
    /// A group in which one part is unlike the others.
    Odd,
    /// All but the first two of many parts that name a value.
    Named,
    /// A group that names nothing.
    Nothing,
    /// Parts of a list that name nothing, while others do.
    OfList,
}

/// So many parts that name a value tell no more than the first ones.
const NAMED: usize = 2;

/// A group of at most so many characters goes only if there is no room at all.
const SMALL: usize = 40;

/// A field of at most so many characters stays beside one that names a value.
const SHORT: usize = 14;

impl Group {
    /// How good it is to leave something of it out, and how long it is; `None` if it is short, or
    /// nothing of it can go, or what is inside must go first.
    fn worth(&self, inside: Option<(Worth, usize)>) -> Option<(Worth, usize)> {
        let text: usize = self
            .parts
            .iter()
            .map(|part| length(&part.to_string()))
            .sum();
        let free = self.parts.iter().any(|part| self.may_go(part));
        if text <= 3 * GAP.len() {
            return None;
        }
        let named = self.parts.iter().filter(|part| part.named).count();
        let odd = self.parts.iter().any(|part| part.odd);
        let worth = match (named, odd) {
            (0, false) if self.parts.iter().all(|part: &Part| part.gap) => return None,
            (0, false) => Worth::Nothing,
            (0, true) => Worth::Odd,
            (1.., _) if free && self.is_list() => Worth::OfList,
            (named, _) if named > NAMED && self.is_list() => Worth::Named,
            (1.., _) if free => Worth::Beside,
            _ => return None,
        };
        // An outer group may go only when no inner one tells less.
        let first = inside.is_none_or(|(inner, _)| inner < worth);
        first.then_some((worth, text))
    }

    /// True if a part names nothing and is no short field beside one that does.
    fn may_go(&self, part: &Part) -> bool {
        let alone = self.parts.iter().all(|part| !part.named);
        let long = alone || self.is_list() || length(&part.to_string()) > SHORT;
        !part.named && !part.gap && long
    }

    fn is_list(&self) -> bool {
        self.open == '[' || self.parts.len() > 3 && self.open == '{' && self.close == "}"
    }

    fn leave_out(&mut self) {
        let goes: Vec<bool> = self.parts.iter().map(|part| self.may_go(part)).collect();
        let some_free = goes.contains(&true);
        let mut kept: Vec<Part> = Vec::new();
        let mut named = 0;
        for (part, goes) in std::mem::take(&mut self.parts).into_iter().zip(goes) {
            named += usize::from(part.named);
            let many = part.named && !some_free && named > NAMED;
            if !goes && !many && !part.gap {
                kept.push(part);
            } else if let Some(last) = kept.last_mut().filter(|part| part.gap) {
                *last = Part::gap(last.to_string().starts_with(' '));
            } else {
                let space = !kept.is_empty() || self.close.starts_with(' ');
                kept.push(Part::gap(space));
            }
        }
        self.parts = kept;
    }
}

type Letters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// What stands between commas up to the bracket that closes, or the end.
fn parts(letters: &mut Letters<'_>, depth: usize) -> Vec<Part> {
    let mut all = vec![Part::default()];
    let mut text = String::new();
    let mut quoted = false;
    while let Some(letter) = letters.peek().copied() {
        if !quoted && matches!(letter, ')' | ']' | '}') {
            break;
        }
        letters.next();
        match letter {
            '\\' if quoted => {
                text.push(letter);
                text.extend(letters.next());
            }
            '"' => {
                quoted = !quoted;
                text.push(letter);
            }
            ',' if !quoted => {
                flush(&mut all, &mut text);
                all.push(Part::default());
            }
            '(' | '[' | '{' if !quoted && depth < DEEPEST => {
                flush(&mut all, &mut text);
                let mut inside = parts(letters, depth + 1);
                let mut close = String::new();
                // The space before the brace that closes stays with it.
                if let Some(Atom::Text(last)) = inside.last_mut().and_then(|p| p.atoms.last_mut())
                    && letter == '{'
                    && last.ends_with(' ')
                {
                    last.pop();
                    close.push(' ');
                }
                close.extend(letters.next());
                let group = Atom::Group(Group {
                    open: letter,
                    parts: inside,
                    close,
                });
                if let Some(part) = all.last_mut() {
                    part.atoms.push(group);
                }
            }
            other => text.push(other),
        }
    }
    flush(&mut all, &mut text);
    all
}

fn flush(all: &mut [Part], text: &mut String) {
    if !text.is_empty()
        && let Some(part) = all.last_mut()
    {
        part.atoms.push(Atom::Text(std::mem::take(text)));
    }
}

/// Parts of no group, with their commas.
fn commas(parts: &mut Vec<Part>) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for (index, part) in parts.drain(..).enumerate() {
        if index > 0 {
            atoms.push(Atom::Text(",".to_owned()));
        }
        atoms.extend(part.atoms);
    }
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(all: &[&str]) -> Vec<String> {
        all.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn what_names_a_value_stays() {
        let records: Vec<String> = (0..20)
            .map(|split| format!("({split}, [Record {{ key: \"k{split}\", value: \"1\" }}])"))
            .collect();
        let text = format!("Buckets {{ job: 1, buckets: [{}] }}", records.join(", "));
        assert_eq!(
            around(&text, &values(&["\"k11\""]), 130),
            "Buckets { job: 1, buckets: [(0, [Record { key: \"k0\", value: \"1\" }]), 10 more, \
             (11, [Record { key: \"k11\", value: \"1\" }]), 8 more] }"
        );
        assert_eq!(
            around(&text, &values(&["\"k11\""]), 90),
            "Buckets { job: 1, buckets: [..., (11, [Record { key: \"k11\", value: \"1\" }]), ...] \
             }"
        );
    }

    #[test]
    fn one_that_is_unlike_the_others_stays() {
        let known: Vec<String> = (1..12).map(|of| format!("Some((w{of}, 1))")).collect();
        let known = known.join(", ");
        let text = format!(
            "Lend {{ loan: (1, 27), app: App {{ tokens: Words, key: Token, value: One }}, work: \
             Reduce {{ reduce: 6, sources: [{known}, None, {known}] }} }}"
        );
        assert_eq!(
            around(&text, &[], 90),
            "Lend { loan: (1, 27), app: App { ... }, work: Reduce { reduce: 6, sources: \
             [Some((w1, 1)), 10 more, None, 11 more] } }"
        );
    }

    #[test]
    fn any_text_gets_short() {
        let deep = "[".repeat(10_000) + "\"x\"";
        let loose = format!("{} \"x\" {}", "word ".repeat(50), "word ".repeat(50));
        let texts = [
            deep.as_str(),
            &loose,
            &"})]".repeat(500),
            &"\"\\".repeat(500),
        ];
        for text in texts {
            for most in [10, 40, 160] {
                let short = around(text, &values(&["\"x\""]), most);
                assert!(length(&short) <= most + most / 2, "{short}");
            }
        }
        let short = around(&loose, &values(&["\"x\""]), 40);
        assert!(
            short.contains("\"x\"") && short.starts_with("word") && short.ends_with("..."),
            "{short}"
        );
        assert_eq!(around("short", &[], 10), "short");
    }
}
