//! Part C: ids from several servers, which restart and lose their disks.

use std::{collections::BTreeSet, rc::Rc};

use faultline_sim::{Conditions, Outcome, Trial, World, choice::About, ms};
use lab0_api::{Id, NewId};
use labkit::NodeId;

use crate::{
    MAX_INCARNATIONS, client,
    ids::{Eavesdropper, Overheard, judge},
    room::{Cast, Program, Room, output},
    server,
};

pub const ONE: Cast<'_> = Cast {
    program: Program::Ids,
    servers: &[1],
    clients_each: 2,
};
pub const FOUR: Cast<'_> = Cast {
    program: Program::Ids,
    servers: &[1, 2, 3, 4],
    clients_each: 1,
};

pub fn an_id_comes_back(trial: &mut Trial<'_>) -> Outcome {
    ONE.act_in_peace(trial, |room| room.ids(&ONE.clients(), 10))
}

pub fn no_two_servers_give_the_same_id(trial: &mut Trial<'_>) -> Outcome {
    // They have started in the same microsecond, and their clocks agree.
    FOUR.act(trial, |room| room.ids(&FOUR.clients(), 12))
}

pub fn high_numbers_are_told_apart(trial: &mut Trial<'_>) -> Outcome {
    told_apart(trial, &[1, 2, 23, 257, 258, 513, 1001, 1023])
}

/// Servers with these numbers, whose clocks agree, and stand still after a while.
pub fn told_apart(trial: &mut Trial<'_>, servers: &[u32]) -> Outcome {
    let cast = Cast {
        program: Program::Ids,
        servers,
        clients_each: 1,
    };
    cast.act(trial, |room| {
        room.ids(&cast.clients(), 4)?;
        for server in cast.servers() {
            room.world.freeze_clock(server)?;
        }
        room.ids(&cast.clients(), 4)
    })
}

pub fn a_restart_repeats_nothing(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |room| {
        room.ids(&ONE.clients(), 3)?;
        for _ in 0..3 {
            room.restart(server(1))?;
            room.ids(&ONE.clients(), 3)?;
        }
        // So quick that the clock does not even tick.
        room.world.freeze_clock(server(1))?;
        for _ in 0..3 {
            room.restart(server(1))?;
            room.ids(&ONE.clients(), 3)?;
        }
        // Before it has given any id in a life, and in the middle of giving one.
        room.restart(server(1))?;
        room.restart(server(1))?;
        room.ask(client(1), &NewId)?;
        let bits = room.world.choices().draw(About::Plan, 4, 0).bits();
        room.world.crash_in_next_event(server(1), bits);
        let patience = room.patience();
        room.world
            .expect("the request reaches s1", patience, |world| {
                Ok(world.is_down(server(1)))
            })?;
        room.world.start(server(1))?;
        let _id: Id = room.answer(client(1))?;
        room.ids(&ONE.clients(), 3)?;
        // And again, as often as the lab starts a server.
        while room.world.incarnation(server(1)) < MAX_INCARNATIONS {
            room.restart(server(1))?;
            room.ids(&ONE.clients(), 1)?;
        }
        Ok(())
    })
}

/// The number of ids that somebody else is given first. A server that has made them makes others
/// after them, whatever it counts.
const BEFORE: u32 = 50;

pub fn the_server_makes_the_id(trial: &mut Trial<'_>) -> Outcome {
    // The same clients with the same requests at the same time, but at another server.
    let other = Cast {
        servers: &[2],
        ..ONE
    };
    let setup = other.setup(trial, trial.conditions());
    let mut elsewhere = BTreeSet::new();
    trial.run_aside(setup, |world| {
        let mut room = Room::new(world, Program::Ids);
        room.world.run_for(ms(1))?;
        room.ids(&other.clients(), 6)?;
        elsewhere = judge(&room)?.into_iter().map(|(_, id)| id).collect();
        Ok(())
    })?;
    let more = Cast {
        clients_each: 3,
        ..ONE
    };
    let setup = more.setup(trial, trial.conditions());
    let mut later = Vec::new();
    trial.run_aside(setup, |world| {
        let mut room = Room::new(world, Program::Ids);
        room.world.run_for(ms(1))?;
        room.ids(&[client(3)], BEFORE)?;
        room.ids(&ONE.clients(), 6)?;
        later = given(room.world, &ONE.clients());
        Ok(())
    })?;
    ONE.act(trial, |room| {
        room.ids(&ONE.clients(), 6)?;
        if let Some((at, id)) = judge(room)?
            .into_iter()
            .find(|(_, id)| elsewhere.contains(id))
        {
            let text = format!(
                "{id:?} was given by s1, and by s2 when the same clients asked that \
                                one instead"
            );
            return Err(room.world.violation_at(
                at,
                format!(
                    "{text}: it does not come from the \
                                                            server"
                ),
            ));
        }
        if given(room.world, &ONE.clients()) == later {
            let text = format!(
                "c1 and c2 were given the same ids as when s1 had made {BEFORE} ids for somebody \
                 else before: who asks, and \
                 what the client counts, is no part of an id"
            );
            return Err(room.world.violation(text));
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
    ONE.act(trial, |room| {
        let first_us = clock_us(room);
        room.ids(&ONE.clients(), 5)?;
        room.restart_without_disk(server(1))?;
        room.ids(&ONE.clients(), 5)?;
        room.restart(server(1))?;
        room.ids(&ONE.clients(), 5)?;
        // The same moment once more: a new disk, and a clock that reads what it read at the
        // beginning.
        for _ in 0..2 {
            room.world.crash(server(1))?;
            room.world.lose_disk(server(1))?;
            let by_us = clock_us(room) - first_us;
            room.world.step_clock(server(1), -by_us)?;
            room.world.start(server(1))?;
            room.ids(&ONE.clients(), 5)?;
        }
        Ok(())
    })
}

/// What the clock of s1 reads, in microseconds.
pub fn clock_us(room: &Room<'_, '_>) -> i64 {
    room.world
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
        |room| {
            room.ids(&ONE.clients(), 15)?;
            room.world.set_conditions(Conditions {
                loss: 300,
                ..Conditions::bad()
            });
            room.ids(&ONE.clients(), 6)
        },
    )
}

pub fn nobody_is_asked(trial: &mut Trial<'_>) -> Outcome {
    FOUR.act(trial, |room| {
        let overheard = Overheard::default();
        room.world.watch(Eavesdropper(Rc::clone(&overheard)));
        room.ids(&FOUR.clients(), 5)?;
        if let Some((at, from, to)) = overheard.borrow().first() {
            let text = format!("{from} sent a message to {to}: servers must not need each other");
            return Err(room.world.violation_at(*at, text));
        }
        // Each alone with its client, and one of them down.
        let servers = FOUR.servers();
        let groups: Vec<&[_]> = servers.iter().map(std::slice::from_ref).collect();
        room.world.partition(&groups)?;
        room.world.crash(server(4))?;
        room.ids(&FOUR.clients()[..3], 5)?;
        room.world.heal()?;
        room.world.start(server(4))?;
        room.ids(&FOUR.clients(), 3)
    })
}
