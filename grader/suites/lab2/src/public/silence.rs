//! Part C: situations in which no correct service can go on. There a wrong answer fails, and no
//! answer is right.

use faultline_sim::{Outcome, Trial, ms};

use crate::{
    client, server,
    service::{KvService, Size, append, get, put, with_service},
};

const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

pub fn silence_when_primary_and_backup_are_lost(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, TRIO, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &put("x", "on two servers"))?;
        service.must_read(reader, "x", "on two servers")?;
        service.world.run_for(ms(400))?; // the third server is known to live
        service.world.crash(primary)?;
        service.world.crash(backup)?;
        service.world.run_for(ms(300))?;
        service.world.start(primary)?;
        service.world.start(backup)?;
        service.invoke(reader, &get("x"))?;
        service.invoke(writer, &append("x", " and more"))?;
        service.stays_silent("both servers that had the state have lost it", ms(3_000))?;
        service.judge()
    })
}

pub fn silence_when_the_primary_dies_before_its_ack(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, TRIO, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &put("x", "on two servers"))?;
        service.must_read(reader, "x", "on two servers")?;
        service.world.run_for(ms(400))?; // the third server is known to live
        let third = (1..=3)
            .map(server)
            .find(|node| ![primary, backup].contains(node))
            .expect("there are three");
        // The backup is taken for dead, the third server takes its place, and cannot be given the
        // state.
        service.world.partition(&[&[primary], &[third]])?;
        service.world.isolate(backup)?;
        service.world.run_for(ms(800))?;
        service.world.crash(primary)?;
        service.world.heal()?;
        service.invoke(reader, &get("x"))?;
        service.invoke(writer, &append("x", " and more"))?;
        let why = format!("{primary} died before it had acknowledged its view");
        service.stays_silent(&why, ms(3_000))?;
        service.judge()
    })
}
