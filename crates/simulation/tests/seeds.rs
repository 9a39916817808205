//! A few seeds, so that a plain `cargo test` sees what would break all of them. Many: `cargo xtask simulate --minutes 10`.

use holdfast_simulation::campaign;
use holdfast_simulation::scenario::Scenario;

#[test]
fn every_invariant_holds_for_some_seeds() {
    let mut agreements = 0;
    for seed in 1..=150 {
        let (statistics, failure) = campaign::run(&Scenario::of(seed));
        agreements += statistics.agreements;
        if let Some(failure) = failure {
            panic!("{}", campaign::shorten(failure).lines().join("\n"));
        }
    }
    assert!(
        agreements > 700,
        "nodes were found in agreement only {agreements} times"
    );
}

#[test]
fn a_seed_is_replayed_exactly() {
    for seed in [3, 14, 159, 2_653] {
        let scenario = Scenario::of(seed);
        assert_eq!(scenario, Scenario::of(seed));
        let (first, again) = (campaign::run(&scenario).0, campaign::run(&scenario).0);
        assert!(first.packets > 0);
        assert_eq!(first, again);
    }
}

#[test]
fn an_address_is_due_back_only_when_its_loss_has_been_told() {
    // It is removed during one stall, another begins, and the first thing to be said afterwards is a script's failure.
    if let Some(failure) = campaign::run(&Scenario::of(104_553)).1 {
        panic!("{}", campaign::shorten(failure).lines().join("\n"));
    }
}

#[test]
fn where_worse_masters_get_no_answer_a_last_word_may_come_when_an_advert_is_due() {
    for seed in [196_741, 1_015_742, 1_120_081] {
        let (statistics, failure) = campaign::run(&Scenario::of(seed));
        if let Some(failure) = failure {
            panic!("{}", campaign::shorten(failure).lines().join("\n"));
        }
        assert!(statistics.healings > 0, "seed {seed} has healed partitions");
    }
}

#[test]
fn last_words_of_nodes_with_other_intervals_do_not_hand_mastership_round() {
    let (statistics, failure) = campaign::run(&Scenario::of(38_831));
    if let Some(failure) = failure {
        panic!("{}", campaign::shorten(failure).lines().join("\n"));
    }
    assert!(statistics.agreements > 0);
}
