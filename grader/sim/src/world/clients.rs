//! Clients: what they are asked, when, and what they answer. Puppets, whose part the test plays.

use std::{collections::VecDeque, time::Duration};

use labkit::{
    NodeId,
    abi::{Op, Subject},
};

use crate::{
    edits::Kept,
    history::{Moment, Workload},
    node::{Cause, Condition, Node, Received},
    queue::QueuedEvent,
    record::Happening,
    schedule::{Action, FaultAction},
    time::{Time, micros},
    violation::Outcome,
    world::World,
};

impl World<'_> {
    /// An answer to the open operation; it must come from the system.
    pub(super) fn respond(&mut self, node_index: usize, output: &[u8]) -> Outcome {
        let id = self.nodes[node_index].spec.id;
        let text = output.to_vec();
        self.record(|world| Happening::Respond {
            node: id,
            output: world.describe_for_recording(node_index, Subject::Output, &text),
        });
        let Some((index, heard)) = self.nodes[node_index].open.take() else {
            return Err(self.violation(format!("{id} answered although no operation is open")));
        };
        let order = self.next_moment();
        let (now, via) = (self.now, self.upon);
        let operation = &mut self.history[index];
        operation.reply = Some((Moment { at: now, order }, output.to_vec()));
        operation.via = via;
        let took = now.since(operation.invoked.at);
        self.current_phase().answered(took);
        if !heard {
            let text = self.describe(node_index, Subject::Output, output);
            return Err(self.violation(format!(
                "{id} answered {text} without having received any message since it was invoked"
            )));
        }
        self.think(node_index);
        Ok(())
    }

    pub(crate) fn next_moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// Invokes the next operation of a client after its thinking time, if its workload has one.
    pub(crate) fn think(&mut self, node_index: usize) {
        if self.workload.is_some() {
            let earliest = self.skip_operations(node_index);
            let node = &self.nodes[node_index];
            let (id, nth) = (node.spec.id, node.operations);
            let Some(workload) = &mut self.workload else {
                return;
            };
            if let Some((after, _)) = workload.next(id, nth) {
                let thought = Time(self.now.0.saturating_add(micros(after)));
                // Where an operation has a time of its own, what the client did before does not
                // move it.
                let at = if earliest == Time::ZERO {
                    thought
                } else {
                    earliest
                };
                self.push(
                    at,
                    node_index as u64,
                    QueuedEvent::Think {
                        node_index: node_index as u16,
                    },
                );
            }
        }
    }

    pub(crate) fn invoke_next(&mut self, node_index: usize) -> Outcome {
        let node = &self.nodes[node_index];
        if node.open.is_some() || node.condition == Condition::Down {
            return Ok(());
        }
        let (id, nth) = (node.spec.id, node.operations);
        let Some(workload) = &mut self.workload else {
            return Ok(());
        };
        match workload.next(id, nth) {
            Some((_, command)) => {
                let at_us = self.now.0;
                if let Some(recording) = &mut self.mode.recording {
                    recording.decided.operations.push(Kept {
                        client: id,
                        nth,
                        at_us,
                    });
                }
                let command = self.worded(id, nth, command);
                self.invoke(id, command)
            }
            None => Ok(()),
        }
    }

    /// A client leaves for good: it takes part in nothing any more, and its name is never used
    /// again. What it sent still arrives. If an operation is open it stays so in the history: it
    /// may take effect once, at any later time, or never. Nobody waits for it.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    ///
    /// # Panics
    /// If the node is no client: a mistake in the test.
    pub fn leave(&mut self, client: NodeId) -> Outcome {
        let node = &self.nodes[self.node_index(client)];
        assert!(node.is_client(), "{client} is no client and cannot leave");
        self.do_fault(&FaultAction::Leave { node: client })
    }

    pub(super) fn leave_now(&mut self, client: NodeId) {
        let node_index = self.node_index(client);
        // In a replay of a changed program it may not have come.
        if self.nodes[node_index].condition == Condition::Down {
            return;
        }
        self.record(|_| Happening::Leave { node: client });
        self.end_incarnation(node_index);
        let node = &mut self.nodes[node_index];
        (node.left, node.open) = (true, None);
    }

    /// The clients that are there: those that have come and have not left.
    pub fn clients(&self) -> Vec<NodeId> {
        let there = |node: &&Node| node.is_client() && node.condition != Condition::Down;
        let there = self.nodes.iter().filter(there);
        there.map(|node| node.spec.id).collect()
    }

    /// The clients that have not come yet: declared as clients that do not start by themselves.
    pub fn clients_to_come(&self) -> Vec<NodeId> {
        let to_come = self.nodes.iter().filter(|node| node.is_to_come());
        to_come.map(|node| node.spec.id).collect()
    }

    /// True if the client has an operation open.
    pub fn is_asking(&self, client: NodeId) -> bool {
        self.nodes[self.node_index(client)].open.is_some()
    }

    /// The next of the clients that have not come yet comes.
    ///
    /// # Errors
    /// Whatever the client's `start` runs into.
    ///
    /// # Panics
    /// If the setup declares no more of them: a mistake in the test.
    pub fn newcomer(&mut self) -> Outcome<NodeId> {
        let client = *self.clients_to_come().first().expect("a client is to come");
        self.start(client)?;
        Ok(client)
    }

    /// All clients leave for good, and time passes until nothing that any of them sent is under
    /// way.
    ///
    /// # Errors
    /// Whatever ends the run in that time; no progress, if a link still holds messages of theirs
    /// back.
    #[track_caller]
    pub fn all_leave(&mut self, within: Duration) -> Outcome {
        for client in self.clients() {
            self.leave(client)?;
        }
        let what = "what the clients that left had sent has arrived";
        self.expect(what, within, |world| {
            let mut flights = world.under_way().into_iter();
            let left = |index: u32| world.nodes[world.flights[index as usize].from].left;
            Ok(!flights.any(|(_, index)| left(index)))
        })
    }

    /// Gives clients that have no operation open their next one, again and again, until the
    /// workload has no more.
    pub fn set_workload(&mut self, workload: impl Workload + 'static) {
        self.workload = Some(Box::new(workload));
        for node_index in 0..self.nodes.len() {
            let node = &self.nodes[node_index];
            if node.is_client() && !node.is_to_come() && !node.left && node.open.is_none() {
                self.think(node_index);
            }
        }
    }

    /// True if no operation is open and the workload, if there is one, has no more for any client.
    pub fn workload_is_done(&mut self) -> bool {
        let Some(workload) = &mut self.workload else {
            return self.nodes.iter().all(|node| node.open.is_none());
        };
        self.nodes
            .iter()
            .filter(|node| node.is_client() && !node.is_to_come() && !node.left)
            .all(|node| {
                node.open.is_none() && workload.next(node.spec.id, node.operations).is_none()
            })
    }

    /// Invokes an operation on a client that has none open.
    ///
    /// # Errors
    /// Whatever the client's handler runs into.
    ///
    /// # Panics
    /// If the client has not started or has an operation open: a mistake in the test.
    pub fn invoke(&mut self, client: NodeId, command: Vec<u8>) -> Outcome {
        let node_index = self.node_index(client);
        assert!(
            self.nodes[node_index].condition != Condition::Down,
            "{client} has not started"
        );
        assert!(
            self.nodes[node_index].open.is_none(),
            "{client} has an operation open"
        );
        let invoked = Moment {
            at: self.now,
            order: self.next_moment(),
        };
        let operation = crate::Operation {
            client,
            command: command.clone(),
            invoked,
            reply: None,
            via: None,
        };
        let index = self.history.len();
        self.history.push(operation);
        let node = &mut self.nodes[node_index];
        node.operations += 1;
        node.open = Some((index, false));
        let nth = node.operations;
        self.record_action(|_| Action::Invoke { client, nth });
        self.happen(node_index, Cause::Invoke { bytes: command })
    }

    /// Takes the messages that this puppet has received since the last call, in order.
    pub fn inbox(&mut self, puppet: NodeId) -> VecDeque<Received> {
        let node_index = self.node_index(puppet);
        std::mem::take(&mut self.nodes[node_index].inbox)
    }

    /// Sends a given message (encoded) in the name of a puppet.
    ///
    /// # Errors
    /// If the student's `From<Given>` fails.
    pub fn send_given(&mut self, puppet: NodeId, to: NodeId, given: &[u8]) -> Outcome {
        let (node_index, scratch_instance) =
            (self.node_index(puppet), self.fresh_scratch_instance());
        let mut argument = vec![self.nodes[node_index].speaks_as()];
        argument.extend_from_slice(given);
        let message = self.call(
            scratch_instance,
            Op::WrapGiven,
            &argument,
            "turning a given message into its own",
        )?;
        self.nodes[node_index].operations += 1;
        let nth = self.nodes[node_index].operations;
        self.record_action(|_| Action::Invoke {
            client: puppet,
            nth,
        });
        self.send(node_index, to, &message)
    }
}
