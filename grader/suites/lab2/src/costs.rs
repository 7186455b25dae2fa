//! The measurements of part E. The bounds are the handout's; the two reference solutions stay below
//! five sixths of each.

use std::time::Duration;

use faultline_labtest::kv::{Busy, Command, KvLab, waits_at_most};
use faultline_sim::{Outcome, ms};
use labkit::NodeId;

use super::{
    ANSWERED, Lab2, V1, client, server,
    service::{KvService, Service, append, put},
};

/// Messages among clients and servers, per operation.
const MESSAGES_PER_OPERATION: u64 = 8;

/// Messages to the view server per server and second; 40 of them are pings.
const PINGS_PER_SECOND: u64 = 50;

/// Bytes to and from the view server, per message that it receives.
const VIEW_SERVER_BYTES_PER_MESSAGE: u64 = 200;

/// The view server's state, in bytes, and more for each server.
const VIEW_SERVER_MEMORY: (usize, usize) = (1_000, 300);

/// The maximum cost of a transfer: this many times the bytes of the live keys and values, and this
/// much more.
const TRANSFER: (u64, u64) = (3, 2_000);

/// The maximum cost of an operation between the two servers: this many times the bytes of its
/// command, and this much more.
const FORWARD: (u64, u64) = (3, 300);

/// Maximum time that an operation waits after one failure.
const LONGEST_WAIT: Duration = ms(2_000);

/// All clients.
pub fn everybody(service: &Service<'_, '_>) -> Vec<NodeId> {
    (1..=service.size.clients).map(client).collect()
}

/// Each client carries out operations in a quiet, replicated service.
pub fn messages_per_operation(
    service: &mut Service<'_, '_>,
    command: impl Fn(NodeId, u64) -> Command,
) -> Outcome {
    service.replicated()?;
    for client in everybody(service) {
        service.must_do(client, &put("x", "warm"))?;
    }
    let before = service.log.borrow().traffic.service_messages;
    let mut operations = 0;
    for round in 0..20 {
        for client in everybody(service) {
            service.call(client, &command(client, round))?;
            operations += 1;
        }
    }
    count_messages(service, before, operations)
}

/// Complains if there were more messages since `before` than this number of operations may take.
pub fn count_messages(service: &Service<'_, '_>, before: u64, operations: u64) -> Outcome {
    let messages = service.log.borrow().traffic.service_messages - before;
    if messages > operations * MESSAGES_PER_OPERATION {
        let text = format!(
            "{operations} operations in a quiet service took {messages} messages among clients and \
             servers; {} are \
             allowed, {MESSAGES_PER_OPERATION} for each",
            operations * MESSAGES_PER_OPERATION
        );
        return Err(service.world.over_budget(text));
    }
    Ok(())
}

/// Clients write large values; the view server must not notice.
pub fn view_server(service: &mut Service<'_, '_>, value: usize) -> Outcome {
    service.replicated()?;
    let before = service.log.borrow().traffic;
    let began = service.world.now();
    let mut operations = 0;
    for round in 0..20 {
        for client in everybody(service) {
            service.must_do(client, &put(&format!("key {round}"), &"v".repeat(value)))?;
            operations += 1;
        }
    }
    let lasted = service.world.now().since(began);
    let traffic = service.log.borrow().traffic;
    let messages = traffic.view_server_messages - before.view_server_messages;
    let bytes = traffic.view_server_bytes - before.view_server_bytes;
    let pings =
        u64::from(service.size.servers) * PINGS_PER_SECOND * (lasted.as_millis() as u64 + 100)
            / 1000;
    let allowed = pings + operations / 10 + u64::from(service.size.clients);
    if messages > allowed {
        let text = format!(
            "during {operations} operations in {} ms the view server received {messages} messages; \
             {allowed} are \
             allowed, {PINGS_PER_SECOND} per server and second and one for ten operations",
            lasted.as_millis()
        );
        return Err(service.world.over_budget(text).naming("GetView"));
    }
    if bytes > messages * VIEW_SERVER_BYTES_PER_MESSAGE {
        let text = format!(
            "the view server received {messages} messages, and they and its answers had {bytes} \
             bytes; \
             {VIEW_SERVER_BYTES_PER_MESSAGE} per message are allowed"
        );
        return Err(service.world.over_budget(text));
    }
    let memory = service.world.memory(V1)?.unwrap_or_default();
    let allowed = VIEW_SERVER_MEMORY.0 + VIEW_SERVER_MEMORY.1 * service.size.servers as usize;
    if memory.working() > allowed || memory.disk > allowed {
        let text = format!(
            "the view server keeps {memory}, and {} on its disk; {allowed} are allowed in either, \
             since it holds no data",
            memory.disk
        );
        return Err(service.world.over_budget(text));
    }
    Ok(())
}

/// Two keys are overwritten and read again and again; what remains is two values, and a last reply
/// for each client.
pub fn memory(service: &mut Service<'_, '_>, value: usize, rounds: u64) -> Outcome {
    let (primary, backup) = service.replicated()?;
    for round in 0..rounds {
        for client in everybody(service) {
            let key = if round % 2 == 0 { "x" } else { "y" };
            let new = format!("{client}.{round};{}", "v".repeat(value));
            service.must_do(client, &put(key, &new))?;
            service.must_read(client, key, &new)?;
        }
    }
    for client in everybody(service) {
        service.must_do(client, &put("small", "s"))?;
    }
    service.world.run_for(ms(500))?;
    let clients = service.size.clients as usize;
    let allowed = (2 + clients) * (value + 50) * 5 / 4 + 1_000;
    for node in [primary, backup] {
        let memory = service.world.memory(node)?.unwrap_or_default();
        if memory.working() > allowed || memory.disk > allowed {
            let text = format!(
                "two values of {value} bytes were written {rounds} times by each of {clients} \
                 clients; after that {node} keeps {memory}, and {} on its disk; {allowed} are \
                 allowed in either",
                memory.disk
            );
            return Err(service.world.over_budget(text));
        }
    }
    service.must_do(client(1), &append("small", "er"))
}

/// s1 has written what the test wanted, of which this number of bytes is live; now s2 comes.
pub fn transfer(service: &mut Service<'_, '_>, live: u64) -> Outcome {
    let between = |service: &Service<'_, '_>| service.log.borrow().traffic.between_servers_bytes;
    let before = between(service);
    service.world.start(server(2))?;
    service.replicated()?;
    service.world.run_for(ms(200))?;
    let (bytes, allowed) = (between(service) - before, TRANSFER.0 * live + TRANSFER.1);
    if bytes > allowed {
        let text = format!(
            "the live keys and values had {live} bytes; until s2 had them, the two servers sent \
             each other {bytes} \
             bytes, and {allowed} are allowed"
        );
        return Err(service.world.over_budget(text));
    }
    let before = between(service);
    let mut commands = 0;
    for round in 0..20 {
        let command = append("small", &format!("{round};"));
        commands += Lab2::to_bytes(&command).len() as u64;
        service.must_do(client(1), &command)?;
    }
    let (bytes, allowed) = (
        between(service) - before,
        FORWARD.0 * commands + 20 * FORWARD.1,
    );
    if bytes > allowed {
        let text = format!(
            "20 appends of a few bytes each made the two servers send each other {bytes} bytes, \
             and {allowed} are allowed"
        );
        return Err(service.world.over_budget(text));
    }
    Ok(())
}

/// All clients are busy when a server dies.
pub fn wait(service: &mut Service<'_, '_>, primary_dies: bool, think: Duration) -> Outcome {
    let (primary, backup) = service.replicated()?;
    service.world.set_workload(Busy::<Lab2>::new(40, think));
    service.world.run_for(ms(300))?;
    service.replicated()?;
    service
        .world
        .crash(if primary_dies { primary } else { backup })?;
    service.finish(ANSWERED)?;
    waits_at_most(service.world, LONGEST_WAIT, "one server died")
}
