//! What runs have counted, as verdicts tell it.

use faultline_sim::Phase;
use faultline_verdict::{PhaseCounts, Searched};

pub(super) fn searched(seen: &faultline_sim::Searched) -> Searched {
    let faultline_sim::Searched {
        from,
        walks,
        states,
        all,
        depth,
        transitions,
        calls,
    } = seen.clone();
    Searched {
        from,
        walks,
        states,
        all,
        depth,
        transitions,
        calls,
    }
}

pub(super) fn counts(phase: Phase) -> PhaseCounts {
    PhaseCounts {
        lasted_ms: phase.lasted_us / 1000,
        events: phase.events,
        messages: phase.messages,
        bytes: phase.bytes,
        operations: phase.operations,
        latency_mean_us: phase
            .latency_sum_us
            .checked_div(phase.operations)
            .unwrap_or(0),
        latency_max_us: phase.latency_max_us,
        latency_p50_us: phase.latencies.quantile_us(500).min(phase.latency_max_us),
        latency_p99_us: phase.latencies.quantile_us(990).min(phase.latency_max_us),
        available_permille: (phase.availability.answered * 1000)
            .checked_div(phase.availability.asked),
        recovery_max_us: phase.recovery_us,
        phase: phase.name,
    }
}
