//! Small random histories of one key, judged by the definition and by everything else in this
//! crate.
//!
//! `cargo test -p faultline-check` judges 50,000 of them; a million:
//! `FAULTLINE_CASES=1000000 cargo test -p faultline-check --lib fuzz -- --nocapture`.

mod definition;
mod generate;
mod objects;

use std::collections::BTreeSet;

use crate::{
    check::check_with,
    fast_path::decide,
    options::Options,
    rules::Rules,
    spec::Spec,
    store::{Store, StoreReply},
    verdict::{Anomaly, Verdict},
    zones::{Decision, OFF, Test},
};

pub(crate) use definition::truth;
pub(crate) use generate::Random;

use definition::{explains, explanation_is_true};
use generate::{Op, Shape, history, shape};

/// Whether the zones are right about `history`; `None` if they say nothing.
fn zones_are_right(initial: &Store, history: &[Op], truth: bool) -> Option<bool> {
    let all: Vec<usize> = (0..history.len()).collect();
    match decide(initial, history, &all) {
        Decision::Linearizable(order) => Some(truth && explains(initial, history, &order)),
        Decision::Violated(_) => Some(!truth),
        Decision::NotApplicable => None,
    }
}

fn verdict(initial: &Store, history: &[Op], options: &Options) -> Verdict {
    check_with(initial, history, options)
        .expect("replies follow calls")
        .verdict
}

fn all_rules() -> Vec<Rules> {
    let mut rules = vec![Rules::ALL, Rules::NONE];
    for which in 0..7 {
        for (mut some, on) in [(Rules::ALL, false), (Rules::NONE, true)] {
            let Rules {
                eager_reads,
                twins,
                domination,
                unnoticed,
                quotient,
                viability,
                commuting,
                pairs: _,
            } = &mut some;
            *[
                eager_reads,
                twins,
                domination,
                unnoticed,
                quotient,
                viability,
                commuting,
            ][which] = on;
            rules.push(some);
        }
    }
    rules
}

fn search_is_right(initial: &Store, history: &[Op], truth: bool, rules: Rules) -> bool {
    let options = Options {
        zones: false,
        rules,
        explain: false,
        ..Options::default()
    };
    match verdict(initial, history, &options) {
        Verdict::Linearizable { witness } => {
            truth
                && witness
                    .iter()
                    .all(|order| explains(initial, history, order))
        }
        Verdict::Violated(_) => !truth,
        Verdict::Undecided { .. } => false,
    }
}

/// One operation a line.
fn show(initial: &Store, history: &[Op]) -> String {
    let mut out = format!("from {:?}", String::from_utf8_lossy(&initial.value));
    for (at, op) in history.iter().enumerate() {
        let until = op
            .reply
            .as_ref()
            .map_or("...".to_owned(), |(at, _)| at.to_string());
        let replied = Store::as_kv(&op.command, op.reply.as_ref().map(|(_, reply)| reply))
            .expect("it has all");
        out += &format!("\n{at:3} [{}, {until}] {replied:?}", op.call);
    }
    out
}

fn cases() -> u64 {
    std::env::var("FAULTLINE_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(50_000)
}

#[test]
fn everything_agrees_with_the_definition() {
    let mut random = Random(1);
    let rules = all_rules();
    let (mut good, mut by_zones, mut explained) = (0, 0, 0);
    let cases = cases();
    for case in 0..cases {
        let shape = shape(&mut random, 8);
        let (initial, history) = history(&mut random, shape);
        let truth = truth(&initial, &history);
        good += u64::from(truth);
        let decided_before = by_zones;
        if let Some(right) = zones_are_right(&initial, &history, truth) {
            assert!(
                right,
                "the zones are wrong, it is {truth}: {}",
                show(&initial, &history)
            );
            by_zones += 1;
        }
        for rules in &rules {
            let right = search_is_right(&initial, &history, truth, *rules);
            assert!(
                right,
                "{rules:?} is wrong, it is {truth}: {}",
                show(&initial, &history)
            );
        }
        if !truth && case % 4 == 0 {
            let Verdict::Violated(violation) = verdict(&initial, &history, &Options::default())
            else {
                panic!("it is not linearizable")
            };
            let true_one = explanation_is_true(&initial, &history, &violation);
            assert!(true_one, "{violation:?} {}", show(&initial, &history));
            // A refusal that does not say what it saw takes a search where there are puts, at least
            // of the prefix.
            let refused = |op: &Op| {
                matches!(
                    op.reply,
                    Some((
                        _,
                        StoreReply::NotSwapped(None) | StoreReply::NotStored(None)
                    ))
                )
            };
            let hidden = violation.kind == Anomaly::Unexplained && history.iter().any(refused);
            let searched = by_zones == decided_before || shape.values != 0 || hidden;
            let few = searched || violation.core.len() <= 4;
            assert!(few, "{violation:?} {}", show(&initial, &history));
            explained += 1;
        }
    }
    println!(
        "{cases} histories: {good} linearizable, {by_zones} decided by zones, {explained} explained"
    );
    assert!(
        good > cases / 4 && good < cases * 3 / 4,
        "{good} of {cases} are linearizable"
    );
    assert!(
        by_zones > cases / 3 && explained > cases / 40,
        "{by_zones} {explained}"
    );
}

#[test]
fn zones_and_search_agree_on_larger_histories() {
    let mut random = Random(2);
    let (mut decided, mut bad) = (0, 0);
    for _ in 0..3_000 {
        let mut shape = shape(&mut random, 8);
        (shape.operations, shape.values) = (20 + random.below(60), 0);
        let (initial, history) = history(&mut random, shape);
        let options = Options {
            zones: false,
            explain: false,
            ..Options::default()
        };
        let searched = match verdict(&initial, &history, &options) {
            Verdict::Linearizable { .. } => true,
            Verdict::Violated(_) => false,
            Verdict::Undecided { .. } => continue,
        };
        if let Some(right) = zones_are_right(&initial, &history, searched) {
            assert!(
                right,
                "the search says {searched}: {}",
                show(&initial, &history)
            );
            decided += 1;
            bad += u64::from(!searched);
        }
    }
    assert!(decided > 1_500 && bad > 500, "{decided} decided, {bad} bad");
}

/// What frameworks make: one key, eight clients, some replies lost, and a wrong one.
#[test]
fn three_hundred_operations_on_one_key_are_always_decided() {
    let mut random = Random(4);
    let mut bad = 0;
    for case in 0..300 {
        let mix = [
            [1, 0, 1, 0, 0, 0],
            [1, 3, 4, 0, 0, 0],
            [0, 0, 1, 1, 0, 0],
            [0, 0, 0, 0, 1, 1],
        ][case % 4];
        let shape = Shape {
            operations: 300,
            clients: 8,
            lost: 3,
            values: 0,
            mix,
            telling: random.below(3),
        };
        let (initial, history) = history(&mut random, shape);
        for zones in [true, false] {
            // Versions are states of their own, which only the zones can tell apart quickly.
            if zones || mix[4] == 0 {
                let verdict = verdict(
                    &initial,
                    &history,
                    &Options {
                        zones,
                        explain: false,
                        ..Options::default()
                    },
                );
                let decided = !matches!(verdict, Verdict::Undecided { .. });
                assert!(
                    decided,
                    "zones: {zones}, {verdict:?}: {}",
                    show(&initial, &history)
                );
                bad += u64::from(matches!(verdict, Verdict::Violated(_)));
            }
        }
    }
    assert!(bad > 100, "{bad} are bad");
}

#[test]
fn every_test_of_the_zones_is_needed() {
    let tests = [
        Test::Unique,
        Test::PrefixFree,
        Test::Unwritten,
        Test::Torn,
        Test::Fork,
        Test::AppliedTwice,
        Test::TwoEpochs,
        Test::UpdateInTheMiddle,
        Test::Cycle,
        Test::SweepWrites,
        Test::SweepReads,
        Test::ForwardForward,
        Test::BackwardForward,
        Test::Unobserved,
        Test::InitialFirst,
        Test::VersionTwice,
        Test::VersionGap,
        Test::VersionValue,
        Test::LineWrites,
        Test::LineReads,
        Test::Refusals,
    ];
    let mut random = Random(3);
    let mut noticed = BTreeSet::new();
    for _ in 0..50_000 {
        let shape = shape(&mut random, 8);
        let (initial, history) = history(&mut random, shape);
        let truth = truth(&initial, &history);
        for (number, &test) in tests.iter().enumerate() {
            if noticed.contains(&number) {
                continue;
            }
            OFF.set(Some(test));
            if zones_are_right(&initial, &history, truth) == Some(false) {
                noticed.insert(number);
            }
            OFF.set(None);
        }
    }
    let missed: Vec<Test> = tests
        .iter()
        .enumerate()
        .filter(|(number, _)| !noticed.contains(number))
        .map(|(_, &test)| test)
        .collect();
    assert!(
        missed.is_empty(),
        "nobody noticed that these were missing: {missed:?}"
    );
}
