use super::*;
use crate::netlink::messages;

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix {
        address: address.parse().unwrap(),
        length: length.parse().unwrap(),
    }
}

/// Everything that a rule can have.
fn full() -> Rule {
    Rule {
        inverted: true,
        from: Some(prefix("192.0.2.0/24")),
        to: Some(prefix("198.51.100.0/24")),
        tos: 16,
        mark: Some((5, 0xff)),
        realms: 0x1_0002,
        suppress_prefix_length: Some(0),
        suppress_interface_group: Some(3),
        input_interface: Some("eth0".into()),
        output_interface: Some("eth1".into()),
        tunnel_id: 7,
        users: Some((1000, 2000)),
        ip_protocol: 6,
        source_ports: Some((1, 2)),
        destination_ports: Some((80, 80)),
        ..Rule::new(AddressFamily::Ipv4, 500, RuleAction::Table(1000))
    }
}

fn request(rule: &Rule) -> Vec<u8> {
    let mut writer = RequestWriter::default();
    writer.message(NEW, 0, 0, |body| rule.write(Change::Add, body));
    writer.bytes().to_vec()
}

#[test]
fn what_is_written_is_read_again() {
    let actions = [
        RuleAction::Table(100),
        RuleAction::L3Master,
        RuleAction::Goto(600),
        RuleAction::Nop,
        RuleAction::Blackhole,
        RuleAction::Unreachable,
        RuleAction::Prohibit,
    ];
    let mut rules: Vec<Rule> = actions
        .into_iter()
        .map(|action| Rule::new(AddressFamily::Ipv6, 0, action))
        .collect();
    rules.push(full());
    for rule in rules {
        let bytes = request(&rule);
        assert_eq!(decode(&messages(&bytes).next().unwrap()), Some(rule));
    }
}

#[test]
fn any_bytes_are_read_without_panic() {
    let bytes = request(&full());
    let message = messages(&bytes).next().unwrap();
    for end in 0..message.payload.len() {
        let _ = decode(&Message {
            payload: &message.payload[..end],
            ..message
        });
        let mut payload = message.payload.to_vec();
        payload[end] = 0xff;
        let _ = decode(&Message {
            payload: &payload,
            ..message
        });
    }
}

#[test]
fn all_addresses_are_no_selector() {
    let wanted = Rule {
        from: Some(prefix("0.0.0.0/0")),
        to: Some(prefix("192.0.2.9/24")),
        ..Rule::new(AddressFamily::Ipv4, 500, RuleAction::Table(100))
    };
    let observed = Rule {
        from: None,
        to: Some(prefix("192.0.2.0/24")),
        ..wanted.clone()
    };
    assert!(wanted.is_in_kernel_as(&observed));
    let theirs = Rule {
        protocol: 0,
        ..observed.clone()
    };
    assert!(!wanted.is_in_kernel_as(&theirs));
}

#[test]
fn what_differs_reads_differently() {
    let all = full();
    assert_eq!(
        all.to_string(),
        "500: not from 192.0.2.0/24 to 198.51.100.0/24 tos 0x10 fwmark 0x5/0xff iif eth0 oif eth1 tun_id 7 \
         uidrange 1000-2000 ipproto 6 sport 1-2 dport 80-80 lookup 1000 suppress_prefixlength 0 suppress_ifgroup 3 \
         realms 1/2"
    );
    let changes: [fn(&mut Rule); 6] = [
        |rule| rule.family = AddressFamily::Ipv6,
        |rule| rule.inverted = false,
        |rule| rule.mark = Some((5, u32::MAX)),
        |rule| rule.protocol = 0,
        |rule| rule.action = RuleAction::L3Master,
        |rule| rule.action = RuleAction::Goto(1000),
    ];
    for change in changes {
        let mut other = all.clone();
        change(&mut other);
        assert_ne!(other.to_string(), all.to_string());
    }
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let long_name = Rule {
        input_interface: Some("sixteen-bytes-xx".into()),
        ..full()
    };
    let mixed = Rule {
        from: Some(prefix("2001:db8::/32")),
        ..full()
    };
    for rule in [long_name, mixed] {
        assert!(rule.check().is_err(), "{rule}");
    }
    assert_eq!(full().check(), Ok(()));
}
