//! Network interfaces as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A hardware address of Ethernet's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
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
    /// The driver's kind of a virtual interface: `veth`, `macvlan`, `vlan`, `bridge`...; absent for hardware and loopback.
    pub kind: Option<String>,
    /// Index of the interface this one stands on (macvlan, vlan) or is the other end of (veth).
    pub parent: Option<u32>,
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
