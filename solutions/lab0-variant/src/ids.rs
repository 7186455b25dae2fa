//! Part C: a server reserves a stretch of time on its disk before it gives ids from it (as
//! Percolator's timestamp oracle does; Peng and Dabek, OSDI 2010). The incarnation only names the
//! disk, for the case that it is lost.

use lab0_api::{ClientConfig, Id, NewId};
use labkit::prelude::*;

const RETRY: Duration = Duration::from_millis(70);

/// 2025-01-01, in seconds since 1970.
const EPOCH_SECONDS: u64 = 1_735_689_600;

/// A number counts steps of about 4 ms; ids in between take the next number.
const STEPS_PER_SECOND: u64 = 250;

/// Number of numbers to reserve at once.
const BLOCK: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    Want { ticket: u64 },
    Have { ticket: u64, id: Id },
}

/// What the disk holds under `RESERVED`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reserved {
    /// In which life this disk was new.
    disk: u64,
    /// Below this every number may have been given away.
    below: u64,
}

const RESERVED: &str = "reserved";

/// Gives ids from what it has reserved on its disk.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdServer {
    reserved: Reserved,
    next: u64,
}

impl Node for IdServer {
    type Config = ();
    type Message = Message;
    type Timer = ();

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        let known: Option<Reserved> = ctx.disk().read(RESERVED);
        let reserved = known.unwrap_or(Reserved {
            disk: ctx.incarnation(),
            below: 0,
        });
        IdServer {
            reserved,
            next: reserved.below,
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let Message::Want { ticket } = message else {
            return;
        };
        let clock = ctx.clock();
        let steps = clock.as_secs().saturating_sub(EPOCH_SECONDS) * STEPS_PER_SECOND
            + u64::from(clock.subsec_millis()) * STEPS_PER_SECOND / 1_000;
        let number = steps.max(self.next);
        self.next = number + 1;
        if self.next > self.reserved.below {
            self.reserved.below = self.next + BLOCK;
            ctx.disk().write(RESERVED, &self.reserved);
            ctx.disk().sync();
        }
        let id = (u128::from(number) * 1024 + u128::from(ctx.id().number())) * 64
            + u128::from(self.reserved.disk);
        ctx.send(from, Message::Have { ticket, id: Id(id) });
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

/// Draws a ticket for each id.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdClient {
    server: NodeId,
    /// The tickets that were drawn and the last that was served.
    drawn: u64,
    served: u64,
}

impl Node for IdClient {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = u64;

    fn start(config: &ClientConfig, _: Boot, _: &mut Context<Self>) -> Self {
        IdClient {
            server: config.server,
            drawn: 0,
            served: 0,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Message, ctx: &mut Context<Self>) {
        if let Message::Have { ticket, id } = message
            && ticket == self.drawn
            && self.served < ticket
        {
            self.served = ticket;
            ctx.respond(id);
        }
    }

    fn on_timer(&mut self, ticket: u64, ctx: &mut Context<Self>) {
        if self.served < ticket {
            ctx.send(self.server, Message::Want { ticket });
            ctx.set_timer_between(ticket, RETRY..=2 * RETRY);
        }
    }
}

impl Client for IdClient {
    type Command = NewId;
    type Output = Id;

    fn invoke(&mut self, NewId: NewId, ctx: &mut Context<Self>) {
        self.drawn += 1;
        self.on_timer(self.drawn, ctx);
    }
}
