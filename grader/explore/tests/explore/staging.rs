//! Tests in stages: a healthy world first, then every order of events, and failures that a
//! simulated world shows.

use faultline_check::{OperationOf, Verdict, check};
use faultline_explore::{Faults, Goal, Guide, Model, Orders, Pace};
use faultline_sim::{
    Conditions, Facts, FailureKind, FaultAction, Limits, Mode, Outcome, Setup, World,
    backend::{Backend, BackendError, Fault},
    in_process::InProcess,
    ms,
    schedule::Action,
};
use labkit::{
    abi::{Event, Op, Start},
    codec,
};

use crate::nodes::{
    client, explored, explored_on,
    register::{self, Bug, C1, C2, Command, Register, S1},
    server,
    unsteady::{self, Habit},
    violation,
};

const ONE_CRASH: Faults = Faults {
    crashes: 1,
    lost_disks: 0,
    losses: 0,
    duplicates: 0,
};
const WRITE_AND_READ: [Command; 2] = [Command::Write(1), Command::Read];

fn model(bug: Bug, first: &[Command], second: &[Command]) -> Model {
    register::model(bug, first, second)
        .faults(ONE_CRASH)
        .copies(1)
        .pace(Pace::Eager)
}

/// Every order, watched by a monitor; in the end everything is answered.
fn every_order(model: Model) -> Orders<'static> {
    Orders::of(model, ms(2_000))
        .monitor(register::monitor)
        .done("every operation is answered", |view| view.all_answered())
}

fn judge(world: &mut World<'_>) -> Outcome {
    let history: Vec<OperationOf<Register>> = world
        .history()
        .iter()
        .map(|operation| OperationOf::<Register> {
            client: operation.client.number(),
            command: codec::from_bytes(&operation.command).unwrap(),
            call: operation.invoked.order,
            reply: operation
                .reply
                .as_ref()
                .map(|(at, bytes)| (at.order, codec::from_bytes(bytes).unwrap())),
        })
        .collect();
    match check(&Register::default(), &history, 100_000).unwrap() {
        Verdict::Linearizable { .. } => Ok(()),
        _ => Err(world.violation("what clients saw is not linearizable")),
    }
}

fn trial(bug: Bug, orders: &Orders<'_>, mode: Mode) -> (Outcome, Facts) {
    let nodes = vec![server(1, &bug), client(1, &bug), client(2, &bug)];
    explored(
        register::lab,
        orders,
        mode,
        || Setup::new(nodes.clone(), Conditions::steady()),
        judge,
    )
}

#[test]
fn a_correct_program_passes_and_its_states_are_counted() {
    let orders = every_order(model(Bug::None, &WRITE_AND_READ, &[Command::Write(2)]))
        .search(50_000)
        .walk(60, 60)
        .recovers();
    let (outcome, facts) = trial(Bug::None, &orders, Mode::default());
    assert_eq!(outcome, Ok(()));
    let [search, walks] = &facts.searched[..] else {
        panic!("{:?}", facts.searched)
    };
    assert!(
        search.all && search.states > 1_000 && search.calls < search.transitions / 10,
        "{search:?}"
    );
    assert_eq!((search.from.as_str(), walks.walks), ("the start", 60));
}

#[test]
fn a_way_that_a_search_found_is_shown_by_a_world_again_and_again() {
    let orders = every_order(model(Bug::RepliesBeforeSync, &WRITE_AND_READ, &[])).search(50_000);
    let run = |mode| trial(Bug::RepliesBeforeSync, &orders, mode);
    let first = violation(run(Mode::default()).0);
    assert_eq!(first.observed, "what clients saw is not linearizable");
    let (again, facts) = run(Mode::recorded());
    assert_eq!(violation(again), first, "found again, and written down");
    assert_eq!(facts.skipped, 0, "every action was possible");
    let schedule = facts.recording.unwrap().schedule;
    // What the crash leaves of the unsynced write is a part of the path.
    assert!(
        schedule
            .0
            .iter()
            .any(|timed| matches!(timed.action, Action::Survived { writes: 0, .. })),
        "{schedule:?}"
    );
    let replay = Mode {
        schedule: Some(schedule.clone()),
        ..Mode::recorded()
    };
    let (replayed, facts) = run(replay.clone());
    assert_eq!(violation(replayed), first);
    assert_eq!(facts.recording.unwrap().schedule, schedule);
    assert!(facts.searched.is_empty(), "a replay does not search");
    let right = every_order(model(Bug::None, &WRITE_AND_READ, &[])).search(1);
    assert_eq!(
        trial(Bug::None, &right, replay).0,
        Ok(()),
        "a program that was mended passes the same way"
    );
}

#[test]
fn a_lost_disk_is_a_part_of_the_way() {
    let faults = Faults {
        crashes: 2,
        lost_disks: 1,
        ..Faults::default()
    };
    let orders = |bug| every_order(model(bug, &WRITE_AND_READ, &[]).faults(faults)).search(50_000);
    // Whoever is told that its disk is lost can be right, also if it crashes once more before
    // anything is safe.
    let (outcome, facts) = trial(
        Bug::SilentWithoutDisk,
        &orders(Bug::SilentWithoutDisk),
        Mode::default(),
    );
    assert_eq!(
        (outcome, facts.searched[0].all),
        (Ok(()), true),
        "{:?}",
        facts.searched
    );
    let (outcome, facts) = trial(Bug::None, &orders(Bug::None), Mode::recorded());
    let first = violation(outcome);
    assert_eq!(
        (first.observed.as_str(), facts.skipped),
        ("what clients saw is not linearizable", 0)
    );
    let schedule = facts.recording.unwrap().schedule;
    let lost = |action: &Action| matches!(action, Action::Fault(FaultAction::LoseDisk { .. }));
    assert_eq!(
        schedule
            .0
            .iter()
            .filter(|timed| lost(&timed.action))
            .count(),
        1,
        "{schedule:?}"
    );
    let replay = Mode {
        schedule: Some(schedule),
        ..Mode::default()
    };
    assert_eq!(
        violation(trial(Bug::None, &orders(Bug::None), replay).0),
        first
    );
    // The same by script: it was written, and then the disk is gone.
    let scripted = every_order(model(Bug::None, &WRITE_AND_READ, &[]).faults(faults))
        .reach(Goal::new("it is written").when("c1 knows", |view| view.answered(C1) == 1))
        .restarts_without_disk(|_| S1)
        .search(1_000);
    assert_eq!(
        violation(trial(Bug::None, &scripted, Mode::default()).0).kind,
        FailureKind::Violation
    );
}

#[test]
fn what_the_simulator_does_not_see_is_no_verdict() {
    // The search runs a wrong program and the simulated world a right one, as if a handler behaved
    // well only there.
    let orders = every_order(model(Bug::RepliesBeforeSync, &WRITE_AND_READ, &[])).search(50_000);
    let (outcome, facts) = trial(Bug::None, &orders, Mode::default());
    assert_eq!(outcome, Ok(()));
    assert_eq!(facts.undecided.len(), 1, "{:?}", facts.undecided);
}

#[test]
fn a_panic_on_a_rare_way_is_the_verdict_of_the_simulator() {
    let faults = Faults {
        duplicates: 1,
        ..Faults::default()
    };
    let model = register::model(Bug::PanicsAtDuplicate, &[Command::Write(1)], &[]).faults(faults);
    let (outcome, _) = trial(
        Bug::PanicsAtDuplicate,
        &every_order(model).search(10_000),
        Mode::default(),
    );
    let violation = violation(outcome);
    assert_eq!(violation.kind, FailureKind::Crash);
    assert!(
        violation
            .observed
            .starts_with("s1 panicked while handling a message"),
        "{}",
        violation.observed
    );
}

#[test]
fn a_world_that_does_not_recover_has_no_progress() {
    let faults = Faults {
        losses: 1,
        ..Faults::default()
    };
    let model = register::model(Bug::SendsOnce, &[Command::Write(1)], &[]).faults(faults);
    let (outcome, _) = trial(
        Bug::SendsOnce,
        &every_order(model.clone()).search(10_000),
        Mode::default(),
    );
    assert_eq!(outcome, Ok(()), "nothing bad happens");
    let (outcome, _) = trial(
        Bug::SendsOnce,
        &every_order(model).search(10_000).recovers(),
        Mode::default(),
    );
    let violation = violation(outcome);
    assert_eq!(violation.kind, FailureKind::NoProgress);
    assert!(
        violation.observed.contains("every operation is answered"),
        "{}",
        violation.observed
    );
}

#[test]
fn a_goal_that_is_not_reached_is_explained() {
    let goal = Goal::new("c1 has both answers and the register holds 7")
        .when("c1 has both answers", |view| view.answered(C1) == 2)
        .when("it holds 7", |view| {
            view.observation(S1)
                .is_some_and(|bytes| bytes == codec::to_bytes(&7u64).unwrap())
        });
    let model = register::model(Bug::None, &WRITE_AND_READ, &[]).copies(1);
    let orders = every_order(model).reach(goal).search(10);
    let (outcome, facts) = trial(Bug::None, &orders, Mode::recorded());
    let replay = Mode {
        schedule: Some(facts.recording.unwrap().schedule),
        ..Mode::recorded()
    };
    let (again, replayed) = trial(Bug::None, &orders, replay);
    assert_eq!(again, outcome, "a replay explains it, too");
    assert_eq!((replayed.skipped, &replayed.searched), (0, &facts.searched));
    let violation = violation(outcome);
    assert_eq!(violation.kind, FailureKind::NoProgress);
    for words in [
        "after 2000 ms this was still not so: c1 has both answers and the register holds 7",
        " Nor did a search of ",
        "In the states that come closest, c1 has both answers holds; not: it holds 7.",
        "Messages that occur in it and have an effect: Reply (s to c), Request (c to s).",
    ] {
        assert!(
            violation.observed.contains(words),
            "{words:?} is missing in: {}",
            violation.observed
        );
    }
    assert!(facts.searched.is_empty());
}

#[test]
fn a_guide_leaves_things_for_later_and_finds_what_lies_deeper() {
    let commands = ([Command::Write(1)], [Command::Read, Command::Read]);
    let states = |guide: Guide| {
        let orders = every_order(model(Bug::None, &commands.0, &commands.1))
            .guided(guide)
            .search(50_000);
        let (outcome, facts) = trial(Bug::None, &orders, Mode::default());
        assert_eq!(outcome, Ok(()));
        (facts.searched[0].states, facts.searched[0].all)
    };
    let (all, complete) = states(Guide::new());
    assert!(complete);
    for guide in [
        Guide::new().apart(&[&[S1, C1], &[C2]]),
        Guide::new().held(S1, C1),
        Guide::new().timers(&[]),
        Guide::new().crashes(&[]),
        Guide::new().slow_disks(&[S1]),
    ] {
        let (fewer, complete) = states(guide.clone());
        assert!(fewer < all && !complete, "{guide:?}: {fewer} of {all}");
    }
}

#[test]
fn a_wrong_program_is_tempted_and_a_scripted_restart_does_the_rest() {
    // The search has no crash left and is one state deep: what finds the bug is the path that leads
    // there.
    let lure = || Goal::new("c1 is answered").when("it is", |view| view.answered(C1) == 1);
    let orders = |bug| {
        every_order(model(bug, &WRITE_AND_READ, &[]))
            .guided(Guide::new().slow_disks(&[S1]))
            .try_reach(lure())
            .restarts(|_| S1)
            .guided(Guide::new())
            .search(100)
    };
    let found = violation(
        trial(
            Bug::RepliesBeforeSync,
            &orders(Bug::RepliesBeforeSync),
            Mode::default(),
        )
        .0,
    );
    assert_eq!(found.observed, "what clients saw is not linearizable");
    let (outcome, facts) = trial(Bug::None, &orders(Bug::None), Mode::default());
    assert_eq!(outcome, Ok(()));
    assert_eq!(
        facts.searched[0].from, "the start",
        "a correct program answers only when its disk is done"
    );
}

#[test]
fn a_handler_that_is_no_function_is_the_verdict() {
    let run = |habit: Habit| {
        let nodes: Vec<_> = (1..=4).map(|number| server(number, &habit)).collect();
        let orders = Orders::of(Model::new(nodes.clone()), ms(100)).search(500);
        let setup = || Setup::new(nodes.clone(), Conditions::steady());
        explored(unsteady::lab, &orders, Mode::recorded(), setup, |_| Ok(()))
    };
    assert_eq!(run(Habit::KeepsHashMap).0, Ok(()));
    for (habit, field) in [
        (Habit::HiddenCounter, "`seen.skipped`"),
        (Habit::Address, "`seen.mark`"),
    ] {
        let (outcome, facts) = run(habit);
        let violation = violation(outcome);
        assert_eq!(violation.kind, FailureKind::Nondeterminism);
        assert!(violation.observed.contains(field), "{}", violation.observed);
        assert!(facts.recording.is_none(), "no world shows it");
    }
    assert!(
        violation(run(Habit::SendsInHashOrder).0)
            .observed
            .contains("its effect number")
    );
}

/// Machines whose handlers compute much, though none of them too much, and that take no state
/// longer than this.
struct Busy {
    machine: InProcess,
    fuel: u64,
    longest: usize,
}

impl Backend for Busy {
    fn start(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        entropy: u64,
    ) -> Result<&[u8], BackendError> {
        self.machine.start(slot, start, entropy)
    }

    fn restore(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        snapshot: &[u8],
        entropy: u64,
    ) -> Result<(), BackendError> {
        self.machine.restore(slot, start, snapshot, entropy)
    }

    fn step(&mut self, slot: usize, event: &Event<'_>) -> Result<&[u8], BackendError> {
        self.fuel += 2_000_000_000;
        self.machine.step(slot, event)
    }

    fn call(&mut self, slot: usize, op: Op, argument: &[u8]) -> Result<Vec<u8>, BackendError> {
        let answer = self.machine.call(slot, op, argument)?;
        if op == Op::Snapshot && answer.len() > self.longest {
            let what = "it is too long".to_owned();
            return Err(Fault::State { what }.into());
        }
        Ok(answer)
    }

    fn stop(&mut self, slot: usize) {
        self.machine.stop(slot);
    }

    fn fuel_used(&self) -> u64 {
        self.fuel
    }

    fn take_printed(&mut self, slot: usize) -> String {
        self.machine.take_printed(slot)
    }
}

#[test]
fn handlers_that_compute_for_too_long_together_end_the_search() {
    let machines = || {
        Box::new(Busy {
            machine: InProcess::new(register::lab),
            fuel: 0,
            longest: usize::MAX,
        }) as Box<dyn Backend>
    };
    let run = |states| {
        let nodes = vec![
            server(1, &Bug::None),
            client(1, &Bug::None),
            client(2, &Bug::None),
        ];
        let orders = every_order(model(Bug::None, &WRITE_AND_READ, &WRITE_AND_READ)).search(states);
        let setup = || Setup {
            limits: unlimited(),
            ..Setup::new(nodes.clone(), Conditions::steady())
        };
        explored_on(&machines, &orders, Mode::recorded(), setup, judge)
    };
    assert_eq!(run(10).0, Ok(()));
    let (outcome, facts) = run(1_000_000);
    assert!(facts.recording.is_none(), "no world shows it");
    let found = violation(outcome);
    assert_eq!(found.kind, FailureKind::Timeout, "{found:?}");
    assert!(
        found.observed.contains("together computed for too long"),
        "{found:?}"
    );
}

/// No world looks at the length of a state. The one on the path to it does, so that the program
/// fails and the search is not called undecided.
#[test]
fn a_state_that_only_a_search_finds_too_long_is_shown_by_a_world() {
    let machines = || {
        Box::new(Busy {
            machine: InProcess::new(register::lab),
            fuel: 0,
            longest: 4,
        }) as Box<dyn Backend>
    };
    let nodes = vec![
        server(1, &Bug::None),
        client(1, &Bug::None),
        client(2, &Bug::None),
    ];
    let orders = every_order(model(Bug::None, &WRITE_AND_READ, &[])).search(1_000);
    let setup = || Setup {
        limits: unlimited(),
        ..Setup::new(nodes.clone(), Conditions::steady())
    };
    let run = |mode| explored_on(&machines, &orders, mode, setup, judge);
    let (outcome, facts) = run(Mode::recorded());
    let found = violation(outcome);
    assert_eq!((found.kind, facts.undecided.len()), (FailureKind::State, 0));
    let replay = Mode {
        schedule: facts.recording.map(|recording| recording.schedule),
        ..Mode::recorded()
    };
    assert_eq!(violation(run(replay).0), found, "{found:?}");
}

/// The simulated world has a bound of its own.
fn unlimited() -> Limits {
    Limits {
        fuel: 1 << 50,
        ..Limits::default()
    }
}
