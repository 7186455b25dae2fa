//! The operations that the grader can ask of a node.

use super::wire::Malformed;

/// The operations that the grader can ask of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Op {
    /// Handles an [`Event`](super::Event); the answer is the list of its effects.
    Step = 0,
    /// The answer is the node's state as canonical bytes.
    Snapshot = 1,
    /// Becomes the node that the argument (a start event followed by a snapshot) describes.
    Restore = 2,
    /// Serializes and deserializes the state, and says what did not survive. With the argument
    /// `[1]` it also finds what bytes alone cannot show, which takes longer.
    RoundTrip = 3,
    /// The answer is the lab's observation of the node, encoded by the lab.
    Observe = 4,
    /// Writes out for people what the argument (a [`Subject`] and bytes) is.
    Describe = 5,
    /// Turns a message that the lab gives into the student's message. The argument begins with the
    /// role that sends it, since a role has its own message type.
    WrapGiven = 6,
    /// Turns the student's message into the message that the lab gives, if it is one (first byte 1,
    /// else 0). The argument begins with the role that sent it.
    UnwrapGiven = 7,
}

impl Op {
    /// The operation with this number.
    pub fn from_number(number: u32) -> Option<Op> {
        use Op::{Describe, Observe, Restore, RoundTrip, Snapshot, Step, UnwrapGiven, WrapGiven};
        [
            Step,
            Snapshot,
            Restore,
            RoundTrip,
            Observe,
            Describe,
            WrapGiven,
            UnwrapGiven,
        ]
        .into_iter()
        .find(|op| *op as u32 == number)
    }
}

/// What [`Op::Describe`] can write out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Subject {
    /// A message; its bytes come behind the number of the role that sent it.
    Message = 0,
    /// A timer of this node.
    Timer = 1,
    /// A command for this client.
    Command = 2,
    /// An answer of this client.
    Output = 3,
    /// The whole state of this node (no bytes follow).
    State = 4,
}

impl Subject {
    fn from_number(number: u8) -> Option<Subject> {
        use Subject::{Command, Message, Output, State, Timer};
        [Message, Timer, Command, Output, State]
            .into_iter()
            .find(|subject| *subject as u8 == number)
    }
}

pub(crate) fn read_subject(bytes: &[u8]) -> Result<(Subject, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first().ok_or(Malformed)?;
    Ok((Subject::from_number(*number).ok_or(Malformed)?, rest))
}
