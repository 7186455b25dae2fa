//! The same protocol for stateright, as its own example has it: actors in its process, no bytes, a
//! history in each state.

use std::borrow::Cow;

use stateright::{
    Expectation,
    actor::{
        Actor, ActorModel, Id, Network, Out, majority, model_peers,
        register::{RegisterActor, RegisterMsg},
    },
    semantics::{LinearizabilityTester, register::Register},
    util::{HashableHashMap, HashableHashSet},
};

type Ballot = (u32, Id);
type Proposal = (u64, Id, char);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Internal {
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

type Message = RegisterMsg<u64, char, Internal>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    ballot: Ballot,
    proposal: Option<Proposal>,
    prepares: HashableHashMap<Id, Option<(Ballot, Proposal)>>,
    accepts: HashableHashSet<Id>,
    accepted: Option<(Ballot, Proposal)>,
    is_decided: bool,
}

#[derive(Clone)]
pub struct Server {
    peers: Vec<Id>,
}

impl Server {
    fn quorum(&self) -> usize {
        majority(self.peers.len() + 1)
    }

    fn propose(&self, id: Id, state: &mut State, ballot: Ballot, out: &mut Out<Self>) {
        let latest = state.prepares.values().max().copied().flatten();
        let proposal = latest
            .map(|(_, proposal)| proposal)
            .or(state.proposal)
            .expect("a leader has a proposal");
        state.proposal = Some(proposal);
        state.accepted = Some((ballot, proposal));
        state.accepts.insert(id);
        out.broadcast(
            &self.peers,
            &RegisterMsg::Internal(Internal::Accept { ballot, proposal }),
        );
    }

    fn internal(
        &self,
        id: Id,
        state: &mut Cow<'_, State>,
        from: Id,
        message: Internal,
        out: &mut Out<Self>,
    ) {
        match message {
            Internal::Prepare { ballot } if state.ballot < ballot => {
                state.to_mut().ballot = ballot;
                let last_accepted = state.accepted;
                out.send(
                    from,
                    RegisterMsg::Internal(Internal::Prepared {
                        ballot,
                        last_accepted,
                    }),
                );
            }
            Internal::Prepared {
                ballot,
                last_accepted,
            } if ballot == state.ballot => {
                let state = state.to_mut();
                state.prepares.insert(from, last_accepted);
                if state.prepares.len() == self.quorum() {
                    self.propose(id, state, ballot, out);
                }
            }
            Internal::Accept { ballot, proposal } if state.ballot <= ballot => {
                let state = state.to_mut();
                state.ballot = ballot;
                state.accepted = Some((ballot, proposal));
                out.send(from, RegisterMsg::Internal(Internal::Accepted { ballot }));
            }
            Internal::Accepted { ballot } if ballot == state.ballot => {
                let state = state.to_mut();
                state.accepts.insert(from);
                if state.accepts.len() == self.quorum() {
                    state.is_decided = true;
                    let proposal = state.proposal.expect("a leader has a proposal");
                    out.broadcast(
                        &self.peers,
                        &RegisterMsg::Internal(Internal::Decided { ballot, proposal }),
                    );
                    out.send(proposal.1, RegisterMsg::PutOk(proposal.0));
                }
            }
            Internal::Decided { ballot, proposal } => {
                let state = state.to_mut();
                state.ballot = ballot;
                state.accepted = Some((ballot, proposal));
                state.is_decided = true;
            }
            _ => {}
        }
    }
}

impl Actor for Server {
    type Msg = Message;
    type State = State;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> State {
        State {
            ballot: (0, Id::from(0)),
            proposal: None,
            prepares: HashableHashMap::default(),
            accepts: HashableHashSet::default(),
            accepted: None,
            is_decided: false,
        }
    }

    fn on_msg(
        &self,
        id: Id,
        state: &mut Cow<'_, State>,
        from: Id,
        message: Message,
        out: &mut Out<Self>,
    ) {
        match message {
            RegisterMsg::Get(request) if state.is_decided => {
                let (_, (_, _, value)) = state.accepted.expect("it has decided");
                out.send(from, RegisterMsg::GetOk(request, value));
            }
            _ if state.is_decided => {}
            RegisterMsg::Put(request, value) if state.proposal.is_none() => {
                let state = state.to_mut();
                state.proposal = Some((request, from, value));
                state.prepares = HashableHashMap::default();
                state.accepts = HashableHashSet::default();
                state.ballot = (state.ballot.0 + 1, id);
                state.prepares.insert(id, state.accepted);
                out.broadcast(
                    &self.peers,
                    &RegisterMsg::Internal(Internal::Prepare {
                        ballot: state.ballot,
                    }),
                );
            }
            RegisterMsg::Internal(message) => self.internal(id, state, from, message, out),
            _ => {}
        }
    }
}

type History = LinearizabilityTester<Id, Register<char>>;

/// Three servers and `clients` clients, each of which writes once and then reads.
pub fn model(clients: usize) -> ActorModel<RegisterActor<Server>, (), History> {
    let server = |index| {
        RegisterActor::Server(Server {
            peers: model_peers(index, 3),
        })
    };
    let history = LinearizabilityTester::new(Register(char::default()));
    ActorModel::new((), history)
        .actors((0..3).map(server))
        .actors((0..clients).map(|_| RegisterActor::Client {
            put_count: 1,
            server_count: 3,
        }))
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "linearizable", |_, state| {
            state.history.serialized_history().is_some()
        })
        .record_msg_in(RegisterMsg::record_returns)
        .record_msg_out(RegisterMsg::record_invocations)
}
