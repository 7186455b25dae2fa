//! Models that are no key-value store: histories of a few hundred operations of several clients,
//! with lost replies, are decided, right or wrong.

mod kv;

use std::{fmt::Debug, ops::Range};

use faultline_check::{
    Bank, BankCall, BankReply, Lock, LockCall, LockOp, OperationOf, Options, Queue, QueueCall,
    QueueOp, QueueReply, Rules, Spec, Verdict, check_with,
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
