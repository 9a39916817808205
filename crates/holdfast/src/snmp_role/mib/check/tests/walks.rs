//! What keepalived 2.2.7 shows of a file, line by line: `walks` has the files, and the walks over Debian's keepalived on a real IPVS
//! (Linux 6.1), without the counters.

use std::collections::BTreeMap;

use super::*;

/// What `snmpwalk -Onet` prints.
fn text(value: &Value) -> String {
    match value {
        Value::Integer(number) => format!("INTEGER: {number}"),
        Value::Gauge32(number) => format!("Gauge32: {number}"),
        Value::OctetString(bytes) if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
            format!("STRING: \"{}\"", String::from_utf8_lossy(bytes))
        }
        Value::OctetString(bytes) => {
            let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("Hex-STRING: {}", bytes.join(" "))
        }
        other => format!("{other:?}"),
    }
}

/// Whether an object need not be the same, and why.
fn differs(path: &[u32], theirs: Option<&str>) -> bool {
    match path {
        // Counters and rates, which are not in the files, and columns of 2.4.
        [3, 1, 27..=36 | 38..=50 | 72..=78, _] | [4, 1, 14..=39 | 56..=63, ..] => true,
        // How clients are grouped, where it has no meaning or is not written: see `docs/compatibility.md`.
        [3, 1, 15, _] => theirs == Some("Hex-STRING: FF FF FF FF"),
        [3, 1, 51, _] => theirs == Some("Gauge32: 4294967295"),
        _ => false,
    }
}

fn compare(name: &str, recorded: &str) {
    let (file, walk) = recorded.split_once("\n---\n").unwrap();
    let (plan, mut live) = start(file);
    // Nobody listened on port 81.
    let parts = file.split("real_server ").skip(1);
    let dead: Vec<bool> = parts.map(|part| part.contains("connect_port 81")).collect();
    for server in &mut live.virtual_servers {
        server.count(|_| None, |_, _| None);
        for (real, dead) in server.real_servers.iter_mut().zip(&dead) {
            if *dead {
                real.up = false;
                real.checks.iter_mut().for_each(|check| check.up = false);
            }
        }
    }
    let tree = tree(&plan, live);
    let mut ours = BTreeMap::new();
    let mut at = root();
    while let Some((oid, value)) = tree.next(&at, false) {
        ours.insert(oid.below(&root()).unwrap().to_vec(), text(&value));
        at = oid;
    }
    let theirs: BTreeMap<Vec<u32>, &str> = walk
        .lines()
        .map(|line| {
            let (path, value) = line.split_once(" = ").unwrap();
            (path.split('.').map(|part| part.parse().unwrap()).collect(), value)
        })
        .collect();
    assert!(theirs.len() > 40, "{name}");
    for (path, value) in &theirs {
        if !differs(path, Some(value)) {
            assert_eq!(ours.get(path).map(String::as_str), Some(*value), "{name}: {path:?}");
        }
    }
    for (path, value) in &ours {
        let known = theirs.get(path).copied();
        assert!(
            known.is_some() || differs(path, known),
            "{name}: only ours: {path:?} = {value}"
        );
    }
}

macro_rules! walks {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                compare(stringify!($name), include_str!(concat!("../walks/", stringify!($name), ".txt")));
            }
        )*
    };
}

walks! {
    every_keyword udp one_packet all_down sctp maglev mark mark_of_ipv6 group group_of_ipv6 tunnels any_port
}
