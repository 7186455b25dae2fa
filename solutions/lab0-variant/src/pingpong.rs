//! Part A: each ping has a timer of its own, so that nothing needs to be cancelled.

use lab0_api::{ClientConfig, Ping, Pong};
use labkit::prelude::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    Ping { round: u64, number: u64 },
    Pong { round: u64, number: u64 },
}

/// Answers every ping.
#[derive(Debug, Serialize, Deserialize)]
pub struct PingServer;

impl Node for PingServer {
    type Config = ();
    type Message = Message;
    type Timer = ();

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        PingServer
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Ping { round, number } = message {
            ctx.send(from, Message::Pong { round, number });
        }
    }

    fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
}

/// Counts rounds; what is of an earlier one is old.
#[derive(Debug, Serialize, Deserialize)]
pub struct PingClient {
    server: NodeId,
    /// Counts the user's pings, whatever their numbers.
    round: u64,
    answered: u64,
}

/// Ask again for the ping of this round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Again {
    round: u64,
    number: u64,
}

impl Node for PingClient {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = Again;

    fn start(config: &ClientConfig, _: Boot, _: &mut Context<Self>) -> Self {
        PingClient {
            server: config.server,
            round: 0,
            answered: 0,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Pong { round, number } = message
            && round > self.answered
        {
            self.answered = round;
            ctx.respond(Pong(number));
        }
    }

    fn on_timer(&mut self, Again { round, number }: Again, ctx: &mut Context<Self>) {
        if round > self.answered {
            ctx.send(self.server, Message::Ping { round, number });
            ctx.set_timer_between(
                Again { round, number },
                Duration::from_millis(55)..=Duration::from_millis(90),
            );
        }
    }
}

impl Client for PingClient {
    type Command = Ping;
    type Output = Pong;

    fn invoke(&mut self, Ping(number): Ping, ctx: &mut Context<Self>) {
        self.round += 1;
        self.on_timer(
            Again {
                round: self.round,
                number,
            },
            ctx,
        );
    }
}
