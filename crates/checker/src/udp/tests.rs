use holdfast_health::probe::MaskedByte;
use proptest::prelude::*;

use super::*;

fn like(beginning: &[(u8, u8)], min_length: u16, max_length: u16) -> UdpReply {
    UdpReply::Like {
        beginning: beginning
            .iter()
            .map(|(value, mask)| MaskedByte {
                value: *value,
                mask: *mask,
            })
            .collect(),
        min_length,
        max_length,
    }
}

/// keepalived's rules: the lengths first, then as many bytes as both have.
#[test]
fn answers_are_compared_as_keepalived_does() {
    let expected = like(&[(0x00, 0xff), (0x10, 0xf0), (0xff, 0xff)], 1, 5);
    let mismatch = |at| Err(Failure::ReplyBytes { at });
    let length = |got| Err(Failure::ReplyLength { got, min: 1, max: 5 });
    for (packet, verdict) in [
        (&[0x00, 0x1c, 0xff][..], Ok(())),
        (&[0x00, 0x10, 0xff, 9, 9], Ok(())),
        (&[0x00, 0x2c, 0xff], mismatch(1)),
        (&[0x00, 0x1c, 0xfe], mismatch(2)),
        (&[0x01], mismatch(0)),
        (&[0x00, 0x1c], Ok(())),
        (&[], length(0)),
        (&[0x00, 0x1c, 0xff, 0, 0, 0], length(6)),
    ] {
        assert_eq!(judge(Some(&expected), packet), verdict, "{packet:x?}");
    }
    assert_eq!(judge(Some(&UdpReply::Any), &[]), Ok(()));
    assert_eq!(judge(None, b"whatever"), Ok(()));
}

#[test]
fn enough_is_read_to_see_that_an_answer_is_too_long() {
    assert_eq!(bytes_worth_reading(Some(&like(&[], 0, u16::MAX))), 65_536);
    assert_eq!(bytes_worth_reading(Some(&like(&[], 0, 0))), 1);
}

proptest! {
    #[test]
    fn any_packet_is_judged(
        packet in proptest::collection::vec(any::<u8>(), 0..300),
        beginning in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..40),
        min: u16,
        max: u16,
    ) {
        let verdict = judge(Some(&like(&beginning, min, max)), &packet);
        prop_assert!(verdict.is_err() || packet.len() >= usize::from(min));
    }
}
