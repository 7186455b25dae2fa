//! Part B: the server repeats its reply until the client thanks it, and then forgets all of it but
//! the number.

use lab0_api::{ClientConfig, Echo, Echoed, Payload};
use labkit::prelude::*;

/// Client and server each repeat what is not answered, the client with growing patience.
const FIRST_PATIENCE: Duration = Duration::from_millis(70);
const LONGEST_PATIENCE: Duration = Duration::from_millis(400);

/// So often the server repeats a reply by itself; after that the client has to ask.
const REPEATS: u32 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    Do { request: u64, payload: Payload },
    Done { request: u64, echoed: Echoed },
    Thanks { request: u64 },
}

/// Of one client.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Session {
    /// The newest request that was carried out.
    request: u64,
    /// Its echo, until the client has thanked for it.
    echoed: Option<Echoed>,
    repeats: u32,
}

/// Counts what it echoes, and repeats each echo until it is thanked.
#[derive(Debug, Serialize, Deserialize)]
pub struct EchoServer {
    done: u64,
    sessions: Map<NodeId, Session>,
}

/// Repeat the reply to this client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat(NodeId);

impl Node for EchoServer {
    type Config = ();
    type Message = Message;
    type Timer = Repeat;

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        EchoServer {
            done: 0,
            sessions: Map::new(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let session = self.sessions.entry(from).or_default();
        match message {
            Message::Do { request, payload } if request > session.request => {
                self.done += 1;
                let echoed = Echoed {
                    payload,
                    nth: self.done,
                };
                *session = Session {
                    request,
                    echoed: Some(echoed),
                    repeats: 0,
                };
                self.on_timer(Repeat(from), ctx);
            }
            // Asked once more: the last repetitions were lost, too.
            Message::Do { request, .. } if request == session.request => {
                session.repeats = 0;
                self.on_timer(Repeat(from), ctx);
            }
            Message::Thanks { request } if request == session.request => {
                session.echoed = None;
                ctx.cancel(&Repeat(from));
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, Repeat(client): Repeat, ctx: &mut Context<Self>) {
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        if let Some(echoed) = session
            .echoed
            .clone()
            .filter(|_| session.repeats <= REPEATS)
        {
            session.repeats += 1;
            ctx.send(
                client,
                Message::Done {
                    request: session.request,
                    echoed,
                },
            );
            ctx.set_timer(Repeat(client), FIRST_PATIENCE);
        }
    }
}

/// Asks with growing patience, and thanks for every echo.
#[derive(Debug, Serialize, Deserialize)]
pub struct EchoClient {
    server: NodeId,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
enum State {
    Idle {
        asked: u64,
    },
    Waiting {
        request: u64,
        payload: Payload,
        patience: Duration,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impatient {
    request: u64,
}

impl Node for EchoClient {
    type Config = ClientConfig;
    type Message = Message;
    type Timer = Impatient;

    fn start(config: &ClientConfig, _: Boot, _: &mut Context<Self>) -> Self {
        EchoClient {
            server: config.server,
            state: State::Idle { asked: 0 },
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        let Message::Done { request, echoed } = message else {
            return;
        };
        // Whatever it is a reply to, the server need not repeat it.
        ctx.send(from, Message::Thanks { request });
        match self.state {
            State::Waiting { request: open, .. } if open == request => {
                self.state = State::Idle { asked: open };
                ctx.respond(echoed);
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Impatient, ctx: &mut Context<Self>) {
        let State::Waiting {
            request,
            payload,
            patience,
        } = &mut self.state
        else {
            return;
        };
        if *request == timer.request {
            ctx.send(
                self.server,
                Message::Do {
                    request: *request,
                    payload: payload.clone(),
                },
            );
            ctx.set_timer(timer, *patience);
            *patience = LONGEST_PATIENCE.min(*patience * 2);
        }
    }
}

impl Client for EchoClient {
    type Command = Echo;
    type Output = Echoed;

    fn invoke(&mut self, Echo { payload }: Echo, ctx: &mut Context<Self>) {
        let asked = match self.state {
            State::Idle { asked } => asked,
            State::Waiting { request, .. } => request,
        };
        let request = asked + 1;
        self.state = State::Waiting {
            request,
            payload,
            patience: FIRST_PATIENCE,
        };
        self.on_timer(Impatient { request }, ctx);
    }
}
