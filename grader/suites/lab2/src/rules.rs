//! The rules of part A as an observer who sees what reaches the view server and what it tells, and
//! nothing else. It is lenient where the handout leaves a choice: a server is surely alive for a
//! tick after a ping, surely dead after two silent ones, and in between nobody may complain.

use std::{collections::BTreeMap, time::Duration};

use faultline_sim::{Time, ms};
use lab2_api::{Member, TICK, View};
use labkit::NodeId;

use super::fixture::show;

/// Silence after which a server is dead, wherever in its tick the view server is; and a moment for
/// good measure.
const SURELY_DEAD: Duration = ms(2 * TICK.as_millis() as u64 + 10);

/// Something that the observer sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A ping has reached the view server.
    Ping {
        /// Who sent it, and of which incarnation.
        sender: Member,
        /// The newest view that it has accepted.
        view: u64,
    },
    /// The view server has told somebody this view.
    Told(View),
}

/// What the observer knows.
#[derive(Default)]
pub struct Rules {
    view: View,
    /// The current view was told for the last time.
    told: Time,
    acknowledged: bool,
    /// When each life pinged.
    pings: BTreeMap<Member, Vec<Time>>,
    newest: BTreeMap<NodeId, u64>,
}

impl Rules {
    /// Follows one event; these must come in the order in which they happened, a ping before its
    /// answer.
    ///
    /// # Errors
    /// The rule that was broken, in words.
    pub fn see(&mut self, at: Time, seen: &Seen) -> Result<(), String> {
        match seen {
            Seen::Ping { sender, view } => {
                let newest = self.newest.entry(sender.node).or_insert(0);
                if sender.incarnation < *newest {
                    return Ok(()); // of a life that is over
                }
                *newest = sender.incarnation;
                self.pings.entry(*sender).or_default().push(at);
                self.acknowledged |=
                    self.view.primary == Some(*sender) && self.view.number == *view;
                Ok(())
            }
            Seen::Told(view) => {
                if *view != self.view {
                    self.change(at, view)?;
                    self.view = view.clone();
                    self.acknowledged = false;
                }
                self.told = at;
                Ok(())
            }
        }
    }

    /// The view changed at some time after it was told for the last time, and at the latest now.
    fn change(&self, now: Time, next: &View) -> Result<(), String> {
        let (before, members) = (&self.view, |view: &View| (view.primary, view.backup));
        let said = format!("{} followed {}", show(next), show(before));
        if next.number <= before.number || next.number > before.number + 1 {
            return Err(format!("{said}: numbers grow by one"));
        }
        if before.number == 0 {
            let known = next
                .primary
                .is_some_and(|primary| self.pings.contains_key(&primary));
            let right = known && next.backup.is_none();
            return right.then_some(()).ok_or(format!(
                "{said}: the first view has a server that pinged as its primary, and no backup"
            ));
        }
        if !self.acknowledged {
            return Err(format!(
                "{said}, although its primary had not acknowledged it"
            ));
        }
        if members(next) == members(before) {
            return Err(format!("{said}: nothing changed"));
        }
        if next.primary.map(|primary| primary.node) == next.backup.map(|backup| backup.node) {
            return Err(format!("{said}: no server has both roles"));
        }
        self.primary_may_change(now, next)
            .map_err(|why| format!("{said}: {why}"))?;
        self.backup_may_change(now, next)
            .map_err(|why| format!("{said}: {why}"))
    }

    fn primary_may_change(&self, now: Time, next: &View) -> Result<(), String> {
        let before = &self.view;
        if next.primary == before.primary {
            let gone = before
                .primary
                .is_some_and(|primary| self.surely_dead(primary));
            return if gone {
                Err("the primary is dead".to_owned())
            } else {
                Ok(())
            };
        }
        if next.primary != before.backup {
            return Err("only the backup of the view before it can become primary".to_owned());
        }
        if next
            .primary
            .is_some_and(|primary| self.surely_dead(primary))
        {
            return Err("its primary is dead".to_owned());
        }
        before
            .primary
            .map_or(Ok(()), |primary| self.may_be_dead(primary, now))
    }

    fn backup_may_change(&self, now: Time, next: &View) -> Result<(), String> {
        let before = &self.view;
        if let Some(backup) = before.backup
            && next.backup != Some(backup)
            && next.primary != Some(backup)
        {
            self.may_be_dead(backup, now)?;
        }
        match next.backup {
            Some(backup) if before.backup == Some(backup) => Ok(()),
            Some(backup) if self.surely_dead(backup) => Err("its backup is dead".to_owned()),
            Some(_) => Ok(()),
            None => {
                let idle = self.pings.keys().find(|member| {
                    let in_use =
                        [next.primary, before.primary, before.backup].contains(&Some(**member));
                    !in_use && self.surely_alive(**member, now)
                });
                idle.map_or(Ok(()), |idle| {
                    Err(format!("{} was alive and idle", idle.node))
                })
            }
        }
    }

    /// A life that is not over, and was never silent for a tick, is not dead.
    fn may_be_dead(&self, member: Member, now: Time) -> Result<(), String> {
        let reborn = self
            .newest
            .get(&member.node)
            .is_some_and(|newest| *newest > member.incarnation);
        if reborn || self.was_silent(member, now) {
            return Ok(());
        }
        Err(format!(
            "{} had not been silent for {} ms",
            member.node,
            TICK.as_millis()
        ))
    }

    /// True if there was a silent tick whose end lies after the view was told for the last time.
    /// (The change may have been a moment before a ping, and the answers to some pings since may be
    /// lost.)
    fn was_silent(&self, member: Member, now: Time) -> bool {
        let pings = self.pings_of(member);
        let nexts = pings.iter().skip(1).copied().chain([now]);
        pings.is_empty()
            || pings
                .iter()
                .zip(nexts)
                .any(|(ping, next)| next > self.told && next.since(*ping) >= TICK)
    }

    /// Dead ever since the view was told for the last time.
    fn surely_dead(&self, member: Member) -> bool {
        let last = self.pings_of(member).last();
        let silent =
            last.is_none_or(|last| *last <= self.told && self.told.since(*last) > SURELY_DEAD);
        let mut newer = self
            .pings
            .iter()
            .filter(|(other, _)| other.node == member.node && **other > member);
        silent || newer.any(|(_, pings)| pings.first().is_some_and(|first| *first <= self.told))
    }

    /// Alive ever since the view was told for the last time.
    fn surely_alive(&self, member: Member, now: Time) -> bool {
        let is_newest = self.newest.get(&member.node) == Some(&member.incarnation);
        let known = self
            .pings_of(member)
            .first()
            .is_some_and(|first| *first <= self.told);
        is_newest && known && !self.was_silent(member, now)
    }

    fn pings_of(&self, member: Member) -> &[Time] {
        self.pings
            .get(&member)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// What should have changed by now, if these lives and no others have been pinging for a while.
    pub fn overdue(&self, alive: &[Member]) -> Option<String> {
        let lives = |member: Option<Member>| member.is_some_and(|member| alive.contains(&member));
        let (view, shown) = (&self.view, show(&self.view));
        if view.number == 0 {
            return (!alive.is_empty()).then(|| "servers ping, but there is no view 1".to_owned());
        }
        if !self.acknowledged {
            return None;
        }
        let idle = alive
            .iter()
            .find(|member| ![view.primary, view.backup].contains(&Some(**member)));
        match (lives(view.primary), lives(view.backup)) {
            (true, false) if view.backup.is_some() => Some(format!(
                "the backup is dead, but the current view is still {shown}"
            )),
            (true, false) => idle.map(|idle| {
                format!(
                    "{} is alive and idle, but the current view is still \
                                         {shown}",
                    idle.node
                )
            }),
            (false, true) => Some(format!(
                "the primary is dead, but the current view is still \
                                           {shown}"
            )),
            _ => None,
        }
    }
}
