//! The client: it retries until it is answered.

use labkit::prelude::*;

use tally_api::{Add, ClientConfig, Total};

use crate::message::Message;

// hole
/// Time without a reply after which the client retries. A round trip takes at most 50 ms, and a
/// sync of the disk comes in between.
const RETRY: Duration = Duration::from_millis(80);
// end hole
/// Adds one amount after the other for its user.
#[derive(Debug, Serialize, Deserialize)]
pub struct TotalClient {
    server: NodeId,
    // hole
    // | What must a client remember about its open request, and about earlier ones?
    /// The amount that waits to be added, if any.
    open: Option<u64>,
    /// The number of that request, or of the last one.
    number: u64,
    // end hole
}

/// The timers of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// No reply has come.
    Retry,
}

impl Node for TotalClient {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ClientConfig, _boot: Boot, _ctx: &mut Context<Self>) -> Self {
        // hole: TotalClient::start
        // | Return a client that waits for nothing.
        TotalClient {
            server: config.server,
            open: None,
            number: 0,
        }
        // end hole
    }

    fn on_message(&mut self, _from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: TotalClient::on_message
        // | Pass the reply to the open request on to the user, once. Ignore other replies.
        if let Message::Added { number, total } = message
            && number == self.number
            && self.open.take().is_some()
        {
            ctx.cancel(&Timer::Retry);
            ctx.respond(Total(total));
        }
        // end hole
    }

    fn on_timer(&mut self, Timer::Retry: Timer, ctx: &mut Context<Self>) {
        // hole: TotalClient::on_timer
        // | Is the request still open? Then send it again, and make sure that this is not the last
        // | retry.
        self.ask(ctx);
        // end hole
    }
}

impl Client for TotalClient {
    type Command = Add;
    type Output = Total;

    fn invoke(&mut self, Add { amount }: Add, ctx: &mut Context<Self>) {
        // hole: TotalClient::invoke
        // | Send the request, and make sure to retry if no reply comes. Do not wait here.
        self.number += 1;
        self.open = Some(amount);
        self.ask(ctx);
        // end hole
    }
}
// hole

impl TotalClient {
    fn ask(&self, ctx: &mut Context<Self>) {
        if let Some(amount) = self.open {
            let number = self.number;
            ctx.send(self.server, Message::Add { number, amount });
            ctx.set_timer(Timer::Retry, RETRY);
        }
    }
}
// end hole
