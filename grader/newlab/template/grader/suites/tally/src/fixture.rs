//! A running total in a world: its server and its clients, how to ask and to wait, and what must
//! hold of all that clients saw.

use std::time::Duration;

use faultline_labtest::{bytes, client, count, say_network, server};
use faultline_sim::{
    Asked, Conditions, FailureKind, Judged, NodeSpec, Operation, Outcome, Role, Setup, Stop, Trial,
    World, ms,
};
use labkit::{NodeId, codec};

use tally_api::{Add, ClientConfig, Total};

use super::PATIENCE;

/// The one server.
pub const SERVER: NodeId = server(1);

/// The clients of a world with this number of them.
pub fn clients(number: u32) -> Vec<NodeId> {
    (1..=number).map(client).collect()
}

/// The world in which they live.
pub fn setup(number: u32, conditions: Conditions) -> Setup {
    let node = |id, role| NodeSpec {
        id,
        role,
        starts: true,
    };
    let config = bytes(&());
    let mut nodes = vec![node(SERVER, Role::Server { role: 0, config })];
    for id in clients(number) {
        let config = bytes(&ClientConfig { server: SERVER });
        nodes.push(node(id, Role::Client { role: 1, config }));
    }
    Setup::new(nodes, conditions)
}

/// Says in words how the world is set up; `more` tells what is not in the conditions.
pub fn describe(trial: &mut Trial<'_>, number: u32, conditions: &Conditions, more: &str) {
    let (clients, network) = (count(number as usize, "client"), say_network(conditions));
    trial.describe_setting(format!("1 server, {clients}, {network}{more}"));
}

/// Runs a test with this number of clients under these conditions.
pub fn act(
    trial: &mut Trial<'_>,
    number: u32,
    conditions: Conditions,
    more: &str,
    test: impl FnOnce(&mut Fixture<'_, '_>) -> Outcome,
) -> Outcome {
    describe(trial, number, &conditions, more);
    let mut list = Vec::new();
    let outcome = trial.run(setup(number, conditions), |world| {
        let mut fixture = Fixture { world };
        let outcome = fixture.begin().and_then(|()| test(&mut fixture));
        list = asked(fixture.world, &outcome);
        outcome
    });
    trial.list(list);
    outcome
}

/// A running total.
pub struct Fixture<'w, 'b> {
    /// The world that it runs in.
    pub world: &'w mut World<'b>,
}

impl Fixture<'_, '_> {
    /// Lets all nodes start.
    pub fn begin(&mut self) -> Outcome {
        self.world.run_for(ms(1))
    }

    /// Asks a client to add an amount; the answer will come some time.
    pub fn ask(&mut self, client: NodeId, amount: u64) -> Outcome {
        self.world.invoke(client, bytes(&Add { amount }))
    }

    /// How long an answer may take on this network.
    pub fn patience(&self) -> Duration {
        PATIENCE.in_world(self.world)
    }

    /// Waits until every request is answered.
    #[track_caller]
    pub fn all_answered(&mut self) -> Outcome {
        let within = self.patience();
        self.world.expect_answers(within)
    }

    /// Has an amount added.
    #[track_caller]
    pub fn add(&mut self, client: NodeId, amount: u64) -> Outcome {
        self.ask(client, amount)?;
        self.all_answered()
    }

    /// Judges what clients saw when all are answered: in the order of their totals, each answer is
    /// the one before and its own amount, and nobody who asked after an answer got a smaller total.
    #[track_caller]
    pub fn judge(&self) -> Outcome {
        let answers = self.world.history().iter().filter_map(total_of);
        let mut answers: Vec<(u64, &Operation)> = answers.collect();
        answers.sort_by_key(|(total, operation)| (*total, operation.invoked.order));
        let (mut before, mut latest_call) = (0, 0);
        for (total, operation) in answers {
            let (client, amount) = (operation.client, amount_of(operation));
            let (replied, order) = reply_of(operation);
            if total != before + amount {
                let text = format!(
                    "{client} added {amount} and was told {total}, but the next lower total that \
                     anybody was told is {before}: expected {}",
                    before + amount
                );
                return Err(self.world.violation_at(replied, text));
            }
            if order < latest_call {
                let text = format!(
                    "{client} was told {total}, and somebody who asked after that was told less"
                );
                return Err(self.world.violation_at(replied, text));
            }
            (before, latest_call) = (total, latest_call.max(operation.invoked.order));
        }
        Ok(())
    }
}

fn amount_of(operation: &Operation) -> u64 {
    let command = codec::from_bytes::<Add>(&operation.command);
    command.expect("the test made this command").amount
}

fn total_of(operation: &Operation) -> Option<(u64, &Operation)> {
    let (_, bytes) = operation.reply.as_ref()?;
    let Total(total) = codec::from_bytes(bytes).expect("the world has decoded this answer before");
    Some((total, operation))
}

/// When it was answered, and which moment of the run that was.
fn reply_of(operation: &Operation) -> (faultline_sim::Time, u64) {
    let (moment, _) = operation.reply.as_ref().expect("it is answered");
    (moment.at, moment.order)
}

/// What clients asked, for reports of a failure.
fn asked(world: &World<'_>, outcome: &Outcome) -> Vec<Asked> {
    let Err(Stop::Violation(failure)) = outcome else {
        return Vec::new();
    };
    let of = |operation: &Operation| {
        let answer = total_of(operation).map(|(total, _)| (reply_of(operation).0, total));
        let about = answer.is_some_and(|(at, _)| at == failure.about);
        Asked {
            about: "total".to_owned(),
            client: operation.client,
            command: format!("add {}", amount_of(operation)),
            from: operation.invoked.at,
            answer: answer.map(|(at, total)| (at, total.to_string())),
            judged: match about && failure.kind == FailureKind::Violation {
                true => Judged::Impossible,
                false => Judged::Plain,
            },
        }
    };
    world.history().iter().map(of).collect()
}
