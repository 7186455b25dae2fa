//! How fast Paxos is explored, how much memory that takes, and how stateright does beside it:
//! `cargo run -p faultline-explore --example paxos -- [CLIENTS] [native] [alone]`.
//!
//! With 3 clients (the default) there are 1,194,428 states, with 6 there are 9,357,525. Nodes run
//! in wasm, as a student's do; `native` runs them in this process, `alone` leaves stateright out.
//! Each measurement is made in a process of its own, so that its peak of memory is its own.

// A benchmark is about the clock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../../tests/explore/nodes/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod nodes;
mod theirs;

use std::{
    error::Error,
    process::Command,
    time::{Duration, Instant},
};

use faultline_explore::{End, Explorer, Limits, Search};
use faultline_host::on_world_stack;
use faultline_sim::{backend::Backend, in_process::InProcess};
use nodes::paxos;
use stateright::{Checker, Model as _};

const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let clients = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(3);
    match (has("--bfs"), has("--dfs"), has("--explore")) {
        (true, ..) => theirs(clients, true),
        (_, true, _) => theirs(clients, false),
        (.., true) => ours(clients, has("native")),
        _ => compare(clients, &arguments, has("alone")),
    }
}

/// Runs each in a process of its own and prints the ratios.
fn compare(clients: u32, arguments: &[String], alone: bool) -> Result<(), Box<dyn Error>> {
    let run = |what: &str| -> Result<[f64; 2], Box<dyn Error>> {
        let output = Command::new(std::env::current_exe()?)
            .args(arguments)
            .arg(what)
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        text.lines()
            .filter(|line| !line.starts_with("seconds: "))
            .for_each(|line| println!("{line}"));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let seconds = text.lines().find_map(|line| line.strip_prefix("seconds: "));
        let (wall, processors) = seconds
            .and_then(|both| both.split_once(' '))
            .ok_or("a measurement failed")?;
        Ok([wall.parse()?, processors.parse()?])
    };
    println!("Paxos, 3 servers, {clients} clients");
    let ours = run("--explore")?;
    if !alone {
        for (what, name) in [("--dfs", "DFS"), ("--bfs", "BFS")] {
            let theirs = run(what)?;
            let [wall, processors] = [0, 1].map(|at| theirs[at] / ours[at]);
            println!(
                "ratio: stateright's {name} takes {wall:.1} times as long, {processors:.1} times \
                 the processors"
            );
        }
    }
    Ok(())
}

/// A figure of this process in KiB, such as `VmHWM`, the peak of its memory; 0 where there is no
/// such file.
fn memory_kib(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// What all threads of this process have computed so far, in seconds; unlike the time on the wall
/// it tells little of what else the machine does.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    // User and system time, in ticks of 10 ms.
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(11) + ticks(12)) as f64 / 100.0
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ours(clients: u32, native: bool) -> Result<(), Box<dyn Error>> {
    if native {
        return explore(clients, &|| Box::new(InProcess::new(paxos::lab)));
    }
    let program = nodes::wasm::program("paxos/program.rs")?;
    let factory = || Box::new(program.backend()) as Box<dyn Backend>;
    // Wasm runs on the stack of its thread, on which it needs more room than threads have by
    // default.
    let stack = faultline_host::machine::WORLD_STACK_BYTES;
    rayon::ThreadPoolBuilder::new()
        .stack_size(stack)
        .build_global()?;
    on_world_stack(|| explore(clients, &factory).map_err(|error| error.to_string()))?;
    Ok(())
}

fn explore(
    clients: u32,
    factory: &(dyn Fn() -> Box<dyn Backend> + Sync),
) -> Result<(), Box<dyn Error>> {
    let model = paxos::model(3, clients);
    let limits = Limits {
        states: 100_000_000,
        memory_bytes: 8 << 30,
        ..Limits::default()
    };
    // An idle grader has its machines.
    drop(factory());
    let idle = memory_kib("VmRSS");
    let (mut searches, mut verified) = (Vec::new(), Vec::new());
    let times = if clients > 4 { 1 } else { TIMES };
    let (mut searching, mut verifying) = (0.0, 0.0);
    for time in 0..times {
        let (began, computed) = (Instant::now(), processor_seconds());
        let mut explorer = Explorer::new(&model, factory).monitor(paxos::monitor());
        let report = explorer.search(&Search::new().limits(limits))?;
        searches.push(began.elapsed());
        let searched = processor_seconds();
        let peak = memory_kib("VmHWM") - idle;
        let again = explorer.verify()?;
        verified.push(began.elapsed());
        searching += searched - computed;
        verifying += processor_seconds() - searched;
        assert!(
            report.end == End::Exhausted && again.differences.is_empty(),
            "{report:?} {again:?}"
        );
        if time == 0 {
            println!(
                "  {}, {} transitions",
                report.coverage(),
                report.transitions
            );
            let share = 100.0 * report.handler_calls as f64 / report.transitions as f64;
            println!(
                "  {} calls of handlers ({share:.2} % of the transitions)",
                report.handler_calls
            );
            let tables = report.memory_bytes >> 20;
            println!(
                "  {} MiB above the idle process at the peak, of it {tables} MiB of tables",
                peak >> 10
            );
            println!("  {} calls made again", again.calls);
        }
    }
    let (search, whole) = (
        median(searches).as_secs_f64(),
        median(verified).as_secs_f64(),
    );
    println!("  {search:.2} s on the wall, with verification {whole:.2} s");
    let (searching, verifying) = (searching / times as f64, verifying / times as f64);
    println!("  {searching:.2} s of processors, verification {verifying:.2} s");
    println!("seconds: {search} {searching}");
    Ok(())
}

fn theirs(clients: u32, bfs: bool) -> Result<(), Box<dyn Error>> {
    let threads = std::thread::available_parallelism()?.get();
    let idle = memory_kib("VmRSS");
    let (began, computed) = (Instant::now(), processor_seconds());
    let builder = theirs::model(clients as usize).checker().threads(threads);
    let states = if bfs {
        builder.spawn_bfs().join().unique_state_count()
    } else {
        builder.spawn_dfs().join().unique_state_count()
    };
    let took = began.elapsed();
    let (took, computed) = (took.as_secs_f64(), processor_seconds() - computed);
    let peak = memory_kib("VmHWM") - idle;
    println!(
        "  stateright: {states} states, {took:.2} s, {computed:.2} s of processors, {} MiB",
        peak >> 10
    );
    println!("seconds: {took} {computed}");
    Ok(())
}
