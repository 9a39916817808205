//! What one request asks of IPVS (`linux/ip_vs.h`), in ipvsadm's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Change;

/// `IPVS_CMD_ATTR_*`
const SERVICE: u16 = 1;
const DESTINATION: u16 = 2;
/// `IPVS_SVC_ATTR_*`
const SERVICE_FAMILY: u16 = 1;
const SERVICE_PROTOCOL: u16 = 2;
const SERVICE_ADDRESS: u16 = 3;
const SERVICE_PORT: u16 = 4;
const SERVICE_MARK: u16 = 5;
/// `IPVS_DEST_ATTR_*`
const DESTINATION_ADDRESS: u16 = 1;
const DESTINATION_PORT: u16 = 2;
const DESTINATION_WEIGHT: u16 = 4;
const DESTINATION_FAMILY: u16 = 11;

/// The two top bits of an attribute's number say how it is written.
const NUMBER: u16 = 0x3fff;

/// One change that somebody asked for, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is to happen.
    pub change: Change,
    /// The service as ipvsadm names it: `-t 192.0.2.1:80`, `-f 7`; empty when everything is meant.
    pub service: String,
    /// The real server as ipvsadm names it (`192.0.2.81:80`), and its weight.
    pub destination: Option<(String, i64)>,
}

impl Request {
    pub(super) fn read(change: Change, attributes: &[u8]) -> Self {
        let service = find(attributes, SERVICE).unwrap_or_default();
        let family = find(service, SERVICE_FAMILY).and_then(u16_of).unwrap_or_default();
        let destination = find(attributes, DESTINATION).and_then(|destination| {
            // Kernels and programs of old do not say the family again.
            let family = find(destination, DESTINATION_FAMILY).and_then(u16_of).unwrap_or(family);
            let weight = find(destination, DESTINATION_WEIGHT)
                .and_then(u32_of)
                .unwrap_or_default();
            let address = socket_address(
                family,
                find(destination, DESTINATION_ADDRESS)?,
                find(destination, DESTINATION_PORT)?,
            )?;
            Some((address.to_string(), i64::from(weight)))
        });
        Self {
            change,
            service: service_name(family, service).unwrap_or_default(),
            destination,
        }
    }
}

fn service_name(family: u16, service: &[u8]) -> Option<String> {
    if let Some(mark) = find(service, SERVICE_MARK).and_then(u32_of) {
        let six = if i32::from(family) == libc::AF_INET6 { " -6" } else { "" };
        return Some(format!("-f {mark}{six}"));
    }
    let option = match i32::from(find(service, SERVICE_PROTOCOL).and_then(u16_of)?) {
        libc::IPPROTO_TCP => "-t",
        libc::IPPROTO_UDP => "-u",
        _ => "--sctp-service",
    };
    let address = socket_address(family, find(service, SERVICE_ADDRESS)?, find(service, SERVICE_PORT)?)?;
    Some(format!("{option} {address}"))
}

/// The value of the attribute with this number.
fn find(mut attributes: &[u8], number: u16) -> Option<&[u8]> {
    while let Some([l0, l1, k0, k1]) = attributes.first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes([*k0, *k1]) & NUMBER == number {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

fn u16_of(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn u32_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn socket_address(family: u16, address: &[u8], port: &[u8]) -> Option<SocketAddr> {
    let address: IpAddr = if i32::from(family) == libc::AF_INET6 {
        Ipv6Addr::from(*address.first_chunk::<16>()?).into()
    } else {
        Ipv4Addr::from(*address.first_chunk::<4>()?).into()
    };
    Some(SocketAddr::new(address, u16::from_be_bytes(*port.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(number: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len().checked_add(4).unwrap()).unwrap();
        let mut bytes = [length.to_ne_bytes(), number.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_destination_is_named_as_ipvsadm_names_it() {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[192, 0, 2, 1]);
        let service = [
            attribute(SERVICE_FAMILY, &2_u16.to_ne_bytes()),
            attribute(SERVICE_PROTOCOL, &6_u16.to_ne_bytes()),
            attribute(SERVICE_ADDRESS, &address),
            attribute(SERVICE_PORT, &[0, 80]),
        ]
        .concat();
        let destination = [
            attribute(DESTINATION_ADDRESS, &address),
            attribute(DESTINATION_PORT, &[31, 144]),
            attribute(DESTINATION_WEIGHT, &7_u32.to_ne_bytes()),
        ]
        .concat();
        let message = [
            attribute(SERVICE | 0x8000, &service),
            attribute(DESTINATION, &destination),
        ]
        .concat();
        let read = Request::read(Change::SetDest, &message);
        assert_eq!(read.service, "-t 192.0.2.1:80");
        assert_eq!(read.destination, Some(("192.0.2.1:8080".to_owned(), 7)));

        let mark = [
            attribute(SERVICE_FAMILY, &10_u16.to_ne_bytes()),
            attribute(SERVICE_MARK, &9_u32.to_ne_bytes()),
        ]
        .concat();
        let read = Request::read(Change::DelService, &attribute(SERVICE, &mark));
        assert_eq!((read.service.as_str(), read.destination), ("-f 9 -6", None));
        for length in 0..message.len() {
            Request::read(Change::Flush, &message[..length]);
        }
    }
}
