//! A server: it votes, it may lead, and it carries out what is chosen.

use lab3_api::{Given, ServerConfig, ShowsLog, Slot, Status};
use labkit::prelude::*;

use crate::Message;

// hole
use lab3_api::{Bytes, Command};

use crate::{
    message::{Ballot, Proposal},
    store::{Operation, Store},
};

/// A leader says so this often, and sends again what was not answered. A round trip takes up to 50
/// ms.
const TICK: Duration = Duration::from_millis(50);
/// Time after a heartbeat during which no server helps another candidate. Otherwise a server that
/// hears nobody, and so takes all others for dead, would depose one leader after the other.
const LEASE: Duration = Duration::from_millis(200);
/// After a silence from this range a server wants to lead.
const ELECTION: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(250)..=Duration::from_millis(500);
/// Interval at which a server clears what it has carried out.
const CLEAR: Duration = Duration::from_millis(300);
/// Number of ticks after which a leader that has not heard a majority steps down: it may be deaf.
const DEAF: u32 = 20;
/// Maximum number of chosen values to send at once to a server that lacks them.
const LESSON: usize = 32;

// end hole
/// Acceptor, proposer and learner in one.
// hole
///
/// The ballot is one for all slots: a server that leads has made phase 1 once, for all slots to
/// come, and then needs one round trip per slot.
// end hole
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    /// This server.
    me: NodeId,
    /// All servers of the group.
    servers: Vec<NodeId>,
    /// Whether slots may be cleared: not in part A.
    may_clear: bool,
    // hole
    // | What must a server remember about its promises, about each slot, about the proposals that
    // | it tries to get chosen? Which of it must survive a crash?
    acceptor: Acceptor,
    /// What is known to be chosen, in slots that are not cleared.
    chosen: Map<Slot, Proposal>,
    /// All slots up to this one are cleared: the snapshot on disk covers them.
    cleared: Slot,
    store: Store,
    role: Role,
    /// Who led when a heartbeat came last, if that is not long ago.
    leader: Option<NodeId>,
    /// The highest round that anybody was heard of with.
    round: u64,
    /// Proposals of part A whose slots are still open.
    wanted: Map<Slot, Bytes>,
    // end hole
}

// hole
/// What an acceptor must never forget: it is on the disk before anybody hears of it.
#[derive(Debug, Serialize, Deserialize)]
struct Acceptor {
    /// False for ever once the disk was lost: what was promised on it is unknown, so any vote could
    /// break a promise.
    votes: bool,
    promised: Ballot,
    accepted: Map<Slot, (Ballot, Proposal)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Role {
    Follower,
    /// Waits for promises of a majority.
    Candidate {
        promises: Map<NodeId, Promised>,
    },
    Leader {
        /// Who has accepted what is not chosen yet.
        pending: Map<Slot, Pending>,
        /// Who was heard in the last ticks.
        heard: Set<NodeId>,
        ticks: u32,
        /// What had been carried out one tick ago. Whoever lacks some of it is not merely a message
        /// behind.
        settled: Slot,
    },
}

/// What came with a promise.
#[derive(Debug, Serialize, Deserialize)]
struct Promised {
    accepted: Map<Slot, (Ballot, Proposal)>,
    chosen: Map<Slot, Proposal>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    by: Set<NodeId>,
    /// Whether it is older than a tick.
    waited: bool,
}
// end hole
/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // hole
    // | Add your timers here: what must be sent again, and when is it time to take over?
    /// Nobody leads.
    Election,
    /// The last heartbeat is long ago.
    Lease,
    /// The leader's.
    Tick,
    /// Time to forget.
    Clear,
    // end hole
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, boot: Boot, ctx: &mut Context<Self>) -> Self {
        // hole: Server::start
        // | Return a server that knows what is on its disk. What may it do if its disk was lost?
        let nothing = Acceptor {
            votes: true,
            promised: Ballot::default(),
            accepted: Map::new(),
        };
        let store: Store = ctx.disk().read("store").unwrap_or_default();
        let mut server = Server {
            me: ctx.id(),
            servers: config.servers.clone(),
            may_clear: config.may_clear,
            acceptor: ctx.disk().read("acceptor").unwrap_or(nothing),
            chosen: Map::new(),
            cleared: store.applied,
            store,
            role: Role::Follower,
            leader: None,
            round: 0,
            wanted: Map::new(),
        };
        if boot == Boot::DiskLost {
            server.acceptor.votes = false;
            server.save(ctx);
        }
        if server.acceptor.votes {
            ctx.set_timer_between(Timer::Election, ELECTION);
        }
        if server.may_clear {
            ctx.set_timer(Timer::Clear, CLEAR);
        }
        server
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Server::on_message
        // | From servers: the two phases of Paxos, and what lets every server learn what is chosen.
        // | From the test: a proposal for a slot. From a client: an operation, to be carried out
        // | once, however often it arrives. Any of these can be old: from an earlier ballot, about
        // | a slot decided long ago, by or to an earlier incarnation of a server.
        match message {
            Message::Prepare { ballot, from: slot } => self.prepare(from, ballot, slot, ctx),
            Message::Promise {
                ballot,
                accepted,
                chosen,
            } if ballot == self.acceptor.promised => {
                if let Role::Candidate { promises } = &mut self.role {
                    promises.insert(from, Promised { accepted, chosen });
                    self.lead_if_promised(ctx);
                }
            }
            Message::Accept {
                ballot,
                slot,
                proposal,
            } => self.accept(from, ballot, slot, proposal, ctx),
            Message::Accepted { ballot, slot } if ballot == self.acceptor.promised => {
                if let Role::Leader { pending, heard, .. } = &mut self.role {
                    heard.insert(from);
                    if let Some(pending) = pending.get_mut(&slot) {
                        pending.by.insert(from);
                        self.choose_if_accepted(slot, ctx);
                    }
                }
            }
            Message::Refused { promised } => self.refused(promised, ctx),
            Message::Chosen { ballot, slot } => {
                // Without that vote the leader tells the value when it hears that the slot is
                // unknown here.
                if let Some((accepted, proposal)) = self.acceptor.accepted.get(&slot)
                    && *accepted == ballot
                {
                    self.learn([(slot, proposal.clone())].into(), ctx);
                }
            }
            Message::Heartbeat { ballot } => self.heartbeat(from, ballot, ctx),
            Message::Following { ballot, unknown } if ballot == self.acceptor.promised => {
                if let Role::Leader { heard, settled, .. } = &mut self.role {
                    heard.insert(from);
                    if unknown <= *settled {
                        self.teach(from, unknown, ctx);
                    }
                }
            }
            Message::Learn { chosen } => self.learn(chosen, ctx),
            Message::Snapshot { store } if store.applied > self.store.applied => {
                self.store = store;
                self.clear(ctx);
                self.learn(Map::new(), ctx);
            }
            Message::Given(Given::Propose { slot, value }) => self.want(slot, value, ctx),
            Message::Forward { slot, value } if matches!(self.role, Role::Leader { .. }) => {
                self.want(slot, value, ctx)
            }
            Message::Request { number, command } => self.request(from, number, command, ctx),
            _ => {} // of an earlier ballot or role, or not for a server
        }
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: Server::on_timer
        // | Resend what was not answered; take over if no server leads (but not all at the same
        // | time, again and again); clear the slots that no server needs.
        match timer {
            Timer::Election => self.campaign(ctx),
            Timer::Lease => self.leader = None,
            Timer::Tick => self.tick(ctx),
            Timer::Clear => {
                if self.store.applied > self.cleared {
                    self.clear(ctx);
                }
                ctx.set_timer(Timer::Clear, CLEAR);
            }
        }
        // end hole
    }
}

// hole
/// Voting.
impl Server {
    /// The acceptor's state is safe before anything that is said after this.
    fn save(&self, ctx: &mut Context<Self>) {
        ctx.disk().write("acceptor", &self.acceptor);
        ctx.disk().sync();
    }

    fn prepare(&mut self, from: NodeId, ballot: Ballot, slot: Slot, ctx: &mut Context<Self>) {
        if !self.acceptor.votes || self.leader.is_some_and(|leader| leader != from) {
            return;
        }
        if ballot < self.acceptor.promised {
            ctx.send(
                from,
                Message::Refused {
                    promised: self.acceptor.promised,
                },
            );
            return;
        }
        if slot <= self.cleared {
            // It would propose in slots of which nobody remembers the votes. With this it begins
            // after them.
            ctx.send(
                from,
                Message::Snapshot {
                    store: self.store.clone(),
                },
            );
            return;
        }
        self.promise(ballot, ctx);
        let accepted = self
            .acceptor
            .accepted
            .range(slot..)
            .map(|(slot, vote)| (*slot, vote.clone()))
            .collect();
        let chosen = self
            .chosen
            .range(slot..)
            .map(|(slot, proposal)| (*slot, proposal.clone()))
            .collect();
        ctx.send(
            from,
            Message::Promise {
                ballot,
                accepted,
                chosen,
            },
        );
    }

    /// Raises the promise, if this ballot is higher, and gives up a role in a lower one.
    fn promise(&mut self, ballot: Ballot, ctx: &mut Context<Self>) {
        if ballot > self.acceptor.promised {
            self.acceptor.promised = ballot;
            self.save(ctx);
            self.follow(None, ctx);
        }
    }

    fn accept(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        slot: Slot,
        proposal: Proposal,
        ctx: &mut Context<Self>,
    ) {
        if !self.acceptor.votes {
            return;
        }
        if ballot < self.acceptor.promised {
            ctx.send(
                from,
                Message::Refused {
                    promised: self.acceptor.promised,
                },
            );
            return;
        }
        if slot <= self.cleared {
            ctx.send(
                from,
                Message::Snapshot {
                    store: self.store.clone(),
                },
            );
            return;
        }
        if self
            .acceptor
            .accepted
            .get(&slot)
            .is_none_or(|(accepted, _)| *accepted < ballot)
        {
            self.acceptor.promised = ballot;
            self.acceptor.accepted.insert(slot, (ballot, proposal));
            self.save(ctx);
        }
        self.follow(Some(from), ctx);
        ctx.send(from, Message::Accepted { ballot, slot });
    }

    fn heartbeat(&mut self, from: NodeId, ballot: Ballot, ctx: &mut Context<Self>) {
        if ballot < self.acceptor.promised {
            ctx.send(
                from,
                Message::Refused {
                    promised: self.acceptor.promised,
                },
            );
            return;
        }
        self.promise(ballot, ctx);
        self.follow(Some(from), ctx);
        ctx.send(
            from,
            Message::Following {
                ballot,
                unknown: self.store.applied + 1,
            },
        );
        for (slot, value) in &self.wanted {
            ctx.send(
                from,
                Message::Forward {
                    slot: *slot,
                    value: value.clone(),
                },
            );
        }
    }

    /// Neither leads nor wants to; perhaps somebody else does.
    fn follow(&mut self, leader: Option<NodeId>, ctx: &mut Context<Self>) {
        self.role = Role::Follower;
        self.leader = leader;
        ctx.cancel(&Timer::Tick);
        if leader.is_some() {
            ctx.set_timer(Timer::Lease, LEASE);
        }
        if self.acceptor.votes {
            ctx.set_timer_between(Timer::Election, ELECTION);
        }
    }
}

/// Leading.
impl Server {
    fn majority(&self) -> usize {
        self.servers.len() / 2 + 1
    }

    fn broadcast(&self, message: &Message, ctx: &mut Context<Self>) {
        for server in self.servers.iter().filter(|server| **server != self.me) {
            ctx.send(*server, message.clone());
        }
    }

    fn campaign(&mut self, ctx: &mut Context<Self>) {
        let round = self.round.max(self.acceptor.promised.round) + 1;
        let ballot = Ballot {
            round,
            server: self.me.number(),
        };
        self.acceptor.promised = ballot;
        self.save(ctx);
        let own = Promised {
            accepted: self.acceptor.accepted.clone(),
            chosen: Map::new(),
        };
        (self.role, self.leader) = (
            Role::Candidate {
                promises: [(self.me, own)].into(),
            },
            None,
        );
        self.broadcast(
            &Message::Prepare {
                ballot,
                from: self.store.applied + 1,
            },
            ctx,
        );
        ctx.set_timer_between(Timer::Election, ELECTION);
        self.lead_if_promised(ctx);
    }

    fn lead_if_promised(&mut self, ctx: &mut Context<Self>) {
        let majority = self.majority();
        let Role::Candidate { promises } = &mut self.role else {
            return;
        };
        if promises.len() < majority {
            return;
        }
        let mut votes: Map<Slot, (Ballot, Proposal)> = Map::new();
        let mut chosen = Map::new();
        for promised in std::mem::take(promises).into_values() {
            for (slot, (ballot, proposal)) in promised.accepted {
                if votes
                    .get(&slot)
                    .is_none_or(|(highest, _)| ballot > *highest)
                {
                    votes.insert(slot, (ballot, proposal));
                }
            }
            chosen.extend(promised.chosen);
        }
        self.role = Role::Leader {
            pending: Map::new(),
            heard: Set::new(),
            ticks: 0,
            settled: self.store.applied,
        };
        self.leader = Some(self.me);
        ctx.cancel(&Timer::Election);
        ctx.cancel(&Timer::Lease);
        self.learn(chosen, ctx);
        // What may be chosen already is proposed again. Nothing can be chosen in the holes between,
        // so a no-op can.
        let last = votes
            .keys()
            .chain(self.chosen.keys())
            .max()
            .copied()
            .unwrap_or(0);
        let mut proposals: Map<Slot, Proposal> = self
            .wanted
            .iter()
            .map(|(slot, value)| (*slot, Proposal::Given(value.clone())))
            .collect();
        proposals.extend(
            votes
                .into_iter()
                .map(|(slot, (_, proposal))| (slot, proposal)),
        );
        for slot in self.store.applied + 1..=last {
            proposals.entry(slot).or_insert(Proposal::Noop);
        }
        proposals.retain(|slot, _| *slot > self.store.applied && !self.chosen.contains_key(slot));
        self.propose(proposals, ctx);
        self.tick(ctx);
    }

    /// Phase 2 of this leader's ballot.
    fn propose(&mut self, proposals: Map<Slot, Proposal>, ctx: &mut Context<Self>) {
        let ballot = self.acceptor.promised;
        let slots: Vec<Slot> = proposals.keys().copied().collect();
        for (slot, proposal) in proposals {
            self.broadcast(
                &Message::Accept {
                    ballot,
                    slot,
                    proposal: proposal.clone(),
                },
                ctx,
            );
            self.acceptor.accepted.insert(slot, (ballot, proposal));
            if let Role::Leader { pending, .. } = &mut self.role {
                pending.insert(
                    slot,
                    Pending {
                        by: [self.me].into(),
                        waited: false,
                    },
                );
            }
        }
        if !slots.is_empty() {
            self.save(ctx);
        }
        for slot in slots {
            self.choose_if_accepted(slot, ctx);
        }
    }

    fn choose_if_accepted(&mut self, slot: Slot, ctx: &mut Context<Self>) {
        let majority = self.majority();
        let Role::Leader { pending, .. } = &mut self.role else {
            return;
        };
        if pending
            .get(&slot)
            .is_some_and(|pending| pending.by.len() >= majority)
        {
            pending.remove(&slot);
            self.broadcast(
                &Message::Chosen {
                    ballot: self.acceptor.promised,
                    slot,
                },
                ctx,
            );
            let (_, proposal) = &self.acceptor.accepted[&slot];
            self.learn([(slot, proposal.clone())].into(), ctx);
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let (ballot, applied, others) = (
            self.acceptor.promised,
            self.store.applied,
            self.majority() - 1,
        );
        let last = self.last_nonempty();
        let Role::Leader {
            pending,
            heard,
            ticks,
            settled,
        } = &mut self.role
        else {
            return;
        };
        *ticks += 1;
        *settled = applied;
        let deaf = ticks.is_multiple_of(DEAF) && std::mem::take(heard).len() < others;
        for (slot, pending) in pending.iter_mut() {
            let (_, proposal) = &self.acceptor.accepted[slot];
            for server in self
                .servers
                .iter()
                .filter(|server| pending.waited && !pending.by.contains(server))
            {
                ctx.send(
                    *server,
                    Message::Accept {
                        ballot,
                        slot: *slot,
                        proposal: proposal.clone(),
                    },
                );
            }
            pending.waited = true;
        }
        if deaf {
            self.follow(None, ctx);
            return;
        }
        self.broadcast(&Message::Heartbeat { ballot }, ctx);
        ctx.set_timer(Timer::Tick, TICK);
        let open = |slot: &Slot| {
            !self.chosen.contains_key(slot) && !self.acceptor.accepted.contains_key(slot)
        };
        let holes = (applied + 1..last)
            .filter(open)
            .map(|slot| (slot, Proposal::Noop))
            .collect();
        self.propose(holes, ctx);
    }

    fn refused(&mut self, promised: Ballot, ctx: &mut Context<Self>) {
        self.round = self.round.max(promised.round);
        if promised > self.acceptor.promised && !matches!(self.role, Role::Follower) {
            self.follow(None, ctx);
        }
    }

    /// Sends what is chosen from this slot on.
    fn teach(&self, server: NodeId, unknown: Slot, ctx: &mut Context<Self>) {
        if unknown <= self.cleared {
            ctx.send(
                server,
                Message::Snapshot {
                    store: self.store.clone(),
                },
            );
            return;
        }
        let chosen = self.chosen.range(unknown..).take(LESSON);
        ctx.send(
            server,
            Message::Learn {
                chosen: chosen.map(|(slot, value)| (*slot, value.clone())).collect(),
            },
        );
    }
}

/// Carrying out what is chosen.
impl Server {
    fn learn(&mut self, chosen: Map<Slot, Proposal>, ctx: &mut Context<Self>) {
        self.chosen
            .extend(chosen.into_iter().filter(|(slot, _)| *slot > self.cleared));
        while let Some(proposal) = self.chosen.get(&(self.store.applied + 1)) {
            self.store.applied += 1;
            if let Proposal::Operation(operation) = proposal
                && let Some(output) = self.store.apply(operation)
                && matches!(self.role, Role::Leader { .. })
            {
                ctx.send(
                    operation.client,
                    Message::Reply {
                        number: operation.number,
                        output,
                    },
                );
            }
        }
        self.wanted
            .retain(|slot, _| !self.chosen.contains_key(slot));
    }

    /// Forgets what was carried out, as soon as the store on disk has it.
    fn clear(&mut self, ctx: &mut Context<Self>) {
        ctx.disk().write("store", &self.store);
        ctx.disk().sync();
        self.cleared = self.store.applied;
        self.chosen = self.chosen.split_off(&(self.cleared + 1));
        self.acceptor.accepted = self.acceptor.accepted.split_off(&(self.cleared + 1));
        if let Role::Leader { pending, .. } = &mut self.role {
            *pending = pending.split_off(&(self.cleared + 1));
        }
        ctx.disk().write("acceptor", &self.acceptor);
    }

    fn want(&mut self, slot: Slot, value: Bytes, ctx: &mut Context<Self>) {
        if slot <= self.cleared || self.chosen.contains_key(&slot) {
            return;
        }
        let value = self.wanted.entry(slot).or_insert(value).clone();
        match (&self.role, self.leader) {
            (Role::Leader { .. }, _) if !self.acceptor.accepted.contains_key(&slot) => {
                self.propose([(slot, Proposal::Given(value))].into(), ctx);
            }
            (Role::Follower, Some(leader)) => ctx.send(leader, Message::Forward { slot, value }),
            _ => {} // it is proposed already, or will be once somebody leads
        }
    }

    fn request(&mut self, client: NodeId, number: u64, command: Command, ctx: &mut Context<Self>) {
        if !matches!(self.role, Role::Leader { .. }) {
            ctx.send(
                client,
                Message::Redirect {
                    number,
                    leader: self.leader,
                },
            );
            return;
        }
        match self.store.answered(client, number) {
            Some(Ok(output)) => return ctx.send(client, Message::Reply { number, output }),
            Some(Err(())) => return,
            None => {}
        }
        let operation = Proposal::Operation(Operation {
            client,
            number,
            command,
        });
        let mut under_way = self.acceptor.accepted.range(self.store.applied + 1..);
        if under_way.all(|(_, (_, proposal))| *proposal != operation) {
            self.propose([(self.last_nonempty() + 1, operation)].into(), ctx);
        }
    }
}
// end hole
impl ShowsLog for Server {
    fn status(&self, slot: Slot) -> Status {
        // hole: Server::status
        // | Return what this server knows about the slot: nothing, what it has accepted, what is
        // | chosen, or that it was cleared.
        if slot <= self.cleared {
            return Status::Cleared;
        }
        match (self.chosen.get(&slot), self.acceptor.accepted.get(&slot)) {
            (Some(proposal), _) => Status::Chosen(proposal.value()),
            (None, Some((_, proposal))) => Status::Accepted(proposal.value()),
            (None, None) => Status::Empty,
        }
        // end hole
    }

    fn first_uncleared(&self) -> Slot {
        // hole: Server::first_uncleared
        // | Return 1 until you clear a slot.
        self.cleared + 1
        // end hole
    }

    fn last_nonempty(&self) -> Slot {
        // hole: Server::last_nonempty
        // | Return the last slot whose status is not `Empty`.
        let last = |slot: Option<&Slot>| slot.copied().unwrap_or(0);
        last(self.chosen.keys().last())
            .max(last(self.acceptor.accepted.keys().last()))
            .max(self.cleared)
        // end hole
    }

    fn promised(&self, _: Slot) -> String {
        // hole: Server::promised
        // | Return the highest ballot that this server has promised, for this slot or for all
        // | slots, in the form in which you like to read it.
        format!("{:?}", self.acceptor.promised)
        // end hole
    }
}
