//! Small random histories of queues, locks and banks, judged by the definition and by everything
//! else in this crate.

use std::fmt::Debug;

use stateright::semantics::SequentialSpec;

use super::{
    definition::{explains, explanation_is_true, truth},
    generate::Random,
};
use crate::{
    check::check_with,
    history::OperationOf,
    objects::{
        Bank, BankCall, BankReply, Lock, LockCall, LockOp, Queue, QueueCall, QueueOp, QueueReply,
    },
    options::Options,
    rules::Rules,
    spec::Spec,
    verdict::Verdict,
};

/// An object, and how its histories are made and spoilt.
trait Fuzzed: Spec + Default + Debug + SequentialSpec<Op: Clone, Ret: Clone> {
    fn command(random: &mut Random, number: u64, few: u64) -> Self::Op;
    fn other_reply(random: &mut Random, command: &Self::Op) -> Self::Ret;
}

impl Fuzzed for Queue {
    fn command(random: &mut Random, number: u64, few: u64) -> QueueCall {
        let op = match random.below(100) {
            0..50 if few == 0 => QueueOp::Enqueue(format!("{number}")),
            0..50 => QueueOp::Enqueue(format!("{}", number % few)),
            _ => QueueOp::Dequeue,
        };
        QueueCall {
            queue: String::new(),
            op,
        }
    }

    fn other_reply(random: &mut Random, command: &QueueCall) -> QueueReply {
        match command.op {
            QueueOp::Enqueue(_) => QueueReply::Added,
            QueueOp::Dequeue if random.below(3) == 0 => QueueReply::Taken(None),
            QueueOp::Dequeue => QueueReply::Taken(Some(format!("{}", random.below(9)))),
        }
    }
}

impl Fuzzed for Lock {
    fn command(random: &mut Random, _: u64, _: u64) -> LockCall {
        LockCall {
            lock: String::new(),
            op: random.pick(&[LockOp::Acquire, LockOp::Release]),
        }
    }

    fn other_reply(random: &mut Random, _: &LockCall) -> bool {
        random.below(2) == 0
    }
}

impl Fuzzed for Bank {
    fn command(random: &mut Random, _: u64, few: u64) -> BankCall {
        let account = |random: &mut Random| format!("{}", random.below(3));
        let amount = |random: &mut Random| 1 + random.below(2 + few);
        match random.below(8) {
            0..2 => BankCall::Deposit {
                account: account(random),
                amount: amount(random),
            },
            2..5 => BankCall::Transfer {
                from: account(random),
                to: account(random),
                amount: amount(random),
            },
            5 => BankCall::Balances(vec![account(random), account(random)]),
            _ => BankCall::Balances((0..3).map(|number| format!("{number}")).collect()),
        }
    }

    fn other_reply(random: &mut Random, command: &BankCall) -> BankReply {
        match command {
            BankCall::Deposit { .. } => BankReply::Done,
            BankCall::Transfer { .. } => random.pick(&[BankReply::Done, BankReply::Refused]),
            BankCall::Balances(accounts) => {
                BankReply::Balances(accounts.iter().map(|_| random.below(4)).collect())
            }
        }
    }
}

/// A history that a correct object could have produced, and then perhaps spoilt.
fn history<S: Fuzzed>(random: &mut Random) -> Vec<OperationOf<S>> {
    let (clients, few) = (1 + random.below(4), random.below(4));
    let lost_per_cent = random.pick(&[0, 0, 10, 30]);
    let operations = 2 + random.below(8);
    let mut clocks = vec![0; clients as usize];
    let mut moments: Vec<(u64, u64, u64, u64)> = (0..operations)
        .map(|_| {
            let client = random.below(clients);
            let call = clocks[client as usize] + random.below(4);
            let length = random.below(9);
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
    let mut object = S::default();
    let mut history: Vec<OperationOf<S>> = Vec::new();
    for (number, (_, client, call, at)) in (0..).zip(moments) {
        let command = S::command(random, number, few);
        let lost = random.below(100) < lost_per_cent;
        let happened = !lost || random.below(2) == 0;
        let reply = happened.then(|| object.invoke(&command));
        history.push(OperationOf::<S> {
            client: client as u32,
            command,
            call,
            reply: reply.filter(|_| !lost).map(|reply| (at, reply)),
        });
    }
    for _ in 0..random.pick(&[0, 0, 1, 2, 3]) {
        let (one, other) = (random.below(operations), random.below(operations));
        let OperationOf::<S> {
            command: same,
            reply: taken,
            ..
        } = history[other as usize].clone();
        let operation = &mut history[one as usize];
        match (random.below(4), &mut operation.reply, taken) {
            (0, ..) => operation.call = random.below(operation.call + 1),
            (1, Some((at, _)), _) => *at += random.below(9),
            (2, Some((_, reply)), Some((_, taken))) if operation.command == same => *reply = taken,
            (_, Some((_, reply)), _) => *reply = S::other_reply(random, &operation.command),
            _ => {}
        }
    }
    history
}

/// Judges many.
fn judge<S: Fuzzed>(seed: u64) {
    let mut random = Random(seed);
    let (mut good, mut explained) = (0, 0);
    let cases = super::cases() / 2;
    for case in 0..cases {
        let history = history::<S>(&mut random);
        let initial = S::default();
        let truth = truth(&initial, &history);
        good += u64::from(truth);
        let no_pairs = Rules {
            pairs: false,
            ..Rules::ALL
        };
        let only = |commuting, viability, pairs| Rules {
            commuting,
            viability,
            pairs,
            ..Rules::NONE
        };
        for (zones, rules) in [
            (true, Rules::ALL),
            (false, Rules::ALL),
            (false, no_pairs),
            (false, Rules::NONE),
            (false, only(true, false, false)),
            (false, only(false, true, false)),
            (false, only(false, false, true)),
        ] {
            let explain = zones && case % 4 == 0;
            let options = Options {
                zones,
                rules,
                explain,
                ..Options::default()
            };
            let checked = check_with(&initial, &history, &options).expect("replies follow calls");
            let right = match &checked.verdict {
                Verdict::Linearizable { witness } => {
                    truth
                        && witness
                            .iter()
                            .all(|order| is_an_order(&initial, &history, order))
                }
                Verdict::Violated(violation) if explain => {
                    explained += 1;
                    !truth && explanation_is_true(&initial, &history, violation)
                }
                Verdict::Violated(_) => !truth,
                Verdict::Undecided { .. } => false,
            };
            assert!(
                right,
                "it is {truth}; {options:?}: {checked:#?} of {history:#?}"
            );
        }
    }
    println!("{cases} histories: {good} linearizable, {explained} explained");
    assert!(
        good > cases / 5 && good < cases * 9 / 10,
        "{good} of {cases}"
    );
    assert!(explained > cases / 60, "{explained}");
}

/// Whether `order` explains those operations that it is about. (Banks are not always in one part.)
fn is_an_order<S: Fuzzed>(initial: &S, history: &[OperationOf<S>], order: &[usize]) -> bool {
    let key = |at: usize| S::partition(&history[at].command);
    let whole = (0..history.len()).any(|at| key(at).is_none());
    let of_part = |at: &usize| whole || order.first().is_some_and(|&first| key(first) == key(*at));
    let part: Vec<usize> = (0..history.len()).filter(of_part).collect();
    let operations: Vec<OperationOf<S>> = part.iter().map(|&at| history[at].clone()).collect();
    let place = |at: &usize| part.iter().position(|other| other == at);
    let order: Option<Vec<usize>> = order.iter().map(place).collect();
    order.is_some_and(|order| order.is_empty() || explains(initial, &operations, &order))
}

#[test]
fn queues_agree_with_the_definition() {
    judge::<Queue>(11);
}

#[test]
fn locks_agree_with_the_definition() {
    judge::<Lock>(12);
}

#[test]
fn banks_agree_with_the_definition() {
    judge::<Bank>(13);
}
