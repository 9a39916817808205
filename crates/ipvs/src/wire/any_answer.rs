//! Whatever the kernel answers, reading it ends.
//!
//! Plain `cargo test` runs each target for a second with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-ipvs any_`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-ipvs any_entry`.

#![allow(clippy::arithmetic_side_effects)] // tests

use super::*;
use crate::netlink::{ACK, Head, attributes, messages, push_request};

/// Reads one answer in all ways.
fn check(answer: &[u8]) {
    let _ = (sync::get_sync_daemon(answer), sync::get_timeouts(answer));
    let _ = (get_info(answer), controller::get_family_id(answer));
    if let Ok(Some(service)) = get_service(answer) {
        // What was taken in can be asked for again.
        let mut bytes = Vec::new();
        let head = Head {
            kind: 0x20,
            flags: ACK,
            sequence: 1,
            command: command::SET_SERVICE,
            version: VERSION,
        };
        push_request(&mut bytes, head, |request| {
            put_service(request, &service.key, Some(&service.service));
        });
        let message = messages(&bytes).next().unwrap().unwrap();
        let (_, attributes) = message.generic().unwrap();
        let again = get_service(attributes).unwrap().unwrap();
        assert_eq!(again.key, service.key);
        assert_eq!(
            again.service.persistence_timeout_s,
            service.service.persistence_timeout_s
        );
    }
    for family in [Family::Inet, Family::Inet6] {
        let _ = get_destination(answer, family);
    }
}

#[test]
fn any_datagram() {
    bolero::check!().for_each(|datagram: &[u8]| {
        assert!(messages(datagram).count() <= datagram.len() / 16 + 1);
        for message in messages(datagram).flatten() {
            assert!(attributes(message.payload).count() <= message.payload.len() / 4 + 1);
            let _ = message.verdict();
            if let Ok((_, attributes)) = message.generic() {
                check(attributes);
            }
        }
        check(datagram);
    });
}

/// What an entry has, by the number of its nest: kinds with the lengths of their contents.
const ENTRIES: [(u16, &[(u16, usize)]); 3] = [
    (
        outer::SERVICE,
        &[
            (service::AF, 2),
            (service::PROTOCOL, 2),
            (service::ADDR, 16),
            (service::PORT, 2),
            (service::SCHED_NAME, 4),
            (service::FLAGS, 8),
            (service::TIMEOUT, 4),
            (service::NETMASK, 4),
            (service::FWMARK, 4),
            (service::PE_NAME, 4),
            (service::STATS64, 44),
        ],
    ),
    (
        outer::DEST,
        &[
            (dest::ADDR, 16),
            (dest::PORT, 2),
            (dest::FWD_METHOD, 4),
            (dest::WEIGHT, 4),
            (dest::U_THRESH, 4),
            (dest::L_THRESH, 4),
            (dest::ACTIVE_CONNS, 4),
            (dest::ADDR_FAMILY, 2),
            (dest::STATS64, 44),
            (dest::TUN_TYPE, 1),
            (dest::TUN_PORT, 2),
            (dest::TUN_FLAGS, 2),
        ],
    ),
    // A sync daemon.
    (3, &[(1, 4), (2, 4), (3, 4), (4, 2), (5, 4), (6, 16), (7, 2), (8, 1)]),
];

/// An entry with most of its attributes, mostly as long as they are and often with contents that mean something.
#[test]
fn any_entry() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut choices = choices.iter().copied();
        let which = usize::from(choices.next().unwrap_or(0)) % ENTRIES.len();
        let (outer_kind, kinds) = ENTRIES[which];
        let mut bytes = Vec::new();
        let head = Head {
            kind: 0x20,
            flags: 0,
            sequence: 1,
            command: 0,
            version: VERSION,
        };
        push_request(&mut bytes, head, |request| {
            request.nest(outer_kind, |nest| {
                for &(kind, length) in kinds {
                    let choice = choices.next().unwrap_or(0);
                    let mut value: Vec<u8> = choices.by_ref().take(length).collect();
                    value.resize(length, 0);
                    match (choice % 32, length) {
                        (0, _) => {}
                        (1, _) => nest.bytes(kind, value.get(1..).unwrap_or_default()),
                        (2, _) => nest.nest(kind, |inner| inner.bytes(1, &value)),
                        (3..16, 2) => nest.u16(kind, [AF_INET, AF_INET6, 6, 17, 132][usize::from(choice) % 5]),
                        (3..16, 4) => nest.u32(kind, u32::from(choice >> 4)),
                        _ => nest.bytes(kind, &value),
                    }
                }
            });
        });
        let message = messages(&bytes).next().unwrap().unwrap();
        check(message.generic().unwrap().1);
    });
}
