//! Parts B and C: the whole service, with the student's view server, servers and clients.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_sim::{
    Conditions, FailureKind, NodeSpec, Outcome, Role, Setup, Stop, Trial, World, ms,
};
use lab2_api::{ClientConfig, Command, Member, Output, PING, ServerConfig};
use labkit::{NodeId, codec};

use super::{
    ANSWERED, ANSWERED_UNDER_LOSS, V1, client,
    log::ViewLog,
    model::{answer_of, asked, command_of, judge, key_of, output_of},
    server,
};

/// How large a service is.
#[derive(Clone, Copy)]
pub struct Size {
    pub servers: u32,
    pub clients: u32,
}

impl Size {
    /// The last client is the one that never writes.
    pub fn reader(self) -> NodeId {
        client(self.clients)
    }
}

/// Nodes start within this time, each at its own moment.
const START_SPREAD: Duration = ms(60);

/// The nodes of a service. Servers other than the first may be started by the test.
pub fn setup(size: Size, conditions: Conditions, all_servers_start: bool) -> Setup {
    let bytes = |config: Result<Vec<u8>, codec::Error>| config.expect("a configuration has bytes");
    let view_server = Role::Server {
        role: 0,
        config: bytes(codec::to_bytes(&())),
    };
    let mut nodes = vec![NodeSpec {
        id: V1,
        role: view_server,
        starts: true,
    }];
    for number in 1..=size.servers {
        let role = Role::Server {
            role: 1,
            config: bytes(codec::to_bytes(&ServerConfig { view_server: V1 })),
        };
        nodes.push(NodeSpec {
            id: server(number),
            role,
            starts: number == 1 || all_servers_start,
        });
    }
    for number in 1..=size.clients {
        let role = Role::Client {
            role: 2,
            config: bytes(codec::to_bytes(&ClientConfig { view_server: V1 })),
        };
        nodes.push(NodeSpec {
            id: client(number),
            role,
            starts: true,
        });
    }
    Setup {
        start_spread: START_SPREAD,
        ..Setup::new(nodes, conditions)
    }
}

/// A running service.
pub struct Service<'w, 'b> {
    pub world: &'w mut World<'b>,
    pub size: Size,
    pub log: Rc<RefCell<ViewLog>>,
}

impl<'w, 'b> Service<'w, 'b> {
    fn new(world: &'w mut World<'b>, size: Size, log: &Rc<RefCell<ViewLog>>) -> Self {
        ViewLog::follow(log, world);
        Service {
            world,
            size,
            log: Rc::clone(log),
        }
    }

    /// Invokes an operation; the answer will come some time.
    pub fn invoke(&mut self, client: NodeId, command: &Command) -> Outcome {
        self.world.invoke(
            client,
            codec::to_bytes(command).expect("a command has bytes"),
        )
    }

    /// Waits for the answer to the client's last operation.
    #[track_caller]
    pub fn answer(&mut self, client: NodeId) -> Outcome<Output> {
        let asked = |world: &World<'_>| {
            world
                .history()
                .iter()
                .rposition(|operation| operation.client == client)
        };
        let index = asked(self.world).expect("the test has invoked an operation");
        let within = if self.world.conditions().loss > 0 {
            ANSWERED_UNDER_LOSS
        } else {
            ANSWERED
        };
        self.expect("every operation is answered", within, |world, _| {
            world.history()[index].reply.is_some()
        })?;
        let reply = self.world.history()[index].reply.clone();
        let (_, bytes) = reply.expect("the world expected this answer");
        output_of(self.world, &bytes)
    }

    /// Carries out an operation.
    #[track_caller]
    pub fn call(&mut self, client: NodeId, command: &Command) -> Outcome<Output> {
        self.invoke(client, command)?;
        self.answer(client)
    }

    /// Reads a key; it must hold exactly this.
    #[track_caller]
    pub fn must_read(&mut self, client: NodeId, key: &str, expected: &str) -> Outcome {
        let output = self.call(client, &get(key))?;
        if output == Output::Value(expected.to_owned()) {
            return Ok(());
        }
        Err(self.world.violation(format!(
            "{client} read {key:?}: expected Value({expected:?}), got {output:?}"
        )))
    }

    /// Carries out a put or an append, which must be answered with `Done`.
    #[track_caller]
    pub fn must_do(&mut self, client: NodeId, command: &Command) -> Outcome {
        let output = self.call(client, command)?;
        if output == Output::Done {
            return Ok(());
        }
        Err(self.world.violation(format!(
            "{client} was answered {output:?} to {command:?}, expected Done"
        )))
    }

    /// Lets time pass until something holds that must come to hold; if it does not, the failure
    /// tells of the view, too.
    #[track_caller]
    pub fn expect(
        &mut self,
        what: &str,
        within: Duration,
        mut holds: impl FnMut(&mut World<'_>, &ViewLog) -> bool,
    ) -> Outcome {
        let log = Rc::clone(&self.log);
        let outcome = self
            .world
            .expect(what, within, |world| Ok(holds(world, &log.borrow())));
        self.with_state(outcome)
    }

    /// Adds to a lack of progress how far the service has come.
    fn with_state(&self, outcome: Outcome) -> Outcome {
        outcome.map_err(|stop| match stop {
            Stop::Violation(mut violation) if violation.kind == FailureKind::NoProgress => {
                violation.observed += &format!(" {}", self.log.borrow().state());
                Stop::Violation(violation)
            }
            stop => stop,
        })
    }

    /// Waits until a view with a primary and a backup is acknowledged; they are returned.
    #[track_caller]
    pub fn replicated(&mut self) -> Outcome<(NodeId, NodeId)> {
        let mut members = None;
        let what = "a view with a living primary and a living backup is acknowledged";
        self.expect(what, ANSWERED_UNDER_LOSS, |world, log| {
            let lives = |member: &Member| {
                world.is_up(member.node) && world.incarnation(member.node) == member.incarnation
            };
            members = log
                .replicated()
                .filter(|(primary, backup)| lives(primary) && lives(backup));
            members.is_some()
        })?;
        let (primary, backup) = members.expect("the world expected this view");
        Ok((primary.node, backup.node))
    }

    /// Waits until this server is primary of an acknowledged view.
    #[track_caller]
    pub fn led_by(&mut self, server: NodeId) -> Outcome {
        let what = format!("{server} is primary and has acknowledged its view");
        self.expect(&what, ANSWERED_UNDER_LOSS, |_, log| {
            log.acknowledged_primary()
                .is_some_and(|primary| primary.node == server)
        })
    }

    /// Judges what clients saw so far.
    pub fn judge(&mut self, undecided: &mut Option<String>) -> Outcome {
        judge(self.world, &self.log.borrow(), undecided)
    }

    /// In a situation in which nobody may serve: none of the open operations may be answered in
    /// this time.
    #[track_caller]
    pub fn stays_silent(&mut self, why: &str, time: Duration) -> Outcome {
        let open: Vec<usize> = (0..self.world.history().len())
            .filter(|index| self.world.history()[*index].reply.is_none())
            .collect();
        let answered = |world: &World<'_>| {
            open.iter()
                .copied()
                .find(|index| world.history()[*index].reply.is_some())
        };
        self.world
            .run_until(time, |world| Ok(answered(world).is_some()))?;
        match answered(self.world) {
            Some(index) => {
                let answer = answer_of(self.world, &self.log.borrow(), index);
                Err(self.world.violation(format!(
                    "an operation was answered although {why}: {answer}"
                )))
            }
            None => Ok(()),
        }
    }

    /// Lets time pass until every client has finished its workload and is answered, each time
    /// within this time of asking, or of now.
    #[track_caller]
    pub fn finish(&mut self, within: Duration) -> Outcome {
        let outcome = self.world.expect_answers(within);
        self.with_state(outcome)
    }

    /// The client that never wrote reads all keys that any client used, and the whole history is
    /// judged.
    pub fn read_all_and_judge(&mut self, trial_undecided: &mut Option<String>) -> Outcome {
        let mut keys: Vec<String> = self
            .world
            .history()
            .iter()
            .map(|operation| key_of(&command_of(&operation.command)).to_owned())
            .collect();
        keys.sort();
        keys.dedup();
        let reader = self.size.reader();
        for key in keys {
            self.call(reader, &get(&key))?;
        }
        self.judge(trial_undecided)
    }
}

/// A test of a service: what it does, and where it leaves word of a check without a decision.
pub trait Story: FnOnce(&mut Service<'_, '_>, &mut Option<String>) -> Outcome {}

impl<F: FnOnce(&mut Service<'_, '_>, &mut Option<String>) -> Outcome> Story for F {}

/// Runs a directed test of a service under the trial's conditions.
pub fn with_service(
    trial: &mut Trial<'_>,
    size: Size,
    all_servers_start: bool,
    test: impl Story,
) -> Outcome {
    let conditions = trial.conditions();
    with_service_under(trial, conditions, size, all_servers_start, test)
}

/// Runs a directed test of a service under these conditions.
pub fn with_service_under(
    trial: &mut Trial<'_>,
    conditions: Conditions,
    size: Size,
    all_servers_start: bool,
    test: impl Story,
) -> Outcome {
    trial.describe_setting(describe(size, &conditions));
    in_service(
        trial,
        setup(size, conditions, all_servers_start),
        size,
        |service, undecided| {
            service.world.run_for(START_SPREAD)?;
            test(service, undecided)
        },
    )
}

/// Runs a test in a service of this setup, and draws what happened to the views.
pub fn in_service(trial: &mut Trial<'_>, setup: Setup, size: Size, test: impl Story) -> Outcome {
    let mut undecided = None;
    let log = ViewLog::new(size);
    let mut list = Vec::new();
    let outcome = trial.run(setup, |world| {
        let outcome = test(&mut Service::new(world, size, &log), &mut undecided);
        list = asked(world, &log.borrow(), &outcome);
        outcome
    });
    undecided.into_iter().for_each(|what| trial.undecided(what));
    trial.draw(log.borrow().picture());
    trial.list(list);
    outcome
}

/// Runs a test once for each boundary between two effects at which the server that it sweeps can
/// crash.
pub fn with_crash_sweep(
    trial: &mut Trial<'_>,
    size: Size,
    who: &str,
    test: impl Fn(&mut Service<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = trial.conditions();
    trial.describe_setting(format!(
        "{}; {who} crashes between two effects",
        describe(size, &conditions)
    ));
    let log = RefCell::new(ViewLog::new(size));
    let list = RefCell::default();
    let outcome = trial.crash_sweep(&setup(size, conditions, true), |world| {
        // Each boundary has a world of its own; the picture is of the last.
        log.replace(ViewLog::new(size));
        world.run_for(START_SPREAD)?;
        let outcome = test(&mut Service::new(world, size, &log.borrow()));
        list.replace(asked(world, &log.borrow().borrow(), &outcome));
        outcome
    });
    trial.draw(log.borrow().borrow().picture());
    trial.list(list.into_inner());
    outcome
}

/// The setting of a test in words.
pub fn describe(size: Size, conditions: &Conditions) -> String {
    let network = if conditions.loss > 0 {
        "a network that loses, doubles and reorders"
    } else {
        "a clean network"
    };
    let plural = if size.servers == 1 { "" } else { "s" };
    format!(
        "1 view server, {} server{plural}, {} clients, {network}; PING {} ms",
        size.servers,
        size.clients,
        PING.as_millis()
    )
}

pub fn put(key: &str, value: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

pub fn append(key: &str, value: &str) -> Command {
    Command::Append {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

pub fn get(key: &str) -> Command {
    Command::Get {
        key: key.to_owned(),
    }
}
