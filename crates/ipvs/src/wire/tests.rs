#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::*;
use crate::netlink::{Head, push_request};
use crate::sync::{SyncDaemon, SyncRole};

/// All vectors here are little-endian; on another machine they would be other bytes.
const LITTLE: bool = cfg!(target_endian = "little");

// What Linux 6.1 (Debian 12) answered to a dump after
// ipvsadm -A -u 192.0.2.1:53 -s sh -b sh-fallback,sh-port -o -p 50 -M 255.255.255.0
// ipvsadm -A -t [2001:db8::1]:443 -s mh -b mh-fallback -p 360 -M 64
// ipvsadm -a -t [2001:db8::1]:443 -r 10.0.0.1:443 -i
// ipvsadm -A -f 5 -s wlc --pe sip -p 20
// ipvsadm -a -f 5 -r 10.0.0.1:80 -i --tun-type gue --tun-port 6080 --tun-remcsum -x 10 -y 5 -w 7
// without the headers of netlink and generic netlink, in hexadecimal.

const SERVICE_MH_IPV6: &str = "\
    2c010100060001000a00000006000200060000001400030020010db80000000000000000000000010600040001bb0000070006006d680000\
    0c0007000b000000ffffffff080008006801000008000900400000005c000a00080001000000000008000200000000000800030000000000\
    0c00040000000000000000000c00050000000000000000000800060000000000080007000000000008000800000000000800090000000000\
    08000a00000000007c000c000c00010000000000000000000c00020000000000000000000c00030000000000000000000c00040000000000\
    000000000c00050000000000000000000c00060000000000000000000c00070000000000000000000c00080000000000000000000c000900\
    00000000000000000c000a000000000000000000";

const SERVICE_SH_UDP: &str = "\
    2c0101000600010002000000060002001100000014000300c000020100000000000000000000000006000400003500000700060073680000\
    0c0007001f000000ffffffff080008003200000008000900ffffff005c000a00080001000000000008000200000000000800030000000000\
    0c00040000000000000000000c00050000000000000000000800060000000000080007000000000008000800000000000800090000000000\
    08000a00000000007c000c000c00010000000000000000000c00020000000000000000000c00030000000000000000000c00040000000000\
    000000000c00050000000000000000000c00060000000000000000000c00070000000000000000000c00080000000000000000000c000900\
    00000000000000000c000a000000000000000000";

const SERVICE_FWMARK: &str = "\
    180101000600010002000000080005000500000008000600776c630008000b00736970000c00070003000000ffffffff0800080014000000\
    08000900ffffffff5c000a000800010000000000080002000000000008000300000000000c00040000000000000000000c00050000000000\
    00000000080006000000000008000700000000000800080000000000080009000000000008000a00000000007c000c000c00010000000000\
    000000000c00020000000000000000000c00030000000000000000000c00040000000000000000000c00050000000000000000000c000600\
    00000000000000000c00070000000000000000000c00080000000000000000000c00090000000000000000000c000a000000000000000000";

const DESTINATION_GUE: &str = "\
    50010200140001000a00000100000000000000000000000006000200005000000800030002000000080004000700000005000d0001000000\
    06000e0017c0000006000f0002000000080005000a0000000800060005000000080007000000000008000800000000000800090000000000\
    06000b00020000005c000a000800010000000000080002000000000008000300000000000c00040000000000000000000c00050000000000\
    00000000080006000000000008000700000000000800080000000000080009000000000008000a00000000007c000c000c00010000000000\
    000000000c00020000000000000000000c00030000000000000000000c00040000000000000000000c00050000000000000000000c000600\
    00000000000000000c00070000000000000000000c00080000000000000000000c00090000000000000000000c000a000000000000000000";

const DESTINATION_OTHER_FAMILY: &str = "\
    50010200140001000a0000010000000000000000000000000600020001bb00000800030002000000080004000100000005000d0000000000\
    06000e000000000006000f000000000008000500000000000800060000000000080007000000000008000800000000000800090000000000\
    06000b00020000005c000a000800010000000000080002000000000008000300000000000c00040000000000000000000c00050000000000\
    00000000080006000000000008000700000000000800080000000000080009000000000008000a00000000007c000c000c00010000000000\
    000000000c00020000000000000000000c00030000000000000000000c00040000000000000000000c00050000000000000000000c000600\
    00000000000000000c00070000000000000000000c00080000000000000000000c00090000000000000000000c000a000000000000000000";

const INFO: &str = "\
    08000100010201000800020000100000";

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn request(fill: impl FnOnce(&mut Attributes<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_request(
        &mut bytes,
        Head {
            kind: 0,
            flags: 0,
            sequence: 0,
            command: 0,
            version: 0,
        },
        fill,
    );
    bytes.split_off(20)
}

#[test]
fn services_of_a_real_kernel_are_read() {
    if !LITTLE {
        return;
    }
    let observed = get_service(&hex(SERVICE_MH_IPV6)).unwrap().unwrap();
    assert_eq!(
        observed.key,
        ServiceKey::Address {
            protocol: Protocol::Tcp,
            address: ip("2001:db8::1"),
            port: 443
        }
    );
    let mut expected = Service {
        scheduler: "mh".to_owned(),
        flags: ServiceFlags(ServiceFlags::SCHED1),
        persistence_timeout_s: Some(360),
        persistence_prefix_len: 64,
        persistence_engine: None,
    };
    assert_eq!(observed.service, expected);
    assert_eq!(observed.counters, Counters::default());

    let observed = get_service(&hex(SERVICE_SH_UDP)).unwrap().unwrap();
    assert_eq!(
        observed.key,
        ServiceKey::Address {
            protocol: Protocol::Udp,
            address: ip("192.0.2.1"),
            port: 53
        }
    );
    "sh".clone_into(&mut expected.scheduler);
    expected.flags = ServiceFlags(ServiceFlags::ONE_PACKET | ServiceFlags::SCHED1 | ServiceFlags::SCHED2);
    expected.persistence_timeout_s = Some(50);
    expected.persistence_prefix_len = 24;
    assert_eq!(observed.service, expected);

    let observed = get_service(&hex(SERVICE_FWMARK)).unwrap().unwrap();
    assert_eq!(
        observed.key,
        ServiceKey::Fwmark {
            family: Family::Inet,
            mark: 5
        }
    );
    "wlc".clone_into(&mut expected.scheduler);
    expected.flags = ServiceFlags(0);
    expected.persistence_timeout_s = Some(20);
    expected.persistence_prefix_len = 32;
    expected.persistence_engine = Some("sip".to_owned());
    assert_eq!(observed.service, expected);
}

#[test]
fn destinations_of_a_real_kernel_are_read() {
    if !LITTLE {
        return;
    }
    let observed = get_destination(&hex(DESTINATION_GUE), Family::Inet).unwrap().unwrap();
    assert_eq!(
        observed.key,
        DestinationKey {
            address: ip("10.0.0.1"),
            port: 80
        }
    );
    let gue = Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Remote,
    };
    let expected = Destination {
        forwarding: Forwarding::Tunnel(gue),
        weight: 7,
        upper_threshold: 10,
        lower_threshold: 5,
    };
    assert_eq!(observed.destination, expected);
    assert_eq!(observed.statistics, DestinationStatistics::default());

    let observed = get_destination(&hex(DESTINATION_OTHER_FAMILY), Family::Inet6)
        .unwrap()
        .unwrap();
    assert_eq!(
        observed.key,
        DestinationKey {
            address: ip("10.0.0.1"),
            port: 443
        }
    );
    let ipip = Forwarding::Tunnel(Tunnel::Ipip);
    let expected = Destination {
        forwarding: ipip,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    };
    assert_eq!(observed.destination, expected);
}

#[test]
fn info_of_a_real_kernel_is_read() {
    if LITTLE {
        assert_eq!(
            get_info(&hex(INFO)),
            Ok(Info {
                version: (1, 2, 1),
                connection_table_size: 4096
            })
        );
    }
}

#[test]
fn counters_are_told_apart() {
    let stats = request(|nest| {
        nest.nest(dest::STATS64, |nest| {
            (1..=10).for_each(|kind| nest.bytes(kind, &(u64::MAX - u64::from(kind)).to_ne_bytes()));
        });
    });
    let (_, content) = attributes(&stats).next().unwrap().unwrap();
    let expected = Counters {
        connections: u64::MAX - 1,
        packets_in: u64::MAX - 2,
        packets_out: u64::MAX - 3,
        bytes_in: u64::MAX - 4,
        bytes_out: u64::MAX - 5,
        connections_per_s: u64::MAX - 6,
        packets_in_per_s: u64::MAX - 7,
        packets_out_per_s: u64::MAX - 8,
        bytes_in_per_s: u64::MAX - 9,
        bytes_out_per_s: u64::MAX - 10,
    };
    assert_eq!(get_counters(content), Ok(expected));
}

#[test]
fn a_service_is_written_by_hand() {
    if !LITTLE {
        return;
    }
    let key = ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: ip("192.0.2.1"),
        port: 80,
    };
    let settings = Service {
        scheduler: "wrr".to_owned(),
        // The kernel's own flag must never be sent, whatever the caller says.
        flags: ServiceFlags(ServiceFlags::HASHED | ServiceFlags::ONE_PACKET),
        persistence_timeout_s: Some(300),
        persistence_prefix_len: 24,
        persistence_engine: Some("sip".to_owned()),
    };
    #[rustfmt::skip]
    let expected = [
        92, 0, 1, 0x80, // service
        6, 0, 1, 0,  2, 0, 0, 0, // AF_INET
        6, 0, 2, 0,  6, 0, 0, 0, // TCP
        20, 0, 3, 0,  192, 0, 2, 1,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
        6, 0, 4, 0,  0, 80, 0, 0,
        8, 0, 6, 0,  b'w', b'r', b'r', 0,
        12, 0, 7, 0,  0x05, 0, 0, 0,  0xfd, 0xff, 0xff, 0xff, // persistent, one packet; mask
        8, 0, 8, 0,  0x2c, 0x01, 0, 0,
        8, 0, 9, 0,  255, 255, 255, 0,
        8, 0, 11, 0,  b's', b'i', b'p', 0,
    ];
    assert_eq!(request(|request| put_service(request, &key, Some(&settings))), expected);

    let key = ServiceKey::Fwmark {
        family: Family::Inet6,
        mark: 5,
    };
    let settings = Service {
        flags: ServiceFlags(0),
        persistence_timeout_s: None,
        persistence_prefix_len: 128,
        persistence_engine: None,
        ..settings
    };
    #[rustfmt::skip]
    let expected = [
        56, 0, 1, 0x80,
        6, 0, 1, 0,  10, 0, 0, 0, // AF_INET6
        8, 0, 5, 0,  5, 0, 0, 0,
        8, 0, 6, 0,  b'w', b'r', b'r', 0,
        12, 0, 7, 0,  0, 0, 0, 0,  0xfd, 0xff, 0xff, 0xff,
        8, 0, 8, 0,  0, 0, 0, 0,
        8, 0, 9, 0,  128, 0, 0, 0, // a prefix length, in host order
    ];
    assert_eq!(request(|request| put_service(request, &key, Some(&settings))), expected);
}

#[test]
fn a_destination_is_written_by_hand() {
    if !LITTLE {
        return;
    }
    let key = DestinationKey {
        address: ip("10.0.0.1"),
        port: 8080,
    };
    #[rustfmt::skip]
    let identity = [
        6, 0, 11, 0,  2, 0, 0, 0,
        20, 0, 1, 0,  10, 0, 0, 1,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
        6, 0, 2, 0,  0x1f, 0x90, 0, 0,
    ];
    let expected = [&[40, 0, 2, 0x80][..], &identity].concat();
    assert_eq!(request(|request| put_destination(request, &key, None)), expected);

    let settings = |forwarding| Destination {
        forwarding,
        weight: 7,
        upper_threshold: 10,
        lower_threshold: 5,
    };
    let written = |forwarding| request(|request| put_destination(request, &key, Some(&settings(forwarding))));
    let plain = |length: u8, method: u8| {
        let rest = [
            [8, 0, 3, 0, method, 0, 0, 0],
            [8, 0, 4, 0, 7, 0, 0, 0],
            [8, 0, 5, 0, 10, 0, 0, 0],
            [8, 0, 6, 0, 5, 0, 0, 0],
        ];
        [&[length, 0, 2, 0x80][..], &identity, rest.as_flattened()].concat()
    };
    assert_eq!(written(Forwarding::Masquerade), plain(72, 0));
    assert_eq!(written(Forwarding::Local), plain(72, 1));
    assert_eq!(written(Forwarding::Tunnel(Tunnel::Ipip)), plain(72, 2));
    assert_eq!(written(Forwarding::Route), plain(72, 3));
    let gue = Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Remote,
    };
    let tunnel = [
        [5, 0, 13, 0, 1, 0, 0, 0],
        [6, 0, 14, 0, 0x17, 0xc0, 0, 0],
        [6, 0, 15, 0, 2, 0, 0, 0],
    ];
    assert_eq!(
        written(Forwarding::Tunnel(gue)),
        [&plain(96, 2), tunnel.as_flattened()].concat()
    );
    let gre = Tunnel::Gre {
        checksum: TunnelChecksum::Full,
    };
    let tunnel = [[5, 0, 13, 0, 2, 0, 0, 0], [6, 0, 15, 0, 1, 0, 0, 0]];
    assert_eq!(
        written(Forwarding::Tunnel(gre)),
        [&plain(88, 2), tunnel.as_flattened()].concat()
    );
}

#[test]
fn a_sync_daemon_is_written_by_hand_and_read_back() {
    if !LITTLE {
        return;
    }
    let mut wanted = SyncDaemon {
        role: SyncRole::Backup,
        interface: "eth0".to_owned(),
        id: 51,
        max_len: Some(1400),
        port: Some(8848),
        ttl: Some(2),
        group: Some(ip("224.0.0.81")),
    };
    #[rustfmt::skip]
    let expected = [
        64, 0, 3, 0x80,
        8, 0, 1, 0,  2, 0, 0, 0,
        9, 0, 2, 0,  b'e', b't', b'h', b'0',  0, 0, 0, 0,
        8, 0, 3, 0,  51, 0, 0, 0,
        6, 0, 4, 0,  0x78, 0x05, 0, 0,
        8, 0, 5, 0,  224, 0, 0, 81,
        6, 0, 7, 0,  0x90, 0x22, 0, 0, // in host order, other than the ports of services
        5, 0, 8, 0,  2, 0, 0, 0,
    ];
    assert_eq!(request(|request| sync::put_sync_daemon(request, &wanted)), expected);
    assert_eq!(sync::get_sync_daemon(&expected), Ok(Some(wanted.clone())));

    wanted.group = Some(ip("ff02::81"));
    let written = request(|request| sync::put_sync_daemon(request, &wanted));
    assert_eq!(sync::get_sync_daemon(&written), Ok(Some(wanted)));
    assert_eq!(
        request(|request| sync::put_sync_role(request, SyncRole::Master)),
        [12, 0, 3, 0x80, 8, 0, 1, 0, 1, 0, 0, 0]
    );
}

#[test]
fn an_entry_of_unknown_kind_does_not_hide_the_others() {
    // Protocol 50 (ESP) and forwarding method 7: we have no name for them, and only somebody else can have made them.
    let service = request(|request| {
        request.nest(outer::SERVICE, |nest| {
            nest.u16(service::AF, AF_INET);
            nest.u16(service::PROTOCOL, 50);
        });
    });
    assert_eq!(get_service(&service), Ok(None));
    let key = DestinationKey {
        address: ip("10.0.0.1"),
        port: 80,
    };
    let settings = Destination {
        forwarding: Forwarding::Route,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    };
    let mut known = request(|request| put_destination(request, &key, Some(&settings)));
    assert!(get_destination(&known, Family::Inet).unwrap().is_some());
    let method = known.windows(5).position(|bytes| bytes[2..] == [3, 0, 3]).unwrap() + 4;
    known[method] = 7;
    assert_eq!(get_destination(&known, Family::Inet), Ok(None));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = (sync::get_sync_daemon(&bytes), sync::get_timeouts(&bytes));
        let _ = (get_service(&bytes), get_destination(&bytes, Family::Inet), get_info(&bytes), controller::get_family_id(&bytes));
    }

    #[test]
    fn real_messages_with_faults_are_survived(
        which in 0..5_usize,
        faults in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        kept in any::<prop::sample::Index>(),
    ) {
        let real = [SERVICE_MH_IPV6, SERVICE_SH_UDP, SERVICE_FWMARK, DESTINATION_GUE, DESTINATION_OTHER_FAMILY];
        let mut bytes = hex(real[which]);
        for (position, value) in faults {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        bytes.truncate(kept.index(bytes.len() * 2));
        let _ = (sync::get_sync_daemon(&bytes), sync::get_timeouts(&bytes));
        let _ = (get_service(&bytes), get_destination(&bytes, Family::Inet6));
    }
}
