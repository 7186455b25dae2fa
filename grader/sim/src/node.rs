//! A node as the world sees it.

use std::collections::VecDeque;

use labkit::NodeId;

use crate::{clock::Clock, disk::NodeDisk, schedule::IncarnationId, time::Time};

/// What a node of a world is.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its name.
    pub id: NodeId,
    /// What it runs.
    pub role: Role,
    /// False if the test starts it later, with [`World::start`](crate::World::start).
    pub starts: bool,
}

/// What a node runs.
#[derive(Clone, Debug)]
pub enum Role {
    /// The student's program, in the role with this number of the lab, with this configuration.
    Server {
        /// The number of the role.
        role: u8,
        /// The configuration, encoded.
        config: Vec<u8>,
    },
    /// The student's client.
    Client {
        /// The number of the role.
        role: u8,
        /// The configuration, encoded.
        config: Vec<u8>,
    },
    /// Nothing: the test itself sends and receives in this node's name.
    Puppet {
        /// The number of the role that it plays, and so whose messages it sends.
        role: u8,
    },
}

impl NodeSpec {
    /// A node that the test plays, in the place of one of this role.
    pub fn puppet(id: NodeId, role: u8) -> NodeSpec {
        NodeSpec {
            id,
            role: Role::Puppet { role },
            starts: true,
        }
    }
}

/// Whether a node takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Not started, or crashed.
    Down,
    Up,
    /// Waits for its disk; events queue up.
    Syncing,
    /// Stopped by a fault; events queue up, and so does the end of a sync.
    Paused,
}

/// What an event is caused by.
#[derive(Debug)]
pub(crate) enum Cause {
    Message {
        from: usize,
        /// The sender's incarnation, and which of its messages it is.
        name: (u64, u64),
        sent: Time,
        bytes: Vec<u8>,
    },
    Timer {
        bytes: Vec<u8>,
    },
    Invoke {
        bytes: Vec<u8>,
    },
    /// `work` is its position among all work of the run.
    WorkDone {
        work: usize,
        token: u64,
        bytes: Vec<u8>,
    },
    Synced,
}

#[derive(Debug)]
pub(crate) struct Timer {
    pub nth: u64,
    pub at: Time,
    pub bytes: Vec<u8>,
}

/// A crash that waits for a node in one of its next events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    pub event: u64,
    pub after: After,
}

/// After how many effects of an event a crash falls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Effects(u64),
    /// Any number, chosen with this one once it is known how many there are.
    Drawn(u64),
}

/// A message that a puppet received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Time,
    /// When it was sent.
    pub sent: Time,
    /// From whom.
    pub from: NodeId,
    /// The student's message.
    pub message: Vec<u8>,
}

pub(crate) struct Node {
    pub spec: NodeSpec,
    pub condition: Condition,
    /// A paused node that was syncing still is when it resumes.
    pub syncing_under_pause: bool,
    pub incarnation: u64,
    /// Counts of this incarnation.
    pub events: u64,
    pub sends: u64,
    pub timers_set: u64,
    pub syncs: u64,
    /// Effects carried out of the current event.
    pub effects_done: u64,
    /// The effects behind a sync.
    pub tail: Vec<u8>,
    pub timers: Vec<Timer>,
    pub backlog: VecDeque<Cause>,
    pub disk: NodeDisk,
    /// The disk broke since the last incarnation.
    pub disk_lost: bool,
    /// If the lab grants one.
    pub clock: Option<Clock>,
    pub doom: Option<Doom>,
    /// The maximum number of microseconds that are added to what arrives and to each timer.
    pub slow_by_us: u64,
    pub inbox: VecDeque<Received>,
    pub operations: u64,
    /// The index of the open operation in the history, and whether a message came since.
    pub open: Option<(usize, bool)>,
    /// Number of times that the node was serialized and deserialized.
    pub restores: u64,
    /// A client that left; it never comes back.
    pub left: bool,
}

impl Node {
    pub fn new(spec: NodeSpec) -> Node {
        Node {
            spec,
            condition: Condition::Down,
            syncing_under_pause: false,
            incarnation: 0,
            events: 0,
            sends: 0,
            timers_set: 0,
            syncs: 0,
            effects_done: 0,
            tail: Vec::new(),
            timers: Vec::new(),
            backlog: VecDeque::new(),
            disk: NodeDisk::default(),
            disk_lost: false,
            clock: None,
            doom: None,
            slow_by_us: 0,
            inbox: VecDeque::new(),
            operations: 0,
            open: None,
            restores: 0,
            left: false,
        }
    }

    pub fn incarnation_id(&self) -> IncarnationId {
        IncarnationId {
            node: self.spec.id,
            incarnation: self.incarnation,
        }
    }

    pub fn is_puppet(&self) -> bool {
        matches!(self.spec.role, Role::Puppet { .. })
    }

    pub fn is_client(&self) -> bool {
        matches!(self.spec.role, Role::Client { .. })
    }

    /// A client that is declared and has not come yet.
    pub fn is_to_come(&self) -> bool {
        self.is_client() && !self.spec.starts && self.incarnation == 0
    }

    pub fn start_role(&self) -> Option<(u8, &[u8])> {
        match &self.spec.role {
            Role::Server { role, config } | Role::Client { role, config } => Some((*role, config)),
            Role::Puppet { .. } => None,
        }
    }

    /// Whose messages it sends: the number of its role, or of the one that it plays.
    pub fn speaks_as(&self) -> u8 {
        match self.spec.role {
            Role::Server { role, .. } | Role::Client { role, .. } | Role::Puppet { role } => role,
        }
    }

    /// Forgets everything that ends with an incarnation.
    pub fn end_incarnation(&mut self) {
        self.condition = Condition::Down;
        self.syncing_under_pause = false;
        self.tail.clear();
        self.timers.clear();
        self.backlog.clear();
        self.doom = None;
    }
}
