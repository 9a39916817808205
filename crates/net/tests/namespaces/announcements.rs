//! Announcements as the neighbours see them.

use std::net::IpAddr;
use std::time::Instant;

use holdfast_net::{Announcer, MacAddress};

use crate::hosts::{BOUND, Onlooker, address_both, between_two_hosts, five_hundred, ip, link, v4, v6};

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
