//! What must hold of echoes, judged on what clients saw: each payload comes back as it was sent,
//! and the server has counted every request once, in an order that could have been.

use std::collections::BTreeMap;

use faultline_sim::{Operation, Outcome, Stop, Time};
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
            let text = match other == client {
                true => format!(
                    "{client} was told the number {nth} for two of its requests (the other was \
                     answered at {when}): two requests share one number"
                ),
                false => format!(
                    "{client} was told that its request was number {nth}, but so was {other} \
                     (answered at {when}): two requests share one number"
                ),
            };
            let stop = fixture.world.violation_at(at, text);
            return Err(stop.naming(nth_in_words(nth)).against(other, when));
        }
        let before = |other: &&&Operation| {
            other
                .reply
                .as_ref()
                .is_some_and(|(moment, _)| moment.order < operation.invoked.order)
        };
        let number = |other: &Operation| output::<Echoed>(other).map(|echoed| echoed.nth);
        let earlier = answered
            .iter()
            .filter(before)
            .max_by_key(|other| number(other));
        if let Some((other, higher)) = earlier.and_then(|other| Some((other, number(other)?)))
            && higher > nth
        {
            let text = format!(
                "{client} was told that its request was number {nth}, but number {higher} had been \
                 answered before that request was made"
            );
            let stop = fixture.world.violation_at(at, text);
            let (other, when) = (other.client, answered_at(other));
            return Err(stop.naming(nth_in_words(nth)).against(other, when));
        }
    }
    if answered.len() < fixture.world.history().len() {
        return Ok(());
    }
    let missing = (1u64..)
        .zip(&counted)
        .find(|(expected, (nth, _))| expected != *nth);
    match missing {
        None => Ok(()),
        Some((expected, (nth, operation))) => {
            Err(counted_twice(fixture, expected, *nth, operation, &answered))
        }
    }
}

/// Number `expected` was answered to nobody, though `nth` was: some request has both it and the
/// number that it was answered with.
#[track_caller]
fn counted_twice(
    fixture: &Fixture<'_, '_>,
    expected: u64,
    nth: u64,
    operation: &Operation,
    answered: &[&Operation],
) -> Stop {
    let (by, now) = (answered_at(operation), fixture.world.now());
    // If the copy was counted after the first one, the request was open when the number was given,
    // and was answered with a higher one; the longest open is the likeliest.
    let open = answered.iter().filter(|other| {
        let higher = output::<Echoed>(other).is_some_and(|echoed| echoed.nth > expected);
        higher && other.invoked.at <= by && answered_at(other) >= by
    });
    let suspect = open
        .min_by_key(|other| other.invoked.order)
        .map_or(operation, |other| *other);
    let text = format!(
        "{} was told that its request was number {nth}. By {now} all requests had been answered, \
         and none as number {expected}: some request was carried out more than once, and its \
         client was told one of its numbers",
        operation.client
    );
    let at = answered_at(suspect);
    let stop = fixture.world.violation_at(at, text);
    stop.naming(nth_in_words(expected))
        .against(suspect.client, at)
}

/// As an answer says it.
fn nth_in_words(nth: u64) -> String {
    format!("nth: {nth}")
}
