//! Batches of addresses.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use holdfast_net::{
    ADDRESS_PROTOCOL, AddressFlags, AddressScope, Applied, InterfaceAddress, Monitor, NetError, NetworkEvent, Requests,
};

use crate::hosts::{between_two_hosts, events_until, five_hundred, ip, link, v4, v6};

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
