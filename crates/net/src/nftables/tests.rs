use super::*;
use crate::netlink::{attributes, messages};

fn table() -> Table {
    Table {
        family: TableFamily::Ip,
        name: "keepalived".into(),
    }
}

/// The batch as its messages: kind, number, payload.
fn read(batch: Batch) -> Vec<(u16, u32, Vec<u8>)> {
    let (writer, _) = batch.finish();
    messages(writer.bytes())
        .map(|message| (message.kind, message.sequence, message.payload.to_vec()))
        .collect()
}

#[test]
fn a_batch_stands_between_its_boundaries_and_counts_its_changes() {
    let mut batch = Batch::default();
    assert!(batch.is_empty());
    batch.remove_table(&table());
    let kinds: Vec<(u16, u32)> = read(batch).iter().map(|(kind, number, _)| (*kind, *number)).collect();
    // Begin, new table, delete table, end: an absent table is no error.
    assert_eq!(kinds, [(0x10, 0), (0xa00, 1), (0xa02, 2), (0x11, 0)]);
}

/// `add rule ip keepalived out ip saddr @vips drop`, in the kernel's words.
#[test]
fn a_rule_is_a_list_of_named_expressions() {
    let mut batch = Batch::default();
    let expressions = [
        Expression::network(12, 4, Register::FIRST),
        Expression::is_in("vips", Register::FIRST),
        Expression::Verdict(Verdict::Drop),
    ];
    batch.add_rule(&table(), "out", &expressions);
    let written = read(batch);
    let (kind, _, payload) = &written[1];
    assert_eq!((*kind, &payload[..4]), (0xa06, &[2, 0, 0, 0][..]));
    let parts: Vec<(u16, &[u8])> = attributes(&payload[4..]).collect();
    assert_eq!(parts[0], (1, &b"keepalived\0"[..]));
    assert_eq!(parts[1], (2, &b"out\0"[..]));
    assert_eq!(parts[2].0, 4);
    let names: Vec<&[u8]> = attributes(parts[2].1)
        .map(|(_, element)| attributes(element).next().unwrap().1)
        .collect();
    assert_eq!(names, [&b"payload\0"[..], b"lookup\0", b"immediate\0"]);
    let payload_data = attributes(attributes(parts[2].1).next().unwrap().1).nth(1).unwrap().1;
    let numbers: Vec<(u16, &[u8])> = attributes(payload_data).collect();
    assert_eq!(
        numbers,
        [
            (1, &[0, 0, 0, 1][..]),
            (2, &[0, 0, 0, 1][..]),
            (3, &[0, 0, 0, 12][..]),
            (4, &[0, 0, 0, 4][..])
        ]
    );
}

#[test]
fn many_elements_are_written_in_several_messages() {
    let elements: Vec<Element> = (0..1200_u32)
        .map(|n| Element::of_set(n.to_be_bytes().to_vec()))
        .collect();
    let mut batch = Batch::default();
    batch.add_elements(&table(), "vips", &elements);
    let written = read(batch);
    let counts: Vec<usize> = written[1..written.len() - 1]
        .iter()
        .map(|(_, _, payload)| {
            let list = attributes(&payload[4..]).find(|(kind, _)| *kind == 3).unwrap().1;
            attributes(list).count()
        })
        .collect();
    assert_eq!(counts, [500, 500, 200]);
}

#[test]
fn a_type_of_several_parts_is_as_nft_numbers_it() {
    let both = DataType::concatenated(&[DataType::IPV6_ADDRESS, DataType::INTERFACE_INDEX]);
    assert_eq!(both, DataType(8 * 64 + 20));
}

/// `add map ip keepalived tcp_map { type ipv4_addr . inet_service : mark; flags interval; counter; }` and an element, with the
/// attributes that `nft --debug=mnl` shows.
#[test]
fn parts_of_a_key_can_be_intervals() {
    let set = Set {
        name: "tcp_map".into(),
        key: DataType::concatenated(&[DataType::IPV4_ADDRESS, DataType::INET_SERVICE]),
        key_bytes: 8,
        data: Some((DataType::MARK, 4)),
        flags: SetFlags::default(),
        interval_parts: vec![4, 2],
        counters: true,
        id: 1,
    };
    let mut batch = Batch::default();
    batch.add_set(&table(), &set);
    let element = Element::of_interval_map(vec![1; 8], vec![2; 8], vec![3; 4]);
    batch.add_elements(&table(), "tcp_map", &[element]);
    let written = read(batch);
    let of = |at: usize| -> Vec<(u16, Vec<u8>)> {
        attributes(&written[at].2[4..])
            .map(|(kind, value)| (kind, value.to_vec()))
            .collect()
    };
    let made = of(1);
    let value = |kind: u16| made.iter().find(|(found, _)| *found == kind).unwrap().1.as_slice();
    assert_eq!(value(3), [0, 0, 0, 0x8c], "map, intervals, of several parts");
    let concatenation = attributes(value(9)).next().unwrap();
    assert_eq!(concatenation.0, 2);
    let parts: Vec<&[u8]> = attributes(concatenation.1)
        .map(|(_, part)| attributes(part).next().unwrap().1)
        .collect();
    assert_eq!(parts, [[0, 0, 0, 4], [0, 0, 0, 2]]);
    assert_eq!(attributes(value(17)).next().unwrap(), (1, &b"counter\0"[..]));

    let elements = of(2);
    let list = &elements.iter().find(|(kind, _)| *kind == 3).unwrap().1;
    let kinds: Vec<u16> = attributes(attributes(list).next().unwrap().1)
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, [1, 2, 10], "key, data, last key");
}

#[test]
fn removed_tables_are_heard_of_and_nothing_else() {
    let mut batch = Batch::default();
    batch.remove_table(&table());
    let (writer, _) = batch.finish();
    let heard: Vec<_> = messages(writer.bytes())
        .filter_map(|message| watch::decode(&message))
        .collect();
    let removed = TableEvent::Removed {
        table: table(),
        changed_by: 0,
    };
    assert_eq!(heard, [removed]);
}
