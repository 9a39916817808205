//! Control messages beside a packet (`cmsg(3)`): which interface, which local address, which TTL.
#![deny(clippy::arithmetic_side_effects)]

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libc::c_int;

/// Length of `struct cmsghdr`: a `size_t` and two `int`s.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// Control messages begin at multiples of this.
const ALIGNMENT: usize = size_of::<usize>();

/// What a control buffer says about a received packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PacketInfo {
    pub(crate) interface_index: Option<u32>,
    /// IPv6 only; an IPv4 raw socket has it in the packet.
    pub(crate) destination: Option<Ipv6Addr>,
    /// IPv4 only, where `IP_PKTINFO` was asked for: the destination in the packet's header.
    pub(crate) destination_v4: Option<Ipv4Addr>,
    /// IPv6, and IPv4 where `IP_RECVTTL` was asked for.
    pub(crate) hop_limit: Option<u8>,
}

impl PacketInfo {
    /// Reads what the kernel wrote; stops at anything that does not fit, skips what it does not know.
    pub(crate) fn read(mut control: &[u8]) -> Self {
        let mut info = Self::default();
        while let Some((level, kind, data, rest)) = split_message(control) {
            info.take(level, kind, data);
            control = rest;
        }
        info
    }

    fn take(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        match (level, kind) {
            // struct in_pktinfo { int ifindex; in_addr spec_dst; in_addr addr; }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                self.interface_index = number(data);
                let address = data.get(8..).and_then(|rest| rest.first_chunk::<4>());
                self.destination_v4 = address.map(|octets| Ipv4Addr::from(*octets));
            }
            // struct in6_pktinfo { in6_addr addr; unsigned ifindex; }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                if let Some((address, index)) = data.split_first_chunk::<16>() {
                    self.destination = Some(Ipv6Addr::from(*address));
                    self.interface_index = number(index);
                }
            }
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) | (libc::IPPROTO_IP, libc::IP_TTL) => {
                self.hop_limit = number(data).and_then(|limit| u8::try_from(limit).ok());
            }
            _ => {}
        }
    }
}

/// Level, type, data and everything behind the first control message.
fn split_message(control: &[u8]) -> Option<(c_int, c_int, &[u8], &[u8])> {
    let (length, rest) = control.split_first_chunk::<{ size_of::<usize>() }>()?;
    let (level, rest) = rest.split_first_chunk::<4>()?;
    let (kind, _) = rest.split_first_chunk::<4>()?;
    let length = usize::from_ne_bytes(*length);
    let data = control.get(HEADER..length)?;
    // The last one may lack its padding.
    let next = control
        .get(length.checked_next_multiple_of(ALIGNMENT)?..)
        .unwrap_or_default();
    Some((c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind), data, next))
}

fn number(data: &[u8]) -> Option<u32> {
    data.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The control buffer of a packet to send: leave from `source` through `interface_index` (0: whichever the route
/// says) with this TTL or hop limit.
pub(crate) fn sending_from(source: IpAddr, interface_index: u32, ttl: u8) -> Vec<u8> {
    let mut control = Vec::with_capacity(80);
    match source {
        IpAddr::V4(source) => {
            let mut info = interface_index.to_ne_bytes().to_vec();
            info.extend(source.octets());
            info.extend([0; 4]);
            push_message(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            push_message(
                &mut control,
                libc::IPPROTO_IP,
                libc::IP_TTL,
                &c_int::from(ttl).to_ne_bytes(),
            );
        }
        IpAddr::V6(source) => {
            let mut info = source.octets().to_vec();
            info.extend(interface_index.to_ne_bytes());
            push_message(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            push_message(
                &mut control,
                libc::IPPROTO_IPV6,
                libc::IPV6_HOPLIMIT,
                &c_int::from(ttl).to_ne_bytes(),
            );
        }
    }
    control
}

fn push_message(control: &mut Vec<u8>, level: c_int, kind: c_int, data: &[u8]) {
    control.extend(HEADER.saturating_add(data.len()).to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.extend(data);
    control.resize(control.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `struct cmsghdr` lies in memory on 64-bit Linux: length 28, level 0, type 8 (`IP_PKTINFO`)...
    #[test]
    #[cfg(all(target_pointer_width = "64", target_endian = "little"))]
    fn control_buffer_for_ipv4_has_the_layout_of_the_c_macros() {
        let expected = [
            28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, // cmsghdr
            7, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, // in_pktinfo, 4 bytes of padding
            20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, // cmsghdr, IP_TTL
            255, 0, 0, 0, 0, 0, 0, 0, // int, padding
        ];
        assert_eq!(sending_from([192, 0, 2, 1].into(), 7, 255), expected);
    }

    #[test]
    fn reads_what_the_kernel_says_about_an_ipv6_packet() {
        let group: Ipv6Addr = "ff02::12".parse().unwrap();
        // What is sent has the same form as what is received.
        let control = sending_from(group.into(), 5, 254);
        let expected = PacketInfo {
            interface_index: Some(5),
            destination: Some(group),
            destination_v4: None,
            hop_limit: Some(254),
        };
        assert_eq!(PacketInfo::read(&control), expected);
    }

    #[test]
    fn every_prefix_and_every_changed_byte_is_read_without_panic() {
        let control = sending_from("2001:db8::1".parse().unwrap(), 5, 255);
        for end in 0..control.len() {
            let _ = PacketInfo::read(&control[..end]);
        }
        for position in 0..control.len() {
            for value in 0..=255 {
                let mut changed = control.clone();
                changed[position] = value;
                let _ = PacketInfo::read(&changed);
            }
        }
        // A length of zero must not make the reader stand still.
        assert_eq!(PacketInfo::read(&[0; 64]), PacketInfo::default());
    }
}
