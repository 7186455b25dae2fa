//! Part E: what it may cost.

use faultline_sim::{Outcome, Trial};

use crate::costs;

pub fn few_messages_per_task(trial: &mut Trial<'_>) -> Outcome {
    costs::messages(trial, (4, 16, 4))
}

pub fn idle_workers_are_quiet(trial: &mut Trial<'_>) -> Outcome {
    costs::idle(trial, 6)
}

pub fn data_moves_once(trial: &mut Trial<'_>) -> Outcome {
    costs::data(trial, (4, 12, 5), 20_000)
}
