//! Packets as RFC 2741 draws them, and as net-snmp 5.9 and keepalived 2.2.7 put them on the wire.

#![allow(clippy::unwrap_used)]

use holdfast_agentx::pdu::{
    Body, CloseReason, Content, Header, Pdu, PduError, Registration, Response, SearchRange, VarBind, length_of,
};
use holdfast_agentx::{Oid, Value};
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap()).collect()
}

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn value(name: &str, value: Value) -> VarBind {
    VarBind {
        name: oid(name),
        content: Content::Value(value),
    }
}

fn little(session: u32, transaction: u32, packet: u32) -> Header {
    Header {
        session,
        transaction,
        packet,
        big_endian: false,
    }
}

/// Both ways.
fn same(hex: &str, pdu: &Pdu) {
    let bytes = bytes(hex);
    assert_eq!(Pdu::decode(&bytes).as_ref(), Ok(pdu));
    assert_eq!(pdu.encode(), bytes);
    assert_eq!(length_of(&bytes), Ok(Some(bytes.len())));
}

#[test]
fn keepalived_opens_a_session() {
    same(
        "0101 0000 00000000 00000000 5362c918 3c000000 \
         01000000 05040000 01000000 881f0000 03000000 02000000 0a000000 \
         19000000 4e65742d534e4d50204167656e7458207375622d6167656e74 000000",
        &Pdu {
            header: little(0, 0, 0x18c9_6253),
            context: None,
            body: Body::Open {
                timeout_s: 1,
                id: oid("1.3.6.1.4.1.8072.3.2.10"),
                description: b"Net-SNMP AgentX sub-agent".to_vec(),
            },
        },
    );
}

#[test]
fn keepalived_registers_its_version() {
    same(
        "0103 0800 06000000 00000000 5462c918 24000000 00000000 \
         ff7f0000 06040000 01000000 72250000 64000000 05000000 01000000 01000000",
        &Pdu {
            header: little(6, 0, 0x18c9_6254),
            context: Some(Vec::new()),
            body: Body::Register(Registration {
                timeout_s: 255,
                priority: 127,
                range_part: 0,
                subtree: oid("1.3.6.1.4.1.9586.100.5.1.1"),
                range_end: None,
                is_instance: false,
            }),
        },
    );
}

#[test]
fn the_master_agent_answers_with_what_it_was_asked() {
    let registered = VarBind {
        name: oid("1.3.6.1.4.1.9586.100.5.1.1"),
        content: Content::Null,
    };
    same(
        "0112 0000 06000000 00000000 5462c918 28000000 9b000000 0000 0000 \
         0500 0000 06040000 01000000 72250000 64000000 05000000 01000000 01000000",
        &Pdu {
            header: little(6, 0, 0x18c9_6254),
            context: None,
            body: Body::Response(Response {
                up_time: 0x9b,
                error: 0,
                index: 0,
                objects: vec![registered],
            }),
        },
    );
}

#[test]
fn keepalived_names_its_mib() {
    same(
        "0110 0000 06000000 00000000 6862c918 3c000000 05040000 01000000 72250000 64000000 05000000 01000000 \
         1d000000 546865204d4942206d6f64756c6520666f72204b656570616c69766564 000000",
        &Pdu {
            header: little(6, 0, 0x18c9_6268),
            context: None,
            body: Body::AddAgentCaps {
                id: oid("1.3.6.1.4.1.9586.100.5.1"),
                description: b"The MIB module for Keepalived".to_vec(),
            },
        },
    );
}

#[test]
fn a_walk_of_the_version_is_asked_and_answered() {
    let next = |start: &str, include, packet| Pdu {
        header: little(6, packet, packet + 1),
        context: Some(Vec::new()),
        body: Body::GetNext(vec![SearchRange {
            start: oid(start),
            include,
            end: oid("1.3.6.1.4.1.9586.100.5.1.2"),
        }]),
    };
    same(
        "0106 0800 06000000 01000000 02000000 3c000000 00000000 \
         06040100 01000000 72250000 64000000 05000000 01000000 01000000 \
         06040000 01000000 72250000 64000000 05000000 01000000 02000000",
        &next("1.3.6.1.4.1.9586.100.5.1.1", true, 1),
    );
    same(
        "0106 0800 06000000 03000000 04000000 40000000 00000000 \
         07040000 01000000 72250000 64000000 05000000 01000000 01000000 00000000 \
         06040000 01000000 72250000 64000000 05000000 01000000 02000000",
        &next("1.3.6.1.4.1.9586.100.5.1.1.0", false, 3),
    );
    let answer = |object, packet| Pdu {
        header: little(6, packet, packet + 1),
        context: Some(Vec::new()),
        body: Body::Response(Response {
            objects: vec![object],
            ..Response::default()
        }),
    };
    same(
        "0112 0800 06000000 01000000 02000000 54000000 00000000 00000000 0000 0000 \
         0400 0000 07040000 01000000 72250000 64000000 05000000 01000000 01000000 00000000 \
         1e000000 4b656570616c697665642076322e322e37202830312f31362c3230323229 0000",
        &answer(
            value(
                "1.3.6.1.4.1.9586.100.5.1.1.0",
                Value::text("Keepalived v2.2.7 (01/16,2022)"),
            ),
            1,
        ),
    );
    let end = VarBind {
        name: oid("1.3.6.1.4.1.9586.100.5.1.1.0"),
        content: Content::EndOfMibView,
    };
    same(
        "0112 0800 06000000 03000000 04000000 30000000 00000000 00000000 0000 0000 \
         8200 0000 07040000 01000000 72250000 64000000 05000000 01000000 01000000 00000000",
        &answer(end, 3),
    );
}

#[test]
fn keepalived_tells_of_a_new_master() {
    // vrrpTrapNewMaster of RFC 2787, from an instance of 192.0.2.1.
    same(
        "010c 0000 06000000 00000000 701d2e58 80000000 \
         4300 0000 04020000 01000000 01000000 03000000 00000000 3f020000 \
         0600 0000 06060000 03000000 01000000 01000000 04000000 01000000 00000000 \
         04020000 01000000 44000000 00000000 01000000 \
         4000 0000 08020000 01000000 44000000 01000000 03000000 01000000 07000000 03000000 33000000 \
         04000000 c0000201",
        &Pdu {
            header: little(6, 0, 0x582e_1d70),
            context: None,
            body: Body::Notify(vec![
                value("1.3.6.1.2.1.1.3.0", Value::TimeTicks(0x23f)),
                value(
                    "1.3.6.1.6.3.1.1.4.1.0",
                    Value::ObjectIdentifier(oid("1.3.6.1.2.1.68.0.1")),
                ),
                value("1.3.6.1.2.1.68.1.3.1.7.3.51", Value::IpAddress([192, 0, 2, 1])),
            ]),
        },
    );
}

#[test]
fn keepalived_closes_its_session() {
    same(
        "0102 0000 06000000 00000000 791d2e58 04000000 05000000",
        &Pdu {
            header: little(6, 0, 0x582e_1d79),
            context: None,
            body: Body::Close(CloseReason::Shutdown),
        },
    );
}

#[test]
fn numbers_may_begin_with_their_most_significant_byte() {
    // After the pictures of RFC 2741 section 6.2.3: a registration of a range, of one object each, in a context.
    same(
        "0103 1900 00000001 00000002 00000003 00000028 \
         00000003 61626300 057f0700 05020000 00000001 00000002 00000003 00000004 00000009 00000020",
        &Pdu {
            header: Header {
                session: 1,
                transaction: 2,
                packet: 3,
                big_endian: true,
            },
            context: Some(b"abc".to_vec()),
            body: Body::Register(Registration {
                timeout_s: 5,
                priority: 127,
                range_part: 7,
                subtree: oid("1.3.6.1.2.1.2.3.4.9"),
                range_end: Some(32),
                is_instance: true,
            }),
        },
    );
}

#[test]
fn only_numbers_from_1_to_255_have_a_short_form() {
    for (name, written) in [
        ("1.3.6.1.1.7", "01010000 07000000"),
        ("1.3.6.1.255.7", "01ff0000 07000000"),
        (
            "1.3.6.1.0.7",
            "06000000 01000000 03000000 06000000 01000000 00000000 07000000",
        ),
        (
            "1.3.6.1.256.7",
            "06000000 01000000 03000000 06000000 01000000 00010000 07000000",
        ),
        ("1.3.6.1", "04000000 01000000 03000000 06000000 01000000"),
    ] {
        let pdu = Pdu {
            header: Header::default(),
            context: None,
            body: Body::RemoveAgentCaps(oid(name)),
        };
        assert_eq!(pdu.encode()[20..], bytes(written), "{name}");
        assert_eq!(Pdu::decode(&pdu.encode()), Ok(pdu));
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    let close = bytes("0102 0000 06000000 00000000 791d2e58 04000000 05000000");
    let changed = |place: usize, byte: u8| {
        let mut bytes = close.clone();
        bytes[place] = byte;
        Pdu::decode(&bytes)
    };
    assert_eq!(changed(0, 2), Err(PduError::Version(2)));
    assert_eq!(changed(1, 0), Err(PduError::Kind(0)));
    assert_eq!(changed(1, 19), Err(PduError::Kind(19)));
    assert_eq!(changed(16, 3), Err(PduError::TooLong));
    assert_eq!(changed(16, 5), Err(PduError::TooShort));
    assert_eq!(changed(19, 1), Err(PduError::Payload(0x0100_0004)));
    let mut large = close.clone();
    large[18] = 5;
    assert!(matches!(length_of(&large), Err(PduError::Payload(_))));
    assert_eq!(length_of(&close[..19]), Ok(None));
    let unknown_type = bytes("010c 0000 06000000 00000000 00000000 08000000 0300 0000 00000000");
    assert_eq!(Pdu::decode(&unknown_type), Err(PduError::ValueType(3)));
    let short_address = bytes("010c 0000 06000000 00000000 00000000 10000000 4000 0000 00000000 03000000 01020300");
    assert_eq!(Pdu::decode(&short_address), Err(PduError::ValueLength));
    let huge_octets = bytes("010c 0000 06000000 00000000 00000000 0c000000 0400 0000 00000000 ffffffff");
    assert_eq!(Pdu::decode(&huge_octets), Err(PduError::TooShort));
    let mut long_name = bytes("0111 0000 06000000 00000000 00000000 08020000 81000000");
    long_name.extend(vec![0; 129 * 4]);
    assert_eq!(Pdu::decode(&long_name), Err(PduError::Oid));
}

fn any_oid() -> impl Strategy<Value = Oid> {
    prop_oneof![
        3 => prop::collection::vec(any::<u32>(), 0..12),
        3 => prop::collection::vec(0..300_u32, 0..12).prop_map(|rest| [vec![1, 3, 6, 1], rest].concat()),
        1 => prop::collection::vec(any::<u32>(), 128..=128),
    ]
    .prop_map(|parts| Oid::new(&parts))
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::OctetString),
        any_oid().prop_map(Value::ObjectIdentifier),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Opaque),
        any::<u64>().prop_map(Value::Counter64),
    ]
}

fn any_var_bind() -> impl Strategy<Value = VarBind> {
    let content = prop_oneof![
        6 => any_value().prop_map(Content::Value),
        1 => Just(Content::Null),
        1 => Just(Content::NoSuchObject),
        1 => Just(Content::NoSuchInstance),
        1 => Just(Content::EndOfMibView),
    ];
    (any_oid(), content).prop_map(|(name, content)| VarBind { name, content })
}

fn any_range() -> impl Strategy<Value = SearchRange> {
    (any_oid(), any::<bool>(), any_oid()).prop_map(|(start, include, end)| SearchRange { start, include, end })
}

fn any_registration() -> impl Strategy<Value = Registration> {
    (
        any::<[u8; 2]>(),
        any_oid(),
        prop::option::of((1..=255_u8, any::<u32>())),
        any::<bool>(),
    )
        .prop_map(|([timeout_s, priority], subtree, range, is_instance)| Registration {
            timeout_s,
            priority,
            range_part: range.map_or(0, |(part, _)| part),
            subtree,
            range_end: range.map(|(_, end)| end),
            is_instance,
        })
}

fn any_body() -> impl Strategy<Value = Body> {
    let octets = || prop::collection::vec(any::<u8>(), 0..20);
    let ranges = || prop::collection::vec(any_range(), 0..4);
    let objects = || prop::collection::vec(any_var_bind(), 0..4);
    prop_oneof![
        (any::<u8>(), any_oid(), octets()).prop_map(|(timeout_s, id, description)| Body::Open {
            timeout_s,
            id,
            description
        }),
        Just(Body::Close(CloseReason::ByManager)),
        any_registration().prop_map(Body::Register),
        any_registration().prop_map(Body::Unregister),
        ranges().prop_map(Body::Get),
        ranges().prop_map(Body::GetNext),
        (any::<u16>(), any::<u16>(), ranges()).prop_map(|(non_repeaters, max_repetitions, ranges)| Body::GetBulk {
            non_repeaters,
            max_repetitions,
            ranges
        }),
        objects().prop_map(Body::TestSet),
        Just(Body::CommitSet),
        Just(Body::UndoSet),
        Just(Body::CleanupSet),
        objects().prop_map(Body::Notify),
        Just(Body::Ping),
        objects().prop_map(Body::IndexAllocate),
        objects().prop_map(Body::IndexDeallocate),
        (any_oid(), octets()).prop_map(|(id, description)| Body::AddAgentCaps { id, description }),
        any_oid().prop_map(Body::RemoveAgentCaps),
        (any::<u32>(), any::<u16>(), any::<u16>(), objects()).prop_map(|(up_time, error, index, objects)| {
            Body::Response(Response {
                up_time,
                error,
                index,
                objects,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn every_packet_is_read_as_it_was_written_and_no_part_of_it_is_one(
        numbers in any::<[u32; 3]>(),
        big_endian in any::<bool>(),
        context in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
        body in any_body(),
    ) {
        let [session, transaction, packet] = numbers;
        let pdu = Pdu {
            header: Header { session, transaction, packet, big_endian },
            context,
            body,
        };
        let bytes = pdu.encode();
        prop_assert_eq!(Pdu::decode(&bytes), Ok(pdu));
        prop_assert_eq!(bytes.len() % 4, 0);
        for end in 0..bytes.len() {
            prop_assert!(Pdu::decode(&bytes[..end]).is_err());
        }
    }
}

#[test]
fn no_bytes_are_too_bad_to_be_looked_at() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let _ = length_of(bytes);
        let Ok(pdu) = Pdu::decode(bytes) else {
            return;
        };
        // What was understood means the same when it is written anew.
        assert_eq!(Pdu::decode(&pdu.encode()), Ok(pdu));
    });
}

#[test]
fn no_payload_behind_a_good_header_is_too_bad_to_be_looked_at() {
    bolero::check!()
        .with_type::<(u8, u8, Vec<u8>)>()
        .for_each(|(kind, flags, payload)| {
            let mut bytes = vec![1, kind % 20, *flags, 0];
            bytes.extend([0; 12]);
            let length = u32::try_from(payload.len()).unwrap();
            bytes.extend(if flags & 0x10 == 0 {
                length.to_le_bytes()
            } else {
                length.to_be_bytes()
            });
            bytes.extend(payload);
            if let Ok(pdu) = Pdu::decode(&bytes) {
                assert_eq!(Pdu::decode(&pdu.encode()), Ok(pdu));
            }
        });
}
