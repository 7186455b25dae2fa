//! The key-value store as one machine would have it, and the judgement of client histories against it.

use faultline_check::{DEFAULT_BUDGET, SequentialSpec, Spec, Verdict, check};
use faultline_sim::{Asked, Judged, Kind, Outcome, Stop, World};
use lab2_api::{Command, Output};
use labkit::codec;

use super::log::ViewLog;

/// The value of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Value(String);

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
    type Key = String;

    fn read_only(command: &Command) -> bool {
        matches!(command, Command::Get { .. })
    }

    fn partition(command: &Command) -> Option<String> {
        Some(key_of(command))
    }

    /// A value that is no prefix of the one that was read must be overwritten before; then anything goes.
    fn can_lead_to<'a>(&self, _: &Command, reply: &Output, mut others: impl Iterator<Item = &'a Command>) -> bool {
        let Output::Value(seen) = reply else { return true };
        let missing = seen.strip_prefix(&self.0);
        missing == Some("")
            || others.any(|other| match other {
                Command::Put { value, .. } => seen.starts_with(value),
                Command::Append { value, .. } => missing.is_some_and(|missing| missing.starts_with(value)),
                Command::Get { .. } => false,
            })
    }
}

/// The command of a recorded operation.
pub fn command_of(bytes: &[u8]) -> Command {
    codec::from_bytes(bytes).expect("the suite invoked this command")
}

/// The output in an answer, which is the student's bytes.
pub fn output_of(world: &World<'_>, bytes: &[u8]) -> Outcome<Output> {
    codec::from_bytes(bytes).map_err(|error| world.violation(format!("an answer is no Output of this lab: {error}")))
}

/// Everything that clients saw must be explained by one store that carries out one operation after the other.
pub fn judge(world: &World<'_>, log: &ViewLog, undecided: &mut Option<String>) -> Outcome {
    let mut history = Vec::with_capacity(world.history().len());
    for operation in world.history() {
        let reply = match &operation.reply {
            Some((moment, output)) => Some((moment.order, output_of(world, output)?)),
            None => None,
        };
        let command = command_of(&operation.command);
        let call = operation.invoked.order;
        history.push(faultline_check::Operation { client: operation.client.number(), command, call, reply });
    }
    match check(&Value::default(), &history, DEFAULT_BUDGET) {
        Ok(Verdict::Linearizable { .. }) => Ok(()),
        Ok(Verdict::Undecided { explored }) => {
            *undecided = Some(format!("linearizability of {} operations ({explored} configurations)", history.len()));
            Ok(())
        }
        Ok(Verdict::Violated(violation)) => {
            let reply = world.history()[violation.impossible].reply.as_ref();
            let when = reply.map_or(world.now(), |(moment, _)| moment.at);
            let stop = world.violation_at(when, explain(world, log, &violation));
            log.judged.replace(Some(violation));
            Err(stop)
        }
        Err(error) => Err(faultline_sim::Stop::Broken(format!("the recorded history is none: {error}"))),
    }
}

/// How many operations before the impossible one are listed.
const LISTED: usize = 8;

/// An operation and, if it was answered by the time that is looked at, its answer.
fn line(world: &World<'_>, index: usize, answered: bool) -> String {
    let operation = &world.history()[index];
    let asked = format!("{} {}", operation.client, say(&command_of(&operation.command)));
    match operation.reply.as_ref().filter(|_| answered) {
        Some((moment, output)) => {
            let answer = codec::from_bytes(output).map_or("?".to_owned(), |output| say_output(&output));
            format!("{} - {}: {asked} = {answer}", operation.invoked.at, moment.at)
        }
        None => format!("{} - (no answer yet): {asked}", operation.invoked.at),
    }
}

/// An answered operation in one sentence, with who answered it, and whether that server was still the primary.
pub fn answer_of(world: &World<'_>, log: &ViewLog, index: usize) -> String {
    line(world, index, true) + &answered_by(world, log, index)
}

/// `; s1 answered, deposed at 355.1 ms by view 3 (primary s2#1, backup none)`.
fn answered_by(world: &World<'_>, log: &ViewLog, index: usize) -> String {
    let Some(via) = world.history()[index].via.filter(|via| via.from.role() == 's') else { return String::new() };
    let by = format!("; {} answered at {}", via.from, via.sent);
    match log.deposed(via.from, via.sent) {
        Some((at, view)) => format!("{by}, deposed at {at} by {view:?}"),
        None => by,
    }
}

/// What clients asked and were answered, for the reports of a run that failed.
pub fn asked(world: &World<'_>, log: &ViewLog, outcome: &Outcome) -> Vec<Asked> {
    let Err(Stop::Violation(failure)) = outcome else { return Vec::new() };
    let judged = log.judged.borrow();
    // Without a judgement of the whole history it is the answer upon which the test failed.
    let answered_then = |operation: &faultline_sim::Operation| {
        failure.kind == Kind::Violation
            && operation.reply.as_ref().is_some_and(|(moment, _)| moment.at == failure.about)
    };
    let wrong = match &*judged {
        Some(violation) => Some(violation.impossible),
        None => world.history().iter().rposition(answered_then),
    };
    let explains = |index: &usize| judged.as_ref().is_some_and(|violation| violation.prefix.contains(index));
    let asked = world.history().iter().enumerate().map(|(index, operation)| {
        let command = command_of(&operation.command);
        let answer = operation.reply.as_ref().map(|(moment, output)| {
            let output = codec::from_bytes(output).map_or("?".to_owned(), |output| say_output(&output));
            (moment.at, output)
        });
        Asked {
            about: key_of(&command),
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
pub fn key_of(command: &Command) -> String {
    match command {
        Command::Put { key, .. } | Command::Append { key, .. } | Command::Get { key } => key.clone(),
    }
}

fn explain(world: &World<'_>, log: &ViewLog, violation: &faultline_check::Violation) -> String {
    let line =
        |index: usize| line(world, index, index == violation.impossible || was_answered(world, violation, index));
    let impossible = &world.history()[violation.impossible];
    let answer = impossible.reply.as_ref().and_then(|(_, output)| codec::from_bytes(output).ok());
    let answer: String = answer.as_ref().map_or("?".to_owned(), say_output);
    let values: Vec<String> = violation.possible_replies.values.iter().take(3).map(|value| plain(value)).collect();
    let possible = match (values.as_slice(), violation.possible_replies.complete) {
        ([], _) => String::new(),
        ([only], true) => format!("; the only right answer was {only}"),
        (some, complete) => {
            let more = if !complete || violation.possible_replies.values.len() > some.len() { ", ..." } else { "" };
            format!("; right answers were {}{more}", some.join(" or "))
        }
    };
    let mut text = format!(
        "{} {} was answered with {answer}{possible}{}. The operations on this key until then:",
        impossible.client,
        say(&command_of(&impossible.command)),
        answered_by(world, log, violation.impossible),
    );
    let before: Vec<usize> = violation.prefix.iter().copied().filter(|index| *index != violation.impossible).collect();
    if before.len() > LISTED {
        text += &format!("\n  ({} earlier ones)", before.len() - LISTED);
    }
    for index in before.iter().skip(before.len().saturating_sub(LISTED)) {
        text += &format!("\n  {}", line(*index));
    }
    text + &format!("\n  {}  <- impossible", line(violation.impossible))
}

/// True if the operation was answered before the impossible answer came.
fn was_answered(world: &World<'_>, violation: &faultline_check::Violation, index: usize) -> bool {
    let order = |index: usize| world.history()[index].reply.as_ref().map(|(moment, _)| moment.order);
    matches!((order(index), order(violation.impossible)), (Some(this), Some(last)) if this < last)
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
    let inside = output.strip_prefix("Value(").and_then(|rest| rest.strip_suffix(')'));
    inside.unwrap_or(if output == "Done" { "done" } else { output }).to_owned()
}
