//! Objects that are no key-value stores: models for histories of queues, locks and accounts.

use std::collections::{BTreeMap, VecDeque};

use stateright::semantics::SequentialSpec;

use crate::spec::Spec;

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

    fn partition(call: &QueueCall) -> Option<&str> {
        Some(&call.queue)
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

    fn partition(call: &LockCall) -> Option<&str> {
        Some(&call.lock)
    }
}

/// Accounts, and transactions on several of them at once: that they are linearizable is strict serialisability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bank {
    /// What is on each account; one that is not here has nothing.
    pub balances: BTreeMap<String, u64>,
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
        match balance {
            0 => drop(self.balances.remove(account)),
            _ => drop(self.balances.insert(account.to_owned(), balance)),
        }
    }
}

impl SequentialSpec for Bank {
    type Op = BankCall;
    type Ret = BankReply;

    fn invoke(&mut self, call: &BankCall) -> BankReply {
        match call {
            BankCall::Deposit { account, amount } => self.set(account, self.balance(account).saturating_add(*amount)),
            BankCall::Transfer { from, to, amount } => {
                let Some(left) = self.balance(from).checked_sub(*amount) else { return BankReply::Refused };
                self.set(from, left);
                self.set(to, self.balance(to).saturating_add(*amount));
            }
            BankCall::Balances(accounts) => {
                return BankReply::Balances(accounts.iter().map(|account| self.balance(account)).collect());
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

    fn partition(call: &BankCall) -> Option<&str> {
        match call {
            BankCall::Deposit { account, .. } => Some(account),
            BankCall::Balances(accounts) if accounts.len() == 1 => Some(&accounts[0]),
            BankCall::Transfer { .. } | BankCall::Balances(_) => None,
        }
    }
}
