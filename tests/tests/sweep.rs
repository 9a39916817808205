//! What keepalived and Holdfast make of a host with the same configuration, where files found in the wild have shown that they
//! differed. `HOLDFAST_SWEEP=DIRECTORY` compares all files of a directory in place of these; they may use `eth0` (`192.0.2.1/24`,
//! `fd00::1/64`) and `eth1` (`198.51.100.1/24`).

use std::fs;

use anyhow::{Context, Result, ensure};
use bed::sweep::both_make_the_same;

/// A configuration, and words that keepalived's host or FIFO shows.
type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: [Case; 6] = [
    (
        "everything has the family of the rest of its line",
        "static_ipaddress {
    2001:db8::77/64 dev eth0
}
static_routes {
    default via 2001:db8::1 dev eth0
    any via inet6 2001:db8::3 dev eth0 metric 7
    default dev eth0 pref low metric 11
    default dev eth0 from 2001:db8:5::/64 metric 16
    default dev eth1 metric 9
}
static_rules {
    from all to 2001:db8:9::/64 table 5 preference 400
    to any from 2001:db8:9::/64 table 5 preference 401
    from all table 6 preference 402
}
vrrp_instance A {
    interface eth0
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3
    }
}",
        &[
            "INSTANCE \"A\" MASTER 100",
            "default via 2001:db8::3",
            "from all to 2001:db8:9::/64",
        ],
    ),
    (
        "a wrong option of a tracked object",
        "global_defs {
    enable_script_security
    script_user root
}
vrrp_script failing {
    script /usr/bin/false
}
vrrp_instance A {
    interface eth0
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3
    }
    track_script {
        failing weight=0
    }
}",
        &["INSTANCE \"A\" MASTER 100"],
    ),
    (
        "a BFD session that cannot be",
        "bfd_instance gone {
    min_rx 20
}
vrrp_instance A {
    interface eth0
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3
    }
    track_bfd {
        gone
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 4
    virtual_ipaddress {
        192.0.2.4
    }
}",
        &["INSTANCE \"A\" FAULT 100", "INSTANCE \"B\" MASTER 100"],
    ),
    (
        "a VMAC for an address of the other family",
        "vrrp_instance A {
    interface eth0
    use_vmac
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3
    }
    virtual_ipaddress_excluded {
        2001:db8::3 use_vmac
    }
}",
        &["INSTANCE \"A\" MASTER 100", "address 00:00:5e:00:02:03"],
    ),
    (
        "weights of what a group tracks",
        "track_file level {
    file /run/level
    init_file 3
}
bfd_instance far {
    neighbor_ip 192.0.2.200
    weight 5
}
vrrp_sync_group G {
    group {
        A
        B
    }
    track_interface {
        lo weight 20
    }
    track_file {
        level weight 2
    }
    track_bfd {
        far
    }
}
vrrp_instance A {
    interface eth0
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3
    }
}
vrrp_instance B {
    interface eth1
    virtual_router_id 4
    virtual_ipaddress {
        198.51.100.4
    }
}",
        &["INSTANCE \"A\" MASTER 126", "GROUP \"G\" MASTER 0"],
    ),
    (
        "state MASTER beside state BACKUP",
        "vrrp_sync_group G {
    group {
        A
        B
    }
}
vrrp_instance A {
    state MASTER
    interface eth0
    virtual_router_id 3
    virtual_ipaddress {
        192.0.2.3/24
    }
}
vrrp_instance B {
    interface eth1
    virtual_router_id 4
    virtual_ipaddress {
        198.51.100.4/24
    }
}",
        &["INSTANCE \"A\" MASTER 255", "GROUP \"G\" MASTER 0"],
    ),
];

/// More macvlans than the kernel tells of in one go: none of them goes through FAULT.
fn many_vmacs() -> String {
    let instance = |number: u32| {
        format!(
            "vrrp_instance V{number} {{\n    interface eth0\n    use_vmac\n    virtual_router_id {number}\n    \
             virtual_ipaddress {{\n        192.0.2.{number}/32\n    }}\n}}\n"
        )
    };
    (100..180).map(instance).collect()
}

/// What is wrong with which.
fn compare<'a>(cases: impl Iterator<Item = (String, String, &'a [&'a str])>) -> Result<()> {
    let problems: Vec<String> = std::thread::scope(|scope| {
        let start = |(name, text, expected): (String, String, &'a [&'a str])| {
            scope.spawn(move || both_make_the_same(&text, expected).with_context(|| name))
        };
        let threads: Vec<_> = cases.map(start).collect();
        let ended = threads.into_iter().filter_map(|thread| thread.join().ok());
        ended
            .filter_map(Result::err)
            .map(|problem| format!("{problem:#}"))
            .collect()
    });
    ensure!(problems.is_empty(), "{}", problems.join("\n\n"));
    Ok(())
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn both_make_the_same_of_a_host() -> Result<()> {
    let Some(directory) = std::env::var_os("HOLDFAST_SWEEP") else {
        let fixed = CASES
            .iter()
            .map(|(name, text, expected)| ((*name).to_owned(), (*text).to_owned(), *expected));
        let many: (String, String, &[&str]) =
            ("many VMACs".to_owned(), many_vmacs(), &["INSTANCE \"V179\" MASTER 100"]);
        return compare(fixed.chain([many]));
    };
    let mut files: Vec<_> = fs::read_dir(directory)?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(file.path())?;
        cases.push((file.file_name().to_string_lossy().into_owned(), text, &["MASTER"][..]));
    }
    for some in cases.chunks(8) {
        compare(some.iter().cloned())?;
    }
    Ok(())
}
