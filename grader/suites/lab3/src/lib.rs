//! Lab 3: the tests of a Paxos-based key-value service.
//!
//! The crate must not know a program's messages or who leads: it sees the one given message
//! (`Propose`), what servers show of their logs, commands and answers. Points, titles and seeds
//! stand in `rubrics/lab3.toml`, hidden tests in the crate beside this one.
//!
//! ```
//! let suite = lab3_suite::suite();
//! assert!(suite.test("a_chosen_value_stays").is_some());
//! ```
//!
//! Read on in `public/agreement.rs`, then in `group` (who takes part), `ballots` (stories of old
//! ballots), `log` (what was seen of the log) and `orders` (every order of events). What all suites
//! share is `faultline_labtest`.

pub mod ballots;
pub mod chaos;
pub mod costs;
pub mod group;
pub mod ladder;
pub mod log;
pub mod orders;
mod public;
pub mod scenes;

use std::time::Duration;

use faultline_labtest::{
    Patience, Suite,
    kv::{Command, KvLab, Output},
    tests,
};
pub use faultline_labtest::{client, server};
use faultline_sim::ms;

use public::{agreement, budget, exploration, memory, recovery, store};

/// Maximum time, on a network that drops nothing, to answer an operation and to tell every server
/// what is chosen.
pub const ANSWERED: Duration = ms(5_000);

/// The same while the network goes on losing messages.
pub const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

const PATIENCE: Patience = Patience {
    clean: ANSWERED,
    lossy: ANSWERED_UNDER_LOSS,
};

/// How this lab's commands and outputs read.
pub enum Lab3 {}

impl KvLab for Lab3 {
    type Command = lab3_api::Command;
    type Output = lab3_api::Output;

    fn command(command: lab3_api::Command) -> Command {
        match command {
            lab3_api::Command::Put { key, value } => Command::Put { key, value },
            lab3_api::Command::Append { key, value } => Command::Append { key, value },
            lab3_api::Command::Get { key } => Command::Get { key },
        }
    }

    fn of_lab(command: &Command) -> lab3_api::Command {
        match command.clone() {
            Command::Put { key, value } => lab3_api::Command::Put { key, value },
            Command::Append { key, value } => lab3_api::Command::Append { key, value },
            Command::Get { key } => lab3_api::Command::Get { key },
        }
    }

    fn output(output: lab3_api::Output) -> Output {
        match output {
            lab3_api::Output::Done => Output::Done,
            lab3_api::Output::Value(value) => Output::Value(value),
        }
    }
}

/// The public tests.
pub fn suite() -> Suite {
    Suite::new(
        "lab3",
        "lab3-api",
        tests! {
            agreement:
                one_proposal_is_chosen,
                a_group_of_one_needs_nobody,
                the_same_proposal_of_three_is_chosen,
                racing_proposers_settle,
                many_slots_in_any_order,
                a_chosen_value_stays,
                a_minority_chooses_nothing,
                a_majority_goes_on,
                one_deaf_and_one_mute_stop_nobody,
                a_copy_of_a_reply_counts_once,
                late_answers_to_an_older_ballot_do_not_count,
                acceptances_of_two_ballots_choose_nothing,
                the_value_of_the_highest_ballot_wins,
                no_two_servers_use_the_same_ballot,
                a_vote_is_a_promise,
                agreement_chaos;
            store:
                put_append_get,
                a_single_server_serves,
                many_clients_are_linearizable,
                an_operation_is_carried_out_once,
                a_late_reply_answers_nothing_else,
                another_operation_in_the_slot_is_no_answer,
                a_cut_off_server_answers_nothing_stale,
                a_minority_serves_nobody,
                a_server_may_die_at_any_point,
                slots_that_nobody_finished_are_filled,
                a_server_that_was_away_catches_up,
                network_chaos,
                partition_chaos;
            recovery:
                a_vote_survives_a_crash,
                a_promise_survives_a_crash,
                nothing_is_said_before_it_is_safe,
                all_servers_restart_at_once,
                servers_restart_one_after_the_other,
                a_lost_disk_takes_no_decision_back,
                a_majority_with_disks_goes_on,
                recovery_chaos,
                lost_disk_chaos;
            memory:
                an_idle_log_is_forgotten,
                a_server_that_was_away_gets_what_was_forgotten,
                one_reply_per_client_is_kept,
                forgetting_loses_nothing,
                what_is_forgotten_stays_decided,
                a_cleared_group_restarts;
            budget:
                few_messages_per_operation,
                few_bytes_for_large_values,
                no_long_wait_while_servers_come_and_go;
            exploration:
                two_proposers_in_every_order,
                nothing_is_said_too_early_in_any_order,
                a_chosen_value_stays_in_every_order,
                no_two_halves_choose_in_any_order,
                two_clients_in_every_order,
                a_single_server_in_every_order;
        },
    )
}
