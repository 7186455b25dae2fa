//! Part A: the view service.

use faultline_sim::{Outcome, Trial, ms};

use crate::{
    churn::come_and_go,
    fixture::{show, with_view_server},
    server,
};

pub fn first_server_becomes_primary(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        let view = fixture.get_view()?;
        if view.number != 0 {
            return fixture.violation(format!(
                "no server has pinged yet, but GetView was answered with {}",
                show(&view)
            ));
        }
        fixture.start(server(1));
        let first = fixture.member(server(1));
        fixture.until(
            "the first server to ping becomes primary of view 1, without a backup",
            |view| view.number == 1 && view.primary == Some(first) && view.backup.is_none(),
        )?;
        let view = fixture.get_view()?;
        if view.number != 1 || view.primary != Some(first) {
            return fixture.violation(format!(
                "GetView was answered with {} when view 1 had begun",
                show(&view)
            ));
        }
        fixture.stays("the only server is primary and keeps pinging", ms(400))
    })
}

pub fn second_server_becomes_backup_after_the_ack(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        if fixture.view().number != 2 {
            return fixture.violation(format!(
                "two servers joined one after the other, and the view is now {}",
                show(&fixture.view())
            ));
        }
        fixture.stays("both servers keep pinging", ms(600))
    })
}

pub fn backup_takes_over_from_a_dead_primary(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        fixture.die(server(1));
        // Less than one silent tick: nobody may be dead yet.
        fixture.stays("the primary was silent for less than a tick", ms(25))?;
        let second = fixture.member(server(2));
        fixture.until(
            "the backup becomes primary after the primary's death",
            |view| view.number == 3 && view.primary == Some(second) && view.backup.is_none(),
        )?;
        fixture.stays("the only living server is primary", ms(400))
    })
}

pub fn restarted_primary_counts_as_dead(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        // Again, with nothing of its state left, and without a silent tick.
        fixture.start(server(1));
        let (reborn, second) = (fixture.member(server(1)), fixture.member(server(2)));
        fixture.until(
            "the backup becomes primary when the primary has restarted",
            |view| view.primary == Some(second),
        )?;
        fixture.until("the restarted server becomes backup", |view| {
            view.primary == Some(second) && view.backup == Some(reborn)
        })
    })
}

pub fn restarted_backup_counts_as_dead(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        fixture.start(server(2)); // again, without a silent tick
        let (first, reborn) = (fixture.member(server(1)), fixture.member(server(2)));
        fixture.until(
            "the restarted backup comes in as a new backup, in a newer view",
            |view| view.number > 2 && view.primary == Some(first) && view.backup == Some(reborn),
        )
    })
}

pub fn idle_server_becomes_backup_in_the_same_change(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.replicated(&[server(1), server(2), server(3)])?;
        fixture.die(server(1));
        let (second, third) = (fixture.member(server(2)), fixture.member(server(3)));
        fixture.until("view 3 begins after the primary's death", |view| {
            view.number >= 3
        })?;
        let view = fixture.view();
        if view.number != 3 || view.primary != Some(second) || view.backup != Some(third) {
            return fixture.violation(format!(
                "s1 died, s3 was idle and alive, and the next view was {}",
                show(&view)
            ));
        }
        fixture.settle()?;
        fixture.start(server(1));
        fixture.settle()?;
        fixture.die(server(3));
        let first = fixture.member(server(1));
        fixture.until("view 4 begins after the backup's death", |view| {
            view.number >= 4
        })?;
        let view = fixture.view();
        if view.number != 4 || view.primary != Some(second) || view.backup != Some(first) {
            return fixture.violation(format!(
                "s3 died, s1 was idle and alive, and the next view was {}",
                show(&view)
            ));
        }
        Ok(())
    })
}

pub fn no_view_change_before_the_ack(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.start(server(1));
        fixture.accepts_no_more_than(server(1), 0);
        fixture.until("the first server to ping becomes primary", |view| {
            view.number == 1
        })?;
        fixture.start(server(2));
        fixture.stays(
            "its primary s1 has not acknowledged it (s2 joined)",
            ms(500),
        )?;
        fixture.accepts_again(server(1));
        fixture.until("s2 becomes backup once s1 has acknowledged", |view| {
            view.number == 2
        })?;
        // View 2 is told to everybody but never acknowledged; then its backup dies, a server comes,
        // its primary dies.
        fixture.accepts_no_more_than(server(1), 1);
        let told = fixture.get_view()?;
        if told.number != 2 {
            return fixture.violation(format!(
                "GetView was answered with {} when view 2 had begun",
                show(&told)
            ));
        }
        fixture.die(server(2));
        fixture.stays("its primary s1 has not acknowledged it (s2 died)", ms(500))?;
        fixture.start(server(3));
        fixture.stays(
            "its primary s1 has not acknowledged it (s3 joined)",
            ms(500),
        )?;
        fixture.die(server(1));
        fixture.stays("its primary s1 died before it acknowledged it", ms(1_000))
    })
}

pub fn only_the_primary_can_acknowledge(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 4, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        fixture.die(server(2));
        fixture.until("the dead backup is left out of view 3", |view| {
            view.number == 3
        })?;
        fixture.accepts_no_more_than(server(1), 2);
        // s3 is idle; it knows view 3 and says so, and so does the late s2.
        fixture.start(server(3));
        fixture.run(ms(100))?;
        fixture.ping(server(2), 3, 1)?;
        fixture.stays(
            "only s3 and s2, not its primary s1, have told its number",
            ms(500),
        )?;
        fixture.accepts_again(server(1));
        fixture.until("s1 acknowledges view 3, and a backup is chosen", |view| {
            view.number > 3
        })?;
        // Now the backup of an unacknowledged view tells the view's number.
        let view = fixture.view();
        fixture.accepts_no_more_than(server(1), view.number - 1);
        fixture.run(ms(200))?;
        if fixture.view() != view {
            // s1's acknowledgement was faster than the test; nothing to see in this seed
            return Ok(());
        }
        fixture.start(server(4));
        if let Some(backup) = view.backup {
            fixture.die(backup.node);
        }
        fixture.stays(
            "only its backup, not its primary s1, has told its number",
            ms(500),
        )
    })
}

pub fn an_old_ack_acknowledges_nothing(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 2, |fixture| {
        fixture.start(server(1));
        fixture.until("the first server to ping becomes primary", |view| {
            view.number == 1
        })?;
        fixture.run(ms(100))?;
        fixture.accepts_no_more_than(server(1), 1);
        fixture.start(server(2));
        fixture.until("s2 becomes backup", |view| view.number == 2)?;
        fixture.die(server(2));
        fixture.stays("its primary s1 has acknowledged only view 1", ms(600))?;
        fixture.accepts_again(server(1));
        fixture.until(
            "the dead backup is left out once s1 has acknowledged view 2",
            |view| view.number == 3 && view.backup.is_none(),
        )
    })
}

pub fn uninitialised_server_never_becomes_primary(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.start(server(1));
        let first = fixture.member(server(1));
        fixture.until("the first server to ping becomes primary", |view| {
            view.primary == Some(first)
        })?;
        fixture.run(ms(100))?; // acknowledged
        fixture.die(server(1));
        fixture.run(ms(300))?; // dead
        fixture.start(server(2));
        fixture.start(server(3));
        fixture.stays(
            "its primary s1, which alone had the state, is dead",
            ms(800),
        )?;
        // The same node comes back, but it is another, empty server.
        fixture.start(server(1));
        fixture.stays(
            "its primary s1, which alone had the state, came back empty",
            ms(800),
        )
    })
}

pub fn dead_idle_server_is_not_chosen(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.replicated(&[server(1), server(2), server(3)])?;
        let (first, third) = (fixture.member(server(1)), fixture.member(server(3)));
        fixture.die(server(3));
        fixture.run(ms(500))?;
        fixture.die(server(2));
        fixture.until("the dead backup is left out", |view| view.number >= 3)?;
        for _ in 0..5 {
            let view = fixture.view();
            if view.backup == Some(third) {
                return fixture.violation(format!(
                    "s3 had been silent for 500 ms, but the view is now {}",
                    show(&view)
                ));
            }
            fixture.run(ms(100))?;
        }
        let view = fixture.view();
        if view.primary != Some(first) || view.backup.is_some() {
            return fixture.violation(format!(
                "s1 is the only living server, but the view is {}",
                show(&view)
            ));
        }
        Ok(())
    })
}

pub fn views_have_no_gaps_and_never_repeat(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        // Every view that anybody hears of is checked on the way; here the servers come and go in
        // turn.
        fixture.replicated(&[server(1), server(2), server(3)])?;
        for round in 0..6 {
            let view = fixture.view();
            let victim = if round % 2 == 0 {
                view.primary
            } else {
                view.backup
            };
            let Some(victim) = victim else {
                return fixture.violation(format!(
                    "three servers are alive, but the view is {}",
                    show(&view)
                ));
            };
            fixture.die(victim.node);
            let survivors =
                |member: Option<lab2_api::Member>| member.is_some_and(|member| member != victim);
            fixture.until("a dead server is replaced by the idle one", |view| {
                survivors(view.primary) && survivors(view.backup)
            })?;
            fixture.settle()?;
            fixture.start(victim.node);
            fixture.stays("only an idle server has joined", ms(300))?;
        }
        let number = fixture.view().number;
        if number != 8 {
            return fixture.violation(format!(
                "eight changes were needed, but the view's number is {number}"
            ));
        }
        Ok(())
    })
}

pub fn late_and_duplicated_pings_change_nothing(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.replicated(&[server(1), server(2)])?;
        fixture.start(server(1)); // incarnation 2
        let second = fixture.member(server(2));
        fixture.until(
            "the backup becomes primary when the primary has restarted",
            |view| view.primary == Some(second),
        )?;
        let reborn = fixture.member(server(1));
        fixture.until("the restarted server becomes backup", |view| {
            view.backup == Some(reborn)
        })?;
        fixture.settle()?;
        // Pings of s1's first life arrive only now, some of them twice: for old views, and for the
        // present one. (That at most two messages in a row are lost says nothing about every second
        // one, so nothing is lost here.)
        fixture.lose_nothing_from(server(1));
        let number = fixture.view().number;
        for view in [1, 2, 2, number, number, 0] {
            fixture.ping(server(1), view, 1)?;
            fixture.stays(
                "only late pings of s1's first incarnation have arrived",
                ms(50),
            )?;
        }
        fixture.stays(
            "only late pings of s1's first incarnation have arrived",
            ms(300),
        )?;
        // A dead server's late pings do not make it alive, but they are answered, as every ping is.
        fixture.die(server(1));
        let told = fixture.times_told(server(1));
        for _ in 0..13 {
            fixture.ping(server(1), number, 1)?;
            fixture.run(ms(50))?;
        }
        let view = fixture.view();
        if view.backup.is_some() {
            let text = format!(
                "for 650 ms only s1's first incarnation was heard, but the view is still {}",
                show(&view)
            );
            return fixture.violation(text);
        }
        if fixture.times_told(server(1)) == told {
            return fixture.violation(
                "13 pings of s1's first incarnation were not answered with a View".to_owned(),
            );
        }
        Ok(())
    })
}

pub fn the_rules_hold_whatever_comes_and_goes(trial: &mut Trial<'_>) -> Outcome {
    come_and_go(trial, 4, 12)
}
