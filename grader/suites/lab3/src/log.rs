//! What servers show of their logs, after every event: no two may ever know different values to be
//! chosen in one slot. It is this lab's picture, too.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use faultline_sim::{Lane, Look, Outcome, Stop, Time, Watcher, World};
use lab3_api::{Bytes, Shown, Slot, Status, Value};
use labkit::{NodeId, codec};

use super::{group::Size, ladder::Ladders, server};

/// The logs of a run.
pub struct LogWatch {
    /// What was known to be chosen by any server at any time, by whom first, and when.
    chosen: BTreeMap<Slot, (Value, NodeId, Time)>,
    /// What each server showed last, by server; those that are down are left out.
    shown: BTreeMap<NodeId, Shown>,
    /// In part A: what was proposed in each slot.
    pub proposed: Option<BTreeMap<Slot, BTreeSet<Bytes>>>,
    /// What arrived, on a network that loses nothing.
    pub traffic: Traffic,
    /// When each node last handled a message of another: by receiver and sender.
    heard: BTreeMap<(NodeId, NodeId), Time>,
    /// The judgement of a history that failed the run, if one did.
    size: Size,
    /// What each server had promised and accepted, slot by slot.
    pub ladders: Ladders,
    /// The slot that the failure is about.
    at_issue: Option<Slot>,
    now: Time,
}

/// What arrived.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    /// Messages among clients and servers.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl LogWatch {
    /// Nothing seen yet.
    pub fn new(size: Size) -> Rc<RefCell<LogWatch>> {
        Rc::new(RefCell::new(LogWatch {
            chosen: BTreeMap::new(),
            shown: BTreeMap::new(),
            proposed: None,
            traffic: Traffic::default(),
            heard: BTreeMap::new(),
            size,
            ladders: Ladders::default(),
            at_issue: None,
            now: Time::ZERO,
        }))
    }

    /// Follows a run from now on.
    pub fn follow(log: &Rc<RefCell<LogWatch>>, world: &mut World<'_>) {
        world.watch(Follower(Rc::clone(log)));
    }

    /// The value that some server knew to be chosen.
    pub fn chosen(&self, slot: Slot) -> Option<&Value> {
        self.chosen.get(&slot).map(|(value, ..)| value)
    }

    /// True if this server knows that a value is chosen in the slot.
    pub fn knows(&self, server: NodeId, slot: Slot) -> bool {
        let status = self
            .shown
            .get(&server)
            .and_then(|shown| shown.slots.iter().find(|(known, ..)| *known == slot));
        matches!(status, Some((_, _, Status::Chosen(_))))
    }

    /// True if this server has accepted this value, or knows it to be chosen.
    pub fn holds(&self, server: NodeId, slot: Slot, expected: &str) -> bool {
        let status = self
            .shown
            .get(&server)
            .and_then(|shown| shown.slots.iter().find(|(known, ..)| *known == slot));
        match status {
            Some((
                _,
                _,
                Status::Accepted(Value::Bytes(bytes)) | Status::Chosen(Value::Bytes(bytes)),
            )) => bytes.0 == expected.as_bytes(),
            _ => false,
        }
    }

    /// True if this server knows what is chosen in each slot of which anybody knows it, or what
    /// that led to.
    pub fn knows_all(&self, server: NodeId) -> bool {
        let Some(shown) = self.shown.get(&server) else {
            return false;
        };
        let knows = |slot: &Slot| *slot < shown.first_uncleared || self.knows(server, *slot);
        // What is forgotten somewhere was chosen, and perhaps nobody was seen to know it.
        let cleared = self
            .shown
            .values()
            .map(|shown| shown.first_uncleared)
            .max()
            .unwrap_or(1);
        (shown.first_uncleared..cleared).all(|slot| knows(&slot))
            && self
                .chosen
                .keys()
                .rev()
                .take_while(|slot| **slot >= shown.first_uncleared)
                .all(knows)
    }

    /// When a node last handled a message of another.
    pub fn heard(&self, by: NodeId, of: NodeId) -> Option<Time> {
        self.heard.get(&(by, of)).copied()
    }

    /// What servers last showed of a slot, in words.
    pub fn state(&self, slot: Slot) -> String {
        let show = |(server, shown): (&NodeId, &Shown)| {
            let status = shown.slots.iter().find(|(known, ..)| *known == slot);
            let status = status.map_or("Empty".to_owned(), |(_, promised, status)| {
                let promised = if promised.is_empty() {
                    String::new()
                } else {
                    format!(", promised {promised}")
                };
                format!("{}{promised}", self.ladders.say_status(status))
            });
            format!("{server}: {status}")
        };
        let states: Vec<String> = self.shown.iter().map(show).collect();
        format!("Slot {slot} is {}.", states.join("; "))
    }

    /// Which slots each server still shows, in words.
    pub fn kept(&self) -> String {
        let kept =
            |(server, shown): (&NodeId, &Shown)| match (shown.first_uncleared, shown.last_nonempty)
            {
                (first, last) if first > last => {
                    format!("{server} keeps no slots, and has cleared those before {first}")
                }
                (first, last) => format!("{server} keeps slots {first} to {last}"),
            };
        self.shown.iter().map(kept).collect::<Vec<_>>().join("; ")
    }

    /// One ballot ladder for each server in the slot at issue (or the last one): what it had
    /// promised and accepted, and what it lost when it went down.
    pub fn picture(&self) -> Vec<Lane> {
        let slot = self.at_issue.or(self.ladders.last_slot());
        slot.map_or(Vec::new(), |slot| {
            self.ladders.draw(slot, self.size, self.now)
        })
    }

    fn see(&mut self, look: &Look<'_, '_>, node: NodeId, shown: Shown) -> Outcome {
        let now = look.now();
        for (slot, promised, status) in &shown.slots {
            self.ladders.stands(now, (*slot, node), status, promised);
            if let Status::Chosen(value) = status {
                self.agree(look, node, *slot, value)?;
            }
        }
        self.shown.insert(node, shown);
        Ok(())
    }

    fn agree(&mut self, look: &Look<'_, '_>, node: NodeId, slot: Slot, value: &Value) -> Outcome {
        if let Some((known, by, at)) = self.chosen.get(&slot) {
            if known == value {
                return Ok(());
            }
            self.at_issue = Some(slot);
            self.ladders.learn(look.history());
            let text = format!(
                "in slot {slot} {node} knows {} to be chosen, but {by} knew {} to be chosen at \
                 {at}",
                self.ladders.say(value),
                self.ladders.say(known)
            );
            let stop = self.about(look.violation(text), slot, [value, known]);
            return Err(stop.against(*by, *at));
        }
        if let (Some(proposed), Value::Bytes(bytes)) = (&self.proposed, value)
            && !proposed
                .get(&slot)
                .is_some_and(|values| values.contains(bytes))
        {
            self.at_issue = Some(slot);
            let text = format!(
                "{node} says {} is chosen in slot {slot}; nobody proposed it",
                self.ladders.say(value)
            );
            return Err(self.about(look.violation(text), slot, [value]));
        }
        self.chosen.insert(slot, (value.clone(), node, look.now()));
        Ok(())
    }

    /// If no slot is at issue yet: the first in which such a text was chosen for a client.
    pub fn is_about_text(&mut self, text: &str) {
        let says = |value: &Value| match value {
            Value::Noop => false,
            Value::Bytes(bytes) => {
                !text.is_empty()
                    && bytes
                        .0
                        .windows(text.len())
                        .any(|part| part == text.as_bytes())
            }
        };
        if self.at_issue.is_none() {
            let mut chosen = self.chosen.iter();
            self.at_issue = chosen.find_map(|(slot, (value, ..))| says(value).then_some(*slot));
        }
    }

    /// The same stop, which names the slot that it is about, and these values.
    pub fn about<'v>(
        &self,
        stop: Stop,
        slot: Slot,
        values: impl IntoIterator<Item = &'v Value>,
    ) -> Stop {
        let mut stop = stop.naming(format!("slot: {slot}"));
        for value in values {
            let texts = self.ladders.texts_in(value);
            stop = match value {
                Value::Noop => stop,
                Value::Bytes(bytes) if texts.is_empty() => stop.naming(format!("{bytes:?}")),
                Value::Bytes(_) => texts
                    .iter()
                    .fold(stop, |stop, text| stop.naming(format!("{text:?}"))),
            };
        }
        stop
    }

    /// The slot that a failure is about; the picture shows it.
    pub fn is_about(&mut self, slot: Slot) {
        self.at_issue = Some(slot);
    }
}

struct Follower(Rc<RefCell<LogWatch>>);

impl Watcher for Follower {
    fn delivered(
        &mut self,
        look: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        message: &[u8],
    ) -> Outcome {
        let mut log = self.0.borrow_mut();
        log.traffic.messages += 1;
        log.traffic.bytes += message.len() as u64;
        log.heard.insert((to, from), look.now());
        Ok(())
    }

    fn handled(&mut self, look: &mut Look<'_, '_>, node: NodeId) -> Outcome {
        let mut log = self.0.borrow_mut();
        log.now = look.now();
        for number in 1..=log.size.servers {
            let (id, now) = (server(number), look.now());
            if look.is_down(id) && log.shown.remove(&id).is_some() {
                log.ladders.falls(now, id);
            }
        }
        if node.role() != 's' {
            return Ok(());
        }
        let Some(observed) = look.observe(node)? else {
            return Ok(());
        };
        match codec::from_bytes(&observed) {
            Ok(shown) => log.see(look, node, shown),
            Err(_) => Ok(()),
        }
    }
}
