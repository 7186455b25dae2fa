//! Carrying out what handlers ask for: messages, timers, the disk, answers, and the crashes in
//! between.

use std::collections::{BTreeMap, VecDeque};

use labkit::{
    NodeId,
    abi::{Effect, Op, Subject, effects, split_effect},
};

use crate::{
    Outcome,
    backend::Fault,
    choice::About,
    edits::Kept,
    history::{Moment, Workload},
    node::{After, Cause, Condition, Doom, Received, Timer},
    record::Happening,
    schedule::{Action, Survival},
    time::{Time, micros},
    violation::stop_for,
    world::{Flight, QueuedEvent, World},
};

impl World<'_> {
    /// Carries out the effects of a handler in order, up to the first sync; the rest waits for its
    /// end.
    pub(crate) fn apply_effects(
        &mut self,
        node_index: usize,
        bytes: &[u8],
        doing: &str,
    ) -> Outcome {
        let doomed = self.crash_point(node_index, bytes);
        let mut rest = bytes;
        loop {
            let done = self.nodes[node_index].effects_done;
            let swept = self.sweep_hits(node_index);
            if swept || doomed == Some(done) {
                return self.crash_in_event(node_index, done);
            }
            if rest.is_empty() {
                return Ok(());
            }
            if done == self.limits.effects_per_event {
                let node = self.nodes[node_index].spec.id;
                let limit = self.limits.effects_per_event;
                return Err(self.over_budget(format!(
                    "one handler of {node} asked for more than {limit} effects"
                )));
            }
            let Ok((effect, behind)) = split_effect(rest) else {
                let node = self.nodes[node_index].spec.id.to_string();
                return Err(stop_for(Fault::Malformed.into(), &node, doing, self.now));
            };
            rest = behind;
            self.nodes[node_index].effects_done += 1;
            if effect == Effect::Sync {
                self.begin_sync(node_index, rest);
                return Ok(());
            }
            self.apply(node_index, &effect)?;
        }
    }

    fn apply(&mut self, node_index: usize, effect: &Effect<'_>) -> Outcome {
        match *effect {
            Effect::Send { to, message } => self.send(node_index, to, message),
            Effect::SetTimer {
                timer,
                at_least,
                at_most,
            } => {
                let nth = self.nodes[node_index].timers_set + 1;
                let draw = &mut self.choices.draw(About::Timer, self.who(node_index), nth);
                let fixed = at_least == at_most || self.early_timers();
                let after = if fixed {
                    at_least
                } else {
                    draw.between(&(at_least..=at_most))
                };
                self.set_timer(node_index, timer, self.now + after)
            }
            Effect::Cancel { timer } => {
                self.nodes[node_index]
                    .timers
                    .retain(|running| running.bytes != timer);
                Ok(())
            }
            Effect::Respond { output } => self.respond(node_index, output),
            Effect::Write { .. } | Effect::Append { .. } | Effect::Remove { .. } => {
                self.nodes[node_index].disk.apply(effect);
                Ok(())
            }
            Effect::Note { text } => {
                if let Some(recording) = &mut self.mode.recording {
                    recording.add_to_last(String::new(), Some(text));
                }
                Ok(())
            }
            Effect::StartWork { token, task } => self.start_work(node_index, token, task),
            Effect::CancelWork { token } => {
                self.cancel_work(node_index, token);
                Ok(())
            }
            Effect::StoreCreate { .. }
            | Effect::StoreAppend { .. }
            | Effect::StoreRename { .. } => {
                self.write_store(node_index, effect);
                Ok(())
            }
            Effect::Sync => unreachable!("apply_effects stops at a sync"),
        }
    }

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
                message,
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

    /// When something happens that is due then and that no schedule names: not before the world's
    /// quiet time is over.
    pub(crate) fn unnamed(&self, at: Time) -> Time {
        if at < self.quiet_until {
            self.quiet_until + at.since(self.now)
        } else {
            at
        }
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
        let flight = std::mem::take(&mut self.flights[index as usize]);
        self.free_flights.push(index);
        let link = flight.from * self.nodes.len() + flight.to;
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
            let Flight {
                from,
                to,
                sent,
                bytes,
                ..
            } = flight;
            return self.happen(to, Cause::Message { from, sent, bytes });
        };
        self.record_action(|_| Action::Drop {
            from,
            nth: flight.nth,
        });
        self.record_loss(flight.from, to, &flight.bytes, why.to_owned());
        Ok(())
    }

    fn lose(&mut self, node_index: usize, nth: u64, to: NodeId, message: &[u8], why: &str) {
        if self.mode.recording.is_some() {
            let from = self.nodes[node_index].incarnation_id();
            self.record_action(|_| Action::Drop { from, nth });
            self.record_loss(node_index, to, message, why.to_owned());
        }
    }

    fn record_loss(&mut self, node_index: usize, to: NodeId, message: &[u8], why: String) {
        let from = self.nodes[node_index].spec.id;
        self.record(|world| Happening::Lose {
            from,
            to,
            message: world.describe_for_recording(node_index, Subject::Message, message),
            why,
        });
    }

    fn set_timer(&mut self, node_index: usize, timer: &[u8], at: Time) -> Outcome {
        let node = &mut self.nodes[node_index];
        node.timers_set += 1;
        let nth = node.timers_set;
        node.timers.retain(|running| running.bytes != timer);
        if node.timers.len() == self.limits.timers_per_node {
            let (id, limit) = (node.spec.id, self.limits.timers_per_node);
            return Err(self.over_budget(format!("{id} has more than {limit} timers running")));
        }
        let (owner, slow) = (node.incarnation_id(), node.slow_by_us);
        let scripted = self
            .mode
            .script
            .as_mut()
            .and_then(|script| script.timers.remove(&(owner, nth)));
        let extra = if slow == 0 {
            0
        } else {
            self.choices
                .draw(About::Slowness, self.who(node_index), !nth)
                .below(slow + 1)
        };
        let at = scripted.unwrap_or_else(|| self.unnamed(Time(at.0.saturating_add(extra))));
        self.nodes[node_index].timers.push(Timer {
            nth,
            at,
            bytes: timer.to_vec(),
        });
        let what = QueuedEvent::Timer {
            node_index: node_index as u16,
            incarnation: owner.incarnation as u32,
            nth,
        };
        self.push(at, (node_index as u64) << 52 | nth, what);
        Ok(())
    }

    pub(crate) fn fire(&mut self, node_index: usize, incarnation: u64, nth: u64) -> Outcome {
        let node = &mut self.nodes[node_index];
        if node.incarnation != incarnation || node.condition == Condition::Down {
            return Ok(());
        }
        let Some(position) = node.timers.iter().position(|timer| timer.nth == nth) else {
            return Ok(());
        };
        let bytes = node.timers.remove(position).bytes;
        let of = node.incarnation_id();
        self.record_action(|_| Action::Fire { of, nth });
        self.happen(node_index, Cause::Timer { bytes })
    }

    fn begin_sync(&mut self, node_index: usize, tail: &[u8]) {
        let node = &mut self.nodes[node_index];
        node.condition = Condition::Syncing;
        node.tail = tail.to_vec();
        node.syncs += 1;
        let (nth, owner) = (node.syncs, node.incarnation_id());
        let scripted = self
            .mode
            .script
            .as_mut()
            .and_then(|script| script.syncs.remove(&(owner, nth)));
        let at =
            scripted.unwrap_or_else(|| self.unnamed(self.now + self.sync_time(node_index, nth)));
        let what = QueuedEvent::Synced {
            node_index: node_index as u16,
            incarnation: owner.incarnation as u32,
            nth,
        };
        self.push(at, (node_index as u64) << 52 | nth, what);
    }

    pub(crate) fn synced(&mut self, node_index: usize, incarnation: u64, nth: u64) -> Outcome {
        let node = &mut self.nodes[node_index];
        if node.incarnation != incarnation || node.syncs != nth {
            return Ok(());
        }
        match node.condition {
            Condition::Syncing => {
                node.condition = Condition::Up;
                self.go_on_after_sync(node_index)?;
                self.catch_up(node_index)
            }
            Condition::Paused => {
                node.syncing_under_pause = false;
                node.backlog.push_front(Cause::Synced);
                Ok(())
            }
            Condition::Up | Condition::Down => Ok(()),
        }
    }

    pub(crate) fn go_on_after_sync(&mut self, node_index: usize) -> Outcome {
        let node = &mut self.nodes[node_index];
        node.disk.sync();
        let (of, nth) = (node.incarnation_id(), node.syncs);
        let tail = std::mem::take(&mut node.tail);
        self.record_action(|_| Action::Synced { of, nth });
        self.apply_effects(node_index, &tail, "going on after a sync")
    }

    /// An answer to the open operation; it must come from the system.
    fn respond(&mut self, node_index: usize, output: &[u8]) -> Outcome {
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

    /// After how many effects of this event the node crashes, if it does.
    fn crash_point(&mut self, node_index: usize, bytes: &[u8]) -> Option<u64> {
        let node = &mut self.nodes[node_index];
        let (owner, event, done) = (node.incarnation_id(), node.events, node.effects_done);
        if let Some(script) = &mut self.mode.script
            && let Some(effects) = script.crashes.remove(&(owner, event))
        {
            node.doom = Some(Doom {
                event,
                after: After::Effects(effects),
            });
        }
        let doom = node.doom.as_mut().filter(|doom| doom.event <= event)?;
        if let After::Drawn(bits) = doom.after {
            let effects = done + bits % (effects(bytes).count() as u64 + 1);
            *doom = Doom {
                event,
                after: After::Effects(effects),
            };
        }
        match doom.after {
            After::Effects(effects) if doom.event == event => Some(effects),
            _ => None,
        }
    }

    fn crash_in_event(&mut self, node_index: usize, effects: u64) -> Outcome {
        let node = &self.nodes[node_index];
        let (id, of, event) = (node.spec.id, node.incarnation_id(), node.events);
        self.record_action(|_| Action::Crash { of, event, effects });
        self.record(|_| Happening::Crash {
            node: id,
            after: Some((event, effects)),
        });
        self.end_incarnation(node_index);
        Ok(())
    }

    pub(crate) fn end_incarnation(&mut self, node_index: usize) {
        let draw = self.choices.draw(About::DiskKept, self.who(node_index), 0);
        let node = &mut self.nodes[node_index];
        let of = node.incarnation_id();
        let scripted = self
            .mode
            .script
            .as_mut()
            .and_then(|script| script.survivals.remove(&of));
        let survivals = match (scripted, self.unsynced_is_lost) {
            (Some(scripted), _) => scripted,
            (None, true) => BTreeMap::new(),
            (None, false) => node.disk.draw_survivals(draw),
        };
        let survived = node.disk.crash(&survivals);
        node.end_incarnation();
        for (blob, Survival { writes, bytes }) in survived {
            self.record_action(|_| Action::Survived {
                of,
                blob,
                writes,
                bytes,
            });
        }
        self.kill_work(node_index);
        self.backend.stop(node_index);
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

    /// Gives clients that have no operation open their next one, again and again, until the
    /// workload has no more.
    pub fn set_workload(&mut self, workload: impl Workload + 'static) {
        self.workload = Some(Box::new(workload));
        for node_index in 0..self.nodes.len() {
            if self.nodes[node_index].is_client() && self.nodes[node_index].open.is_none() {
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
            .filter(|node| node.is_client())
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
        let (node_index, scratch_instance) = (self.node_index(puppet), self.scratch_instance());
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
