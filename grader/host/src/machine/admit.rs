//! What a program must be to become nodes: the same on every machine.
//!
//! The engine has limits, too, and some of them depend on how much address space a machine has to
//! give. So each of ours is below the engine's. Whoever is over one reads which; the engine is
//! asked afterwards, and what it refuses then is the program's own, too, but for what the machine
//! lacks.

use std::{error::Error, io};

use wasmparser::BinaryReaderError;

use super::{
    limits::Limits,
    outline::Outline,
    places::{Places, plain_path},
};
use crate::{
    ToolError,
    build::{BuildError, DoesNotBuild, Obstacle},
};

/// Maximum number of functions whose address is taken. The references have some hundreds.
pub(super) const MAX_TABLE_ELEMENTS: u64 = 1 << 16;

/// Maximum number of functions.
const MAX_FUNCTIONS: usize = 1 << 17;

/// Maximum size of all instructions. The references have a third of a megabyte.
const MAX_CODE_BYTES: usize = 16 << 20;

/// Maximum size of one function's instructions. An engine's time and memory for one grow faster
/// than its size.
const MAX_FUNCTION_BYTES: usize = 1 << 20;

/// Maximum number of exports, and of globals. There are some ten, which the linker makes.
const MAX_EXPORTS: usize = 1_000;

/// What the engine keeps of an instance besides its memory and its table. More than what a module
/// within the limits above needs: 32 bytes for each function whose address is taken.
pub(super) const MAX_INSTANCE_BYTES: usize = 4 << 20;

/// Refuses what is too large, or asks for more than functions.
pub(super) fn check(outline: &Outline<'_>, limits: &Limits) -> Result<(), DoesNotBuild> {
    let memory: u64 = outline.memories.iter().sum();
    let table: u64 = outline.tables.iter().sum();
    let (functions, code) = (outline.functions(), outline.code_bytes());
    let what = if let Some(name) = outline.imports_of_another_kind.first() {
        format!("it imports `{name}`, which is no function. A node is given functions only")
    } else if outline.memories.len() > 1 || outline.tables.len() > 1 {
        "it has more than one linear memory, or more than one table of functions".to_owned()
    } else if memory > limits.memory_bytes as u64 {
        let limit = limits.memory_bytes >> 20;
        format!(
            "its statics take {} MiB of memory, and a node has {limit} MiB for everything. Make \
             large values smaller, or make them when they are needed",
            memory.div_ceil(1 << 20)
        )
    } else if table > MAX_TABLE_ELEMENTS {
        format!(
            "it takes the addresses of {table} functions (function pointers, and the methods and \
             closures behind `dyn`), and a node has room for {MAX_TABLE_ELEMENTS}"
        )
    } else if functions > MAX_FUNCTIONS {
        format!("it has {functions} functions, and a node has room for {MAX_FUNCTIONS}")
    } else if code > MAX_CODE_BYTES {
        let (code, limit) = (code >> 20, MAX_CODE_BYTES >> 20);
        format!("it has {code} MiB of instructions, and a node has room for {limit} MiB")
    } else if outline.exported > MAX_EXPORTS || outline.globals > MAX_EXPORTS {
        format!("it exports more than {MAX_EXPORTS} names, or has as many globals")
    } else if let Some((function, bytes)) = outline.largest()
        && bytes > MAX_FUNCTION_BYTES
    {
        let (name, limit) = (path_of(outline, function), MAX_FUNCTION_BYTES >> 10);
        format!(
            "its function `{name}` has {} KiB of instructions, and {limit} KiB are allowed. Divide \
             it into several",
            bytes >> 10
        )
    } else {
        return Ok(());
    };
    Err(refused(&what))
}

fn path_of(outline: &Outline<'_>, function: u32) -> String {
    let symbol = outline.name_of(function).unwrap_or("(without a name)");
    plain_path(&addr2line::demangle_auto(symbol.into(), None))
}

/// A program that no node can run, in the student's terms.
pub(super) fn refused(what: &str) -> DoesNotBuild {
    let text = format!("error: the crate compiles, but no node can run what it becomes\n\n{what}");
    DoesNotBuild::text(Obstacle::Program, text)
}

/// What cannot be read as a module. The linker makes modules, so the names in it are too long, or
/// it has something in it that nodes do not know.
pub(super) fn unreadable(wasm: &[u8], error: &BinaryReaderError) -> BuildError {
    if !wasm.starts_with(b"\0asm") {
        let reason = error.to_string();
        return ToolError::Engine {
            action: "read the module",
            reason,
        }
        .into();
    }
    foreign(wasm, error.message(), Some(error.offset())).into()
}

/// What the engine does not compile or link.
pub(super) fn not_run(wasm: &[u8], action: &'static str, error: &wasmtime::Error) -> BuildError {
    // By type: the text may quote a name that the program has chosen.
    if error.chain().any(is_the_machines) {
        return ToolError::Engine {
            action,
            reason: format!("{error:#}"),
        }
        .into();
    }
    let reason = error.root_cause().to_string();
    let invalid = reason.strip_prefix("Invalid input WebAssembly code at offset ");
    match invalid.and_then(|rest| rest.split_once(": ")) {
        Some((at, reason)) => foreign(wasm, reason, at.parse().ok()).into(),
        None => foreign(wasm, &reason, None).into(),
    }
}

/// Memory for the machine code, say.
fn is_the_machines(cause: &(dyn Error + 'static)) -> bool {
    #[cfg(unix)]
    if cause.is::<rustix::io::Errno>() {
        return true;
    }
    cause.is::<io::Error>()
}

fn foreign(wasm: &[u8], reason: &str, at: Option<usize>) -> DoesNotBuild {
    let place = at.and_then(|at| Places::of(wasm.to_vec()).line_of(at));
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    let what = format!(
        "{place}it needs of WebAssembly what nodes do not have: {reason}. Nodes have what safe \
         Rust compiles to without asking; take away `#[target_feature]`, and what needs it"
    );
    refused(&what)
}
