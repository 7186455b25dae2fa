//! A program's own types as text. The program writes it (`Debug`), so it may panic, take for ever
//! or be megabytes long; and since it is done only for a recording, nothing of it may touch the
//! nodes of the run.

use labkit::{
    Boot, Inputs,
    abi::{Op, Start, Subject},
};

use crate::{violation::shortened, world::World};

/// What all descriptions for a recording may compute, in the backend's unit; later ones are left
/// out.
const MOST: u64 = 3_000_000_000;

/// What a description that failed counts as: it may have computed up to the limit of one call.
const FAILED: u64 = 100_000_000;

impl World<'_> {
    /// A message that this node sent, or a timer, command or output of this node, for a recording.
    pub(crate) fn describe_for_recording(
        &mut self,
        node_index: usize,
        subject: Subject,
        bytes: &[u8],
    ) -> String {
        if self.describing > MOST {
            return format!("({} bytes; showing them took too long before)", bytes.len());
        }
        let before = self.backend.fuel_used();
        let text = self.try_to_describe(node_index, subject, bytes);
        self.describing += self.backend.fuel_used() - before;
        text.unwrap_or_else(|| {
            self.describing += FAILED;
            cannot(bytes)
        })
    }

    /// The same for a verdict, which must say the same with and without a recording.
    pub(crate) fn describe(&mut self, node_index: usize, subject: Subject, bytes: &[u8]) -> String {
        self.fresh_scratch_instance();
        self.try_to_describe(node_index, subject, bytes)
            .unwrap_or_else(|| cannot(bytes))
    }

    /// Asks a scratch instance: one without a node for messages, one with a node of the same role
    /// for the rest.
    fn try_to_describe(
        &mut self,
        node_index: usize,
        subject: Subject,
        bytes: &[u8],
    ) -> Option<String> {
        let mut argument = vec![subject as u8];
        if subject == Subject::Message {
            argument.push(self.nodes[node_index].speaks_as());
        }
        argument.extend_from_slice(bytes);
        let asked = if subject == Subject::Message {
            self.scratch_instance()
        } else {
            self.scratch_instance_of(node_index)
        };
        if subject != Subject::Message {
            let node = &self.nodes[node_index];
            let (role, config) = node.start_role()?;
            let (disk, clock) = (node.disk.contents(), self.clock_of(node_index));
            // Inputs can be large, and only a node is wanted that knows its own types.
            let (id, boot, inputs) = (node.spec.id, Boot::First, &Inputs::new());
            let start = Start {
                role,
                id,
                incarnation: 1,
                boot,
                clock,
                config,
                disk,
                inputs,
            };
            self.backend.start(asked, &start, 0).ok()?;
        }
        let text = self.backend.call(asked, Op::Describe, &argument).ok()?;
        Some(shortened(&String::from_utf8_lossy(&text)))
    }
}

fn cannot(bytes: &[u8]) -> String {
    format!("({} bytes that cannot be shown)", bytes.len())
}
