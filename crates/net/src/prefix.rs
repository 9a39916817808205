//! A network as routes and rules name it.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::vrrp_socket::AddressFamily;

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Prefix {
    /// Any address of the network.
    pub address: IpAddr,
    /// 0 to 32 or 128.
    pub length: u8,
}

impl Prefix {
    /// The network of all addresses.
    pub const fn all(family: AddressFamily) -> Self {
        let address = match family {
            AddressFamily::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, length: 0 }
    }

    /// The family of its address.
    pub const fn family(&self) -> AddressFamily {
        match self.address {
            IpAddr::V4(_) => AddressFamily::Ipv4,
            IpAddr::V6(_) => AddressFamily::Ipv6,
        }
    }

    /// Whether the length fits the address.
    pub(crate) const fn is_sound(&self) -> bool {
        self.length <= if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// With the bits that do not count set to zero, as the kernel keeps it.
    #[must_use]
    pub fn network(&self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let shift = 32_u32.saturating_sub(self.length.into());
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                Ipv4Addr::from(u32::from(address) & mask).into()
            }
            IpAddr::V6(address) => {
                let shift = 128_u32.saturating_sub(self.length.into());
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                Ipv6Addr::from(u128::from(address) & mask).into()
            }
        };
        Self { address, ..*self }
    }
}

/// As in `192.0.2.0/24`.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

pub(crate) fn family_number(family: AddressFamily) -> u8 {
    let number = match family {
        AddressFamily::Ipv4 => libc::AF_INET,
        AddressFamily::Ipv6 => libc::AF_INET6,
    };
    u8::try_from(number).unwrap_or(0)
}

pub(crate) fn family_of_number(number: u8) -> Option<AddressFamily> {
    match i32::from(number) {
        libc::AF_INET => Some(AddressFamily::Ipv4),
        libc::AF_INET6 => Some(AddressFamily::Ipv6),
        _ => None,
    }
}

pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// An address whose family its length tells.
pub(crate) fn ip_address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(value).map(|octets| Ipv6Addr::from(octets).into());
    v4.or_else(|_| v6()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_do_not_count_are_cleared() {
        let network = |text: &str, length| {
            let address = text.parse().unwrap();
            Prefix { address, length }.network().to_string()
        };
        assert_eq!(network("192.0.2.77", 24), "192.0.2.0/24");
        assert_eq!(network("192.0.2.77", 0), "0.0.0.0/0");
        assert_eq!(network("192.0.2.77", 32), "192.0.2.77/32");
        assert_eq!(network("2001:db8:ffff::1", 33), "2001:db8:8000::/33");
        assert_eq!(network("2001:db8::1", 0), "::/0");
        assert_eq!(network("2001:db8::1", 128), "2001:db8::1/128");
    }
}
