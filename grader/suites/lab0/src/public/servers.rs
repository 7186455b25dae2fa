//! Part C: ids from several servers, which restart and lose their disks.

use std::{collections::BTreeSet, rc::Rc};

use faultline_sim::{Conditions, Outcome, Trial, World, choice::About, ms};
use lab0_api::{Id, NewId};
use labkit::NodeId;

use crate::{
    MAX_INCARNATIONS, client,
    fixture::{Fixture, Members, Program, output},
    ids::{Eavesdropper, Overheard, judge},
    server,
};

pub const ONE: Members<'_> = Members {
    program: Program::Ids,
    servers: &[1],
    clients_each: 2,
};
pub const FOUR: Members<'_> = Members {
    program: Program::Ids,
    servers: &[1, 2, 3, 4],
    clients_each: 1,
};

pub fn an_id_comes_back(trial: &mut Trial<'_>) -> Outcome {
    ONE.act_in_peace(trial, |fixture| fixture.ids(&ONE.clients(), 10))
}

pub fn no_two_servers_give_the_same_id(trial: &mut Trial<'_>) -> Outcome {
    // They have started in the same microsecond, and their clocks agree.
    FOUR.act(trial, |fixture| fixture.ids(&FOUR.clients(), 12))
}

pub fn high_numbers_are_told_apart(trial: &mut Trial<'_>) -> Outcome {
    told_apart(trial, &[1, 2, 23, 257, 258, 513, 1001, 1023])
}

/// Servers with these numbers, whose clocks agree, and stand still after a while.
pub fn told_apart(trial: &mut Trial<'_>, servers: &[u32]) -> Outcome {
    let members = Members {
        program: Program::Ids,
        servers,
        clients_each: 1,
    };
    members.act(trial, |fixture| {
        fixture.ids(&members.clients(), 4)?;
        for server in members.servers() {
            fixture.world.freeze_clock(server)?;
        }
        fixture.ids(&members.clients(), 4)
    })
}

pub fn a_restart_repeats_nothing(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        fixture.ids(&ONE.clients(), 3)?;
        for _ in 0..3 {
            fixture.restart(server(1))?;
            fixture.ids(&ONE.clients(), 3)?;
        }
        // So quick that the clock does not even tick.
        fixture.world.freeze_clock(server(1))?;
        for _ in 0..3 {
            fixture.restart(server(1))?;
            fixture.ids(&ONE.clients(), 3)?;
        }
        // Before it has given any id in a life, and in the middle of giving one.
        fixture.restart(server(1))?;
        fixture.restart(server(1))?;
        fixture.ask(client(1), &NewId)?;
        let bits = fixture.world.choices().draw(About::Plan, 4, 0).bits();
        fixture.world.crash_in_next_event(server(1), bits);
        let patience = fixture.patience();
        fixture
            .world
            .expect("the request reaches s1", patience, |world| {
                Ok(world.is_down(server(1)))
            })?;
        fixture.world.start(server(1))?;
        let _id: Id = fixture.answer(client(1))?;
        fixture.ids(&ONE.clients(), 3)?;
        // And again, as often as the lab starts a server.
        while fixture.world.incarnation(server(1)) < MAX_INCARNATIONS {
            fixture.restart(server(1))?;
            fixture.ids(&ONE.clients(), 1)?;
        }
        Ok(())
    })
}

/// The number of ids that somebody else is given first. A server that has made them makes others
/// after them, whatever it counts.
const BEFORE: u32 = 50;

pub fn the_server_makes_the_id(trial: &mut Trial<'_>) -> Outcome {
    // The same clients with the same requests at the same time, but at another server.
    let other = Members {
        servers: &[2],
        ..ONE
    };
    let setup = other.setup(trial, trial.conditions());
    let mut elsewhere = BTreeSet::new();
    trial.run_aside(setup, |world| {
        let mut fixture = Fixture::new(world, Program::Ids);
        fixture.world.run_for(ms(1))?;
        fixture.ids(&other.clients(), 6)?;
        elsewhere = judge(&fixture)?.into_iter().map(|(_, id)| id).collect();
        Ok(())
    })?;
    let more = Members {
        clients_each: 3,
        ..ONE
    };
    let setup = more.setup(trial, trial.conditions());
    let mut later = Vec::new();
    trial.run_aside(setup, |world| {
        let mut fixture = Fixture::new(world, Program::Ids);
        fixture.world.run_for(ms(1))?;
        fixture.ids(&[client(3)], BEFORE)?;
        fixture.ids(&ONE.clients(), 6)?;
        later = given(fixture.world, &ONE.clients());
        Ok(())
    })?;
    ONE.act(trial, |fixture| {
        fixture.ids(&ONE.clients(), 6)?;
        if let Some((at, id)) = judge(fixture)?
            .into_iter()
            .find(|(_, id)| elsewhere.contains(id))
        {
            let text =
                format!("s1 gave {id:?}, and so did s2 when the same clients asked s2 instead");
            return Err(fixture
                .world
                .violation_at(at, format!("{text}: the server does not make it")));
        }
        if given(fixture.world, &ONE.clients()) == later {
            let text = format!(
                "c1 and c2 got the same ids as in a run in which s1 had first made {BEFORE} ids \
                 for another client: an id must not be made of the client's name and counter"
            );
            return Err(fixture.world.violation(text));
        }
        Ok(())
    })
}

/// What these clients were given, in the order in which they asked.
fn given(world: &World<'_>, clients: &[NodeId]) -> Vec<Option<Id>> {
    world
        .history()
        .iter()
        .filter(|operation| clients.contains(&operation.client))
        .map(output)
        .collect()
}

pub fn a_lost_disk_repeats_nothing(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        let first_us = clock_us(fixture);
        fixture.ids(&ONE.clients(), 5)?;
        fixture.restart_without_disk(server(1))?;
        fixture.ids(&ONE.clients(), 5)?;
        fixture.restart(server(1))?;
        fixture.ids(&ONE.clients(), 5)?;
        // The same moment once more: a new disk, and a clock that reads what it read at the
        // beginning.
        for _ in 0..2 {
            fixture.world.crash(server(1))?;
            fixture.world.lose_disk(server(1))?;
            let by_us = clock_us(fixture) - first_us;
            fixture.world.step_clock(server(1), -by_us)?;
            fixture.world.start(server(1))?;
            fixture.ids(&ONE.clients(), 5)?;
        }
        Ok(())
    })
}

/// What the clock of s1 reads, in microseconds.
pub fn clock_us(fixture: &Fixture<'_, '_>) -> i64 {
    fixture
        .world
        .clock(server(1))
        .map_or(0, |clock| clock.as_micros() as i64)
}

pub fn an_old_reply_brings_no_id_twice(trial: &mut Trial<'_>) -> Outcome {
    let twice = Conditions {
        duplication: 1_000,
        stragglers: 300,
        straggle: ms(20)..=ms(300),
        ..Conditions::clean()
    };
    ONE.act_under(
        trial,
        twice,
        " on which every message comes twice",
        |fixture| {
            fixture.ids(&ONE.clients(), 15)?;
            fixture.world.set_conditions(Conditions {
                loss: 300,
                ..Conditions::bad()
            });
            fixture.ids(&ONE.clients(), 6)
        },
    )
}

pub fn nobody_is_asked(trial: &mut Trial<'_>) -> Outcome {
    FOUR.act(trial, |fixture| {
        let overheard = Overheard::default();
        fixture.world.watch(Eavesdropper(Rc::clone(&overheard)));
        fixture.ids(&FOUR.clients(), 5)?;
        if let Some((at, from, to)) = overheard.borrow().first() {
            let text = format!(
                "{from} sent a message to {to}: each server must answer on its \
                                own"
            );
            return Err(fixture.world.violation_at(*at, text));
        }
        // Each alone with its client, and one of them down.
        let servers = FOUR.servers();
        let groups: Vec<&[_]> = servers.iter().map(std::slice::from_ref).collect();
        fixture.world.partition(&groups)?;
        fixture.world.crash(server(4))?;
        fixture.ids(&FOUR.clients()[..3], 5)?;
        fixture.world.heal()?;
        fixture.world.start(server(4))?;
        fixture.ids(&FOUR.clients(), 3)
    })
}
