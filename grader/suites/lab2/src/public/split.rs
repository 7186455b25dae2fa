//! Part D: transfer and split brain. A server that is taken for dead may live, and whatever was
//! sent may still arrive.

use faultline_sim::{Conditions, Outcome, Trial, ms};

use crate::{
    V1,
    chaos::{Chaos, Faults},
    client, scenes,
    scenes::Side,
    server,
    service::{KvService, Size, append, get, put, with_service, with_service_under},
};

const PAIR: Size = Size {
    servers: 2,
    clients: 3,
};
const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

pub fn deposed_primary_serves_nothing_stale(trial: &mut Trial<'_>) -> Outcome {
    let friend_reads = trial.number() % 2 == 0;
    with_service(trial, PAIR, true, |service| {
        let (writer, friend) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("x", "old;"))?;
        service.must_read(friend, "x", "old;")?; // now it knows the primary
        service.world.isolate(primary)?;
        service.world.isolate(friend)?;
        service.world.join(&[&[primary], &[friend]])?;
        service.led_by(backup)?;
        service.must_do(writer, &append("x", "new;"))?;
        let command = if friend_reads {
            get("x")
        } else {
            append("x", "friend;")
        };
        service.invoke(friend, &command)?;
        service.world.run_for(ms(1_500))?;
        service.judge()?;
        service.world.heal()?;
        service.answer(friend)?;
        service.read_all_and_judge()
    })
}

pub fn paused_primary_serves_nothing_stale(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, true, |service| {
        let (writer, friend) = (client(1), client(2));
        for round in 0..3 {
            let (primary, backup) = service.replicated()?;
            service.must_do(writer, &put("x", &format!("{round} old")))?;
            service.must_read(friend, "x", &format!("{round} old"))?;
            service.world.pause(primary)?;
            service.led_by(backup)?;
            service.must_do(writer, &put("x", &format!("{round} new")))?;
            // The friend knows of no other server; its request waits at the door of one that was
            // never told anything.
            service.world.isolate(friend)?;
            service.world.join(&[&[primary], &[friend]])?;
            service.invoke(friend, &get("x"))?;
            service.world.run_for(ms(120))?;
            service.world.resume(primary)?;
            service.world.run_for(ms(200))?;
            service.judge()?;
            service.world.heal()?;
            service.answer(friend)?;
        }
        service.read_all_and_judge()
    })
}

pub fn forwards_of_a_deposed_primary_are_refused(trial: &mut Trial<'_>) -> Outcome {
    let command = if trial.number() % 2 == 0 {
        append("x", "friend;")
    } else {
        get("x")
    };
    with_service(trial, TRIO, true, |service| {
        scenes::forward_from_the_past(service, &command)
    })
}

pub fn a_deposed_primary_takes_the_new_state(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, true, |service| {
        let (writer, friend) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        for key in ["x", "y", "z"] {
            service.must_do(writer, &append(key, "1;"))?;
        }
        service.must_read(friend, "x", "1;")?;
        // The primary is alone with a client that writes, and may or may not have written something
        // by itself.
        service.world.isolate(primary)?;
        service.world.isolate(friend)?;
        service.world.join(&[&[primary], &[friend]])?;
        service.invoke(friend, &append("x", "friend;"))?;
        service.led_by(backup)?;
        service.must_do(writer, &append("x", "2;"))?;
        service.must_do(writer, &put("y", "2;"))?;
        service.world.heal()?;
        service.answer(friend)?;
        // It is included again, in the same life, and is the one that has to serve.
        let (_, included) = service.replicated()?;
        if included != primary {
            return Err(service.world.violation(format!(
                "{primary} is alive and pings, but {included} is the backup"
            )));
        }
        service.must_do(writer, &append("z", "3;"))?;
        service.replicated()?;
        service.world.crash(backup)?;
        service.must_read(writer, "y", "2;")?;
        service.must_read(writer, "z", "1;3;")?;
        service.read_all_and_judge()
    })
}

pub fn a_late_confirmation_releases_no_read(trial: &mut Trial<'_>) -> Outcome {
    let reads = trial.number() % 3 == 2;
    let size = Size {
        servers: 2,
        clients: 4,
    };
    // The moments matter here, so the network is clean but for the one link that is slow.
    with_service_under(trial, Conditions::clean(), size, true, |service| {
        let (writer, friend, fresh) = (client(1), client(2), client(3));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("x", "old;"))?;
        service.must_read(friend, "x", "old;")?;
        service.must_read(writer, "y", "")?;
        service.world.partition(&[&[primary], &[V1]])?;
        service.world.run_for(ms(60))?;
        // What the backup confirms now is on its way for long, and speaks of a time before its
        // promotion.
        let late = Conditions {
            latency: ms(480)..=ms(500),
            ..Conditions::clean()
        };
        service.world.set_link(backup, primary, Some(late));
        service.invoke(writer, &if reads { get("y") } else { append("y", "1;") })?;
        service.world.run_for(ms(30))?;
        service.world.partition(&[&[writer], &[primary]])?;
        service.world.isolate(friend)?;
        service.world.join(&[&[primary], &[friend]])?;
        service.led_by(backup)?;
        // A client that asks for the first time finds the new primary at once.
        service.must_do(fresh, &append("x", "new;"))?;
        service.invoke(friend, &get("x"))?;
        service.world.run_for(ms(600))?;
        service.judge()?;
        service.world.heal()?;
        service.answer(friend)?;
        service.answer(writer)?;
        service.read_all_and_judge()
    })
}

pub fn late_messages_of_earlier_views_change_nothing(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, true, |service| {
        let late = Conditions {
            duplication: 1_000,
            stragglers: 500,
            straggle: ms(100)..=ms(500),
            ..Conditions::clean()
        };
        scenes::backups_come_and_go(service, &late)
    })
}

pub fn a_transfer_neither_loses_nor_doubles(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, false, |service| {
        scenes::write_while_it_is_copied(service, 120)
    })
}

pub fn a_transfer_is_retried_until_it_arrives(trial: &mut Trial<'_>) -> Outcome {
    let side = [Side::Both, Side::ToTheBackup, Side::FromTheBackup][trial.number() as usize % 3];
    with_service(trial, PAIR, false, |service| {
        let writer = client(1);
        for number in 0..20 {
            service.must_do(
                writer,
                &put(&format!("key {number}"), &format!("value {number}")),
            )?;
        }
        // s2 becomes backup and lives, but what s1 sends to it, or what it answers, does not
        // arrive.
        scenes::cut(service, side, server(1), server(2))?;
        service.world.start(server(2))?;
        service.world.run_for(ms(700))?;
        service.invoke(writer, &append("key 7", " and more"))?;
        service.world.run_for(ms(300))?;
        service.world.heal()?;
        service.answer(writer)?;
        service.replicated()?;
        service.must_do(writer, &append("key 8", " and more"))?;
        service.replicated()?;
        service.world.crash(server(1))?;
        service.must_read(writer, "key 7", "value 7 and more")?;
        service.must_read(writer, "key 8", "value 8 and more")?;
        service.read_all_and_judge()
    })
}

pub fn a_one_way_cut_neither_loses_nor_doubles(trial: &mut Trial<'_>) -> Outcome {
    // However long a fault lasts, the clients must be back soon after its end.
    let outage = if trial.number() == 1 {
        ms(5_080)
    } else {
        ms(500)
    };
    with_service(trial, PAIR, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "0;"))?;
        let links = [
            (primary, backup),
            (backup, primary),
            (writer, primary),
            (primary, writer),
        ];
        let mut expected = String::from("0;");
        for (round, (from, to)) in links.into_iter().enumerate() {
            let token = format!("{};", round + 1);
            expected += &token;
            service.world.cut(from, to)?;
            service.invoke(writer, &append("log", &token))?;
            service
                .world
                .run_for(if from == writer { outage } else { ms(500) })?;
            service.world.heal_link(from, to)?;
            service.answer(writer)?;
            service.must_read(reader, "log", &expected)?;
        }
        service.replicated()?;
        service.world.crash(primary)?;
        service.must_read(reader, "log", &expected)?;
        service.read_all_and_judge()
    })
}

pub fn split_brain_chaos(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 3 - (trial.number() % 2) as u32,
        clients: 4,
    };
    Chaos {
        size,
        operations: 30,
        padding: "",
        faults: Faults::SPLIT_BRAIN,
    }
    .run(trial)
}
