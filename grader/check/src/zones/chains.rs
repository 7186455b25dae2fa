//! Chains: values that follow each other without a gap.
//!
//! A put starts a chain; an append or a compare-and-set continues the value that it worked on.
//! Where tokens are unique, each value names its chain and its place in it, so the order inside a
//! chain is known: first the write, then everybody who read what it left, then the next write.
//! Writes of other chains cannot come in between.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{
    decision::{Decision, Event, OrDecision, Test, on, violated},
    line::{Line, Refusal},
    tokens::{INITIAL, Tokens},
};
use crate::{
    kv::{KvOp, Swap},
    verdict::{Anomaly, Blame},
};

/// No such thing.
pub(super) const NONE: u32 = u32::MAX;

/// Somebody saw the value that begins with what `root` wrote and is `length` long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    /// The number of the event, or [`INITIAL`].
    pub root: u32,
    /// Bytes at first, later how many appends of `root`'s stretch it includes.
    pub length: u32,
    /// By which event.
    pub by: u32,
}

/// What one put or compare-and-set (or the initial value) and the appends after it make of the
/// value.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub root: u32,
    /// In [`Chains::seen`], by place.
    pub seen: Range<usize>,
    /// In [`Chains::appends`].
    pub appends: Range<usize>,
    /// The stretch that a compare-and-set on the last value of this one begins.
    pub next: u32,
}

/// All that was seen, in chains.
pub(super) struct Chains<'e, 'a> {
    pub events: &'e [Event<'a>],
    pub seen: Vec<Sighting>,
    pub appends: Vec<u32>,
    pub stretches: Vec<Stretch>,
    /// The stretches that chains begin with.
    pub starts: Vec<u32>,
    /// Acknowledged writes whose value nobody saw.
    pub unobserved: Vec<u32>,
    /// Compare-and-sets that failed and do not say why.
    pub refusals: Vec<u32>,
    /// Compare-and-sets with lost replies that need not have happened.
    idle: Vec<u32>,
    /// Those that have to have happened, and who shows it.
    shown: Vec<(u32, u32)>,
}

impl<'e, 'a> Chains<'e, 'a> {
    /// Puts everything that was seen in its place. `O(n log n)`, plus the bytes of the values.
    pub fn build(events: &'e [Event<'a>], tokens: &Tokens<'a>) -> OrDecision<Chains<'e, 'a>> {
        let mut chains = Chains {
            events,
            seen: Vec::with_capacity(events.len()),
            appends: Vec::new(),
            stretches: Vec::new(),
            starts: Vec::new(),
            unobserved: Vec::new(),
            refusals: Vec::new(),
            idle: Vec::new(),
            shown: Vec::new(),
        };
        chains.observe(tokens)?;
        match chains.arrange(tokens) {
            Ok(()) => Ok(chains),
            Err(ended) => Err(chains.with_evidence(ended)),
        }
    }

    /// Puts what was seen into stretches, and these into chains.
    fn arrange(&mut self, tokens: &Tokens<'a>) -> OrDecision {
        let events = self.events;
        let mut of_root = vec![NONE; events.len()];
        let mut owner = vec![NONE; if tokens.appends { events.len() } else { 0 }];
        let mut start = 0;
        while start < self.seen.len() {
            let root = self.seen[start].root;
            let end = start
                + self.seen[start..]
                    .iter()
                    .take_while(|seen| seen.root == root)
                    .count();
            if root != INITIAL {
                of_root[root as usize] = self.stretches.len() as u32;
            }
            self.stretch(start..end, tokens, &mut owner)?;
            start = end;
        }
        self.leave_out(&mut of_root, &owner);
        self.link(&of_root)
    }

    /// Adds to a violation who shows that those of its operations happened whose replies were lost.
    pub fn with_evidence(&self, decision: Decision) -> Decision {
        let Decision::Violated(Blame {
            kind,
            core,
            mut context,
        }) = decision
        else {
            return decision;
        };
        for &(lost, by) in &self.shown {
            if core.contains(&self.index(lost)) || context.contains(&self.index(lost)) {
                context.push(self.index(by));
            }
        }
        violated(kind, core, context)
    }

    fn index(&self, event: u32) -> usize {
        self.events[event as usize].index
    }

    /// The value that an event saw.
    fn value(&self, event: u32) -> &'a [u8] {
        match self.events[event as usize].kv {
            KvOp::Get(Some(value))
            | KvOp::Cas {
                outcome: Some(Swap::Saw(value)),
                ..
            } => value,
            KvOp::Cas { from, .. } => from,
            _ => unreachable!("only these see something"),
        }
    }

    /// Lists who saw what. A compare-and-set with a lost reply counts if somebody saw what it
    /// wrote.
    fn observe(&mut self, tokens: &Tokens<'a>) -> OrDecision {
        let mut happened = vec![false; self.events.len()];
        for number in 0..self.events.len() as u32 {
            if !self.sees(number)? {
                continue;
            }
            let mut by = number;
            loop {
                let Some((root, length)) = self.root_of(by, tokens)? else {
                    // What nobody can have written may have been needed on the way to what was
                    // seen.
                    return Err(violated(
                        Anomaly::Phantom,
                        vec![self.index(number)],
                        vec![self.index(by)],
                    ));
                };
                self.seen.push(Sighting { root, length, by });
                let lost = |root: &u32| {
                    *root != INITIAL
                        && matches!(
                            self.events[*root as usize].kv,
                            KvOp::Cas { outcome: None, .. }
                        )
                        && !std::mem::replace(&mut happened[*root as usize], true)
                };
                match Some(root).filter(lost) {
                    Some(root) => {
                        self.shown.push((root, number));
                        by = root;
                    }
                    None => break,
                }
            }
        }
        let idle = |number: &u32| {
            matches!(
                self.events[*number as usize].kv,
                KvOp::Cas { outcome: None, .. }
            ) && !happened[*number as usize]
        };
        self.idle = (0..self.events.len() as u32).filter(idle).collect();
        let events = self.events;
        self.seen.sort_unstable_by_key(|seen| {
            (
                seen.root,
                seen.length,
                events[seen.by as usize].call,
                seen.by,
            )
        });
        Ok(())
    }

    /// Whether the event shows a value. A refusal that does not say why is noted.
    fn sees(&mut self, number: u32) -> OrDecision<bool> {
        match self.events[number as usize].kv {
            KvOp::Get(Some(_))
            | KvOp::Cas {
                outcome: Some(Swap::Done),
                ..
            } => Ok(true),
            KvOp::Cas {
                from,
                outcome: Some(Swap::Saw(value)),
                ..
            } if from != value => Ok(true),
            KvOp::Cas {
                outcome: Some(Swap::Saw(_)),
                ..
            } => {
                let core = vec![self.index(number)];
                Err(violated(Anomaly::WrongReply, core, Vec::new()))
            }
            KvOp::Cas {
                outcome: Some(Swap::Refused),
                ..
            } => {
                self.refusals.push(number);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// The write that what `event` saw begins with, and how long that is; `None` if nobody wrote
    /// it.
    fn root_of(&self, event: u32, tokens: &Tokens<'a>) -> OrDecision<Option<(u32, u32)>> {
        let value = self.value(event);
        let length = u32::try_from(value.len()).map_err(|_| Decision::NotApplicable)?;
        let root = match tokens.appends {
            false => tokens.whole(value),
            true if value.is_empty() => tokens.initial.is_empty().then_some(INITIAL),
            true => match tokens.first(value).map(|(writer, _)| writer) {
                Some(writer) if writer != INITIAL && self.is_append(writer) => {
                    tokens.initial.is_empty().then_some(INITIAL)
                }
                other => other,
            },
        };
        let root = match root {
            None if !on(Test::Unwritten) => Some(INITIAL),
            root => root,
        };
        Ok(root.map(|root| (root, length)))
    }

    fn is_append(&self, event: u32) -> bool {
        matches!(self.events[event as usize].kv, KvOp::Append(_))
    }

    /// The writes that make sense of a violation without being to blame.
    fn context(&self, root: u32) -> Vec<usize> {
        if root == INITIAL {
            Vec::new()
        } else {
            vec![self.index(root)]
        }
    }

    /// One stretch: the longest value of `seen` must consist of tokens, and all others must be
    /// beginnings of it.
    fn stretch(
        &mut self,
        seen: Range<usize>,
        tokens: &Tokens<'a>,
        owner: &mut [u32],
    ) -> OrDecision {
        let root = self.seen[seen.start].root;
        let appends = self.appends.len();
        if tokens.appends {
            let last = self.seen[seen.end - 1].by;
            let base = match root {
                INITIAL => tokens.initial.len(),
                root => {
                    super::tokens::written(&self.events[root as usize].kv).map_or(0, <[u8]>::len)
                }
            };
            let mut borders = vec![base];
            self.parse(last, root, &mut borders, tokens, owner)?;
            let longest = self.value(last);
            let mut place = 0;
            for at in seen.clone() {
                let Sighting { length, by, .. } = self.seen[at];
                while place + 1 < borders.len() && borders[place] < length as usize {
                    place += 1;
                }
                let same = self.value(by) == &longest[..length as usize] || !on(Test::Fork);
                if !same {
                    return Err(self.fork(by, last, root, base, tokens));
                }
                if borders[place] != length as usize && on(Test::Torn) {
                    return Err(violated(Anomaly::Phantom, vec![self.index(by)], Vec::new()));
                }
                self.seen[at].length = place as u32;
            }
        } else {
            self.seen[seen.clone()]
                .iter_mut()
                .for_each(|seen| seen.length = 0);
        }
        self.stretches.push(Stretch {
            root,
            seen,
            appends: appends..self.appends.len(),
            next: NONE,
        });
        Ok(())
    }

    /// Splits what `event` saw into tokens, and notes the appends.
    fn parse(
        &mut self,
        event: u32,
        root: u32,
        borders: &mut Vec<usize>,
        tokens: &Tokens<'a>,
        owner: &mut [u32],
    ) -> OrDecision {
        let value = self.value(event);
        let mut at = borders[0];
        while at < value.len() {
            let token = tokens
                .first(&value[at..])
                .filter(|&(writer, _)| writer != INITIAL);
            let Some((writer, length)) = token else {
                return Err(violated(
                    Anomaly::Phantom,
                    vec![self.index(event)],
                    Vec::new(),
                ));
            };
            if !self.is_append(writer) {
                let core = vec![self.index(event), self.index(writer)];
                return Err(violated(Anomaly::Phantom, core, Vec::new()));
            }
            let before = std::mem::replace(&mut owner[writer as usize], event);
            if before == event && on(Test::AppliedTwice) {
                let core = vec![self.index(writer), self.index(event)];
                return Err(violated(Anomaly::AppliedTwice, core, self.context(root)));
            }
            if before != NONE && before != event && on(Test::TwoEpochs) {
                let core = vec![self.index(writer), self.index(before), self.index(event)];
                let mut context = self.context(root);
                if let Some(other) = self.seen.iter().find(|seen| seen.by == before) {
                    context.extend(self.context(other.root));
                }
                return Err(violated(Anomaly::AppliedTwice, core, context));
            }
            at += length;
            borders.push(at);
            self.appends.push(writer);
        }
        Ok(())
    }

    /// `one` is no beginning of `other`. Either it is nothing that can be, or the two disagree.
    fn fork(&self, one: u32, other: u32, root: u32, base: usize, tokens: &Tokens<'a>) -> Decision {
        let value = self.value(one);
        let mut at = base;
        let mut appended: Vec<u32> = Vec::new();
        while at < value.len() {
            match tokens.first(&value[at..]) {
                Some((writer, _)) if appended.contains(&writer) => {
                    let core = vec![self.index(writer), self.index(one)];
                    return violated(Anomaly::AppliedTwice, core, self.context(root));
                }
                Some((writer, length)) if writer != INITIAL && self.is_append(writer) => {
                    appended.push(writer);
                    at += length;
                }
                _ => return violated(Anomaly::Phantom, vec![self.index(one)], Vec::new()),
            }
        }
        let mut context = self.context(root);
        context.extend(appended.iter().map(|&append| self.index(append)));
        context.extend(self.appends_of(other, base, tokens));
        violated(
            Anomaly::Fork,
            vec![self.index(one), self.index(other)],
            context,
        )
    }

    fn appends_of(&self, event: u32, base: usize, tokens: &Tokens<'a>) -> Vec<usize> {
        let (value, mut at, mut appends) = (self.value(event), base, Vec::new());
        while let Some((writer, length)) = value.get(at..).and_then(|rest| tokens.first(rest)) {
            appends.push(self.index(writer));
            at += length;
        }
        appends
    }

    /// Finds the acknowledged writes that nobody saw, and gives compare-and-sets that nobody saw a
    /// stretch.
    fn leave_out(&mut self, of_root: &mut [u32], owner: &[u32]) {
        for (number, event) in (0_u32..).zip(self.events) {
            match event.kv {
                KvOp::Put(_) if of_root[number as usize] != NONE => {
                    self.starts.push(of_root[number as usize])
                }
                KvOp::Append(_) if owner[number as usize] != NONE => {}
                KvOp::Put(_) | KvOp::Append(_) if event.ret != super::decision::NEVER => {
                    self.unobserved.push(number)
                }
                KvOp::Cas {
                    outcome: Some(Swap::Done),
                    ..
                } if of_root[number as usize] == NONE => {
                    of_root[number as usize] = self.stretches.len() as u32;
                    self.stretches.push(Stretch {
                        root: number,
                        seen: 0..0,
                        appends: 0..0,
                        next: NONE,
                    });
                }
                _ => {}
            }
        }
        if !on(Test::Unobserved) {
            self.unobserved.clear();
        }
    }

    /// Links stretches to chains. At most one compare-and-set can come after a value, and only
    /// after the last one.
    fn link(&mut self, of_root: &[u32]) -> OrDecision {
        for at in 0..self.stretches.len() {
            let Stretch {
                root,
                ref seen,
                ref appends,
                ..
            } = self.stretches[at];
            let (seen, appends) = (seen.clone(), appends.clone());
            if root == INITIAL {
                self.starts.push(at as u32);
            }
            for &Sighting { length, by, .. } in &self.seen[seen.clone()] {
                if !matches!(
                    self.events[by as usize].kv,
                    KvOp::Cas {
                        outcome: None | Some(Swap::Done),
                        ..
                    }
                ) {
                    continue;
                }
                if (length as usize) < appends.len() && on(Test::UpdateInTheMiddle) {
                    let append = self.appends[appends.start + length as usize];
                    let witness = self.seen[seen.end - 1].by;
                    let mut context = self.context(root);
                    context.push(self.index(witness));
                    return Err(violated(
                        Anomaly::LostUpdate,
                        vec![self.index(by), self.index(append)],
                        context,
                    ));
                }
                let before = std::mem::replace(&mut self.stretches[at].next, of_root[by as usize]);
                // (`no_cycles` would find the first one unreached, but could not say why.)
                if before != NONE {
                    let other = self.stretches[before as usize].root;
                    let core = vec![self.index(other), self.index(by)];
                    return Err(violated(Anomaly::LostUpdate, core, self.context(root)));
                }
            }
        }
        self.no_cycles()
    }

    /// Every chain has a beginning: a compare-and-set cannot need a value that needs itself.
    fn no_cycles(&self) -> OrDecision {
        let mut reached = vec![false; self.stretches.len()];
        for &start in &self.starts {
            let mut at = start;
            while at != NONE && !reached[at as usize] {
                reached[at as usize] = true;
                at = self.stretches[at as usize].next;
            }
        }
        let Some(first) = reached
            .iter()
            .position(|reached| !reached)
            .filter(|_| on(Test::Cycle))
        else {
            return Ok(());
        };
        // Each has one that it continues, and those that were reached do not continue it, so this
        // comes back.
        let mut at = first as u32;
        let mut core = Vec::new();
        loop {
            core.push(self.index(self.stretches[at as usize].root));
            at = self.stretches[at as usize].next;
            if at == NONE || at as usize == first {
                let context = core.split_off(core.len().min(2));
                return Err(violated(Anomaly::Cycle, core, context));
            }
        }
    }

    /// The only chain as a line, for compare-and-sets that were refused without a value. Where
    /// there is more than one chain, such a refusal is a disjunction that takes a search.
    pub fn as_a_line(&self) -> OrDecision<Line<'e, 'a>> {
        let simple = |event: &Event<'_>| matches!(event.kv, KvOp::Get(_) | KvOp::Cas { .. });
        if !self.events.iter().all(simple) || self.starts.len() > 1 {
            return Err(Decision::NotApplicable);
        }
        // Nobody saw the initial value: nothing happened but refusals and what need not have
        // happened.
        let [start] = self.starts[..] else {
            return Err(Decision::NotApplicable);
        };
        let mut line = Line::new(self.events);
        let mut place_of = FxHashMap::default();
        let mut at = start;
        while at != NONE {
            let stretch = &self.stretches[at as usize];
            let value = match stretch.root {
                // This stretch is there because somebody saw it.
                INITIAL => Some(self.value(self.seen[stretch.seen.start].by)),
                root => super::tokens::written(&self.events[root as usize].kv),
            };
            let place = line.add_place(Some(stretch.root).filter(|&root| root != INITIAL));
            place_of.extend(value.map(|value| (value, place)));
            let readers = self.seen[stretch.seen.clone()].iter().map(|seen| seen.by);
            let reads = |by: &u32| self.events[*by as usize].kv.only_reads();
            line.add_readers(readers.filter(reads));
            at = stretch.next;
        }
        let last = line.places() - 1;
        let mut leads_on = NONE;
        for &refused in &self.refusals {
            let KvOp::Cas { from, .. } = self.events[refused as usize].kv else {
                unreachable!("it was refused")
            };
            // A value that is not in the chain need never have been there.
            let Some(&place) = place_of.get(from) else {
                line.rightly_refused.push(refused);
                continue;
            };
            line.refusals.push(Refusal { place, by: refused });
            if place == last {
                leads_on = refused;
            }
        }
        if leads_on != NONE {
            self.lead_on(leads_on, &mut line)?;
        }
        Ok(line)
    }

    /// A refusal at the last value may be due to a compare-and-set whose reply was lost and whose
    /// value nobody saw.
    fn lead_on(&self, refused: u32, line: &mut Line<'e, 'a>) -> OrDecision {
        let KvOp::Cas { from: last, .. } = self.events[refused as usize].kv else {
            unreachable!("it was refused")
        };
        let mut first = NONE;
        for &idle in &self.idle {
            let KvOp::Cas { from, to, .. } = self.events[idle as usize].kv else {
                unreachable!("it is idle")
            };
            let refused = |event: &u32| {
                matches!(self.events[*event as usize].kv, KvOp::Cas { from,
                .. } if from == to)
            };
            if from != last {
                continue;
            }
            if self.refusals.iter().any(refused) {
                return Err(Decision::NotApplicable);
            }
            if first == NONE || self.events[idle as usize].call < self.events[first as usize].call {
                first = idle;
            }
        }
        if first != NONE {
            line.add_place(Some(first));
        }
        Ok(())
    }
}
