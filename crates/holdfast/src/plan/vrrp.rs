//! Settings of the election from `vrrp_instance` and `vrrp_sync_group` blocks.

use std::time::Duration;

use holdfast_conf::config::{self, AddressFamily, Config, VrrpVersion};
use holdfast_vrrp::settings::{
    AnnounceSettings, AuthenticationSettings, Family, GroupSettings, InitialState, InstanceSettings, NodeSettings,
    Peer, TrackedFile, TrackedInterface, TrackedScript, Transmission, Version, VirtualAddress,
};

use super::trackers::TrackerTable;

/// The settings for everything in the file. Of scripts and files only those are tracked that can be.
pub fn node_settings(config: &Config, trackers: &TrackerTable) -> NodeSettings {
    let instances = config.vrrp_instances.iter();
    let groups = config.vrrp_sync_groups.iter();
    NodeSettings {
        instances: instances.map(|it| instance(it, trackers)).collect(),
        groups: groups.map(group).collect(),
        startup_delay: config.global_defs.vrrp_startup_delay,
    }
}

fn instance(instance: &config::VrrpInstance, trackers: &TrackerTable) -> InstanceSettings {
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
        authentication: instance.authentication.and_then(|authentication| match authentication {
            config::Authentication::Pass(password) => Some(AuthenticationSettings::Pass(password)),
            // The file was refused: see `Diagnostic::is_fatal`.
            config::Authentication::Ah(_) => None,
        }),
        transmission: transmission(instance),
        source: instance.source_address.as_ref().map(|source| source.value),
        addresses: instance
            .virtual_ipaddress
            .iter()
            .map(|address| virtual_address(instance, address))
            .collect(),
        excluded: instance
            .virtual_ipaddress_excluded
            .iter()
            .map(|address| virtual_address(instance, address))
            .collect(),
        tracked_interfaces: tracked(&instance.track_interface),
        tracked_scripts: scripts(&instance.track_script, trackers),
        tracked_files: files(&instance.track_file, trackers),
        track_primary: !instance.dont_track_primary,
        announce: AnnounceSettings {
            master_delay: instance.garp_master_delay,
            master_repeat: instance.garp_master_repeat,
            refresh: instance.garp_master_refresh,
            refresh_repeat: instance.garp_master_refresh_repeat,
            lower_prio_delay: instance.garp_lower_prio_delay,
            lower_prio_repeat: instance.garp_lower_prio_repeat,
        },
        down_timer_adverts: instance.down_timer_adverts,
        accept: instance.accept,
        higher_prio_send_advert: instance.higher_prio_send_advert,
        lower_prio_no_advert: instance.lower_prio_no_advert,
        skip_check_adv_addr: instance.skip_check_adv_addr,
        ..InstanceSettings::new(
            &instance.name.value,
            &instance.interface.value,
            instance.virtual_router_id.value,
        )
    }
}

fn transmission(instance: &config::VrrpInstance) -> Transmission {
    if instance.unicast_peer.is_empty() {
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

fn virtual_address(instance: &config::VrrpInstance, address: &config::VirtualAddress) -> VirtualAddress {
    VirtualAddress {
        interface: (address.dev.value != instance.interface.value).then(|| address.dev.value.clone()),
        scope: address.scope,
        label: address.label.clone(),
        broadcast: address.broadcast,
        peer: address.peer,
        duplicate_detection: !address.nodad,
        home: address.home,
        mngtmpaddr: address.mngtmpaddr,
        noprefixroute: address.noprefixroute,
        autojoin: address.autojoin,
        preferred_lifetime: address.preferred_lft.map(|seconds| Duration::from_secs(seconds.into())),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

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
