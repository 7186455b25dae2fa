//! What public tests and their hidden siblings have in common: stories told with other sizes and
//! operations.

use std::time::Duration;

use faultline_labtest::kv::Command;
use faultline_sim::{Outcome, ms};

use labkit::NodeId;

use super::{
    ballots::take_over,
    client,
    group::{Group, KvService, append, get, put},
    server,
};

/// One client's operations reach everybody, and no reply reaches it until every server has been
/// asked.
pub fn no_reply_gets_through(group: &mut Group<'_, '_>, rounds: u32) -> Outcome {
    let (writer, other, servers) = (client(1), client(2), group.size.servers());
    let mut expected = String::new();
    for round in 0..rounds {
        for server in &servers {
            group.world.cut(*server, writer)?;
        }
        group.invoke(writer, &append("log", &format!("{round};")))?;
        expected += &format!("{round};");
        group.world.run_for(ms(900))?;
        group.must_do(other, &put("other", &format!("{round}")))?;
        // Perhaps the one that carried it out is not there any more when the client is heard.
        group
            .world
            .restart_quickly(server(1 + round % group.size.servers))?;
        for server in &servers {
            group.world.heal_link(*server, writer)?;
        }
        group.answer(writer)?;
    }
    group.must_read(group.size.reader(), "log", &expected)?;
    group.read_all_and_judge()
}

/// Each server in turn is cut off together with a client. The others go on; the client asks.
pub fn a_friend_asks_whoever_is_cut_off(group: &mut Group<'_, '_>, command: &Command) -> Outcome {
    let (writer, friend) = (client(1), client(2));
    group.must_do(writer, &put("x", "0;"))?;
    for lonely in group.size.servers() {
        takes_over(group, lonely)?;
        group.must_do(friend, &append("x", &format!("before {lonely};")))?;
        let alone = [lonely, friend];
        let rest: Vec<NodeId> = group
            .world
            .ids()
            .into_iter()
            .filter(|id| !alone.contains(id))
            .collect();
        group.world.partition(&[&alone, &rest])?;
        group.must_do(writer, &append("x", &format!("without {lonely};")))?;
        group.invoke(friend, command)?;
        group.world.run_for(ms(700))?;
        group.judge()?;
        group.world.heal()?;
        group.answer(friend)?;
    }
    group.judge()
}

/// In a design with a leader this server leads.
pub fn takes_over(group: &mut Group<'_, '_>, server: NodeId) -> Outcome {
    let others: Vec<NodeId> = group
        .size
        .servers()
        .into_iter()
        .filter(|other| *other != server)
        .collect();
    take_over(group, &others)
}

/// Each server in turn is cut off together with a client, which asks it for something; the others
/// carry out something else. Then the server hears the others again, and its client still hears
/// nobody else.
pub fn another_operation_takes_the_slot(group: &mut Group<'_, '_>) -> Outcome {
    let (writer, friend) = (client(1), client(2));
    group.must_do(writer, &append("x", "0;"))?;
    for lonely in group.size.servers() {
        takes_over(group, lonely)?;
        let alone = [lonely, friend];
        let rest: Vec<NodeId> = group
            .world
            .ids()
            .into_iter()
            .filter(|id| !alone.contains(id))
            .collect();
        group.world.partition(&[&alone, &rest])?;
        group.invoke(friend, &append("x", &format!("by {lonely};")))?;
        group.world.run_for(ms(700))?;
        group.must_do(writer, &append("x", &format!("without {lonely};")))?;
        group.world.join(&[&[lonely], &rest])?;
        group.world.run_for(ms(700))?;
        group.world.heal()?;
        group.answer(friend)?;
    }
    group.read_all_and_judge()
}

/// All clients ask at once, and a server that may lead can tell only one other of what it proposes;
/// then it is gone. In between are slots of which those who are left know nothing.
pub fn proposals_are_left_behind(group: &mut Group<'_, '_>) -> Outcome {
    let clients: Vec<NodeId> = (1..group.size.clients).map(client).collect();
    group.must_do(clients[0], &put("x", "0;"))?;
    for (round, gone) in group.size.servers().into_iter().enumerate() {
        takes_over(group, gone)?;
        for client in &clients {
            // Now they know whom to ask.
            group.must_do(*client, &append("y", &format!("{client}.{round};")))?;
        }
        let others: Vec<NodeId> = group
            .size
            .servers()
            .into_iter()
            .filter(|server| *server != gone)
            .collect();
        for (place, client) in clients.iter().enumerate() {
            // Each operation is heard by another server, if by any.
            for (number, other) in others.iter().enumerate() {
                match number == (place + round) % others.len() && place > 0 {
                    true => group.world.heal_link(gone, *other)?,
                    false => group.world.cut(gone, *other)?,
                }
            }
            group.invoke(*client, &append("x", &format!("{client}.{round};")))?;
            group.world.run_for(ms(30))?;
        }
        group.world.run_for(ms(60))?;
        group.world.crash(gone)?;
        group.world.heal()?;
        for client in &clients {
            group.answer(*client)?;
        }
        group.world.start(gone)?;
    }
    group.read_all_and_judge()
}

/// One server is away while the others work; it comes back, and after a while it is needed for a
/// majority.
pub fn one_is_away_then_needed(group: &mut Group<'_, '_>, rounds: u32, pause: Duration) -> Outcome {
    let (writer, reader) = (client(1), group.size.reader());
    let (gone, away) = (server(1), server(group.size.servers));
    group.must_do(writer, &put("x", "0;"))?;
    group.world.isolate(away)?;
    let mut expected = "0;".to_owned();
    for round in 1..=rounds {
        group.must_do(writer, &append("x", &format!("{round};")))?;
        expected += &format!("{round};");
    }
    group.world.run_for(pause)?;
    group.world.heal()?;
    group.world.run_for(ms(1_000))?;
    group.must_catch_up(away)?;
    group.world.isolate(gone)?;
    group.must_read(reader, "x", &expected)?;
    group.must_do(writer, &append("x", "end;"))?;
    group.world.heal()?;
    group.read_all_and_judge()
}

/// All servers crash at the same moment, again and again, with operations under way.
pub fn all_restart(group: &mut Group<'_, '_>, rounds: u64) -> Outcome {
    let clients: Vec<NodeId> = (1..group.size.clients).map(client).collect();
    for round in 0..rounds {
        for client in &clients {
            group.invoke(*client, &append("x", &format!("{client}.{round};")))?;
        }
        group.world.run_for(ms(7 * (round % 6)))?;
        for server in group.size.servers() {
            group.world.crash(server)?;
        }
        group.world.run_for(ms(20))?;
        group.start_all()?;
        for client in &clients {
            group.answer(*client)?;
        }
    }
    Ok(())
}

/// Servers restart one after the other, each as soon as the one before is back.
pub fn restart_one_after_the_other(group: &mut Group<'_, '_>, rounds: u64) -> Outcome {
    let (writer, other) = (client(1), client(2));
    for round in 0..rounds {
        for server in group.size.servers() {
            group.invoke(writer, &append("x", &format!("{round} {server};")))?;
            group.world.run_for(ms(3 + 11 * (round % 4)))?;
            group.world.restart_quickly(server)?;
            group.must_do(other, &append("x", &format!("other {round} {server};")))?;
            group.answer(writer)?;
        }
        // And without a break, right after an answer.
        for server in group.size.servers() {
            group.world.restart_quickly(server)?;
            group.world.run_for(ms(10))?;
        }
    }
    group.read_all_and_judge()
}

/// One server of three loses its disk, and the others have what was decided. After this time it
/// crashes once more, with its new disk.
pub fn one_loses_its_disk(group: &mut Group<'_, '_>, time: Duration) -> Outcome {
    let (writer, reader) = (client(1), group.size.reader());
    let (one, victim, away) = (server(1), server(2), server(3));
    group.must_do(writer, &put("x", "0;"))?;
    group.world.isolate(away)?;
    group.must_do(writer, &append("x", "1;"))?;
    // What was just chosen stood on two disks. One of them is gone, the other cannot be reached.
    group.world.crash(victim)?;
    group.world.lose_disk(victim)?;
    group.world.isolate(one)?;
    group
        .world
        .join(&[&[away], &[victim, client(1), client(2), client(3)]])?;
    group.world.start(victim)?;
    group.invoke(reader, &get("x"))?;
    group.world.run_for(time)?;
    group.judge()?;
    group.world.restart_quickly(victim)?;
    group.world.run_for(ms(1_500))?;
    group.judge()?;
    // Two servers have their disks: they are a majority.
    group.world.heal()?;
    group.answer(reader)?;
    group.must_read(reader, "x", "0;1;")?;
    group.must_do(writer, &append("x", "2;"))?;
    group.world.isolate(victim)?;
    group.must_do(writer, &append("x", "3;"))?;
    group.world.heal()?;
    group.read_all_and_judge()
}
