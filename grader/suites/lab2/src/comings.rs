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
    server,
    stage::{Stage, on_stage},
};

/// The numbers of servers and of things that happen; after every fourth of them a rest.
pub fn come_and_go(trial: &mut Trial<'_>, servers: u32, steps: u64) -> Outcome {
    let choices = Choices::new(trial.seed());
    on_stage(trial, servers, |stage| {
        let all: Vec<NodeId> = (1..=servers).map(server).collect();
        stage.start(all[0]);
        if choices.draw(About::Plan, 5, 0).below(2) == 0 {
            // two at the same time, and the view server heard one of them first
            stage.start(all[1]);
        }
        stage.run(ms(100))?;
        let mut active = false;
        for step in 0..steps {
            let mut draw = choices.draw(About::Plan, 4, step);
            if stage.may_do(step) {
                something_happens(stage, &all, &mut draw)?;
                stage.run(pause(&mut draw))?;
                active = true;
            }
            if step % 4 == 3 && std::mem::take(&mut active) {
                stage.comes_to_rest()?;
            }
        }
        // Everybody lives and accepts: if anything can still come to an end, it must.
        for server in all {
            match stage.has_started(server) {
                true => stage.accepts_again(server),
                false => stage.start(server),
            }
        }
        stage.comes_to_rest()
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

fn something_happens(stage: &mut Stage<'_, '_>, all: &[NodeId], draw: &mut Draw) -> Outcome {
    let who = *draw.pick(all);
    if !stage.has_started(who) {
        stage.start(who);
        return Ok(());
    }
    let (view, member) = (stage.view(), stage.member(who));
    match draw.below(8) {
        0..=1 => stage.die(who),
        2..=3 => stage.start(who),
        4 => stage.accepts_no_more_than(who, view.number.saturating_sub(1)),
        5 => stage.accepts_again(who),
        6 => stage.goes_on(who),
        // Pings from the past: of an earlier life, or of this one when it knew less.
        _ => {
            let (told, life) = (
                draw.below(view.number + 1),
                member.incarnation.saturating_sub(draw.below(2)).max(1),
            );
            for _ in 0..draw.below(12) {
                stage.ping(who, told, life)?;
                stage.run(ms(50))?;
            }
        }
    }
    Ok(())
}
