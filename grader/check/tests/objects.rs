//! Models that are no key-value store: histories of a few hundred operations of several clients,
//! with lost replies, are decided, right or wrong.

mod kv;

use std::{fmt::Debug, ops::Range};

use faultline_check::{
    Anomaly, Bank, BankCall, BankReply, Lock, LockCall, LockOp, OperationOf, Options, Queue,
    QueueCall, QueueOp, QueueReply, Rules, Spec, Store, StoreCall, StoreOp, StoreReply, Verdict,
    check_with,
};
use kv::Random;

/// A history of clients that each do one thing after the other, on an object that does all of it
/// right.
fn recorded<S: Spec + Default>(
    random: &mut Random,
    (clients, operations): (u64, u64),
    lost_per_cent: u64,
    mut command: impl FnMut(&mut Random, u64) -> S::Op,
) -> Vec<OperationOf<S>> {
    let mut free = vec![0; clients as usize];
    let mut planned: Vec<(u64, u64, u64, u64, u64)> = (0..operations)
        .map(|number| {
            let client = number % clients;
            let call = free[client as usize] + random.below(10);
            let ret = call + 1 + random.below(30);
            free[client as usize] = ret + 1;
            (
                call + random.below(ret - call + 1),
                number,
                client,
                call,
                ret,
            )
        })
        .collect();
    planned.sort_unstable();
    let mut object = S::default();
    let mut history: Vec<OperationOf<S>> = Vec::new();
    for (_, number, client, call, ret) in planned {
        let command = command(random, number);
        let lost = random.chance(lost_per_cent);
        // Half of the lost ones never happened.
        let reply = (!lost || random.chance(50)).then(|| object.invoke(&command));
        let reply = reply.filter(|_| !lost).map(|reply| (ret, reply));
        history.push(OperationOf::<S> {
            client: client as u32,
            command,
            call,
            reply,
        });
    }
    history.sort_by_key(|operation| operation.call);
    history
}

/// The verdict, which must be one.
fn decided<S: Spec + Default>(history: &[OperationOf<S>]) -> bool {
    let checked = check_with(
        &S::default(),
        history,
        &Options {
            explain: false,
            ..Options::default()
        },
    );
    let checked = checked.expect("replies follow calls");
    match checked.verdict {
        Verdict::Linearizable { .. } => true,
        Verdict::Violated(_) => false,
        Verdict::Undecided { explored } => panic!("undecided after {explored} configurations"),
    }
}

/// Judges correct histories, and the same with one reply exchanged for a wrong one.
fn judge<S: Spec + Default + Debug>(
    seeds: Range<u64>,
    operations: u64,
    command: impl Fn(&mut Random, u64) -> S::Op,
    spoil: impl Fn(&mut S::Ret) -> bool,
) {
    let (mut spoilt, mut noticed) = (0, 0);
    for seed in seeds {
        let mut random = Random(seed);
        let mut history = recorded::<S>(&mut random, (6, operations), 3, &command);
        assert!(decided::<S>(&history), "seed {seed}: {history:#?}");
        let half = history.len() / 2 + random.below(history.len() as u64 / 4) as usize;
        let wrong = history[half..]
            .iter_mut()
            .filter_map(|operation| operation.reply.as_mut());
        if wrong.map(|(_, reply)| reply).any(&spoil) {
            spoilt += 1;
            noticed += u64::from(!decided::<S>(&history));
        }
    }
    // A reply that is wrong may have been possible all the same.
    assert!(
        noticed > 0,
        "{noticed} of {spoilt} wrong replies were noticed"
    );
}

#[test]
fn queues() {
    let command = |random: &mut Random, number: u64| {
        let op = if random.chance(50) {
            QueueOp::Enqueue(format!("{number}"))
        } else {
            QueueOp::Dequeue
        };
        QueueCall {
            queue: "q".to_owned(),
            op,
        }
    };
    judge::<Queue>(0..20, 300, command, |reply| match reply {
        QueueReply::Taken(value @ Some(_)) => {
            *value = None;
            true
        }
        _ => false,
    });
}

#[test]
fn locks() {
    let command = |random: &mut Random, _| LockCall {
        lock: "l".to_owned(),
        op: if random.chance(50) {
            LockOp::Acquire
        } else {
            LockOp::Release
        },
    };
    judge::<Lock>(0..20, 300, command, |reply| {
        *reply = !*reply;
        true
    });
}

#[test]
fn transactions_on_several_accounts() {
    let account = |random: &mut Random| format!("a{}", random.below(5));
    let command = |random: &mut Random, _| match random.below(4) {
        0 => BankCall::Deposit {
            account: account(random),
            amount: 1 + random.below(100),
        },
        1 => BankCall::Balances((0..5).map(|number| format!("a{number}")).collect()),
        _ => BankCall::Transfer {
            from: account(random),
            to: account(random),
            amount: 1 + random.below(60),
        },
    };
    judge::<Bank>(0..20, 300, command, |reply| match reply {
        BankReply::Balances(balances) => {
            balances[0] += 1;
            true
        }
        _ => false,
    });
}

/// Few values, so most are there several times, and many clients: as pairs they are decided in
/// about one configuration each.
#[test]
fn queues_of_equal_values_and_many_clients() {
    let mut bad = 0;
    for seed in 0..20 {
        for values in [3, 20, u64::MAX] {
            let mut random = Random(seed);
            let command = |random: &mut Random, number: u64| QueueCall {
                queue: "q".to_owned(),
                op: match random.chance(50) {
                    true => QueueOp::Enqueue(format!("{}", number % values)),
                    false => QueueOp::Dequeue,
                },
            };
            let mut history = recorded::<Queue>(&mut random, (20, 500), 3, command);
            let options = Options {
                budget: 5_000,
                explain: false,
                ..Options::default()
            };
            let verdict = |history: &[_]| {
                let checked = Queue::check(history, &options).expect("replies follow calls");
                checked.verdict
            };
            assert!(matches!(verdict(&history), Verdict::Linearizable { .. }));
            // Two takes of different values change places.
            let takes: Vec<usize> = (250..history.len())
                .filter(|&at| matches!(history[at].reply, Some((_, QueueReply::Taken(Some(_))))))
                .collect();
            let (one, other) = (takes[0], takes[takes.len() - 1]);
            let taken = |at: usize| history[at].reply.clone().expect("it has one").1;
            let (first, last) = (taken(one), taken(other));
            history[one].reply.as_mut().expect("it has one").1 = last;
            history[other].reply.as_mut().expect("it has one").1 = first;
            match verdict(&history) {
                Verdict::Violated(_) => bad += 1,
                // Equal ones may change places.
                Verdict::Linearizable { .. } => assert!(values < 21, "{seed} {values}"),
                Verdict::Undecided { .. } => panic!("undecided: seed {seed}, {values} values"),
            }
        }
    }
    assert!(bad >= 30, "{bad}");
}

#[test]
fn banks_of_twenty_clients() {
    let account = |random: &mut Random| format!("a{}", random.below(5));
    let command = |random: &mut Random, number: u64| match random.below(2) {
        _ if number < 5 => BankCall::Deposit {
            account: format!("a{number}"),
            amount: 1_000,
        },
        0 => BankCall::Balances((0..5).map(|number| format!("a{number}")).collect()),
        _ => BankCall::Transfer {
            from: account(random),
            to: account(random),
            amount: 1 + random.below(5),
        },
    };
    for seed in 0..4 {
        let mut history = recorded::<Bank>(&mut Random(seed), (20, 500), 3, command);
        assert!(decided::<Bank>(&history), "seed {seed}");
        let read = |operation: &&mut OperationOf<Bank>| {
            matches!(operation.reply, Some((_, BankReply::Balances(_))))
        };
        let late = history
            .iter_mut()
            .skip(350)
            .find(read)
            .expect("there are many");
        let Some((_, BankReply::Balances(balances))) = &mut late.reply else {
            unreachable!("it reads")
        };
        // The sum is right.
        (balances[0], balances[1]) = (balances[0] + 7, balances[1] - 7);
        assert!(!decided::<Bank>(&history), "seed {seed}");
    }
}

/// Dozens of open operations in any order, and a reply that none of the orders brings.
fn is_found<S: Spec + Default>(many: impl Fn(u32) -> S::Op, wrong: (S::Op, S::Ret), kind: Anomaly) {
    let mut history: Vec<OperationOf<S>> = (0..40)
        .map(|client| OperationOf::<S> {
            client,
            command: many(client),
            call: 1,
            reply: None,
        })
        .collect();
    history.push(OperationOf::<S> {
        client: 40,
        command: wrong.0,
        call: 5,
        reply: Some((6, wrong.1)),
    });
    let checked = check_with(&S::default(), &history, &Options::default());
    let checked = checked.expect("replies follow calls");
    let Verdict::Violated(violation) = checked.verdict else {
        panic!("{:?}", checked.verdict)
    };
    assert_eq!(
        (violation.kind, checked.explored),
        (kind, 0),
        "{violation:?}"
    );
    assert!(violation.core.contains(&40) && violation.impossible == 40);
}

#[test]
fn what_nobody_brought_is_found_without_a_search() {
    let queue = |op| QueueCall {
        queue: String::new(),
        op,
    };
    let taken = |value: &str| {
        let reply = QueueReply::Taken(Some(value.to_owned()));
        (queue(QueueOp::Dequeue), reply)
    };
    let add = |number: u32| queue(QueueOp::Enqueue(format!("{}", number % 4)));
    is_found::<Queue>(add, taken("9"), Anomaly::Phantom);
    let lock = |op| LockCall {
        lock: String::new(),
        op,
    };
    let release = |_| lock(LockOp::Release);
    is_found::<Lock>(release, (lock(LockOp::Release), true), Anomaly::Phantom);
    let deposit = |number: u32| BankCall::Deposit {
        account: format!("{}", number % 2),
        amount: 2,
    };
    let read = BankCall::Balances(vec!["0".to_owned()]);
    is_found::<Bank>(
        deposit,
        (read, BankReply::Balances(vec![41])),
        Anomaly::Phantom,
    );
}

#[test]
fn values_that_nobody_wrote_are_found_without_a_search() {
    let store = |op| StoreCall {
        key: String::new(),
        op,
    };
    let write = |number: u32| match number % 3 {
        0 => store(StoreOp::Put(vec![b'a' + (number % 5) as u8])),
        1 => store(StoreOp::Cas {
            from: b"a".to_vec(),
            to: vec![b'a' + (number % 7) as u8],
        }),
        // Nobody ever writes what it needs.
        _ => store(StoreOp::Cas {
            from: b"y".to_vec(),
            to: b"z".to_vec(),
        }),
    };
    let get = |value: &[u8]| (store(StoreOp::Get), StoreReply::Value(value.to_vec()));
    is_found::<Store>(write, get(b"x"), Anomaly::Phantom);
    is_found::<Store>(write, get(b"z"), Anomaly::Phantom);
    let append = |number: u32| match number % 2 {
        0 => store(StoreOp::Append(b"ab".to_vec())),
        _ => store(StoreOp::Put(b"c".to_vec())),
    };
    is_found::<Store>(append, get(b"cabb"), Anomaly::Phantom);
}

/// What the model of queues says of what is still to come may only shorten the search.
#[test]
fn small_queues_are_judged_as_by_the_plain_search() {
    let mut random = Random(7);
    let command = |random: &mut Random, number: u64| {
        // Few values, so that some are there twice.
        let value = if random.chance(70) {
            number
        } else {
            number % 3
        };
        let op = if random.chance(55) {
            QueueOp::Enqueue(format!("{value}"))
        } else {
            QueueOp::Dequeue
        };
        QueueCall {
            queue: String::new(),
            op,
        }
    };
    let (mut good, cases) = (0, 20_000);
    for _ in 0..cases {
        let operations = 3 + random.below(7);
        let mut history = recorded::<Queue>(&mut random, (2, operations), 15, command);
        for _ in 0..random.below(4) {
            let (one, other) = (
                random.below(operations) as usize,
                random.below(operations) as usize,
            );
            let taken = history[other].reply.clone().map(|(_, reply)| reply);
            let operation = &mut history[one];
            match (&mut operation.reply, taken) {
                (Some((_, QueueReply::Taken(value))), Some(QueueReply::Taken(other))) => {
                    *value = other
                }
                (Some((_, QueueReply::Taken(value))), _) => *value = None,
                _ => operation.call = operation.call.saturating_sub(random.below(9)),
            }
        }
        let judge = |rules| {
            let options = Options {
                rules,
                explain: false,
                ..Options::default()
            };
            match check_with(&Queue::default(), &history, &options)
                .expect("replies follow calls")
                .verdict
            {
                Verdict::Linearizable { .. } => true,
                Verdict::Violated(_) => false,
                Verdict::Undecided { .. } => panic!("it is small"),
            }
        };
        let truth = judge(Rules::NONE);
        assert_eq!(judge(Rules::ALL), truth, "{history:#?}");
        good += u64::from(truth);
    }
    assert!(
        good > cases / 4 && good < cases * 9 / 10,
        "{good} of {cases} are linearizable"
    );
}

/// Both transactions read what neither of them wrote: each account for itself is fine, the two
/// together are not.
#[test]
fn a_write_skew_is_no_order_of_transactions() {
    let deposit = |account: &str, call| OperationOf::<Bank> {
        client: 0,
        command: BankCall::Deposit {
            account: account.to_owned(),
            amount: 1,
        },
        call,
        reply: Some((call + 10, BankReply::Done)),
    };
    let read = |seen: [u64; 2], client| OperationOf::<Bank> {
        client,
        command: BankCall::Balances(vec!["a".to_owned(), "b".to_owned()]),
        call: 5,
        reply: Some((9, BankReply::Balances(seen.to_vec()))),
    };
    assert!(decided::<Bank>(&[
        deposit("a", 0),
        deposit("b", 0),
        read([1, 0], 1),
        read([1, 1], 2)
    ]));
    assert!(!decided::<Bank>(&[
        deposit("a", 0),
        deposit("b", 0),
        read([1, 0], 1),
        read([0, 1], 2)
    ]));
}
