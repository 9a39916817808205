use super::*;

/// A request as `ip -6 addr` sends it: `RTM_GETADDR` with an `ifaddrmsg` of family 10. Layout of linux/netlink.h.
#[test]
#[cfg(target_endian = "little")]
fn a_request_has_the_layout_of_nlmsghdr() {
    let mut writer = RequestWriter::default();
    writer.message(22, REQUEST | DUMP, 7, |body| body.fixed(&[10, 0, 0, 0, 0, 0, 0, 0]));
    let expected = [
        24, 0, 0, 0, 22, 0, 0x01, 0x03, 7, 0, 0, 0, 0, 0, 0, 0, // length, type, flags, sequence, port
        10, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(writer.bytes(), expected);
}

#[test]
#[cfg(target_endian = "little")]
fn attributes_are_padded_and_their_length_is_not() {
    let mut writer = RequestWriter::default();
    writer.text_attribute(3, c"eth0");
    writer.attribute(2, &[192, 0, 2, 1]);
    assert_eq!(
        writer.bytes(),
        [9, 0, 3, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0, 8, 0, 2, 0, 192, 0, 2, 1]
    );
    let read: Vec<_> = attributes(writer.bytes()).collect();
    assert_eq!(read, [(3, &b"eth0\0"[..]), (2, &[192, 0, 2, 1][..])]);
}

#[test]
fn several_messages_in_one_buffer_are_told_apart() {
    let mut writer = RequestWriter::default();
    writer.message(20, 0, 1, |body| body.text_attribute(3, c"a"));
    writer.message(21, 0, 2, |_| {});
    let read: Vec<_> = messages(writer.bytes())
        .map(|message| (message.kind, message.sequence))
        .collect();
    assert_eq!(read, [(20, 1), (21, 2)]);
}

/// An answer with the kernel's words, once with the request repeated, once capped (`netlink_ack` of the kernel).
#[test]
fn the_kernels_words_are_found_behind_the_request_and_behind_a_capped_one() {
    for (flags, repeated) in [(ACK_ATTRIBUTES | CAPPED, 0), (ACK_ATTRIBUTES, 8)] {
        let mut request = RequestWriter::default();
        request.message(20, REQUEST | ACK, 9, |body| body.fixed(&[0; 8]));
        let mut answer = RequestWriter::default();
        answer.message(ERROR, flags, 9, |body| {
            body.fixed(&(-libc::EINVAL).to_ne_bytes());
            body.fixed(&request.bytes()[..HEADER + repeated]);
            body.attribute(2, &[0; 4]);
            body.text_attribute(ERROR_TEXT, c"ipv4: Invalid prefix length");
        });
        let message = messages(answer.bytes()).next().unwrap();
        let expected = Verdict {
            errno: libc::EINVAL,
            reason: Some("ipv4: Invalid prefix length".into()),
        };
        assert_eq!(Verdict::read(&message), Some(expected));
    }
}

#[test]
fn every_prefix_and_every_changed_byte_is_read_without_panic() {
    let mut writer = RequestWriter::default();
    for kind in [ERROR, DONE] {
        writer.message(kind, ACK_ATTRIBUTES, 1, |body| {
            body.fixed(&[0; 4]);
            body.fixed(&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
            body.text_attribute(ERROR_TEXT, c"text");
        });
    }
    let read = |bytes: &[u8]| {
        for message in messages(bytes) {
            let _ = Verdict::read(&message);
            let _ = attributes(message.payload).count();
        }
    };
    let bytes = writer.bytes();
    for end in 0..bytes.len() {
        read(&bytes[..end]);
    }
    for position in 0..bytes.len() {
        for value in 0..=255 {
            let mut changed = bytes.to_vec();
            changed[position] = value;
            read(&changed);
        }
    }
}
