//! The promises of the explorer, on small worlds whose nodes live in this process.

mod counts;
mod differential;
mod monitoring;
mod nodes;
mod properties;
mod staging;
mod timing;
mod verification;
mod wandering;
mod working;
