//! The key-value store as one machine would have it, and the judgement of client histories against
//! it.

use faultline_check::{
    Anomaly, Checked, KvOp, KvState, Options, SequentialSpec, Spec, Told, Verdict, Violation,
    check_with,
};
use faultline_sim::{Asked, FailureKind, Judged, Outcome, Stop, World};
use lab3_api::{Command, Output};
use labkit::codec;

use super::log::LogWatch;

/// The value of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store(String);

impl SequentialSpec for Store {
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

impl Spec for Store {
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

type Operation = faultline_check::OperationOf<Store>;

/// The verdict on `history`, and how it was found.
fn verdict(history: &[Operation]) -> Result<Checked, faultline_check::HistoryError> {
    check_with(&Store::default(), history, &Options::default())
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
pub fn judge(world: &World<'_>, log: &LogWatch, undecided: &mut Option<String>) -> Outcome {
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
            let stop = world.violation_at(when, explain(world, &violation));
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

/// An answered operation in one sentence, with who answered it.
pub fn answer_of(world: &World<'_>, index: usize) -> String {
    line(world, index, true) + &answered_by(world, index)
}

/// `; s1 answered at 355.1 ms`.
fn answered_by(world: &World<'_>, index: usize) -> String {
    let via = world.history()[index]
        .via
        .filter(|via| via.from.role() == 's');
    via.map_or(String::new(), |via| {
        format!("; {} answered at {}", via.from, via.sent)
    })
}

/// What clients asked and were answered, for the reports of a run that failed.
pub fn asked(world: &World<'_>, log: &LogWatch, outcome: &Outcome) -> Vec<Asked> {
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
fn explain(world: &World<'_>, violation: &Violation) -> String {
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
        answered_by(world, violation.impossible),
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
