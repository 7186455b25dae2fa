//! scratch
use faultline_host::{*, machine::Limits};
use faultline_sim::backend::Backend;
use labkit::{abi::*, *};
fn cpu() -> f64 { std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e3 }
fn faults() -> f64 { std::fs::read_to_string("/proc/self/stat").unwrap().split_whitespace().nth(9).unwrap().parse::<f64>().unwrap() }
fn main() {
    let wasm = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let m = Machine::new(Limits::default()).unwrap();
    let p = m.load(&wasm).unwrap();
    let config = codec::to_bytes(&lab2_api::ServerConfig { view_server: NodeId::new('v', 1) }).unwrap();
    let disk = Default::default();
    on_world_stack(|| for living in [1, 8, 32, 32] {
        let mut b = p.backend();
        let s = Start { role: 1, id: NodeId::new('s', 1), incarnation: 1, boot: Boot::First, config: &config, disk: &disk };
        let n = 5000;
        let (c, f) = (cpu(), faults());
        for i in 0..n { b.start(i % living, &s, 1).unwrap(); }
        println!("living {living}: {:.1} us, {:.1} faults", (cpu() - c) / n as f64, (faults() - f) / n as f64);
    });
}
