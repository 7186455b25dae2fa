//! A server: acceptor, proposer for its own clients, learner.

use lab3_api::{Bytes, Command, Given, Output, ServerConfig, ShowsLog, Slot, Status};
use labkit::prelude::*;

use crate::{
    Message,
    disk::{self, Base},
    message::{Entry, Vote},
    proposer::Attempt,
    store::Operation,
};

/// Servers tell each other this often how far they are.
const TICK: Duration = Duration::from_millis(150);
/// Maximum number of slots to keep for a server that does not say how far it is.
const KEPT: u64 = 24;
/// Maximum number of entries to send at once.
const LESSON: usize = 24;

/// One of the group.
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    pub(crate) me: NodeId,
    servers: Vec<NodeId>,
    may_clear: bool,
    pub(crate) base: Base,
    pub(crate) votes: Map<Slot, Vote>,
    pub(crate) chosen: Map<Slot, Entry>,
    pub(crate) attempts: Map<Slot, Attempt>,
    /// The highest round that was refused with, by slot.
    pub(crate) rounds: Map<Slot, u64>,
    wanted: Map<Slot, Bytes>,
    /// Writes that wait for a slot: the newest of each client.
    queue: Map<NodeId, (u64, Command)>,
    reads: Map<NodeId, Read>,
    /// How far the others are.
    peers: Map<NodeId, Slot>,
    /// How far this server was one tick ago.
    before: Slot,
}

/// A read that asks a majority which slots it must wait for.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    number: u64,
    key: String,
    heard: Set<NodeId>,
    last: Slot,
}

/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Time to tell the others.
    Tick,
    /// An attempt at this slot came to nothing.
    Retry(Slot),
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, boot: Boot, ctx: &mut Context<Self>) -> Self {
        let mut base: Base = ctx.disk().read("base").unwrap_or_default();
        let (votes, torn) = disk::load(&base, ctx);
        base.amnesiac |= boot == Boot::DiskLost;
        if torn || boot == Boot::DiskLost {
            disk::begin_again(&mut base, &votes, ctx);
        }
        ctx.set_timer(Timer::Tick, TICK);
        Server {
            me: ctx.id(),
            servers: config.servers.clone(),
            may_clear: config.may_clear,
            before: base.store.applied,
            base,
            votes,
            chosen: Map::new(),
            attempts: Map::new(),
            rounds: Map::new(),
            wanted: Map::new(),
            queue: Map::new(),
            reads: Map::new(),
            peers: Map::new(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Prepare { slot, ballot } => self.prepare(from, slot, ballot, ctx),
            Message::Promise {
                slot,
                ballot,
                accepted,
            } => self.promised_by(from, slot, ballot, accepted, ctx),
            Message::Accept {
                slot,
                ballot,
                entry,
            } => self.accept(from, slot, ballot, entry, ctx),
            Message::Accepted { slot, ballot } => self.accepted_by(from, slot, ballot, ctx),
            Message::Refused { slot, round } => self.refused(slot, round, ctx),
            Message::Learn { chosen } => self.learn(chosen, ctx),
            Message::Snapshot { store } if store.applied > self.base.store.applied => {
                self.base.store = store;
                self.clear(self.base.store.applied, ctx);
                self.learn(Map::new(), ctx);
            }
            Message::Status { applied, known } => self.status(from, applied, &known, ctx),
            Message::Ask { client, number } if !self.base.amnesiac => {
                ctx.send(
                    from,
                    Message::Told {
                        client,
                        number,
                        last: self.last_nonempty(),
                    },
                );
            }
            Message::Told {
                client,
                number,
                last,
            } => {
                if let Some(read) = self
                    .reads
                    .get_mut(&client)
                    .filter(|read| read.number == number)
                {
                    read.heard.insert(from);
                    read.last = read.last.max(last);
                    self.answer_reads(ctx);
                }
            }
            Message::Given(Given::Propose { slot, value }) => {
                self.wanted.entry(slot).or_insert(value);
                if !self.attempts.contains_key(&slot) {
                    self.attempt(slot, ctx);
                }
            }
            Message::Request { number, command } => self.request(from, number, command, ctx),
            Message::Snapshot { .. } | Message::Ask { .. } | Message::Reply { .. } => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        match timer {
            Timer::Tick => self.tick(ctx),
            Timer::Retry(slot) => self.attempt(slot, ctx),
        }
    }
}

impl Server {
    pub(crate) fn majority(&self) -> usize {
        self.servers.len() / 2 + 1
    }

    pub(crate) fn broadcast(&self, message: &Message, ctx: &mut Context<Self>) {
        for server in self.servers.iter().filter(|server| **server != self.me) {
            ctx.send(*server, message.clone());
        }
    }

    pub(crate) fn is_chosen(&self, slot: Slot) -> bool {
        slot <= self.base.store.applied || self.chosen.contains_key(&slot)
    }

    /// What this server wants in a slot.
    pub(crate) fn own_entry(&self, slot: Slot) -> Entry {
        if let Some(value) = self.wanted.get(&slot) {
            return Entry::Given(value.clone());
        }
        if self.queue.is_empty() {
            return Entry::Noop;
        }
        let operation = |(client, (number, command)): (&NodeId, &(u64, Command))| Operation {
            client: *client,
            number: *number,
            command: command.clone(),
        };
        Entry::Batch(self.queue.iter().map(operation).collect())
    }

    fn request(&mut self, client: NodeId, number: u64, command: Command, ctx: &mut Context<Self>) {
        if self.base.amnesiac {
            return; // it does not know what it has proposed in an earlier life
        }
        if let Command::Get { key } = command {
            let read = Read {
                number,
                key,
                heard: [self.me].into(),
                last: self.last_nonempty(),
            };
            self.reads.insert(client, read);
            self.broadcast(&Message::Ask { client, number }, ctx);
            self.answer_reads(ctx);
        } else if self.base.store.has(client, number) {
            ctx.send(
                client,
                Message::Reply {
                    number,
                    output: Output::Done,
                },
            );
        } else {
            self.queue.insert(client, (number, command));
            self.next(ctx);
        }
    }

    /// Proposes what waits in the first slot that is not decided.
    fn next(&mut self, ctx: &mut Context<Self>) {
        let slot = self.base.store.applied + 1;
        if !self.queue.is_empty() && !self.attempts.contains_key(&slot) {
            self.attempt(slot, ctx);
        }
    }

    fn answer_reads(&mut self, ctx: &mut Context<Self>) {
        let (majority, store) = (self.majority(), &self.base.store);
        self.reads.retain(|client, read| {
            let ready = read.heard.len() >= majority && read.last <= store.applied;
            if ready {
                ctx.send(
                    *client,
                    Message::Reply {
                        number: read.number,
                        output: store.get(&read.key),
                    },
                );
            }
            !ready
        });
    }

    pub(crate) fn learn(&mut self, chosen: Map<Slot, Entry>, ctx: &mut Context<Self>) {
        let cleared = self.base.cleared;
        self.chosen
            .extend(chosen.into_iter().filter(|(slot, _)| *slot > cleared));
        while let Some(entry) = self.chosen.get(&(self.base.store.applied + 1)) {
            self.base.store.applied += 1;
            if let Entry::Batch(batch) = entry {
                batch
                    .iter()
                    .for_each(|operation| self.base.store.apply(operation));
            }
        }
        let decided =
            |slot: &Slot| *slot <= self.base.store.applied || self.chosen.contains_key(slot);
        for slot in self.attempts.keys().filter(|slot| decided(slot)) {
            ctx.cancel(&Timer::Retry(*slot));
        }
        self.attempts.retain(|slot, _| !decided(slot));
        self.rounds.retain(|slot, _| !decided(slot));
        self.wanted.retain(|slot, _| !decided(slot));
        let store = &self.base.store;
        self.queue.retain(|client, (number, _)| {
            let done = store.has(*client, *number);
            if done {
                ctx.send(
                    *client,
                    Message::Reply {
                        number: *number,
                        output: Output::Done,
                    },
                );
            }
            !done
        });
        self.answer_reads(ctx);
        self.next(ctx);
    }

    fn status(&mut self, from: NodeId, applied: Slot, known: &Set<Slot>, ctx: &mut Context<Self>) {
        self.peers.insert(from, applied);
        if applied < self.base.store.applied && !self.chosen.contains_key(&(applied + 1)) {
            ctx.send(
                from,
                Message::Snapshot {
                    store: self.base.store.clone(),
                },
            );
            return;
        }
        let unknown = self
            .chosen
            .range(applied + 1..)
            .filter(|(slot, _)| !known.contains(slot));
        let chosen: Map<Slot, Entry> = unknown
            .take(LESSON)
            .map(|(slot, entry)| (*slot, entry.clone()))
            .collect();
        if !chosen.is_empty() {
            ctx.send(from, Message::Learn { chosen });
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let applied = self.base.store.applied;
        let known = self
            .chosen
            .range(applied + 1..)
            .map(|(slot, _)| *slot)
            .collect();
        self.broadcast(&Message::Status { applied, known }, ctx);
        // Somebody began a slot and is gone, or a read waits for one.
        let waits =
            self.last_nonempty() > applied || self.reads.values().any(|read| read.last > applied);
        if self.may_clear
            && waits
            && self.before == applied
            && !self.attempts.contains_key(&(applied + 1))
        {
            self.attempt(applied + 1, ctx);
        }
        self.before = applied;
        if self.may_clear {
            let others = self.servers.iter().filter(|server| **server != self.me);
            let all = others
                .map(|server| self.peers.get(server).copied().unwrap_or(0))
                .min()
                .unwrap_or(applied);
            let all = if applied - self.base.cleared > KEPT {
                applied
            } else {
                all.min(applied)
            };
            if all > self.base.cleared {
                self.clear(all, ctx);
            }
        }
        ctx.set_timer(Timer::Tick, TICK);
    }

    /// Forgets these slots, whose decisions are in the store.
    fn clear(&mut self, up_to: Slot, ctx: &mut Context<Self>) {
        self.base.cleared = up_to;
        self.votes = self.votes.split_off(&(up_to + 1));
        self.chosen = self.chosen.split_off(&(up_to + 1));
        self.votes
            .retain(|slot, vote| *slot > up_to && *vote != Vote::default());
        disk::begin_again(&mut self.base, &self.votes, ctx);
    }
}

impl ShowsLog for Server {
    fn status(&self, slot: Slot) -> Status {
        if slot <= self.base.cleared {
            return Status::Cleared;
        }
        match (
            self.chosen.get(&slot),
            self.votes
                .get(&slot)
                .and_then(|vote| vote.accepted.as_ref()),
        ) {
            (Some(entry), _) => Status::Chosen(entry.value()),
            (None, Some((_, entry))) => Status::Accepted(entry.value()),
            (None, None) => Status::Empty,
        }
    }

    fn first_uncleared(&self) -> Slot {
        self.base.cleared + 1
    }

    fn last_nonempty(&self) -> Slot {
        let voted = self
            .votes
            .iter()
            .rev()
            .find(|(_, vote)| vote.accepted.is_some())
            .map_or(0, |(slot, _)| *slot);
        let chosen = self.chosen.keys().last().copied().unwrap_or(0);
        voted.max(chosen).max(self.base.store.applied)
    }

    fn promised(&self, slot: Slot) -> String {
        self.votes
            .get(&slot)
            .map_or(String::new(), |vote| format!("{:?}", vote.promised))
    }
}
