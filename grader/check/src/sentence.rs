//! A violation in one sentence.

use crate::verdict::{Kind, Violation};

/// How a reader knows an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose it is and what it is: `c2's get x`.
    pub name: String,
    /// When it was called: `3.2 ms`.
    pub called: String,
    /// When it was answered, if it was.
    pub answered: Option<String>,
}

impl Told {
    /// `c2's get x (3.2 ms - 3.9 ms)`.
    fn with_times(&self) -> String {
        match &self.answered {
            Some(answered) => format!("{} ({} - {answered})", self.name, self.called),
            None => format!("{} (called at {})", self.name, self.called),
        }
    }

    fn end(&self) -> &str {
        self.answered.as_deref().unwrap_or("never")
    }
}

impl Kind {
    /// A name for machines, such as `stale-read`.
    pub fn id(self) -> &'static str {
        match self {
            Kind::WrongReply => "wrong-reply",
            Kind::Phantom => "phantom",
            Kind::FutureRead => "future-read",
            Kind::AppliedTwice => "applied-twice",
            Kind::Fork => "fork",
            Kind::Reordered => "reordered",
            Kind::StaleRead => "stale-read",
            Kind::NonMonotonicRead => "non-monotonic-read",
            Kind::LostWrite => "lost-write",
            Kind::LostUpdate => "lost-update",
            Kind::Overlap => "overlap",
            Kind::Cycle => "cycle",
            Kind::WrongRefusal => "wrong-refusal",
            Kind::Unexplained => "unexplained",
        }
    }

    /// A name for people, such as `stale read`.
    pub fn title(self) -> String {
        self.id().replace('-', " ")
    }
}

impl Violation {
    /// What is wrong, in one sentence without a full stop. `tell` names the operations of
    /// [`core`](Violation::core).
    pub fn sentence(&self, tell: impl Fn(usize) -> Told) -> String {
        let core: Vec<Told> = self.core.iter().map(|&index| tell(index)).collect();
        let [first, rest @ ..] = &core[..] else {
            return format!("no order explains the reply of {}", tell(self.impossible).with_times());
        };
        let one = first.with_times();
        match (self.kind, rest) {
            (Kind::WrongReply, _) => format!("{one} was answered with what no such operation is answered with"),
            (Kind::Phantom, [write, ..]) => {
                format!("{one} saw a value that no order of the writes gives: {} is in the wrong place", write.name)
            }
            (Kind::Phantom, []) => format!("{one} saw a value that no order of the writes gives"),
            (Kind::FutureRead, [write, ..]) => {
                format!("{one} saw what {} wrote, which was called only at {}", write.name, write.called)
            }
            (Kind::AppliedTwice, [read]) => format!("{one} was applied twice, as {} shows", read.with_times()),
            (Kind::AppliedTwice, [read, other, ..]) => {
                let (read, other) = (read.with_times(), other.with_times());
                format!("{one} was applied to two different values, as {read} and {other} show")
            }
            (Kind::Fork, [other, ..]) => {
                format!("{one} and {} saw values of which neither continues the other", other.with_times())
            }
            (Kind::Reordered, [later, ..]) => {
                format!("{one} had ended when {} was called at {}, but took effect after it", later.name, later.called)
            }
            (Kind::StaleRead, [newer, ..]) => {
                format!("{one} worked on a value from before {}, which had ended at {}", newer.name, newer.end())
            }
            (Kind::NonMonotonicRead, [newer, ..]) => {
                format!("{one} worked on an older value than {} had seen by {}", newer.name, newer.end())
            }
            (Kind::LostWrite, [write, ..]) => format!(
                "{}, acknowledged at {}, was lost: {one} came later and worked on the value before it",
                write.name,
                write.end()
            ),
            (Kind::LostUpdate, [other, ..]) => {
                format!("{one} and {} both took effect on the same value: one of them is lost", other.with_times())
            }
            (Kind::Overlap, [..]) if core.len() == 4 => format!(
                "two values were current in turns: one for {one} and {}, the other one for {} and {}",
                core[2].with_times(),
                core[1].with_times(),
                core[3].with_times()
            ),
            (Kind::Cycle, []) => format!("{one} worked on the value that it wrote itself"),
            (Kind::Cycle, [next, ..]) => match self.context.len() {
                0 => format!("{one} and {} each needed the value that the other one wrote", next.with_times()),
                more => {
                    let next = next.with_times();
                    format!("{one}, {next} and {more} more each needed the value that another one of them wrote")
                }
            },
            (Kind::WrongRefusal, [..]) => format!("{one} was refused, although its condition held all the time"),
            _ => format!("no order of {} operations explains their replies, such as that of {one}", core.len()),
        }
    }
}
