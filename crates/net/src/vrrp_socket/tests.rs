use super::*;

/// An advert of version 2 as keepalived sends it, captured from 2.2.7.
const ADVERT: [u8; 40] = [
    0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0x90, 192, 0, 2, 2, 224, 0, 0, 18, // IPv4
    0x21, 0x33, 0x64, 0x01, 0x00, 0x01, 0xb8, 0xbf, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0, 0, 0, // VRRP
];

#[test]
fn the_ip_header_is_taken_off() {
    let packet = Ipv4Packet::read(&ADVERT, IPPROTO_VRRP).unwrap();
    assert_eq!(
        (packet.source, packet.destination, packet.ttl),
        ([192, 0, 2, 2].into(), [224, 0, 0, 18].into(), 255)
    );
    assert_eq!(packet.payload, &ADVERT[20..]);
}

#[test]
fn ip_options_are_passed_over_and_ethernet_padding_is_cut_off() {
    let mut bytes = ADVERT.to_vec();
    bytes[0] = 0x46;
    bytes[3] += 4;
    // Router alert (RFC 2113).
    bytes.splice(20..20, [0x94, 0x04, 0, 0]);
    bytes.extend([0; 6]);
    assert_eq!(Ipv4Packet::read(&bytes, IPPROTO_VRRP).unwrap().payload, &ADVERT[20..]);
}

#[test]
fn unsound_headers_are_refused() {
    let changed = |position: usize, value: u8| {
        let mut bytes = ADVERT;
        bytes[position] = value;
        Ipv4Packet::read(&bytes, IPPROTO_VRRP).is_none()
    };
    assert!(changed(0, 0x65), "IPv6");
    assert!(changed(0, 0x44), "header shorter than 20 bytes");
    assert!(changed(0, 0x4f), "header longer than the packet");
    assert!(changed(3, 41), "total length beyond the packet");
    assert!(changed(3, 19), "total length inside the header");
    assert!(changed(9, 17), "UDP");
    for end in 0..ADVERT.len() {
        assert_eq!(Ipv4Packet::read(&ADVERT[..end], IPPROTO_VRRP), None);
    }
}

#[test]
fn a_header_without_anything_behind_it_has_an_empty_payload() {
    let mut bytes = ADVERT[..20].to_vec();
    bytes[3] = 20;
    assert_eq!(Ipv4Packet::read(&bytes, IPPROTO_VRRP).unwrap().payload, b"");
}

#[test]
fn a_packet_is_refused_when_anything_about_its_way_is_missing() {
    let sender = Some("[fe80::1%2]:0".parse().unwrap());
    let control = control::sending_from("ff02::12".parse().unwrap(), 2, 255);
    let raw = |control, sender, truncated| RawPacket {
        sender,
        data: &ADVERT[20..],
        control,
        truncated,
    };
    let settings = VrrpSocketSettings {
        interface_index: None,
        mode: VrrpSocketMode::Unicast {
            family: AddressFamily::Ipv6,
        },
        receive_buffer_bytes: None,
        authenticated: false,
    };
    let read = |raw| read_packet(&settings, &raw);
    let packet = read(raw(&control, sender, false)).unwrap();
    assert_eq!(packet.source, "fe80::1".parse::<IpAddr>().unwrap());
    assert_eq!(packet.destination, "ff02::12".parse::<IpAddr>().unwrap());
    assert_eq!((packet.ttl, packet.interface_index), (255, 2));
    assert_eq!(read(raw(&control, sender, true)), None);
    assert_eq!(read(raw(&control, None, false)), None);
    assert_eq!(read(raw(&control[..40], sender, false)), None, "no hop limit");
    assert_eq!(read(raw(&[], sender, false)), None);
}

#[test]
fn names_of_sockets_say_what_they_are_for() {
    let mode = VrrpSocketMode::Multicast {
        group: [224, 0, 0, 18].into(),
    };
    let settings = VrrpSocketSettings {
        interface_index: Some(3),
        mode,
        receive_buffer_bytes: None,
        authenticated: false,
    };
    assert_eq!(settings.to_string(), "VRRP socket for 224.0.0.18 on interface 3");
    let settings = VrrpSocketSettings {
        authenticated: true,
        ..settings
    };
    assert_eq!(
        settings.to_string(),
        "authenticated VRRP socket for 224.0.0.18 on interface 3"
    );
}

#[test]
fn authenticated_packets_come_with_their_header() {
    let mut bytes = ADVERT;
    bytes[9] = IPPROTO_AH;
    assert_eq!(Ipv4Packet::read(&bytes, IPPROTO_VRRP), None);
    let packet = Ipv4Packet::read(&bytes, IPPROTO_AH).unwrap();
    assert_eq!((packet.header, packet.payload), bytes.split_at(20));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic_and_nothing_is_read_beyond_them(bytes: Vec<u8>, first in 0x40_u8..0x50) {
        let mut bytes = bytes;
        if let Some(version_and_length) = bytes.first_mut() {
            *version_and_length = first;
        }
        if let Some(protocol) = bytes.get_mut(9) {
            *protocol = IPPROTO_VRRP;
        }
        if let Some(packet) = Ipv4Packet::read(&bytes, IPPROTO_VRRP) {
            assert!(packet.payload.is_empty() || packet.payload.len() <= bytes[20..].len());
        }
    }
}
