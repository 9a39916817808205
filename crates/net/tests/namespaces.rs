//! The crate against the real kernel, in anonymous network namespaces that vanish with the thread that made them.
//! Runs as root with `ip` (iproute2); says so and passes where it can not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use holdfast_net::{
    ADDRESS_PROTOCOL, AddressFamily, AddressFlags, AddressScope, Announcer, Applied, InterfaceAddress, Link,
    MacAddress, Monitor, NetError, NetworkEvent, OutgoingVrrpPacket, ReceivedPacket, Requests, VrrpSocket,
    VrrpSocketMode, VrrpSocketSettings,
};
use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::timeout;

/// Bound on everything that must happen; nothing waits for it to pass.
const BOUND: Duration = Duration::from_secs(10);

/// Two hosts with one cable between them: `left` with interface `left0`, `right` with interface `right0`.
struct Hosts {
    left: File,
    right: File,
}

impl Hosts {
    /// On success the thread is in `left`.
    fn new() -> Result<Self, String> {
        let own_namespace = || {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no network namespaces: {error}"))?;
            File::open("/proc/thread-self/ns/net").map_err(|error| error.to_string())
        };
        let hosts = Self {
            right: own_namespace()?,
            left: own_namespace()?,
        };
        ip(&format!(
            "link add left0 type veth peer name right0 netns /proc/{}/fd/{}",
            std::process::id(),
            hosts.right.as_raw_fd()
        ));
        for (host, name) in [(&hosts.right, "right0"), (&hosts.left, "left0")] {
            hosts.enter(host);
            ip("link set lo up");
            // No addresses of the kernel's own making, so that the tests know all there are.
            ip(&format!("link set {name} addrgenmode none up"));
        }
        Ok(hosts)
    }

    /// The kernel notes a carrier a little later, and drops what is sent before.
    async fn have_a_carrier(&self) {
        for (host, name) in [(&self.right, "right0"), (&self.left, "left0")] {
            self.enter(host);
            let mut monitor = Monitor::open().unwrap();
            // Asking for one link makes Linux 6.10 and later note it at once, instead of within a second.
            ip(&format!("link show dev {name}"));
            while !link(name).await.is_up() {
                within("a carrier", monitor.next()).await.unwrap();
            }
        }
    }

    fn enter(&self, host: &File) {
        assert!(std::ptr::eq(host, &raw const self.left) || std::ptr::eq(host, &raw const self.right));
        setns(host, CloneFlags::CLONE_NEWNET).unwrap();
    }
}

/// Runs `test` on a thread of its own, because namespaces belong to threads. Says why where it can not.
fn between_two_hosts(name: &str, test: impl AsyncFnOnce(&Hosts) + Send) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("{name}: skipped, network namespaces need root");
        return;
    }
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("{name}: skipped, there is no program `ip`");
        return;
    }
    let body = || match Hosts::new() {
        Ok(hosts) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                hosts.have_a_carrier().await;
                test(&hosts).await;
            });
        }
        Err(reason) => eprintln!("{name}: skipped, {reason}"),
    };
    let result = std::thread::scope(|scope| scope.spawn(body).join());
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in the thread's namespace and returns what it says.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

async fn link(name: &str) -> Link {
    let links = Requests::open().unwrap().links().await.unwrap();
    links.into_iter().find(|link| link.name == name).unwrap()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {BOUND:?}"))
}

fn v4(text: &str) -> IpAddr {
    text.parse::<Ipv4Addr>().unwrap().into()
}

fn v6(text: &str) -> IpAddr {
    text.parse::<Ipv6Addr>().unwrap().into()
}

/// 400 IPv4 and 100 IPv6 addresses.
fn five_hundred(interface_index: u32) -> Vec<InterfaceAddress> {
    let ipv4 = (0..400_u16).map(|n| {
        let [high, low] = n.to_be_bytes();
        InterfaceAddress::new(interface_index, Ipv4Addr::new(10, 0, high, low).into(), 32)
    });
    let ipv6 = (0..100_u16).map(|n| {
        InterfaceAddress::new(
            interface_index,
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n + 1).into(),
            128,
        )
    });
    ipv4.chain(ipv6).collect()
}

/// Collects events until `enough` says so.
async fn events_until(
    monitor: &mut Monitor,
    what: &str,
    enough: impl Fn(&[NetworkEvent]) -> bool,
) -> Vec<NetworkEvent> {
    let mut events = Vec::new();
    within(what, async {
        while !enough(&events) {
            events.extend(monitor.next().await.unwrap());
        }
    })
    .await;
    events
}

#[test]
fn five_hundred_addresses_come_and_go_in_one_batch_each() {
    between_two_hosts("addresses in one batch", async |_| {
        let index = link("left0").await.index;
        let mut monitor = Monitor::open().unwrap();
        let mut requests = Requests::open().unwrap();
        let mut addresses = five_hundred(index);
        // One that must fail, in the middle: its neighbours must not notice.
        addresses.insert(250, InterfaceAddress::new(9999, v4("192.0.2.1"), 24));

        let start = Instant::now();
        let added = requests.add_addresses(&addresses).await;
        eprintln!("500 addresses added in {:?}", start.elapsed());
        assert_eq!(added.len(), 501);
        for (place, outcome) in added.iter().enumerate() {
            match outcome {
                Ok(applied) => assert_eq!((*applied, place == 250), (Applied::Changed, false), "place {place}"),
                Err(error) => assert_eq!((error.errno(), place), (Some(libc::ENODEV), 250), "{error}"),
            }
        }
        addresses.remove(250);

        // The kernel's table, once through this crate and once through iproute2.
        let observed = requests.addresses().await.unwrap();
        for wanted in &addresses {
            let found = observed.iter().find(|address| address.is_same_address(wanted)).unwrap();
            assert_eq!(found.protocol, ADDRESS_PROTOCOL);
            assert!(!found.flags.contains(AddressFlags::TENTATIVE), "{found}");
            assert_eq!(
                found.flags.contains(AddressFlags::NODAD),
                found.address.is_ipv6(),
                "{found}"
            );
        }
        assert_eq!(ip("-o addr show dev left0").lines().count(), 500);

        let is_added = |event: &NetworkEvent| matches!(event, NetworkEvent::AddressAdded { .. });
        let events = events_until(&mut monitor, "500 events", |events| {
            events.iter().filter(|event| is_added(event)).count() >= 500
        })
        .await;
        for wanted in &addresses {
            let found = events.iter().find_map(|event| match event {
                NetworkEvent::AddressAdded { address, changed_by } if address.is_same_address(wanted) => {
                    Some(*changed_by)
                }
                _ => None,
            });
            // IPv6 does not say who it was.
            let expected = if wanted.address.is_ipv4() { requests.port() } else { 0 };
            assert_eq!(found, Some(expected), "{wanted}");
        }

        // More than fit into one write.
        let again = requests.add_addresses(&[&addresses[..]; 3].concat()).await;
        assert_eq!(again.len(), 1500);
        assert!(again.iter().all(|outcome| matches!(outcome, Ok(Applied::AlreadySo))));

        let start = Instant::now();
        let removed = requests.remove_addresses(&addresses).await;
        eprintln!("500 addresses removed in {:?}", start.elapsed());
        assert!(
            removed.iter().all(|outcome| matches!(outcome, Ok(Applied::Changed))),
            "{removed:?}"
        );
        assert_eq!(ip("-o addr show dev left0").lines().count(), 0);
        let is_removed = |event: &NetworkEvent| matches!(event, NetworkEvent::AddressRemoved { .. });
        events_until(&mut monitor, "500 removals", |events| {
            events.iter().filter(|event| is_removed(event)).count() >= 500
        })
        .await;

        let again = requests.remove_addresses(&addresses).await;
        assert!(again.iter().all(|outcome| matches!(outcome, Ok(Applied::AlreadySo))));
        let gone = [
            InterfaceAddress::new(9999, v4("192.0.2.1"), 24),
            InterfaceAddress::new(9999, v6("2001:db8::1"), 64),
        ];
        let removed = requests.remove_addresses(&gone).await;
        assert!(
            removed.iter().all(|outcome| matches!(outcome, Ok(Applied::AlreadySo))),
            "{removed:?}"
        );
        assert_eq!(monitor.lost_count(), 0);
    });
}

#[test]
fn all_options_of_an_address_reach_the_kernel() {
    between_two_hosts("options of addresses", async |_| {
        let index = link("left0").await.index;
        let addresses = [
            InterfaceAddress {
                broadcast: Some(Ipv4Addr::new(192, 0, 2, 255)),
                label: Some("left0:vip".into()),
                scope: AddressScope::LINK,
                flags: AddressFlags::NOPREFIXROUTE,
                ..InterfaceAddress::new(index, v4("192.0.2.10"), 24)
            },
            InterfaceAddress {
                peer: Some(v4("192.0.2.99")),
                ..InterfaceAddress::new(index, v4("192.0.2.98"), 32)
            },
            InterfaceAddress {
                flags: AddressFlags::NODAD | AddressFlags::HOMEADDRESS,
                preferred_lifetime_s: Some(0),
                ..InterfaceAddress::new(index, v6("2001:db8::10"), 64)
            },
            InterfaceAddress {
                flags: AddressFlags::NODAD | AddressFlags::MANAGETEMPADDR | AddressFlags::NOPREFIXROUTE,
                ..InterfaceAddress::new(index, v6("2001:db8:1::10"), 64)
            },
            InterfaceAddress {
                flags: AddressFlags::MCAUTOJOIN,
                ..InterfaceAddress::new(index, v4("239.1.2.3"), 32)
            },
            InterfaceAddress {
                peer: Some(v6("2001:db8::99")),
                ..InterfaceAddress::new(index, v6("2001:db8::98"), 128)
            },
        ];
        let mut requests = Requests::open().unwrap();
        for outcome in requests.add_addresses(&addresses).await {
            assert_eq!(outcome.unwrap(), Applied::Changed);
        }
        let shown = ip("-o addr show dev left0");
        let line = |address: &str| shown.lines().find(|line| line.contains(address)).unwrap().to_owned();
        let ipv4 = line("192.0.2.10/24");
        assert!(
            ipv4.contains("brd 192.0.2.255") && ipv4.contains("scope link") && ipv4.contains("left0:vip"),
            "{ipv4}"
        );
        assert!(
            ipv4.contains("noprefixroute") && ipv4.contains("valid_lft forever"),
            "{ipv4}"
        );
        assert!(line("192.0.2.98 ").contains("peer 192.0.2.99/32"), "{shown}");
        let home = line("2001:db8::10/64");
        assert!(
            home.contains("home") && home.contains("nodad") && home.contains("preferred_lft 0sec"),
            "{home}"
        );
        let managed = line("2001:db8:1::10/64");
        assert!(
            managed.contains("mngtmpaddr") && managed.contains("noprefixroute"),
            "{managed}"
        );
        assert!(line("2001:db8::98 ").contains("peer 2001:db8::99/128"), "{shown}");

        assert!(ip("maddr show dev left0").contains("239.1.2.3"));

        let observed = requests.addresses().await.unwrap();
        for wanted in &addresses {
            let found = observed.iter().find(|address| address.is_same_address(wanted)).unwrap();
            assert!(found.flags.contains(wanted.flags), "{found:?}");
            assert_eq!(
                (found.broadcast, found.scope.0 == 253),
                (wanted.broadcast, wanted.scope.0 == 253)
            );
            assert_eq!(found.preferred_lifetime_s, wanted.preferred_lifetime_s, "{found:?}");
            assert!(wanted.label.is_none() || found.label == wanted.label);
        }
        for outcome in requests.remove_addresses(&addresses).await {
            assert_eq!(outcome.unwrap(), Applied::Changed);
        }
    });
}

#[test]
fn a_refusal_carries_the_kernels_own_words() {
    between_two_hosts("refusals", async |_| {
        let index = link("left0").await.index;
        let managed_without_64 = InterfaceAddress {
            flags: AddressFlags::NODAD | AddressFlags::MANAGETEMPADDR,
            ..InterfaceAddress::new(index, v6("2001:db8::10"), 48)
        };
        let wrong_family = InterfaceAddress {
            peer: Some(v4("192.0.2.1")),
            ..InterfaceAddress::new(index, v6("2001:db8::10"), 48)
        };
        let outcomes = Requests::open()
            .unwrap()
            .add_addresses(&[managed_without_64, wrong_family])
            .await;
        let Err(NetError::Refused { source, reason, .. }) = &outcomes[0] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(source.raw_os_error(), Some(libc::EINVAL));
        // Linux 6.6 gave this refusal its text.
        match reason {
            Some(reason) => assert!(reason.contains("mngtmpaddr"), "{reason}"),
            None => assert!(kernel_version() < (6, 6), "no text from the kernel"),
        }
        assert!(matches!(outcomes[1], Err(NetError::Unfit { .. })), "{outcomes:?}");
    });
}

fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn links_are_described_and_their_changes_reported() {
    between_two_hosts("links", async |hosts| {
        let left = link("left0").await;
        assert!(left.is_up() && left.is_multicast() && !left.is_loopback());
        assert_eq!(
            (left.kind.as_deref(), left.mtu, left.parent),
            (Some("veth"), 1500, None)
        );
        assert!(ip("-o link show left0").contains(&left.mac.unwrap().to_string()));
        assert!(link("lo").await.is_loopback());

        let mut monitor = Monitor::open().unwrap();
        let last_of = |events: &[NetworkEvent]| {
            events.iter().rev().find_map(|event| match event {
                NetworkEvent::LinkChanged(link) if link.index == left.index => Some(link.clone()),
                _ => None,
            })
        };
        // The carrier goes with the other end.
        hosts.enter(&hosts.right);
        ip("link set right0 down");
        hosts.enter(&hosts.left);
        let events = events_until(&mut monitor, "carrier lost", |events| {
            last_of(events).is_some_and(|link| !link.is_running())
        })
        .await;
        let down = last_of(&events).unwrap();
        assert!(!down.is_up() && down.is_administratively_up());
        hosts.enter(&hosts.right);
        ip("link set right0 up");
        hosts.enter(&hosts.left);
        events_until(&mut monitor, "carrier back", |events| {
            last_of(events).is_some_and(|link| link.is_up())
        })
        .await;

        ip("link add v0 link left0 type macvlan mode private");
        assert_eq!(link("v0").await.parent, Some(left.index));
        assert_eq!(link("v0").await.kind.as_deref(), Some("macvlan"));

        ip("link del v0");
        // A port that leaves its bridge is announced like a removed link.
        ip("link add b0 type bridge");
        ip("link set left0 master b0");
        ip("link set left0 nomaster");
        ip("link del left0");
        let is_removed = |event: &NetworkEvent| matches!(event, NetworkEvent::LinkRemoved { .. });
        let events = events_until(&mut monitor, "removed links", |events| {
            events
                .iter()
                .any(|event| matches!(event, NetworkEvent::LinkRemoved { name, .. } if name == "left0"))
        })
        .await;
        let removed: Vec<_> = events.iter().filter(|event| is_removed(event)).collect();
        let expected = |index, name: &str| NetworkEvent::LinkRemoved {
            index,
            name: name.into(),
        };
        assert_eq!(removed.last(), Some(&&expected(left.index, "left0")), "{removed:?}");
        assert_eq!(
            removed
                .iter()
                .filter(|event| ***event == expected(left.index, "left0"))
                .count(),
            1,
            "{removed:?}"
        );
    });
}

#[test]
fn lost_events_are_reported_and_later_ones_delivered() {
    between_two_hosts("lost events", async |_| {
        let index = link("left0").await.index;
        let mut monitor = Monitor::open().unwrap();
        let mut requests = Requests::open().unwrap();
        let addresses = five_hundred(index);
        for _ in 0..10 {
            for outcome in requests.add_addresses(&addresses).await {
                outcome.unwrap();
            }
            for outcome in requests.remove_addresses(&addresses).await {
                outcome.unwrap();
            }
        }
        let events = events_until(&mut monitor, "loss", |events| events.contains(&NetworkEvent::Lost)).await;
        assert_eq!(events.last(), Some(&NetworkEvent::Lost));
        assert_eq!(monitor.lost_count(), 1);

        let after = InterfaceAddress::new(index, v4("192.0.2.1"), 24);
        requests
            .add_addresses(std::slice::from_ref(&after))
            .await
            .pop()
            .unwrap()
            .unwrap();
        let events = within("an event after the loss", monitor.next()).await.unwrap();
        assert!(
            matches!(&events[..], [NetworkEvent::AddressAdded { address, .. }] if address.is_same_address(&after)),
            "{events:?}"
        );
    });
}

#[test]
fn a_request_that_was_given_up_does_not_disturb_the_next() {
    between_two_hosts("abandoned requests", async |_| {
        let index = link("left0").await.index;
        let addresses = five_hundred(index);
        // Written, and given up before any answer was read.
        let mut requests = Requests::open().unwrap();
        give_up(requests.add_addresses(&addresses));
        let removed = requests.remove_addresses(&addresses).await;
        assert!(
            removed.iter().all(|outcome| matches!(outcome, Ok(Applied::Changed))),
            "{removed:?}"
        );
        for outcome in requests.add_addresses(&addresses).await {
            assert_eq!(outcome.unwrap(), Applied::Changed);
        }
        let mut requests = Requests::open().unwrap();
        give_up(requests.addresses());
        assert_eq!(
            requests
                .addresses()
                .await
                .unwrap()
                .iter()
                .filter(|a| a.protocol == ADDRESS_PROTOCOL)
                .count(),
            500
        );
    });
}

/// Polls once and drops. A new socket has not been seen ready by the runtime, so nothing is read.
fn give_up(request: impl Future) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(request).poll(&mut context).is_pending());
}

/// An address on either host, as a VRRP router needs one to send from.
async fn address_both(hosts: &Hosts, left: IpAddr, right: IpAddr) -> (Link, Link) {
    let mut links = Vec::new();
    for (host, name, address) in [(&hosts.right, "right0", right), (&hosts.left, "left0", left)] {
        hosts.enter(host);
        let link = link(name).await;
        let address = InterfaceAddress::new(link.index, address, if address.is_ipv4() { 24 } else { 64 });
        Requests::open()
            .unwrap()
            .add_addresses(&[address])
            .await
            .pop()
            .unwrap()
            .unwrap();
        links.push(link);
    }
    (links.pop().unwrap(), links.pop().unwrap())
}

fn open(interface: &Link, mode: VrrpSocketMode) -> VrrpSocket {
    let settings = VrrpSocketSettings {
        interface_index: Some(interface.index),
        mode,
        receive_buffer_bytes: Some(262_144),
    };
    VrrpSocket::open(&settings).unwrap()
}

async fn receive_one(socket: &VrrpSocket) -> ReceivedPacket {
    let mut packets = within("a packet", socket.receive()).await.unwrap();
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
            };
            assert_eq!(packets, [expected]);
        }

        let settings = VrrpSocketSettings {
            interface_index: None,
            mode: VrrpSocketMode::Multicast {
                group: v4("224.0.0.18"),
            },
            receive_buffer_bytes: None,
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
        assert_eq!(ipv4[14], 0x45, "no IP options");
        let ipv6 = onlooker.frame("IPv6 advert", |frame| frame[12..14] == [0x86, 0xdd] && frame[20] == 112);
        assert_eq!((&ipv6[..6], ipv6[21]), (&[0x33, 0x33, 0, 0, 0, 0x12][..], 255));
        // Behind version and traffic class begins a flow label of the kernel's choice.
        assert_eq!((ipv6[14], ipv6[15] & 0xf0), (0x6c, 0x00));
    });
}

/// Sees every frame that comes to the host on which it was opened.
struct Onlooker(Socket);

impl Onlooker {
    fn new() -> Self {
        // ETH_P_ALL in network order.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0x0300))).unwrap();
        socket.set_read_timeout(Some(BOUND)).unwrap();
        Self(socket)
    }

    /// The next frame that `is_it`; others are passed over.
    fn frame(&self, what: &str, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            match (&self.0).read(&mut buffer) {
                Ok(length) if length >= 42 && is_it(&buffer[..length]) => return buffer[..length].to_vec(),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("{what}: not within {BOUND:?}"),
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
}

/// Waits until `ip neigh` of the thread's namespace shows `address` in one line with all of `words`.
fn neighbour_becomes(address: &str, words: &[&str]) {
    let start = Instant::now();
    loop {
        let shown = ip(&format!("neigh show {address}"));
        if words.iter().all(|word| shown.contains(word)) {
            return;
        }
        assert!(start.elapsed() < BOUND, "{address}: {shown}");
        std::thread::yield_now();
    }
}

#[test]
fn announcements_are_seen_and_believed_by_the_neighbours() {
    between_two_hosts("announcements", async |hosts| {
        let mac = MacAddress([0, 0, 0x5e, 0, 1, 51]);
        let (left, _) = address_both(hosts, v4("192.0.2.1"), v4("192.0.2.2")).await;
        hosts.enter(&hosts.right);
        // The former master's address in the neighbour's cache.
        ip("neigh add 192.0.2.10 lladdr 02:00:00:00:00:99 nud stale dev right0");
        ip("neigh add 2001:db8::10 lladdr 02:00:00:00:00:99 nud stale dev right0");
        let onlooker = Onlooker::new();
        hosts.enter(&hosts.left);

        let announcer = Announcer::open().unwrap();
        for result in announcer.announce(left.index, mac, &[v4("192.0.2.10"), v6("2001:db8::10")]) {
            result.unwrap();
        }
        let arp = onlooker.frame("gratuitous ARP", |frame| frame[12..14] == [0x08, 0x06]);
        assert_eq!((&arp[..6], &arp[6..12]), (&[0xff; 6][..], &mac.0[..]));
        assert_eq!(
            arp[20..32],
            [0, 1, 0, 0, 0x5e, 0, 1, 51, 192, 0, 2, 10],
            "request, sender"
        );
        assert_eq!(
            arp[32..42],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10],
            "target"
        );
        let is_advertisement = |frame: &[u8]| frame[12..14] == [0x86, 0xdd] && frame.len() == 86 && frame[54] == 136;
        let advertisement = onlooker.frame("neighbour advertisement", is_advertisement);
        assert_eq!(
            (&advertisement[..6], advertisement[21]),
            (&[0x33, 0x33, 0, 0, 0, 1][..], 255)
        );
        assert_eq!(advertisement[58], 0x20, "override; a host, not a router");

        // The neighbour's kernel checks the ICMPv6 checksum and the override flag.
        hosts.enter(&hosts.right);
        neighbour_becomes("192.0.2.10", &["00:00:5e:00:01:33"]);
        neighbour_becomes("2001:db8::10", &["00:00:5e:00:01:33"]);

        hosts.enter(&hosts.left);
        std::fs::write("/proc/sys/net/ipv6/conf/left0/forwarding", "1").unwrap();
        announcer
            .announce(left.index, mac, &[v6("2001:db8::10")])
            .pop()
            .unwrap()
            .unwrap();
        assert_eq!(onlooker.frame("advertisement of a router", is_advertisement)[58], 0xa0);
        hosts.enter(&hosts.right);
        neighbour_becomes("2001:db8::10", &["router"]);
    });
}

#[test]
fn many_announcements_leave_in_one_call_and_failures_are_told() {
    between_two_hosts("many announcements", async |hosts| {
        let left = link("left0").await;
        hosts.enter(&hosts.right);
        let onlooker = Onlooker::new();
        hosts.enter(&hosts.left);
        let announcer = Announcer::open().unwrap();
        let addresses: Vec<IpAddr> = five_hundred(left.index).iter().map(|address| address.address).collect();
        // In parts, because the onlooker's buffer is smaller than ours.
        for part in addresses.chunks(100) {
            for result in announcer.announce(left.index, left.mac.unwrap(), part) {
                result.unwrap();
            }
            for address in part {
                onlooker.frame(&format!("announcement of {address}"), |frame| match address {
                    IpAddr::V4(address) => frame[12..14] == [0x08, 0x06] && frame[28..32] == address.octets(),
                    IpAddr::V6(address) => frame[12..14] == [0x86, 0xdd] && frame[22..38] == address.octets(),
                });
            }
        }
        for index in [9999, u32::MAX] {
            let results = announcer.announce(index, left.mac.unwrap(), &addresses[..2]);
            assert_eq!(results.len(), 2);
            for result in results {
                let error = result.unwrap_err();
                assert!(matches!(error.errno(), Some(libc::ENXIO | libc::ENODEV)), "{error}");
            }
        }
    });
}
