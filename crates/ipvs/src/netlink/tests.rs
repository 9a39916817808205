use proptest::prelude::*;

use super::*;

/// All vectors here are little-endian; on another machine they would be other bytes.
const LITTLE: bool = cfg!(target_endian = "little");

#[test]
fn a_request_is_laid_out_as_the_kernel_reads_it() {
    if !LITTLE {
        return;
    }
    let mut bytes = Vec::new();
    let head = Head {
        kind: 0x10,
        flags: REQUEST | ACK,
        sequence: 7,
        command: 3,
        version: 2,
    };
    push_request(&mut bytes, head, |request| {
        request.string(2, "IPVS");
        request.nest(1, |nest| {
            nest.u8(13, 1);
            nest.u16(1, 2);
            nest.be16(4, 80);
            nest.u32(8, 300);
        });
    });
    #[rustfmt::skip]
    let expected = [
        68, 0, 0, 0,  0x10, 0,  0x05, 0,  7, 0, 0, 0,  0, 0, 0, 0, // nlmsghdr
        3, 2, 0, 0, // genlmsghdr
        9, 0, 2, 0,  b'I', b'P', b'V', b'S',  0, 0, 0, 0, // zero byte counted, padding not
        36, 0, 1, 0x80, // NLA_F_NESTED
        5, 0, 13, 0,  1, 0, 0, 0,
        6, 0, 1, 0,  2, 0, 0, 0,
        6, 0, 4, 0,  0, 80, 0, 0,
        8, 0, 8, 0,  0x2c, 0x01, 0, 0,
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn messages_of_one_datagram_are_told_apart() {
    if !LITTLE {
        return;
    }
    #[rustfmt::skip]
    let datagram = [
        18, 0, 0, 0,  0x20, 0,  0x02, 0,  1, 0, 0, 0,  0, 0, 0, 0,  0xaa, 0xbb, 0, 0, // two bytes and padding
        20, 0, 0, 0,  3, 0,  0x12, 0,  1, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
    ];
    let all: Vec<_> = messages(&datagram).collect();
    let first = Message {
        kind: 0x20,
        flags: 2,
        sequence: 1,
        payload: &[0xaa, 0xbb],
    };
    let second = Message {
        kind: DONE,
        flags: 2 | DUMP_INTERRUPTED,
        sequence: 1,
        payload: &[0; 4],
    };
    assert_eq!(all, [Ok(first), Ok(second)]);
    // A message that claims more than there is ends the datagram; so does one shorter than its header.
    assert_eq!(messages(&datagram[..30]).last(), Some(Err("length of a message")));
    assert_eq!(messages(&[15; 16]).collect::<Vec<_>>(), [Err("length of a message")]);
    assert_eq!(messages(&[0; 40]).collect::<Vec<_>>(), [Err("length of a message")]);
}

#[test]
fn the_kernels_verdict_and_words_are_read() {
    if !LITTLE {
        return;
    }
    let verdict = |kind, flags, payload: &[u8]| {
        Message {
            kind,
            flags,
            sequence: 1,
            payload,
        }
        .verdict()
    };
    // Seen from Linux 6.1: no such service, the request quoted by its header only.
    let absent = [
        0xfd, 0xff, 0xff, 0xff, 0x28, 0, 0, 0, 0x20, 0, 5, 0, 6, 0x10, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(verdict(ERROR, 0x100, &absent), Ok(Verdict { errno: 3, text: None }));

    let text = [
        &[0xea, 0xff, 0xff, 0xff][..],
        &[20, 0, 0, 0],
        &[0; 12],
        &[7, 0, 1, 0, b'n', b'o', 0, 0],
    ]
    .concat();
    let told = Ok(Verdict {
        errno: 22,
        text: Some("no".to_owned()),
    });
    assert_eq!(verdict(ERROR, 0x300, &text), told, "behind the header");
    assert_eq!(
        verdict(ERROR, 0x100, &text),
        Ok(Verdict { errno: 22, text: None }),
        "no attributes announced"
    );
    let quoted = [&text[..20], &[9, 9, 9, 9], &text[20..]].concat();
    assert_eq!(verdict(ERROR, 0x200, &quoted), told, "behind the whole request");
    let done = [&text[..4], &text[20..]].concat();
    assert_eq!(verdict(DONE, 0x202, &done), told, "at the end of a dump");

    assert_eq!(verdict(DONE, 2, &[]), Ok(Verdict::default()));
    assert!(verdict(ERROR, 0, &[0, 0, 0]).is_err());
    assert!(verdict(ERROR, 0, &i32::MIN.to_le_bytes()).is_err());
}

#[test]
fn a_malformed_attribute_ends_the_attributes() {
    if !LITTLE {
        return;
    }
    let payload = [5, 0, 1, 0x80, 9, 0, 0, 0, 3, 0, 2, 0];
    let all: Vec<_> = attributes(&payload).collect();
    assert_eq!(all, [Ok((1, &[9][..])), Err("length of an attribute")]);
    // The last one may lack its padding.
    assert_eq!(attributes(&payload[..5]).collect::<Vec<_>>(), [Ok((1, &[9][..]))]);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        for message in messages(&bytes).flatten() {
            let _ = (message.generic(), message.verdict());
        }
        for (_, content) in attributes(&bytes).flatten() {
            let _ = string(content);
        }
    }
}
