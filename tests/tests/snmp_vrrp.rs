//! What managers see of VRRP: the same file under keepalived and under Holdfast, on hosts that look the same, each with an
//! snmpd of its own. Walks are compared object by object, traps object by object in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::network::{Network, Port};
use bed::node::Node;
use bed::snmp::{AGENT_SOCKET, Agent, KEEPALIVED, TrapReceiver, difference};
use bed::wait;

/// snmpd, elections and walks on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// VRRP-MIB and VRRPV3-MIB.
const RFC2787: &str = ".1.3.6.1.2.1.68";
const RFC6527: &str = ".1.3.6.1.2.1.207";

type Walk = Vec<(String, String)>;

/// Objects that are not compared, below KEEPALIVED-MIB 2, with the reasons. Each is a row of `docs/compatibility.md` or new
/// in keepalived 2.4.
const OF_KEEPALIVED_MIB: &[(&str, &str)] = &[
    (
        "3.1.11",
        "keepalived: whether any other interface is tracked; here: whether the primary one is",
    ),
    ("3.1.36", "new in 2.4: vrrpInstanceV3ChecksumAsV2"),
    ("6.1.11", "keepalived: advertised by the first instance only"),
    (
        "7.1.46",
        "keepalived: one more than the MIB's number of the encapsulation",
    ),
    ("7.1.47", "keepalived: labels in the byte order of the network"),
    ("8.1.33", "in the MIB and not in keepalived: vrrpRuleProtocol"),
    ("8.1.34", "in the MIB and not in keepalived: vrrpRuleIPProto"),
    ("8.1.35", "in the MIB and not in keepalived: vrrpRuleSrcPortStart"),
    ("8.1.36", "in the MIB and not in keepalived: vrrpRuleSrcPortEnd"),
    ("8.1.37", "in the MIB and not in keepalived: vrrpRuleDstPortStart"),
    ("8.1.38", "in the MIB and not in keepalived: vrrpRuleDstPortEnd"),
    ("9.1.10", "new in 2.4: vrrpScriptPath"),
    ("9.1.11", "new in 2.4: vrrpScriptIntervalUsec"),
    ("9.1.12", "new in 2.4: vrrpScriptTimeoutUsec"),
    (
        "12.1.3",
        "keepalived: the weight of the file; here: of the line that tracks it",
    ),
    (
        "21.1.5",
        "keepalived: its own number of `initial` and `partial`; here: the MIB's",
    ),
];

/// The same of the MIBs of the RFCs.
const OF_RFCS: &[(&str, &str)] = &[
    (".1.3.6.1.2.1.68.1.3.1.13", "a clock"),
    (".1.3.6.1.2.1.207.1.1.1.1.12", "a clock"),
    (
        ".1.3.6.1.2.1.68.2.4.1.2",
        "advertisements received: more with each second",
    ),
    (
        ".1.3.6.1.2.1.207.1.2.5.1.3",
        "advertisements received: more with each second",
    ),
    (
        ".1.3.6.1.2.1.68.1.3.1.7",
        "keepalived: a master does not know who is master; here: it does",
    ),
];

/// The same after a fault.
const AFTER_A_FAULT: &[(&str, &str)] = &[
    (
        ".1.3.6.1.2.1.207.1.2.5.1.8",
        "keepalived: no farewell of the members of a sync group of which another one has the fault",
    ),
    (
        ".1.3.6.1.2.1.207.1.1.1.1.3",
        "keepalived: who was master before the fault",
    ),
];

/// Tables of which keepalived 2.2.7 shows the first row only (mended in 2.3).
const FIRST_ROW_ONLY: &[&str] = &[".1.3.6.1.2.1.68.1.3.1.", ".1.3.6.1.2.1.68.2.4.1."];

fn is_below(oid: &str, root: &str) -> bool {
    oid.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_compared(oid: &str, after_a_fault: bool) -> bool {
    let of_keepalived = OF_KEEPALIVED_MIB
        .iter()
        .map(|(path, _)| format!("{KEEPALIVED}.2.{path}"));
    let more = AFTER_A_FAULT.iter().filter(|_| after_a_fault);
    let of_rfcs = OF_RFCS.iter().chain(more).map(|(path, _)| (*path).to_owned());
    !of_keepalived.chain(of_rfcs).any(|root| is_below(oid, &root))
}

/// A host with two networks, and somebody who speaks VRRP in the first one, too.
struct Host {
    network: Network,
    node: Node,
    peer: Node,
    stranger: Node,
    cable: Port,
}

impl Host {
    fn new(name: &str) -> Result<Self> {
        let network = Network::new(&["lan", "back"])?;
        let node = Node::new(name)?;
        let cable = network.plug(&node, "lan", "eth0", &["192.0.2.1/24", "2001:db8::1/64"])?;
        network.plug(&node, "back", "eth1", &["198.51.100.1/24"])?;
        node.ip(&["link add eth2 type veth peer name eth3".to_owned()])?;
        let peer = Node::new("peer")?;
        network.plug(&peer, "lan", "eth0", &["192.0.2.9/24"])?;
        let stranger = Node::new("stranger")?;
        network.plug(&stranger, "lan", "eth0", &["192.0.2.8/24"])?;
        node.within(|| -> std::io::Result<()> {
            std::fs::write("/run/track", "3\n")?;
            std::fs::write("/run/other", "0\n")
        })??;
        Ok(Self {
            network,
            node,
            peer,
            stranger,
            cable,
        })
    }
}

/// Better in one virtual router.
const PEER: &str = "
vrrp_instance VI_BACKUP { interface eth0
virtual_router_id 56
priority 200
virtual_ipaddress { 192.0.2.56/32
}
}
";

/// Has another password and another version.
const STRANGER: &str = "
vrrp_instance VI_PASSWORD { interface eth0
virtual_router_id 58
priority 50
authentication { auth_type PASS
auth_pass wrong
}
virtual_ipaddress { 192.0.2.58/32
}
}
vrrp_instance VI_VERSION { interface eth0
virtual_router_id 59
version 3
priority 50
virtual_ipaddress { 192.0.2.59/32
}
}
";

fn configuration() -> String {
    CONFIGURATION.replace("AGENT_SOCKET", AGENT_SOCKET)
}

const CONFIGURATION: &str = r#"
global_defs {
    router_id lb1
    enable_snmp_vrrp
    enable_snmp_rfc
    enable_traps
    snmp_socket AGENT_SOCKET
    script_user root
}
static_ipaddress {
    198.51.100.77/32 dev eth1 scope host
    2001:db8:2::1/64 dev eth1
}
static_routes {
    203.0.113.0/24 via 198.51.100.254 dev eth1
}
static_rules {
    from 198.51.100.0/24 table 100 priority 700
}
vrrp_script good {
    script "/usr/bin/true"
    interval 2
    timeout 3
    weight 10
    rise 2
    fall 3
}
vrrp_script bad {
    script "/usr/bin/sh -c 'exit 1'"
    interval 1
    weight -5
}
vrrp_script unused {
    script "/usr/bin/true"
}
track_file number {
    file /run/track
    weight 2
}
track_file other {
    file /run/other
    weight -3 reverse
}
vrrp_sync_group G1 {
    group {
        VI_1
        VI_2
    }
    track_interface {
        eth2 weight 3
    }
    track_script {
        good weight 4 reverse
    }
    track_file {
        number weight 2
    }
    sync_group_tracking_weight
    notify_master "/usr/bin/echo master 'a b'"
    notify_backup /usr/bin/true
    notify_fault /usr/bin/true
    notify_stop /usr/bin/true
    notify /usr/bin/true
    smtp_alert
}
vrrp_sync_group G2 {
    group {
        VI_3
        VI_4
    }
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass s3cret
    }
    virtual_ipaddress {
        192.0.2.10/24
        192.0.2.11/32 dev eth1 scope link label eth1:x brd 192.0.2.255
    }
    virtual_ipaddress_excluded {
        192.0.2.12/32
        2001:db8::12/128
    }
    virtual_routes {
        198.18.0.0/24 via 192.0.2.254 dev eth0 src 192.0.2.10 metric 7 scope global table 100 tos 16
        198.18.1.0/24 via 192.0.2.254 dev eth0 mtu lock 1400 hoplimit 32 advmss 1300 rtt lock 300ms rttvar 250ms reordering 3 window 50000 cwnd 3 ssthresh lock 4 rto_min 500ms initcwnd 11 initrwnd 12 features ecn quickack 1 congctl cubic realms 5/6 fastopen_no_cookie 1
        blackhole 198.18.2.0/24 no_track
        198.18.3.0/24 no_track nexthop via 192.0.2.253 dev eth0 weight 3 nexthop via 192.0.2.252 dev eth0 onlink realms 7
        2001:db8:9::/64 via 2001:db8::99 dev eth0 pref high expires 1000
        198.18.4.0/24 dev eth1
        unreachable 198.18.7.0/24 no_track
    }
    virtual_rules {
        from 192.0.2.0/24 to 198.18.0.0/16 table 100 priority 500 tos 16 fwmark 5/0xff
        iif eth0 blackhole priority 501
        oif eth1 priority 502 goto 32766
        to 2001:db8::/32 lookup 7 priority 503 suppress_prefixlength 3 suppress_ifgroup 4
        not from 192.0.2.3 unreachable priority 504
        from 192.0.2.4 ipproto 6 sport 5-9 dport 80-80 uidrange 10-20 lookup 9 priority 506 realms 3/4
        fwmark 9 prohibit priority 507
    }
    notify_master "/usr/bin/echo master 'a b'"
    notify_backup /usr/bin/true
    notify_fault /usr/bin/true
    notify_stop /usr/bin/true
    notify_deleted /usr/bin/true
    notify_master_rx_lower_pri /usr/bin/true
    notify /usr/bin/true
    smtp_alert
    garp_master_delay 7
}
vrrp_instance VI_2 {
    interface eth1
    virtual_router_id 52
    priority 100
    nopreempt
    version 3
    advert_int 0.5
    virtual_ipaddress {
        198.51.100.10/24
    }
    promote_secondaries
}
vrrp_instance VI_3 {
    interface eth0
    virtual_router_id 53
    priority 120
    version 3
    native_ipv6
    preempt_delay 30
    advert_int 1.25
    virtual_ipaddress {
        fe80::53/64
        2001:db8::53/64
    }
}
vrrp_instance VI_4 {
    interface eth1
    virtual_router_id 54
    priority 254
    state MASTER
    version 3
    unicast_peer {
        198.51.100.2
    }
    virtual_ipaddress {
        198.51.100.54/24
    }
}
vrrp_instance VI_5 {
    interface eth1
    virtual_router_id 55
    priority 110
    dont_track_primary
    accept
    virtual_ipaddress {
        198.51.100.55/32
    }
    track_interface {
        eth0 weight -7
    }
    track_script {
        good weight 5
        bad
    }
    track_file {
        other
        number weight 4
    }
}
vrrp_instance VI_BACKUP {
    interface eth0
    virtual_router_id 56
    priority 90
    virtual_ipaddress {
        192.0.2.56/32
    }
}
vrrp_instance VI_MISSING {
    interface eth0
    virtual_router_id 57
    priority 90
    virtual_ipaddress {
        192.0.2.57/32
    }
    track_interface {
        eth2
    }
}
vrrp_instance VI_PASSWORD {
    interface eth0
    virtual_router_id 58
    authentication {
        auth_type PASS
        auth_pass right
    }
    virtual_ipaddress {
        192.0.2.58/32
    }
}
vrrp_instance VI_VERSION {
    interface eth0
    virtual_router_id 59
    virtual_ipaddress {
        192.0.2.59/32
    }
}
vrrp_instance VI_VMAC {
    interface eth1
    virtual_router_id 60
    use_vmac
    version 3
    virtual_ipaddress {
        198.51.100.60/32
    }
}
"#;

/// The states of all groups and instances when nothing is under way any more: what changes later would be counted by one
/// side and not by the other.
const AT_REST: &[(&str, &str)] = &[
    ("1.1.3.1", "2"),
    ("1.1.3.2", "2"),
    ("3.1.4.1", "2"),
    ("3.1.4.2", "2"),
    ("3.1.4.3", "2"),
    ("3.1.4.4", "2"),
    ("3.1.4.5", "2"),
    ("3.1.4.6", "1"),
    ("3.1.4.7", "3"),
    ("3.1.4.8", "2"),
    ("3.1.4.9", "2"),
    ("3.1.4.10", "2"),
    // The script that fails has been run.
    ("9.1.6.2", "2"),
];

const WITHOUT_A_CABLE: &[(&str, &str)] = &[
    ("1.1.3.1", "3"),
    ("1.1.3.2", "3"),
    ("3.1.4.1", "3"),
    ("3.1.4.2", "3"),
    ("3.1.4.3", "3"),
    ("3.1.4.4", "3"),
    ("3.1.4.5", "2"),
    ("3.1.4.6", "3"),
    ("3.1.4.7", "3"),
    ("3.1.4.8", "3"),
    ("3.1.4.9", "3"),
    ("3.1.4.10", "2"),
];

/// One side of the comparison.
struct Side<'a> {
    host: &'a Host,
    agent: Agent<'a>,
    traps: TrapReceiver,
    daemon: Daemon<'a>,
}

impl<'a> Side<'a> {
    fn start(software: Software, host: &'a Host) -> Result<Self> {
        let traps = TrapReceiver::start(&host.node)?;
        let agent = Agent::start(&host.node)?;
        let daemon = Daemon::start(software, &host.node, &configuration())?;
        Ok(Self {
            host,
            agent,
            traps,
            daemon,
        })
    }

    /// What is compared.
    fn walk(&self, after_a_fault: bool) -> Result<Walk> {
        let mut all = Walk::new();
        for root in [&format!("{KEEPALIVED}.2"), RFC2787, RFC6527] {
            all.extend(self.agent.walk(root)?);
        }
        all.retain(|(oid, _)| is_compared(oid, after_a_fault));
        Ok(all)
    }

    /// The states of each instance and group in turn, as the traps tell, and everything else that they say, each once.
    fn told(&self) -> (BTreeMap<String, Vec<String>>, BTreeSet<Walk>) {
        let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut all = BTreeSet::new();
        for trap in self.traps.traps() {
            // The first object is a clock; snmpd's own traps are no part of this.
            let Some((_, rest)) = trap.split_first() else { continue };
            let of_ours = rest.first().is_some_and(|(_, which)| {
                which.contains(KEEPALIVED) || which.contains(RFC2787) || which.contains(RFC6527)
            });
            if !of_ours {
                continue;
            }
            if let [(_, which), (_, name), (_, state), ..] = rest
                && which.contains(KEEPALIVED)
            {
                let subject = if which.ends_with(".1") { "group" } else { "instance" };
                let of = states.entry(format!("{subject} {name}")).or_default();
                of.push(state.clone());
            }
            all.insert(rest.to_vec());
        }
        (states, all)
    }
}

/// What the second walk has that the first one lacks because keepalived 2.2.7 shows no more.
fn without_rows_that_are_not_shown(reference: &[(String, String)], walk: Walk) -> Walk {
    let shown: BTreeSet<&String> = reference.iter().map(|(oid, _)| oid).collect();
    let is_hidden = |oid: &String| FIRST_ROW_ONLY.iter().any(|root| oid.starts_with(root)) && !shown.contains(oid);
    walk.into_iter().filter(|(oid, _)| !is_hidden(oid)).collect()
}

/// Waits until both show the same, and that they have shown `sign` by then.
fn ensure_same(sides: &[Side<'_>; 2], moment: &str, after_a_fault: bool, signs: &[(&str, &str)]) -> Result<()> {
    for side in sides {
        for (oid, value) in signs {
            let object = (format!("{KEEPALIVED}.2.{oid}"), format!("INTEGER: {value}"));
            let shows = || side.agent.walk(&object.0).is_ok_and(|walk| walk.contains(&object));
            wait::until(&format!("{moment}: {} = {}", object.0, object.1), PATIENCE, shows)?;
        }
    }
    let mut seen = [Walk::new(), Walk::new()];
    let outcome = wait::until(moment, PATIENCE, || {
        let Ok(reference) = sides[0].walk(after_a_fault) else {
            return false;
        };
        let Ok(walk) = sides[1].walk(after_a_fault) else {
            return false;
        };
        seen = [reference.clone(), without_rows_that_are_not_shown(&reference, walk)];
        seen[0] == seen[1]
    });
    let [reference, walk] = &seen;
    ensure!(
        outcome.is_ok(),
        "{moment}: keepalived (-, {} objects) and {} (+, {}) differ:\n{}",
        reference.len(),
        sides[1].daemon.software(),
        walk.len(),
        difference(reference, walk).join("\n")
    );
    println!("{moment}: {} objects are the same", walk.len());
    Ok(())
}

/// Waits until both have told the same.
fn ensure_same_traps(sides: &[Side<'_>; 2], wanted: usize) -> Result<()> {
    let outcome = wait::until("the same traps", PATIENCE, || {
        let [reference, other] = [sides[0].told(), sides[1].told()];
        reference == other && reference.1.len() >= wanted
    });
    let [(states, all), (other_states, other_all)] = [sides[0].told(), sides[1].told()];
    ensure!(
        outcome.is_ok(),
        "traps differ. States of keepalived: {states:#?}\nof {}: {other_states:#?}\nonly keepalived's: {:#?}\nonly ours: {:#?}",
        sides[1].daemon.software(),
        all.difference(&other_all).collect::<Vec<_>>(),
        other_all.difference(&all).collect::<Vec<_>>()
    );
    println!("{} different traps are the same", all.len());
    Ok(())
}

/// Everything that managers see at rest, in a fault and after it, and what they are told of it.
fn walks_and_traps(subject: Software) -> Result<()> {
    let hosts = [Host::new("one")?, Host::new("other")?];
    let peers = hosts
        .each_ref()
        .map(|host| Daemon::start(Software::Keepalived, &host.peer, PEER));
    let sides = [
        Side::start(Software::Keepalived, &hosts[0])?,
        Side::start(subject, &hosts[1])?,
    ];
    ensure_same(&sides, "at rest", false, AT_REST)?;
    for side in &sides {
        side.host.network.pull(&side.host.cable)?;
    }
    ensure_same(&sides, "without a cable", true, WITHOUT_A_CABLE)?;
    for side in &sides {
        side.host.network.put_back(&side.host.cable)?;
    }
    ensure_same(&sides, "with a cable again", true, AT_REST)?;
    // VI_5 and VI_BACKUP.
    for side in &sides {
        let set = |object: &str, value: &str| side.agent.set(&format!("{KEEPALIVED}.2.{object}"), "i", value);
        set("3.1.7.5", "77")?;
        set("3.1.13.6", "2")?;
        for (object, value) in [("3.1.7.5", "0"), ("3.1.13.6", "3"), ("3.1.8.5", "1"), ("3.1.7.99", "1")] {
            ensure!(set(object, value).is_err(), "{object} took {value}");
        }
    }
    ensure_same(
        &sides,
        "after two changes by a manager",
        true,
        &[("3.1.7.5", "77"), ("3.1.13.6", "2")],
    )?;
    // Not before: keepalived does not answer while it tells of something.
    let strangers = hosts
        .each_ref()
        .map(|host| Daemon::start(Software::Keepalived, &host.stranger, STRANGER));
    for side in &sides {
        for trap in [format!("{RFC2787}.0.2"), format!("{RFC6527}.0.2")] {
            let told = || {
                side.told()
                    .1
                    .iter()
                    .any(|objects| objects.iter().any(|(_, value)| value.ends_with(&trap)))
            };
            wait::until(&format!("trap {trap}"), PATIENCE, told)?;
        }
    }
    for side in &sides {
        side.daemon.stop()?;
    }
    ensure_same_traps(&sides, 30)?;
    drop((peers, strangers));
    Ok(())
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn walks_and_traps_of_keepalived() -> Result<()> {
    walks_and_traps(Software::Keepalived)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn walks_and_traps_of_holdfast() -> Result<()> {
    walks_and_traps(Software::Holdfast)
}
