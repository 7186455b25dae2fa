//! A running total.
//!
//! One server keeps a total, and clients add to it.

pub mod chaos;
pub mod fixture;
pub mod public;

use std::time::Duration;

use faultline_labtest::{Patience, Suite, tests};
use faultline_sim::ms;

/// Maximum time to answer a request on a network that drops nothing, and after the last fault has
/// ended.
pub const ANSWERED: Duration = ms(5_000);

/// The same while the network goes on losing messages.
pub const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

const PATIENCE: Patience = Patience {
    clean: ANSWERED,
    lossy: ANSWERED_UNDER_LOSS,
};

/// The public tests.
pub fn suite() -> Suite {
    Suite::new(
        "tally",
        "tally-api",
        tests! {
            public:
                amounts_are_added_up,
                a_request_is_sent_until_it_is_answered,
                an_amount_counts_once,
                the_total_survives_a_crash,
                total_chaos;
        },
    )
}
