//! Letting time pass, and saying what went wrong in it.

use std::{cmp::Reverse, time::Duration};

use labkit::abi::Subject;

use crate::{
    node::Node,
    time::Time,
    violation::{FailureKind, Outcome, Stop, Violation},
    world::{QueueEntry, QueuedEvent, World},
};

impl World<'_> {
    /// Lets virtual time pass.
    ///
    /// # Errors
    /// Whatever ends the run in that time.
    pub fn run_for(&mut self, time: Duration) -> Outcome {
        let until = self.now + time;
        while self.advance(until)? {}
        self.now = until;
        Ok(())
    }

    /// Lets time pass until `condition` holds (asked after every event), `within` at most; true if
    /// it holds.
    ///
    /// # Errors
    /// Whatever ends the run in that time.
    pub fn run_until(
        &mut self,
        within: Duration,
        mut condition: impl FnMut(&mut World<'_>) -> Outcome<bool>,
    ) -> Outcome<bool> {
        let until = self.now + within;
        loop {
            if condition(self)? {
                return Ok(true);
            }
            if !self.advance(until)? {
                self.now = until;
                return Ok(false);
            }
        }
    }

    /// As [`run_until`](World::run_until), but a condition that never holds fails the test: `what`
    /// had to happen.
    ///
    /// # Errors
    /// Whatever ends the run in that time, or the lack of progress, with who waits for what.
    #[track_caller]
    pub fn expect(
        &mut self,
        what: &str,
        within: Duration,
        condition: impl FnMut(&mut World<'_>) -> Outcome<bool>,
    ) -> Outcome {
        if self.run_until(within, condition)? {
            return Ok(());
        }
        let waiting = self.who_waits();
        Err(self.no_progress(format!(
            "after {} ms this was still not so: {what}.{waiting}",
            within.as_millis()
        )))
    }

    /// Lets time pass until the workload has no more to ask and every operation is answered, each
    /// at most `within` after its call, or after now if it is open already.
    ///
    /// # Errors
    /// Whatever ends the run in that time, or the lack of progress, with who waits for what.
    #[track_caller]
    pub fn expect_answers(&mut self, within: Duration) -> Outcome {
        let began = self.now;
        while !self.workload_is_done() {
            let open = |node: &Node| {
                node.open
                    .map(|(index, _)| (self.history[index].invoked.at.max(began), index))
            };
            let oldest = self.nodes.iter().filter_map(open).min();
            // Where nobody waits, the next to happen is that somebody asks, or that somebody never
            // does.
            let (from, index) =
                oldest.map_or((self.now, None), |(from, index)| (from, Some(index)));
            let left = (from + within).since(self.now);
            let answered =
                |world: &mut World<'_>| match index {
                    Some(index) => Ok(world.history[index].reply.is_some()),
                    None => Ok(world.nodes.iter().any(|node| node.open.is_some())
                        || world.workload_is_done()),
                };
            if !self.run_until(left, answered)? {
                let (waiting, limit) = (self.who_waits(), within.as_millis());
                return Err(self.no_progress(format!(
                    "some operation was still unanswered after {limit} ms.{waiting}"
                )));
            }
        }
        Ok(())
    }

    /// Who waits for what: for a world that makes no progress.
    fn who_waits(&mut self) -> String {
        let mut text = String::new();
        for node_index in 0..self.nodes.len() {
            let Some((index, _)) = self.nodes[node_index].open else {
                continue;
            };
            let operation = &self.history[index];
            let (client, since) = (operation.client, operation.invoked.at);
            let command = operation.command.clone();
            let command = self.describe(node_index, Subject::Command, &command);
            text += &format!(" {client} has waited for the answer to {command} since {since}.");
        }
        let coming = |Reverse(entry): &Reverse<QueueEntry>| {
            matches!(
                entry.event,
                QueuedEvent::Deliver { .. }
                    | QueuedEvent::Timer { .. }
                    | QueuedEvent::Synced { .. }
                    | QueuedEvent::Worked { .. }
            )
        };
        if !self.queue.iter().any(coming) {
            text += " No message is on its way, no timer is pending and no handler is running: \
                     nothing can happen any more.";
        }
        text
    }

    /// A violation seen now; the test returns it.
    #[track_caller]
    pub fn violation(&self, observed: impl Into<String>) -> Stop {
        Stop::Violation(Violation::new(
            FailureKind::Violation,
            observed.into(),
            self.now,
        ))
    }

    /// A violation that happened at this moment and is noticed only now; the test returns it.
    #[track_caller]
    pub fn violation_at(&self, about: Time, observed: impl Into<String>) -> Stop {
        Stop::Violation(Violation {
            about,
            ..Violation::new(FailureKind::Violation, observed.into(), self.now)
        })
    }

    /// A lack of progress seen now; the test returns it.
    #[track_caller]
    pub fn no_progress(&self, observed: impl Into<String>) -> Stop {
        Stop::Violation(Violation::new(
            FailureKind::NoProgress,
            observed.into(),
            self.now,
        ))
    }

    /// A bound that was exceeded; the test returns it.
    #[track_caller]
    pub fn over_budget(&self, observed: impl Into<String>) -> Stop {
        Stop::Violation(Violation::new(
            FailureKind::Budget,
            observed.into(),
            self.now,
        ))
    }
}
