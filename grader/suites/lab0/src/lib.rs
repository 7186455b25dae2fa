//! Lab 0: the tests of ping-pong, echo and unique ids.
//!
//! The crate must not know what a program keeps or says: it sees commands, answers, the names of
//! nodes and what the world counts. Points, titles and seeds stand in `rubrics/lab0.toml`, hidden
//! tests in the crate beside this one.
//!
//! ```
//! let suite = lab0_suite::suite();
//! assert!(suite.test("a_request_counts_once").is_some());
//! ```
//!
//! Read on in `public/echo.rs`, whose tests read as prose, then in `fixture` (the world of a
//! program) and `chaos`. What all suites share is `faultline_labtest`.

pub mod chaos;
pub mod echoes;
pub mod fixture;
pub mod ids;
pub mod payloads;
#[doc(hidden)]
pub mod public;

use std::time::Duration;

use faultline_labtest::{Patience, Suite, tests};
pub use faultline_labtest::{client, server};
use faultline_sim::ms;

use public::{clocks, echo, pingpong, servers, stretch};

/// Maximum time to answer an operation on a clean network, and after the last fault has ended.
pub const ANSWERED: Duration = ms(5_000);

/// Maximum time to answer an operation while the network keeps dropping messages.
pub const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

/// The time after the last answer from which on nobody has anything to say any more.
pub const QUIET_AFTER: Duration = ms(5_000);

const PATIENCE: Patience = Patience {
    clean: ANSWERED,
    lossy: ANSWERED_UNDER_LOSS,
};

/// Maximum number of times that the lab starts a node.
pub const MAX_INCARNATIONS: u64 = 60;

/// The public tests.
pub fn suite() -> Suite {
    Suite::new(
        "lab0",
        "lab0-api",
        tests! {
            pingpong:
                a_ping_is_answered,
                a_ping_is_sent_until_it_is_answered,
                each_ping_gets_its_own_pong;
            echo:
                an_echo_comes_back,
                any_payload_comes_back_unchanged,
                everybody_gets_their_own_echo,
                a_request_is_sent_until_it_is_answered,
                a_request_counts_once,
                an_old_request_counts_nothing,
                an_old_reply_answers_nothing,
                nobody_talks_when_nothing_is_asked,
                one_request_of_each_client_is_remembered,
                echo_chaos;
            servers:
                an_id_comes_back,
                no_two_servers_give_the_same_id,
                high_numbers_are_told_apart,
                a_restart_repeats_nothing,
                a_lost_disk_repeats_nothing,
                an_old_reply_brings_no_id_twice,
                nobody_is_asked,
                the_server_makes_the_id;
            clocks:
                a_clock_set_back_repeats_nothing,
                a_clock_that_stands_still_stops_nobody,
                a_burst_repeats_nothing,
                ids_chaos;
            stretch:
                ids_fit_64_bits,
                ids_fit_53_bits,
                ids_are_roughly_in_order;
        },
    )
}
