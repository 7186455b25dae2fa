//! Small random histories of one key, judged by the definition and by everything else in this
//! crate.
//!
//! `cargo test -p faultline-check` judges 50,000 of them; a million:
//! `FAULTLINE_CASES=1000000 cargo test -p faultline-check --lib fuzz -- --nocapture`.

use std::collections::BTreeSet;

use stateright::semantics::SequentialSpec;

use crate::{
    check::{Options, check_with, decide},
    history::Operation,
    search::Rules,
    spec::Spec,
    store::{Store, StoreCall, StoreOp, StoreReply},
    verdict::{Anomaly, Verdict, Violation},
    zones::{Decision, OFF, Test},
};

type Op = Operation<StoreCall, StoreReply>;

/// Splitmix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// What a case is made of.
#[derive(Clone, Copy)]
struct Shape {
    operations: u64,
    clients: u64,
    lost: u64,
    /// 0: all values differ and are terminated; 1: differ, but are no code; 2: few values.
    values: u64,
    /// Weights of put, append, get, compare-and-set, versioned put, versioned get.
    mix: [u64; 6],
    /// Whether failures tell what they saw: never, always, sometimes.
    telling: u64,
}

fn shape(random: &mut Random, most: u64) -> Shape {
    let mixes = [
        [3, 0, 3, 0, 0, 0],
        [1, 2, 3, 0, 0, 0],
        [0, 2, 3, 0, 0, 0],
        [0, 0, 2, 3, 0, 0],
        [1, 0, 2, 2, 0, 0],
        [1, 1, 2, 2, 0, 0],
        [0, 2, 2, 3, 0, 0],
        [0, 0, 0, 0, 3, 2],
        [0, 0, 0, 0, 2, 1],
        [1, 0, 0, 0, 1, 1],
    ];
    Shape {
        operations: 1 + random.below(most),
        clients: 1 + random.below(5),
        lost: random.pick(&[0, 10, 30]),
        values: random.pick(&[0, 0, 0, 1, 2]),
        mix: random.pick(&mixes),
        telling: random.below(3),
    }
}

fn value(random: &mut Random, shape: Shape, number: u64) -> Vec<u8> {
    match shape.values {
        0 => format!("{number};"),
        1 => ["a", "b", "ab", "ba", "c", "cc", "", "d"][number as usize % 8].to_owned(),
        _ => random.pick(&["a", "b", "ab"]).to_owned(),
    }
    .into_bytes()
}

fn operation(random: &mut Random, shape: Shape, number: u64, known: &[Vec<u8>]) -> StoreOp {
    let mut ticket = random.below(shape.mix.iter().sum());
    let kind = shape.mix.iter().position(|&weight| {
        let hit = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        hit
    });
    match kind {
        Some(0) => StoreOp::Put(value(random, shape, number)),
        Some(1) => StoreOp::Append(value(random, shape, number)),
        Some(2) => StoreOp::Get,
        Some(3) => StoreOp::Cas {
            from: random.pick(known),
            to: value(random, shape, number),
        },
        Some(4) => StoreOp::PutAt {
            version: random.below(4),
            value: value(random, shape, number),
        },
        _ => StoreOp::GetAt,
    }
}

/// A history of one key that a correct store could have produced, and then perhaps spoilt.
fn history(random: &mut Random, shape: Shape) -> (Store, Vec<Op>) {
    let mut store = Store {
        value: random.pick(&[b"".to_vec(), b"".to_vec(), b"i;".to_vec()]),
        version: 0,
    };
    let initial = store.clone();
    let mut clocks = vec![0; shape.clients as usize];
    let mut moments: Vec<(u64, u64, u64, u64)> = (0..shape.operations)
        .map(|_| {
            let client = random.below(shape.clients);
            let call = clocks[client as usize] + random.below(4);
            let length = random.below(7);
            clocks[client as usize] = call + length + 1;
            (
                call * 10 + random.below(length * 10 + 1),
                client,
                call,
                call + length,
            )
        })
        .collect();
    moments.sort_unstable();
    let mut known = vec![store.value.clone(), b"0;".to_vec(), b"a".to_vec()];
    let mut history = Vec::new();
    for (number, (_, client, call, at)) in (0..).zip(moments) {
        let op = operation(random, shape, number, &known);
        let command = StoreCall {
            key: String::new(),
            op,
        };
        let lost = random.chance(shape.lost);
        let mut reply = None;
        if !lost || random.chance(60) {
            reply = Some((at, store.invoke(&command))).filter(|_| !lost);
        }
        known.push(store.value.clone());
        if shape.telling == 0 || (shape.telling == 2 && random.chance(50)) {
            match &mut reply {
                Some((_, StoreReply::NotSwapped(seen))) => *seen = None,
                Some((_, StoreReply::NotStored(seen))) => *seen = None,
                _ => {}
            }
        }
        history.push(Op {
            client: client as u32,
            command,
            call,
            reply,
        });
    }
    for _ in 0..random.pick(&[0, 1, 2, 2, 4]) {
        spoil(random, &mut history, &known);
    }
    (initial, history)
}

fn spoil(random: &mut Random, history: &mut [Op], known: &[Vec<u8>]) {
    let at = random.below(history.len() as u64) as usize;
    let other = history[random.below(history.len() as u64) as usize]
        .reply
        .clone();
    let Op {
        command,
        call,
        reply,
        ..
    } = &mut history[at];
    if random.chance(25) {
        *call = random.below(*call + 1);
        return;
    }
    let Some((when, reply)) = reply else { return };
    if random.chance(15) {
        *when += random.below(20);
        return;
    }
    let any = |random: &mut Random| {
        let mut value = random.pick(known);
        if random.chance(15) {
            value.extend(random.pick(known));
        }
        if random.chance(30) {
            // One value's beginning with another one's end.
            let (other, border) = (random.pick(known), |value: &[u8]| {
                value.iter().position(|&byte| byte == b';')
            });
            if let (Some(one), Some(two)) = (border(&value), border(&other)) {
                value.truncate(one + 1);
                value.extend_from_slice(&other[two + 1..]);
            }
        }
        if random.chance(5) {
            value.pop();
        }
        value
    };
    match (&command.op, &mut *reply) {
        (StoreOp::Get, reply) => *reply = StoreReply::Value(any(random)),
        (StoreOp::GetAt, StoreReply::Versioned(value, version)) => match random.below(3) {
            0 => *value = any(random),
            1 => *version = random.below(4),
            _ => {
                if let Some((_, StoreReply::Versioned(..))) = &other {
                    *reply = other.expect("there is one").1;
                }
            }
        },
        (StoreOp::Cas { .. }, reply) => {
            *reply = match random.below(4) {
                0 | 1 => StoreReply::Done,
                2 => StoreReply::NotSwapped(None),
                _ => StoreReply::NotSwapped(Some(any(random))),
            }
        }
        (StoreOp::PutAt { .. }, reply) => {
            *reply = match random.below(3) {
                0 => StoreReply::Done,
                1 => StoreReply::NotStored(None),
                _ => StoreReply::NotStored(Some(random.below(4))),
            }
        }
        _ => {}
    }
}

/// By the definition, with a memory of (what is placed, the state).
pub(crate) struct Definition<'a> {
    pub history: &'a [Op],
    pub seen: BTreeSet<(u64, Vec<u8>, u64)>,
}

impl Definition<'_> {
    pub fn holds(&mut self, placed: u64, store: &Store) -> bool {
        let left: Vec<usize> = (0..self.history.len())
            .filter(|at| placed >> at & 1 == 0)
            .collect();
        let replied = |at: usize| self.history[at].reply.as_ref().map(|(at, _)| *at);
        let Some(deadline) = left.iter().filter_map(|&at| replied(at)).min() else {
            return true;
        };
        if !self
            .seen
            .insert((placed, store.value.clone(), store.version))
        {
            return false;
        }
        left.iter().any(|&at| {
            let Op {
                command,
                call,
                reply,
                ..
            } = &self.history[at];
            let mut after = store.clone();
            let fits = match reply {
                Some((_, reply)) => after.is_valid_step(command, reply),
                None => {
                    after.invoke(command);
                    true
                }
            };
            *call <= deadline && fits && self.holds(placed | 1 << at, &after)
        })
    }
}

pub(crate) fn truth(initial: &Store, history: &[Op]) -> bool {
    Definition {
        history,
        seen: BTreeSet::new(),
    }
    .holds(0, initial)
}

/// Whether `order` is a linearization.
fn explains(initial: &Store, history: &[Op], order: &[usize]) -> bool {
    let mut store = initial.clone();
    let fits = order.iter().all(|&at| match &history[at].reply {
        Some((_, reply)) => store.is_valid_step(&history[at].command, reply),
        None => {
            store.invoke(&history[at].command);
            true
        }
    });
    let precedes = |a: usize, b: usize| {
        history[a]
            .reply
            .as_ref()
            .is_some_and(|(at, _)| *at < history[b].call)
    };
    let in_time =
        (0..order.len()).all(|i| (i + 1..order.len()).all(|j| !precedes(order[j], order[i])));
    let mut once = order.to_vec();
    once.sort_unstable();
    once.dedup();
    let complete = (0..history.len()).all(|at| history[at].reply.is_none() || order.contains(&at));
    fits && in_time && once.len() == order.len() && complete
}

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
    for which in 0..6 {
        for (mut some, on) in [(Rules::ALL, false), (Rules::NONE, true)] {
            let Rules {
                eager_reads,
                twins,
                domination,
                unnoticed,
                quotient,
                viability,
            } = &mut some;
            *[
                eager_reads,
                twins,
                domination,
                unnoticed,
                quotient,
                viability,
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

/// The explanation of a violation: the shortest prefix, and a core that is among it.
fn explanation_is_true(initial: &Store, history: &[Op], violation: &Violation) -> bool {
    let end = violation.impossible;
    let end = (
        history[end]
            .reply
            .as_ref()
            .expect("a reply is the reason")
            .0,
        end,
    );
    let cut = |without: bool| -> Vec<Op> {
        let keep = |at: usize, reply: u64| {
            if without {
                (reply, at) < end
            } else {
                (reply, at) <= end
            }
        };
        let cut = |(at, op): (usize, &Op)| Op {
            reply: op.reply.clone().filter(|(on, _)| keep(at, *on)),
            ..op.clone()
        };
        history.iter().enumerate().map(cut).collect()
    };
    let future = violation.kind == Anomaly::FutureRead;
    let called =
        |at: &usize| violation.prefix.contains(at) || (future && violation.core[1..].contains(at));
    let among = |ops: &[usize]| ops.iter().all(called);
    // Of the others nothing is known but that they were called, and did not fail.
    let told = |at: usize| violation.core.contains(&at) || violation.context.contains(&at);
    let changes = |at: &&usize| {
        let Op { command, reply, .. } = &history[**at];
        !Store::as_kv(command, reply.as_ref().map(|(_, reply)| reply))
            .is_some_and(|kv| kv.only_reads())
    };
    let forget = |&at: &usize| match &history[at] {
        op if told(at) => op.clone(),
        op => Op {
            call: 0,
            reply: None,
            ..op.clone()
        },
    };
    let all: Vec<usize> = (0..history.len()).filter(called).collect();
    let enough: Vec<Op> = all
        .iter()
        .filter(|at| told(**at) || changes(at))
        .map(forget)
        .collect();
    violation.shortest
        && !truth(initial, &enough)
        && !truth(initial, &cut(false))
        && truth(initial, &cut(true))
        && !violation.core.is_empty()
        && among(&violation.core)
        && among(&violation.context)
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
