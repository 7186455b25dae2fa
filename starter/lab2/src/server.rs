//! Parts B to E: the servers that hold the data.

use lab2_api::{BelievesView, Given, PING, ServerConfig, View};
use labkit::prelude::*;

use crate::Message;

/// Primary, backup or idle, as the view says. It keeps nothing on disk: after a restart it is a
/// new, empty server.
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    /// The view server, to be pinged.
    view_server: NodeId,
    // What else must a server remember: about itself and its view, about the data, about what it
    // has already carried out, about what it waits for?
}

/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Every [`PING`].
    Ping,
    // Add your timers here: what must be sent again if no answer comes?
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {
        // Return a new, empty server that knows no view yet. Ping the view server now, and every
        // `PING`.
        todo!("Server::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From the view server: the view. From a client: an operation, to be carried out once,
        // however often it arrives, and only by the primary. From another server: your own
        // messages between primary and backup. Any of these can be old: sent in an earlier view,
        // or by or to an earlier incarnation of a server.
        todo!("Server::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // Ping the view server with the newest view that you have accepted (what must a primary
        // have done before it accepts a view?), and resend what has not been answered.
        todo!("Server::on_timer")
    }
}

impl BelievesView for Server {
    fn view(&self) -> View {
        // Return the newest view that this server knows of, accepted or not.
        todo!("Server::view")
    }
}
