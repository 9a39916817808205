//! Addresses, routes and rules in the kernel, with keepalived and with Holdfast told the same: after each transition
//! `ip` must show the same, and the changes must come in the same order. keepalived goes first: what it makes of its file
//! is what is expected.

mod bench;
mod configurations;
mod tables;
mod thefts;
mod transitions;

use anyhow::{Result, ensure};
use bed::daemon::Software;

use bench::ensure_same;
use transitions::what_is_written_is_there;

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn every_transition_leaves_the_same_tables() -> Result<()> {
    ensure_same(transitions::transitions)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn what_keepalived_cannot_say_is_there() -> Result<()> {
    ensure!(
        what_is_written_is_there(Software::Keepalived).is_err(),
        "keepalived can"
    );
    what_is_written_is_there(Software::Holdfast)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn what_others_remove_is_put_back() -> Result<()> {
    ensure_same(thefts::what_is_stolen_comes_back)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn names_of_the_host_count() -> Result<()> {
    ensure_same(transitions::names_of_the_host)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn others_of_a_network_stay_when_its_first_address_goes() -> Result<()> {
    let tell = |software| transitions::first_address_of_a_network(software, "");
    ensure!(tell(Software::Keepalived).is_err(), "keepalived can");
    tell(Software::Holdfast).map(drop)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn others_of_a_network_are_promoted() -> Result<()> {
    ensure_same(|software| transitions::first_address_of_a_network(software, "promote_secondaries"))
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn interfaces_that_come_back_get_theirs() -> Result<()> {
    ensure_same(transitions::interfaces_come_and_go)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn static_address_of_a_group_counts() -> Result<()> {
    let [address, _, _] = configurations::GROUPED_STATICS;
    ensure_same(|software| transitions::static_objects_of_a_group(software, address))
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn static_route_of_a_group_counts() -> Result<()> {
    let [_, route, _] = configurations::GROUPED_STATICS;
    ensure_same(|software| transitions::static_objects_of_a_group(software, route))
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn static_rule_of_a_group_counts() -> Result<()> {
    let [_, _, rule] = configurations::GROUPED_STATICS;
    ensure_same(|software| transitions::static_objects_of_a_group(software, rule))
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn what_goes_unseen_is_put_back() -> Result<()> {
    thefts::what_goes_unseen_comes_back()
}
