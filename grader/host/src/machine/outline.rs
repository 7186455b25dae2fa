//! What of a module matters before it is compiled.

use std::{collections::HashMap, ops::Range};

use wasmparser::{ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};

/// A module without its instructions.
#[derive(Default)]
pub(super) struct Outline<'a> {
    imported: u32,
    /// Imports that are no functions, by their names.
    pub imports_of_another_kind: Vec<&'a str>,
    /// The type of each function that is no import.
    types: Vec<u32>,
    /// How many parameters each type of a function has.
    parameters: Vec<usize>,
    pub exports: HashMap<&'a str, u32>,
    /// How many exports there are, functions or not.
    pub exported: usize,
    pub globals: usize,
    /// The sizes of all tables at the start, in elements.
    pub tables: Vec<u64>,
    /// The sizes of all linear memories at the start, in bytes.
    pub memories: Vec<u64>,
    /// The instructions of each function that is no import, their last `end` included.
    bodies: Vec<Range<usize>>,
    pub names: Vec<(u32, &'a str)>,
}

impl<'a> Outline<'a> {
    pub fn read(wasm: &'a [u8]) -> wasmparser::Result<Outline<'a>> {
        let mut outline = Outline::default();
        for payload in Parser::new(0).parse_all(wasm) {
            outline.take(payload?)?;
        }
        Ok(outline)
    }

    fn take(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for function in types.into_iter_err_on_gc_types() {
                    self.parameters.push(function?.params().len());
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    if matches!(import.ty, TypeRef::Func(_)) {
                        self.imported += 1;
                    } else {
                        self.imports_of_another_kind.push(import.name);
                    }
                }
            }
            Payload::FunctionSection(types) => {
                self.types = types.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables.push(table?.ty.initial);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    self.memories.push(memory.initial.saturating_mul(page));
                }
            }
            Payload::GlobalSection(globals) => self.globals = globals.count() as usize,
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exported += 1;
                    if export.kind == ExternalKind::Func {
                        self.exports.insert(export.name, export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let start = body.get_operators_reader()?.original_position();
                self.bodies.push(start..body.range().end);
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names {
                        self.name(name?)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
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

    /// Where the instructions of a function are.
    pub fn body(&self, function: u32) -> Option<Range<usize>> {
        self.bodies.get(self.own(function)?).cloned()
    }

    /// How many functions there are, imports included.
    pub fn functions(&self) -> usize {
        self.imported as usize + self.bodies.len()
    }

    /// How many bytes of instructions there are.
    pub fn code_bytes(&self) -> usize {
        self.bodies.iter().map(Range::len).sum()
    }

    /// The function with the most instructions, and how many bytes these are.
    pub fn largest(&self) -> Option<(u32, usize)> {
        let sizes = self.bodies.iter().map(Range::len).zip(self.imported..);
        sizes.max().map(|(bytes, function)| (function, bytes))
    }

    pub fn type_of(&self, function: u32) -> Option<u32> {
        self.own(function)
            .and_then(|own| self.types.get(own))
            .copied()
    }

    pub fn parameters_of(&self, of_type: u32) -> Option<usize> {
        self.parameters.get(of_type as usize).copied()
    }

    /// The name of a function as it stands in the module.
    pub fn name_of(&self, function: u32) -> Option<&'a str> {
        let mut names = self.names.iter();
        names
            .find(|(index, _)| *index == function)
            .map(|(_, name)| *name)
    }
}
