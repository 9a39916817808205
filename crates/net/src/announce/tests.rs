use super::*;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

#[test]
fn gratuitous_arp_is_a_broadcast_request_for_the_own_address() {
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
        0, 1, 0x08, 0x00, 6, 4, 0, 1, // Ethernet, IPv4, lengths, request
        2, 0, 0, 0, 0, 1, 192, 0, 2, 10, // sender
        0, 0, 0, 0, 0, 0, 192, 0, 2, 10, // target
    ];
    assert_eq!(gratuitous_arp(MAC, [192, 0, 2, 10].into()), expected);
}

/// The checksums were computed apart from this code, with Python over the pseudo header of RFC 8200.
#[test]
fn neighbour_advertisement_goes_to_all_nodes_with_override() {
    let expected = |flags: u8, checksum: [u8; 2]| {
        let mut bytes = vec![0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];
        bytes.extend([0x60, 0, 0, 0, 0, 32, 58, 255]);
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10]);
        bytes.extend([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([136, 0, checksum[0], checksum[1], flags, 0, 0, 0]);
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10]);
        bytes.extend([2, 1, 2, 0, 0, 0, 0, 1]);
        bytes
    };
    let address = "2001:db8::10".parse().unwrap();
    assert_eq!(
        neighbour_advertisement(MAC, address, false),
        expected(0x20, [0xf9, 0x0c])
    );
    assert_eq!(
        neighbour_advertisement(MAC, address, true),
        expected(0xa0, [0x79, 0x0c])
    );
}

/// The worked example of RFC 1071 section 3.
#[test]
fn internet_sum_is_that_of_rfc_1071() {
    assert_eq!(internet_sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    assert_eq!(internet_sum(&[0xff, 0xff, 0x00, 0x01, 0x80]), 0x8001);
}
