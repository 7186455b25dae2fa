//! Carrying out one effect of a handler.

use faultline_sim::{Computation, IncarnationId};

use labkit::abi::Effect;

use crate::{
    local::{Local, Open, Timer, Work},
    model::Model,
    monitor::ExternalEvent,
};

use super::draft::Draft;
use super::table::{Flight, StepTable};

impl StepTable {
    pub(super) fn apply(
        &mut self,
        draft: &mut Draft,
        effect: &Effect<'_>,
        model: &Model,
    ) -> Result<(), String> {
        let local = &mut draft.local;
        match *effect {
            Effect::Send { to, message } => {
                // Nothing arrives at a node that does not exist, and a puppet does not listen.
                if let Some(to) = model.node_index(to).filter(|to| !model.is_puppet(*to)) {
                    let bytes = self.calls.bytes.intern(message);
                    draft.sends.push(self.intern_flight(Flight {
                        from: local.node_index,
                        to: to as u16,
                        bytes,
                    }));
                }
            }
            Effect::SetTimer {
                timer,
                at_least,
                at_most,
            } => {
                let bytes = self.calls.bytes.intern(timer);
                local.set_timer(Timer {
                    bytes,
                    at_least,
                    at_most,
                });
            }
            Effect::Cancel { timer } => {
                let bytes = self.calls.bytes.intern(timer);
                local.timers.retain(|running| running.bytes != bytes);
            }
            Effect::Respond { output } => return self.respond(draft, output, model),
            Effect::Write { .. } | Effect::Append { .. } | Effect::Remove { .. } => {
                local.disk.apply(effect)
            }
            Effect::Sync => local.disk.sync(),
            Effect::Note { .. } => {}
            Effect::StartWork { token, task } => {
                local.works.retain(|work| work.token != token);
                let work = self.start_work(&draft.local, token, task, model)?;
                draft.local.works.push(work);
            }
            Effect::CancelWork { token } => local.works.retain(|work| work.token != token),
            Effect::StoreCreate { .. }
            | Effect::StoreAppend { .. }
            | Effect::StoreRename { .. } => {
                let event = self.store_event(effect);
                draft.external_events.extend(event);
            }
        }
        Ok(())
    }

    /// An answer to the open operation; it must come from the system.
    fn respond(&mut self, draft: &mut Draft, output: &[u8], model: &Model) -> Result<(), String> {
        let local = &mut draft.local;
        let heard = std::mem::replace(&mut local.open, Open::No);
        let (client, output) = (local.node_index, self.calls.bytes.intern(output));
        draft
            .external_events
            .push(ExternalEvent::Answered { client, output });
        let name = || model.nodes[usize::from(client)].id;
        match heard {
            Open::Heard => Ok(()),
            Open::No => Err(format!("{} answered although no operation is open", name())),
            Open::Unheard => Err(format!(
                "{} answered without having received any message since it was invoked",
                name()
            )),
        }
    }

    /// What an effect on the store shows to the outside; another effect shows nothing.
    fn store_event(&mut self, effect: &Effect<'_>) -> Option<ExternalEvent> {
        let bytes = &mut self.calls.bytes;
        match *effect {
            Effect::StoreCreate { name } => Some(ExternalEvent::Created {
                name: bytes.intern(name.as_bytes()),
            }),
            Effect::StoreAppend { name, record } => Some(ExternalEvent::Appended {
                name: bytes.intern(name.as_bytes()),
                record: bytes.intern(record),
            }),
            Effect::StoreRename { from, to } => Some(ExternalEvent::Renamed {
                from: bytes.intern(from.as_bytes()),
                to: bytes.intern(to.as_bytes()),
            }),
            _ => None,
        }
    }

    fn start_work(
        &mut self,
        local: &Local,
        token: u64,
        task: &[u8],
        model: &Model,
    ) -> Result<Work, String> {
        let node = model.nodes[usize::from(local.node_index)].id;
        let Some(machines) = &model.machines else {
            return Err(format!(
                "{node} started work, but the lab lets it compute nothing"
            ));
        };
        let by = IncarnationId {
            node,
            incarnation: u64::from(local.incarnation),
        };
        let Computation { label, takes, ends } = machines.compute(by, task)?;
        let faultline_sim::Ends::Done(done) = ends else {
            panic!("{label} crashes its machine, and that is not explored")
        };
        let (label, done) = (
            self.calls.bytes.intern(label.as_bytes()),
            self.calls.bytes.intern(done.as_slice()),
        );
        Ok(Work {
            token,
            label,
            done,
            takes,
        })
    }
}
