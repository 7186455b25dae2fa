//! Part A: the program that the lab gives. These tests are for breaking it.

use faultline_sim::{Outcome, Trial, ms};
use lab0_api::{Ping, Pong};
use labkit::NodeId;

use crate::{
    client,
    room::{Cast, Program, Room},
    server,
};

const ONE: Cast<'_> = Cast {
    program: Program::PingPong,
    servers: &[1],
    clients_each: 1,
};

impl Room<'_, '_> {
    #[track_caller]
    fn ping(&mut self, client: NodeId, number: u64) -> Outcome {
        self.ask(client, &Ping(number))?;
        let pong: Pong = self.answer(client)?;
        if pong == Pong(number) {
            return Ok(());
        }
        Err(self.world.violation(format!(
            "{client} asked Ping({number}) and was answered {pong:?}"
        )))
    }
}

pub fn a_ping_is_answered(trial: &mut Trial<'_>) -> Outcome {
    let two = Cast {
        clients_each: 2,
        ..ONE
    };
    two.act_in_peace(trial, |room| {
        for number in 1..=5 {
            room.ping(client(1), number)?;
            room.ping(client(2), 100 + number)?;
        }
        Ok(())
    })
}

pub fn a_ping_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |room| {
        room.world.cut(client(1), server(1))?;
        room.ask(client(1), &Ping(1))?;
        room.world.run_for(ms(300))?;
        room.world.heal_link(client(1), server(1))?;
        let _pong: Pong = room.answer(client(1))?;
        Ok(())
    })
}

pub fn each_ping_gets_its_own_pong(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |room| {
        room.ping(client(1), 1)?;
        room.ping(client(1), 2)?;
        for number in [3, 5, 7] {
            // The pong is late, so the client asks again, and there are two pongs.
            room.world.hold(server(1), client(1))?;
            room.ask(client(1), &Ping(number))?;
            room.world.run_for(ms(100))?;
            room.world.release(server(1), client(1))?;
            let _pong: Pong = room.answer(client(1))?;
            room.ping(client(1), number + 1)?;
        }
        Ok(())
    })
}
