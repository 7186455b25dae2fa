//! Fault plans. Each keeps to situations in which a correct service can go on once the fault is
//! over.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_sim::{
    Outcome, Plan, World,
    choice::{About, Choices, Draw},
    ms,
};
use lab2_api::Member;
use labkit::NodeId;

use super::{
    V1, client,
    log::ViewLog,
    server,
    service::{Service, Size},
};

/// Crashes one server at a time, and only while every operation that was acknowledged lives on two:
/// the view is acknowledged, its primary and its backup live. It waits long enough after each death
/// and each start for the view server to notice, because a view with a member that is already dead
/// can be one that nobody can leave.
pub struct Crashes {
    choices: Choices,
    log: Rc<RefCell<ViewLog>>,
    servers: u32,
    wakes: u64,
    down: Option<NodeId>,
    /// How many more wakes to wait.
    quiet: u64,
}

/// Interval at which the plan looks.
const LOOK: Duration = ms(60);

/// The number of looks after a death or a start before the next crash.
const QUIET: u64 = 7;

/// Whom a fault may hit: mostly the primary, and nobody unless two servers have everything and
/// live.
fn victim(log: &ViewLog, servers: u32, world: &World<'_>, draw: &mut Draw) -> Option<NodeId> {
    let (primary, backup) = log.replicated()?;
    let lives = |member: Member| {
        world.is_up(member.node) && world.incarnation(member.node) == member.incarnation
    };
    if !lives(primary) || !lives(backup) {
        return None;
    }
    match draw.below(10) {
        0..=5 => Some(primary.node),
        6..=7 => Some(backup.node),
        _ => (1..=servers)
            .map(server)
            .find(|node| ![primary.node, backup.node].contains(node) && world.is_up(*node)),
    }
}

impl Crashes {
    /// Of the servers of this service.
    pub fn new(service: &Service<'_, '_>, choices: Choices) -> Crashes {
        let log = Rc::clone(&service.log);
        Crashes {
            choices,
            log,
            servers: service.size.servers,
            wakes: 0,
            down: None,
            quiet: 0,
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
        if self.quiet > 0 {
            self.quiet -= 1;
            return Ok((false, Some(LOOK)));
        }
        if let Some(node) = self.down {
            // A server that was to crash in its next event may not have had one yet.
            if world.is_down(node) && draw.chance(500) {
                world.start(node)?;
                (self.down, self.quiet) = (None, QUIET);
            }
            return Ok((false, Some(LOOK)));
        }
        let victim = victim(&self.log.borrow(), self.servers, world, &mut draw);
        let Some(victim) = victim.filter(|_| world.may_begin_fault()) else {
            return Ok((false, Some(LOOK)));
        };
        match draw.below(4) {
            0 => {
                world.restart_quickly(victim)?;
                self.quiet = QUIET;
            }
            1 | 2 => {
                world.crash_in_next_event(victim, draw.bits());
                self.down = Some(victim);
            }
            _ => {
                world.crash(victim)?;
                self.down = Some(victim);
            }
        }
        Ok((true, Some(LOOK)))
    }
}

/// Cuts one link, in one direction or both, for a while: between a client and a server or the view
/// server, or between two servers. Never between a server and the view server, for that is as good
/// as a server's death.
pub struct Cuts {
    choices: Choices,
    size: Size,
    wakes: u64,
    on: bool,
    cut: Option<(NodeId, NodeId)>,
}

impl Cuts {
    /// Of the links of a service of this size; if not `on`, nothing is cut.
    pub fn new(size: Size, on: bool, choices: Choices) -> Cuts {
        Cuts {
            choices,
            size,
            wakes: 0,
            on,
            cut: None,
        }
    }

    fn link(&self, draw: &mut Draw) -> (NodeId, NodeId) {
        let servers: Vec<NodeId> = (1..=self.size.servers).map(server).collect();
        if servers.len() > 1 && draw.chance(400) {
            let one = draw.below(servers.len() as u64) as usize;
            let other = (one + 1 + draw.below(servers.len() as u64 - 1) as usize) % servers.len();
            return (servers[one], servers[other]);
        }
        let one = client(1 + draw.below(u64::from(self.size.clients)) as u32);
        let other = draw.below(servers.len() as u64 + 1) as usize;
        (one, servers.get(other).copied().unwrap_or(V1))
    }
}

impl Plan for Cuts {
    fn name(&self) -> &'static str {
        "cuts of a link"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        if !self.on {
            return Ok((false, None));
        }
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 2, self.wakes);
        let again = Some(draw.between(&(ms(50)..=ms(600))));
        if let Some((one, other)) = self.cut.take() {
            world.heal_link(one, other)?;
            world.heal_link(other, one)?;
            return Ok((false, again));
        }
        if !world.may_begin_fault() {
            return Ok((false, again));
        }
        let (one, other) = self.link(&mut draw);
        let directions = draw.below(3);
        if directions != 1 {
            world.cut(one, other)?;
        }
        if directions != 2 {
            world.cut(other, one)?;
        }
        self.cut = Some((one, other));
        Ok((true, again))
    }
}

/// Makes one server at a time look dead for a while, although it lives and goes on believing what
/// it believed: its pings do not arrive, or nothing does, or it is paused or slow. As with crashes,
/// only while two servers have everything.
pub struct Isolations {
    choices: Choices,
    log: Rc<RefCell<ViewLog>>,
    size: Size,
    wakes: u64,
    /// How to end the one that is on.
    ends: Vec<End>,
    quiet: u64,
}

/// How a fault ends.
enum End {
    Heal { from: NodeId, to: NodeId },
    Resume { node: NodeId },
    Hurry { node: NodeId },
}

impl Isolations {
    /// Of the servers of this service.
    pub fn new(service: &Service<'_, '_>, choices: Choices) -> Isolations {
        Isolations {
            choices,
            log: Rc::clone(&service.log),
            size: service.size,
            wakes: 0,
            ends: Vec::new(),
            quiet: 0,
        }
    }

    fn begin(&mut self, world: &mut World<'_>, victim: NodeId, draw: &mut Draw) -> Outcome {
        let others: Vec<NodeId> = world.ids().into_iter().filter(|id| *id != victim).collect();
        let of = |roles: &[char]| -> Vec<NodeId> {
            others
                .iter()
                .copied()
                .filter(|id| roles.contains(&id.role()))
                .collect()
        };
        match draw.below(8) {
            0 => self.cut_off(world, victim, &[V1], true, true),
            1 => self.cut_off(world, victim, &[V1], true, false),
            2 => self.cut_off(world, victim, &[V1], false, true),
            // Its clients still reach it, and perhaps nobody else tells them that it is deposed.
            3 => self.cut_off(world, victim, &of(&['v', 's']), true, true),
            4 => {
                let friend = client(1 + draw.below(u64::from(self.size.clients)) as u32);
                let rest: Vec<NodeId> = others.iter().copied().filter(|id| *id != friend).collect();
                self.cut_off(world, victim, &rest, true, true)?;
                self.cut_off(world, friend, &rest, true, true)
            }
            5 => self.cut_off(world, victim, &others, true, true),
            6 => {
                self.ends.push(End::Resume { node: victim });
                world.pause(victim)
            }
            _ => {
                self.ends.push(End::Hurry { node: victim });
                world.slow(victim, draw.between(&(ms(50)..=ms(300))))
            }
        }
    }

    fn cut_off(
        &mut self,
        world: &mut World<'_>,
        node: NodeId,
        from: &[NodeId],
        out: bool,
        back: bool,
    ) -> Outcome {
        for other in from {
            for (cut, one, two) in [(out, node, *other), (back, *other, node)] {
                if cut {
                    world.cut(one, two)?;
                    self.ends.push(End::Heal { from: one, to: two });
                }
            }
        }
        Ok(())
    }
}

impl Plan for Isolations {
    fn name(&self) -> &'static str {
        "servers that look dead and are not"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 3, self.wakes);
        if !self.ends.is_empty() {
            for end in std::mem::take(&mut self.ends) {
                match end {
                    End::Heal { from, to } => world.heal_link(from, to)?,
                    End::Resume { node } => world.resume(node)?,
                    End::Hurry { node } => world.slow(node, Duration::ZERO)?,
                }
            }
            self.quiet = QUIET;
            return Ok((false, Some(LOOK)));
        }
        if self.quiet > 0 {
            self.quiet -= 1;
            return Ok((false, Some(LOOK)));
        }
        let victim = victim(&self.log.borrow(), self.size.servers, world, &mut draw);
        let Some(victim) = victim.filter(|_| world.may_begin_fault()) else {
            return Ok((false, Some(LOOK)));
        };
        self.begin(world, victim, &mut draw)?;
        Ok((true, Some(draw.between(&(ms(150)..=ms(900))))))
    }
}
