//! A client asks the same server as long as that answers; if all do so, proposers seldom race.

use lab3_api::{ClientConfig, Command, Output};
use labkit::prelude::*;

use crate::Message;

const RETRY: Duration = Duration::from_millis(220);

/// Carries out one operation after the other.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    servers: Vec<NodeId>,
    tries: usize,
    open: Option<Command>,
    number: u64,
}

/// No answer has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry;

impl Node for Client {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = Retry;

    fn start(config: &ClientConfig, _: Boot, _: &mut Context<Self>) -> Self {
        Client {
            servers: config.servers.clone(),
            tries: 0,
            open: None,
            number: 0,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Reply { number, output } = message
            && number == self.number
            && self.open.take().is_some()
        {
            ctx.cancel(&Retry);
            ctx.respond(output);
        }
    }

    fn on_timer(&mut self, _: Retry, ctx: &mut Context<Self>) {
        self.tries += 1;
        self.ask(ctx);
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        self.number += 1;
        self.open = Some(command);
        self.tries -= self.tries % 2;
        self.ask(ctx);
    }
}

impl Client {
    /// Two requests to each server, then it is the next one's turn.
    fn ask(&self, ctx: &mut Context<Self>) {
        let Some(command) = self.open.clone() else {
            return;
        };
        let server = self.servers[self.tries / 2 % self.servers.len()];
        ctx.send(
            server,
            Message::Request {
                number: self.number,
                command,
            },
        );
        ctx.set_timer(Retry, RETRY);
    }
}
