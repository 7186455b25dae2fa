//! How a world ends that its program breaks, floods or brings to a stop.

use faultline_sim::{
    Conditions, FailureKind, Limits, Mode, Setup, Trial, World, in_process::InProcess, ms,
};

use labkit::codec;

use super::register::{C1, Command, S1, lab, nodes};
use super::{answered, plain, violation};

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
            .contains("c1 has waited for the answer to Forget since 1.0 ms"),
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
