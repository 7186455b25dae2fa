//! Parts B and C: the client, which speaks to the service on behalf of a user.

use lab2_api::{ClientConfig, Command, Given, Output, View};
use labkit::prelude::*;

use crate::Message;

/// After this time without an answer the client tries again, ...
const FIRST_RETRY: Duration = Duration::from_millis(80);

/// ... then after twice the time before, up to this: a network that is slow must not be given more
/// to do.
const LAST_RETRY: Duration = Duration::from_millis(250);

/// From so many silent attempts on, each further one also asks whether there is another primary.
const PATIENCE: u32 = 2;

/// Carries out one operation after the other, each exactly once. It never crashes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Client {
    /// The view server, to be asked for the view.
    view_server: NodeId,
    /// The newest view that it knows of.
    view: View,
    /// The number of the operation that is open, or of the last one. A retry keeps it: so servers
    /// know a retry.
    number: u64,
    /// The operation that is open.
    open: Option<Command>,
    /// Attempts at the open operation that this view's primary did not answer in time.
    silent: u32,
    /// Whether the view server was asked since the last attempt.
    asked: bool,
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
        let view_server = config.view_server;
        Client {
            view_server,
            view: View::default(),
            number: 0,
            open: None,
            silent: 0,
            asked: false,
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Reply { number, output } if number == self.number && self.open.is_some() => {
                self.open = None;
                ctx.cancel(&Timer::Retry);
                ctx.respond(output);
            }
            // It may be right or just not know better yet. In both cases the view server is asked
            // once and the timer does the rest: an answer that is not new must not lead to a storm
            // of requests.
            Message::NotPrimary { number }
                if number == self.number && self.takes_for_primary(from) =>
            {
                self.ask_for_the_view(ctx);
            }
            Message::Given(Given::View(view))
                if from == self.view_server && view.number > self.view.number =>
            {
                self.view = view;
                self.silent = 0;
                self.attempt(ctx);
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        let Timer::Retry = timer;
        self.silent += 1;
        self.attempt(ctx);
    }
}

impl labkit::Client for Client {
    type Command = Command;
    type Output = Output;

    fn invoke(&mut self, command: Command, ctx: &mut Context<Self>) {
        self.number += 1;
        self.open = Some(command);
        self.silent = 0;
        self.attempt(ctx);
    }
}

impl Client {
    fn takes_for_primary(&self, node: NodeId) -> bool {
        self.view
            .primary
            .is_some_and(|primary| primary.node == node)
    }

    /// Sends the open operation to the primary, and asks the view server if that seems to be of no
    /// use.
    fn attempt(&mut self, ctx: &mut Context<Self>) {
        let Some(command) = &self.open else { return };
        self.asked = false;
        if let Some(primary) = self.view.primary {
            ctx.send(
                primary.node,
                Message::Request {
                    number: self.number,
                    command: command.clone(),
                },
            );
        }
        if self.view.primary.is_none() || self.silent >= PATIENCE {
            self.ask_for_the_view(ctx);
        }
        let delay = FIRST_RETRY * 2u32.pow(self.silent.min(PATIENCE));
        ctx.set_timer(Timer::Retry, delay.min(LAST_RETRY));
    }

    fn ask_for_the_view(&mut self, ctx: &mut Context<Self>) {
        if self.open.is_some() && !self.asked {
            self.asked = true;
            ctx.send(self.view_server, Given::GetView);
        }
    }
}

#[cfg(test)]
mod tests {
    use lab2_api::Member;
    use labkit::Client as _;

    use super::*;

    const V1: NodeId = NodeId::new('v', 1);
    const S1: NodeId = NodeId::new('s', 1);

    /// A client that has just sent operation 1 to s1, the primary of view 1.
    fn in_view_1() -> (Client, Context<Client>) {
        let mut ctx = Context::for_tests(NodeId::new('c', 1));
        let mut client = Client::start(&ClientConfig { view_server: V1 }, Boot::First, &mut ctx);
        client.invoke(Command::Get { key: "k".into() }, &mut ctx);
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
        (client, ctx)
    }

    #[test]
    fn retries_keep_their_number_and_become_rarer_and_the_view_server_is_asked_after_the_second() {
        let (mut client, mut ctx) = in_view_1();
        (0..3).for_each(|_| client.on_timer(Timer::Retry, &mut ctx));
        let request = (
            S1,
            Message::Request {
                number: 1,
                command: Command::Get { key: "k".into() },
            },
        );
        let ask = (V1, Given::GetView.into());
        assert_eq!(
            ctx.sent(),
            [&request, &request, &request, &ask, &request, &ask].map(Clone::clone)
        );
        let delays: Vec<_> = ctx
            .timers()
            .iter()
            .map(|timer| timer.at_least.as_millis())
            .collect();
        assert_eq!(delays, [80, 160, 250, 250]);
    }

    #[test]
    fn a_server_that_is_not_the_primary_causes_one_question() {
        let (mut client, mut ctx) = in_view_1();
        ctx.clear();
        (0..3).for_each(|_| client.on_message(S1, Message::NotPrimary { number: 1 }, &mut ctx));
        assert_eq!(ctx.sent(), [(V1, Given::GetView.into())]);
    }

    #[test]
    fn a_late_reply_does_not_answer_the_next_operation() {
        let (mut client, mut ctx) = in_view_1();
        let reply = |number| Message::Reply {
            number,
            output: Output::Done,
        };
        client.on_message(S1, reply(1), &mut ctx);
        client.on_message(S1, reply(1), &mut ctx);
        client.invoke(Command::Get { key: "k".into() }, &mut ctx);
        client.on_message(S1, reply(1), &mut ctx);
        assert_eq!(ctx.responses(), [Output::Done]);
    }
}
