//! The tests of lab 0 that students do not have. Each asks for something that the handout promises
//! and has a public test beside it with the same idea; sizes, values and moments are drawn from the
//! run's seed, and so from the course's salt.
//!
//! Nothing but a registry may depend on this crate: in a release for students a stub of the same
//! name stands in its place, whose `tests` returns none (`.github/hidden-stub.rs`).
//!
//! ```
//! let tests = lab0_hidden::tests();
//! assert!(tests.iter().all(|test| test.id.starts_with("H-")));
//! ```
//!
//! Read on in the public suite, `lab0_suite`, from which the fixtures are.

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab0_api::NewId;

use faultline_labtest::{Test, drawn, hidden_tests};
use lab0_suite::{
    chaos::Chaos,
    client,
    fixture::{Fixture, Members, Program},
    payloads,
    public::{
        clocks::{STEPS_US, burst, there_and_back},
        echo::remembers_one,
        servers::{ONE, clock_us, told_apart},
        stretch::in_order,
    },
    server,
};

/// All hidden tests, in the order of the rubric.
pub fn tests() -> Vec<Test> {
    hidden_tests! {
        "H-B1" drawn_payloads_come_back_unchanged,
        "H-B2" late_copies_of_any_message,
        "H-B3" many_clients_in_chaos,
        "H-B4" large_requests_are_not_kept,
        "H-C1" many_servers_in_chaos,
        "H-C2" nothing_is_left_but_the_name,
        "H-C3" bursts_across_a_restart,
        "H-C4" a_crash_at_each_effect,
        "H-C5" order_under_load,
        "H-C6" drawn_numbers_are_told_apart,
    }
}

fn drawn_payloads_come_back_unchanged(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let members = Members {
        program: Program::Echo,
        servers: &[1],
        clients_each: 2,
    };
    members.act(trial, |fixture| {
        for _ in 0..20 {
            for client in members.clients() {
                fixture.echo(client, &payloads::drawn(&mut draw, 4))?;
            }
        }
        fixture.echo(client(1), &payloads::nested(20 + draw.below(20) as u32))?;
        fixture.echo(
            client(2),
            &payloads::large(5_000 + draw.below(15_000) as usize),
        )?;
        Ok(())
    })
}

fn late_copies_of_any_message(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let members = Members {
        program: Program::Echo,
        servers: &[1],
        clients_each: 2 + draw.below(4) as u32,
    };
    let late = Conditions {
        duplication: 1_000,
        stragglers: 500,
        straggle: ms(5)..=ms(450),
        ..Conditions::bad()
    };
    members.act_under(
        trial,
        late,
        " that delivers messages twice and late",
        |fixture| {
            for round in 0..8 {
                for client in members.clients() {
                    let text = if draw.chance(500) {
                        "the same".to_owned()
                    } else {
                        format!("{client} {round}")
                    };
                    fixture.echo(client, &payloads::text(&text))?;
                }
            }
            fixture.world.run_for(ms(600))?;
            for client in members.clients() {
                fixture.echo(client, &payloads::text("the same"))?;
            }
            fixture.judge()
        },
    )
}

fn many_clients_in_chaos(trial: &mut Trial<'_>) -> Outcome {
    let clients_each = 7 + drawn(trial).below(5) as u32;
    Chaos {
        members: Members {
            program: Program::Echo,
            servers: &[1],
            clients_each,
        },
        operations: 20,
    }
    .run(trial)
}

fn large_requests_are_not_kept(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    remembers_one(
        trial,
        10 + draw.below(20) as u32,
        1_000 + draw.below(2_000) as usize,
    )
}

fn many_servers_in_chaos(trial: &mut Trial<'_>) -> Outcome {
    let high = 3 + drawn(trial).below(1_021) as u32;
    let members = Members {
        program: Program::Ids,
        servers: &[1, 2, high],
        clients_each: 3,
    };
    Chaos {
        members,
        operations: 20,
    }
    .run(trial)
}

/// The disk is lost, the clock reads what it read before, or less, and the server has been in this
/// moment many times.
fn nothing_is_left_but_the_name(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    ONE.act(trial, |fixture| {
        let first_us = clock_us(fixture);
        for _ in 0..6 {
            fixture.ids(&ONE.clients(), 1 + draw.below(6) as u32)?;
            fixture.world.crash(server(1))?;
            if draw.chance(700) {
                fixture.world.lose_disk(server(1))?;
            }
            let by_us = clock_us(fixture) - first_us + *draw.pick(&[0, 0, 1_000, 3_600_000_000]);
            fixture.world.step_clock(server(1), -by_us)?;
            fixture.world.run_for(ms(draw.below(3) * 100))?;
            fixture.world.start(server(1))?;
        }
        fixture.ids(&ONE.clients(), 6)
    })
}

fn bursts_across_a_restart(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let (crowd, each, by_us) = (6 + draw.below(6) as u32, 720, *draw.pick(&STEPS_US));
    burst(trial, crowd, each, |fixture| {
        fixture.restart(server(1))?;
        fixture.ids(&[client(1), client(2)], 20)?;
        there_and_back(fixture, by_us, 3)?;
        fixture.restart_without_disk(server(1))?;
        fixture.ids(&[client(1), client(2)], 20)
    })
}

fn a_crash_at_each_effect(trial: &mut Trial<'_>) -> Outcome {
    let conditions = trial.conditions();
    ONE.describe(
        trial,
        &conditions,
        "; s1 crashes between two effects, and its clock stands still",
    );
    let setup = ONE.setup(trial, conditions);
    trial.crash_sweep(&setup, |world| {
        let mut fixture = Fixture::new(world, Program::Ids);
        fixture.world.run_for(ms(1))?;
        fixture.world.freeze_clock(server(1))?;
        fixture.ids(&ONE.clients(), 2)?;
        fixture.ask(client(1), &NewId)?;
        fixture.ask(client(2), &NewId)?;
        fixture.world.sweep(server(1));
        fixture.world.run_for(ms(50))?;
        fixture.world.sweep_over();
        if fixture.world.is_up(server(1)) {
            fixture.world.crash(server(1))?;
        }
        fixture.world.start(server(1))?;
        let patience = fixture.patience();
        fixture
            .world
            .expect("every operation is answered", patience, |world| {
                Ok(world.workload_is_done())
            })?;
        fixture.ids(&ONE.clients(), 3)
    })
}

fn order_under_load(trial: &mut Trial<'_>) -> Outcome {
    let times = 5 + drawn(trial).below(15) as u32;
    in_order(trial, &[4, 700, 2, 1023], 10, times)
}

fn drawn_numbers_are_told_apart(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let low = 1 + draw.below(255) as u32;
    told_apart(
        trial,
        &[low, low + 256, low + 512, 1022 - draw.below(2) as u32],
    )
}
