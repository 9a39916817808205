//! What the machines are told to do: the configuration after all defaults and cross checks.
//!
//! The names are keepalived's wherever it has one. Values are taken as they are: the configuration stage has already
//! refused or mended what contradicts itself (`preempt_delay` with `nopreempt`, a weighted tracker of an address owner).

mod authentication;
mod own_interface;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

use crate::pacing::PacingSettings;
pub use authentication::{AntiReplay, AuthenticationSettings, HmacMode, HmacSettings, Secret};
pub use own_interface::{
    AddressVmac, ExtraAnnouncements, IpvlanMode, OwnInterface, OwnInterfaceKind, PacketFilterSettings,
};

/// Priority of a router that owns the virtual addresses (RFC 9568 section 5.2.4).
pub const OWNER_PRIORITY: u8 = 255;

/// Everything about VRRP on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// The virtual routers. Names are unique.
    pub instances: Vec<InstanceSettings>,
    /// The sync groups. An instance is a member of one group at most.
    pub groups: Vec<GroupSettings>,
    /// `vrrp_startup_delay`: nothing is sent and nobody is elected before this has passed. Not applied at a reload.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: as [`Self::startup_delay`], but since the host was started. The machine does not know when
    /// that was: the driver lengthens [`Self::startup_delay`] by what is left of it.
    pub delay_after_boot: Duration,
    /// `log_unknown_vrids`: say once which virtual routers are heard on an interface and not configured there.
    pub log_unknown_vrids: bool,
    /// `vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`: for the driver's [`AnnouncementQueue`](crate::AnnouncementQueue).
    pub pacing: PacingSettings,
    /// `nftables` and what belongs to it; needed by instances with `no_accept` or an interface of their own.
    pub packet_filter: PacketFilterSettings,
    /// `enable_traps` and the MIB of an RFC: say of packets that are dropped ([`crate::Action::Refused`]), ten times a second
    /// of each instance at most.
    pub rfc_traps: bool,
    /// `disable_local_igmp`: no reports of memberships in groups of the own link.
    pub disable_local_igmp: bool,
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    /// Name of the group, unique among groups.
    pub name: String,
    /// Names of the member instances; unknown names are passed over.
    pub members: Vec<String>,
    /// Interfaces tracked by the group: they count for every member.
    pub tracked_interfaces: Vec<TrackedInterface>,
    /// Scripts tracked by the group.
    pub tracked_scripts: Vec<TrackedScript>,
    /// Files tracked by the group.
    pub tracked_files: Vec<TrackedFile>,
    /// Processes tracked by the group.
    pub tracked_processes: Vec<TrackedProcess>,
    /// BFD sessions tracked by the group.
    pub tracked_bfds: Vec<TrackedBfd>,
}

/// VRRP version of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// RFC 3768: whole seconds, optional authentication.
    V2,
    /// RFC 5798 and RFC 9568: centiseconds, IPv4 and IPv6.
    V3,
}

/// Address family of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// The family an address belongs to.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// `state` of an instance: how it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InitialState {
    /// An owner (priority 255) starts as master; any other waits as with [`Self::Backup`].
    Master,
    /// Waits the whole master down time.
    Backup,
}

/// Where advertisements go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transmission {
    /// To a group; always with TTL or hop limit 255, and only such packets are accepted.
    Multicast {
        /// 224.0.0.18 or `ff02::12` unless configured otherwise.
        group: IpAddr,
    },
    /// `unicast_peer`: to each peer on its own.
    Unicast {
        /// The peers.
        peers: Vec<Peer>,
        /// `unicast_ttl`.
        ttl: u8,
        /// `check_unicast_src`: accept advertisements only from the peers, within their TTL limits.
        check_source: bool,
    },
}

/// One line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The peer's address.
    pub address: IpAddr,
    /// Lowest TTL accepted from it, 0 without `min_ttl`.
    pub min_ttl: u8,
    /// Highest TTL accepted from it, 255 without `max_ttl`.
    pub max_ttl: u8,
}

/// `old_unicast_checksum`: releases before keepalived 1.3.6 summed the multicast group in the place of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OldUnicastChecksum {
    /// Use the right checksum until a peer sends the old one.
    #[default]
    Auto,
    /// Send the old one from the start.
    Always,
    /// Refuse the old one.
    Never,
}

/// One address of `virtual_ipaddress` or `virtual_ipaddress_excluded`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the kernel's flags, one field each")]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Length of the prefix: 0 to 32 or 128.
    pub prefix_len: u8,
    /// `dev`; `None` is the instance's interface.
    pub interface: Option<String>,
    /// `use_vmac`: the address lies on a macvlan over that interface.
    pub vmac: Option<AddressVmac>,
    /// `scope` as the kernel numbers it: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `label`, IPv4 only.
    pub label: Option<String>,
    /// `broadcast`, IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// `peer` of a point to point address.
    pub peer: Option<IpAddr>,
    /// `-nodad`: let the kernel look for duplicates first. Off: the address is usable at once.
    pub duplicate_detection: bool,
    /// `home`, IPv6 only.
    pub home: bool,
    /// `mngtmpaddr`, IPv6 only.
    pub mngtmpaddr: bool,
    /// `noprefixroute`.
    pub noprefixroute: bool,
    /// `autojoin`.
    pub autojoin: bool,
    /// `preferred_lft`; `None` is forever.
    pub preferred_lifetime: Option<Duration>,
    /// Put the address back when somebody else removes it, and take the loss of its interface for a fault; off with
    /// `no_track`.
    pub track: bool,
}

impl VirtualAddress {
    /// An address as `ADDRESS/PREFIX_LEN` without options configures it.
    pub fn new(address: IpAddr, prefix_len: u8) -> Self {
        Self {
            address,
            prefix_len,
            interface: None,
            vmac: None,
            scope: 0,
            label: None,
            broadcast: None,
            peer: None,
            duplicate_detection: false,
            home: false,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            preferred_lifetime: None,
            track: true,
        }
    }
}

/// Whether an entry is a route or a policy routing rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoutingKind {
    /// A route.
    Route,
    /// A policy routing rule.
    Rule,
}

impl std::fmt::Display for RoutingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Route => "route",
            Self::Rule => "rule",
        })
    }
}

/// One route of `virtual_routes` or one rule of `virtual_rules`. The election does not know what a route is: only which
/// one it is, and when it must be put in again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoutingEntry {
    /// All of it in words, for the log. Entries with the same words are the same.
    pub text: String,
    /// Interfaces that it names: when one of them comes back, it is put in again.
    pub interfaces: Vec<String>,
    /// Put it back when somebody else removes it, and take the loss of its interfaces for a fault; off with `no_track`.
    pub track: bool,
}

/// One line of `track_interface`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedInterface {
    /// The interface.
    pub interface: String,
    /// 0: its loss is a fault. Positive: added to the priority while it is up. Negative: added while it is down.
    pub weight: i32,
    /// The other way round: negates the weight, or makes the interface's presence the fault.
    pub reverse: bool,
}

/// One line of `track_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedScript {
    /// Name of the `vrrp_script`.
    pub script: String,
    /// 0: its failure is a fault. Positive: added to the priority while it is up. Negative: added while it is down.
    pub weight: i32,
    /// The other way round: negates the weight, or makes its success the fault.
    pub reverse: bool,
}

/// One line of `track_file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedFile {
    /// Name of the `track_file` block.
    pub file: String,
    /// 0: a number other than 0 in the file is a fault. Otherwise the number times this is added to the priority, at least
    /// −254 and at most 253; −254 is a fault.
    pub weight: i32,
    /// The other way round: negates the weight, or makes the number 0 the fault.
    pub reverse: bool,
}

/// One line of `track_process`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedProcess {
    /// Name of the `vrrp_track_process` block.
    pub process: String,
    /// 0: its lack of a quorum is a fault. Positive: added to the priority while there is a quorum. Negative: added while
    /// there is none.
    pub weight: i32,
    /// The other way round: negates the weight, or makes the quorum the fault.
    pub reverse: bool,
}

/// One line of `track_bfd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedBfd {
    /// Name of the `bfd_instance`.
    pub session: String,
    /// 0: its loss is a fault. Positive: added to the priority while it is up. Negative: added while it is down.
    pub weight: i32,
    /// The other way round: negates the weight, or makes it a fault that the session is up.
    pub reverse: bool,
    /// Its `bfd_instance` was left out for its mistakes: it is never up.
    pub left_out: bool,
}

/// The `garp_*` options: gratuitous ARP for IPv4, unsolicited neighbour advertisements for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnounceSettings {
    /// `garp_master_delay`: from becoming master to the second burst; zero: no second burst.
    pub master_delay: Duration,
    /// `garp_master_repeat`: messages per address in a burst.
    pub master_repeat: u32,
    /// `garp_master_refresh`: announce again so often while master; zero: never.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: from a conflict to the second burst; zero: no second burst.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`; 0: do not announce because of a conflict.
    pub lower_prio_repeat: u32,
}

impl Default for AnnounceSettings {
    fn default() -> Self {
        Self {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
        }
    }
}

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "keepalived's switches, one field each")]
// There may be thousands, so what few of them have is boxed.
pub struct InstanceSettings {
    /// Name, unique among instances.
    pub name: String,
    /// Interface that advertisements are sent and received on.
    pub interface: String,
    /// `use_vmac`, `use_ipvlan`: what is made over [`Self::interface`].
    pub own_interface: Option<Box<OwnInterface>>,
    /// `virtual_router_id`, 1 to 255.
    pub vrid: u8,
    /// Version on the wire; packets of another version are refused.
    pub version: Version,
    /// Family of the advertisements and of [`Self::addresses`].
    pub family: Family,
    /// `state`.
    pub initial_state: InitialState,
    /// Base priority, 1 to 255; 255 is the address owner, which trackers never change.
    pub priority: u8,
    /// `advert_int`. Version 2: whole seconds, 1 to 255. Version 3: centiseconds, 0.01 s to 40.95 s.
    pub advert_interval: Duration,
    /// Take over from a master of lower priority; off with `nopreempt`.
    pub preempt: bool,
    /// `preempt_delay`: how long a master of lower priority is left alone first.
    pub preempt_delay: Duration,
    /// `authentication`, version 2 only.
    pub authentication: Option<AuthenticationSettings>,
    /// `auth_hmac`, any version; not together with [`Self::authentication`].
    pub hmac: Option<Box<HmacSettings>>,
    /// Multicast or unicast.
    pub transmission: Transmission,
    /// `mcast_src_ip`, `unicast_src_ip`: source of advertisements; `None` is the interface's own address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: the absence of [`Self::source`] from the interface is a fault. Without it only the absence from this
    /// host is one: nothing can be sent from there.
    pub track_source: bool,
    /// `unicast_fault_no_peer` and no peer: out of the election until a reload names one.
    pub lacks_peers: bool,
    /// `virtual_ipaddress`: held by the master and listed in advertisements.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held by the master, not listed; either family.
    pub excluded: Vec<VirtualAddress>,
    /// `virtual_routes`: in the kernel's table while this one is master.
    pub routes: Vec<RoutingEntry>,
    /// `virtual_rules`: in the kernel's table while this one is master.
    pub rules: Vec<RoutingEntry>,
    /// Interfaces of static addresses, routes and rules of a `track_group` that this instance is in: their loss is a fault.
    pub interfaces_of_statics: Vec<String>,
    /// `track_interface`.
    pub tracked_interfaces: Vec<TrackedInterface>,
    /// `track_script`.
    pub tracked_scripts: Vec<TrackedScript>,
    /// `track_file`.
    pub tracked_files: Vec<TrackedFile>,
    /// `track_process`.
    pub tracked_processes: Vec<TrackedProcess>,
    /// `track_bfd`.
    pub tracked_bfds: Vec<TrackedBfd>,
    /// Loss of [`Self::interface`] is a fault; off with `dont_track_primary`.
    pub track_primary: bool,
    /// `garp_*`.
    pub announce: AnnounceSettings,
    /// `garp_extra_if`.
    pub extra_announcements: Option<Box<ExtraAnnouncements>>,
    /// `down_timer_adverts`: advertisements missed before the master counts as gone, 1 to 100.
    pub down_timer_adverts: u8,
    /// `timer_expired_backup`: the highest priority of any other router, 1 to 254. A master that could not advertise for as long
    /// as it takes that one to become master gives way to it unheard.
    pub timer_expired_backup: Option<u8>,
    /// `accept`: the master takes packets addressed to the virtual addresses. The election does not look at it; whoever
    /// installs packet filters does.
    pub accept: bool,
    /// `higher_prio_send_advert`: answer a better master with one last advertisement before giving way, so that it learns of
    /// the conflict and announces its addresses again.
    pub higher_prio_send_advert: bool,
    /// `lower_prio_no_advert`: do not answer a worse master at once.
    pub lower_prio_no_advert: bool,
    /// `skip_check_adv_addr`: compare the address list only when the sender is not the master already accepted.
    pub skip_check_adv_addr: bool,
    /// `owner_ignore_adverts`: an address owner does not look at other masters.
    pub owner_ignore_adverts: bool,
    /// `v3_checksum_as_v2`: send version 3 over IPv4 without the pseudo header in the checksum, and accept both forms.
    pub v3_checksum_as_v2: bool,
    /// `old_unicast_checksum`, version 3 unicast over IPv4 only.
    pub old_unicast_checksum: OldUnicastChecksum,
    /// `notify_deleted`: report removal by a reload as DELETED and not as FAULT.
    pub notify_deleted: bool,
    /// `notify_priority_changes`: report each change of the effective priority.
    pub notify_priority_changes: bool,
}

impl InstanceSettings {
    /// An IPv4 multicast instance of version 2 with keepalived's defaults and no addresses.
    ///
    /// One default is not keepalived's: `higher_prio_send_advert` is on, because a master that loses silently leaves the
    /// neighbours' caches pointing at itself after a healed partition.
    pub fn new(name: &str, interface: &str, vrid: u8) -> Self {
        Self {
            name: name.to_owned(),
            interface: interface.to_owned(),
            own_interface: None,
            vrid,
            version: Version::V2,
            family: Family::Ipv4,
            initial_state: InitialState::Backup,
            priority: 100,
            advert_interval: Duration::from_secs(1),
            preempt: true,
            preempt_delay: Duration::ZERO,
            authentication: None,
            hmac: None,
            transmission: Transmission::default_multicast(Family::Ipv4),
            source: None,
            track_source: false,
            lacks_peers: false,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            interfaces_of_statics: Vec::new(),
            tracked_interfaces: Vec::new(),
            tracked_scripts: Vec::new(),
            tracked_files: Vec::new(),
            tracked_processes: Vec::new(),
            tracked_bfds: Vec::new(),
            track_primary: true,
            announce: AnnounceSettings::default(),
            extra_announcements: None,
            down_timer_adverts: 3,
            timer_expired_backup: None,
            accept: true,
            higher_prio_send_advert: true,
            lower_prio_no_advert: false,
            skip_check_adv_addr: false,
            owner_ignore_adverts: false,
            v3_checksum_as_v2: false,
            old_unicast_checksum: OldUnicastChecksum::Auto,
            notify_deleted: false,
            notify_priority_changes: false,
        }
    }

    /// True for the owner of the virtual addresses, which trackers never change.
    pub const fn is_owner(&self) -> bool {
        self.priority == OWNER_PRIORITY
    }

    /// Whether advertisements have the authentication header of IP in front of them.
    pub(crate) const fn uses_authentication_header(&self) -> bool {
        matches!(self.authentication, Some(AuthenticationSettings::Ah(_)))
            && matches!(self.version, Version::V2)
            && matches!(self.family, Family::Ipv4)
    }

    /// Whether advertisements for this instance go to such a destination.
    pub(crate) fn is_sent_to(&self, destination: IpAddr) -> bool {
        match &self.transmission {
            Transmission::Multicast { group } => *group == destination,
            Transmission::Unicast { .. } => !destination.is_multicast(),
        }
    }

    /// The interface an address of this instance belongs on.
    pub fn interface_of<'a>(&'a self, address: &'a VirtualAddress) -> &'a str {
        address.interface.as_deref().unwrap_or(&self.interface)
    }

    /// Interfaces other than [`Self::interface`] that addresses, routes and rules need: without them they cannot be held.
    /// One that is in [`Self::tracked_interfaces`] as well is judged by its weight there.
    pub(crate) fn needed_interfaces(&self) -> impl Iterator<Item = &str> {
        let tracked = |name: &str| self.tracked_interfaces.iter().any(|tracked| tracked.interface == name);
        let elsewhere = move |name: &&str| *name != self.interface && !tracked(name);
        let of_addresses = self
            .held_addresses()
            .filter(|held| held.track)
            .filter_map(|held| held.interface.as_deref());
        let entries = self.routes.iter().chain(&self.rules).filter(|entry| entry.track);
        let of_entries = entries.flat_map(|entry| entry.interfaces.iter().map(String::as_str));
        let of_statics = self.interfaces_of_statics.iter().map(String::as_str);
        let named: BTreeSet<&str> = of_addresses.chain(of_entries).chain(of_statics).collect();
        named.into_iter().filter(elsewhere)
    }

    /// Every address the master holds: first those advertised, then the excluded ones.
    pub fn held_addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.addresses.iter().chain(&self.excluded)
    }
}

impl Transmission {
    /// The group that IANA assigned to VRRP (RFC 9568 section 5.1.1.2 and 5.1.2.2).
    pub const fn default_multicast(family: Family) -> Self {
        let group = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        };
        Self::Multicast { group }
    }
}

/// A socket the driver needs in order to hear the peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// Interface to listen on.
    pub interface: String,
    /// Family of the socket.
    pub family: Family,
    /// Group to join; `None` for unicast.
    pub group: Option<IpAddr>,
    /// Packets of the authentication header, and not plain ones.
    pub authenticated: bool,
}

impl NodeSettings {
    /// The sockets needed, each once, in a stable order. The driver compares them with those it has open.
    pub fn listeners(&self) -> BTreeSet<Listener> {
        self.instances.iter().map(Listener::of).collect()
    }

    /// Whether the machine has to know what the clock says ([`crate::Event::WallClock`]).
    pub fn needs_wall_clock(&self) -> bool {
        self.instances.iter().any(|instance| instance.hmac.is_some())
    }

    /// Every source that is configured, with the interface of its instance. The driver says of each where it is
    /// ([`crate::Event::SourcePlace`]), before it reports interfaces.
    pub fn configured_sources(&self) -> BTreeSet<(&str, IpAddr)> {
        let instances = self.instances.iter();
        instances
            .filter_map(|instance| Some((instance.interface.as_str(), instance.source?)))
            .collect()
    }

    /// Every interface the machine must be told about. The driver reports each once after [`crate::Node::new`] and after
    /// a reload: [`crate::Event::LinkChanged`] (an absent interface is down) and, for the interfaces of instances,
    /// [`crate::Event::SourceAddress`] for each family in use. Until then the instance waits in INIT.
    pub fn interfaces(&self) -> BTreeSet<&str> {
        let own = self.instances.iter().map(|instance| instance.interface.as_str());
        let needed = self.instances.iter().flat_map(InstanceSettings::needed_interfaces);
        let by_instances = self.instances.iter().flat_map(|instance| &instance.tracked_interfaces);
        let by_groups = self.groups.iter().flat_map(|group| &group.tracked_interfaces);
        let tracked = by_instances.chain(by_groups).map(|tracked| tracked.interface.as_str());
        own.chain(needed).chain(tracked).collect()
    }
}

impl Listener {
    /// The socket that this instance needs.
    pub fn of(instance: &InstanceSettings) -> Self {
        let group = match &instance.transmission {
            Transmission::Multicast { group } => Some(*group),
            Transmission::Unicast { .. } => None,
        };
        Self {
            interface: instance.interface.clone(),
            family: instance.family,
            group,
            authenticated: instance.uses_authentication_header(),
        }
    }
}
