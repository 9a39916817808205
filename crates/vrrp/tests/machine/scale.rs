//! Many instances at once: the order of actions over all of them.

use holdfast_time::Duration;
use holdfast_vrrp::State;
use holdfast_vrrp::settings::{InstanceSettings, Version};

use crate::support::{Bench, instance, node_of, virtual_address};

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
