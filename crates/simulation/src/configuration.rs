//! From the plan of a node to the text of its file, and from the text to settings on the program's own path.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use holdfast::plan::{trackers::TrackerTable, vrrp::node_settings};
use holdfast_conf::{LoadOptions, MemoryLoader};
use holdfast_vrrp::NodeSettings;
use holdfast_vrrp::settings::{Family, Version};

use crate::authentication::WINDOW_S;
use crate::scenario::{Authentication, Change, HmacMode, InstancePlan, NodePlan};
use crate::{MOST_ADDRESSES, MOST_INSTANCES};

/// Name of the tracked script.
pub const SCRIPT: &str = "chk";

/// Names of the interfaces.
pub const INTERFACES: [&str; 2] = ["eth0", "eth1"];

/// Address of a node on a segment: a higher node has a higher address.
pub fn source(segment: usize, node: usize, ipv6: bool) -> IpAddr {
    let (segment, node) = (u8::try_from(segment).unwrap_or(0), u8::try_from(node).unwrap_or(0));
    if ipv6 {
        IpAddr::V6(Ipv6Addr::new(
            0xfe80,
            0,
            0,
            0,
            0,
            0,
            segment.into(),
            u16::from(node) + 10,
        ))
    } else {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2 + segment, node + 10))
    }
}

/// Which node has this address.
pub fn node_of(source: IpAddr) -> usize {
    let last = match source {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    usize::from(last).wrapping_sub(10)
}

/// A virtual address: `place` of `MOST_ADDRESSES`, of an instance.
pub fn virtual_address(instance: usize, place: usize, ipv6: bool) -> IpAddr {
    let (instance, place) = (
        u8::try_from(instance).unwrap_or(0),
        u8::try_from(place).unwrap_or(0) + 1,
    );
    if ipv6 {
        IpAddr::V6(Ipv6Addr::new(0xfd00, instance.into(), 0, 0, 0, 0, 0, place.into()))
    } else {
        IpAddr::V4(Ipv4Addr::new(10, instance, 0, place))
    }
}

/// Which virtual address this is: instance and place.
pub fn place_of(address: IpAddr) -> Option<(usize, usize)> {
    let (instance, place) = match address {
        IpAddr::V4(address) => match address.octets() {
            [10, instance, 0, place] => (instance, place),
            _ => return None,
        },
        IpAddr::V6(address) => match address.octets() {
            [0xfd, 0, 0, instance, .., place] => (instance, place),
            _ => return None,
        },
    };
    let (instance, place) = (usize::from(instance), usize::from(place).checked_sub(1)?);
    (instance < MOST_INSTANCES && place < MOST_ADDRESSES).then_some((instance, place))
}

/// Name of an instance.
pub fn instance_name(place: usize) -> String {
    format!("VI_{}", place + 1)
}

/// Place of an instance by its name.
pub fn instance_of(name: &str) -> usize {
    name.as_bytes().last().map_or(0, |last| usize::from(last - b'1'))
}

/// Segment of an interface by its name.
pub fn segment_of(interface: &str) -> usize {
    usize::from(interface.as_bytes().last() == Some(&b'1'))
}

/// The plan after a change of the file.
pub fn apply(plan: &mut NodePlan, change: Change) {
    for instance in &mut plan.instances {
        match change {
            Change::Priority(priority) => instance.priority = priority,
            Change::Interval(interval_ms) if instance.version == 2 => {
                instance.interval_ms = interval_ms.next_multiple_of(1_000);
            }
            // More than a packet of version 3 can say is refused.
            Change::Interval(interval_ms) => instance.interval_ms = interval_ms.min(40_000),
            Change::Address(place) => {
                instance.addresses[place] = !instance.addresses[place];
                if instance.addresses == [false; MOST_ADDRESSES] {
                    instance.addresses[place] = true;
                }
            }
            Change::Preempt => {
                if instance.priority != 255 && !instance.state_master && instance.preempt_delay_ms == 0 {
                    instance.nopreempt = !instance.nopreempt;
                }
            }
            Change::Nothing => {}
        }
    }
}

/// The file of a node.
pub fn text(plan: &NodePlan) -> String {
    // Writing to a string cannot fail.
    let mut text = String::with_capacity(2_048);
    text.push_str("global_defs {\n    script_user root\n");
    if plan.startup_delay_s > 0 {
        let _ = writeln!(text, "    vrrp_startup_delay {}", plan.startup_delay_s);
    }
    text.push_str("}\n");
    if let Some(script) = plan.script {
        let _ = writeln!(
            text,
            "vrrp_script {SCRIPT} {{\n    script /bin/true\n    interval {}\n    rise {}\n    fall {}\n}}",
            seconds(script.interval_ms),
            script.rise,
            script.fall
        );
    }
    if plan.grouped {
        text.push_str("vrrp_sync_group G {\n    group {\n");
        for place in 0..plan.instances.len() {
            let _ = writeln!(text, "        {}", instance_name(place));
        }
        text.push_str("    }\n");
        if let Some(script) = plan.script {
            text.push_str("    sync_group_tracking_weight\n");
            let _ = writeln!(
                text,
                "    track_script {{\n        {SCRIPT} weight {}\n    }}",
                script.weight
            );
        }
        text.push_str("}\n");
    }
    for (place, instance) in plan.instances.iter().enumerate() {
        write_instance(&mut text, plan, place, instance);
    }
    text
}

fn write_instance(text: &mut String, plan: &NodePlan, place: usize, instance: &InstancePlan) {
    let _ = writeln!(text, "vrrp_instance {} {{", instance_name(place));
    let mut line = |words: String| {
        let _ = writeln!(text, "    {words}");
    };
    line(format!(
        "state {}",
        if instance.state_master { "MASTER" } else { "BACKUP" }
    ));
    line(format!("interface {}", INTERFACES[instance.segment]));
    line(format!("virtual_router_id {}", instance.vrid));
    line(format!("version {}", instance.version));
    line(format!("priority {}", instance.priority));
    line(format!("advert_int {}", seconds(instance.interval_ms)));
    line(format!("down_timer_adverts {}", instance.adverts));
    if instance.nopreempt {
        line("nopreempt".to_owned());
    }
    if instance.preempt_delay_ms > 0 {
        line(format!("preempt_delay {}", seconds(instance.preempt_delay_ms)));
    }
    if instance.refresh_s > 0 {
        line(format!("garp_master_refresh {}", instance.refresh_s));
    }
    line(format!("higher_prio_send_advert {}", instance.farewell));
    line(format!("lower_prio_no_advert {}", instance.silent_to_worse));
    if instance.unicast {
        line(format!(
            "unicast_src_ip {}",
            source(instance.segment, plan.index, instance.ipv6)
        ));
        line("unicast_peer {".to_owned());
        for peer in (0..plan.count).filter(|peer| *peer != plan.index) {
            line(format!("    {}", source(instance.segment, peer, instance.ipv6)));
        }
        line("}".to_owned());
        if instance.check_source {
            line("check_unicast_src".to_owned());
        }
    }
    for words in authentication(instance.authentication) {
        line(words);
    }
    if let (Some(script), false, 0) = (plan.script, plan.grouped, place) {
        line(format!(
            "track_script {{\n        {SCRIPT} weight {}\n    }}",
            script.weight
        ));
    }
    if let Some(weight) = instance.tracked_link {
        let other = INTERFACES[1 - instance.segment];
        line(format!("track_interface {{\n        {other} weight {weight}\n    }}"));
    }
    let address = |address| virtual_address(place, address, instance.ipv6);
    let listed = (0..MOST_ADDRESSES - 1).filter(|address| instance.addresses[*address]);
    let listed: Vec<String> = listed.map(|place| format!("        {}", address(place))).collect();
    if listed.is_empty() {
        line("no_virtual_ipaddress".to_owned());
        if instance.ipv6 {
            line("native_ipv6".to_owned());
        }
    } else {
        line(format!("virtual_ipaddress {{\n{}\n    }}", listed.join("\n")));
    }
    if instance.addresses[MOST_ADDRESSES - 1] {
        let excluded = address(MOST_ADDRESSES - 1);
        line(format!("virtual_ipaddress_excluded {{\n        {excluded}\n    }}"));
    }
    text.push_str("}\n");
}

fn authentication(authentication: Authentication) -> Vec<String> {
    let old = |kind: &str, password: &str| {
        vec![
            "authentication {".to_owned(),
            format!("    auth_type {kind}"),
            format!("    auth_pass {password}"),
            "}".to_owned(),
        ]
    };
    match authentication {
        Authentication::None => Vec::new(),
        Authentication::Pass(password) => old("PASS", password),
        Authentication::Ah(password) => old("AH", password),
        Authentication::Hmac { mode, monotonic } => {
            let mode = match mode {
                HmacMode::Enforce => "enforce",
                HmacMode::Permissive => "permissive",
                HmacMode::ReceiveOnly => "receive-only",
            };
            let replay = if monotonic { "monotonic" } else { "time" };
            vec![
                "auth_hmac {".to_owned(),
                "    key 1 00112233445566778899aabbccddeeff".to_owned(),
                "    active_key 1".to_owned(),
                format!("    mode {mode}"),
                format!("    anti_replay {replay}"),
                format!("    time_window {WINDOW_S}"),
                "}".to_owned(),
            ]
        }
    }
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// The settings of a node, as the program would find them.
///
/// # Panics
/// If the language refuses the file, or understands something else than was meant.
pub fn settings(plan: &NodePlan) -> NodeSettings {
    let text = text(plan);
    let loader = MemoryLoader::new().with("/k.conf", text.as_str());
    let read = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default());
    assert!(!read.has_errors(), "{:#?}\n{text}", read.diagnostics);
    let (trackers, messages) = TrackerTable::from_config(&read.config);
    assert!(messages.is_empty(), "{messages:?}");
    let settings = node_settings(&read.config, &trackers);
    check_meaning(plan, &settings, &text);
    settings
}

/// That the settings say what the plan meant: an error here would otherwise look like an election that works.
fn check_meaning(plan: &NodePlan, settings: &NodeSettings, text: &str) {
    assert_eq!(settings.instances.len(), plan.instances.len(), "{text}");
    assert_eq!(settings.groups.len(), usize::from(plan.grouped), "{text}");
    assert_eq!(
        settings.startup_delay,
        Duration::from_secs(plan.startup_delay_s),
        "{text}"
    );
    for (place, (meant, found)) in plan.instances.iter().zip(&settings.instances).enumerate() {
        let (version, family) = (
            if meant.version == 2 { Version::V2 } else { Version::V3 },
            if meant.ipv6 { Family::Ipv6 } else { Family::Ipv4 },
        );
        assert_eq!((found.version, found.family), (version, family), "{text}");
        assert_eq!((found.priority, found.vrid), (meant.priority, meant.vrid), "{text}");
        assert_eq!(
            found.advert_interval,
            Duration::from_millis(meant.interval_ms),
            "{text}"
        );
        assert_eq!(
            (found.preempt, found.down_timer_adverts),
            (!meant.nopreempt, meant.adverts),
            "{text}"
        );
        assert_eq!(
            found.preempt_delay,
            Duration::from_millis(meant.preempt_delay_ms),
            "{text}"
        );
        assert_eq!(
            (found.higher_prio_send_advert, found.lower_prio_no_advert),
            (meant.farewell, meant.silent_to_worse),
            "{text}"
        );
        let (signs, has_password) = (found.hmac.is_some(), found.authentication.is_some());
        assert_eq!(
            (signs, has_password),
            match meant.authentication {
                Authentication::None => (false, false),
                Authentication::Pass(_) | Authentication::Ah(_) => (false, true),
                Authentication::Hmac { .. } => (true, false),
            },
            "{text}"
        );
        let tracked = plan.script.is_some() && (plan.grouped || place == 0);
        assert_eq!(found.tracked_scripts.len(), usize::from(tracked), "{text}");
        let weights: Vec<i32> = found.tracked_interfaces.iter().map(|tracked| tracked.weight).collect();
        assert_eq!(weights, meant.tracked_link.into_iter().collect::<Vec<_>>(), "{text}");
        let mut addresses = [false; MOST_ADDRESSES];
        for held in found.held_addresses() {
            let (instance, address) = place_of(held.address).expect("one of ours");
            assert_eq!(instance, place, "{text}");
            addresses[address] = true;
        }
        assert_eq!(addresses, meant.addresses, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn every_site_has_files_that_mean_what_was_planned() {
        for seed in 0..300 {
            for node in Scenario::of(seed).nodes {
                settings(&node);
            }
        }
    }

    #[test]
    fn addresses_are_found_again() {
        for ipv6 in [false, true] {
            assert_eq!(place_of(virtual_address(1, 3, ipv6)), Some((1, 3)));
            assert_eq!(node_of(source(1, 4, ipv6)), 4);
            assert_eq!(place_of(source(1, 4, ipv6)), None);
        }
    }
}
