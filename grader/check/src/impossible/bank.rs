//! Balances that nobody can have brought, and what can still become of some.

use std::collections::{BTreeMap, BTreeSet};

use super::Impossible;
use crate::{
    objects::{Bank, BankCall, BankReply},
    spec::Later,
};

/// No more deposits that are open at once are tried in all ways,
const TRIED: usize = 12;

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
    let closed = Closed::of(operations);
    answered.into_iter().find_map(|at| {
        alone(&accounts, operations, at).or_else(|| closed.together(initial, operations, at))
    })
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
                    return Some(Impossible {
                        context: (0..operations.len()).filter(came).collect(),
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

/// Sets of accounts between which transfers go.
struct Closed<'a>(Vec<BTreeSet<&'a str>>);

impl<'a> Closed<'a> {
    fn of(operations: &[Operation<'a>]) -> Closed<'a> {
        let mut sets: Vec<BTreeSet<&str>> = Vec::new();
        for operation in operations {
            let Some((_, to, from)) = moves(operation) else {
                continue;
            };
            let mut joined: BTreeSet<&str> = from.into_iter().chain([to]).collect();
            if sets.iter().any(|set| joined.is_subset(set)) {
                continue;
            }
            sets.retain_mut(|set| {
                let apart = set.is_disjoint(&joined);
                if !apart {
                    joined.append(set);
                }
                apart
            });
            sets.push(joined);
        }
        Closed(sets)
    }

    /// What is impossible for the sum of such a set.
    fn together(
        &self,
        initial: &Bank,
        operations: &[Operation<'_>],
        at: usize,
    ) -> Option<Impossible> {
        let Later { op, call, reply } = operations[at];
        let (ret, reply) = reply?;
        let (BankCall::Balances(names), BankReply::Balances(seen)) = (op, reply) else {
            return None;
        };
        let seen: BTreeMap<&str, u64> = names
            .iter()
            .map(String::as_str)
            .zip(seen.iter().copied())
            .collect();
        self.0.iter().find_map(|set| {
            let mut left: u128 = 0;
            for account in set {
                left += u128::from(*seen.get(account)?);
            }
            let at_first = |account: &&str| initial.balances.get(*account).copied().unwrap_or(0);
            let mut surely: u128 = set
                .iter()
                .map(|account| u128::from(at_first(account)))
                .sum();
            let (mut open, mut context) = (Vec::new(), Vec::new());
            for (other, deposit) in operations.iter().enumerate() {
                let BankCall::Deposit { account, amount } = deposit.op else {
                    continue;
                };
                if !set.contains(account.as_str()) || deposit.call > ret {
                    continue;
                }
                if deposit.reply.is_some_and(|(ret, _)| ret < call) {
                    surely += u128::from(*amount);
                    context.push(other);
                } else {
                    open.push(u128::from(*amount));
                }
            }
            let possible = match left.checked_sub(surely) {
                None => false,
                Some(left) if open.len() <= TRIED => (0..1_u32 << open.len()).any(|chosen| {
                    let chosen = |at: &usize| chosen >> at & 1 != 0;
                    (0..open.len())
                        .filter(chosen)
                        .map(|at| open[at])
                        .sum::<u128>()
                        == left
                }),
                Some(left) => left <= open.iter().sum(),
            };
            (!possible).then(|| Impossible {
                context,
                ..Impossible::phantom(at)
            })
        })
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
    let possible = all_fit && choices.lead_to(&mut missing, 0);
    *effort += 2 * choices.tried;
    possible
}

/// From each place on, the least and the most that the rest can make of each account.
fn ranges(optional: &[Effect], width: usize) -> Vec<(i128, i128)> {
    let mut within = vec![(0, 0); width * (optional.len() + 1)];
    for place in (0..optional.len()).rev() {
        within.copy_within((place + 1) * width..(place + 2) * width, place * width);
        for &(at, by) in optional[place].iter().filter(|change| **change != NOWHERE) {
            let (least, most): &mut (i128, i128) = &mut within[place * width + at];
            (*least, *most) = (*least + by.min(0), *most + by.max(0));
        }
    }
    within
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

    /// Whether those from `place` on can make what is `missing`. All accounts that the one before
    /// did nothing to fit.
    fn lead_to(&mut self, missing: &mut [i128], place: usize) -> bool {
        self.tried += 1;
        if self.tried > CHOICES {
            return true;
        }
        let Some(effect) = self.optional.get(place) else {
            return true;
        };
        let width = missing.len();
        // Only these accounts fit less well than before.
        let still_fit = |missing: &[i128], within: &[(i128, i128)], place: usize| {
            effect
                .iter()
                .filter(|change| **change != NOWHERE)
                .all(|&(at, _)| {
                    let (least, most) = within[place * width + at];
                    (least..=most).contains(&missing[at])
                })
        };
        let changes = || effect.iter().filter(|change| **change != NOWHERE);
        changes().for_each(|&(at, by)| missing[at] -= by);
        if still_fit(missing, self.within, place + 1) && self.lead_to(missing, place + 1) {
            return true;
        }
        changes().for_each(|&(at, by)| missing[at] += by);
        // Of equal ones the first take effect.
        let others = self.optional[place..]
            .iter()
            .take_while(|other| *other == effect)
            .count();
        still_fit(missing, self.within, place + others) && self.lead_to(missing, place + others)
    }
}
