//! Lab 3: a Paxos-based key-value service.

mod ballots;
mod chaos;
mod group;
mod log;
mod model;
mod plans;
mod public;

use std::time::Duration;

use faultline_sim::ms;
use labkit::NodeId;

use crate::{Suite, tests};
use public::{agreement, recovery};

/// Within this time, on a network that loses nothing, every operation is answered and every server knows what is chosen.
const ANSWERED: Duration = ms(5_000);

/// The same while the network goes on losing messages.
const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

fn server(number: u32) -> NodeId {
    NodeId::new('s', number)
}

fn client(number: u32) -> NodeId {
    NodeId::new('c', number)
}

pub fn suite() -> Suite {
    Suite {
        lab: "lab3",
        api_package: "lab3-api",
        tests: tests! {
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
                agreement_chaos;
            recovery:
                a_vote_survives_a_crash,
                a_promise_survives_a_crash,
                nothing_is_said_before_it_is_safe;
        },
        hidden: Vec::new(),
    }
}
