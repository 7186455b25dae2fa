//! This lab's picture: what each machine was at, when it was down, and whose map output went with
//! it.

use faultline_sim::{Fate, Lane, Span, Time, Tone};

use super::{cluster::Cluster, plant::TaskKind};

/// A lane for each worker that ever did something or was down, and one for the coordinator if that
/// was down.
pub fn draw(cluster: &Cluster<'_, '_>) -> Vec<Lane> {
    let now = cluster.now();
    let lives = cluster.lives.borrow();
    let mut lanes = vec![jobs(cluster, now)];
    for node in std::iter::once(super::M1).chain(cluster.members.workers()) {
        let mut spans: Vec<Span> = lives
            .downs(node, now)
            .into_iter()
            .map(|(from, to)| down(from, to))
            .collect();
        for (piece, work) in cluster
            .works()
            .into_iter()
            .filter(|(_, work)| work.by.node == node)
        {
            let Some(from) = work.began else { continue };
            let lost = piece.kind == TaskKind::Map
                && work.fate == Fate::Done
                && lives.ended(work.by).is_some();
            let (fate, tone) = match work.fate {
                // Whether a later life still had it on its disk is the program's affair.
                Fate::Done if lost => (" lost", Tone::Lost),
                Fate::Done => ("", Tone::Firm),
                Fate::Running | Fate::Waiting => (" ...", Tone::Tentative),
                Fate::Cancelled => (" cancelled", Tone::Tentative),
                Fate::Crashed => (" crashed", Tone::Tentative),
            };
            let label = format!("{}{fate}", short(&piece.label()));
            spans.push(Span {
                from,
                to: work.ended.unwrap_or(now),
                label,
                tone,
            });
        }
        spans.sort_by_key(|span| (span.from, span.to));
        spans.retain(|span| span.from < span.to);
        if !spans.is_empty() {
            lanes.push(Lane {
                name: node.to_string(),
                spans,
            });
        }
    }
    lanes
}

/// From submission to end.
fn jobs(cluster: &Cluster<'_, '_>, now: Time) -> Lane {
    let mut spans: Vec<Span> = Vec::new();
    for operation in cluster.world.history() {
        let Ok(job) = labkit::codec::from_bytes::<lab1_api::Job>(&operation.command) else {
            continue;
        };
        let ended = operation.reply.as_ref().map(|(moment, _)| moment.at);
        let tone = if ended.is_some() {
            Tone::Firm
        } else {
            Tone::Tentative
        };
        let label = format!("job {}{}", job.id, if ended.is_some() { "" } else { "?" });
        // Jobs of several clients may overlap; a lane shows one after the other.
        let free = spans
            .last()
            .is_none_or(|last| last.to <= operation.invoked.at);
        if free {
            spans.push(Span {
                from: operation.invoked.at,
                to: ended.unwrap_or(now),
                label,
                tone,
            });
        }
    }
    Lane {
        name: "jobs".to_owned(),
        spans,
    }
}

fn down(from: Time, to: Time) -> Span {
    Span {
        from,
        to,
        label: "down".to_owned(),
        tone: Tone::Void,
    }
}

/// `m3` for map 3, `r0` for reduce 0: a picture has many of them.
fn short(label: &str) -> String {
    label
        .replace("map ", "m")
        .replace("reduce ", "r")
        .replace(" of job ", "/")
}
