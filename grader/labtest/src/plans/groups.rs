//! Faults of a group whose servers have their disks, or a majority has.

use std::time::Duration;

use faultline_sim::{
    Outcome, Plan, World,
    choice::{About, Choices, Draw},
    ms,
};
use labkit::NodeId;

/// Crashes servers, one or several or all, between two effects or in the middle of a handler, and
/// starts them again at once or later.
pub struct Crashes {
    choices: Choices,
    servers: Vec<NodeId>,
    on: bool,
    /// Who loses its disk, if that is still to come.
    loses_disk: Option<NodeId>,
    wakes: u64,
}

impl Crashes {
    /// Of these servers; if not `on`, none crashes, but one may still lose its disk.
    pub fn new(
        servers: Vec<NodeId>,
        on: bool,
        one_loses_its_disk: bool,
        choices: Choices,
    ) -> Crashes {
        let loses_disk = *choices.draw(About::Plan, 3, 0).pick(&servers);
        Crashes {
            choices,
            servers,
            on,
            loses_disk: one_loses_its_disk.then_some(loses_disk),
            wakes: 0,
        }
    }

    fn crash(&self, world: &mut World<'_>, draw: &mut Draw) -> Outcome {
        let server = *draw.pick(&self.servers);
        match draw.below(8) {
            0 | 1 => world.restart_quickly(server),
            2..=4 => {
                world.crash_in_next_event(server, draw.bits());
                Ok(())
            }
            5 | 6 => world.crash(server),
            _ => self
                .servers
                .iter()
                .try_for_each(|server| world.crash(*server)),
        }
    }
}

impl Plan for Crashes {
    fn name(&self) -> &'static str {
        "crashes of servers"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 1, self.wakes);
        let again = Some(draw.between(&(ms(40)..=ms(350))));
        // With the beginning of the faults it is known to all what was chosen before.
        if let Some(server) = self
            .loses_disk
            .filter(|_| self.wakes == 4 && world.may_begin_fault())
        {
            world.crash(server)?;
            world.lose_disk(server)?;
            world.start(server)?;
            return Ok((true, again));
        }
        let down: Vec<NodeId> = self
            .servers
            .iter()
            .copied()
            .filter(|server| world.is_down(*server))
            .collect();
        if !down.is_empty() && draw.chance(600) {
            for server in down.into_iter().filter(|_| draw.chance(700)) {
                world.start(server)?;
            }
            return Ok((false, again));
        }
        if !self.on || !world.may_begin_fault() {
            return Ok((false, again));
        }
        self.crash(world, &mut draw)?;
        Ok((true, again))
    }
}

/// Cuts links for a while: a partition of all nodes, one server from all or from all servers, a
/// single link, and any of it in one direction only.
pub struct Partitions {
    choices: Choices,
    servers: Vec<NodeId>,
    clients: Vec<NodeId>,
    on: bool,
    wakes: u64,
    cut: Vec<(NodeId, NodeId)>,
}

impl Partitions {
    /// Of these servers and clients; if not `on`, nothing is cut.
    pub fn new(
        servers: Vec<NodeId>,
        clients: Vec<NodeId>,
        on: bool,
        choices: Choices,
    ) -> Partitions {
        Partitions {
            choices,
            servers,
            clients,
            on,
            wakes: 0,
            cut: Vec::new(),
        }
    }

    fn groups(&self, world: &World<'_>, draw: &mut Draw) -> (Vec<NodeId>, Vec<NodeId>) {
        let servers = self.servers.clone();
        let server = *draw.pick(&servers);
        let all = world.ids();
        match draw.below(6) {
            0 | 1 => all.into_iter().partition(|_| draw.chance(500)),
            2 => (
                vec![server],
                all.into_iter().filter(|other| *other != server).collect(),
            ),
            3 => (
                vec![server],
                servers
                    .into_iter()
                    .filter(|other| *other != server)
                    .collect(),
            ),
            // A server and a friend among the clients are alone in the world.
            4 => {
                let friend = *draw.pick(&self.clients);
                all.into_iter()
                    .partition(|node| [server, friend].contains(node))
            }
            _ => (vec![server], vec![*draw.pick(&all)]),
        }
    }
}

impl Plan for Partitions {
    fn name(&self) -> &'static str {
        "cuts of links"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        if !self.on {
            return Ok((false, None));
        }
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 2, self.wakes);
        let again = Some(draw.between(&(ms(50)..=ms(900))));
        if !self.cut.is_empty() {
            for (from, to) in std::mem::take(&mut self.cut) {
                world.heal_link(from, to)?;
            }
            return Ok((false, again));
        }
        if !world.may_begin_fault() {
            return Ok((false, again));
        }
        let (some, rest) = self.groups(world, &mut draw);
        let directions = draw.below(4);
        for (one, other) in some
            .iter()
            .flat_map(|one| rest.iter().map(move |other| (*one, *other)))
        {
            if one == other {
                continue;
            }
            if directions != 1 {
                self.cut.push((one, other));
            }
            if directions != 2 {
                self.cut.push((other, one));
            }
        }
        for (from, to) in &self.cut {
            world.cut(*from, *to)?;
        }
        Ok((!self.cut.is_empty(), again))
    }
}
