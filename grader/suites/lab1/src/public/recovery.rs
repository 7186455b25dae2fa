//! Part D: the coordinator crashes, too, and comes back with its disk.

use faultline_sim::{Outcome, Trial, choice::About, ms};
use lab1_api::App;

use crate::{
    M1,
    chaos::{Chaos, Faults},
    client,
    cluster::{Members, job},
    costs,
    plant::Takes,
    scenes::{self, ORDERED},
};

pub fn a_restarted_coordinator_goes_on(trial: &mut Trial<'_>) -> Outcome {
    costs::restart(trial, (3, 9, 4))
}

pub fn the_coordinator_may_die_at_any_point(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, ORDERED, 3, 2)],
        Takes::equal(ms(120), ms(80)),
    );
    let members = Members {
        clients: 2,
        ..members
    };
    // What it wrote behind what the first crash has left is there after a second one.
    scenes::sweep(trial, &members, M1, ms(60), false, |cluster| {
        scenes::is_remembered(cluster, ms(40))
    })
}

pub fn a_finished_job_is_remembered(trial: &mut Trial<'_>) -> Outcome {
    let members = Members::new(
        trial,
        2,
        vec![job(1, App::WORD_COUNT, 3, 2)],
        Takes::equal(ms(150), ms(150)),
    );
    let members = Members {
        clients: 2,
        ..members
    };
    members.act(trial, |cluster| {
        cluster.must_do(client(1), 1)?;
        let mut draw = cluster.world.choices().draw(About::Plan, 0, 0);
        cluster.world.run_for(draw.between(&(ms(0)..=ms(300))))?;
        scenes::is_remembered(cluster, ms(200))
    })
}

pub fn coordinator_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        workers: 4,
        faults: Faults::ALL,
    }
    .run(trial)
}
