//! A step in the making, and how it becomes an outcome.

use crate::{disk::Disk, intern::NONE, local::Local, model::Model, monitor::ExternalEvent};

use super::table::{Part, StepOutcome, StepTable, Trigger, flight_hash};

/// How a step ends for its node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    GoesOn,
    Crash,
    LostDisk,
}

/// A step in the making.
#[derive(Clone)]
pub(super) struct Draft {
    pub local: Local,
    pub sends: Vec<u32>,
    pub external_events: Vec<ExternalEvent>,
    pub parts: Vec<Part>,
}

impl Draft {
    pub fn of(local: Local) -> Draft {
        Draft {
            local,
            sends: Vec::new(),
            external_events: Vec::new(),
            parts: Vec::new(),
        }
    }
}

impl StepTable {
    /// The outcome of a puppet's saying something, after which it is `local`.
    pub fn add_saying(&mut self, local: Local, flight: u32) -> u32 {
        let part = Part {
            trigger: Trigger::Say,
            effects: self.nothing,
            done: 0,
        };
        let draft = Draft {
            sends: vec![flight],
            parts: vec![part],
            ..Draft::of(local)
        };
        let mut outcomes = Vec::new();
        self.push(draft, Ends::GoesOn, None, &mut outcomes);
        self.outcomes.append(&mut outcomes);
        self.outcomes.len() as u32 - 1
    }

    /// The node crashes here: one outcome for each disk that it may leave, and one without its
    /// disk.
    pub(super) fn crash(&mut self, draft: &Draft, model: &Model, out: &mut Vec<StepOutcome>) {
        let (disks, all) = draft.local.disk.after_crash();
        self.all_disks &= all;
        for (disk, _) in disks {
            let local = draft.local.clone().crashed(disk, self.nothing);
            self.push(
                Draft {
                    local,
                    ..draft.clone()
                },
                Ends::Crash,
                None,
                out,
            );
        }
        if model.faults.lost_disks > 0 {
            let local = draft.local.clone().crashed(Disk::replaced(), self.nothing);
            self.push(
                Draft {
                    local,
                    ..draft.clone()
                },
                Ends::LostDisk,
                None,
                out,
            );
        }
    }

    pub(super) fn push(
        &mut self,
        draft: Draft,
        ends: Ends,
        fault: Option<String>,
        out: &mut Vec<StepOutcome>,
    ) {
        let fault = fault.map_or(NONE, |fault| {
            self.faults.push(fault);
            self.faults.len() as u32 - 1
        });
        let local = self.intern_local(draft.local);
        let sends_hash = draft
            .sends
            .iter()
            .fold(0, |sum: u64, flight| sum.wrapping_add(flight_hash(*flight)));
        let external_events = self
            .external_events
            .intern(draft.external_events.as_slice());
        let (sends, parts) = (draft.sends.into(), draft.parts.into());
        let (crash, loses_disk) = (ends != Ends::GoesOn, ends == Ends::LostDisk);
        add(
            StepOutcome {
                local,
                sends,
                sends_hash,
                external_events,
                crash,
                loses_disk,
                fault,
                parts,
            },
            out,
        );
    }
}

/// Two boundaries between which nothing happened that lasts are one.
pub(super) fn add(outcome: StepOutcome, out: &mut Vec<StepOutcome>) {
    let same = |other: &StepOutcome| {
        (other.local, other.crash, other.loses_disk)
            == (outcome.local, outcome.crash, outcome.loses_disk)
            && other.external_events == outcome.external_events
            && other.sends == outcome.sends
    };
    if !(outcome.crash && outcome.fault == NONE && out.iter().any(same)) {
        out.push(outcome);
    }
}
