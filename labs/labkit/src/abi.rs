//! The bytes between the grader and a node. Students do not need this module.
//!
//! The grader calls one operation ([`Op`]) at a time with an argument; the node answers with bytes.
//! The argument and the answer of [`Op::Step`] are an [`Event`] and a list of [`Effect`]s.
//! Everything that a node returns is untrusted: reading it never allocates more than what is there,
//! never recurses and never panics.

use std::{sync::Arc, time::Duration};

use crate::{Boot, NodeId, disk::Blobs, input::Inputs};

/// The version of everything in this module; a guest of another version is refused.
pub const VERSION: u32 = 3;

/// A panic whose message begins like this is a call that the lab does not grant: reports show it as
/// `refused`.
pub const REFUSED: &str = "refused: ";

/// What the grader can ask of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Op {
    /// Handles an [`Event`]; the answer is the list of its effects.
    Step = 0,
    /// The answer is the node's state as canonical bytes.
    Snapshot = 1,
    /// Becomes the node that the argument (a start event followed by a snapshot) describes.
    Restore = 2,
    /// Turns the state into bytes and back and says what did not survive. With the argument `[1]`
    /// it also finds what bytes alone cannot show, which takes longer.
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

/// Something that happens to a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The node starts. It is the first event of each incarnation and of no use later.
    Start(Start<'a>),
    /// A message arrives.
    Message {
        /// Its sender.
        from: NodeId,
        /// The message.
        message: &'a [u8],
    },
    /// A timer fires.
    Timer {
        /// The timer.
        timer: &'a [u8],
    },
    /// A user invokes an operation on a client.
    Invoke {
        /// The command.
        command: &'a [u8],
    },
    /// The machine is done with a task.
    WorkDone {
        /// What the node called it.
        token: u64,
        /// What was computed, encoded by the lab.
        done: &'a [u8],
    },
    /// An event of a node that has a clock. The reading is part of the event, so a handler stays a
    /// function of state, disk and event.
    At {
        /// What the clock reads, in whole microseconds; see
        /// [`Context::clock`](crate::Context::clock).
        clock: Duration,
        /// What happens: none of `Start` (which has a field for the clock) and `At`.
        event: &'a Event<'a>,
    },
}

/// How a node starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start<'a> {
    /// Which role of the lab, in the order of the lab's list.
    pub role: u8,
    /// The node's name.
    pub id: NodeId,
    /// See [`Context::incarnation`](crate::Context::incarnation).
    pub incarnation: u64,
    /// Why it starts.
    pub boot: Boot,
    /// What the node's clock reads, in whole microseconds, if it has one.
    pub clock: Option<Duration>,
    /// The role's configuration, encoded by the lab.
    pub config: &'a [u8],
    /// What the disk holds.
    pub disk: &'a Blobs,
    /// What every node can read; see [`Context::input`](crate::Context::input).
    pub inputs: &'a Inputs,
}

/// One effect that a handler asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the argument of the call on `Context`, `Disk` or `Store` of the same \
              name"
)]
pub enum Effect<'a> {
    Send {
        to: NodeId,
        message: &'a [u8],
    },
    SetTimer {
        timer: &'a [u8],
        at_least: Duration,
        at_most: Duration,
    },
    Cancel {
        timer: &'a [u8],
    },
    Respond {
        output: &'a [u8],
    },
    Write {
        name: &'a str,
        bytes: &'a [u8],
    },
    Append {
        name: &'a str,
        bytes: &'a [u8],
    },
    Remove {
        name: &'a str,
    },
    Sync,
    Note {
        text: &'a str,
    },
    StartWork {
        token: u64,
        task: &'a [u8],
    },
    CancelWork {
        token: u64,
    },
    StoreCreate {
        name: &'a str,
    },
    StoreAppend {
        name: &'a str,
        record: &'a [u8],
    },
    StoreRename {
        from: &'a str,
        to: &'a str,
    },
}

/// Bytes that are no effects, events or arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the bytes are not of the form that labkit writes")
    }
}

impl std::error::Error for Malformed {}

fn put_node(out: &mut Vec<u8>, node: NodeId) {
    out.extend_from_slice(&(node.role() as u32).to_le_bytes());
    out.extend_from_slice(&node.number().to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(
        &u32::try_from(bytes.len())
            .expect("below 4 GiB")
            .to_le_bytes(),
    );
    out.extend_from_slice(bytes);
}

fn put_micros(out: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(&micros.to_le_bytes());
}

/// A piece whose length is known only once `write` has written it.
fn put_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - at - 4).expect("below 4 GiB");
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Reads pieces from the front of a slice.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn node(&mut self) -> Result<NodeId, Malformed> {
        let role = char::from_u32(self.u32()?).ok_or(Malformed)?;
        Ok(NodeId::new(role, self.u32()?))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    fn micros(&mut self) -> Result<Duration, Malformed> {
        self.u64().map(Duration::from_micros)
    }
}

impl Event<'_> {
    /// Appends the event to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Event::Start(start) => {
                out.push(0);
                start.write(out);
            }
            Event::Message { from, message } => {
                out.push(1);
                put_node(out, *from);
                out.extend_from_slice(message);
            }
            Event::Timer { timer } => {
                out.push(2);
                out.extend_from_slice(timer);
            }
            Event::Invoke { command } => {
                out.push(3);
                out.extend_from_slice(command);
            }
            Event::At { clock, event } => {
                out.push(4);
                put_micros(out, *clock);
                event.write(out);
            }
            Event::WorkDone { token, done } => {
                out.push(5);
                out.extend_from_slice(&token.to_le_bytes());
                out.extend_from_slice(done);
            }
        }
    }
}

impl Start<'_> {
    /// Appends the description of the start to `out`; [`Op::Restore`] wants it in front of the
    /// snapshot.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.role);
        put_node(out, self.id);
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.push(match self.boot {
            Boot::First => 0,
            Boot::Restarted => 1,
            Boot::DiskLost => 2,
        });
        out.push(u8::from(self.clock.is_some()));
        put_micros(out, self.clock.unwrap_or_default());
        put_bytes(out, self.config);
        out.extend_from_slice(
            &u32::try_from(self.disk.len())
                .expect("few blobs")
                .to_le_bytes(),
        );
        for (name, bytes) in self.disk {
            put_bytes(out, name.as_bytes());
            put_bytes(out, bytes);
        }
        out.extend_from_slice(
            &u32::try_from(self.inputs.len())
                .expect("few inputs")
                .to_le_bytes(),
        );
        for (name, text) in self.inputs {
            put_bytes(out, name.as_bytes());
            put_bytes(out, text.as_bytes());
        }
    }
}

/// An event as the guest reads it: the disk of a start is its own.
pub(crate) enum Incoming<'a> {
    Start(OwnedStart),
    Message { from: NodeId, message: &'a [u8] },
    Timer { timer: &'a [u8] },
    Invoke { command: &'a [u8] },
    WorkDone { token: u64, done: &'a [u8] },
}

pub(crate) struct OwnedStart {
    pub role: u8,
    pub id: NodeId,
    pub incarnation: u64,
    pub boot: Boot,
    pub clock: Option<Duration>,
    pub config: Vec<u8>,
    pub disk: Blobs,
    pub inputs: Arc<Inputs>,
}

/// An event, and what the node's clock reads, if it has one.
pub(crate) fn read_event(bytes: &[u8]) -> Result<(Option<Duration>, Incoming<'_>), Malformed> {
    let mut reader = Reader(bytes);
    let (mut clock, mut kind) = (None, reader.u8()?);
    if kind == 4 {
        (clock, kind) = (Some(reader.micros()?), reader.u8()?);
    }
    let event = match kind {
        0 => {
            let start = read_start(reader.0)?.0;
            clock = start.clock;
            Incoming::Start(start)
        }
        1 => Incoming::Message {
            from: reader.node()?,
            message: reader.0,
        },
        2 => Incoming::Timer { timer: reader.0 },
        3 => Incoming::Invoke { command: reader.0 },
        5 => Incoming::WorkDone {
            token: reader.u64()?,
            done: reader.0,
        },
        _ => return Err(Malformed),
    };
    Ok((clock, event))
}

/// The start and what follows it.
pub(crate) fn read_start(bytes: &[u8]) -> Result<(OwnedStart, &[u8]), Malformed> {
    let mut reader = Reader(bytes);
    let (role, id, incarnation) = (reader.u8()?, reader.node()?, reader.u64()?);
    let boot = match reader.u8()? {
        0 => Boot::First,
        1 => Boot::Restarted,
        2 => Boot::DiskLost,
        _ => return Err(Malformed),
    };
    let has_clock = reader.u8()? != 0;
    let clock = Some(reader.micros()?).filter(|_| has_clock);
    let config = reader.bytes()?.to_vec();
    let mut disk = Blobs::new();
    for _ in 0..reader.u32()? {
        disk.insert(reader.text()?.to_owned(), reader.bytes()?.to_vec());
    }
    let mut inputs = Inputs::new();
    for _ in 0..reader.u32()? {
        inputs.insert(reader.text()?.to_owned(), reader.text()?.to_owned());
    }
    let inputs = Arc::new(inputs);
    Ok((
        OwnedStart {
            role,
            id,
            incarnation,
            boot,
            clock,
            config,
            disk,
            inputs,
        },
        reader.0,
    ))
}

pub(crate) fn read_subject(bytes: &[u8]) -> Result<(Subject, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first().ok_or(Malformed)?;
    Ok((Subject::from_number(*number).ok_or(Malformed)?, rest))
}

/// The effects of one handler, as bytes, in order.
#[derive(Default)]
pub struct EffectWriter(Vec<u8>);

impl EffectWriter {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn send(&mut self, to: NodeId, message: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(0);
        put_node(&mut self.0, to);
        put_with(&mut self.0, message);
    }

    pub(crate) fn set_timer(
        &mut self,
        at_least: Duration,
        at_most: Duration,
        timer: impl FnOnce(&mut Vec<u8>),
    ) {
        self.0.push(1);
        put_micros(&mut self.0, at_least);
        put_micros(&mut self.0, at_most);
        put_with(&mut self.0, timer);
    }

    pub(crate) fn cancel(&mut self, timer: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(2);
        put_with(&mut self.0, timer);
    }

    pub(crate) fn respond(&mut self, output: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(3);
        put_with(&mut self.0, output);
    }

    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) {
        self.0.push(4);
        put_bytes(&mut self.0, name.as_bytes());
        put_bytes(&mut self.0, bytes);
    }

    pub(crate) fn append(&mut self, name: &str, bytes: &[u8]) {
        self.0.push(5);
        put_bytes(&mut self.0, name.as_bytes());
        put_bytes(&mut self.0, bytes);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.push(6);
        put_bytes(&mut self.0, name.as_bytes());
    }

    pub(crate) fn sync(&mut self) {
        self.0.push(7);
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.0.push(8);
        put_bytes(&mut self.0, text.as_bytes());
    }

    pub(crate) fn start_work(&mut self, token: u64, task: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(9);
        self.0.extend_from_slice(&token.to_le_bytes());
        put_with(&mut self.0, task);
    }

    pub(crate) fn cancel_work(&mut self, token: u64) {
        self.0.push(10);
        self.0.extend_from_slice(&token.to_le_bytes());
    }

    pub(crate) fn store_create(&mut self, name: &str) {
        self.0.push(11);
        put_bytes(&mut self.0, name.as_bytes());
    }

    pub(crate) fn store_append(&mut self, name: &str, record: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(12);
        put_bytes(&mut self.0, name.as_bytes());
        put_with(&mut self.0, record);
    }

    pub(crate) fn store_rename(&mut self, from: &str, to: &str) {
        self.0.push(13);
        put_bytes(&mut self.0, from.as_bytes());
        put_bytes(&mut self.0, to.as_bytes());
    }
}

/// Reads the answer to [`Op::Step`], one effect at a time; after the first `Err` there is nothing
/// more.
pub fn effects(mut bytes: &[u8]) -> impl Iterator<Item = Result<Effect<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        Some(
            split_effect(bytes)
                .inspect(|(_, rest)| bytes = rest)
                .map(|(effect, _)| effect)
                .inspect_err(|_| bytes = &[]),
        )
    })
}

/// The first effect and the bytes of those after it.
///
/// # Errors
/// If the bytes do not begin with an effect.
pub fn split_effect(bytes: &[u8]) -> Result<(Effect<'_>, &[u8]), Malformed> {
    let mut reader = Reader(bytes);
    let effect = read_effect(&mut reader)?;
    Ok((effect, reader.0))
}

fn read_effect<'a>(reader: &mut Reader<'a>) -> Result<Effect<'a>, Malformed> {
    Ok(match reader.u8()? {
        0 => Effect::Send {
            to: reader.node()?,
            message: reader.bytes()?,
        },
        1 => {
            let (at_least, at_most) = (reader.micros()?, reader.micros()?);
            if at_least > at_most {
                return Err(Malformed);
            }
            Effect::SetTimer {
                timer: reader.bytes()?,
                at_least,
                at_most,
            }
        }
        2 => Effect::Cancel {
            timer: reader.bytes()?,
        },
        3 => Effect::Respond {
            output: reader.bytes()?,
        },
        4 => Effect::Write {
            name: reader.text()?,
            bytes: reader.bytes()?,
        },
        5 => Effect::Append {
            name: reader.text()?,
            bytes: reader.bytes()?,
        },
        6 => Effect::Remove {
            name: reader.text()?,
        },
        7 => Effect::Sync,
        8 => Effect::Note {
            text: reader.text()?,
        },
        9 => Effect::StartWork {
            token: reader.u64()?,
            task: reader.bytes()?,
        },
        10 => Effect::CancelWork {
            token: reader.u64()?,
        },
        11 => Effect::StoreCreate {
            name: reader.text()?,
        },
        12 => Effect::StoreAppend {
            name: reader.text()?,
            record: reader.bytes()?,
        },
        13 => Effect::StoreRename {
            from: reader.text()?,
            to: reader.text()?,
        },
        _ => return Err(Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_come_back_in_order() {
        let mut writer = EffectWriter::default();
        writer.write("term", &[1]);
        writer.sync();
        writer.send(NodeId::new('s', 2), |out| out.extend_from_slice(b"hi"));
        writer.set_timer(Duration::from_millis(1), Duration::from_millis(2), |out| {
            out.push(9)
        });
        writer.start_work(7, |out| out.push(1));
        writer.cancel_work(7);
        writer.store_create("new");
        writer.store_append("new", |out| out.push(2));
        writer.store_rename("new", "out");
        let read: Result<Vec<_>, _> = effects(writer.bytes()).collect();
        let expected = vec![
            Effect::Write {
                name: "term",
                bytes: &[1],
            },
            Effect::Sync,
            Effect::Send {
                to: NodeId::new('s', 2),
                message: b"hi",
            },
            Effect::SetTimer {
                timer: &[9],
                at_least: Duration::from_millis(1),
                at_most: Duration::from_millis(2),
            },
            Effect::StartWork {
                token: 7,
                task: &[1],
            },
            Effect::CancelWork { token: 7 },
            Effect::StoreCreate { name: "new" },
            Effect::StoreAppend {
                name: "new",
                record: &[2],
            },
            Effect::StoreRename {
                from: "new",
                to: "out",
            },
        ];
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn an_event_brings_the_reading_of_the_clock() {
        let mut bytes = Vec::new();
        let clock = Duration::from_micros(1_234_567);
        Event::At {
            clock,
            event: &Event::Timer { timer: &[7] },
        }
        .write(&mut bytes);
        let Ok((Some(read), Incoming::Timer { timer: [7] })) = read_event(&bytes) else {
            panic!("{bytes:?}")
        };
        assert_eq!(read, clock);
        assert!(read_event(&[4; 20]).is_err(), "a clock in a clock");
    }

    #[test]
    fn cut_or_wild_bytes_are_an_error_and_the_end() {
        let mut writer = EffectWriter::default();
        writer.send(NodeId::new('s', 2), |out| out.extend_from_slice(b"hi"));
        for cut in 1..writer.bytes().len() {
            let read: Vec<_> = effects(&writer.bytes()[..cut]).collect();
            assert_eq!(read, [Err(Malformed)]);
        }
        assert_eq!(effects(&[200, 0, 0]).collect::<Vec<_>>(), [Err(Malformed)]);
        let huge = [0, b's', 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(effects(&huge).collect::<Vec<_>>(), [Err(Malformed)]);
    }
}
