//! Clients that leave for good, and others that come.

use std::time::Duration;

use faultline_sim::{
    Outcome, Plan, World,
    choice::{About, Choices},
    ms,
};
use labkit::NodeId;

/// Lets clients leave for good, mostly with an operation open, and new ones come in their place.
pub struct Departures {
    choices: Choices,
    /// How many that are to come must still be there when the plan is over.
    left_to_come: usize,
    on: bool,
    wakes: u64,
}

impl Departures {
    /// This number of the clients that have not come yet do not come by this plan. If not `on`, it
    /// does nothing.
    pub fn new(left_to_come: usize, on: bool, choices: Choices) -> Departures {
        Departures {
            choices,
            left_to_come,
            on,
            wakes: 0,
        }
    }
}

impl Plan for Departures {
    fn name(&self) -> &'static str {
        "clients that leave for good"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        if !self.on || world.clients_to_come().len() <= self.left_to_come {
            return Ok((false, None));
        }
        self.wakes += 1;
        let mut draw = self.choices.draw(About::Plan, 6, self.wakes);
        let again = Some(draw.between(&(ms(200)..=ms(1_200))));
        if !world.may_begin_fault() {
            return Ok((false, again));
        }
        let clients = world.clients();
        let asking: Vec<NodeId> = clients
            .iter()
            .copied()
            .filter(|client| world.is_asking(*client))
            .collect();
        let among = match asking.is_empty() {
            true => &clients,
            false => &asking,
        };
        if among.is_empty() {
            return Ok((false, again));
        }
        // Who comes first finds the other still there, or not.
        let leaves = *draw.pick(among);
        if draw.chance(500) {
            world.newcomer()?;
            world.leave(leaves)?;
        } else {
            world.leave(leaves)?;
            world.newcomer()?;
        }
        Ok((true, again))
    }
}
