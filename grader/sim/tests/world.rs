//! The world's promises, with a small register service whose nodes live in this process.

mod register;

use std::{collections::VecDeque, sync::Arc};

use faultline_sim::{
    Conditions, Detail, Doing, Edits, FailureKind, Flapping, Happening, Limits, Mode, Outcome,
    Plan, RecordedStep, Schedule, Setup, Stop, Trial, Violation, World, choice::About,
    in_process::InProcess, ms,
};
use labkit::codec;
use register::{C1, C2, Command, Output, S1, lab, nodes, replies_before_sync, said};

/// Runs one world and returns what came out, with the recording.
fn run(
    mode: Mode,
    setup: Setup,
    test: impl FnOnce(&mut World<'_>) -> Outcome,
) -> (Outcome, faultline_sim::Facts) {
    let mut backend = InProcess::new(lab);
    let mut trial = Trial::new(&mut backend, 0, 42, mode);
    let outcome = trial.run(setup, test);
    (outcome, trial.finish())
}

fn plain(setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) -> Outcome {
    run(Mode::default(), setup, test).0
}

fn recorded_with(edits: Arc<Edits>) -> Mode {
    Mode {
        edits: Some(edits),
        ..Mode::recorded()
    }
}

fn replay(schedule: Schedule) -> Mode {
    Mode {
        schedule: Some(schedule),
        ..Mode::recorded()
    }
}

fn violation(outcome: Outcome) -> Violation {
    match outcome {
        Err(Stop::Violation(violation)) => violation,
        other => panic!("expected a violation, got {other:?}"),
    }
}

fn write(value: u64) -> Vec<u8> {
    codec::to_bytes(&Command::Write(value)).unwrap()
}

fn read() -> Vec<u8> {
    codec::to_bytes(&Command::Read).unwrap()
}

fn answered(world: &mut World<'_>, client: labkit::NodeId) -> Outcome<Output> {
    let open = |world: &World<'_>| {
        world
            .history()
            .iter()
            .rposition(|operation| operation.client == client)
            .unwrap()
    };
    let index = open(world);
    world.expect("an answer", ms(2_000), |world| {
        Ok(world.history()[index].reply.is_some())
    })?;
    Ok(codec::from_bytes(&world.history()[index].reply.as_ref().unwrap().1).unwrap())
}

#[test]
fn an_operation_crosses_a_network_that_loses_and_doubles() {
    let setup = Setup::new(
        nodes(),
        Conditions {
            loss: 400,
            ..Conditions::bad()
        },
    );
    plain(setup, |world| {
        for value in 1..=20 {
            world.run_for(ms(1))?;
            world.invoke(C1, write(value))?;
            assert_eq!(answered(world, C1)?, Output::Written);
            world.invoke(C2, read())?;
            assert_eq!(answered(world, C2)?, Output::Value(value));
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_restart_keeps_what_was_synced_and_nothing_of_the_state() {
    plain(Setup::new(nodes(), Conditions::clean()), |world| {
        world.run_for(ms(1))?;
        world.invoke(C1, write(7))?;
        answered(world, C1)?;
        world.crash(S1)?;
        assert!(world.is_down(S1));
        world.start(S1)?;
        assert_eq!(world.incarnation(S1), 2);
        world.invoke(C2, read())?;
        assert_eq!(
            answered(world, C2)?,
            Output::Value(7),
            "the register was on the disk"
        );
        Ok(())
    })
    .unwrap();
}

/// The difference between `sync; reply` and `reply; sync` shows only if the node crashes between
/// the two.
#[test]
fn a_crash_at_every_effect_finds_a_reply_before_its_sync() {
    let sweep = |seed: u64| {
        let mut backend = InProcess::new(lab);
        let mut trial = Trial::new(&mut backend, 0, seed, Mode::recorded());
        let setup = Setup::new(nodes(), Conditions::steady());
        let outcome =
            trial.crash_sweep(&setup, |world| {
                world.run_for(ms(1))?;
                world.sweep(S1);
                world.invoke(C1, write(9))?;
                let written =
                    world.run_until(ms(100), |world| Ok(world.history()[0].reply.is_some()))?;
                world.sweep_over();
                world.crash(S1)?;
                world.start(S1)?;
                world.invoke(C2, read())?;
                match answered(world, C2)? {
                    Output::Value(9) => Ok(()),
                    _ if !written => Ok(()),
                    other => Err(world
                        .violation(format!("the write was answered, but a read gave {other:?}"))),
                }
            });
        (outcome, trial.finish())
    };
    for seed in 0..10 {
        let (outcome, facts) = sweep(seed);
        assert_eq!(outcome, Ok(()));
        assert!(
            facts.fired["a crash at each effect"] >= 3,
            "{:?}",
            facts.fired
        );
    }
    // The disk may keep what was not synced; so not every seed shows it, but every few.
    let failing = (0..10)
        .filter(|seed| replies_before_sync(|| sweep(*seed)).0.is_err())
        .collect::<Vec<_>>();
    assert!(failing.len() >= 2, "{failing:?}");
    let seed = failing[0];
    let (outcome, facts) = replies_before_sync(|| sweep(seed));
    let found = violation(outcome.clone());
    assert!(
        found.observed.contains("the write was answered"),
        "{found:?}"
    );

    // And the schedule of that run alone shows it again.
    let schedule = facts.recording.unwrap().schedule;
    let (again, _) = replies_before_sync(|| {
        let mut backend = InProcess::new(lab);
        let mut trial = Trial::new(&mut backend, 0, seed, replay(schedule));
        let outcome = trial.crash_sweep(&Setup::new(nodes(), Conditions::steady()), |world| {
            world.run_for(ms(1))?;
            world.invoke(C1, write(9))?;
            world.run_until(ms(100), |world| Ok(world.history()[0].reply.is_some()))?;
            world.crash(S1)?;
            world.start(S1)?;
            world.invoke(C2, read())?;
            let output = answered(world, C2)?;
            Err(world.violation(format!(
                "the write was answered, but a read gave {output:?}"
            )))
        });
        (outcome, trial.finish())
    });
    // It is noticed by another line of this file.
    assert_eq!(
        Violation {
            source: found.source.clone(),
            ..violation(again)
        },
        found
    );
}

/// Cuts and crashes at random moments.
struct Mischief {
    wakes: u64,
}

impl Plan for Mischief {
    fn name(&self) -> &'static str {
        "mischief"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<std::time::Duration>)> {
        self.wakes += 1;
        let mut draw = world.choices().draw(About::Plan, 0, self.wakes);
        match draw.below(6) {
            0 => world.cut(C1, S1)?,
            1 => world.heal()?,
            2 => world.pause(S1)?,
            3 => world.hold(S1, C2)?,
            4 if world.is_up(S1) => world.crash_in_next_event(S1, draw.bits()),
            _ => world.start(S1)?,
        }
        Ok((true, Some(draw.between(&(ms(3)..=ms(40))))))
    }
}

fn mischief(world: &mut World<'_>) -> Outcome {
    world.add_plan(Mischief { wakes: 0 }, ms(5));
    world.set_workload(register::Busy);
    world.run_for(ms(1_500))?;
    world.end_plans();
    world.heal()?;
    world.start(S1)?;
    world.expect("all are answered", ms(3_000), |world| {
        Ok(world.workload_is_done())
    })?;
    Err(world.violation("the end"))
}

#[test]
fn a_replay_repeats_every_step() {
    let setup = || Setup {
        start_spread: ms(20),
        ..Setup::new(nodes(), Conditions::bad())
    };
    let (outcome, facts) = run(Mode::recorded(), setup(), mischief);
    let recording = facts.recording.unwrap();
    assert!(recording.steps.len() > 300, "{}", recording.steps.len());
    let crashes = recording
        .steps
        .iter()
        .filter(|step| matches!(step.what, Happening::Crash { .. }))
        .count();
    assert!(crashes > 3, "{crashes}");

    let (again, facts) = run(Mode::recorded(), setup(), mischief);
    assert_eq!(outcome, again);
    assert_eq!(
        facts.recording.unwrap().steps,
        recording.steps,
        "the same seed gives the same run"
    );

    let (replayed, facts) = run(replay(recording.schedule.clone()), setup(), mischief);
    assert_eq!(outcome, replayed);
    assert_eq!(facts.skipped, 0);
    let again = facts.recording.unwrap();
    for (first, second) in recording.steps.iter().zip(&again.steps) {
        assert_eq!(first, second);
    }
    assert_eq!(again.steps.len(), recording.steps.len());
}

/// Messages are named by what they say: with everything that was decided put into edits, the run is
/// the same.
#[test]
fn edits_that_leave_out_nothing_change_nothing() {
    let setup = || Setup {
        start_spread: ms(20),
        ..Setup::new(nodes(), Conditions::bad())
    };
    let (outcome, facts) = run(Mode::recorded(), setup(), mischief);
    let recording = facts.recording.unwrap();
    let decided = &recording.decided;
    assert!(
        decided.operations.len() > 20 && decided.faults.len() > 20 && decided.noise.len() > 100
    );
    let edits = Edits {
        operations: Some(decided.operations.clone()),
        faults: Some(decided.faults.iter().map(|(wake, _)| *wake).collect()),
        noise: Some(
            decided
                .noise
                .iter()
                .map(|(noise, _)| noise.clone())
                .collect(),
        ),
        ..Edits::default()
    };
    let (again, facts) = run(recorded_with(Arc::new(edits)), setup(), mischief);
    assert_eq!(outcome, again);
    assert!(facts.recording.unwrap().steps == recording.steps);
}

#[test]
fn an_edited_run_leaves_out_what_it_shall_and_replays() {
    let setup = || {
        Setup::new(
            nodes(),
            Conditions {
                loss: 300,
                ..Conditions::bad()
            },
        )
    };
    let (_, facts) = run(Mode::recorded(), setup(), mischief);
    let operations = facts.recording.unwrap().decided.operations[3..7].to_vec();
    let edits = Edits {
        operations: Some(operations.clone()),
        noise: Some(Vec::new()),
        early_timers: true,
        ..Edits::default()
    };
    let edits = Arc::new(edits);
    let (outcome, facts) = run(recorded_with(Arc::clone(&edits)), setup(), mischief);
    let recording = facts.recording.unwrap();
    assert_eq!(recording.decided.operations.len(), 4);
    for (then, now) in operations.iter().zip(&recording.decided.operations) {
        assert!(
            then.at_us <= now.at_us,
            "an operation is never earlier: {then:?}, {now:?}"
        );
    }
    let lost =
        |step: &RecordedStep| matches!(&step.what, Happening::Lose { why, .. } if why == "lost");
    assert!(
        !recording.steps.iter().any(lost),
        "a calm network loses nothing by itself"
    );

    let (replayed, facts) = run(
        Mode {
            schedule: Some(recording.schedule.clone()),
            ..recorded_with(edits)
        },
        setup(),
        mischief,
    );
    assert_eq!((outcome, 0), (replayed, facts.skipped));
    assert!(facts.recording.unwrap().steps == recording.steps);
}

/// The source of a violation is where the test noticed it, and no other.
#[test]
fn failures_of_one_assertion_have_one_source() {
    let fail = |text: &str| {
        violation(plain(Setup::new(nodes(), Conditions::steady()), |world| {
            Err(world.violation(text.to_owned()))
        }))
    };
    let (one, two) = (fail("1 is wrong"), fail("2 is wrong"));
    assert_eq!(one.source, two.source);
    let other = violation(plain(Setup::new(nodes(), Conditions::steady()), |world| {
        Err(world.violation("1 is wrong"))
    }));
    assert_ne!(one.source, other.source);
}

#[test]
fn what_is_no_longer_possible_is_skipped_and_counted() {
    let setup = || Setup::new(nodes(), Conditions::bad());
    let (_, facts) = run(Mode::recorded(), setup(), mischief);
    let schedule = facts.recording.unwrap().schedule;
    // A shorter story, in which most of the schedule never comes up.
    let (outcome, facts) = run(replay(schedule), setup(), |world| world.run_for(ms(100)));
    assert_eq!(outcome, Ok(()));
    assert!(facts.skipped > 100, "{}", facts.skipped);
}

#[test]
fn a_one_way_cut_is_one_way_and_a_held_message_arrives_later() {
    plain(Setup::new(nodes(), Conditions::steady()), |world| {
        world.run_for(ms(1))?;
        world.cut(S1, C1)?;
        world.invoke(C1, write(3))?;
        assert!(!world.run_until(ms(300), |world| Ok(world.history()[0].reply.is_some()))?);
        world.invoke(C2, read())?;
        assert_eq!(
            answered(world, C2)?,
            Output::Value(3),
            "the request came through, only the answers were lost"
        );
        world.heal_link(S1, C1)?;
        answered(world, C1)?;
        world.hold(C1, S1)?;
        world.invoke(C1, write(4))?;
        world.run_for(ms(200))?;
        world.invoke(C2, read())?;
        assert_eq!(answered(world, C2)?, Output::Value(3));
        world.release(C1, S1)?;
        assert_eq!(answered(world, C1)?, Output::Written);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_flapping_partition_comes_and_goes_and_a_slow_node_is_late() {
    let (outcome, facts) = run(
        Mode::default(),
        Setup::new(nodes(), Conditions::steady()),
        |world| {
            world.run_for(ms(1))?;
            world.invoke(C1, read())?;
            answered(world, C1)?;
            let quick = world.history()[0]
                .reply
                .as_ref()
                .unwrap()
                .0
                .at
                .since(world.history()[0].invoked.at);
            assert_eq!(quick, ms(4), "two messages of 2 ms");
            world.slow(S1, ms(50))?;
            for _ in 0..5 {
                world.invoke(C1, read())?;
                answered(world, C1)?;
            }
            let slow = world.history()[1..]
                .iter()
                .map(|o| o.reply.as_ref().unwrap().0.at.since(o.invoked.at));
            assert!(
                slow.clone().any(|took| took > ms(20)),
                "{:?}",
                slow.collect::<Vec<_>>()
            );
            world.slow(S1, ms(0))?;
            let groups = vec![vec![C1, C2], vec![S1]];
            world.add_plan(
                Flapping::new(groups, ms(100)..=ms(200), ms(100)..=ms(200)),
                ms(0),
            );
            world.set_workload(register::Busy);
            world.run_for(ms(2_000))?;
            world.end_plans();
            world.heal()?;
            world.expect("all are answered", ms(1_000), |world| {
                Ok(world.workload_is_done())
            })
        },
    );
    assert_eq!(outcome, Ok(()));
    assert!(
        facts.fired["a flapping partition"] >= 4,
        "{:?}",
        facts.fired
    );
    assert!(
        facts.phases[0].latency_max_us >= 70_000,
        "some operation waited for the partition's end"
    );
}

#[test]
fn a_paused_node_goes_on_where_it_was_and_a_crashed_one_loses_its_timers() {
    plain(Setup::new(nodes(), Conditions::steady()), |world| {
        world.run_for(ms(1))?;
        world.pause(S1)?;
        world.invoke(C1, write(5))?;
        world.run_for(ms(300))?;
        assert!(world.history()[0].reply.is_none());
        world.resume(S1)?;
        assert_eq!(answered(world, C1)?, Output::Written);
        let ticks = said(world, S1)?;
        world.run_for(ms(100))?;
        assert!(said(world, S1)? > ticks, "the timer runs");
        world.crash(S1)?;
        world.run_for(ms(100))?;
        world.start(S1)?;
        assert_eq!(
            said(world, S1)?,
            0,
            "its timers and counts are of a new life"
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_client_must_hear_something_before_it_answers() {
    let found = violation(plain(Setup::new(nodes(), Conditions::steady()), |world| {
        world.run_for(ms(1))?;
        world.invoke(C1, codec::to_bytes(&Command::Guess).unwrap())
    }));
    assert!(
        found
            .observed
            .contains("without having received any message"),
        "{found:?}"
    );
}

#[test]
fn a_flood_of_messages_ends_the_run_not_the_grader() {
    let limits = Limits {
        messages: 5_000,
        ..Limits::default()
    };
    let found = violation(plain(
        Setup {
            limits,
            ..Setup::new(nodes(), Conditions::steady())
        },
        |world| {
            world.run_for(ms(1))?;
            world.invoke(C1, codec::to_bytes(&Command::Flood).unwrap())?;
            world.run_for(ms(10_000))
        },
    ));
    assert_eq!(found.kind, FailureKind::Budget);
    assert!(found.observed.contains("5000 messages"), "{found:?}");
}

#[test]
fn a_stuck_world_says_who_waits_for_what() {
    let found = violation(plain(Setup::new(nodes(), Conditions::steady()), |world| {
        world.run_for(ms(1))?;
        world.invoke(C1, codec::to_bytes(&Command::Forget).unwrap())?;
        world.crash(S1)?;
        world.expect("an answer", ms(60_000), |world| {
            Ok(world.history()[0].reply.is_some())
        })
    }));
    assert_eq!(found.kind, FailureKind::NoProgress);
    assert!(
        found
            .observed
            .contains("c1 waits for the answer to Forget since 1.0 ms"),
        "{found:?}"
    );
    assert!(
        found.observed.contains("nothing can happen any more"),
        "{found:?}"
    );
}

#[test]
fn a_node_that_lives_outside_its_bytes_is_found_in_one_of_eight_seeds() {
    let outcome_of = |number: u64| {
        let mut backend = InProcess::new(lab);
        let mut trial = Trial::new(&mut backend, number, number, Mode::default());
        let test = |world: &mut World<'_>| {
            world.run_for(ms(1))?;
            world.invoke(C1, codec::to_bytes(&Command::Cheat).unwrap())?;
            answered(world, C1)?;
            world.run_for(ms(500))
        };
        trial.run(Setup::new(nodes(), Conditions::steady()), test)
    };
    for number in 0..7 {
        assert_eq!(outcome_of(number), Ok(()));
    }
    let found = violation(outcome_of(7));
    assert_eq!(found.kind, FailureKind::State);
    assert!(found.observed.contains("hidden: 1"), "{found:?}");
}

#[test]
fn a_recorded_world_can_be_looked_at_after_each_step_and_looking_changes_nothing() {
    let script = |world: &mut World<'_>| {
        world.run_for(ms(1))?;
        world.invoke(C1, write(7))?;
        world.run_for(ms(40))
    };
    let (outcome, plain) = run(
        Mode::recorded(),
        Setup::new(nodes(), Conditions::steady()),
        script,
    );
    outcome.unwrap();
    let mode = Mode {
        record: Some(Detail::Worlds),
        ..Mode::default()
    };
    let (outcome, facts) = run(mode, Setup::new(nodes(), Conditions::steady()), script);
    outcome.unwrap();
    let (plain, looked_at) = (plain.recording.unwrap(), facts.recording.unwrap());
    assert_eq!(plain.schedule, looked_at.schedule);
    let words = |steps: &VecDeque<RecordedStep>| {
        steps
            .iter()
            .map(|step| (step.at, step.what.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&plain.steps), words(&looked_at.steps));
    assert!(
        plain
            .steps
            .iter()
            .all(|step| step.state.is_none() && step.world.is_none())
    );

    let after = |is: fn(&Happening) -> bool| {
        let step = looked_at
            .steps
            .iter()
            .find(|step| is(&step.what))
            .expect("it happened");
        (step, step.world.as_ref().expect("all worlds are kept"))
    };
    // The write has reached the server: the node has it, the disk only so far as no crash comes,
    // and the reply waits.
    let (step, world) = after(|what| matches!(what, Happening::Receive { node: S1, .. }));
    let change = step.state.as_ref().unwrap();
    assert!(
        change.before.as_ref().unwrap().contains("value: 0"),
        "{change:?}"
    );
    assert!(
        change.after.as_ref().unwrap().contains("value: 7"),
        "{change:?}"
    );
    let server = &world.nodes[0];
    assert_eq!(
        (server.condition, server.behind_sync, server.waiting),
        (Doing::Syncing, 1, 0)
    );
    assert_eq!(
        (server.disk[0].synced.clone(), server.disk[0].unsynced.len()),
        (None, 1)
    );
    assert!(world.flights.is_empty(), "{:?}", world.flights);
    // The next tick of the server is still to come; that of the client's retry, too.
    assert_eq!(server.timers.len(), 1);
    assert!(server.timers[0].0 > step.at);
    // Once the client has its answer, its disk holds the value.
    let (_, world) = after(|what| matches!(what, Happening::Respond { .. }));
    assert_eq!(world.nodes[0].condition, Doing::Up);
    assert!(world.nodes[0].disk[0].synced.is_some() && world.nodes[0].disk[0].unsynced.is_empty());
    // A request is under way between the client's call and its arrival.
    let (step, world) = after(|what| matches!(what, Happening::Invoke { .. }));
    assert_eq!((world.flights[0].from, world.flights[0].to), (C1, S1));
    assert!(
        world.flights[0].arrives.unwrap() > step.at && world.flights[0].message.contains("Request")
    );
}
