//! Small labs whose state spaces are known, written as students would.

pub mod broadcast;
pub mod claims;
pub mod paxos;
pub mod register;
pub mod smithy;
pub mod unsteady;
pub mod wasm;

use faultline_sim::{NodeSpec, Role};
use labkit::{NodeId, codec, prelude::Serialize};

/// A server in role 0.
pub fn server<C: Serialize>(number: u32, config: &C) -> NodeSpec {
    let config = codec::to_bytes(config).unwrap();
    NodeSpec { id: NodeId::new('s', number), role: Role::Server { role: 0, config }, starts: true }
}

/// A client in role 1.
pub fn client<C: Serialize>(number: u32, config: &C) -> NodeSpec {
    let config = codec::to_bytes(config).unwrap();
    NodeSpec { id: NodeId::new('c', number), role: Role::Client { role: 1, config }, starts: true }
}
