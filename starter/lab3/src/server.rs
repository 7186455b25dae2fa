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
    /// Whether slots may be cleared: not in part A.
    may_clear: bool,
    // What must a server remember about its promises, about each slot, about the proposals that
    // it tries to get chosen? Which of it must survive a crash?
}

/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Add your timers here: what must be sent again, and when is it time to take over?
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, boot: Boot, ctx: &mut Context<Self>) -> Self {
        // Return a server that knows what is on its disk. What may it do if its disk was lost?
        todo!("Server::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From servers: the two phases of Paxos, and what lets every server learn what is chosen.
        // From the test: a proposal for a slot. From a client: an operation, to be carried out
        // once, however often it arrives. Any of these can be old: from an earlier ballot, about
        // a slot decided long ago, by or to an earlier incarnation of a server.
        todo!("Server::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // Resend what was not answered; take over if no server leads (but not all at the same
        // time, again and again); clear the slots that no server needs.
        todo!("Server::on_timer")
    }
}

impl ShowsLog for Server {
    fn status(&self, slot: Slot) -> Status {
        // Return what this server knows about the slot: nothing, what it has accepted, what is
        // chosen, or that it was cleared.
        todo!("Server::status")
    }

    fn first_uncleared(&self) -> Slot {
        // Return 1 until you clear a slot.
        todo!("Server::first_uncleared")
    }

    fn last_nonempty(&self) -> Slot {
        // Return the last slot whose status is not `Empty`.
        todo!("Server::last_nonempty")
    }

    fn promised(&self, _: Slot) -> String {
        // Return the highest ballot that this server has promised, for this slot or for all
        // slots, in the form in which you like to read it.
        todo!("Server::promised")
    }
}
