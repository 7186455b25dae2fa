//! Part A: the program that the lab gives. These tests are for breaking it.

use faultline_sim::{Outcome, Trial, ms};
use lab0_api::{Ping, Pong};
use labkit::NodeId;

use crate::{
    client,
    fixture::{Fixture, Members, Program},
    server,
};

const ONE: Members<'_> = Members {
    program: Program::PingPong,
    servers: &[1],
    clients_each: 1,
};

impl Fixture<'_, '_> {
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
    let two = Members {
        clients_each: 2,
        ..ONE
    };
    two.act_in_peace(trial, |fixture| {
        for number in 1..=5 {
            fixture.ping(client(1), number)?;
            fixture.ping(client(2), 100 + number)?;
        }
        Ok(())
    })
}

pub fn a_ping_is_sent_until_it_is_answered(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        fixture.world.cut(client(1), server(1))?;
        fixture.ask(client(1), &Ping(1))?;
        fixture.world.run_for(ms(300))?;
        fixture.world.heal_link(client(1), server(1))?;
        let _pong: Pong = fixture.answer(client(1))?;
        Ok(())
    })
}

pub fn each_ping_gets_its_own_pong(trial: &mut Trial<'_>) -> Outcome {
    ONE.act(trial, |fixture| {
        fixture.ping(client(1), 1)?;
        fixture.ping(client(1), 2)?;
        for number in [3, 5, 7] {
            // The pong is late, so the client asks again, and there are two pongs.
            fixture.world.hold(server(1), client(1))?;
            fixture.ask(client(1), &Ping(number))?;
            fixture.world.run_for(ms(100))?;
            fixture.world.release(server(1), client(1))?;
            let _pong: Pong = fixture.answer(client(1))?;
            fixture.ping(client(1), number + 1)?;
        }
        Ok(())
    })
}
