//! Agreement with keepalived's own verdicts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, unreachable_pub)] // helpers of tests are tests

mod bad;
mod corpus;
mod coverage;
mod meant;
mod samples;
mod says;
mod shared;
