//! Part B: the echo.

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab0_api::{Echo, Echoed};

use crate::{
    QUIET_AFTER,
    chaos::Chaos,
    client,
    fixture::{Members, Program},
    payloads, server,
};

const ONE: Members<'_> = Members {
    program: Program::Echo,
    servers: &[1],
    clients_each: 1,
};
const THREE: Members<'_> = Members {
    program: Program::Echo,
    servers: &[1],
    clients_each: 3,
};

pub fn an_echo_comes_back(trial: &mut Trial<'_>) -> Outcome {
    ONE.act_in_peace(trial, |fixture| {
        for text in ["hello", "is anybody there?", "hello"] {
            fixture.echo(client(1), &payloads::text(text))?;
        }
        fixture.judge()
    })
}

pub fn any_payload_comes_back_unchanged(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        for payload in payloads::every_sort() {
            fixture.echo(client(1), &payload)?;
        }
        Ok(())
    })
}

pub fn everybody_gets_their_own_echo(trial: &mut Trial<'_>) -> Outcome {
    THREE.act(trial, |fixture| {
        for round in 0..8 {
            for client in THREE.clients() {
                // In every other round all ask for the same.
                let text = if round % 2 == 0 {
                    format!("{client} {round}")
                } else {
                    "the same".to_owned()
                };
                fixture.ask(
                    client,
                    &Echo {
                        payload: payloads::text(&text),
                    },
                )?;
            }
            for client in THREE.clients() {
                let _echoed: Echoed = fixture.answer(client)?;
            }
        }
        fixture.judge()
    })
}

pub fn a_request_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    THREE.act(trial, |fixture| {
        let (one, other) = (client(1), client(2));
        fixture.echo(one, &payloads::text("before"))?;
        fixture.world.cut(one, server(1))?;
        fixture.world.cut(server(1), other)?;
        for client in [one, other] {
            fixture.ask(
                client,
                &Echo {
                    payload: payloads::text(&format!("{client} calls")),
                },
            )?;
        }
        fixture.world.run_for(ms(900))?;
        fixture.world.heal()?;
        for client in [one, other] {
            let _echoed: Echoed = fixture.answer(client)?;
        }
        // So long that one who waits longer after each attempt, without a bound, sleeps when the
        // fault is over.
        fixture.world.cut(one, server(1))?;
        fixture.ask(
            one,
            &Echo {
                payload: payloads::text("is anybody there?"),
            },
        )?;
        fixture.world.run_for(ms(30_000))?;
        fixture.world.heal()?;
        let _echoed: Echoed = fixture.answer(one)?;
        fixture.world.set_conditions(Conditions {
            loss: 300,
            ..Conditions::bad()
        });
        for round in 0..6 {
            fixture.echo(one, &payloads::text(&format!("round {round}")))?;
        }
        fixture.judge()
    })
}

pub fn a_request_counts_once(trial: &mut Trial<'_>) -> Outcome {
    THREE.act(trial, |fixture| {
        let (one, other) = (client(1), client(2));
        for round in 0..3 {
            fixture.echo(other, &payloads::text("before"))?;
            // The server hears the request again and again, and all its replies are lost.
            fixture.world.cut(server(1), one)?;
            fixture.ask(
                one,
                &Echo {
                    payload: payloads::text(&format!("round {round}")),
                },
            )?;
            fixture.world.run_for(ms(500))?;
            fixture.echo(other, &payloads::text("meanwhile"))?;
            fixture.world.heal_link(server(1), one)?;
            let _echoed: Echoed = fixture.answer(one)?;
        }
        fixture.echo(client(3), &payloads::text("after"))?;
        fixture.judge()
    })
}

/// Every message comes twice, the copy often when much else has been said.
fn copies() -> Conditions {
    Conditions {
        duplication: 1_000,
        stragglers: 400,
        straggle: ms(20)..=ms(400),
        ..Conditions::clean()
    }
}

pub fn an_old_request_counts_nothing(trial: &mut Trial<'_>) -> Outcome {
    THREE.act(trial, |fixture| {
        for client in THREE.clients() {
            fixture.world.set_link(client, server(1), Some(copies()));
        }
        for round in 0..8 {
            fixture.echo(client(1), &payloads::text(&format!("round {round}")))?;
            fixture.echo(client(2), &payloads::text("the same"))?;
        }
        fixture.world.run_for(ms(600))?; // the last copies arrive
        fixture.echo(client(3), &payloads::text("after"))?;
        fixture.judge()
    })
}

pub fn an_old_reply_answers_nothing(trial: &mut Trial<'_>) -> Outcome {
    THREE.act(trial, |fixture| {
        for client in THREE.clients() {
            fixture.world.set_link(server(1), client, Some(copies()));
        }
        for _ in 0..10 {
            fixture.echo(client(1), &payloads::text("the same"))?;
            fixture.echo(client(2), &payloads::text("the same"))?;
        }
        fixture.world.run_for(ms(600))?;
        fixture.echo(client(3), &payloads::text("after"))?;
        fixture.judge()
    })
}

pub fn nobody_talks_when_nothing_is_asked(trial: &mut Trial<'_>) -> Outcome {
    THREE.act_in_peace(trial, |fixture| {
        for client in THREE.clients() {
            fixture.echo(client, &payloads::text("hello"))?;
        }
        // One of them had to ask more than once.
        fixture.world.cut(server(1), client(1))?;
        fixture.ask(
            client(1),
            &Echo {
                payload: payloads::text("again"),
            },
        )?;
        fixture.world.run_for(ms(300))?;
        fixture.world.heal_link(server(1), client(1))?;
        let _echoed: Echoed = fixture.answer(client(1))?;
        fixture.world.run_for(QUIET_AFTER)?;
        fixture.world.phase("quiet");
        fixture.world.run_for(ms(60_000))?;
        let messages = fixture
            .world
            .phases()
            .last()
            .map_or(0, |phase| phase.messages);
        if messages > 0 {
            let after = QUIET_AFTER.as_millis();
            let text = format!(
                "{messages} messages were sent during 60 s without a request, starting {after} \
                 ms after the last answer"
            );
            return Err(fixture.world.over_budget(text));
        }
        Ok(())
    })
}

/// The server's state may take so much, and as much again for each client besides its payload.
const SOME_BYTES: usize = 200;

/// Small requests count, too.
const SMALL_REQUESTS: u32 = 1_500;

pub fn one_request_of_each_client_is_remembered(trial: &mut Trial<'_>) -> Outcome {
    remembers_one(trial, 20, 300)
}

/// After `rounds` rounds with payloads of `letters` letters.
pub fn remembers_one(trial: &mut Trial<'_>, rounds: u32, letters: usize) -> Outcome {
    THREE.act_in_peace(trial, |fixture| {
        for _ in 0..rounds {
            for client in THREE.clients() {
                fixture.echo(client, &payloads::large(letters))?;
            }
        }
        for _ in 0..SMALL_REQUESTS {
            fixture.echo(client(1), &payloads::text(""))?;
        }
        fixture.world.run_for(QUIET_AFTER)?;
        let clients = THREE.clients().len();
        let most = SOME_BYTES + clients * (letters + SOME_BYTES);
        if let Some(memory) = fixture
            .world
            .memory(server(1))?
            .filter(|memory| memory.working() > most || memory.disk > most)
        {
            let text = format!(
                "after {rounds} requests of each of {clients} clients with {letters} letters, \
                 and {SMALL_REQUESTS} small ones of c1, s1 keeps {memory}, and {} on its disk; at \
                 most {most} are allowed in either",
                memory.disk
            );
            return Err(fixture.world.over_budget(text));
        }
        // What is kept where it does not count as state is lost when the node lives as bytes, and
        // with it the count.
        fixture.judge()
    })
}

pub fn echo_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        members: THREE,
        operations: 25,
    }
    .run(trial)
}
