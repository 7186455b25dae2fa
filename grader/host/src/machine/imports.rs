//! What a node may call: a few functions of wasi, none of which reaches this machine.
//!
//! The list is closed. A module may ask for every function of wasi (the standard library does,
//! depending on what a program uses); all but these stop the node with a text that says what to use
//! instead.

use wasmtime::{Caller, ExternType, FrameInfo, Linker, Memory, Module, Trap, WasmBacktrace};

use super::{
    fault::Stop,
    host::{Host, Panic},
    lacking::{self, CLOCK, ENVIRONMENT, FILE, NETWORK, NOTHING_LIKE_IT, PROCESS, WAIT, YIELD},
};
use crate::ToolError;

const WASI: &str = "wasi_snapshot_preview1";

/// Error numbers of wasi.
const SUCCESS: i32 = 0;
const BAD_FILE: i32 = 8;

/// Maximum number of pieces of one write to handle; the program writes the rest again.
const MAX_PIECES: u32 = 64;

/// The one folder that a node seems to have been given. It can do nothing with it: but without any,
/// the C library would answer "no such file" itself, and nobody would hear of the call.
const FOLDER: i32 = 3;
const NAME_OF_FOLDER: &[u8] = b"/";

/// What is given back for each printed byte, as far as a call may print: formatting happens in the
/// node, and right code must not run out of fuel for it.
///
/// Measured (`cargo test --test host printing_costs -- --nocapture`): 377 units a byte for a map
/// with `{:?}` whose texts have much to escape, 328 with `{:#?}`, 267 for three numbers in a line,
/// 20 for long lines of text, and 545 for a line that is empty, most of it the way to the host. A
/// program that prints more cheaply gains what is left, which the limits on printed bytes bound.
const FUEL_PER_PRINTED_BYTE: u64 = 600;

/// What of a node's fuel surely went into printing so much, to tell why it ran out.
pub(super) fn cost_of_printing(bytes: u64) -> u64 {
    bytes.saturating_mul(FUEL_PER_PRINTED_BYTE / 3)
}

/// Maximum size of a panic's message and place, in bytes.
const MAX_PANIC_BYTES: u32 = 8 << 10;

/// Defines every import of the module.
pub(super) fn define(linker: &mut Linker<Host>, module: &Module) -> Result<(), ToolError> {
    let failed = ToolError::engine("define the imports of a module");
    define_all(linker, module).map_err(failed)
}

fn define_all(linker: &mut Linker<Host>, module: &Module) -> wasmtime::Result<()> {
    for import in module.imports() {
        let (space, name) = (import.module(), import.name());
        match (space, name) {
            ("faultline", "panicked") => linker.func_wrap(space, name, panicked)?,
            (WASI, "fd_write") => linker.func_wrap(space, name, fd_write)?,
            (WASI, "random_get") => linker.func_wrap(space, name, random_get)?,
            (WASI, "environ_sizes_get") => linker.func_wrap(space, name, no_environment)?,
            (WASI, "environ_get") => linker.func_wrap(space, name, |_: i32, _: i32| SUCCESS)?,
            (WASI, "fd_prestat_get") => linker.func_wrap(space, name, folder)?,
            (WASI, "fd_prestat_dir_name") => linker.func_wrap(space, name, name_of_folder)?,
            // Asked before a file is closed or a terminal is written to; there are neither.
            (WASI, "fd_fdstat_get") => linker.func_wrap(space, name, state_of_file)?,
            ("faultline", "may_print") => linker.func_wrap(space, name, may_print)?,
            _ => {
                let ExternType::Func(signature) = import.ty() else {
                    continue;
                };
                let advice = advice(space, name);
                let name = name.to_owned();
                linker.func_new(space, &name.clone(), signature, move |_, _, _| {
                    let name = name.clone();
                    Err(Stop::Refused { name, advice }.into())
                })?
            }
        };
    }
    Ok(())
}

/// What is wrong with calling it, and what to use instead.
fn advice(space: &str, name: &str) -> &'static str {
    if space != WASI {
        return NOTHING_LIKE_IT;
    }
    let families = [
        ("clock_", CLOCK),
        ("poll_", WAIT),
        ("sched_", YIELD),
        ("sock_", NETWORK),
        ("path_", FILE),
        ("fd_", FILE),
        ("environ_", ENVIRONMENT),
        ("args_", ENVIRONMENT),
        ("proc_", PROCESS),
    ];
    let family = families.iter().find(|(prefix, _)| name.starts_with(prefix));
    family.map_or(NOTHING_LIKE_IT, |(_, advice)| advice)
}

fn refused(name: &str) -> wasmtime::Error {
    let (name, advice) = (name.to_owned(), advice(WASI, name));
    Stop::Refused { name, advice }.into()
}

/// The calling node's memory.
fn memory(caller: &Caller<'_, Host>) -> Result<Memory, Stop> {
    caller.data().memory.ok_or(Stop::Address)
}

fn slice(memory: &[u8], at: u32, length: u32) -> Result<&[u8], Stop> {
    memory
        .get(at as usize..)
        .and_then(|rest| rest.get(..length as usize))
        .ok_or(Stop::Address)
}

fn number(memory: &[u8], at: u32) -> Result<u32, Stop> {
    let bytes = slice(memory, at, 4)?;
    Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}

fn put_number(memory: &mut [u8], at: u32, number: u32) -> Result<(), Stop> {
    let place = memory
        .get_mut(at as usize..)
        .and_then(|rest| rest.get_mut(..4))
        .ok_or(Stop::Address)?;
    place.copy_from_slice(&number.to_le_bytes());
    Ok(())
}

/// Charges for work that the host does for the node, at one unit for each byte.
fn charge(caller: &mut Caller<'_, Host>, bytes: u64) -> wasmtime::Result<()> {
    let Some(left) = caller.get_fuel()?.checked_sub(bytes) else {
        caller.set_fuel(0)?;
        return Err(Trap::OutOfFuel.into());
    };
    caller.set_fuel(left)
}

/// The environment, when it is first asked for: empty for the library, refused to the program.
fn no_environment(
    mut caller: Caller<'_, Host>,
    count_at: u32,
    bytes_at: u32,
) -> wasmtime::Result<i32> {
    let calls = WasmBacktrace::force_capture(&caller);
    let callers = calls.frames().iter().filter_map(FrameInfo::func_name);
    if !lacking::asks_for_itself(callers) {
        return Err(refused("environ_sizes_get"));
    }
    let memory = memory(&caller)?.data_mut(&mut caller);
    put_number(memory, count_at, 0)?;
    put_number(memory, bytes_at, 0)?;
    Ok(SUCCESS)
}

fn folder(mut caller: Caller<'_, Host>, file: i32, at: u32) -> wasmtime::Result<i32> {
    if file != FOLDER {
        return Ok(BAD_FILE);
    }
    let memory = memory(&caller)?.data_mut(&mut caller);
    // Of the one kind that there is, a folder; then the length of its name.
    put_number(memory, at, 0)?;
    let length = NAME_OF_FOLDER.len() as u32;
    put_number(memory, at.checked_add(4).ok_or(Stop::Address)?, length)?;
    Ok(SUCCESS)
}

fn name_of_folder(
    mut caller: Caller<'_, Host>,
    file: i32,
    at: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    if file != FOLDER || length as usize != NAME_OF_FOLDER.len() {
        return Ok(BAD_FILE);
    }
    let memory = memory(&caller)?.data_mut(&mut caller);
    let place = memory.get_mut(at as usize..);
    let place = place.and_then(|rest| rest.get_mut(..NAME_OF_FOLDER.len()));
    place.ok_or(Stop::Address)?.copy_from_slice(NAME_OF_FOLDER);
    Ok(SUCCESS)
}

fn state_of_file(file: i32, _: i32) -> wasmtime::Result<i32> {
    if file == FOLDER {
        return Err(refused("fd_fdstat_get"));
    }
    Ok(BAD_FILE)
}

/// Whether there is still room for what is printed. If not, nothing is formatted either: nobody
/// would see it, and right code must not run out of fuel for it.
fn may_print(mut caller: Caller<'_, Host>) -> i32 {
    let host = caller.data_mut();
    let may = host.print_room > 0;
    if !may {
        host.printed.skip();
    }
    i32::from(may)
}

fn fd_write(
    mut caller: Caller<'_, Host>,
    file: i32,
    pieces_at: u32,
    pieces: u32,
    written_at: u32,
) -> wasmtime::Result<i32> {
    if file != 1 && file != 2 {
        return Ok(BAD_FILE);
    }
    let (memory, host) = memory(&caller)?.data_and_store_mut(&mut caller);
    let mut written: u32 = 0;
    for piece in 0..pieces.min(MAX_PIECES) {
        let at = pieces_at.checked_add(8 * piece).ok_or(Stop::Address)?;
        let (start, length) = (
            number(memory, at)?,
            number(memory, at.checked_add(4).ok_or(Stop::Address)?)?,
        );
        let bytes = slice(memory, start, length)?;
        let Some(sum) = written.checked_add(length) else {
            break;
        };
        host.printed.add(bytes, host.limits.printed_bytes);
        written = sum;
    }
    let credited = host.print_room.min(written as usize);
    host.print_room -= credited;
    host.printed_bytes += u64::from(written);
    put_number(memory, written_at, written)?;
    charge(&mut caller, u64::from(written))?;
    let fuel = caller.get_fuel()? + credited as u64 * FUEL_PER_PRINTED_BYTE;
    caller.set_fuel(fuel)?;
    Ok(SUCCESS)
}

fn random_get(mut caller: Caller<'_, Host>, at: u32, length: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, u64::from(length))?;
    let (memory, host) = memory(&caller)?.data_and_store_mut(&mut caller);
    let place = memory
        .get_mut(at as usize..)
        .and_then(|rest| rest.get_mut(..length as usize));
    for chunk in place.ok_or(Stop::Address)?.chunks_mut(8) {
        chunk.copy_from_slice(&host.random().to_le_bytes()[..chunk.len()]);
    }
    Ok(SUCCESS)
}

fn panicked(
    mut caller: Caller<'_, Host>,
    message_at: u32,
    message_length: u32,
    place_at: u32,
    place_length: u32,
) -> wasmtime::Result<()> {
    let (memory, host) = memory(&caller)?.data_and_store_mut(&mut caller);
    let text = |at, length: u32| {
        slice(memory, at, length.min(MAX_PANIC_BYTES))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let (message, place) = (
        text(message_at, message_length)?,
        text(place_at, place_length)?.replace('\\', "/"),
    );
    // A place in the standard library or in labkit tells a student nothing.
    let place = Some(place).filter(|place| place.starts_with("src/"));
    host.panic = Some(Panic { message, place });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_a_way_out() {
        for (name, way) in [
            ("clock_time_get", "set_timer"),
            ("path_open", "ctx.disk()"),
            ("args_get", "into a source file"),
            ("proc_exit", "return from the handler"),
        ] {
            assert!(advice(WASI, name).contains(way), "{name}");
        }
        assert_eq!(advice("env", "mystery"), NOTHING_LIKE_IT);
    }
}
