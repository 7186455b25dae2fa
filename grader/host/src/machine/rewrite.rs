//! Changes a few functions of a module before it is compiled.
//!
//! A function that a node lacks gets a body that ends the node, and `println!` one that asks first
//! whether there is still room. No function gets longer, so that all others stay where the lines of
//! the sources say they are.

use std::{collections::HashMap, ops::Range};

use wasmparser::{ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};

use super::lacking;

/// Functions of the standard library, and the exports of labkit's glue that take their place.
const REPLACED: [(&[&str], &str); 2] = [
    (&["std", "io", "stdio", "_print"], "faultline_print"),
    (&["std", "io", "stdio", "_eprint"], "faultline_eprint"),
];

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const CALL: u8 = 0x10;
const LOCAL_GET: u8 = 0x20;

/// What of a module matters here.
#[derive(Default)]
struct Outline<'a> {
    imported: u32,
    /// The type of each function that is no import.
    types: Vec<u32>,
    /// How many parameters each type of a function has.
    parameters: Vec<usize>,
    exports: HashMap<&'a str, u32>,
    /// The instructions of each function that is no import, their last `end` included.
    bodies: Vec<Range<usize>>,
    names: Vec<(u32, &'a str)>,
}

/// The module with the functions changed. What is no module is given back as it is: the engine says
/// what is wrong with it.
pub(super) fn rewritten(wasm: &[u8]) -> Vec<u8> {
    let mut changed = wasm.to_vec();
    let Ok(outline) = Outline::read(wasm) else {
        return changed;
    };
    for &(function, name) in &outline.names {
        let code = if lacking::named(name).is_some() {
            Some(vec![UNREACHABLE])
        } else {
            outline.forwarding(function, name)
        };
        let body = outline
            .own(function)
            .and_then(|own| outline.bodies.get(own));
        if let (Some(code), Some(body)) = (code, body) {
            replace(&mut changed[body.clone()], &code);
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

impl<'a> Outline<'a> {
    fn read(wasm: &'a [u8]) -> wasmparser::Result<Outline<'a>> {
        let mut outline = Outline::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(types) => {
                    for function in types.into_iter_err_on_gc_types() {
                        outline.parameters.push(function?.params().len());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let function = matches!(import?.ty, TypeRef::Func(_));
                        outline.imported += u32::from(function);
                    }
                }
                Payload::FunctionSection(types) => {
                    outline.types = types.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            outline.exports.insert(export.name, export.index);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let start = body.get_operators_reader()?.original_position();
                    outline.bodies.push(start..body.range().end);
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        for name in names {
                            outline.name(name?)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn name(&mut self, names: Name<'a>) -> wasmparser::Result<()> {
        if let Name::Function(functions) = names {
            for naming in functions {
                let naming = naming?;
                self.names.push((naming.index, naming.name));
            }
        }
        Ok(())
    }

    /// Which of the functions that are no imports this one is.
    fn own(&self, function: u32) -> Option<usize> {
        function.checked_sub(self.imported).map(|own| own as usize)
    }

    fn type_of(&self, function: u32) -> Option<u32> {
        self.own(function)
            .and_then(|own| self.types.get(own))
            .copied()
    }

    /// Instructions that call the export which takes the place of the function of this name, with
    /// the same arguments.
    fn forwarding(&self, function: u32, name: &str) -> Option<Vec<u8>> {
        let (_, export) = REPLACED.iter().find(|(path, _)| lacking::is(name, path))?;
        let instead = *self.exports.get(export)?;
        let of_type = self.type_of(function)?;
        if self.type_of(instead) != Some(of_type) {
            return None;
        }
        let mut code = Vec::new();
        for parameter in 0..*self.parameters.get(of_type as usize)? {
            code.push(LOCAL_GET);
            number(&mut code, u32::try_from(parameter).ok()?);
        }
        code.push(CALL);
        number(&mut code, instead);
        Some(code)
    }
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

    #[test]
    fn what_is_no_module_stays_as_it_is() {
        assert_eq!(rewritten(b"no module"), b"no module");
    }
}
