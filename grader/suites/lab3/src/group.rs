//! A group of servers, and who speaks to it: in part A the test itself, which proposes; elsewhere
//! clients.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_labtest::{TO_COME, client, count, kv::Judgement, say_network, server};
pub use faultline_labtest::{
    bytes,
    kv::{KvService, append, get, put},
};
use faultline_sim::{
    Conditions, FailureKind, NodeSpec, Outcome, Role, Setup, Stop, Trial, World, ms,
};
use lab3_api::{Bytes, ClientConfig, Given, ServerConfig, Slot, Value};
use labkit::NodeId;

use super::{Lab3, PATIENCE, ballots, log::LogWatch};

/// How large a group is, and how many clients it has: none in part A.
#[derive(Clone, Copy)]
pub struct Size {
    /// How many servers it has.
    pub servers: u32,
    /// How many clients.
    pub clients: u32,
}

impl Size {
    /// Servers alone, for part A.
    pub const fn alone(servers: u32) -> Size {
        Size {
            servers,
            clients: 0,
        }
    }

    /// The last client is the one that never writes.
    pub fn reader(self) -> NodeId {
        client(self.clients)
    }

    /// Its servers.
    pub fn servers(self) -> Vec<NodeId> {
        (1..=self.servers).map(server).collect()
    }

    /// Its clients.
    pub fn clients(self) -> Vec<NodeId> {
        (1..=self.clients).map(client).collect()
    }

    /// The world in which they live. Servers start within 60 ms, each at its own moment.
    pub fn setup(self, conditions: Conditions) -> Setup {
        let (servers, in_part_a) = (self.servers(), self.clients == 0);
        let mut nodes = Vec::new();
        for id in self.servers() {
            let config = bytes(&ServerConfig {
                servers: servers.clone(),
                may_clear: !in_part_a,
            });
            nodes.push(NodeSpec {
                id,
                role: Role::Server { role: 0, config },
                starts: true,
            });
        }
        let to_come = if in_part_a { 0 } else { TO_COME };
        for number in 1..=self.clients + to_come {
            let config = bytes(&ClientConfig {
                servers: servers.clone(),
            });
            nodes.push(NodeSpec {
                id: client(number),
                role: Role::Client { role: 1, config },
                starts: number <= self.clients,
            });
        }
        if in_part_a {
            nodes.push(NodeSpec::puppet(client(1), 1));
        }
        Setup {
            start_spread: ms(60),
            ..Setup::new(nodes, conditions)
        }
    }

    /// The setting of a test in words.
    pub fn describe(self, conditions: &Conditions) -> String {
        let asks = match self.clients {
            0 => "the test c1 proposes".to_owned(),
            clients => count(clients as usize, "client"),
        };
        let servers = count(self.servers as usize, "server");
        format!("{servers}, {asks}, {}", say_network(conditions))
    }
}

/// A running group.
pub struct Group<'w, 'b> {
    /// The world that it runs in.
    pub world: &'w mut World<'b>,
    /// How large it is.
    pub size: Size,
    /// What was seen of its log.
    pub log: Rc<RefCell<LogWatch>>,
    /// What was judged so far.
    pub judgement: Judgement<Lab3>,
}

/// Part A.
impl Group<'_, '_> {
    /// The test proposes a value to a server. The message is not lost, but it takes its time.
    pub fn propose(&mut self, server: NodeId, slot: Slot, value: &str) -> Outcome {
        let value = Bytes(value.as_bytes().to_vec());
        let mut log = self.log.borrow_mut();
        log.proposed
            .get_or_insert_default()
            .entry(slot)
            .or_default()
            .insert(value.clone());
        drop(log);
        self.world.heal_link(client(1), server)?;
        self.world
            .set_link(client(1), server, Some(Conditions::steady()));
        self.world
            .send_given(client(1), server, &bytes(&Given::Propose { slot, value }))
    }

    /// All these servers must come to know that the slots are chosen.
    #[track_caller]
    pub fn must_choose(&mut self, slots: &[Slot], servers: &[NodeId]) -> Outcome {
        let within = self.within();
        let names: Vec<String> = servers.iter().map(NodeId::to_string).collect();
        for slot in slots {
            let what = format!("{} know what is chosen in slot {slot}", names.join(", "));
            self.expect(&what, within, |_, log| {
                servers.iter().all(|server| log.knows(*server, *slot))
            })
            .map_err(|stop| self.in_slot(stop, *slot))?;
        }
        Ok(())
    }

    /// What is chosen in the slot must be this.
    #[track_caller]
    pub fn must_hold(&mut self, slot: Slot, expected: &str) -> Outcome {
        let chosen = self.log.borrow().chosen(slot).cloned();
        if chosen == Some(Value::Bytes(Bytes(expected.as_bytes().to_vec()))) {
            return Ok(());
        }
        let mut log = self.log.borrow_mut();
        log.is_about(slot);
        let value = match &chosen {
            Some(value) => log.ladders.say(value),
            None => "nothing".to_owned(),
        };
        let text = format!("in slot {slot} {value} is chosen; only {expected:?} can be");
        Err(log.about(self.world.violation(text), slot, &chosen))
    }

    /// Nobody may learn a value of this slot in this time.
    #[track_caller]
    pub fn nothing_chosen(&mut self, slot: Slot, why: &str, time: Duration) -> Outcome {
        let log = Rc::clone(&self.log);
        self.world
            .run_until(time, |_| Ok(log.borrow().chosen(slot).is_some()))?;
        let mut log = self.log.borrow_mut();
        let Some(value) = log.chosen(slot).map(|value| log.ladders.say(value)) else {
            return Ok(());
        };
        log.is_about(slot);
        let text = format!("{value} was chosen in slot {slot}, although {why}");
        Err(log.about(self.world.violation(text), slot, []))
    }

    fn in_slot(&self, stop: Stop, slot: Slot) -> Stop {
        self.log.borrow_mut().is_about(slot);
        match stop {
            Stop::Violation(mut violation) if violation.kind == FailureKind::NoProgress => {
                violation.observed += &format!(" {}", self.log.borrow().state(slot));
                let log = self.log.borrow();
                log.about(Stop::Violation(violation), slot, [])
            }
            stop => stop,
        }
    }
}

/// Parts B to D.
impl<'b> KvService<'b> for Group<'_, 'b> {
    type Lab = Lab3;

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

    fn judgement(&mut self) -> &mut Judgement<Lab3> {
        &mut self.judgement
    }
}

impl<'w, 'b> Group<'w, 'b> {
    fn new(world: &'w mut World<'b>, size: Size, log: &Rc<RefCell<LogWatch>>) -> Self {
        LogWatch::follow(log, world);
        Group {
            world,
            size,
            log: Rc::clone(log),
            judgement: Judgement::default(),
        }
    }

    /// A server that was away must come to know what the others have decided, although nobody asks
    /// it for anything.
    #[track_caller]
    pub fn must_catch_up(&mut self, server: NodeId) -> Outcome {
        let within = self.within();
        let what = format!("{server} knows what was chosen while it was away");
        self.expect(&what, within, |_, log| log.knows_all(server))
    }

    /// Starts every server that is down.
    pub fn start_all(&mut self) -> Outcome {
        for server in self.size.servers() {
            if self.world.is_down(server) {
                self.world.start(server)?;
            }
        }
        Ok(())
    }
}

impl Group<'_, '_> {
    /// Lets time pass until something holds that must come to hold.
    #[track_caller]
    pub fn expect(
        &mut self,
        what: &str,
        within: Duration,
        mut holds: impl FnMut(&mut World<'_>, &LogWatch) -> bool,
    ) -> Outcome {
        let log = Rc::clone(&self.log);
        self.world
            .expect(what, within, |world| Ok(holds(world, &log.borrow())))
    }
}

/// Runs a directed test of a group under the trial's conditions.
pub fn with_group(
    trial: &mut Trial<'_>,
    size: Size,
    test: impl FnOnce(&mut Group<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = trial.conditions();
    with_group_under(trial, conditions, size, test)
}

/// Runs a directed test of a group under these conditions.
pub fn with_group_under(
    trial: &mut Trial<'_>,
    conditions: Conditions,
    size: Size,
    test: impl FnOnce(&mut Group<'_, '_>) -> Outcome,
) -> Outcome {
    trial.describe_setting(size.describe(&conditions));
    in_group(trial, size.setup(conditions), size, |group| {
        group.world.run_for(ms(60))?;
        test(group)
    })
}

/// Runs a directed test of a group in which a crash takes all with it that was not synced.
pub fn with_group_at_worst(
    trial: &mut Trial<'_>,
    size: Size,
    test: impl FnOnce(&mut Group<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = trial.conditions();
    trial.describe_setting(format!(
        "{}; a crash loses everything that was not synced",
        size.describe(&conditions)
    ));
    let setup = Setup {
        unsynced_is_lost: true,
        ..size.setup(conditions)
    };
    in_group(trial, setup, size, |group| {
        group.world.run_for(ms(60))?;
        test(group)
    })
}

/// What clients saw is at issue: the picture is of the slot that has one of the texts in it.
fn show_slot_of(log: &Rc<RefCell<LogWatch>>, outcome: &Outcome) {
    if let Err(Stop::Violation(violation)) = outcome {
        for value in violation.subject.values.iter().rev() {
            log.borrow_mut().is_about_text(value.trim_matches('"'));
        }
    }
}

/// Runs a test in a group of this setup, and draws what happened to the log.
pub fn in_group(
    trial: &mut Trial<'_>,
    setup: Setup,
    size: Size,
    test: impl FnOnce(&mut Group<'_, '_>) -> Outcome,
) -> Outcome {
    let log = LogWatch::new(size);
    let (mut list, mut undecided) = (Vec::new(), None);
    let outcome = trial.run(setup, |world| {
        let mut group = Group::new(world, size, &log);
        let outcome = test(&mut group);
        undecided = group.judgement.take_undecided();
        if size.clients > 0 {
            log.borrow_mut().ladders.learn(group.world.history());
            list = group.judgement.asked(group.world, &outcome);
        }
        outcome
    });
    show_slot_of(&log, &outcome);
    undecided.into_iter().for_each(|what| trial.undecided(what));
    trial.draw(log.borrow().picture());
    trial.list(list);
    outcome
}

/// Runs a test once for each boundary between two effects at which the server that it sweeps can
/// crash. What was not synced is lost then.
pub fn with_crash_sweep(
    trial: &mut Trial<'_>,
    size: Size,
    who: &str,
    worst: bool,
    test: impl Fn(&mut Group<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = ballots::conditions(trial);
    trial.describe_setting(format!(
        "{}; {who} crashes between two effects",
        size.describe(&conditions)
    ));
    let (log, list) = (RefCell::new(LogWatch::new(size)), RefCell::default());
    // Where all is lost that can be, a crash at the right moment is enough. But some mistakes show
    // only where a later write survives and an earlier one does not.
    let setup = Setup {
        unsynced_is_lost: worst,
        ..size.setup(conditions)
    };
    let outcome = trial.crash_sweep(&setup, |world| {
        // Each boundary has a world of its own; the picture is of the last.
        log.replace(LogWatch::new(size));
        let mut group = Group::new(world, size, &log.borrow());
        group.world.run_for(ms(60))?;
        let outcome = test(&mut group);
        if size.clients > 0 {
            let history = group.world.history();
            log.borrow().borrow_mut().ladders.learn(history);
            list.replace(group.judgement.asked(group.world, &outcome));
        }
        outcome
    });
    show_slot_of(&log.borrow(), &outcome);
    trial.draw(log.borrow().borrow().picture());
    trial.list(list.into_inner());
    outcome
}
