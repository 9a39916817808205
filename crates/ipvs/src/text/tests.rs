use std::collections::BTreeMap;

use super::*;
use crate::statistics::ServiceStatistics;

fn key(address: &str, port: u16) -> DestinationKey {
    DestinationKey {
        address: address.parse().unwrap(),
        port,
    }
}

fn destination(forwarding: Forwarding, weight: u32) -> Destination {
    Destination {
        forwarding,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

fn service(scheduler: &str, flags: u32, persistence_timeout_s: Option<u32>, persistence_prefix_len: u8) -> Service {
    let scheduler = scheduler.to_owned();
    let flags = ServiceFlags(flags);
    Service {
        scheduler,
        flags,
        persistence_timeout_s,
        persistence_prefix_len,
        persistence_engine: None,
    }
}

/// The table behind the texts below, which ipvsadm 1.31 printed on Linux 6.1.
fn table() -> Table {
    let at = |protocol, address: &str, port| ServiceKey::Address {
        protocol,
        address: address.parse().unwrap(),
        port,
    };
    let gue = Forwarding::Tunnel(Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Remote,
    });
    let gre = Forwarding::Tunnel(Tunnel::Gre {
        checksum: TunnelChecksum::Full,
    });
    let mut sip = service("wlc", 0, Some(20), 32);
    sip.persistence_engine = Some("sip".to_owned());
    let mut limited = destination(gue, 1);
    limited.upper_threshold = 10;
    limited.lower_threshold = 5;
    let entries = [
        (
            at(Protocol::Tcp, "192.0.2.1", 80),
            service("wrr", 0, None, 32),
            vec![
                (key("192.0.2.5", 80), destination(Forwarding::Route, 3)),
                (key("192.0.2.6", 80), destination(Forwarding::Masquerade, 3)),
            ],
        ),
        (
            at(Protocol::Udp, "192.0.2.1", 53),
            service("sh", 0x4 | 0x8 | 0x10, Some(50), 24),
            vec![],
        ),
        (
            at(Protocol::Sctp, "192.0.2.1", 80),
            service("lblcr", 0, None, 32),
            vec![],
        ),
        (
            at(Protocol::Tcp, "2001:db8::1", 443),
            service("mh", 0x8 | 0x10, Some(360), 64),
            vec![
                (key("2001:db8::10", 443), destination(Forwarding::Route, 1)),
                (key("10.0.0.1", 443), destination(Forwarding::Tunnel(Tunnel::Ipip), 1)),
            ],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet,
                mark: 5,
            },
            service("rr", 0, None, 32),
            vec![
                (key("10.0.0.1", 80), limited),
                (key("10.0.0.2", 0), destination(gre, 1)),
            ],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet6,
                mark: 5,
            },
            service("rr", 0, Some(360), 128),
            vec![],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet,
                mark: 3,
            },
            sip,
            vec![],
        ),
    ];
    let entry = |(key, service, destinations): (_, _, Vec<_>)| {
        (
            key,
            ServiceEntry {
                service,
                destinations: destinations.into_iter().collect(),
            },
        )
    };
    Table {
        services: entries.into_iter().map(entry).collect(),
    }
}

const INFO: Info = Info {
    version: (1, 2, 1),
    connection_table_size: 4096,
};

#[test]
fn the_list_is_that_of_ipvsadm() {
    // ipvsadm ends each destination with spaces; `|` shows where.
    let expected = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.1:80 wrr
  -> 192.0.2.5:80                 Route   3      0          0         |
  -> 192.0.2.6:80                 Masq    3      0          0         |
UDP  192.0.2.1:53 sh (sh-fallback,sh-port) persistent 50 mask 255.255.255.0 ops
SCTP 192.0.2.1:80 lblcr
TCP  [2001:db8::1]:443 mh (mh-fallback,mh-port) persistent 360 mask 64
  -> 10.0.0.1:443                 Tunnel  1      0          0         |
  -> [2001:db8::10]:443           Route   1      0          0         |
FWM  3 wlc persistent 20 pe sip
FWM  5 rr
  -> 10.0.0.1:80                  Tunnel  1      0          0         |
  -> 10.0.0.2:0                   Tunnel  1      0          0         |
FWM  5 IPv6 rr persistent 360
";
    assert_eq!(list(&table(), &Statistics::default(), &INFO), expected.replace('|', ""));
}

#[test]
fn the_list_shows_connections() {
    let service = ServiceKey::Fwmark {
        family: Family::Inet,
        mark: 5,
    };
    let counted = DestinationStatistics {
        active_connections: 6,
        inactive_connections: 248,
        ..Default::default()
    };
    let destinations = BTreeMap::from([(key("10.0.0.1", 80), counted)]);
    let counted = ServiceStatistics {
        destinations,
        ..Default::default()
    };
    let statistics = Statistics {
        services: BTreeMap::from([(service, counted)]),
    };
    let list = list(&table(), &statistics, &INFO);
    assert!(
        list.contains("  -> 10.0.0.1:80                  Tunnel  1      6          248       \n"),
        "{list}"
    );
}

#[test]
fn the_saved_form_is_that_of_ipvsadm() {
    let expected = "\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 192.0.2.5:80 -g -w 3
-a -t 192.0.2.1:80 -r 192.0.2.6:80 -m -w 3
-A -u 192.0.2.1:53 -s sh -p 50 -M 255.255.255.0 -o -b sh-fallback,sh-port
-A --sctp-service 192.0.2.1:80 -s lblcr
-A -t [2001:db8::1]:443 -s mh -p 360 -M 64 -b mh-fallback,mh-port
-a -t [2001:db8::1]:443 -r 10.0.0.1:443 -i -w 1 --tun-type ipip
-a -t [2001:db8::1]:443 -r [2001:db8::10]:443 -g -w 1
-A -f 3 -s wlc -p 20 --pe sip
-A -f 5 -s rr
-a -f 5 -r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -f 5 -r 10.0.0.2:0 -i -w 1 --tun-type gre --tun-csum
-A -f 5 -6 -s rr -p 360
";
    // ipvsadm forgets the thresholds, we do not.
    let saved = save(&table());
    assert!(saved.contains(" --tun-remcsum -x 10 -y 5\n"), "{saved}");
    assert_eq!(saved.replace(" -x 10 -y 5", ""), expected);
}
