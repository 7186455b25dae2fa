//! The loop: the next entry of the queue happens to a node, whose handler runs.

use std::{cmp::Reverse, collections::BTreeMap};

use labkit::{
    Boot,
    abi::{Event, Op, Start, Subject},
};

use crate::{
    backend::BackendError,
    choice::About,
    history::Via,
    metrics::{Phase, measure},
    node::{Cause, Condition, Received},
    queue::{QueueEntry, QueuedEvent},
    record::{Happening, Recording},
    schedule::{Action, Script},
    sweep::Sweep,
    time::Time,
    violation::{FailureKind, Outcome, Stop, Violation, stop_for},
    world::{Look, World},
};

impl World<'_> {
    pub(crate) fn push(&mut self, at: Time, identity: u64, event: QueuedEvent) {
        let class = match event {
            QueuedEvent::Fault { .. } => 0u64,
            QueuedEvent::Plan { .. } => 1,
            QueuedEvent::Start { .. } => 2,
            QueuedEvent::Synced { .. } => 3,
            QueuedEvent::Timer { .. } => 4,
            QueuedEvent::Deliver { .. } => 5,
            QueuedEvent::Think { .. } => 6,
            QueuedEvent::Worked { .. } => 7,
        };
        let rank = class << 60 | (identity & ((1 << 60) - 1));
        self.queue.push(Reverse(QueueEntry {
            at: at.max(self.now),
            rank,
            event,
        }));
    }

    /// Does the next thing, unless it is later than `until`. False if there is none.
    pub(crate) fn advance(&mut self, until: Time) -> Outcome<bool> {
        match self.queue.peek() {
            Some(Reverse(entry)) if entry.at <= until => {}
            _ => return Ok(false),
        }
        // Before the next thing leaves the queue: a timer that fires is no longer set.
        self.look_back();
        let Some(Reverse(entry)) = self.queue.pop() else {
            return Ok(false);
        };
        self.now = entry.at;
        match entry.event {
            QueuedEvent::Fault { index } => self.do_scripted_fault(index as usize)?,
            QueuedEvent::Plan { index } => self.run_plan(index as usize)?,
            QueuedEvent::Start { node_index } => self.start_node(usize::from(node_index))?,
            QueuedEvent::Timer {
                node_index,
                incarnation,
                nth,
            } => self.fire(usize::from(node_index), u64::from(incarnation), nth)?,
            QueuedEvent::Synced {
                node_index,
                incarnation,
                nth,
            } => self.synced(usize::from(node_index), u64::from(incarnation), nth)?,
            QueuedEvent::Deliver { message } => self.arrive(message)?,
            QueuedEvent::Think { node_index } => self.invoke_next(usize::from(node_index))?,
            QueuedEvent::Worked { node_index, work } => {
                self.worked(usize::from(node_index), work)?
            }
        }
        Ok(true)
    }

    pub(crate) fn call(
        &mut self,
        node_index: usize,
        op: Op,
        argument: &[u8],
        doing: &str,
    ) -> Outcome<Vec<u8>> {
        let before = self.backend.fuel_used();
        let result = self.backend.call(node_index, op, argument);
        self.fuel += self.backend.fuel_used() - before;
        result.map_err(|error| {
            let node = self
                .nodes
                .get(node_index)
                .map_or("the program".to_owned(), |node| node.spec.id.to_string());
            stop_for(error, &node, doing, self.now)
        })
    }

    pub(crate) fn record(&mut self, what: impl FnOnce(&mut Self) -> Happening) {
        if self.mode.recording.is_some() {
            self.look_back();
            let (now, what) = (self.now, what(self));
            let state = self.look_ahead(&what);
            if let Some(recording) = &mut self.mode.recording {
                recording.step(now, what, state);
            }
        }
    }

    pub(crate) fn record_action(&mut self, action: impl FnOnce(&Self) -> Action) {
        if self.mode.recording.is_some() {
            let (now, planned, action) = (self.now, self.planned, action(self));
            if let Some(recording) = &mut self.mode.recording {
                recording.act(now, planned, action);
            }
        }
    }

    pub(crate) fn start_node(&mut self, node_index: usize) -> Outcome {
        let node = &mut self.nodes[node_index];
        if node.condition != Condition::Down || node.left {
            return Ok(());
        }
        // Until something is safe on the new disk, nothing on it can tell the node that it is new.
        node.disk_lost &= node.disk.is_empty();
        let boot = match (node.incarnation, node.disk_lost) {
            (0, _) => Boot::First,
            (_, true) => Boot::DiskLost,
            (_, false) => Boot::Restarted,
        };
        let clock = node.clock.map(|clock| clock.at(self.now));
        node.incarnation += 1;
        node.condition = Condition::Up;
        (
            node.events,
            node.sends,
            node.timers_set,
            node.syncs,
            node.effects_done,
        ) = (1, 0, 0, 0, 0);
        let (id, incarnation) = (node.spec.id, node.incarnation);
        let effects = {
            let Some((role, config)) = node.start_role() else {
                return Ok(());
            };
            let (disk, inputs) = (node.disk.contents(), &self.inputs);
            let start = Start {
                role,
                id,
                incarnation,
                boot,
                clock,
                config,
                disk,
                inputs,
            };
            let entropy = self
                .choices
                .draw(About::Entropy, node_index as u64, incarnation)
                .bits();
            self.backend
                .start(node_index, &start, entropy)
                .map(<[u8]>::to_vec)
        };
        self.record(|_| Happening::Start {
            node: id,
            incarnation,
        });
        let effects = self.checked(node_index, effects, "starting")?;
        self.finish_event(node_index, &effects, None, "starting")?;
        if self.nodes[node_index].is_client() {
            self.think(node_index);
        }
        Ok(())
    }

    /// The bytes of a step, or the end of the run; what was printed is kept in either case.
    pub(crate) fn checked<T>(
        &mut self,
        node_index: usize,
        result: Result<T, BackendError>,
        doing: &str,
    ) -> Outcome<T> {
        if self.mode.recording.is_some() {
            let printed = self.backend.take_printed(node_index);
            if let Some(recording) = &mut self.mode.recording {
                recording.add_to_last(printed, None);
            }
        }
        result.map_err(|error| {
            let node = self.nodes[node_index].spec.id.to_string();
            stop_for(error, &node, doing, self.now)
        })
    }

    /// Lets the node handle what is at its door, now or once it is back.
    pub(crate) fn happen(&mut self, node_index: usize, cause: Cause) -> Outcome {
        match self.nodes[node_index].condition {
            Condition::Down => Ok(()),
            Condition::Syncing | Condition::Paused => {
                self.nodes[node_index].backlog.push_back(cause);
                Ok(())
            }
            Condition::Up => self.handle(node_index, cause),
        }
    }

    /// Handles what queued up while the node was away, as far as it is up.
    pub(crate) fn catch_up(&mut self, node_index: usize) -> Outcome {
        while self.nodes[node_index].condition == Condition::Up {
            let Some(cause) = self.nodes[node_index].backlog.pop_front() else {
                break;
            };
            self.handle(node_index, cause)?;
        }
        Ok(())
    }

    fn handle(&mut self, node_index: usize, cause: Cause) -> Outcome {
        if matches!(cause, Cause::Synced) {
            return self.go_on_after_sync(node_index);
        }
        self.events += 1;
        self.current_phase().events += 1;
        if self.events > self.limits.events {
            return Err(self.over_budget(format!(
                "the nodes handled more than {} events",
                self.limits.events
            )));
        }
        self.record_cause(node_index, &cause);
        if let Cause::Message {
            from, sent, bytes, ..
        } = &cause
            && self.nodes[node_index].is_puppet()
        {
            let (from, sent) = (self.nodes[*from].spec.id, *sent);
            self.nodes[node_index].inbox.push_back(Received {
                at: self.now,
                sent,
                from,
                message: bytes.clone(),
            });
            return Ok(());
        }
        let node = &mut self.nodes[node_index];
        node.events += 1;
        node.effects_done = 0;
        let (event, doing) = self.event_of(node_index, &cause);
        let mut effects = self.spare.pop().unwrap_or_default();
        effects.clear();
        let before = self.backend.fuel_used();
        let clock = self.clock_of(node_index);
        let event = clock.map_or(event, |clock| Event::At {
            clock,
            event: &event,
        });
        let result = self
            .backend
            .step(node_index, &event)
            .map(|bytes| effects.extend_from_slice(bytes));
        self.fuel += self.backend.fuel_used() - before;
        self.checked(node_index, result, doing)?;
        self.finish_event(node_index, &effects, Some(&cause), doing)?;
        self.spare.push(effects);
        if let Cause::Message { bytes, .. } = cause {
            self.spare.push(bytes);
        }
        Ok(())
    }

    /// The event as the node is given it, and what the node is doing then, in words.
    fn event_of<'c>(&mut self, node_index: usize, cause: &'c Cause) -> (Event<'c>, &'static str) {
        self.upon = None;
        match cause {
            Cause::Message {
                from, sent, bytes, ..
            } => {
                self.upon = Some(Via {
                    from: self.nodes[*from].spec.id,
                    sent: *sent,
                });
                if let Some((_, heard)) = &mut self.nodes[node_index].open {
                    *heard = true;
                }
                (
                    Event::Message {
                        from: self.nodes[*from].spec.id,
                        message: bytes,
                    },
                    "handling a message",
                )
            }
            Cause::Timer { bytes } => (Event::Timer { timer: bytes }, "handling a timer"),
            Cause::Invoke { bytes } => (Event::Invoke { command: bytes }, "being invoked"),
            Cause::WorkDone { token, bytes, .. } => (
                Event::WorkDone {
                    token: *token,
                    done: bytes,
                },
                "handling the end of work",
            ),
            Cause::Synced => unreachable!("a sync that ends is no event"),
        }
    }

    /// Counts what an event has used up and says whether the run is still within its budget.
    fn count_event(&mut self, node_index: usize, effects: &[u8]) -> Outcome {
        self.bytes += effects.len() as u64;
        if self.bytes > self.limits.bytes {
            let (limit, node) = (self.limits.bytes >> 20, self.nodes[node_index].spec.id);
            return Err(self.over_budget(format!(
                "more than {limit} MiB were sent and written; {node} was the last to"
            )));
        }
        if self.fuel > self.limits.fuel {
            let observed = "all handlers of this run together computed for too long".to_owned();
            return Err(Stop::Violation(Violation::new(
                FailureKind::Timeout,
                observed,
                self.now,
            )));
        }
        Ok(())
    }

    fn finish_event(
        &mut self,
        node_index: usize,
        effects: &[u8],
        cause: Option<&Cause>,
        doing: &str,
    ) -> Outcome {
        self.count_event(node_index, effects)?;
        self.apply_effects(node_index, effects, doing)?;
        // This is the grader's doing, so it counts apart from what the program computes, and ends
        // when it is as much.
        if self.mode.as_bytes && self.turning < self.limits.fuel && self.has_instance(node_index) {
            let before = self.fuel;
            self.turn_into_bytes_and_back(node_index, doing)?;
            self.turning += std::mem::replace(&mut self.fuel, before) - before;
        }
        if self.watchers.is_empty() {
            return Ok(());
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        let node = self.nodes[node_index].spec.id;
        let mut result = Ok(());
        for watcher in &mut watchers {
            if let Some(Cause::Message { from, bytes, .. }) = cause {
                let from = self.nodes[*from].spec.id;
                result = result
                    .and_then(|()| watcher.delivered(&mut Look { world: self }, node, from, bytes));
            }
            result = result.and_then(|()| watcher.handled(&mut Look { world: self }, node));
        }
        self.watchers = watchers;
        result
    }

    fn record_cause(&mut self, node_index: usize, cause: &Cause) {
        if self.mode.recording.is_none() {
            return;
        }
        let node = self.nodes[node_index].spec.id;
        let what = match cause {
            Cause::Message {
                from,
                name,
                sent,
                bytes,
            } => {
                let message = self.describe_for_recording(*from, Subject::Message, bytes);
                Happening::Receive {
                    node,
                    from: self.nodes[*from].spec.id,
                    name: *name,
                    sent: *sent,
                    message,
                }
            }
            Cause::Timer { bytes } => Happening::Timer {
                node,
                timer: self.describe_for_recording(node_index, Subject::Timer, bytes),
            },
            Cause::Invoke { bytes } => Happening::Invoke {
                node,
                command: self.describe_for_recording(node_index, Subject::Command, bytes),
            },
            Cause::WorkDone { work, .. } => Happening::WorkDone {
                node,
                work: self.works()[*work].label.clone(),
            },
            Cause::Synced => return,
        };
        self.record(|_| what);
    }

    /// The end of the run: what was recorded, and how many scripted actions were not possible.
    pub(crate) fn finish(mut self, stop: Option<&Stop>) -> Finished {
        if let Some(Stop::Violation(violation)) = stop {
            let text = violation.observed.clone();
            self.record(|_| Happening::Stop { text });
        }
        self.look_back();
        self.record_messages_to_come();
        self.record_faults_to_come();
        self.close_phase();
        measure(&mut self.phases, &self.history, self.healed);
        for node_index in 0..=2 * self.nodes.len() {
            self.backend.stop(node_index);
        }
        let skipped = self.mode.script.as_ref().map_or(0, Script::left_over);
        Finished {
            recording: self.mode.recording.take(),
            skipped,
            phases: self.phases,
            fired: self.fired,
            sweep: self.sweep,
            fuel: self.fuel + self.turning + self.looking,
        }
    }
}

/// What remains of a world.
pub(crate) struct Finished {
    pub recording: Option<Recording>,
    pub skipped: usize,
    pub phases: Vec<Phase>,
    pub fired: BTreeMap<&'static str, u64>,
    pub sweep: Sweep,
    pub fuel: u64,
}
