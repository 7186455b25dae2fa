//! The same nodes under stateright: as many states, and the same verdicts after as many steps.

use std::borrow::Cow;

use faultline_explore::{End, Explorer, Faults, Model, Report, Search};
use faultline_sim::{NodeSpec, Role, backend::Backend, in_process::InProcess};
use labkit::{
    Boot, Inputs, NodeId,
    abi::{Effect, Event, Op, Start, effects},
    codec,
    guest::Lab,
};
use stateright::{
    Checker, Expectation, Model as _,
    actor::{Actor, ActorModel, Id, LossyNetwork, Network, Out},
};

use crate::nodes::{broadcast, claims, paxos};

/// A node of a lab as an actor of stateright. Everything goes through bytes, as in the explorer,
/// but nothing else is shared with it.
#[derive(Clone)]
struct LabActor {
    lab: fn() -> Lab,
    nodes: Vec<NodeSpec>,
    node_index: usize,
    /// A client's commands, each invoked at once after the answer to the one before.
    commands: Vec<Vec<u8>>,
}

/// The node's bytes, and how many commands were invoked.
type State = (Vec<u8>, usize);

impl LabActor {
    fn handle(&self, state: &State, event: Option<&Event<'_>>, out: &mut Out<Self>) -> State {
        let mut backend = InProcess::new(self.lab);
        let (Role::Server { role, config } | Role::Client { role, config }) =
            &self.nodes[self.node_index].role
        else {
            panic!("no puppets here");
        };
        let disk = Default::default();
        let id = self.nodes[self.node_index].id;
        let start = Start {
            role: *role,
            id,
            incarnation: 1,
            boot: Boot::First,
            clock: None,
            config,
            disk: &disk,
            inputs: &Inputs::new(),
        };
        let asked = match event {
            None => backend.start(0, &start, 0).unwrap().to_vec(),
            Some(event) => {
                backend.restore(0, &start, &state.0, 0).unwrap();
                backend.step(0, event).unwrap().to_vec()
            }
        };
        let mut next = (backend.call(0, Op::Snapshot, &[]).unwrap(), state.1);
        let mut answered = event.is_none();
        for effect in effects(&asked) {
            match effect.unwrap() {
                Effect::Send { to, message } => {
                    let to = self.nodes.iter().position(|node| node.id == to).unwrap();
                    out.send(Id::from(to), message.to_vec());
                }
                Effect::SetTimer { timer, .. } => {
                    out.set_timer(timer.to_vec(), stateright::actor::model_timeout())
                }
                Effect::Cancel { timer } => out.cancel_timer(timer.to_vec()),
                Effect::Respond { .. } => answered = true,
                Effect::Note { .. } => {}
                other => panic!("this adapter has no disk: {other:?}"),
            }
        }
        if let Some(command) = self.commands.get(next.1).filter(|_| answered) {
            next = self.handle(&(next.0, next.1 + 1), Some(&Event::Invoke { command }), out);
        }
        next
    }
}

impl Actor for LabActor {
    type Msg = Vec<u8>;
    type State = State;
    type Timer = Vec<u8>;
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> State {
        self.handle(&State::default(), None, out)
    }

    fn on_msg(
        &self,
        _: Id,
        state: &mut Cow<'_, State>,
        from: Id,
        message: Vec<u8>,
        out: &mut Out<Self>,
    ) {
        let from = self.nodes[usize::from(from)].id;
        let next = self.handle(
            state,
            Some(&Event::Message {
                from,
                message: &message,
            }),
            out,
        );
        if next != **state {
            *state = Cow::Owned(next);
        }
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<'_, State>, timer: &Vec<u8>, out: &mut Out<Self>) {
        let next = self.handle(state, Some(&Event::Timer { timer }), out);
        if next != **state {
            *state = Cow::Owned(next);
        }
    }
}

fn under_stateright(
    lab: fn() -> Lab,
    nodes: &[NodeSpec],
    commands: &[Vec<Vec<u8>>],
) -> ActorModel<LabActor> {
    let actor = |node_index| {
        let commands = commands.get(node_index).cloned().unwrap_or_default();
        LabActor {
            lab,
            nodes: nodes.to_vec(),
            node_index,
            commands,
        }
    };
    ActorModel::new((), ())
        .actors((0..nodes.len()).map(actor))
        .init_network(Network::new_unordered_nonduplicating([]))
}

/// How many states there are. (Without any property, stateright would not begin.)
fn states(model: ActorModel<LabActor>) -> u64 {
    let checker = model
        .property(Expectation::Always, "true", |_, _| true)
        .checker()
        .spawn_bfs()
        .join();
    checker.unique_state_count() as u64
}

fn explore(lab: fn() -> Lab, model: &Model, search: &Search<'_>) -> Report {
    let backend = move || Box::new(InProcess::new(lab)) as Box<dyn Backend>;
    Explorer::new(model, &backend).search(search).unwrap()
}

#[test]
fn broadcast_has_as_many_states() {
    for count in 2..=3 {
        let theirs = under_stateright(broadcast::lab, &broadcast::nodes(count), &[]);
        let ours = explore(
            broadcast::lab,
            &Model::new(broadcast::nodes(count)),
            &Search::new(),
        );
        assert_eq!(ours.states, states(theirs));
    }
}

#[test]
fn paxos_has_as_many_states() {
    for (clients, servers) in [(1u32, 3u32), (2, 2), (2, 3)] {
        let letter = |number: u8| char::from(b'A' + number);
        let commands: Vec<Vec<Vec<u8>>> = (0..servers + clients)
            .map(|node_index| match node_index.checked_sub(servers) {
                None => Vec::new(),
                Some(client) => [
                    paxos::Command::Put(letter(client as u8)),
                    paxos::Command::Get,
                ]
                .iter()
                .map(|command| codec::to_bytes(command).unwrap())
                .collect(),
            })
            .collect();
        let nodes = paxos::nodes(servers, clients);
        let theirs = under_stateright(paxos::lab, &nodes, &commands);
        let ours = explore(paxos::lab, &paxos::model(servers, clients), &Search::new());
        assert_eq!(
            ours.states,
            states(theirs),
            "{clients} clients, {servers} servers"
        );
    }
}

#[test]
fn timers_and_losses_make_as_many_states() {
    for losses in [false, true] {
        let lossy = if losses {
            LossyNetwork::Yes
        } else {
            LossyNetwork::No
        };
        let nodes = claims::nodes(2);
        let theirs = under_stateright(claims::lab, &nodes, &[]).lossy_network(lossy);
        let faults = Faults {
            losses: if losses { Faults::UNLIMITED } else { 0 },
            ..Faults::default()
        };
        let ours = explore(
            claims::lab,
            &Model::new(nodes).faults(faults),
            &Search::new(),
        );
        assert_eq!(ours.states, states(theirs));
    }
}

#[test]
fn a_broken_invariant_is_found_after_as_many_steps() {
    let nodes = claims::nodes(2);
    let theirs = under_stateright(claims::lab, &nodes, &[])
        .property(Expectation::Always, "one leader", |model, state| {
            let leads = |node_index: usize| {
                let actor = &model.actors[node_index];
                let mut backend = InProcess::new(actor.lab);
                let Role::Server { role, config } = &actor.nodes[node_index].role else {
                    panic!("a server")
                };
                let disk = Default::default();
                let id = actor.nodes[node_index].id;
                let start = Start {
                    role: *role,
                    id,
                    incarnation: 1,
                    boot: Boot::First,
                    clock: None,
                    config,
                    disk: &disk,
                    inputs: &Inputs::new(),
                };
                backend
                    .restore(0, &start, &state.actor_states[node_index].0, 0)
                    .unwrap();
                codec::from_bytes::<bool>(&backend.call(0, Op::Observe, &[]).unwrap()).unwrap()
            };
            !(leads(0) && leads(1))
        })
        .checker()
        .spawn_bfs()
        .join();
    let theirs = theirs
        .discovery("one leader")
        .expect("stateright finds two leaders")
        .into_actions()
        .len();
    let search = Search::new().invariant("one leader", |view| {
        let leads = |number| {
            view.observation(NodeId::new('s', number))
                .is_some_and(|bytes| codec::from_bytes(bytes).unwrap())
        };
        if leads(1) && leads(2) {
            Err("two lead".to_owned())
        } else {
            Ok(())
        }
    });
    let ours = explore(claims::lab, &Model::new(nodes), &search);
    let End::Violation(failure) = ours.end else {
        panic!("two leaders: {:?}", ours.end)
    };
    assert_eq!(
        failure.reached.steps(),
        2 + theirs,
        "the starts of the two nodes come first"
    );
}
