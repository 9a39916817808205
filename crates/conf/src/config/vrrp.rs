//! `vrrp_instance` and `vrrp_sync_group`.

use super::{AddressFamily, AuthHmac, Authentication, GarpExtraIf, Ipvlan, Route, Rule, Script, Tracked, Vmac};
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VrrpVersion {
    /// RFC 3768, IPv4; for IPv6 a dialect of keepalived's.
    #[default]
    V2,
    /// RFC 5798 and RFC 9568.
    V3,
}

/// `state`: what the instance hopes to be. Only an instance of priority 255 starts as master; others wait, whatever it
/// says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InitialState {
    /// MASTER.
    Master,
    /// BACKUP.
    #[default]
    Backup,
}

/// `old_unicast_checksum`: releases of keepalived before 1.3.6 counted the multicast group into the checksum of unicast
/// adverts. Without the keyword the first advert that is right only that way switches the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OldUnicastChecksum {
    /// Send and take such adverts from the start.
    Always,
    /// `never`: never take them.
    Never,
}

/// `notify_deleted`: what happens when a reload removes the instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NotifyDeleted {
    /// The state DELETED is reported where states are reported.
    State,
    /// This runs, too.
    Script(Box<Script>),
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VrrpInstance {
    /// The name of the block, unique.
    pub name: Spanned<String>,
    /// What it hopes to be.
    pub state: InitialState,
    /// The interface of the adverts; the VRF when only `vrf` is written.
    pub interface: Spanned<String>,
    /// 1–255.
    pub virtual_router_id: Spanned<u8>,
    /// 1–255; 255 is the owner of the addresses.
    pub priority: u8,
    /// The version of the protocol.
    pub version: VrrpVersion,
    /// The family of the adverts and of `virtual_ipaddress`.
    pub family: AddressFamily,
    /// Time between adverts: v2 whole seconds 1–255, v3 whole centiseconds 0.01–40.95 s.
    pub advert_int: Duration,
    /// The password.
    pub authentication: Option<Authentication>,
    /// A signature on every advert.
    pub auth_hmac: Option<AuthHmac>,
    /// Stay backup when a master of lower priority is there.
    pub nopreempt: bool,
    /// Wait before taking over from a master of lower priority, 0–1000 s.
    pub preempt_delay: Duration,
    /// The addresses that the adverts name and the master holds.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// More addresses that the master holds, of any family.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `mcast_src_ip` or `unicast_src_ip`: the source of the adverts; `None`: the first address of the interface
    /// (IPv6: its link-local address).
    pub source_address: Option<Spanned<IpAddr>>,
    /// Where multicast adverts go: `mcast_dst_ip`, else the group of the family in `global_defs`. Not used with
    /// `unicast_peer`.
    pub mcast_dst_ip: IpAddr,
    /// When not empty, adverts go to these and not to the multicast group.
    pub unicast_peer: Vec<UnicastPeer>,
    /// TTL of unicast adverts; multicast is always sent with 255.
    pub unicast_ttl: u8,
    /// Without peers the instance is in FAULT and does not use multicast.
    pub unicast_fault_no_peer: bool,
    /// How the checksum of unicast adverts of version 3 is counted.
    pub old_unicast_checksum: Option<OldUnicastChecksum>,
    /// Take adverts only from the peers.
    pub check_unicast_src: bool,
    /// The instance does not care about the link of its own interface.
    pub dont_track_primary: bool,
    /// More interfaces whose link it cares about, with those of its sync group.
    pub track_interface: Vec<Tracked>,
    /// Scripts that it cares about, with those of its sync group; so are the lists below.
    pub track_script: Vec<Tracked>,
    /// Files.
    pub track_file: Vec<Tracked>,
    /// Processes.
    pub track_process: Vec<Tracked>,
    /// BFD sessions.
    pub track_bfd: Vec<Tracked>,
    /// Adverts that may be missed before the master counts as down, 1–100, default 3.
    pub down_timer_adverts: u8,
    /// A master that hears a higher priority sends one more advert before it goes backup.
    pub higher_prio_send_advert: bool,
    /// A master does not answer an advert of lower priority at once.
    pub lower_prio_no_advert: bool,
    /// Do not compare the addresses of adverts that come from the known master.
    pub skip_check_adv_addr: bool,
    /// A master that is not the owner takes packets for its addresses. Default true, in strict mode false; `no_accept`
    /// is not yet in effect.
    pub accept: bool,
    /// Only what the RFCs have. The settings here are corrected accordingly.
    pub strict_mode: bool,
    /// An owner does not look at adverts.
    pub owner_ignore_adverts: bool,
    /// FAULT while `source_address` is not on the interface.
    pub track_src_ip: bool,
    /// The virtual router has an interface with its own MAC address.
    pub use_vmac: Option<Vmac>,
    /// So have addresses that are not on `interface`.
    pub use_vmac_addr: bool,
    /// Adverts go over the interface below.
    pub vmac_xmit_base: bool,
    /// The addresses are on an interface of their own, with the MAC address of the one below.
    pub use_ipvlan: Option<Ipvlan>,
    /// The VRF of an instance without an interface.
    pub vrf: Option<Spanned<String>>,
    /// Set `promote_secondaries` of the interface: when an address goes, the others of its network stay.
    pub promote_secondaries: bool,
    /// Poll the link of the interface.
    pub linkbeat_use_polling: bool,
    /// The checksum of version 3 is counted as that of version 2 (IPv4).
    pub v3_checksum_as_v2: bool,
    /// Routes of the master.
    pub virtual_routes: Vec<Route>,
    /// Policy rules of the master.
    pub virtual_rules: Vec<Rule>,
    /// 0–4: how much is logged.
    pub debug: u8,
    /// Mail about changes of state; `None`: as `global_defs` says.
    pub smtp_alert: Option<bool>,
    /// Tell the FIFOs about changes of the priority; `None`: as the group or `global_defs` says.
    pub notify_priority_changes: Option<bool>,
    /// The IPVS sync daemon follows this instance, over this interface.
    pub lvs_sync_daemon_interface: Option<Spanned<String>>,
    /// A master that was not scheduled for so long that a router of this priority has taken over goes backup. Only
    /// with `nopreempt`.
    pub timer_expired_backup: Option<u8>,
    /// Gratuitous ARPs over the interfaces that the addresses are not on.
    pub garp_extra_if: Option<GarpExtraIf>,
    /// Receive buffer of the socket in bytes; `None`: as `vrrp_rx_bufs_policy` says.
    pub kernel_rx_buf_size: Option<u32>,
    /// Delay of the second burst of gratuitous ARPs after becoming master; 0: no second burst.
    pub garp_master_delay: Duration,
    /// Rounds in a burst, at least 1.
    pub garp_master_repeat: u32,
    /// Repeat while master at this interval; 0: never.
    pub garp_master_refresh: Duration,
    /// Rounds in such a repetition, at least 1.
    pub garp_master_refresh_repeat: u32,
    /// Delay of the second burst after an advert of lower priority; 0: no second burst.
    pub garp_lower_prio_delay: Duration,
    /// Rounds in a burst after an advert of lower priority; 0: none.
    pub garp_lower_prio_repeat: u32,
    /// What to run on changes of state.
    pub notify: Notify,
}

/// A line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualAddress {
    /// The address.
    pub address: Spanned<IpAddr>,
    /// Prefix length; default 32 or 128.
    pub prefix_length: u8,
    /// The interface that holds it; default the one of the instance.
    pub dev: Spanned<String>,
    /// Number of the scope (IPv4): 0 global, 200 site, 253 link, 254 host, 255 nowhere.
    pub scope: u8,
    /// Broadcast address (IPv4).
    pub broadcast: Option<Ipv4Addr>,
    /// Label (IPv4), at most 15 bytes.
    pub label: Option<String>,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// `IFA_F_HOMEADDRESS` (IPv6).
    pub home: bool,
    /// `IFA_F_NODAD` (IPv6): no duplicate address detection. True unless `-nodad` is written.
    pub nodad: bool,
    /// `IFA_F_MANAGETEMPADDR` (IPv6).
    pub mngtmpaddr: bool,
    /// `IFA_F_NOPREFIXROUTE`.
    pub noprefixroute: bool,
    /// `IFA_F_MCAUTOJOIN`.
    pub autojoin: bool,
    /// Stay master when somebody else removes the address.
    pub no_track: bool,
    /// Preferred lifetime in seconds; `None`: forever. 0 for an IPv6 address of prefix length 128 by default.
    pub preferred_lft: Option<u32>,
    /// It has a virtual MAC address of its own, on an interface over `dev`.
    pub use_vmac: bool,
    /// `track_group` of a static address: it is there while no instance of the group is in FAULT.
    pub track_group: Option<Spanned<String>>,
}

/// A line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnicastPeer {
    /// The peer.
    pub address: Spanned<IpAddr>,
    /// Adverts with a smaller TTL are dropped. Default 0.
    pub min_ttl: u8,
    /// Adverts with a larger TTL are dropped. Default 255.
    pub max_ttl: u8,
}

/// What to run on changes of state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notify {
    /// On becoming master.
    pub notify_master: Option<Box<Script>>,
    /// On becoming backup.
    pub notify_backup: Option<Box<Script>>,
    /// On becoming faulty.
    pub notify_fault: Option<Box<Script>>,
    /// At the end of the daemon.
    pub notify_stop: Option<Box<Script>>,
    /// When a reload removes it. Instances only.
    pub notify_deleted: Option<NotifyDeleted>,
    /// When a master hears a lower priority. Instances only.
    pub notify_master_rx_lower_pri: Option<Box<Script>>,
    /// On every change, with four arguments more: `INSTANCE` or `GROUP`, the name, the state, the priority.
    pub notify: Option<Box<Script>>,
}

/// Instances that change state together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VrrpSyncGroup {
    /// The name of the block, unique.
    pub name: Spanned<String>,
    /// Names of instances that exist, each in no other group; never empty.
    pub group: Vec<Spanned<String>>,
    /// Interfaces that every member cares about. They are also in each member's own list.
    pub track_interface: Vec<Tracked>,
    /// Scripts that every member cares about; also the three below.
    pub track_script: Vec<Tracked>,
    /// Files.
    pub track_file: Vec<Tracked>,
    /// Processes.
    pub track_process: Vec<Tracked>,
    /// BFD sessions.
    pub track_bfd: Vec<Tracked>,
    /// Weights count in the group.
    pub sync_group_tracking_weight: bool,
    /// Mail about changes of state; `None`: as `global_defs` says.
    pub smtp_alert: Option<bool>,
    /// For members without their own setting; `None`: as `global_defs` says.
    pub notify_priority_changes: Option<bool>,
    /// What to run when the group changes state.
    pub notify: Notify,
}
