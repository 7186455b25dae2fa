//! One of the three programs in a world: its servers, and clients that each speak to one of them.

use std::{fmt::Debug, time::Duration};

pub use faultline_labtest::bytes;
use faultline_labtest::{count, say_network};
use faultline_sim::{
    Asked, Clock, Conditions, FailureKind, Judged, NodeSpec, Operation, Outcome, Role, Setup, Stop,
    Trial, World, choice::About, ms,
};
use lab0_api::{ClientConfig, Echo, Echoed, Id, NewId, Ping, Pong};
use labkit::{NodeId, codec};
use serde::{Serialize, de::DeserializeOwned};

use super::{PATIENCE, client, server};

/// Which of the three programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Part A.
    PingPong,
    /// Part B.
    Echo,
    /// Part C.
    Ids,
}

impl Program {
    /// The role of its server; that of its client is the next.
    fn server_role(self) -> u8 {
        match self {
            Program::PingPong => 0,
            Program::Echo => 2,
            Program::Ids => 4,
        }
    }
}

/// Who takes part: the numbers of the servers, and how many clients each has. The first server has
/// the first clients.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// The program.
    pub program: Program,
    /// The numbers of its servers.
    pub servers: &'a [u32],
    /// How many clients each server has.
    pub clients_each: u32,
}

impl Members<'_> {
    /// The servers.
    pub fn servers(&self) -> Vec<NodeId> {
        self.servers.iter().copied().map(server).collect()
    }

    /// The clients.
    pub fn clients(&self) -> Vec<NodeId> {
        (1..=self.servers.len() as u32 * self.clients_each)
            .map(client)
            .collect()
    }

    /// The clients of the server at this position.
    pub fn clients_of(&self, position: usize) -> Vec<NodeId> {
        let first = position as u32 * self.clients_each + 1;
        (first..first + self.clients_each).map(client).collect()
    }

    /// The world in which they live. Clocks, where there are any, agree at first.
    pub fn setup(&self, trial: &Trial<'_>, conditions: Conditions) -> Setup {
        let role = self.program.server_role();
        let mut nodes = Vec::new();
        for id in self.servers() {
            nodes.push(NodeSpec {
                id,
                role: Role::Server {
                    role,
                    config: bytes(&()),
                },
                starts: true,
            });
        }
        for (position, server) in self.servers().into_iter().enumerate() {
            for id in self.clients_of(position) {
                let role = Role::Client {
                    role: role + 1,
                    config: bytes(&ClientConfig { server }),
                };
                nodes.push(NodeSpec {
                    id,
                    role,
                    starts: true,
                });
            }
        }
        let mut setup = Setup::new(nodes, conditions);
        if self.program == Program::Ids {
            let clock = Clock::reading(today(trial));
            setup.clocks = self
                .servers()
                .into_iter()
                .map(|server| (server, clock))
                .collect();
        }
        setup
    }

    /// Runs a test under the trial's conditions.
    pub fn act(
        &self,
        trial: &mut Trial<'_>,
        test: impl FnOnce(&mut Fixture<'_, '_>) -> Outcome,
    ) -> Outcome {
        let conditions = trial.conditions();
        self.act_under(trial, conditions, "", test)
    }

    /// Runs a test on a network that is clean with every seed: for first steps, and where costs are
    /// measured.
    pub fn act_in_peace(
        &self,
        trial: &mut Trial<'_>,
        test: impl FnOnce(&mut Fixture<'_, '_>) -> Outcome,
    ) -> Outcome {
        let conditions = if trial.number() == 0 {
            Conditions::steady()
        } else {
            Conditions::clean()
        };
        self.act_under(trial, conditions, "", test)
    }

    /// Runs a test under these conditions, of which `more` tells what is not in them.
    pub fn act_under(
        &self,
        trial: &mut Trial<'_>,
        conditions: Conditions,
        more: &str,
        test: impl FnOnce(&mut Fixture<'_, '_>) -> Outcome,
    ) -> Outcome {
        self.describe(trial, &conditions, more);
        let setup = self.setup(trial, conditions);
        let mut list = Vec::new();
        let outcome = trial.run(setup, |world| {
            let mut fixture = Fixture {
                world,
                program: self.program,
            };
            let outcome = fixture
                .world
                .run_for(ms(1))
                .and_then(|()| test(&mut fixture));
            list = asked(self.program, fixture.world, &outcome);
            outcome
        });
        trial.list(list);
        outcome
    }

    /// Says in words how the world is set up.
    pub fn describe(&self, trial: &mut Trial<'_>, conditions: &Conditions, more: &str) {
        let network = say_network(conditions);
        let (servers, clients) = (
            count(self.servers.len(), "server"),
            count(self.clients().len(), "client"),
        );
        trial.describe_setting(format!("{servers}, {clients}, {network}{more}"));
    }
}

/// The time of day at which the world begins: some moment of 2026.
fn today(trial: &Trial<'_>) -> Duration {
    let mut draw = faultline_sim::choice::Choices::new(trial.seed()).draw(About::Plan, 0xDA7E, 0);
    Duration::from_secs(1_767_225_600)
        + draw.between(&(Duration::ZERO..=Duration::from_secs(31_000_000)))
}

/// What a client answered, as the lab's type.
pub fn output<T: DeserializeOwned>(operation: &Operation) -> Option<T> {
    let (_, bytes) = operation.reply.as_ref()?;
    Some(codec::from_bytes(bytes).expect("the world has decoded this answer before"))
}

/// A running program.
pub struct Fixture<'w, 'b> {
    /// The world that it runs in.
    pub world: &'w mut World<'b>,
    program: Program,
}

impl<'w, 'b> Fixture<'w, 'b> {
    /// A program that already runs in a world.
    pub fn new(world: &'w mut World<'b>, program: Program) -> Self {
        Fixture { world, program }
    }

    /// Asks a client for something; the answer will come some time.
    pub fn ask<C: Serialize>(&mut self, client: NodeId, command: &C) -> Outcome {
        self.world.invoke(client, bytes(command))
    }

    /// How long an answer may take on this network.
    pub fn patience(&self) -> Duration {
        PATIENCE.in_world(self.world)
    }

    /// Waits for the answer to the client's last question.
    #[track_caller]
    pub fn answer<O: DeserializeOwned>(&mut self, client: NodeId) -> Outcome<O> {
        let asked = self
            .world
            .history()
            .iter()
            .rposition(|operation| operation.client == client);
        let index = asked.expect("the test has asked");
        let within = self.patience();
        self.world
            .expect("every operation is answered", within, |world| {
                Ok(world.history()[index].reply.is_some())
            })?;
        Ok(output(&self.world.history()[index]).expect("the world expected this answer"))
    }

    /// Waits until all clients are done that ask all the time. However many they are, somebody is
    /// always answered in time.
    #[track_caller]
    pub fn nobody_is_stuck(&mut self) -> Outcome {
        let answers = |world: &mut World<'_>| {
            world
                .phases()
                .iter()
                .map(|phase| phase.operations)
                .sum::<u64>()
        };
        while !self.world.workload_is_done() {
            let (before, within) = (answers(self.world), self.patience());
            self.world
                .expect("an operation is answered", within, |world| {
                    Ok(answers(world) > before)
                })?;
        }
        Ok(())
    }

    /// Crashes a server and starts it again at once.
    pub fn restart(&mut self, server: NodeId) -> Outcome {
        self.world.restart_quickly(server)
    }

    /// Crashes a server, takes its disk away, and starts it again at once.
    pub fn restart_without_disk(&mut self, server: NodeId) -> Outcome {
        self.world.crash(server)?;
        self.world.lose_disk(server)?;
        self.world.start(server)
    }

    /// The answers so far, in the order in which they were given.
    pub fn answered(&self) -> Vec<&Operation> {
        let mut answered: Vec<&Operation> = self
            .world
            .history()
            .iter()
            .filter(|operation| operation.reply.is_some())
            .collect();
        answered.sort_by_key(|operation| operation.reply.as_ref().map(|(moment, _)| moment.order));
        answered
    }

    /// Ends a test: what clients saw must be right.
    #[track_caller]
    pub fn judge(&self) -> Outcome {
        match self.program {
            Program::PingPong => Ok(()),
            Program::Echo => super::echoes::judge(self),
            Program::Ids => super::ids::judge(self).map(|_| ()),
        }
    }
}

/// What clients asked, for reports of a failure.
fn asked(program: Program, world: &World<'_>, outcome: &Outcome) -> Vec<Asked> {
    let Err(Stop::Violation(failure)) = outcome else {
        return Vec::new();
    };
    let of = |operation: &Operation| {
        let (command, answer) = match program {
            Program::PingPong => (say::<Ping>(&operation.command), said::<Pong>(operation)),
            Program::Echo => (say::<Echo>(&operation.command), said::<Echoed>(operation)),
            Program::Ids => (say::<NewId>(&operation.command), said::<Id>(operation)),
        };
        let at = operation.reply.as_ref().map(|(moment, _)| moment.at);
        let wrong = failure.kind == FailureKind::Violation && at == Some(failure.about);
        Asked {
            about: format!("{program:?}").to_lowercase(),
            client: operation.client,
            command,
            from: operation.invoked.at,
            answer: at.zip(answer),
            judged: if wrong {
                Judged::Impossible
            } else {
                Judged::Plain
            },
        }
    };
    world.history().iter().map(of).collect()
}

fn say<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
    codec::from_bytes::<T>(bytes).map_or("?".to_owned(), |value| shortened(&value))
}

fn said<T: DeserializeOwned + Debug>(operation: &Operation) -> Option<String> {
    operation.reply.as_ref().map(|(_, bytes)| say::<T>(bytes))
}

/// A value in words, not longer than people read.
pub fn shortened(value: &impl Debug) -> String {
    const LONGEST: usize = 120;
    let text = format!("{value:?}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}
