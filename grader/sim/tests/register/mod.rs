//! A register on one server's disk, written as a student would.

use std::{cell::Cell, time::Duration};

use faultline_sim::{NodeSpec, Outcome, Role, Workload, World, ms};
use labkit::{codec, guest, prelude::*};

pub const S1: NodeId = NodeId::new('s', 1);
pub const C1: NodeId = NodeId::new('c', 1);
pub const C2: NodeId = NodeId::new('c', 2);
pub const C3: NodeId = NodeId::new('c', 3);

#[derive(Debug, Serialize, Deserialize)]
pub enum Command {
    Write(u64),
    Read,
    /// The client answers by itself.
    Guess,
    /// The client sends without end.
    Flood,
    /// The client sends once and sets no timer.
    Forget,
    /// The server keeps something outside its bytes.
    Cheat,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Output {
    Written,
    Value(u64),
}

#[derive(Debug, Serialize, Deserialize)]
enum Message {
    Request {
        nth: u64,
        write: Option<u64>,
        cheat: bool,
    },
    Reply {
        nth: u64,
        value: Option<u64>,
    },
    Given(u8),
}

impl From<u8> for Message {
    fn from(given: u8) -> Message {
        Message::Given(given)
    }
}

impl Carries<u8> for Message {
    fn given(&self) -> Option<&u8> {
        match self {
            Message::Given(given) => Some(given),
            _ => None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    value: u64,
    ticks: u64,
    #[serde(skip)]
    hidden: u64,
}

thread_local! {
    /// The bug under test: the server replies first and syncs then.
    static REPLIES_BEFORE_SYNC: Cell<bool> = const { Cell::new(false) };
}

/// Runs with a server that replies before its sync.
pub fn replies_before_sync<T>(run: impl FnOnce() -> T) -> T {
    REPLIES_BEFORE_SYNC.set(true);
    let result = run();
    REPLIES_BEFORE_SYNC.set(false);
    result
}

impl Node for Server {
    type Config = ();
    type Message = Message;
    type Timer = ();

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.set_timer((), ms(10));
        Server {
            value: ctx.disk().read("value").unwrap_or(0),
            ticks: 0,
            hidden: 0,
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let Message::Request { nth, write, cheat } = message else {
            return;
        };
        self.hidden += u64::from(cheat);
        let Some(value) = write else {
            ctx.send(
                from,
                Message::Reply {
                    nth,
                    value: Some(self.value),
                },
            );
            return;
        };
        self.value = value;
        ctx.disk().write("value", &value);
        if REPLIES_BEFORE_SYNC.get() {
            ctx.send(from, Message::Reply { nth, value: None });
            ctx.disk().sync();
        } else {
            ctx.disk().sync();
            ctx.send(from, Message::Reply { nth, value: None });
        }
    }

    fn on_timer(&mut self, _: (), ctx: &mut Context<Self>) {
        self.ticks += 1;
        ctx.set_timer((), ms(10));
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Client {
    nth: u64,
    open: Option<Option<u64>>,
}

impl Node for Client {
    type Config = ();
    type Message = Message;
    type Timer = u64;

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        Client { nth: 0, open: None }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Reply { nth, value } = message
            && nth == self.nth
            && self.open.take().is_some()
        {
            ctx.respond(value.map_or(Output::Written, Output::Value));
        }
    }

    fn on_timer(&mut self, nth: u64, ctx: &mut Context<Self>) {
        if nth == self.nth
            && let Some(write) = self.open
        {
            ctx.send(
                S1,
                Message::Request {
                    nth,
                    write,
                    cheat: false,
                },
            );
            ctx.set_timer_between(nth, ms(20)..=ms(40));
        }
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        self.nth += 1;
        let nth = self.nth;
        let request = |write, cheat| Message::Request { nth, write, cheat };
        match command {
            Command::Write(value) => self.open = Some(Some(value)),
            Command::Read => self.open = Some(None),
            Command::Guess => return ctx.respond(Output::Value(1)),
            Command::Flood => {
                for _ in 0..9_000 {
                    ctx.send(S1, request(None, false));
                }
            }
            Command::Forget => return ctx.send(S1, request(None, false)),
            Command::Cheat => {
                self.open = Some(None);
                ctx.send(S1, request(None, true));
            }
        }
        if let Some(write) = self.open {
            ctx.send(S1, request(write, false));
            ctx.set_timer(nth, Duration::from_millis(30));
        }
    }
}

/// The guest's view of this lab.
pub fn lab() -> guest::Lab {
    let server = guest::Role::node::<Server>(|server| codec::to_bytes(&server.ticks).unwrap());
    guest::Lab::giving::<Message, u8>(vec![server, guest::Role::client::<Client>()])
}

/// One server and two clients.
pub fn nodes() -> Vec<NodeSpec> {
    let config = codec::to_bytes(&()).unwrap();
    let client = |id| NodeSpec {
        id,
        role: Role::Client {
            role: 1,
            config: config.clone(),
        },
        starts: true,
    };
    let server = NodeSpec {
        id: S1,
        role: Role::Server {
            role: 0,
            config: config.clone(),
        },
        starts: true,
    };
    vec![server, client(C1), client(C2)]
}

/// The same, and a client that comes when a test lets it.
pub fn nodes_and_one_to_come() -> Vec<NodeSpec> {
    let mut nodes = nodes();
    let to_come = NodeSpec {
        id: C3,
        starts: false,
        ..nodes[2].clone()
    };
    nodes.push(to_come);
    nodes
}

/// How many ticks the server observed in its present incarnation.
pub fn said(world: &mut World<'_>, server: NodeId) -> Outcome<u64> {
    Ok(codec::from_bytes(&world.observe(server)?.expect("the server is up")).unwrap())
}

/// Both clients write, read, write, ...
pub struct Busy;

impl Workload for Busy {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let command = if nth.is_multiple_of(2) {
            Command::Write(nth * 10 + u64::from(client.number()))
        } else {
            Command::Read
        };
        (nth < 25).then(|| (ms(7), codec::to_bytes(&command).unwrap()))
    }
}
