//! Parts B to D: the client, which sends a user's operations to the service.

use lab3_api::{ClientConfig, Command, Output};
use labkit::prelude::*;

use crate::Message;

// hole
/// After this time without an answer the client tries the next server.
const RETRY: Duration = Duration::from_millis(100);
/// After this time it asks again when nobody led.
const PAUSE: Duration = Duration::from_millis(40);
// end hole
/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// All servers.
    servers: Vec<NodeId>,
    // hole
    // | What must a client remember about the service, and about its open operation?
    /// Whom it asks at present: a position in `servers`.
    asks: usize,
    /// The operation that is open.
    open: Option<Command>,
    /// Its number, or that of the last one. A retry keeps its number: that is how servers know it.
    number: u64,
    // end hole
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
        // hole: Client::start
        // | Return a client that has nothing to do.
        Client {
            servers: config.servers.clone(),
            asks: 0,
            open: None,
            number: 0,
        }
        // end hole
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Client::on_message
        // | Pass the answer to the open operation on to the user. Ignore late answers to earlier
        // | operations.
        match message {
            Message::Reply { number, output } if number == self.number && self.open.is_some() => {
                self.open = None;
                ctx.cancel(&Timer::Retry);
                ctx.respond(output);
            }
            Message::Redirect { number, leader }
                if number == self.number && self.open.is_some() =>
            {
                match leader
                    .and_then(|leader| self.servers.iter().position(|server| *server == leader))
                {
                    Some(leader) if leader != self.asks => {
                        self.asks = leader;
                        self.ask(ctx);
                    }
                    _ => ctx.set_timer(Timer::Retry, PAUSE),
                }
            }
            _ => {}
        }
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: Client::on_timer
        // | If the operation is still open, retry, but not forever with the same server.
        let Timer::Retry = timer;
        self.asks = (self.asks + 1) % self.servers.len();
        self.ask(ctx);
        // end hole
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // hole: Client::invoke
        // | Send the operation to a server, and make sure to retry if no answer comes. Do not wait
        // | here.
        self.number += 1;
        self.open = Some(command);
        self.ask(ctx);
        // end hole
    }
}
// hole

impl Client {
    fn ask(&mut self, ctx: &mut Context<Self>) {
        let Some(command) = self.open.clone() else {
            return;
        };
        ctx.send(
            self.servers[self.asks],
            Message::Request {
                number: self.number,
                command,
            },
        );
        ctx.set_timer(Timer::Retry, RETRY);
    }
}
// end hole
