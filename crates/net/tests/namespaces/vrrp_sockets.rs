//! VRRP packets from one host to the other.

use std::future::poll_fn;
use std::net::IpAddr;
use std::task::Poll;

use holdfast_net::{
    AddressFamily, InterfaceAddress, Link, NetError, OutgoingVrrpPacket, ReceivedPacket, Requests, VrrpSocket,
    VrrpSocketMode, VrrpSocketSettings,
};

use crate::hosts::{Hosts, Onlooker, address_both, between_two_hosts, ip, link, v4, v6, within};

fn open(interface: &Link, mode: VrrpSocketMode) -> VrrpSocket {
    let settings = VrrpSocketSettings {
        interface_index: Some(interface.index),
        mode,
        receive_buffer_bytes: Some(262_144),
        authenticated: false,
    };
    VrrpSocket::open(&settings).unwrap()
}

async fn receive_one(socket: &VrrpSocket) -> ReceivedPacket {
    let mut packets = Vec::new();
    // Empty where it heard only what is not for it.
    while packets.is_empty() {
        packets = within("a packet", socket.receive()).await.unwrap();
    }
    assert_eq!(packets.len(), 1, "{packets:?}");
    packets.pop().unwrap()
}

async fn adverts_cross(hosts: &Hosts, group: IpAddr, left: IpAddr, right: IpAddr) {
    const ADVERT: &[u8] = b"not looked at by this crate";
    const ANSWER: &[u8] = b"neither is this";
    let (left_link, right_link) = address_both(hosts, left, right).await;
    let multicast = VrrpSocketMode::Multicast { group };
    let unicast = VrrpSocketMode::Unicast {
        family: AddressFamily::of(group),
    };
    hosts.enter(&hosts.right);
    let right_socket = open(&right_link, multicast);
    let right_unicast = open(&right_link, unicast);
    hosts.enter(&hosts.left);
    let left_socket = open(&left_link, multicast);

    left_socket.send(left, group, 255, ADVERT).unwrap();
    let expected = ReceivedPacket {
        interface_index: right_link.index,
        source: left,
        destination: group,
        ttl: 255,
        payload: ADVERT.to_vec(),
        ip_header: None,
    };
    assert_eq!(receive_one(&right_socket).await, expected);

    // The own packet would have been the first to come back to the left.
    right_socket.send(right, group, 254, ANSWER).unwrap();
    let answer = receive_one(&left_socket).await;
    assert_eq!((answer.source, answer.ttl, &answer.payload[..]), (right, 254, ANSWER));

    // To one peer: both sockets of the peer hear it, and the one for unicast has heard nothing else.
    left_socket.send(left, right, 77, ADVERT).unwrap();
    for socket in [&right_socket, &right_unicast] {
        let packet = receive_one(socket).await;
        assert_eq!((packet.source, packet.destination, packet.ttl), (left, right, 77));
    }

    // As many virtual routers as an interface can have, in one write.
    let payloads: Vec<[u8; 20]> = (1..=255).map(|vrid| [vrid; 20]).collect();
    let packets: Vec<_> = payloads
        .iter()
        .map(|packet| OutgoingVrrpPacket {
            source: left,
            destination: group,
            ttl: 255,
            packet,
        })
        .collect();
    for result in left_socket.send_many(&packets) {
        result.unwrap();
    }
    let mut received = Vec::new();
    while received.len() < 255 {
        let packets = within("255 packets", right_socket.receive()).await.unwrap();
        assert!(packets.len() <= 32, "bounded work per wake-up");
        received.extend(packets);
    }
    assert!(
        received
            .iter()
            .map(|packet| &packet.payload[..])
            .eq(payloads.iter().map(|payload| &payload[..]))
    );
    assert_eq!(right_socket.receive_now().unwrap(), []);

    // The largest VRRP packet that fits an interface arrives whole; one longer than any VRRP packet is counted, not
    // delivered.
    hosts.enter(&hosts.right);
    ip("link set right0 mtu 9000");
    hosts.enter(&hosts.left);
    ip("link set left0 mtu 9000");
    left_socket.send(left, group, 255, &[1; 8000]).unwrap();
    left_socket.send(left, group, 255, &[2; 4116]).unwrap();
    assert_eq!(receive_one(&right_socket).await.payload, [2; 4116]);
    assert_eq!((right_socket.malformed_count(), left_socket.malformed_count()), (1, 0));

    // An address of another host, and another family, are refused and do not hold up the others.
    let other_family = if group.is_ipv4() {
        v6("2001:db8::1")
    } else {
        v4("192.0.2.1")
    };
    let packet = |source| OutgoingVrrpPacket {
        source,
        destination: group,
        ttl: 255,
        packet: ADVERT,
    };
    let results = left_socket.send_many(&[packet(right), packet(other_family), packet(left)]);
    assert!(matches!(&results[0], Err(NetError::System { .. })), "{results:?}");
    assert!(matches!(&results[1], Err(NetError::Unfit { .. })), "{results:?}");
    assert!(results[2].is_ok(), "{results:?}");
    assert_eq!(receive_one(&right_socket).await.source, left);
}

#[test]
fn adverts_cross_ipv4() {
    between_two_hosts("IPv4 adverts", async |hosts| {
        adverts_cross(hosts, v4("224.0.0.18"), v4("192.0.2.1"), v4("192.0.2.2")).await;
    });
}

#[test]
fn adverts_cross_ipv6() {
    between_two_hosts("IPv6 adverts", async |hosts| {
        adverts_cross(hosts, v6("ff02::12"), v6("fe80::1"), v6("fe80::2")).await;
    });
}

#[test]
fn unicast_needs_no_interface_and_one_task_can_wait_for_several_sockets() {
    between_two_hosts("unicast over any interface", async |hosts| {
        address_both(hosts, v4("192.0.2.1"), v4("192.0.2.2")).await;
        address_both(hosts, v6("2001:db8::1"), v6("2001:db8::2")).await;
        let both = || {
            [AddressFamily::Ipv4, AddressFamily::Ipv6].map(|family| {
                let mode = VrrpSocketMode::Unicast { family };
                let settings = VrrpSocketSettings {
                    interface_index: None,
                    mode,
                    receive_buffer_bytes: None,
                    authenticated: false,
                };
                VrrpSocket::open(&settings).unwrap()
            })
        };
        hosts.enter(&hosts.right);
        let right = both();
        let right_index = link("right0").await.index;
        hosts.enter(&hosts.left);
        let left = both();

        let ways = [
            (v4("192.0.2.1"), v4("192.0.2.2")),
            (v6("2001:db8::1"), v6("2001:db8::2")),
        ];
        for (place, (source, destination)) in ways.into_iter().enumerate().rev() {
            left[place].send(source, destination, 255, &[0x31; 8]).unwrap();
            let any = poll_fn(|context| {
                let polled = right
                    .iter()
                    .map(|socket| socket.poll_receive(context))
                    .find(Poll::is_ready);
                polled.unwrap_or(Poll::Pending)
            });
            let packets = within("a packet on either socket", any).await.unwrap();
            let expected = ReceivedPacket {
                interface_index: right_index,
                source,
                destination,
                ttl: 255,
                payload: vec![0x31; 8],
                ip_header: None,
            };
            assert_eq!(packets, [expected]);
        }

        let settings = VrrpSocketSettings {
            interface_index: None,
            mode: VrrpSocketMode::Multicast {
                group: v4("224.0.0.18"),
            },
            receive_buffer_bytes: None,
            authenticated: false,
        };
        assert_eq!(VrrpSocket::open(&settings).unwrap_err().errno(), Some(libc::ENODEV));
    });
}

#[test]
fn adverts_are_marked_as_network_control() {
    between_two_hosts("marks on adverts", async |hosts| {
        let (left, _) = address_both(hosts, v4("192.0.2.1"), v4("192.0.2.2")).await;
        let source_v6 = InterfaceAddress::new(left.index, v6("fe80::1"), 64);
        Requests::open()
            .unwrap()
            .add_addresses(&[source_v6])
            .await
            .pop()
            .unwrap()
            .unwrap();
        hosts.enter(&hosts.right);
        let onlooker = Onlooker::new();
        hosts.enter(&hosts.left);
        for (group, source) in [(v4("224.0.0.18"), v4("192.0.2.1")), (v6("ff02::12"), v6("fe80::1"))] {
            open(&left, VrrpSocketMode::Multicast { group })
                .send(source, group, 255, &[0x31; 8])
                .unwrap();
        }
        // IPv4: 24-byte start of the header after Ethernet; TOS, TTL and protocol. To the group's own MAC (RFC 1112
        // section 6.4).
        let ipv4 = onlooker.frame("IPv4 advert", |frame| frame[12..14] == [0x08, 0x00] && frame[23] == 112);
        assert_eq!(
            (&ipv4[..6], ipv4[15], ipv4[22]),
            (&[0x01, 0, 0x5e, 0, 0, 0x12][..], 0xc0, 255)
        );
        assert_eq!(
            (ipv4[14], ipv4[20] & 0x40),
            (0x45, 0),
            "no IP options, may be fragmented"
        );
        let ipv6 = onlooker.frame("IPv6 advert", |frame| frame[12..14] == [0x86, 0xdd] && frame[20] == 112);
        assert_eq!((&ipv6[..6], ipv6[21]), (&[0x33, 0x33, 0, 0, 0, 0x12][..], 255));
        // Behind version and traffic class begins a flow label of the kernel's choice.
        assert_eq!((ipv6[14], ipv6[15] & 0xf0), (0x6c, 0x00));
    });
}
