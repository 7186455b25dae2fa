//! Where the time of a grade went. It is of one machine and one moment, so it is no part of a
//! [`Grade`](crate::Grade), and cannot be written into a document.

use std::time::Duration;

/// What a grade spends time on, in the order in which it comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Compiling what the lab gives, or finding that it is there already.
    Prepare,
    /// Compiling and linking the submission.
    Compile,
    /// Turning the module into machine code.
    Load,
    /// Runs of tests in simulated worlds.
    Run,
    /// Searches through orders of events.
    Explore,
    /// Making the calls again that searches remember.
    Verify,
    /// What failures ask for: recording them, making them smaller, looking closer.
    Shrink,
    /// Writing traces, the page and the JSON document.
    Report,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Stage; 8] = [
        Stage::Prepare,
        Stage::Compile,
        Stage::Load,
        Stage::Run,
        Stage::Explore,
        Stage::Verify,
        Stage::Shrink,
        Stage::Report,
    ];

    /// Its place among all.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Prepare => "prepare",
            Stage::Compile => "compile",
            Stage::Load => "load",
            Stage::Run => "run",
            Stage::Explore => "explore",
            Stage::Verify => "verify",
            Stage::Shrink => "shrink",
            Stage::Report => "report",
        }
    }

    /// Whether several threads may be at it at once.
    pub fn is_parallel(self) -> bool {
        matches!(
            self,
            Stage::Run | Stage::Explore | Stage::Verify | Stage::Shrink
        )
    }
}

/// The time that one stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTime {
    /// While at least one thread was at it. Tests are at different stages at the same time, so
    /// these may add up to more than the whole.
    pub wall: Duration,
    /// The same, summed over the threads that were at it.
    pub threads: Duration,
}

/// The time that a grade took, stage by stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// One for each of [`Stage::ALL`], in that order.
    pub stages: [StageTime; Stage::ALL.len()],
    /// From the beginning to the end.
    pub whole: Duration,
}

impl Timings {
    /// What a stage took.
    pub fn of(&self, stage: Stage) -> StageTime {
        self.stages[stage.index()]
    }

    /// Adds what was done after the grade was told, on one thread.
    pub fn add_to(&mut self, stage: Stage, time: Duration) {
        let spent = &mut self.stages[stage.index()];
        spent.wall += time;
        spent.threads += time;
        self.whole += time;
    }

    /// Adds another grade's.
    pub fn add(&mut self, other: &Timings) {
        for (sum, more) in self.stages.iter_mut().zip(&other.stages) {
            sum.wall += more.wall;
            sum.threads += more.threads;
        }
        self.whole += other.whole;
    }
}
