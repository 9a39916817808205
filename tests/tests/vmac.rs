//! `use_vmac`, `no_accept` and what belongs to them: keepalived and Holdfast make the same of hosts that look the same.

use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::alike::{Host, instance, is_as_with_keepalived};
use bed::daemon::{Daemon, Role, Software};
use bed::host_state::HostState;
use bed::load;
use bed::onlooker::Packet;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait;

const V4: &str = "192.0.2.200/24";
const V6: &str = "fe80::200\n        fd00::200/64";
const ALL: [&str; 3] = ["192.0.2.200", "fe80::200", "fd00::200"];

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn vmac_of_ipv4() -> Result<()> {
    let configuration = instance("V4", 51, "use_vmac", V4);
    let expected = [
        "vrrp.51: over eth0 address 00:00:5e:00:01:33 kind macvlan mode private",
        "192.0.2.200 is at 00:00:5e:00:01:33 and answers",
        "192.0.2.1 is at 02:00:00:00:00:00 and answers",
        "00:00:5e:00:01:33 > 01:00:5e:00:00:12: IPv4 192.0.2.1 > 224.0.0.18",
        "dup to ip daddr device oif map @vmac_map",
    ];
    is_as_with_keepalived(&configuration, &["192.0.2.200"], &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn vmacs_of_both_families_drop_packets_and_count_them() -> Result<()> {
    let global = "global_defs {\n    nftables filters\n    nftables_counters\n    nftables_ifindex\n    \
                  nftables_priority -5\n}\n";
    let configuration = format!(
        "{global}{}{}",
        instance("V4", 51, "use_vmac\n    no_accept", V4),
        instance("V6", 51, "use_vmac\n    no_accept", V6)
    );
    let expected = [
        "vrrp6.51: over eth0 address 00:00:5e:00:02:33",
        "192.0.2.200 is at 00:00:5e:00:01:33 and is silent",
        "fd00::200 is at 00:00:5e:00:02:33 and is silent",
        "fe80::200 is at 00:00:5e:00:02:33 and is silent",
        "table ip6 filters {",
        "priority filter - 5",
        "ip daddr @vips counter of something drop",
        "ip saddr @vips counter of something drop",
        "ip6 daddr @vips counter of something drop",
        "ip6 saddr @vips counter of something drop",
        "ip6 daddr . iif @vips_link_local counter of something drop",
        "ip6 saddr . oif @vips_link_local counter of something drop",
        "dup to ip daddr device oif map @vmac_map counter of whatever drop",
    ];
    is_as_with_keepalived(&configuration, &ALL, &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn adverts_leave_by_the_interface_below() -> Result<()> {
    let configuration = format!(
        "{}{}",
        instance("V4", 51, "use_vmac\n    vmac_xmit_base", V4),
        instance("V6", 51, "use_vmac\n    vmac_xmit_base", V6)
    );
    let expected = [
        "02:00:00:00:00:00 > 01:00:5e:00:00:12: IPv4 192.0.2.1 > 224.0.0.18",
        "192.0.2.200 is at 00:00:5e:00:01:33 and answers",
    ];
    is_as_with_keepalived(&configuration, &ALL, &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn names_and_interfaces_of_addresses() -> Result<()> {
    let configuration = format!(
        "global_defs {{\n    vmac_prefix averylongprefix\n    vmac_addr_prefix va\n}}\n{}{}{}",
        instance(
            "A",
            151,
            "use_vmac\n    use_vmac_addr",
            "192.0.2.200/24\n        198.51.100.200/24 dev eth1"
        ),
        instance("B", 52, "use_vmac mine 02:11:22:33:44", "192.0.2.201/24"),
        instance(
            "C",
            53,
            "",
            "192.0.2.202/24\n        192.0.2.203/24 use_vmac\n        198.51.100.203/24 dev eth1 use_vmac"
        ),
    );
    let expected = [
        "averylongpr.151: over eth0 address 00:00:5e:00:01:97",
        "mine: over eth0 address 02:11:22:33:44:34",
        "va.151: over eth1 address 00:00:5e:00:01:97",
        "va.53: over eth0 address 00:00:5e:00:01:35",
        "va1.53: over eth1 address 00:00:5e:00:01:35",
        "198.51.100.203 is at 00:00:5e:00:01:35 and answers",
        "192.0.2.202 is at 02:00:00:00:00:00 and answers",
    ];
    let addresses = [
        "192.0.2.200",
        "198.51.100.200",
        "192.0.2.201",
        "192.0.2.202",
        "192.0.2.203",
        "198.51.100.203",
    ];
    is_as_with_keepalived(&configuration, &addresses, &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn packets_are_dropped_without_vmac_too() -> Result<()> {
    let configuration = format!(
        "{}{}{}",
        instance("V4", 51, "no_accept", V4),
        instance("V6", 52, "no_accept\n    dont_track_primary", V6),
        // An owner has the addresses for itself.
        instance("OWN", 53, "no_accept", "192.0.2.201/24").replace("priority 150", "priority 255"),
    );
    let expected = [
        "192.0.2.200 is at 02:00:00:00:00:00 and is silent",
        "fe80::200 is at 02:00:00:00:00:00 and is silent",
        "192.0.2.201 is at 02:00:00:00:00:00 and answers",
        "ip6 daddr . iifname @vips_link_local_name drop",
    ];
    let addresses = ["192.0.2.200", "fe80::200", "fd00::200", "192.0.2.201"];
    is_as_with_keepalived(&configuration, &addresses, &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn addresses_of_the_other_family() -> Result<()> {
    let excluded = "use_vmac\n    use_vmac_addr\n    virtual_ipaddress_excluded {\n        fd00::200/64\n    }";
    let configuration = instance("V4", 51, excluded, V4);
    let expected = ["address 00:00:5e:00:02:33 kind macvlan"];
    is_as_with_keepalived(&configuration, &["192.0.2.200", "fd00::200"], &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn no_reports_of_local_groups() -> Result<()> {
    let configuration = format!(
        "global_defs {{\n    disable_local_igmp\n}}\n{}",
        instance("V4", 51, "", V4)
    );
    let expected = ["ipv4/igmp_link_local_mcast_reports = 0"];
    is_as_with_keepalived(&configuration, &["192.0.2.200"], &expected)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn names_and_hardware_addresses_that_are_taken() -> Result<()> {
    let on_eth1 = |text: String| text.replace("interface eth0", "interface eth1");
    let shared = "use_vmac 02:00:00:00:00:77";
    let configuration = [
        instance("A", 51, "use_vmac same", "192.0.2.200/24"),
        instance("B", 52, "use_vmac same", "192.0.2.201/24"),
        instance("C", 53, "use_vmac eth1", "192.0.2.202/24"),
        on_eth1(instance("D", 51, "use_vmac", "198.51.100.200/24")),
        on_eth1(instance("E", 55, shared, "198.51.100.201/24")),
        on_eth1(instance("F", 56, shared, "198.51.100.202/24")),
    ]
    .concat();
    let expected = [
        "same: over eth0 address 00:00:5e:00:01:33",
        "vrrp.52: over eth0 address 00:00:5e:00:01:34",
        "vrrp.53: over eth0 address 00:00:5e:00:01:35",
        "vrrp.51: over eth1 address 00:00:5e:00:01:33",
        "198.51.100.202 is at 02:00:00:00:00:77",
    ];
    let addresses = [
        "192.0.2.200",
        "192.0.2.201",
        "192.0.2.202",
        "198.51.100.200",
        "198.51.100.201",
        "198.51.100.202",
    ];
    is_as_with_keepalived(&configuration, &addresses, &expected)
}

/// The instance of [`instance`], with its interface and what else is different.
fn moved(extra: &str, interface: &str, addresses: &str) -> String {
    instance("V4", 51, extra, addresses).replace("interface eth0", &format!("interface {interface}"))
}

/// After each reload everything is as if the daemon had been started with that configuration, and after the last stop as if it
/// had never run.
fn reloads_lead_where_starts_lead(subject: Software) -> Result<()> {
    let far = "198.51.100.200/24";
    let both = format!(
        "{}{}",
        moved("use_vmac", "eth0", V4),
        instance("V6", 51, "use_vmac", V6)
    );
    let steps: [(String, &[&str]); 5] = [
        (moved("use_vmac", "eth0", V4), &["192.0.2.200"]),
        (moved("use_vmac named", "eth1", far), &["198.51.100.200"]),
        (moved("no_accept", "eth0", V4), &["192.0.2.200"]),
        (both, &ALL),
        (
            moved("use_vmac\n    vmac_xmit_base\n    no_accept", "eth0", V4),
            &["192.0.2.200"],
        ),
    ];
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let started = |configuration: &str, addresses: &[&str]| -> Result<Vec<String>> {
        let host = Host::new()?;
        let before = HostState::of(&host.director)?;
        let _daemon = Daemon::start(subject, &host.director, configuration)?;
        host.wait_for(addresses)?;
        Ok(HostState::of(&host.director)?.changes_since(&before))
    };
    let mut daemon = None;
    let mut former: &[&str] = &[];
    for (number, (configuration, addresses)) in steps.iter().enumerate() {
        match &daemon {
            None => daemon = Some(Daemon::start(subject, &host.director, configuration)?),
            Some(daemon) => {
                daemon.reload(configuration)?;
                let gone: Vec<&str> = former.iter().filter(|old| !addresses.contains(old)).copied().collect();
                host.wait_without(&gone)?;
            }
        }
        host.wait_for(addresses)?;
        former = addresses;
        let wanted = started(configuration, addresses)?;
        let mut seen = Vec::new();
        let same = wait::until("the same as after a start", LATENESS, || {
            let state = HostState::of(&host.director).map(|state| state.changes_since(&before));
            seen = state.unwrap_or_default();
            seen == wanted
        });
        same.with_context(|| format!("step {number}: {}", apart(&wanted, &seen)))?;
    }
    daemon.context("a daemon")?.stop()?;
    let left = HostState::of(&host.director)?.changes_since(&before);
    ensure!(left.is_empty(), "left at the end:\n{}", left.join("\n"));
    Ok(())
}

fn apart(wanted: &[String], seen: &[String]) -> String {
    let missing = wanted
        .iter()
        .filter(|line| !seen.contains(line))
        .map(|line| format!("missing: {line}\n"));
    let too_much = seen
        .iter()
        .filter(|line| !wanted.contains(line))
        .map(|line| format!("too much: {line}\n"));
    missing.chain(too_much).collect()
}

/// What a daemon that was killed left belongs to the next one, and goes with it.
fn leftovers_are_adopted(subject: Software) -> Result<()> {
    let configuration = instance("V4", 51, "use_vmac\n    no_accept", V4);
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let killed = Daemon::start(subject, &host.director, &configuration)?;
    host.wait_for(&["192.0.2.200"])?;
    let held = HostState::of(&host.director)?.changes_since(&before);
    killed.kill()?;
    ensure!(
        HostState::of(&host.director)?.has_interface("vrrp.51"),
        "nothing was left"
    );
    let next = Daemon::start(subject, &host.director, &configuration)?;
    // As a backup it has given up the address that was left.
    host.wait_without(&["192.0.2.200"])?;
    host.wait_for(&["192.0.2.200"])?;
    let again = HostState::of(&host.director)?.changes_since(&before);
    ensure!(again == held, "{}", apart(&held, &again));
    next.stop()?;
    let left = HostState::of(&host.director)?.changes_since(&before);
    ensure!(left.is_empty(), "left at the end:\n{}", left.join("\n"));
    Ok(())
}

/// The same when only the process is lost that speaks VRRP.
fn leftovers_of_a_lost_process_are_adopted(subject: Software) -> Result<()> {
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let daemon = Daemon::start(
        subject,
        &host.director,
        &instance("V4", 51, "use_vmac\n    no_accept", V4),
    )?;
    host.wait_for(&["192.0.2.200"])?;
    let held = HostState::of(&host.director)?.changes_since(&before);
    let lost = daemon.role(Role::Vrrp)?;
    daemon.kill_role(Role::Vrrp)?;
    daemon.wait_for_role(Role::Vrrp, Some(lost), 10 * LATENESS)?;
    host.wait_without(&["192.0.2.200"])?;
    host.wait_for(&["192.0.2.200"])?;
    let again = HostState::of(&host.director)?.changes_since(&before);
    ensure!(again == held, "{}", apart(&held, &again));
    daemon.stop()?;
    let left = HostState::of(&host.director)?.changes_since(&before);
    ensure!(left.is_empty(), "left at the end:\n{}", left.join("\n"));
    Ok(())
}

/// A daemon without macvlans takes away those of one that was killed, with the packet filter and the kernel's settings.
fn leftovers_that_nobody_wants_go(subject: Software) -> Result<()> {
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let dropping =
        "global_defs {\n    nftables other\n}\n".to_owned() + &instance("V4", 51, "use_vmac\n    no_accept", V4);
    let killed = Daemon::start(subject, &host.director, &dropping)?;
    host.wait_for(&["192.0.2.200"])?;
    killed.kill()?;
    let _next = Daemon::start(subject, &host.director, &instance("V4", 51, "", V4))?;
    let own = "+ eth0: 192.0.2.200/24";
    let mut left = Vec::new();
    wait::until("the host as it was", master_down(STRONG) + 3 * LATENESS, || {
        let changes = HostState::of(&host.director).map(|state| state.changes_since(&before));
        left = changes.unwrap_or_default();
        matches!(left.as_slice(), [address] if address.starts_with(own))
    })
    .with_context(|| left.join("\n"))
}

/// An interface that somebody deletes is made again, with its addresses.
fn a_deleted_interface_comes_back(subject: Software) -> Result<()> {
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let configuration = instance("V4", 51, "use_vmac\n    no_accept", V4);
    let _daemon = Daemon::start(subject, &host.director, &configuration)?;
    host.wait_for(&["192.0.2.200"])?;
    let held = HostState::of(&host.director)?.changes_since(&before);
    host.director.run("ip", &["link", "delete", "vrrp.51"])?;
    let mut seen = Vec::new();
    wait::until("all as before", master_down(STRONG) + 3 * LATENESS, || {
        let state = HostState::of(&host.director).map(|state| state.changes_since(&before));
        seen = state.unwrap_or_default();
        seen == held
    })
    .with_context(|| apart(&held, &seen))?;
    let reached = host.reached(&["192.0.2.200"])?;
    ensure!(
        reached.iter().any(|line| line.contains("00:00:5e:00:01:33")),
        "{reached:?}"
    );
    Ok(())
}

/// The carrier of the interface below counts.
fn a_pulled_cable_is_noticed(subject: Software) -> Result<()> {
    let host = Host::new()?;
    let daemon = Daemon::start(subject, &host.director, &instance("V4", 51, "use_vmac", V4))?;
    host.wait_for(&["192.0.2.200"])?;
    let port = host.port_of_director().context("a port")?;
    host.network.pull(&port)?;
    daemon.wait_for_log("Entering FAULT STATE", SystemTime::UNIX_EPOCH, 3 * LATENESS)?;
    host.wait_without(&["192.0.2.200"])?;
    host.network.put_back(&port)?;
    host.wait_for(&["192.0.2.200"])?;
    let reached = host.reached(&["192.0.2.200"])?;
    ensure!(
        reached
            .iter()
            .any(|line| line.contains("00:00:5e:00:01:33 and answers")),
        "{reached:?}"
    );
    Ok(())
}

/// The interface below may come after the daemon, and go and come back.
fn the_interface_below_may_come_later(subject: Software) -> Result<()> {
    let host = Host::new()?;
    let below = |words: &[&str]| host.director.run("ip", words).map(drop);
    let make = ["link", "add", "below", "type", "veth", "peer", "name", "end"];
    let up = ["link", "set", "below", "up"];
    let other_up = ["link", "set", "end", "up"];
    let address = ["address", "add", "203.0.113.1/24", "dev", "below"];
    let configuration = moved("use_vmac\n    no_accept", "below", "203.0.113.200/24");
    let _daemon = Daemon::start(subject, &host.director, &configuration)?;
    for _ in 0..2 {
        for words in [&make[..], &other_up, &address, &up] {
            below(words)?;
        }
        host.wait_for(&["203.0.113.200"])?;
        let state = HostState::of(&host.director)?;
        ensure!(state.has_interface("vrrp.51"), "the address is elsewhere");
        below(&["link", "delete", "below"])?;
        host.wait_without(&["203.0.113.200"])?;
    }
    Ok(())
}

/// Announcements of addresses on interfaces that no adverts leave by.
fn extra_announcements_come_when_due(subject: Software) -> Result<()> {
    let extra = "use_vmac\n    use_vmac_addr\n    garp_master_delay 0\n    garp_master_repeat 1\n    garp_extra_if 1";
    let addresses = "192.0.2.200/24\n        198.51.100.200/24 dev eth1";
    let host = Host::new()?;
    let _daemon = Daemon::start(subject, &host.director, &instance("V4", 51, extra, addresses))?;
    host.wait_for(&["192.0.2.200", "198.51.100.200"])?;
    let announced = |address: [u8; 4]| -> Vec<SystemTime> {
        let wanted = Packet::Announcement(address.into());
        let seen = host.onlooker.sightings().into_iter();
        seen.filter(|sighting| sighting.node == "director" && sighting.packet == wanted)
            .map(|sighting| sighting.when)
            .collect()
    };
    let extra = || announced([198, 51, 100, 200]);
    wait::until("announcements", 4 * INTERVAL + LATENESS, || extra().len() >= 4)?;
    for (number, two) in (1..).zip(extra().windows(2)) {
        let [earlier, later] = *two else { continue };
        let gap = wait::seconds_between(earlier, later);
        let lateness = LATENESS + load::excuse(earlier, later);
        let due = INTERVAL.as_secs_f64() - 0.1..(INTERVAL + lateness).as_secs_f64();
        ensure!(due.contains(&gap), "announcement {number} and the next one: {gap:.3} s");
    }
    let quiet = announced([192, 0, 2, 200]).len();
    ensure!(
        quiet == 1,
        "adverts leave by that interface, and it announced {quiet} times"
    );
    Ok(())
}

/// A backup's macvlan has the hardware address of the master's. One packet of it and switches send the master's traffic to the
/// backup: the switch must not see any.
fn a_backup_does_not_show_the_hardware_address(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V3Ipv6)?;
    let configuration = |priority| pair.configuration(priority, "use_vmac");
    let master = Daemon::start(Software::Keepalived, &pair.strong, &configuration(STRONG))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let mut watch = Command::new("bridge");
    watch.args(["monitor", "fdb"]);
    let learnt = pair.network().switch().start(watch)?;
    let backup = Daemon::start(subject, &pair.weak, &configuration(WEAK))?;
    backup.wait_for_log("BACKUP STATE", SystemTime::UNIX_EPOCH, 3 * LATENESS)?;
    // Kernels repeat their first membership reports and router solicitations within seconds.
    std::thread::sleep(Duration::from_secs(5));
    let port = pair
        .network()
        .ports()
        .into_iter()
        .find(|port| port.node == pair.weak.name());
    let port = format!("dev {} ", port.context("a port")?.name);
    let has_moved = || {
        let log = learnt.log_text();
        log.lines()
            .any(|line| line.contains("00:00:5e:00:02:33") && line.contains(&port))
    };
    ensure!(!has_moved(), "the switch learnt: {}", learnt.log_text());
    // It does show when it may.
    master.stop()?;
    wait::until("the switch to learn", master_down(WEAK), has_moved)
}

/// Two directors with the same VMAC: the better one's farewell and silence are heard, and clients keep the hardware address.
fn the_hardware_address_moves(strong: Software, weak: Software) -> Result<()> {
    let pair = Pair::new(Wire::V3Multicast)?;
    let better = Daemon::start(strong, &pair.strong, &pair.configuration(STRONG, "use_vmac"))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let other = Daemon::start(weak, &pair.weak, &pair.configuration(WEAK, "use_vmac"))?;
    other.wait_for_log("BACKUP STATE", SystemTime::UNIX_EPOCH, 3 * LATENESS)?;
    let (asked, _) = better.stop()?;
    pair.assert_takeover_after_farewell(&pair.strong, &pair.weak, asked, WEAK)?;
    let back = Daemon::start(strong, &pair.strong, &pair.configuration(STRONG, "use_vmac"))?;
    let taken = pair.wait_for_master(&pair.strong, asked + master_down(WEAK), master_down(STRONG))?;
    // The loser may answer once more before it is a backup.
    pair.next_advert(&pair.strong, taken)?;
    let killed = back.kill()?;
    pair.assert_takeover_after_silence(&pair.strong, &pair.weak, killed, WEAK)?;
    let virtual_mac = [0, 0, 0x5e, 0, 1, 51];
    for sighting in pair.onlooker.sightings() {
        let source = sighting.frame.get(6..12).context("an Ethernet header")?;
        ensure!(source == virtual_mac, "{sighting:?}");
    }
    Ok(())
}

macro_rules! cases {
    ($($software:ident: $($case:ident)*;)*) => {
        $(#[allow(non_snake_case)]
        mod $software {
            use super::*;

            $(#[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn $case() -> Result<()> {
                super::$case(Software::$software)
            })*
        })*
    };
}

cases! {
    Keepalived: a_backup_does_not_show_the_hardware_address a_deleted_interface_comes_back extra_announcements_come_when_due a_pulled_cable_is_noticed;
    // keepalived 2.2 does not start without the interface, leaves settings of the kernel behind, and adopts interfaces without the rules that belong to them.
    Holdfast: a_backup_does_not_show_the_hardware_address leftovers_of_a_lost_process_are_adopted leftovers_that_nobody_wants_go a_deleted_interface_comes_back extra_announcements_come_when_due leftovers_are_adopted
              reloads_lead_where_starts_lead a_pulled_cable_is_noticed the_interface_below_may_come_later;
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn the_hardware_address_moves_between_both() -> Result<()> {
    the_hardware_address_moves(Software::Keepalived, Software::Keepalived)?;
    the_hardware_address_moves(Software::Holdfast, Software::Keepalived)?;
    the_hardware_address_moves(Software::Keepalived, Software::Holdfast)
}

/// What 2.2.7 does not know.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn groups_of_interfaces_and_what_iptables_did() -> Result<()> {
    let host = Host::new()?;
    let before = HostState::of(&host.director)?;
    let global = "global_defs {\n    vrrp_iptables INPUT\n}\n";
    let instance = instance("V4", 51, "use_vmac name vr9 group 7\n    no_accept", V4);
    let _daemon = Daemon::start(Software::Holdfast, &host.director, &format!("{global}{instance}"))?;
    host.wait_for(&["192.0.2.200"])?;
    let changes = HostState::of(&host.director)?.changes_since(&before);
    let has = |wanted: &str| changes.iter().any(|line| line.contains(wanted));
    ensure!(has("vr9: over eth0") && has("group 7"), "{changes:#?}");
    ensure!(has("ip daddr @vips drop") && !has("ip saddr @vips"), "{changes:#?}");
    Ok(())
}
