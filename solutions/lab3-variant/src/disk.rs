//! The disk: votes are appended to a log, and when that is cut short a new one begins beside it.

use lab3_api::Slot;
use labkit::prelude::*;

use crate::{message::Vote, server::Server, store::Store};

/// Which log of votes counts, and what stands before it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Base {
    pub generation: u64,
    /// True for ever once the disk was lost: this server only learns.
    pub amnesiac: bool,
    pub cleared: Slot,
    pub store: Store,
}

fn votes_of(generation: u64) -> String {
    format!("votes {generation}")
}

/// What the disk holds. The second is true if its end was torn: what comes after that could not be
/// read.
pub fn load(base: &Base, ctx: &mut Context<Server>) -> (Map<Slot, Vote>, bool) {
    let records = ctx
        .disk()
        .records::<(Slot, Vote)>(&votes_of(base.generation));
    (
        records
            .whole
            .into_iter()
            .filter(|(slot, _)| *slot > base.cleared)
            .collect(),
        records.torn,
    )
}

/// A vote, safe before anything that is said after this.
pub fn vote(base: &Base, slot: Slot, vote: &Vote, ctx: &mut Context<Server>) {
    ctx.disk()
        .append(&votes_of(base.generation), &(slot, vote.clone()));
    ctx.disk().sync();
}

/// A new log with these votes only. Until the base that names it is safe, the old one counts.
pub fn begin_again(base: &mut Base, votes: &Map<Slot, Vote>, ctx: &mut Context<Server>) {
    let old = votes_of(base.generation);
    base.generation += 1;
    let new = votes_of(base.generation);
    ctx.disk().remove(&new);
    for record in votes {
        ctx.disk().append(&new, &record);
    }
    ctx.disk().sync();
    ctx.disk().write("base", base);
    ctx.disk().sync();
    ctx.disk().remove(&old);
}
