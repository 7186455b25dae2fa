//! The client: it asks until it is answered.

use labkit::prelude::*;

use tally_api::{Add, ClientConfig, Total};

use crate::message::Message;

// hole
/// After this time without a reply the client asks again. There and back takes 50 ms at most, and a
/// sync of the disk comes in between.
const RETRY: Duration = Duration::from_millis(80);
// end hole
/// Has one amount after the other added for its user.
#[derive(Debug, Serialize, Deserialize)]
pub struct TotalClient {
    server: NodeId,
    // hole
    // | What must a client remember of the request that is open, and of those before?
    /// The amount that waits to be added, if one does.
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
        // | A client that waits for nothing.
        TotalClient {
            server: config.server,
            open: None,
            number: 0,
        }
        // end hole
    }

    fn on_message(&mut self, _from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: TotalClient::on_message
        // | The reply to the open request goes to the user, once. Others tell you nothing.
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
        // | Does anybody still wait? Then ask again, and see to it that this is not the last time.
        self.ask(ctx);
        // end hole
    }
}

impl Client for TotalClient {
    type Command = Add;
    type Output = Total;

    fn invoke(&mut self, Add { amount }: Add, ctx: &mut Context<Self>) {
        // hole: TotalClient::invoke
        // | Ask, and see to it that you come back to it if no reply comes. Do not wait here.
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
