//! Part B: a job's tasks on many machines, none of which fails.

use faultline_sim::{
    Outcome, Trial,
    choice::{About, Choices},
    ms,
};
use lab1_api::App;

use crate::{
    chaos::{Chaos, Faults},
    client,
    cluster::{Members, inputs, job},
    costs,
    plant::{Piece, Takes, TaskKind},
    scenes::{self, ORDERED, POSITIONS},
    worker,
};

pub fn one_worker_counts_words(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        1,
        vec![job(1, App::WORD_COUNT, 3, 2)],
        Takes::equal(ms(100), ms(100)),
    );
    members.act_in_peace(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        cluster.stays_done(&[1], ms(500))
    })
}

/// Workers, splits and reduce tasks: none, one, fewer than workers, many more; more maps than
/// reduces, more reduces than maps; more reduces than keys.
const SHAPES: [(u32, u32, u32); 12] = [
    (2, 1, 1),
    (3, 8, 2),
    (3, 0, 2),
    (4, 2, 3),
    (1, 5, 1),
    (2, 3, 9),
    (5, 20, 7),
    (2, 2, 200),
    (8, 3, 3),
    (1, 1, 4),
    (3, 12, 1),
    (2, 0, 1),
];

pub fn any_number_of_workers_and_tasks(trial: &mut Trial<'_>) -> Outcome {
    let (workers, splits, reduces) = SHAPES[trial.number() as usize % SHAPES.len()];
    scenes::shape(trial, workers, splits, reduces, App::WORD_COUNT)
}

pub fn values_come_in_order(trial: &mut Trial<'_>) -> Outcome {
    let takes = Takes {
        spread: 900,
        ..Takes::equal(ms(60), ms(60))
    };
    let jobs = vec![job(1, ORDERED, 7, 2), job(2, POSITIONS, 5, 3)];
    let members = Members::new(trial, 3, jobs, takes);
    members.act(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        cluster.must_do(client(1), 2)?;
        cluster.stays_done(&[1, 2], ms(500))
    })
}

pub fn no_reduce_before_all_maps(trial: &mut Trial<'_>) -> Outcome {
    // One map task takes much longer than all others together.
    let mut takes = Takes::equal(ms(100), ms(100));
    let longest = (trial.number() % 6) as u32;
    takes.special.insert(Piece::map(1, longest), ms(1_500));
    let members = Members::new(trial, 3, vec![job(1, App::WORD_COUNT, 6, 3)], takes);
    members.act(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        let ends = |kind| move |(piece, _): &&(Piece, &faultline_sim::Work)| piece.kind == kind;
        let works = cluster.works();
        let first_reduce = works
            .iter()
            .filter(ends(TaskKind::Reduce))
            .filter_map(|(_, work)| work.began)
            .min();
        let last_map = (0..6)
            .filter_map(|split| {
                let done = works
                    .iter()
                    .filter(|(piece, _)| *piece == Piece::map(1, split));
                done.filter_map(|(_, work)| work.ended).min()
            })
            .max();
        match (first_reduce, last_map) {
            (Some(began), Some(ended)) if began < ended => {
                let text = format!(
                    "a reduce function started at {began}, before the last map task ended at \
                     {ended}"
                );
                Err(cluster.world.violation_at(began, text))
            }
            _ => Ok(()),
        }
    })
}

pub fn workers_overlap(trial: &mut Trial<'_>) -> Outcome {
    let workers = [3, 2, 5, 4][trial.number() as usize % 4];
    costs::equal_tasks(trial, workers, 4, 2)
}

pub fn nothing_is_run_twice_in_peace(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        3,
        vec![job(1, App::WORD_COUNT, 8, 5)],
        Takes::equal(ms(400), ms(400)),
    );
    members.act_in_peace(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        cluster.stays_done(&[1], ms(1_500))?;
        scenes::nothing_repeated(cluster)
    })
}

pub fn a_late_worker_is_used(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        1,
        vec![job(1, App::WORD_COUNT, 12, 2)],
        Takes::equal(ms(400), ms(400)),
    );
    let members = Members { late: 1, ..members };
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.world.run_for(ms(1_000))?;
        cluster.world.start(worker(2))?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        // Nine map tasks were waiting when it came.
        let done = cluster
            .works()
            .iter()
            .filter(|(_, work)| work.by.node == worker(2))
            .count();
        if done < 3 {
            let text = format!(
                "w2 joined at 1.0 s, when at least 9 tasks of 400 ms were waiting, and executed \
                 only {done}"
            );
            return Err(cluster.world.violation(text));
        }
        Ok(())
    })
}

pub fn jobs_do_not_mix(trial: &mut Trial<'_>) -> Outcome {
    let jobs = vec![
        job(1, App::WORD_COUNT, 4, 2),
        job(2, App::INVERTED_INDEX, 4, 2),
        job(3, ORDERED, 3, 2),
    ];
    let (members, number) = (
        Members::new(trial, 2, jobs, Takes::equal(ms(300), ms(300))),
        trial.number(),
    );
    members.act(trial, |cluster| {
        // w2 is cut off in the middle of a task of job 1, and comes back in the middle of job 2.
        cluster.submit(client(1), 1)?;
        let kind = if number % 2 == 0 {
            TaskKind::Map
        } else {
            TaskKind::Reduce
        };
        cluster.until(client(1), |cluster| {
            cluster
                .running(worker(2))
                .is_some_and(|piece| piece.kind == kind)
        })?;
        cluster.world.isolate(worker(2))?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.submit(client(1), 2)?;
        cluster.world.run_for(ms(350))?;
        cluster.world.heal()?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        // Whoever had nothing to do for a while still works.
        cluster.world.run_for(ms(4_000))?;
        cluster.must_do(client(1), 3)?;
        cluster.stays_done(&[1, 2, 3], ms(1_500))
    })
}

pub fn submitting_again_is_the_same_job(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, App::WORD_COUNT, 4, 2)],
        Takes::equal(ms(200), ms(200)),
    );
    let members = Members {
        clients: 3,
        ..members
    };
    members.act_in_peace(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        cluster.world.run_for(ms(300))?;
        cluster.submit(client(2), 1)?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.ends(client(2), lab1_api::Outcome::Done)?;
        cluster.world.run_for(ms(1_000))?;
        cluster.must_do(client(3), 1)?;
        cluster.stays_done(&[1], ms(1_000))?;
        scenes::nothing_repeated(cluster)
    })
}

pub fn a_library_is_counted(trial: &mut Trial<'_>) -> Outcome {
    // Two megabytes in 32 books.
    let app = if trial.number() % 2 == 0 {
        App::WORD_COUNT
    } else {
        App::INVERTED_INDEX
    };
    let mut members = Members::new(
        trial,
        8,
        vec![job(1, app, 32, 8)],
        Takes {
            spread: 300,
            ..Takes::equal(ms(200), ms(200))
        },
    );
    let choices = Choices::new(trial.seed());
    let bytes = 60_000 + choices.draw(About::Plan, 0, 0).below(6_000) as usize;
    members.inputs = inputs(choices, &members.jobs, 2_000, bytes);
    members.large = 5;
    members.act_in_peace(trial, |cluster| cluster.must_do(client(1), 1))
}

pub fn network_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        workers: 4,
        faults: Faults::NETWORK,
    }
    .run(trial)
}
