//! One instance, and one operation of it.

use std::sync::Arc;

use faultline_sim::backend::BackendError;
use labkit::abi::Op;
use wasmtime::{Global, Memory, Store, TypedFunc, Val};

use super::{fault, host::Host, places::Places};

/// The room that a node is asked for at first. Nearly all events fit, so that there is one call for
/// each.
const FIRST_ROOM_BYTES: u32 = 1 << 10;

/// A living instance.
pub(super) struct Instance {
    pub store: Store<Host>,
    pub places: Arc<Places>,
    pub memory: Memory,
    pub stack_pointer: Option<Global>,
    pub input: TypedFunc<u32, u32>,
    pub call: TypedFunc<(u32, u32), u64>,
    /// Where the node wants its arguments, and how much room there is.
    pub input_at: usize,
    pub input_room: usize,
    /// The fuel of the last operation that came to an end.
    pub used: u64,
}

/// Where an answer lies in linear memory.
pub(super) struct Answer {
    pub start: usize,
    pub length: usize,
}

/// Factor by which operations that serialize or deserialize a node get more fuel than a handler.
const FUEL_OF_GRADER: u64 = 10;

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The node is dead.
    Dead(BackendError),
    /// The answer is too long or lies outside of memory; the length is the claimed one.
    Bounds(usize),
}

impl Instance {
    /// Carries out one operation, which may print `print_room` bytes at the grader's expense.
    pub fn run(&mut self, op: Op, argument: &[u8], print_room: usize) -> Result<Answer, NoAnswer> {
        // What only the grader wants of a node costs its handlers nothing, however much state they
        // keep.
        let more = if matches!(op, Op::Snapshot | Op::Restore | Op::RoundTrip) {
            FUEL_OF_GRADER
        } else {
            1
        };
        let fuel = self.store.data().limits.fuel * more;
        let host = self.store.data_mut();
        host.refused_growth = false;
        host.print_room = print_room;
        host.printed_bytes = 0;
        self.store
            .set_fuel(fuel)
            .map_err(|error| NoAnswer::Dead(BackendError::Broken(error.to_string())))?;
        let length = u32::try_from(argument.len())
            .map_err(|_| NoAnswer::Dead(BackendError::Broken("an argument of 4 GiB".to_owned())))?;
        if argument.len() > self.input_room || self.input_room == 0 {
            self.make_room(length)?;
        }
        let room = self
            .memory
            .data_mut(&mut self.store)
            .get_mut(self.input_at..);
        let room = room
            .and_then(|room| room.get_mut(..argument.len()))
            .ok_or(NoAnswer::Bounds(argument.len()))?;
        room.copy_from_slice(argument);
        let packed = self
            .call
            .call(&mut self.store, (op as u32, length))
            .map_err(|error| self.died(&error))?;
        // What printing is credited may be more than it has cost.
        self.used = fuel.saturating_sub(self.store.get_fuel().unwrap_or(0));
        let (start, length) = ((packed >> 32) as usize, (packed & 0xffff_ffff) as usize);
        let limit = self.store.data().limits.answer_bytes;
        if length > limit
            || self
                .memory
                .data(&self.store)
                .get(start..)
                .is_none_or(|rest| rest.len() < length)
        {
            return Err(NoAnswer::Bounds(length));
        }
        Ok(Answer { start, length })
    }

    fn make_room(&mut self, length: u32) -> Result<(), NoAnswer> {
        // The node's buffer only grows, and moves only when it grows.
        let wanted = length.max(FIRST_ROOM_BYTES);
        let at = self
            .input
            .call(&mut self.store, wanted)
            .map_err(|error| self.died(&error))?;
        (self.input_at, self.input_room) = (at as usize, wanted as usize);
        Ok(())
    }

    /// Why the call had no result.
    pub fn died(&mut self, error: &wasmtime::Error) -> NoAnswer {
        let stack_pointer = self.stack_pointer.map(|global| global.get(&mut self.store));
        let stack_pointer = stack_pointer.and_then(|value| match value {
            Val::I32(pointer) => Some(pointer.cast_unsigned()),
            _ => None,
        });
        let host = self.store.data_mut();
        NoAnswer::Dead(fault::explain(error, host, stack_pointer, &self.places))
    }

    /// The bytes of an answer that [`run`](Self::run) gave, before the next call.
    pub fn bytes(&self, answer: &Answer) -> &[u8] {
        // `run` has checked the bounds, and linear memory never shrinks.
        &self.memory.data(&self.store)[answer.start..answer.start + answer.length]
    }
}
