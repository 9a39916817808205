//! Network interfaces as plain data, and how rtnetlink writes them.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::netlink::{Message, RequestWriter, attributes, number, text};

mod own;

pub use own::{IpvlanMode, LinkMode, OwnLink, OwnLinkKind};
pub(crate) use own::{Step, check_new, encode_new, encode_no_own_addresses, encode_number};

/// `RTM_NEWLINK`
pub(crate) const NEW: u16 = 16;
/// `RTM_DELLINK`
pub(crate) const DELETE: u16 = 17;
/// `RTM_GETLINK`
pub(crate) const GET: u16 = 18;

/// Length of `struct ifinfomsg`: family u8, padding u8, type u16, index i32, flags u32, change u32.
const HEADER: usize = 16;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_LINK_NETNSID: u16 = 37;
/// Inside `IFLA_LINKINFO`.
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
/// Inside `IFLA_INFO_DATA` of a VRF.
const IFLA_VRF_TABLE: u16 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 8;

/// A hardware address of Ethernet's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, octet) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

/// A network interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The kernel's number of the interface; stays the same when the interface is renamed.
    pub index: u32,
    /// At most 15 bytes.
    pub name: String,
    /// `IFF_*` of `linux/if.h`; the methods below name the ones that matter here.
    pub flags: u32,
    /// Absent where the hardware address has another length than six bytes (tunnels, `InfiniBand`).
    pub mac: Option<MacAddress>,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// The driver's kind of a virtual interface: `veth`, `macvlan`, `vlan`, `bridge`...; absent for hardware and
    /// loopback.
    pub kind: Option<String>,
    /// Index of the interface this one stands on (macvlan, vlan) or is the other end of (veth), where that is in this
    /// network namespace.
    pub parent: Option<u32>,
    /// How a macvlan or ipvlan reaches its siblings; absent for other kinds.
    pub mode: Option<LinkMode>,
    /// The routing table of a VRF.
    pub vrf_table: Option<u32>,
    /// Index of the bridge, bond or VRF that the interface belongs to.
    pub master: Option<u32>,
}

impl Link {
    /// Usable: switched on, and with a carrier. What VRRP calls an interface that is up.
    pub fn is_up(&self) -> bool {
        self.is_administratively_up() && self.is_running()
    }

    /// Switched on by an administrator (`IFF_UP`).
    pub fn is_administratively_up(&self) -> bool {
        self.has(libc::IFF_UP)
    }

    /// Has a carrier (`IFF_RUNNING`).
    pub fn is_running(&self) -> bool {
        self.has(libc::IFF_RUNNING)
    }

    /// The loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.has(libc::IFF_LOOPBACK)
    }

    /// Can carry multicast.
    pub fn is_multicast(&self) -> bool {
        self.has(libc::IFF_MULTICAST)
    }

    fn has(&self, flag: libc::c_int) -> bool {
        self.flags & flag.unsigned_abs() != 0
    }
}

/// Payload of a request for all links, without their counters.
pub(crate) fn dump_request() -> Vec<u8> {
    let mut request = RequestWriter::default();
    request.fixed(&[0; HEADER]);
    request.attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    request.bytes().to_vec()
}

/// The link in a [`NEW`] or [`DELETE`] message. Nothing for messages of other families: a bridge announces with
/// `AF_BRIDGE` that a port left it, in the form of a removed link.
pub(crate) fn decode(message: &Message<'_>) -> Option<Link> {
    let (header, rest) = message.payload.split_first_chunk::<HEADER>()?;
    let [family, _, _, _, numbers @ ..] = header;
    if i32::from(*family) != libc::AF_UNSPEC {
        return None;
    }
    let (index, flags) = numbers.split_first_chunk::<4>()?;
    let mut link = Link {
        index: u32::from_ne_bytes(*index),
        name: String::new(),
        flags: number(flags)?,
        mac: None,
        mtu: 0,
        kind: None,
        parent: None,
        mode: None,
        vrf_table: None,
        master: None,
    };
    let mut parent_is_elsewhere = false;
    for (kind, value) in attributes(rest) {
        match kind {
            IFLA_ADDRESS => link.mac = <[u8; 6]>::try_from(value).ok().map(MacAddress),
            IFLA_IFNAME => link.name = text(value),
            IFLA_MTU => link.mtu = number(value)?,
            IFLA_LINK => link.parent = number(value).filter(|parent| *parent != 0),
            IFLA_MASTER => link.master = number(value).filter(|master| *master != 0),
            IFLA_LINK_NETNSID => parent_is_elsewhere = true,
            IFLA_LINKINFO => {
                let of_kind = |wanted| attributes(value).find(|(kind, _)| *kind == wanted);
                let data = of_kind(IFLA_INFO_DATA).map(|(_, data)| data).unwrap_or_default();
                link.kind = of_kind(IFLA_INFO_KIND).map(|(_, name)| text(name));
                link.mode = link.kind.as_deref().and_then(|kind| LinkMode::read(kind, data));
                if link.kind.as_deref() == Some("vrf") {
                    let table = attributes(data).find(|(kind, _)| *kind == IFLA_VRF_TABLE);
                    link.vrf_table = table.and_then(|(_, table)| number(table));
                }
            }
            _ => {}
        }
    }
    if parent_is_elsewhere {
        link.parent = None;
    }
    // A link without a name is not a description of a link.
    (!link.name.is_empty()).then_some(link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::messages;

    fn veth(family: u8) -> Vec<u8> {
        let mut writer = RequestWriter::default();
        writer.message(NEW, 0, 0, |body| {
            // ifinfomsg: family, padding, ARPHRD_ETHER 1, index 7, UP|BROADCAST|RUNNING|MULTICAST|LOWER_UP, change
            let mut header = vec![family, 0];
            header.extend(1_u16.to_ne_bytes());
            header.extend(7_i32.to_ne_bytes());
            header.extend(0x1_1043_u32.to_ne_bytes());
            header.extend([0; 4]);
            body.fixed(&header);
            body.text_attribute(IFLA_IFNAME, c"veth0");
            body.attribute(IFLA_MTU, &1500_u32.to_ne_bytes());
            body.attribute(IFLA_LINK, &6_u32.to_ne_bytes());
            body.attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]);
            // Nested attributes carry the flag NLA_F_NESTED.
            body.attribute(
                IFLA_LINKINFO | 0x8000,
                &[9, 0, 1, 0, b'v', b'e', b't', b'h', 0, 0, 0, 0],
            );
        });
        writer.bytes().to_vec()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_link_message_becomes_a_link() {
        let bytes = veth(0);
        let link = decode(&messages(&bytes).next().unwrap()).unwrap();
        let expected = Link {
            index: 7,
            name: "veth0".into(),
            flags: 0x1_1043,
            mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
            mtu: 1500,
            kind: Some("veth".into()),
            parent: Some(6),
            mode: None,
            vrf_table: None,
            master: None,
        };
        assert_eq!(link, expected);
        assert!(link.is_up() && link.is_multicast() && !link.is_loopback());
        assert!(!Link { flags: 0x1003, ..link }.is_up(), "no carrier");
        assert_eq!(MacAddress([2, 0, 0, 0xab, 0, 1]).to_string(), "02:00:00:ab:00:01");
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_no_removed_link() {
        let bytes = veth(7);
        assert_eq!(decode(&messages(&bytes).next().unwrap()), None);
    }

    #[test]
    fn every_shorter_payload_is_read_without_panic() {
        let bytes = veth(0);
        let message = messages(&bytes).next().unwrap();
        for end in 0..message.payload.len() {
            let _ = decode(&Message {
                payload: &message.payload[..end],
                ..message
            });
        }
    }
}
