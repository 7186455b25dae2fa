//! A total on a server's disk: the server writes its whole state at each request, and clients wait
//! longer from retry to retry, up to a bound.
#![forbid(unsafe_code)]

use labkit::prelude::*;

use tally_api::{Add, ClientConfig, Total};

/// The messages between client and server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// The client's request of this number: add so much.
    Ask(u64, u64),
    /// The total that was the answer to the request of this number.
    Tell(u64, u64),
}

/// The server: what is on its disk is what it is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TotalServer {
    total: u64,
    answers: Map<NodeId, (u64, u64)>,
}

const STATE: &str = "state";

impl Node for TotalServer {
    type Config = ();
    type Message = Message;
    type Timer = ();

    fn start(_config: &(), _boot: Boot, ctx: &mut Context<Self>) -> Self {
        ctx.disk().read(STATE).unwrap_or_default()
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let Message::Ask(number, amount) = message else {
            return;
        };
        match self.answers.get(&from) {
            Some((last, _)) if *last > number => return,
            Some((last, _)) if *last == number => (),
            _ => {
                self.total += amount;
                self.answers.insert(from, (number, self.total));
                ctx.disk().write(STATE, self);
                ctx.disk().sync();
            }
        }
        let (number, total) = self.answers[&from];
        ctx.send(from, Message::Tell(number, total));
    }

    fn on_timer(&mut self, _timer: (), _ctx: &mut Context<Self>) {}
}

/// A client.
#[derive(Debug, Serialize, Deserialize)]
pub struct TotalClient {
    server: NodeId,
    number: u64,
    asking: Option<Asking>,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Asking {
    amount: u64,
    wait: Duration,
}

const FIRST_WAIT: Duration = Duration::from_millis(60);
const LONGEST_WAIT: Duration = Duration::from_millis(480);

impl TotalClient {
    fn ask(&mut self, ctx: &mut Context<Self>) {
        if let Some(Asking { amount, wait }) = self.asking {
            ctx.send(self.server, Message::Ask(self.number, amount));
            ctx.set_timer((), wait);
            let wait = (wait * 2).min(LONGEST_WAIT);
            self.asking = Some(Asking { amount, wait });
        }
    }
}

impl Node for TotalClient {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = ();

    fn start(config: &ClientConfig, _boot: Boot, _ctx: &mut Context<Self>) -> Self {
        TotalClient {
            server: config.server,
            number: 0,
            asking: None,
        }
    }

    fn on_message(&mut self, _from: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Tell(number, total) = message
            && number == self.number
            && self.asking.take().is_some()
        {
            ctx.cancel(&());
            ctx.respond(Total(total));
        }
    }

    fn on_timer(&mut self, _timer: (), ctx: &mut Context<Self>) {
        self.ask(ctx);
    }
}

impl Client for TotalClient {
    type Command = Add;
    type Output = Total;

    fn invoke(&mut self, Add { amount }: Add, ctx: &mut Context<Self>) {
        self.number += 1;
        let wait = FIRST_WAIT;
        self.asking = Some(Asking { amount, wait });
        self.ask(ctx);
    }
}
