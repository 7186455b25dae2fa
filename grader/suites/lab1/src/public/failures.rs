//! Part C: workers that die, come back, are cut off or slow.

use faultline_sim::{Outcome, Trial, choice::About, ms};
use lab1_api::App;
use labkit::NodeId;

use crate::{
    chaos::{Chaos, Faults},
    client,
    cluster::{Members, job},
    costs,
    plant::{Piece, Takes, TaskKind},
    scenes::{self, ORDERED},
    worker,
};

pub fn a_dead_workers_task_runs_again(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, App::WORD_COUNT, 4, 3)],
        Takes::equal(ms(400), ms(400)),
    );
    let kind = if trial.number() % 2 == 0 {
        TaskKind::Map
    } else {
        TaskKind::Reduce
    };
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.until(client(1), |cluster| {
            cluster
                .running(worker(1))
                .is_some_and(|piece| piece.kind == kind)
        })?;
        cluster.world.run_for(ms(120))?;
        cluster.world.crash(worker(1))?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn a_worker_may_die_at_any_point(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, ORDERED, 2, 2)],
        Takes::equal(ms(120), ms(80)),
    );
    scenes::sweep(trial, &members, worker(1), ms(100), true, |_| Ok(()))
}

pub fn lost_map_output_is_made_again(trial: &mut Trial<'_>) -> Outcome {
    scenes::output_is_lost(trial, (3, 6, 3), 1, App::WORD_COUNT)
}

pub fn map_output_lost_while_it_is_fetched(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        3,
        vec![job(1, ORDERED, 5, 4)],
        Takes::equal(ms(200), ms(250)),
    );
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.until(client(1), |cluster| cluster.maps_done(1) == 5)?;
        let mut draw = cluster.world.choices().draw(About::Plan, 0, 0);
        cluster.world.run_for(draw.between(&(ms(0)..=ms(60))))?;
        let holder = |node: &&NodeId| {
            cluster
                .works()
                .iter()
                .any(|(piece, work)| piece.kind == TaskKind::Map && work.by.node == **node)
        };
        let holders: Vec<NodeId> = cluster
            .members
            .workers()
            .iter()
            .filter(holder)
            .copied()
            .collect();
        let victim = *draw.pick(&holders);
        cluster.world.crash(victim)?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn a_quick_restart_is_noticed(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, App::WORD_COUNT, 5, 3)],
        Takes::equal(ms(200), ms(200)),
    );
    let loses_disk = trial.number() % 2 == 0;
    members.act(trial, |cluster| {
        // Again and again, before silence could tell anybody: while it computes, and while it holds
        // what others need.
        cluster.submit(client(1), 1)?;
        for nth in 0..3 {
            let mut draw = cluster.world.choices().draw(About::Plan, 0, nth);
            cluster.world.run_for(draw.between(&(ms(90)..=ms(420))))?;
            cluster.restart(worker(1), loses_disk)?;
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn a_cut_off_worker_reports_late(trial: &mut Trial<'_>) -> Outcome {
    let mut takes = Takes::equal(ms(400), ms(300));
    takes.special.insert(Piece::map(1, 3), ms(2_200));
    let members = Members::new(trial, 2, vec![job(1, App::WORD_COUNT, 4, 2)], takes);
    let away = [ms(700), ms(1_400), ms(2_600), ms(2_900)][trial.number() as usize % 4];
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.until(client(1), |cluster| cluster.running(worker(1)).is_some())?;
        // It goes on alone, and says later what it has done; others have done it meanwhile, or are
        // at it.
        cluster.world.isolate(worker(1))?;
        cluster.world.run_for(away)?;
        cluster.world.heal()?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(2_500))
    })
}

pub fn a_late_copy_leaves_the_output_alone(trial: &mut Trial<'_>) -> Outcome {
    scenes::late_copy(trial, 2, 20)
}

pub fn all_workers_die_and_new_ones_come(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        3,
        vec![job(1, App::WORD_COUNT, 6, 3)],
        Takes::equal(ms(300), ms(300)),
    );
    let members = Members { late: 2, ..members };
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        let mut draw = cluster.world.choices().draw(About::Plan, 0, 0);
        cluster
            .world
            .run_for(draw.between(&(ms(200)..=ms(1_000))))?;
        for number in 1..=3 {
            cluster.world.crash(worker(number))?;
        }
        cluster.world.run_for(ms(1_200))?;
        for number in 4..=5 {
            cluster.world.start(worker(number))?;
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn stragglers_get_backup_copies(trial: &mut Trial<'_>) -> Outcome {
    let straggler = 1 + (trial.number() % 5) as u32;
    costs::straggler(trial, 5, 4, straggler, 10)
}

pub fn a_poison_split_fails_the_job(trial: &mut Trial<'_>) -> Outcome {
    let attempts = 2 + (trial.number() % 3) as u32;
    let workers = if trial.number() % 4 == 3 { 1 } else { 3 };
    scenes::poison(
        trial,
        workers,
        Piece::map(1, (trial.number() % 4) as u32),
        attempts,
    )
}

pub fn lost_output_is_no_failed_attempt(trial: &mut Trial<'_>) -> Outcome {
    // One map task takes a little longer, so that somebody who holds the output of the other has
    // nothing to do.
    let mut takes = Takes::equal(ms(400), ms(300));
    takes.special.insert(Piece::map(1, 1), ms(750));
    // It may come back with its output, too: again and again, while the other one is at its task.
    let loses_disk = trial.number() % 2 == 0;
    let mut jobs = vec![job(1, App::WORD_COUNT, 2, 2)];
    jobs[0].max_attempts = if loses_disk { 2 } else { 3 };
    let members = Members::new(trial, 2, jobs, takes);
    members.act_in_peace(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        for _ in 0..5 {
            let mut victim = None;
            // Whoever has held its output for long enough to have reported it, while the map phase
            // goes on.
            cluster.until(client(1), |cluster| {
                let at_maps = cluster.members.workers().into_iter().any(|node| {
                    cluster
                        .running(node)
                        .is_some_and(|piece| piece.kind == TaskKind::Map)
                });
                victim = cluster
                    .members
                    .workers()
                    .into_iter()
                    .find(|node| at_maps && cluster.idles(*node, ms(100)));
                victim.is_some()
            })?;
            let Some(victim) = victim else { break };
            cluster.restart(victim, loses_disk)?;
            for _ in 0..if loses_disk { 0 } else { 2 } {
                cluster.world.run_for(ms(80))?;
                if cluster.running(victim).is_none() {
                    cluster.restart(victim, false)?;
                }
            }
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn deaths_count_for_their_own_task(trial: &mut Trial<'_>) -> Outcome {
    let mut jobs = vec![job(1, App::WORD_COUNT, 3, 2)];
    jobs[0].max_attempts = 3;
    let members = Members::new(trial, 3, jobs, Takes::equal(ms(300), ms(300)));
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        let mut spared = vec![Piece::reduce(1, 0), Piece::reduce(1, 1)];
        spared.extend((0..3).map(|split| Piece::map(1, split)));
        // Each task loses one worker that is in the middle of it.
        while !spared.is_empty() {
            let mut hit = None;
            cluster.until(client(1), |cluster| {
                hit = cluster.members.workers().into_iter().find_map(|node| {
                    let piece = cluster.running(node)?;
                    Some((node, spared.iter().position(|other| *other == piece)?))
                });
                hit.is_some()
            })?;
            let Some((node, at)) = hit else { break };
            spared.remove(at);
            cluster.world.run_for(ms(60))?;
            cluster.world.crash(node)?;
            cluster.world.run_for(ms(100))?;
            cluster.world.start(node)?;
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

pub fn worker_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        workers: 4,
        faults: Faults::WORKERS,
    }
    .run(trial)
}
