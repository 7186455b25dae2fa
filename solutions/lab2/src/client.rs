//! Parts B to E: the client, which sends a user's operations to the service.

use lab2_api::{ClientConfig, Command, Given, Output};
use labkit::prelude::*;

use crate::Message;

// hole
use lab2_api::View;

/// After this time without an answer the client tries again.
const RETRY: Duration = Duration::from_millis(100);

/// Maximum number of requests to a silent primary; after that the client asks the view server for
/// the current one.
const PATIENCE: u32 = 3;
// end hole
/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// The view server, to be asked for the view.
    view_server: NodeId,
    // hole
    // | What must a client remember about the service, and about its open operation?
    view: View,
    /// The operation that is open.
    open: Option<Command>,
    /// Its number, or that of the last one. A retry keeps its number: that is how servers know it.
    number: u64,
    /// Requests to this primary since it was last heard of.
    unanswered: u32,
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
        // | Return a client that knows no view and has nothing to do.
        Client {
            view_server: config.view_server,
            view: View::default(),
            open: None,
            number: 0,
            unanswered: 0,
        }
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Client::on_message
        // | Pass the answer to the open operation on to the user. A newer view, or a server that
        // | says it is not the primary, tells you to send elsewhere. Ignore late answers to earlier
        // | operations, and older views.
        if self.open.is_none() {
            return;
        }
        match message {
            Message::Reply { number, output } if number == self.number => {
                (self.open, self.unanswered) = (None, 0);
                ctx.cancel(&Timer::Retry);
                ctx.respond(output);
            }
            Message::NotPrimary { number } if number == self.number => self.ask_for_the_view(ctx),
            Message::Given(Given::View(view))
                if from == self.view_server && view.number > self.view.number =>
            {
                (self.view, self.unanswered) = (view, 0);
                self.try_again(ctx);
            }
            // The view server knows nothing newer: the timer goes on, so that two confused servers
            // cause no storm.
            _ => {}
        }
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: Client::on_timer
        // | If the operation is still open, retry. When should you ask the view server? Not each
        // | time: it is one node for all clients.
        let Timer::Retry = timer;
        if self.open.is_some() {
            self.try_again(ctx);
        }
        // end hole
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        // hole: Client::invoke
        // | Send the operation to the primary, if you know one, and make sure to retry if no answer
        // | comes. Do not wait here.
        self.number += 1;
        self.open = Some(command);
        self.try_again(ctx);
        // end hole
    }
}
// hole

impl Client {
    fn try_again(&mut self, ctx: &mut Context<Self>) {
        let (Some(command), Some(primary)) = (&self.open, self.view.primary) else {
            return self.ask_for_the_view(ctx);
        };
        if self.unanswered == PATIENCE {
            return self.ask_for_the_view(ctx);
        }
        self.unanswered += 1;
        ctx.send(
            primary.node,
            Message::Request {
                number: self.number,
                command: command.clone(),
            },
        );
        ctx.set_timer(Timer::Retry, RETRY);
    }

    fn ask_for_the_view(&mut self, ctx: &mut Context<Self>) {
        self.unanswered = 0; // if there is no newer view, it is this primary's turn again
        ctx.send(self.view_server, Given::GetView);
        ctx.set_timer(Timer::Retry, RETRY);
    }
}

#[cfg(test)]
mod tests {
    use lab2_api::Member;
    use labkit::Client as _;

    use super::*;

    const V1: NodeId = NodeId::new('v', 1);
    const S1: NodeId = NodeId::new('s', 1);

    #[test]
    fn a_silent_primary_is_retried_with_the_same_number_before_the_view_server_is_asked() {
        let mut ctx = Context::for_tests(NodeId::new('c', 1));
        let mut client = Client::start(&ClientConfig { view_server: V1 }, Boot::First, &mut ctx);
        let command = Command::Get { key: "k".into() };
        client.invoke(command.clone(), &mut ctx);
        assert_eq!(ctx.sent(), [(V1, Given::GetView.into())]);
        ctx.clear();
        let view = View {
            number: 1,
            primary: Some(Member {
                node: S1,
                incarnation: 1,
            }),
            backup: None,
        };
        client.on_message(V1, Given::View(view).into(), &mut ctx);
        for _ in 0..3 {
            client.on_timer(Timer::Retry, &mut ctx);
        }
        let request = (S1, Message::Request { number: 1, command });
        assert_eq!(
            ctx.sent(),
            [
                request.clone(),
                request.clone(),
                request,
                (V1, Given::GetView.into())
            ]
        );
    }

    #[test]
    fn a_late_reply_does_not_answer_the_next_operation() {
        let mut ctx = Context::for_tests(NodeId::new('c', 1));
        let mut client = Client::start(&ClientConfig { view_server: V1 }, Boot::First, &mut ctx);
        for number in [1, 2] {
            client.invoke(Command::Get { key: "k".into() }, &mut ctx);
            client.on_message(
                S1,
                Message::Reply {
                    number: 1,
                    output: Output::Done,
                },
                &mut ctx,
            );
            assert_eq!(
                ctx.responses(),
                [Output::Done],
                "after the invocation of operation {number}"
            );
        }
    }
}
// end hole
