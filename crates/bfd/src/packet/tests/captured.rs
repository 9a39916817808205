//! What keepalived 2.2.7 sends: two of them on one link, taken with tcpdump. One session over IPv4 (`min_tx 100`,
//! `min_rx 150`, `multiplier 3`), one over IPv6 with default values; later `min_tx 300` by a reload, then one is stopped.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The IPv4 session as 192.0.2.1 tells of it when it is up.
fn four() -> ControlPacket {
    ControlPacket {
        state: State::Up,
        multiplier: 3,
        my_discriminator: 0xabec_8824,
        your_discriminator: 0x3f18_f155,
        desired_min_tx: Duration::from_millis(100),
        required_min_rx: Duration::from_millis(150),
        ..down()
    }
}

fn captured() -> Vec<(&'static str, &'static str, ControlPacket)> {
    vec![
        (
            "the first packet",
            "20400318abec882400000000000f4240000249f000000000",
            ControlPacket {
                state: State::Down,
                your_discriminator: 0,
                desired_min_tx: SECOND,
                ..four()
            },
        ),
        (
            "the neighbor is heard",
            "20800318abec88243f18f155000f4240000249f000000000",
            ControlPacket {
                state: State::Init,
                desired_min_tx: SECOND,
                ..four()
            },
        ),
        (
            "the neighbor comes up and polls",
            "20e003183f18f155abec8824000186a0000249f000000000",
            ControlPacket {
                poll: true,
                my_discriminator: 0x3f18_f155,
                your_discriminator: 0xabec_8824,
                ..four()
            },
        ),
        (
            "the answer to the poll",
            "20d00318abec88243f18f155000186a0000249f000000000",
            ControlPacket {
                is_final: true,
                ..four()
            },
        ),
        ("up", "20c00318abec88243f18f155000186a0000249f000000000", four()),
        (
            "another min_tx after a reload",
            "20e00318abec88243f18f155000493e0000249f000000000",
            ControlPacket {
                poll: true,
                desired_min_tx: Duration::from_millis(300),
                ..four()
            },
        ),
        (
            "the detection time is over, and the discriminator another one",
            "21400318ea64944200000000000f4240000249f000000000",
            ControlPacket {
                diagnostic: Diagnostic::ControlDetectionTimeExpired,
                state: State::Down,
                my_discriminator: 0xea64_9442,
                your_discriminator: 0,
                desired_min_tx: SECOND,
                ..four()
            },
        ),
        (
            "default values, over IPv6",
            "20c00518e2a64b8c9f35d057000027100000271000000000",
            ControlPacket {
                multiplier: 5,
                my_discriminator: 0xe2a6_4b8c,
                your_discriminator: 0x9f35_d057,
                desired_min_tx: Duration::from_millis(10),
                required_min_rx: Duration::from_millis(10),
                ..four()
            },
        ),
    ]
}

#[test]
fn keepalived_is_understood_and_spoken() {
    for (what, hex, value) in captured() {
        let digits = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        let bytes: Vec<u8> = digits.collect::<Result<_, _>>().unwrap();
        assert_eq!(ControlPacket::decode(&bytes), Ok(value), "{what}");
        assert_eq!(value.encode()[..], bytes[..], "{what}");
    }
}
