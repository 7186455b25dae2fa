//! From what stopped an instance to what the student reads.

use faultline_sim::backend::{BackendError, Fault};
use wasmtime::Trap;

use super::host::Host;

/// Why a host function stopped the instance.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Stop {
    /// A call that a node does not have.
    #[error("{0}")]
    Refused(String),
    /// The program ended itself.
    #[error("the program exited with status {0}")]
    Exit(i32),
    /// A pointer that points out of memory. Safe code cannot do this.
    #[error("the program passed an address outside its memory")]
    Address,
}

/// Explains a failed call. `stack_pointer` is where the stack in linear memory ended.
pub(super) fn explain(
    error: &wasmtime::Error,
    host: &mut Host,
    stack_pointer: Option<u32>,
) -> BackendError {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let what = stop.to_string();
        return match stop {
            Stop::Refused(_) => Fault::Refused { what },
            Stop::Exit(_) | Stop::Address => Fault::Trap { what },
        }
        .into();
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return BackendError::Broken(format!("the wasm engine failed: {error:#}"));
    };
    // A report of a panic comes last before its trap. After any other trap it is one that the
    // program has survived, which a program compiled with `panic=abort` cannot; so it does not
    // matter.
    let panic = host.panic.take();
    match trap {
        Trap::OutOfFuel => Fault::OutOfFuel,
        Trap::StackOverflow => stack_overflow(),
        Trap::MemoryOutOfBounds if stack_is_full(stack_pointer, host.memory_bytes) => {
            stack_overflow()
        }
        Trap::UnreachableCodeReached => match panic {
            Some(panic) => Fault::Panic {
                message: panic.message,
                place: panic.place,
            },
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
