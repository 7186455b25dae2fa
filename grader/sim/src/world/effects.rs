//! Carrying out what a handler asked for, in order: timers, the disk, and the crashes in between.
//! Messages, answers, work and the store have files of their own.

use std::{collections::BTreeMap, time::Duration};

use labkit::abi::{Effect, effects, split_effect};

use crate::{
    backend::Fault,
    choice::About,
    node::{After, Cause, Condition, Doom, Timer},
    queue::QueuedEvent,
    record::Happening,
    schedule::{Action, Survival},
    time::Time,
    violation::{Outcome, stop_for},
    world::World,
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
            let swept = self.sweep.hits(node_index);
            if swept || doomed == Some(done) {
                return self.crash_in_event(node_index, done, rest);
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
                let now = self.now;
                self.nodes[node_index].disk.apply(effect, now);
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

    /// When something happens that is due then and that no schedule names: not before the world's
    /// quiet time is over.
    pub(crate) fn unnamed(&self, at: Time) -> Time {
        if at < self.quiet_until {
            self.quiet_until + at.since(self.now)
        } else {
            at
        }
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

    pub(crate) fn sync_time(&self, node_index: usize, nth: u64) -> Duration {
        self.choices
            .draw(About::Sync, self.who(node_index), nth)
            .between(&self.sync)
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

    fn crash_in_event(&mut self, node_index: usize, effects: u64, rest: &[u8]) -> Outcome {
        self.nodes[node_index].tail = rest.to_vec();
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
        if let Some(recording) = &mut self.mode.recording {
            recording.lost(node.disk.would_lose(&survivals), in_words(&node.tail));
        }
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
}

/// Effects as a trace tells of them; timers and notes are nobody else's business.
fn in_words(bytes: &[u8]) -> Vec<String> {
    let one = |effect: Effect<'_>| match effect {
        Effect::Send { to, .. } => Some(format!("a message to {to}")),
        Effect::Respond { .. } => Some("the answer".to_owned()),
        Effect::Write { name, .. } => Some(format!("the write of {name}")),
        Effect::Append { name, .. } => Some(format!("the append to {name}")),
        Effect::Remove { name } => Some(format!("the removal of {name}")),
        Effect::Sync => Some("the sync".to_owned()),
        _ => None,
    };
    effects(bytes).flatten().filter_map(one).collect()
}
