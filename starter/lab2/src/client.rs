//! Parts B to E: the client, which speaks to the service on behalf of a user.

use lab2_api::{ClientConfig, Command, Given, Output};
use labkit::prelude::*;

use crate::Message;

/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// Whom to ask for the view.
    view_server: NodeId,
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
        // A client that knows no view and has nothing to do.
        todo!("Client::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // The answer to the open operation goes to the user. A newer view, or a server that is
        // not the primary, tells you to send elsewhere. Late answers to earlier operations and
        // older views tell you nothing.
        todo!("Client::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // If the operation is still open, try again. When is it time to ask the view server? Not
        // each time: it is one node for all clients.
        todo!("Client::on_timer")
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Send the operation to the primary, if you know one, and see to it that you come back to
        // it if no answer comes. Do not wait here.
        todo!("Client::invoke")
    }
}
