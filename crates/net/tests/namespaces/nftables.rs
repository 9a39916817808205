//! What the kernel makes of batches, as the `nft` program shows it.

use std::process::Command;

use holdfast_net::nftables::{
    Batch, Chain, DataType, Element, Expression, Hook, MetaKey, Nftables, PayloadBase, Register, Set, SetFlags, Table,
    TableFamily, Verdict,
};

use crate::hosts::{between_two_hosts, ip, link};

fn ruleset() -> Option<String> {
    let output = Command::new("nft").args(["list", "ruleset"]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn table(family: TableFamily) -> Table {
    Table {
        family,
        name: "tab".into(),
    }
}

fn vips() -> Set {
    Set {
        name: "vips".into(),
        key: DataType::IPV4_ADDRESS,
        key_bytes: 4,
        data: None,
        flags: SetFlags::default(),
        interval_parts: Vec::new(),
        counters: false,
        id: 1,
    }
}

#[test]
fn sets_maps_chains_and_rules_are_what_nft_shows() {
    between_two_hosts("nftables", async |_| {
        if ruleset().is_none() {
            eprintln!("nftables: skipped, there is no program `nft`");
            return;
        }
        ip("link add vrrp.51 link left0 type macvlan mode private");
        let (vmac, base) = (link("vrrp.51").await.index, link("left0").await.index);
        let mut nftables = Nftables::open().unwrap();
        let table = table(TableFamily::Ip);
        let mut batch = Batch::default();
        batch.add_table(&table);
        for (name, hook) in [("out", Hook::Output), ("in", Hook::Input)] {
            let hook = Some((hook, -5));
            let name = name.to_owned();
            batch.add_chain(&table, &Chain { name, hook });
        }
        batch.add_chain(
            &table,
            &Chain {
                name: "plain".into(),
                hook: None,
            },
        );
        batch.add_set(&table, &vips());
        let map = Set {
            name: "vmac_map".into(),
            key: DataType::INTERFACE_INDEX,
            key_bytes: 4,
            data: Some((DataType::INTERFACE_INDEX, 4)),
            id: 2,
            ..vips()
        };
        batch.add_set(&table, &map);
        batch.add_elements(&table, "vips", &[Element::of_set(vec![192, 0, 2, 100])]);
        let pair = Element::of_map(vmac.to_ne_bytes().to_vec(), base.to_ne_bytes().to_vec());
        batch.add_elements(&table, "vmac_map", &[pair]);
        batch.add_rule(
            &table,
            "out",
            &[
                Expression::network(9, 1, Register::FIRST),
                Expression::equal(Register::FIRST, &[2]),
                Expression::network(16, 4, Register::FIRST),
                Expression::Meta {
                    key: MetaKey::OutputKind,
                    to: Register::SECOND,
                },
                Expression::equal(Register::SECOND, b"macvlan\0\0\0\0\0\0\0\0\0"),
                Expression::Meta {
                    key: MetaKey::OutputIndex,
                    to: Register::SECOND,
                },
                Expression::Lookup {
                    set: "vmac_map".into(),
                    from: Register::SECOND,
                    to: Some(Register::SECOND),
                },
                Expression::Duplicate {
                    address: Register::FIRST,
                    interface: Register::SECOND,
                },
                Expression::Counter,
                Expression::Verdict(Verdict::Drop),
            ],
        );
        batch.add_rule(
            &table,
            "in",
            &[
                Expression::network(16, 4, Register::FIRST),
                Expression::is_in("vips", Register::FIRST),
                Expression::Verdict(Verdict::Goto("plain".into())),
            ],
        );
        nftables.apply("the test", batch).await.unwrap();
        let shown = ruleset().unwrap();
        for part in [
            "set vips { type ipv4_addr elements = { 192.0.2.100 } }",
            "map vmac_map { type iface_index : iface_index elements = { \"vrrp.51\" : \"left0\" } }",
            "chain out { type filter hook output priority filter - 5; policy accept; ip protocol igmp meta oifkind \
             \"macvlan\" dup to ip daddr device oif map @vmac_map counter packets 0 bytes 0 drop }",
            "chain in { type filter hook input priority filter - 5; policy accept; ip daddr @vips goto plain }",
        ] {
            assert!(shown.contains(part), "no '{part}' in {shown}");
        }
        let mut batch = Batch::default();
        batch.remove_table(&table);
        nftables.apply("the test", batch).await.unwrap();
        assert_eq!(ruleset().unwrap(), "");
    });
}

/// What a group of virtual servers needs: addresses, protocols and ports lead to a mark.
#[test]
fn a_map_of_several_parts_sets_a_mark() {
    between_two_hosts("nftables: marks", async |_| {
        if ruleset().is_none() {
            return;
        }
        let table = table(TableFamily::Ip);
        let mut batch = Batch::default();
        batch.add_table(&table);
        let hook = Some((Hook::Prerouting, -1));
        let name = "marks".to_owned();
        batch.add_chain(&table, &Chain { name, hook });
        let parts = [DataType::IPV4_ADDRESS, DataType::INET_PROTOCOL, DataType::INET_SERVICE];
        let map = Set {
            name: "services".into(),
            key: DataType::concatenated(&parts),
            key_bytes: 12,
            data: Some((DataType::MARK, 4)),
            ..vips()
        };
        batch.add_set(&table, &map);
        let key = [192, 0, 2, 1, 6, 0, 0, 0, 0, 80, 0, 0].to_vec();
        let element = Element::of_map(key, 1000_u32.to_ne_bytes().to_vec());
        batch.add_elements(&table, "services", &[element]);
        batch.add_rule(
            &table,
            "marks",
            &[
                Expression::network(16, 4, Register::word(0)),
                Expression::Meta {
                    key: MetaKey::TransportProtocol,
                    to: Register::word(1),
                },
                Expression::Payload {
                    base: PayloadBase::Transport,
                    offset: 2,
                    length: 2,
                    to: Register::word(2),
                },
                Expression::Lookup {
                    set: "services".into(),
                    from: Register::word(0),
                    to: Some(Register::word(0)),
                },
                Expression::SetMeta {
                    key: MetaKey::Mark,
                    from: Register::word(0),
                },
            ],
        );
        let ranges = Set {
            name: "ranges".into(),
            key: DataType::concatenated(&[DataType::IPV4_ADDRESS, DataType::INET_SERVICE]),
            key_bytes: 8,
            data: Some((DataType::MARK, 4)),
            interval_parts: vec![4, 2],
            counters: true,
            id: 2,
            ..vips()
        };
        batch.add_set(&table, &ranges);
        let key = |last: u8, port: u8| vec![192, 0, 2, last, 0, port, 0, 0];
        let range = Element::of_interval_map(key(1, 80), key(9, 90), 1001_u32.to_ne_bytes().to_vec());
        batch.add_elements(&table, "ranges", &[range]);
        Nftables::open().unwrap().apply("the test", batch).await.unwrap();
        let shown = ruleset().unwrap();
        let expected =
            "type ipv4_addr . inet_proto . inet_service : mark elements = { 192.0.2.1 . tcp . 80 : 0x000003e8 }";
        assert!(shown.contains(expected), "{shown}");
        assert!(
            shown.contains("mark set ip daddr . meta l4proto . th dport map @services"),
            "{shown}"
        );
        let expected = "type ipv4_addr . inet_service : mark flags interval counter elements = { \
                        192.0.2.1-192.0.2.9 . 80-90 counter packets 0 bytes 0 : 0x000003e9 }";
        assert!(shown.contains(expected), "{shown}");
    });
}

#[test]
fn a_batch_happens_as_a_whole_or_not_at_all_and_thousands_fit() {
    between_two_hosts("nftables: batches", async |_| {
        if ruleset().is_none() {
            return;
        }
        let mut nftables = Nftables::open().unwrap();
        let table = table(TableFamily::Ip);
        let mut batch = Batch::default();
        batch.add_table(&table);
        batch.add_set(&table, &vips());
        nftables.apply("the test", batch).await.unwrap();
        let elements: Vec<Element> = (0..10_000_u32)
            .map(|n| Element::of_set((0x0a00_0000 | n).to_be_bytes().to_vec()))
            .collect();
        let mut batch = Batch::default();
        batch.add_elements(&table, "vips", &elements);
        batch.remove_elements(&table, "vips", &[Element::of_set(vec![192, 0, 2, 1])]);
        let error = nftables.apply("the test", batch).await.unwrap_err();
        assert_eq!(error.errno(), Some(libc::ENOENT), "{error}");
        assert!(!ruleset().unwrap().contains("10.0.0"), "half of it happened");

        let mut batch = Batch::default();
        batch.add_elements(&table, "vips", &elements);
        batch.remove_elements(&table, "vips", &elements[1..]);
        // What is there already is no error.
        batch.add_elements(&table, "vips", &elements[..1]);
        nftables.apply("the test", batch).await.unwrap();
        assert!(
            ruleset().unwrap().contains("elements = { 10.0.0.0 }"),
            "{}",
            ruleset().unwrap()
        );
    });
}
