//! Looking on while a run goes.

use labkit::{NodeId, abi::Op};

use crate::{
    history::Operation,
    memory::Memory,
    time::Time,
    violation::{Outcome, Stop, stop_for},
    world::{Look, World},
};

impl Look<'_, '_> {
    /// The virtual time.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// True if the node is crashed or was never started.
    pub fn is_down(&self, node: NodeId) -> bool {
        self.world.is_down(node)
    }

    /// The number of the node's present or last incarnation; 0 before the first.
    pub fn incarnation(&self, node: NodeId) -> u64 {
        self.world.incarnation(node)
    }

    /// What clients were asked and answered so far.
    pub fn history(&self) -> &[Operation] {
        self.world.history()
    }

    /// A violation seen now; the watcher returns it.
    #[track_caller]
    pub fn violation(&self, observed: impl Into<String>) -> Stop {
        self.world.violation(observed)
    }

    /// The lab's observation of a node that is up, encoded by the lab.
    ///
    /// # Errors
    /// If the student's accessor fails.
    pub fn observe(&mut self, node: NodeId) -> Outcome<Option<Vec<u8>>> {
        self.world.observe(node)
    }

    /// The given message (encoded) inside a student's message from this node, if it is one.
    ///
    /// # Errors
    /// If the student's conversion fails.
    pub fn given(&mut self, from: NodeId, message: &[u8]) -> Outcome<Option<Vec<u8>>> {
        self.world.given(from, message)
    }
}

/// Factor by which observations may compute more than handlers.
const LOOKS: u64 = 4;

impl World<'_> {
    /// The lab's observation of a node, encoded by the lab; `None` if the node is down.
    ///
    /// # Errors
    /// If the student's accessor fails.
    pub fn observe(&mut self, node: NodeId) -> Outcome<Option<Vec<u8>>> {
        let node_index = self.node_index(node);
        if !self.has_instance(node_index) {
            return Ok(None);
        }
        let before = self.fuel;
        let seen = self
            .call(node_index, Op::Observe, &[], "being observed")
            .map(Some);
        // Looking on costs the program nothing, within reason: it is the suite that looks after
        // every event.
        if self.looking < LOOKS * self.limits.fuel {
            self.looking += std::mem::replace(&mut self.fuel, before) - before;
        }
        seen
    }

    /// What a node keeps, as budgets count it; `None` if the node is down.
    ///
    /// # Errors
    /// If the state cannot be serialized.
    pub fn memory(&mut self, node: NodeId) -> Outcome<Option<Memory>> {
        let node_index = self.node_index(node);
        if !self.has_instance(node_index) {
            return Ok(None);
        }
        let state = self.call(node_index, Op::Snapshot, &[], "being turned into bytes")?;
        let under_way = self.under_way().into_iter();
        let under_way = under_way.map(|(_, index)| &self.flights[index as usize]);
        let under_way = under_way.filter(|flight| flight.from == node_index);
        let node = &self.nodes[node_index];
        let blobs = node.disk.seen_by_node();
        Ok(Some(Memory {
            state: state.len(),
            timers: node.timers.iter().map(|timer| timer.bytes.len()).sum(),
            under_way: under_way.map(|flight| flight.bytes.len()).sum(),
            disk: blobs
                .iter()
                .map(|(name, bytes)| name.len() + bytes.len())
                .sum(),
        }))
    }

    /// Holds a node that is up against what every search relies on: its state has bytes, not too
    /// many, and a node can be made of them.
    ///
    /// # Errors
    /// If one of these does not hold.
    pub fn has_bytes(&mut self, node: NodeId) -> Outcome {
        let node_index = self.node_index(node);
        if !self.has_instance(node_index) {
            return Ok(());
        }
        let doing = "being turned into bytes and back";
        let snapshot = self.call(node_index, Op::Snapshot, &[], doing)?;
        match self.copy_of(node_index, &snapshot) {
            Some(Err(error)) => Err(stop_for(error, &node.to_string(), doing, self.now)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// The given message (encoded) inside a student's message from this node, if it is one.
    ///
    /// # Errors
    /// If the student's conversion fails.
    pub fn given(&mut self, from: NodeId, message: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let mut argument = vec![self.nodes[self.node_index(from)].speaks_as()];
        argument.extend_from_slice(message);
        if let Some(known) = self.given_cache.get(&argument) {
            return Ok(known.clone());
        }
        let scratch_instance = self.fresh_scratch_instance();
        let answer = self.call(
            scratch_instance,
            Op::UnwrapGiven,
            &argument,
            "being asked for a given message",
        )?;
        let given = match answer.split_first() {
            Some((1, given)) => Some(given.to_vec()),
            _ => None,
        };
        if self.given_cache.len() >= 4096 {
            self.given_cache.clear();
        }
        self.given_cache.insert(argument, given.clone());
        Ok(given)
    }
}
