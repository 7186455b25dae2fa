//! How the world speaks to nodes, whatever they run in.

use labkit::abi::{Event, Op, Start};

/// What a node did that no program may do. It is the student's, and it fails the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node panicked.
    Panic {
        /// The panic's message.
        message: String,
        /// `src/file.rs:line`, if known.
        place: Option<String>,
    },
    /// The node was stopped by its machine: a stack that overflowed, an address out of bounds, an
    /// abort.
    Trap {
        /// What happened.
        what: String,
    },
    /// A handler computed for too long.
    OutOfFuel {
        /// Whether most of it was spent on what it printed.
        mostly_printing: bool,
    },
    /// The node wanted more memory than it may have.
    OutOfMemory {
        /// How much it may have.
        limit_bytes: usize,
    },
    /// The node called something that a graded node does not have, such as a clock.
    Refused {
        /// What it called and what to use instead.
        what: String,
        /// `src/file.rs:line`, if known.
        place: Option<String>,
    },
    /// The node's state does not survive being serialized and deserialized.
    State {
        /// Which part, and why.
        what: String,
    },
    /// What the node returned are no effects.
    Malformed,
}

impl Fault {
    /// What a handler that computed for too long did, in words.
    pub fn out_of_fuel(mostly_printing: bool) -> &'static str {
        if mostly_printing {
            "the handler computed for too long, most of it for what it printed (print less at a \
             time)"
        } else {
            "the handler computed for too long (does it loop for ever?)"
        }
    }
}

/// Why a call to a node has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendError {
    /// The student's program did something that it may not.
    Fault(Fault),
    /// The grader itself failed, so there is no verdict.
    Broken(String),
}

impl From<Fault> for BackendError {
    fn from(fault: Fault) -> Self {
        BackendError::Fault(fault)
    }
}

/// The nodes of one world. Each `slot` holds at most one living node; nodes share nothing.
///
/// After a `Fault` the node of that slot may be dead. Then it answers with that fault until `stop`
/// or `start`: a recorder that looks at a node may kill it, and the world goes on with it.
pub trait Backend {
    /// Makes a new node in `slot` (the old one, if any, is gone) and starts it; its effects come
    /// from the returned bytes. `entropy` seeds what the node can draw of randomness.
    ///
    /// # Errors
    /// A fault in the node's `start`, or a broken grader.
    fn start(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        entropy: u64,
    ) -> Result<&[u8], BackendError>;

    /// Makes a new node in `slot` from a snapshot that [`Op::Snapshot`] gave; it does not start
    /// again.
    ///
    /// # Errors
    /// A state that cannot be restored, or a broken grader.
    fn restore(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        snapshot: &[u8],
        entropy: u64,
    ) -> Result<(), BackendError>;

    /// Lets the node handle an event (no start) and returns the bytes of its effects.
    ///
    /// # Errors
    /// A fault in the handler, or a broken grader.
    fn step(&mut self, slot: usize, event: &Event<'_>) -> Result<&[u8], BackendError>;

    /// Any other operation than a step or a start; the answer without its first byte. In a slot
    /// that holds no node a program without a node is made first: it can answer what is asked about
    /// messages. [`Op::Restore`] puts another state into the same instance, which keeps what a
    /// program has outside its state.
    ///
    /// # Errors
    /// [`Fault::State`] with the text of the node's own error, another fault, or a broken grader.
    fn call(&mut self, slot: usize, op: Op, argument: &[u8]) -> Result<Vec<u8>, BackendError>;

    /// Destroys the node of a slot, if there is one.
    fn stop(&mut self, slot: usize);

    /// How much all nodes together have computed so far, in the backend's own unit; a world has a
    /// budget of it.
    fn fuel_used(&self) -> u64;

    /// From now on nobody looks at what nodes print: it costs no more than it must.
    fn mute(&mut self) {}

    /// What the node of this slot printed since the last call; also after its death.
    fn take_printed(&mut self, slot: usize) -> String;
}
