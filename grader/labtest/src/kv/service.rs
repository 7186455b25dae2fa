//! A running key-value service, whatever servers it has.

use std::{collections::BTreeSet, time::Duration};

use faultline_sim::{Outcome, World, ms};
use labkit::NodeId;

use super::{
    Command, Judgement, KvLab, Output, get,
    judgement::{More, answer_of},
};

/// A service that tests speak to through its clients. A lab says what it consists of; how to ask,
/// to wait and to judge is the same everywhere.
pub trait KvService<'b> {
    /// Whose commands and outputs.
    type Lab: KvLab;

    /// The world that it runs in.
    fn world(&mut self) -> &mut World<'b>;

    /// The same, to look at.
    fn look(&self) -> &World<'b>;

    /// The client that never writes.
    fn reader(&self) -> NodeId;

    /// Within this time what must happen has happened, as the handout says.
    fn within(&self) -> Duration;

    /// Where judgements are kept.
    fn judgement(&mut self) -> &mut Judgement<Self::Lab>;

    /// More about a node that answered, such as whether it still was the primary then.
    fn about_answer(&self, node: NodeId, sent: faultline_sim::Time) -> String {
        let _ = (node, sent);
        String::new()
    }

    /// Adds to a lack of progress how far the service has come.
    fn with_state(&self, outcome: Outcome) -> Outcome {
        outcome
    }

    /// Invokes an operation; the answer will come some time.
    ///
    /// # Errors
    /// What the world has against it.
    fn invoke(&mut self, client: NodeId, command: &Command) -> Outcome {
        self.world().invoke(client, Self::Lab::to_bytes(command))
    }

    /// Waits for the answer to the client's last operation.
    ///
    /// # Errors
    /// No progress, if none comes in time.
    #[track_caller]
    fn answer(&mut self, client: NodeId) -> Outcome<Output> {
        let asked = |world: &World<'_>| {
            let mut history = world.history().iter();
            history.rposition(|operation| operation.client == client)
        };
        let index = asked(self.look()).expect("the test has invoked an operation");
        let within = self.within();
        let outcome = self
            .world()
            .expect("every operation is answered", within, |world| {
                Ok(world.history()[index].reply.is_some())
            });
        self.with_state(outcome)?;
        let reply = self.look().history()[index].reply.clone();
        let (_, bytes) = reply.expect("the world expected this answer");
        Self::Lab::output_of(self.look(), &bytes)
    }

    /// Carries out an operation.
    ///
    /// # Errors
    /// As [`answer`](KvService::answer).
    #[track_caller]
    fn call(&mut self, client: NodeId, command: &Command) -> Outcome<Output> {
        self.invoke(client, command)?;
        self.answer(client)
    }

    /// Reads a key; it must hold exactly this.
    ///
    /// # Errors
    /// A violation, if it holds something else.
    #[track_caller]
    fn must_read(&mut self, client: NodeId, key: &str, expected: &str) -> Outcome {
        let output = self.call(client, &get(key))?;
        if output == Output::Value(expected.to_owned()) {
            return Ok(());
        }
        let mut stop = self.look().violation(format!(
            "{client} read {key:?}: expected Value({expected:?}), got {output:?}"
        ));
        if let Output::Value(got) = &output {
            let asked = self.look().history().iter();
            let commands = asked.map(|operation| Self::Lab::command_of(&operation.command));
            stop = stop.naming(format!("{key:?}"));
            for value in at_issue(commands, key, expected, got) {
                stop = stop.naming(format!("{value:?}"));
            }
        }
        Err(stop)
    }

    /// Carries out a put or an append, which must be answered with `Done`.
    ///
    /// # Errors
    /// A violation, if the answer is another one.
    #[track_caller]
    fn must_do(&mut self, client: NodeId, command: &Command) -> Outcome {
        let output = self.call(client, command)?;
        if output == Output::Done {
            return Ok(());
        }
        Err(self.look().violation(format!(
            "{client} was answered {output:?} to {command:?}, expected Done"
        )))
    }

    /// Judges what clients saw so far.
    ///
    /// # Errors
    /// A violation, if no order of the operations explains it.
    fn judge(&mut self) -> Outcome {
        let mut judgement = std::mem::take(self.judgement());
        let outcome = judgement.decide(self.world()).and_then(|()| {
            let more: More<'_> = &|node, sent| self.about_answer(node, sent);
            judgement.told(self.look(), more)
        });
        *self.judgement() = judgement;
        outcome
    }

    /// In a situation in which nobody may serve: none of the open operations may be answered in
    /// this time.
    ///
    /// # Errors
    /// A violation, if one is.
    #[track_caller]
    fn stays_silent(&mut self, why: &str, time: Duration) -> Outcome {
        let history = self.look().history();
        let open: Vec<usize> = (0..history.len())
            .filter(|index| history[*index].reply.is_none())
            .collect();
        let answered = |world: &World<'_>| {
            let is_answered = |index: &usize| world.history()[*index].reply.is_some();
            open.iter().copied().find(is_answered)
        };
        self.world()
            .run_until(time, |world| Ok(answered(world).is_some()))?;
        match answered(self.look()) {
            Some(index) => {
                let more: More<'_> = &|node, sent| self.about_answer(node, sent);
                let answer = answer_of::<Self::Lab>(self.look(), more, index);
                let text = format!("an operation was answered although {why}: {answer}");
                let history = self.look().history();
                let asked = Self::Lab::command_of(&history[index].command);
                let written = history
                    .iter()
                    .map(|operation| Self::Lab::command_of(&operation.command))
                    .filter(|command| command.key() == asked.key());
                let stop = self.look().violation(text);
                Err(written.fold(stop, |stop, command| match command {
                    Command::Put { value, .. } | Command::Append { value, .. } => {
                        stop.naming(format!("{value:?}"))
                    }
                    Command::Get { .. } => stop,
                }))
            }
            None => Ok(()),
        }
    }

    /// Lets time pass until every client has finished its workload and is answered, each time
    /// within this time of asking, or of now.
    ///
    /// # Errors
    /// No progress, if one is not.
    #[track_caller]
    fn finish(&mut self, within: Duration) -> Outcome {
        let outcome = self.world().expect_answers(within);
        self.with_state(outcome)
    }

    /// All clients leave for good, whatever they wait for. What they sent lands, and a new client
    /// comes: what was acknowledged must be where it finds it.
    ///
    /// # Errors
    /// What the world has against it.
    #[track_caller]
    fn successor(&mut self) -> Outcome<NodeId> {
        self.world().all_leave(LANDS)?;
        self.world().newcomer()
    }

    /// The client that never wrote reads all keys that any client used. Then all clients leave, and
    /// one that comes after them reads the keys again. The whole history is judged.
    ///
    /// # Errors
    /// As [`answer`](KvService::answer) and [`judge`](KvService::judge).
    #[track_caller]
    fn read_all_and_judge(&mut self) -> Outcome {
        let key = |operation: &faultline_sim::Operation| {
            let command = Self::Lab::command_of(&operation.command);
            command.key().to_owned()
        };
        let mut keys: Vec<String> = self.look().history().iter().map(key).collect();
        keys.sort();
        keys.dedup();
        let reader = self.reader();
        if self.look().clients().contains(&reader) {
            for key in &keys {
                self.call(reader, &get(key))?;
            }
        }
        let successor = self.successor()?;
        for key in &keys {
            self.call(successor, &get(key))?;
        }
        self.judge()
    }
}

/// Within this time every message has landed, also a late one, once the network is repaired.
const LANDS: Duration = ms(1_000);

/// Which written values stand where two values of a key begin to differ.
fn at_issue(
    commands: impl Iterator<Item = Command>,
    key: &str,
    expected: &str,
    got: &str,
) -> BTreeSet<String> {
    let same = expected
        .bytes()
        .zip(got.bytes())
        .take_while(|(one, other)| one == other)
        .count();
    let there = |written: &String| {
        [expected, got].into_iter().any(|value| {
            let mut begins = value.match_indices(written.as_str());
            begins.any(|(begin, found)| begin <= same && same < begin + found.len())
        })
    };
    let values = commands.filter_map(|command| match command {
        Command::Put { key: of, value } | Command::Append { key: of, value } => {
            (of == key).then_some(value)
        }
        Command::Get { .. } => None,
    });
    values.filter(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::append;

    #[test]
    fn what_is_at_issue_stands_where_two_values_begin_to_differ() {
        let of = |expected: &str, got: &str| -> Vec<String> {
            let written = ["c1.1;", "c2.1;", "c1.2;"];
            let commands = written.map(|value| append("log", value)).into_iter();
            at_issue(commands, "log", expected, got)
                .into_iter()
                .collect()
        };
        assert_eq!(
            of("c1.1;c2.1;c1.2;", "c1.1;c1.1;c2.1;c1.2;"),
            ["c1.1;", "c2.1;"]
        );
        assert_eq!(of("c1.1;c2.1;", "c1.1;"), ["c2.1;"], "it is lost");
        assert!(of("c1.1;", "c1.1;").is_empty());
    }
}
