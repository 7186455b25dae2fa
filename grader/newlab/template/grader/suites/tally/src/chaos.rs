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
    fixture::{self, Fixture, SERVER, clients},
};

/// Duration of the phase of faults.
const FAULTS_LAST: Duration = ms(3_000);

/// The longest time that a client thinks between two requests.
const THINK: Duration = ms(80);

/// Runs it with this number of clients, each of which adds this often.
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
    fixture::act(trial, number, chaos::network(bad, late), &more, |fixture| {
        let workload = Adding {
            choices,
            operations,
        };
        let within = fixture.patience();
        chaos::healthy(fixture.world, workload, within)?;
        fixture.world.phase("faults");
        if cuts {
            let pairs = clients(number).into_iter().map(|client| (client, SERVER));
            let plan = PairCuts::new(pairs.collect(), choices);
            fixture.world.add_plan(plan, ms(20));
        }
        let plan = Crashes::new(vec![SERVER], crashes, false, choices);
        fixture.world.add_plan(plan, ms(30));
        fixture.world.run_plans_for(FAULTS_LAST)?;
        healed(fixture)
    })
}

fn healed(fixture: &mut Fixture<'_, '_>) -> Outcome {
    chaos::heal(fixture.world)?;
    chaos::start_all(fixture.world, &[SERVER])?;
    fixture.world.expect_answers(ANSWERED)?;
    fixture.judge()
}

/// Adds amounts, each client this number of times.
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
