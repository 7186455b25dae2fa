//! Part A under chance: played servers come, die, return as new lives, hold back their
//! acknowledgements and send late pings, in any order. Whatever the view server does must be within
//! the rules, and what they ask for must be done.

use std::time::Duration;

use faultline_sim::{
    Outcome, Trial,
    choice::{About, Choices, Draw},
    ms,
};
use labkit::NodeId;

use super::{
    fixture::{ViewFixture, with_view_server},
    server,
};

/// The numbers of servers and of things that happen; after every fourth of them a rest.
pub fn come_and_go(trial: &mut Trial<'_>, servers: u32, steps: u64) -> Outcome {
    let choices = Choices::new(trial.seed());
    with_view_server(trial, servers, |fixture| {
        let all: Vec<NodeId> = (1..=servers).map(server).collect();
        fixture.start(all[0]);
        if choices.draw(About::Plan, 5, 0).below(2) == 0 {
            // two at the same time, and the view server heard one of them first
            fixture.start(all[1]);
        }
        fixture.run(ms(100))?;
        let mut active = false;
        for step in 0..steps {
            let mut draw = choices.draw(About::Plan, 4, step);
            if fixture.may_do(step) {
                something_happens(fixture, &all, &mut draw)?;
                fixture.run(pause(&mut draw))?;
                active = true;
            }
            if step % 4 == 3 && std::mem::take(&mut active) {
                fixture.comes_to_rest()?;
            }
        }
        // Everybody lives and accepts: if anything can still come to an end, it must.
        for server in all {
            match fixture.has_started(server) {
                true => fixture.accepts_again(server),
                false => fixture.start(server),
            }
        }
        fixture.comes_to_rest()
    })
}

/// Mostly so long that everybody has noticed, sometimes not.
fn pause(draw: &mut Draw) -> Duration {
    if draw.chance(600) {
        ms(500)
    } else {
        draw.between(&(ms(25)..=ms(250)))
    }
}

fn something_happens(
    fixture: &mut ViewFixture<'_, '_>,
    all: &[NodeId],
    draw: &mut Draw,
) -> Outcome {
    let who = *draw.pick(all);
    if !fixture.has_started(who) {
        fixture.start(who);
        return Ok(());
    }
    let (view, member) = (fixture.view(), fixture.member(who));
    match draw.below(8) {
        0..=1 => fixture.die(who),
        2..=3 => fixture.start(who),
        4 => fixture.accepts_no_more_than(who, view.number.saturating_sub(1)),
        5 => fixture.accepts_again(who),
        6 => fixture.goes_on(who),
        // Pings from the past: of an earlier life, or of this one when it knew less.
        _ => {
            let (told, life) = (
                draw.below(view.number + 1),
                member.incarnation.saturating_sub(draw.below(2)).max(1),
            );
            for _ in 0..draw.below(12) {
                fixture.ping(who, told, life)?;
                fixture.run(ms(50))?;
            }
        }
    }
    Ok(())
}
