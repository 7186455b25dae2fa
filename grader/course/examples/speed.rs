//! How fast, and how much memory? `cargo run -p faultline --example speed`.
//!
//! The bare loop hands events to the reference solution of lab 2 as fast as its instances take
//! them: a queue, no time, no network, no history. The whole world does the same work with all of
//! that, and with faults. Both on one core.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use faultline_host::{
    LabCrates, Machine, Prebuilt, Program, Sandbox, Staged, Toolchain, build::Options,
    machine::Limits as NodeLimits, on_world_stack,
};
use faultline_sim::{
    Conditions, Limits, Mode, NodeSpec, Outcome, Role, Setup, Trial, Workload, World,
    backend::Backend, ms,
};
use lab2_api::{ClientConfig, Command, ServerConfig};
use labkit::{
    Boot, Inputs, NodeId,
    abi::{Effect, Event, Op, Start, effects},
    codec,
};

const V1: NodeId = NodeId::new('v', 1);

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above");
    let began = Instant::now();
    let toolchain = Toolchain::find(root).expect("a toolchain");
    let prebuilt =
        Prebuilt::build(root, &toolchain, LabCrates::of("lab2")).expect("labkit and the lab's API");
    println!(
        "{:<52} {:>9.0} ms",
        "labkit and API (found built, or built)",
        millis(began.elapsed())
    );
    let staged = Staged::from_folder(&root.join("solutions/lab2")).expect("the reference");
    let began = Instant::now();
    let sandbox = Sandbox::find(&toolchain).unwrap_or_else(|_| Sandbox::none());
    let mechanisms = sandbox.mechanisms().join(", ");
    println!(
        "{:<52} {:>9.0} ms, {mechanisms}",
        "trying out how builds are sandboxed",
        millis(began.elapsed())
    );
    let (began, never) = (Instant::now(), AtomicBool::new(false));
    let built = prebuilt
        .compile(&staged, &Options::new(&sandbox, &never))
        .expect("the reference compiles");
    println!(
        "{:<52} {:>9.0} ms",
        "submission to wasm",
        millis(began.elapsed())
    );
    let began = Instant::now();
    let machine = Machine::new(NodeLimits::default()).expect("an engine");
    let program = machine.load(&built.wasm).expect("a module");
    println!(
        "{:<52} {:>9.0} ms, {} KiB",
        "wasm to machine code",
        millis(began.elapsed()),
        built.wasm.len() >> 10
    );
    on_world_stack(|| measure(&program));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn measure(program: &Program) {
    let bare = best_of(3, || bare_loop(program, 1_000_000));
    println!(
        "{:<52} {:>9.0} events/s (goal 1,000,000)",
        "bare backend loop", bare
    );
    let world = best_of(3, || whole_world(program));
    println!(
        "{:<52} {:>9.0} events/s",
        "whole world: history, loss, duplicates, crashes", world
    );
    println!(
        "{:<52} {:>9.2} times slower (goal at most 1.5)",
        "whole world against bare loop",
        bare / world
    );
    println!(
        "{:<52} {:>9.1} us (goal 20)",
        "node start: instance, start handler, drop",
        node_start(program)
    );
    println!(
        "{:<52} {:>9.2} us",
        "snapshot and restore in a fresh instance, step",
        restore_step(program)
    );
    match bytes_per_event(program) {
        Some(bytes) => println!(
            "{:<52} {bytes:>9.3} bytes (goal 0)",
            "kept per event of a passing run"
        ),
        None => {
            println!("kept per event of a passing run: not measured (there is no /proc/self/statm)")
        }
    }
}

fn best_of(times: u32, mut rate: impl FnMut() -> f64) -> f64 {
    (0..times).map(|_| rate()).fold(0.0, f64::max)
}

fn bytes<T: serde::Serialize>(value: &T) -> Vec<u8> {
    codec::to_bytes(value).expect("it has bytes")
}

/// The view server, three servers and three clients.
fn nodes() -> Vec<NodeSpec> {
    let mut nodes = vec![NodeSpec {
        id: V1,
        role: Role::Server {
            role: 0,
            config: bytes(&()),
        },
        starts: true,
    }];
    for number in 1..=3 {
        let server = Role::Server {
            role: 1,
            config: bytes(&ServerConfig { view_server: V1 }),
        };
        nodes.push(NodeSpec {
            id: NodeId::new('s', number),
            role: server,
            starts: true,
        });
    }
    for number in 1..=3 {
        let client = Role::Client {
            role: 2,
            config: bytes(&ClientConfig { view_server: V1 }),
        };
        nodes.push(NodeSpec {
            id: NodeId::new('c', number),
            role: client,
            starts: true,
        });
    }
    nodes
}

enum Due {
    Message {
        to: usize,
        from: NodeId,
        message: Vec<u8>,
    },
    Timer {
        of: usize,
        timer: Vec<u8>,
    },
}

/// Messages and timers come in the order in which they were asked for; a client that has answered
/// asks again.
struct BareLoop {
    nodes: Vec<NodeSpec>,
    due: VecDeque<Due>,
    /// Buffers that were used before.
    spare: Vec<Vec<u8>>,
    /// The clients that ask next, as indices of nodes.
    invoke: Vec<usize>,
}

/// Events per second without a world.
fn bare_loop(program: &Program, count: u64) -> f64 {
    let mut backend = program.backend();
    let mut bare = BareLoop {
        nodes: nodes(),
        due: VecDeque::new(),
        spare: Vec::new(),
        invoke: Vec::new(),
    };
    bare.start(&mut backend);
    let command = bytes(&Command::Append {
        key: "x".into(),
        value: "1;".into(),
    });
    let began = Instant::now();
    let mut answer = Vec::new();
    for _ in 0..count {
        answer.clear();
        let node = bare.step(&mut backend, &command, &mut answer);
        bare.queue(&answer, node);
    }
    count as f64 / began.elapsed().as_secs_f64()
}

impl BareLoop {
    fn start(&mut self, backend: &mut impl Backend) {
        let disk = BTreeMap::new();
        for (index, node) in self.nodes.clone().iter().enumerate() {
            let (Role::Server { role, config } | Role::Client { role, config }) = &node.role else {
                continue;
            };
            let start = Start {
                role: *role,
                id: node.id,
                incarnation: 1,
                boot: Boot::First,
                clock: None,
                config,
                disk: &disk,
                inputs: &Inputs::new(),
            };
            let answer = backend.start(index, &start, 1).expect("it starts").to_vec();
            self.queue(&answer, index);
            if node.id.role() == 'c' {
                self.invoke.push(index);
            }
        }
    }

    /// One event: which node had it, and in `answer` what it answered.
    fn step(&mut self, backend: &mut impl Backend, command: &[u8], answer: &mut Vec<u8>) -> usize {
        if let Some(index) = self.invoke.pop() {
            let step = backend.step(index, &Event::Invoke { command });
            answer.extend_from_slice(step.expect("a step"));
            return index;
        }
        let (index, buffer) = match self.due.pop_front().expect("pings never end") {
            Due::Message { to, from, message } => {
                let event = Event::Message {
                    from,
                    message: &message,
                };
                answer.extend_from_slice(backend.step(to, &event).expect("a step"));
                (to, message)
            }
            Due::Timer { of, timer } => {
                let step = backend.step(of, &Event::Timer { timer: &timer });
                answer.extend_from_slice(step.expect("a step"));
                (of, timer)
            }
        };
        self.spare.push(buffer);
        index
    }

    fn queue(&mut self, answer: &[u8], index: usize) {
        let from = self.nodes[index].id;
        for effect in effects(answer) {
            match effect.expect("labkit wrote it") {
                Effect::Send { to, message } => {
                    let mut nodes = self.nodes.iter();
                    let to = nodes.position(|node| node.id == to);
                    let message = self.keep(message);
                    self.due.push_back(Due::Message {
                        to: to.expect("a node of this loop"),
                        from,
                        message,
                    });
                }
                Effect::SetTimer { timer, .. } => {
                    let timer = self.keep(timer);
                    self.due.push_back(Due::Timer { of: index, timer });
                }
                Effect::Respond { .. } => self.invoke.push(index),
                _ => {}
            }
        }
    }

    fn keep(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(piece);
        buffer
    }
}

struct Appends;

impl Workload for Appends {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let key = format!("k{}", nth % 50);
        let command = match nth % 3 {
            0 => Command::Put {
                key,
                value: format!("{client}.{nth};"),
            },
            1 => Command::Append {
                key,
                value: format!("{client}.{nth};"),
            },
            _ => Command::Get { key },
        };
        Some((ms(5), bytes(&command)))
    }
}

fn in_world(program: &Program, test: impl FnOnce(&mut World<'_>) -> Outcome) -> u64 {
    let mut backend = program.backend();
    let mut trial = Trial::new(&mut backend, 0, 7, Mode::default());
    let limits = Limits {
        events: u64::MAX,
        messages: u64::MAX,
        bytes: u64::MAX,
        fuel: u64::MAX,
        ..Limits::default()
    };
    let setup = Setup {
        limits,
        start_spread: ms(50),
        ..Setup::new(nodes(), Conditions::bad())
    };
    trial
        .run(setup, test)
        .expect("the reference does nothing wrong");
    trial.finish().phases.iter().map(|phase| phase.events).sum()
}

/// Several hundred virtual seconds; the backup crashes and comes back every second.
fn whole_world(program: &Program) -> f64 {
    let began = Instant::now();
    let events = in_world(program, |world| {
        world.set_workload(Appends);
        for second in 0..300 {
            world.run_for(ms(1_000))?;
            let server = NodeId::new('s', 2 + second % 2);
            world.crash(server)?;
            world.run_for(ms(400))?;
            world.start(server)?;
        }
        Ok(())
    });
    events as f64 / began.elapsed().as_secs_f64()
}

fn node_start(program: &Program) -> f64 {
    let config = bytes(&ServerConfig { view_server: V1 });
    let disk = BTreeMap::new();
    let mut backend = program.backend();
    let rounds = 20_000;
    let began = Instant::now();
    for round in 0..rounds {
        let id = NodeId::new('s', 1);
        let (boot, clock) = (Boot::Restarted, None);
        let start = Start {
            role: 1,
            id,
            incarnation: round + 1,
            boot,
            clock,
            config: &config,
            disk: &disk,
            inputs: &Inputs::new(),
        };
        backend.start(0, &start, round).expect("it starts");
    }
    began.elapsed().as_secs_f64() * 1e6 / rounds as f64
}

fn restore_step(program: &Program) -> f64 {
    let config = bytes(&ServerConfig { view_server: V1 });
    let (disk, inputs) = (BTreeMap::new(), Inputs::new());
    let start = |incarnation| Start {
        role: 1,
        id: NodeId::new('s', 1),
        incarnation,
        boot: Boot::First,
        clock: None,
        config: &config,
        disk: &disk,
        inputs: &inputs,
    };
    let mut backend = program.backend();
    let answer = backend.start(0, &start(1), 1).expect("it starts").to_vec();
    let timer = effects(&answer).find_map(|effect| match effect {
        Ok(Effect::SetTimer { timer, .. }) => Some(timer.to_vec()),
        _ => None,
    });
    let timer = timer.expect("a server sets its ping timer at the start");
    let rounds = 20_000;
    let began = Instant::now();
    for round in 0..rounds {
        let snapshot = backend.call(0, Op::Snapshot, &[]).expect("a snapshot");
        backend
            .restore(0, &start(1), &snapshot, round)
            .expect("it is restored");
        backend
            .step(0, &Event::Timer { timer: &timer })
            .expect("a step");
    }
    began.elapsed().as_secs_f64() * 1e6 / rounds as f64
}

/// Pings only: what grows with the events of a run that passes, apart from the clients' history?
fn bytes_per_event(program: &Program) -> Option<f64> {
    let resident = || -> Option<f64> {
        let pages: f64 = fs::read_to_string("/proc/self/statm")
            .ok()?
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()?;
        Some(pages * 4096.0)
    };
    let mut sizes = Vec::new();
    let events = in_world(program, |world| {
        world.run_for(ms(100_000))?; // whatever grows to its size once has done so
        sizes.push(resident());
        world.phase("measured");
        world.run_for(ms(2_000_000))?;
        sizes.push(resident());
        Ok(())
    });
    match sizes[..] {
        [Some(before), Some(after)] => Some(((after - before) / events as f64).max(0.0)),
        _ => None,
    }
}
