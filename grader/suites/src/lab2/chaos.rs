//! Chaos: a random workload under a random subset of faults (swarm testing: Groce et al., ISSTA 2012), then a healed
//! world in which everything must come to an end, and one judgement of the whole history.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faultline_sim::{
    Conditions, Outcome, Plan, Trial, Workload, World,
    choice::{About, Choices},
    ms,
};
use lab2_api::{Command, Member};
use labkit::{NodeId, codec};

use super::{
    ANSWERED, V1, client, server,
    service::{Service, Size, ViewLog, append, describe, get, put, setup},
};

/// Which faults a chaos test may draw from.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Loss, duplication, reordering.
    pub bad_network: bool,
    /// Single links, none between a server and the view server, are cut for a while, in one direction or both.
    pub cuts: bool,
    /// Single messages are late by up to half a second (none to the view server: a late ping is a dead server).
    pub stragglers: bool,
    /// Servers crash and come back.
    pub crashes: bool,
}

/// A chaos test.
pub struct Chaos {
    pub size: Size,
    /// How many operations each writing client carries out.
    pub operations: u64,
    pub faults: Faults,
}

/// How long faults may come.
const FAULTS_LAST: Duration = ms(4_000);

const KEYS: [&str; 3] = ["x", "y", "z"];

impl Chaos {
    pub fn run(&self, trial: &mut Trial<'_>) -> Outcome {
        let choices = Choices::new(trial.seed());
        let mut draw = choices.draw(About::Plan, 0, 0);
        // A random subset, so that no fault hides behind another; seed 0 has the fewest.
        let mut drawn = |allowed: bool| allowed && draw.chance(600);
        let bad = drawn(self.faults.bad_network);
        let stragglers = drawn(self.faults.stragglers);
        let cuts = drawn(self.faults.cuts);
        let conditions = if bad { Conditions::bad() } else { Conditions::clean() };
        let mut setting = describe(self.size, &conditions);
        for (on, what) in [
            (stragglers, "single messages up to 500 ms late"),
            (cuts, "links cut for a while"),
            (self.faults.crashes, "servers crash and restart"),
        ] {
            if on {
                setting += &format!("; {what}");
            }
        }
        trial.describe_setting(setting);
        let mut undecided = None;
        let outcome = trial.run(setup(self.size, conditions.clone(), true), |world| {
            let mut service = Service::new(world, self.size);
            if stragglers {
                service.let_some_messages_be_late(&conditions);
            }
            self.healthy(&mut service, choices)?;
            self.faulty(&mut service, cuts, choices)?;
            self.healed(&mut service, &mut undecided)
        });
        undecided.into_iter().for_each(|what| trial.undecided(what));
        outcome
    }

    /// Without crashes and cuts at first: some operation must be answered, or nothing that follows means anything.
    fn healthy(&self, service: &mut Service<'_, '_>, choices: Choices) -> Outcome {
        service.world.phase("healthy");
        let workload = RandomWorkload { choices, operations: self.operations, reader: self.size.reader() };
        service.world.set_workload(workload);
        service.world.expect("an operation is answered in a healthy world", ANSWERED, |world| {
            Ok(world.history().iter().any(|operation| operation.reply.is_some()))
        })
    }

    fn faulty(&self, service: &mut Service<'_, '_>, cuts: bool, choices: Choices) -> Outcome {
        service.world.phase("faults");
        if self.faults.crashes {
            let log = Rc::clone(&service.log);
            let plan = Crashes { choices, log, servers: self.size.servers, wakes: 0, down: None, quiet: 0 };
            service.world.add_plan(plan, ms(200));
        }
        if self.faults.cuts {
            service.world.add_plan(Cuts { choices, size: self.size, wakes: 0, on: cuts, cut: None }, ms(100));
        }
        service.world.run_for(FAULTS_LAST)
    }

    fn healed(&self, service: &mut Service<'_, '_>, undecided: &mut Option<String>) -> Outcome {
        service.world.phase("healed");
        service.world.end_plans();
        service.world.set_conditions(Conditions::clean());
        service.world.heal()?;
        for number in 1..=self.size.servers {
            if service.world.is_down(server(number)) {
                service.world.start(server(number))?;
            }
        }
        let thinking = ms(THINK_MS * self.operations);
        service.finish(ANSWERED + thinking)?;
        service.read_all_and_judge(undecided)
    }
}

impl Service<'_, '_> {
    fn let_some_messages_be_late(&mut self, conditions: &Conditions) {
        let late = Conditions { stragglers: 60, straggle: ms(30)..=ms(500), ..conditions.clone() };
        let ids = self.world.ids();
        for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))) {
            if from != V1 && to != V1 {
                self.world.set_link(from, to, Some(late.clone()));
            }
        }
    }
}

/// The longest time that a client thinks between two operations, in milliseconds.
const THINK_MS: u64 = 150;

/// Puts, appends and gets on few keys; every value that is written is a token that occurs nowhere else.
struct RandomWorkload {
    choices: Choices,
    operations: u64,
    reader: NodeId,
}

impl Workload for RandomWorkload {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        if nth >= self.operations || client == self.reader {
            return None;
        }
        let mut draw = self.choices.draw(About::Workload, u64::from(client.number()), nth);
        let think = draw.between(&(ms(1)..=ms(THINK_MS)));
        let key = *draw.pick(&KEYS);
        let token = format!("{client}.{nth};");
        let command: Command = match draw.below(10) {
            0 | 1 => put(key, &token),
            2..=5 => append(key, &token),
            _ => get(key),
        };
        Some((think, codec::to_bytes(&command).expect("a command has bytes")))
    }
}

/// Crashes one server at a time, and only while every operation that was acknowledged lives on two: the view is
/// acknowledged, its primary and its backup live. It waits long enough after each death and each start for the view
/// server to notice, because a view with a member that is already dead can be one that nobody can leave.
struct Crashes {
    choices: Choices,
    log: Rc<RefCell<ViewLog>>,
    servers: u32,
    wakes: u64,
    down: Option<NodeId>,
    /// How many more wakes to wait.
    quiet: u64,
}

/// How often the plan looks.
const LOOK: Duration = ms(60);

/// After a death or a start, so many looks pass before the next crash.
const QUIET: u64 = 7;

impl Crashes {
    fn victim(&self, world: &World<'_>, draw: &mut faultline_sim::choice::Draw) -> Option<NodeId> {
        let (primary, backup) = self.log.borrow().replicated()?;
        let lives = |member: Member| world.is_up(member.node) && world.incarnation(member.node) == member.incarnation;
        if !lives(primary) || !lives(backup) {
            return None;
        }
        let all: Vec<NodeId> = (1..=self.servers).map(server).collect();
        match draw.below(10) {
            0..=5 => Some(primary.node),
            6..=7 => Some(backup.node),
            _ => all.into_iter().find(|node| ![primary.node, backup.node].contains(node) && world.is_up(*node)),
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
        let Some(victim) = self.victim(world, &mut draw) else { return Ok((false, Some(LOOK))) };
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

/// Cuts one link, in one direction or both, for a while: between a client and a server or the view server, or between
/// two servers. Never between a server and the view server, for that is as good as a server's death.
struct Cuts {
    choices: Choices,
    size: Size,
    wakes: u64,
    on: bool,
    cut: Option<(NodeId, NodeId)>,
}

impl Cuts {
    fn link(&self, draw: &mut faultline_sim::choice::Draw) -> (NodeId, NodeId) {
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
