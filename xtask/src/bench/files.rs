//! The configurations that are read: made anew each time, never kept in git.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

/// Interfaces that the configurations name, `eth0` on.
pub(super) const INTERFACES: usize = 256;
/// VRIDs of one interface in the flat file and in sequences.
const VRIDS: usize = 254;
/// Real servers of a virtual server in the flat file.
const REAL_SERVERS: usize = 6;

/// Instances and virtual servers by turns, everything spelled out, until the file has this size. Returns how many of each.
pub(super) fn flat(path: &Path, bytes: usize) -> Result<usize> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut written = file.write(
        b"global_defs {\n    router_id bench\n    vrrp_version 2\n    script_user root\n    enable_script_security\n}\n",
    )?;
    let mut count = 0;
    let mut text = String::new();
    while written < bytes {
        text.clear();
        pair(&mut text, count)?;
        file.write_all(text.as_bytes())?;
        written += text.len();
        count += 1;
    }
    file.flush()?;
    Ok(count)
}

/// One instance and one virtual server.
fn pair(text: &mut String, number: usize) -> Result<()> {
    let (interface, vrid) = (number / VRIDS, number % VRIDS + 1);
    let address = format!("{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
    write!(
        text,
        r#"
vrrp_instance instance_{number} {{
    state BACKUP
    interface eth{interface}
    virtual_router_id {vrid}
    priority {priority}
    advert_int 1
    nopreempt
    garp_master_delay 5
    authentication {{
        auth_type PASS
        auth_pass key{vrid}
    }}
    virtual_ipaddress {{
        10.{address}/32 dev eth{interface}
        11.{address}/32 dev eth{interface}
        12.{address}/32 dev eth{interface} label eth{interface}:1
    }}
    notify_master "/bin/true master instance_{number}"
    notify_backup "/bin/true backup instance_{number}"
    notify_fault "/bin/true fault instance_{number}"
}}

virtual_server 10.{address} 80 {{
    delay_loop 6
    lb_algo wlc
    lb_kind DR
    persistence_timeout 50
    protocol TCP
"#,
        priority = 100 + number % 50,
    )?;
    for server in 0..REAL_SERVERS {
        write!(
            text,
            "    real_server {}.{address} 80 {{
        weight {}
        inhibit_on_failure
        TCP_CHECK {{
            connect_port 80
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }}
    }}
",
            20 + server,
            server + 1
        )?;
    }
    text.push_str("}\n");
    Ok(())
}

/// 254 VRIDs on each of some interfaces, from one line of sequences and a definition of several lines. Returns how many
/// instances that makes.
pub(super) fn sequences(path: &Path, interfaces: usize) -> Result<usize> {
    let last = interfaces - 1;
    let text = format!(
        r"global_defs {{
    vrrp_version 3
}}

$INSTANCE=\
vrrp_instance instance_${{INTERFACE}}_${{VRID}} {{ \
    state BACKUP \
    interface eth${{INTERFACE}} \
    virtual_router_id ${{VRID}} \
    priority 100 \
    advert_int 1 \
    virtual_ipaddress {{ \
        10.${{INTERFACE}}.${{VRID}}.1/24 \
    }} \
}}

~SEQ(INTERFACE, 0, {last}) ~SEQ(VRID, 1, {VRIDS}) $INSTANCE
"
    );
    fs::write(path, text)?;
    Ok(interfaces * VRIDS)
}

/// What a usual pair of directors has: two instances in a group, and three virtual servers. Returns its size.
pub(super) fn small(path: &Path) -> Result<usize> {
    let mut text = String::from(
        "! Two web services and a name server behind a pair of directors\n\nglobal_defs {\n    router_id lb1\n    \
         script_user root\n    enable_script_security\n}\n\nvrrp_sync_group GATEWAY {\n    group {\n        \
         OUTSIDE\n        INSIDE\n    }\n}\n",
    );
    for (name, interface, vrid) in [("OUTSIDE", 0, 51), ("INSIDE", 1, 52)] {
        write!(
            text,
            r#"
vrrp_instance {name} {{
    state BACKUP                # the other one is the same
    interface eth{interface}
    virtual_router_id {vrid}
    priority 150
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass s3cret
    }}
    virtual_ipaddress {{
        192.0.2.{vrid}/24 dev eth{interface}
    }}
    notify_master "/bin/true master {name}"
}}
"#
        )?;
    }
    for port in [80, 443, 8080] {
        write!(
            text,
            "\nvirtual_server 192.0.2.51 {port} {{\n    delay_loop 6\n    lb_algo wrr\n    lb_kind DR\n    \
             persistence_timeout 50\n    protocol TCP\n"
        )?;
        for host in 11..15 {
            write!(
                text,
                "\n    real_server 192.0.2.{host} {port} {{\n        weight 1\n        TCP_CHECK {{\n            \
                 connect_timeout 3\n            retry 3\n            delay_before_retry 3\n        }}\n    }}\n"
            )?;
        }
        text.push_str("}\n");
    }
    fs::write(path, &text)?;
    Ok(text.len())
}
