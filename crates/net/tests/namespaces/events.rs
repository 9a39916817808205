//! Links, and the events about them and about addresses.

use holdfast_net::{Applied, InterfaceAddress, Monitor, NetworkEvent, ReceiveBuffer, Requests};

use crate::hosts::{between_two_hosts, events_until, five_hundred, ip, link, v4, within};

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
fn receive_buffers_are_as_large_as_asked_for_and_allowed() {
    between_two_hosts("receive buffers", async |_| {
        let index = link("left0").await.index;
        let buffer = |bytes, force| Some(ReceiveBuffer { bytes, force });
        let monitor = Monitor::open().unwrap();
        let mut requests = Requests::open().unwrap();
        let much = 64 * 1024 * 1024;
        for (wanted, expected) in [
            (buffer(100_000, false), 100_000),
            (buffer(much, true), much),
            (None, 1024 * 1024),
        ] {
            assert_eq!(monitor.set_receive_buffer(wanted).unwrap(), expected);
            assert_eq!(requests.set_receive_buffer(wanted).unwrap(), expected);
        }
        let limited = monitor.set_receive_buffer(buffer(much, false)).unwrap();
        assert!(limited < much, "net.core.rmem_max holds without force: {limited}");

        // The answers to all of them together would not fit.
        requests.set_receive_buffer(buffer(5_000, false)).unwrap();
        for outcome in requests.add_addresses(&five_hundred(index)).await {
            assert_eq!(outcome.unwrap(), Applied::Changed);
        }
    });
}
