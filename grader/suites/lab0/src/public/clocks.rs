//! Part C: ids in spite of the clock.

use faultline_sim::{Conditions, Outcome, Trial};

use crate::{
    chaos::{Burst, Chaos},
    client,
    fixture::{Fixture, Members, Program},
    public::servers::ONE,
    server,
};

/// From one microsecond to a day.
pub const STEPS_US: [i64; 7] = [
    1,
    1_000,
    4_000,
    50_000,
    1_000_000,
    3_600_000_000,
    86_400_000_000,
];

pub fn a_clock_set_back_repeats_nothing(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        fixture.ids(&ONE.clients(), 3)?;
        for by_us in STEPS_US {
            there_and_back(fixture, by_us, 2)?;
        }
        // The same stretch of time again and again.
        for _ in 0..4 {
            fixture.ids(&ONE.clients(), 6)?;
            fixture.world.step_clock(server(1), -50_000)?;
        }
        fixture.ids(&ONE.clients(), 6)
    })
}

/// The clock goes back and forth between two moments, at each of which ids are given.
pub fn there_and_back(fixture: &mut Fixture<'_, '_>, by_us: i64, times: u32) -> Outcome {
    fixture.world.freeze_clock(server(1))?;
    for _ in 0..2 {
        fixture.ids(&ONE.clients(), times)?;
        fixture.world.step_clock(server(1), -by_us)?;
        fixture.ids(&ONE.clients(), times)?;
        fixture.world.step_clock(server(1), by_us)?;
    }
    fixture.ids(&ONE.clients(), times)?;
    fixture.world.drift_clock(server(1), 0)
}

pub fn a_clock_that_stands_still_stops_nobody(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        fixture.ids(&ONE.clients(), 3)?;
        fixture.world.freeze_clock(server(1))?;
        fixture.ids(&ONE.clients(), 20)?;
        fixture.world.drift_clock(server(1), 0)?;
        // For an hour it reads less than before.
        fixture.world.step_clock(server(1), -3_600_000_000)?;
        fixture.ids(&ONE.clients(), 10)?;
        // And it loses nine tenths of each second.
        fixture.world.drift_clock(server(1), -900_000)?;
        fixture.ids(&ONE.clients(), 10)
    })
}

/// The numbers of clients and of what each asks while the clock stands still.
const CROWD: u32 = 9;
const EACH: u64 = 500;

pub fn a_burst_repeats_nothing(trial: &mut Trial<'_>) -> Outcome {
    burst(trial, CROWD, EACH, |_| Ok(()))
}

/// A burst of ids in one moment, after which the clock is set back to just before that moment.
pub fn burst(
    trial: &mut Trial<'_>,
    crowd: u32,
    each: u64,
    between: impl Fn(&mut Fixture<'_, '_>) -> Outcome,
) -> Outcome {
    let members = Members {
        program: Program::Ids,
        servers: &[1],
        clients_each: crowd,
    };
    let conditions = if trial.number() == 0 {
        Conditions::steady()
    } else {
        Conditions::clean()
    };
    members.act_under(
        trial,
        conditions,
        "; the clock of s1 stands still",
        |fixture| {
            fixture.ids(&members.clients(), 1)?;
            fixture.world.freeze_clock(server(1))?;
            fixture.world.set_workload(Burst { each });
            fixture.nobody_is_stuck()?;
            fixture.judge()?;
            between(fixture)?;
            fixture.world.step_clock(server(1), -1_000)?;
            fixture.world.drift_clock(server(1), 0)?;
            fixture.ids(&[client(1), client(2)], 10)
        },
    )
}

pub fn ids_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        members: Members {
            program: Program::Ids,
            servers: &[1, 2, 3],
            clients_each: 2,
        },
        operations: 25,
    }
    .run(trial)
}
