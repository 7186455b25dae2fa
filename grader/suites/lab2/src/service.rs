//! Parts B and C: the whole service, with the student's view server, servers and clients.

use std::{cell::RefCell, rc::Rc, time::Duration};

pub use faultline_labtest::kv::{KvService, append, get, put};
use faultline_labtest::{TO_COME, bytes, count, kv::Judgement, say_network};
use faultline_sim::{
    Conditions, FailureKind, NodeSpec, Outcome, Role, Setup, Stop, Time, Trial, World, ms,
};
use lab2_api::{ClientConfig, Member, PING, ServerConfig};
use labkit::NodeId;

use super::{ANSWERED_UNDER_LOSS, Lab2, PATIENCE, V1, client, log::ViewLog, server};

/// How large a service is.
#[derive(Clone, Copy)]
pub struct Size {
    /// How many servers it has.
    pub servers: u32,
    /// How many clients.
    pub clients: u32,
}

impl Size {
    /// The last client is the one that never writes.
    pub fn reader(self) -> NodeId {
        client(self.clients)
    }
}

/// Time within which all nodes start, each at its own moment.
const START_SPREAD: Duration = ms(60);

/// The nodes of a service. Servers other than the first may be started by the test.
pub fn setup(size: Size, conditions: Conditions, all_servers_start: bool) -> Setup {
    let view_server = Role::Server {
        role: 0,
        config: bytes(&()),
    };
    let mut nodes = vec![NodeSpec {
        id: V1,
        role: view_server,
        starts: true,
    }];
    for number in 1..=size.servers {
        let role = Role::Server {
            role: 1,
            config: bytes(&ServerConfig { view_server: V1 }),
        };
        nodes.push(NodeSpec {
            id: server(number),
            role,
            starts: number == 1 || all_servers_start,
        });
    }
    for number in 1..=size.clients + TO_COME {
        let role = Role::Client {
            role: 2,
            config: bytes(&ClientConfig { view_server: V1 }),
        };
        nodes.push(NodeSpec {
            id: client(number),
            role,
            starts: number <= size.clients,
        });
    }
    Setup {
        start_spread: START_SPREAD,
        ..Setup::new(nodes, conditions)
    }
}

/// A running service.
pub struct Service<'w, 'b> {
    /// The world that it runs in.
    pub world: &'w mut World<'b>,
    /// How large it is.
    pub size: Size,
    /// What was seen of its views.
    pub log: Rc<RefCell<ViewLog>>,
    /// What was judged so far.
    pub judgement: Judgement<Lab2>,
}

impl<'w, 'b> Service<'w, 'b> {
    fn new(world: &'w mut World<'b>, size: Size, log: &Rc<RefCell<ViewLog>>) -> Self {
        ViewLog::follow(log, world);
        Service {
            world,
            size,
            log: Rc::clone(log),
            judgement: Judgement::default(),
        }
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
}

impl<'b> KvService<'b> for Service<'_, 'b> {
    type Lab = Lab2;

    fn world(&mut self) -> &mut World<'b> {
        self.world
    }

    fn look(&self) -> &World<'b> {
        self.world
    }

    fn reader(&self) -> NodeId {
        self.size.reader()
    }

    fn within(&self) -> Duration {
        PATIENCE.in_world(self.world)
    }

    fn judgement(&mut self) -> &mut Judgement<Lab2> {
        &mut self.judgement
    }

    fn about_answer(&self, node: NodeId, sent: Time) -> String {
        self.log.borrow().say_deposed(node, sent)
    }

    /// Tells of the view.
    fn with_state(&self, outcome: Outcome) -> Outcome {
        outcome.map_err(|stop| match stop {
            Stop::Violation(mut violation) if violation.kind == FailureKind::NoProgress => {
                violation.observed += &format!(" {}", self.log.borrow().state());
                Stop::Violation(violation)
            }
            stop => stop,
        })
    }
}

/// A test of a service.
pub trait Story: FnOnce(&mut Service<'_, '_>) -> Outcome {}

impl<F: FnOnce(&mut Service<'_, '_>) -> Outcome> Story for F {}

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
        |service| {
            service.world.run_for(START_SPREAD)?;
            test(service)
        },
    )
}

/// Runs a test in a service of this setup, and draws what happened to the views.
pub fn in_service(trial: &mut Trial<'_>, setup: Setup, size: Size, test: impl Story) -> Outcome {
    let mut undecided = None;
    let log = ViewLog::new(size);
    let mut list = Vec::new();
    let outcome = trial.run(setup, |world| {
        let mut service = Service::new(world, size, &log);
        let outcome = test(&mut service);
        undecided = service.judgement.take_undecided();
        list = service.judgement.asked(service.world, &outcome);
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
        let mut service = Service::new(world, size, &log.borrow());
        let outcome = test(&mut service);
        list.replace(service.judgement.asked(service.world, &outcome));
        outcome
    });
    trial.draw(log.borrow().borrow().picture());
    trial.list(list.into_inner());
    outcome
}

/// The setting of a test in words.
pub fn describe(size: Size, conditions: &Conditions) -> String {
    format!(
        "1 view server, {}, {} clients, {}; PING {} ms",
        count(size.servers as usize, "server"),
        size.clients,
        say_network(conditions),
        PING.as_millis()
    )
}
