//! The search against the definition: small random histories, each also judged by trying all
//! orders.

mod kv;

use std::collections::BTreeSet;

use faultline_check::{DEFAULT_BUDGET, Possible, SequentialSpec, Spec, Verdict, Violation, check};
use kv::{Command, Foresighted, Op, Random, Reply, Shape, Value, corrupt, explains, linearizable};

/// All linearizations of the operations `part`: for each, the order and the last value.
struct AllOrders<'a> {
    history: &'a [Op],
    part: &'a [usize],
    /// This one may reply anything.
    free: Option<usize>,
    visit: &'a mut dyn FnMut(&[usize], &Value),
}

impl AllOrders<'_> {
    fn extend(&mut self, order: &mut Vec<usize>, value: &Value) {
        let left: Vec<usize> = self
            .part
            .iter()
            .copied()
            .filter(|at| !order.contains(at))
            .collect();
        if left.iter().all(|&at| self.history[at].reply.is_none()) {
            (self.visit)(order, value);
        }
        for &next in &left {
            // Whatever precedes `next` and has to be in the order is there already.
            let call = self.history[next].call;
            if left.iter().any(|&at| {
                self.history[at]
                    .reply
                    .as_ref()
                    .is_some_and(|(reply, _)| *reply < call)
            }) {
                continue;
            }
            let mut after = value.clone();
            let reply = after.invoke(&self.history[next].command);
            let seen = self.history[next]
                .reply
                .as_ref()
                .filter(|_| self.free != Some(next));
            if seen.is_none_or(|(_, seen)| *seen == reply) {
                order.push(next);
                self.extend(order, &after);
                order.pop();
            }
        }
    }
}

fn all_orders(
    history: &[Op],
    part: &[usize],
    free: Option<usize>,
    mut visit: impl FnMut(&[usize], &Value),
) {
    AllOrders {
        history,
        part,
        free,
        visit: &mut visit,
    }
    .extend(&mut Vec::new(), &Value::default());
}

fn oracle(history: &[Op], part: &[usize]) -> bool {
    let mut found = false;
    all_orders(history, part, None, |_, _| found = true);
    found
}

fn parts(history: &[Op]) -> Vec<Vec<usize>> {
    let keys: BTreeSet<_> = history
        .iter()
        .map(|op| Value::partition(&op.command))
        .collect();
    let part = |key| {
        (0..history.len())
            .filter(|&at| Value::partition(&history[at].command) == key)
            .collect()
    };
    keys.into_iter().map(part).collect()
}

/// The history up to the reply of `last`, which is left out if `without`.
fn cut(history: &[Op], last: usize, without: bool) -> Vec<Op> {
    let end = (
        history[last]
            .reply
            .as_ref()
            .expect("it ends with a reply")
            .0,
        last,
    );
    let cut = |(at, op): (usize, &Op)| {
        let reply = op
            .reply
            .clone()
            .filter(|(reply, _)| (*reply, at) <= end && !(without && at == last));
        Op {
            reply,
            ..op.clone()
        }
    };
    history.iter().enumerate().map(cut).collect()
}

/// Holds every field of a violation against its meaning.
fn assert_violation_is_true(history: &[Op], violation: &Violation) {
    let Violation {
        operations,
        prefix,
        impossible,
        ..
    } = violation;
    let key = Value::partition(&history[*impossible].command);
    let mut part: Vec<usize> = (0..history.len())
        .filter(|&at| Value::partition(&history[at].command) == key)
        .collect();
    part.sort_by_key(|&at| (history[at].call, at));
    assert_eq!(*operations, part);
    let end = history[*impossible]
        .reply
        .as_ref()
        .expect("its reply is the reason")
        .0;
    part.retain(|&at| history[at].call <= end);
    assert_eq!(*prefix, part);

    let with = cut(history, *impossible, false);
    let without = cut(history, *impossible, true);
    assert!(!oracle(&with, prefix), "the prefix can be explained");
    assert!(violation.shortest);
    assert!(explains(&without, prefix, &violation.linearization));

    let mut states = BTreeSet::new();
    all_orders(&without, prefix, None, |_, value| {
        states.insert(format!("{value:?}"));
    });
    assert_lists(&violation.possible_states, &states);

    let mut replies = BTreeSet::new();
    all_orders(&with, prefix, Some(*impossible), |order, _| {
        let mut value = Value::default();
        for &at in order {
            let reply = value.invoke(&history[at].command);
            if at == *impossible {
                replies.insert(format!("{reply:?}"));
            }
        }
    });
    assert_lists(&violation.possible_replies, &replies);
}

/// A short list has all values, a long one some of them, each once.
fn assert_lists(possible: &Possible, all: &BTreeSet<String>) {
    let listed: BTreeSet<_> = possible.values.iter().cloned().collect();
    assert_eq!(listed.len(), possible.values.len());
    assert_eq!(listed.len(), all.len().min(8));
    assert!(listed.is_subset(all));
    assert_eq!(possible.complete, all.len() <= 8);
}

/// Checks `cases` histories of up to `most` operations; how many were linearizable and how many
/// not.
fn compare_with_all_orders<S>(seed: u64, cases: u64, most: u64, mut shape: Shape) -> (u64, u64)
where
    S: Spec<Op = Command, Ret = Reply> + Default,
{
    let mut random = Random(seed);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..cases {
        shape.operations = 1 + random.below(most);
        shape.clients = 1 + random.below(5);
        let mut history = linearizable(&mut random, shape);
        let untouched = random.chance(20);
        if !untouched {
            corrupt(&mut random, &mut history);
        }
        let parts = parts(&history);
        let expected = parts.iter().all(|part| oracle(&history, part));
        assert!(
            expected || !untouched,
            "the generator makes linearizable histories: {history:#?}"
        );
        match check(&S::default(), &history, DEFAULT_BUDGET).expect("replies follow calls") {
            Verdict::Linearizable { witness } => {
                assert!(expected, "no order explains {history:#?}");
                assert_eq!(witness.len(), parts.len());
                for (part, order) in parts.iter().zip(&witness) {
                    assert!(
                        explains(&history, part, order),
                        "{order:?} does not explain {history:#?}"
                    );
                }
                good += 1;
            }
            Verdict::Violated(violation) => {
                assert!(!expected, "some order explains {history:#?}");
                assert_violation_is_true(&history, &violation);
                bad += 1;
            }
            Verdict::Undecided { .. } => panic!("seven operations fit into any budget"),
        }
    }
    (good, bad)
}

/// Both verdicts have to be there in good numbers, or the comparison says little.
fn assert_agreement(seed: u64, shape: Shape) {
    let (good, bad) = compare_with_all_orders::<Value>(seed, 20_000, 7, shape);
    assert!(
        good > 5_000 && bad > 3_000,
        "{good} linearizable, {bad} not"
    );
    let (good, bad) = compare_with_all_orders::<Foresighted>(seed + 100, 20_000, 7, shape);
    assert!(
        good > 5_000 && bad > 3_000,
        "{good} linearizable, {bad} not"
    );
}

#[test]
fn small_histories_are_judged_as_by_all_orders() {
    let mix = [1, 1, 2, 1];
    assert_agreement(
        1,
        Shape {
            operations: 0,
            clients: 0,
            keys: 1,
            lost: 20,
            unique: false,
            mix,
        },
    );
}

#[test]
fn small_histories_of_two_keys_are_judged_as_by_all_orders() {
    let mix = [1, 1, 2, 1];
    assert_agreement(
        2,
        Shape {
            operations: 0,
            clients: 0,
            keys: 2,
            lost: 20,
            unique: false,
            mix,
        },
    );
}

#[test]
fn small_histories_with_many_lost_replies_are_judged_as_by_all_orders() {
    let mix = [2, 2, 3, 3];
    assert_agreement(
        3,
        Shape {
            operations: 0,
            clients: 0,
            keys: 1,
            lost: 50,
            unique: false,
            mix,
        },
    );
}

#[test]
fn small_histories_with_unique_values_are_judged_as_by_all_orders() {
    let mix = [1, 1, 2, 0];
    assert_agreement(
        4,
        Shape {
            operations: 0,
            clients: 0,
            keys: 1,
            lost: 20,
            unique: true,
            mix,
        },
    );
}

/// Wing and Gong's search with Lowe's cache and without any further rule.
struct Plain<'a> {
    history: &'a [Op],
    seen: BTreeSet<(u64, Value)>,
}

impl Plain<'_> {
    fn solvable(&mut self, placed: u64, value: Value) -> bool {
        let open = |at: &usize| placed >> at & 1 == 0;
        let deadline = |at: usize| self.history[at].reply.as_ref().map(|(reply, _)| *reply);
        let Some(deadline) = (0..self.history.len())
            .filter(open)
            .filter_map(deadline)
            .min()
        else {
            return true;
        };
        if !self.seen.insert((placed, value.clone())) {
            return false;
        }
        (0..self.history.len()).filter(open).any(|at| {
            let Op {
                command,
                call,
                reply,
                ..
            } = &self.history[at];
            let mut after = value.clone();
            let replied = after.invoke(command);
            let fits = reply.as_ref().is_none_or(|(_, seen)| *seen == replied);
            *call <= deadline && fits && self.solvable(placed | 1 << at, after)
        })
    }
}

#[test]
fn longer_histories_are_judged_as_by_the_plain_search() {
    compare_with_plain_search::<Value>(5);
    compare_with_plain_search::<Foresighted>(6);
}

fn compare_with_plain_search<S>(seed: u64)
where
    S: Spec<Op = Command, Ret = Reply> + Default,
{
    let mut random = Random(seed);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..4_000 {
        let shape = Shape {
            operations: 10 + random.below(20),
            clients: 2 + random.below(4),
            keys: 1,
            lost: random.below(15),
            unique: random.chance(30),
            mix: [1, random.below(2), 2, random.below(2)],
        };
        let mut history = linearizable(&mut random, shape);
        for _ in 0..random.below(3) {
            corrupt(&mut random, &mut history);
        }
        let expected = Plain {
            history: &history,
            seen: BTreeSet::new(),
        }
        .solvable(0, Value::default());
        match check(&S::default(), &history, DEFAULT_BUDGET).expect("replies follow calls") {
            Verdict::Linearizable { witness } => {
                assert!(expected, "no order explains {history:#?}");
                assert!(explains(
                    &history,
                    &(0..history.len()).collect::<Vec<_>>(),
                    &witness[0]
                ));
                good += 1;
            }
            Verdict::Violated(violation) => {
                assert!(!expected, "some order explains {history:#?}");
                let plain = |without| {
                    let cut = cut(&history, violation.impossible, without);
                    Plain {
                        history: &cut,
                        seen: BTreeSet::new(),
                    }
                    .solvable(0, Value::default())
                };
                assert!(violation.shortest && plain(true) && !plain(false));
                bad += 1;
            }
            Verdict::Undecided { explored } => panic!("undecided after {explored}: {history:#?}"),
        }
    }
    assert!(
        good > 1_000 && bad > 1_000,
        "{good} linearizable, {bad} not"
    );
}

#[test]
fn the_oracle_itself_knows_right_from_wrong() {
    let op = |command, call, reply| Op {
        client: 0,
        command,
        call,
        reply: Some(reply),
    };
    let put = op(Command::Put(0, "a".into()), 0, (2, Reply::Done));
    let get = |call, value: &str| {
        op(
            Command::Get(0),
            call,
            (call + 1, Reply::Value(value.into())),
        )
    };
    assert!(oracle(&[put.clone(), get(2, "")], &[0, 1]));
    assert!(oracle(&[put.clone(), get(3, "a")], &[0, 1]));
    assert!(!oracle(&[put, get(3, "")], &[0, 1]));
}
