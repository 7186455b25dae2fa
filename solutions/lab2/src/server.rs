//! Parts B to E: the servers that hold the data.

use lab2_api::{BelievesView, Given, PING, ServerConfig, View};
use labkit::prelude::*;

use crate::Message;

// hole
use std::collections::VecDeque;

use lab2_api::{Command, Member, Output};

/// After this time without an answer the primary sends to its backup again. A round trip takes up
/// to 50 ms.
const RETRY: Duration = Duration::from_millis(60);
// end hole
/// Primary, backup or idle, as the view says. It keeps nothing on disk: after a restart it is a
/// new, empty server.
// hole
///
/// All that a primary does, its backup does first, and the primary answers only what its backup has
/// confirmed, reads too. So a primary that was deposed without knowing it can answer nothing: its
/// backup, which may be the primary by now, no longer confirms.
// end hole
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    /// The view server, to be pinged.
    view_server: NodeId,
    // hole
    // | What else must a server remember: about itself and its view, about the data, about what it
    // | has already carried out, about what it waits for?
    me: Member,
    /// The newest view that it knows of.
    view: View,
    /// The newest view that it has accepted: the primary once its backup has the state, the backup
    /// once it has the state, an idle server at once.
    accepted: u64,
    store: Store,
    /// What a primary still has to do, in this order. The first operation is the one its backup
    /// works on.
    queue: VecDeque<Operation>,
    // end hole
}

// hole
/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Who wants it.
    pub client: NodeId,
    /// Which of this client's operations it is.
    pub number: u64,
    /// What to do.
    pub command: Command,
}

/// All that must survive a failover: the values, and what each client was last answered. The second
/// is as important as the first: with it a new primary knows a retry of what the old one has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    values: Map<String, String>,
    /// The number and the result of each client's last operation. One is enough, because a client
    /// that sends a new request has received the answers to all before it.
    last: Map<NodeId, (u64, Output)>,
}

impl Store {
    /// Carries out an operation at most once. `None` if the client has gone on to newer ones since.
    pub fn apply(&mut self, operation: &Operation) -> Option<Output> {
        match self.last.get(&operation.client) {
            Some((last, output)) if operation.number == *last => return Some(output.clone()),
            Some((last, _)) if operation.number < *last => return None,
            _ => {}
        }
        let output = match &operation.command {
            Command::Put { key, value } => {
                self.values.insert(key.clone(), value.clone());
                Output::Done
            }
            Command::Append { key, value } => {
                self.values.entry(key.clone()).or_default().push_str(value);
                Output::Done
            }
            Command::Get { key } => {
                Output::Value(self.values.get(key).cloned().unwrap_or_default())
            }
        };
        self.last
            .insert(operation.client, (operation.number, output.clone()));
        Some(output)
    }
}
// end hole
/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Every [`PING`].
    Ping,
    // hole
    // | Add your timers here: what must be sent again if no answer comes?
    /// The backup has not answered.
    Retry,
    // end hole
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {
        // hole: Server::start
        // | Return a new, empty server that knows no view yet. Ping the view server now, and every
        // | `PING`.
        let mut server = Server {
            view_server: config.view_server,
            me: Member {
                node: ctx.id(),
                incarnation: ctx.incarnation(),
            },
            view: View::default(),
            accepted: 0,
            store: Store::default(),
            queue: VecDeque::new(),
        };
        server.on_timer(Timer::Ping, ctx);
        server
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Server::on_message
        // | From the view server: the view. From a client: an operation, to be carried out once,
        // | however often it arrives, and only by the primary. From another server: your own
        // | messages between primary and backup. Any of these can be old: sent in an earlier view,
        // | or by or to an earlier incarnation of a server.
        match message {
            Message::Given(Given::View(view)) if from == self.view_server => self.enter(view, ctx),
            Message::Request { number, command } => self.request(
                Operation {
                    client: from,
                    number,
                    command,
                },
                ctx,
            ),
            Message::Transfer { view, store } if self.is_backup_in(view) => {
                // Only once in a view: the same transfer may arrive again when this copy is already
                // newer.
                if self.accepted < view {
                    self.store = store;
                    self.accepted = view;
                }
                ctx.send(from, Message::Transferred { view });
            }
            Message::Transferred { view } if self.is_primary_in(view) && self.accepted < view => {
                self.accepted = view;
                self.proceed(ctx);
            }
            Message::Forward { view, operation }
                if self.is_backup_in(view) && self.accepted == view =>
            {
                self.store.apply(&operation);
                let Operation { client, number, .. } = operation;
                ctx.send(
                    from,
                    Message::Applied {
                        view,
                        client,
                        number,
                    },
                );
            }
            Message::Applied {
                view,
                client,
                number,
            } if self.is_primary_in(view) && self.accepted == view => {
                let first = self.queue.front();
                if first.is_some_and(|first| (first.client, first.number) == (client, number)) {
                    self.finish_first(ctx);
                    self.proceed(ctx);
                }
            }
            _ => {} // from an earlier view, or not for a server
        }
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: Server::on_timer
        // | Ping the view server with the newest view that you have accepted (what must a primary
        // | have done before it accepts a view?), and resend what has not been answered.
        match timer {
            Timer::Ping => {
                ctx.send(
                    self.view_server,
                    Given::Ping {
                        view: self.accepted,
                        incarnation: self.me.incarnation,
                    },
                );
                ctx.set_timer(Timer::Ping, PING);
            }
            Timer::Retry => self.proceed(ctx),
        }
        // end hole
    }
}

// hole
impl Server {
    // A view's number says who its members are. So a message that carries the number of the view in
    // which this server is backup, in this very incarnation, can only come from that view's
    // primary, and the other way round.

    fn is_primary_in(&self, view: u64) -> bool {
        self.view.number == view && self.view.primary == Some(self.me)
    }

    fn is_backup_in(&self, view: u64) -> bool {
        self.view.number == view && self.view.backup == Some(self.me)
    }

    fn enter(&mut self, view: View, ctx: &mut Context<Self>) {
        if view.number <= self.view.number {
            return;
        }
        self.view = view;
        let number = self.view.number;
        if self.is_primary_in(number) {
            // The queue stays: who is in it still waits for an answer. A backup is always a new one
            // here, or this would be the same view again: it is given the state first, and until it
            // has it nothing is carried out.
            if self.view.backup.is_none() {
                self.accepted = number;
            }
            self.proceed(ctx);
        } else {
            self.queue.clear(); // the clients will ask the new primary
            if !self.is_backup_in(number) {
                self.accepted = number;
            }
        }
    }

    fn request(&mut self, operation: Operation, ctx: &mut Context<Self>) {
        if !self.is_primary_in(self.view.number) {
            ctx.send(
                operation.client,
                Message::NotPrimary {
                    number: operation.number,
                },
            );
            return;
        }
        if self.queue.contains(&operation) {
            return; // a retry of what is under way
        }
        self.queue.push_back(operation);
        if self.queue.len() == 1 && self.accepted == self.view.number {
            self.proceed(ctx);
        }
    }

    /// The primary's next step: without a backup it finishes all there is, else it sends the backup
    /// what that lacks, and again until it is confirmed.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        let view = self.view.number;
        if !self.is_primary_in(view) {
            return;
        }
        let Some(backup) = self.view.backup else {
            while !self.queue.is_empty() {
                self.finish_first(ctx);
            }
            return;
        };
        let message = if self.accepted < view {
            Message::Transfer {
                view,
                store: self.store.clone(),
            }
        } else if let Some(operation) = self.queue.front() {
            Message::Forward {
                view,
                operation: operation.clone(),
            }
        } else {
            return;
        };
        ctx.send(backup.node, message);
        ctx.set_timer(Timer::Retry, RETRY);
    }

    /// Carries out the first operation of the queue, which the backup (if there is one) has carried
    /// out, and answers.
    fn finish_first(&mut self, ctx: &mut Context<Self>) {
        if let Some(operation) = self.queue.pop_front()
            && let Some(output) = self.store.apply(&operation)
        {
            ctx.send(
                operation.client,
                Message::Reply {
                    number: operation.number,
                    output,
                },
            );
        }
    }
}
// end hole
impl BelievesView for Server {
    fn view(&self) -> View {
        // hole: Server::view
        // | Return the newest view that this server knows of, accepted or not.
        self.view.clone()
        // end hole
    }
}
// hole

#[cfg(test)]
mod tests {
    use super::*;

    const V1: NodeId = NodeId::new('v', 1);
    const S1: NodeId = NodeId::new('s', 1);
    const S2: NodeId = NodeId::new('s', 2);
    const C1: NodeId = NodeId::new('c', 1);

    /// A server that was just told a view with the first incarnations of these servers.
    fn server(
        id: NodeId,
        number: u64,
        primary: NodeId,
        backup: Option<NodeId>,
    ) -> (Server, Context<Server>) {
        let mut ctx = Context::for_tests(id);
        let mut server = Server::start(&ServerConfig { view_server: V1 }, Boot::First, &mut ctx);
        let member = |node| Member {
            node,
            incarnation: 1,
        };
        let view = View {
            number,
            primary: Some(member(primary)),
            backup: backup.map(member),
        };
        server.on_message(V1, Given::View(view).into(), &mut ctx);
        (server, ctx)
    }

    fn append(number: u64, value: &str) -> Operation {
        let command = Command::Append {
            key: "k".into(),
            value: value.into(),
        };
        Operation {
            client: C1,
            number,
            command,
        }
    }

    fn request(number: u64, value: &str) -> Message {
        Message::Request {
            number,
            command: append(number, value).command,
        }
    }

    #[test]
    fn a_lone_primary_applies_a_retry_once_and_an_old_request_never() {
        let (mut server, mut ctx) = server(S1, 1, S1, None);
        ctx.clear();
        for (number, value) in [(1, "a"), (1, "a"), (2, "b"), (1, "a")] {
            server.on_message(C1, request(number, value), &mut ctx);
        }
        let reply = |number| {
            (
                C1,
                Message::Reply {
                    number,
                    output: Output::Done,
                },
            )
        };
        assert_eq!(ctx.sent(), [reply(1), reply(1), reply(2)]);
        assert_eq!(server.store.values["k"], "ab");
    }

    #[test]
    fn the_primary_answers_only_what_the_backup_has_applied() {
        let (mut server, mut ctx) = server(S1, 2, S1, Some(S2));
        ctx.clear();
        server.on_message(C1, request(1, "a"), &mut ctx);
        assert_eq!(ctx.sent(), [], "the backup is empty still");
        server.on_message(S2, Message::Transferred { view: 2 }, &mut ctx);
        assert_eq!(
            ctx.sent(),
            [(
                S2,
                Message::Forward {
                    view: 2,
                    operation: append(1, "a")
                }
            )]
        );
        ctx.clear();
        server.on_message(
            S2,
            Message::Applied {
                view: 2,
                client: C1,
                number: 1,
            },
            &mut ctx,
        );
        assert_eq!(
            ctx.sent(),
            [(
                C1,
                Message::Reply {
                    number: 1,
                    output: Output::Done
                }
            )]
        );
    }

    #[test]
    fn a_view_is_acknowledged_only_when_the_backup_has_the_state() {
        let (mut server, mut ctx) = server(S1, 2, S1, Some(S2));
        let mut pings = |server: &mut Server, view| {
            ctx.clear();
            server.on_timer(Timer::Ping, &mut ctx);
            assert_eq!(
                ctx.sent(),
                [(
                    V1,
                    Given::Ping {
                        view,
                        incarnation: 1
                    }
                    .into()
                )]
            );
        };
        pings(&mut server, 0);
        server.on_message(
            S2,
            Message::Transferred { view: 2 },
            &mut Context::for_tests(S1),
        );
        pings(&mut server, 2);
    }

    #[test]
    fn a_backup_takes_a_transfer_once_and_refuses_other_views() {
        let (mut server, mut ctx) = server(S2, 2, S1, Some(S2));
        let transfer = Message::Transfer {
            view: 2,
            store: Store::default(),
        };
        server.on_message(S1, transfer.clone(), &mut ctx);
        server.on_message(
            S1,
            Message::Forward {
                view: 2,
                operation: append(1, "a"),
            },
            &mut ctx,
        );
        server.on_message(S1, transfer, &mut ctx);
        ctx.clear();
        server.on_message(
            S1,
            Message::Forward {
                view: 1,
                operation: append(2, "b"),
            },
            &mut ctx,
        );
        assert_eq!(ctx.sent(), []);
        assert_eq!(server.store.values["k"], "a");
    }
}
// end hole
