//! A thousand sessions at once.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use holdfast_bfd::{Action, ControlPacket, Event, InstanceSettings, State};

use crate::support::{Bench, SECOND, instance, ms, received};

const COUNT: u16 = 1000;

fn neighbor(index: u16) -> IpAddr {
    let [high, low] = index.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

fn thousand() -> Bench {
    let settings = (0..COUNT).map(|index| InstanceSettings {
        name: format!("B{index}"),
        neighbor: neighbor(index),
        ..instance()
    });
    Bench::start(settings.collect())
}

#[test]
fn discriminators_differ() {
    let sessions = thousand().node.status().sessions;
    let discriminators: BTreeSet<u32> = sessions.iter().map(|session| session.local_discriminator).collect();
    assert_eq!(discriminators.len(), usize::from(COUNT));
    assert!(!discriminators.contains(&0));
}

/// Each packet and each deadline is the business of one session.
#[test]
fn a_thousand_sessions_come_up_and_each_fails_alone() {
    let mut bench = thousand();
    let sessions = bench.node.status().sessions;
    let templates = [State::Init, State::Up].map(|state| bench.neighbor(state));
    let packet_for = |index: u16, state: State| {
        let template = templates.iter().find(|packet| packet.state == state).unwrap();
        let mut packet = received(ControlPacket {
            your_discriminator: sessions[usize::from(index)].local_discriminator,
            ..*template
        });
        packet.source = neighbor(index);
        packet
    };
    for index in 0..COUNT {
        bench.handle(Event::Received(packet_for(index, State::Init)));
    }
    let ups = |bench: &mut Bench| {
        let is_up = |(_, action): &(_, Action)| matches!(action, Action::SessionUp { .. });
        bench.done().iter().filter(|action| is_up(action)).count()
    };
    assert_eq!(ups(&mut bench), usize::from(COUNT));

    for _ in 0..20 {
        for index in (0..COUNT).filter(|index| *index != 500) {
            bench.handle(Event::Received(packet_for(index, State::Up)));
        }
        bench.run(ms(250));
    }
    let told = bench.told();
    let downs: Vec<&String> = told.iter().filter(|line| line.contains("down")).collect();
    assert_eq!(downs, ["B500 down: detection time expired"]);
    // Poll unanswered or not: 100 ms less jitter for five seconds, 999 of them.
    let packets = told.len() - 1;
    assert!((50_000..=68_000).contains(&packets), "{packets}");
    bench.run(SECOND);
    assert_eq!(bench.told().iter().filter(|line| line.contains("down")).count(), 999);
}
