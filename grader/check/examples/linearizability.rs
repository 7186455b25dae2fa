//! How fast histories are judged: `cargo run -p faultline-check --example linearizability [DIR]`.
//!
//! DIR holds recorded histories `*.txt`, one event a line (SPEC.md, "Histories"). Times are medians
//! of five, of the processor where the system tells it (Linux), so that other programs do not
//! matter much.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark looks at the clock"
)]

use std::{collections::BTreeMap, path::Path, time::Instant};

use faultline_check::{
    Bank, BankCall, Checked, Operation, OperationOf, Options, Queue, QueueCall, QueueOp,
    SequentialSpec, Spec, Store, StoreCall, StoreOp, StoreReply, Verdict, check_with,
};

type Op = Operation<StoreCall, StoreReply>;

/// Splitmix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}

/// Kilobytes of memory at most so far, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Milliseconds since some moment.
fn clock(began: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| began.elapsed().as_secs_f64() * 1e3, |nanos| nanos / 1e6)
}

fn judge<S: Spec + Default>(history: &[OperationOf<S>], explain: bool) -> (Checked, f64) {
    let options = Options {
        explain,
        ..Options::default()
    };
    let (mut times, start) = (Vec::new(), Instant::now());
    loop {
        // The processor's time is counted in ticks, so short ones are taken many times.
        let (began, wall, mut rounds) = (clock(start), Instant::now(), 0.0);
        let checked = loop {
            let checked =
                check_with(&S::default(), history, &options).expect("replies follow calls");
            rounds += 1.0;
            if wall.elapsed().as_millis() > 40 {
                break checked;
            }
        };
        times.push((clock(start) - began) / rounds);
        if times.len() == 5 {
            times.sort_by(f64::total_cmp);
            return (checked, times[2]);
        }
    }
}

fn report<S: Spec + Default>(name: &str, history: &[OperationOf<S>]) {
    let (checked, millis) = judge::<S>(history, false);
    let verdict = match &checked.verdict {
        Verdict::Linearizable { .. } => "linearizable",
        Verdict::Violated(_) => "violated",
        Verdict::Undecided { .. } => "UNDECIDED",
    };
    print!(
        "{name:<44} {:>8} ops  {verdict:<12} {millis:>9.3} ms",
        history.len()
    );
    print!(
        "  {:>4} by zones, {} searched, {} configurations",
        checked.by_zones, checked.by_search, checked.explored
    );
    if let Verdict::Violated(_) = checked.verdict {
        let (explained, with) = judge::<S>(history, true);
        let Verdict::Violated(violation) = explained.verdict else {
            unreachable!("it is violated")
        };
        print!(
            "; {:?} of {} operations, explained in {:.3} ms",
            violation.kind,
            violation.core.len(),
            with - millis
        );
    }
    println!();
}

/// The recorded format: `{:process 0, :type :invoke, :f :put, :key "0", :value "x"}`.
fn recorded(text: &str) -> Vec<Op> {
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    let mut history: Vec<Op> = Vec::new();
    for (at, line) in (0_u64..).zip(text.lines()) {
        let field = |name: &str| {
            let rest = line.split_once(name).expect("a field").1.trim_start();
            rest.strip_prefix('"').map_or_else(
                || rest.split([',', '}']).next().expect("a value"),
                |rest| rest.split('"').next().expect("a text"),
            )
        };
        let client = field(":process").parse().expect("a number");
        let value = field(":value").as_bytes().to_vec();
        if field(":type") == ":invoke" {
            let op = match field(":f") {
                ":put" => StoreOp::Put(value),
                ":append" => StoreOp::Append(value),
                _ => StoreOp::Get,
            };
            open.insert(client, history.len());
            let command = StoreCall {
                key: field(":key").to_owned(),
                op,
            };
            history.push(Op {
                client,
                command,
                call: at,
                reply: None,
            });
        } else {
            let op = &mut history[open.remove(&client).expect("it was invoked")];
            let reply = if op.command.op == StoreOp::Get {
                StoreReply::Value(value)
            } else {
                StoreReply::Done
            };
            op.reply = Some((at, reply));
        }
    }
    history
}

/// Clients that work at the same time on some keys, against a correct store.
struct Workload {
    operations: u64,
    clients: u64,
    keys: u64,
    /// Of a thousand.
    lost: u64,
    /// Weights of put, append and get.
    mix: [u64; 3],
}

fn generate(workload: &Workload, seed: u64) -> Vec<Op> {
    let mut random = Random(seed);
    let mut stores = vec![Store::default(); workload.keys as usize];
    let mut free = vec![0; workload.clients as usize];
    let mut history = Vec::new();
    let mut planned = Vec::new();
    for number in 0..workload.operations {
        let client = number % workload.clients;
        let call = free[client as usize] + random.below(10);
        let ret = call + 1 + random.below(40);
        free[client as usize] = ret + 1;
        planned.push((
            call + random.below(ret - call + 1),
            number,
            client,
            call,
            ret,
        ));
    }
    planned.sort_unstable();
    for (_, number, client, call, ret) in planned {
        let key = random.below(workload.keys);
        let token = format!("c{client}.{number};").into_bytes();
        let ticket = random.below(workload.mix.iter().sum());
        // An append to a long value is a put, as in real workloads; or the reads would be all
        // bytes.
        let long = stores[key as usize].value.len() > 100;
        let op = match ticket {
            _ if ticket < workload.mix[0] => StoreOp::Put(token),
            _ if ticket >= workload.mix[0] + workload.mix[1] => StoreOp::Get,
            _ if long => StoreOp::Put(token),
            _ => StoreOp::Append(token),
        };
        let command = StoreCall {
            key: key.to_string(),
            op,
        };
        let lost = random.below(1000) < workload.lost;
        let reply = (!lost || random.below(2) == 0).then(|| stores[key as usize].invoke(&command));
        let reply = reply.filter(|_| !lost).map(|reply| (ret, reply));
        history.push(Op {
            client: client as u32,
            command,
            call,
            reply,
        });
    }
    history.sort_by_key(|op| op.call);
    history
}

/// Clients that read and then put on what they read, on one key; failures do not tell what they
/// saw.
fn race(operations: u64, clients: u64, stale: bool, versions: bool) -> Vec<Op> {
    let mut random = Random(5);
    let mut store = Store::default();
    let mut free = vec![0; clients as usize];
    let mut know: Vec<(Vec<u8>, u64)> = vec![(Vec::new(), 0); clients as usize];
    let mut reads = vec![false; clients as usize];
    let mut history: Vec<Op> = Vec::new();
    let mut planned = std::collections::BinaryHeap::new();
    let mut begin = |client: u64, free: &[u64]| {
        let call = free[client as usize] + random.below(10);
        let ret = call + 1 + random.below(40);
        (
            std::cmp::Reverse(call + random.below(ret - call + 1)),
            client,
            call,
            ret,
        )
    };
    (0..clients).for_each(|client| planned.push(begin(client, &free)));
    for number in 0..operations {
        let (_, client, call, ret) = planned.pop().expect("each client goes on");
        let (from, version) = know[client as usize].clone();
        reads[client as usize] = !reads[client as usize];
        let to = format!("c{client}.{number};").into_bytes();
        let op = match (reads[client as usize], versions) {
            (true, true) => StoreOp::GetAt,
            (true, false) => StoreOp::Get,
            (false, true) => StoreOp::PutAt { version, value: to },
            (false, false) => StoreOp::Cas { from, to },
        };
        let command = StoreCall {
            key: "k".to_owned(),
            op,
        };
        let reply = match store.invoke(&command) {
            StoreReply::NotSwapped(_) => StoreReply::NotSwapped(None),
            StoreReply::NotStored(_) => StoreReply::NotStored(None),
            other => other,
        };
        if reads[client as usize] {
            know[client as usize] = (store.value.clone(), store.version);
        }
        history.push(Op {
            client: client as u32,
            command,
            call,
            reply: Some((ret, reply)),
        });
        free[client as usize] = ret + 1;
        planned.push(begin(client, &free));
    }
    history.sort_by_key(|op| op.call);
    if stale {
        // A read late in the history returns what one long before it did.
        let reads: Vec<usize> = (0..history.len())
            .filter(|&at| matches!(history[at].command.op, StoreOp::Get | StoreOp::GetAt))
            .collect();
        let (old, late) = (reads[reads.len() * 3 / 4], reads[reads.len() * 4 / 5]);
        let value = history[old].reply.clone().expect("all are answered").1;
        history[late].reply.as_mut().expect("all are answered").1 = value;
    }
    history
}

/// The histories in the files of a folder.
fn recorded_ones(folder: &str) {
    let entries = std::fs::read_dir(Path::new(folder)).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let histories: Vec<_> = files
        .iter()
        .map(|file| recorded(&std::fs::read_to_string(file).expect("a readable file")))
        .collect();
    let before = peak();
    for (file, history) in files.iter().zip(&histories) {
        report::<Store>(
            &file.file_stem().unwrap_or_default().to_string_lossy(),
            history,
        );
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        println!(
            "memory on these: {} KB above the {before} KB at the start",
            after - before
        );
    }
}

/// Clients that work at the same time on an object that is no store; of a hundred replies three
/// are lost.
fn of_object<S: Spec + Default>(
    operations: u64,
    clients: u64,
    command: impl Fn(&mut Random, u64) -> S::Op,
) -> Vec<OperationOf<S>> {
    let mut random = Random(1);
    let mut free = vec![0; clients as usize];
    let mut planned = Vec::new();
    for number in 0..operations {
        let client = number % clients;
        let call = free[client as usize] + random.below(10);
        let ret = call + 1 + random.below(30);
        free[client as usize] = ret + 1;
        let at = call + random.below(ret - call + 1);
        planned.push((at, number, client, call, ret));
    }
    planned.sort_unstable();
    let mut object = S::default();
    let mut history = Vec::new();
    for (_, number, client, call, ret) in planned {
        let command = command(&mut random, number);
        let lost = random.below(100) < 3;
        let happens = !lost || random.below(2) == 0;
        let reply = happens.then(|| object.invoke(&command));
        history.push(OperationOf::<S> {
            client: client as u32,
            command,
            call,
            reply: reply.filter(|_| !lost).map(|reply| (ret, reply)),
        });
    }
    history.sort_by_key(|operation| operation.call);
    history
}

/// Queues and accounts.
fn objects() {
    let account = |number: u64| format!("a{number}");
    let transaction = |random: &mut Random, _| match random.below(4) {
        0 => BankCall::Deposit {
            account: account(random.below(4)),
            amount: 1 + random.below(9),
        },
        1 => BankCall::Transfer {
            from: account(random.below(4)),
            to: account(random.below(4)),
            amount: 1 + random.below(5),
        },
        _ => BankCall::Balances((0..4).map(account).collect()),
    };
    report::<Bank>(
        "bank of 20 clients, 3 % lost",
        &of_object::<Bank>(500, 20, transaction),
    );
    let queue = |random: &mut Random, _| QueueCall {
        queue: "q".to_owned(),
        op: match random.below(2) {
            0 => QueueOp::Enqueue(random.below(50).to_string()),
            _ => QueueOp::Dequeue,
        },
    };
    report::<Queue>(
        "queue of 20 clients, values twice, 3 % lost",
        &of_object::<Queue>(500, 20, queue),
    );
}

/// What a test of the suites makes, as it is and with a stale read.
fn usual_ones() {
    let usual = Workload {
        operations: 300,
        clients: 8,
        keys: 1,
        lost: 30,
        mix: [1, 3, 4],
    };
    let mut history = generate(&usual, 11);
    report::<Store>("300 operations of 8 clients on one key", &history);
    let reads: Vec<usize> = (0..history.len())
        .filter(|&at| matches!(history[at].reply, Some((_, StoreReply::Value(_)))))
        .collect();
    let old = history[reads[reads.len() / 2]]
        .reply
        .clone()
        .expect("answered")
        .1;
    history[reads[reads.len() - 5]]
        .reply
        .as_mut()
        .expect("answered")
        .1 = old;
    report::<Store>("the same with a stale read", &history);
}

/// Long ones.
fn long_ones() {
    let ten = Workload {
        operations: 10_000,
        clients: 50,
        keys: 5,
        lost: 30,
        mix: [1, 2, 3],
    };
    report::<Store>("10,000 operations, 3 % lost", &generate(&ten, 1));
    for (name, versions) in [("compare-and-set", false), ("version", true)] {
        for clients in [10, 40] {
            report::<Store>(
                &format!("{name} race of {clients} clients"),
                &race(90_000, clients, false, versions),
            );
            report::<Store>(
                &format!("{name} race of {clients} clients, one stale"),
                &race(90_000, clients, true, versions),
            );
        }
    }
    let million = Workload {
        operations: 1_000_000,
        clients: 20,
        keys: 20,
        lost: 0,
        mix: [1, 0, 1],
    };
    report::<Store>("put, get", &generate(&million, 2));
    report::<Store>(
        "put, append, get; 1 in 1000 lost",
        &generate(
            &Workload {
                lost: 1,
                mix: [1, 1, 2],
                ..million
            },
            3,
        ),
    );
}

fn main() {
    if let Some(folder) = std::env::args().nth(1) {
        recorded_ones(&folder);
    }
    usual_ones();
    objects();
    long_ones();
}
