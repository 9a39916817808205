//! What only a host can tell about a file. Codes and exit statuses are those of keepalived's `-t`.

use super::fake::FakeHost;
use super::*;
use crate::{LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;

fn on(text: &str, host: &FakeHost) -> Loaded {
    let files = MemoryLoader::new().with("k.conf", text);
    let mut loaded = load(&files, Path::new("k.conf"), &LoadOptions::default());
    let found = [
        check_interfaces(&loaded.config, host),
        check_scripts(&loaded.config, host),
    ];
    for found in found {
        loaded.add(found);
    }
    loaded
}

/// What the host has to say, as code and line, and the exit status.
fn verdict(text: &str) -> (Vec<(u16, u32)>, u8) {
    let loaded = on(text, &FakeHost::default());
    let found = loaded.diagnostics.iter().filter(|it| (850..899).contains(&it.code.0));
    (
        found.map(|it| (it.code.0, it.span.unwrap().line)).collect(),
        loaded.exit_code(),
    )
}

fn instance(interface: &str, body: &str) -> String {
    format!(
        "global_defs {{ enable_script_security\nscript_user root\n}}\nvrrp_instance V {{\ninterface {interface}\nvirtual_router_id 51\n\
         virtual_ipaddress {{ 192.0.2.1/24 }}\n{body}\n}}\n"
    )
}

#[test]
fn interfaces_must_exist() {
    assert_eq!(verdict(&instance("eth0", "")), (vec![], 0));
    assert_eq!(
        verdict(&instance("nosuch0", "")),
        (vec![(850, 5)], 5),
        "once, not once more for its addresses"
    );
    assert_eq!(verdict(&instance("lo", "")), (vec![], 5), "said by the file alone");
    let dynamic = instance("nosuch0", "").replace("enable_script", "dynamic_interfaces\nenable_script");
    assert_eq!(verdict(&dynamic), (vec![], 0), "it may come later");
    let elsewhere = format!("net_namespace blue\n{}", instance("nosuch0", ""));
    assert_eq!(verdict(&elsewhere).0, []);
    let body = "track_interface {\neth0\nnosuch0\n}\nvirtual_ipaddress_excluded {\n192.0.2.2/24 dev nosuch1\n}";
    assert_eq!(verdict(&instance("eth0", body)), (vec![(850, 10), (850, 13)], 5));
    let body = "virtual_routes {\n10.0.0.0/24 dev nosuch0\n}\nvirtual_rules {\nfrom 10.0.0.0/24 iif nosuch1 table 5 preference 5\n}";
    assert_eq!(verdict(&instance("eth0", body)), (vec![(850, 9), (850, 12)], 5));
}

#[test]
fn interfaces_outside_of_instances_must_exist() {
    let with = |block: &str| verdict(&format!("{block}\n{}", instance("eth0", "")));
    assert_eq!(
        with("static_ipaddress {\n192.0.2.9/24 dev nosuch0\n}"),
        (vec![(850, 2)], 5)
    );
    assert_eq!(
        with("static_routes {\n192.0.2.0/24 dev nosuch0\n}"),
        (vec![(850, 2)], 5)
    );
    assert_eq!(
        with("garp_group {\ngarp_interval 1\ninterface nosuch0\n}"),
        (vec![(850, 3)], 5)
    );
    assert_eq!(with("interface_up_down_delays {\nnosuch0 1 2\n}"), (vec![(851, 2)], 4));
    assert_eq!(with("linkbeat_interfaces {\nnosuch0\n}"), (vec![(851, 2)], 4));
    let default = "global_defs {\ndefault_interface nosuch0\n}\n";
    assert_eq!(with(default), (vec![], 0), "nothing needs it");
    assert_eq!(
        with(&format!("{default}static_ipaddress {{\n192.0.2.9/24\n}}")),
        (vec![(851, 5)], 4)
    );
}

#[test]
fn interfaces_that_are_needed_later_do_not_count() {
    let daemon = format!("global_defs {{\nlvs_sync_daemon nosuch0\n}}\n{}", instance("eth0", ""));
    assert_eq!(verdict(&daemon), (vec![(850, 2)], 0));
    let service = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.9 80 {\n\
                   TCP_CHECK {\nbind_if nosuch0\n}\n}\n}\n";
    assert_eq!(verdict(service), (vec![(850, 7)], 0));
}

#[test]
fn missing_notify_scripts_do_not_count() {
    assert_eq!(verdict(&instance("eth0", "notify /usr/bin/true")), (vec![], 0));
    assert_eq!(verdict(&instance("eth0", "notify /usr/bin/tru")), (vec![(852, 8)], 0));
    assert_eq!(verdict(&instance("eth0", "notify /etc")), (vec![(852, 8)], 0));
}

#[test]
fn missing_tracked_scripts_count() {
    let script = |path: &str| format!("vrrp_script s {{\nscript {path}\n}}\n{}", instance("eth0", ""));
    assert_eq!(verdict(&script("/usr/bin/true")), (vec![], 0));
    assert_eq!(verdict(&script("/usr/bin/tru")), (vec![(853, 2)], 5));
    assert_eq!(
        verdict(&script("/etc")),
        (vec![(852, 2)], 0),
        "keepalived tries a shell"
    );
    assert_eq!(
        verdict(&script("</usr/bin/tru")),
        (vec![], 0),
        "asks whether a file can be opened"
    );
    let misc = |path: &str| {
        let service =
            "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.9 80 {\n";
        format!(
            "{service}MISC_CHECK {{\nmisc_path {path}\n}}\n}}\n}}\n{}",
            instance("eth0", "")
        )
    };
    assert_eq!(verdict(&misc("/usr/bin/true")), (vec![], 0));
    assert_eq!(verdict(&misc("/usr/bin/tru")), (vec![(852, 7)], 0));
}

#[test]
fn users_of_scripts_must_exist() {
    assert_eq!(verdict(&instance("eth0", "notify /usr/bin/true nobody")), (vec![], 0));
    assert_eq!(
        verdict(&instance("eth0", "notify /usr/bin/true nosuchuser")),
        (vec![(854, 8)], 0)
    );
    let text = instance("eth0", "").replace("script_user root", "script_user nosuchuser");
    assert_eq!(verdict(&text), (vec![(854, 2)], 5));
}

/// keepalived's exit status for files whose defect only a host shows. Without its facts beside the repository this
/// says nothing.
#[test]
fn files_that_need_a_host_end_as_keepalived_ends() {
    let root = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let folder = root.join("language/bad");
    let Ok(expected) = std::fs::read_to_string(folder.join("expected.tsv")) else {
        return;
    };
    let mut judged = 0;
    for row in expected.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let start = columns[0].split('-').next().unwrap();
        if !["19", "20", "37", "39", "45", "46", "61"].contains(&start) {
            continue;
        }
        let text = std::fs::read_to_string(folder.join(columns[0])).unwrap();
        let loaded = on(&text, &FakeHost::default());
        assert_eq!(
            loaded.exit_code().to_string(),
            columns[4],
            "{row}\n{:#?}",
            loaded.diagnostics
        );
        let line = columns[5].split("Line ").nth(1).and_then(|rest| rest.split(')').next());
        let mut lines = loaded
            .diagnostics
            .iter()
            .filter(|it| it.class.is_some())
            .map(|it| it.span.unwrap().line);
        if let Some(line) = line {
            // Of a block keepalived names the end, we the words at fault.
            assert!(
                lines.any(|it| it.to_string() == line || ["39", "61"].contains(&start)),
                "{row}\n{:#?}",
                loaded.diagnostics
            );
        }
        judged += 1;
    }
    assert_eq!(judged, 7);
}
