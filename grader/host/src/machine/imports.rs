//! What a node may call: a few functions of wasi, none of which reaches this machine.
//!
//! The list is closed. A module may ask for every function of wasi (the standard library does,
//! depending on what a program uses); all but these stop the node with a text that says what to use
//! instead.

use wasmtime::{Caller, ExternType, Linker, Memory, Module, Trap};

use super::{
    fault::Stop,
    host::{Host, Panic},
};
use crate::ToolError;

const WASI: &str = "wasi_snapshot_preview1";

/// Error numbers of wasi.
const SUCCESS: i32 = 0;
const BAD_FILE: i32 = 8;

/// Maximum number of pieces of one write to handle; the program writes the rest again.
const MAX_PIECES: u32 = 64;

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
            (WASI, "proc_exit") => linker.func_wrap(space, name, proc_exit)?,
            (WASI, "environ_sizes_get" | "args_sizes_get") => {
                linker.func_wrap(space, name, no_sizes)?
            }
            (WASI, "environ_get" | "args_get") => {
                linker.func_wrap(space, name, |_: i32, _: i32| SUCCESS)?
            }
            // The C library asks which folders it was given, and takes this for "no more".
            (WASI, "fd_prestat_get") => linker.func_wrap(space, name, |_: i32, _: i32| BAD_FILE)?,
            (WASI, "fd_prestat_dir_name") => {
                linker.func_wrap(space, name, |_: i32, _: i32, _: i32| BAD_FILE)?
            }
            // Asked before a file is closed or a terminal is written to; there are neither.
            (WASI, "fd_fdstat_get") => linker.func_wrap(space, name, |_: i32, _: i32| BAD_FILE)?,
            _ => {
                let ExternType::Func(signature) = import.ty() else {
                    continue;
                };
                let refusal = refusal(space, name);
                linker.func_new(space, name, signature, move |_, _, _| {
                    Err(Stop::Refused(refusal.clone()).into())
                })?
            }
        };
    }
    Ok(())
}

/// Names the call and what to use instead.
fn refusal(space: &str, name: &str) -> String {
    let family = |prefix: &str| space == WASI && name.starts_with(prefix);
    let advice = if family("clock_") {
        "it reads a clock (as `Instant::now` and `SystemTime::now` do). A node cannot read this \
         machine's: to act later, use `ctx.set_timer`; to order events, count them; a lab that \
         grants a clock says so (`ctx.clock`)"
    } else if family("poll_") {
        "it waits (as `thread::sleep` does). A handler cannot wait: use `ctx.set_timer` and return"
    } else if family("sched_") {
        "it gives way to other threads (as `thread::yield_now` does). A node has one thread: \
         return from the handler"
    } else if family("sock_") {
        "it uses the network of this machine. A node has its own: use `ctx.send`"
    } else if family("path_") || family("fd_") {
        "it uses a file or the input of this machine. A node has its own disk: use `ctx.disk()`"
    } else {
        "a node has nothing like it"
    };
    format!("the program called `{name}`: {advice}")
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

fn no_sizes(mut caller: Caller<'_, Host>, count_at: u32, bytes_at: u32) -> wasmtime::Result<i32> {
    let memory = memory(&caller)?.data_mut(&mut caller);
    put_number(memory, count_at, 0)?;
    put_number(memory, bytes_at, 0)?;
    Ok(SUCCESS)
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
    put_number(memory, written_at, written)?;
    charge(&mut caller, u64::from(written))?;
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

fn proc_exit(status: i32) -> wasmtime::Result<()> {
    Err(Stop::Exit(status).into())
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
    fn a_refusal_names_the_call_and_the_way_out() {
        let what = refusal(WASI, "clock_time_get");
        assert!(
            what.contains("`clock_time_get`") && what.contains("set_timer"),
            "{what}"
        );
        assert!(refusal(WASI, "path_open").contains("ctx.disk()"));
        assert!(refusal("env", "mystery").contains("`mystery`"));
    }
}
