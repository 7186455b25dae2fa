//! The nodes of one world as wasm instances.

use faultline_sim::{
    backend::{Backend, BackendError, Fault},
    in_process::answer_of,
};
use labkit::abi::{Event, Op, Start};

use super::{
    node::{Instance, NoAnswer},
    printed::Printed,
    program::Program,
};

/// A backend whose nodes are instances of one [`Program`].
///
/// Run it on a thread with [`WORLD_STACK_BYTES`](super::WORLD_STACK_BYTES) of stack.
pub struct WasmBackend {
    program: Program,
    slots: Vec<Slot>,
    /// The argument of the next call, kept to save allocations.
    argument: Vec<u8>,
    /// The fuel of all operations so far.
    fuel_used: u64,
    /// How much all nodes have printed at the grader's expense.
    printed_bytes: usize,
}

#[derive(Default)]
struct Slot {
    instance: Option<Instance>,
    /// What the node died of. Whoever asks it again gets the same answer: a recorder looks at nodes
    /// that the world then goes on with.
    died: Option<BackendError>,
    /// What the node printed, while there is no instance to keep it.
    printed: Printed,
}

impl Program {
    /// A backend for one world.
    pub fn backend(&self) -> WasmBackend {
        WasmBackend {
            program: self.clone(),
            slots: Vec::new(),
            argument: Vec::new(),
            fuel_used: 0,
            printed_bytes: 0,
        }
    }
}

impl WasmBackend {
    fn slot(&mut self, slot: usize) -> &mut Slot {
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, Slot::default);
        }
        &mut self.slots[slot]
    }

    fn fresh(&mut self, slot: usize, entropy: u64) -> Result<(), BackendError> {
        self.stop(slot);
        let printed = std::mem::take(&mut self.slot(slot).printed);
        let instance = self.program.instance(entropy, printed)?;
        self.slots[slot].instance = Some(instance);
        Ok(())
    }

    /// Carries out an operation whose argument is in `self.argument`.
    fn run(&mut self, slot: usize, op: Op) -> Result<&[u8], BackendError> {
        let limits = self.program.limits();
        let room = limits.printed_bytes_of_a_world - self.printed_bytes;
        let room = room.min(limits.printed_bytes);
        let known = self.slots.get_mut(slot);
        let Some(instance) = known.and_then(|slot| slot.instance.as_mut()) else {
            let died = self.slots.get(slot).and_then(|slot| slot.died.clone());
            let missing = || BackendError::Broken(format!("there is no node in slot {slot}"));
            return Err(died.unwrap_or_else(missing));
        };
        let answer = instance.run(op, &self.argument, room);
        self.printed_bytes += room - instance.store.data().print_room;
        let answer = match answer {
            Ok(answer) => {
                self.fuel_used += instance.used;
                answer
            }
            Err(no_answer) => {
                let dies = op == Op::Step || matches!(no_answer, NoAnswer::Dead(_));
                let error = self.explain(op, no_answer);
                // Of an answer that is too long nothing is left in the node.
                if dies {
                    self.stop(slot);
                    self.slots[slot].died = Some(error.clone());
                }
                return Err(error);
            }
        };
        let instance = self.slots[slot]
            .instance
            .as_ref()
            .expect("it has just answered");
        Ok(instance.bytes(&answer))
    }

    fn explain(&self, op: Op, no_answer: NoAnswer) -> BackendError {
        match no_answer {
            NoAnswer::Dead(error) => error,
            NoAnswer::Bounds(_) if op == Op::Step => Fault::Malformed.into(),
            NoAnswer::Bounds(length) => {
                let limit = self.program.limits().answer_bytes;
                let what = if op == Op::Snapshot {
                    "as bytes its state"
                } else {
                    "it"
                };
                Fault::State {
                    what: format!("{what} takes {length} bytes, and {limit} are allowed"),
                }
                .into()
            }
        }
    }
}

impl From<NoAnswer> for BackendError {
    fn from(no_answer: NoAnswer) -> Self {
        match no_answer {
            NoAnswer::Dead(error) => error,
            NoAnswer::Bounds(_) => Fault::Malformed.into(),
        }
    }
}

impl Backend for WasmBackend {
    fn start(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        entropy: u64,
    ) -> Result<&[u8], BackendError> {
        self.fresh(slot, entropy)?;
        self.argument.clear();
        Event::Start(*start).write(&mut self.argument);
        self.run(slot, Op::Step)
    }

    fn restore(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        snapshot: &[u8],
        entropy: u64,
    ) -> Result<(), BackendError> {
        self.fresh(slot, entropy)?;
        self.argument.clear();
        start.write(&mut self.argument);
        self.argument.extend_from_slice(snapshot);
        let answer = answer_of(self.run(slot, Op::Restore)?);
        answer.map(|_| ())
    }

    fn step(&mut self, slot: usize, event: &Event<'_>) -> Result<&[u8], BackendError> {
        self.argument.clear();
        event.write(&mut self.argument);
        self.run(slot, Op::Step)
    }

    fn call(&mut self, slot: usize, op: Op, argument: &[u8]) -> Result<Vec<u8>, BackendError> {
        let of_a_node = matches!(op, Op::Snapshot | Op::RoundTrip | Op::Observe);
        let known = self.slot(slot);
        if known.instance.is_none() && !(of_a_node && known.died.is_some()) {
            self.fresh(slot, 0)?;
        }
        self.argument.clear();
        self.argument.extend_from_slice(argument);
        answer_of(self.run(slot, op)?)
    }

    fn stop(&mut self, slot: usize) {
        let slot = self.slot(slot);
        slot.died = None;
        if let Some(mut instance) = slot.instance.take() {
            slot.printed = std::mem::take(&mut instance.store.data_mut().printed);
        }
    }

    fn fuel_used(&self) -> u64 {
        self.fuel_used
    }

    fn mute(&mut self) {
        self.printed_bytes = self.program.limits().printed_bytes_of_a_world;
    }

    fn take_printed(&mut self, slot: usize) -> String {
        let slot = self.slot(slot);
        match &mut slot.instance {
            Some(instance) => instance.store.data_mut().printed.take(),
            None => slot.printed.take(),
        }
    }
}
