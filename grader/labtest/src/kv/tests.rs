//! Is the workload of chaos judged without a search?

use std::collections::BTreeMap;

use faultline_check::{Anomaly, SequentialSpec, Spec, Verdict};
use faultline_sim::{
    Workload,
    choice::{About, Choices, Draw},
};
use labkit::NodeId;
use serde::{Deserialize, Serialize};

use super::{
    Command, KvLab, KvWorkload, Output, Value,
    judgement::{Operation, verdict},
};

/// A lab's types are its own; these stand for them.
enum TestLab {}

#[derive(Serialize, Deserialize)]
enum LabCommand {
    Put(String, String),
    Append(String, String),
    Get(String),
}

#[derive(Serialize, Deserialize)]
struct LabOutput(Option<String>);

impl KvLab for TestLab {
    type Command = LabCommand;
    type Output = LabOutput;

    fn command(command: LabCommand) -> Command {
        match command {
            LabCommand::Put(key, value) => Command::Put { key, value },
            LabCommand::Append(key, value) => Command::Append { key, value },
            LabCommand::Get(key) => Command::Get { key },
        }
    }

    fn of_lab(command: &Command) -> LabCommand {
        match command.clone() {
            Command::Put { key, value } => LabCommand::Put(key, value),
            Command::Append { key, value } => LabCommand::Append(key, value),
            Command::Get { key } => LabCommand::Get(key),
        }
    }

    fn output(output: LabOutput) -> Output {
        output.0.map_or(Output::Done, Output::Value)
    }
}

/// What five clients of a chaos test and its reader could have seen of a correct store: each
/// operation takes effect at a moment between call and reply; one in ten loses its reply, and
/// half of those never happened.
fn chaos(seed: u64, padding: &'static str) -> Vec<Operation> {
    let reader = NodeId::new('c', 6);
    let mut clients = KvWorkload::<TestLab>::new(Choices::new(seed), 40, reader, padding);
    let mut draw = Choices::new(seed).draw(About::Plan, 0, 0);
    let mut planned = Vec::new();
    for number in 1..=5 {
        let mut now = 0;
        for nth in 0.. {
            let Some((think, command)) = clients.next(NodeId::new('c', number), nth) else {
                break;
            };
            let call = now + think.as_micros() as u64;
            let took = draw.below(100_000);
            planned.push((
                call + draw.below(took + 1),
                number,
                call,
                call + took,
                TestLab::command_of(&command),
            ));
            now = call + took + 1;
        }
    }
    for (place, key) in ["x", "y", "z"].into_iter().enumerate() {
        let at = 1_000_000_000 + place as u64;
        planned.push((
            at,
            6,
            at,
            at,
            Command::Get {
                key: key.to_owned(),
            },
        ));
    }
    planned.sort_by_key(|plan| (plan.0, plan.1));
    carried_out(planned, &mut draw)
}

fn carried_out(planned: Vec<(u64, u32, u64, u64, Command)>, draw: &mut Draw) -> Vec<Operation> {
    let mut store = BTreeMap::<String, Value>::new();
    let mut history = Vec::new();
    for (_, client, call, at, command) in planned {
        let key = Value::partition(&command).expect("each has a key");
        let lost = draw.chance(100) && client != 6;
        let mut reply = None;
        if !lost || draw.chance(500) {
            reply = Some((
                at,
                store.entry(key.to_owned()).or_default().invoke(&command),
            ))
            .filter(|_| !lost);
        }
        history.push(Operation {
            client,
            command,
            call,
            reply,
        });
    }
    history
}

#[test]
fn chaos_is_judged_without_a_search() {
    let mut violated = 0;
    for seed in 0..100 {
        for padding in ["", "................................"] {
            let mut history = chaos(seed, padding);
            let checked = verdict(&history).expect("it is a history");
            assert!(
                matches!(checked.verdict, Verdict::Linearizable { .. }),
                "seed {seed}"
            );
            assert_eq!(
                (checked.by_zones, checked.by_search, checked.explored),
                (3, 0, 0),
                "seed {seed}"
            );

            // Whatever a wrong program answers: the value of another get.
            let gets: Vec<usize> = (0..history.len())
                .filter(|&at| matches!(history[at].reply, Some((_, Output::Value(_)))))
                .collect();
            let (one, other) = (
                gets[seed as usize % gets.len()],
                gets[seed as usize * 7 % gets.len()],
            );
            let wrong = history[other].reply.clone().expect("it was answered").1;
            history[one].reply.as_mut().expect("it was answered").1 = wrong;
            let checked = verdict(&history).expect("it is a history");
            assert_eq!((checked.by_search, checked.explored), (0, 0), "seed {seed}");
            if let Verdict::Violated(violation) = checked.verdict {
                assert!(
                    (1..=4).contains(&violation.core.len()) && violation.shortest,
                    "{violation:?}"
                );
                violated += 1;
            }
        }
    }
    assert!(violated > 100, "{violated}");
}

#[test]
fn an_answer_of_another_kind_is_wrong_at_once() {
    let put = Command::Put {
        key: "x".to_owned(),
        value: "a;".to_owned(),
    };
    let reply = Some((1, Output::Value("a;".to_owned())));
    let checked = verdict(&[Operation {
        client: 1,
        command: put,
        call: 0,
        reply,
    }])
    .expect("it is a history");
    let Verdict::Violated(violation) = checked.verdict else {
        panic!("no put is answered with a value")
    };
    assert_eq!(
        (violation.kind, checked.by_search),
        (Anomaly::WrongReply, 0)
    );
}
