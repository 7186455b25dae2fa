//! How long jobs take, and what they cost. Every bound stands in the handout.

use std::time::Duration;

use faultline_sim::{Fate, Outcome, Trial, choice::About, ms};
use lab1_api::App;

use super::{
    client,
    cluster::{Cluster, Members, job},
    plant::Takes,
    scenes, worker,
};

/// The maximum time of a job of equal tasks, in per cent of its optimum.
const OVERLAP: u32 = 125;

/// The same with one slow machine, compared with the optimum that uses that, too.
const STRAGGLER: u32 = 150;

/// Messages that arrive at or come from workers: for each worker and second, for each task, and for
/// each pair of a map and a reduce task (a bucket that is fetched).
const PER_WORKER_SECOND: u64 = 40;
const PER_TASK: u64 = 12;
const PER_BUCKET: u64 = 3;

/// Bytes of all messages besides those of the intermediate records: for each record, for each
/// worker and second, for each task, for each bucket.
const BYTES_PER_RECORD: u64 = 8;
const BYTES_PER_WORKER_SECOND: u64 = 5_000;
const BYTES_PER_TASK: u64 = 1_500;
const BYTES_PER_BUCKET: u64 = 150;

/// What completed so shortly before a crash may not have been safe yet.
const NOT_YET_SAFE: Duration = ms(60);

/// The shortest time in which machines of this slowness can compute this number of tasks of this
/// length.
fn optimum(tasks: u32, takes: Duration, slowness: &[u32]) -> Duration {
    let enough = |time: u64| {
        let all: u64 = slowness
            .iter()
            .map(|slow| time / (takes.as_micros() as u64 * u64::from(*slow)))
            .sum();
        all >= u64::from(tasks)
    };
    // Some machine ends a task at that moment.
    let ends = slowness
        .iter()
        .flat_map(|slow| (0..=u64::from(tasks)).map(move |n| n * u64::from(*slow)));
    let candidates = ends.map(|n| n * takes.as_micros() as u64);
    Duration::from_micros(candidates.filter(|time| enough(*time)).min().unwrap_or(0))
}

fn within(cluster: &mut Cluster<'_, '_>, optimum: Duration, per_cent: u32) -> Outcome {
    let took = cluster.took(client(1));
    if took <= optimum * per_cent / 100 {
        return Ok(());
    }
    let text = format!(
        "the job took {} ms; the optimum is {} ms, and at most {} times the optimum is allowed",
        took.as_millis(),
        optimum.as_millis(),
        f64::from(per_cent) / 100.0
    );
    Err(cluster.world.over_budget(text))
}

/// All tasks take equally long: these numbers of map and reduce tasks for each worker.
pub fn equal_tasks(
    trial: &mut Trial<'_>,
    workers: u32,
    maps_each: u32,
    reduces_each: u32,
) -> Outcome {
    let takes = ms(1_000);
    let (maps, reduces) = (workers * maps_each, workers * reduces_each);
    let members = Members::new(
        trial,
        workers,
        vec![job(1, App::WORD_COUNT, maps, reduces)],
        Takes::equal(takes, takes),
    );
    let machines = vec![1; workers as usize];
    let best = optimum(maps, takes, &machines) + optimum(reduces, takes, &machines);
    members.act_in_peace(trial, |cluster| {
        // In the report the time of this phase stands beside its name.
        cluster.world.phase(&format!(
            "{workers} workers, optimum {} ms",
            best.as_millis()
        ));
        cluster.must_do(client(1), 1)?;
        cluster.world.phase("after the job");
        within(cluster, best, OVERLAP)
    })
}

/// One machine is slow.
pub fn straggler(
    trial: &mut Trial<'_>,
    workers: u32,
    each: u32,
    straggler: u32,
    slow: u32,
) -> Outcome {
    let (takes, tasks) = (ms(1_000), workers * each);
    let mut members = Members::new(
        trial,
        workers,
        vec![job(1, App::WORD_COUNT, tasks, tasks)],
        Takes::equal(takes, takes),
    );
    members.slow.insert(worker(straggler), slow);
    let machines: Vec<u32> = (1..=workers)
        .map(|number| if number == straggler { slow } else { 1 })
        .collect();
    let best = optimum(tasks, takes, &machines) * 2;
    members.act_in_peace(trial, |cluster| {
        cluster.world.phase(&format!(
            "w{straggler} {slow} times as slow, optimum {} ms",
            best.as_millis()
        ));
        cluster.must_do(client(1), 1)?;
        cluster.world.phase("after the job");
        within(cluster, best, STRAGGLER)?;
        cluster.stays_done(&[1], ms(3_000))
    })
}

/// The coordinator crashes in the middle of a job: what had been computed, and was known, is not
/// computed again.
pub fn restart(trial: &mut Trial<'_>, (workers, maps, reduces): (u32, u32, u32)) -> Outcome {
    let members = Members::new(
        trial,
        workers,
        vec![job(1, App::WORD_COUNT, maps, reduces)],
        Takes::equal(ms(400), ms(400)),
    );
    let clean = trial.conditions().loss == 0;
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        let mut draw = cluster.world.choices().draw(About::Plan, 0, 0);
        cluster
            .world
            .run_for(draw.between(&(ms(100)..=ms(1_900))))?;
        let now = cluster.now();
        let recent = |work: &faultline_sim::Work| {
            work.fate == Fate::Done
                && work
                    .ended
                    .is_some_and(|ended| now.since(ended) < NOT_YET_SAFE)
        };
        let allowed = cluster
            .works()
            .iter()
            .filter(|(_, work)| work.fate == Fate::Running || recent(work))
            .count();
        let before = cluster.repeated();
        scenes::coordinator_is_away(cluster, draw.between(&(ms(20)..=ms(700))))?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))?;
        let repeated = cluster.repeated() - before;
        // Where messages are lost nobody can say how long a completion may take to be known.
        if clean && repeated > allowed {
            let text = format!(
                "the coordinator crashed at {now}, when {allowed} tasks were running or had \
                 ended less than {} ms before; after its restart {repeated} tasks were executed \
                 again",
                NOT_YET_SAFE.as_millis()
            );
            return Err(cluster.world.over_budget(text));
        }
        Ok(())
    })
}

fn traffic_of_a_job(
    trial: &mut Trial<'_>,
    (workers, maps, reduces): (u32, u32, u32),
    bytes: usize,
    check: impl FnOnce(&mut Cluster<'_, '_>, u64) -> Outcome,
) -> Outcome {
    let mut members = Members::new(
        trial,
        workers,
        vec![job(1, App::WORD_COUNT, maps, reduces)],
        Takes::equal(ms(500), ms(500)),
    );
    let choices = faultline_sim::choice::Choices::new(trial.seed());
    members.inputs = super::cluster::inputs(choices, &members.jobs, 2_000, bytes);
    members.act_in_peace(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        // The workers were there before the job was.
        let seconds = cluster.now().0.div_ceil(1_000_000);
        check(cluster, seconds * u64::from(workers))
    })
}

/// How many messages a job of this shape takes.
pub fn messages(trial: &mut Trial<'_>, shape: (u32, u32, u32)) -> Outcome {
    let (workers, maps, reduces) = shape;
    traffic_of_a_job(trial, shape, 400, |cluster, worker_seconds| {
        let sent = cluster.lives.borrow().traffic.of_workers;
        let (tasks, buckets) = (u64::from(maps + reduces), u64::from(maps * reduces));
        let allowed = PER_WORKER_SECOND * worker_seconds + PER_TASK * tasks + PER_BUCKET * buckets;
        if sent <= allowed {
            return Ok(());
        }
        let text = format!(
            "{maps} map and {reduces} reduce tasks on {workers} workers took {sent} messages \
             from and to workers in {worker_seconds} worker-seconds; {allowed} are allowed"
        );
        Err(cluster.world.over_budget(text))
    })
}

/// How many bytes a job of this shape moves.
pub fn data(trial: &mut Trial<'_>, shape: (u32, u32, u32), bytes: usize) -> Outcome {
    let (_, maps, reduces) = shape;
    traffic_of_a_job(trial, shape, bytes, |cluster, worker_seconds| {
        let sent = cluster.lives.borrow().traffic.bytes;
        let (data, records) = cluster.plant.intermediate(1);
        let (tasks, buckets) = (u64::from(maps + reduces), u64::from(maps * reduces));
        let allowed = data
            + BYTES_PER_RECORD * records
            + BYTES_PER_WORKER_SECOND * worker_seconds
            + BYTES_PER_TASK * tasks
            + BYTES_PER_BUCKET * buckets;
        if sent <= allowed {
            return Ok(());
        }
        let text = format!(
            "the map tasks returned {records} records with {data} bytes; messages took {sent} \
             bytes until the job was done, and {allowed} are allowed"
        );
        Err(cluster.world.over_budget(text))
    })
}

/// Workers without work, before the first job and after it.
pub fn idle(trial: &mut Trial<'_>, workers: u32) -> Outcome {
    let members = Members::new(
        trial,
        workers,
        vec![job(1, App::WORD_COUNT, 4, 2)],
        Takes::equal(ms(200), ms(200)),
    );
    members.act_in_peace(trial, |cluster| {
        for round in 0..2 {
            cluster.world.run_for(ms(500))?;
            let before = cluster.lives.borrow().traffic.of_workers;
            let seconds = 5;
            cluster.world.run_for(ms(seconds * 1_000))?;
            let sent = cluster.lives.borrow().traffic.of_workers - before;
            let allowed = PER_WORKER_SECOND * seconds * u64::from(workers);
            if sent > allowed {
                let text = format!(
                    "{workers} workers without work and the coordinator sent each other {sent} \
                     messages in {seconds} s; \
                     {allowed} are allowed"
                );
                return Err(cluster.world.over_budget(text));
            }
            if round == 0 {
                cluster.must_do(client(1), 1)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_uses_all_machines() {
        assert_eq!(optimum(8, ms(1_000), &[1, 1, 1]), ms(3_000));
        assert_eq!(optimum(20, ms(1_000), &[1, 1, 1, 1, 10]), ms(5_000));
        assert_eq!(optimum(50, ms(1_000), &[1, 1, 1, 1, 10]), ms(13_000));
        assert_eq!(optimum(0, ms(1_000), &[1]), ms(0));
    }
}
