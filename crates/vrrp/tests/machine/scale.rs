//! Many instances at once: the order of actions over all of them.

use holdfast_time::Duration;
use holdfast_vrrp::settings::{InstanceSettings, Version};
use holdfast_vrrp::{Action, Event, State};

use crate::support::{Bench, instance, node_of, second_instance, virtual_address};

const COUNT: usize = 1000;

/// 250 instances on each of four interfaces, advertising every 0.1 s.
fn thousand() -> Bench {
    let settings = (0..COUNT).map(|index| InstanceSettings {
        name: format!("VI_{index}"),
        interface: format!("eth{}", index / 250),
        vrid: u8::try_from(index % 250 + 1).unwrap(),
        advert_interval: Duration::from_millis(100),
        addresses: vec![virtual_address(&format!("10.{}.{}.1/24", index / 250, index % 250))],
        ..instance(Version::V3, 100)
    });
    Bench::start(node_of(settings.collect()))
}

/// Position of the last sentence with the first word and of the first one with the second.
fn last_and_first(sentences: &[String], last: &str, first: &str) -> (usize, usize) {
    let last = sentences.iter().rposition(|sentence| sentence.contains(last)).unwrap();
    (
        last,
        sentences.iter().position(|sentence| sentence.contains(first)).unwrap(),
    )
}

#[test]
fn a_thousand_takeovers_advertise_before_the_first_address() {
    let mut bench = thousand();
    bench.forget();
    bench.until(0.4);
    let sentences = bench.sentences();
    assert_eq!(
        sentences
            .iter()
            .filter(|sentence| sentence.contains("BACKUP -> MASTER"))
            .count(),
        COUNT
    );
    for (last, first) in [
        ("advertises", "adds"),
        ("adds", "announces"),
        ("announces", "BACKUP -> MASTER"),
    ] {
        let (last, first) = last_and_first(&sentences, last, first);
        assert!(last < first);
    }
}

#[test]
fn a_thousand_masters_keep_their_grid() {
    let mut bench = thousand();
    bench.until(0.4);
    bench.forget();
    bench.until(2.4);
    let adverts = bench
        .sentences()
        .iter()
        .filter(|sentence| sentence.contains("advertises"))
        .count();
    assert_eq!(adverts, 20 * COUNT);
}

#[test]
fn a_thousand_masters_resign_before_the_first_removal() {
    let mut bench = thousand();
    bench.until(0.4);
    bench.forget();
    bench.stop();
    let sentences = bench.sentences();
    assert_eq!(
        sentences
            .iter()
            .filter(|sentence| sentence.contains("advertises 0"))
            .count(),
        COUNT
    );
    for (last, first) in [("advertises 0", "removes"), ("removes", "MASTER -> STOP")] {
        let (last, first) = last_and_first(&sentences, last, first);
        assert!(last < first);
    }
    assert!(
        bench
            .node
            .status()
            .instances
            .iter()
            .all(|status| status.state == State::Stopped)
    );
}

/// A driver that puts in addresses for long: who comes due meanwhile advertises first, and the rest keeps its order.
#[test]
fn who_comes_due_during_the_work_advertises_before_it_goes_on() {
    let slower = second_instance(Version::V3, 99);
    let mut bench = Bench::start(node_of(vec![instance(Version::V3, 100), slower]));
    bench.forget();
    let first = bench.node.next_deadline().unwrap();
    bench.node.handle(first, Event::DeadlineReached);
    let waiting = bench.node.waiting_actions();
    let second = bench.node.next_deadline().unwrap();
    assert!(first < second, "another skew");
    bench.node.handle(second, Event::DeadlineReached);
    let advertisements = bench.node.take_advertisements_from(waiting);
    let of = |action: &Action| match action {
        Action::SendAdvertisement { instance, .. } => format!("{instance} advertises"),
        Action::AddAddresses { instance, .. } => format!("{instance} adds"),
        Action::Announce { instance, .. } => format!("{instance} announces"),
        Action::Transition { instance, .. } => format!("{instance} changes"),
        _ => String::new(),
    };
    assert_eq!(advertisements.iter().map(of).collect::<Vec<_>>(), ["VI_2 advertises"]);
    let rest = std::iter::from_fn(|| bench.node.next_action()).map(|action| of(&action));
    let rest: Vec<String> = rest.filter(|sentence| !sentence.is_empty()).collect();
    assert_eq!(
        rest,
        [
            "VI_1 advertises",
            "VI_1 adds",
            "VI_1 announces",
            "VI_1 changes",
            "VI_2 adds",
            "VI_2 announces",
            "VI_2 changes"
        ]
    );
}
