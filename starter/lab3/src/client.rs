//! Parts B to D: the client, which speaks to the service on behalf of a user.

use lab3_api::{ClientConfig, Command, Output};
use labkit::prelude::*;

use crate::Message;

/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// All servers.
    servers: Vec<NodeId>,
    // What must a client remember: of the service, of the operation that is open?
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
        // A client that has nothing to do.
        todo!("Client::start")
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        // The answer to the open operation goes to the user. Late answers to earlier operations
        // tell you nothing.
        todo!("Client::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // If the operation is still open, try again, and not for ever with the same server.
        todo!("Client::on_timer")
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Send the operation to a server, and see to it that you come back to it if no answer
        // comes. Do not wait here.
        todo!("Client::invoke")
    }
}
