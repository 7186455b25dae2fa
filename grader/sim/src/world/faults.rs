//! What a test or a plan can do to the world.

use std::time::Duration;

use labkit::NodeId;

use crate::{
    disk::NodeDisk,
    network::Conditions,
    node::{After, Condition, Doom, Node},
    queue::QueuedEvent,
    record::{Happening, LinkChange},
    schedule::FaultAction,
    time::micros,
    violation::Outcome,
    world::World,
};

impl World<'_> {
    /// Starts a node that is down: for the first time, or again after a crash, with its disk.
    ///
    /// # Errors
    /// Whatever the node's `start` runs into.
    pub fn start(&mut self, node: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Restart { node })
    }

    /// Crashes a node between two events: its state, timers and waiting effects are gone, its disk
    /// stays.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn crash(&mut self, node: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Crash { node })
    }

    /// Crashes a node in its next event, after a number of its effects that `bits` chooses (none
    /// and all included).
    pub fn crash_in_next_event(&mut self, node: NodeId, bits: u64) {
        let node_index = self.node_index(node);
        let event = self.nodes[node_index].events + 1;
        self.nodes[node_index].doom = Some(Doom {
            event,
            after: After::Drawn(bits),
        });
    }

    /// Crashes a node and starts it again at once, before anybody can notice by silence.
    ///
    /// # Errors
    /// Whatever the node's `start` runs into.
    pub fn restart_quickly(&mut self, node: NodeId) -> Outcome {
        self.crash(node)?;
        self.start(node)
    }

    /// Breaks the disk of a node that is down: it starts again with an empty one, and is told
    /// [`Boot::DiskLost`](labkit::Boot::DiskLost) (and again at each start until something is safe
    /// on the new disk).
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn lose_disk(&mut self, node: NodeId) -> Outcome {
        self.do_fault(&FaultAction::LoseDisk { node })
    }

    /// Stops a node as it is. What arrives and fires meanwhile waits for it.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn pause(&mut self, node: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Pause { node })
    }

    /// Lets a paused node go on, with everything that waited.
    ///
    /// # Errors
    /// Whatever the node runs into.
    pub fn resume(&mut self, node: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Resume { node })
    }

    /// Cuts the link in this direction: what is under way or sent from now on is lost.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn cut(&mut self, from: NodeId, to: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Cut { from, to })
    }

    /// Repairs the link in this direction.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn heal_link(&mut self, from: NodeId, to: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Heal { from, to })
    }

    /// Cuts all links between nodes of different groups, both ways. Nodes in no group keep all
    /// their links.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn partition(&mut self, groups: &[&[NodeId]]) -> Outcome {
        across(groups).try_for_each(|(a, b)| {
            self.cut(a, b)?;
            self.cut(b, a)
        })
    }

    /// Repairs all links between nodes of different groups, both ways.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn join(&mut self, groups: &[&[NodeId]]) -> Outcome {
        across(groups).try_for_each(|(a, b)| {
            self.heal_link(a, b)?;
            self.heal_link(b, a)
        })
    }

    /// Cuts a node off from all others, both ways.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn isolate(&mut self, node: NodeId) -> Outcome {
        let others: Vec<NodeId> = self
            .ids()
            .into_iter()
            .filter(|other| *other != node)
            .collect();
        self.partition(&[&[node], &others])
    }

    /// Holds what is sent on the link in this direction from now on, until it is released.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn hold(&mut self, from: NodeId, to: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Hold { from, to })
    }

    /// From here on [`hold`](World::hold) holds up what is under way on the link, too: nothing
    /// arrives before the link is released.
    pub fn hold_arrivals(&mut self) {
        self.holds_arrivals = true;
    }

    /// Lets what was held on the link arrive, and the link work again.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn release(&mut self, from: NodeId, to: NodeId) -> Outcome {
        self.do_fault(&FaultAction::Release { from, to })
    }

    /// Makes a node slow: messages to and from it and its timers are late by up to `by` each. Zero
    /// ends it.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn slow(&mut self, node: NodeId, by: Duration) -> Outcome {
        self.do_fault(&FaultAction::Slow {
            node,
            by_us: micros(by),
        })
    }

    /// Ends all cuts, holds, pauses and slowness and the special conditions of links. Crashed nodes
    /// stay down.
    ///
    /// # Errors
    /// Whatever a resumed node runs into.
    pub fn heal(&mut self) -> Outcome {
        self.do_fault(&FaultAction::HealAll)
    }

    /// The conditions of all links that have none of their own.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Sets the conditions of all links that have none of their own.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Sets or (with `None`) ends conditions of its own for the link in this direction.
    pub fn set_link(&mut self, from: NodeId, to: NodeId, conditions: Option<Conditions>) {
        let link = self.link(from, to);
        self.links[link].conditions = conditions.map(Box::new);
    }

    /// From here on, until [`sweep_over`](World::sweep_over), every boundary between two effects of
    /// this node is one at which [`Trial::crash_sweep`](crate::Trial::crash_sweep) lets it crash,
    /// each in a run of its own.
    pub fn sweep(&mut self, node: NodeId) {
        self.sweep.node_index = Some(self.node_index(node));
    }

    /// Ends the stretch that [`sweep`](World::sweep) began.
    pub fn sweep_over(&mut self) {
        self.sweep.node_index = None;
    }

    /// True if the node runs: started, not crashed, not paused.
    pub fn is_up(&self, node: NodeId) -> bool {
        let condition = self.nodes[self.node_index(node)].condition;
        matches!(condition, Condition::Up | Condition::Syncing)
    }

    /// True if the node is crashed or was never started.
    pub fn is_down(&self, node: NodeId) -> bool {
        self.nodes[self.node_index(node)].condition == Condition::Down
    }

    /// The number of the node's present or last incarnation; 0 before the first.
    pub fn incarnation(&self, node: NodeId) -> u64 {
        self.nodes[self.node_index(node)].incarnation
    }

    /// The names of all nodes but for clients that have not come yet or have left.
    pub fn ids(&self) -> Vec<NodeId> {
        let there = |node: &&Node| !node.is_to_come() && !node.left;
        let there = self.nodes.iter().filter(there);
        there.map(|node| node.spec.id).collect()
    }

    fn link(&self, from: NodeId, to: NodeId) -> usize {
        self.node_index(from) * self.nodes.len() + self.node_index(to)
    }

    /// Does what a fault says, and tells of it.
    pub(crate) fn do_fault(&mut self, fault: &FaultAction) -> Outcome {
        self.record_fault(fault);
        match *fault {
            FaultAction::Crash { node } => self.crash_now(node),
            FaultAction::Restart { node } => return self.start_node(self.node_index(node)),
            FaultAction::Pause { node } => self.pause_now(node),
            FaultAction::Resume { node } => {
                self.tell(format!("{node} resumes"));
                return self.wake_up(self.node_index(node));
            }
            FaultAction::Slow { node, by_us } => self.slow_now(node, by_us),
            FaultAction::LoseDisk { node } => self.lose_disk_now(node),
            FaultAction::Leave { node } => self.leave_now(node),
            FaultAction::StepClock { node, by_us } => self.step_clock_now(node, by_us),
            FaultAction::DriftClock { node, ppm } => self.drift_clock_now(node, ppm),
            FaultAction::Cut { from, to } => {
                self.tell_link(LinkChange::Cut, (from, to));
                let link = self.link(from, to);
                self.links[link].cut = true;
            }
            FaultAction::Heal { from, to } => {
                self.tell_link(LinkChange::Heal, (from, to));
                let link = self.link(from, to);
                self.links[link].cut = false;
            }
            FaultAction::Hold { from, to } => {
                self.tell_link(LinkChange::Hold, (from, to));
                let link = self.link(from, to);
                self.links[link].held = true;
            }
            FaultAction::Release { from, to } => {
                self.tell_link(LinkChange::Release, (from, to));
                let link = self.link(from, to);
                self.release_link(link);
            }
            FaultAction::HealAll => return self.heal_all(),
        }
        Ok(())
    }

    fn crash_now(&mut self, node: NodeId) {
        self.record(|_| Happening::Crash { node, after: None });
        let node_index = self.node_index(node);
        if self.nodes[node_index].condition != Condition::Down {
            self.end_incarnation(node_index);
        }
    }

    fn pause_now(&mut self, node: NodeId) {
        self.tell(format!("{node} is paused"));
        let node_index = self.node_index(node);
        let node = &mut self.nodes[node_index];
        if matches!(node.condition, Condition::Up | Condition::Syncing) {
            node.syncing_under_pause = node.condition == Condition::Syncing;
            node.condition = Condition::Paused;
        }
    }

    fn slow_now(&mut self, node: NodeId, by_us: u64) {
        let text = if by_us == 0 {
            "no longer slow".to_owned()
        } else {
            format!("slow by up to {} ms", by_us / 1000)
        };
        self.tell(format!("{node} is {text}"));
        let node_index = self.node_index(node);
        self.nodes[node_index].slow_by_us = by_us;
    }

    fn lose_disk_now(&mut self, node: NodeId) {
        let node_index = self.node_index(node);
        // In a replay of a changed program it may live; a living node's disk does not break.
        if self.nodes[node_index].condition == Condition::Down {
            self.tell(format!("the disk of {node} is lost"));
            self.nodes[node_index].disk = NodeDisk::default();
            self.nodes[node_index].disk_lost = true;
        }
    }

    fn heal_all(&mut self) -> Outcome {
        self.healed = Some(self.now);
        self.tell("all links work again, nobody is paused or slow".to_owned());
        for link in 0..self.links.len() {
            self.links[link].cut = false;
            self.links[link].conditions = None;
            self.release_link(link);
        }
        for node_index in 0..self.nodes.len() {
            self.nodes[node_index].slow_by_us = 0;
            self.wake_up(node_index)?;
        }
        Ok(())
    }

    fn release_link(&mut self, link: usize) {
        self.links[link].held = false;
        let (released, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(of, ..)| *of == link);
        self.held = held;
        for (_, index, at) in released {
            let flight = &self.flights[index as usize];
            let identity = (flight.from as u64) << 52 | flight.nth;
            self.push(at, identity, QueuedEvent::Deliver { message: index });
        }
    }

    fn wake_up(&mut self, node_index: usize) -> Outcome {
        let node = &mut self.nodes[node_index];
        if node.condition == Condition::Paused {
            node.condition = if node.syncing_under_pause {
                Condition::Syncing
            } else {
                Condition::Up
            };
            node.syncing_under_pause = false;
        }
        self.catch_up(node_index)
    }

    /// Notes something that the test does, for the reader of a failure.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.record(|_| Happening::Fault { text: text.into() });
    }

    fn tell(&mut self, text: String) {
        self.record(|_| Happening::Fault { text });
    }
}

/// All pairs of nodes of different groups, each once.
fn across<'a>(groups: &'a [&'a [NodeId]]) -> impl Iterator<Item = (NodeId, NodeId)> + 'a {
    groups.iter().enumerate().flat_map(move |(index, group)| {
        let others = groups.iter().skip(index + 1).flat_map(|other| other.iter());
        others.flat_map(move |b| group.iter().map(move |a| (*a, *b)))
    })
}
