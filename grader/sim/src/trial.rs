//! One test with one seed: it may need more than one world.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Outcome,
    backend::Backend,
    choice::mix,
    edits::{Editing, Edits},
    frame::Detail,
    metrics::Phase,
    mode::RunMode,
    network::Conditions,
    picture::{Asked, Lane},
    record::Recording,
    schedule::{Schedule, Script},
    setup::Setup,
    timekeeper::Timekeeper,
    world::World,
};

/// How a trial is carried out. The default keeps nothing but the verdict and counts.
#[derive(Clone, Debug, Default)]
pub struct Mode {
    /// Whether the last world is written down, and how much of it.
    pub record: Option<Detail>,
    /// The schedule that it follows; it is the only world then.
    pub schedule: Option<Schedule>,
    /// What is left out of it; it is the only world then, too.
    pub edits: Option<Arc<Edits>>,
}

impl Mode {
    /// As the seed decides, written down.
    pub fn recorded() -> Mode {
        Mode {
            record: Some(Detail::Words),
            ..Mode::default()
        }
    }
}

/// What is known after a trial besides its outcome.
#[derive(Debug, Default)]
pub struct Facts {
    /// Counts of all worlds, phase by phase.
    pub phases: Vec<Phase>,
    /// How often each fault plan had an effect; 0 if never.
    pub fired: BTreeMap<&'static str, u64>,
    /// Checks that ended without a decision, in words.
    pub undecided: Vec<String>,
    /// The last world, if it was written down.
    pub recording: Option<Recording>,
    /// How many actions of the schedule were not possible in a replay.
    pub skipped: usize,
    /// In a test with a crash at each effect: the one at which the last world crashed.
    pub crash_at: Option<u64>,
    /// What all nodes computed, in the backend's unit.
    pub fuel: u64,
    /// How the world was set up, in words.
    pub setting: String,
    /// What the test drew.
    pub picture: Vec<Lane>,
    /// What clients asked, in the order of their calls.
    pub asked: Vec<Asked>,
    /// What searches through every order of events have seen, one after the other.
    pub searched: Vec<Searched>,
}

/// What one search has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// From where, in words: `from the start`, or `once a value is chosen`.
    pub from: String,
    /// Random walks; 0 for a search of all orders.
    pub walks: u64,
    /// Different states of the world; 0 for walks, which do not count them.
    pub states: u64,
    /// Whether these are all that can be reached, within the faults of the test.
    pub all: bool,
    /// The most steps that one of them is away from where the search began.
    pub depth: u64,
    /// Ways from a state to a state.
    pub transitions: u64,
    /// Calls of handlers.
    pub calls: u64,
}

/// Makes machines for nodes.
pub type Factory<'b> = &'b (dyn Fn() -> Box<dyn Backend> + Sync);

/// One seed of one test: what the test builds its worlds from.
pub struct Trial<'b> {
    backend: &'b mut dyn Backend,
    seed: u64,
    number: u64,
    mode: Mode,
    machines: Option<Factory<'b>>,
    timekeeper: Option<&'b dyn Timekeeper>,
    facts: Facts,
}

/// For one in this number of seeds nodes are serialized and deserialized between events.
const AS_BYTES_EVERY: u64 = 8;

impl<'b> Trial<'b> {
    /// The `number`-th seed of a test; `seed` is the number that all its choices come from.
    pub fn new(backend: &'b mut dyn Backend, number: u64, seed: u64, mode: Mode) -> Trial<'b> {
        Trial {
            backend,
            seed,
            number,
            mode,
            machines: None,
            timekeeper: None,
            facts: Facts::default(),
        }
    }

    /// The same trial, which can also make machines: a search needs one for each thread.
    #[must_use]
    pub fn with_machines(self, machines: Factory<'b>) -> Trial<'b> {
        Trial {
            machines: Some(machines),
            ..self
        }
    }

    /// The same trial, of whose searches this timekeeper is told.
    #[must_use]
    pub fn timed_by(self, timekeeper: &'b dyn Timekeeper) -> Trial<'b> {
        Trial {
            timekeeper: Some(timekeeper),
            ..self
        }
    }

    /// Who is told when a search begins and ends, if somebody is.
    pub fn timekeeper(&self) -> Option<&'b dyn Timekeeper> {
        self.timekeeper
    }

    /// Makes machines, if this trial can.
    pub fn machines(&self) -> Option<Factory<'b>> {
        self.machines
    }

    /// The schedule that the trial's world follows; none if the seed decides.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.mode
            .schedule
            .as_ref()
            .filter(|schedule| !schedule.0.is_empty())
    }

    /// Lets the worlds from now on follow a schedule that a search has found.
    pub fn follow(&mut self, schedule: Schedule) {
        self.mode.schedule = Some(schedule);
    }

    /// Notes what a search has seen.
    pub fn searched(&mut self, searched: Searched) {
        self.facts.searched.push(searched);
    }

    /// Drops what was written down: what went wrong is in no world.
    pub fn forget_worlds(&mut self) {
        self.facts.recording = None;
    }

    /// Which of the test's seeds this is, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number that all choices of this trial come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The network for a directed test: the easiest to read first, then a clean one, then bad ones.
    /// So every scenario has its twin on a bad network, and the lowest failing seed is the plainest
    /// failure.
    pub fn conditions(&self) -> Conditions {
        match self.number {
            0 => Conditions::steady(),
            1 | 2 => Conditions::clean(),
            _ => Conditions::bad(),
        }
    }

    /// Says in words how the worlds of this trial are set up; failures show it.
    pub fn describe_setting(&mut self, setting: impl Into<String>) {
        self.facts.setting = setting.into();
    }

    /// Leaves a picture of the run; the last one counts.
    pub fn draw(&mut self, picture: Vec<Lane>) {
        self.facts.picture = picture;
    }

    /// Leaves what clients asked and were answered; the last list counts.
    pub fn list(&mut self, asked: Vec<Asked>) {
        self.facts.asked = asked;
    }

    /// Notes a check that ended without a decision: the test is then not scored.
    pub fn undecided(&mut self, what: impl Into<String>) {
        self.facts.undecided.push(what.into());
    }

    /// Runs a test in a world of its own.
    ///
    /// # Errors
    /// What the test returns.
    pub fn run(&mut self, setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) -> Outcome {
        self.run_world(setup, None, test).0
    }

    /// Runs a test in a world beside the one that counts, for tests that compare two. It is as the
    /// seed decides in any mode, and nothing of it is written down.
    ///
    /// # Errors
    /// What the test returns.
    pub fn run_aside(
        &mut self,
        setup: Setup,
        test: impl FnOnce(&mut World<'_>) -> Outcome,
    ) -> Outcome {
        let mode = std::mem::take(&mut self.mode);
        let outcome = self.run_world(setup, None, test).0;
        self.mode = mode;
        outcome
    }

    /// Runs a test once without a crash to count the boundaries between effects that the swept node
    /// passes (see [`World::sweep`]), and then once for each boundary with a crash there.
    ///
    /// # Errors
    /// What the test returns in the first run in which it fails.
    pub fn crash_sweep(
        &mut self,
        setup: &Setup,
        test: impl Fn(&mut World<'_>) -> Outcome,
    ) -> Outcome {
        if self.mode.schedule.is_some() {
            return self.run_world(setup.clone(), None, &test).0;
        }
        if let Some(edits) = &self.mode.edits {
            let crash_at = edits.crash_at;
            return self.run_world(setup.clone(), crash_at, &test).0;
        }
        let (outcome, boundaries) = self.run_world(setup.clone(), None, &test);
        outcome?;
        *self
            .facts
            .fired
            .entry("a crash at each effect")
            .or_insert(0) += boundaries;
        for target in 0..boundaries {
            self.run_world(setup.clone(), Some(target), &test).0?;
        }
        Ok(())
    }

    fn run_world(
        &mut self,
        setup: Setup,
        crash_at: Option<u64>,
        test: impl FnOnce(&mut World<'_>) -> Outcome,
    ) -> (Outcome, u64) {
        let Mode {
            record,
            schedule,
            edits,
        } = &self.mode;
        let plain = edits.as_ref().is_some_and(|edits| edits.plain);
        let mode = RunMode {
            recording: record.clone().map(Recording::new),
            script: schedule.as_ref().map(Script::new),
            editing: edits.as_ref().map(Editing::new),
            as_bytes: self.number % AS_BYTES_EVERY == AS_BYTES_EVERY - 1 && !plain,
        };
        let mut world = World::new(&mut *self.backend, mix(self.seed), setup, mode);
        world.sweep.target = crash_at;
        let outcome = test(&mut world);
        let finished = world.finish(outcome.as_ref().err());
        for (name, count) in finished.fired {
            *self.facts.fired.entry(name).or_insert(0) += count;
        }
        self.facts.phases.extend(finished.phases);
        self.facts.recording = finished.recording;
        self.facts.crash_at = crash_at;
        self.facts.fuel += finished.fuel;
        self.facts.skipped += finished.skipped;
        (outcome, finished.sweep.passed)
    }

    /// Ends the trial.
    pub fn finish(self) -> Facts {
        self.facts
    }
}
