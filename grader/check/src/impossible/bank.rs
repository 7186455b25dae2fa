//! Balances that nobody can have brought, and what can still become of some.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::Impossible;
use crate::{
    objects::{Bank, BankCall, BankReply},
    spec::Later,
};

/// No more deposits that are open at once are tried in all ways,
const TRIED: usize = 12;

/// no more than so many sums of them are looked at in all,
const SUMS: usize = 5_000_000;

/// and no more choices of what takes effect before some balances are read.
const CHOICES: u64 = 10_000;

type Operation<'a> = Later<'a, BankCall, BankReply>;

/// What comes to an account or leaves it, summed up in the order of some moments.
#[derive(Default)]
struct Sums(Vec<(u64, u128)>);

impl Sums {
    fn finish(&mut self) {
        self.0.sort_unstable();
        let mut sum = 0;
        for (_, amount) in &mut self.0 {
            sum += *amount;
            *amount = sum;
        }
    }

    /// Of moments before this one, or `and_then`.
    fn up_to(&self, moment: u64, and_then: bool) -> u128 {
        let end = self
            .0
            .partition_point(|&(at, _)| at < moment || (and_then && at == moment));
        end.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

/// What is known of one account.
#[derive(Default)]
struct Account {
    at_first: u128,
    /// By the calls of all that may have taken effect.
    into: Sums,
    out: Sums,
    /// By the replies of those that did.
    surely_into: Sums,
}

/// Who brings an amount, to which account, and from which.
fn moves<'a>(operation: &Operation<'a>) -> Option<(u64, &'a str, Option<&'a str>)> {
    match (operation.op, operation.reply) {
        (BankCall::Deposit { account, amount }, _) => Some((*amount, account, None)),
        (_, Some((_, BankReply::Refused))) => None,
        (BankCall::Transfer { from, to, amount }, _) => Some((*amount, to, Some(from))),
        (BankCall::Balances(_), _) => None,
    }
}

/// The first reply that is impossible: more on an account than all that was asked to come there by
/// then, less than what surely came and was not asked to leave; or, of accounts that nothing comes
/// to or leaves but by deposits, a sum that no deposits give.
pub(crate) fn bank(initial: &Bank, operations: &[Operation<'_>]) -> Option<Impossible> {
    let mut all: u128 = initial
        .balances
        .values()
        .map(|&balance| u128::from(balance))
        .sum();
    let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
    for (account, balance) in &initial.balances {
        accounts.entry(account).or_default().at_first = u128::from(*balance);
    }
    for operation in operations {
        let Some((amount, to, from)) = moves(operation) else {
            continue;
        };
        all += u128::from(if from.is_none() { amount } else { 0 });
        let amount = u128::from(amount);
        let into = accounts.entry(to).or_default();
        into.into.0.push((operation.call, amount));
        if let Some((ret, _)) = operation.reply {
            into.surely_into.0.push((ret, amount));
        }
        if let Some(from) = from {
            accounts
                .entry(from)
                .or_default()
                .out
                .0
                .push((operation.call, amount));
        }
    }
    if all > u128::from(u64::MAX) {
        // What does not fit is lost, so sums say nothing.
        return None;
    }
    for account in accounts.values_mut() {
        account.into.finish();
        account.out.finish();
        account.surely_into.finish();
    }
    let mut answered: Vec<usize> = (0..operations.len())
        .filter(|&at| operations[at].reply.is_some())
        .collect();
    answered.sort_unstable_by_key(|&at| (operations[at].reply.map(|(ret, _)| ret), at));
    let reply_of = |at: usize| operations[at].reply.map(|(ret, _)| (ret, at));
    let alone = answered
        .iter()
        .find_map(|&at| Some((reply_of(at)?, alone(&accounts, operations, at)?)));
    let together = Closed::of(initial, operations).together(operations, &answered);
    let together = together.map(|wrong| (wrong.reply, wrong.told(operations)));
    // Of two for one reply, that which builds on less.
    let found = alone.into_iter().chain(together);
    let first = found.min_by_key(|(reply, found)| (*reply, found.context.len()));
    first.map(|(_, found)| found)
}

/// What is impossible for one account.
fn alone(
    accounts: &BTreeMap<&str, Account>,
    operations: &[Operation<'_>],
    at: usize,
) -> Option<Impossible> {
    let Later { op, call, reply } = operations[at];
    let none = Account::default();
    let of = |account: &str| accounts.get(account).unwrap_or(&none);
    let (ret, reply) = reply?;
    let most = |account: &str| of(account).at_first + of(account).into.up_to(ret, true);
    match (op, reply) {
        (BankCall::Balances(names), BankReply::Balances(seen)) if names.len() == seen.len() => {
            let least = |account: &str| {
                let sure = of(account).at_first + of(account).surely_into.up_to(call, false);
                sure.saturating_sub(of(account).out.up_to(ret, true))
            };
            for (name, &seen) in names.iter().zip(seen) {
                if u128::from(seen) > most(name) {
                    return Some(Impossible::phantom(at));
                }
                if u128::from(seen) < least(name) {
                    let came = |&other: &usize| {
                        moves(&operations[other]).is_some_and(|(_, to, _)| to == name)
                            && operations[other].reply.is_some_and(|(ret, _)| ret < call)
                    };
                    let out = of(name).out.up_to(ret, true);
                    let came = (0..operations.len()).filter(came).collect();
                    let more_than = (u128::from(seen) + out).saturating_sub(of(name).at_first);
                    return Some(Impossible {
                        context: largest(operations, came, more_than),
                        ..Impossible::phantom(at)
                    });
                }
            }
            None
        }
        // What it brings itself does not count.
        (BankCall::Transfer { from, to, amount }, BankReply::Done)
            if from != to && u128::from(*amount) > most(from) =>
        {
            Some(Impossible::phantom(at))
        }
        _ => None,
    }
}

/// The fewest of some operations that bring more than this together.
fn largest(operations: &[Operation<'_>], mut of: Vec<usize>, more_than: u128) -> Vec<usize> {
    let amount = |at: usize| moves(&operations[at]).map_or(0, |(amount, ..)| u128::from(amount));
    of.sort_by_key(|&at| Reverse(amount(at)));
    let mut sum = 0;
    of.into_iter()
        .take_while(|&at| {
            let enough = sum > more_than;
            sum += amount(at);
            !enough
        })
        .collect()
}

/// A set of accounts between which transfers go, and what is deposited there.
#[derive(Default)]
struct Set {
    accounts: usize,
    at_first: u128,
    /// Calls and places.
    deposits: Vec<(u64, usize)>,
    /// By the calls of all that may have taken effect.
    into: Sums,
    /// By the replies of those that did.
    surely_into: Sums,
}

/// All such sets.
struct Closed<'a> {
    sets: Vec<Set>,
    /// Of each account, its set.
    of: BTreeMap<&'a str, usize>,
}

/// A sum that no deposits give.
struct WrongSum {
    /// Its moment and the place of who saw it.
    reply: (u64, usize),
    /// The deposits that ended before it was called.
    before: Vec<usize>,
    why: Why,
}

/// What is wrong with a sum.
enum Why {
    TooMuch,
    /// Even deposits of little more than this are too many.
    TooLittle(u128),
    NoChoice,
}

impl WrongSum {
    fn told(self, operations: &[Operation<'_>]) -> Impossible {
        let context = match self.why {
            // It would be wrong, too, if all had come.
            Why::TooMuch => Vec::new(),
            Why::TooLittle(seen) => largest(operations, self.before, seen),
            Why::NoChoice => self.before,
        };
        Impossible {
            context,
            ..Impossible::phantom(self.reply.1)
        }
    }
}

/// The deposits to one set that are open at a moment that only moves on.
#[derive(Default)]
struct OpenNow {
    /// How many were called before it.
    called: usize,
    /// Replies and places.
    open: BTreeSet<(u64, usize)>,
}

impl<'a> Closed<'a> {
    fn of(initial: &Bank, operations: &[Operation<'a>]) -> Closed<'a> {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        // Each account points to one of its set, the first of a set to itself.
        let mut joined: Vec<usize> = Vec::new();
        fn first(joined: &mut [usize], mut at: usize) -> usize {
            while joined[at] != at {
                joined[at] = joined[joined[at]];
                at = joined[at];
            }
            at
        }
        for (_, to, from) in operations.iter().filter_map(moves) {
            let mut number = |account| {
                let new = joined.len();
                let known = *numbers.entry(account).or_insert(new);
                if known == new {
                    joined.push(new);
                }
                known
            };
            let (to, from) = (number(to), from.map(number));
            if let Some(from) = from {
                let (to, from) = (first(&mut joined, to), first(&mut joined, from));
                joined[to.max(from)] = to.min(from);
            }
        }
        let mut sets: Vec<Set> = joined.iter().map(|_| Set::default()).collect();
        for (account, number) in &mut numbers {
            *number = first(&mut joined, *number);
            let at_first = initial.balances.get(*account).copied().unwrap_or(0);
            sets[*number].accounts += 1;
            sets[*number].at_first += u128::from(at_first);
        }
        for (at, deposit) in operations.iter().enumerate() {
            let BankCall::Deposit { account, amount } = deposit.op else {
                continue;
            };
            let (set, amount) = (&mut sets[numbers[account.as_str()]], u128::from(*amount));
            set.deposits.push((deposit.call, at));
            set.into.0.push((deposit.call, amount));
            if let Some((ret, _)) = deposit.reply {
                set.surely_into.0.push((ret, amount));
            }
        }
        for set in &mut sets {
            set.deposits.sort_unstable();
            set.into.finish();
            set.surely_into.finish();
        }
        Closed { sets, of: numbers }
    }

    /// The first reply that is impossible for the sum of such a set. `O(n log n)`, and a bounded
    /// number of choices of deposits.
    fn together(&self, operations: &[Operation<'_>], answered: &[usize]) -> Option<WrongSum> {
        let mut by_call = answered.to_vec();
        by_call.sort_unstable_by_key(|&at| (operations[at].call, at));
        let mut now: Vec<OpenNow> = self.sets.iter().map(|_| OpenNow::default()).collect();
        let mut steps = SUMS;
        let mut first: Option<((u64, usize), usize, Why)> = None;
        for at in by_call {
            let Later { op, call, reply } = operations[at];
            let (BankCall::Balances(names), Some((ret, BankReply::Balances(seen)))) = (op, reply)
            else {
                continue;
            };
            for (set, sum) in self.sums(names, seen) {
                let why = self.wrong(
                    (set, sum),
                    (call, ret),
                    operations,
                    &mut now[set],
                    &mut steps,
                );
                if let Some(why) = why
                    && first.as_ref().is_none_or(|(reply, ..)| (ret, at) < *reply)
                {
                    first = Some(((ret, at), set, why));
                }
            }
        }
        let (reply, set, why) = first?;
        let call = operations[reply.1].call;
        let is_before = |&at: &usize| operations[at].reply.is_some_and(|(ret, _)| ret < call);
        let places = self.sets[set].deposits.iter().map(|&(_, at)| at);
        let mut before: Vec<usize> = places.filter(is_before).collect();
        before.sort_unstable();
        Some(WrongSum { reply, before, why })
    }

    /// The sets of which all accounts are among `names`, and what was seen on them together.
    fn sums(&self, names: &[String], seen: &[u64]) -> Vec<(usize, u128)> {
        let by_name: BTreeMap<&str, u64> = names
            .iter()
            .map(String::as_str)
            .zip(seen.iter().copied())
            .collect();
        let mut sums: BTreeMap<usize, (usize, u128)> = BTreeMap::new();
        for (name, seen) in by_name {
            if let Some(&set) = self.of.get(name) {
                let (accounts, sum) = sums.entry(set).or_default();
                (*accounts, *sum) = (*accounts + 1, *sum + u128::from(seen));
            }
        }
        let whole = |(set, (accounts, sum)): (usize, (usize, u128))| {
            (accounts == self.sets[set].accounts).then_some((set, sum))
        };
        sums.into_iter().filter_map(whole).collect()
    }

    /// What is wrong with what was seen on a set by who was called and answered at these moments.
    fn wrong(
        &self,
        (set, seen): (usize, u128),
        (call, ret): (u64, u64),
        operations: &[Operation<'_>],
        now: &mut OpenNow,
        steps: &mut usize,
    ) -> Option<Why> {
        let set = &self.sets[set];
        while let Some(&(called, at)) = set.deposits.get(now.called)
            && called < call
        {
            let end = operations[at].reply.map_or(u64::MAX, |(ret, _)| ret);
            now.open.insert((end, at));
            now.called += 1;
        }
        while now.open.first().is_some_and(|(end, _)| *end < call) {
            now.open.pop_first();
        }
        let surely = set.at_first + set.surely_into.up_to(call, false);
        let Some(missing) = seen.checked_sub(surely) else {
            return Some(Why::TooLittle(seen - set.at_first.min(seen)));
        };
        if seen > set.at_first + set.into.up_to(ret, true) {
            return Some(Why::TooMuch);
        }
        let later = &set.deposits[now.called..];
        let later = &later[..later.partition_point(|(called, _)| *called <= ret)];
        let count = now.open.len() + later.len();
        if count > TRIED || *steps < 1 << count {
            return None;
        }
        *steps -= 1 << count;
        let open = now.open.iter().chain(later).map(|&(_, at)| at);
        let mut sums = vec![0];
        for (amount, ..) in open.filter_map(|at| moves(&operations[at])) {
            for at in 0..sums.len() {
                sums.push(sums[at] + u128::from(amount));
            }
        }
        (!sums.contains(&missing)).then_some(Why::NoChoice)
    }
}

/// What an operation does to the accounts that are read: to at most two of them.
type Effect = [(usize, i128); 2];

/// No account.
const NOWHERE: (usize, i128) = (usize::MAX, 0);

fn effect(op: &BankCall, names: &[String]) -> Effect {
    let change = |account: &str, by: i128| match names.iter().position(|name| name == account) {
        Some(at) if by != 0 => (at, by),
        _ => NOWHERE,
    };
    match op {
        BankCall::Deposit { account, amount } => [change(account, i128::from(*amount)), NOWHERE],
        BankCall::Transfer { from, to, .. } if from == to => [NOWHERE; 2],
        BankCall::Transfer { from, to, amount } => {
            let (one, other) = (
                change(from, -i128::from(*amount)),
                change(to, i128::from(*amount)),
            );
            [one.min(other), one.max(other)]
        }
        BankCall::Balances(_) => [NOWHERE; 2],
    }
}

/// Whether all of `must` and some of `may` make `seen` of what is on the accounts `names` now.
/// Counts the steps that it takes.
pub(crate) fn balances_can_come_true<'a>(
    bank: &Bank,
    names: &[String],
    seen: &[u64],
    must: impl Iterator<Item = &'a BankCall>,
    may: impl Iterator<Item = &'a BankCall>,
    effort: &mut u64,
) -> bool {
    let now = |name: &String| i128::from(bank.balances.get(name.as_str()).copied().unwrap_or(0));
    let mut missing: Vec<i128> = names
        .iter()
        .zip(seen)
        .map(|(name, &seen)| i128::from(seen) - now(name))
        .collect();
    let is_again = |at: usize| names[..at].contains(&names[at]);
    for at in (0..names.len()).filter(|&at| is_again(at)) {
        // It is the first of the two that things are done to.
        let first = names.iter().position(|name| *name == names[at]);
        if first.is_some_and(|first| seen[first] != seen[at]) {
            return false;
        }
        missing[at] = 0;
    }
    let mut deposited: u128 = bank
        .balances
        .values()
        .map(|&balance| u128::from(balance))
        .sum();
    let mut count = |op: &BankCall| {
        if let BankCall::Deposit { amount, .. } = op {
            deposited += u128::from(*amount);
        }
    };
    let mut operations = 0;
    for op in must {
        count(op);
        operations += 1;
        for (at, by) in effect(op, names) {
            if let Some(missing) = missing.get_mut(at) {
                *missing -= by;
            }
        }
    }
    let mut optional: Vec<Effect> = may
        .inspect(|op| count(op))
        .map(|op| effect(op, names))
        .filter(|effect| effect[0] != NOWHERE)
        .collect();
    operations += optional.len();
    *effort += (names.len() * (4 + operations)) as u64;
    if deposited > u128::from(u64::MAX) {
        return true;
    }
    // Equal ones are neighbours, and each account is done with as early as can be.
    optional.sort_unstable();
    let within = ranges(&optional, names.len());
    let mut choices = Choices {
        optional: &optional,
        within: &within,
        tried: 0,
    };
    let all_fit = choices.fit(&missing, 0);
    let possible = all_fit && choices.lead_to(&mut missing);
    *effort += 2 * choices.tried;
    possible
}

/// From each place on, the least and the most that the rest can make of each account.
fn ranges(optional: &[Effect], width: usize) -> Vec<(i128, i128)> {
    let mut within = vec![(0, 0); width * (optional.len() + 1)];
    for place in (0..optional.len()).rev() {
        within.copy_within((place + 1) * width..(place + 2) * width, place * width);
        for &(at, by) in changes(&optional[place]) {
            let (least, most): &mut (i128, i128) = &mut within[place * width + at];
            (*least, *most) = (*least + by.min(0), *most + by.max(0));
        }
    }
    within
}

fn changes(effect: &Effect) -> impl Iterator<Item = &(usize, i128)> {
    effect.iter().filter(|change| **change != NOWHERE)
}

/// Which of some operations take effect.
struct Choices<'o> {
    optional: &'o [Effect],
    /// Their [`ranges`].
    within: &'o [(i128, i128)],
    tried: u64,
}

impl Choices<'_> {
    fn fit(&self, missing: &[i128], place: usize) -> bool {
        let within = &self.within[place * missing.len()..];
        let fits =
            |(missing, &(least, most)): (&i128, &(i128, i128))| (least..=most).contains(missing);
        missing.iter().zip(within).all(fits)
    }

    /// Whether all fit still, at a later place, after `effect` was looked at: no others can fit
    /// less well than before.
    fn still_fit(&self, effect: &Effect, missing: &[i128], place: usize) -> bool {
        changes(effect).all(|&(at, _)| {
            let (least, most) = self.within[place * missing.len() + at];
            (least..=most).contains(&missing[at])
        })
    }

    /// Whether some of them can make what is `missing`, which fits. On a list of its own, because
    /// there may be thousands.
    fn lead_to(&mut self, missing: &mut [i128]) -> bool {
        let optional = self.optional;
        let (mut place, mut taken) = (0, Vec::new());
        loop {
            self.tried += 1;
            let Some(effect) = optional.get(place).filter(|_| self.tried <= CHOICES) else {
                return true;
            };
            changes(effect).for_each(|&(at, by)| missing[at] -= by);
            taken.push(place);
            place += 1;
            while !self.still_fit(&optional[place - 1], missing, place) {
                // Without the last one that was taken; of equal ones the first take effect.
                let Some(last) = taken.pop() else {
                    return false;
                };
                let effect = &optional[last];
                changes(effect).for_each(|&(at, by)| missing[at] += by);
                place = last + optional[last..].partition_point(|other| other == effect);
            }
        }
    }
}
