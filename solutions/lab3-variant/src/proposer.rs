//! Both phases of Paxos, for each slot on its own.

use lab3_api::Slot;
use labkit::prelude::*;

use crate::{
    Message, disk,
    message::{Ballot, Entry},
    server::{Server, Timer},
};

/// What this server tries in a slot.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attempt {
    ballot: Ballot,
    tries: u32,
    promises: Map<NodeId, Option<(Ballot, Entry)>>,
    /// In phase 2: what it proposes, and who has accepted it.
    proposed: Option<(Entry, Set<NodeId>)>,
}

/// A round trip takes up to 50 ms, and a sync 5.
const ROUND_TRIP: Duration = Duration::from_millis(70);

/// Acceptor.
impl Server {
    pub(crate) fn prepare(
        &mut self,
        from: NodeId,
        slot: Slot,
        ballot: Ballot,
        ctx: &mut Context<Self>,
    ) {
        if self.base.amnesiac || self.tell_what_is_chosen(from, slot, ctx) {
            return;
        }
        let vote = self.votes.entry(slot).or_default();
        if ballot < vote.promised {
            ctx.send(
                from,
                Message::Refused {
                    slot,
                    round: vote.promised.round,
                },
            );
            return;
        }
        if ballot > vote.promised {
            vote.promised = ballot;
            disk::vote(&self.base, slot, vote, ctx);
        }
        ctx.send(
            from,
            Message::Promise {
                slot,
                ballot,
                accepted: vote.accepted.clone(),
            },
        );
    }

    pub(crate) fn accept(
        &mut self,
        from: NodeId,
        slot: Slot,
        ballot: Ballot,
        entry: Entry,
        ctx: &mut Context<Self>,
    ) {
        if self.base.amnesiac || self.tell_what_is_chosen(from, slot, ctx) {
            return;
        }
        if self.accepts(slot, ballot, entry, ctx) {
            ctx.send(from, Message::Accepted { slot, ballot });
        } else {
            ctx.send(
                from,
                Message::Refused {
                    slot,
                    round: self.votes[&slot].promised.round,
                },
            );
        }
    }

    fn accepts(
        &mut self,
        slot: Slot,
        ballot: Ballot,
        entry: Entry,
        ctx: &mut Context<Self>,
    ) -> bool {
        let vote = self.votes.entry(slot).or_default();
        if ballot < vote.promised {
            return false;
        }
        if vote
            .accepted
            .as_ref()
            .is_none_or(|(accepted, _)| *accepted < ballot)
        {
            vote.promised = ballot;
            vote.accepted = Some((ballot, entry));
            disk::vote(&self.base, slot, vote, ctx);
        }
        true
    }

    /// Whoever asks about a decided slot is told the decision.
    fn tell_what_is_chosen(&self, to: NodeId, slot: Slot, ctx: &mut Context<Self>) -> bool {
        if let Some(entry) = self.chosen.get(&slot) {
            ctx.send(
                to,
                Message::Learn {
                    chosen: [(slot, entry.clone())].into(),
                },
            );
        } else if slot <= self.base.store.applied {
            ctx.send(
                to,
                Message::Snapshot {
                    store: self.base.store.clone(),
                },
            );
        } else {
            return false;
        }
        true
    }
}

/// Proposer.
impl Server {
    /// Begins phase 1 with a new ballot.
    pub(crate) fn attempt(&mut self, slot: Slot, ctx: &mut Context<Self>) {
        if self.base.amnesiac || self.is_chosen(slot) {
            return;
        }
        let tries = self.attempts.get(&slot).map_or(0, |attempt| attempt.tries) + 1;
        let vote = self.votes.entry(slot).or_default();
        let seen = self.rounds.get(&slot).copied().unwrap_or(0);
        let ballot = Ballot {
            round: vote.promised.round.max(seen) + 1,
            server: self.me.number(),
        };
        vote.promised = ballot;
        disk::vote(&self.base, slot, vote, ctx);
        let promises = [(self.me, vote.accepted.clone())].into();
        self.attempts.insert(
            slot,
            Attempt {
                ballot,
                tries,
                promises,
                proposed: None,
            },
        );
        self.broadcast(&Message::Prepare { slot, ballot }, ctx);
        // The longer a race goes on, the farther apart are its runners.
        ctx.set_timer_between(
            Timer::Retry(slot),
            2 * ROUND_TRIP..=(2 + tries.min(6)) * ROUND_TRIP,
        );
        self.propose_if_promised(slot, ctx);
    }

    pub(crate) fn promised_by(
        &mut self,
        from: NodeId,
        slot: Slot,
        ballot: Ballot,
        accepted: Option<(Ballot, Entry)>,
        ctx: &mut Context<Self>,
    ) {
        if let Some(attempt) = self
            .attempts
            .get_mut(&slot)
            .filter(|attempt| attempt.ballot == ballot)
        {
            attempt.promises.insert(from, accepted);
            self.propose_if_promised(slot, ctx);
        }
    }

    fn propose_if_promised(&mut self, slot: Slot, ctx: &mut Context<Self>) {
        let (majority, own) = (self.majority(), self.own_entry(slot));
        let Some(attempt) = self.attempts.get_mut(&slot) else {
            return;
        };
        if attempt.promises.len() < majority || attempt.proposed.is_some() {
            return;
        }
        let reported = attempt
            .promises
            .values()
            .flatten()
            .max_by_key(|(ballot, _)| *ballot);
        let entry = reported.map_or(own, |(_, entry)| entry.clone());
        let ballot = attempt.ballot;
        attempt.proposed = Some((entry.clone(), [self.me].into()));
        self.broadcast(
            &Message::Accept {
                slot,
                ballot,
                entry: entry.clone(),
            },
            ctx,
        );
        if !self.accepts(slot, ballot, entry, ctx)
            && let Some(Attempt {
                proposed: Some((_, by)),
                ..
            }) = self.attempts.get_mut(&slot)
        {
            by.clear(); // it has promised a higher ballot to somebody else
        }
        self.choose_if_accepted(slot, ctx);
    }

    pub(crate) fn accepted_by(
        &mut self,
        from: NodeId,
        slot: Slot,
        ballot: Ballot,
        ctx: &mut Context<Self>,
    ) {
        if let Some(attempt) = self.attempts.get_mut(&slot)
            && attempt.ballot == ballot
            && let Some((_, by)) = &mut attempt.proposed
        {
            by.insert(from);
            self.choose_if_accepted(slot, ctx);
        }
    }

    fn choose_if_accepted(&mut self, slot: Slot, ctx: &mut Context<Self>) {
        let Some(Attempt {
            proposed: Some((entry, by)),
            ..
        }) = self.attempts.get(&slot)
        else {
            return;
        };
        if by.len() >= self.majority() {
            let chosen: Map<Slot, Entry> = [(slot, entry.clone())].into();
            self.broadcast(
                &Message::Learn {
                    chosen: chosen.clone(),
                },
                ctx,
            );
            self.learn(chosen, ctx);
        }
    }

    pub(crate) fn refused(&mut self, slot: Slot, round: u64, ctx: &mut Context<Self>) {
        let seen = self.rounds.entry(slot).or_default();
        if let Some(attempt) = self.attempts.get(&slot)
            && round > *seen
        {
            *seen = round;
            if round >= attempt.ballot.round {
                let tries = attempt.tries.min(6);
                ctx.set_timer_between(Timer::Retry(slot), ROUND_TRIP / 4..=tries * ROUND_TRIP);
            }
        }
    }
}
