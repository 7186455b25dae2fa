//! Chaos: a random workload under a random subset of faults (swarm testing: Groce et al., ISSTA
//! 2012), then a healed world in which everything must come to an end, and one judgement of the
//! whole history.

use std::time::Duration;

use faultline_labtest::{
    chaos,
    kv::KvWorkload,
    plans::{Crashes, Departures, Partitions},
};
use faultline_sim::{
    Conditions, Outcome, Trial,
    choice::{About, Choices, Draw},
    ms,
};
use lab3_api::Slot;
use labkit::NodeId;

use super::{
    ANSWERED, Lab3,
    ballots::settle,
    group::{Group, KvService, Size, in_group},
};

/// Which faults a chaos test may draw from.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Loss, duplication, reordering, and single messages that are late by up to half a second.
    pub bad_network: bool,
    /// Links are cut: servers from one another, servers from clients, in one direction or both.
    pub partitions: bool,
    /// Servers crash, one or all at once, and come back.
    pub crashes: bool,
    /// One server loses its disk.
    pub lost_disk: bool,
}

impl Faults {
    /// What every network does, and nothing else.
    pub const NONE: Faults = Faults {
        bad_network: true,
        partitions: false,
        crashes: false,
        lost_disk: false,
    };
    /// Faults of the network alone.
    pub const NETWORK: Faults = Faults {
        partitions: true,
        ..Faults::NONE
    };
    /// Crashes, and a network that is bad, too.
    pub const RECOVERY: Faults = Faults {
        crashes: true,
        ..Faults::NETWORK
    };
    /// All of it, and one lost disk.
    pub const LOST_DISK: Faults = Faults {
        lost_disk: true,
        ..Faults::RECOVERY
    };
}

/// A chaos test of the service.
pub struct Chaos {
    /// How large the service is.
    pub size: Size,
    /// How many operations each writing client carries out.
    pub operations: u64,
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
        // A random subset, so that no fault hides behind another.
        let mut drawn = |allowed: bool| allowed && draw.chance(650);
        let (bad, late) = (
            drawn(self.faults.bad_network),
            drawn(self.faults.bad_network),
        );
        let (partitions, crashes) = (drawn(self.faults.partitions), drawn(self.faults.crashes));
        let departures = drawn(true);
        let conditions = chaos::network(bad, late);
        let setting = chaos::with_faults(
            self.size.describe(&conditions),
            &[
                (late, "single messages up to 500 ms late"),
                (partitions, "links are cut for a while"),
                (crashes, "servers crash and restart"),
                (self.faults.lost_disk, "one server loses its disk"),
                (departures, "clients leave for good, others come"),
            ],
        );
        trial.describe_setting(setting);
        in_group(trial, self.size.setup(conditions), self.size, |group| {
            let reader = self.size.reader();
            let workload = KvWorkload::<Lab3>::new(choices, self.operations, reader, "");
            chaos::healthy(group.world, workload, ANSWERED)?;
            group.world.phase("faults");
            if self.faults.partitions {
                group.world.add_plan(
                    Partitions::new(
                        self.size.servers(),
                        self.size.clients(),
                        partitions,
                        choices,
                    ),
                    ms(100),
                );
            }
            if self.faults.crashes || self.faults.lost_disk {
                group.world.add_plan(
                    Crashes::new(self.size.servers(), crashes, self.faults.lost_disk, choices),
                    ms(150),
                );
            }
            let departures = Departures::new(1, departures, choices);
            group.world.add_plan(departures, ms(150));
            group.world.run_plans_for(FAULTS_LAST)?;
            self.healed(group)
        })
    }

    fn healed(&self, group: &mut Group<'_, '_>) -> Outcome {
        chaos::heal(group.world)?;
        group.start_all()?;
        group.finish(ANSWERED)?;
        group.read_all_and_judge()
    }
}

/// Chaos in part A: the test proposes here and there, in old slots and new ones, and does to the
/// servers what it likes. All of it are steps of the test, so that a failure can be told with fewer
/// of them.
pub fn agreement(trial: &mut Trial<'_>, size: Size, steps: u64) -> Outcome {
    let choices = Choices::new(trial.seed());
    let mut draw = choices.draw(About::Plan, 0, 0);
    let conditions = if draw.chance(600) {
        Conditions::bad()
    } else {
        Conditions::clean()
    };
    let (cuts, crashes) = (draw.chance(600), draw.chance(600));
    let mut setting = size.describe(&conditions);
    for (on, what) in [
        (cuts, "; links are cut for a while"),
        (crashes, "; servers crash and restart"),
    ] {
        setting += if on { what } else { "" };
    }
    trial.describe_setting(setting);
    in_group(trial, size.setup(conditions), size, |group| {
        group.world.run_for(ms(60))?;
        group.propose(super::server(1), 1, "in a healthy world")?;
        group.must_choose(&[1], &[super::server(1)])?;
        let mut last = 1;
        for step in 0..steps {
            let mut draw = choices.draw(About::Plan, 1, step);
            group.world.run_for(draw.between(&(ms(5)..=ms(160))))?;
            if group.world.may_do(step) {
                one_step(group, step, &mut last, (cuts, crashes), &mut draw)?;
            }
        }
        group.world.set_conditions(Conditions::clean());
        settle(group, &(1..=last).collect::<Vec<Slot>>())
    })
}

fn one_step(
    group: &mut Group<'_, '_>,
    step: u64,
    last: &mut Slot,
    (cuts, crashes): (bool, bool),
    draw: &mut Draw,
) -> Outcome {
    let servers = group.size.servers();
    let server = *draw.pick(&servers);
    match draw.below(12) {
        0 | 1 if cuts => {
            let (some, rest): (Vec<NodeId>, Vec<NodeId>) =
                servers.iter().partition(|_| draw.chance(500));
            group.world.partition(&[&some, &rest])
        }
        2 if cuts => group.world.cut(server, *draw.pick(&servers)),
        3 if cuts => group.world.hold(server, *draw.pick(&servers)),
        4 | 5 if cuts => group.world.heal(),
        6 if crashes => {
            group.world.crash_in_next_event(server, draw.bits());
            Ok(())
        }
        7 if crashes => group.world.restart_quickly(server),
        6..=8 => group.start_all(),
        _ => {
            let slot = (*last + 2).saturating_sub(draw.below(4)).max(1);
            *last = (*last).max(slot);
            group.propose(server, slot, &format!("{step} of {server}"))
        }
    }
}
