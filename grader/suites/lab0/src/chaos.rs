//! Chaos: clients that ask all the time under a random subset of faults (swarm testing: Groce et
//! al., ISSTA 2012), then a healed world in which everything must be answered, and one judgement of
//! all that clients saw.

use std::time::Duration;

use faultline_labtest::{
    chaos,
    plans::{PairCuts, Restarts},
};
use faultline_sim::{
    Outcome, SkewedClocks, Trial, Workload,
    choice::{About, Choices},
    ms,
};
use lab0_api::{Echo, NewId};
use labkit::NodeId;

use super::{
    ANSWERED, MAX_INCARNATIONS,
    fixture::{Fixture, Members, Program, bytes},
    payloads,
};

/// A chaos test of the echo (no crashes: the count is not on disk) or of ids.
pub struct Chaos<'a> {
    /// Who takes part.
    pub members: Members<'a>,
    /// How many operations each client carries out.
    pub operations: u64,
}

/// Duration of the phase of faults.
const FAULTS_LAST: Duration = ms(3_000);

/// The longest time that a client thinks between two operations, in milliseconds.
const THINK_MS: u64 = 80;

/// Which faults a run has.
struct Drawn {
    bad: bool,
    stragglers: bool,
    cuts: bool,
    restarts: bool,
    clocks: bool,
}

impl Chaos<'_> {
    fn drawn(&self, choices: Choices) -> Drawn {
        let mut draw = choices.draw(About::Plan, 0, 0);
        let ids = self.members.program == Program::Ids;
        let mut drawn = |allowed: bool| draw.chance(600) && allowed;
        let (bad, stragglers, cuts) = (drawn(true), drawn(true), drawn(true));
        Drawn {
            bad,
            stragglers,
            cuts,
            restarts: drawn(ids),
            clocks: drawn(ids),
        }
    }

    /// Runs it.
    pub fn run(&self, trial: &mut Trial<'_>) -> Outcome {
        let choices = Choices::new(trial.seed());
        let drawn = self.drawn(choices);
        let conditions = chaos::network(drawn.bad, drawn.stragglers);
        let more = chaos::with_faults(
            String::new(),
            &[
                (drawn.stragglers, "single messages up to 500 ms late"),
                (drawn.cuts, "links cut and servers paused for a while"),
                (
                    drawn.restarts,
                    "servers crash and restart, some without their disk",
                ),
                (
                    drawn.clocks,
                    "clocks are set forward and back, run fast, slow or not at all",
                ),
            ],
        );
        self.members.act_under(trial, conditions, &more, |fixture| {
            self.healthy(fixture, choices)?;
            self.faulty(fixture, &drawn, choices)?;
            self.healed(fixture)
        })
    }

    fn healthy(&self, fixture: &mut Fixture<'_, '_>, choices: Choices) -> Outcome {
        let (program, operations) = (self.members.program, self.operations);
        let within = fixture.patience();
        let workload = Asking {
            choices,
            program,
            operations,
        };
        chaos::healthy(fixture.world, workload, within)
    }

    fn faulty(&self, fixture: &mut Fixture<'_, '_>, drawn: &Drawn, choices: Choices) -> Outcome {
        fixture.world.phase("faults");
        let servers = self.members.servers();
        if drawn.cuts {
            let with_server = |(position, server): (usize, &NodeId)| {
                let server = *server;
                self.members
                    .clients_of(position)
                    .into_iter()
                    .map(move |client| (client, server))
            };
            let pairs = servers.iter().enumerate().flat_map(with_server).collect();
            fixture
                .world
                .add_plan(PairCuts::new(pairs, choices), ms(20));
        }
        if drawn.restarts {
            fixture.world.add_plan(
                Restarts::new(servers.clone(), MAX_INCARNATIONS, choices),
                ms(30),
            );
        }
        if drawn.clocks {
            fixture
                .world
                .add_plan(SkewedClocks::new(servers, choices), ms(10));
        }
        fixture.world.run_plans_for(FAULTS_LAST)
    }

    fn healed(&self, fixture: &mut Fixture<'_, '_>) -> Outcome {
        chaos::heal(fixture.world)?;
        for server in self.members.servers() {
            if fixture.world.clock(server).is_some() {
                fixture.world.drift_clock(server, 0)?;
            }
            if fixture.world.is_down(server) {
                fixture.world.start(server)?;
            }
        }
        fixture.world.expect_answers(ANSWERED)?;
        fixture.judge()
    }
}

/// Asks for echoes of anything, or for ids.
struct Asking {
    choices: Choices,
    program: Program,
    operations: u64,
}

impl Workload for Asking {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let mut draw = self
            .choices
            .draw(About::Workload, u64::from(client.number()), nth);
        // Every other client is in a hurry.
        let longest = if client.number().is_multiple_of(2) {
            THINK_MS
        } else {
            5
        };
        let think = draw.between(&(ms(0)..=ms(longest)));
        let command = match self.program {
            Program::Echo => bytes(&Echo {
                payload: payloads::drawn(&mut draw, 2),
            }),
            _ => bytes(&NewId),
        };
        (nth < self.operations).then_some((think, command))
    }
}

/// All clients ask at once, again and again, without a pause.
pub struct Burst {
    /// How often each client asks.
    pub each: u64,
}

impl Workload for Burst {
    fn next(&mut self, _client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        (nth < self.each).then(|| (Duration::ZERO, bytes(&NewId)))
    }
}
