use super::*;
use crate::changes::{Change, Entry};
use crate::netlink::{Message, RequestWriter, messages};
use std::net::Ipv4Addr;

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix {
        address: address.parse().unwrap(),
        length: length.parse().unwrap(),
    }
}

fn path(via: Option<&str>, link: Option<u32>) -> RoutePath {
    RoutePath {
        via: via.map(|via| via.parse().unwrap()),
        link,
        ..RoutePath::default()
    }
}

/// Everything that a route can have.
fn full() -> Route {
    Route {
        table: 1000,
        scope: Some(0),
        tos: 16,
        metric: Some(20),
        source: Some("192.0.2.7".parse().unwrap()),
        paths: vec![
            RoutePath {
                weight: 3,
                onlink: true,
                realms: 0x1_0002,
                encap: Some(Encap::Mpls(vec![100, 200])),
                ..path(Some("192.0.2.1"), Some(2))
            },
            RoutePath {
                encap: Some(Encap::Ip(TunnelMetadata {
                    id: Some(5),
                    dst: Some(Ipv4Addr::new(192, 0, 2, 9)),
                    src: Some(Ipv4Addr::new(192, 0, 2, 8)),
                    tos: Some(4),
                    ttl: Some(64),
                    flags: Some(0),
                })),
                ..path(Some("2001:db8::1"), Some(3))
            },
        ],
        metrics: RouteMetric::ALL.into_iter().zip(1000..).collect(),
        locked: 1 << 2,
        congestion_control: Some("cubic".into()),
        ttl_propagate: Some(false),
        ..Route::new(prefix("198.51.100.0/24"))
    }
}

fn request(route: &Route) -> Vec<u8> {
    let mut writer = RequestWriter::default();
    writer.message(NEW, 0, 0, |body| route.write(Change::Add, body));
    writer.bytes().to_vec()
}

#[test]
fn what_is_written_is_read_again() {
    let ipv6 = Route {
        from: Some(prefix("2001:db8:2::/48")),
        scope: Some(0),
        preference: Some(1),
        paths: vec![RoutePath {
            encap: Some(Encap::Ila(0x0001_0002_0003_0004)),
            ..path(Some("2001:db8::1"), Some(2))
        }],
        ..Route::new(prefix("2001:db8:1::/48"))
    };
    let blackhole = Route {
        kind: 6,
        scope: Some(0),
        ..Route::new(prefix("198.51.100.0/24"))
    };
    for route in [full(), ipv6, blackhole] {
        let bytes = request(&route);
        assert_eq!(decode(&messages(&bytes).next().unwrap()), Some(route));
    }
}

#[test]
fn every_shorter_payload_is_read_without_panic() {
    let bytes = request(&full());
    let message = messages(&bytes).next().unwrap();
    for end in 0..message.payload.len() {
        let _ = decode(&Message {
            payload: &message.payload[..end],
            ..message
        });
    }
}

#[test]
fn every_byte_may_be_anything() {
    let bytes = request(&full());
    let message = messages(&bytes).next().unwrap();
    for place in 0..message.payload.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut payload = message.payload.to_vec();
            payload[place] = value;
            let _ = decode(&Message {
                payload: &payload,
                ..message
            });
        }
    }
}

/// RFC 3032 section 2.1: label, traffic class, bottom of stack, TTL.
#[test]
fn mpls_labels_are_a_stack() {
    let encap = Encap::Mpls(vec![100, 200]).write();
    assert_eq!(encap.bytes()[4..], [0, 0x06, 0x40, 0, 0, 0x0c, 0x81, 0]);
}

#[test]
fn what_the_kernel_adds_makes_no_other_route() {
    let wanted = Route {
        paths: vec![path(Some("192.0.2.1"), None)],
        ..Route::new(prefix("198.51.100.77/24"))
    };
    let observed = Route {
        scope: Some(0),
        metric: Some(0),
        paths: vec![path(Some("192.0.2.1"), Some(7))],
        ..Route::new(prefix("198.51.100.0/24"))
    };
    assert!(wanted.is_in_kernel_as(&observed));
    let others = [
        Route {
            protocol: 4,
            ..observed.clone()
        },
        Route {
            metric: Some(5),
            ..observed.clone()
        },
        Route {
            table: 100,
            ..observed.clone()
        },
        Route {
            kind: 6,
            ..observed.clone()
        },
        Route {
            paths: vec![path(Some("192.0.2.2"), Some(7))],
            ..observed.clone()
        },
        Route {
            destination: prefix("198.51.100.0/25"),
            ..observed.clone()
        },
    ];
    for other in others {
        assert!(!wanted.is_in_kernel_as(&other), "{other}");
    }
}

/// As Linux 6 reports them: metric 1024 where none was given, a blackhole on `lo`, removed ways one by one.
#[test]
fn ipv6_routes_are_recognised() {
    let wanted = Route {
        paths: vec![path(Some("2001:db8::1"), Some(2)), path(Some("2001:db8::2"), Some(2))],
        ..Route::new(prefix("2001:db8:1::/48"))
    };
    let one_way = Route {
        metric: Some(1024),
        paths: vec![path(Some("2001:db8::2"), Some(2))],
        ..wanted.clone()
    };
    assert!(wanted.is_in_kernel_as(&one_way));
    let blackhole = Route {
        kind: 6,
        ..Route::new(prefix("2001:db8:1::/48"))
    };
    let observed = Route {
        metric: Some(1024),
        paths: vec![path(None, Some(1))],
        ..blackhole.clone()
    };
    assert!(blackhole.is_in_kernel_as(&observed));
}

#[test]
fn names_become_numbers() {
    let named: Route<String> = Route {
        vrf: Some("blue".into()),
        paths: vec![RoutePath {
            link: Some("eth0".into()),
            ..RoutePath::default()
        }],
        ..Route::new(prefix("198.51.100.0/24"))
    };
    let find = |name: &str| {
        let (index, vrf_table) = match name {
            "eth0" => (2, None),
            "blue" => (3, Some(10)),
            _ => return None,
        };
        Some(NamedLink { index, vrf_table })
    };
    let resolved = named.resolve(find).unwrap();
    assert_eq!((resolved.table, resolved.paths[0].link), (10, Some(2)));
    assert_eq!(resolved.vrf, None);
    assert_eq!(named.resolve(|_| None).unwrap_err(), "there is no interface blue");
    let no_vrf = Route {
        vrf: Some("eth0".to_owned()),
        ..named
    };
    assert_eq!(no_vrf.resolve(find).unwrap_err(), "eth0 is no VRF");
}

#[test]
fn what_differs_reads_differently() {
    let all = full();
    assert_eq!(
        all.to_string(),
        "198.51.100.0/24 src 192.0.2.7 table 1000 scope 0 tos 16 metric 20 mtu lock 1000 window 1001 rtt 1002 \
         rttvar 1003 ssthresh 1004 cwnd 1005 advmss 1006 reordering 1007 hoplimit 1008 initcwnd 1009 features 1010 \
         rto_min 1011 initrwnd 1012 quickack 1013 fastopen_no_cookie 1014 congctl cubic ttl-propagate false \
         nexthop encap mpls 100/200 via 192.0.2.1 dev 2 weight 3 realms 1/2 onlink \
         nexthop encap ip id 5 dst 192.0.2.9 src 192.0.2.8 tos 4 ttl 64 flags 0 via 2001:db8::1 dev 3"
    );
    let changes: [fn(&mut Route); 12] = [
        |route| route.kind = 7,
        |route| route.table = 5,
        |route| route.protocol = 4,
        |route| route.scope = None,
        |route| route.metric = None,
        |route| route.locked = 1 << 16,
        |route| route.expires_s = Some(9),
        |route| route.preference = Some(0),
        |route| route.placement = Placement::Last,
        |route| route.placement = Placement::Alone,
        |route| route.paths[1].weight = 2,
        |route| route.from = Some(route.destination),
    ];
    for change in changes {
        let mut other = all.clone();
        change(&mut other);
        assert_ne!(other.to_string(), all.to_string());
    }
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let over_ipv4 = Route {
        paths: vec![path(Some("192.0.2.1"), None)],
        ..Route::new(prefix("2001:db8::/32"))
    };
    let no_prefix = Route::new(prefix("192.0.2.0/33"));
    let mixed = Route {
        source: Some("2001:db8::1".parse().unwrap()),
        ..Route::new(prefix("192.0.2.0/24"))
    };
    for route in [over_ipv4, no_prefix, mixed] {
        assert!(route.check().is_err(), "{route}");
    }
    assert_eq!(full().check(), Ok(()));
}
