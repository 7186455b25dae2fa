//! A guide in the numbers of a space; see [`Guide`](crate::Guide).

use rustc_hash::FxHashSet;

use crate::steps::Trigger;

/// A guide, with indices for nodes.
#[derive(Debug, Default)]
pub(crate) struct Guidance {
    pub held: FxHashSet<(u16, u16)>,
    /// Messages that are late, by their number in the network.
    pub late: FxHashSet<u32>,
    /// Who does not crash.
    pub spared: FxHashSet<u16>,
    pub slow_disks: FxHashSet<u16>,
    pub slow_machines: FxHashSet<u16>,
    /// Whose timers do not fire.
    pub without_timers: FxHashSet<u16>,
}

impl Guidance {
    pub fn is_empty(&self) -> bool {
        self.holds_nothing() && !self.bars_outcomes()
    }

    /// Whether every message may arrive.
    pub fn holds_nothing(&self) -> bool {
        self.held.is_empty() && self.late.is_empty()
    }

    /// Whether outcomes are to be looked at.
    pub fn bars_outcomes(&self) -> bool {
        let bars: [&FxHashSet<u16>; 4] = [
            &self.without_timers,
            &self.spared,
            &self.slow_disks,
            &self.slow_machines,
        ];
        bars.iter().any(|nodes| !nodes.is_empty())
    }

    /// Whether a step of this node that begins so, and may end in a crash, is left for later.
    pub fn bars(&self, node_index: u16, trigger: Trigger, crash: bool) -> bool {
        (crash && self.spared.contains(&node_index))
            || (matches!(trigger, Trigger::Fire { .. })
                && self.without_timers.contains(&node_index))
            || (trigger == Trigger::Synced && self.slow_disks.contains(&node_index))
            || (trigger == Trigger::Worked && self.slow_machines.contains(&node_index))
    }
}
