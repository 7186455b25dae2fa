//! Parts B to D: the client, which sends a user's operations to the service.

use lab3_api::{ClientConfig, Command, Output};
use labkit::prelude::*;

use crate::Message;

/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// All servers.
    servers: Vec<NodeId>,
    // What must a client remember about the service, and about its open operation?
}

/// The timers of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// No answer has come.
    Retry,
}

impl Node for Client {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ClientConfig, _: Boot, _: &mut Context<Self>) -> Self {
        // Return a client that has nothing to do.
        todo!("Client::start")
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        // Pass the answer to the open operation on to the user. Ignore late answers to earlier
        // operations.
        todo!("Client::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // If the operation is still open, retry, but not forever with the same server.
        todo!("Client::on_timer")
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Send the operation to a server, and make sure to retry if no answer comes. Do not wait
        // here.
        todo!("Client::invoke")
    }
}
