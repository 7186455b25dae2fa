//! From what stopped an instance to what the student reads.

use faultline_sim::backend::{BackendError, Fault};
use wasmtime::{Trap, WasmBacktrace};

use super::{
    host::{Host, Panic},
    imports, lacking,
    places::{Call, Places},
};

/// Why a host function stopped the instance.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Stop {
    /// A call that a node does not have.
    #[error("the program called `{name}`: {advice}")]
    Refused {
        /// The import.
        name: String,
        /// What is wrong with it, and what to do instead.
        advice: &'static str,
    },
    /// A pointer that points out of memory. Safe code cannot do this.
    #[error("the program passed an address outside its memory")]
    Address,
}

/// Explains a failed call. `stack_pointer` is where the stack in linear memory ended.
pub(super) fn explain(
    error: &wasmtime::Error,
    host: &mut Host,
    stack_pointer: Option<u32>,
    places: &Places,
) -> BackendError {
    let calls = error.downcast_ref::<WasmBacktrace>();
    let frames = calls.map_or(&[][..], WasmBacktrace::frames);
    let student = || places.innermost(frames);
    let refused = |name: &str, advice: &str| {
        let Call { place, what } = student();
        let name = what.as_deref().unwrap_or(name);
        let what = format!("the program called `{name}`: {advice}");
        Fault::Refused { what, place }
    };
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Refused { name, advice } => refused(name, advice),
            Stop::Address => Fault::Trap {
                what: stop.to_string(),
            },
        }
        .into();
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return BackendError::Broken(format!("the wasm engine failed: {error:#}"));
    };
    let function = frames.first().and_then(|frame| frame.func_name());
    let lacking = function.and_then(|name| Some((name, lacking::named(name)?.advice)));
    // A report of a panic comes last before its trap. After any other trap it is one that the
    // program has survived, which a program compiled with `panic=abort` cannot; so it does not
    // matter.
    let panic = host.panic.take();
    match trap {
        Trap::OutOfFuel => Fault::OutOfFuel {
            mostly_printing: imports::cost_of_printing(host.printed_bytes) > host.limits.fuel / 2,
        },
        Trap::StackOverflow => stack_overflow(),
        Trap::MemoryOutOfBounds if stack_is_full(stack_pointer, host.memory_bytes) => {
            stack_overflow()
        }
        Trap::UnreachableCodeReached => match panic {
            // A panic in the library's own code does not know who called it.
            Some(Panic { message, place }) => Fault::Panic {
                message,
                place: place.or_else(|| student().place),
            },
            None if let Some((name, advice)) = lacking => refused(name, advice),
            None if host.refused_growth => Fault::OutOfMemory {
                limit_bytes: host.limits.memory_bytes,
            },
            None => Fault::Trap {
                what: "the program aborted (or panicked after it had replaced the panic hook)"
                    .to_owned(),
            },
        },
        other => Fault::Trap {
            what: other.to_string(),
        },
    }
    .into()
}

fn stack_overflow() -> Fault {
    Fault::Trap {
        what: "stack overflow: recursion without end?".to_owned(),
    }
}

/// The stack lies at the beginning of linear memory and grows downwards: an overflow takes the
/// pointer below zero, which as an unsigned number is beyond every memory.
fn stack_is_full(stack_pointer: Option<u32>, memory_bytes: usize) -> bool {
    stack_pointer.is_some_and(|pointer| pointer as usize > memory_bytes)
}
