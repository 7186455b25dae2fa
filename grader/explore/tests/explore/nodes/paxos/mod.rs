//! Paxos as a world: servers, clients, what they ask, and the register that clients believe in.

pub mod program;

use faultline_check::{SequentialSpec, Spec};
use faultline_explore::{Linearizability, Model, Pace};
use faultline_sim::NodeSpec;
use labkit::{NodeId, codec};

pub use program::{Command, Output, lab};

use super::{client, server};

/// Servers first.
pub fn nodes(servers: u32, clients: u32) -> Vec<NodeSpec> {
    let of = |number| server(number, &servers);
    (1..=servers)
        .map(of)
        .chain((1..=clients).map(|number| client(number, &servers)))
        .collect()
}

/// Clients write and then read, each at once after the other.
pub fn model(servers: u32, clients: u32) -> Model {
    let letter = |number: u32| (b'A' + (number - 1) as u8) as char;
    (1..=clients).fold(
        Model::new(nodes(servers, clients)).pace(Pace::Eager),
        |model, number| {
            let commands = [Command::Put(letter(number)), Command::Get];
            let commands = commands.map(|command| codec::to_bytes(&command).unwrap());
            model.operations(NodeId::new('c', number), commands.to_vec())
        },
    )
}

/// The register that the clients believe in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register(char);

impl SequentialSpec for Register {
    type Op = Command;
    type Ret = Output;

    fn invoke(&mut self, command: &Command) -> Output {
        match command {
            Command::Put(value) => {
                self.0 = *value;
                Output::Done
            }
            Command::Get => Output::Value(self.0),
        }
    }
}

impl Spec for Register {
    type Key<'a> = ();

    fn read_only(command: &Command) -> bool {
        *command == Command::Get
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
