//! Measures the host: how fast events, node starts and builds are.
//!
//! `cargo run -p faultline-host --example bench_backend [opt-level] [folder of a submission to lab 2]`

use std::{
    collections::VecDeque,
    error::Error,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use faultline_host::{
    LabCrates, Machine, Prebuilt, Program, Staged, Toolchain, WasmBackend, build::Options, machine::Limits,
    on_world_stack,
};
use faultline_sim::backend::{Backend, BackendError};
use lab2_api::{ClientConfig, Command, ServerConfig};
use labkit::{
    Boot, NodeId,
    abi::{Effect, Event, Op, Start, effects},
    codec,
};

const CLIENTS: u32 = 5;
const SERVER: usize = 0;

/// What a disk holds.
type Blobs = std::collections::BTreeMap<String, Vec<u8>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let opt_level: &'static str = arguments.next().map_or(Options::default().opt_level, |level| level.leak());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = folder.ancestors().nth(2).ok_or("the crate lies in grader/host")?;
    let submission = arguments.next().map_or_else(|| folder.join("tests/fixtures/kv"), PathBuf::from);

    let toolchain = timed("find the toolchain", || Toolchain::find(root))?;
    let prebuilt = timed("prebuild, cold or warm", || Prebuilt::build(root, &toolchain, LabCrates::of("lab2")))?;
    timed("prebuild, warm", || Prebuilt::build(root, &toolchain, LabCrates::of("lab2")))?;
    let options = Options { opt_level, ..Options::default() };
    let staged = timed("stage", || Staged::from_folder(&submission))?;
    let built = timed("build the submission", || prebuilt.compile(&staged, &options))?;
    println!("{:>32}  {} KiB, opt-level {opt_level}", "size of the module", built.wasm.len() >> 10);
    let machine = timed("start the engine", || Machine::new(Limits::default()))?;
    let program = timed("compile the module", || machine.load(&built.wasm))?;
    on_world_stack(|| {
        for _ in 0..3 {
            events(&program).expect("the fixture has no fault");
        }
        starts(&program).expect("the fixture has no fault");
        snapshots(&program).expect("the fixture has no fault");
    });
    println!("two worlds in parallel:");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| on_world_stack(|| events(&program).expect("the fixture has no fault")));
        }
    });
    Ok(())
}

/// A stopwatch. On Linux it runs only while this thread does, so that a busy machine measures the same.
struct Watch {
    started: Instant,
    processor: Option<Duration>,
}

impl Watch {
    fn start() -> Watch {
        Watch { started: Instant::now(), processor: Watch::processor_time() }
    }

    fn processor_time() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }

    fn elapsed(&self) -> Duration {
        let processor = Watch::processor_time().zip(self.processor).map(|(now, then)| now - then);
        processor.unwrap_or_else(|| self.started.elapsed())
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let watch = Watch::start();
    let value = work();
    let (wall, thread) = (watch.started.elapsed().as_secs_f64() * 1e3, watch.elapsed().as_secs_f64() * 1e3);
    println!("{what:>32}  {wall:.1} ms ({thread:.1} ms on this thread)");
    value
}

fn report(what: &str, elapsed: Duration, times: u32) {
    let micros = elapsed.as_secs_f64() * 1e6 / f64::from(times);
    println!("{what:>32}  {micros:.2} us each, {:.0} a second", 1e6 / micros);
}

fn start<'a>(role: u8, id: NodeId, config: &'a [u8], disk: &'a Blobs) -> Start<'a> {
    Start { role, id, incarnation: 1, boot: Boot::First, config, disk }
}

fn server_config() -> Vec<u8> {
    codec::to_bytes(&ServerConfig { view_server: NodeId::new('v', 1) }).expect("it has bytes")
}

fn client_config() -> Vec<u8> {
    codec::to_bytes(&ClientConfig { view_server: NodeId::new('v', 1) }).expect("it has bytes")
}

fn command(number: u32) -> Vec<u8> {
    let key = format!("key-{}", number % 16);
    let command =
        if number.is_multiple_of(2) { Command::Get { key } } else { Command::Put { key, value: "value".into() } };
    codec::to_bytes(&command).expect("it has bytes")
}

/// The slot of a node; the server has slot 0, client `n` has slot `n`.
fn slot_of(node: NodeId) -> usize {
    if node.role() == 's' { SERVER } else { node.number() as usize }
}

/// Clients that invoke without a pause, and a queue of messages that all arrive.
fn events(program: &Program) -> Result<(), BackendError> {
    const EVENTS: u32 = 1_000_000;
    let mut backend = program.backend();
    let disk = Blobs::new();
    let (server_config, client_config) = (server_config(), client_config());
    let server = NodeId::new('s', 1);
    backend.start(SERVER, &start(1, server, &server_config, &disk), 1)?;
    let mut world = World { backend, queue: VecDeque::new(), free: Vec::new(), responses: 0 };
    for number in 1..=CLIENTS {
        let id = NodeId::new('c', number);
        world.backend.start(number as usize, &start(2, id, &client_config, &disk), 1)?;
        world.step(id, &Event::Invoke { command: &command(number) })?;
    }
    let started = Watch::start();
    let mut handled = 0;
    while handled < EVENTS {
        let (from, to, message) = world.queue.pop_front().expect("every client waits for an answer");
        let responses = world.responses;
        world.step(to, &Event::Message { from, message: &message })?;
        world.free.push(message);
        handled += 1;
        if world.responses > responses {
            world.step(to, &Event::Invoke { command: &command(handled) })?;
            handled += 1;
        }
    }
    report("event", started.elapsed(), handled);
    Ok(())
}

struct World {
    backend: WasmBackend,
    queue: VecDeque<(NodeId, NodeId, Vec<u8>)>,
    /// Buffers to use again.
    free: Vec<Vec<u8>>,
    responses: u32,
}

impl World {
    fn step(&mut self, node: NodeId, event: &Event<'_>) -> Result<(), BackendError> {
        let bytes = self.backend.step(slot_of(node), event)?;
        for effect in effects(bytes) {
            match effect.expect("labkit wrote it") {
                Effect::Send { to, message } => {
                    let mut copy = self.free.pop().unwrap_or_default();
                    copy.clear();
                    copy.extend_from_slice(message);
                    self.queue.push_back((node, to, copy));
                }
                Effect::Respond { .. } => self.responses += 1,
                _ => {}
            }
        }
        Ok(())
    }
}

/// New nodes, one after the other, of which `LIVING` live at the same time.
fn starts(program: &Program) -> Result<(), BackendError> {
    const TIMES: u32 = 5_000;
    const LIVING: u32 = 32;
    let (config, disk) = (server_config(), Blobs::new());
    let mut backend = program.backend();
    let started = Watch::start();
    for number in 0..TIMES {
        backend.start((number % LIVING) as usize, &start(1, NodeId::new('s', 1), &config, &disk), 1)?;
    }
    report("node start", started.elapsed(), TIMES);
    Ok(())
}

/// What a world pays for an event of a node that lives as bytes, and what exploration pays for a transition.
fn snapshots(program: &Program) -> Result<(), BackendError> {
    const TIMES: u32 = 5_000;
    let (config, disk) = (client_config(), Blobs::new());
    let client = start(2, NodeId::new('c', 1), &config, &disk);
    let command = command(1);
    let mut backend = program.backend();
    backend.start(0, &client, 1)?;
    let mut snapshot = backend.call(0, Op::Snapshot, &[])?;
    let started = Watch::start();
    for _ in 0..TIMES {
        backend.restore(0, &client, &snapshot, 1)?;
        backend.step(0, &Event::Invoke { command: &command })?;
        snapshot = backend.call(0, Op::Snapshot, &[])?;
    }
    report("restore + step + snapshot", started.elapsed(), TIMES);
    let mut argument = Vec::new();
    let started = Watch::start();
    for _ in 0..TIMES {
        argument.clear();
        client.write(&mut argument);
        argument.extend_from_slice(&snapshot);
        backend.call(0, Op::Restore, &argument)?;
        backend.step(0, &Event::Invoke { command: &command })?;
        snapshot = backend.call(0, Op::Snapshot, &[])?;
    }
    report("the same in one instance", started.elapsed(), TIMES);
    Ok(())
}
