//! Parts B and C: the whole service, with the student's view server, servers and clients.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_sim::{Conditions, Look, NodeSpec, Outcome, Role, Setup, Trial, Watcher, World, ms};
use lab2_api::{ClientConfig, Command, Given, Member, Output, PING, ServerConfig, View};
use labkit::{NodeId, codec};

use super::{
    ANSWERED, ANSWERED_UNDER_LOSS, V1, client,
    model::{command_of, judge, output_of},
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
    let view_server = Role::Server { role: 0, config: bytes(codec::to_bytes(&())) };
    let mut nodes = vec![NodeSpec { id: V1, role: view_server, starts: true }];
    for number in 1..=size.servers {
        let role = Role::Server { role: 1, config: bytes(codec::to_bytes(&ServerConfig { view_server: V1 })) };
        nodes.push(NodeSpec { id: server(number), role, starts: number == 1 || all_servers_start });
    }
    for number in 1..=size.clients {
        let role = Role::Client { role: 2, config: bytes(codec::to_bytes(&ClientConfig { view_server: V1 })) };
        nodes.push(NodeSpec { id: client(number), role, starts: true });
    }
    Setup { start_spread: START_SPREAD, ..Setup::new(nodes, conditions) }
}

/// What the test knows about the view, from outside: what the view server holds, and whether its primary has
/// acknowledged it. Fault plans need this so as not to ask for what no service can do.
#[derive(Default)]
pub struct ViewLog {
    pub view: View,
    acknowledged: u64,
    /// Messages that clients sent to the view server.
    pub asked: u64,
}

impl ViewLog {
    /// Primary and backup of the view, if it is acknowledged and has both.
    pub fn replicated(&self) -> Option<(Member, Member)> {
        match (self.view.primary, self.view.backup) {
            (Some(primary), Some(backup)) if self.acknowledged == self.view.number => Some((primary, backup)),
            _ => None,
        }
    }
}

struct ViewWatcher(Rc<RefCell<ViewLog>>);

impl Watcher for ViewWatcher {
    fn delivered(&mut self, look: &mut Look<'_, '_>, to: NodeId, from: NodeId, message: &[u8]) -> Outcome {
        if to != V1 {
            return Ok(());
        }
        let mut log = self.0.borrow_mut();
        log.asked += u64::from(from.role() == 'c');
        if from.role() == 's'
            && let Some(given) = look.given(message)?
            && let Ok(Given::Ping { view, incarnation }) = codec::from_bytes(&given)
            && log.view.primary == Some(Member { node: from, incarnation })
            && log.view.number == view
        {
            log.acknowledged = view;
        }
        Ok(())
    }

    fn handled(&mut self, look: &mut Look<'_, '_>, node: NodeId) -> Outcome {
        if node == V1
            && let Some(observed) = look.observe(V1)?
            && let Ok(view) = codec::from_bytes(&observed)
        {
            self.0.borrow_mut().view = view;
        }
        Ok(())
    }
}

/// A running service.
pub struct Service<'w, 'b> {
    pub world: &'w mut World<'b>,
    pub size: Size,
    pub log: Rc<RefCell<ViewLog>>,
}

impl<'w, 'b> Service<'w, 'b> {
    pub fn new(world: &'w mut World<'b>, size: Size) -> Self {
        let log = Rc::new(RefCell::new(ViewLog::default()));
        world.watch(ViewWatcher(Rc::clone(&log)));
        Service { world, size, log }
    }

    /// Invokes an operation; the answer will come some time.
    pub fn invoke(&mut self, client: NodeId, command: &Command) -> Outcome {
        self.world.invoke(client, codec::to_bytes(command).expect("a command has bytes"))
    }

    /// Waits for the answer to the client's last operation.
    pub fn answer(&mut self, client: NodeId) -> Outcome<Output> {
        let asked = |world: &World<'_>| world.history().iter().rposition(|operation| operation.client == client);
        let index = asked(self.world).expect("the test has invoked an operation");
        let within = if self.world.conditions().loss > 0 { ANSWERED_UNDER_LOSS } else { ANSWERED };
        let what = format!("every operation is answered within {} ms", within.as_millis());
        self.world.expect(&what, within, |world| Ok(world.history()[index].reply.is_some()))?;
        let reply = self.world.history()[index].reply.clone();
        let (_, bytes) = reply.expect("the world expected this answer");
        output_of(self.world, &bytes)
    }

    /// Carries out an operation.
    pub fn call(&mut self, client: NodeId, command: &Command) -> Outcome<Output> {
        self.invoke(client, command)?;
        self.answer(client)
    }

    /// Reads a key; it must hold exactly this.
    pub fn must_read(&mut self, client: NodeId, key: &str, expected: &str) -> Outcome {
        let output = self.call(client, &get(key))?;
        if output == Output::Value(expected.to_owned()) {
            return Ok(());
        }
        Err(self.world.violation(format!("{client} read {key:?}: expected Value({expected:?}), got {output:?}")))
    }

    /// Carries out a put or an append, which must be answered with `Done`.
    pub fn must_do(&mut self, client: NodeId, command: &Command) -> Outcome {
        let output = self.call(client, command)?;
        if output == Output::Done {
            return Ok(());
        }
        Err(self.world.violation(format!("{client} was answered {output:?} to {command:?}, expected Done")))
    }

    /// Waits until a view with a primary and a backup is acknowledged; they are returned.
    pub fn replicated(&mut self) -> Outcome<(NodeId, NodeId)> {
        let log = Rc::clone(&self.log);
        let alive = move |world: &World<'_>, log: &ViewLog| {
            log.replicated().filter(|(primary, backup)| {
                let lives =
                    |member: &Member| world.is_up(member.node) && world.incarnation(member.node) == member.incarnation;
                lives(primary) && lives(backup)
            })
        };
        let what = "a view with a living primary and a living backup is acknowledged";
        self.world.expect(what, ANSWERED_UNDER_LOSS, |world| Ok(alive(world, &log.borrow()).is_some()))?;
        let (primary, backup) = alive(self.world, &self.log.borrow()).expect("the world expected this view");
        Ok((primary.node, backup.node))
    }

    /// Lets time pass until every client has finished its workload and is answered.
    pub fn finish(&mut self, within: Duration) -> Outcome {
        let what =
            format!("after the faults have ended every operation is answered within {} ms", ANSWERED.as_millis());
        self.world.expect(&what, within, |world| Ok(world.workload_is_done()))
    }

    /// The client that never wrote reads all keys that any client used, and the whole history is judged.
    pub fn read_all_and_judge(&mut self, trial_undecided: &mut Option<String>) -> Outcome {
        let mut keys: Vec<String> = self.world.history().iter().map(|operation| key_of(&operation.command)).collect();
        keys.sort();
        keys.dedup();
        let reader = self.size.reader();
        for key in keys {
            self.call(reader, &get(&key))?;
        }
        judge(self.world, trial_undecided)
    }
}

fn key_of(command: &[u8]) -> String {
    match command_of(command) {
        Command::Put { key, .. } | Command::Append { key, .. } | Command::Get { key } => key,
    }
}

/// Runs a directed test of a service under the trial's conditions.
pub fn with_service(
    trial: &mut Trial<'_>,
    size: Size,
    all_servers_start: bool,
    test: impl FnOnce(&mut Service<'_, '_>, &mut Option<String>) -> Outcome,
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
    test: impl FnOnce(&mut Service<'_, '_>, &mut Option<String>) -> Outcome,
) -> Outcome {
    trial.describe_setting(describe(size, &conditions));
    let mut undecided = None;
    let outcome = trial.run(setup(size, conditions, all_servers_start), |world| {
        world.run_for(START_SPREAD)?;
        test(&mut Service::new(world, size), &mut undecided)
    });
    undecided.into_iter().for_each(|what| trial.undecided(what));
    outcome
}

/// The setting of a test in words.
pub fn describe(size: Size, conditions: &Conditions) -> String {
    let network = if conditions.loss > 0 { "a network that loses, doubles and reorders" } else { "a clean network" };
    let plural = if size.servers == 1 { "" } else { "s" };
    format!(
        "1 view server, {} server{plural}, {} clients, {network}; PING {} ms",
        size.servers,
        size.clients,
        PING.as_millis()
    )
}

pub fn put(key: &str, value: &str) -> Command {
    Command::Put { key: key.to_owned(), value: value.to_owned() }
}

pub fn append(key: &str, value: &str) -> Command {
    Command::Append { key: key.to_owned(), value: value.to_owned() }
}

pub fn get(key: &str) -> Command {
    Command::Get { key: key.to_owned() }
}
