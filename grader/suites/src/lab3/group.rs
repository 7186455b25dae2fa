//! A group of servers, and who speaks to it: in part A the test itself, which proposes; elsewhere
//! clients.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_sim::{
    Conditions, FailureKind, NodeSpec, Outcome, Role, Setup, Stop, Trial, World, ms,
};
use lab3_api::{Bytes, ClientConfig, Command, Given, Output, ServerConfig, Slot, Value};
use labkit::{NodeId, codec};
use serde::Serialize;

use super::{
    ANSWERED, ANSWERED_UNDER_LOSS, ballots, client,
    log::{LogWatch, say_value},
    model::{answer_of, asked, command_of, judge, key_of, output_of},
    server,
};

/// How large a group is, and how many clients it has: none in part A.
#[derive(Clone, Copy)]
pub struct Size {
    pub servers: u32,
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

    pub fn servers(self) -> Vec<NodeId> {
        (1..=self.servers).map(server).collect()
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
        for number in 1..=self.clients {
            let config = bytes(&ClientConfig {
                servers: servers.clone(),
            });
            nodes.push(NodeSpec {
                id: client(number),
                role: Role::Client { role: 1, config },
                starts: true,
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
        let count = |number: u32, what: &str| {
            format!("{number} {what}{}", if number == 1 { "" } else { "s" })
        };
        let network = if conditions.loss > 0 {
            "a network that loses, doubles and reorders"
        } else {
            "a clean network"
        };
        let asks = match self.clients {
            0 => "the test c1 proposes".to_owned(),
            clients => count(clients, "client"),
        };
        format!("{}, {asks}, {network}", count(self.servers, "server"))
    }
}

pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    codec::to_bytes(value).expect("what the lab gives has bytes")
}

/// A running group.
pub struct Group<'w, 'b> {
    pub world: &'w mut World<'b>,
    pub size: Size,
    pub log: Rc<RefCell<LogWatch>>,
    /// A check without a decision.
    pub undecided: Option<String>,
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
        let value = self.log.borrow().chosen(slot).cloned();
        if value == Some(Value::Bytes(Bytes(expected.as_bytes().to_vec()))) {
            return Ok(());
        }
        let value = value.as_ref().map_or("nothing".to_owned(), say_value);
        self.log.borrow_mut().is_about(slot);
        Err(self.world.violation(format!(
            "in slot {slot} {value} is chosen; only {expected:?} can be"
        )))
    }

    /// Nobody may learn a value of this slot in this time.
    #[track_caller]
    pub fn nothing_chosen(&mut self, slot: Slot, why: &str, time: Duration) -> Outcome {
        let log = Rc::clone(&self.log);
        self.world
            .run_until(time, |_| Ok(log.borrow().chosen(slot).is_some()))?;
        let value = self.log.borrow().chosen(slot).map(say_value);
        match value {
            Some(value) => {
                self.log.borrow_mut().is_about(slot);
                Err(self
                    .world
                    .violation(format!("{value} was chosen in slot {slot}, although {why}")))
            }
            None => Ok(()),
        }
    }

    fn in_slot(&self, stop: Stop, slot: Slot) -> Stop {
        self.log.borrow_mut().is_about(slot);
        match stop {
            Stop::Violation(mut violation) if violation.kind == FailureKind::NoProgress => {
                violation.observed += &format!(" {}", self.log.borrow().state(slot));
                Stop::Violation(violation)
            }
            stop => stop,
        }
    }
}

/// Parts B to D.
impl Group<'_, '_> {
    /// Invokes an operation; the answer will come some time.
    pub fn invoke(&mut self, client: NodeId, command: &Command) -> Outcome {
        self.world.invoke(client, bytes(command))
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
        let within = self.within();
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

    /// Judges what clients saw so far.
    pub fn judge(&mut self) -> Outcome {
        judge(self.world, &self.log.borrow(), &mut self.undecided)
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
                let answer = answer_of(self.world, index);
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
        self.world.expect_answers(within)
    }

    /// The client that never wrote reads all keys that any client used, and the whole history is
    /// judged.
    #[track_caller]
    pub fn read_all_and_judge(&mut self) -> Outcome {
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
        self.judge()
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
    /// Within this time what must happen has happened, as the handout says.
    pub fn within(&self) -> Duration {
        if self.world.conditions().loss > 0 {
            ANSWERED_UNDER_LOSS
        } else {
            ANSWERED
        }
    }

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
        "{}; a crash takes all that was not synced",
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
        LogWatch::follow(&log, world);
        let mut group = Group {
            world,
            size,
            log: Rc::clone(&log),
            undecided: None,
        };
        let outcome = test(&mut group);
        undecided = group.undecided.take();
        if size.clients > 0 {
            list = asked(group.world, &log.borrow(), &outcome);
        }
        outcome
    });
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
        LogWatch::follow(&log.borrow(), world);
        world.run_for(ms(60))?;
        let mut group = Group {
            world,
            size,
            log: Rc::clone(&log.borrow()),
            undecided: None,
        };
        let outcome = test(&mut group);
        if size.clients > 0 {
            list.replace(asked(group.world, &log.borrow().borrow(), &outcome));
        }
        outcome
    });
    trial.draw(log.borrow().borrow().picture());
    trial.list(list.into_inner());
    outcome
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
