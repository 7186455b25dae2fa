//! Part A: the program that the lab gives. These tests are for breaking it.

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab0_api::{Ping, Pong};
use labkit::NodeId;

use crate::lab0::{
    client,
    room::{Cast, Program, Room},
    server,
};

const ONE: Cast<'_> = Cast { program: Program::PingPong, servers: &[1], clients_each: 1 };

impl Room<'_, '_> {
    #[track_caller]
    fn ping(&mut self, client: NodeId, number: u64) -> Outcome {
        self.ask(client, &Ping(number))?;
        let pong: Pong = self.answer(client)?;
        if pong == Pong(number) {
            return Ok(());
        }
        Err(self.world.violation(format!("{client} asked Ping({number}) and was answered {pong:?}")))
    }
}

pub fn a_ping_is_answered(trial: &mut Trial<'_>) -> Outcome {
    let two = Cast { clients_each: 2, ..ONE };
    two.act(trial, |room| {
        for number in 1..=5 {
            room.ping(client(1), number)?;
            room.ping(client(2), 100 + number)?;
        }
        Ok(())
    })
}

pub fn a_ping_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |room| {
        room.ping(client(1), 1)?;
        room.world.cut(client(1), server(1))?;
        room.ask(client(1), &Ping(2))?;
        room.world.run_for(ms(300))?;
        room.world.heal_link(client(1), server(1))?;
        let _pong: Pong = room.answer(client(1))?;
        room.ping(client(1), 3)
    })
}

pub fn each_ping_gets_its_own_pong(trial: &mut Trial<'_>) -> Outcome {
    // Every message comes a second time, some of them much later.
    let twice = Conditions { duplication: 1_000, stragglers: 200, straggle: ms(50)..=ms(200), ..Conditions::clean() };
    ONE.act_under(trial, twice, " on which every message comes twice", |room| {
        (1..=12).try_for_each(|number| room.ping(client(1), number))
    })
}
