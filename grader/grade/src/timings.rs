//! How long each stage of a grade takes: the one place that measures. Nothing that a grade says
//! depends on it.
//!
//! A thread is at one stage at a time: while a run searches, the time is the search's, and while a
//! thread that waits for its search to end helps another test out, it is that test's. What is
//! counted is real time, so a thread that waits with nothing to do still searches, and on a busy
//! machine all of it becomes longer.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use faultline_sim::{Activity, Timekeeper};
use faultline_verdict::{Stage, StageTime, Timings};

/// Measures one grade.
pub(crate) struct Stopwatch {
    began: Instant,
    account: Mutex<Account<ThreadId>>,
}

impl Stopwatch {
    /// The grade begins now.
    pub fn start() -> Stopwatch {
        Stopwatch {
            began: Instant::now(),
            account: Mutex::default(),
        }
    }

    /// Does something, which is this stage.
    pub fn at<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        self.begin(stage);
        // Dropped on the way out of a panic, too.
        let _ends = Ends(self);
        work()
    }

    /// Listens to the engines while a run goes on that is this stage.
    pub fn in_run(&self, stage: Stage) -> InRun<'_> {
        InRun {
            stopwatch: self,
            stage,
        }
    }

    /// What was measured until now.
    pub fn read(&self) -> Timings {
        let mut account = self.account();
        let now = self.began.elapsed();
        account.advance(now);
        Timings {
            stages: account.spent,
            whole: now,
        }
    }

    /// Milliseconds since the grade began.
    pub fn millis(&self) -> u64 {
        crate::clock::millis(self.began)
    }

    fn begin(&self, stage: Stage) {
        let mut account = self.account();
        // Read under the lock: time must not run backwards.
        let now = self.began.elapsed();
        account.begin(thread::current().id(), stage, now);
    }

    fn end(&self) {
        let mut account = self.account();
        let now = self.began.elapsed();
        account.end(&thread::current().id(), now);
    }

    fn account(&self) -> MutexGuard<'_, Account<ThreadId>> {
        self.account.lock().expect("no one panics while it is held")
    }
}

struct Ends<'s>(&'s Stopwatch);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What the engines tell of one run. Searches are stages of their own, but those that look at a
/// failure once more belong to that.
pub(crate) struct InRun<'s> {
    stopwatch: &'s Stopwatch,
    stage: Stage,
}

impl Timekeeper for InRun<'_> {
    fn begins(&self, activity: Activity) {
        let stage = match (self.stage, activity) {
            (Stage::Run, Activity::Search) => Stage::Explore,
            (Stage::Run, Activity::Verify) => Stage::Verify,
            (stage, _) => stage,
        };
        self.stopwatch.begin(stage);
    }

    fn ends(&self, _: Activity) {
        self.stopwatch.end();
    }
}

/// Which thread is at what, and what that adds up to. It is told the time.
struct Account<Who> {
    /// What each thread has begun; it is at the last of these.
    begun: HashMap<Who, Vec<Stage>>,
    /// How many threads are at each stage.
    at: [u32; Stage::ALL.len()],
    /// Until when all is added up.
    until: Duration,
    spent: [StageTime; Stage::ALL.len()],
}

impl<Who> Default for Account<Who> {
    fn default() -> Self {
        Account {
            begun: HashMap::new(),
            at: Default::default(),
            until: Duration::ZERO,
            spent: Default::default(),
        }
    }
}

impl<Who: Eq + Hash> Account<Who> {
    fn begin(&mut self, who: Who, stage: Stage, now: Duration) {
        self.advance(now);
        let begun = self.begun.entry(who).or_default();
        if let Some(before) = begun.last() {
            self.at[before.index()] -= 1;
        }
        self.at[stage.index()] += 1;
        begun.push(stage);
    }

    fn end(&mut self, who: &Who, now: Duration) {
        self.advance(now);
        let begun = self.begun.get_mut(who).expect("it has begun something");
        let stage = begun.pop().expect("it has begun something");
        self.at[stage.index()] -= 1;
        if let Some(before) = begun.last() {
            self.at[before.index()] += 1;
        }
    }

    fn advance(&mut self, now: Duration) {
        let passed = now - self.until;
        self.until = now;
        for (spent, threads) in self.spent.iter_mut().zip(self.at) {
            if threads > 0 {
                spent.wall += passed;
                spent.threads += passed * threads;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn spent(account: &Account<char>, stage: Stage) -> (u64, u64) {
        let StageTime { wall, threads } = account.spent[stage.index()];
        (wall.as_secs(), threads.as_secs())
    }

    #[test]
    fn threads_are_summed_and_the_wall_is_not() {
        let mut account = Account::default();
        account.begin('a', Stage::Run, s(1));
        account.begin('b', Stage::Run, s(3));
        account.end(&'a', s(5));
        account.end(&'b', s(6));
        account.begin('a', Stage::Run, s(10));
        account.end(&'a', s(11));
        account.advance(s(20));
        assert_eq!(spent(&account, Stage::Run), (5 + 1, 4 + 3 + 1));
    }

    #[test]
    fn a_thread_is_at_one_stage_at_a_time() {
        let mut account = Account::default();
        account.begin('a', Stage::Run, s(0));
        account.begin('a', Stage::Explore, s(1));
        // While it waits for its search, it takes a run of another test, which searches, too.
        account.begin('a', Stage::Run, s(3));
        account.begin('a', Stage::Explore, s(4));
        account.end(&'a', s(6));
        account.end(&'a', s(7));
        account.begin('a', Stage::Verify, s(9));
        account.end(&'a', s(10));
        account.end(&'a', s(12));
        account.end(&'a', s(13));
        account.advance(s(20));
        let run = 1 + 1 + 1 + 1;
        let explore = 2 + 2 + 2 + 2;
        assert_eq!(spent(&account, Stage::Run), (run, run));
        assert_eq!(spent(&account, Stage::Explore), (explore, explore));
        assert_eq!(spent(&account, Stage::Verify), (1, 1));
        assert_eq!(run + explore + 1, 13, "no moment is lost or counted twice");
    }

    #[test]
    fn what_goes_on_is_counted_until_now() {
        let mut account = Account::default();
        account.begin('a', Stage::Compile, s(2));
        account.advance(s(5));
        assert_eq!(spent(&account, Stage::Compile), (3, 3));
    }

    /// What the account says while this thread is at the innermost of these.
    fn at(stopwatch: &Stopwatch) -> Vec<Stage> {
        let account = stopwatch.account();
        let at = |stage: &Stage| account.at[stage.index()] > 0;
        Stage::ALL.into_iter().filter(at).collect()
    }

    #[test]
    fn searches_of_a_run_are_stages_and_those_of_a_failure_are_not() {
        let stopwatch = Stopwatch::start();
        for (stage, search, verify) in [
            (Stage::Run, Stage::Explore, Stage::Verify),
            (Stage::Shrink, Stage::Shrink, Stage::Shrink),
        ] {
            let keeper = stopwatch.in_run(stage);
            stopwatch.at(stage, || {
                assert_eq!(at(&stopwatch), [stage]);
                keeper.begins(Activity::Search);
                assert_eq!(at(&stopwatch), [search]);
                keeper.begins(Activity::Verify);
                assert_eq!(at(&stopwatch), [verify]);
                keeper.ends(Activity::Verify);
                assert_eq!(at(&stopwatch), [search]);
                keeper.ends(Activity::Search);
                assert_eq!(at(&stopwatch), [stage]);
            });
            assert_eq!(at(&stopwatch), []);
        }
    }

    #[test]
    fn a_panic_ends_a_stage() {
        let stopwatch = Stopwatch::start();
        // Nothing is printed of a panic that is only carried on.
        let panics = || std::panic::resume_unwind(Box::new("as a test may"));
        let work = std::panic::AssertUnwindSafe(|| stopwatch.at(Stage::Run, panics));
        let panic = std::panic::catch_unwind(work);
        assert!(panic.is_err());
        assert_eq!(at(&stopwatch), []);
        let read = stopwatch.read();
        assert_eq!(stopwatch.read().of(Stage::Run), read.of(Stage::Run));
    }
}
