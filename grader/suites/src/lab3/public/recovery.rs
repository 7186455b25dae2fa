//! Part C: crashes, with and without the disk.

use faultline_sim::{Outcome, Trial, ms};

use crate::lab3::{
    ballots,
    client,
    group::{Size, append, with_crash_sweep, with_group},
    server,
};

const TRIO: Size = Size::alone(3);
const SERVICE: Size = Size { servers: 3, clients: 3 };

pub fn a_vote_survives_a_crash(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (one, two, away) = (server(1), server(2), server(3));
        for slot in [1, 2, 3] {
            group.world.isolate(away)?;
            group.propose(one, slot, &format!("value {slot}"))?;
            group.must_choose(&[slot], &[one])?;
            // Whoever voted for it restarts, and the one that may know that it is chosen cannot say so.
            group.world.restart_quickly(two)?;
            group.world.isolate(one)?;
            group.world.join(&[&[two], &[away]])?;
            group.propose(away, slot, &format!("not value {slot}"))?;
            group.must_choose(&[slot], &[two, away])?;
            group.must_hold(slot, &format!("value {slot}"))?;
            group.world.heal()?;
            group.must_choose(&[slot], &group.size.servers())?;
        }
        Ok(())
    })
}

pub fn a_promise_survives_a_crash(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, TRIO, "s2", ballots::an_old_proposal_meets_a_restarted_server)
}

pub fn nothing_is_said_before_it_is_safe(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, SERVICE, "s2", |group| {
        let (writer, reader) = (client(1), client(3));
        let (one, two, away) = (server(1), server(2), server(3));
        group.must_do(writer, &append("log", "1;"))?;
        group.world.isolate(away)?;
        group.invoke(writer, &append("log", "2;"))?;
        group.world.sweep(two);
        group.world.run_until(ms(120), |world| Ok(world.is_down(two)))?;
        group.world.sweep_over();
        group.start_all()?;
        group.answer(writer)?;
        group.world.isolate(one)?;
        group.world.join(&[&[away], &[two, client(1), client(2), client(3)]])?;
        group.must_read(reader, "log", "1;2;")
    })
}
