//! Settings of the election from `vrrp_instance` and `vrrp_sync_group` blocks.

use std::time::Duration;

use holdfast_conf::config::{self, AddressFamily, Config, VrrpVersion};
use holdfast_vrrp::settings::{
    AnnounceSettings, AntiReplay, AuthenticationSettings, Family, GroupSettings, HmacMode, HmacSettings, InitialState,
    InstanceSettings, NodeSettings, OldUnicastChecksum, Peer, Secret, TrackedBfd, TrackedFile, TrackedInterface,
    TrackedProcess, TrackedScript, Transmission, Version, VirtualAddress,
};

use super::own_interfaces;
use super::trackers::TrackerTable;

/// The settings for everything in the file. Of scripts and files only those are tracked that can be.
pub fn node_settings(config: &Config, trackers: &TrackerTable) -> NodeSettings {
    let instances = config.vrrp_instances.iter();
    let groups = config.vrrp_sync_groups.iter();
    let global = &config.global_defs;
    NodeSettings {
        instances: instances.map(|it| instance(it, config, trackers)).collect(),
        groups: groups.map(group).collect(),
        startup_delay: global.vrrp_startup_delay,
        delay_after_boot: global.vrrp_delay_after_boot,
        log_unknown_vrids: global.log_unknown_vrids,
        pacing: super::pacing::pacing_settings(config),
        // The command line has a say in it.
        rfc_traps: false,
        disable_local_igmp: global.disable_local_igmp,
        packet_filter: own_interfaces::packet_filter(&config.global_defs),
    }
}

fn instance(instance: &config::VrrpInstance, config: &Config, trackers: &TrackerTable) -> InstanceSettings {
    InstanceSettings {
        vrid: instance.virtual_router_id.value,
        version: match instance.version {
            VrrpVersion::V2 => Version::V2,
            VrrpVersion::V3 => Version::V3,
        },
        family: match instance.family {
            AddressFamily::Inet => Family::Ipv4,
            AddressFamily::Inet6 => Family::Ipv6,
        },
        initial_state: match instance.state {
            config::InitialState::Master => InitialState::Master,
            config::InitialState::Backup => InitialState::Backup,
        },
        priority: instance.priority,
        advert_interval: instance.advert_int,
        preempt: !instance.nopreempt,
        preempt_delay: instance.preempt_delay,
        authentication: instance.authentication.map(|authentication| match authentication {
            config::Authentication::Pass(password) => AuthenticationSettings::Pass(password),
            config::Authentication::Ah(key) => AuthenticationSettings::Ah(key),
        }),
        hmac: instance.auth_hmac.as_ref().map(hmac).map(Box::new),
        transmission: transmission(instance),
        source: instance.source_address.as_ref().map(|source| source.value),
        track_source: instance.track_src_ip,
        lacks_peers: lacks_peers(instance),
        addresses: instance
            .virtual_ipaddress
            .iter()
            .map(|address| held_address(instance, address, &config.global_defs))
            .collect(),
        excluded: instance
            .virtual_ipaddress_excluded
            .iter()
            .map(|address| held_address(instance, address, &config.global_defs))
            .collect(),
        routes: super::routing::route_entries(&instance.virtual_routes),
        rules: super::routing::rule_entries(&instance.virtual_rules),
        interfaces_of_statics: super::routing::interfaces_of_statics(config, &instance.name.value),
        tracked_interfaces: tracked(&instance.track_interface),
        tracked_scripts: scripts(&instance.track_script, trackers),
        tracked_files: files(&instance.track_file, trackers),
        tracked_bfds: sessions(&instance.track_bfd, &config.bfd_instances),
        tracked_processes: processes(&instance.track_process, trackers),
        track_primary: !instance.dont_track_primary,
        announce: AnnounceSettings {
            master_delay: instance.garp_master_delay,
            master_repeat: instance.garp_master_repeat,
            refresh: instance.garp_master_refresh,
            refresh_repeat: instance.garp_master_refresh_repeat,
            lower_prio_delay: instance.garp_lower_prio_delay,
            lower_prio_repeat: instance.garp_lower_prio_repeat,
        },
        timer_expired_backup: instance.timer_expired_backup,
        own_interface: own_interfaces::own_interface(instance, &config.global_defs).map(Box::new),
        extra_announcements: own_interfaces::extra_announcements(instance).map(Box::new),
        down_timer_adverts: instance.down_timer_adverts,
        accept: instance.accept,
        higher_prio_send_advert: instance.higher_prio_send_advert,
        lower_prio_no_advert: instance.lower_prio_no_advert,
        skip_check_adv_addr: instance.skip_check_adv_addr,
        owner_ignore_adverts: instance.owner_ignore_adverts,
        v3_checksum_as_v2: instance.v3_checksum_as_v2,
        old_unicast_checksum: match instance.old_unicast_checksum {
            None => OldUnicastChecksum::Auto,
            Some(config::OldUnicastChecksum::Always) => OldUnicastChecksum::Always,
            Some(config::OldUnicastChecksum::Never) => OldUnicastChecksum::Never,
        },
        notify_deleted: instance.notify.notify_deleted.is_some(),
        notify_priority_changes: notify_priority_changes(instance, config),
        ..InstanceSettings::new(
            &instance.name.value,
            &instance.interface.value,
            instance.virtual_router_id.value,
        )
    }
}

/// Keys in files have been read before: see `plan::keys`.
fn hmac(hmac: &config::AuthHmac) -> HmacSettings {
    let bytes = |key: &config::HmacKey| match &key.secret {
        config::HmacSecret::Bytes(bytes) => Some((*key.id, Secret::new(bytes.clone()))),
        config::HmacSecret::File(_) => None,
    };
    HmacSettings {
        keys: hmac.keys.iter().filter_map(bytes).collect(),
        active_key: hmac.active_key,
        time_window: hmac.time_window,
        anti_replay: match hmac.anti_replay {
            config::AntiReplay::Time => AntiReplay::Time,
            config::AntiReplay::Monotonic => AntiReplay::Monotonic,
        },
        mode: match hmac.mode {
            config::HmacMode::Enforce => HmacMode::Enforce,
            config::HmacMode::Permissive => HmacMode::Permissive,
            config::HmacMode::ReceiveOnly => HmacMode::ReceiveOnly,
        },
    }
}

/// Its own word, else that of its group, else that of `global_defs`.
fn notify_priority_changes(instance: &config::VrrpInstance, config: &Config) -> bool {
    let has_it = |group: &&config::VrrpSyncGroup| group.group.contains(&instance.name);
    let group = || config.vrrp_sync_groups.iter().find(has_it);
    instance
        .notify_priority_changes
        .or_else(|| group()?.notify_priority_changes)
        .unwrap_or(config.global_defs.vrrp_notify_priority_changes)
}

fn transmission(instance: &config::VrrpInstance) -> Transmission {
    if instance.unicast_peer.is_empty() && !lacks_peers(instance) {
        return Transmission::Multicast {
            group: instance.mcast_dst_ip,
        };
    }
    Transmission::Unicast {
        peers: instance
            .unicast_peer
            .iter()
            .map(|peer| Peer {
                address: peer.address.value,
                min_ttl: peer.min_ttl,
                max_ttl: peer.max_ttl,
            })
            .collect(),
        ttl: instance.unicast_ttl,
        check_source: instance.check_unicast_src,
    }
}

/// Without peers and with this word it must not fall back to multicast.
fn lacks_peers(instance: &config::VrrpInstance) -> bool {
    instance.unicast_fault_no_peer && instance.unicast_peer.is_empty()
}

fn held_address(
    instance: &config::VrrpInstance,
    address: &config::VirtualAddress,
    global: &config::GlobalDefs,
) -> VirtualAddress {
    VirtualAddress {
        vmac: own_interfaces::address_vmac(instance, address, global),
        ..virtual_address(&instance.interface.value, address)
    }
}

/// An address of something whose own interface is this one.
pub(super) fn virtual_address(own_interface: &str, address: &config::VirtualAddress) -> VirtualAddress {
    VirtualAddress {
        interface: (address.dev.value != own_interface).then(|| address.dev.value.clone()),
        vmac: None,
        scope: address.scope,
        label: address.label.clone(),
        broadcast: address.broadcast,
        peer: address.peer,
        duplicate_detection: !address.nodad,
        home: address.home,
        mngtmpaddr: address.mngtmpaddr,
        noprefixroute: address.noprefixroute,
        autojoin: address.autojoin,
        // keepalived says it of IPv6 addresses only; to IPv4 it means nothing.
        preferred_lifetime: address
            .preferred_lft
            .filter(|_| address.address.is_ipv6())
            .map(|seconds| Duration::from_secs(seconds.into())),
        track: !address.no_track,
        ..VirtualAddress::new(address.address.value, address.prefix_length)
    }
}

fn group(group: &config::VrrpSyncGroup) -> GroupSettings {
    GroupSettings {
        name: group.name.value.clone(),
        members: group.group.iter().map(|member| member.value.clone()).collect(),
        // What the group tracks, the language has given to each member already: here it would count twice.
        ..GroupSettings::default()
    }
}

fn tracked(interfaces: &[config::Tracked]) -> Vec<TrackedInterface> {
    interfaces
        .iter()
        .map(|tracked| TrackedInterface {
            interface: tracked.name.value.clone(),
            weight: tracked.weight.into(),
            reverse: tracked.reverse,
        })
        .collect()
}

fn scripts(lines: &[config::Tracked], trackers: &TrackerTable) -> Vec<TrackedScript> {
    let usable = lines.iter().filter(|line| trackers.has_script(line.name.as_str()));
    usable
        .map(|line| TrackedScript {
            script: line.name.value.clone(),
            weight: line.weight.into(),
            reverse: line.reverse,
        })
        .collect()
}

fn processes(lines: &[config::Tracked], trackers: &TrackerTable) -> Vec<TrackedProcess> {
    let usable = lines.iter().filter(|line| trackers.has_process(line.name.as_str()));
    usable
        .map(|line| TrackedProcess {
            process: line.name.value.clone(),
            weight: line.weight.into(),
            reverse: line.reverse,
        })
        .collect()
}

fn files(lines: &[config::Tracked], trackers: &TrackerTable) -> Vec<TrackedFile> {
    let usable = lines.iter().filter(|line| trackers.has_file(line.name.as_str()));
    usable
        .map(|line| TrackedFile {
            file: line.name.value.clone(),
            weight: line.weight.into(),
            reverse: line.reverse,
        })
        .collect()
}

fn sessions(lines: &[config::Tracked], instances: &[config::BfdInstance]) -> Vec<TrackedBfd> {
    lines
        .iter()
        .map(|line| TrackedBfd {
            session: line.name.value.clone(),
            weight: line.weight.into(),
            reverse: line.reverse,
            left_out: !instances.iter().any(|instance| *instance.name == *line.name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn settings_of(text: &str) -> NodeSettings {
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        node_settings(&config, &TrackerTable::from_config(&config).0)
    }

    fn block(name: &str, vrid: u8, more: &str) -> String {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n\
             virtual_ipaddress {{\n192.0.2.{vrid}/24\n}}\n{more}\n}}\n"
        )
    }

    #[test]
    fn the_delay_after_boot_and_unknown_routers_are_the_nodes() {
        let settings = settings_of(&format!(
            "global_defs {{\nvrrp_startup_delay 2.5\nvrrp_delay_after_boot 90\nlog_unknown_vrids\n}}\n{}",
            block("A", 1, "")
        ));
        assert_eq!(settings.startup_delay, Duration::from_millis(2500));
        assert_eq!(settings.delay_after_boot, Duration::from_secs(90));
        assert!(settings.log_unknown_vrids);
        assert!(!settings_of(&block("A", 1, "")).log_unknown_vrids);
    }

    #[test]
    fn checksums_and_owners() {
        let global = "global_defs {\nv3_checksum_as_v2\nvrrp_owner_ignore_adverts\n}\n";
        let instances = [
            block("A", 1, "priority 255\nversion 3"),
            block("B", 2, "priority 255\nv3_checksum_as_v2 off\nowner_ignore_adverts off"),
            block("C", 3, "unicast_peer {\n192.0.2.9\n}\nold_unicast_checksum"),
            block("D", 4, "unicast_peer {\n192.0.2.9\n}\nold_unicast_checksum never"),
        ];
        let settings = settings_of(&format!("{global}{}", instances.concat()));
        let [a, b, c, d] = &settings.instances[..] else {
            panic!("{settings:?}")
        };
        assert!(a.v3_checksum_as_v2 && a.owner_ignore_adverts);
        assert!(!b.v3_checksum_as_v2 && !b.owner_ignore_adverts);
        assert_eq!(a.old_unicast_checksum, OldUnicastChecksum::Auto);
        assert_eq!(c.old_unicast_checksum, OldUnicastChecksum::Always);
        assert_eq!(d.old_unicast_checksum, OldUnicastChecksum::Never);
        let plain = settings_of(&block("A", 1, "priority 255"));
        assert!(!plain.instances[0].v3_checksum_as_v2 && !plain.instances[0].owner_ignore_adverts);
    }

    #[test]
    fn without_peers_an_instance_falls_back_to_multicast_unless_told_otherwise() {
        let text = block("A", 1, "unicast_fault_no_peer") + &block("B", 2, "unicast_src_ip 192.0.2.9");
        let settings = settings_of(&text);
        let (a, b) = (&settings.instances[0], &settings.instances[1]);
        assert!(a.lacks_peers && matches!(a.transmission, Transmission::Unicast { .. }));
        assert!(!b.lacks_peers && matches!(b.transmission, Transmission::Multicast { .. }));
        let peer = "unicast_fault_no_peer\nunicast_peer {\n192.0.2.9\n}";
        assert!(!settings_of(&block("A", 1, peer)).instances[0].lacks_peers);
    }

    #[test]
    fn sources_and_late_timers() {
        let words = "mcast_src_ip 192.0.2.1\ntrack_src_ip\nnopreempt\ntimer_expired_backup";
        let settings = settings_of(&(block("A", 1, words) + &block("B", 2, "mcast_src_ip 192.0.2.1")));
        let (a, b) = (&settings.instances[0], &settings.instances[1]);
        assert!(a.track_source && !b.track_source && a.source.is_some());
        assert_eq!((a.timer_expired_backup, b.timer_expired_backup), (Some(254), None));
    }

    #[test]
    fn changes_of_the_priority_are_told_as_the_instance_or_its_group_or_the_node_says() {
        let of = |global: &str, group: &str, own: &str| {
            let group = format!("vrrp_sync_group G {{\ngroup {{\nA\nB\n}}\n{group}\n}}\n");
            let instances = block("A", 1, own) + &block("B", 2, "");
            let text = format!("global_defs {{\n{global}\n}}\n{group}{instances}");
            settings_of(&text).instances[0].notify_priority_changes
        };
        assert!(!of("", "", ""));
        assert!(of("vrrp_notify_priority_changes", "", ""));
        assert!(of("", "notify_priority_changes", ""));
        assert!(!of("vrrp_notify_priority_changes", "notify_priority_changes off", ""));
        assert!(!of("vrrp_notify_priority_changes", "", "notify_priority_changes off"));
        assert!(of("", "notify_priority_changes off", "notify_priority_changes on"));
    }

    #[test]
    fn deleted_is_reported_when_asked_for() {
        let settings = settings_of(&(block("A", 1, "notify_deleted") + &block("B", 2, "")));
        assert!(settings.instances[0].notify_deleted && !settings.instances[1].notify_deleted);
    }

    #[test]
    fn what_a_group_tracks_counts_once() {
        let text = "vrrp_script chk {\nscript /bin/true\nuser root\n}\ntrack_file tf {\nfile /dev/shm/tf\n}\n\
                    vrrp_sync_group G {\ngroup {\nVI_1\n}\nsync_group_tracking_weight\n\
                    track_interface {\neth9 weight -10\n}\ntrack_script {\nchk weight -20\n}\ntrack_file {\ntf\n}\n}\n\
                    vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\npriority 100\n\
                    virtual_ipaddress {\n192.0.2.200/24\n}\n}\n";
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let (trackers, _) = TrackerTable::from_config(&config);
        let settings = node_settings(&config, &trackers);
        let (member, group) = (&settings.instances[0], &settings.groups[0]);
        let interfaces = member.tracked_interfaces.iter().chain(&group.tracked_interfaces);
        let weights: Vec<i32> = interfaces.map(|tracked| tracked.weight).collect();
        assert_eq!(weights, [-10]);
        let scripts = member.tracked_scripts.iter().chain(&group.tracked_scripts);
        let weights: Vec<i32> = scripts.map(|tracked| tracked.weight).collect();
        assert_eq!(weights, [-20]);
        let files = member.tracked_files.iter().chain(&group.tracked_files);
        let weights: Vec<i32> = files.map(|tracked| tracked.weight).collect();
        assert_eq!(weights, [1]);
    }
}
