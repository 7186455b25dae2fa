//! A path through the states as a list of events, in the names that the simulator uses.
//!
//! States hold no names: equal messages are one, whoever sent them when. So a path is walked once
//! more with names: every message by its sender's incarnation and a count in it, every timer, sync
//! and event alike. The result is a [`Schedule`] that a simulated world follows.

use std::collections::BTreeMap;

use faultline_sim::{
    FaultAction, IncarnationId, Schedule,
    schedule::{Action, Timed},
};
use labkit::{
    NodeId,
    abi::{Effect, Subject, effects},
};

use crate::{
    choice::Choice,
    explorer::Explorer,
    intern::NONE,
    monitor::ExternalEvent,
    search::Reached,
    steps::{Flight, Part, StepOutcome, Trigger},
};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happens, for people.
    pub text: String,
    /// What happens, for the simulator: more than one action where a handler is cut short by a
    /// crash, or a client's next operation follows at once.
    pub actions: Vec<Action>,
}

/// A path from the first state to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its steps, the starts of the nodes included.
    pub events: Vec<Event>,
    /// Messages that were lost on it: the step of the sending, and the name. The simulator loses a
    /// message when it is sent.
    lost: Vec<(usize, IncarnationId, u64)>,
}

/// Virtual time between two steps of a schedule, for people to read: order is all that counts.
const STEP_US: u64 = 1_000;

impl Trace {
    /// The path as a schedule for the simulator, one millisecond a step; at its end all is healed.
    /// A world that follows it must start all nodes at once and be quiet until the end
    /// ([`Setup::quiet_until`](faultline_sim::Setup)).
    pub fn schedule(&self) -> Schedule {
        let timed = |step: usize, action: Action| {
            let planned = matches!(action, Action::Fault(_));
            Timed {
                at_us: step as u64 * STEP_US,
                planned,
                action,
            }
        };
        let events = self.events.iter().enumerate();
        let mut all: Vec<Timed> = events
            .flat_map(|(step, event)| {
                event
                    .actions
                    .iter()
                    .map(move |action| timed(step, action.clone()))
            })
            .collect();
        all.extend(self.lost.iter().map(|(step, from, nth)| {
            timed(
                *step,
                Action::Drop {
                    from: *from,
                    nth: *nth,
                },
            )
        }));
        all.push(timed(
            self.events.len() + 1,
            Action::Fault(FaultAction::HealAll),
        ));
        all.sort_by_key(|timed| timed.at_us);
        Schedule(all)
    }
}

/// The counts of one node.
#[derive(Clone, Debug, Default)]
struct Counts {
    incarnation: u64,
    events: u64,
    sends: u64,
    timers_set: u64,
    syncs: u64,
    /// Effects carried out of the current event.
    effects: u64,
    /// The running timers: bytes and number.
    timers: Vec<(u32, u64)>,
    works_started: u64,
    /// The work that is not done yet: token and number.
    works: Vec<(u64, u64)>,
    operations: u64,
}

/// Walks a path with names.
struct Walk<'w, 'm> {
    explorer: &'w Explorer<'m>,
    counts: Vec<Counts>,
    /// The names of the messages in the network: their step, sender and number, the oldest first.
    network: BTreeMap<u32, Vec<(usize, IncarnationId, u64)>>,
    /// Where it is.
    state: Vec<u32>,
    trace: Trace,
}

impl Explorer<'_> {
    /// The path to a state, as events.
    ///
    /// Time: one description by the node for each step.
    pub fn trace(&self, reached: &Reached) -> Trace {
        let trace = Trace {
            events: Vec::new(),
            lost: Vec::new(),
        };
        let counts = vec![Counts::default(); self.space.nodes()];
        let mut walk = Walk {
            explorer: self,
            counts,
            network: BTreeMap::new(),
            state: self.empty.clone(),
            trace,
        };
        for choice in &reached.path {
            walk.step(*choice);
        }
        walk.trace
    }
}

impl Walk<'_, '_> {
    fn step(&mut self, choice: Choice) {
        let mut event = Event {
            text: String::new(),
            actions: Vec::new(),
        };
        let mut says = Vec::new();
        let mut delivered = None;
        if choice.flight != NONE {
            let names = self.network.entry(choice.flight).or_default();
            let name = if choice.keeps {
                names[0]
            } else {
                names.remove(0)
            };
            delivered = Some(name);
            let (_, from, nth) = name;
            event.actions.push(match choice.outcome {
                NONE => Action::Drop { from, nth },
                _ => Action::Deliver { from, nth },
            });
            says.push(self.describe_flight(choice));
        }
        if choice.outcome != NONE {
            let outcome = self.explorer.space.steps.outcomes[choice.outcome as usize].clone();
            self.carry_out(&outcome, &mut event.actions, &mut says);
        } else if let Some((at, from, nth)) = delivered {
            event.actions.clear();
            self.trace.lost.push((at, from, nth));
        }
        let mut next = Vec::new();
        self.explorer.space.go(&self.state, choice, &mut next);
        self.state = next;
        event.text = says.join("; ");
        self.trace.events.push(event);
    }

    fn name(&self, node_index: u16) -> NodeId {
        self.explorer.space.model.nodes[usize::from(node_index)].id
    }

    fn describe(
        &self,
        node_index: u16,
        incarnation: u32,
        state: u32,
        subject: Subject,
        bytes: u32,
    ) -> String {
        let calls = &self.explorer.space.steps.calls;
        let (machine, model) = (&self.explorer.machine, self.explorer.space.model);
        calls.describe(
            machine,
            model,
            (node_index, incarnation, state),
            subject,
            &calls.bytes[bytes],
        )
    }

    fn describe_flight(&self, choice: Choice) -> String {
        let flight = &self.explorer.space.steps.flights[choice.flight];
        let message = self.describe(flight.from, 1, NONE, Subject::Message, flight.bytes);
        let (from, to) = (self.name(flight.from), self.name(flight.to));
        match (choice.outcome, choice.keeps) {
            (NONE, _) => format!("{message} from {from} to {to} is lost"),
            (_, true) => format!("{to} receives {message} from {from} (and will again)"),
            (_, false) => format!("{to} receives {message} from {from}"),
        }
    }

    fn carry_out(
        &mut self,
        outcome: &StepOutcome,
        actions: &mut Vec<Action>,
        says: &mut Vec<String>,
    ) {
        let steps = &self.explorer.space.steps;
        let node_index = steps.owners[outcome.local as usize];
        let name = self.name(node_index);
        for part in outcome.parts.iter() {
            self.begin(node_index, *part, actions, says);
            self.effects(node_index, *part, actions);
        }
        if outcome
            .parts
            .first()
            .is_some_and(|part| part.trigger == Trigger::Say)
        {
            self.said(node_index, &outcome.sends, says);
        }
        let counts = &self.counts[usize::from(node_index)];
        let of = IncarnationId {
            node: name,
            incarnation: counts.incarnation,
        };
        if outcome.crash
            && outcome
                .parts
                .last()
                .is_some_and(|part| part.trigger != Trigger::Crash)
        {
            actions.push(Action::Crash {
                of,
                event: counts.events,
                effects: counts.effects,
            });
            says.push(format!(
                "{name} crashes after {} effects of that",
                counts.effects
            ));
        }
        if outcome.loses_disk {
            says.push(format!("the disk of {name} is lost"));
        } else if outcome.crash {
            self.survived(node_index, outcome, of, actions);
        }
        self.tell_events(node_index, outcome, says);
        if outcome.crash {
            let counts = &mut self.counts[usize::from(node_index)];
            counts.timers.clear();
            counts.works.clear();
        }
    }

    /// Tells what an outcome shows to the outside.
    fn tell_events(&self, node_index: u16, outcome: &StepOutcome, says: &mut Vec<String>) {
        let steps = &self.explorer.space.steps;
        let name = self.name(node_index);
        for event in &steps.external_events[outcome.external_events] {
            let local = &steps.locals[outcome.local];
            match *event {
                ExternalEvent::Invoked { command, .. } => {
                    let text =
                        self.describe(node_index, 1, local.snapshot, Subject::Command, command);
                    says.push(format!("{name} is asked for {text}"));
                }
                ExternalEvent::Worked { label, .. } => {
                    says.push(format!(
                        "{name} is done with {}",
                        String::from_utf8_lossy(&steps.calls.bytes[label])
                    ));
                }
                ExternalEvent::Created { .. }
                | ExternalEvent::Appended { .. }
                | ExternalEvent::Renamed { .. } => {}
                ExternalEvent::Answered { output, .. } => {
                    let text =
                        self.describe(node_index, 1, local.snapshot, Subject::Output, output);
                    says.push(format!("{name} answers {text}"));
                }
            }
        }
    }

    /// Names what a puppet has said.
    fn said(&mut self, node_index: u16, flights: &[u32], says: &mut Vec<String>) {
        let now = self.trace.events.len();
        for flight in flights {
            let Flight { to, bytes, .. } = self.explorer.space.steps.flights[*flight];
            let message = self.describe(node_index, 1, NONE, Subject::Message, bytes);
            says.push(format!(
                "{} sends {message} to {}",
                self.name(node_index),
                self.name(to)
            ));
            let counts = &mut self.counts[usize::from(node_index)];
            counts.sends += 1;
            let life = IncarnationId {
                node: self.explorer.space.model.nodes[usize::from(node_index)].id,
                incarnation: 1,
            };
            let name = (now, life, counts.sends);
            self.network.entry(*flight).or_default().push(name);
        }
    }

    /// Names what the crash that ends this outcome leaves of unsynced writes.
    fn survived(
        &self,
        node_index: u16,
        outcome: &StepOutcome,
        of: IncarnationId,
        actions: &mut Vec<Action>,
    ) {
        let steps = &self.explorer.space.steps;
        let mut disk = steps.locals[self.state[usize::from(node_index)]]
            .disk
            .clone();
        for part in outcome.parts.iter() {
            if part.trigger == Trigger::Synced {
                disk.sync();
            }
            for effect in effects(&steps.calls.bytes[part.effects])
                .take(part.done as usize)
                .flatten()
            {
                disk.apply(&effect);
            }
        }
        let left = &steps.locals[outcome.local].disk;
        let ways = disk.after_crash().0;
        let survivals = ways
            .into_iter()
            .find_map(|(disk, survivals)| (disk == *left).then_some(survivals));
        for (blob, (writes, bytes)) in survivals.expect("the search crashed this disk") {
            let bytes = bytes.map(|bytes| bytes as u64);
            actions.push(Action::Survived {
                of,
                blob,
                writes: writes as u64,
                bytes,
            });
        }
    }

    /// What a part begins with, apart from a delivery.
    fn begin(
        &mut self,
        node_index: u16,
        part: Part,
        actions: &mut Vec<Action>,
        says: &mut Vec<String>,
    ) {
        let name = self.name(node_index);
        let counts = &mut self.counts[usize::from(node_index)];
        if !matches!(part.trigger, Trigger::Synced | Trigger::Crash) {
            counts.events += 1;
            counts.effects = 0;
        }
        let of = IncarnationId {
            node: name,
            incarnation: counts.incarnation,
        };
        match part.trigger {
            Trigger::Deliver => {}
            Trigger::Fire { timer } => {
                let (bytes, nth) = counts.timers.remove(timer as usize);
                actions.push(Action::Fire { of, nth });
                let state =
                    self.explorer.space.steps.locals[self.state[usize::from(node_index)]].snapshot;
                let text = self.describe(
                    node_index,
                    of.incarnation as u32,
                    state,
                    Subject::Timer,
                    bytes,
                );
                says.push(format!("{name}'s timer {text} fires"));
            }
            Trigger::Synced => {
                actions.push(Action::Synced {
                    of,
                    nth: counts.syncs,
                });
                says.push(format!("{name}'s sync is over"));
            }
            Trigger::Worked => {
                let (_, nth) = counts.works.remove(0);
                actions.push(Action::Worked { of, nth });
            }
            Trigger::Invoke | Trigger::Say => {
                counts.operations += 1;
                actions.push(Action::Invoke {
                    client: name,
                    nth: counts.operations,
                });
            }
            Trigger::Start => self.begin_start(node_index, actions, says),
            Trigger::Crash => {
                actions.push(Action::Fault(FaultAction::Crash { node: name }));
                says.push(format!("{name} crashes"));
            }
        }
    }

    /// A new incarnation: its counts begin anew.
    fn begin_start(&mut self, node_index: u16, actions: &mut Vec<Action>, says: &mut Vec<String>) {
        let node = self.name(node_index);
        let starts = self.explorer.space.model.nodes[usize::from(node_index)].starts;
        let counts = &mut self.counts[usize::from(node_index)];
        let incarnation = counts.incarnation + 1;
        let operations = counts.operations;
        *counts = Counts {
            incarnation,
            events: 1,
            operations,
            ..Counts::default()
        };
        let local = &self.explorer.space.steps.locals[self.state[usize::from(node_index)]];
        if local.disk.is_new() {
            actions.push(Action::Fault(FaultAction::LoseDisk { node }));
        }
        if incarnation > 1 || !starts {
            actions.push(Action::Fault(FaultAction::Restart { node }));
        }
        says.push(format!("{node} starts"));
    }

    /// Counts the effects that a part carried out, and names what they make.
    fn effects(&mut self, node_index: u16, part: Part, actions: &mut Vec<Action>) {
        let space = &self.explorer.space;
        let steps = &space.steps;
        let now = self.trace.events.len();
        let node = self.name(node_index);
        let counts = &mut self.counts[usize::from(node_index)];
        let life = IncarnationId {
            node,
            incarnation: counts.incarnation,
        };
        for effect in effects(&steps.calls.bytes[part.effects])
            .take(part.done as usize)
            .flatten()
        {
            counts.effects += 1;
            match effect {
                Effect::Send { to, message } => {
                    counts.sends += 1;
                    if let Some(flight) =
                        steps.find_flight(node_index, space.model.node_index(to), message)
                    {
                        self.network
                            .entry(flight)
                            .or_default()
                            .push((now, life, counts.sends));
                    }
                }
                Effect::SetTimer { timer, .. } => {
                    counts.timers_set += 1;
                    let bytes = steps.calls.bytes.find(timer).unwrap_or(NONE);
                    counts.timers.retain(|(running, _)| *running != bytes);
                    counts.timers.push((bytes, counts.timers_set));
                }
                Effect::Cancel { timer } => {
                    let bytes = steps.calls.bytes.find(timer).unwrap_or(NONE);
                    counts.timers.retain(|(running, _)| *running != bytes);
                }
                Effect::StartWork { token, .. } => {
                    counts.works_started += 1;
                    counts.works.retain(|(known, _)| *known != token);
                    counts.works.push((token, counts.works_started));
                }
                Effect::CancelWork { token } => counts.works.retain(|(known, _)| *known != token),
                Effect::Sync => {
                    counts.syncs += 1;
                    // Where no node crashes, a sync is over at once.
                    if !space.model.crashes(usize::from(node_index)) {
                        actions.push(Action::Synced {
                            of: life,
                            nth: counts.syncs,
                        });
                    }
                }
                _ => {}
            }
        }
    }
}
