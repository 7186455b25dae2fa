//! Is what clients saw explained by one store that carries out one operation after the other? And
//! if not: what contradicts what, in words.

use std::{marker::PhantomData, time::Duration};

use faultline_check::{
    Anomaly, Checked, HistoryError, Options, Told, Verdict, Violation, check_with,
};
use faultline_sim::{Asked, FailureKind, Judged, Outcome, Stop, Time, World, ms};
use labkit::NodeId;

use super::{Command, KvLab, Output, Value, get};

/// Says more about who answered when: node, and when it sent its answer.
pub type More<'a> = &'a dyn Fn(NodeId, Time) -> String;

/// The verdict on a run's history, if there was one.
#[derive(Debug)]
pub struct Judgement<L> {
    violation: Option<Violation>,
    /// When that was seen, if time has gone on since.
    judged_at: Option<Time>,
    undecided: Option<String>,
    lab: PhantomData<fn() -> L>,
}

impl<L> Default for Judgement<L> {
    fn default() -> Self {
        Judgement {
            violation: None,
            judged_at: None,
            undecided: None,
            lab: PhantomData,
        }
    }
}

/// An operation of a history.
pub(super) type Operation = faultline_check::OperationOf<Value>;

/// The verdict on `history`, and how it was found.
pub(super) fn verdict(history: &[Operation]) -> Result<Checked, HistoryError> {
    check_with(&Value::default(), history, &Options::default())
}

impl<L: KvLab> Judgement<L> {
    /// Judges all that clients saw so far. `more` is asked about who answered.
    ///
    /// # Errors
    /// A violation, at the moment of the answer that no order explains.
    pub fn judge(&mut self, world: &mut World<'_>, more: More<'_>) -> Outcome {
        self.decide(world)?;
        self.told(world, more)
    }

    /// The first half of it: finds what is wrong. Where an acknowledged write was missed by who may
    /// have asked the wrong server, time goes on and others read once more: only then it is known
    /// whether the write is lost.
    ///
    /// # Errors
    /// An answer that is none, or a broken grader.
    pub(super) fn decide(&mut self, world: &mut World<'_>) -> Outcome {
        self.violation = self.violation_in(world)?;
        let missed = self
            .violation
            .as_ref()
            .filter(|found| matches!(found.kind, Anomaly::LostWrite | Anomaly::StaleOrLost));
        let Some(missed) = missed else {
            return Ok(());
        };
        let at = world.now();
        let by = world.history()[missed.core[0]].client;
        let key = L::command_of(&world.history()[missed.impossible].command);
        read_once_more::<L>(world, key.key(), by)?;
        self.judged_at = Some(at);
        match self.violation_in(world) {
            Ok(Some(now)) => self.violation = Some(now),
            // It has failed, whatever is known of it.
            Ok(None) | Err(Stop::Violation(_)) => {}
            Err(broken) => return Err(broken),
        }
        Ok(())
    }

    /// The second half of it: says what is wrong, if something is.
    ///
    /// # Errors
    /// A violation, at the moment of the answer that no order explains.
    pub(super) fn told(&self, world: &World<'_>, more: More<'_>) -> Outcome {
        let Some(violation) = &self.violation else {
            return Ok(());
        };
        let reply = world.history()[violation.impossible].reply.as_ref();
        let when = reply.map_or(world.now(), |(moment, _)| moment.at);
        let client = world.history()[violation.impossible].client;
        let told = explain::<L>(world, more, violation);
        let mut stop = world
            .violation_at(when, told)
            .against(client, when)
            .of_sort(violation.kind.id());
        for index in violation.core.iter().chain([&violation.impossible]) {
            let command = L::command_of(&world.history()[*index].command);
            stop = stop.naming(format!("{:?}", command.key()));
            if let Command::Put { value, .. } | Command::Append { value, .. } = command {
                stop = stop.naming(format!("{value:?}"));
            }
        }
        Err(match stop {
            // What was read once more is no part of the run that the test meant.
            Stop::Violation(seen) => Stop::Violation(faultline_sim::Violation {
                at: self.judged_at.unwrap_or(seen.at),
                ..seen
            }),
            broken => broken,
        })
    }

    /// What no order of the operations explains, if that can be decided.
    fn violation_in(&mut self, world: &World<'_>) -> Outcome<Option<Violation>> {
        let mut history = Vec::with_capacity(world.history().len());
        for operation in world.history() {
            let reply = match &operation.reply {
                Some((moment, output)) => Some((moment.order, L::output_of(world, output)?)),
                None => None,
            };
            let command = L::command_of(&operation.command);
            let call = operation.invoked.order;
            history.push(Operation {
                client: operation.client.number(),
                command,
                call,
                reply,
            });
        }
        match verdict(&history).map(|checked| checked.verdict) {
            Ok(Verdict::Linearizable { .. }) => Ok(None),
            Ok(Verdict::Undecided { explored }) => {
                self.undecided = Some(format!(
                    "linearizability of {} operations ({explored} configurations)",
                    history.len()
                ));
                Ok(None)
            }
            Ok(Verdict::Violated(violation)) => Ok(Some(violation)),
            Err(error) => Err(Stop::Broken(format!(
                "the recorded history is none: {error}"
            ))),
        }
    }

    /// The check that stayed without a decision, if one did.
    pub fn take_undecided(&mut self) -> Option<String> {
        self.undecided.take()
    }

    /// What clients asked and were answered, for the reports of a run that failed.
    pub fn asked(&self, world: &World<'_>, outcome: &Outcome) -> Vec<Asked> {
        let Err(Stop::Violation(failure)) = outcome else {
            return Vec::new();
        };
        // Without a judgement of the whole history it is the answer upon which the test failed.
        let answered_then = |operation: &faultline_sim::Operation| {
            failure.kind == FailureKind::Violation
                && operation
                    .reply
                    .as_ref()
                    .is_some_and(|(moment, _)| moment.at == failure.about)
        };
        let wrong = match &self.violation {
            Some(violation) => Some(violation.impossible),
            None => world.history().iter().rposition(answered_then),
        };
        let explains = |index: &usize| {
            self.violation
                .as_ref()
                .is_some_and(|violation| violation.core.contains(index))
        };
        let one = |(index, operation): (usize, &faultline_sim::Operation)| {
            let command = L::command_of(&operation.command);
            let answer = operation.reply.as_ref();
            Asked {
                about: command.key().to_owned(),
                client: operation.client,
                command: say(&command),
                from: operation.invoked.at,
                answer: answer.map(|(moment, output)| (moment.at, say_answer::<L>(output))),
                judged: match index {
                    index if wrong == Some(index) => Judged::Impossible,
                    index if explains(&index) => Judged::Explains,
                    _ => Judged::Plain,
                },
            }
        };
        world.history().iter().enumerate().map(one).collect()
    }
}

/// In a world that is healed and has had time to notice it, a key is read by all clients that have
/// nothing else to do, but for the one that missed a write; by that one if it is alone. The run has
/// failed already, so nothing that goes wrong here matters any more.
fn read_once_more<L: KvLab>(world: &mut World<'_>, key: &str, missed_by: NodeId) -> Outcome {
    let waits = |world: &World<'_>, client: NodeId| {
        let mut history = world.history().iter().rev();
        let last = history.find(|operation| operation.client == client);
        last.is_some_and(|operation| operation.reply.is_none())
    };
    let read = |world: &mut World<'_>| -> Outcome {
        world.heal()?;
        world.run_for(NOTICED)?;
        let idle = |client: &NodeId| {
            client.role() == 'c' && world.is_up(*client) && !waits(world, *client)
        };
        let mut readers: Vec<NodeId> = world.ids().into_iter().filter(idle).collect();
        if readers.len() > 1 {
            readers.retain(|client| *client != missed_by);
        }
        for client in &readers {
            world.invoke(*client, L::to_bytes(&get(key)))?;
        }
        world.run_until(READ_AGAIN, |world| {
            Ok(!readers.iter().any(|client| waits(world, *client)))
        })?;
        Ok(())
    };
    match read(world) {
        Err(Stop::Broken(why)) => Err(Stop::Broken(why)),
        Ok(()) | Err(Stop::Violation(_)) => Ok(()),
    }
}

/// In this time a server that was cut off hears who serves now.
const NOTICED: Duration = ms(1_000);

/// Within this time whoever can answer has answered.
const READ_AGAIN: Duration = ms(5_000);

/// An answered operation in one sentence, with who answered it.
pub(super) fn answer_of<L: KvLab>(world: &World<'_>, more: More<'_>, index: usize) -> String {
    line::<L>(world, index, true) + &answered_by(world, more, index)
}

/// An operation and, if it was answered by the time that is looked at, its answer.
fn line<L: KvLab>(world: &World<'_>, index: usize, answered: bool) -> String {
    let operation = &world.history()[index];
    let command = say(&L::command_of(&operation.command));
    let asked = format!("{} {command}", operation.client);
    match operation.reply.as_ref().filter(|_| answered) {
        Some((moment, output)) => {
            let answer = say_answer::<L>(output);
            format!(
                "{} - {}: {asked} = {answer}",
                operation.invoked.at, moment.at
            )
        }
        None => format!("{} - (no answer yet): {asked}", operation.invoked.at),
    }
}

/// `; s1 answered at 355.1 ms`, and more about that.
fn answered_by(world: &World<'_>, more: More<'_>, index: usize) -> String {
    let via = world.history()[index]
        .via
        .filter(|via| via.from.role() == 's');
    via.map_or(String::new(), |via| {
        let more = more(via.from, via.sent);
        format!("; {} answered at {}{more}", via.from, via.sent)
    })
}

/// What is wrong in one sentence, what would have been right, who answered; and the few operations
/// that show it.
fn explain<L: KvLab>(world: &World<'_>, more: More<'_>, violation: &Violation) -> String {
    let impossible = &world.history()[violation.impossible];
    let answer = impossible.reply.as_ref();
    let answer = answer.map_or("?".to_owned(), |(_, output)| say_answer::<L>(output));
    let command = |index: usize| say(&L::command_of(&world.history()[index].command));
    let told = |index: usize| {
        let operation = &world.history()[index];
        let answered = operation
            .reply
            .as_ref()
            .filter(|_| was_answered(world, violation, index));
        Told {
            name: format!("{}'s {}", operation.client, command(index)),
            called: operation.invoked.at.to_string(),
            answered: answered.map(|(moment, _)| moment.at.to_string()),
        }
    };
    let mut text = format!(
        "{} {} was answered with {answer}{}{}. {}: {}.",
        impossible.client,
        command(violation.impossible),
        right_answers(violation),
        answered_by(world, more, violation.impossible),
        capital(&violation.kind.title()),
        violation.sentence(told),
    );
    for line in witnesses::<L>(world, violation) {
        text += &line;
    }
    text
}

/// `; the only right answer was "a"`, or a few of them.
fn right_answers(violation: &Violation) -> String {
    let replies = &violation.possible_replies;
    let values: Vec<String> = replies.values.iter().take(3).map(|v| plain(v)).collect();
    match (values.as_slice(), replies.complete) {
        ([], _) => String::new(),
        ([only], true) => format!("; the only right answer was {only}"),
        (some, complete) => {
            let all = complete && replies.values.len() == some.len();
            let more = if all { "" } else { ", ..." };
            format!("; right answers were {}{more}", some.join(" or "))
        }
    }
}

/// The operations that contradict each other, a line each.
fn witnesses<L: KvLab>(world: &World<'_>, violation: &Violation) -> Vec<String> {
    let both = violation.core.iter().chain(&violation.context);
    let mut listed: Vec<usize> = both.copied().collect();
    if !listed.contains(&violation.impossible) {
        listed.push(violation.impossible);
    }
    // Where no kind has a name, the core may be long; the end of it is what the answer is about.
    listed.sort_by_key(|&index| world.history()[index].invoked.order);
    let mut lines = Vec::new();
    if violation.kind == Anomaly::Unexplained && listed.len() > LISTED {
        let earlier = listed.len() - LISTED;
        lines.push(format!("\n  ({earlier} earlier ones)"));
        listed.drain(..earlier);
    }
    for index in listed {
        let impossible = index == violation.impossible;
        let mark = if impossible { "  <- impossible" } else { "" };
        let answered = impossible || was_answered(world, violation, index);
        lines.push(format!("\n  {}{mark}", line::<L>(world, index, answered)));
    }
    lines
}

/// Maximum number of operations to list if the violation has no name.
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
        let reply = world.history()[index].reply.as_ref();
        reply.map(|(moment, _)| moment.order)
    };
    match (order(index), order(violation.impossible)) {
        (Some(this), Some(last)) => this <= last,
        _ => false,
    }
}

fn say(command: &Command) -> String {
    match command {
        Command::Put { key, value } => format!("put {key} {value:?}"),
        Command::Append { key, value } => format!("append {key} {value:?}"),
        Command::Get { key } => format!("get {key}"),
    }
}

fn say_answer<L: KvLab>(bytes: &[u8]) -> String {
    match L::some_output(bytes) {
        Some(Output::Done) => "done".to_owned(),
        Some(Output::Value(value)) => format!("{value:?}"),
        None => "?".to_owned(),
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
