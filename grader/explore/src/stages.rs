//! A test in stages, explored.
//!
//! Three things happen in turn. A healthy simulated world must come through all stages: what does
//! not even happen there is told without a search. Then the stages are explored. A path to a
//! failure becomes a schedule, a simulated world follows it, and what that world sees is the
//! verdict; so replays, reports and pictures need not know of searches. In the end every remembered
//! call is made again, since a search of what is no function proves nothing.

use faultline_sim::{Activity, FailureKind, Outcome, Searched, Stop, Timed, Trial};

use crate::{
    aid,
    error::Error,
    explorer::Explorer,
    orders::{Goal, Leg, Orders, Shown},
    progress::Progress,
    search::{End, Failure, Limits, Reached, Search},
    verify::Nondeterminism,
    walk::Walks,
};

/// The maximum number of steps of a fair world to a goal.
const FAIR_STEPS: u32 = 20_000;
/// The number of fair worlds that are tried before a goal is searched for.
const FAIR_WORLDS: u64 = 4;
/// The number of fair worlds for a goal of [`Orders::try_reach`], to which only a wrong program
/// comes.
const TRY_REACH_WORLDS: u64 = 24;
/// The maximum number of states of the search for a goal to which no fair world leads.
const SOUGHT: u64 = 100_000;
/// The number of states of each search from which a healthy world must get to its end.
const SAMPLES: usize = 12;

/// A failure, and whether it is one of progress.
struct Found {
    failure: Failure,
    live: bool,
}

/// An exploration under way.
struct Stages<'o, 'p, 'm> {
    orders: &'o Orders<'p>,
    explorer: Explorer<'m>,
    start: Reached,
    here: Reached,
    /// Where that is, in words.
    place: String,
}

impl<'p> Orders<'p> {
    /// Explores. `run` runs a simulated world of the same nodes, all of which start at once, and in
    /// it [`carry_out`](Orders::carry_out).
    ///
    /// # Errors
    /// What the simulated world saw, or that a handler is no function of state, disk and event.
    pub fn explore(
        &self,
        trial: &mut Trial<'_>,
        run: impl Fn(&mut Trial<'_>, &Shown) -> Outcome,
    ) -> Outcome {
        let replays = trial.schedule().is_some();
        let shown = trial.schedule().map(Shown::of).unwrap_or_default();
        let healthy = run(trial, &shown);
        let missed = match &healthy {
            _ if shown.has_path => return healthy,
            // A replay is of a failure, and of those in a healthy world only a missed goal has more
            // to tell than that world: what a search says of it belongs to what was observed.
            Ok(()) if replays => return healthy,
            Ok(()) => None,
            // Whatever else is wrong with a program, it is told without a search.
            Err(stop) if self.missed(stop).is_none() => return healthy,
            Err(stop) => self.missed(stop),
        };
        let machines = trial
            .machines()
            .ok_or_else(|| Stop::Broken("this trial has no machines".to_owned()))?;
        let timekeeper = trial.timekeeper();
        let _begun = Timed::new(timekeeper, Activity::Search).begin();
        let mut explorer = Explorer::new(&self.model, machines).timed_by(timekeeper);
        if let (Some(monitor), None) = (&self.monitor, missed) {
            explorer = explorer.boxed_monitor(monitor());
        }
        let started = explorer.start().map_err(|error| broken(trial, error))?;
        let (start, fault) = match started {
            Ok(start) => (start, None),
            Err(failure) => (failure.reached.clone(), Some(*failure)),
        };
        let place = "the start".to_owned();
        let mut stages = Stages {
            orders: self,
            explorer,
            here: start.clone(),
            start,
            place,
        };
        if let (Some(goal), Err(stop)) = (missed, healthy) {
            return Err(stages.explain(trial, goal, stop));
        }
        if let Some(failure) = fault {
            return stages.show(
                trial,
                &run,
                Found {
                    failure,
                    live: false,
                },
            );
        }
        for leg in &self.legs {
            let gone = stages.go(leg, trial);
            if let Some(found) = gone.map_err(|error| broken(trial, error))? {
                stages.show(trial, &run, found)?;
            }
        }
        stages.verify(trial)
    }

    /// The goal to which the last world did not come, if that is what stopped it: its number.
    fn missed(&self, stop: &Stop) -> Option<usize> {
        let Stop::Violation(violation) = stop else {
            return None;
        };
        let goal = self.came_to.get();
        (violation.kind == FailureKind::NoProgress && self.goals().nth(goal).is_some())
            .then_some(goal)
    }

    fn properties(&self) -> Search<'_> {
        let search = self
            .always
            .iter()
            .fold(Search::new(), |search, (name, check)| {
                search.invariant(name, check)
            });
        self.beyond
            .iter()
            .fold(search, |search, beyond| search.prune(beyond))
    }

    fn fair(&self) -> Progress {
        Progress {
            within: self.within,
            steps: FAIR_STEPS,
            worlds: FAIR_WORLDS,
        }
    }
}

impl Stages<'_, '_, '_> {
    /// Goes one stage on.
    fn go(&mut self, leg: &Leg<'_>, trial: &mut Trial<'_>) -> Result<Option<Found>, Error> {
        let (explorer, here) = (&mut self.explorer, &self.here);
        let moved = match leg {
            Leg::Search {
                states,
                freely: false,
            } => return self.every_order(trial, *states),
            Leg::Search {
                states,
                freely: true,
            } => {
                let guide = explorer.unguided();
                let found = self.every_order(trial, *states);
                self.explorer.space.guidance = guide;
                return found;
            }
            Leg::Walk { count, steps } => return self.some_orders(trial, *count, *steps),
            Leg::Guide(guide) => {
                explorer.guide(here, guide);
                Ok(None)
            }
            Leg::Say { puppet, to, given } => explorer.say(here, (*puppet, *to), given)?.map(Some),
            Leg::Restart { who, loses_disk } => explorer.restart(here, who, *loses_disk)?.map(Some),
            Leg::Wait(time) => explorer.wait(here, *time)?.map(Some),
            Leg::Reach(goal) => self.go_to(trial, goal)?,
            Leg::Try(goal) => {
                let bound = Progress {
                    worlds: TRY_REACH_WORLDS,
                    ..self.orders.fair()
                };
                explorer.lead(here, bound, |view| goal.holds(view))?
            }
        };
        match moved {
            Ok(None) => Ok(None),
            Ok(Some(reached)) => {
                self.here = reached;
                if let Leg::Reach(goal) | Leg::Try(goal) = leg {
                    self.place = format!("where {}", goal.name);
                }
                Ok(None)
            }
            Err(failure) => self.shortest(*failure).map(Some),
        }
    }

    /// The simulated world came to this goal, so a search that does not is to blame itself: it goes
    /// on from where it is.
    fn go_to(
        &mut self,
        trial: &mut Trial<'_>,
        goal: &Goal<'_>,
    ) -> Result<Result<Option<Reached>, Box<Failure>>, Error> {
        match self
            .explorer
            .lead(&self.here, self.orders.fair(), |view| goal.holds(view))?
        {
            Ok(None) => {}
            led => return Ok(led),
        }
        let search = self
            .orders
            .properties()
            .goal(&goal.name, |view| goal.holds(view));
        let limits = Limits {
            states: SOUGHT,
            ..Limits::default()
        };
        let calls = self.explorer.calls();
        let report = self
            .explorer
            .search_from(&search.limits(limits), std::slice::from_ref(&self.here))?;
        if let End::Violation(failure) = report.end {
            return Ok(Err(failure));
        }
        let found = report.reached.into_iter().next();
        trial.searched(Searched {
            from: format!(
                "{}, {} that {}",
                self.place,
                if found.is_some() {
                    "for a way"
                } else {
                    "in vain"
                },
                goal.name
            ),
            walks: 0,
            states: report.states,
            all: false,
            depth: u64::from(report.depth),
            transitions: report.transitions,
            calls: self.explorer.calls() - calls,
        });
        Ok(Ok(found))
    }

    /// The path to where it began need not be a shortest one, and what was for later may come
    /// first.
    fn shortest(&mut self, failure: Failure) -> Result<Found, Error> {
        self.explorer.unguided();
        let failure = self
            .explorer
            .shorten(&self.orders.properties(), failure, &self.start)?;
        Ok(Found {
            failure,
            live: false,
        })
    }

    fn every_order(&mut self, trial: &mut Trial<'_>, states: u64) -> Result<Option<Found>, Error> {
        let orders = self.orders;
        let limits = Limits {
            states,
            ..Limits::default()
        };
        let samples = if orders.recovers { SAMPLES } else { 0 };
        let search = orders.properties().limits(limits).samples(samples);
        let calls = self.explorer.calls();
        let report = self
            .explorer
            .search_from(&search, std::slice::from_ref(&self.here))?;
        trial.searched(Searched {
            from: self.place.clone(),
            walks: 0,
            states: report.states,
            all: report.is_complete() && orders.beyond.is_empty() && !self.explorer.is_guided(),
            depth: u64::from(report.depth),
            transitions: report.transitions,
            calls: self.explorer.calls() - calls,
        });
        if let End::Violation(failure) = report.end {
            return self.shortest(*failure).map(Some);
        }
        let Some((name, done)) = orders.done.as_ref().filter(|_| orders.recovers) else {
            return Ok(None);
        };
        let guide = self.explorer.unguided();
        let bound = Progress {
            worlds: 1,
            ..orders.fair()
        };
        let failure =
            self.explorer
                .progress(name, &orders.properties(), &report.sampled, bound, done)?;
        self.explorer.space.guidance = guide;
        match failure {
            Some(failure) if failure.property == *name => Ok(Some(Found {
                failure,
                live: true,
            })),
            Some(failure) => self.shortest(failure).map(Some),
            None => Ok(None),
        }
    }

    fn some_orders(
        &mut self,
        trial: &mut Trial<'_>,
        count: u64,
        steps: u32,
    ) -> Result<Option<Found>, Error> {
        let (calls, walks) = (
            self.explorer.calls(),
            Walks {
                count,
                steps,
                seed: trial.seed(),
            },
        );
        let walked = self.explorer.walk(
            &self.orders.properties(),
            &walks,
            std::slice::from_ref(&self.here),
        )?;
        trial.searched(Searched {
            from: self.place.clone(),
            walks: walked.walks,
            states: 0,
            all: false,
            depth: u64::from(steps),
            transitions: walked.steps,
            calls: self.explorer.calls() - calls,
        });
        Ok(walked.failure.map(|failure| Found {
            failure: *failure,
            live: false,
        }))
    }

    /// Lets a simulated world follow the path to a failure.
    fn show(
        &self,
        trial: &mut Trial<'_>,
        run: &impl Fn(&mut Trial<'_>, &Shown) -> Outcome,
        found: Found,
    ) -> Outcome {
        let schedule = self.explorer.trace(&found.failure.reached).schedule();
        let shown = Shown::of(&schedule);
        trial.follow(schedule);
        run(trial, &shown)?;
        // That a world was slow in one healthy future does not condemn it: another one has just
        // come to its end.
        if found.live {
            return Ok(());
        }
        // A handler is no function, even if that rarely shows, or the search is wrong, which is
        // the grader's fault.
        self.verify(trial)?;
        let rare = self.explorer.verify_often();
        if let Some(difference) = rare.map_err(|error| broken(trial, error))? {
            return Err(is_no_function(trial, &difference));
        }
        let Failure {
            property, observed, ..
        } = &found.failure;
        trial.undecided(format!(
            "whether always {property}: a search saw \"{observed}\", a world on the same way did \
             not"
        ));
        Ok(())
    }

    fn verify(&self, trial: &mut Trial<'_>) -> Outcome {
        let verified = self.explorer.verify();
        let verified = verified.map_err(|error| broken(trial, error))?;
        match verified.differences.first() {
            None => Ok(()),
            Some(difference) => Err(is_no_function(trial, difference)),
        }
    }

    /// Adds to a lack of progress what a search knows of it.
    fn explain(&mut self, trial: &mut Trial<'_>, goal: usize, stop: Stop) -> Stop {
        let Stop::Violation(mut violation) = stop else {
            return stop;
        };
        let missed = self.orders.goals().nth(goal).expect("it was missed");
        match self
            .go_before(trial, goal)
            .and_then(|()| aid::why_not(&mut self.explorer, &self.here, missed))
        {
            Ok(why) => violation.observed += &why,
            Err(error) => return broken(trial, error),
        }
        Stop::Violation(violation)
    }

    /// Goes as far as the stage before the goal with this number, as far as it can.
    fn go_before(&mut self, trial: &mut Trial<'_>, goal: usize) -> Result<(), Error> {
        let mut left = goal;
        for leg in &self.orders.legs {
            match leg {
                Leg::Try(_) | Leg::Search { .. } | Leg::Walk { .. } => continue,
                Leg::Reach(_) if left == 0 => break,
                Leg::Reach(_) => left -= 1,
                Leg::Say { .. } | Leg::Guide(_) | Leg::Wait(_) | Leg::Restart { .. } => {}
            }
            if self.go(leg, trial)?.is_some() {
                break;
            }
        }
        Ok(())
    }
}

fn is_no_function(trial: &mut Trial<'_>, difference: &Nondeterminism) -> Stop {
    trial.forget_worlds();
    Stop::beside_worlds(FailureKind::Nondeterminism, difference.to_string())
}

/// What went wrong in a search. If that is the program's fault, no world shows it: who replays it
/// searches again, and must not be led along the world that came before the search.
fn broken(trial: &mut Trial<'_>, error: Error) -> Stop {
    match error {
        Error::OutOfFuel => {
            trial.forget_worlds();
            Stop::beside_worlds(FailureKind::Timeout, error.to_string())
        }
        Error::Broken(_) | Error::LostPath => Stop::Broken(error.to_string()),
    }
}
