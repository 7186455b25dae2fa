//! Operations on a network that loses, through crashes, cuts and pauses.

use faultline_sim::{Conditions, Flapping, Happening, Mode, Setup, ms};

use super::register::{self, C1, C2, C3, Output, S1, nodes, nodes_and_one_to_come, said};
use super::{answered, plain, read, run, write};

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

/// A held link delays what is sent from then on, and what is under way only if that is asked for.
#[test]
fn a_message_under_way_is_held_only_if_arrivals_are() {
    let answers = |arrivals: bool| {
        let mut answers = Vec::new();
        plain(Setup::new(nodes(), Conditions::steady()), |world| {
            if arrivals {
                world.hold_arrivals();
            }
            world.run_for(ms(1))?;
            world.invoke(C1, write(4))?;
            world.run_for(ms(1))?;
            world.hold(C1, S1)?;
            world.run_for(ms(10))?;
            world.invoke(C2, read())?;
            answers.push(answered(world, C2)?);
            world.release(C1, S1)?;
            answers.push(answered(world, C1)?);
            world.invoke(C2, read())?;
            answers.push(answered(world, C2)?);
            Ok(())
        })
        .unwrap();
        answers
    };
    let (written, new) = (|| Output::Written, || Output::Value(4));
    assert_eq!(answers(false), [new(), written(), new()]);
    assert_eq!(answers(true), [Output::Value(0), written(), new()]);
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
fn links_that_change_at_one_moment_are_one_step_of_the_trace() {
    let setup = Setup::new(nodes(), Conditions::clean());
    let (outcome, facts) = run(Mode::recorded(), setup, |world| {
        world.run_for(ms(1))?;
        world.partition(&[&[S1], &[C1, C2]])?;
        world.run_for(ms(1))?;
        // One is healed and another cut, link by link.
        world.heal_link(S1, C1)?;
        world.hold(S1, C2)?;
        world.heal_link(C1, S1)?;
        world.cut(C1, C2)?;
        world.run_for(ms(1))?;
        world.isolate(S1)
    });
    outcome.unwrap();
    let steps = facts.recording.unwrap().steps;
    let told: Vec<(u64, &str)> = steps
        .iter()
        .filter_map(|step| match &step.what {
            Happening::Fault { text } => Some((step.at.0 / 1000, text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "partition {s1} | {c1, c2}"),
            (
                2,
                "the link s1 <-> c1 works again; messages s1 -> c2 are delayed; the link c1 -> c2 \
                 is cut"
            ),
            (3, "partition {s1} | {c1, c2}"),
        ]
    );
}

#[test]
fn a_client_leaves_for_good_and_another_one_comes() {
    let nodes = nodes_and_one_to_come();
    plain(Setup::new(nodes, Conditions::steady()), |world| {
        world.run_for(ms(1))?;
        assert_eq!(world.clients(), [C1, C2]);
        assert_eq!(world.clients_to_come(), [C3]);
        assert!(!world.ids().contains(&C3), "it is not there yet");
        world.invoke(C1, write(3))?;
        world.leave(C1)?;
        assert!(!world.is_asking(C1), "nobody waits for it");
        assert!(world.workload_is_done());
        world.all_leave(ms(100))?;
        let newcomer = world.newcomer()?;
        assert_eq!(world.ids(), [S1, C3]);
        world.invoke(newcomer, read())?;
        // What the first one had sent still took effect.
        assert_eq!(answered(world, newcomer)?, Output::Value(3));
        assert!(world.history()[0].reply.is_none(), "it stays open");
        world.start(C1)?;
        assert!(world.is_down(C1), "it never comes back");
        Ok(())
    })
    .unwrap();
}
