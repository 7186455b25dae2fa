//! The server: a log of requests on its disk, and the resulting total.

use labkit::prelude::*;

use crate::message::Message;

// hole
/// The state that the log produces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    total: u64,
    /// For each client the number of its last request, and the total in the answer. One is enough:
    /// a client that makes a new request has been answered.
    last: Map<NodeId, (u64, u64)>,
}

/// One request, as the log holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    client: NodeId,
    number: u64,
    amount: u64,
}

/// The blob with the state at the start of an incarnation, and the name of the log that continues
/// from there.
const SNAPSHOT: &str = "snapshot";

// end hole
/// Keeps the total. It may crash between any two effects; its disk survives.
#[derive(Debug, Serialize, Deserialize)]
pub struct TotalServer {
    // hole
    // | What must a server remember to add each amount once, however often the request arrives?
    // | Which of it must be on the disk?
    state: State,
    log: String,
    // end hole
}

impl Node for TotalServer {
    type Config = ();
    type Message = Message;
    type Timer = ();

    fn start(_config: &(), _boot: Boot, ctx: &mut Context<Self>) -> Self {
        // hole: TotalServer::start
        // | Return a server that starts for the first time, or restarts: what does its disk hold?
        let snapshot: Option<(State, String)> = ctx.disk().read(SNAPSHOT);
        let (mut state, old) = snapshot.unwrap_or_default();
        for record in ctx.disk().records::<Record>(&old).whole {
            state.add(&record);
        }
        // The old log may end in a torn record, after which nothing can be read. A name with the
        // number of this incarnation is new.
        let log = format!("log-{}", ctx.incarnation());
        ctx.disk().write(SNAPSHOT, &(&state, &log));
        ctx.disk().sync();
        ctx.disk().remove(&old);
        TotalServer { state, log }
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: TotalServer::on_message
        // | Carry out a new request, and answer it. Answer a repeated request as before. What must
        // | be safe before any client may learn the new total?
        let Message::Add { number, amount } = message else {
            return;
        };
        let last = self.state.last.get(&from).map_or(0, |(last, _)| *last);
        if number < last {
            return;
        }
        if number > last {
            let record = Record {
                client: from,
                number,
                amount,
            };
            self.state.add(&record);
            ctx.disk().append(&self.log, &record);
            ctx.disk().sync();
        }
        let (_, total) = self.state.last[&from];
        ctx.send(from, Message::Added { number, total });
        // end hole
    }

    fn on_timer(&mut self, _timer: (), _ctx: &mut Context<Self>) {}
}
// hole

impl State {
    fn add(&mut self, record: &Record) {
        self.total += record.amount;
        self.last.insert(record.client, (record.number, self.total));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C1: NodeId = NodeId::new('c', 1);

    #[test]
    fn a_request_that_comes_again_is_answered_again_and_added_once() {
        let mut ctx = Context::for_tests(NodeId::new('s', 1));
        let mut server = TotalServer::start(&(), Boot::First, &mut ctx);
        for number in [1, 1, 2, 1] {
            server.on_message(C1, Message::Add { number, amount: 5 }, &mut ctx);
        }
        let added = |number, total| (C1, Message::Added { number, total });
        assert_eq!(
            ctx.sent(),
            [added(1, 5), added(1, 5), added(2, 10)],
            "nobody waits for the old one"
        );
        let again = TotalServer::start(&(), Boot::Restarted, &mut ctx);
        assert_eq!(again.state, server.state, "the disk holds all of it");
    }
}
// end hole
