//! How the compiler is sandboxed while it works on a submission.
//!
//! Macros and constant evaluation run inside the compiler, and the compiler opens every file that a
//! source names. So what it could read, write or reach is taken away before it starts: it sees its
//! own files, the lab's libraries and the submission's sources, may write to the folder of this
//! build only, and has no network.
//!
//! Landlock and seccomp restrict the calling thread and all that it starts, and there is no way
//! back. So each compilation gets a thread of its own, which restricts itself, starts the compiler,
//! watches it and ends.
//!
//! Read on in `confine` (a sandbox and how a command runs in it), `landlock`, `seccomp`,
//! `bubblewrap` and `limits` (the mechanisms), `probe` (does it hold?) and `find` (which one to
//! take).

mod access;
#[cfg(target_os = "linux")]
mod bubblewrap;
mod confine;
mod doctor;
mod find;
#[cfg(target_os = "linux")]
mod landlock;
mod limits;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod seccomp;

pub use access::FileAccess;
pub use confine::Sandbox;
pub use doctor::{Mechanism, doctor};
pub use find::NoSandbox;
pub(crate) use limits::MEMORY_BYTES;
