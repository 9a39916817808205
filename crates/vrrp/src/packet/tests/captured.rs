//! What keepalived 2.2.7 sent between two network namespaces, captured on the peer's side. The values are those of its
//! configuration.

use super::*;

struct Captured {
    name: &'static str,
    path: (&'static str, &'static str),
    bytes: &'static str,
}

const TO_GROUP: (&str, &str) = ("192.0.2.1", "224.0.0.18");
const TO_PEER: (&str, &str) = ("192.0.2.1", "192.0.2.2");

pub(super) fn vectors() -> Vec<Vector> {
    let taken = |captured: Captured, value: fn() -> Advertisement| Vector {
        name: captured.name,
        bytes: hex(captured.bytes),
        source: captured.path.0,
        destination: captured.path.1,
        form: ChecksumForm::Standard,
        value,
    };
    let two = Captured {
        name: "version 2, two addresses",
        path: TO_GROUP,
        bytes: "213396020001c4b2 c000020a c000020b 0000000000000000",
    };
    let resigning = Captured {
        name: "version 2, at a stop",
        path: TO_GROUP,
        bytes: "2133000200015ab3 c000020a c000020b 0000000000000000",
    };
    let secret = Captured {
        name: "version 2, auth_pass secret",
        path: TO_GROUP,
        bytes: "2134640101017b68 c0000214 7365637265740000",
    };
    let to_peer = Captured {
        name: "version 2, unicast",
        path: TO_PEER,
        bytes: "213961010001bb7d c0000246 0000000000000000",
    };
    let quick = Captured {
        name: "version 3, advert_int 0.25",
        path: TO_GROUP,
        bytes: "3135c8010019a200 c000021e",
    };
    let v3_to_peer = Captured {
        name: "version 3, unicast",
        path: TO_PEER,
        bytes: "3136fe01006489ba c0000228",
    };
    let ipv6 = Captured {
        name: "IPv6, two addresses",
        path: ("fe80::ff:fe00:1", "ff02::12"),
        bytes: "3137630200644159 fe800000000000000000000000000050 20010db8000000000000000000000050",
    };
    let ipv6_to_peer = Captured {
        name: "IPv6, unicast",
        path: ("2001:db8::1", "2001:db8::2"),
        bytes: "313862010064e24b 20010db8000000000000000000000060",
    };
    vec![
        taken(two, || {
            router(51, 150, advertisement(Version::V2, &["192.0.2.10", "192.0.2.11"]))
        }),
        taken(resigning, || {
            router(51, 0, advertisement(Version::V2, &["192.0.2.10", "192.0.2.11"]))
        }),
        taken(secret, || Advertisement {
            authentication: Authentication::Pass(*b"secret\0\0"),
            ..router(52, 100, advertisement(Version::V2, &["192.0.2.20"]))
        }),
        taken(to_peer, || router(57, 97, advertisement(Version::V2, &["192.0.2.70"]))),
        taken(quick, || Advertisement {
            interval: Duration::from_millis(250),
            ..router(53, 200, advertisement(Version::V3, &["192.0.2.30"]))
        }),
        taken(v3_to_peer, || {
            router(54, 254, advertisement(Version::V3, &["192.0.2.40"]))
        }),
        taken(ipv6, || {
            router(55, 99, advertisement(Version::V3, &["fe80::50", "2001:db8::50"]))
        }),
        taken(ipv6_to_peer, || {
            router(56, 98, advertisement(Version::V3, &["2001:db8::60"]))
        }),
    ]
}

fn router(vrid: u8, priority: u8, advertisement: Advertisement) -> Advertisement {
    Advertisement {
        vrid,
        priority,
        ..advertisement
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |digit: char| u8::try_from(digit.to_digit(16)?).ok();
    let digits: Vec<u8> = text.chars().filter_map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
