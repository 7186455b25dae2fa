//! Parts B to E: the client, which sends a user's operations to the service.

use lab2_api::{ClientConfig, Command, Given, Output};
use labkit::prelude::*;

use crate::Message;

/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// The view server, to be asked for the view.
    view_server: NodeId,
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
        // Return a client that knows no view and has nothing to do.
        todo!("Client::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // Pass the answer to the open operation on to the user. A newer view, or a server that
        // says it is not the primary, tells you to send elsewhere. Ignore late answers to earlier
        // operations, and older views.
        todo!("Client::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // If the operation is still open, retry. When should you ask the view server? Not each
        // time: it is one node for all clients.
        todo!("Client::on_timer")
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Send the operation to the primary, if you know one, and make sure to retry if no answer
        // comes. Do not wait here.
        todo!("Client::invoke")
    }
}
