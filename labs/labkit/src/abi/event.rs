//! The events of a node.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::wire::{Malformed, Reader, put_bytes, put_micros, put_node};

use crate::{
    id::{Boot, NodeId},
    input::Inputs,
};

/// The contents of a disk as its node sees them, unsynced writes included.
pub type Blobs = BTreeMap<String, Vec<u8>>;

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
    /// The machine has finished a task.
    WorkDone {
        /// The node's token for it.
        token: u64,
        /// The result, encoded by the lab.
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
    /// Appends the description of the start to `out`; [`Op::Restore`](super::Op::Restore) wants it
    /// in front of the snapshot.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
