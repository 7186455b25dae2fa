//! What tests and plans do to the clocks of nodes.

use std::time::Duration;

use labkit::NodeId;

use crate::{
    choice::{About, Choices, Draw},
    clock::STILL,
    schedule::FaultAction,
    time::ms,
    violation::Outcome,
    world::{Plan, World},
};

impl World<'_> {
    /// What a node's clock reads now; `None` if the lab grants none.
    pub fn clock(&self, node: NodeId) -> Option<Duration> {
        self.clock_of(self.node_index(node))
    }

    pub(crate) fn clock_of(&self, node_index: usize) -> Option<Duration> {
        self.nodes[node_index].clock.map(|clock| clock.at(self.now))
    }

    /// Sets a node's clock forward, or back if `by_us` (in microseconds) is negative.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn step_clock(&mut self, node: NodeId, by_us: i64) -> Outcome {
        self.do_fault(&FaultAction::StepClock { node, by_us })
    }

    /// Lets a node's clock gain `ppm` microseconds in each second from now on; it loses them if
    /// `ppm` is negative, and runs true with 0.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn drift_clock(&mut self, node: NodeId, ppm: i64) -> Outcome {
        self.do_fault(&FaultAction::DriftClock { node, ppm })
    }

    /// Stops a node's clock; [`drift_clock`](World::drift_clock) lets it run again, from where it
    /// stands.
    ///
    /// # Errors
    /// None of its own; the signature is that of all faults.
    pub fn freeze_clock(&mut self, node: NodeId) -> Outcome {
        self.drift_clock(node, STILL)
    }

    /// Does what a fault says to a clock, and tells of it.
    pub(crate) fn step_clock_now(&mut self, node: NodeId, by_us: i64) {
        let way = if by_us < 0 { "back" } else { "forward" };
        self.remark(format!(
            "the clock of {node} is set {way} by {}",
            length(by_us.unsigned_abs())
        ));
        let (node_index, now) = (self.node_index(node), self.now);
        if let Some(clock) = &mut self.nodes[node_index].clock {
            clock.step(now, by_us);
        }
    }

    /// The same for the rate of a clock.
    pub(crate) fn drift_clock_now(&mut self, node: NodeId, ppm: i64) {
        let how = match ppm {
            0 => "runs true".to_owned(),
            ..=STILL => "stands still".to_owned(),
            _ => format!(
                "{} {} microseconds a second",
                if ppm < 0 { "loses" } else { "gains" },
                ppm.unsigned_abs()
            ),
        };
        self.remark(format!("the clock of {node} {how}"));
        let (node_index, now) = (self.node_index(node), self.now);
        if let Some(clock) = &mut self.nodes[node_index].clock {
            clock.drift(now, ppm);
        }
    }
}

/// A length of time in its own unit.
fn length(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}

/// Clocks that are set forward and back, run fast or slow, or stand still for a while.
pub struct SkewedClocks {
    choices: Choices,
    nodes: Vec<NodeId>,
    wakes: u64,
    /// The clock that does not run true now.
    wrong: Option<NodeId>,
}

impl SkewedClocks {
    /// A plan for the clocks of these nodes.
    pub fn new(nodes: Vec<NodeId>, choices: Choices) -> SkewedClocks {
        SkewedClocks {
            choices,
            nodes,
            wakes: 0,
            wrong: None,
        }
    }

    fn begin(&mut self, world: &mut World<'_>, node: NodeId, draw: &mut Draw) -> Outcome {
        // From less than a tick of any clock to more than any test lasts.
        let far_us = *draw.pick(&[300, 2_000, 40_000, 1_000_000, 3_600_000_000i64]);
        let by_us = draw.below(far_us.unsigned_abs()) as i64 + 1;
        match draw.below(6) {
            0 | 1 => world.step_clock(node, -by_us),
            2 => world.step_clock(node, by_us),
            3 => {
                self.wrong = Some(node);
                world.freeze_clock(node)
            }
            4 => {
                self.wrong = Some(node);
                world.drift_clock(node, draw.below(400_000) as i64 - 200_000)
            }
            // A little back again and again, as a daemon does that cannot make up its mind.
            _ => {
                world.step_clock(node, by_us)?;
                world.step_clock(node, -2 * by_us)
            }
        }
    }
}

impl Plan for SkewedClocks {
    fn name(&self) -> &'static str {
        "skewed clocks"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 0xC10C, self.wakes);
        let again = Some(draw.between(&(ms(20)..=ms(400))));
        if let Some(node) = self.wrong.take() {
            world.drift_clock(node, 0)?;
        }
        if !world.may_begin_fault() {
            return Ok((false, again));
        }
        let node = *draw.pick(&self.nodes);
        self.begin(world, node, &mut draw)?;
        Ok((true, again))
    }
}
