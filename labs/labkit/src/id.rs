//! The names of nodes, and why they start.

use std::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

/// The name of a node: a letter for its role and a number, printed as `s1` or `c12`.
///
/// A node keeps its name over restarts; [`Context::incarnation`](crate::Context::incarnation) tells
/// its incarnations apart. So a name does not tell you that nothing was forgotten: the `s1` that
/// answers now may have crashed since it was asked.
///
/// Names are ordered, by role and then by number, and the order is the same everywhere. So they can
/// break ties: of two proposals with the same number, all nodes can agree that the one with the
/// higher name wins.
///
/// ```
/// use labkit::NodeId;
/// let (s1, s2, s10) = (NodeId::new('s', 1), NodeId::new('s', 2), NodeId::new('s', 10));
/// assert!(s1 < s2 && s2 < s10, "by number, not as texts");
/// assert_eq!(s10.to_string(), "s10");
/// assert_eq!((s10.role(), s10.number()), ('s', 10));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId {
    role: char,
    number: u32,
}

impl NodeId {
    /// The `number`-th node (from 1) of the role with this letter. In a lab the configuration and
    /// each message tell you the names; you need this function only in your own tests.
    pub const fn new(role: char, number: u32) -> NodeId {
        NodeId { role, number }
    }

    /// The letter of the role, such as `s` for servers and `c` for clients. Each lab lists its
    /// roles.
    pub const fn role(self) -> char {
        self.role
    }

    /// The number within the role, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.role, self.number))
    }
}

impl Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a node starts; given to [`Node::start`](crate::Node::start).
///
/// The three cases differ in what the disk can tell the node:
///
/// * after [`First`](Boot::First), an empty disk means that the node never promised anything;
/// * after [`Restarted`](Boot::Restarted), everything that was synced is there, so what is missing
///   was never promised (if you sync before you promise);
/// * after [`DiskLost`](Boot::DiskLost), an empty disk means nothing: the node may have promised
///   anything to any other node, and cannot know what.
///
/// The last case is why `First` and `DiskLost` are not the same. A voter that returns with an empty
/// disk and takes part as if it were new can vote twice in the same election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boot {
    /// The first start ever: the disk is empty.
    First,
    /// The node crashed and is back. Its state and timers are gone, its disk holds what was synced
    /// (and perhaps some of what was not).
    Restarted,
    /// The node crashed and its disk was replaced: everything is gone. The node is told so at each
    /// start until something has been synced to the new disk. Only labs that say so do this.
    DiskLost,
}
