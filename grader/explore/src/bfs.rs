//! Breadth-first search.
//!
//! States wait in a queue of blocks. Of each block, all threads first list the transitions out of
//! its states (each is a lookup); what is not known yet is then worked out in one batch, and those
//! states are listed once more. Then each shard of the visited set takes its fingerprints in the
//! order of the block, and only states that are new are built. Nothing depends on how many threads
//! there are.

use std::collections::VecDeque;

use faultline_sim::{Activity, Timed};
use rayon::prelude::*;

use crate::{
    block::{Block, Listed, Log},
    choice::{Broken, Choice, Transition},
    error::Error,
    explorer::Explorer,
    intern::NONE,
    search::{End, Failure, Judgement, Reached, Report, Search},
    space::Space,
    view::View,
    visited::{SHARDS, Shard},
};

/// A search that is going on.
struct Run<'s, 'p> {
    search: &'s Search<'p>,
    visited: Vec<Shard>,
    queue: VecDeque<Block>,
    /// The states with which it began come first.
    log: Log,
    roots: usize,
    goals: Vec<u32>,
    depth: u32,
    transitions: u64,
    peak_bytes: u64,
}

/// Why a run stops, in numbers of the log.
enum Stop {
    Because(End),
    /// The program breaks a promise on a transition out of this state.
    Broken(u32, Choice, Broken),
    /// The promise with this name does not hold in this state.
    Property(u32, String, String),
}

/// A state that was seen for the first time.
struct New {
    fingerprint: u64,
    before: u32,
    /// Where it ends in the list of its shard.
    end: usize,
    judgement: Judgement,
}

impl Explorer<'_> {
    /// Searches from the start of all nodes.
    ///
    /// # Errors
    /// A broken grader.
    pub fn search(&mut self, search: &Search<'_>) -> Result<Report, Error> {
        match self.start()? {
            Ok(start) => self.search_from(search, &[start]),
            Err(failure) => Ok(self.report(End::Violation(failure), 0, 0)),
        }
    }

    /// Searches from these states, such as the goal states of an earlier stage.
    ///
    /// Time: expected `O(1)` for each transition, and one call of a handler for each
    /// different (state, disk, event) of a node. Memory: for each state 8 bytes at a load of at
    /// most 3/4 to know it again and 12 to find the way back; besides two levels of states, 4 bytes
    /// for each node and each message in the network.
    ///
    /// # Errors
    /// A broken grader.
    pub fn search_from(&mut self, search: &Search<'_>, from: &[Reached]) -> Result<Report, Error> {
        let mut run = Run {
            search,
            visited: vec![Shard::default(); SHARDS],
            queue: VecDeque::new(),
            log: Log::default(),
            roots: 0,
            goals: Vec::new(),
            depth: 0,
            transitions: 0,
            peak_bytes: 0,
        };
        let timed = self.machine.timed(Activity::Search);
        let mut stop = run.begin(&self.space, from);
        while stop.is_none()
            && let Some(block) = run.queue.pop_front()
        {
            stop = if block.depth == search.limits.depth {
                Some(Stop::Because(End::Depth))
            } else {
                let lists = self.list(&block, &run.log)?;
                run.take(&self.space, &block, &lists, timed)
            };
        }
        let end = match stop {
            None if run.goals.is_empty() => End::Exhausted,
            None => End::Goal,
            Some(Stop::Because(end)) => end,
            Some(Stop::Broken(at, choice, why)) => {
                let reached = self.reach(&run, at, from)?;
                End::Violation(Box::new(self.failure(&reached, choice, why)))
            }
            Some(Stop::Property(at, property, observed)) => End::Violation(Box::new(Failure {
                property,
                observed,
                reached: self.reach(&run, at, from)?,
            })),
        };
        let reached = run
            .goals
            .iter()
            .map(|goal| self.reach(&run, *goal, from))
            .collect::<Result<_, _>>()?;
        let sample = run.log.sample(search.samples);
        let sampled = sample
            .iter()
            .map(|number| self.reach(&run, *number, from))
            .collect::<Result<_, _>>()?;
        let report = self.report(end, run.log.len() as u64, run.depth);
        Ok(Report {
            transitions: run.transitions,
            memory_bytes: run.peak_bytes,
            reached,
            sampled,
            ..report
        })
    }

    /// The transitions out of a block of states, whatever has to be worked out for them.
    fn list(&mut self, block: &Block, log: &Log) -> Result<Vec<Listed>, Error> {
        let mut lists: Vec<Listed> = Vec::new();
        let timed = self.machine.timed(Activity::Search);
        let mut places = block.places();
        while !places.is_empty() {
            let mut listed = block.list(&self.space, log, &places, timed);
            places = listed
                .iter()
                .flat_map(|list| &list.again)
                .copied()
                .collect();
            let needs: Vec<_> = listed
                .iter_mut()
                .flat_map(|list| std::mem::take(&mut list.needs))
                .collect();
            self.space.resolve(&needs, &self.machine)?;
            lists.append(&mut listed);
        }
        Ok(lists)
    }

    /// Walks to a state of the log.
    fn reach(
        &mut self,
        run: &Run<'_, '_>,
        number: u32,
        from: &[Reached],
    ) -> Result<Reached, Error> {
        let (root, fingerprints) = run.log.path(number, run.roots);
        let root = run.log.fingerprint(root);
        let start = from
            .iter()
            .find(|reached| self.space.fingerprint(&reached.state) == root);
        let mut reached = start.ok_or(Error::LostPath)?.clone();
        for fingerprint in fingerprints {
            let transitions = self.space.all_transitions(&reached.state, &self.machine)?.0;
            let choice = transitions.iter().find_map(|transition| match transition {
                Transition::To {
                    fingerprint: to,
                    choice,
                } if *to == fingerprint => Some(*choice),
                _ => None,
            });
            reached = self.go(&reached, choice.ok_or(Error::LostPath)?);
        }
        Ok(reached)
    }

    fn report(&self, end: End, states: u64, depth: u32) -> Report {
        Report {
            end,
            states,
            depth,
            transitions: 0,
            handler_calls: self.space.steps.calls.all().len() as u64,
            local_steps: self.space.steps.len() as u64,
            memory_bytes: 0,
            reached: Vec::new(),
            sampled: Vec::new(),
            all_disks: self.space.steps.all_disks,
        }
    }
}

impl Run<'_, '_> {
    fn begin(&mut self, space: &Space<'_>, from: &[Reached]) -> Option<Stop> {
        let mut stop = None;
        for reached in from {
            let fingerprint = space.fingerprint(&reached.state);
            if self.visited[crate::visited::shard_of(fingerprint)].insert(fingerprint) {
                let judgement = self.search.judge(&View::new(space, &reached.state));
                let new = New {
                    fingerprint,
                    before: NONE,
                    end: 0,
                    judgement,
                };
                stop = stop.or(self.add(new, &reached.state, 0));
            }
        }
        self.roots = self.log.len();
        stop
    }

    /// Adds what is new behind this block to the queue.
    fn take(
        &mut self,
        space: &Space<'_>,
        block: &Block,
        lists: &[Listed],
        timed: Timed<'_>,
    ) -> Option<Stop> {
        self.transitions += lists.iter().map(|list| list.len() as u64).sum::<u64>();
        if let Some(stop) = self.stuck(space, block, lists) {
            return Some(stop);
        }
        if let Some((place, choice, why)) = lists.iter().find_map(|list| list.broken) {
            return Some(Stop::Broken(block.number(place as usize), choice, why));
        }
        let search = self.search;
        let news: Vec<(Vec<u32>, Vec<New>)> = self
            .visited
            .par_iter_mut()
            .enumerate()
            .map(|(index, shard)| {
                let _begun = timed.begin();
                let candidates: usize = lists.iter().map(|list| list.of_shard(index).len()).sum();
                // Half of them are new, as a rule.
                let mut news = Vec::with_capacity(candidates / 2);
                let mut words = Vec::with_capacity(candidates / 2 * (block.length() + 1));
                for candidate in lists.iter().flat_map(|list| list.of_shard(index)) {
                    if shard.insert(candidate.fingerprint) {
                        let (begin, place) = (words.len(), candidate.place as usize);
                        space.go(block.state(place), candidate.choice, &mut words);
                        let judgement = search.judge(&View::new(space, &words[begin..]));
                        let before = block.number(place);
                        news.push(New {
                            fingerprint: candidate.fingerprint,
                            before,
                            end: words.len(),
                            judgement,
                        });
                    }
                }
                (words, news)
            })
            .collect();
        for (words, news) in news {
            let mut begin = 0;
            for new in news {
                let end = new.end;
                if let Some(stop) = self.add(new, &words[begin..end], block.depth + 1) {
                    return Some(stop);
                }
                begin = end;
            }
        }
        let shards: u64 = self.visited.iter().map(Shard::bytes).sum();
        let waiting: u64 = self.queue.iter().map(Block::bytes).sum();
        let bytes = shards + self.log.bytes() + block.bytes() + waiting;
        self.peak_bytes = self.peak_bytes.max(bytes);
        (bytes > search.limits.memory_bytes).then_some(Stop::Because(End::Memory))
    }

    /// Adds a state that was seen for the first time.
    fn add(&mut self, new: New, state: &[u32], depth: u32) -> Option<Stop> {
        // Numbers of states have 32 bits.
        if self.log.len() as u64 == self.search.limits.states.min(u64::from(NONE)) {
            return Some(Stop::Because(End::States));
        }
        let number = self.log.push(new.fingerprint, new.before);
        self.depth = depth;
        if self
            .queue
            .back()
            .is_none_or(|block| block.depth != depth || block.is_full())
        {
            self.queue.push_back(Block::new(depth, number));
        }
        let block = self.queue.back_mut().expect("pushed above");
        let leaves = new.judgement == Judgement::GoesOn;
        block.push(if leaves { state } else { &[] });
        match new.judgement {
            Judgement::GoesOn | Judgement::Pruned => {}
            Judgement::Goal => {
                self.goals.push(number);
                return (self.goals.len() == self.search.most_goals)
                    .then_some(Stop::Because(End::Goal));
            }
            Judgement::Violates(what) => {
                let (property, observed) = *what;
                return Some(Stop::Property(
                    number,
                    self.search.invariants[property].0.clone(),
                    observed,
                ));
            }
        }
        None
    }

    fn stuck(&self, space: &Space<'_>, block: &Block, lists: &[Listed]) -> Option<Stop> {
        lists.iter().flat_map(|list| &list.stuck).find_map(|place| {
            let at = *place as usize;
            let view = View::new(space, block.state(at));
            self.search.at_end.iter().find_map(|(name, check)| {
                let observed = check(&view).err()?;
                Some(Stop::Property(block.number(at), name.clone(), observed))
            })
        })
    }
}
