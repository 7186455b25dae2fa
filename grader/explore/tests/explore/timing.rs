//! Whoever measures a search is told when it begins and ends, on each thread; the search is the
//! same without them.

use std::{
    sync::Mutex,
    thread::{self, ThreadId},
};

use faultline_explore::{Faults, Orders, Shown};
use faultline_sim::{
    Activity, Conditions, Facts, Mode, Outcome, Setup, Timekeeper, Trial, backend::Backend,
    in_process::InProcess, ms,
};

use crate::nodes::{
    client,
    register::{self, Bug, Command},
    server,
};

/// What a thread began (true) and ended, in its order.
type Told = Vec<(bool, Activity)>;

/// What it was told of each thread.
#[derive(Default)]
struct Keeper(Mutex<Vec<(ThreadId, Told)>>);

impl Keeper {
    fn note(&self, begins: bool, activity: Activity) {
        let mut told = self.0.lock().unwrap();
        let here = thread::current().id();
        match told.iter_mut().find(|(thread, _)| *thread == here) {
            Some((_, own)) => own.push((begins, activity)),
            None => told.push((here, vec![(begins, activity)])),
        }
    }
}

impl Timekeeper for Keeper {
    fn begins(&self, activity: Activity) {
        self.note(true, activity);
    }

    fn ends(&self, activity: Activity) {
        self.note(false, activity);
    }
}

fn explored(keeper: Option<&Keeper>) -> (Outcome, Facts) {
    let bug = Bug::None;
    let nodes = [server(1, &bug), client(1, &bug), client(2, &bug)];
    let first = [Command::Write(1), Command::Read];
    let model = register::model(bug, &first, &[Command::Write(2)]).faults(Faults {
        crashes: 1,
        ..Faults::default()
    });
    let orders = Orders::of(model, ms(2_000))
        .monitor(register::monitor)
        .search(20_000)
        .walk(60, 60);
    let machines = || -> Box<dyn Backend> { Box::new(InProcess::new(register::lab)) };
    let mut own = machines();
    let mut trial = Trial::new(&mut *own, 0, 1, Mode::default()).with_machines(&machines);
    if let Some(keeper) = keeper {
        trial = trial.timed_by(keeper);
    }
    let outcome = orders.explore(&mut trial, |trial: &mut Trial<'_>, shown: &Shown| {
        let setup = Setup::new(nodes.to_vec(), Conditions::steady());
        trial.run(setup, |world| orders.carry_out(world, shown, |_| Ok(())))
    });
    (outcome, trial.finish())
}

#[test]
fn a_timekeeper_is_told_of_searches_and_verifications_and_changes_nothing() {
    let keeper = Keeper::default();
    let (outcome, facts) = explored(Some(&keeper));
    let (without, facts_without) = explored(None);
    assert_eq!(outcome, Ok(()));
    assert_eq!((outcome, facts.searched), (without, facts_without.searched));
    let told = keeper.0.into_inner().unwrap();
    for (_, list) in &told {
        let mut begun = Vec::new();
        for (begins, activity) in list {
            match begins {
                true => begun.push(*activity),
                false => assert_eq!(begun.pop(), Some(*activity), "the last one ends first"),
            }
        }
        assert_eq!(begun, [], "what begins ends");
    }
    // This thread searches from the first to the last, and verifies within that.
    // (How much of it others do is the pool's to say.)
    let here = thread::current().id();
    let own = told.iter().find(|(thread, _)| *thread == here);
    let (_, own) = own.expect("it is told of this thread");
    assert_eq!(own.first(), Some(&(true, Activity::Search)));
    assert_eq!(own.last(), Some(&(false, Activity::Search)));
    assert!(own.contains(&(true, Activity::Verify)));
}
