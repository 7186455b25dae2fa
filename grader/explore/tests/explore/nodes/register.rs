//! A register on one server's disk, with the bugs that its configuration names.

use std::time::Duration;

use faultline_check::{SequentialSpec, Spec};
use faultline_explore::{Linearizability, Model};
use labkit::{codec, guest, prelude::*};

use super::{client, server};

pub const S1: NodeId = NodeId::new('s', 1);
pub const C1: NodeId = NodeId::new('c', 1);
pub const C2: NodeId = NodeId::new('c', 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bug {
    None,
    /// The server replies first and syncs then.
    RepliesBeforeSync,
    /// The server panics at a request that it has seen before.
    PanicsAtDuplicate,
    /// None either: the server knows that it has lost its disk, and says nothing any more.
    SilentWithoutDisk,
    /// The client sends once and sets no timer.
    SendsOnce,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    Write(u64),
    Read,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    Written,
    Value(u64),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    Request { nth: u64, write: Option<u64> },
    Reply { nth: u64, value: Option<u64> },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    bug: Bug,
    silent: bool,
    value: u64,
    /// Per client, the last write that was done: a duplicate must not do it again.
    done: Map<NodeId, u64>,
}

impl Node for Server {
    type Config = Bug;
    type Message = Message;
    type Timer = ();

    fn start(bug: &Bug, boot: Boot, ctx: &mut Context<Self>) -> Self {
        let (value, done) = ctx.disk().read("register").unwrap_or_default();
        Server {
            bug: *bug,
            silent: *bug == Bug::SilentWithoutDisk && boot == Boot::DiskLost,
            value,
            done,
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let Message::Request { nth, write } = message else {
            return;
        };
        if self.silent {
            return;
        }
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
        if self.done.get(&from).is_some_and(|done| *done >= nth) {
            assert!(
                self.bug != Bug::PanicsAtDuplicate,
                "request {nth} of {from} has come twice"
            );
            ctx.send(from, Message::Reply { nth, value: None });
            return;
        }
        self.value = value;
        self.done.insert(from, nth);
        ctx.disk().write("register", &(self.value, &self.done));
        if self.bug == Bug::RepliesBeforeSync {
            ctx.send(from, Message::Reply { nth, value: None });
            ctx.disk().sync();
        } else {
            ctx.disk().sync();
            ctx.send(from, Message::Reply { nth, value: None });
        }
    }

    fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    bug: Bug,
    nth: u64,
    open: Option<Option<u64>>,
}

impl Node for Client {
    type Config = Bug;
    type Message = Message;
    type Timer = ();

    fn start(bug: &Bug, _: Boot, _: &mut Context<Self>) -> Self {
        Client {
            bug: *bug,
            nth: 0,
            open: None,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Reply { nth, value } = message
            && nth == self.nth
            && self.open.take().is_some()
        {
            ctx.cancel(&());
            ctx.respond(value.map_or(Output::Written, Output::Value));
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<Self>) {
        if let Some(write) = self.open {
            ctx.send(
                S1,
                Message::Request {
                    nth: self.nth,
                    write,
                },
            );
            ctx.set_timer((), Duration::from_millis(20));
        }
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        self.nth += 1;
        let write = match command {
            Command::Write(value) => Some(value),
            Command::Read => None,
        };
        self.open = Some(write);
        ctx.send(
            S1,
            Message::Request {
                nth: self.nth,
                write,
            },
        );
        if self.bug != Bug::SendsOnce {
            ctx.set_timer((), Duration::from_millis(20));
        }
    }
}

pub fn lab() -> guest::Lab {
    let server = guest::Role::node::<Server>(|server| codec::to_bytes(&server.value).unwrap());
    guest::Lab::new(vec![server, guest::Role::client::<Client>()])
}

/// One server and two clients, which ask this.
pub fn model(bug: Bug, first: &[Command], second: &[Command]) -> Model {
    let commands = |commands: &[Command]| {
        commands
            .iter()
            .map(|command| codec::to_bytes(command).unwrap())
            .collect()
    };
    Model::new(vec![server(1, &bug), client(1, &bug), client(2, &bug)])
        .operations(C1, commands(first))
        .operations(C2, commands(second))
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register(u64);

impl SequentialSpec for Register {
    type Op = Command;
    type Ret = Output;

    fn invoke(&mut self, command: &Command) -> Output {
        match command {
            Command::Write(value) => {
                self.0 = *value;
                Output::Written
            }
            Command::Read => Output::Value(self.0),
        }
    }
}

impl Spec for Register {
    type Key<'a> = ();

    fn read_only(command: &Command) -> bool {
        *command == Command::Read
    }

    fn partition(_: &Command) -> Option<()> {
        Some(())
    }
}

pub fn monitor() -> Linearizability<Register> {
    Linearizability::new(
        Register::default(),
        |bytes| codec::from_bytes(bytes).unwrap(),
        |_, bytes| codec::from_bytes(bytes).unwrap(),
    )
}
