//! Objects that are no key-value stores: models for histories of queues, locks and accounts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use rustc_hash::FxHashMap;
use stateright::semantics::SequentialSpec;

use crate::{
    check::{Checked, check_with},
    history::{HistoryError, OperationOf},
    impossible::{self, Impossible},
    options::Options,
    queues::QueueEvent,
    spec::{Later, Spec},
};

/// One of several queues: first in, first out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    /// What waits, the next one first.
    pub waiting: VecDeque<String>,
}

/// What can be asked of a [`Queue`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueueCall {
    /// Which queue.
    pub queue: String,
    /// What to do with it.
    pub op: QueueOp,
}

/// An operation on one queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp {
    /// Adds at the end.
    Enqueue(String),
    /// Takes the first one, if there is one.
    Dequeue,
}

/// What a [`Queue`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueReply {
    /// It was added.
    Added,
    /// This was the first one; `None` if the queue was empty.
    Taken(Option<String>),
}

impl Queue {
    /// [`check_with`] from queues that are empty at first. It is compiled with this crate, so it is
    /// fast even if the caller is not optimised.
    ///
    /// # Errors
    /// [`HistoryError`], as for [`check`](crate::check()).
    pub fn check(
        history: &[OperationOf<Queue>],
        options: &Options,
    ) -> Result<Checked, HistoryError> {
        check_with(&Queue::default(), history, options)
    }
}

impl SequentialSpec for Queue {
    type Op = QueueCall;
    type Ret = QueueReply;

    fn invoke(&mut self, call: &QueueCall) -> QueueReply {
        match &call.op {
            QueueOp::Enqueue(value) => {
                self.waiting.push_back(value.clone());
                QueueReply::Added
            }
            QueueOp::Dequeue => QueueReply::Taken(self.waiting.pop_front()),
        }
    }
}

impl Spec for Queue {
    type Key<'a> = &'a str;

    fn read_only(_: &QueueCall) -> bool {
        false
    }

    fn only_reads(_: &QueueCall, reply: &QueueReply) -> bool {
        *reply == QueueReply::Taken(None)
    }

    fn partition(call: &QueueCall) -> Option<&str> {
        Some(&call.queue)
    }

    fn impossible(&self, operations: &[Later<'_, QueueCall, QueueReply>]) -> Option<Impossible> {
        impossible::queue(self, operations)
    }

    fn is_empty_queue(&self) -> bool {
        self.waiting.is_empty()
    }

    fn as_queue<'a>(call: &'a QueueCall, reply: Option<&'a QueueReply>) -> Option<QueueEvent<'a>> {
        Some(match (&call.op, reply) {
            (QueueOp::Enqueue(value), None | Some(QueueReply::Added)) => QueueEvent::Add(value),
            (QueueOp::Dequeue, None) => QueueEvent::TakeUnknown,
            (QueueOp::Dequeue, Some(QueueReply::Taken(taken))) => {
                QueueEvent::Take(taken.as_deref())
            }
            _ => return None,
        })
    }

    fn bytes(&self) -> usize {
        let values = self
            .waiting
            .iter()
            .map(|value| size_of::<String>() + value.len() + 16);
        size_of::<Queue>() + values.sum::<usize>()
    }

    fn show_reply(reply: &QueueReply) -> String {
        match reply {
            QueueReply::Added => "done".to_owned(),
            QueueReply::Taken(None) => "null".to_owned(),
            QueueReply::Taken(Some(value)) => value.clone(),
        }
    }

    /// What waits, and what comes later behind it, leaves in this order; see [`QueuePlan`].
    fn can_go_on<'a>(&self, later: impl Iterator<Item = Later<'a, QueueCall, QueueReply>>) -> bool {
        let plan = QueuePlan::new(later);
        plan.fits(&self.waiting) && (!self.waiting.is_empty() || plan.fits_itself())
    }
}

/// What is still to come for a queue.
#[derive(Default)]
struct QueuePlan<'a> {
    /// By value: the call and the reply of the only one who takes it, or `None` if there are
    /// several.
    takers: BTreeMap<&'a str, Option<(u64, u64)>>,
    /// Value, call and reply of those that add.
    adders: Vec<(&'a str, u64, u64)>,
    /// Call and reply of those that find the queue empty.
    empty: Vec<(u64, u64)>,
    /// The calls of those that may take something, but nobody knows what.
    unknown: Vec<u64>,
}

impl<'a> QueuePlan<'a> {
    fn new(later: impl Iterator<Item = Later<'a, QueueCall, QueueReply>>) -> QueuePlan<'a> {
        let mut plan = QueuePlan::default();
        for Later { op, call, reply } in later {
            match (&op.op, reply) {
                (QueueOp::Enqueue(value), reply) => {
                    plan.adders
                        .push((value, call, reply.map_or(u64::MAX, |(ret, _)| ret)));
                }
                (QueueOp::Dequeue, Some((ret, QueueReply::Taken(Some(value))))) => {
                    plan.takers
                        .entry(value)
                        .and_modify(|taker| *taker = None)
                        .or_insert(Some((call, ret)));
                }
                (QueueOp::Dequeue, Some((ret, QueueReply::Taken(None)))) => {
                    plan.empty.push((call, ret))
                }
                (QueueOp::Dequeue, _) => plan.unknown.push(call),
            }
        }
        plan.unknown.sort_unstable();
        plan
    }

    /// Nothing is taken, and the queue is not found empty, before what waits in front of it was
    /// asked for. What nobody was answered with must then have gone to somebody whose reply was
    /// lost.
    fn fits(&self, waiting: &VecDeque<String>) -> bool {
        // One of several copies says nothing: each may be the one that is taken.
        let mut copies: FxHashMap<&str, usize> = FxHashMap::default();
        waiting
            .iter()
            .for_each(|value| *copies.entry(value).or_default() += 1);
        // What is taken, but does not wait, will be behind all that does.
        let behind = self
            .takers
            .iter()
            .filter(|(value, _)| !copies.contains_key(*value));
        let behind = behind.filter_map(|(_, taker)| taker.map(|(_, ret)| ret));
        let mut left_by = behind
            .chain(self.empty.iter().map(|(_, ret)| *ret))
            .min()
            .unwrap_or(u64::MAX);
        self.adders
            .iter()
            .for_each(|(value, ..)| *copies.entry(value).or_default() += 1);
        let mut unknown = &self.unknown[..];
        for value in waiting
            .iter()
            .rev()
            .filter(|value| copies[value.as_str()] == 1)
        {
            match self.takers.get(value.as_str()) {
                Some(&Some((call, ret))) => {
                    if call > left_by {
                        return false;
                    }
                    left_by = left_by.min(ret);
                }
                None if left_by < u64::MAX => {
                    // The last one that can still be in time; what was called later is of no use
                    // further in front.
                    let in_time = unknown.partition_point(|call| *call <= left_by);
                    let Some(left) = in_time.checked_sub(1) else {
                        return false;
                    };
                    unknown = &unknown[..left];
                }
                _ => {}
            }
        }
        true
    }

    /// The same of values that are still to be added, where one was added before the other was
    /// asked for.
    fn fits_itself(&self) -> bool {
        let mut copies: FxHashMap<&str, usize> = FxHashMap::default();
        self.adders
            .iter()
            .for_each(|(value, ..)| *copies.entry(value).or_default() += 1);
        let once = || self.adders.iter().filter(|(value, ..)| copies[value] == 1);
        let mut before: Vec<_> = once().collect();
        before.sort_unstable_by_key(|(.., ret)| *ret);
        let mut before = before.into_iter().peekable();
        // When it was asked for, and when all that was added before must have left.
        let taken =
            once().filter_map(|(value, call, _)| Some((*call, (*self.takers.get(value)?)?.1)));
        let mut ends: Vec<(u64, u64)> = taken.chain(self.empty.iter().copied()).collect();
        ends.sort_unstable();
        // Of what was added before: the last call of a taker, and how many nobody was answered
        // with.
        let (mut taken_from, mut silent) = (0, 0);
        for (call, left_by) in ends {
            while let Some((value, ..)) = before.next_if(|(.., ret)| *ret < call) {
                match self.takers.get(value) {
                    Some(&Some((from, _))) => taken_from = taken_from.max(from),
                    Some(None) => {}
                    None => silent += 1,
                }
            }
            if taken_from > left_by
                || silent > self.unknown.partition_point(|call| *call <= left_by)
            {
                return false;
            }
        }
        true
    }
}

/// One of several locks: held by nobody or by somebody. Who that is, a lock does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lock {
    /// Whether somebody holds it.
    pub held: bool,
}

/// What can be asked of a [`Lock`]. The answer is whether it worked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockCall {
    /// Which lock.
    pub lock: String,
    /// What to do with it.
    pub op: LockOp,
}

/// An operation on one lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockOp {
    /// Works if nobody holds the lock.
    Acquire,
    /// Works if somebody does.
    Release,
}

impl Lock {
    /// [`check_with`] from locks that are free at first. It is compiled with this crate, so it is
    /// fast even if the caller is not optimised.
    ///
    /// # Errors
    /// [`HistoryError`], as for [`check`](crate::check()).
    pub fn check(
        history: &[OperationOf<Lock>],
        options: &Options,
    ) -> Result<Checked, HistoryError> {
        check_with(&Lock::default(), history, options)
    }
}

impl SequentialSpec for Lock {
    type Op = LockCall;
    type Ret = bool;

    fn invoke(&mut self, call: &LockCall) -> bool {
        let wanted = call.op == LockOp::Acquire;
        let works = self.held != wanted;
        self.held = wanted;
        works
    }
}

impl Spec for Lock {
    type Key<'a> = &'a str;

    fn read_only(_: &LockCall) -> bool {
        false
    }

    fn only_reads(_: &LockCall, works: &bool) -> bool {
        !works
    }

    fn partition(call: &LockCall) -> Option<&str> {
        Some(&call.lock)
    }

    /// Who finds it held or free where nobody was asked to make it so.
    fn impossible(&self, operations: &[Later<'_, LockCall, bool>]) -> Option<Impossible> {
        let first = |held: bool| {
            let makes = |(_, later): &(usize, &Later<'_, LockCall, bool>)| {
                let works = later.reply.is_none_or(|(_, works)| *works);
                works && (later.op.op == LockOp::Acquire) == held
            };
            let maker = operations.iter().enumerate().filter(makes);
            match self.held == held {
                true => Some((0, None)),
                false => maker.map(|(at, later)| (later.call, Some(at))).min(),
            }
        };
        let (held, free) = (first(true), first(false));
        let wrong = |(at, later): (usize, &Later<'_, LockCall, bool>)| {
            let (ret, works) = later.reply?;
            let found = match *works == (later.op.op == LockOp::Acquire) {
                true => free,
                false => held,
            };
            let wrong = match found {
                None => Impossible::phantom(at),
                Some((call, Some(maker))) if call > ret => Impossible::future(at, maker),
                Some(_) => return None,
            };
            Some(((ret, at), wrong))
        };
        let all = operations.iter().enumerate().filter_map(wrong);
        all.min_by_key(|(reply, _)| *reply).map(|(_, wrong)| wrong)
    }
}

/// Accounts, and transactions on several of them at once: that they are linearizable is strict
/// serialisability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bank {
    /// What is on each account; one that is not here has nothing.
    pub balances: BTreeMap<Arc<str>, u64>,
}

/// What can be asked of a [`Bank`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BankCall {
    /// Adds to an account.
    Deposit {
        /// Which one.
        account: String,
        /// How much; what does not fit into 64 bits is lost.
        amount: u64,
    },
    /// Moves an amount, if there is so much.
    Transfer {
        /// Where from.
        from: String,
        /// Where to.
        to: String,
        /// How much.
        amount: u64,
    },
    /// Reads accounts at one moment.
    Balances(Vec<String>),
}

/// What a [`Bank`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BankReply {
    /// It was done.
    Done,
    /// There was not enough on the account.
    Refused,
    /// What is on the accounts that were asked for.
    Balances(Vec<u64>),
}

impl Bank {
    fn balance(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    fn set(&mut self, account: &str, balance: u64) {
        match (balance, self.balances.get_mut(account)) {
            (0, _) => drop(self.balances.remove(account)),
            (_, Some(known)) => *known = balance,
            (_, None) => drop(self.balances.insert(account.into(), balance)),
        }
    }
}

impl Bank {
    /// [`check_with`] from accounts that are empty at first. It is compiled with this crate, so it
    /// is fast even if the caller is not optimised.
    ///
    /// # Errors
    /// [`HistoryError`], as for [`check`](crate::check()).
    pub fn check(
        history: &[OperationOf<Bank>],
        options: &Options,
    ) -> Result<Checked, HistoryError> {
        check_with(&Bank::default(), history, options)
    }
}

impl SequentialSpec for Bank {
    type Op = BankCall;
    type Ret = BankReply;

    fn invoke(&mut self, call: &BankCall) -> BankReply {
        match call {
            BankCall::Deposit { account, amount } => {
                self.set(account, self.balance(account).saturating_add(*amount))
            }
            BankCall::Transfer { from, to, amount } => {
                let Some(left) = self.balance(from).checked_sub(*amount) else {
                    return BankReply::Refused;
                };
                self.set(from, left);
                self.set(to, self.balance(to).saturating_add(*amount));
            }
            BankCall::Balances(accounts) => {
                return BankReply::Balances(
                    accounts
                        .iter()
                        .map(|account| self.balance(account))
                        .collect(),
                );
            }
        }
        BankReply::Done
    }
}

impl Spec for Bank {
    type Key<'a> = &'a str;

    fn read_only(call: &BankCall) -> bool {
        matches!(call, BankCall::Balances(_))
    }

    fn only_reads(_: &BankCall, reply: &BankReply) -> bool {
        *reply == BankReply::Refused
    }

    fn partition(call: &BankCall) -> Option<&str> {
        match call {
            BankCall::Deposit { account, .. } => Some(account),
            BankCall::Balances(accounts) if accounts.len() == 1 => Some(&accounts[0]),
            BankCall::Transfer { .. } | BankCall::Balances(_) => None,
        }
    }

    fn can_come_true<'a>(
        &self,
        call: &BankCall,
        reply: &BankReply,
        must: impl Iterator<Item = &'a BankCall>,
        may: impl Iterator<Item = &'a BankCall>,
        effort: &mut u64,
    ) -> bool {
        match (call, reply) {
            (BankCall::Balances(names), BankReply::Balances(seen)) => {
                impossible::balances_can_come_true(self, names, seen, must, may, effort)
            }
            _ => true,
        }
    }

    fn impossible(&self, operations: &[Later<'_, BankCall, BankReply>]) -> Option<Impossible> {
        impossible::bank(self, operations)
    }

    fn bytes(&self) -> usize {
        let accounts = self.balances.keys().map(|account| account.len() + 64);
        size_of::<Bank>() + accounts.sum::<usize>()
    }

    fn show_reply(reply: &BankReply) -> String {
        match reply {
            BankReply::Done => "done".to_owned(),
            BankReply::Refused => "false".to_owned(),
            BankReply::Balances(balances) => {
                let texts: Vec<String> = balances.iter().map(u64::to_string).collect();
                format!("[{}]", texts.join(","))
            }
        }
    }
}
