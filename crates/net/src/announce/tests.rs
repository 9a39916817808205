use super::*;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

/// Captured from keepalived 2.2.7.
#[test]
fn gratuitous_arp_is_a_broadcast_request_for_the_own_address() {
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
        0, 1, 0x08, 0x00, 6, 4, 0, 1, // Ethernet, IPv4, lengths, request
        2, 0, 0, 0, 0, 1, 192, 0, 2, 10, // sender
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10, // target
    ];
    assert_eq!(gratuitous_arp(MAC, [192, 0, 2, 10].into()), expected);
}

/// Captured from keepalived 2.2.7.
#[test]
fn neighbour_advertisement_goes_to_all_nodes_with_override() {
    let expected = [
        0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
        0x60, 0, 0, 0, 0, 0x20, 0x3a, 0xff, // IPv6
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // source
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // destination
        0x88, 0, 0x57, 0x7d, 0x20, 0, 0, 0, // advertisement, override
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // target
        2, 1, 2, 0, 0, 0, 0, 1, // target link-layer address
    ];
    assert_eq!(
        neighbour_advertisement(MAC, "fe80::10".parse().unwrap(), false),
        expected
    );
}

/// The checksum was computed apart from this code, with Python over the pseudo header of RFC 8200.
#[test]
fn a_router_says_so_in_its_neighbour_advertisement() {
    let bytes = neighbour_advertisement(MAC, "2001:db8::10".parse().unwrap(), true);
    assert_eq!(bytes[54..62], [0x88, 0, 0x79, 0x0c, 0xa0, 0, 0, 0]);
}

/// The worked example of RFC 1071 section 3.
#[test]
fn internet_sum_is_that_of_rfc_1071() {
    assert_eq!(internet_sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    assert_eq!(internet_sum(&[0xff, 0xff, 0x00, 0x01, 0x80]), 0x8001);
}
