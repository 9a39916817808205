//! Lines of `virtual_routes`, `static_routes`, `virtual_rules` and `static_rules`.

use super::AddressFamily;
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prefix {
    /// Any address of the network, as written.
    pub address: IpAddr,
    /// 0–32 or 0–128.
    pub length: u8,
}

impl Prefix {
    /// The network of all addresses.
    pub fn all(family: AddressFamily) -> Self {
        let address = match family {
            AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, length: 0 }
    }
}

/// A metric of a route. A locked one is not changed by what TCP learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric<T> {
    /// The value.
    pub value: T,
    /// `lock` is written before it.
    pub lock: bool,
}

/// How a route is put beside others for the same destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RouteCreation {
    /// `add`: an error when there is one.
    Add,
    /// `prepend`: before the others.
    #[default]
    Prepend,
    /// `append`: after the others.
    Append,
}

/// A lightweight tunnel that packets of a route enter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encap {
    /// `ip`: metadata for an IPv4 tunnel.
    Ip(TunnelMetadata<Ipv4Addr>),
    /// `ip6`: metadata for an IPv6 tunnel.
    Ip6(TunnelMetadata<Ipv6Addr>),
    /// `mpls`: labels to push, 0–1048575, never empty.
    Mpls(Vec<u32>),
    /// `ila`: the locator of identifier-locator addressing.
    Ila(u64),
}

/// Where a metadata tunnel leads; it has an id or a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelMetadata<Address> {
    /// Tunnel id.
    pub id: Option<u64>,
    /// The other end.
    pub dst: Option<Address>,
    /// This end.
    pub src: Option<Address>,
    /// `tos` (IPv4) or `tc` (IPv6).
    pub tos: Option<u8>,
    /// `ttl` (IPv4) or `hoplimit` (IPv6).
    pub ttl: Option<u8>,
    /// Flags of the tunnel.
    pub flags: Option<u16>,
}

/// One of several ways of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The interface.
    pub dev: Option<Spanned<String>>,
    /// Share of the traffic, 1–256; `None`: 1.
    pub weight: Option<u16>,
    /// The gateway is on the link although no address says so.
    pub onlink: bool,
    /// The tunnel.
    pub encap: Option<Encap>,
    /// Source realm in the upper 16 bits, destination realm in the lower (IPv4).
    pub realms: Option<u32>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where it leads.
    pub destination: Prefix,
    /// The family; that of the destination.
    pub family: AddressFamily,
    /// `RTN_*` of rtnetlink(7), default 1 (unicast).
    pub kind: u8,
    /// Preferred source of packets.
    pub src: Option<IpAddr>,
    /// The gateway. Of the other family only after `via inet6`.
    pub via: Option<IpAddr>,
    /// Packets from there only (IPv6).
    pub from: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// Number of the table; `None`: main.
    pub table: Option<u32>,
    /// `RTPROT_*`, default 18 (keepalived).
    pub protocol: u8,
    /// `RT_SCOPE_*`; `None`: the kernel chooses.
    pub scope: Option<u8>,
    /// Smaller is better; `None`: 0.
    pub metric: Option<u32>,
    /// The interface.
    pub dev: Option<Spanned<String>>,
    /// The gateway is on the link although no address says so.
    pub onlink: bool,
    /// The tunnel.
    pub encap: Option<Encap>,
    /// Seconds until it ends (IPv6).
    pub expires: Option<u32>,
    /// Path MTU in bytes.
    pub mtu: Option<Metric<u32>>,
    /// Hop limit of what is sent.
    pub hoplimit: Option<u8>,
    /// MSS that TCP announces, in bytes.
    pub advmss: Option<Metric<u32>>,
    /// First guess of the round trip time, counted in eighths of a millisecond, at least 200 ms.
    pub rtt: Option<Metric<Duration>>,
    /// First guess of its variance, counted in quarters of a millisecond, at least 200 ms.
    pub rttvar: Option<Metric<Duration>>,
    /// First guess of how far packets overtake each other.
    pub reordering: Option<Metric<u32>>,
    /// Largest window that TCP announces, in bytes.
    pub window: Option<u32>,
    /// Largest congestion window, in packets.
    pub cwnd: Option<Metric<u32>>,
    /// Slow start threshold, in packets.
    pub ssthresh: Option<Metric<u32>>,
    /// Source realm in the upper 16 bits, destination realm in the lower (IPv4).
    pub realms: Option<u32>,
    /// Smallest retransmission timeout, whole milliseconds, at least 200 ms.
    pub rto_min: Option<Metric<Duration>>,
    /// First congestion window, in packets.
    pub initcwnd: Option<u32>,
    /// First receive window, in packets.
    pub initrwnd: Option<u32>,
    /// `features ecn`: explicit congestion notification.
    pub ecn: bool,
    /// Acknowledge at once.
    pub quickack: Option<bool>,
    /// Congestion control algorithm.
    pub congctl: Option<String>,
    /// `congctl lock` is written.
    pub congctl_lock: bool,
    /// Router preference of RFC 4191 (IPv6): 0 medium, 1 high, 3 low.
    pub pref: Option<u8>,
    /// Copy the TTL between IP and MPLS.
    pub ttl_propagate: Option<bool>,
    /// TCP Fast Open without a cookie.
    pub fastopen_no_cookie: Option<bool>,
    /// Beside other routes.
    pub creation: RouteCreation,
    /// Several ways; when not empty, `via` and `dev` are not used.
    pub nexthops: Vec<NextHop>,
    /// Do not care when somebody removes it.
    pub no_track: bool,
    /// The VRF whose table it is in.
    pub vrf: Option<Spanned<String>>,
    /// `track_group` of a static route.
    pub track_group: Option<Spanned<String>>,
    /// The line.
    pub span: Spanned<()>,
}

/// What a rule does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleAction {
    /// Look it up in this table.
    Table(u32),
    /// Look it up in the table of its VRF.
    L3mdev,
    /// Go on at the rule of this preference.
    Goto(u32),
    /// Go on with the next rule.
    Nop,
    /// Drop it silently.
    Blackhole,
    /// Answer "network unreachable".
    Unreachable,
    /// Answer "administratively prohibited".
    Prohibit,
}

/// A policy routing rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The family.
    pub family: AddressFamily,
    /// Packets from there.
    pub from: Option<Prefix>,
    /// Packets to there.
    pub to: Option<Prefix>,
    /// What it does.
    pub action: RuleAction,
    /// It holds for packets that do not match.
    pub not: bool,
    /// Rules are asked in this order. Without one in the file: 16384 and downwards, in each family.
    pub preference: u32,
    /// Type of service.
    pub tos: Option<u8>,
    /// Firewall mark, and which bits of it count.
    pub fwmark: Option<(u32, u32)>,
    /// Realms of the result: source in the upper 16 bits, destination in the lower (IPv4).
    pub realms: Option<u32>,
    /// Results with a prefix of this length or less do not count.
    pub suppress_prefixlength: Option<u32>,
    /// Results through interfaces of this group do not count.
    pub suppress_ifgroup: Option<u32>,
    /// Packets that come in there: `dev`, `iif`.
    pub iif: Option<Spanned<String>>,
    /// Packets of sockets bound to it.
    pub oif: Option<Spanned<String>>,
    /// Packets of this tunnel.
    pub tunnel_id: Option<u64>,
    /// Packets of these users, first and last.
    pub uidrange: Option<(u32, u32)>,
    /// `RTPROT_*`, default 18 (keepalived), and 0 (not said) with `no_track`.
    pub protocol: u8,
    /// Packets of this layer 4 protocol.
    pub ipproto: Option<u8>,
    /// Source ports, first and last.
    pub sport: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub dport: Option<(u16, u16)>,
    /// Do not care when somebody removes it.
    pub no_track: bool,
    /// `track_group` of a static rule.
    pub track_group: Option<Spanned<String>>,
    /// The line.
    pub span: Spanned<()>,
}
