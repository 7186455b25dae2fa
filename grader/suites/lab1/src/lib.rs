//! Lab 1: the tests of MapReduce.
//!
//! The crate must not know how a coordinator hands out work or what workers say to each other: it
//! sees jobs, what each machine computes, the files of the store and the answers. Points, titles
//! and seeds stand in `rubrics/lab1.toml`, hidden tests in the crate beside this one.
//!
//! ```
//! let suite = lab1_suite::suite();
//! assert!(suite.test("lost_map_output_is_made_again").is_some());
//! ```
//!
//! Read on in `public/failures.rs`, then in `cluster` (who takes part), `plant` (what machines
//! compute) and `chaos`. What all suites share is `faultline_labtest`.

pub mod bench;
pub mod chaos;
pub mod cluster;
pub mod costs;
pub mod lives;
pub mod orders;
pub mod picture;
pub mod plant;
mod public;
pub mod scenes;
pub mod text;

use std::time::Duration;

pub use faultline_labtest::client;
use faultline_labtest::{Suite, tests};
use faultline_sim::ms;
use labkit::NodeId;

use public::{applications, budget, distribution, exploration, failures, recovery};

/// The coordinator.
pub const M1: NodeId = NodeId::new('m', 1);

/// Maximum time for a job to end if it can, from its submission or from the end of the last fault.
pub const ENDS: Duration = ms(30_000);

/// The worker of this number.
pub fn worker(number: u32) -> NodeId {
    NodeId::new('w', number)
}

/// The public tests.
pub fn suite() -> Suite {
    Suite::new(
        "lab1",
        "lab1-api",
        tests! {
            applications:
                words_are_counted,
                words_of_any_text_are_counted,
                documents_of_each_word,
                values_are_grouped_by_key;
            distribution:
                one_worker_counts_words,
                any_number_of_workers_and_tasks,
                values_come_in_order,
                no_reduce_before_all_maps,
                workers_overlap,
                nothing_is_run_twice_in_peace,
                a_late_worker_is_used,
                jobs_do_not_mix,
                submitting_again_is_the_same_job,
                a_library_is_counted,
                network_chaos;
            failures:
                a_dead_workers_task_runs_again,
                a_worker_may_die_at_any_point,
                lost_map_output_is_made_again,
                map_output_lost_while_it_is_fetched,
                a_quick_restart_is_noticed,
                a_cut_off_worker_reports_late,
                a_late_copy_leaves_the_output_alone,
                all_workers_die_and_new_ones_come,
                stragglers_get_backup_copies,
                a_poison_split_fails_the_job,
                lost_output_is_no_failed_attempt,
                deaths_count_for_their_own_task,
                worker_chaos;
            recovery:
                a_restarted_coordinator_goes_on,
                the_coordinator_may_die_at_any_point,
                a_finished_job_is_remembered,
                coordinator_chaos;
            budget:
                few_messages_per_task,
                idle_workers_are_quiet,
                data_moves_once;
            exploration:
                a_job_in_every_order,
                a_dying_worker_in_every_order,
                lost_map_output_in_every_order,
                a_quick_restart_in_every_order,
                a_late_copy_in_every_order,
                two_copies_in_every_order,
                a_restarted_coordinator_in_every_order;
        },
    )
}
