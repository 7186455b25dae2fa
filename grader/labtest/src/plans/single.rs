//! Faults of servers that work alone: one is hit at a time.

use std::time::Duration;

use faultline_sim::{
    Outcome, Plan, World,
    choice::{About, Choices, Draw},
    ms,
};
use labkit::NodeId;

/// Crashes servers, one at a time, between two effects or in the middle of a handler; starts them
/// again at once or later, sometimes with an empty disk.
pub struct Restarts {
    choices: Choices,
    servers: Vec<NodeId>,
    max_incarnations: u64,
    wakes: u64,
    victim: Option<NodeId>,
}

impl Restarts {
    /// Of these servers, each of which starts at most this number of times.
    pub fn new(servers: Vec<NodeId>, max_incarnations: u64, choices: Choices) -> Restarts {
        Restarts {
            choices,
            servers,
            max_incarnations,
            wakes: 0,
            victim: None,
        }
    }

    fn back(world: &mut World<'_>, server: NodeId, draw: &mut Draw) -> Outcome {
        if draw.chance(350) {
            world.lose_disk(server)?;
        }
        world.start(server)
    }
}

impl Plan for Restarts {
    fn name(&self) -> &'static str {
        "restarts of servers"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 1, self.wakes);
        let again = Some(draw.between(&(ms(30)..=ms(300))));
        if let Some(server) = self.victim {
            // One that was to crash in its next event may not have had one yet.
            if world.is_down(server) {
                self.victim = None;
                Restarts::back(world, server, &mut draw)?;
            }
            return Ok((false, again));
        }
        let server = *draw.pick(&self.servers);
        if !world.may_begin_fault() || world.incarnation(server) >= self.max_incarnations {
            return Ok((false, again));
        }
        match draw.below(3) {
            0 => {
                world.crash(server)?;
                Restarts::back(world, server, &mut draw)?;
            }
            1 => {
                self.victim = Some(server);
                world.crash(server)?;
            }
            _ => {
                self.victim = Some(server);
                world.crash_in_next_event(server, draw.bits());
            }
        }
        Ok((true, again))
    }
}

/// Cuts the link between a client and its server, in one direction or both, or pauses a server for
/// a while.
pub struct PairCuts {
    choices: Choices,
    /// A client and its server each.
    pairs: Vec<(NodeId, NodeId)>,
    wakes: u64,
    cut: Option<(NodeId, NodeId)>,
    paused: Option<NodeId>,
}

impl PairCuts {
    /// Of these clients and their servers.
    pub fn new(pairs: Vec<(NodeId, NodeId)>, choices: Choices) -> PairCuts {
        PairCuts {
            choices,
            pairs,
            wakes: 0,
            cut: None,
            paused: None,
        }
    }
}

impl Plan for PairCuts {
    fn name(&self) -> &'static str {
        "cut links and paused servers"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 2, self.wakes);
        let again = Some(draw.between(&(ms(50)..=ms(500))));
        if let Some((client, server)) = self.cut.take() {
            world.heal_link(client, server)?;
            world.heal_link(server, client)?;
            return Ok((false, again));
        }
        if let Some(server) = self.paused.take() {
            world.resume(server)?;
            return Ok((false, again));
        }
        if !world.may_begin_fault() {
            return Ok((false, again));
        }
        let (client, server) = *draw.pick(&self.pairs);
        let sort = draw.below(4);
        if sort == 3 {
            self.paused = Some(server);
            world.pause(server)?;
            return Ok((true, again));
        }
        if sort != 1 {
            world.cut(client, server)?;
        }
        if sort != 2 {
            world.cut(server, client)?;
        }
        self.cut = Some((client, server));
        Ok((true, again))
    }
}
