//! Interfaces that we make over another one: macvlan, which has a hardware address of its own, and ipvlan, which has not.

use std::ffi::{CStr, CString};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    HEADER, IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_MASTER,
    MacAddress,
};
use crate::netlink::{RequestWriter, attributes, number};

const IFLA_AF_SPEC: u16 = 26;
const IFLA_GROUP: u16 = 27;
/// Inside `IFLA_AF_SPEC`, of IPv6.
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
/// Inside `IFLA_INFO_DATA` of a macvlan, and of an ipvlan.
const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_FLAGS: u16 = 2;
const MACVLAN_MODE_PRIVATE: u32 = 1;
const IPVLAN_MODE_L2: u16 = 0;
/// Longest name of an interface, without the closing zero.
const NAME_BYTES: usize = 15;

/// How interfaces of one parent reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkMode {
    /// A macvlan whose siblings cannot reach it.
    MacvlanPrivate,
    /// A macvlan of another mode (`MACVLAN_MODE_*`).
    MacvlanOther(u32),
    /// An ipvlan that works on layer 2.
    IpvlanL2(IpvlanMode),
    /// An ipvlan of another mode (`IPVLAN_MODE_*`).
    IpvlanOther(u16),
}

/// How an ipvlan reaches its siblings; the same for all of one parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IpvlanMode {
    /// Directly.
    #[default]
    Bridge,
    /// Not at all.
    Private,
    /// Through the switch outside.
    Vepa,
}

impl IpvlanMode {
    const fn flags(self) -> u16 {
        match self {
            Self::Bridge => 0,
            Self::Private => 1,
            Self::Vepa => 2,
        }
    }
}

impl LinkMode {
    /// What `IFLA_INFO_DATA` says about a link of this kind.
    pub(super) fn read(kind: &str, data: &[u8]) -> Option<Self> {
        let value = |wanted: u16| {
            attributes(data)
                .find(|(kind, _)| *kind == wanted)
                .map(|(_, value)| value)
        };
        let short = |wanted| {
            value(wanted)?
                .first_chunk::<2>()
                .map(|bytes| u16::from_ne_bytes(*bytes))
        };
        match kind {
            "macvlan" => Some(match number(value(IFLA_MACVLAN_MODE)?)? {
                MACVLAN_MODE_PRIVATE => Self::MacvlanPrivate,
                other => Self::MacvlanOther(other),
            }),
            "ipvlan" => Some(
                match (short(IFLA_IPVLAN_MODE)?, short(IFLA_IPVLAN_FLAGS).unwrap_or(0)) {
                    (IPVLAN_MODE_L2, 0) => Self::IpvlanL2(IpvlanMode::Bridge),
                    (IPVLAN_MODE_L2, 1) => Self::IpvlanL2(IpvlanMode::Private),
                    (IPVLAN_MODE_L2, 2) => Self::IpvlanL2(IpvlanMode::Vepa),
                    (other, _) => Self::IpvlanOther(other),
                },
            ),
            _ => None,
        }
    }
}

/// An interface to make. It gets no addresses of the kernel's making, and is not switched on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnLink {
    /// Its name, at most 15 bytes.
    pub name: String,
    /// Number of the interface that it stands on.
    pub parent: u32,
    /// What it is.
    pub kind: OwnLinkKind,
    /// Its group (`ip link set dev NAME group NUMBER`); absent: the default one.
    pub group: Option<u32>,
}

/// What an own interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OwnLinkKind {
    /// A macvlan in private mode.
    Macvlan {
        /// Its hardware address.
        mac: MacAddress,
    },
    /// An ipvlan on layer 2.
    Ipvlan {
        /// How it reaches its siblings.
        mode: IpvlanMode,
    },
}

/// As in `macvlan vrrp.51 on interface 2`.
impl fmt::Display for OwnLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            OwnLinkKind::Macvlan { .. } => "macvlan",
            OwnLinkKind::Ipvlan { .. } => "ipvlan",
        };
        write!(f, "{kind} {} on interface {}", self.name, self.parent)
    }
}

/// One request that changes a link that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `IFF_UP` or not.
    Switch { on: bool },
    /// Another hardware address.
    Mac(MacAddress),
    /// Into the VRF with this number, or out of any.
    Master(Option<u32>),
}

impl Step {
    /// Writes the payload for the link with this number.
    pub(crate) fn encode(self, index: u32, body: &mut RequestWriter) {
        match self {
            Self::Switch { on } => {
                let up = libc::IFF_UP.unsigned_abs();
                body.fixed(&header(index, if on { up } else { 0 }, up));
            }
            Self::Mac(mac) => {
                body.fixed(&header(index, 0, 0));
                body.attribute(IFLA_ADDRESS, &mac.0);
            }
            Self::Master(master) => {
                body.fixed(&header(index, 0, 0));
                body.attribute(IFLA_MASTER, &master.unwrap_or(0).to_ne_bytes());
            }
        }
    }
}

/// `struct ifinfomsg`.
fn header(index: u32, flags: u32, change: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend([0; 4]);
    for number in [index, flags, change] {
        header.extend(number.to_ne_bytes());
    }
    header
}

/// Whether the kernel could make this link; its name in C's form, or what does not fit.
pub(crate) fn check_new(link: &OwnLink) -> Result<CString, &'static str> {
    if link.name.is_empty() || link.name.len() > NAME_BYTES {
        return Err("the name has no byte or more than 15");
    }
    CString::new(link.name.as_str()).map_err(|_| "the name contains a zero byte")
}

/// Writes the payload that makes a link that passed [`check_new`].
pub(crate) fn encode_new(link: &OwnLink, name: &CStr, body: &mut RequestWriter) {
    body.fixed(&header(0, 0, 0));
    body.text_attribute(IFLA_IFNAME, name);
    body.attribute(IFLA_LINK, &link.parent.to_ne_bytes());
    if let Some(group) = link.group {
        body.attribute(IFLA_GROUP, &group.to_ne_bytes());
    }
    if let OwnLinkKind::Macvlan { mac } = link.kind {
        body.attribute(IFLA_ADDRESS, &mac.0);
    }
    body.nested(IFLA_LINKINFO, |info| match link.kind {
        OwnLinkKind::Macvlan { .. } => {
            info.attribute(IFLA_INFO_KIND, b"macvlan");
            info.nested(IFLA_INFO_DATA, |data| {
                data.attribute(IFLA_MACVLAN_MODE, &MACVLAN_MODE_PRIVATE.to_ne_bytes());
            });
        }
        OwnLinkKind::Ipvlan { mode } => {
            info.attribute(IFLA_INFO_KIND, b"ipvlan");
            info.nested(IFLA_INFO_DATA, |data| {
                data.attribute(IFLA_IPVLAN_MODE, &IPVLAN_MODE_L2.to_ne_bytes());
                data.attribute(IFLA_IPVLAN_FLAGS, &mode.flags().to_ne_bytes());
            });
        }
    });
}

/// Writes the payload that keeps the kernel from making link-local addresses on the link with this number.
pub(crate) fn encode_no_own_addresses(index: u32, body: &mut RequestWriter) {
    body.fixed(&header(index, 0, 0));
    body.nested(IFLA_AF_SPEC, |families| {
        let family = u16::try_from(libc::AF_INET6).unwrap_or(0);
        families.nested(family, |ipv6| {
            ipv6.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
        });
    });
}

/// Writes the payload that names the link to delete.
pub(crate) fn encode_number(index: u32, body: &mut RequestWriter) {
    body.fixed(&header(index, 0, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_from_the_kinds_own_attributes() {
        let data = |kind: u16, value: &[u8]| {
            let mut writer = RequestWriter::default();
            writer.attribute(kind, value);
            writer.bytes().to_vec()
        };
        let private = data(IFLA_MACVLAN_MODE, &1_u32.to_ne_bytes());
        assert_eq!(LinkMode::read("macvlan", &private), Some(LinkMode::MacvlanPrivate));
        let bridge = data(IFLA_MACVLAN_MODE, &4_u32.to_ne_bytes());
        assert_eq!(LinkMode::read("macvlan", &bridge), Some(LinkMode::MacvlanOther(4)));
        let mut vepa = data(IFLA_IPVLAN_MODE, &0_u16.to_ne_bytes());
        vepa.extend(data(IFLA_IPVLAN_FLAGS, &2_u16.to_ne_bytes()));
        assert_eq!(
            LinkMode::read("ipvlan", &vepa),
            Some(LinkMode::IpvlanL2(IpvlanMode::Vepa))
        );
        let layer_3 = data(IFLA_IPVLAN_MODE, &1_u16.to_ne_bytes());
        assert_eq!(LinkMode::read("ipvlan", &layer_3), Some(LinkMode::IpvlanOther(1)));
        assert_eq!(LinkMode::read("vlan", &private), None);
        assert_eq!(LinkMode::read("macvlan", &private[..5]), None);
    }

    #[test]
    fn names_that_the_kernel_cannot_take_are_refused() {
        let link = |name: &str| OwnLink {
            name: name.into(),
            parent: 2,
            kind: OwnLinkKind::Ipvlan {
                mode: IpvlanMode::Bridge,
            },
            group: None,
        };
        assert!(check_new(&link("vrrp.51")).is_ok());
        for name in ["", "sixteen-bytes-it", "zero\0byte"] {
            assert!(check_new(&link(name)).is_err(), "{name:?}");
        }
    }
}
