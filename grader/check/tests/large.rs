//! Long histories of objects, and many operations at once: what is done before a search, and what
//! it costs to begin one, is bounded. (On quadratic time these tests would take hours, and on lists
//! of all that is open gigabytes.)

mod kv;

use std::collections::VecDeque;

use faultline_check::{
    Anomaly, Bank, BankCall, BankReply, DEFAULT_BUDGET, Operation, Options, Queue, QueueCall,
    QueueOp, QueueReply, SequentialSpec, Spec, Verdict, check_with,
};

/// The verdict, without its explanation, and how many configurations it took.
fn judge<S: Spec + Default>(history: &[Operation<S::Op, S::Ret>]) -> (Verdict, u64) {
    judge_within::<S>(history, DEFAULT_BUDGET)
}

fn judge_within<S: Spec + Default>(
    history: &[Operation<S::Op, S::Ret>],
    budget: u64,
) -> (Verdict, u64) {
    let options = Options {
        budget,
        explain: false,
        ..Options::default()
    };
    let checked = check_with(&S::default(), history, &options).expect("replies follow calls");
    (checked.verdict, checked.explored)
}

const ACCOUNTS: u64 = 4;

/// One operation after the other: half of them read all accounts.
fn accounts(operations: u64) -> Vec<Operation<BankCall, BankReply>> {
    let account = |number: u64| format!("{}", number % ACCOUNTS);
    let mut bank = Bank::default();
    let command = |number: u64| match number % 4 {
        0 => BankCall::Deposit {
            account: account(number / 4),
            amount: 1 + number % 3,
        },
        2 => BankCall::Transfer {
            from: account(number / 4),
            to: account(number / 4 + 1),
            amount: 1,
        },
        _ => BankCall::Balances((0..ACCOUNTS).map(account).collect()),
    };
    (0..operations)
        .map(|number| {
            let command = command(number);
            let reply = bank.invoke(&command);
            Operation {
                client: (number % 5) as u32,
                command,
                call: 2 * number,
                reply: Some((2 * number + 1, reply)),
            }
        })
        .collect()
}

#[test]
fn hundreds_of_thousands_of_transactions_are_judged_in_passing() {
    let operations = 200_000;
    let mut history = accounts(operations);
    let (verdict, explored) = judge::<Bank>(&history);
    assert!(
        matches!(verdict, Verdict::Linearizable { .. }) && explored <= 2 * operations,
        "{explored} configurations"
    );
    // One of the last reads of all misses what was deposited.
    let late = history.len() - 5;
    let Some((_, BankReply::Balances(seen))) = &mut history[late].reply else {
        panic!("{:?} reads", history[late])
    };
    seen[0] -= 1;
    let (verdict, explored) = judge::<Bank>(&history);
    let Verdict::Violated(violation) = verdict else {
        panic!("the sum is wrong")
    };
    assert_eq!(
        (violation.kind, violation.impossible, explored),
        (Anomaly::Phantom, late, 0)
    );
}

#[test]
fn a_sum_that_is_too_little_names_no_more_deposits_than_it_takes() {
    let mut history = accounts(4_000);
    let late = history.len() - 1;
    history[late].reply = Some((2 * late as u64 + 1, BankReply::Balances(vec![3; 4])));
    let (Verdict::Violated(violation), _) = judge::<Bank>(&history) else {
        panic!("far too little is there")
    };
    assert_eq!(violation.core, [late]);
    assert!(violation.context.len() <= 16, "{:?}", violation.context);
}

fn queue(
    op: QueueOp,
    call: u64,
    reply: Option<(u64, QueueReply)>,
) -> Operation<QueueCall, QueueReply> {
    Operation {
        client: 0,
        command: QueueCall {
            queue: String::new(),
            op,
        },
        call,
        reply,
    }
}

/// So many values are added at once, and then taken one by one.
fn crowd(values: u64) -> Vec<Operation<QueueCall, QueueReply>> {
    let add = |number: u64| {
        let reply = Some((1_000_000 - number, QueueReply::Added));
        queue(QueueOp::Enqueue(format!("{number}")), 1, reply)
    };
    let take = |number: u64| {
        let reply = QueueReply::Taken(Some(format!("{}", values - 1 - number)));
        let call = 2_000_000 + 2 * number;
        queue(QueueOp::Dequeue, call, Some((call + 1, reply)))
    };
    (0..values).map(add).chain((0..values).map(take)).collect()
}

#[test]
fn thousands_of_values_that_are_added_at_once_cost_what_they_take() {
    let (verdict, explored) = judge::<Queue>(&crowd(1_000));
    assert!(
        matches!(verdict, Verdict::Linearizable { .. }) && explored < 20_000,
        "{verdict:?} after {explored} configurations"
    );
    // They would need 800 MB.
    assert_eq!(
        judge::<Queue>(&crowd(20_000)).0,
        Verdict::Undecided {
            explored: DEFAULT_BUDGET
        }
    );
    // What shows before a search is told all the same.
    let mut history = crowd(20_000);
    let last = history.len() - 1;
    history[last].reply = Some((3_000_000, QueueReply::Taken(Some("never".to_owned()))));
    let (verdict, explored) = judge::<Queue>(&history);
    assert!(
        matches!(verdict, Verdict::Violated(_)) && explored == 0,
        "{explored} configurations"
    );
}

/// The same of any other object.
#[test]
fn thousands_of_deposits_at_once_cost_what_they_take() {
    let deposit = |number: u64| Operation {
        client: number as u32,
        command: BankCall::Deposit {
            account: "a".to_owned(),
            amount: 1 + number,
        },
        call: 1,
        reply: Some((1_000_000 - number, BankReply::Done)),
    };
    let history: Vec<_> = (0..20_000).map(deposit).collect();
    let (verdict, explored) = judge::<Bank>(&history);
    assert_eq!(
        (verdict, explored),
        (Verdict::Undecided { explored }, DEFAULT_BUDGET)
    );
}

/// Among thousands of open deposits, the search asks which of them a read saw.
#[test]
fn thousands_of_choices_are_no_depth() {
    let deposit = |number: u64| Operation {
        client: number as u32,
        command: BankCall::Deposit {
            account: ["a", "b"][number as usize % 2].to_owned(),
            amount: 1,
        },
        call: 1,
        reply: None,
    };
    let mut history: VecDeque<_> = (0..9_000).map(deposit).collect();
    history.push_back(Operation {
        client: 9_000,
        command: BankCall::Balances(vec!["a".to_owned(), "b".to_owned()]),
        call: 2,
        reply: Some((3, BankReply::Balances(vec![4_000, 4_000]))),
    });
    let history = Vec::from(history);
    // On a stack that a recursion as deep would not fit on.
    let judging = std::thread::Builder::new().stack_size(256 << 10);
    #[expect(
        clippy::disallowed_methods,
        reason = "the stack of a thread can be chosen"
    )]
    let judged = judging.spawn(move || judge_within::<Bank>(&history, 20_000));
    let (verdict, explored) = judged.expect("a thread").join().expect("no overflow");
    assert!(
        matches!(verdict, Verdict::Undecided { .. }) && explored < 40_000,
        "{verdict:?} after {explored} configurations"
    );
}

/// What is said before a search is what the search finds.
#[test]
fn small_banks_are_judged_as_by_the_search() {
    let mut random = kv::Random(5);
    let (mut good, cases) = (0, 3_000);
    for _ in 0..cases {
        let mut history: Vec<Operation<BankCall, BankReply>> = Vec::new();
        let mut bank = Bank::default();
        for client in 0..3 + random.below(5) {
            let account = |number: u64| format!("{}", number % 3);
            let command = match random.below(5) {
                0 | 1 => BankCall::Deposit {
                    account: account(random.below(3)),
                    amount: 1 + random.below(3),
                },
                2 => BankCall::Transfer {
                    from: account(random.below(2)),
                    to: account(random.below(2)),
                    amount: 1 + random.below(2),
                },
                _ => BankCall::Balances((0..3).map(account).collect()),
            };
            let mut reply = bank.invoke(&command);
            if let BankReply::Balances(seen) = &mut reply
                && random.chance(25)
            {
                seen[random.below(3) as usize] = random.below(6);
            }
            let call = (10 * client).saturating_sub(random.below(25));
            let ret = 10 * client + random.below(15);
            history.push(Operation {
                client: client as u32,
                command,
                call,
                reply: random.chance(80).then_some((ret, reply)),
            });
        }
        let judge = |zones| {
            let options = Options {
                zones,
                explain: false,
                ..Options::default()
            };
            let checked = check_with(&Bank::default(), &history, &options);
            let verdict = checked.expect("replies follow calls").verdict;
            matches!(verdict, Verdict::Linearizable { .. })
        };
        let truth = judge(false);
        assert_eq!(judge(true), truth, "{history:#?}");
        good += u64::from(truth);
    }
    assert!(
        good > cases / 5 && good < cases * 9 / 10,
        "{good} of {cases}"
    );
}
