//! Frames that directors send, field by field, as text that two programs can be compared by.
//!
//! What differs from packet to packet (numbers of IPv4 packets, sequence numbers and digests of AH) is left out; every other
//! field of the link, the network and VRRP, ARP or neighbour discovery is in the text, and checksums are judged.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::onlooker::{ARP, AUTHENTICATION_HEADER, ETHERNET_HEADER, ICMPV6, IPV4, IPV6, IPV6_HEADER, VRRP};

/// The text of a frame; `None` when it is cut off or of a kind that directors do not send.
pub fn describe(frame: &[u8]) -> Option<String> {
    let link = format!("{} > {}", mac(frame, 6)?, mac(frame, 0)?);
    let packet = frame.get(ETHERNET_HEADER..)?;
    let rest = match kind(frame)? {
        ARP => arp(packet)?,
        IPV4 => ipv4(packet)?,
        IPV6 => ipv6(packet)?,
        _ => return None,
    };
    Some(format!("{link}: {rest}"))
}

/// The virtual router that an advert is about; `None` for everything else.
pub fn vrid_of(frame: &[u8]) -> Option<u8> {
    let packet = frame.get(ETHERNET_HEADER..)?;
    let (protocol, payload) = match kind(frame)? {
        IPV4 => (*packet.get(9)?, packet.get(ipv4_header_length(packet)?..)?),
        IPV6 => (*packet.get(6)?, packet.get(IPV6_HEADER..)?),
        _ => return None,
    };
    match protocol {
        VRRP => payload.get(1).copied(),
        AUTHENTICATION_HEADER => payload.get(authentication_header_length(payload)?..)?.get(1).copied(),
        _ => None,
    }
}

fn kind(frame: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*frame.get(12..)?.first_chunk()?))
}

fn mac(bytes: &[u8], at: usize) -> Option<String> {
    let digits = bytes.get(at..)?.first_chunk::<6>()?.iter();
    Some(digits.map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn v4(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some((*bytes.get(at..)?.first_chunk::<4>()?).into())
}

fn v6(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    Some((*bytes.get(at..)?.first_chunk::<16>()?).into())
}

fn arp(packet: &[u8]) -> Option<String> {
    Some(format!(
        "ARP type {:#x}/{:#x} sizes {}/{} operation {} sender {} at {} target {} at {}",
        word(packet, 0)?,
        word(packet, 2)?,
        packet.get(4)?,
        packet.get(5)?,
        word(packet, 6)?,
        v4(packet, 14)?,
        mac(packet, 8)?,
        v4(packet, 24)?,
        mac(packet, 18)?,
    ))
}

fn ipv4_header_length(packet: &[u8]) -> Option<usize> {
    usize::from(packet.first()? & 0x0f).checked_mul(4)
}

fn ipv4(packet: &[u8]) -> Option<String> {
    let header_length = ipv4_header_length(packet)?;
    let total = usize::from(word(packet, 2)?);
    let (source, destination) = (v4(packet, 12)?, v4(packet, 16)?);
    let mut text = format!(
        "IPv4 {source} > {destination} header {header_length} tos {:#04x} fragment {:#06x} ttl {} protocol {} header sum {}",
        packet.get(1)?,
        word(packet, 6)?,
        packet.get(8)?,
        packet.get(9)?,
        judged(sum(packet.get(..header_length)?) == 0xffff),
    );
    let mut payload = packet.get(header_length..total)?;
    if packet.get(9) == Some(&AUTHENTICATION_HEADER) {
        let length = authentication_header_length(payload)?;
        // The sequence number at 8 and the digest behind it differ from packet to packet.
        let _ = write!(
            text,
            ", AH next {} length {} spi {:#010x}",
            payload.first()?,
            length,
            u32::from_be_bytes(*payload.get(4..)?.first_chunk()?)
        );
        payload = payload.get(length..)?;
    }
    text += &vrrp(payload, source.into(), destination.into())?;
    Some(text)
}

/// RFC 4302 section 2.2: in words of four bytes, two of which do not count.
fn authentication_header_length(header: &[u8]) -> Option<usize> {
    usize::from(*header.get(1)?).checked_add(2)?.checked_mul(4)
}

fn ipv6(packet: &[u8]) -> Option<String> {
    let (source, destination) = (v6(packet, 8)?, v6(packet, 24)?);
    let payload = packet.get(IPV6_HEADER..)?.get(..usize::from(word(packet, 4)?))?;
    let next = *packet.get(6)?;
    let first = u32::from_be_bytes(*packet.first_chunk()?);
    let mut text = format!(
        "IPv6 {source} > {destination} class {:#04x} flow {:#x} hop limit {} next {next}",
        first >> 20 & 0xff,
        first & 0xf_ffff,
        packet.get(7)?,
    );
    match next {
        VRRP => text += &vrrp(payload, source.into(), destination.into())?,
        ICMPV6 => text += &neighbour_advertisement(payload, source, destination)?,
        _ => return None,
    }
    Some(text)
}

fn neighbour_advertisement(payload: &[u8], source: Ipv6Addr, destination: Ipv6Addr) -> Option<String> {
    let mut text = format!(
        ", ICMPv6 type {} code {} flags {:#010x} target {} sum {}",
        payload.first()?,
        payload.get(1)?,
        u32::from_be_bytes(*payload.get(4..)?.first_chunk()?),
        v6(payload, 8)?,
        judged(sum_with_pseudo_header(payload, source.into(), destination.into(), ICMPV6) == 0xffff),
    );
    let mut options = payload.get(24..)?;
    while let [kind, length, ..] = *options {
        let end = usize::from(length).checked_mul(8).filter(|end| *end > 0)?;
        let _ = write!(text, " option {kind} length {length} {}", mac(options, 2)?);
        options = options.get(end..)?;
    }
    Some(text)
}

/// RFC 3768 section 5.3 and RFC 9568 section 5.2.
fn vrrp(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Option<String> {
    let (first, count) = (*bytes.first()?, *bytes.get(3)?);
    let version = first >> 4;
    let is_v2 = version == 2;
    let mut text = format!(
        ", VRRP version {version} type {} vrid {} priority {} count {count}",
        first & 0x0f,
        bytes.get(1)?,
        bytes.get(2)?,
    );
    let _ = if is_v2 {
        write!(text, " auth {} interval {} s", bytes.get(4)?, bytes.get(5)?)
    } else {
        let field = word(bytes, 4)?;
        write!(text, " reserved {} interval {} cs", field >> 12, field & 0x0fff)
    };
    let pseudo = !is_v2 || source.is_ipv6();
    let total = if pseudo {
        sum_with_pseudo_header(bytes, source, destination, VRRP)
    } else {
        sum(bytes)
    };
    let _ = write!(text, " sum {} [", judged(total == 0xffff));
    let size = if source.is_ipv6() { 16_usize } else { 4 };
    let end = usize::from(count).checked_mul(size)?.checked_add(8)?;
    for address in bytes.get(8..end)?.chunks(size) {
        let address: IpAddr = if source.is_ipv6() {
            v6(address, 0)?.into()
        } else {
            v4(address, 0)?.into()
        };
        let _ = write!(text, " {address}");
    }
    let _ = write!(text, " ] rest {:02x?}", bytes.get(end..)?);
    Some(text)
}

fn judged(good: bool) -> &'static str {
    if good { "good" } else { "BAD" }
}

fn sum_with_pseudo_header(bytes: &[u8], source: IpAddr, destination: IpAddr, protocol: u8) -> u16 {
    let mut all = Vec::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => all.extend(address.octets()),
            IpAddr::V6(address) => all.extend(address.octets()),
        }
    }
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    // RFC 8200 section 8.1. The one of IPv4 has shorter fields in another order, which a sum does not see.
    all.extend(length.to_be_bytes());
    all.extend([0, 0, 0, protocol]);
    all.extend(bytes);
    sum(&all)
}

/// One's complement sum of 16-bit words (RFC 1071): all ones when the checksum is among them and right.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        [high] => u16::from_be_bytes([high, 0]),
        _ => 0,
    });
    words.fold(0, |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum.wrapping_add(u16::from(carry))
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// Version 2, vrid 51, priority 150, 192.0.2.200, laid out by hand as RFC 3768 section 5.1 says.
    const V2: &str = "01005e000012 0a0000000001 0800 45c0002800010000ff701891 c0000201 e0000012 \
                      21339601 00018601 c00002c8 0000000000000000";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn every_field_of_an_advert_is_told() {
        let text = describe(&bytes(V2)).unwrap();
        assert_eq!(
            text,
            "0a:00:00:00:00:01 > 01:00:5e:00:00:12: IPv4 192.0.2.1 > 224.0.0.18 header 20 tos 0xc0 fragment 0x0000 ttl 255 \
             protocol 112 header sum good, VRRP version 2 type 1 vrid 51 priority 150 count 1 auth 0 interval 1 s sum good \
             [ 192.0.2.200 ] rest [00, 00, 00, 00, 00, 00, 00, 00]"
        );
        assert_eq!(vrid_of(&bytes(V2)), Some(51));
    }

    #[test]
    fn every_flipped_bit_shows_and_every_prefix_is_harmless() {
        let good = bytes(V2);
        let text = describe(&good);
        for bit in 0..good.len() * 8 {
            // The number of the packet is not told, but the header's checksum is.
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(describe(&flipped), text, "bit {bit}");
        }
        for length in 0..good.len() {
            assert_eq!(describe(&good[..length]), None, "{length} bytes");
        }
    }
}
