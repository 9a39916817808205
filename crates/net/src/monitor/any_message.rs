//! Whatever is in a datagram, reading it ends, and reads no more than there is.
//!
//! Plain `cargo test` runs each target for a second with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-net any_`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-net any_kernel_message`.

#![allow(clippy::arithmetic_side_effects)] // tests

use super::{NetworkEvent, decode};
use crate::netlink::{DONE, ERROR, RequestWriter, Verdict, attributes, messages};
use crate::{address, link, routes, rules};

/// What kinds of messages are read, with the length of the fixed part of their payload.
const KINDS: [(u16, usize); 8] = [
    (link::NEW, 16),
    (link::DELETE, 16),
    (address::NEW, 8),
    (address::DELETE, 8),
    (routes::NEW, 12),
    (routes::DELETE, 12),
    (rules::NEW, 12),
    (rules::DELETE, 12),
];

/// Reads all that is read of a datagram anywhere in this crate.
fn check(datagram: &[u8]) {
    // A message has a header of 16 bytes.
    assert!(messages(datagram).count() <= datagram.len() / 16);
    for message in messages(datagram) {
        // An attribute has one of 4.
        assert!(attributes(message.payload).count() <= message.payload.len() / 4);
        let event = decode(&message);
        for (what, read) in [
            ("link", link::decode(&message).map(|link| format!("{link:?}"))),
            (
                "address",
                address::decode(&message).map(|address| format!("{address:?}")),
            ),
            (
                "route",
                routes::decode(&message).map(|route| format!("{route} {route:?}")),
            ),
            ("rule", rules::decode(&message).map(|rule| format!("{rule} {rule:?}"))),
            ("verdict", Verdict::read(&message).map(|verdict| format!("{verdict:?}"))),
        ] {
            // 64 bytes for what each byte may become, and what is there without any.
            let length = read.map_or(0, |text| text.len());
            assert!(length <= 4096 + 64 * message.payload.len(), "{what}: {length} bytes");
        }
        if let Some(NetworkEvent::RouteRemoved { route, .. }) = event {
            assert!(route.paths.len() <= message.payload.len() / 8 + 1, "{route:?}");
        }
    }
}

/// Attributes of kinds and lengths that there are, some of them with others inside.
fn fill(body: &mut RequestWriter, choices: &mut impl Iterator<Item = u8>, depth: u32) {
    while let (Some(kind), Some(length)) = (choices.next(), choices.next()) {
        if length >= 0xf0 {
            // The end of what is inside.
            return;
        }
        let number = u16::from(kind & 0x3f);
        if length >= 0xc0 && depth < 3 {
            body.nested(number, |inner| fill(inner, choices, depth + 1));
        } else {
            let usual = [0, 1, 2, 4, 6, 8, 16, 20];
            let length = usual
                .get(usize::from(length & 0x0f))
                .copied()
                .unwrap_or(usize::from(length >> 2));
            let value: Vec<u8> = choices.by_ref().take(length).collect();
            body.attribute(number, &value);
        }
    }
}

#[test]
fn any_datagram() {
    bolero::check!().for_each(check);
}

#[test]
fn any_kernel_message() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut choices = choices.iter().copied();
        let mut writer = RequestWriter::default();
        let which = usize::from(choices.next().unwrap_or(0)) % KINDS.len();
        let Some(&(kind, fixed)) = KINDS.get(which) else { return };
        writer.message(kind, 0, 0, |body| {
            let mut header: Vec<u8> = choices.by_ref().take(fixed).collect();
            header.resize(fixed, 0);
            if let Some(family) = header.first_mut() {
                *family = if *family & 1 == 0 { 2 } else { 10 };
            }
            body.fixed(&header);
            fill(body, &mut choices, 0);
        });
        check(writer.bytes());
    });
}

/// What a refused change of addresses, routes, rules or of the packet filter is answered with.
#[test]
fn any_verdict() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut choices = choices.iter().copied();
        let mut writer = RequestWriter::default();
        let first = choices.next().unwrap_or(0);
        let kind = if first & 1 == 0 { ERROR } else { DONE };
        writer.message(kind, u16::from(first) << 7, 0, |body| {
            let quoted: Vec<u8> = choices.by_ref().take(usize::from(first & 0x1e)).collect();
            body.fixed(&quoted);
            fill(body, &mut choices, 0);
        });
        check(writer.bytes());
    });
}
