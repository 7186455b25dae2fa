//! Events in words.

use faultline_sim::Happening;

use super::shorten::around;

/// The longest text of a message or state in a line.
const LONGEST: usize = 160;

/// The same where the part that matters is known.
const LONGEST_AROUND: usize = 100;

/// An event in words that fit a line or two.
pub fn words(what: &Happening) -> String {
    in_words(what, short)
}

/// An event in words, what the program says in full.
pub fn full_words(what: &Happening) -> String {
    in_words(what, str::to_owned)
}

fn in_words(what: &Happening, short: impl Fn(&str) -> String) -> String {
    match what {
        Happening::Start {
            node,
            incarnation: 1,
        } => format!("{node} starts"),
        Happening::Start { node, incarnation } => {
            format!("{node} starts again, incarnation {incarnation}")
        }
        Happening::Receive {
            node,
            from,
            message,
            ..
        } => format!("{from} -> {node}  {}", short(message)),
        Happening::Lose {
            from,
            to,
            message,
            why,
            ..
        } => format!("{from} -x {to}  {} ({why})", short(message)),
        Happening::Timer { node, timer } => format!("{node}  timer {}", short(timer)),
        Happening::Invoke { node, command } => format!("{node}  invoke {}", short(command)),
        Happening::WorkDone { node, work } => format!("{node}  is done with {work}"),
        Happening::Respond { node, output } => format!("{node}  answers {}", short(output)),
        Happening::Leave { node } => format!("{node} leaves for good"),
        Happening::Crash { node, after: None } => format!("{node} crashes"),
        Happening::Crash {
            node,
            after: Some((_, effects)),
        } => {
            let plural = if *effects == 1 { "effect" } else { "effects" };
            format!("{node} crashes in this event, after {effects} {plural} of it")
        }
        Happening::Fault { text } => text.clone(),
        Happening::Phase { name } => format!("--- {name} ---"),
        Happening::Stop { text } => text.lines().next().unwrap_or_default().to_owned(),
    }
}

/// An event in words that fit a line or two and keep what names these values.
pub fn words_around(what: &Happening, values: &[String]) -> String {
    in_words(what, |text| around(text, values, LONGEST_AROUND))
}

/// True if the text has the value in it, and not as a part of a longer number or word.
pub fn names(text: &str, value: &str) -> bool {
    let part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(value).any(|(begin, found)| {
        let (before, behind) = (&text[..begin], &text[begin + found.len()..]);
        let joined = |inside: Option<char>, outside: Option<char>| part(inside) && part(outside);
        !joined(found.chars().next(), before.chars().next_back())
            && !joined(found.chars().next_back(), behind.chars().next())
    })
}

/// True if the text names the value, or has a quoted one as a part of a longer quoted one, as an
/// append leaves it.
pub fn brings(text: &str, value: &str) -> bool {
    let inside = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    names(text, value)
        || inside.is_some_and(|inside| inside.chars().count() >= PART && names(text, inside))
}

/// The shortest text that is looked for within others: shorter ones are everywhere.
const PART: usize = 2;

/// A text of the student's, not longer than a line or two.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_named_as_a_whole() {
        assert!(names("Reply { number: 2, nth: 5 }", "nth: 5"));
        assert!(!names("Reply { number: 2, nth: 53 }", "nth: 5"));
        assert!(!names("Reply { tenth: 5 }", "nth: 5"));
        assert!(names("Append { value: \"new;\" }", "\"new;\""));
        assert!(!names("Value(\"old;new;\")", "\"new;\""));
    }

    #[test]
    fn a_value_is_brought_within_a_longer_one() {
        assert!(brings("Value(\"old;new;\")", "\"new;\""));
        assert!(!brings("Value(\"11;\")", "\"1;\""), "a part of a number");
        assert!(!brings("Value(\"xy\")", "\"x\""));
    }
}
