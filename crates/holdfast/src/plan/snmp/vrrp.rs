//! What the configuration says about VRRP and its trackers. Without any secret: whoever talks to managers of networks needs none.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use holdfast_conf::config::{self, AddressFamily, Config, InitialState, NotifyDeleted, Tracked, VrrpVersion};
use holdfast_vrrp::settings::Family;
use serde::{Deserialize, Serialize};

use crate::host::find_program;
use crate::plan::ipvs;
use crate::plan::routing::{route_entries, rule_entries};

/// All that does not change until the next reload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpFacts {
    /// `vrrp_sync_group`
    pub groups: Vec<GroupFacts>,
    /// `vrrp_instance`
    pub instances: Vec<InstanceFacts>,
    /// `static_ipaddress`
    pub static_addresses: Vec<config::VirtualAddress>,
    /// `static_routes`
    pub static_routes: Vec<RouteFacts>,
    /// `static_rules`
    pub static_rules: Vec<RuleFacts>,
    /// `vrrp_script`, those that are tracked
    pub scripts: Vec<ScriptFacts>,
    /// `track_file`, those that instances or groups track
    pub files: Vec<config::TrackFile>,
    /// `bfd_instance`, those that instances may track
    pub bfds: Vec<BfdFacts>,
    /// `vrrp_track_process`, those that are tracked
    pub processes: Vec<config::VrrpTrackProcess>,
}

/// One `vrrp_sync_group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// Its name
    pub name: String,
    /// Names of its instances
    pub members: Vec<String>,
    /// `sync_group_tracking_weight`
    pub tracking_weight: bool,
    /// `smtp_alert`, or what holds without it
    pub mail: bool,
    /// What runs
    pub notify: NotifyFacts,
    /// What it tracks
    pub tracks: Trackers,
}

/// One `vrrp_instance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub struct InstanceFacts {
    /// Its name
    pub name: String,
    /// `interface`
    pub interface: String,
    /// `virtual_router_id`
    pub vrid: u8,
    /// `version`
    pub version: u8,
    /// The family of its advertisements
    pub family: Family,
    /// `state MASTER`
    pub starts_as_master: bool,
    /// `priority`
    pub priority: u8,
    /// `advert_int`
    pub advert_interval: Duration,
    /// Not `nopreempt`
    pub preempt: bool,
    /// `preempt_delay`
    pub preempt_delay: Duration,
    /// Not `dont_track_primary`
    pub tracks_primary: bool,
    /// `auth_type`: 0 none, 1 a password, 2 an authentication header
    pub authentication: u8,
    /// `lvs_sync_daemon`: the interface, if the daemon follows this instance
    pub sync_interface: Option<String>,
    /// The group that it is in
    pub group: Option<String>,
    /// `garp_master_delay`
    pub garp_delay: Duration,
    /// `smtp_alert`, or what holds without it
    pub mail: bool,
    /// What runs
    pub notify: NotifyFacts,
    /// `notify_deleted`
    pub notify_deleted: bool,
    /// `accept`
    pub accept: bool,
    /// `promote_secondaries`
    pub promote_secondaries: bool,
    /// `linkbeat_use_polling`
    pub polls_link: bool,
    /// `mcast_dst_ip`; `None`: unicast
    pub multicast: Option<IpAddr>,
    /// `v3_checksum_as_v2`
    pub v3_checksum_as_v2: bool,
    /// `virtual_ipaddress`
    pub addresses: Vec<config::VirtualAddress>,
    /// `virtual_ipaddress_excluded`
    pub excluded: Vec<config::VirtualAddress>,
    /// `virtual_routes`
    pub routes: Vec<RouteFacts>,
    /// `virtual_rules`
    pub rules: Vec<RuleFacts>,
    /// What it tracks, without what its group tracks
    pub tracks: Trackers,
}

/// What an instance or a group tracks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trackers {
    /// `track_interface`
    pub interfaces: Vec<Tracked>,
    /// `track_script`
    pub scripts: Vec<Tracked>,
    /// `track_file`
    pub files: Vec<Tracked>,
    /// `track_bfd`
    pub bfds: Vec<Tracked>,
    /// `track_process`
    pub processes: Vec<Tracked>,
}

/// A route and the words that the election knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteFacts {
    /// The line
    pub route: config::Route,
    /// The words
    pub text: String,
}

/// A rule and the words that the election knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// The line
    pub rule: config::Rule,
    /// The words
    pub text: String,
}

/// Commands that run on changes of state, as [`command`] writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyFacts {
    /// `notify_master`
    pub master: Option<String>,
    /// `notify_backup`
    pub backup: Option<String>,
    /// `notify_fault`
    pub fault: Option<String>,
    /// `notify_stop`
    pub stop: Option<String>,
    /// `notify_deleted`
    pub deleted: Option<String>,
    /// `notify_master_rx_lower_pri`
    pub rx_lower_priority: Option<String>,
    /// `notify`
    pub all: Option<String>,
}

/// One `vrrp_script`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFacts {
    /// Its name
    pub name: String,
    /// As [`command`] writes it
    pub command: String,
    /// The file that is executed
    pub path: String,
    /// `interval`
    pub interval: Duration,
    /// `timeout`
    pub timeout: Duration,
    /// `weight`
    pub weight: i16,
    /// `reverse`
    pub reverse: bool,
    /// `rise`
    pub rise: u32,
    /// `fall`
    pub fall: u32,
}

/// One `bfd_instance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdFacts {
    /// Its name
    pub name: String,
    /// `weight`
    pub weight: i16,
    /// `reverse`
    pub reverse: bool,
}

impl NotifyFacts {
    fn of(notify: &config::Notify) -> Self {
        let command = |script: &Option<Box<config::Script>>| script.as_ref().map(|script| command(script));
        Self {
            master: command(&notify.notify_master),
            backup: command(&notify.notify_backup),
            fault: command(&notify.notify_fault),
            stop: command(&notify.notify_stop),
            deleted: match &notify.notify_deleted {
                Some(NotifyDeleted::Script(script)) => Some(self::command(script)),
                Some(NotifyDeleted::State) | None => None,
            },
            rx_lower_priority: command(&notify.notify_master_rx_lower_pri),
            all: command(&notify.notify),
        }
    }

    /// Whether anything runs.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// A command as keepalived shows it: each word in quotes.
fn command(script: &config::Script) -> String {
    let words = script.argv.iter().map(|word| format!("'{}'", word.display()));
    words.collect::<Vec<_>>().join(" ")
}

/// What there is to say.
pub(super) fn facts(config: &Config) -> VrrpFacts {
    let used = InUse::of(config);
    let symlinks = config.global_defs.use_symlink_paths;
    let scripts = config.vrrp_scripts.iter();
    let files = config.track_files.iter();
    let processes = config.vrrp_track_processes.iter();
    let mut instances: Vec<InstanceFacts> = config.vrrp_instances.iter().map(|it| instance(it, config)).collect();
    if let Some(sync) = ipvs::sync(config) {
        let followed = instances.iter_mut().find(|it| Some(&it.name) == sync.instance.as_ref());
        if let Some(followed) = followed {
            followed.sync_interface = Some(sync.daemon.interface);
        }
    }
    VrrpFacts {
        groups: config.vrrp_sync_groups.iter().map(|it| group(it, config)).collect(),
        instances,
        static_addresses: config.static_ipaddress.clone(),
        static_routes: routes(&config.static_routes),
        static_rules: rules(&config.static_rules),
        scripts: scripts
            .filter(|it| used.scripts.contains(it.name.as_str()))
            .map(|it| script(it, symlinks))
            .collect(),
        files: files
            .filter(|it| used.files.contains(it.name.as_str()))
            .cloned()
            .collect(),
        bfds: config.bfd_instances.iter().filter(|it| it.vrrp).map(bfd).collect(),
        processes: processes
            .filter(|it| used.processes.contains(it.name.as_str()))
            .cloned()
            .collect(),
    }
}

/// Names of what is tracked.
struct InUse<'a> {
    scripts: HashSet<&'a str>,
    files: HashSet<&'a str>,
    processes: HashSet<&'a str>,
}

impl<'a> InUse<'a> {
    fn of(config: &'a Config) -> Self {
        let names = |of_instance: fn(&config::VrrpInstance) -> &[Tracked],
                     of_group: fn(&config::VrrpSyncGroup) -> &[Tracked]| {
            let instances = config.vrrp_instances.iter().flat_map(of_instance);
            let groups = config.vrrp_sync_groups.iter().flat_map(of_group);
            instances.chain(groups).map(|tracked| tracked.name.as_str()).collect()
        };
        Self {
            scripts: names(|it| &it.track_script, |it| &it.track_script),
            files: names(|it| &it.track_file, |it| &it.track_file),
            processes: names(|it| &it.track_process, |it| &it.track_process),
        }
    }
}

/// `smtp_alert`: its own word, else that of `global_defs`.
fn mail(own: Option<bool>, config: &Config) -> bool {
    let global = &config.global_defs;
    own.or(global.smtp_alert_vrrp).or(global.smtp_alert).unwrap_or(false)
}

fn group(group: &config::VrrpSyncGroup, config: &Config) -> GroupFacts {
    GroupFacts {
        name: group.name.value.clone(),
        members: group.group.iter().map(|member| member.value.clone()).collect(),
        tracking_weight: group.sync_group_tracking_weight,
        mail: mail(group.smtp_alert, config),
        notify: NotifyFacts::of(&group.notify),
        tracks: Trackers {
            interfaces: group.track_interface.clone(),
            scripts: group.track_script.clone(),
            files: group.track_file.clone(),
            bfds: group.track_bfd.clone(),
            processes: group.track_process.clone(),
        },
    }
}

fn instance(instance: &config::VrrpInstance, config: &Config) -> InstanceFacts {
    let has_it = |group: &&config::VrrpSyncGroup| group.group.contains(&instance.name);
    let group = config.vrrp_sync_groups.iter().find(has_it);
    InstanceFacts {
        name: instance.name.value.clone(),
        interface: instance.interface.value.clone(),
        vrid: instance.virtual_router_id.value,
        version: match instance.version {
            VrrpVersion::V2 => 2,
            VrrpVersion::V3 => 3,
        },
        family: match instance.family {
            AddressFamily::Inet => Family::Ipv4,
            AddressFamily::Inet6 => Family::Ipv6,
        },
        starts_as_master: instance.state == InitialState::Master,
        priority: instance.priority,
        advert_interval: instance.advert_int,
        preempt: !instance.nopreempt,
        preempt_delay: instance.preempt_delay,
        tracks_primary: !instance.dont_track_primary,
        authentication: match instance.authentication {
            None => 0,
            Some(config::Authentication::Pass(_)) => 1,
            Some(config::Authentication::Ah(_)) => 2,
        },
        sync_interface: None,
        group: group.map(|group| group.name.value.clone()),
        garp_delay: instance.garp_master_delay,
        mail: mail(instance.smtp_alert, config),
        notify: NotifyFacts::of(&instance.notify),
        notify_deleted: instance.notify.notify_deleted.is_some(),
        accept: instance.accept,
        promote_secondaries: instance.promote_secondaries,
        polls_link: instance.linkbeat_use_polling,
        multicast: (instance.unicast_peer.is_empty() && !instance.unicast_fault_no_peer)
            .then_some(instance.mcast_dst_ip),
        v3_checksum_as_v2: instance.v3_checksum_as_v2,
        addresses: instance.virtual_ipaddress.clone(),
        excluded: instance.virtual_ipaddress_excluded.clone(),
        routes: routes(&instance.virtual_routes),
        rules: rules(&instance.virtual_rules),
        tracks: own_trackers(instance, group),
    }
}

/// An instance of a group tracks what the group tracks; that is said of the group.
fn own_trackers(instance: &config::VrrpInstance, group: Option<&config::VrrpSyncGroup>) -> Trackers {
    let own = |all: &[Tracked], of_group: fn(&config::VrrpSyncGroup) -> &[Tracked]| {
        let shared = group.map(of_group).unwrap_or_default();
        all.iter()
            .filter(|tracked| !shared.contains(tracked))
            .cloned()
            .collect()
    };
    Trackers {
        interfaces: own(&instance.track_interface, |group| &group.track_interface),
        scripts: own(&instance.track_script, |group| &group.track_script),
        files: own(&instance.track_file, |group| &group.track_file),
        bfds: own(&instance.track_bfd, |group| &group.track_bfd),
        processes: own(&instance.track_process, |group| &group.track_process),
    }
}

fn routes(lines: &[config::Route]) -> Vec<RouteFacts> {
    let facts = |line: &config::Route| {
        let entry = route_entries(std::slice::from_ref(line)).pop()?;
        Some(RouteFacts {
            route: line.clone(),
            text: entry.text,
        })
    };
    lines.iter().filter_map(facts).collect()
}

fn rules(lines: &[config::Rule]) -> Vec<RuleFacts> {
    let facts = |line: &config::Rule| {
        let entry = rule_entries(std::slice::from_ref(line)).pop()?;
        Some(RuleFacts {
            rule: line.clone(),
            text: entry.text,
        })
    };
    lines.iter().filter_map(facts).collect()
}

fn script(script: &config::VrrpScript, symlinks: bool) -> ScriptFacts {
    let program = script.script.argv.first().map(OsStr::new).unwrap_or_default();
    let found = find_program(Path::new(program)).unwrap_or_else(|_| program.into());
    let path = if symlinks {
        found
    } else {
        found.canonicalize().unwrap_or(found)
    };
    ScriptFacts {
        name: script.name.value.clone(),
        command: command(&script.script),
        path: path.display().to_string(),
        interval: script.interval,
        timeout: script.timeout,
        weight: script.weight,
        reverse: script.reverse,
        rise: script.rise,
        fall: script.fall,
    }
}

fn bfd(session: &config::BfdInstance) -> BfdFacts {
    BfdFacts {
        name: session.name.value.clone(),
        weight: session.weight,
        reverse: session.reverse,
    }
}
