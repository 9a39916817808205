//! Values of managed objects.

use std::net::IpAddr;

use crate::oid::Oid;

/// A value of one of SNMP's types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `INTEGER`, `Integer32`, and every enumeration
    Integer(i32),
    /// `OCTET STRING`, and every textual convention of bytes
    OctetString(Vec<u8>),
    /// `OBJECT IDENTIFIER`
    ObjectIdentifier(Oid),
    /// `IpAddress`: IPv4
    IpAddress([u8; 4]),
    /// `Counter32`
    Counter32(u32),
    /// `Gauge32` and `Unsigned32`
    Gauge32(u32),
    /// `TimeTicks`: hundredths of a second
    TimeTicks(u32),
    /// `Opaque`: bytes that somebody else understands
    Opaque(Vec<u8>),
    /// `Counter64`
    Counter64(u64),
}

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::OctetString(text.as_ref().as_bytes().to_vec())
    }

    /// `TruthValue` (RFC 2579): true is 1, false is 2. Other switches of two words (`enabled`, `disabled`) count likewise.
    pub const fn truth(truth: bool) -> Self {
        Self::Integer(if truth { 1 } else { 2 })
    }

    /// `InetAddress` (RFC 4001): 4 or 16 bytes.
    pub fn inet_address(address: IpAddr) -> Self {
        Self::OctetString(match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        })
    }

    /// `InetAddressType` (RFC 4001) of an address: 1 for IPv4, 2 for IPv6.
    pub const fn inet_address_type(address: IpAddr) -> Self {
        Self::Integer(match address {
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => 2,
        })
    }

    /// A number that counts, as far as it fits.
    pub fn gauge(number: impl TryInto<u32>) -> Self {
        Self::Gauge32(number.try_into().unwrap_or(u32::MAX))
    }

    /// An integer, as far as it fits.
    pub fn integer(number: impl TryInto<i32>) -> Self {
        Self::Integer(number.try_into().unwrap_or(i32::MAX))
    }
}
