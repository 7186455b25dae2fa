//! Lab 2: the tests of a primary/backup key-value service.
//!
//! The crate must not know what servers say to each other: it sees the lab's given messages (pings
//! and views), commands and answers. Points, titles and seeds stand in `rubrics/lab2.toml`, hidden
//! tests in the crate beside this one.
//!
//! ```
//! let suite = lab2_suite::suite();
//! assert!(suite.test("deposed_primary_serves_nothing_stale").is_some());
//! ```
//!
//! Read on in `public/failover.rs`, then in `service` (parts B to D), `fixture` (part A: the test
//! plays the servers), `plans` (faults that keep the service able to go on) and `chaos`. What all
//! suites share is `faultline_labtest`.

pub mod chaos;
pub mod churn;
pub mod costs;
pub mod fixture;
pub mod log;
pub mod orders;
pub mod plans;
mod public;
pub mod rules;
pub mod scenes;
pub mod service;

use std::time::Duration;

use faultline_labtest::{
    Patience, Suite,
    kv::{Command, KvLab, Output},
    tests,
};
pub use faultline_labtest::{client, server};
use faultline_sim::ms;
use labkit::NodeId;

use public::{budget, exploration, failover, silence, single, split, views};

/// The view server.
pub const V1: NodeId = NodeId::new('v', 1);

/// What has to have happened by now: the handout's three ticks after the last ping, and time for
/// the news to travel.
pub const BY_NOW: Duration = ms(600);

/// Maximum time to answer an operation after the world is healed.
pub const ANSWERED: Duration = ms(5_000);

/// Maximum time to answer an operation while the network keeps dropping messages. A client that
/// retries every quarter of a second may need several seconds if two of three attempts are lost, in
/// both directions.
pub const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

const PATIENCE: Patience = Patience {
    clean: ANSWERED,
    lossy: ANSWERED_UNDER_LOSS,
};

/// How this lab's commands and outputs read.
pub enum Lab2 {}

impl KvLab for Lab2 {
    type Command = lab2_api::Command;
    type Output = lab2_api::Output;

    fn command(command: lab2_api::Command) -> Command {
        match command {
            lab2_api::Command::Put { key, value } => Command::Put { key, value },
            lab2_api::Command::Append { key, value } => Command::Append { key, value },
            lab2_api::Command::Get { key } => Command::Get { key },
        }
    }

    fn of_lab(command: &Command) -> lab2_api::Command {
        match command.clone() {
            Command::Put { key, value } => lab2_api::Command::Put { key, value },
            Command::Append { key, value } => lab2_api::Command::Append { key, value },
            Command::Get { key } => lab2_api::Command::Get { key },
        }
    }

    fn output(output: lab2_api::Output) -> Output {
        match output {
            lab2_api::Output::Done => Output::Done,
            lab2_api::Output::Value(value) => Output::Value(value),
        }
    }
}

/// The public tests.
pub fn suite() -> Suite {
    Suite::new(
        "lab2",
        "lab2-api",
        tests! {
            views:
                first_server_becomes_primary,
                second_server_becomes_backup_after_the_ack,
                backup_takes_over_from_a_dead_primary,
                restarted_primary_counts_as_dead,
                restarted_backup_counts_as_dead,
                idle_server_becomes_backup_in_the_same_change,
                no_view_change_before_the_ack,
                only_the_primary_can_acknowledge,
                an_old_ack_acknowledges_nothing,
                uninitialised_server_never_becomes_primary,
                dead_idle_server_is_not_chosen,
                views_have_no_gaps_and_never_repeat,
                late_and_duplicated_pings_change_nothing,
                the_rules_hold_whatever_comes_and_goes;
            single:
                put_append_get,
                retries_survive_a_lossy_network,
                an_old_request_is_not_applied_again,
                many_clients_are_linearizable,
                duplicate_table_is_bounded_by_clients;
            failover:
                state_survives_failover,
                an_acknowledged_write_is_on_the_backup,
                no_answer_without_the_backup,
                a_backup_without_the_state_never_serves,
                exactly_once_across_failover,
                exactly_once_across_a_transfer,
                a_lone_survivor_goes_on,
                view_server_is_not_asked_every_time,
                state_survives_a_chain_of_failovers,
                network_chaos,
                failover_chaos;
            silence:
                silence_when_primary_and_backup_are_lost,
                silence_when_the_primary_dies_before_its_ack;
            split:
                deposed_primary_serves_nothing_stale,
                paused_primary_serves_nothing_stale,
                forwards_of_a_deposed_primary_are_refused,
                a_deposed_primary_takes_the_new_state,
                a_late_confirmation_releases_no_read,
                late_messages_of_earlier_views_change_nothing,
                a_transfer_neither_loses_nor_doubles,
                a_transfer_is_retried_until_it_arrives,
                a_one_way_cut_neither_loses_nor_doubles,
                split_brain_chaos;
            budget:
                few_messages_per_operation,
                the_view_server_has_little_to_do,
                memory_is_the_live_data,
                a_transfer_costs_what_the_state_does,
                one_failure_is_no_long_wait;
            exploration:
                a_single_server_in_every_order,
                an_answer_survives_in_every_order,
                a_retry_is_known_in_every_order,
                a_transfer_in_every_order,
                a_view_waits_for_its_ack_in_every_order,
                a_deposed_primary_in_every_order;
        },
    )
}
