//! Which session a packet is for, and what is refused: RFC 5880 section 6.8.6, RFC 5881 section 5, RFC 5883 section 5.

use holdfast_bfd::{ControlPacket, Event, InstanceSettings, NodeCounters, ReceivedPacket, SessionCounters, State};

use crate::support::{Bench, OURS, THEIRS, address, instance, received};

/// A packet without our discriminator, as a neighbor begins with.
fn greeting(bench: &Bench) -> ReceivedPacket {
    received(ControlPacket {
        your_discriminator: 0,
        ..bench.neighbor(State::Down)
    })
}

fn counters_after(bench: &mut Bench, packet: ReceivedPacket) -> (NodeCounters, SessionCounters) {
    bench.handle(Event::Received(packet));
    let mut session = bench.status().counters;
    session.packets_sent = 0;
    (bench.node.status().counters, session)
}

#[test]
fn a_greeting_finds_its_session_by_addresses_and_port() {
    let mut bench = Bench::start(vec![instance()]);
    let packet = greeting(&bench);
    bench.handle(Event::Received(packet));
    assert_eq!(bench.state(), State::Init);
    assert_eq!(bench.status().remote_discriminator, Some(7));
}

#[test]
fn malformed_packets_are_counted_at_the_node_and_touch_no_session() {
    type Spoil = fn(&mut Vec<u8>);
    let table: [(Spoil, NodeCounters); 7] = [
        (
            |bytes| bytes[0] = 0x40,
            NodeCounters {
                version_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes.truncate(23),
            NodeCounters {
                length_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes[2] = 0,
            NodeCounters {
                multiplier_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes[1] |= 1,
            NodeCounters {
                multipoint_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes[7] = 0,
            NodeCounters {
                my_discriminator_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes[1] = 0xc0,
            NodeCounters {
                your_discriminator_err: 1,
                ..NodeCounters::default()
            },
        ),
        (
            |bytes| bytes[11] ^= 1,
            NodeCounters {
                unknown_discriminator: 1,
                ..NodeCounters::default()
            },
        ),
    ];
    for (spoil, expected) in table {
        let mut bench = Bench::start(vec![instance()]);
        let mut packet = greeting(&bench);
        spoil(&mut packet.payload);
        let counters = counters_after(&mut bench, packet);
        assert_eq!(counters, (expected, SessionCounters::default()));
        assert_eq!(bench.state(), State::Down);
        assert_eq!(bench.logs().len(), 1);
    }
}

#[test]
fn greetings_of_strangers_are_counted() {
    let mut bench = Bench::start(vec![instance()]);
    let good = greeting(&bench);
    let strangers = [
        ReceivedPacket {
            source: address("192.0.2.3"),
            ..good.clone()
        },
        ReceivedPacket {
            destination_port: 4784,
            ..good.clone()
        },
        ReceivedPacket {
            destination_port: 3785,
            ..good
        },
    ];
    for (count, stranger) in (1..).zip(strangers) {
        let (node, session) = counters_after(&mut bench, stranger);
        assert_eq!((node.unknown_neighbor, session), (count, SessionCounters::default()));
    }
    assert_eq!(bench.state(), State::Down);
    assert_eq!(bench.logs().len(), 1, "said once until the next reload");
}

/// Somebody who has seen the discriminator is not yet the neighbor.
#[test]
fn a_discriminator_from_elsewhere_is_refused() {
    let own_source = InstanceSettings {
        source: Some(address(OURS)),
        ..instance()
    };
    let mut bench = Bench::in_state(own_source, State::Up);
    let good = received(bench.neighbor(State::Down));
    let forged = [
        ReceivedPacket {
            source: address("192.0.2.3"),
            ..good.clone()
        },
        ReceivedPacket {
            destination: address("192.0.2.77"),
            ..good.clone()
        },
        ReceivedPacket {
            destination_port: 4784,
            ..good.clone()
        },
    ];
    for (count, packet) in (1..).zip(forged) {
        let (_, session) = counters_after(&mut bench, packet);
        assert_eq!(session.path_err, count);
        assert_eq!(bench.state(), State::Up);
    }
    assert_eq!(bench.logs().len(), 1, "said once until the state changes");
    bench.handle(Event::Received(good));
    assert_eq!(bench.state(), State::Down);
}

#[test]
fn authenticated_packets_are_refused() {
    let mut bench = Bench::start(vec![instance()]);
    let mut packet = greeting(&bench);
    packet.payload[1] |= 0b100;
    packet.payload[3] = 26;
    packet.payload.extend([1, 2]);
    let (_, session) = counters_after(&mut bench, packet);
    assert_eq!(session.authentication_err, 1);
    assert_eq!(bench.state(), State::Down);
}

/// `ttl`, `max_hops`, TTL received, accepted.
#[test]
fn the_ttl_shows_how_far_a_packet_came() {
    for (ttl, max_hops, received_ttl, accepted) in [
        // RFC 5881 section 5 over IPv4.
        (255, 0, 255, true),
        (255, 0, 254, false),
        (255, 0, 1, false),
        // RFC 5883 with a bound on the way.
        (255, 10, 245, true),
        (255, 10, 244, false),
        // keepalived's values for IPv6.
        (64, 0, 64, true),
        (64, 0, 63, false),
        (64, 0, 255, true),
        // `max_hops -1`, and above `ttl`.
        (255, 255, 0, true),
        (64, 255, 1, true),
    ] {
        let mut bench = Bench::start(vec![InstanceSettings {
            ttl,
            max_hops,
            ..instance()
        }]);
        let packet = ReceivedPacket {
            ttl: received_ttl,
            ..greeting(&bench)
        };
        let (_, session) = counters_after(&mut bench, packet);
        assert_eq!(session.ttl_err, u64::from(!accepted), "{ttl} {max_hops} {received_ttl}");
        assert_eq!(session.packets_received, u64::from(accepted));
    }
}

#[test]
fn the_more_precise_session_wins() {
    let any_source = instance();
    let own_source = InstanceSettings {
        name: "own".to_owned(),
        source: Some(address(OURS)),
        ..instance()
    };
    let multihop = InstanceSettings {
        name: "far".to_owned(),
        multihop: true,
        ..instance()
    };
    let mut bench = Bench::start(vec![any_source, own_source, multihop]);
    let states = |bench: &Bench| {
        let sessions = bench.node.status().sessions;
        sessions.iter().map(|session| session.state).collect::<Vec<_>>()
    };
    let packet = greeting(&bench);
    bench.handle(Event::Received(packet.clone()));
    assert_eq!(states(&bench), [State::Down, State::Init, State::Down]);
    bench.handle(Event::Received(ReceivedPacket {
        destination: address("192.0.2.77"),
        ..packet.clone()
    }));
    assert_eq!(states(&bench), [State::Init, State::Init, State::Down]);
    bench.handle(Event::Received(ReceivedPacket {
        destination_port: 4784,
        ..packet
    }));
    assert_eq!(states(&bench), [State::Init, State::Init, State::Init]);
}

#[test]
fn packets_leave_as_the_settings_say() {
    let far = InstanceSettings {
        source: Some(address(OURS)),
        multihop: true,
        ttl: 99,
        ..instance()
    };
    for (settings, source, port, ttl) in [(instance(), None, 3784, 255), (far, Some(address(OURS)), 4784, 99)] {
        let mut bench = Bench::start(vec![settings]);
        bench.run(std::time::Duration::ZERO);
        let (_, action) = bench.done().remove(0);
        let holdfast_bfd::Action::SendPacket {
            source: sent_source,
            destination,
            port: sent_port,
            ttl: sent_ttl,
            ..
        } = action
        else {
            panic!("{action:?}");
        };
        assert_eq!((sent_source, sent_port, sent_ttl), (source, port, ttl));
        assert_eq!(destination, address(THEIRS));
    }
}

/// The neighbor was restarted: another discriminator, and it does not know ours.
#[test]
fn a_restarted_neighbor_is_noticed() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let packet = received(ControlPacket {
        my_discriminator: 8,
        your_discriminator: 0,
        ..bench.neighbor(State::Down)
    });
    bench.handle(Event::Received(packet));
    assert_eq!(bench.status().remote_discriminator, Some(8));
    assert_eq!(
        bench.told(),
        ["B sends Down poll", "B down: neighbor is down (No Diagnostic)"]
    );
}
