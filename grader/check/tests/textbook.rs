//! Histories small enough to judge by eye.

mod kv;

use faultline_check::{
    DEFAULT_BUDGET, HistoryError, SequentialSpec, Spec, Verdict, Violation, check,
};
use kv::{Command, Op, Reply, Value};

fn op(client: u32, command: Command, call: u64, reply: Option<(u64, Reply)>) -> Op {
    Op {
        client,
        command,
        call,
        reply,
    }
}

fn put(value: &str, call: u64, reply: u64) -> Op {
    op(
        1,
        Command::Put(0, value.into()),
        call,
        Some((reply, Reply::Done)),
    )
}

fn append(value: &str, call: u64, reply: u64) -> Op {
    op(
        2,
        Command::Append(0, value.into()),
        call,
        Some((reply, Reply::Done)),
    )
}

fn get(value: &str, call: u64, reply: u64) -> Op {
    op(
        3,
        Command::Get(0),
        call,
        Some((reply, Reply::Value(value.into()))),
    )
}

fn lost(command: Command, call: u64) -> Op {
    op(4, command, call, None)
}

fn judge(history: &[Op]) -> Verdict {
    check(&Value::default(), history, DEFAULT_BUDGET).expect("replies follow calls")
}

fn witness(history: &[Op]) -> Vec<Vec<usize>> {
    match judge(history) {
        Verdict::Linearizable { witness } => witness,
        other => panic!("{other:?}"),
    }
}

fn violation(history: &[Op]) -> Violation {
    match judge(history) {
        Verdict::Violated(violation) => violation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_linearizable() {
    assert_eq!(witness(&[]), Vec::<Vec<usize>>::new());
}

#[test]
fn a_get_sees_the_put_before_it() {
    assert_eq!(witness(&[put("a", 0, 1), get("a", 2, 3)]), [[0, 1]]);
}

#[test]
fn concurrent_gets_may_see_either_value_but_only_in_one_order() {
    assert_eq!(
        witness(&[put("a", 0, 9), get("", 1, 2), get("a", 3, 4)]),
        [[1, 0, 2]]
    );
    let violation = violation(&[put("a", 0, 9), get("a", 1, 2), get("", 3, 4)]);
    assert_eq!(violation.impossible, 2);
}

#[test]
fn a_stale_read_is_told_with_all_that_a_report_needs() {
    let history = [
        put("a", 0, 1),
        put("b", 2, 3),
        get("a", 4, 5),
        get("b", 6, 7),
        op(1, Command::Put(7, "z".into()), 0, None),
    ];
    let violation = violation(&history);
    assert_eq!(violation.operations, [0, 1, 2, 3]);
    assert_eq!(violation.prefix, [0, 1, 2]);
    assert_eq!(violation.impossible, 2);
    assert!(violation.shortest);
    assert_eq!(violation.linearization, [0, 1]);
    assert_eq!(violation.possible_replies.values, [r#"Value("b")"#]);
    assert_eq!(violation.possible_states.values, [r#"Value("b")"#]);
    assert!(violation.possible_replies.complete && violation.possible_states.complete);
}

#[test]
fn the_first_impossible_reply_is_blamed_not_the_first_impossible_call() {
    // The get that is called first answers last.
    let history = [put("a", 0, 1), get("x", 2, 20), get("y", 3, 10)];
    let violation = violation(&history);
    assert_eq!((violation.impossible, violation.prefix), (2, vec![0, 1, 2]));
}

#[test]
fn intervals_are_closed() {
    // The put ends at the moment at which the get begins, so neither precedes the other.
    assert_eq!(witness(&[put("a", 0, 5), get("", 5, 6)]), [[1, 0]]);
    assert_eq!(violation(&[put("a", 0, 5), get("", 6, 6)]).impossible, 1);
}

#[test]
fn an_operation_may_take_no_time() {
    assert_eq!(
        witness(&[put("a", 3, 3), get("a", 3, 3), put("b", 3, 3)]),
        [[0, 1, 2]]
    );
}

#[test]
fn a_lost_put_may_have_happened_late_or_never_but_not_twice() {
    let lost_put = lost(Command::Put(0, "a".into()), 0);
    assert_eq!(witness(&[lost_put.clone(), get("", 5, 6)]), [[1]]);
    assert_eq!(
        witness(&[lost_put.clone(), get("", 5, 6), get("a", 50, 60)]),
        [[1, 0, 2]]
    );
    let twice = [
        lost_put.clone(),
        get("a", 5, 6),
        put("b", 7, 8),
        get("a", 9, 10),
    ];
    let violation = violation(&twice);
    assert_eq!(
        (violation.impossible, violation.possible_replies.values),
        (3, vec![r#"Value("b")"#.to_owned()])
    );
}

#[test]
fn a_lost_put_does_not_happen_before_its_call() {
    assert_eq!(
        violation(&[get("a", 0, 1), lost(Command::Put(0, "a".into()), 2)]).impossible,
        0
    );
    assert_eq!(
        witness(&[get("a", 0, 2), lost(Command::Put(0, "a".into()), 2)]),
        [[1, 0]]
    );
}

#[test]
fn an_append_applied_twice_is_seen() {
    let violation = violation(&[append("x", 0, 1), get("xx", 2, 3)]);
    assert_eq!(violation.possible_replies.values, [r#"Value("x")"#]);
}

#[test]
fn gets_that_disagree_on_the_order_of_appends_are_seen() {
    let history = [
        append("x", 0, 9),
        append("y", 0, 9),
        get("xy", 10, 11),
        get("yx", 10, 12),
    ];
    assert_eq!(violation(&history).impossible, 3);
}

#[test]
fn of_two_compare_and_sets_from_one_value_only_one_succeeds() {
    let cas = |to: &str, reply, swapped| {
        op(
            1,
            Command::Cas(0, String::new(), to.into()),
            0,
            Some((reply, Reply::Swapped(swapped))),
        )
    };
    assert_eq!(witness(&[cas("a", 8, true), cas("b", 9, false)]), [[0, 1]]);
    let violation = violation(&[cas("a", 8, true), cas("b", 9, true)]);
    assert_eq!(violation.possible_replies.values, ["Swapped(false)"]);
}

#[test]
fn keys_are_judged_one_by_one() {
    let other_key = [
        op(
            1,
            Command::Get(1),
            0,
            Some((1, Reply::Value(String::new()))),
        ),
        op(1, Command::Get(1), 2, Some((3, Reply::Value("?".into())))),
    ];
    let history = [
        put("a", 0, 1),
        other_key[0].clone(),
        get("a", 2, 3),
        other_key[1].clone(),
    ];
    assert_eq!(witness(&history[..3]), [vec![0, 2], vec![1]]);
    assert_eq!(violation(&history).operations, [1, 3]);
}

#[test]
fn a_reply_before_its_call_is_no_history() {
    let error = check(
        &Value::default(),
        &[put("a", 0, 1), put("b", 5, 4)],
        DEFAULT_BUDGET,
    )
    .unwrap_err();
    assert_eq!(
        error,
        HistoryError::ReplyBeforeCall {
            index: 1,
            call: 5,
            reply: 4
        }
    );
    assert_eq!(
        error.to_string(),
        "operation 1 has its reply at 4, before its call at 5"
    );
}

/// Two registers, and an operation that reads both: such a history cannot be split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Pair([u8; 2]);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum PairCommand {
    Set(usize),
    Read(usize),
    ReadBoth,
}

impl SequentialSpec for Pair {
    type Op = PairCommand;
    type Ret = Vec<u8>;

    fn invoke(&mut self, command: &PairCommand) -> Vec<u8> {
        match *command {
            PairCommand::Set(register) => {
                self.0[register] = 1;
                Vec::new()
            }
            PairCommand::Read(register) => vec![self.0[register]],
            PairCommand::ReadBoth => self.0.to_vec(),
        }
    }
}

impl Spec for Pair {
    type Key<'a> = usize;

    fn read_only(command: &PairCommand) -> bool {
        !matches!(command, PairCommand::Set(_))
    }

    fn partition(command: &PairCommand) -> Option<usize> {
        match *command {
            PairCommand::Set(register) | PairCommand::Read(register) => Some(register),
            PairCommand::ReadBoth => None,
        }
    }
}

#[test]
fn an_operation_on_all_keys_keeps_the_history_in_one_piece() {
    let both = |reply, seen: [u8; 2]| Op2 {
        client: 1,
        command: PairCommand::ReadBoth,
        call: 0,
        reply: Some((reply, seen.to_vec())),
    };
    let set = |register| Op2 {
        client: 2,
        command: PairCommand::Set(register),
        call: 0,
        reply: Some((9, vec![])),
    };
    let judge = |history: &[Op2]| {
        check(&Pair::default(), history, DEFAULT_BUDGET).expect("replies follow calls")
    };
    // Each register alone could have been set between the two reads, in either order, but not in
    // both orders.
    let good = [set(0), set(1), both(9, [1, 0]), both(9, [1, 1])];
    assert_eq!(
        judge(&good),
        Verdict::Linearizable {
            witness: vec![vec![0, 2, 1, 3]]
        }
    );
    let bad = [set(0), set(1), both(9, [1, 0]), both(9, [0, 1])];
    assert!(
        matches!(judge(&bad), Verdict::Violated(violation) if violation.operations == [0, 1, 2, 3])
    );
    let read = Op2 {
        client: 1,
        command: PairCommand::Read(1),
        call: 10,
        reply: Some((11, vec![1])),
    };
    assert_eq!(
        judge(&[set(0), set(1), read]),
        Verdict::Linearizable {
            witness: vec![vec![0], vec![1, 2]]
        }
    );
}

type Op2 = faultline_check::OperationOf<Pair>;
