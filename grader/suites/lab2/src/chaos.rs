//! Chaos: a random workload under a random subset of faults (swarm testing: Groce et al., ISSTA
//! 2012), then a healed world in which everything must come to an end, and one judgement of the
//! whole history.

use std::time::Duration;

use faultline_sim::{
    Conditions, Outcome, Trial, Workload,
    choice::{About, Choices},
    ms,
};
use lab2_api::Command;
use labkit::{NodeId, codec};

use super::{
    ANSWERED, V1,
    plans::{Crashes, Cuts, Isolations},
    server,
    service::{Service, Size, append, describe, get, in_service, put, setup},
};

/// Which faults a chaos test may draw from.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Loss, duplication, reordering.
    pub bad_network: bool,
    /// Single links, none between a server and the view server, are cut for a while, in one
    /// direction or both.
    pub cuts: bool,
    /// Single messages are late by up to half a second (none to the view server: a late ping is a
    /// dead server).
    pub stragglers: bool,
    /// Servers crash and come back.
    pub crashes: bool,
    /// Servers are cut off, paused or slow for so long that they are taken for dead, and are not.
    pub isolations: bool,
}

impl Faults {
    /// Faults of the network alone.
    pub const NETWORK: Faults = Faults {
        bad_network: true,
        cuts: true,
        stragglers: true,
        crashes: false,
        isolations: false,
    };
    /// Deaths, and a network that is bad, too.
    pub const FAILOVER: Faults = Faults {
        bad_network: true,
        cuts: true,
        stragglers: false,
        crashes: true,
        isolations: false,
    };
    /// Servers that are taken for dead and go on, while messages of earlier views are still under
    /// way.
    pub const SPLIT_BRAIN: Faults = Faults {
        bad_network: true,
        cuts: true,
        stragglers: true,
        crashes: false,
        isolations: true,
    };
}

/// A chaos test.
pub struct Chaos {
    pub size: Size,
    /// How many operations each writing client carries out.
    pub operations: u64,
    /// What each written value is filled up with.
    pub padding: &'static str,
    pub faults: Faults,
}

/// How long faults may come.
const FAULTS_LAST: Duration = ms(4_000);

const KEYS: [&str; 3] = ["x", "y", "z"];

impl Chaos {
    pub fn run(&self, trial: &mut Trial<'_>) -> Outcome {
        let choices = Choices::new(trial.seed());
        let mut draw = choices.draw(About::Plan, 0, 0);
        // A random subset, so that no fault hides behind another; seed 0 has the fewest.
        let mut drawn = |allowed: bool| allowed && draw.chance(600);
        let bad = drawn(self.faults.bad_network);
        let stragglers = drawn(self.faults.stragglers);
        let cuts = drawn(self.faults.cuts);
        let conditions = if bad {
            Conditions::bad()
        } else {
            Conditions::clean()
        };
        let mut setting = describe(self.size, &conditions);
        for (on, what) in [
            (stragglers, "single messages up to 500 ms late"),
            (cuts, "links cut for a while"),
            (self.faults.crashes, "servers crash and restart"),
            (
                self.faults.isolations,
                "servers are cut off, paused or slow for a while",
            ),
        ] {
            if on {
                setting += &format!("; {what}");
            }
        }
        trial.describe_setting(setting);
        let setup = setup(self.size, conditions.clone(), true);
        in_service(trial, setup, self.size, |service, undecided| {
            if stragglers {
                service.let_some_messages_be_late(&conditions);
            }
            self.healthy(service, choices)?;
            self.faulty(service, cuts, choices)?;
            self.healed(service, undecided)
        })
    }

    /// Without crashes and cuts at first: some operation must be answered, or nothing that follows
    /// means anything.
    fn healthy(&self, service: &mut Service<'_, '_>, choices: Choices) -> Outcome {
        service.world.phase("healthy");
        let workload = RandomWorkload {
            choices,
            operations: self.operations,
            reader: self.size.reader(),
            padding: self.padding,
        };
        service.world.set_workload(workload);
        if let Some(until) = service.world.plans_began() {
            return service.world.run_for(until.since(service.world.now()));
        }
        service.expect(
            "an operation is answered in a healthy world",
            ANSWERED,
            |world, _| {
                world
                    .history()
                    .iter()
                    .any(|operation| operation.reply.is_some())
            },
        )
    }

    fn faulty(&self, service: &mut Service<'_, '_>, cuts: bool, choices: Choices) -> Outcome {
        service.world.phase("faults");
        if self.faults.crashes {
            service
                .world
                .add_plan(Crashes::new(service, choices), ms(200));
        }
        if self.faults.isolations {
            service
                .world
                .add_plan(Isolations::new(service, choices), ms(200));
        }
        if self.faults.cuts {
            service
                .world
                .add_plan(Cuts::new(self.size, cuts, choices), ms(100));
        }
        service.world.run_plans_for(FAULTS_LAST)
    }

    fn healed(&self, service: &mut Service<'_, '_>, undecided: &mut Option<String>) -> Outcome {
        service.world.phase("healed");
        service.world.end_plans();
        service.world.set_conditions(Conditions::clean());
        service.world.heal()?;
        for number in 1..=self.size.servers {
            if service.world.is_down(server(number)) {
                service.world.start(server(number))?;
            }
        }
        service.finish(ANSWERED)?;
        service.read_all_and_judge(undecided)
    }
}

impl Service<'_, '_> {
    fn let_some_messages_be_late(&mut self, conditions: &Conditions) {
        let late = Conditions {
            stragglers: 60,
            straggle: ms(30)..=ms(500),
            ..conditions.clone()
        };
        let ids = self.world.ids();
        for (from, to) in ids
            .iter()
            .flat_map(|from| ids.iter().map(move |to| (*from, *to)))
        {
            // A late ping is a dead server.
            if to != V1 {
                self.world.set_link(from, to, Some(late.clone()));
            }
        }
    }
}

/// The longest time that a client thinks between two operations, in milliseconds.
const THINK_MS: u64 = 150;

/// Puts, appends and gets on few keys; every value that is written is a token that occurs nowhere
/// else.
struct RandomWorkload {
    choices: Choices,
    operations: u64,
    reader: NodeId,
    padding: &'static str,
}

impl Workload for RandomWorkload {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        if nth >= self.operations || client == self.reader {
            return None;
        }
        Some(self.operation(client, nth, self.padding))
    }

    fn plainer(&self, client: NodeId, nth: u64) -> Option<Vec<u8>> {
        (!self.padding.is_empty()).then(|| self.operation(client, nth, "").1)
    }
}

impl RandomWorkload {
    fn operation(&self, client: NodeId, nth: u64, padding: &str) -> (Duration, Vec<u8>) {
        let mut draw = self
            .choices
            .draw(About::Workload, u64::from(client.number()), nth);
        let think = draw.between(&(ms(1)..=ms(THINK_MS)));
        let key = *draw.pick(&KEYS);
        let token = format!("{client}.{nth}{padding};");
        let command: Command = match draw.below(10) {
            0 | 1 => put(key, &token),
            2..=5 => append(key, &token),
            _ => get(key),
        };
        (
            think,
            codec::to_bytes(&command).expect("a command has bytes"),
        )
    }
}

/// What the clients of a chaos test do, for tests of the model.
#[cfg(test)]
pub fn workload(
    seed: u64,
    operations: u64,
    reader: NodeId,
    padding: &'static str,
) -> impl Workload {
    RandomWorkload {
        choices: Choices::new(seed),
        operations,
        reader,
        padding,
    }
}
