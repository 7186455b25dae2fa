//! Working out a step: what the node can do, what its handler asks for, and where a crash can cut
//! it short.

use labkit::{
    NodeId,
    abi::{Effect, split_effect},
};

use rustc_hash::FxHashSet;

use crate::{
    calls::{Call, Cause, Machine},
    disk::Blobs,
    error::Error,
    intern::NONE,
    local::{Condition, Local, Open, Work},
    model::{Model, Pace},
    monitor::ExternalEvent,
};

use super::draft::{Draft, Ends, add};
use super::table::{Flight, LocalStep, Part, StepOutcome, StepTable, Trigger};

/// Needs the answer to this call first.
struct Missing(Call);

impl StepTable {
    /// Works out steps. Those that are known are skipped; the numbers that new things get follow
    /// the order of `steps`.
    pub fn resolve(
        &mut self,
        steps: &[LocalStep],
        model: &Model,
        machine: &Machine<'_>,
    ) -> Result<(), Error> {
        let mut distinct = FxHashSet::default();
        let mut todo: Vec<LocalStep> = steps
            .iter()
            .copied()
            .filter(|step| self.outcomes(*step).is_none() && distinct.insert(*step))
            .collect();
        while !todo.is_empty() {
            let (mut needed, mut asked) = (Vec::new(), FxHashSet::default());
            todo.retain(|step| match self.work_out(*step, model) {
                Ok(outcomes) => {
                    let range = (self.outcomes.len() as u32, outcomes.len() as u32);
                    match step.flight {
                        NONE => self.own[step.local as usize] = range,
                        _ => _ = self.deliveries.insert(*step, range),
                    }
                    self.outcomes.extend(outcomes);
                    false
                }
                Err(Missing(call)) => {
                    if asked.insert(call) {
                        needed.push(call);
                    }
                    true
                }
            });
            self.calls.make(&needed, model, machine, self.entropy)?;
        }
        Ok(())
    }

    fn work_out(&mut self, step: LocalStep, model: &Model) -> Result<Vec<StepOutcome>, Missing> {
        let local = (*self.locals.get(step.local)).clone();
        let mut out = Vec::new();
        if step.flight != NONE {
            if local.condition == Condition::Up {
                let Flight { from, bytes, .. } = self.flights[step.flight];
                self.handle(
                    Draft::of(local),
                    Trigger::Deliver,
                    Cause::Message { from, bytes },
                    model,
                    &mut out,
                )?;
            }
        } else {
            self.own_steps(&local, model, &mut out)?;
        }
        // What changes nothing and sends nothing is no step. A message that is ignored stays in the
        // network.
        let ignored = |outcome: &StepOutcome| {
            let same = outcome.local == step.local && outcome.sends.is_empty();
            same && outcome.external_events == 0 && outcome.fault == NONE
        };
        if out.first().is_some_and(ignored) && step.flight != NONE {
            out.clear();
        }
        out.retain(|outcome| !ignored(outcome));
        Ok(out)
    }

    /// Everything that a node can do without a message, in a fixed order.
    fn own_steps(
        &mut self,
        local: &Local,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let node_index = usize::from(local.node_index);
        if model.crashes(node_index) && local.condition != Condition::Down {
            let mut draft = Draft::of(local.clone());
            draft.parts.push(Part {
                trigger: Trigger::Crash,
                effects: self.nothing,
                done: 0,
            });
            self.crash(&draft, model, out);
        }
        match local.condition {
            Condition::Down
                if model.is_puppet(node_index)
                    || (local.incarnation > 0 && !model.comes_back(node_index)) => {}
            Condition::Down => {
                let mut draft = Draft::of(local.clone());
                draft.local.incarnation += 1;
                self.handle(draft, Trigger::Start, Cause::Start, model, out)?;
            }
            Condition::Syncing { tail } => {
                let mut draft = Draft::of(local.clone());
                draft.local.disk.sync();
                draft.local.condition = Condition::Up;
                self.carry_out(draft, Trigger::Synced, tail, model, out)?;
            }
            Condition::Up => {
                if model.pace == Pace::Free && local.open == Open::No {
                    self.invoke_next(Draft::of(local.clone()), model, out)?;
                }
                for index in (0..local.timers.len()).filter(|index| local.can_fire(*index)) {
                    let mut draft = Draft::of(local.clone());
                    let bytes = draft.local.timers.remove(index).bytes;
                    let trigger = Trigger::Fire {
                        timer: index as u32,
                    };
                    self.handle(draft, trigger, Cause::Timer { bytes }, model, out)?;
                }
                if !local.works.is_empty() {
                    let mut draft = Draft::of(local.clone());
                    let Work {
                        token,
                        label,
                        done: bytes,
                        ..
                    } = draft.local.works.remove(0);
                    draft.external_events.push(ExternalEvent::Worked {
                        node: local.node_index,
                        label,
                    });
                    self.handle(
                        draft,
                        Trigger::Worked,
                        Cause::Work { token, bytes },
                        model,
                        out,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn invoke_next(
        &mut self,
        mut draft: Draft,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let node_index = usize::from(draft.local.node_index);
        let Some(command) = model.operations[node_index].get(draft.local.invoked as usize) else {
            return Ok(());
        };
        let bytes = self.calls.bytes.intern(command.as_slice());
        draft.local.invoked += 1;
        draft.local.open = Open::Unheard;
        draft.external_events.push(ExternalEvent::Invoked {
            client: draft.local.node_index,
            command: bytes,
        });
        self.handle(draft, Trigger::Invoke, Cause::Invoke { bytes }, model, out)
    }

    /// Lets the handler run and carries out its effects.
    fn handle(
        &mut self,
        mut draft: Draft,
        trigger: Trigger,
        cause: Cause,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let local = &draft.local;
        let disk: Blobs = local.disk.seen_by_node();
        let before = if cause == Cause::Start {
            NONE
        } else {
            local.snapshot
        };
        let disk = self.calls.disks.intern(disk);
        let lost = cause == Cause::Start && local.disk.is_new();
        let call = Call {
            node_index: local.node_index,
            incarnation: local.incarnation,
            before,
            disk,
            lost,
            cause,
        };
        let done = match self.calls.answer(&call) {
            None => return Err(Missing(call)),
            Some(Ok(done)) => *done,
            Some(Err(fault)) => {
                let fault = format!("{}: {fault}", model.nodes[usize::from(local.node_index)].id);
                draft.parts.push(Part {
                    trigger,
                    effects: self.nothing,
                    done: 0,
                });
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            }
        };
        // A message that is ignored has told the client nothing.
        let told = done.after != draft.local.snapshot || done.effects != self.nothing;
        if told && matches!(cause, Cause::Message { .. }) && draft.local.open == Open::Unheard {
            draft.local.open = Open::Heard;
        }
        (draft.local.snapshot, draft.local.observation) = (done.after, done.observation);
        draft.local.condition = Condition::Up;
        self.carry_out(draft, trigger, done.effects, model, out)
    }

    /// Carries out effects in order. Where nodes may crash, each boundary before an effect is one
    /// more outcome, and a sync makes the node wait. Without crashes nobody can tell when a sync
    /// ends, so it ends at once.
    fn carry_out(
        &mut self,
        mut draft: Draft,
        trigger: Trigger,
        effects: u32,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let may_crash = model.crashes(usize::from(draft.local.node_index));
        let bytes = self.calls.bytes.get(effects);
        let mut rest = &bytes[..];
        let mut crashed = Vec::new();
        draft.parts.push(Part {
            trigger,
            effects,
            done: 0,
        });
        while !rest.is_empty() {
            if may_crash {
                self.crash(&draft, model, &mut crashed);
            }
            let Ok((effect, behind)) = split_effect(rest) else {
                let fault = format!(
                    "{}: what it returned are no effects",
                    self.name(&draft, model)
                );
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            };
            rest = behind;
            draft.parts.last_mut().expect("pushed above").done += 1;
            if effect == Effect::Sync && may_crash {
                draft.local.condition = Condition::Syncing {
                    tail: self.calls.bytes.intern(rest),
                };
                break;
            }
            if let Err(fault) = self.apply(&mut draft, &effect, model) {
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            }
        }
        let node_index = usize::from(draft.local.node_index);
        let more = (draft.local.invoked as usize) < model.operations[node_index].len();
        let idle = draft.local.open == Open::No && draft.local.condition == Condition::Up;
        if model.pace == Pace::Eager && more && idle {
            self.invoke_next(draft, model, out)?;
        } else {
            self.push(draft, Ends::GoesOn, None, out);
        }
        for outcome in crashed {
            add(outcome, out);
        }
        Ok(())
    }

    fn name(&self, draft: &Draft, model: &Model) -> NodeId {
        model.nodes[usize::from(draft.local.node_index)].id
    }
}
