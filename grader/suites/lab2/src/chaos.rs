//! Chaos: a random workload under a random subset of faults (swarm testing: Groce et al., ISSTA
//! 2012), then a healed world in which everything must come to an end, and one judgement of the
//! whole history.

use std::time::Duration;

use faultline_labtest::{chaos, kv::KvWorkload, plans::Departures};
use faultline_sim::{
    Conditions, Outcome, Trial,
    choice::{About, Choices},
    ms,
};
use labkit::NodeId;

use super::{
    ANSWERED, Lab2, V1,
    plans::{Crashes, Cuts, Isolations},
    server,
    service::{KvService, Service, Size, describe, in_service, setup},
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
    /// How large the service is.
    pub size: Size,
    /// How many operations each writing client carries out.
    pub operations: u64,
    /// What each written value is filled up with.
    pub padding: &'static str,
    /// Which faults it may draw from.
    pub faults: Faults,
}

/// Duration of the phase of faults.
const FAULTS_LAST: Duration = ms(4_000);

impl Chaos {
    /// Runs it.
    pub fn run(&self, trial: &mut Trial<'_>) -> Outcome {
        let choices = Choices::new(trial.seed());
        let mut draw = choices.draw(About::Plan, 0, 0);
        // A random subset, so that no fault hides behind another; seed 0 has the fewest.
        let mut drawn = |allowed: bool| allowed && draw.chance(600);
        let bad = drawn(self.faults.bad_network);
        let stragglers = drawn(self.faults.stragglers);
        let cuts = drawn(self.faults.cuts);
        let departures = drawn(true);
        let conditions = chaos::network(bad, false);
        let setting = chaos::with_faults(
            describe(self.size, &conditions),
            &[
                (stragglers, "single messages up to 500 ms late"),
                (cuts, "links cut for a while"),
                (departures, "clients leave for good, others come"),
                (self.faults.crashes, "servers crash and restart"),
                (
                    self.faults.isolations,
                    "servers are cut off, paused or slow for a while",
                ),
            ],
        );
        trial.describe_setting(setting);
        let setup = setup(self.size, conditions.clone(), true);
        in_service(trial, setup, self.size, |service| {
            if stragglers {
                service.let_some_messages_be_late(&conditions);
            }
            self.healthy(service, choices)?;
            self.faulty(service, (cuts, departures), choices)?;
            self.healed(service)
        })
    }

    /// Without crashes and cuts at first: some operation must be answered, or nothing that follows
    /// means anything.
    fn healthy(&self, service: &mut Service<'_, '_>, choices: Choices) -> Outcome {
        let reader = self.size.reader();
        let workload = KvWorkload::<Lab2>::new(choices, self.operations, reader, self.padding);
        let outcome = chaos::healthy(service.world, workload, ANSWERED);
        service.with_state(outcome)
    }

    fn faulty(
        &self,
        service: &mut Service<'_, '_>,
        (cuts, departures): (bool, bool),
        choices: Choices,
    ) -> Outcome {
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
        service
            .world
            .add_plan(Departures::new(1, departures, choices), ms(150));
        service.world.run_plans_for(FAULTS_LAST)
    }

    fn healed(&self, service: &mut Service<'_, '_>) -> Outcome {
        chaos::heal(service.world)?;
        let servers: Vec<NodeId> = (1..=self.size.servers).map(server).collect();
        chaos::start_all(service.world, &servers)?;
        service.finish(ANSWERED)?;
        service.read_all_and_judge()
    }
}

impl Service<'_, '_> {
    fn let_some_messages_be_late(&mut self, conditions: &Conditions) {
        let late = Conditions {
            stragglers: 60,
            straggle: chaos::LATE,
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
