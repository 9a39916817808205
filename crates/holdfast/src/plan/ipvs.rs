//! Settings of IPVS as a whole: timeouts, connection synchronisation, the end, the namespace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_conf::config::{self, Config, IpvsNamespace, LvsFlushOnStop};
use holdfast_ipvs::sync::{SyncDaemon, SyncRole, Timeouts};
use serde::{Deserialize, Serialize};

use super::marks::{MarkSettings, Marks};

/// Where `ip netns` keeps namespaces by name.
const NAMESPACES: &str = "/run/netns";

/// What the checker process is told besides services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpvsSettings {
    /// `lvs_timeouts`
    pub timeouts: Option<Timeouts>,
    /// `lvs_sync_daemon`
    pub sync: Option<SyncSettings>,
    /// `lvs_flush_on_stop` without an argument: the whole table is emptied at the end, whoever filled it
    pub flush_at_stop: bool,
    /// `net_namespace_ipvs`: file of the network namespace whose IPVS it is; `None`: the process's own
    pub namespace: Option<PathBuf>,
    /// Modules of the schedulers and persistence engines
    pub modules: BTreeSet<String>,
    /// `nftables_ipvs`
    pub marks: Option<MarkSettings>,
    /// How old counters may be that are shown
    pub counter_age: CounterAge,
}

/// How old the kernel's counters may be before they are read again for somebody who asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterAge {
    /// `snmp_vs_stats_update_interval`: those of virtual servers; 1 ms to 30 s
    pub virtual_servers: Duration,
    /// `snmp_rs_stats_update_interval`: those of real servers; 1 ms to 30 s
    pub real_servers: Duration,
}

impl CounterAge {
    fn of(snmp: &config::Snmp) -> Self {
        let virtual_servers = snmp.vs_stats_update_interval;
        Self {
            virtual_servers,
            real_servers: snmp.rs_stats_update_interval.unwrap_or(virtual_servers),
        }
    }
}

impl Default for CounterAge {
    fn default() -> Self {
        Self::of(&config::Snmp::default())
    }
}

/// `lvs_sync_daemon`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncSettings {
    /// The daemons follow this instance; `None`: both run
    pub instance: Option<String>,
    /// Settings of either daemon; the role is that of the master
    pub daemon: SyncDaemon,
}

impl SyncSettings {
    /// The daemons that are to run while the instance is master, or is not.
    pub fn wanted(&self, is_master: bool) -> Vec<SyncDaemon> {
        let with = |role| SyncDaemon {
            role,
            ..self.daemon.clone()
        };
        match (&self.instance, is_master) {
            (None, _) => vec![with(SyncRole::Master), with(SyncRole::Backup)],
            (Some(_), true) => vec![with(SyncRole::Master)],
            (Some(_), false) => vec![with(SyncRole::Backup)],
        }
    }
}

/// The settings in a file. `initial` is a file of the network namespace that the daemon was started in.
pub fn settings(config: &Config, initial: &Path, marks: &Marks) -> IpvsSettings {
    let global = &config.global_defs;
    let seconds =
        |time: Option<std::time::Duration>| u32::try_from(time.unwrap_or_default().as_secs()).unwrap_or(u32::MAX);
    let timeouts = Timeouts {
        tcp_s: seconds(global.lvs_timeouts.tcp),
        tcp_fin_s: seconds(global.lvs_timeouts.tcpfin),
        udp_s: seconds(global.lvs_timeouts.udp),
    };
    IpvsSettings {
        timeouts: (timeouts != Timeouts::default()).then_some(timeouts),
        sync: sync(config),
        flush_at_stop: global.lvs_flush_on_stop == LvsFlushOnStop::All,
        namespace: match (&config.daemon.net_namespace_ipvs, &config.daemon.net_namespace) {
            (IpvsNamespace::Named(name), own) if own.as_ref() != Some(name) => Some(Path::new(NAMESPACES).join(name)),
            (IpvsNamespace::Initial, Some(_)) => Some(initial.to_owned()),
            _ => None,
        },
        modules: modules(config),
        marks: marks.settings(config),
        counter_age: CounterAge::of(&global.snmp),
    }
}

fn modules(config: &Config) -> BTreeSet<String> {
    let of = |server: &config::VirtualServer| {
        let engine = server.persistence_engine.as_ref();
        let engine = engine.map(|engine| format!("ip_vs_pe_{engine}"));
        [Some(format!("ip_vs_{}", server.lb_algo.name())), engine]
    };
    let all = config.virtual_servers.iter().flat_map(of).flatten();
    // A name that is none of a module is the kernel's business.
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .collect()
}

/// `lvs_sync_daemon`, else `lvs_sync_daemon_interface` of an instance.
pub(super) fn sync(config: &Config) -> Option<SyncSettings> {
    let vrid_of = |name: &str| {
        let instance = config.vrrp_instances.iter().find(|it| it.name.value == name)?;
        Some(instance.virtual_router_id.value)
    };
    let daemon = |interface: &str, id: Option<u8>, more: Option<&config::LvsSyncDaemon>| SyncDaemon {
        role: SyncRole::Master,
        interface: interface.to_owned(),
        id: id.unwrap_or(0),
        max_len: more.and_then(|it| it.maxlen),
        port: more.and_then(|it| it.port),
        ttl: more.and_then(|it| it.ttl),
        group: more.and_then(|it| it.group),
    };
    if let Some(it) = &config.global_defs.lvs_sync_daemon {
        let instance = it.inst.as_ref().map(|name| name.value.clone());
        let id = it.id.or_else(|| vrid_of(instance.as_deref()?));
        return Some(SyncSettings {
            instance,
            daemon: daemon(&it.interface.value, id, Some(it)),
        });
    }
    let of_instance = |instance: &config::VrrpInstance| {
        let interface = instance.lvs_sync_daemon_interface.as_ref()?;
        Some(SyncSettings {
            instance: Some(instance.name.value.clone()),
            // 0, not the VRID: a peer with keepalived and the same file sends and expects that.
            daemon: daemon(&interface.value, None, None),
        })
    };
    config.vrrp_instances.iter().find_map(of_instance)
}

#[cfg(test)]
mod tests {
    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn of(global: &str, outside: &str, instance: &str) -> IpvsSettings {
        let text = format!(
            "{outside}\nglobal_defs {{\n{global}\n}}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n{instance}\n\
             virtual_ipaddress {{\n192.0.2.200/24\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        settings(&config, Path::new("/initial"), &Marks::give(&config))
    }

    #[test]
    fn the_sync_daemon_has_the_instance_s_number_and_its_role() {
        let sync = of("lvs_sync_daemon eth1 VI_1 port 9000", "", "").sync.unwrap();
        assert_eq!(sync.instance.as_deref(), Some("VI_1"));
        assert_eq!(
            (sync.daemon.interface.as_str(), sync.daemon.id, sync.daemon.port),
            ("eth1", 51, Some(9000))
        );
        let roles = |daemons: Vec<SyncDaemon>| daemons.iter().map(|it| it.role).collect::<Vec<_>>();
        assert_eq!(roles(sync.wanted(true)), [SyncRole::Master]);
        assert_eq!(roles(sync.wanted(false)), [SyncRole::Backup]);

        let both = of("lvs_sync_daemon eth1 id 7", "", "").sync.unwrap();
        assert_eq!((both.daemon.id, both.wanted(false).len()), (7, 2));
        let old = of("", "", "lvs_sync_daemon_interface eth2").sync.unwrap();
        assert_eq!(
            (old.instance.as_deref(), old.daemon.interface.as_str(), old.daemon.id),
            (Some("VI_1"), "eth2", 0)
        );
        assert_eq!(of("", "", "").sync, None);
    }

    #[test]
    fn schedulers_and_engines_are_modules() {
        let server = |options: &str| {
            format!("virtual_server fwmark 1 {{\nlb_kind DR\n{options}\nreal_server 192.0.2.61 {{\nweight 1\n}}\n}}\n")
        };
        let one = server("lb_algo lblc\npersistence_engine sip");
        let modules = of("", &one, "").modules;
        assert_eq!(Vec::from_iter(&modules), ["ip_vs_lblc", "ip_vs_pe_sip"]);
        let odd = server("lb_algo rr\npersistence_engine ../sip");
        assert_eq!(Vec::from_iter(&of("", &odd, "").modules), ["ip_vs_rr"]);
    }

    #[test]
    fn counters_of_real_servers_may_be_as_old_as_those_of_virtual_servers() {
        let ages = |global: &str| {
            let age = of(global, "", "").counter_age;
            (age.virtual_servers.as_millis(), age.real_servers.as_millis())
        };
        assert_eq!(ages(""), (5_000, 5_000));
        assert_eq!(ages("snmp_vs_stats_update_interval 2"), (2_000, 2_000));
        assert_eq!(ages("snmp_rs_stats_update_interval 0.5"), (5_000, 500));
        let both = "snmp_vs_stats_update_interval 0.001\nsnmp_rs_stats_update_interval 30";
        assert_eq!(ages(both), (1, 30_000));
    }

    #[test]
    fn timeouts_the_end_and_the_namespace() {
        let nothing = of("", "", "");
        assert_eq!(nothing, IpvsSettings::default());
        let all = of("lvs_timeouts tcp 7200 udp 60\nlvs_flush_on_stop", "", "");
        assert_eq!(
            all.timeouts,
            Some(Timeouts {
                tcp_s: 7200,
                tcp_fin_s: 0,
                udp_s: 60
            })
        );
        assert!(all.flush_at_stop);
        assert!(!of("lvs_flush_on_stop VS", "", "").flush_at_stop);
        let namespace = |outside: &str| of("", outside, "").namespace;
        assert_eq!(
            namespace("net_namespace a\nnet_namespace_ipvs b"),
            Some("/run/netns/b".into())
        );
        assert_eq!(
            namespace("net_namespace a\nnet_namespace_ipvs"),
            Some("/initial".into())
        );
        assert_eq!(namespace("net_namespace a"), None);
    }
}
