//! Part C, the last points: ids that are short, and roughly in the order of time.

use faultline_sim::{Outcome, Trial, choice::About, ms};
use lab0_api::Id;

use crate::{
    ids::judge,
    room::{Cast, Program, Room},
    server,
};

/// Low and high numbers, several lives, clocks that are an hour off.
fn many_ids(trial: &mut Trial<'_>, look: impl Fn(&mut Room<'_, '_>) -> Outcome) -> Outcome {
    let cast = Cast {
        program: Program::Ids,
        servers: &[1, 500, 1023],
        clients_each: 2,
    };
    cast.act(trial, |room| {
        room.ids(&cast.clients(), 5)?;
        room.world.step_clock(server(500), 3_600_000_000)?;
        room.world.step_clock(server(1023), -3_600_000_000)?;
        for _ in 0..3 {
            room.ids(&cast.clients(), 3)?;
            room.restart(server(1023))?;
            room.restart_without_disk(server(500))?;
        }
        room.ids(&cast.clients(), 20)?;
        look(room)
    })
}

fn fit(trial: &mut Trial<'_>, bits: u32) -> Outcome {
    many_ids(trial, |room| {
        for (at, id) in judge(room)? {
            let needed = u128::BITS - id.0.leading_zeros();
            if needed > bits {
                let text = format!("{id:?} needs {needed} bits, and at most {bits} are allowed");
                return Err(room.world.violation_at(at, text));
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
    let cast = Cast {
        program: Program::Ids,
        servers,
        clients_each: 1,
    };
    cast.act(trial, |room| {
        for (position, server) in cast.servers().into_iter().enumerate() {
            let mut draw = room.world.choices().draw(About::Plan, 3, position as u64);
            room.world
                .step_clock(server, draw.below(100_000) as i64 - 50_000)?;
        }
        let mut highest = Id(0);
        for round in 0..rounds {
            let begun = judge(room)?.len();
            room.ids(&cast.clients_of(round % servers.len()), times)?;
            for (at, id) in &judge(room)?[begun..] {
                if *id <= highest {
                    let text = format!(
                        "{id:?} was asked for more than a second after {highest:?}, and is smaller"
                    );
                    return Err(room.world.violation_at(*at, text));
                }
            }
            highest = judge(room)?
                .into_iter()
                .map(|(_, id)| id)
                .max()
                .unwrap_or(highest);
            room.world.run_for(ms(1_001))?;
        }
        Ok(())
    })
}
