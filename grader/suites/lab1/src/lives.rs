//! When each node was down: the world tells only what is.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use faultline_sim::{IncarnationId, Look, Outcome, Time, Watcher, World};
use labkit::NodeId;

/// The lives of some nodes.
pub struct Lives {
    nodes: Vec<NodeId>,
    /// The ends of lives, in order; a node that is up has a life that has not ended.
    ends: BTreeMap<NodeId, Vec<(u64, Time)>>,
    /// When each life began, after the first.
    begins: BTreeMap<NodeId, Vec<(u64, Time)>>,
    /// The incarnation of each node that was up when it was last looked at.
    up: BTreeMap<NodeId, u64>,
    /// What arrived at nodes.
    pub traffic: Traffic,
}

/// Counts of what arrived, on a network that loses nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Messages that arrived.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those between two workers, or a worker and the coordinator.
    pub of_workers: u64,
}

impl Lives {
    /// Follows a run from now on.
    pub fn follow(world: &mut World<'_>, nodes: Vec<NodeId>) -> Rc<RefCell<Lives>> {
        let lives = Lives {
            nodes,
            ends: BTreeMap::new(),
            begins: BTreeMap::new(),
            up: BTreeMap::new(),
            traffic: Traffic::default(),
        };
        let lives = Rc::new(RefCell::new(lives));
        world.watch(Follower(Rc::clone(&lives)));
        lives
    }

    /// When a node was down, up to `now`; the last stretch may not have ended.
    pub fn downs(&self, node: NodeId, now: Time) -> Vec<(Time, Time)> {
        let ends = self.ends.get(&node).map(Vec::as_slice).unwrap_or_default();
        let begins = self
            .begins
            .get(&node)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let back = |life: u64| {
            begins
                .iter()
                .find(|(next, _)| *next > life)
                .map_or(now, |(_, at)| *at)
        };
        ends.iter().map(|(life, at)| (*at, back(*life))).collect()
    }

    /// When this life ended, if it did.
    pub fn ended(&self, life: IncarnationId) -> Option<Time> {
        let ends = self.ends.get(&life.node)?;
        ends.iter()
            .find(|(ended, _)| *ended == life.incarnation)
            .map(|(_, at)| *at)
    }
}

struct Follower(Rc<RefCell<Lives>>);

impl Watcher for Follower {
    fn delivered(
        &mut self,
        _: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        message: &[u8],
    ) -> Outcome {
        let traffic = &mut self.0.borrow_mut().traffic;
        traffic.messages += 1;
        traffic.bytes += message.len() as u64;
        traffic.of_workers += u64::from(to.role() == 'w' || from.role() == 'w');
        Ok(())
    }

    fn handled(&mut self, look: &mut Look<'_, '_>, _: NodeId) -> Outcome {
        let lives = &mut *self.0.borrow_mut();
        let now = look.now();
        for node in &lives.nodes {
            let present = (!look.is_down(*node)).then(|| look.incarnation(*node));
            let before = lives.up.get(node).copied();
            if present == before {
                continue;
            }
            if let Some(life) = before {
                lives.ends.entry(*node).or_default().push((life, now));
            }
            match present {
                Some(life) => {
                    lives.begins.entry(*node).or_default().push((life, now));
                    lives.up.insert(*node, life);
                }
                None => _ = lives.up.remove(node),
            }
        }
        Ok(())
    }
}
