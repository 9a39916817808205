use super::*;
use crate::netlink::messages;

fn written(address: &InterfaceAddress) -> Vec<u8> {
    address.check().unwrap();
    let mut writer = RequestWriter::default();
    writer.message(NEW, 0, 0, |body| address.write(Change::Add, body));
    writer.bytes().to_vec()
}

/// What `ip addr add 192.0.2.10/24 brd 192.0.2.255 label eth0:1 scope link dev eth0` (index 3) sends, with flags and
/// mark.
#[test]
#[cfg(target_endian = "little")]
fn an_ipv4_address_with_everything_has_the_kernels_layout() {
    let address = InterfaceAddress {
        broadcast: Some(Ipv4Addr::new(192, 0, 2, 255)),
        label: Some("eth0:1".into()),
        scope: AddressScope::LINK,
        flags: AddressFlags::NOPREFIXROUTE | AddressFlags::PERMANENT,
        preferred_lifetime_s: Some(0),
        ..InterfaceAddress::new(3, [192, 0, 2, 10].into(), 24)
    };
    let expected = [
        2, 24, 0, 253, 3, 0, 0, 0, // ifaddrmsg
        8, 0, 2, 0, 192, 0, 2, 10, // IFA_LOCAL
        8, 0, 1, 0, 192, 0, 2, 10, // IFA_ADDRESS
        8, 0, 4, 0, 192, 0, 2, 255, // IFA_BROADCAST
        11, 0, 3, 0, b'e', b't', b'h', b'0', b':', b'1', 0, 0, // IFA_LABEL
        8, 0, 8, 0, 0, 2, 0, 0, // IFA_FLAGS: NOPREFIXROUTE only, PERMANENT is the kernel's
        20, 0, 6, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, // IFA_CACHEINFO
        5, 0, 11, 0, 112, 0, 0, 0, // IFA_PROTO
    ];
    assert_eq!(written(&address)[16..], expected);
}

#[test]
#[cfg(target_endian = "little")]
fn an_ipv6_address_is_added_without_duplicate_address_detection() {
    let address = InterfaceAddress::new(3, "2001:db8::10".parse().unwrap(), 64);
    let bytes = written(&address);
    assert_eq!(bytes[16..20], [10, 64, 0, 0]);
    let flags = attributes(&bytes[24..]).find(|(kind, _)| *kind == 8).unwrap();
    assert_eq!(flags.1, [0x02, 0, 0, 0], "IFA_F_NODAD");
}

#[test]
fn what_is_written_is_read_as_the_same_address() {
    let addresses = [
        InterfaceAddress::new(3, [192, 0, 2, 10].into(), 24),
        InterfaceAddress {
            peer: Some([192, 0, 2, 11].into()),
            label: Some("a".into()),
            preferred_lifetime_s: Some(7),
            ..InterfaceAddress::new(3, [192, 0, 2, 10].into(), 32)
        },
        InterfaceAddress::new(9, "2001:db8::10".parse().unwrap(), 128),
        InterfaceAddress {
            peer: Some("2001:db8::11".parse().unwrap()),
            ..InterfaceAddress::new(9, "2001:db8::10".parse().unwrap(), 128)
        },
    ];
    for address in addresses {
        let bytes = written(&address);
        assert_eq!(decode(&messages(&bytes).next().unwrap()), Some(address));
    }
}

#[test]
fn what_the_kernel_could_not_understand_is_refused() {
    let ipv4 = InterfaceAddress::new(3, [192, 0, 2, 10].into(), 24);
    let ipv6 = InterfaceAddress::new(3, "2001:db8::10".parse().unwrap(), 64);
    let bad = [
        InterfaceAddress {
            prefix_length: 33,
            ..ipv4.clone()
        },
        InterfaceAddress {
            prefix_length: 129,
            ..ipv6.clone()
        },
        InterfaceAddress {
            peer: Some(ipv6.address),
            ..ipv4.clone()
        },
        InterfaceAddress {
            label: Some("sixteen-bytes-xx".into()),
            ..ipv4.clone()
        },
        InterfaceAddress {
            label: Some("a\0b".into()),
            ..ipv4.clone()
        },
        InterfaceAddress {
            label: Some("eth0:1".into()),
            ..ipv6.clone()
        },
        InterfaceAddress {
            broadcast: Some(Ipv4Addr::BROADCAST),
            ..ipv6.clone()
        },
    ];
    for address in bad {
        assert!(address.check().is_err(), "{address:?}");
    }
    assert!(ipv4.check().is_ok() && ipv6.check().is_ok());
}

#[test]
fn every_shorter_message_and_other_families_are_read_without_panic() {
    let bytes = written(&InterfaceAddress::new(3, "2001:db8::10".parse().unwrap(), 64));
    let message = messages(&bytes).next().unwrap();
    for end in 0..message.payload.len() {
        let _ = decode(&Message {
            payload: &message.payload[..end],
            ..message
        });
    }
    let mut mctp = message.payload.to_vec();
    mctp[0] = 45;
    assert_eq!(
        decode(&Message {
            payload: &mctp,
            ..message
        }),
        None
    );
}
