//! The effects that a handler asks for.

use std::time::Duration;

use super::wire::{Malformed, Reader, put_bytes, put_micros, put_node, put_with};

use crate::id::NodeId;

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

/// Reads the answer to [`Op::Step`](super::Op::Step), one effect at a time; after the first `Err`
/// there is nothing more.
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
