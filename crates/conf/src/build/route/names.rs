//! Numbers that routing knows by name: what iproute2 and the kernel agree on everywhere, and what the host adds.

use crate::build::Builder;

/// Routing tables.
const TABLES: &[(&str, u32)] = &[("unspec", 0), ("default", 253), ("main", 254), ("local", 255)];

/// Originators of routes, `RTPROT_*`.
const PROTOCOLS: &[(&str, u32)] = &[
    ("unspec", 0),
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("gated", 8),
    ("ra", 9),
    ("mrt", 10),
    ("zebra", 11),
    ("bird", 12),
    ("dnrouted", 13),
    ("xorp", 14),
    ("ntk", 15),
    ("dhcp", 16),
    ("keepalived", 18),
    ("babel", 42),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
    ("eigrp", 192),
];

/// Scopes, `RT_SCOPE_*`.
const SCOPES: &[(&str, u32)] = &[
    ("global", 0),
    ("universe", 0),
    ("site", 200),
    ("link", 253),
    ("host", 254),
    ("nowhere", 255),
];

/// Types of service: the classes of RFC 2474, RFC 2597 and RFC 3246, two bits to the left.
const SERVICES: &[(&str, u32)] = &[
    ("default", 0x00),
    ("AF11", 0x28),
    ("AF12", 0x30),
    ("AF13", 0x38),
    ("AF21", 0x48),
    ("AF22", 0x50),
    ("AF23", 0x58),
    ("AF31", 0x68),
    ("AF32", 0x70),
    ("AF33", 0x78),
    ("AF41", 0x88),
    ("AF42", 0x90),
    ("AF43", 0x98),
    ("CS1", 0x20),
    ("CS2", 0x40),
    ("CS3", 0x60),
    ("CS4", 0x80),
    ("CS5", 0xa0),
    ("CS6", 0xc0),
    ("CS7", 0xe0),
    ("EF", 0xb8),
];

/// Types of routes, `RTN_*`.
const ROUTE_TYPES: &[(&str, u32)] = &[
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
    ("throw", 9),
    ("nat", 10),
];

/// Layer 4 protocols (IANA).
const IP_PROTOCOLS: &[(&str, u32)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

/// Routing realms.
const REALMS: &[(&str, u32)] = &[("cosmos", 0)];

/// Groups of interfaces.
const GROUPS: &[(&str, u32)] = &[("default", 0)];

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::build) enum Names {
    Table,
    Protocol,
    Scope,
    Service,
    RouteType,
    IpProtocol,
    Realm,
    Group,
}

impl Names {
    fn known(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Table => TABLES,
            Self::Protocol => PROTOCOLS,
            Self::Scope => SCOPES,
            Self::Service => SERVICES,
            Self::RouteType => ROUTE_TYPES,
            Self::IpProtocol => IP_PROTOCOLS,
            Self::Realm => REALMS,
            Self::Group => GROUPS,
        }
    }

    fn most(self) -> u32 {
        match self {
            Self::Table | Self::Group => u32::MAX,
            Self::Realm => 0xffff,
            _ => 0xff,
        }
    }

    /// The file in which the host gives such names.
    pub(super) fn file(self) -> Option<&'static str> {
        match self {
            Self::Table => Some("rt_tables"),
            Self::Protocol => Some("rt_protos"),
            Self::Scope => Some("rt_scopes"),
            Self::Service => Some("rt_dsfield"),
            Self::Realm => Some("rt_realms"),
            Self::Group => Some("group"),
            Self::RouteType | Self::IpProtocol => None,
        }
    }

    /// The number that a word means: a number in any base that C knows, or a name, of which the host's count first.
    fn number(self, word: &str, of_host: impl FnOnce(&str) -> Option<u32>) -> Option<u32> {
        let named = || self.known().iter().find(|(name, _)| *name == word);
        let number = match any_base(word) {
            Some(number) => u32::try_from(number).ok(),
            None => of_host(word).or_else(|| named().map(|(_, number)| *number)),
        };
        number.filter(|number| *number <= self.most())
    }

    /// The names, for hints.
    pub(in crate::build) fn hint(self) -> String {
        let names: Vec<&str> = self.known().iter().map(|(name, _)| *name).take(8).collect();
        format!("a number up to {}, or a name such as {}", self.most(), names.join(", "))
    }
}

/// A number: decimal, `0x` hexadecimal, or octal with a `0` in front.
pub(in crate::build) fn any_base(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let signed = digits.starts_with(['+', '-']);
    u64::from_str_radix(digits, radix).ok().filter(|_| !signed)
}

impl Builder<'_> {
    /// The number that a word means.
    pub(in crate::build) fn number_of(&mut self, names: Names, word: &str) -> Option<u32> {
        let files = &self.global.global_defs.files;
        let (administrator, distribution) = (files.iproute_etc_dir.as_deref(), files.iproute_usr_dir.as_deref());
        let host_names = &mut self.host_names;
        names.number(word, |name| host_names.number(names, name, administrator, distribution))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(names: Names, word: &str) -> Option<u32> {
        names.number(word, |name| (name == "ours").then_some(77))
    }

    #[test]
    fn numbers_and_names() {
        assert_eq!(number(Names::Table, "ours"), Some(77));
        assert_eq!(number(Names::Table, "main"), Some(254));
        assert_eq!(number(Names::Table, "4294967295"), Some(u32::MAX));
        assert_eq!(number(Names::Service, "0x10"), Some(16));
        assert_eq!(number(Names::Service, "EF"), Some(0xb8));
        assert_eq!(number(Names::Scope, "256"), None);
        assert_eq!(number(Names::Table, "zzz"), None);
        assert_eq!(
            (any_base("017"), any_base("0"), any_base("-1")),
            (Some(15), Some(0), None)
        );
    }
}
