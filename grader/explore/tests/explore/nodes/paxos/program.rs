//! The nodes: single-decree Paxos (L. Lamport: The part-time parliament, 1998) as a register that
//! is written once: the protocol of stateright's `examples/paxos.rs`, event for event, so that the
//! numbers of states can be compared. Each client writes its letter and, when that is decided,
//! reads it from the next server.

use labkit::{codec, guest, prelude::*};

pub type Ballot = (u32, NodeId);

/// Request, client, value.
pub type Proposal = (u64, NodeId, char);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    Put(u64, char),
    Get(u64),
    PutOk(u64),
    GetOk(u64, char),
    Prepare {
        ballot: Ballot,
    },
    Prepared {
        ballot: Ballot,
        last_accepted: Option<(Ballot, Proposal)>,
    },
    Accept {
        ballot: Ballot,
        proposal: Proposal,
    },
    Accepted {
        ballot: Ballot,
    },
    Decided {
        ballot: Ballot,
        proposal: Proposal,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    servers: u32,
    ballot: Ballot,
    /// As the leader of a ballot.
    proposal: Option<Proposal>,
    prepares: Map<NodeId, Option<(Ballot, Proposal)>>,
    accepts: Set<NodeId>,
    /// As an acceptor.
    accepted: Option<(Ballot, Proposal)>,
    is_decided: bool,
}

impl Server {
    fn majority(&self) -> usize {
        self.servers as usize / 2 + 1
    }

    fn broadcast(&self, message: &Message, ctx: &mut Context<Self>) {
        let me = ctx.id();
        for peer in (1..=self.servers)
            .map(|number| NodeId::new('s', number))
            .filter(|peer| *peer != me)
        {
            ctx.send(peer, message.clone());
        }
    }

    /// Proposes what the latest ballot may have decided, or what the client asked for.
    fn propose(&mut self, ballot: Ballot, ctx: &mut Context<Self>) {
        let latest = self.prepares.values().max().copied().flatten();
        let proposal = latest
            .map(|(_, proposal)| proposal)
            .or(self.proposal)
            .expect("a leader has a proposal");
        self.proposal = Some(proposal);
        self.accepted = Some((ballot, proposal));
        self.accepts.insert(ctx.id());
        self.broadcast(&Message::Accept { ballot, proposal }, ctx);
    }
}

impl Node for Server {
    type Config = u32;
    type Message = Message;
    type Timer = ();

    fn start(servers: &u32, _: Boot, _: &mut Context<Self>) -> Self {
        Server {
            servers: *servers,
            ballot: (0, NodeId::new('s', 1)),
            proposal: None,
            prepares: Map::new(),
            accepts: Set::new(),
            accepted: None,
            is_decided: false,
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        if self.is_decided {
            // A server that has decided nothing cannot know what others have, so only one that has
            // answers.
            if let (Message::Get(request), Some((_, (_, _, value)))) = (message, self.accepted) {
                ctx.send(from, Message::GetOk(request, value));
            }
            return;
        }
        match message {
            Message::Put(request, value) if self.proposal.is_none() => {
                let me = ctx.id();
                self.proposal = Some((request, from, value));
                self.prepares.clear();
                self.accepts.clear();
                self.ballot = (self.ballot.0 + 1, me);
                self.prepares.insert(me, self.accepted);
                self.broadcast(
                    &Message::Prepare {
                        ballot: self.ballot,
                    },
                    ctx,
                );
            }
            Message::Prepare { ballot } if self.ballot < ballot => {
                self.ballot = ballot;
                ctx.send(
                    from,
                    Message::Prepared {
                        ballot,
                        last_accepted: self.accepted,
                    },
                );
            }
            Message::Prepared {
                ballot,
                last_accepted,
            } if ballot == self.ballot => {
                self.prepares.insert(from, last_accepted);
                if self.prepares.len() == self.majority() {
                    self.propose(ballot, ctx);
                }
            }
            Message::Accept { ballot, proposal } if self.ballot <= ballot => {
                self.ballot = ballot;
                self.accepted = Some((ballot, proposal));
                ctx.send(from, Message::Accepted { ballot });
            }
            Message::Accepted { ballot } if ballot == self.ballot => {
                self.accepts.insert(from);
                if self.accepts.len() == self.majority() {
                    self.is_decided = true;
                    let proposal = self.proposal.expect("a leader has a proposal");
                    self.broadcast(&Message::Decided { ballot, proposal }, ctx);
                    let (request, client, _) = proposal;
                    ctx.send(client, Message::PutOk(request));
                }
            }
            Message::Decided { ballot, proposal } => {
                self.ballot = ballot;
                self.accepted = Some((ballot, proposal));
                self.is_decided = true;
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    Put(char),
    Get,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    Done,
    Value(char),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    servers: u32,
    waits_for: Option<u64>,
    operations: u64,
}

impl Node for Client {
    type Config = u32;
    type Message = Message;
    type Timer = ();

    fn start(servers: &u32, _: Boot, _: &mut Context<Self>) -> Self {
        Client {
            servers: *servers,
            waits_for: None,
            operations: 0,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::PutOk(request) if self.waits_for == Some(request) => {
                self.waits_for = None;
                ctx.respond(Output::Done);
            }
            Message::GetOk(request, value) if self.waits_for == Some(request) => {
                self.waits_for = None;
                ctx.respond(Output::Value(value));
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Counted from 0 over all nodes, servers first: the numbers that stateright's clients use.
        let index = u64::from(self.servers + ctx.id().number()) - 1;
        let to = (index + self.operations) % u64::from(self.servers);
        self.operations += 1;
        let request = self.operations * index;
        self.waits_for = Some(request);
        let message = match command {
            Command::Put(value) => Message::Put(request, value),
            Command::Get => Message::Get(request),
        };
        ctx.send(NodeId::new('s', to as u32 + 1), message);
    }
}

pub fn lab() -> guest::Lab {
    let server = guest::Role::node::<Server>(|server| {
        let decided = server
            .accepted
            .filter(|_| server.is_decided)
            .map(|(_, (_, _, value))| value);
        codec::to_bytes(&decided).unwrap()
    });
    guest::Lab::new(vec![server, guest::Role::client::<Client>()])
}
