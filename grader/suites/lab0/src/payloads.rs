//! What is sent to be echoed.

use faultline_sim::choice::Draw;
use lab0_api::Payload;

/// Numbers that do not survive a float, a smaller integer or a sign that is lost.
const NUMBERS: [i64; 7] = [
    0,
    -1,
    1 << 32,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
];

const TEXTS: [&str; 6] = [
    "",
    "hello",
    "Grüße, 世界 \u{1F980}",
    "\"quotes\" \\ and \n\t\0",
    "null",
    "12",
];

/// A text.
pub fn text(text: &str) -> Payload {
    Payload::Text(text.to_owned())
}

/// A text of this number of letters.
pub fn large(letters: usize) -> Payload {
    Payload::Text(
        "all work and no play "
            .chars()
            .cycle()
            .take(letters)
            .collect(),
    )
}

/// A list in a list in a list, ...
pub fn nested(depth: u32) -> Payload {
    (0..depth).fold(Payload::Null, |inner, _| Payload::List(vec![inner]))
}

/// One of every sort.
pub fn every_sort() -> Vec<Payload> {
    let mut all = vec![Payload::Null, Payload::Bool(true), Payload::Bool(false)];
    all.extend(NUMBERS.map(Payload::Number));
    all.extend(TEXTS.map(text));
    all.push(Payload::List(Vec::new()));
    all.push(Payload::Object([].into()));
    all.push(Payload::List(vec![
        text("a"),
        text("a"),
        Payload::Number(1),
        Payload::Null,
    ]));
    let names = ["b", "", "a", "Ä"].map(|name| {
        (
            name.to_owned(),
            Payload::List(vec![text(name), Payload::Bool(true)]),
        )
    });
    all.push(Payload::Object(names.into()));
    all.push(nested(40));
    all.push(large(10_000));
    all
}

/// Something of at most this depth.
pub fn drawn(draw: &mut Draw, depth: u32) -> Payload {
    let sorts = if depth == 0 { 5 } else { 7 };
    match draw.below(sorts) {
        0 => Payload::Null,
        1 => Payload::Bool(draw.below(2) == 0),
        2 => Payload::Number(draw.pick(&NUMBERS).wrapping_add(draw.below(1_000) as i64)),
        3 => text(TEXTS[draw.below(TEXTS.len() as u64) as usize]),
        4 => large(draw.below(400) as usize),
        5 => Payload::List((0..draw.below(4)).map(|_| drawn(draw, depth - 1)).collect()),
        _ => {
            let entry = |draw: &mut Draw| {
                (
                    format!("{}{}", draw.pick(&TEXTS), draw.below(9)),
                    drawn(draw, depth - 1),
                )
            };
            Payload::Object((0..draw.below(4)).map(|_| entry(draw)).collect())
        }
    }
}
