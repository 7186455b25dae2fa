//! Part F: every order of events in small worlds.

use faultline_explore::{Guide, View};
use faultline_sim::{Outcome, Trial};
use lab1_api::App;
use labkit::NodeId;

use crate::{
    M1,
    orders::{
        self, Mortals, ONE_CRASH, ONE_DUPLICATE, WORKERS, computed, ended, every_order, explore,
    },
    scenes::ORDERED,
};

const MAPS: [&str; 2] = ["map 0", "map 1"];

/// Nobody fails; one message comes twice.
pub fn a_job_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 2, 1);
    let story = every_order(trial, &members, ONE_DUPLICATE, Mortals::Workers)
        .search(7_500)
        .reach(orders::somebody_is_at("map 0"))
        .search(7_500)
        .reach(computed(&MAPS))
        .search(7_500);
    explore(trial, &members, &story)
}

/// A worker dies while it computes, or just before, or just after.
pub fn a_dying_worker_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, App::WORD_COUNT, 2, 1);
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .reach(orders::somebody_is_at("map 0"))
        .search(7_500)
        .reach(orders::somebody_is_at("reduce 0"))
        .search(7_500);
    explore(trial, &members, &story)
}

/// Both maps are done, and nobody could fetch their output yet. Then one of the two machines that
/// hold it dies.
pub fn lost_map_output_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 2, 1);
    let [w1, w2] = WORKERS;
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .guided(Guide::new().apart(&[&[w1], &[w2]]))
        .reach(computed(&MAPS))
        .guided(Guide::new())
        .search(15_000);
    explore(trial, &members, &story)
}

/// The same, but the machine comes back at once. Of what it had not synced nothing is left.
pub fn a_quick_restart_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 2, 1);
    let [w1, w2] = WORKERS;
    let holder = |view: &View<'_>| {
        if view.has_computed(WORKERS[0], "map 0") {
            WORKERS[0]
        } else {
            WORKERS[1]
        }
    };
    let story = every_order(trial, &members, ONE_CRASH, Mortals::RestartingWorkers)
        .guided(Guide::new().apart(&[&[w1], &[w2]]))
        .reach(computed(&MAPS))
        .search(5_000)
        .restarts(holder)
        .guided(Guide::new())
        .search(15_000);
    explore(trial, &members, &story)
}

/// Nobody hears this worker, and its machine takes its time.
fn cut_off(node: NodeId) -> Guide {
    Guide::new()
        .apart(&[&[node], &[M1, orders::other(node)]])
        .slow_machines(&[node])
}

/// The worker at the reduce task is cut off, its work is done again, and the job ends. Then it
/// comes to its end, too, or dies on the way there.
pub fn a_late_copy_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, App::WORD_COUNT, 2, 1);
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .reach(orders::somebody_is_at("reduce 0"))
        .guided_by(move |view| cut_off(orders::busy_with(view, "reduce 0")))
        .reach(ended())
        .guided(Guide::new().timers(&[]))
        .search(5_000)
        .guided(Guide::new())
        .search(7_500);
    explore(trial, &members, &story)
}

/// A worker that is cut off executes one of two reduce tasks, and the other worker executes it,
/// too: the one's report comes while the other is at it, or when both have done it and nobody has
/// done the other task.
pub fn two_copies_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, ORDERED, 2, 2);
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Workers)
        .reach(orders::somebody_is_at("reduce 0"))
        .guided_by(|view| {
            let first = orders::busy_with(view, "reduce 0");
            Guide::new().apart(&[&[first], &[M1, orders::other(first)]])
        })
        .reach(orders::begun_beside("reduce 0"))
        .search_freely(7_500)
        .reach(orders::done_beside("reduce 0"))
        .search_freely(7_500);
    explore(trial, &members, &story)
}

/// The coordinator dies, and comes back with its disk.
pub fn a_restarted_coordinator_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let members = orders::small(trial, App::WORD_COUNT, 2, 1);
    let story = every_order(trial, &members, ONE_CRASH, Mortals::Coordinator)
        .reach(orders::somebody_is_at("map 0"))
        .search(7_500)
        .reach(orders::somebody_is_at("reduce 0"))
        .search(7_500);
    explore(trial, &members, &story)
}
