//! Work: when it begins and ends, and what becomes of it.

use std::collections::VecDeque;

use crate::{
    node::Cause,
    queue::QueuedEvent,
    record::Happening,
    schedule::Action,
    violation::{FailureKind, Outcome, Stop, Violation},
    work::{Computation, Ends, Fate, Queued, Work},
    world::World,
};

/// The maximum number of pieces of work that may be started in one run.
const MOST: usize = 100_000;

impl World<'_> {
    /// All work that was started so far, in the order in which it was.
    pub fn works(&self) -> &[Work] {
        &self.works.log
    }

    pub(crate) fn start_work(&mut self, node_index: usize, token: u64, task: &[u8]) -> Outcome {
        self.cancel_work(node_index, token);
        let (now, by) = (self.now, self.nodes[node_index].incarnation_id());
        let Some(machines) = &self.works.machines else {
            let observed = format!(
                "{} started work, but the lab lets it compute nothing",
                by.node
            );
            return Err(Stop::Violation(Violation::new(
                FailureKind::Refused,
                observed,
                now,
            )));
        };
        if self.works.log.len() == MOST {
            return Err(self.over_budget(format!("more than {MOST} pieces of work were started")));
        }
        let Computation { label, takes, ends } = machines
            .compute(by, task)
            .map_err(|why| self.violation(why))?;
        let work = self.works.log.len();
        self.works.log.push(Work {
            by,
            token,
            label,
            asked: now,
            began: None,
            ended: None,
            fate: Fate::Waiting,
        });
        let nth = self.works.started.entry(by).or_default();
        *nth += 1;
        let queue = self.works.queues.entry(node_index).or_default();
        queue.push_back(Queued {
            work,
            nth: *nth,
            takes,
            ends,
        });
        if queue.len() == 1 {
            self.begin_next(node_index);
        }
        Ok(())
    }

    /// Lets a machine begin with the first work in its queue.
    fn begin_next(&mut self, node_index: usize) {
        let Some(next) = self.works.queues.get(&node_index).and_then(VecDeque::front) else {
            return;
        };
        let work = &mut self.works.log[next.work];
        (work.began, work.fate) = (Some(self.now), Fate::Running);
        let factor = self.works.slow.get(&work.by.node).copied().unwrap_or(1);
        let (ends, index) = (
            self.now + next.takes.saturating_mul(factor),
            next.work as u32,
        );
        let scripted = self
            .mode
            .script
            .as_mut()
            .and_then(|script| script.works.remove(&(work.by, next.nth)));
        let at = scripted.unwrap_or_else(|| self.unnamed(ends));
        self.push(
            at,
            (node_index as u64) << 40 | u64::from(index),
            QueuedEvent::Worked {
                node_index: node_index as u16,
                work: index,
            },
        );
    }

    /// The machine is done with this work, unless the node was quicker to crash or to think better
    /// of it.
    pub(crate) fn worked(&mut self, node_index: usize, work: u32) -> Outcome {
        let work = work as usize;
        let queue = self.works.queues.entry(node_index).or_default();
        let Some(done) = queue.pop_front_if(|first| first.work == work) else {
            return Ok(());
        };
        let of = self.works.log[work].by;
        self.record_action(|_| Action::Worked { of, nth: done.nth });
        let logged = &mut self.works.log[work];
        logged.ended = Some(self.now);
        match done.ends {
            Ends::Done(bytes) => {
                logged.fate = Fate::Done;
                let token = logged.token;
                self.begin_next(node_index);
                self.happen(node_index, Cause::WorkDone { work, token, bytes })
            }
            Ends::Crash => {
                logged.fate = Fate::Crashed;
                let (node, text) = (
                    logged.by.node,
                    format!("{} crashes {}", logged.label, logged.by.node),
                );
                self.remark(text);
                self.record(|_| Happening::Crash { node, after: None });
                self.end_incarnation(node_index);
                Ok(())
            }
        }
    }

    pub(crate) fn cancel_work(&mut self, node_index: usize, token: u64) {
        // It may be done already, and the node not have been told.
        self.nodes[node_index].backlog.retain(
            |cause| !matches!(cause, Cause::WorkDone { token: told, .. } if *told == token),
        );
        let (now, works) = (self.now, &mut self.works);
        let Some(queue) = works.queues.get_mut(&node_index) else {
            return;
        };
        let Some(position) = queue
            .iter()
            .position(|queued| works.log[queued.work].token == token)
        else {
            return;
        };
        let work = &mut works.log[queue.remove(position).expect("found above").work];
        (work.ended, work.fate) = (Some(now), Fate::Cancelled);
        if position == 0 {
            self.begin_next(node_index);
        }
    }

    /// A crash takes all work with it.
    pub(crate) fn kill_work(&mut self, node_index: usize) {
        for queued in self.works.queues.remove(&node_index).unwrap_or_default() {
            let work = &mut self.works.log[queued.work];
            (work.ended, work.fate) = (Some(self.now), Fate::Crashed);
        }
    }
}
