//! Part C: crashes, with and without the disk.

use faultline_sim::{Outcome, Trial, ms};

use crate::{
    ballots,
    chaos::{Chaos, Faults},
    client,
    group::{KvService, Size, append, put, with_crash_sweep, with_group, with_group_at_worst},
    scenes, server,
};

const TRIO: Size = Size::alone(3);
const SERVICE: Size = Size {
    servers: 3,
    clients: 3,
};

pub fn a_vote_survives_a_crash(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (one, two, away) = (server(1), server(2), server(3));
        for slot in [1, 2, 3] {
            // In a design with a leader, so that the one who restarts has only voted.
            ballots::take_over(group, &[two, away])?;
            group.world.isolate(away)?;
            group.propose(one, slot, &format!("value {slot}"))?;
            group.must_choose(&[slot], &[one])?;
            // Whoever voted for it restarts, and the one that may know that it is chosen cannot say
            // so.
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
    with_crash_sweep(
        trial,
        TRIO,
        "s2",
        true,
        ballots::an_old_proposal_meets_a_restarted_server,
    )
}

pub fn nothing_is_said_before_it_is_safe(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, SERVICE, "s2", true, |group| {
        let (writer, reader) = (client(1), client(3));
        let (one, two, away) = (server(1), server(2), server(3));
        ballots::take_over(group, &[two, away])?;
        group.must_do(writer, &append("log", "1;"))?;
        group.world.isolate(away)?;
        group.invoke(writer, &append("log", "2;"))?;
        group.world.sweep(two);
        group
            .world
            .run_until(ms(120), |world| Ok(world.is_down(two)))?;
        group.world.sweep_over();
        group.start_all()?;
        group.answer(writer)?;
        group.world.isolate(one)?;
        group
            .world
            .join(&[&[away], &[two, client(1), client(2), client(3)]])?;
        group.must_read(reader, "log", "1;2;")
    })
}

pub fn all_servers_restart_at_once(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, SERVICE, |group| {
        scenes::all_restart(group, 6)?;
        group.read_all_and_judge()
    })
}

pub fn servers_restart_one_after_the_other(trial: &mut Trial<'_>) -> Outcome {
    with_group_at_worst(trial, SERVICE, |group| {
        scenes::restart_one_after_the_other(group, 4)
    })
}

pub fn a_lost_disk_takes_no_decision_back(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, SERVICE, |group| {
        scenes::one_loses_its_disk(group, ms(1_500))
    })
}

pub fn a_majority_with_disks_goes_on(trial: &mut Trial<'_>) -> Outcome {
    with_group(
        trial,
        Size {
            servers: 5,
            clients: 3,
        },
        |group| {
            let (writer, reader) = (client(1), client(3));
            group.must_do(writer, &put("x", "0;"))?;
            for victim in [2, 4] {
                group.world.crash(server(victim))?;
                group.world.lose_disk(server(victim))?;
                group.world.start(server(victim))?;
                group.must_do(writer, &append("x", &format!("{victim};")))?;
            }
            group.must_read(reader, "x", "0;2;4;")?;
            group.world.isolate(server(2))?;
            group.world.isolate(server(4))?;
            group.must_do(writer, &append("x", "end;"))?;
            group.world.heal()?;
            group.read_all_and_judge()
        },
    )
}

pub fn recovery_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: SERVICE,
        operations: 12,
        faults: Faults::RECOVERY,
    }
    .run(trial)
}

pub fn lost_disk_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: SERVICE,
        operations: 12,
        faults: Faults::LOST_DISK,
    }
    .run(trial)
}
