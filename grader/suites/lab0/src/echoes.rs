//! What must hold of echoes, judged on what clients saw: each payload comes back as it was sent,
//! and the server has counted every request once, in an order that could have been.

use std::collections::BTreeMap;

use faultline_sim::{Operation, Outcome, Time};
use lab0_api::{Echo, Echoed, Payload};
use labkit::{NodeId, codec};

use super::fixture::{Fixture, output, shortened};

impl Fixture<'_, '_> {
    /// Has a payload echoed, and looks at what comes back.
    #[track_caller]
    pub fn echo(&mut self, client: NodeId, payload: &Payload) -> Outcome<u64> {
        self.ask(
            client,
            &Echo {
                payload: payload.clone(),
            },
        )?;
        let echoed: Echoed = self.answer(client)?;
        if echoed.payload == *payload {
            return Ok(echoed.nth);
        }
        let (sent, got) = (shortened(payload), shortened(&echoed.payload));
        Err(self
            .world
            .violation(format!("{client} sent {sent} and got back {got}")))
    }
}

fn answered_at(operation: &Operation) -> Time {
    operation
        .reply
        .as_ref()
        .map_or(Time::ZERO, |(moment, _)| moment.at)
}

/// Judges all echoes so far. If no request is open, none may be missing in the count.
#[track_caller]
pub fn judge(fixture: &Fixture<'_, '_>) -> Outcome {
    let answered = fixture.answered();
    let mut counted: BTreeMap<u64, &Operation> = BTreeMap::new();
    for operation in &answered {
        let (client, at) = (operation.client, answered_at(operation));
        let Echo { payload } =
            codec::from_bytes(&operation.command).expect("the test made this command");
        let echoed: Echoed = output(operation).expect("it is answered");
        if echoed.payload != payload {
            let (sent, got) = (shortened(&payload), shortened(&echoed.payload));
            return Err(fixture
                .world
                .violation_at(at, format!("{client} sent {sent} and got back {got}")));
        }
        let nth = echoed.nth;
        if let Some(other) = counted.insert(nth, operation) {
            let (other, when) = (other.client, answered_at(other));
            let text = format!(
                "{client} was told that its request was number {nth}, but so was {other} \
                 (answered at {when}): two requests share one number"
            );
            return Err(fixture.world.violation_at(at, text));
        }
        let before = |other: &&&Operation| {
            other
                .reply
                .as_ref()
                .is_some_and(|(moment, _)| moment.order < operation.invoked.order)
        };
        let earlier = answered
            .iter()
            .filter(before)
            .filter_map(|other| output::<Echoed>(other))
            .map(|echoed| echoed.nth);
        if let Some(higher) = earlier.max().filter(|higher| *higher > nth) {
            let text = format!(
                "{client} was told that its request was number {nth}, but number {higher} had \
                 been answered before that request was made"
            );
            return Err(fixture.world.violation_at(at, text));
        }
    }
    if answered.len() < fixture.world.history().len() {
        return Ok(());
    }
    for (expected, (nth, operation)) in (1u64..).zip(&counted) {
        if expected != *nth {
            let text = format!(
                "{} was told that its request was number {nth}, but all requests are answered \
                 and none was number {expected}: some request was carried out more than once",
                operation.client
            );
            return Err(fixture.world.violation_at(answered_at(operation), text));
        }
    }
    Ok(())
}
