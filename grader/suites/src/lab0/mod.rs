//! Lab 0: ping-pong, echo, unique ids.

mod chaos;
mod echoes;
mod hidden;
mod ids;
mod payloads;
mod plans;
mod public;
mod room;

use std::time::Duration;

use faultline_sim::ms;
use labkit::NodeId;

use crate::{Suite, tests};
use public::{clocks, echo, pingpong, servers, stretch};

/// Within this time every operation must be answered on a clean network, and after the last fault
/// has ended.
const ANSWERED: Duration = ms(5_000);

/// Within this time every operation must be answered while the network goes on losing messages.
const ANSWERED_UNDER_LOSS: Duration = ms(20_000);

/// The time after the last answer from which on nobody has anything to say any more.
const QUIET_AFTER: Duration = ms(5_000);

fn server(number: u32) -> NodeId {
    NodeId::new('s', number)
}

fn client(number: u32) -> NodeId {
    NodeId::new('c', number)
}

pub fn suite() -> Suite {
    Suite {
        lab: "lab0",
        api_package: "lab0-api",
        tests: tests! {
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
        hidden: hidden::tests(),
    }
}
