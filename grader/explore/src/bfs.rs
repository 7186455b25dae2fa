//! Breadth-first search, level by level.
//!
//! A level is taken in blocks. Of each block, all threads first list the ways out of its states (each is a lookup); what
//! is not known yet is then worked out in one batch, and those states are listed once more. Then each shard of the visited
//! set takes its prints in the order of the block, and only states that are new are built. Nothing depends on how many
//! threads there are.

use rayon::prelude::*;

use crate::{
    error::Error,
    explorer::Explorer,
    intern::NONE,
    level::{Level, Listed, Log},
    search::{End, Failure, Judgement, Reached, Report, Search},
    space::{Broken, Choice, Space, Way},
    view::View,
    visited::{SHARDS, Shard},
};

/// How many states are taken at once: enough for all threads, few enough that the lists of their ways stay small.
const BLOCK: usize = 1 << 14;

/// A search that is going on.
struct Run<'s, 'p> {
    search: &'s Search<'p>,
    visited: Vec<Shard>,
    /// The states with which it began come first.
    log: Log,
    roots: usize,
    goals: Vec<u32>,
    transitions: u64,
    peak_bytes: u64,
}

/// Why a run stops, in numbers of the log.
enum Stop {
    Because(End),
    /// The program breaks a promise on a way out of this state.
    Broken(u32, Choice, Broken),
    /// The promise with this name does not hold in this state.
    Property(u32, String, String),
}

/// A state that was seen for the first time.
struct New {
    print: u64,
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
    /// Time: expected `O(1)` for each way between states, and one call of a handler for each different (state, disk,
    /// event) of a node. Memory: for each state 8 bytes at a load of at most 3/4 to know it again and 12 to find the way
    /// back; besides two levels of states, 4 bytes for each node and each message in the network.
    ///
    /// # Errors
    /// A broken grader.
    pub fn search_from(&mut self, search: &Search<'_>, from: &[Reached]) -> Result<Report, Error> {
        let mut run = Run {
            search,
            visited: vec![Shard::default(); SHARDS],
            log: Log::default(),
            roots: 0,
            goals: Vec::new(),
            transitions: 0,
            peak_bytes: 0,
        };
        let mut level = Level::default();
        let mut stop = run.begin(&self.space, from, &mut level);
        let mut depth = 0;
        while stop.is_none() && level.len() > 0 {
            if depth == search.limits.depth {
                stop = Some(Stop::Because(End::Depth));
                break;
            }
            let mut next = Level::default();
            for begin in (0..level.len()).step_by(BLOCK) {
                let lists = self.list(&level, begin..(begin + BLOCK).min(level.len()))?;
                stop = run.take(&self.space, &level, &lists, &mut next);
                if stop.is_some() {
                    break;
                }
            }
            depth += u32::from(next.len() > 0);
            level = next;
        }
        let end = match stop {
            None if run.goals.is_empty() => End::Exhausted,
            None => End::Goal,
            Some(Stop::Because(end)) => end,
            Some(Stop::Broken(at, choice, why)) => {
                let reached = self.reach(&run, at, from)?;
                End::Violation(Box::new(self.failure(&reached, choice, why)))
            }
            Some(Stop::Property(at, property, observed)) => {
                End::Violation(Box::new(Failure { property, observed, reached: self.reach(&run, at, from)? }))
            }
        };
        let reached = run.goals.iter().map(|goal| self.reach(&run, *goal, from)).collect::<Result<_, _>>()?;
        let report = self.report(end, run.log.len() as u64, depth);
        Ok(Report { transitions: run.transitions, memory_bytes: run.peak_bytes, reached, ..report })
    }

    /// The ways out of a block of states, whatever has to be worked out for them.
    fn list(&mut self, level: &Level, block: std::ops::Range<usize>) -> Result<Vec<Listed>, Error> {
        let mut lists: Vec<Listed> = Vec::new();
        let mut places: Vec<u32> = block.map(|at| at as u32).collect();
        while !places.is_empty() {
            let mut listed = level.list(&self.space, &places);
            places = listed.iter().flat_map(|list| &list.again).copied().collect();
            let needs: Vec<_> = listed.iter_mut().flat_map(|list| std::mem::take(&mut list.needs)).collect();
            self.space.resolve(&needs, &self.machine)?;
            lists.append(&mut listed);
        }
        Ok(lists)
    }

    /// Walks to a state of the log.
    fn reach(&mut self, run: &Run<'_, '_>, number: u32, from: &[Reached]) -> Result<Reached, Error> {
        let (root, prints) = run.log.way(number, run.roots);
        let root = run.log.print(root);
        let start = from.iter().find(|reached| self.space.print(&reached.state) == root);
        let mut reached = start.ok_or(Error::LostPath)?.clone();
        for print in prints {
            let ways = self.space.all_ways(&reached.state, &self.machine)?.0;
            let choice = ways.iter().find_map(|way| match way {
                Way::To { print: to, choice } if *to == print => Some(*choice),
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
            all_disks: self.space.steps.all_disks,
        }
    }
}

impl Run<'_, '_> {
    fn begin(&mut self, space: &Space<'_>, from: &[Reached], level: &mut Level) -> Option<Stop> {
        let mut stop = None;
        for reached in from {
            let print = space.print(&reached.state);
            if self.visited[crate::visited::shard_of(print)].insert(print) {
                let judgement = self.search.judge(&View::new(space, &reached.state));
                let new = New { print, before: NONE, end: 0, judgement };
                stop = stop.or(self.add(new, &reached.state, level));
            }
        }
        self.roots = self.log.len();
        stop
    }

    /// Adds what is new to the next level.
    fn take(&mut self, space: &Space<'_>, level: &Level, lists: &[Listed], next: &mut Level) -> Option<Stop> {
        self.transitions += lists.iter().map(|list| list.len() as u64).sum::<u64>();
        if let Some(stop) = self.stuck(space, level, lists) {
            return Some(stop);
        }
        if let Some((place, choice, why)) = lists.iter().find_map(|list| list.broken) {
            return Some(Stop::Broken(level.number(place as usize), choice, why));
        }
        let search = self.search;
        let news: Vec<(Vec<u32>, Vec<New>)> = self
            .visited
            .par_iter_mut()
            .enumerate()
            .map(|(index, shard)| {
                let (mut words, mut news) = (Vec::new(), Vec::new());
                for candidate in lists.iter().flat_map(|list| list.of_shard(index)) {
                    if shard.insert(candidate.print) {
                        let (begin, place) = (words.len(), candidate.place as usize);
                        space.go(level.state(place), candidate.choice, &mut words);
                        let judgement = search.judge(&View::new(space, &words[begin..]));
                        let before = level.number(place);
                        news.push(New { print: candidate.print, before, end: words.len(), judgement });
                    }
                }
                (words, news)
            })
            .collect();
        for (words, news) in news {
            let mut begin = 0;
            for new in news {
                let end = new.end;
                if let Some(stop) = self.add(new, &words[begin..end], next) {
                    return Some(stop);
                }
                begin = end;
            }
        }
        let shards: u64 = self.visited.iter().map(Shard::bytes).sum();
        let bytes = shards + self.log.bytes() + level.bytes() + next.bytes();
        self.peak_bytes = self.peak_bytes.max(bytes);
        (bytes > search.limits.memory_bytes).then_some(Stop::Because(End::Memory))
    }

    /// Adds a state that was seen for the first time.
    fn add(&mut self, new: New, state: &[u32], level: &mut Level) -> Option<Stop> {
        if self.log.len() as u64 == self.search.limits.states {
            return Some(Stop::Because(End::States));
        }
        let number = self.log.push(new.print, new.before);
        match new.judgement {
            Judgement::GoesOn => level.push(state, new.print, number),
            Judgement::Pruned => {}
            Judgement::Goal => {
                self.goals.push(number);
                return (self.goals.len() == self.search.most_goals).then_some(Stop::Because(End::Goal));
            }
            Judgement::Violates(what) => {
                let (property, observed) = *what;
                return Some(Stop::Property(number, self.search.invariants[property].0.clone(), observed));
            }
        }
        None
    }

    fn stuck(&self, space: &Space<'_>, level: &Level, lists: &[Listed]) -> Option<Stop> {
        lists.iter().flat_map(|list| &list.stuck).find_map(|place| {
            let at = *place as usize;
            let view = View::new(space, level.state(at));
            self.search.at_end.iter().find_map(|(name, check)| {
                let observed = check(&view).err()?;
                Some(Stop::Property(level.number(at), name.clone(), observed))
            })
        })
    }
}
