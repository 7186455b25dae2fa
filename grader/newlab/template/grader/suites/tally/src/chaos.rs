//! Chaos: clients that add all the time under a random subset of faults, then a healed world in
//! which everything must be answered, and one judgement of all that clients saw.

use std::time::Duration;

use faultline_labtest::{
    chaos,
    plans::{Crashes, PairCuts},
};
use faultline_sim::{
    Outcome, Trial, Workload,
    choice::{About, Choices},
    ms,
};
use labkit::NodeId;

use tally_api::Add;

use super::{
    ANSWERED,
    room::{self, Room, SERVER, clients},
};

/// How long faults may come.
const FAULTS_LAST: Duration = ms(3_000);

/// The longest time that a client thinks between two requests.
const THINK: Duration = ms(80);

/// Runs it with so many clients, each of which adds so often.
pub fn chaos(trial: &mut Trial<'_>, number: u32, operations: u64) -> Outcome {
    let choices = Choices::new(trial.seed());
    let mut draw = choices.draw(About::Plan, 0, 0);
    let (bad, late) = (draw.chance(600), draw.chance(600));
    let (cuts, crashes) = (draw.chance(600), draw.chance(600));
    let faults = [
        (late, "single messages up to 500 ms late"),
        (cuts, "links cut and the server paused for a while"),
        (crashes, "the server crashes and restarts"),
    ];
    let more = chaos::with_faults(String::new(), &faults);
    room::act(trial, number, chaos::network(bad, late), &more, |room| {
        let workload = Adding {
            choices,
            operations,
        };
        let within = room.patience();
        chaos::healthy(room.world, workload, within)?;
        room.world.phase("faults");
        if cuts {
            let pairs = clients(number).into_iter().map(|client| (client, SERVER));
            let plan = PairCuts::new(pairs.collect(), choices);
            room.world.add_plan(plan, ms(20));
        }
        let plan = Crashes::new(vec![SERVER], crashes, false, choices);
        room.world.add_plan(plan, ms(30));
        room.world.run_plans_for(FAULTS_LAST)?;
        healed(room)
    })
}

fn healed(room: &mut Room<'_, '_>) -> Outcome {
    chaos::heal(room.world)?;
    chaos::start_all(room.world, &[SERVER])?;
    room.world.expect_answers(ANSWERED)?;
    room.judge()
}

/// Adds amounts, so many times each client.
struct Adding {
    choices: Choices,
    operations: u64,
}

impl Workload for Adding {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let client = u64::from(client.number());
        let mut draw = self.choices.draw(About::Workload, client, nth);
        let think = draw.between(&(ms(0)..=THINK));
        let amount = 1 + draw.below(100);
        let command = faultline_labtest::bytes(&Add { amount });
        (nth < self.operations).then_some((think, command))
    }
}
