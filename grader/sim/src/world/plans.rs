//! Faults that come by plan rather than by a test's own script.

use std::{ops::RangeInclusive, time::Duration};

use labkit::NodeId;

use crate::{
    choice::About,
    edits::Wake,
    queue::QueuedEvent,
    schedule::{Action, IncarnationId},
    time::Time,
    violation::Outcome,
    world::{Plan, World},
};

/// A partition that comes and goes: the groups are cut off from one another, healed, cut off, ...
pub struct Flapping {
    groups: Vec<Vec<NodeId>>,
    apart: RangeInclusive<Duration>,
    together: RangeInclusive<Duration>,
    wakes: u64,
}

impl Flapping {
    /// A partition between these groups that lasts for a time from `apart` each time, with a time
    /// from `together` after it.
    pub fn new(
        groups: Vec<Vec<NodeId>>,
        apart: RangeInclusive<Duration>,
        together: RangeInclusive<Duration>,
    ) -> Self {
        Flapping {
            groups,
            apart,
            together,
            wakes: 0,
        }
    }
}

impl Plan for Flapping {
    fn name(&self) -> &'static str {
        "a flapping partition"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = world.choices().draw(About::Plan, u64::MAX, self.wakes);
        let groups: Vec<&[NodeId]> = self.groups.iter().map(Vec::as_slice).collect();
        if self.wakes.is_multiple_of(2) {
            world.join(&groups)?;
            return Ok((false, Some(draw.between(&self.together))));
        }
        if !world.may_begin_fault() {
            return Ok((false, Some(draw.between(&self.apart))));
        }
        world.partition(&groups)?;
        Ok((true, Some(draw.between(&self.apart))))
    }
}

impl World<'_> {
    /// Lays a plan over the run; it is woken for the first time after `first`.
    pub fn add_plan(&mut self, plan: impl Plan + 'static, first: Duration) {
        self.fired.entry(plan.name()).or_insert(0);
        let now = self.now;
        if let Some(recording) = &mut self.mode.recording {
            recording.decided.plans_from.get_or_insert(now);
        }
        if self.mode.script.is_some() {
            return;
        }
        let index = self.plans.len() as u32;
        self.plans.push(Some((Box::new(plan), 0)));
        self.push(
            self.now + first,
            u64::from(index),
            QueuedEvent::Plan { index },
        );
    }

    /// Ends all plans. What they did to the world stays; see [`heal`](World::heal). A crash that
    /// still waits for its node's next event does not come any more: it would hit a world that is
    /// being repaired.
    pub fn end_plans(&mut self) {
        self.plans.iter_mut().for_each(|plan| *plan = None);
        self.nodes.iter_mut().for_each(|node| node.doom = None);
    }

    pub(crate) fn run_plan(&mut self, index: usize) -> Outcome {
        let Some((mut plan, wakes)) = self.plans[index].take() else {
            return Ok(());
        };
        let wake = Wake {
            plan: index as u32,
            nth: wakes + 1,
        };
        (self.planned, self.awake) = (true, Some(wake));
        let result = plan.wake(self);
        (self.planned, self.awake) = (false, None);
        let (fired, again) = result?;
        if let (true, Some(recording)) = (fired, &mut self.mode.recording) {
            recording.decided.faults.push((wake, self.now));
        }
        *self.fired.entry(plan.name()).or_insert(0) += u64::from(fired);
        if let Some(after) = again {
            self.plans[index] = Some((plan, wake.nth));
            self.push(
                self.now + after,
                index as u64,
                QueuedEvent::Plan {
                    index: index as u32,
                },
            );
        }
        Ok(())
    }

    /// Carries out the faults that a replayed schedule lists, each at its time.
    pub(crate) fn queue_scripted_faults(&mut self) {
        let Some(script) = &mut self.mode.script else {
            return;
        };
        let faults = std::mem::take(&mut script.faults);
        for (index, (at, fault)) in faults.into_iter().enumerate() {
            self.faults.push(fault);
            self.push(
                at.max(Time::ZERO),
                index as u64,
                QueuedEvent::Fault {
                    index: index as u32,
                },
            );
        }
    }

    pub(crate) fn do_scripted_fault(&mut self, index: usize) -> Outcome {
        let fault = self.faults[index].clone();
        self.planned = true;
        let result = self.do_fault(&fault);
        self.planned = false;
        result
    }

    /// Writes down what the script would still have done: a replay must know where the script ends,
    /// too.
    pub(crate) fn record_faults_to_come(&mut self) {
        let Some(recording) = self
            .mode
            .recording
            .as_mut()
            .filter(|_| self.mode.script.is_some())
        else {
            return;
        };
        let mut to_come: Vec<_> = self.queue.iter().map(|entry| entry.0).collect();
        to_come.sort_unstable();
        for entry in to_come {
            if let QueuedEvent::Fault { index } = entry.event {
                recording.act(
                    entry.at,
                    true,
                    Action::Fault(self.faults[index as usize].clone()),
                );
            }
        }
    }

    /// Writes down when the messages arrive that are under way at the end. A replay must not decide
    /// about them anew: how a link treats a message depends on those before it (losses in a row are
    /// bounded), and of these the schedule decides, not the link. So they might arrive before the
    /// end.
    pub(crate) fn record_messages_to_come(&mut self) {
        if self.mode.recording.is_none() {
            return;
        }
        let queued = self.queue.iter().filter_map(|entry| match entry.0.event {
            QueuedEvent::Deliver { message } => Some((entry.0.at, message)),
            _ => None,
        });
        let held = self.held.iter().map(|(_, message, at)| (*at, *message));
        let named = |(at, message): (Time, u32)| {
            let flight = &self.flights[message as usize];
            let from = IncarnationId {
                node: self.nodes[flight.from].spec.id,
                incarnation: flight.incarnation,
            };
            (at, from, flight.nth)
        };
        let mut to_come: Vec<_> = queued.chain(held).map(named).collect();
        to_come.sort_unstable();
        if let Some(recording) = &mut self.mode.recording {
            for (at, from, nth) in to_come {
                recording.act(at, false, Action::Deliver { from, nth });
            }
        }
    }

    pub(crate) fn record_fault(&mut self, fault: &crate::FaultAction) {
        self.record_action(|_| Action::Fault(fault.clone()));
    }
}
