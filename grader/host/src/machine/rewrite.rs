//! Changes a few functions of a module before it is compiled.
//!
//! A function that a node lacks gets a body that ends the node, `println!` one that asks whether
//! there is still room, and `Backtrace::capture` one that does not ask the environment: the C
//! library asks once and remembers, so the program's own question would go unheard. No function
//! gets longer, so that all others stay where the lines of the sources say they are.

use super::{lacking, outline::Outline};

/// Functions of the standard library, and the exports of labkit's glue that take their place.
const REPLACED: [(&[&str], &str); 3] = [
    (&["std", "io", "stdio", "_print"], "faultline_print"),
    (&["std", "io", "stdio", "_eprint"], "faultline_eprint"),
    (
        &["std", "backtrace", "Backtrace", "capture"],
        "faultline_backtrace",
    ),
];

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const CALL: u8 = 0x10;
const LOCAL_GET: u8 = 0x20;

/// The module with the functions changed.
pub(super) fn rewritten(wasm: &[u8], outline: &Outline<'_>) -> Vec<u8> {
    let mut changed = wasm.to_vec();
    for &(function, name) in &outline.names {
        let code = if lacking::named(name).is_some() {
            Some(vec![UNREACHABLE])
        } else {
            forwarding(outline, function, name)
        };
        if let (Some(code), Some(body)) = (code, outline.body(function)) {
            replace(&mut changed[body], &code);
        }
    }
    changed
}

/// Writes other instructions, and fills up with such that do nothing.
fn replace(body: &mut [u8], code: &[u8]) {
    let Some((end, room)) = body.split_last_mut() else {
        return;
    };
    if room.len() < code.len() {
        return;
    }
    let (new, rest) = room.split_at_mut(code.len());
    new.copy_from_slice(code);
    rest.fill(NOP);
    *end = END;
}

/// Instructions that call the export which takes the place of the function of this name, with the
/// same arguments.
fn forwarding(outline: &Outline<'_>, function: u32, name: &str) -> Option<Vec<u8>> {
    let (_, export) = REPLACED.iter().find(|(path, _)| lacking::is(name, path))?;
    let instead = *outline.exports.get(export)?;
    let of_type = outline.type_of(function)?;
    if outline.type_of(instead) != Some(of_type) {
        return None;
    }
    let mut code = Vec::new();
    for parameter in 0..outline.parameters_of(of_type)? {
        code.push(LOCAL_GET);
        number(&mut code, u32::try_from(parameter).ok()?);
    }
    code.push(CALL);
    number(&mut code, instead);
    Some(code)
}

/// A number as wasm writes it: seven bits in a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_its_length() {
        let mut body = [LOCAL_GET, 0, LOCAL_GET, 1, END];
        replace(&mut body, &[UNREACHABLE]);
        assert_eq!(body, [UNREACHABLE, NOP, NOP, NOP, END]);
        let mut short = [NOP, END];
        replace(&mut short, &[CALL, 7]);
        assert_eq!(short, [NOP, END], "what does not fit changes nothing");
    }

    #[test]
    fn numbers_are_written_as_wasm_writes_them() {
        let mut out = Vec::new();
        number(&mut out, 5);
        number(&mut out, 624_485);
        assert_eq!(out, [5, 0xe5, 0x8e, 0x26]);
    }
}
