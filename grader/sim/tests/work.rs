//! Machines that compute, inputs and the shared store, with nodes that live in this process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use faultline_sim::{
    Computation, Conditions, Ends, Facts, FailureKind, Fate, Happening, IncarnationId, Machines,
    Mode, NodeSpec, Outcome, Role, Setup, Stop, Time, Trial, World, in_process::InProcess, ms,
};
use labkit::{codec, guest, prelude::*};

const W1: NodeId = NodeId::new('w', 1);
const P1: NodeId = NodeId::new('p', 1);

/// What the node is asked to do, in this order, in one handler.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Order {
    Start(u64, Task),
    Cancel(u64),
    /// Writes the numbers below this one into `draft`, and renames it.
    Publish(u64),
    Sync,
    /// Starts work on the length of an input.
    Measure(String),
}

type Task = u64;

#[derive(Debug, Serialize, Deserialize)]
struct Orders(Vec<Order>);

impl From<Vec<Order>> for Orders {
    fn from(orders: Vec<Order>) -> Orders {
        Orders(orders)
    }
}

impl Carries<Vec<Order>> for Orders {
    fn given(&self) -> Option<&Vec<Order>> {
        Some(&self.0)
    }
}

/// Remembers what came back.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Worker {
    done: Vec<(u64, u64)>,
}

impl Node for Worker {
    type Config = ();
    type Message = Orders;
    type Timer = ();

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        Worker::default()
    }

    fn on_message(&mut self, _: NodeId, Orders(orders): Orders, ctx: &mut Context<Self>) {
        for order in orders {
            match order {
                Order::Start(token, task) => ctx.start_work(token, &task),
                Order::Cancel(token) => ctx.cancel_work(token),
                Order::Publish(numbers) => {
                    ctx.store().create("draft");
                    (0..numbers).for_each(|number| ctx.store().append("draft", &number));
                    ctx.store().rename("draft", "numbers");
                    ctx.store().rename("nothing", "numbers");
                }
                Order::Sync => ctx.disk().sync(),
                Order::Measure(name) => {
                    let length = ctx.input(&name).map_or(0, str::len);
                    ctx.start_work(length as u64, &(length as u64));
                }
            }
        }
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

impl Compute for Worker {
    type Task = Task;
    type Done = u64;

    fn on_work_done(&mut self, token: u64, done: u64, _: &mut Context<Self>) {
        self.done.push((token, done));
    }
}

/// Squares numbers; a number takes as many milliseconds as it is. 13 crashes the machine, 0 is no
/// task.
#[derive(Debug)]
struct Squares;

impl Machines for Squares {
    fn compute(&self, by: IncarnationId, task: &[u8]) -> Result<Computation, String> {
        let number: Task = codec::from_bytes(task).map_err(|error| error.to_string())?;
        if number == 0 {
            return Err(format!("{} started a task that is none", by.node));
        }
        let ends = if number == 13 {
            Ends::Crash
        } else {
            Ends::Done(codec::to_bytes(&(number * number)).unwrap())
        };
        Ok(Computation {
            label: format!("square {number}"),
            takes: ms(number),
            ends,
        })
    }
}

fn lab() -> guest::Lab {
    let worker = guest::Role::computing::<Worker>(|worker| codec::to_bytes(&worker.done).unwrap());
    guest::Lab::new(vec![worker.giving::<Orders, Vec<Order>>()])
}

fn setup() -> Setup {
    let config = codec::to_bytes(&()).unwrap();
    let worker = NodeSpec {
        id: W1,
        role: Role::Server { role: 0, config },
        starts: true,
    };
    let inputs = BTreeMap::from([("seven".to_owned(), "letters".to_owned())]);
    let setup = Setup::new(vec![worker, NodeSpec::puppet(P1, 0)], Conditions::steady());
    Setup {
        machines: Some(Arc::new(Squares)),
        inputs,
        ..setup
    }
}

fn run(mode: Mode, setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) -> (Outcome, Facts) {
    let mut backend = InProcess::new(lab);
    let mut trial = Trial::new(&mut backend, 0, 42, mode);
    let outcome = trial.run(setup, test);
    (outcome, trial.finish())
}

fn plain(setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) {
    run(Mode::default(), setup, test).0.unwrap();
}

/// The worker gets these orders at once.
fn order(world: &mut World<'_>, orders: &[Order]) -> Outcome {
    world.send_given(P1, W1, &codec::to_bytes(orders).unwrap())?;
    world.run_for(ms(2))
}

fn done(world: &mut World<'_>) -> Outcome<Vec<(u64, u64)>> {
    Ok(codec::from_bytes(&world.observe(W1)?.expect("w1 is up")).unwrap())
}

fn fates(world: &World<'_>) -> Vec<(u64, Fate, Option<Duration>)> {
    let lasted = |work: &faultline_sim::Work| Some(work.ended?.since(work.began?));
    world
        .works()
        .iter()
        .map(|work| (work.token, work.fate, lasted(work)))
        .collect()
}

#[test]
fn a_machine_does_one_thing_at_a_time_while_handlers_run() {
    plain(setup(), |world| {
        order(world, &[Order::Start(1, 20), Order::Start(2, 30)])?; // at 2 ms
        order(world, &[Order::Start(3, 5)])?; // handled while the machine computes
        world.run_for(ms(17))?; // 21 ms
        assert_eq!(done(world)?, []);
        world.run_for(ms(1))?;
        assert_eq!(done(world)?, [(1, 400)]);
        world.run_for(ms(100))?;
        assert_eq!(done(world)?, [(1, 400), (2, 900), (3, 25)]);
        let spans: Vec<_> = world
            .works()
            .iter()
            .map(|work| (work.began.unwrap().0, work.ended.unwrap().0))
            .collect();
        assert_eq!(spans, [(2_000, 22_000), (22_000, 52_000), (52_000, 57_000)]);
        Ok(())
    });
}

#[test]
fn a_slow_machine_takes_so_many_times_as_long() {
    plain(
        Setup {
            slow_machines: BTreeMap::from([(W1, 4)]),
            ..setup()
        },
        |world| {
            order(world, &[Order::Start(1, 20)])?;
            world.run_for(ms(100))?;
            assert_eq!(fates(world), [(1, Fate::Done, Some(ms(80)))]);
            Ok(())
        },
    );
}

#[test]
fn cancelled_work_is_never_done_and_frees_the_machine() {
    plain(setup(), |world| {
        order(
            world,
            &[Order::Start(1, 20), Order::Start(2, 30), Order::Start(3, 5)],
        )?;
        world.run_for(ms(10))?;
        order(
            world,
            &[Order::Cancel(1), Order::Cancel(3), Order::Cancel(9)],
        )?; // at 14 ms
        world.run_for(ms(100))?;
        assert_eq!(done(world)?, [(2, 900)]);
        let expected = [
            (1, Fate::Cancelled, Some(ms(12))),
            (2, Fate::Done, Some(ms(30))),
            (3, Fate::Cancelled, None),
        ];
        assert_eq!(fates(world), expected);
        // A token that is in use is used for the new work only.
        order(world, &[Order::Start(1, 20), Order::Start(1, 2)])?;
        world.run_for(ms(100))?;
        assert_eq!(done(world)?, [(2, 900), (1, 4)]);
        Ok(())
    });
}

#[test]
fn work_that_ended_behind_a_sync_can_still_be_cancelled() {
    let slow_disk = Setup {
        sync: ms(50)..=ms(50),
        ..setup()
    };
    plain(slow_disk, |world| {
        order(
            world,
            &[
                Order::Start(1, 20),
                Order::Start(2, 21),
                Order::Sync,
                Order::Cancel(1),
            ],
        )?;
        world.run_for(ms(30))?;
        assert_eq!(
            fates(world)[0].1,
            Fate::Done,
            "the machine was done, and the node is not told yet"
        );
        world.run_for(ms(100))?;
        assert_eq!(done(world)?, [(2, 441)]);
        Ok(())
    });
}

#[test]
fn a_crash_kills_all_work() {
    plain(setup(), |world| {
        order(world, &[Order::Start(1, 20), Order::Start(2, 30)])?;
        world.run_for(ms(10))?;
        world.restart_quickly(W1)?;
        world.run_for(ms(100))?;
        assert_eq!(done(world)?, []);
        assert_eq!(
            fates(world),
            [(1, Fate::Crashed, Some(ms(10))), (2, Fate::Crashed, None)]
        );
        order(world, &[Order::Start(1, 5)])?;
        world.run_for(ms(5))?;
        assert_eq!(done(world)?, [(1, 25)]);
        Ok(())
    });
}

#[test]
fn a_crash_between_two_effects_starts_only_the_work_before_it() {
    let mut boundaries = 0;
    for bits in 0..4 {
        plain(setup(), |world| {
            world.run_for(ms(1))?; // it has started
            world.crash_in_next_event(W1, bits);
            order(
                world,
                &[Order::Start(1, 20), Order::Cancel(1), Order::Start(2, 30)],
            )?;
            world.run_for(ms(50))?;
            assert!(world.is_down(W1));
            boundaries += 1;
            let fates: Vec<Fate> = world.works().iter().map(|work| work.fate).collect();
            let all = [Fate::Cancelled, Fate::Crashed];
            let expected = match bits {
                0 => &[][..],
                1 => &all[1..],
                2 => &all[..1],
                _ => &all,
            };
            assert_eq!(fates, expected, "after {bits} effects");
            Ok(())
        });
    }
    assert_eq!(boundaries, 4);
}

#[test]
fn work_can_crash_its_machine_and_a_recording_says_so() {
    let story = |world: &mut World<'_>| {
        order(
            world,
            &[Order::Start(1, 3), Order::Start(2, 13), Order::Start(3, 5)],
        )?;
        world.run_for(ms(100))?;
        assert!(world.is_down(W1));
        let fates: Vec<Fate> = world.works().iter().map(|work| work.fate).collect();
        assert_eq!(fates, [Fate::Done, Fate::Crashed, Fate::Crashed]);
        Ok(())
    };
    let (outcome, facts) = run(Mode::recorded(), setup(), story);
    outcome.unwrap();
    let recording = facts.recording.unwrap();
    let told: Vec<(Time, &Happening)> = recording
        .steps
        .iter()
        .map(|step| (step.at, &step.what))
        .collect();
    assert!(
        told.contains(&(
            Time(5_000),
            &Happening::WorkDone {
                node: W1,
                work: "square 3".to_owned()
            }
        )),
        "{told:?}"
    );
    assert!(
        told.contains(&(
            Time(18_000),
            &Happening::Crash {
                node: W1,
                after: None
            }
        )),
        "{told:?}"
    );
    // The schedule says when work was over.
    let replay = Mode {
        schedule: Some(recording.schedule.clone()),
        ..Mode::recorded()
    };
    let (outcome, again) = run(replay, setup(), story);
    outcome.unwrap();
    assert_eq!(
        (again.recording.unwrap().steps, again.skipped),
        (recording.steps, 0)
    );
}

#[test]
fn what_is_no_task_fails_the_run() {
    let violation = |setup: Setup| match run(Mode::default(), setup, |world| {
        order(world, &[Order::Start(1, 0)])
    })
    .0
    {
        Err(Stop::Violation(violation)) => (violation.kind, violation.observed),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        violation(setup()),
        (
            FailureKind::Violation,
            "w1 started a task that is none".to_owned()
        )
    );
    let (kind, observed) = violation(Setup {
        machines: None,
        ..setup()
    });
    assert_eq!(
        (kind, observed.contains("lets it compute nothing")),
        (FailureKind::Refused, true)
    );
}

#[test]
fn every_node_reads_the_inputs() {
    plain(setup(), |world| {
        order(world, &[Order::Measure("seven".to_owned())])?;
        world.restart_quickly(W1)?;
        order(world, &[Order::Measure("seven".to_owned())])?;
        world.run_for(ms(10))?;
        assert_eq!(done(world)?, [(7, 49)]);
        Ok(())
    });
}

#[test]
fn the_store_keeps_what_was_written_before_a_crash() {
    let numbers = |world: &World<'_>, name: &str| -> Option<Vec<u64>> {
        world.file(name).map(|file| {
            file.records
                .iter()
                .map(|record| codec::from_bytes(record).unwrap())
                .collect()
        })
    };
    plain(setup(), |world| {
        order(world, &[Order::Publish(3)])?;
        assert_eq!(
            (numbers(world, "numbers"), numbers(world, "draft")),
            (Some(vec![0, 1, 2]), None)
        );
        assert_eq!(
            world.file("numbers").unwrap().by,
            IncarnationId {
                node: W1,
                incarnation: 1
            }
        );
        // After `create` and one `append`: a new draft, and the file as it was.
        world.crash_in_next_event(W1, 2);
        order(world, &[Order::Publish(6)])?;
        assert!(world.is_down(W1));
        assert_eq!(
            (numbers(world, "numbers"), numbers(world, "draft")),
            (Some(vec![0, 1, 2]), Some(vec![0]))
        );
        // Whoever creates a file begins anew.
        world.start(W1)?;
        order(world, &[Order::Publish(1)])?;
        assert_eq!(
            (numbers(world, "numbers"), numbers(world, "draft")),
            (Some(vec![0]), None)
        );
        Ok(())
    });
}
