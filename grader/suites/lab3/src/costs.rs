//! Part D and the budget: what a right service may keep, and what it may send. Every bound stands
//! in the handout.

use std::time::Duration;

use faultline_labtest::kv::{Busy, Command, KvLab, waits_at_most};
use faultline_sim::{Outcome, ms};

use labkit::NodeId;

use super::{
    ANSWERED, Lab3, client,
    group::{Group, KvService, append, put},
    server,
};

/// Idle time after which a server holds only live data.
const IDLE: Duration = ms(2_000);

/// Messages for an operation of a group of three with a stable leader, heartbeats and all.
const MESSAGES: u64 = 18;

/// Bytes that all messages for an operation may have: this many times the command's own, and this
/// many more.
const BYTES: (u64, u64) = (8, 500);

/// Maximum time that an operation waits while one server after the other is cut off for a second
/// and a half.
const LONGEST_WAIT: Duration = ms(4_000);

fn everybody(group: &Group<'_, '_>) -> Vec<NodeId> {
    (1..=group.size.clients).map(client).collect()
}

/// Two keys are overwritten and read again and again.
pub fn overwrite(group: &mut Group<'_, '_>, value: usize, rounds: u64) -> Outcome {
    for round in 0..rounds {
        for client in everybody(group) {
            let key = if round % 2 == 0 { "x" } else { "y" };
            let new = format!("{client}.{round};{}", "v".repeat(value));
            group.must_do(client, &put(key, &new))?;
            group.must_read(client, key, &new)?;
        }
    }
    Ok(())
}

/// How many times as much may be on a disk as in the state: a log may be longer than what it leads
/// to, and is replaced from time to time.
const ON_DISK: usize = 4;

/// What is live is two values, and a last reply for each client.
pub fn holds_what_is_live(group: &mut Group<'_, '_>, value: usize) -> Outcome {
    group.world.run_for(IDLE)?;
    let clients = group.size.clients as usize;
    let allowed = (2 + clients) * (value + 50) * 5 / 4 + 2_000;
    for server in group.size.servers() {
        let memory = group.world.memory(server)?.unwrap_or_default();
        if memory.working() > allowed {
            let text = format!(
                "two values of {value} bytes are live, and {clients} clients have a last reply; {} \
                 ms after the last operation {server} keeps {memory}, and {allowed} are allowed: \
                 1.25 * (2 + {clients}) * ({value} + 50) + 2000 ({})",
                IDLE.as_millis(),
                group.log.borrow().kept()
            );
            return Err(group.world.over_budget(text));
        }
        let on_disk = ON_DISK * allowed;
        if memory.disk > on_disk {
            let text = format!(
                "two values of {value} bytes are live, and {clients} clients have a last reply; {} \
                 ms after the last operation {} bytes are on the disk of {server}, and {on_disk} \
                 are allowed: {ON_DISK} times what its state may have",
                IDLE.as_millis(),
                memory.disk
            );
            return Err(group.world.over_budget(text));
        }
    }
    group.must_do(client(1), &append("small", "er"))
}

/// Many operations, each with a reply that was the last one for a while.
pub fn table(group: &mut Group<'_, '_>, rounds: u64, value: usize) -> Outcome {
    group.must_do(client(1), &put("large", &"v".repeat(value)))?;
    for _ in 0..rounds {
        for client in everybody(group) {
            group.must_read(client, "large", &"v".repeat(value))?;
        }
    }
    for client in everybody(group) {
        group.must_do(client, &put("large", "s"))?;
    }
    holds_what_is_live(group, 100)
}

/// Each client carries out operations in a quiet group.
pub fn messages_per_operation(
    group: &mut Group<'_, '_>,
    rounds: u64,
    command: impl Fn(NodeId, u64) -> Command,
) -> Outcome {
    group.must_do(client(1), &put("x", "warm"))?;
    group.world.run_for(ms(1_000))?;
    let before = group.log.borrow().traffic;
    let (mut operations, mut asked) = (0, 0);
    for round in 0..rounds {
        for client in everybody(group) {
            let command = command(client, round);
            asked += Lab3::to_bytes(&command).len() as u64;
            group.call(client, &command)?;
            operations += 1;
        }
    }
    let after = group.log.borrow().traffic;
    let (messages, bytes) = (after.messages - before.messages, after.bytes - before.bytes);
    if messages > MESSAGES * operations {
        let text = format!(
            "{operations} operations took {messages} messages, {:.1} each; {MESSAGES} are allowed",
            messages as f64 / operations as f64
        );
        return Err(group.world.over_budget(text));
    }
    let allowed = BYTES.0 * asked + BYTES.1 * operations;
    if bytes > allowed {
        let text = format!(
            "{operations} operations, whose commands have {asked} bytes, took messages of {bytes} \
             bytes; {allowed} are \
             allowed"
        );
        return Err(group.world.over_budget(text));
    }
    group.read_all_and_judge()
}

/// All clients are busy while one server after the other is cut off.
pub fn wait(group: &mut Group<'_, '_>, think: Duration) -> Outcome {
    group.must_do(client(1), &put("x", ""))?;
    group.world.set_workload(Busy::<Lab3>::new(60, think));
    for round in 0..6 {
        group.world.run_for(ms(300))?;
        let gone = server(1 + round % group.size.servers);
        group.world.isolate(gone)?;
        group.world.run_for(ms(1_500))?;
        group.world.heal()?;
    }
    group.finish(ANSWERED)?;
    waits_at_most(
        group.world,
        LONGEST_WAIT,
        "a majority was connected at all times",
    )?;
    group.read_all_and_judge()
}
