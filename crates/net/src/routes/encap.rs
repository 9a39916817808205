//! Lightweight tunnels (`linux/lwtunnel.h`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::netlink::{RequestWriter, attributes};

/// `LWTUNNEL_ENCAP_*`
const MPLS: u16 = 1;
const IP: u16 = 2;
const ILA: u16 = 3;
const IP6: u16 = 4;
/// `MPLS_IPTUNNEL_DST` and `ILA_ATTR_LOCATOR`
const ONLY: u16 = 1;
/// `LWTUNNEL_IP_*`, the same numbers as `LWTUNNEL_IP6_*`
const ID: u16 = 1;
const DST: u16 = 2;
const SRC: u16 = 3;
const TTL: u16 = 4;
const TOS: u16 = 5;
const FLAGS: u16 = 6;
/// The last label of a stack is marked.
const BOTTOM_OF_STACK: u32 = 1 << 8;

/// What packets of a route are wrapped in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Encap {
    /// MPLS labels to push, 0 to 1048575, the outermost first.
    Mpls(Vec<u32>),
    /// Metadata for an IPv4 tunnel.
    Ip(TunnelMetadata<Ipv4Addr>),
    /// Metadata for an IPv6 tunnel.
    Ip6(TunnelMetadata<Ipv6Addr>),
    /// The locator of identifier-locator addressing.
    Ila(u64),
}

/// Where a metadata tunnel leads; what is absent is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TunnelMetadata<Address> {
    /// Tunnel id.
    pub id: Option<u64>,
    /// The other end.
    pub dst: Option<Address>,
    /// This end.
    pub src: Option<Address>,
    /// Type of service or traffic class.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// Flags of the tunnel.
    pub flags: Option<u16>,
}

impl Encap {
    pub(super) const fn number(&self) -> u16 {
        match self {
            Self::Mpls(_) => MPLS,
            Self::Ip(_) => IP,
            Self::Ila(_) => ILA,
            Self::Ip6(_) => IP6,
        }
    }

    /// The attributes inside `RTA_ENCAP`.
    pub(super) fn write(&self) -> RequestWriter {
        let mut inner = RequestWriter::default();
        match self {
            Self::Mpls(labels) => inner.attribute(ONLY, &label_stack(labels)),
            Self::Ila(locator) => inner.attribute(ONLY, &locator.to_be_bytes()),
            Self::Ip(tunnel) => write_tunnel(tunnel, &mut inner),
            Self::Ip6(tunnel) => write_tunnel(tunnel, &mut inner),
        }
        inner
    }

    pub(super) fn read(kind: u16, bytes: &[u8]) -> Option<Self> {
        match kind {
            MPLS => only(bytes).map(|stack| Self::Mpls(labels(stack))),
            ILA => only(bytes)
                .and_then(|locator| <[u8; 8]>::try_from(locator).ok())
                .map(|locator| Self::Ila(u64::from_be_bytes(locator))),
            IP => Some(Self::Ip(read_tunnel(bytes, |value| {
                <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
            }))),
            IP6 => Some(Self::Ip6(read_tunnel(bytes, |value| {
                <[u8; 16]>::try_from(value).ok().map(Ipv6Addr::from)
            }))),
            _ => None,
        }
    }
}

/// RFC 3032: label 20 bits, traffic class 3, bottom of stack 1, TTL 8.
fn label_stack(labels: &[u32]) -> Vec<u8> {
    let mut words: Vec<u32> = labels.iter().map(|label| label << 12).collect();
    if let Some(last) = words.last_mut() {
        *last |= BOTTOM_OF_STACK;
    }
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}

fn labels(stack: &[u8]) -> Vec<u32> {
    let (words, _) = stack.as_chunks::<4>();
    words.iter().map(|word| u32::from_be_bytes(*word) >> 12).collect()
}

fn only(bytes: &[u8]) -> Option<&[u8]> {
    attributes(bytes)
        .find(|(kind, _)| *kind == ONLY)
        .map(|(_, value)| value)
}

fn write_tunnel<Address: Copy + Into<IpAddr>>(tunnel: &TunnelMetadata<Address>, inner: &mut RequestWriter) {
    if let Some(id) = tunnel.id {
        inner.attribute(ID, &id.to_be_bytes());
    }
    for (kind, address) in [(DST, tunnel.dst), (SRC, tunnel.src)] {
        if let Some(address) = address {
            inner.attribute(kind, &crate::prefix::octets(address.into()));
        }
    }
    for (kind, number) in [(TTL, tunnel.ttl), (TOS, tunnel.tos)] {
        if let Some(number) = number {
            inner.attribute(kind, &[number]);
        }
    }
    if let Some(flags) = tunnel.flags {
        inner.attribute(FLAGS, &flags.to_be_bytes());
    }
}

/// The kernel reports everything, zeros too.
fn read_tunnel<Address>(bytes: &[u8], address: impl Fn(&[u8]) -> Option<Address>) -> TunnelMetadata<Address> {
    let mut tunnel = TunnelMetadata {
        id: None,
        dst: None,
        src: None,
        tos: None,
        ttl: None,
        flags: None,
    };
    for (kind, value) in attributes(bytes) {
        match kind {
            ID => tunnel.id = <[u8; 8]>::try_from(value).ok().map(u64::from_be_bytes),
            DST => tunnel.dst = address(value),
            SRC => tunnel.src = address(value),
            TTL => tunnel.ttl = value.first().copied(),
            TOS => tunnel.tos = value.first().copied(),
            FLAGS => tunnel.flags = <[u8; 2]>::try_from(value).ok().map(u16::from_be_bytes),
            _ => {}
        }
    }
    tunnel
}

/// As `ip route` writes it.
impl fmt::Display for Encap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mpls(labels) => {
                let labels: Vec<String> = labels.iter().map(u32::to_string).collect();
                write!(f, "mpls {}", labels.join("/"))
            }
            Self::Ip(tunnel) => show(f, "ip", tunnel, ["tos", "ttl"]),
            Self::Ip6(tunnel) => show(f, "ip6", tunnel, ["tc", "hoplimit"]),
            Self::Ila(locator) => {
                let group = |shift: u32| locator >> shift & 0xffff;
                write!(f, "ila {:x}:{:x}:{:x}:{:x}", group(48), group(32), group(16), group(0))
            }
        }
    }
}

fn show<Address: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    tunnel: &TunnelMetadata<Address>,
    [tos, ttl]: [&str; 2],
) -> fmt::Result {
    f.write_str(name)?;
    option(f, "id", tunnel.id.as_ref())?;
    option(f, "dst", tunnel.dst.as_ref())?;
    option(f, "src", tunnel.src.as_ref())?;
    option(f, tos, tunnel.tos.as_ref())?;
    option(f, ttl, tunnel.ttl.as_ref())?;
    option(f, "flags", tunnel.flags.as_ref())
}

/// ` NAME VALUE` where there is a value.
pub(super) fn option<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&T>) -> fmt::Result {
    match value {
        Some(value) => write!(f, " {name} {value}"),
        None => Ok(()),
    }
}
