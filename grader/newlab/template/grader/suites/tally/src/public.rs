//! The tests that students have, in the order of the handout.

use faultline_labtest::client;
use faultline_sim::{Conditions, Outcome, Trial, ms};

use super::{
    chaos::chaos,
    fixture::{self, Fixture, SERVER, clients},
};

/// The clients of a directed test.
const CLIENTS: u32 = 3;

/// Part A.
pub fn amounts_are_added_up(trial: &mut Trial<'_>) -> Outcome {
    let conditions = match trial.number() {
        0 => Conditions::steady(),
        _ => Conditions::clean(),
    };
    fixture::act(trial, CLIENTS, conditions, "", |fixture| {
        for round in 1..=6 {
            for client in clients(CLIENTS) {
                fixture.add(client, round)?;
            }
            for client in clients(CLIENTS) {
                fixture.ask(client, 10 * round)?;
            }
            fixture.all_answered()?;
        }
        fixture.judge()
    })
}

/// Part A.
pub fn a_request_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    let conditions = trial.conditions();
    fixture::act(trial, 1, conditions, "", |fixture| {
        // The second cut is so long that a client that waits longer after each attempt, without a
        // bound, sleeps when it is over.
        for (from, to, lasts) in [(client(1), SERVER, 900), (SERVER, client(1), 30_000)] {
            fixture.add(client(1), 1)?;
            fixture.world.cut(from, to)?;
            fixture.ask(client(1), lasts)?;
            fixture.world.run_for(ms(lasts))?;
            fixture.world.heal()?;
            fixture.all_answered()?;
        }
        fixture.judge()
    })
}

/// Part A.
pub fn an_amount_counts_once(trial: &mut Trial<'_>) -> Outcome {
    counts_once(trial, CLIENTS, 3)
}

/// The server hears a request again and again, since no reply comes through; and every message
/// arrives twice, its copy often when much else has been said.
pub fn counts_once(trial: &mut Trial<'_>, number: u32, rounds: u64) -> Outcome {
    let copies = Conditions {
        duplication: 1_000,
        stragglers: 400,
        straggle: ms(20)..=ms(400),
        ..trial.conditions()
    };
    let more = " on which each message comes twice";
    fixture::act(trial, number, copies, more, |fixture| {
        for round in 1..=rounds {
            for unlucky in clients(number) {
                fixture.world.cut(SERVER, unlucky)?;
                fixture.ask(unlucky, round)?;
                fixture.world.run_for(ms(500))?;
                fixture.world.heal_link(SERVER, unlucky)?;
                fixture.all_answered()?;
            }
        }
        fixture.world.run_for(ms(600))?; // the last copies arrive
        fixture.add(client(1), 1)?;
        fixture.judge()
    })
}

/// Part B: a crash between any two effects of the server, while requests are under way.
pub fn the_total_survives_a_crash(trial: &mut Trial<'_>) -> Outcome {
    survives_a_crash(trial, CLIENTS, 5)
}

/// With this number of clients, each of which has added this before.
pub fn survives_a_crash(trial: &mut Trial<'_>, number: u32, amount: u64) -> Outcome {
    let conditions = trial.conditions();
    let more = "; s1 crashes between two effects";
    fixture::describe(trial, number, &conditions, more);
    let setup = fixture::setup(number, conditions);
    trial.crash_sweep(&setup, |world| {
        let mut fixture = Fixture { world };
        fixture.begin()?;
        for client in clients(number) {
            fixture.add(client, amount)?;
        }
        fixture.ask(client(1), 100)?;
        fixture.ask(client(2), 1_000)?;
        fixture.world.sweep(SERVER);
        fixture.world.run_for(ms(60))?;
        fixture.world.sweep_over();
        if fixture.world.is_up(SERVER) {
            fixture.world.crash(SERVER)?;
        }
        fixture.world.start(SERVER)?;
        fixture.all_answered()?;
        for client in clients(number) {
            fixture.add(client, amount)?;
        }
        fixture.judge()
    })
}

/// Part B.
pub fn total_chaos(trial: &mut Trial<'_>) -> Outcome {
    chaos(trial, CLIENTS, 20)
}
