//! Stories that several tests tell, with other numbers.

use std::time::Duration;

use faultline_sim::{Fate, Outcome, Trial, choice::About, ms};
use lab1_api::{App, Fold, KeyOf, Tokens, ValueOf};
use labkit::NodeId;

use super::{
    M1, client,
    cluster::{Cluster, Members, job},
    plant::{Piece, Takes, TaskKind},
    worker,
};

/// Where the order of values shows: the words that begin with a letter, as they come.
pub const ORDERED: App = App {
    tokens: Tokens::Words,
    key: KeyOf::First,
    value: ValueOf::Token,
    fold: Fold::List,
    combine: false,
};

/// Where the first and the last value show.
pub const POSITIONS: App = App {
    tokens: Tokens::Words,
    key: KeyOf::Length,
    value: ValueOf::Position,
    fold: Fold::Ends,
    combine: false,
};

/// A job of this shape, on the trial's network.
pub fn shape(trial: &mut Trial<'_>, workers: u32, splits: u32, reduces: u32, app: App) -> Outcome {
    let takes = Takes {
        spread: 500,
        ..Takes::equal(ms(50), ms(30))
    };
    let members = Members::new(trial, workers, vec![job(1, app, splits, reduces)], takes);
    members.act(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        cluster.stays_done(&[1], ms(500))
    })
}

/// Every task was executed once.
#[track_caller]
pub fn nothing_repeated(cluster: &mut Cluster<'_, '_>) -> Outcome {
    let works = cluster.works();
    let twice = works
        .iter()
        .enumerate()
        .find(|(at, (piece, _))| works[..*at].iter().any(|(other, _)| other == piece));
    let Some((_, (piece, work))) = twice else {
        return Ok(());
    };
    let text = format!(
        "all tasks took equally long and nothing failed, but {} was executed again, by {}",
        piece.label(),
        work.by.node
    );
    let asked = work.asked;
    Err(cluster.world.violation_at(asked, text))
}

/// The worker whose map output is lost for good: it alone has it, since no other worker can reach
/// it until it is dead.
pub fn output_is_lost(
    trial: &mut Trial<'_>,
    (workers, splits, reduces): (u32, u32, u32),
    victim: u32,
    app: App,
) -> Outcome {
    let members = Members::new(
        trial,
        workers,
        vec![job(1, app, splits, reduces)],
        Takes::equal(ms(300), ms(300)),
    );
    members.act(trial, |cluster| {
        let victim = worker(victim);
        cluster.cut_from_workers(victim)?;
        cluster.submit(client(1), 1)?;
        cluster.until(client(1), |cluster| cluster.maps_done(1) == splits as usize)?;
        // Time to report, and for reducers to ask in vain.
        cluster.world.run_for(ms(80))?;
        cluster.world.crash(victim)?;
        cluster.world.heal()?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(500))
    })
}

/// A worker is cut off while it executes a reduce task, which others do meanwhile. When the job is
/// done, it comes to the end of its own copy: the store can be reached from everywhere. Half of the
/// time it crashes in the middle of that.
pub fn late_copy(trial: &mut Trial<'_>, reduces: u32, slow: u32) -> Outcome {
    let mut members = Members::new(
        trial,
        2,
        vec![job(1, ORDERED, 4, reduces)],
        Takes::equal(ms(40), ms(300)),
    );
    members.slow.insert(worker(2), slow);
    let crashes = trial.number() % 2 == 0;
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        let copies = |cluster: &mut Cluster<'_, '_>| {
            cluster
                .running(worker(2))
                .is_some_and(|piece| piece.kind == TaskKind::Reduce)
        };
        if !cluster.until(client(1), copies)? {
            return cluster.ends(client(1), lab1_api::Outcome::Done);
        }
        cluster.world.isolate(worker(2))?;
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        let ends = cluster
            .works()
            .iter()
            .filter(|(_, work)| work.by.node == worker(2) && work.fate == Fate::Running)
            .find_map(|(piece, work)| Some(work.began? + cluster.plant.takes(*piece) * slow));
        if let Some(ends) = ends.filter(|_| crashes) {
            let now = cluster.now();
            cluster
                .world
                .run_for(ends.since(now).saturating_sub(Duration::from_micros(1)))?;
            let bits = cluster.world.choices().draw(About::Plan, 1, 0).bits();
            cluster.world.crash_in_next_event(worker(2), bits);
        }
        cluster.stays_done(&[1], ms(300) * slow)?;
        cluster.world.heal()?;
        cluster.stays_done(&[1], ms(1_000))
    })
}

/// Lets a node crash at every boundary between two effects while a job goes on; it comes back after
/// this time, with its disk, without, or not at all.
pub fn sweep(
    trial: &mut Trial<'_>,
    members: &Members,
    victim: NodeId,
    away: Duration,
    may_lose: bool,
    then: impl Fn(&mut Cluster<'_, '_>) -> Outcome,
) -> Outcome {
    let back = if may_lose { trial.number() % 3 } else { 0 };
    let how = [
        "comes back with its disk",
        "comes back without its disk",
        "stays away",
    ][back as usize];
    let more = format!("; {victim} crashes between two effects and {how}");
    members.act_with_crash_sweep(trial, &more, |cluster| {
        cluster.world.sweep(victim);
        cluster.submit(client(1), 1)?;
        cluster.until(client(1), |cluster| cluster.world.is_down(victim))?;
        cluster.world.sweep_over();
        if cluster.world.is_down(victim) && back < 2 {
            cluster.world.run_for(away)?;
            if back == 1 {
                cluster.world.lose_disk(victim)?;
            }
            cluster.world.start(victim)?;
        }
        cluster.ends(client(1), lab1_api::Outcome::Done)?;
        cluster.stays_done(&[1], ms(300))?;
        then(cluster)
    })
}

/// The coordinator, which was away for a while, is asked for job 1 by another client. It is done:
/// nothing runs again.
#[track_caller]
pub fn is_remembered(cluster: &mut Cluster<'_, '_>, away: Duration) -> Outcome {
    let executed = cluster.works().len();
    coordinator_is_away(cluster, away)?;
    cluster.must_do(client(2), 1)?;
    cluster.stays_done(&[1], ms(1_500))?;
    let more = cluster.works().len() - executed;
    if more > 0 {
        let text = format!(
            "job 1 was reported as done, but {more} of its tasks ran again after the \
             coordinator's restart"
        );
        return Err(cluster.world.violation(text));
    }
    Ok(())
}

/// A task kills every worker that executes it. Whoever is down comes back after a while. Where
/// there is only one worker, nobody can be at a copy of it.
pub fn poison(trial: &mut Trial<'_>, workers: u32, piece: Piece, attempts: u32) -> Outcome {
    let mut jobs = vec![job(1, App::WORD_COUNT, 4, 2), job(2, App::WORD_COUNT, 4, 2)];
    jobs[0].max_attempts = attempts;
    let members = Members::new(trial, workers, jobs, Takes::equal(ms(200), ms(200)));
    let members = Members {
        poison: Some(piece),
        ..members
    };
    members.act(trial, |cluster| {
        cluster.submit(client(1), 1)?;
        while !cluster.has_ended(client(1)) {
            let workers = cluster.members.workers();
            let down = workers.clone();
            cluster.until(client(1), move |cluster| {
                down.iter().any(|worker| cluster.world.is_down(*worker))
            })?;
            cluster.world.run_for(ms(150))?;
            for worker in workers {
                if cluster.world.is_down(worker) {
                    cluster.world.start(worker)?;
                }
            }
        }
        cluster.ends(client(1), lab1_api::Outcome::Failed)?;
        let died = cluster
            .works()
            .iter()
            .filter(|(of, work)| *of == piece && work.fate == Fate::Crashed)
            .count();
        // Two copies of a task may be under way at once.
        let allowed = attempts as usize..=attempts as usize + usize::from(workers > 1);
        if !allowed.contains(&died) {
            let text = format!(
                "{} killed {died} workers that executed it before the job was reported as failed; \
                 its limit is {attempts}",
                piece.label()
            );
            return Err(cluster.world.violation(text));
        }
        cluster.must_do(client(1), 2)?;
        cluster.stays_done(&[2], ms(500))
    })
}

/// Where the coordinator is for a while.
pub fn coordinator_is_away(cluster: &mut Cluster<'_, '_>, time: Duration) -> Outcome {
    cluster.world.crash(M1)?;
    cluster.world.run_for(time)?;
    cluster.world.start(M1)
}
