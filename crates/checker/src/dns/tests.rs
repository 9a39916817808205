use proptest::prelude::*;

use super::*;

/// `dig +noedns +nocookie SOA .` and `dig +noedns MX a.example.org`, less the number and the bit AD.
#[test]
fn queries_are_those_of_other_programs() {
    assert_eq!(
        query(0x1234, DnsType::Soa, ""),
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01"
    );
    assert_eq!(
        query(0xffff, DnsType::Mx, "a.example.org"),
        b"\xff\xff\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x03org\x00\x00\x0f\x00\x01"
    );
    let codes = [DnsType::A, DnsType::Ns, DnsType::Cname, DnsType::Txt, DnsType::Aaaa].map(DnsType::code);
    assert_eq!(codes, [1, 2, 5, 16, 28]);
    assert_eq!([DnsType::Rrsig, DnsType::Dnskey].map(DnsType::code), [46, 48]);
}

#[test]
fn only_number_response_flag_and_error_count() {
    let answer = |flags: [u8; 2]| {
        let mut packet = vec![0x12, 0x34];
        packet.extend(flags);
        packet.extend([0; 8]);
        packet
    };
    for (flags, verdict) in [
        ([0x80, 0x00], Some(Ok(()))),
        // Authoritative, truncated, recursion available, with data or without.
        ([0x86, 0x80], Some(Ok(()))),
        ([0x81, 0x82], Some(Err(Failure::DnsError(2)))),
        ([0x81, 0x83], Some(Err(Failure::DnsError(3)))),
        ([0x81, 0x85], Some(Err(Failure::DnsError(5)))),
        ([0x81, 0x8f], Some(Err(Failure::DnsError(15)))),
        // A query, such as our own that comes back from an echo service.
        ([0x01, 0x00], None),
        ([0x01, 0x02], None),
    ] {
        assert_eq!(judge(0x1234, &answer(flags)), verdict, "{flags:x?}");
    }
    assert_eq!(judge(0x1235, &answer([0x80, 0])), None, "another number");
    let whole = answer([0x80, 0]);
    assert_eq!(judge(0x1234, &whole[..11]), None, "shorter than a header");
}

proptest! {
    #[test]
    fn any_packet_is_judged(id: u16, packet in proptest::collection::vec(any::<u8>(), 0..40)) {
        let judged = judge(id, &packet);
        prop_assert!(judged.is_none() || packet.len() >= 12 && packet[..2] == id.to_be_bytes());
    }

    #[test]
    fn any_name_makes_a_query_with_an_end(name: String) {
        let query = query(7, DnsType::A, &name);
        prop_assert!(query.ends_with(&[0, 0, 1, 0, 1]));
    }
}
