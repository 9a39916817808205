//! The election of two and three nodes, model-checked: every way in which packets are lost, held back or overtaken and nodes
//! die and come back, up to a bound that each case states. The nodes are the real machine with settings from a real file.
#![allow(
    clippy::indexing_slicing,
    reason = "a test may stop where it fails, and all its input is its own"
)]

mod election;
mod fingerprint;
mod site;

use std::time::Instant;

use stateright::{Checker as _, Model as _};

use crate::election::Election;
use crate::site::{Kind, site};

fn check(name: &str, nodes: usize, kind: Kind, troubles: u8) {
    let since = Instant::now();
    let election = Election::new(site(nodes, kind), kind, troubles);
    let checker = election.checker().spawn_bfs().join();
    println!(
        "figure: model {name}: {nodes} nodes, {troubles} troubles in {} intervals, {} states, {} transitions, depth {}, {:.1} s",
        election::WINDOW,
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        since.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn two_nodes() {
    for kind in Kind::ALL {
        check(kind.name(), 2, kind, 2);
    }
}

#[test]
fn three_nodes() {
    check(Kind::Preempt.name(), 3, Kind::Preempt, 1);
}

#[test]
#[ignore = "minutes, and only optimised: cargo xtask model-check"]
fn two_nodes_to_the_full_bound() {
    for kind in Kind::ALL {
        check(kind.name(), 2, kind, 8);
    }
}

#[test]
#[ignore = "minutes, and only optimised: cargo xtask model-check"]
fn three_nodes_to_the_full_bound() {
    for kind in Kind::ALL {
        check(kind.name(), 3, kind, 5);
    }
}
