//! The other side of [`abi`](crate::abi): what the grader's calls do to a student's node.
//!
//! A lab's API crate describes its roles as a [`Lab`]. The grader makes a wasm module of it: what a
//! module exports stands in the grader's own glue, so that no submission can export it, too. Tests
//! of the grader use a lab in-process.
//!
//! ```text
//! Lab     the roles of a lab, by number
//!  Role   how to make a node of one role, and how to read its messages
//! Guest   one node and its buffers; Guest::call is what the grader calls
//!  Actor  the node without its type: a Cell<N>, which decodes an event and calls the handler
//! ```
//!
//! Only here the types of a student's program meet bytes. On the grader's side of
//! [`abi`](crate::abi) there are none of them, so it needs not be compiled again for a submission.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    abi::{self, Incoming, Malformed, Op, Subject},
    codec,
    context::Context,
    node::{Carries, Client, Node},
    round_trip::round_trip,
    work::Compute,
};

/// A lab's roles, by number, made by the lab's own glue macro.
pub struct Lab {
    roles: Vec<Role>,
}

impl Lab {
    /// A lab whose roles have message types of their own.
    pub fn new(roles: Vec<Role>) -> Lab {
        Lab { roles }
    }

    /// A lab whose roles share the message type `M`, with room for the messages of type `G` that
    /// the lab gives.
    pub fn giving<M, G>(roles: Vec<Role>) -> Lab
    where
        M: Carries<G> + Serialize + DeserializeOwned + std::fmt::Debug,
        G: Serialize + DeserializeOwned,
    {
        Lab {
            roles: roles.into_iter().map(Role::giving::<M, G>).collect(),
        }
    }

    /// The role that an argument begins with, and the rest of the argument.
    fn addressed<'a>(&self, argument: &'a [u8]) -> Result<(&Role, &'a [u8]), String> {
        let (role, rest) = argument.split_first().ok_or("no role is named")?;
        Ok((
            self.roles
                .get(usize::from(*role))
                .ok_or("there is no such role")?,
            rest,
        ))
    }
}

/// What can be done with a role's message type.
struct Messages {
    describe: fn(&[u8]) -> Result<String, codec::Error>,
    wrap: fn(&[u8]) -> Result<Vec<u8>, codec::Error>,
    unwrap: fn(&[u8]) -> Result<Vec<u8>, codec::Error>,
}

impl Messages {
    /// For messages that are all the student's own.
    fn own<M: Serialize + DeserializeOwned + std::fmt::Debug>() -> Messages {
        Messages {
            describe: describe::<M>,
            wrap: |_| Err(codec::Error::new("the lab gives no messages")),
            unwrap: |_| Ok(vec![0]),
        }
    }

    /// For messages that have room for given ones.
    fn carrying<M, G>() -> Messages
    where
        M: Carries<G> + Serialize + DeserializeOwned + std::fmt::Debug,
        G: Serialize + DeserializeOwned,
    {
        Messages {
            describe: describe::<M>,
            wrap: |bytes| codec::to_bytes(&M::from(codec::from_bytes::<G>(bytes)?)),
            unwrap: |bytes| {
                let message = codec::from_bytes::<M>(bytes)?;
                let Some(given) = message.given() else {
                    return Ok(vec![0]);
                };
                let mut out = vec![1];
                codec::write(&mut out, given)?;
                Ok(out)
            },
        }
    }
}

fn describe<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) -> Result<String, codec::Error> {
    codec::from_bytes::<T>(bytes).map(|value| format!("{value:?}"))
}

type Make = Box<dyn Fn(&abi::OwnedStart) -> Box<dyn Actor>>;

/// How to make a node of one role, and what it says.
pub struct Role {
    make: Make,
    messages: Messages,
}

/// What the lab wants to see of a node, if anything.
type Observe<N> = fn(&N) -> Vec<u8>;

impl Role {
    /// A role that only handles messages and timers, and of which the lab may observe what it
    /// encodes itself.
    pub fn node<N: Node + 'static>(observe: Observe<N>) -> Role {
        Role::of(observe, None, None)
    }

    /// A role whose machine computes for it, and of which the lab may observe what it encodes
    /// itself.
    pub fn computing<N>(observe: Observe<N>) -> Role
    where
        N: Compute + 'static,
    {
        Role::of(observe, None, Some(compute_done::<N>))
    }

    fn of<N: Node + 'static>(
        observe: Observe<N>,
        client: Option<ClientCalls<N>>,
        compute: Option<WorkDone<N>>,
    ) -> Role {
        let make: Make = Box::new(move |start| {
            let ctx = Context::new(
                start.id,
                start.incarnation,
                start.disk.clone(),
                Arc::clone(&start.inputs),
            );
            Box::new(Cell::<N> {
                state: None,
                ctx,
                observe,
                client,
                compute,
            })
        });
        Role {
            make,
            messages: Messages::own::<N::Message>(),
        }
    }

    /// The same role, whose message type `M` has room for the messages of type `G` that the lab
    /// gives.
    pub fn giving<M, G>(self) -> Role
    where
        M: Carries<G> + Serialize + DeserializeOwned + std::fmt::Debug,
        G: Serialize + DeserializeOwned,
    {
        Role {
            messages: Messages::carrying::<M, G>(),
            ..self
        }
    }

    /// A role that users invoke operations on.
    pub fn client<N>() -> Role
    where
        N: Client + 'static,
        N::Command: std::fmt::Debug,
        N::Output: std::fmt::Debug,
    {
        Role::of(|_: &N| Vec::new(), Some(ClientCalls::new()), None)
    }
}

/// Decodes a command and hands it to the client.
type Invoke<N> = fn(&mut N, &[u8], &mut Context<N>) -> Result<(), codec::Error>;

/// Decodes what was computed and hands it to the node.
type WorkDone<N> = fn(&mut N, u64, &[u8], &mut Context<N>) -> Result<(), codec::Error>;

fn compute_done<N: Compute>(
    node: &mut N,
    token: u64,
    done: &[u8],
    ctx: &mut Context<N>,
) -> Result<(), codec::Error> {
    node.on_work_done(token, codec::from_bytes(done)?, ctx);
    Ok(())
}

struct ClientCalls<N: Node> {
    invoke: Invoke<N>,
    describe_command: fn(&[u8]) -> Result<String, codec::Error>,
    describe_output: fn(&[u8]) -> Result<String, codec::Error>,
}

impl<N: Node> Clone for ClientCalls<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: Node> Copy for ClientCalls<N> {}

impl<N> ClientCalls<N>
where
    N: Client,
    N::Command: std::fmt::Debug,
    N::Output: std::fmt::Debug,
{
    fn new() -> Self {
        ClientCalls {
            invoke: |node, bytes, ctx| {
                node.invoke(codec::from_bytes(bytes)?, ctx);
                Ok(())
            },
            describe_command: describe::<N::Command>,
            describe_output: describe::<N::Output>,
        }
    }
}

/// A node behind its type.
trait Actor {
    fn handle(&mut self, clock: Option<Duration>, event: Incoming<'_>) -> &[u8];
    fn snapshot(&self) -> Result<Vec<u8>, String>;
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;
    fn round_trip(&mut self, thorough: bool) -> Result<(), String>;
    fn observe(&self) -> Vec<u8>;
    fn describe(&self, subject: Subject, bytes: &[u8]) -> Result<String, String>;
}

struct Cell<N: Node> {
    /// `None` until `start` has returned.
    state: Option<N>,
    ctx: Context<N>,
    observe: Observe<N>,
    client: Option<ClientCalls<N>>,
    compute: Option<WorkDone<N>>,
}

impl<N: Node> Cell<N> {
    fn state(&self) -> &N {
        self.state
            .as_ref()
            .expect("the grader starts a node before anything else")
    }
}

impl<N: Node> Actor for Cell<N> {
    fn handle(&mut self, clock: Option<Duration>, event: Incoming<'_>) -> &[u8] {
        self.ctx.clear();
        self.ctx.clock = clock;
        if let Incoming::Start(start) = &event {
            let config = codec::from_bytes(&start.config)
                .expect("the lab's configuration is of the lab's type");
            self.state = Some(N::start(&config, start.boot, &mut self.ctx));
            return self.ctx.effects.bytes();
        }
        let node = self
            .state
            .as_mut()
            .expect("the grader starts a node before anything else");
        match event {
            Incoming::Start(_) => unreachable!("handled above"),
            Incoming::Message { from, message } => {
                let message = codec::from_bytes(message).unwrap_or_else(|error| {
                    panic!("a message from {from} cannot be read back from its bytes: {error}")
                });
                node.on_message(from, message, &mut self.ctx);
            }
            Incoming::Timer { timer } => {
                let timer = codec::from_bytes(timer).unwrap_or_else(|error| {
                    panic!("a timer cannot be read back from its bytes: {error}")
                });
                node.on_timer(timer, &mut self.ctx);
            }
            Incoming::Invoke { command } => {
                let client = self
                    .client
                    .as_ref()
                    .expect("the grader invokes on clients only");
                (client.invoke)(node, command, &mut self.ctx)
                    .expect("the lab's command is of the lab's type");
            }
            Incoming::WorkDone { token, done } => {
                let compute = self
                    .compute
                    .expect("only a node that computes has started work");
                compute(node, token, done, &mut self.ctx)
                    .expect("what was computed is of the lab's type");
            }
        }
        self.ctx.effects.bytes()
    }

    fn snapshot(&self) -> Result<Vec<u8>, String> {
        codec::to_bytes(self.state())
            .map_err(|error| format!("the state cannot be serialized: {error}"))
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let state = codec::from_bytes(bytes)
            .map_err(|error| format!("the state cannot be deserialized: {error}"))?;
        self.state = Some(state);
        Ok(())
    }

    fn round_trip(&mut self, thorough: bool) -> Result<(), String> {
        self.state = Some(round_trip(self.state(), thorough)?);
        Ok(())
    }

    fn observe(&self) -> Vec<u8> {
        (self.observe)(self.state())
    }

    fn describe(&self, subject: Subject, bytes: &[u8]) -> Result<String, String> {
        let text = match (subject, &self.client) {
            (Subject::State, _) => return Ok(format!("{:#?}", self.state())),
            (Subject::Timer, _) => describe::<N::Timer>(bytes),
            (Subject::Command, Some(client)) => (client.describe_command)(bytes),
            (Subject::Output, Some(client)) => (client.describe_output)(bytes),
            _ => return Err("this node has no such thing".to_owned()),
        };
        text.map_err(|error| error.to_string())
    }
}

/// One node and its buffers: everything that a wasm instance holds.
pub struct Guest {
    lab: Lab,
    actor: Option<Box<dyn Actor>>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Guest {
    /// A guest without a node yet.
    pub fn new(lab: Lab) -> Guest {
        Guest {
            lab,
            actor: None,
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Room for the next argument.
    pub fn input(&mut self, length: usize) -> &mut [u8] {
        if self.input.len() < length {
            self.input.resize(length, 0);
        }
        &mut self.input[..length]
    }

    /// Carries out an operation whose argument is the first `length` bytes of the input. Except for
    /// [`Op::Step`], the answer begins with 0 (what follows is the answer) or 1 (what follows is an
    /// error text).
    pub fn call(&mut self, op: Op, length: usize) -> &[u8] {
        let input = &self.input[..length];
        if op == Op::Step {
            let (clock, event) = abi::read_event(input).expect("the grader wrote this event");
            if let Incoming::Start(start) = &event {
                self.actor = Some((self.lab.roles[usize::from(start.role)].make)(start));
            }
            return self
                .actor
                .as_mut()
                .expect("a start comes first")
                .handle(clock, event);
        }
        let answer = slow_call(&self.lab, &mut self.actor, op, input);
        self.output.clear();
        match answer {
            Ok(bytes) => {
                self.output.push(0);
                self.output.extend_from_slice(&bytes);
            }
            Err(error) => {
                self.output.push(1);
                self.output.extend_from_slice(error.as_bytes());
            }
        }
        &self.output
    }
}

fn slow_call(
    lab: &Lab,
    actor: &mut Option<Box<dyn Actor>>,
    op: Op,
    input: &[u8],
) -> Result<Vec<u8>, String> {
    let malformed = |error: Malformed| error.to_string();
    let codec_error = |error: codec::Error| error.to_string();
    match op {
        Op::WrapGiven | Op::UnwrapGiven => {
            let (role, bytes) = lab.addressed(input)?;
            let turn = if op == Op::WrapGiven {
                role.messages.wrap
            } else {
                role.messages.unwrap
            };
            return turn(bytes).map_err(codec_error);
        }
        Op::Restore => {
            let (start, snapshot) = abi::read_start(input).map_err(malformed)?;
            let mut restored = (lab.roles[usize::from(start.role)].make)(&start);
            restored.restore(snapshot)?;
            *actor = Some(restored);
            return Ok(Vec::new());
        }
        Op::Describe => {
            let (subject, bytes) = abi::read_subject(input).map_err(malformed)?;
            if subject == Subject::Message {
                let (role, bytes) = lab.addressed(bytes)?;
                return (role.messages.describe)(bytes)
                    .map(String::into_bytes)
                    .map_err(codec_error);
            }
            let actor = actor.as_ref().ok_or("the node has not started")?;
            return actor.describe(subject, bytes).map(String::into_bytes);
        }
        Op::Step | Op::Snapshot | Op::RoundTrip | Op::Observe => {}
    }
    let actor = actor.as_mut().ok_or("the node has not started")?;
    match op {
        Op::Snapshot => actor.snapshot(),
        Op::RoundTrip => actor.round_trip(input == [1]).map(|()| Vec::new()),
        Op::Observe => Ok(actor.observe()),
        Op::Step | Op::Restore | Op::Describe | Op::WrapGiven | Op::UnwrapGiven => {
            unreachable!("handled above")
        }
    }
}
