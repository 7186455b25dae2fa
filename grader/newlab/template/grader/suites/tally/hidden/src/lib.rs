//! The tests that students do not have. Each asks for something that the handout promises and has a
//! public test beside it with the same idea; numbers and amounts are drawn from the run's seed, and
//! so from the course's salt. In a release for students this file is a stub whose `tests` returns
//! none.

use faultline_labtest::{Test, drawn, hidden_tests};
use faultline_sim::{Outcome, Trial};

use tally_suite::public::{counts_once, survives_a_crash};

/// All hidden tests, in the order of the rubric.
pub fn tests() -> Vec<Test> {
    hidden_tests! {
        "H-A1" many_clients_count_once,
        "H-B1" drawn_totals_survive_a_crash,
    }
}

fn many_clients_count_once(trial: &mut Trial<'_>) -> Outcome {
    let number = 4 + drawn(trial).below(4) as u32;
    counts_once(trial, number, 2)
}

fn drawn_totals_survive_a_crash(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let (number, amount) = (2 + draw.below(5) as u32, 1 + draw.below(1_000_000));
    survives_a_crash(trial, number, amount)
}
