//! A server: it votes, it may lead, and it carries out what is chosen.

use lab3_api::{Given, ServerConfig, ShowsLog, Slot, Status};
use labkit::prelude::*;

use crate::Message;

/// Acceptor, proposer and learner in one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    /// This server.
    me: NodeId,
    /// All servers of the group.
    servers: Vec<NodeId>,
    /// Whether slots may be forgotten: not in part A.
    may_clear: bool,
    // What must a server remember of its promises, of each slot, of the proposals that it wants
    // to get through? What of it must survive a crash?
}

/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Your own timers: what has to be sent again, when is it time to take over?
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, boot: Boot, ctx: &mut Context<Self>) -> Self {
        // A server that knows what its disk tells it. What may it do if its disk was lost?
        todo!("Server::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // Between servers: the two phases of Paxos, and what lets everybody learn what is chosen.
        // From the test: a proposal for a slot. From a client: an operation, to be carried out
        // once however often it arrives. Any of these can be old: of an earlier ballot, of a slot
        // long chosen, to or by an earlier life of a server.
        todo!("Server::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // Send again what was not answered; take over if nobody leads (and not all at the same
        // time, again and again); forget what nobody needs.
        todo!("Server::on_timer")
    }
}

impl ShowsLog for Server {
    fn status(&self, slot: Slot) -> Status {
        // What this server knows of the slot: nothing, what it has accepted, what is chosen, or
        // that it was cleared.
        todo!("Server::status")
    }

    fn first_uncleared(&self) -> Slot {
        // 1, until you clear something.
        todo!("Server::first_uncleared")
    }

    fn last_nonempty(&self) -> Slot {
        // The last slot whose status is not `Empty`.
        todo!("Server::last_nonempty")
    }

    fn promised(&self, _: Slot) -> String {
        // The highest ballot that this server has promised, for this slot or for all of them, as
        // you like to read it.
        todo!("Server::promised")
    }
}
