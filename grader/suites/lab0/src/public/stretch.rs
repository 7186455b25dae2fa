//! Part C, the last points: ids that are short, and roughly in the order of time.

use faultline_sim::{Outcome, Trial, choice::About, ms};
use lab0_api::Id;

use crate::{
    fixture::{Fixture, Members, Program},
    ids::judge,
    server,
};

/// Low and high numbers, several lives, clocks that are an hour off.
fn many_ids(trial: &mut Trial<'_>, look: impl Fn(&mut Fixture<'_, '_>) -> Outcome) -> Outcome {
    let members = Members {
        program: Program::Ids,
        servers: &[1, 500, 1023],
        clients_each: 2,
    };
    members.act(trial, |fixture| {
        fixture.ids(&members.clients(), 5)?;
        fixture.world.step_clock(server(500), 3_600_000_000)?;
        fixture.world.step_clock(server(1023), -3_600_000_000)?;
        for _ in 0..3 {
            fixture.ids(&members.clients(), 3)?;
            fixture.restart(server(1023))?;
            fixture.restart_without_disk(server(500))?;
        }
        fixture.ids(&members.clients(), 20)?;
        look(fixture)
    })
}

fn fit(trial: &mut Trial<'_>, bits: u32) -> Outcome {
    many_ids(trial, |fixture| {
        for (at, id) in judge(fixture)? {
            let needed = u128::BITS - id.0.leading_zeros();
            if needed > bits {
                let text = format!("{id:?} needs {needed} bits; at most {bits} are allowed");
                return Err(fixture.world.violation_at(at, text));
            }
        }
        Ok(())
    })
}

pub fn ids_fit_64_bits(trial: &mut Trial<'_>) -> Outcome {
    fit(trial, 64)
}

pub fn ids_fit_53_bits(trial: &mut Trial<'_>) -> Outcome {
    fit(trial, 53)
}

pub fn ids_are_roughly_in_order(trial: &mut Trial<'_>) -> Outcome {
    in_order(trial, &[1, 2, 3], 8, 3)
}

/// Clocks differ by at most 100 ms. Each round is a second after the one before, on one server
/// after the other, and some ids are given in it.
pub fn in_order(trial: &mut Trial<'_>, servers: &[u32], rounds: usize, times: u32) -> Outcome {
    let members = Members {
        program: Program::Ids,
        servers,
        clients_each: 1,
    };
    members.act(trial, |fixture| {
        for (position, server) in members.servers().into_iter().enumerate() {
            let mut draw = fixture
                .world
                .choices()
                .draw(About::Plan, 3, position as u64);
            fixture
                .world
                .step_clock(server, draw.below(100_000) as i64 - 50_000)?;
        }
        let mut highest = Id(0);
        for round in 0..rounds {
            let begun = judge(fixture)?.len();
            fixture.ids(&members.clients_of(round % servers.len()), times)?;
            for (at, id) in &judge(fixture)?[begun..] {
                if *id <= highest {
                    let text = format!(
                        "{id:?} was requested more than a second after {highest:?} was given, \
                         and is smaller"
                    );
                    return Err(fixture.world.violation_at(*at, text));
                }
            }
            highest = judge(fixture)?
                .into_iter()
                .map(|(_, id)| id)
                .max()
                .unwrap_or(highest);
            fixture.world.run_for(ms(1_001))?;
        }
        Ok(())
    })
}
