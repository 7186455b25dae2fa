//! Parts B and C: the servers that hold the data.

use lab2_api::{BelievesView, Command, Given, Member, Output, PING, ServerConfig, View};
use labkit::prelude::*;

use crate::{Entry, Message, Write, log::Log, store::Store};

/// After this time without an acknowledgement the primary sends to the backup again.
const RESEND: Duration = Duration::from_millis(60);

/// Primary, backup or idle, as the view says. It keeps nothing on disk: after a restart it is a
/// new, empty server.
#[derive(Debug, Serialize, Deserialize)]
pub struct Server {
    /// The view server, to be pinged.
    view_server: NodeId,
    /// This server in this life.
    me: Member,
    /// The newest view that it knows of.
    view: View,
    /// The number of the newest view that it has accepted.
    accepted: u64,
    store: Store,
    /// As a backup: how much of the view's log is in the store.
    received: u64,
    /// As a primary: what is not in the store yet, because the backup may not have it.
    log: Log,
    /// As a primary: the gets that are open, at most one of each client.
    reads: Vec<Read>,
    /// The round of the last batch. It never starts anew, so a read may stay open over a change of
    /// the view.
    round: u64,
}

/// A get that waits. If the primary were deposed without knowing it, its store would be out of
/// date, so the backup must say first that it still was the backup at a moment after the get had
/// arrived.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    client: NodeId,
    number: u64,
    key: String,
    /// The echo of this round or of a later one is late enough.
    round: u64,
}

/// The timers of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Every [`PING`].
    Ping,
    /// The backup has not acknowledged everything.
    Resend,
}

impl Node for Server {
    type Config = ServerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &ServerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {
        let server = Server {
            view_server: config.view_server,
            me: Member {
                node: ctx.id(),
                incarnation: ctx.incarnation(),
            },
            view: View::default(),
            accepted: 0,
            store: Store::default(),
            received: 0,
            log: Log::default(),
            reads: Vec::new(),
            round: 0,
        };
        server.ping(ctx);
        server
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Given(Given::View(view)) if from == self.view_server => self.enter(view, ctx),
            Message::Request { number, command } => self.request(from, number, command, ctx),
            // A view's number tells its members, lives included. So two servers that are in the
            // same view agree who is who, and what was said in another view, by or to whomever, is
            // not heard.
            Message::Batch {
                view,
                round,
                first,
                entries,
            } if view == self.view.number && self.is_backup() => {
                self.receive(first, entries);
                ctx.send(
                    from,
                    Message::Ack {
                        view,
                        round,
                        upto: self.received,
                    },
                );
            }
            Message::Ack { view, round, upto } if view == self.view.number && self.is_primary() => {
                self.commit(upto, round, ctx);
                self.advance(ctx);
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        match timer {
            Timer::Ping => self.ping(ctx),
            Timer::Resend => {
                if let Some(backup) = self.view.backup
                    && self.has_open()
                {
                    self.send_batch(backup, ctx);
                }
            }
        }
    }
}

impl Server {
    fn is_primary(&self) -> bool {
        self.view.primary == Some(self.me)
    }

    fn is_backup(&self) -> bool {
        self.view.backup == Some(self.me)
    }

    /// Whether anybody waits for the backup. Only a primary has anything open.
    fn has_open(&self) -> bool {
        !self.log.is_empty() || !self.reads.is_empty()
    }

    fn ping(&self, ctx: &mut Context<Self>) {
        ctx.send(
            self.view_server,
            Given::Ping {
                view: self.accepted,
                incarnation: self.me.incarnation,
            },
        );
        ctx.set_timer(Timer::Ping, PING);
    }

    fn enter(&mut self, view: View, ctx: &mut Context<Self>) {
        if view.number <= self.view.number {
            return;
        }
        self.view = view;
        self.received = 0;
        ctx.cancel(&Timer::Resend);
        if !self.is_primary() {
            // The clients will ask the new primary.
            (self.log, self.reads) = (Log::default(), Vec::new());
        }
        if self.is_primary() && self.view.backup.is_some() {
            // It is a new backup, or this would be the same view again.
            self.log.begin(self.store.entries());
        } else {
            self.accepted = self.view.number;
        }
        self.advance(ctx);
    }

    fn request(&mut self, client: NodeId, number: u64, command: Command, ctx: &mut Context<Self>) {
        if !self.is_primary() {
            return ctx.send(client, Message::NotPrimary { number });
        }
        match command {
            Command::Get { key } => self.open_read(Read {
                client,
                number,
                key,
                round: self.round + 1,
            }),
            Command::Put { key, value } => self.log.push(Write {
                client,
                number,
                key,
                value,
                append: false,
            }),
            Command::Append { key, value } => self.log.push(Write {
                client,
                number,
                key,
                value,
                append: true,
            }),
        }
        self.advance(ctx);
    }

    /// A retry finds its read open and changes nothing. If that was answered already, the get is
    /// evaluated again: either its client still waits, and the newer value is as good, or it
    /// ignores a reply with this number.
    fn open_read(&mut self, read: Read) {
        match self
            .reads
            .iter_mut()
            .find(|open| open.client == read.client)
        {
            Some(open) if open.number < read.number => *open = read, // the client has gone on
            Some(_) => {}
            None => self.reads.push(read),
        }
    }

    /// The primary's next step, after anything has changed: without a backup it finishes all there
    /// is, else it sends what the backup was not sent before.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if !self.is_primary() {
            return;
        }
        let Some(backup) = self.view.backup else {
            return self.commit(u64::MAX, u64::MAX, ctx);
        };
        // A read needs no round of its own before the transfer has ended: each of its batches
        // begins one.
        let needs_round =
            self.log.is_transferred() && self.reads.iter().any(|read| read.round > self.round);
        if self.log.has_news() || needs_round {
            self.send_batch(backup, ctx);
        }
    }

    fn send_batch(&mut self, backup: Member, ctx: &mut Context<Self>) {
        self.round += 1;
        let (first, entries) = self.log.batch();
        ctx.send(
            backup.node,
            Message::Batch {
                view: self.view.number,
                round: self.round,
                first,
                entries,
            },
        );
        ctx.set_timer(Timer::Resend, RESEND);
    }

    /// As a backup: takes the entry that comes next, and after it the next. What is here already is
    /// skipped, and so is what would leave a gap. Thus nothing is done twice, and a second copy of
    /// the state's beginning clears nothing.
    fn receive(&mut self, first: u64, entries: Vec<Entry>) {
        for (index, entry) in (first..).zip(entries) {
            if index == self.received + 1 {
                self.store.apply(entry);
                self.received = index;
            }
        }
    }

    /// The backup (if there is one) has the log up to here and has seen this round: carries out the
    /// writes and answers them, and then the reads. Of the state's entries nothing is to be done:
    /// it is this server's own.
    fn commit(&mut self, upto: u64, round: u64, ctx: &mut Context<Self>) {
        for entry in self.log.acknowledge(upto) {
            if let Entry::Write(write) = entry {
                let (client, number) = (write.client, write.number);
                if self.store.write(write) {
                    ctx.send(
                        client,
                        Message::Reply {
                            number,
                            output: Output::Done,
                        },
                    );
                }
            }
        }
        if self.log.is_transferred() {
            self.accepted = self.view.number;
            for read in self.reads.extract_if(.., |read| read.round <= round) {
                let output = Output::Value(self.store.get(&read.key));
                ctx.send(
                    read.client,
                    Message::Reply {
                        number: read.number,
                        output,
                    },
                );
            }
        }
        if !self.has_open() {
            ctx.cancel(&Timer::Resend);
        }
    }
}

impl BelievesView for Server {
    fn view(&self) -> View {
        self.view.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: NodeId = NodeId::new('v', 1);
    const S1: NodeId = NodeId::new('s', 1);
    const S2: NodeId = NodeId::new('s', 2);
    const C1: NodeId = NodeId::new('c', 1);
    const C2: NodeId = NodeId::new('c', 2);

    /// A server and the effects of its last event.
    struct World(Server, Context<Server>);

    impl World {
        /// A server that was just told of a view with these servers' first lives.
        fn new(id: NodeId, number: u64, primary: NodeId, backup: Option<NodeId>) -> World {
            let mut ctx = Context::for_tests(id);
            let server = Server::start(&ServerConfig { view_server: V1 }, Boot::First, &mut ctx);
            let mut world = World(server, ctx);
            world.view(number, primary, backup);
            world
        }

        fn view(
            &mut self,
            number: u64,
            primary: NodeId,
            backup: Option<NodeId>,
        ) -> Vec<(NodeId, Message)> {
            let member = |node| Member {
                node,
                incarnation: 1,
            };
            self.hear(
                V1,
                Given::View(View {
                    number,
                    primary: Some(member(primary)),
                    backup: backup.map(member),
                }),
            )
        }

        fn hear(&mut self, from: NodeId, message: impl Into<Message>) -> Vec<(NodeId, Message)> {
            self.1.clear();
            self.0.on_message(from, message.into(), &mut self.1);
            self.1.sent()
        }

        fn accepted(&mut self) -> u64 {
            self.1.clear();
            self.0.on_timer(Timer::Ping, &mut self.1);
            match self.1.sent()[..] {
                [
                    (
                        V1,
                        Message::Given(Given::Ping {
                            view,
                            incarnation: 1,
                        }),
                    ),
                ] => view,
                ref other => panic!("not a ping: {other:?}"),
            }
        }
    }

    fn append(number: u64) -> Message {
        Message::Request {
            number,
            command: Command::Append {
                key: "k".into(),
                value: format!("{number};"),
            },
        }
    }

    fn entry(number: u64) -> Entry {
        Entry::Write(Write {
            client: C1,
            number,
            key: "k".into(),
            value: format!("{number};"),
            append: true,
        })
    }

    fn get(number: u64) -> Message {
        Message::Request {
            number,
            command: Command::Get { key: "k".into() },
        }
    }

    fn batch(view: u64, round: u64, first: u64, entries: &[Entry]) -> Message {
        Message::Batch {
            view,
            round,
            first,
            entries: entries.to_vec(),
        }
    }

    fn done(number: u64) -> (NodeId, Message) {
        (
            C1,
            Message::Reply {
                number,
                output: Output::Done,
            },
        )
    }

    fn value(client: NodeId, number: u64, value: &str) -> (NodeId, Message) {
        (
            client,
            Message::Reply {
                number,
                output: Output::Value(value.into()),
            },
        )
    }

    #[test]
    fn a_lone_primary_answers_at_once_and_an_old_request_never() {
        let mut primary = World::new(S1, 1, S1, None);
        for (number, answer) in [(1, Some(1)), (1, Some(1)), (2, Some(2)), (1, None)] {
            assert_eq!(
                primary.hear(C1, append(number)),
                Vec::from_iter(answer.map(done))
            );
        }
        assert_eq!(primary.hear(C1, get(3)), [value(C1, 3, "1;2;")]);
    }

    #[test]
    fn writes_are_pipelined_and_answered_when_the_backup_has_passed_them() {
        let mut primary = World::new(S1, 2, S1, Some(S2));
        assert_eq!(
            primary.hear(C1, append(1)),
            [(S2, batch(2, 2, 1, &[Entry::Clear, entry(1)]))]
        );
        assert_eq!(primary.accepted(), 0, "the backup may not have the state");
        assert_eq!(
            primary.hear(
                S2,
                Message::Ack {
                    view: 2,
                    round: 1,
                    upto: 1
                }
            ),
            []
        );
        assert_eq!(primary.accepted(), 2);
        assert_eq!(
            primary.hear(C1, append(2)),
            [(S2, batch(2, 3, 2, &[entry(1), entry(2)]))]
        );
        assert_eq!(
            primary.hear(
                S2,
                Message::Ack {
                    view: 1,
                    round: 9,
                    upto: 9
                }
            ),
            [],
            "of another view"
        );
        assert_eq!(
            primary.hear(
                S2,
                Message::Ack {
                    view: 2,
                    round: 3,
                    upto: 3
                }
            ),
            [done(1), done(2)]
        );
        assert_eq!(primary.1.cancelled(), [Timer::Resend]);
    }

    #[test]
    fn a_read_waits_for_a_round_that_began_after_it() {
        let mut primary = World::new(S1, 2, S1, Some(S2));
        primary.hear(
            S2,
            Message::Ack {
                view: 2,
                round: 1,
                upto: 1,
            },
        );
        assert_eq!(
            primary.hear(C1, append(1)),
            [(S2, batch(2, 2, 2, &[entry(1)]))]
        );
        assert_eq!(
            primary.hear(C2, get(1)),
            [(S2, batch(2, 3, 2, &[entry(1)]))]
        );
        assert_eq!(primary.hear(C2, get(1)), [], "a retry");
        assert_eq!(
            primary.hear(
                S2,
                Message::Ack {
                    view: 2,
                    round: 2,
                    upto: 2
                }
            ),
            [done(1)]
        );
        assert_eq!(
            primary.hear(
                S2,
                Message::Ack {
                    view: 2,
                    round: 3,
                    upto: 2
                }
            ),
            [value(C2, 1, "1;")]
        );
    }

    #[test]
    fn a_lone_survivor_finishes_what_is_open() {
        let mut primary = World::new(S1, 2, S1, Some(S2));
        primary.hear(C1, append(1));
        primary.hear(C2, get(1));
        assert_eq!(primary.view(3, S1, None), [done(1), value(C2, 1, "1;")]);
        assert_eq!(primary.accepted(), 3);
    }

    #[test]
    fn a_deposed_primary_that_returns_replaces_its_state_once() {
        let mut server = World::new(S1, 1, S1, None);
        server.hear(C1, append(1));
        server.view(3, S2, Some(S1));
        let state = [
            Entry::Clear,
            Entry::Value {
                key: "k".into(),
                value: "new;".into(),
            },
        ];
        let ack = |round, upto| {
            [(
                S2,
                Message::Ack {
                    view: 3,
                    round,
                    upto,
                },
            )]
        };
        assert_eq!(server.hear(S2, batch(3, 1, 1, &state)), ack(1, 2));
        assert_eq!(
            server.hear(S2, batch(3, 3, 4, &[entry(3)])),
            ack(3, 2),
            "a gap"
        );
        assert_eq!(
            server.hear(S2, batch(3, 2, 2, &[state[1].clone(), entry(2)])),
            ack(2, 3)
        );
        assert_eq!(
            server.hear(S2, batch(3, 1, 1, &state)),
            ack(1, 3),
            "a second copy"
        );
        assert_eq!(
            server.hear(S2, batch(2, 9, 4, &[entry(9)])),
            [],
            "of another view"
        );
        assert_eq!(server.0.store.get("k"), "new;2;");
    }
}
