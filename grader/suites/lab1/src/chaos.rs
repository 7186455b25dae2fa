//! Chaos: jobs under a random subset of faults (swarm testing: Groce et al., ISSTA 2012), then a
//! healed world in which all of them must end as a sequential run does.

use std::time::Duration;

use faultline_labtest::chaos;
use faultline_sim::{
    Outcome, Plan, Trial, Workload, World,
    choice::{About, Choices, Draw},
    ms,
};
use lab1_api::{App, Job};
use labkit::NodeId;

use super::{
    ENDS, M1,
    cluster::{Cluster, Members, bytes, job},
    plant::Takes,
    scenes::{ORDERED, POSITIONS},
    worker,
};

/// Which faults a chaos test may draw from.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Workers crash, and come back with their disks or without.
    pub workers: bool,
    /// Workers are cut off from all or from some.
    pub cuts: bool,
    /// The coordinator crashes and comes back with its disk.
    pub coordinator: bool,
}

impl Faults {
    /// A bad network and nothing else.
    pub const NETWORK: Faults = Faults {
        workers: false,
        cuts: false,
        coordinator: false,
    };
    /// Everything that may happen to workers.
    pub const WORKERS: Faults = Faults {
        workers: true,
        cuts: true,
        coordinator: false,
    };
    /// And to the coordinator.
    pub const ALL: Faults = Faults {
        coordinator: true,
        ..Faults::WORKERS
    };
}

/// A chaos test.
pub struct Chaos {
    /// How many workers there are.
    pub workers: u32,
    /// Which faults it may draw from.
    pub faults: Faults,
}

/// Duration of the phase of faults.
const FAULTS_LAST: Duration = ms(4_000);

/// The maximum number of faults that hit workers in one run; no task can be hit more often than
/// that.
const MOST: u32 = 10;

impl Chaos {
    /// Two clients and three jobs.
    fn members(&self, trial: &Trial<'_>, draw: &mut Draw) -> Members {
        let jobs: Vec<Job> = [(1, App::WORD_COUNT), (2, ORDERED), (3, POSITIONS)]
            .into_iter()
            .map(|(id, app)| Job {
                max_attempts: 2 * MOST,
                ..job(id, app, draw.below(9) as u32, 1 + draw.below(4) as u32)
            })
            .collect();
        let takes = Takes {
            spread: 1_500,
            ..Takes::equal(ms(120), ms(100))
        };
        Members {
            clients: 2,
            ..Members::new(trial, self.workers, jobs, takes)
        }
    }

    /// Runs it.
    pub fn run(&self, trial: &mut Trial<'_>) -> Outcome {
        let choices = Choices::new(trial.seed());
        let mut draw = choices.draw(About::Plan, 0, 0);
        // A random subset, so that no fault hides behind another.
        let bad = draw.chance(650) || !self.faults.workers;
        let late = draw.chance(500);
        let mut drawn = |allowed: bool| allowed && draw.chance(700);
        let (crashes, cuts) = (drawn(self.faults.workers), drawn(self.faults.cuts));
        let (slow, forgets) = (drawn(self.faults.workers), drawn(true));
        let mut conditions = chaos::network(bad, false);
        if late {
            (conditions.stragglers, conditions.straggle) = (50, ms(30)..=ms(400));
        }
        let mut members = self.members(trial, &mut draw);
        if slow {
            members
                .slow
                .insert(worker(1 + draw.below(u64::from(self.workers)) as u32), 6);
        }
        let more = chaos::with_faults(
            String::new(),
            &[
                (late, "single messages up to 400 ms late"),
                (slow, "one machine 6 times as slow"),
                (crashes, "workers crash and restart"),
                (crashes && forgets, "some without their disks"),
                (cuts, "workers are cut off for a while"),
                (
                    self.faults.coordinator,
                    "the coordinator crashes and restarts",
                ),
            ],
        );
        members.act_under(trial, conditions, &more, |cluster| {
            cluster.world.phase("faults");
            cluster.world.set_workload(Jobs {
                jobs: cluster.members.jobs.clone(),
                choices,
            });
            if self.faults.workers {
                let plan = Workers {
                    choices,
                    workers: cluster.members.workers(),
                    crashes,
                    cuts,
                    forgets,
                    left: MOST,
                };
                cluster.world.add_plan(
                    Workers {
                        crashes: crashes || !cuts,
                        ..plan
                    },
                    ms(100),
                );
            }
            if self.faults.coordinator {
                cluster
                    .world
                    .add_plan(Coordinator { choices, wakes: 0 }, ms(200));
            }
            cluster.world.run_plans_for(FAULTS_LAST)?;
            healed(cluster)
        })
    }
}

fn healed(cluster: &mut Cluster<'_, '_>) -> Outcome {
    chaos::heal(cluster.world)?;
    let machines: Vec<NodeId> = std::iter::once(M1)
        .chain(cluster.members.workers())
        .collect();
    chaos::start_all(cluster.world, &machines)?;
    cluster.world.expect_answers(ENDS)?;
    let ended: Vec<(u64, Vec<u8>)> = cluster
        .world
        .history()
        .iter()
        .filter_map(|operation| {
            let job: Job =
                labkit::codec::from_bytes(&operation.command).expect("the test wrote it");
            Some((job.id, operation.reply.as_ref()?.1.clone()))
        })
        .collect();
    for (job, answer) in &ended {
        if labkit::codec::from_bytes(answer) != Ok(lab1_api::Outcome::Done) {
            let text = format!(
                "job {job} ended as failed, but no task can have killed {} workers: only {MOST} \
                 faults hit workers",
                2 * MOST
            );
            return Err(cluster.world.violation(text));
        }
    }
    let mut jobs: Vec<u64> = ended.into_iter().map(|(job, _)| job).collect();
    jobs.sort_unstable();
    jobs.dedup();
    cluster.stays_done(&jobs, ms(2_000))
}

/// c1 submits jobs 1 and 3, c2 jobs 2 and 3.
struct Jobs {
    jobs: Vec<Job>,
    choices: Choices,
}

impl Workload for Jobs {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let id = match nth {
            0 => u64::from(client.number()),
            1 => 3,
            _ => return None,
        };
        let job = self.jobs.iter().find(|job| job.id == id)?;
        let mut draw = self
            .choices
            .draw(About::Workload, u64::from(client.number()), nth);
        Some((draw.between(&(ms(1)..=ms(300))), bytes(job)))
    }
}

/// What happens to workers, one thing after the other.
struct Workers {
    choices: Choices,
    workers: Vec<NodeId>,
    crashes: bool,
    cuts: bool,
    forgets: bool,
    left: u32,
}

impl Plan for Workers {
    fn name(&self) -> &'static str {
        "crashes and cuts of workers"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        let mut draw = self.choices.draw(About::Plan, 1, u64::from(self.left));
        let next = Some(draw.between(&(ms(60)..=ms(700))));
        // First what is down or cut off may come back.
        for node in &self.workers {
            if world.is_down(*node) && draw.chance(600) {
                if self.forgets && draw.chance(500) {
                    world.lose_disk(*node)?;
                }
                world.start(*node)?;
            }
        }
        if self.left == 0 || !world.may_begin_fault() {
            return Ok((false, next));
        }
        self.left -= 1;
        let node = *draw.pick(&self.workers);
        match draw.below(6) {
            0 | 1 if self.crashes && world.is_up(node) => {
                world.crash_in_next_event(node, draw.bits());
                Ok((true, next))
            }
            2 if self.crashes && world.is_up(node) => {
                world.restart_quickly(node)?;
                Ok((true, next))
            }
            3 if self.cuts => {
                world.isolate(node)?;
                Ok((true, next))
            }
            4 if self.cuts => {
                let other = *draw.pick(&self.workers);
                let (from, to) = if draw.chance(500) {
                    (node, M1)
                } else {
                    (node, other)
                };
                world.cut(from, to)?;
                Ok((true, next))
            }
            5 if self.cuts => {
                world.heal()?;
                Ok((false, next))
            }
            _ => Ok((false, next)),
        }
    }
}

/// What happens to the coordinator.
struct Coordinator {
    choices: Choices,
    wakes: u64,
}

impl Plan for Coordinator {
    fn name(&self) -> &'static str {
        "crashes of the coordinator"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 2, self.wakes);
        if world.is_down(M1) {
            world.start(M1)?;
            return Ok((false, Some(draw.between(&(ms(400)..=ms(1_500))))));
        }
        if !world.may_begin_fault() {
            return Ok((false, Some(ms(100))));
        }
        world.crash_in_next_event(M1, draw.bits());
        Ok((true, Some(draw.between(&(ms(60)..=ms(600))))))
    }
}
