//! The key-value store as one machine would have it, and the judgement of client histories against
//! it.

use faultline_check::{
    Anomaly, Checked, KvOp, KvState, Options, SequentialSpec, Spec, Told, Verdict, Violation,
    check_with,
};
use faultline_sim::{Asked, FailureKind, Judged, Outcome, Stop, World};
use lab2_api::{Command, Output};
use labkit::codec;

use super::log::ViewLog;

/// The value of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value(String);

impl SequentialSpec for Value {
    type Op = Command;
    type Ret = Output;

    fn invoke(&mut self, command: &Command) -> Output {
        match command {
            Command::Put { value, .. } => {
                self.0.clone_from(value);
                Output::Done
            }
            Command::Append { value, .. } => {
                self.0.push_str(value);
                Output::Done
            }
            Command::Get { .. } => Output::Value(self.0.clone()),
        }
    }
}

impl Spec for Value {
    type Key<'a> = &'a str;

    fn read_only(command: &Command) -> bool {
        matches!(command, Command::Get { .. })
    }

    fn partition(command: &Command) -> Option<&str> {
        Some(key_of(command))
    }

    /// A value that is no prefix of the one that was read must be overwritten before; then anything
    /// goes.
    fn can_lead_to<'a>(
        &self,
        _: &Command,
        reply: &Output,
        mut others: impl Iterator<Item = &'a Command>,
    ) -> bool {
        let Output::Value(seen) = reply else {
            return true;
        };
        let missing = seen.strip_prefix(&self.0);
        missing == Some("")
            || others.any(|other| match other {
                Command::Put { value, .. } => seen.starts_with(value),
                Command::Append { value, .. } => {
                    missing.is_some_and(|missing| missing.starts_with(value))
                }
                Command::Get { .. } => false,
            })
    }

    fn kv_state(&self) -> Option<KvState<'_>> {
        Some(KvState {
            value: self.0.as_bytes(),
            version: 0,
        })
    }

    fn as_kv<'a>(command: &'a Command, output: Option<&'a Output>) -> Option<KvOp<'a>> {
        Some(match (command, output) {
            (Command::Put { value, .. }, None | Some(Output::Done)) => KvOp::Put(value.as_bytes()),
            (Command::Append { value, .. }, None | Some(Output::Done)) => {
                KvOp::Append(value.as_bytes())
            }
            (Command::Get { .. }, None) => KvOp::Get(None),
            (Command::Get { .. }, Some(Output::Value(value))) => KvOp::Get(Some(value.as_bytes())),
            _ => KvOp::Wrong,
        })
    }
}

type Operation = faultline_check::OperationOf<Value>;

/// The verdict on `history`, and how it was found.
fn verdict(history: &[Operation]) -> Result<Checked, faultline_check::HistoryError> {
    check_with(&Value::default(), history, &Options::default())
}

/// The command of a recorded operation.
pub fn command_of(bytes: &[u8]) -> Command {
    codec::from_bytes(bytes).expect("the suite invoked this command")
}

/// The output in an answer, which is the student's bytes.
pub fn output_of(world: &World<'_>, bytes: &[u8]) -> Outcome<Output> {
    codec::from_bytes(bytes)
        .map_err(|error| world.violation(format!("an answer is no Output of this lab: {error}")))
}

/// Everything that clients saw must be explained by one store that carries out one operation after
/// the other.
pub fn judge(world: &World<'_>, log: &ViewLog, undecided: &mut Option<String>) -> Outcome {
    let mut history = Vec::with_capacity(world.history().len());
    for operation in world.history() {
        let reply = match &operation.reply {
            Some((moment, output)) => Some((moment.order, output_of(world, output)?)),
            None => None,
        };
        let command = command_of(&operation.command);
        let call = operation.invoked.order;
        history.push(Operation {
            client: operation.client.number(),
            command,
            call,
            reply,
        });
    }
    match verdict(&history).map(|checked| checked.verdict) {
        Ok(Verdict::Linearizable { .. }) => Ok(()),
        Ok(Verdict::Undecided { explored }) => {
            *undecided = Some(format!(
                "linearizability of {} operations ({explored} configurations)",
                history.len()
            ));
            Ok(())
        }
        Ok(Verdict::Violated(violation)) => {
            let reply = world.history()[violation.impossible].reply.as_ref();
            let when = reply.map_or(world.now(), |(moment, _)| moment.at);
            let stop = world.violation_at(when, explain(world, log, &violation));
            log.judged.replace(Some(violation));
            Err(stop)
        }
        Err(error) => Err(faultline_sim::Stop::Broken(format!(
            "the recorded history is none: {error}"
        ))),
    }
}

/// An operation and, if it was answered by the time that is looked at, its answer.
fn line(world: &World<'_>, index: usize, answered: bool) -> String {
    let operation = &world.history()[index];
    let asked = format!(
        "{} {}",
        operation.client,
        say(&command_of(&operation.command))
    );
    match operation.reply.as_ref().filter(|_| answered) {
        Some((moment, output)) => {
            let answer =
                codec::from_bytes(output).map_or("?".to_owned(), |output| say_output(&output));
            format!(
                "{} - {}: {asked} = {answer}",
                operation.invoked.at, moment.at
            )
        }
        None => format!("{} - (no answer yet): {asked}", operation.invoked.at),
    }
}

/// An answered operation in one sentence, with who answered it, and whether that server was still
/// the primary.
pub fn answer_of(world: &World<'_>, log: &ViewLog, index: usize) -> String {
    line(world, index, true) + &answered_by(world, log, index)
}

/// `; s1 answered, deposed at 355.1 ms by view 3 (primary s2#1, backup none)`.
fn answered_by(world: &World<'_>, log: &ViewLog, index: usize) -> String {
    let Some(via) = world.history()[index]
        .via
        .filter(|via| via.from.role() == 's')
    else {
        return String::new();
    };
    let by = format!("; {} answered at {}", via.from, via.sent);
    match log.deposed(via.from, via.sent) {
        Some((at, view)) => format!("{by}, deposed at {at} by {view:?}"),
        None => by,
    }
}

/// What clients asked and were answered, for the reports of a run that failed.
pub fn asked(world: &World<'_>, log: &ViewLog, outcome: &Outcome) -> Vec<Asked> {
    let Err(Stop::Violation(failure)) = outcome else {
        return Vec::new();
    };
    let judged = log.judged.borrow();
    // Without a judgement of the whole history it is the answer upon which the test failed.
    let answered_then = |operation: &faultline_sim::Operation| {
        failure.kind == FailureKind::Violation
            && operation
                .reply
                .as_ref()
                .is_some_and(|(moment, _)| moment.at == failure.about)
    };
    let wrong = match &*judged {
        Some(violation) => Some(violation.impossible),
        None => world.history().iter().rposition(answered_then),
    };
    let explains = |index: &usize| {
        judged
            .as_ref()
            .is_some_and(|violation| violation.core.contains(index))
    };
    let asked = world
        .history()
        .iter()
        .enumerate()
        .map(|(index, operation)| {
            let command = command_of(&operation.command);
            let answer = operation.reply.as_ref().map(|(moment, output)| {
                let output =
                    codec::from_bytes(output).map_or("?".to_owned(), |output| say_output(&output));
                (moment.at, output)
            });
            Asked {
                about: key_of(&command).to_owned(),
                client: operation.client,
                command: say(&command),
                from: operation.invoked.at,
                answer,
                judged: match index {
                    index if wrong == Some(index) => Judged::Impossible,
                    index if explains(&index) => Judged::Explains,
                    _ => Judged::Plain,
                },
            }
        });
    asked.collect()
}

/// The key that a command is about.
pub fn key_of(command: &Command) -> &str {
    match command {
        Command::Put { key, .. } | Command::Append { key, .. } | Command::Get { key } => key,
    }
}

/// What is wrong in one sentence, what would have been right, who answered; and the few operations
/// that show it.
fn explain(world: &World<'_>, log: &ViewLog, violation: &Violation) -> String {
    let impossible = &world.history()[violation.impossible];
    let output = |index: usize| {
        let reply = world.history()[index].reply.as_ref();
        reply.and_then(|(_, output)| codec::from_bytes(output).ok())
    };
    let answer = output(violation.impossible)
        .as_ref()
        .map_or("?".to_owned(), say_output);
    let told = |index: usize| {
        let operation = &world.history()[index];
        let answered = operation
            .reply
            .as_ref()
            .filter(|_| was_answered(world, violation, index));
        Told {
            name: format!(
                "{}'s {}",
                operation.client,
                say(&command_of(&operation.command))
            ),
            called: operation.invoked.at.to_string(),
            answered: answered.map(|(moment, _)| moment.at.to_string()),
        }
    };
    let values: Vec<String> = violation
        .possible_replies
        .values
        .iter()
        .take(3)
        .map(|value| plain(value))
        .collect();
    let possible = match (values.as_slice(), violation.possible_replies.complete) {
        ([], _) => String::new(),
        ([only], true) => format!("; the only right answer was {only}"),
        (some, complete) => {
            let more = if !complete || violation.possible_replies.values.len() > some.len() {
                ", ..."
            } else {
                ""
            };
            format!("; right answers were {}{more}", some.join(" or "))
        }
    };
    let mut text = format!(
        "{} {} was answered with {answer}{possible}{}. {}: {}.",
        impossible.client,
        say(&command_of(&impossible.command)),
        answered_by(world, log, violation.impossible),
        capital(&violation.kind.title()),
        violation.sentence(told),
    );
    let mut listed: Vec<usize> = violation
        .core
        .iter()
        .chain(&violation.context)
        .copied()
        .collect();
    if !listed.contains(&violation.impossible) {
        listed.push(violation.impossible);
    }
    // Where no kind has a name, the core may be long; the end of it is what the answer is about.
    listed.sort_by_key(|&index| world.history()[index].invoked.order);
    if violation.kind == Anomaly::Unexplained && listed.len() > LISTED {
        text += &format!("\n  ({} earlier ones)", listed.len() - LISTED);
        listed.drain(..listed.len() - LISTED);
    }
    for index in listed {
        let mark = if index == violation.impossible {
            "  <- impossible"
        } else {
            ""
        };
        let answered = index == violation.impossible || was_answered(world, violation, index);
        text += &format!("\n  {}{mark}", line(world, index, answered));
    }
    text
}

/// How many operations without a name for what is wrong are listed.
const LISTED: usize = 12;

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// True if the operation was answered before the impossible answer came.
fn was_answered(world: &World<'_>, violation: &Violation, index: usize) -> bool {
    let order = |index: usize| {
        world.history()[index]
            .reply
            .as_ref()
            .map(|(moment, _)| moment.order)
    };
    matches!((order(index), order(violation.impossible)), (Some(this), Some(last)) if this <= last)
}

fn say(command: &Command) -> String {
    match command {
        Command::Put { key, value } => format!("put {key} {value:?}"),
        Command::Append { key, value } => format!("append {key} {value:?}"),
        Command::Get { key } => format!("get {key}"),
    }
}

fn say_output(output: &Output) -> String {
    match output {
        Output::Done => "done".to_owned(),
        Output::Value(value) => format!("{value:?}"),
    }
}

/// `Value("a")` as `"a"`.
fn plain(output: &str) -> String {
    let inside = output
        .strip_prefix("Value(")
        .and_then(|rest| rest.strip_suffix(')'));
    inside
        .unwrap_or(if output == "Done" { "done" } else { output })
        .to_owned()
}

#[cfg(test)]
mod tests {
    use faultline_sim::{
        Workload,
        choice::{About, Choices, Draw},
    };
    use labkit::NodeId;

    use super::{super::chaos::workload, *};

    /// What five clients of a chaos test and its reader could have seen of a correct store: each
    /// operation takes effect at a moment between call and reply; one in ten loses its reply, and
    /// half of those never happened.
    fn chaos(seed: u64, padding: &'static str) -> Vec<Operation> {
        let reader = NodeId::new('c', 6);
        let mut clients = workload(seed, 40, reader, padding);
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
                    command_of(&command),
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
        let mut store = std::collections::BTreeMap::<String, Value>::new();
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
}
