//! The tests that students have, in the order of the handout.

use faultline_labtest::client;
use faultline_sim::{Conditions, Outcome, Trial, ms};

use super::{
    chaos::chaos,
    room::{self, Room, SERVER, clients},
};

/// The clients of a directed test.
const CLIENTS: u32 = 3;

/// Part A.
pub fn amounts_are_added_up(trial: &mut Trial<'_>) -> Outcome {
    let conditions = match trial.number() {
        0 => Conditions::steady(),
        _ => Conditions::clean(),
    };
    room::act(trial, CLIENTS, conditions, "", |room| {
        for round in 1..=6 {
            for client in clients(CLIENTS) {
                room.add(client, round)?;
            }
            for client in clients(CLIENTS) {
                room.ask(client, 10 * round)?;
            }
            room.all_answered()?;
        }
        room.judge()
    })
}

/// Part A.
pub fn a_request_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    let conditions = trial.conditions();
    room::act(trial, 1, conditions, "", |room| {
        // The second cut is so long that a client that waits longer after each attempt, without a
        // bound, sleeps when it is over.
        for (from, to, lasts) in [(client(1), SERVER, 900), (SERVER, client(1), 30_000)] {
            room.add(client(1), 1)?;
            room.world.cut(from, to)?;
            room.ask(client(1), lasts)?;
            room.world.run_for(ms(lasts))?;
            room.world.heal()?;
            room.all_answered()?;
        }
        room.judge()
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
    room::act(trial, number, copies, more, |room| {
        for round in 1..=rounds {
            for unlucky in clients(number) {
                room.world.cut(SERVER, unlucky)?;
                room.ask(unlucky, round)?;
                room.world.run_for(ms(500))?;
                room.world.heal_link(SERVER, unlucky)?;
                room.all_answered()?;
            }
        }
        room.world.run_for(ms(600))?; // the last copies arrive
        room.add(client(1), 1)?;
        room.judge()
    })
}

/// Part B: a crash between any two effects of the server, while requests are under way.
pub fn the_total_survives_a_crash(trial: &mut Trial<'_>) -> Outcome {
    survives_a_crash(trial, CLIENTS, 5)
}

/// With so many clients, each of which has added this before.
pub fn survives_a_crash(trial: &mut Trial<'_>, number: u32, amount: u64) -> Outcome {
    let conditions = trial.conditions();
    let more = "; s1 crashes between two effects";
    room::describe(trial, number, &conditions, more);
    let setup = room::setup(number, conditions);
    trial.crash_sweep(&setup, |world| {
        let mut room = Room { world };
        room.begin()?;
        for client in clients(number) {
            room.add(client, amount)?;
        }
        room.ask(client(1), 100)?;
        room.ask(client(2), 1_000)?;
        room.world.sweep(SERVER);
        room.world.run_for(ms(60))?;
        room.world.sweep_over();
        if room.world.is_up(SERVER) {
            room.world.crash(SERVER)?;
        }
        room.world.start(SERVER)?;
        room.all_answered()?;
        for client in clients(number) {
            room.add(client, amount)?;
        }
        room.judge()
    })
}

/// Part B.
pub fn total_chaos(trial: &mut Trial<'_>) -> Outcome {
    chaos(trial, CLIENTS, 20)
}
