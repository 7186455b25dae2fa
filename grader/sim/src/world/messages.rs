//! Messages: sent, lost, held up, arrived.

use labkit::{NodeId, abi::Subject};

use crate::{
    choice::About,
    node::{Cause, Condition},
    queue::QueuedEvent,
    record::Happening,
    schedule::Action,
    time::Time,
    violation::Outcome,
    world::{Flight, World},
};

impl World<'_> {
    /// Sends a message from a node, or from a puppet in the test's hand.
    pub(crate) fn send(&mut self, node_index: usize, to: NodeId, message: &[u8]) -> Outcome {
        self.nodes[node_index].sends += 1;
        self.count_message(node_index, message.len())?;
        let nth = self.nodes[node_index].sends;
        let Some(target) = self.find(to) else {
            let from = self.nodes[node_index].spec.id;
            self.record_loss(
                node_index,
                to,
                (self.now, message),
                format!("there is no node {to} (sent by {from})"),
            );
            return Ok(());
        };
        let owner = self.nodes[node_index].incarnation_id();
        let scripted = self
            .mode
            .script
            .as_mut()
            .and_then(|script| script.messages.remove(&(owner, nth)));
        let link = node_index * self.nodes.len() + target;
        let name = self.name_message(node_index, to, message);
        if let Some(fates) = scripted {
            for (at, lost) in fates {
                // What was lost later than when it was sent was lost on arrival, and is again.
                match lost && at <= self.now {
                    true => self.lose(
                        node_index,
                        nth,
                        to,
                        message,
                        if self.links[link].cut {
                            "the link is cut"
                        } else {
                            "lost"
                        },
                    ),
                    false => self.depart(node_index, target, nth, message, at),
                }
            }
            return Ok(());
        }
        let who = self.who(node_index);
        if self.links[link].cut {
            self.lose(node_index, nth, to, message, "the link is cut");
            return Ok(());
        }
        let fate = self.fate(link, who, nth, name);
        if fate == [None, None] {
            self.lose(node_index, nth, to, message, "lost");
            return Ok(());
        }
        let slow = self.nodes[target].slow_by_us + self.nodes[node_index].slow_by_us;
        let extra = if slow == 0 {
            0
        } else {
            self.choices.draw(About::Slowness, who, nth).below(slow + 1)
        };
        for latency in fate.into_iter().flatten() {
            let at = Time((self.now + latency).0.saturating_add(extra));
            self.depart(node_index, target, nth, message, self.unnamed(at));
        }
        Ok(())
    }

    /// Counts a message and says whether it is still within the budget.
    fn count_message(&mut self, node_index: usize, length: usize) -> Outcome {
        self.messages += 1;
        let phase = self.current_phase();
        phase.messages += 1;
        phase.bytes += length as u64;
        let sent = self.nodes[node_index].sends;
        let node = self.nodes[node_index].spec.id;
        if self.messages > self.limits.messages {
            let limit = self.limits.messages;
            return Err(self.over_budget(format!(
                "more than {limit} messages were sent; the last was {node}'s {sent}th"
            )));
        }
        Ok(())
    }

    fn depart(&mut self, node_index: usize, target: usize, nth: u64, message: &[u8], at: Time) {
        let mut bytes = self.spare_buffer();
        bytes.clear();
        bytes.extend_from_slice(message);
        let incarnation = self.nodes[node_index].incarnation;
        let flight = Flight {
            from: node_index,
            incarnation,
            nth,
            to: target,
            sent: self.now,
            bytes,
        };
        let index = match self.free_flights.pop() {
            Some(index) => {
                self.flights[index as usize] = flight;
                index
            }
            None => {
                self.flights.push(flight);
                (self.flights.len() - 1) as u32
            }
        };
        let link = node_index * self.nodes.len() + target;
        if self.links[link].held {
            self.held.push((link, index, at));
        } else {
            self.push(
                at,
                (node_index as u64) << 52 | nth,
                QueuedEvent::Deliver { message: index },
            );
        }
    }

    /// A message reaches its destination.
    pub(crate) fn arrive(&mut self, index: u32) -> Outcome {
        let flight = &self.flights[index as usize];
        let link = flight.from * self.nodes.len() + flight.to;
        if self.holds_arrivals && self.links[link].held {
            self.held.push((link, index, self.now));
            return Ok(());
        }
        let flight = std::mem::take(&mut self.flights[index as usize]);
        self.free_flights.push(index);
        let to = self.nodes[flight.to].spec.id;
        let from = crate::IncarnationId {
            node: self.nodes[flight.from].spec.id,
            incarnation: flight.incarnation,
        };
        let why = if self.links[link].cut {
            "the link is cut"
        } else if self.nodes[flight.to].condition == Condition::Down {
            "the node is down"
        } else {
            self.record_action(|_| Action::Deliver {
                from,
                nth: flight.nth,
            });
            let cause = Cause::Message {
                from: flight.from,
                name: (flight.incarnation, flight.nth),
                sent: flight.sent,
                bytes: flight.bytes,
            };
            return self.happen(flight.to, cause);
        };
        self.record_action(|_| Action::Drop {
            from,
            nth: flight.nth,
        });
        self.record_loss(
            flight.from,
            to,
            (flight.sent, &flight.bytes),
            why.to_owned(),
        );
        Ok(())
    }

    fn lose(&mut self, node_index: usize, nth: u64, to: NodeId, message: &[u8], why: &str) {
        if self.mode.recording.is_some() {
            let from = self.nodes[node_index].incarnation_id();
            self.record_action(|_| Action::Drop { from, nth });
            self.record_loss(node_index, to, (self.now, message), why.to_owned());
        }
    }

    fn record_loss(
        &mut self,
        node_index: usize,
        to: NodeId,
        (sent, message): (Time, &[u8]),
        why: String,
    ) {
        let from = self.nodes[node_index].spec.id;
        self.record(|world| Happening::Lose {
            from,
            to,
            sent,
            message: world.describe_for_recording(node_index, Subject::Message, message),
            why,
        });
    }

    /// The messages under way, as they arrive: sender, receiver, bytes.
    pub fn in_flight(&self) -> Vec<(NodeId, NodeId, Vec<u8>)> {
        let name = |node_index: usize| self.nodes[node_index].spec.id;
        let flights = self
            .under_way()
            .into_iter()
            .map(|(_, index)| &self.flights[index as usize]);
        flights
            .map(|flight| (name(flight.from), name(flight.to), flight.bytes.clone()))
            .collect()
    }

    pub(super) fn under_way(&self) -> Vec<(Option<Time>, u32)> {
        let mut under_way: Vec<(Option<Time>, u32)> = self
            .queue
            .iter()
            .filter_map(|queued| match queued.0.event {
                QueuedEvent::Deliver { message } => Some((Some(queued.0.at), message)),
                _ => None,
            })
            .collect();
        under_way.extend(self.held.iter().map(|(_, message, _)| (None, *message)));
        // `None` would be first; what is held up arrives last.
        under_way.sort_by_key(|(at, message)| {
            (
                at.is_none(),
                *at,
                self.flights[*message as usize].nth,
                *message,
            )
        });
        under_way
    }
}
