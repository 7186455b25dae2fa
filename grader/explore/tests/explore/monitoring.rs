//! The on-line monitor and the checker of whole histories agree.

use faultline_check::{
    DEFAULT_BUDGET, Operation, OperationOf, SequentialSpec, Spec, Verdict, check,
};
use faultline_explore::{Linearizability, Monitor};
use faultline_sim::choice::mix;
use labkit::{NodeId, codec, prelude::*};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Command {
    Put {
        key: u8,
        value: u8,
    },
    Get {
        key: u8,
    },
    /// Works on all keys, so that histories with it cannot be split.
    Clear,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Reply {
    Done,
    Value(u8),
}

/// Two keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Map([u8; 2]);

impl SequentialSpec for Map {
    type Op = Command;
    type Ret = Reply;

    fn invoke(&mut self, command: &Command) -> Reply {
        match command {
            Command::Put { key, value } => {
                self.0[usize::from(*key)] = *value;
                Reply::Done
            }
            Command::Get { key } => Reply::Value(self.0[usize::from(*key)]),
            Command::Clear => {
                self.0 = [0, 0];
                Reply::Done
            }
        }
    }
}

impl Spec for Map {
    type Key<'a> = u8;

    fn read_only(command: &Command) -> bool {
        matches!(command, Command::Get { .. })
    }

    fn partition(command: &Command) -> Option<u8> {
        match command {
            Command::Put { key, .. } | Command::Get { key } => Some(*key),
            Command::Clear => None,
        }
    }
}

/// A history of three clients, drawn from a number: what happens in which order, and the number of
/// operations.
enum Step {
    Invoked(u32, Command),
    Answered(u32, Reply),
}

fn draw_history(seed: u64, clears: bool) -> Vec<Step> {
    let mut draws = 0;
    let mut draw = |below: u64| {
        draws += 1;
        mix(mix(seed) ^ draws) % below
    };
    let mut open: [Option<Command>; 3] = [None, None, None];
    let mut steps = Vec::new();
    for _ in 0..14 {
        let client = draw(3) as u32;
        let place = &mut open[client as usize];
        match place.take() {
            None => {
                let (key, value) = (draw(2) as u8, 1 + draw(2) as u8);
                let command = match draw(if clears { 7 } else { 6 }) {
                    0..3 => Command::Put { key, value },
                    3..6 => Command::Get { key },
                    _ => Command::Clear,
                };
                *place = Some(command.clone());
                steps.push(Step::Invoked(client, command));
            }
            Some(Command::Get { .. }) => {
                steps.push(Step::Answered(client, Reply::Value(draw(3) as u8)))
            }
            Some(_) => steps.push(Step::Answered(client, Reply::Done)),
        }
    }
    steps
}

/// The history as the checker wants it.
fn operations(steps: &[Step]) -> Vec<OperationOf<Map>> {
    let mut all: Vec<OperationOf<Map>> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let at = at as u64;
        match step {
            Step::Invoked(client, command) => {
                all.push(Operation {
                    client: *client,
                    command: command.clone(),
                    call: at,
                    reply: None,
                });
            }
            Step::Answered(client, reply) => {
                let open = all
                    .iter_mut()
                    .rfind(|operation| operation.client == *client)
                    .unwrap();
                open.reply = Some((at, reply.clone()));
            }
        }
    }
    all
}

/// After how many steps the monitor refuses the history, if it does.
fn refused_at(steps: &[Step]) -> Option<usize> {
    let mut monitor = Linearizability::new(
        Map::default(),
        |bytes| codec::from_bytes(bytes).unwrap(),
        |_, bytes| codec::from_bytes(bytes).unwrap(),
    );
    let commands: Vec<Vec<u8>> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Invoked(_, command) => Some(codec::to_bytes(command).unwrap()),
            Step::Answered(..) => None,
        })
        .collect();
    monitor.prepare(&commands.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut state = 0;
    for (at, step) in steps.iter().enumerate() {
        let name = |client: u32| NodeId::new('c', client);
        let next = match step {
            Step::Invoked(client, command) => {
                Ok(monitor.invoked(state, name(*client), &codec::to_bytes(command).unwrap()))
            }
            Step::Answered(client, reply) => {
                monitor.answered(state, name(*client), &codec::to_bytes(reply).unwrap())
            }
        };
        match next {
            Ok(next) => state = next,
            Err(_) => return Some(at + 1),
        }
    }
    None
}

#[test]
fn the_monitor_refuses_a_history_when_its_prefix_is_not_linearizable() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..3_000 {
        let steps = draw_history(seed, seed % 2 == 1);
        let at = refused_at(&steps);
        let verdict = |length: usize| {
            check(
                &Map::default(),
                &operations(&steps[..length]),
                DEFAULT_BUDGET,
            )
            .unwrap()
        };
        match at {
            Some(at) => {
                assert!(matches!(verdict(at), Verdict::Violated(_)), "seed {seed}");
                assert!(
                    matches!(verdict(at - 1), Verdict::Linearizable { .. }),
                    "seed {seed}"
                );
                refused += 1;
            }
            None => {
                assert!(
                    matches!(verdict(steps.len()), Verdict::Linearizable { .. }),
                    "seed {seed}"
                );
                accepted += 1;
            }
        }
    }
    assert!(
        refused > 300 && accepted > 300,
        "{refused} refused, {accepted} accepted"
    );
}
