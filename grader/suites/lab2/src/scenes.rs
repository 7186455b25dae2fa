//! What public tests and their hidden siblings have in common: stories told with other sizes and
//! operations.

use std::time::Duration;

use faultline_labtest::kv::{Command, KvLab};
use faultline_sim::{
    Conditions, Outcome, Workload,
    choice::{About, Choices},
    ms,
};
use labkit::NodeId;

use super::{
    ANSWERED_UNDER_LOSS, Lab2, client, server,
    service::{KvService, Service, append, put},
};

/// Which directions of a link are cut.
#[derive(Clone, Copy)]
pub enum Side {
    /// Both.
    Both,
    /// From the primary to the backup.
    ToTheBackup,
    /// From the backup to the primary.
    FromTheBackup,
}

/// Cuts the link of primary and backup.
pub fn cut(service: &mut Service<'_, '_>, side: Side, primary: NodeId, backup: NodeId) -> Outcome {
    if !matches!(side, Side::FromTheBackup) {
        service.world.cut(primary, backup)?;
    }
    if !matches!(side, Side::ToTheBackup) {
        service.world.cut(backup, primary)?;
    }
    Ok(())
}

/// Three servers. The primary and the view server cannot hear each other, so it is deposed and does
/// not know; it still reaches its backup, which is primary now. A client that reaches nobody else
/// asks it. Then the new primary dies, too.
pub fn forward_from_the_past(service: &mut Service<'_, '_>, command: &Command) -> Outcome {
    let (writer, friend) = (client(1), client(2));
    let (old, new) = service.replicated()?;
    service.world.run_for(ms(400))?; // the third server is known to live
    service.must_do(writer, &append("x", "old;"))?;
    service.must_read(friend, "x", "old;")?;
    service.world.isolate(old)?;
    service.world.isolate(friend)?;
    service.world.join(&[&[old], &[friend, new]])?;
    service.led_by(new)?;
    service.must_do(writer, &append("x", "new;"))?;
    service.replicated()?;
    service.invoke(friend, command)?;
    service.world.run_for(ms(800))?;
    service.judge()?;
    service.world.crash(new)?;
    service.must_do(writer, &append("x", "newer;"))?;
    service.world.heal()?;
    service.answer(friend)?;
    service.read_all_and_judge()
}

/// Two servers whose messages to each other are late or come twice. The backup loses its state
/// again and again, so there is view after view, and what belongs to an earlier one arrives in a
/// later one. At last the primary dies.
pub fn backups_come_and_go(service: &mut Service<'_, '_>, late: &Conditions) -> Outcome {
    let (writer, other) = (client(1), client(2));
    let (primary, backup) = service.replicated()?;
    service.world.set_link(primary, backup, Some(late.clone()));
    service.world.set_link(backup, primary, Some(late.clone()));
    for round in 0..4 {
        service.must_do(writer, &append("x", &format!("{round} first;")))?;
        service.must_do(other, &put("y", &format!("{round} first;")))?;
        // One operation is under way when the backup's life ends.
        service.invoke(writer, &append("x", &format!("{round} on the way;")))?;
        service.world.run_for(ms(15))?;
        service.world.restart_quickly(backup)?;
        service.replicated()?;
        service.must_do(other, &append("y", &format!("{round} later;")))?;
        service.answer(writer)?;
        service.must_do(writer, &put("z", &format!("{round} later;")))?;
    }
    service.world.run_for(ms(550))?; // everything late has arrived
    service.must_do(writer, &append("z", "end;"))?;
    service.replicated()?;
    service.world.crash(primary)?;
    service.must_do(other, &append("x", "end;"))?;
    service.read_all_and_judge()
}

/// Many clients have been carried out and not answered by a lone server; then it is given a backup,
/// and dies as soon as the view is acknowledged. The backup must know every one of their retries.
pub fn many_retries_after_a_transfer(service: &mut Service<'_, '_>) -> Outcome {
    let keys = 10
        + service
            .world
            .choices()
            .draw(About::Workload, 0, 0)
            .below(60);
    let writers: Vec<NodeId> = (1..service.size.clients).map(client).collect();
    for number in 0..keys {
        let writer = writers[number as usize % writers.len()];
        service.must_do(writer, &put(&format!("key {number}"), "value"))?;
    }
    for writer in &writers {
        service.world.cut(server(1), *writer)?;
        service.invoke(*writer, &append("log", &format!("{writer};")))?;
    }
    service.world.run_for(ms(600))?;
    let far = Conditions {
        latency: ms(40)..=ms(120),
        ..service.world.conditions().clone()
    };
    service.world.set_link(server(1), server(2), Some(far));
    service.world.start(server(2))?;
    service.replicated()?;
    service.world.crash(server(1))?;
    service.world.heal()?;
    for writer in writers {
        service.answer(writer)?;
    }
    service.read_all_and_judge()
}

/// A lone server with many keys is given a backup while clients write; at the moment at which the
/// view is acknowledged the server dies, and the backup must have everything.
pub fn write_while_it_is_copied(service: &mut Service<'_, '_>, keys: u64) -> Outcome {
    let clients = u64::from(service.size.clients) - 1;
    let reader = service.size.reader();
    service.world.set_workload(Fill {
        keys,
        clients,
        reader,
    });
    service.finish(ANSWERED_UNDER_LOSS)?;
    let choices = service.world.choices();
    service.world.set_workload(Appends {
        choices,
        begun: keys.div_ceil(clients),
        operations: 12,
        reader,
    });
    let far = Conditions {
        latency: ms(10)..=ms(60),
        ..service.world.conditions().clone()
    };
    service.world.set_link(server(1), server(2), Some(far));
    service.world.start(server(2))?;
    service.replicated()?;
    service.world.crash(server(1))?;
    service.finish(ANSWERED_UNDER_LOSS)?;
    service.read_all_and_judge()
}

/// Each key is put once; the clients share the work.
struct Fill {
    keys: u64,
    clients: u64,
    reader: NodeId,
}

impl Workload for Fill {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let key = nth * self.clients + u64::from(client.number()) - 1;
        let command = put(&format!("key {key}"), &format!("value {key}"));
        (client != self.reader && key < self.keys)
            .then(|| (Duration::ZERO, Lab2::to_bytes(&command)))
    }
}

/// Each client appends to keys that hold something already.
struct Appends {
    choices: Choices,
    /// At least this number of operations of each client are over.
    begun: u64,
    operations: u64,
    reader: NodeId,
}

impl Workload for Appends {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let mut draw = self
            .choices
            .draw(About::Workload, u64::from(client.number()), nth);
        let command = append(
            &format!("key {}", draw.below(4)),
            &format!("{client}.{nth};"),
        );
        (client != self.reader && nth < self.begun + self.operations)
            .then(|| (draw.between(&(ms(1)..=ms(40))), Lab2::to_bytes(&command)))
    }
}
