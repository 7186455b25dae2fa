//! The pieces that events and effects are made of: numbers in little-endian order, texts and bytes
//! with their length in front.

use std::time::Duration;

use crate::id::NodeId;

/// Bytes that are no effects, events or arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the bytes are not of the form that labkit writes")
    }
}

impl std::error::Error for Malformed {}

pub(super) fn put_node(out: &mut Vec<u8>, node: NodeId) {
    out.extend_from_slice(&(node.role() as u32).to_le_bytes());
    out.extend_from_slice(&node.number().to_le_bytes());
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(
        &u32::try_from(bytes.len())
            .expect("below 4 GiB")
            .to_le_bytes(),
    );
    out.extend_from_slice(bytes);
}

pub(super) fn put_micros(out: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(&micros.to_le_bytes());
}

/// A piece whose length is known only once `write` has written it.
pub(super) fn put_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - at - 4).expect("below 4 GiB");
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Reads pieces from the front of a slice.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn node(&mut self) -> Result<NodeId, Malformed> {
        let role = char::from_u32(self.u32()?).ok_or(Malformed)?;
        Ok(NodeId::new(role, self.u32()?))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub fn micros(&mut self) -> Result<Duration, Malformed> {
        self.u64().map(Duration::from_micros)
    }
}
