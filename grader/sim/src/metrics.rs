//! Counts of a run, per phase.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    history::Operation,
    latency::Latencies,
    time::{Time, micros, ms},
};

/// What happened in one phase of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The phase's name, such as `healthy` or `healed`.
    pub name: String,
    /// Virtual microseconds that it lasted.
    pub lasted_us: u64,
    /// Events that nodes handled.
    pub events: u64,
    /// Messages that nodes sent, lost ones included.
    pub messages: u64,
    /// Bytes of those messages.
    pub bytes: u64,
    /// Operations that were answered.
    pub operations: u64,
    /// The sum of the virtual microseconds that those operations took.
    pub latency_sum_us: u64,
    /// The longest of them.
    pub latency_max_us: u64,
    /// How they are distributed.
    pub latencies: Latencies,
    /// How long operations went unanswered.
    pub availability: Availability,
    /// From the last time that the world was healed, if that was in this phase, to the first
    /// answer; of several runs the longest.
    pub recovery_us: Option<u64>,
    pub(crate) began: Time,
}

/// How many windows of 100 ms brought an answer. A window counts if it did, or if an operation was
/// open throughout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The windows that count.
    pub asked: u64,
    /// Those with an answer.
    pub answered: u64,
}

const WINDOW: u64 = ms(100).as_micros() as u64;

impl Phase {
    pub(crate) fn named(name: &str, began: Time) -> Phase {
        Phase {
            name: name.to_owned(),
            began,
            ..Phase::default()
        }
    }

    /// Adds what was counted in a phase of this name in another run.
    pub fn add(&mut self, other: &Phase) {
        self.lasted_us += other.lasted_us;
        self.events += other.events;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.operations += other.operations;
        self.latency_sum_us += other.latency_sum_us;
        self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
        self.latencies.add(&other.latencies);
        self.availability.asked += other.availability.asked;
        self.availability.answered += other.availability.answered;
        self.recovery_us = self.recovery_us.max(other.recovery_us);
    }

    pub(crate) fn answered(&mut self, took: Duration) {
        let took = micros(took);
        self.latencies.count(took);
        self.operations += 1;
        self.latency_sum_us += took;
        self.latency_max_us = self.latency_max_us.max(took);
    }
}

/// Measures at the end of a run what needs its whole history.
pub(crate) fn measure(phases: &mut [Phase], history: &[Operation], healed: Option<Time>) {
    for phase in phases {
        let ended = Time(phase.began.0 + phase.lasted_us);
        phase.availability = availability(history, phase.began, ended);
        let of_this = healed.filter(|healed| phase.began <= *healed && *healed < ended);
        phase.recovery_us = of_this.and_then(|healed| {
            let answers = history
                .iter()
                .filter_map(|operation| operation.reply.as_ref());
            answers
                .map(|(moment, _)| moment.at)
                .filter(|at| *at >= healed)
                .min()
                .map(|at| micros(at.since(healed)))
        });
    }
}

fn availability(history: &[Operation], began: Time, ended: Time) -> Availability {
    // The last window may be cut short; it counts if it brings an answer.
    let whole = ended.0.saturating_sub(began.0) / WINDOW;
    let mut answered = vec![false; whole as usize + 1];
    // By how many the operations that are open throughout a window are more than in the window
    // before.
    let mut waiting = vec![0i64; whole as usize + 1];
    let after = |at: Time| at.0.saturating_sub(began.0);
    for operation in history {
        let first = if operation.invoked.at <= began {
            0
        } else {
            after(operation.invoked.at).div_ceil(WINDOW)
        };
        let answer = operation.reply.as_ref().map(|(moment, _)| moment.at);
        let behind = answer.map_or(whole, |at| after(at) / WINDOW).min(whole);
        if first < behind {
            waiting[first as usize] += 1;
            waiting[behind as usize] -= 1;
        }
        if let Some(at) = answer.filter(|at| began < *at && *at <= ended)
            && let Some(window) = answered.get_mut((after(at) / WINDOW) as usize)
        {
            *window = true;
        }
    }
    let mut open = 0;
    let mut sum = Availability::default();
    for (answered, more) in answered.into_iter().zip(waiting) {
        open += more;
        sum.asked += u64::from(answered || open > 0);
        sum.answered += u64::from(answered);
    }
    sum
}

/// How much one run may use. Deterministic: no seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events handled by all nodes together.
    pub events: u64,
    /// Messages sent by all nodes together.
    pub messages: u64,
    /// Bytes of all effects together: messages, answers, writes, timers, notes.
    pub bytes: u64,
    /// What all handlers together may compute, in the backend's unit. Far above what any sensible
    /// program needs; it keeps one that is just below the limit of a single handler, again and
    /// again, from taking hours.
    pub fuel: u64,
    /// Effects of one handler.
    pub effects_per_event: u64,
    /// Timers that one node may have running.
    pub timers_per_node: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            events: 1_000_000,
            messages: 200_000,
            bytes: 256 << 20,
            fuel: 3_000_000_000,
            effects_per_event: 10_000,
            timers_per_node: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use labkit::NodeId;

    use super::*;
    use crate::history::Moment;

    fn operation(from: u64, to: Option<u64>) -> Operation {
        let moment = |at_ms: u64| Moment {
            at: Time(at_ms * 1000),
            order: at_ms,
        };
        Operation {
            client: NodeId::new('c', 1),
            command: Vec::new(),
            invoked: moment(from),
            reply: to.map(|to| (moment(to), Vec::new())),
            via: None,
        }
    }

    #[test]
    fn a_window_counts_if_somebody_waits_throughout_or_is_answered() {
        let history = [
            operation(10, Some(20)),
            operation(150, Some(520)),
            operation(640, Some(760)),
        ];
        let of = |from: u64, to: u64| {
            let Availability { asked, answered } =
                availability(&history, Time(from * 1000), Time(to * 1000));
            (asked, answered)
        };
        // 0: answered; 100: idle at first; 200 to 400: waits; 500: answered; 600: idle at first;
        // 700: answered; 800: idle.
        assert_eq!(of(0, 900), (6, 3));
        assert_eq!(of(200, 500), (3, 0), "it began before and ended later");
        assert_eq!(of(0, 99), (1, 1), "cut short, but answered");
        assert_eq!(of(200, 290), (0, 0));
        let open = [operation(0, None)];
        assert_eq!(
            availability(&open, Time(0), Time(1_000_000)),
            Availability {
                asked: 10,
                answered: 0
            }
        );
    }

    #[test]
    fn recovery_is_from_healing_to_the_next_answer() {
        let phase = |name: &str, began: u64, lasted: u64| Phase {
            lasted_us: lasted * 1000,
            ..Phase::named(name, Time(began * 1000))
        };
        let mut phases = [phase("faults", 0, 500), phase("healed", 500, 500)];
        let history = [operation(10, Some(20)), operation(30, Some(630))];
        measure(&mut phases, &history, Some(Time(500_000)));
        assert_eq!(
            (phases[0].recovery_us, phases[1].recovery_us),
            (None, Some(130_000))
        );
        measure(&mut phases, &history[..1], Some(Time(500_000)));
        assert_eq!(phases[1].recovery_us, None, "nothing was answered");
    }
}
