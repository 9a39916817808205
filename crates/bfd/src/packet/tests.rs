mod captured;

use proptest::prelude::*;

use super::*;

/// State Down, multiplier 3, discriminators 1 and 0, intervals 1 s, 300 ms and 0: composed by hand from the picture in
/// RFC 5880 section 4.1. `000f4240` is 1,000,000 microseconds, `000493e0` is 300,000.
const DOWN: [u8; PACKET_LEN] = [
    0x20, 0x40, 0x03, 0x18, 0, 0, 0, 1, 0, 0, 0, 0, 0x00, 0x0f, 0x42, 0x40, 0x00, 0x04, 0x93, 0xe0, 0, 0, 0, 0,
];

/// Diagnostic 3 (neighbor signaled session down), state Up, F, C and D set, multiplier 255, every field different:
/// first byte 001 00011, second 11 0 1 1 0 1 0; `ffffffff` microseconds are 4,294.967295 s.
const EVERYTHING: [u8; PACKET_LEN] = [
    0x23, 0xda, 0xff, 0x18, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0x00,
    0x00, 0xc3, 0x50,
];

fn down() -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::None,
        state: State::Down,
        poll: false,
        is_final: false,
        control_plane_independent: false,
        authentication_present: false,
        demand: false,
        multiplier: 3,
        my_discriminator: 1,
        your_discriminator: 0,
        desired_min_tx: Duration::from_secs(1),
        required_min_rx: Duration::from_millis(300),
        required_min_echo_rx: Duration::ZERO,
    }
}

fn everything() -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::NeighborSignaledSessionDown,
        state: State::Up,
        poll: false,
        is_final: true,
        control_plane_independent: true,
        authentication_present: false,
        demand: true,
        multiplier: 255,
        my_discriminator: 0x1234_5678,
        your_discriminator: 0x9abc_def0,
        desired_min_tx: Duration::from_micros(4_294_967_295),
        required_min_rx: Duration::from_micros(1),
        required_min_echo_rx: Duration::from_millis(50),
    }
}

/// `DOWN` with other bytes at some places.
fn altered(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = DOWN.to_vec();
    for (place, byte) in changes {
        bytes[*place] = *byte;
    }
    bytes
}

#[test]
fn taken_apart_and_put_together() {
    for (bytes, value) in [(DOWN, down()), (EVERYTHING, everything())] {
        assert_eq!(ControlPacket::decode(&bytes), Ok(value));
        assert_eq!(value.encode(), bytes);
    }
}

#[test]
fn each_flag_has_its_own_bit() {
    let flag = |second_byte: u8| ControlPacket::decode(&altered(&[(1, second_byte)])).unwrap();
    assert_eq!(flag(0b0110_0000), ControlPacket { poll: true, ..down() });
    assert_eq!(
        flag(0b0101_0000),
        ControlPacket {
            is_final: true,
            ..down()
        }
    );
    assert_eq!(
        flag(0b0100_1000),
        ControlPacket {
            control_plane_independent: true,
            ..down()
        }
    );
    assert_eq!(flag(0b0100_0010), ControlPacket { demand: true, ..down() });
}

#[test]
fn states_and_diagnostics_have_the_numbers_of_the_rfc() {
    let states = [State::AdminDown, State::Down, State::Init, State::Up];
    for (number, state) in (0_u8..).zip(states) {
        assert_eq!(state.number(), number);
        let packet = ControlPacket::decode(&altered(&[(1, number << 6), (11, 9)])).unwrap();
        assert_eq!(packet.state, state);
    }
    let diagnostics = [
        Diagnostic::None,
        Diagnostic::ControlDetectionTimeExpired,
        Diagnostic::EchoFunctionFailed,
        Diagnostic::NeighborSignaledSessionDown,
        Diagnostic::ForwardingPlaneReset,
        Diagnostic::PathDown,
        Diagnostic::ConcatenatedPathDown,
        Diagnostic::AdministrativelyDown,
        Diagnostic::ReverseConcatenatedPathDown,
        Diagnostic::Reserved(9),
    ];
    for (number, diagnostic) in (0_u8..).zip(diagnostics) {
        assert_eq!(diagnostic.number(), number);
        let packet = ControlPacket::decode(&altered(&[(0, 0x20 | number)])).unwrap();
        assert_eq!(packet.diagnostic, diagnostic);
    }
    let last = ControlPacket::decode(&altered(&[(0, 0x3f)])).unwrap();
    assert_eq!(last.diagnostic, Diagnostic::Reserved(31));
}

/// RFC 5880 section 6.8.6, each rule with a packet that breaks only this one.
#[test]
fn what_breaks_a_rule_is_refused() {
    let with_authentication = |length: u8| {
        let mut bytes = altered(&[(1, 0x44), (3, length)]);
        bytes.extend([0; 4]);
        bytes
    };
    let table: Vec<(Vec<u8>, DecodeError)> = vec![
        (Vec::new(), DecodeError::TooShort { actual: 0 }),
        (DOWN[..23].to_vec(), DecodeError::TooShort { actual: 23 }),
        (altered(&[(0, 0x00)]), DecodeError::Version { version: 0 }),
        (altered(&[(0, 0x40)]), DecodeError::Version { version: 2 }),
        (altered(&[(0, 0xe0)]), DecodeError::Version { version: 7 }),
        (altered(&[(3, 23)]), DecodeError::LengthTooSmall { length: 23 }),
        (altered(&[(3, 0)]), DecodeError::LengthTooSmall { length: 0 }),
        (with_authentication(25), DecodeError::LengthTooSmall { length: 25 }),
        (
            altered(&[(3, 25)]),
            DecodeError::LengthTooGreat { length: 25, actual: 24 },
        ),
        (
            with_authentication(29),
            DecodeError::LengthTooGreat { length: 29, actual: 28 },
        ),
        (altered(&[(2, 0)]), DecodeError::ZeroMultiplier),
        (altered(&[(1, 0x41)]), DecodeError::Multipoint),
        (altered(&[(7, 0)]), DecodeError::ZeroMyDiscriminator),
        (
            altered(&[(1, 0x80)]),
            DecodeError::ZeroYourDiscriminator { state: State::Init },
        ),
        (
            altered(&[(1, 0xc0)]),
            DecodeError::ZeroYourDiscriminator { state: State::Up },
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(ControlPacket::decode(&bytes), Err(error), "{bytes:02x?}");
    }
}

/// What the same rules let pass.
#[test]
fn what_only_looks_odd_is_read() {
    let read = |bytes: &[u8]| ControlPacket::decode(bytes).unwrap();
    let is_authenticated = ControlPacket {
        authentication_present: true,
        ..down()
    };
    let mut authenticated = altered(&[(1, 0x44), (3, 26)]);
    authenticated.extend([1, 2]);
    assert_eq!(read(&authenticated), is_authenticated);
    assert_eq!(is_authenticated.encode(), DOWN, "written without what it announces");

    let mut with_trailer = DOWN.to_vec();
    with_trailer.extend([0xaa; 12]);
    assert_eq!(read(&with_trailer), down());
    assert_eq!(
        read(&altered(&[(1, 0x00)])).state,
        State::AdminDown,
        "without our discriminator"
    );
}

#[test]
fn the_checks_come_in_the_order_of_the_rfc() {
    // Everything is wrong: each repair brings out the next error.
    let mut bytes = altered(&[(0, 0), (1, 0xc1), (2, 0), (3, 0), (7, 0)]);
    let repairs: [(usize, u8, &str); 5] = [
        (0, 0x20, "BFD version 0 is unknown"),
        (3, 24, "length 0 is below the minimum"),
        (2, 1, "detection multiplier 0"),
        (1, 0xc0, "multipoint packet"),
        (7, 1, "the sender has no discriminator"),
    ];
    for (place, repaired, error) in repairs {
        assert_eq!(ControlPacket::decode(&bytes).unwrap_err().to_string(), error);
        bytes[place] = repaired;
    }
    assert_eq!(
        ControlPacket::decode(&bytes).unwrap_err().to_string(),
        "state Up without our discriminator"
    );
}

#[test]
fn each_error_moves_its_own_counter() {
    let errors = [
        DecodeError::Version { version: 0 },
        DecodeError::TooShort { actual: 0 },
        DecodeError::ZeroMultiplier,
        DecodeError::Multipoint,
        DecodeError::ZeroMyDiscriminator,
        DecodeError::ZeroYourDiscriminator { state: State::Up },
    ];
    let mut counters = NodeCounters::default();
    for (number, error) in (1..).zip(errors) {
        *error.counter(&mut counters) += number;
    }
    *DecodeError::LengthTooSmall { length: 0 }.counter(&mut counters) += 10;
    *DecodeError::LengthTooGreat { length: 0, actual: 0 }.counter(&mut counters) += 20;
    let expected = NodeCounters {
        version_err: 1,
        length_err: 32,
        multiplier_err: 3,
        multipoint_err: 4,
        my_discriminator_err: 5,
        your_discriminator_err: 6,
        ..NodeCounters::default()
    };
    assert_eq!(counters, expected);
}

#[test]
fn every_shorter_prefix_is_an_error() {
    for whole in [DOWN, EVERYTHING] {
        for length in 0..whole.len() {
            assert_eq!(
                ControlPacket::decode(&whole[..length]),
                Err(DecodeError::TooShort { actual: length })
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_another_value() {
    for whole in [DOWN, EVERYTHING] {
        let value = ControlPacket::decode(&whole).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole;
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = ControlPacket::decode(&bytes) {
                assert_ne!(other, value, "bit {bit}");
            }
        }
    }
}

#[test]
fn intervals_beyond_the_field_are_cut() {
    let packet = ControlPacket {
        desired_min_tx: Duration::from_secs(5000),
        required_min_rx: Duration::from_nanos(1_999),
        ..down()
    };
    let read = ControlPacket::decode(&packet.encode()).unwrap();
    assert_eq!(read.desired_min_tx, Duration::from_micros(4_294_967_295));
    assert_eq!(read.required_min_rx, Duration::from_micros(1));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(packet) = ControlPacket::decode(&bytes) {
            prop_assert!(packet.multiplier != 0 && packet.my_discriminator != 0);
            // All that is read is written again, at the same place; only the authentication is left out.
            let again = ControlPacket::decode(&packet.encode()).unwrap();
            prop_assert_eq!(again, ControlPacket { authentication_present: false, ..packet });
        }
    }

    /// Bytes that pass the version check, so that the rest is reached often.
    #[test]
    fn no_nearly_good_bytes_make_it_panic(
        changes in proptest::collection::vec((0..PACKET_LEN, any::<u8>()), 0..4),
        length in 0..=PACKET_LEN,
    ) {
        let _ = ControlPacket::decode(&altered(&changes)[..length]);
    }
}
