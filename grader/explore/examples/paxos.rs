//! How fast Paxos is explored: `cargo run --release -p faultline-explore --example paxos -- [CLIENTS]`.

#[path = "../tests/explore/nodes/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod nodes;

use faultline_explore::{Explorer, Limits, Search};
use faultline_sim::{backend::Backend, in_process::InProcess};
use nodes::paxos;
use std::time::Instant;

fn rss(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|l| l.strip_prefix(what))
        .and_then(|l| l.trim_start_matches(':').split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
fn main() {
    let clients = std::env::args().nth(1).map_or(3, |n| n.parse().unwrap());
    let model = paxos::model(3, clients);
    let backend = || Box::new(InProcess::new(paxos::lab)) as Box<dyn Backend>;
    let limits = Limits { states: 100_000_000, memory_bytes: 8 << 30, depth: u32::MAX };
    let idle = rss("VmRSS");
    for _ in 0..3 {
        let begin = Instant::now();
        let mut explorer = Explorer::new(&model, &backend).monitor(paxos::monitor());
        let report = explorer.search(&Search::new().limits(limits)).unwrap();
        println!(
            "{:?} {} states {} transitions {} calls, depth {}, {} MB by tables, peak rss {} MB over idle",
            begin.elapsed(),
            report.states,
            report.transitions,
            report.handler_calls,
            report.depth,
            report.memory_bytes >> 20,
            (rss("VmHWM") - idle) >> 10
        );
    }
}
