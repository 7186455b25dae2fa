//! The bytes between the grader and a node. Students do not need this module.
//!
//! The grader calls one operation ([`Op`]) at a time with an argument; the node answers with bytes.
//! The argument and the answer of [`Op::Step`] are an [`Event`] and a list of [`Effect`]s.
//! Everything that a node returns is untrusted: reading it never allocates more than what is there,
//! never recurses and never panics.
//!
//! # One step
//!
//! ```text
//! grader                                   node (a wasm instance of its own)
//!   | faultline_input(length)  ------------> | makes room
//!   | writes the event there                 |
//!   | faultline_call(Step, length) --------> | reads it, calls the handler,
//!   | <----------- address and length -------| which writes down its effects
//!   | reads the effects, carries them out    |
//! ```
//!
//! Numbers are written in little-endian order; texts and bytes with their length in front as 32
//! bits; times in microseconds as 64 bits. What comes last in an event or argument has no length:
//! it goes on to the end. Messages, timers, commands and states inside are what
//! [`codec`](crate::codec) makes of them, and the grader never looks into those of a student's own
//! types.
//!
//! # Why not serde for this, too?
//!
//! Effects are by far the most frequent thing that crosses the border. With a format that is
//! written by hand they are read in place: the grader splits off one after the other
//! ([`split_effect`]) without building a list first.
//!
//! ```
//! use labkit::abi::{Effect, effects};
//!
//! let answer = [7, 6, 1, 0, 0, 0, b'a']; // sync; remove the blob `a`
//! let read: Result<Vec<_>, _> = effects(&answer).collect();
//! assert_eq!(read, Ok(vec![Effect::Sync, Effect::Remove { name: "a" }]));
//! assert!(effects(&answer[..4]).any(|effect| effect.is_err()), "it ends too early");
//! ```

mod effect;
mod event;
mod op;
mod wire;

pub use effect::{Effect, EffectWriter, effects, split_effect};
pub use event::{Blobs, Event, Start};
pub(crate) use event::{Incoming, OwnedStart, read_event, read_start};
pub(crate) use op::read_subject;
pub use op::{Op, Subject};
pub use wire::Malformed;

/// The version of everything in this module. It increases with every change of the format, and a
/// guest of another version is refused, so that no program is misread.
pub const VERSION: u32 = 3;

/// A panic whose message begins like this is a call that the lab does not grant: reports show it as
/// `refused`.
pub const REFUSED: &str = "refused: ";
