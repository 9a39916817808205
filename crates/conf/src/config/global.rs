//! `global_defs`.

mod files;
mod firewall;
mod lvs;
mod process;
mod tell;

pub use files::{Files, Reload, ReloadFile};
pub use firewall::{Nftables, VrrpIpsets, VrrpIptables};
pub use lvs::{LvsFlushOnStop, LvsSyncDaemon, LvsSysctl, LvsTimeouts, NftablesIpvs};
pub use process::{Process, Processes, ReceiveBuffer, ReceiveBuffers, VrrpRxBufsPolicy};
pub use tell::{Dbus, NotifyFifo, Snmp};

use super::{Script, ScriptUser, VrrpVersion};
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The settings for the whole node. The `vrrp_*` ones are defaults that [`super::VrrpInstance`] has already taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlobalDefs {
    /// The node's name in mails; `None`: the host's name.
    pub router_id: Option<String>,
    /// Who gets mails.
    pub notification_email: Vec<String>,
    /// The sender of mails.
    pub notification_email_from: Option<String>,
    /// The mail relay.
    pub smtp_server: Option<SmtpServer>,
    /// The name sent in HELO; `None`: the host's name.
    pub smtp_helo_name: Option<String>,
    /// How long a connection to the mail relay may take. Default 30 s.
    pub smtp_connect_timeout: Duration,
    /// Default of `smtp_alert` everywhere.
    pub smtp_alert: Option<bool>,
    /// Default of `smtp_alert` for instances and sync groups; beats `smtp_alert`.
    pub smtp_alert_vrrp: Option<bool>,
    /// Default of `smtp_alert` for virtual and real servers; beats `smtp_alert`.
    pub smtp_alert_checker: Option<bool>,
    /// No mail about `FAULT`.
    pub no_email_faults: bool,
    /// No mail about real servers at a start or reload.
    pub no_checker_emails: bool,
    /// Whom scripts without a user of their own run as.
    pub script_user: Option<Spanned<ScriptUser>>,
    /// Refuse scripts that run as root and that someone else may change.
    pub enable_script_security: bool,
    /// Scripts run by the path that is written, not the one that links lead to.
    pub use_symlink_paths: bool,
    /// Scripts have all groups of their user.
    pub set_supplementary_groups: bool,
    /// Runs before everything else.
    pub startup_script: Option<Script>,
    /// How long it may take, 1–1000 s. Default 10 s.
    pub startup_script_timeout: Duration,
    /// Runs after everything else.
    pub shutdown_script: Option<Script>,
    /// How long it may take, 1–1000 s. Default 10 s.
    pub shutdown_script_timeout: Duration,
    /// Names, priorities and memory of processes.
    pub processes: Processes,
    /// Receive buffers.
    pub receive_buffers: ReceiveBuffers,
    /// May interfaces be named that do not exist?
    pub dynamic_interfaces: DynamicInterfaces,
    /// Send no reports about link-local multicast groups.
    pub disable_local_igmp: bool,
    /// The interface of static addresses without `dev`. Default `eth0`.
    pub default_interface: Option<Spanned<String>>,
    /// `vrrp_version`: the version of IPv4 instances. Default 2.
    pub vrrp_version: VrrpVersion,
    /// Multicast group of IPv4 adverts. Default 224.0.0.18.
    pub vrrp_mcast_group4: Ipv4Addr,
    /// Multicast group of IPv6 adverts. Default `ff02::12`.
    pub vrrp_mcast_group6: Ipv6Addr,
    /// Default of `garp_master_delay`: 5 s.
    pub vrrp_garp_master_delay: Duration,
    /// Default of `garp_master_repeat`: 5.
    pub vrrp_garp_master_repeat: u32,
    /// Default of `garp_master_refresh`: 0, off.
    pub vrrp_garp_master_refresh: Duration,
    /// Default of `garp_master_refresh_repeat`: 1.
    pub vrrp_garp_master_refresh_repeat: u32,
    /// Default of `garp_lower_prio_delay`; `None`: as `garp_master_delay`.
    pub vrrp_garp_lower_prio_delay: Option<Duration>,
    /// Default of `garp_lower_prio_repeat`; `None`: as `garp_master_repeat`.
    pub vrrp_garp_lower_prio_repeat: Option<u32>,
    /// Shortest time between two gratuitous ARPs on an interface. Default 0.
    pub vrrp_garp_interval: Duration,
    /// Shortest time between two unsolicited neighbour advertisements on an interface. Default 0.
    pub vrrp_gna_interval: Duration,
    /// Default of `down_timer_adverts`: 3.
    pub vrrp_down_timer_adverts: u8,
    /// Default of `lower_prio_no_advert`.
    pub vrrp_lower_prio_no_advert: bool,
    /// Default of `higher_prio_send_advert`: true, unlike keepalived. A master that loses answers once more, so that the
    /// winner knows of it and announces its addresses again.
    pub vrrp_higher_prio_send_advert: bool,
    /// Default of `skip_check_adv_addr`.
    pub vrrp_skip_check_adv_addr: bool,
    /// Default of `check_unicast_src`.
    pub vrrp_check_unicast_src: bool,
    /// How long to wait before VRRP starts. Default 0.
    pub vrrp_startup_delay: Duration,
    /// VRRP does not start before the host has run so long. Default 0.
    pub vrrp_delay_after_boot: Duration,
    /// Default of `garp_extra_if`; `None`: off.
    pub vrrp_garp_extra_if: Option<GarpExtraIf>,
    /// Default of `strict_mode`.
    pub vrrp_strict: bool,
    /// Default of `owner_ignore_adverts`.
    pub vrrp_owner_ignore_adverts: bool,
    /// Default of `v3_checksum_as_v2`.
    pub v3_checksum_as_v2: bool,
    /// Log adverts for virtual routers that are not configured.
    pub log_unknown_vrids: bool,
    /// How names of VMAC interfaces begin; `None`: `vrrp`.
    pub vmac_prefix: Option<String>,
    /// The same for VMACs of single addresses; `None`: `vmac_prefix`.
    pub vmac_addr_prefix: Option<String>,
    /// `None`: iptables is not used.
    pub vrrp_iptables: Option<VrrpIptables>,
    /// Sets for iptables; `None`: the default names.
    pub vrrp_ipsets: Option<VrrpIpsets>,
    /// nftables.
    pub nftables: Nftables,
    /// Default of `notify_priority_changes`.
    pub vrrp_notify_priority_changes: bool,
    /// Changes of everything.
    pub notify_fifo: NotifyFifo,
    /// Changes of VRRP.
    pub vrrp_notify_fifo: NotifyFifo,
    /// Changes of virtual and real servers.
    pub lvs_notify_fifo: NotifyFifo,
    /// After a reload all states are written again.
    pub fifo_write_vrrp_states_on_reload: bool,
    /// SNMP.
    pub snmp: Snmp,
    /// D-Bus.
    pub dbus: Dbus,
    /// Files and directories.
    pub files: Files,
    /// Reloads.
    pub reload: Reload,
    /// Where random numbers start; `None`: somewhere else each time.
    pub random_seed: Option<u32>,
    /// Log every failed check, not only changes of state.
    pub checker_log_all_failures: bool,
    /// Empty the whole IPVS table at start.
    pub lvs_flush: bool,
    /// How the IPVS table is emptied at the end.
    pub lvs_flush_on_stop: LvsFlushOnStop,
    /// IPVS connection timeouts.
    pub lvs_timeouts: LvsTimeouts,
    /// Tells another director about connections; `None`: off.
    pub lvs_sync_daemon: Option<LvsSyncDaemon>,
    /// Settings of the kernel's IPVS, each once.
    pub lvs_sysctls: Vec<LvsSysctl>,
    /// One mark for the addresses of a group.
    pub nftables_ipvs: NftablesIpvs,
    /// `notify_up` and `notify_down` run at the first decision about a real server, too.
    pub rs_init_notifies: bool,
    /// Checks that ask the same, equally often, ask together.
    pub share_checks: bool,
}

const SCRIPT_TIMEOUT: Duration = Duration::from_secs(10);

impl Default for GlobalDefs {
    fn default() -> Self {
        Self {
            router_id: None,
            notification_email: Vec::new(),
            notification_email_from: None,
            smtp_server: None,
            smtp_helo_name: None,
            smtp_connect_timeout: Duration::from_secs(30),
            smtp_alert: None,
            smtp_alert_vrrp: None,
            smtp_alert_checker: None,
            no_email_faults: false,
            no_checker_emails: false,
            script_user: None,
            enable_script_security: false,
            use_symlink_paths: false,
            set_supplementary_groups: false,
            startup_script: None,
            startup_script_timeout: SCRIPT_TIMEOUT,
            shutdown_script: None,
            shutdown_script_timeout: SCRIPT_TIMEOUT,
            processes: Processes::default(),
            receive_buffers: ReceiveBuffers::default(),
            dynamic_interfaces: DynamicInterfaces::default(),
            disable_local_igmp: false,
            default_interface: None,
            vrrp_version: VrrpVersion::V2,
            vrrp_mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            vrrp_mcast_group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            vrrp_garp_master_delay: Duration::from_secs(5),
            vrrp_garp_master_repeat: 5,
            vrrp_garp_master_refresh: Duration::ZERO,
            vrrp_garp_master_refresh_repeat: 1,
            vrrp_garp_lower_prio_delay: None,
            vrrp_garp_lower_prio_repeat: None,
            vrrp_garp_interval: Duration::ZERO,
            vrrp_gna_interval: Duration::ZERO,
            vrrp_down_timer_adverts: 3,
            vrrp_lower_prio_no_advert: false,
            vrrp_higher_prio_send_advert: true,
            vrrp_skip_check_adv_addr: false,
            vrrp_check_unicast_src: false,
            vrrp_startup_delay: Duration::ZERO,
            vrrp_delay_after_boot: Duration::ZERO,
            vrrp_garp_extra_if: None,
            vrrp_strict: false,
            vrrp_owner_ignore_adverts: false,
            v3_checksum_as_v2: false,
            log_unknown_vrids: false,
            vmac_prefix: None,
            vmac_addr_prefix: None,
            vrrp_iptables: None,
            vrrp_ipsets: None,
            nftables: Nftables::default(),
            vrrp_notify_priority_changes: false,
            notify_fifo: NotifyFifo::default(),
            vrrp_notify_fifo: NotifyFifo::default(),
            lvs_notify_fifo: NotifyFifo::default(),
            fifo_write_vrrp_states_on_reload: false,
            snmp: Snmp::default(),
            dbus: Dbus::default(),
            files: Files::default(),
            reload: Reload::default(),
            random_seed: None,
            checker_log_all_failures: false,
            lvs_flush: false,
            lvs_flush_on_stop: LvsFlushOnStop::default(),
            lvs_timeouts: LvsTimeouts::default(),
            lvs_sync_daemon: None,
            lvs_sysctls: Vec::new(),
            nftables_ipvs: NftablesIpvs::default(),
            rs_init_notifies: false,
            share_checks: false,
        }
    }
}

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpServer {
    /// An address or a name that the user of the configuration looks up.
    pub host: String,
    /// Default 25.
    pub port: u16,
}

/// `dynamic_interfaces`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DynamicInterfaces {
    /// Interfaces that do not exist are an error.
    #[default]
    No,
    /// They may come and go.
    Yes,
    /// `allow_if_changes`: and come back as another kind.
    AllowIfChanges,
}

/// `garp_extra_if [all] SECONDS`: gratuitous ARPs on the interfaces of VMACs, so that switches know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GarpExtraIf {
    /// `all`: also on those that send adverts.
    pub all: bool,
    /// Time between them, 1–86400 s.
    pub interval: Duration,
}
