//! What the directors of these tests are told.

/// Static objects: before the instance, because `track_group` must be known first.
pub(crate) const STATICS: &str = "track_group both {
    group {
        VI_1
    }
}
static_ipaddress {
    198.51.100.77/24 brd + dev eth1 label eth1:st track_group both
    198.51.100.78/32 scope link dev eth1
    2001:db8:77::1/64 dev eth1 no_track
}
static_routes {
    203.0.113.0/28 via 198.51.100.9 dev eth1 track_group both
    203.0.113.16/28 dev eth1 src 198.51.100.77 table 77
    2001:db8:78::/64 via 2001:db8:77::9 dev eth1 no_track
    blackhole 203.0.113.32/28
}
static_rules {
    from 203.0.113.0/28 table 77 preference 700
    iif eth1 table 77 preference 701 track_group both
    from 2001:db8:77::/64 table 77 preference 702 no_track
}
";

/// Addresses with every option that shows.
pub(crate) const ADDRESSES: &str = "192.0.2.200/24 dev eth0 label eth0:vip
        192.0.2.201/32 scope link
        192.0.2.202/25 brd +
        192.0.2.203/26 brd 192.0.2.255
        198.51.100.204/25 dev eth1 noprefixroute preferred_lft 0
        198.51.100.205/24 dev eth1 preferred_lft forever no_track
        239.1.2.3/32 autojoin";

/// Of the other family, and without a place in the packet.
pub(crate) const EXCLUDED: &str = "2001:db8:1::200/64
        2001:db8:1::201/128
        2001:db8:1::202/64 mngtmpaddr preferred_lft 0
        2001:db8:1::203/64 home noprefixroute
        2001:db8:1::204/64 -nodad
        ff05::4242/128 autojoin dev eth1
        192.0.2.230/32 dev eth1 scope site";

/// Routes with every option that this kernel knows.
pub(crate) const ROUTES: &str = "10.1.0.0/16 via 192.0.2.9
        10.2.0.0/16 src 192.0.2.200 via 192.0.2.9 dev eth0 metric 40 table 100
        to 10.3.0.0/16 dev eth0 scope link
        unicast 10.4.0.0/16 gw 192.0.2.9 priority 3
        blackhole 10.5.0.0/16
        unreachable 10.6.0.0/16 table 100
        prohibit 10.7.0.0/16
        throw 10.8.0.0/16 table 100
        10.9.0.0/16 via 192.0.2.9 tos 0x10
        10.10.0.0/16 via 192.0.2.9 dsfield 0x08 preference 7
        10.11.0.0/16 via 203.0.113.250 dev eth0 onlink
        10.12.0.0/16 via 192.0.2.9 mtu lock 1400 advmss 1300 hoplimit 33 rtt 400ms rttvar lock 300ms
        10.13.0.0/16 via 192.0.2.9 reordering 5 window 10000 cwnd lock 20 ssthresh 30 initcwnd 11 initrwnd 12
        10.14.0.0/16 via 192.0.2.9 rto_min 300ms features ecn quickack 1 congctl reno fastopen_no_cookie 1
        10.15.0.0/16 via 192.0.2.9 realms 3/4
        10.16.0.0/16 via 192.0.2.9 realms 5 protocol 4 no_track
        10.18.0.0/16 nexthop via 192.0.2.9 weight 3 nexthop via 198.51.100.9 dev eth1 onlink
        10.19.0.0/16 nexthop via 192.0.2.9 realms 7/8 nexthop via 192.0.2.8 dev eth0 weight 256
        10.20.0.0/16 encap ip id 5 dst 192.0.2.99 src 192.0.2.98 tos 0x10 ttl 64 via 192.0.2.9 dev eth0
        10.21.0.0/16 via 192.0.2.9 append
        10.21.0.0/16 via 192.0.2.10 append
        10.22.0.0/16 via 192.0.2.9 dev eth0 add
        10.23.0.0/16 via 192.0.2.9 prepend
        10.24.0.0/16 table 4000000000 via 192.0.2.9
        10.25.0.0/16 via 192.0.2.9 congctl lock cubic ttl-propagate enabled
        10.27.0.0/16 via 192.0.2.9 or 192.0.2.10
        default via 192.0.2.9 table 101
        inet x 10.28.0.0/16 via 192.0.2.9
        2001:db8:10::/64 via fd00::9
        2001:db8:11::/64 dev eth1 metric 12 pref high
        2001:db8:12::/64 from fd00::/64 via fd00::9
        2001:db8:13::/64 nexthop via fd00::9 weight 2 nexthop via fd00::8 dev eth0
        2001:db8:14::/64 via fd00::9 pref low mtu 1400 hoplimit 12
        2001:db8:15::/64 dev eth0 encap ip6 id 5 dst 2001:db8::9 src 2001:db8::8 tc 0x10 hoplimit 64
        blackhole 2001:db8:16::/64
        default6 via fd00::9 table 101
        2001:db8:17::/64 via fd00::9 src 2001:db8:1::200 initcwnd 9";

/// Rules with every option.
pub(crate) const RULES: &str = "from 10.1.0.0/16 table 100 preference 500
        from 10.1.0.0/16 to 10.2.0.0/16 lookup main order 501
        not from 10.1.0.0/16 table 100 priority 502
        to 10.2.0.0/16 tos 0x10 table 4000000000 preference 503
        fwmark 5/0xff table 100 preference 504
        fwmark 7 table 100 preference 505
        from 10.1.0.0/16 realms 1/2 table 100 preference 506
        from 10.1.0.0/16 table main suppress_prefixlength 0 preference 507
        from 10.1.0.0/16 table main suppress_ifgroup 10 preference 508
        iif eth0 table 100 preference 509
        oif eth1 table 100 preference 510
        tunnel-id 7 table 100 preference 511
        uidrange 1000-1999 table 100 preference 512
        l3mdev preference 513
        from 10.1.0.0/16 ipproto tcp sport 1000-2000 dport 80-80 table 100 preference 514
        from 10.1.0.0/16 protocol 4 no_track table 100 preference 515
        from 10.1.0.0/16 goto 600 preference 516
        from 10.1.0.0/16 nop preference 517
        from 10.1.0.0/16 blackhole preference 518
        from 10.1.0.0/16 type unreachable preference 519
        from 10.1.0.0/16 prohibit preference 600
        from fd00::/64 table 100 preference 500
        dev eth1 to 2001:db8:10::/64 table 100 preference 501
        fwmark 9 inet6 x table 100 preference 502
        from 10.44.0.0/16 table 100
        from 10.45.0.0/16 table 100
        from fd44::/64 table 100";

const OTHER_STATICS: &str = "static_ipaddress {
    198.51.100.77/24 brd + dev eth1 label eth1:st
    198.51.100.79/32 scope link dev eth1
}
static_routes {
    203.0.113.0/28 via 198.51.100.9 dev eth1
    203.0.113.48/28 via 198.51.100.9 dev eth1 metric 9
}
static_rules {
    from 203.0.113.0/28 table 77 preference 700
    iif eth0 table 77 preference 703
}
";

const OTHER_ADDRESSES: &str = "192.0.2.200/24 dev eth0 label eth0:vip
        192.0.2.220/32 scope link
        198.51.100.205/24 dev eth1 preferred_lft forever no_track";

const OTHER_EXCLUDED: &str = "2001:db8:1::200/64
        192.0.2.230/32 dev eth1 scope site";

const OTHER_ROUTES: &str = "10.1.0.0/16 via 192.0.2.9
        10.2.0.0/16 src 192.0.2.200 via 192.0.2.9 dev eth0 metric 41 table 100
        10.40.0.0/16 dev eth1
        2001:db8:10::/64 via fd00::9
        2001:db8:11::/64 dev eth1 metric 12 pref low";

const OTHER_RULES: &str = "from 10.1.0.0/16 table 100 preference 500
        from 10.1.0.0/16 to 10.2.0.0/16 lookup main order 541
        from fd00::/64 table 100 preference 500
        from 10.46.0.0/16 table 100 preference 999";

/// What keepalived makes something else of, or nothing: the lines, and what `ip` must show of them.
pub(crate) const BEYOND_ROUTES: &str = "10.17.0.0/16 via inet6 fd00::9 dev eth0
        10.19.0.0/16 realms 1/2 nexthop via 192.0.2.9 realms 7/8 nexthop via inet6 fd00::9 dev eth0 weight 256
        10.26.0.0/16 nexthop via 192.0.2.9 encap ip id 7 dst 192.0.2.99 nexthop via 192.0.2.10
        inet 10.28.0.0/16 via 192.0.2.9";

/// The same of an address, which keepalived 2.2 does not remove.
pub(crate) const BEYOND_ADDRESSES: &str = "192.0.2.204 peer 192.0.2.210";

/// What `ip -d` must show of them.
pub(crate) const BEYOND_TABLES: &str = "inet 192.0.2.204 peer 192.0.2.210/32 scope global eth0
unicast 10.17.0.0/16 via inet6 fd00::9 dev eth0 table main proto keepalived scope global
nexthop via 192.0.2.9 realms 7/8 dev eth0 weight 1
nexthop via inet6 fd00::9 realms 1/2 dev eth0 weight 256
nexthop  encap ip id 7 src 0.0.0.0 dst 192.0.2.99 ttl 0 tos 0 via 192.0.2.9 dev eth0 weight 1
unicast 10.28.0.0/16 via 192.0.2.9 dev eth0 table main proto keepalived scope global";

/// Static objects that nobody's state depends on: `GROUP` stands for their `track_group`.
pub(crate) const GROUPED_STATICS: [&str; 3] = [
    "static_ipaddress {
    198.51.100.77/24 dev eth1 GROUP
}
",
    "static_routes {
    203.0.113.0/28 via 198.51.100.9 dev eth1 GROUP
}
",
    "static_rules {
    iif eth1 table 77 preference 701 GROUP
}
",
];

/// A group with the instance.
pub(crate) const GROUP: &str = "track_group both {
    group {
        VI_1
    }
}
";

/// Little: the first address and one route.
pub(crate) const LITTLE: Configuration<'static> = Configuration {
    priority: 100,
    statics: "",
    addresses: "192.0.2.200/24",
    excluded: "",
    routes: "10.1.0.0/16 via 192.0.2.9 dev eth0",
    rules: "",
    more: "",
};

/// Names that the host gives, file by file.
pub(crate) const NAME_FILES: &[(&str, &str)] = &[
    ("rt_tables", "100 blue\n101 red\n"),
    ("rt_protos", "77 ours\n"),
    ("rt_scopes", "0 global\n200 site\n253 link\n123 near\n"),
    ("rt_realms", "9 nine\n"),
    ("rt_dsfield", "0x10 lowdelay\n"),
    ("group", "10 inner\n"),
];

pub(crate) const NAMED_ADDRESSES: &str = "192.0.2.200/24
        192.0.2.201/32 scope near";

pub(crate) const NAMED_ROUTES: &str = "10.1.0.0/16 via 192.0.2.9 dev eth0 table blue
        10.2.0.0/16 via 192.0.2.9 dev eth0 tos lowdelay table red
        10.3.0.0/16 via 192.0.2.9 dev eth0 realms nine/3
        10.4.0.0/16 dev eth0 scope near
        10.5.0.0/16 via 192.0.2.9 dev eth0 protocol ours no_track
        10.6.0.0/16 via 192.0.2.9 dev eth0 table main";

pub(crate) const NAMED_RULES: &str = "from 10.1.0.0/16 table blue preference 500
        from 10.2.0.0/16 tos lowdelay table red preference 501
        from 10.1.0.0/16 realms nine table blue preference 502
        from 10.1.0.0/16 table main suppress_ifgroup inner preference 503
        from fd44::/64 table red preference 504";

/// Addresses of one network that the interface itself is not in: the first one carries the others.
pub(crate) const OF_ONE_NETWORK: &str = "10.77.0.1/24
        10.77.0.2/24
        10.77.0.3/24";

/// Without the first one.
pub(crate) const WITHOUT_FIRST: &str = "10.77.0.2/24
        10.77.0.3/24";

/// A director's configuration.
#[derive(Clone, Copy)]
pub(crate) struct Configuration<'a> {
    pub(crate) priority: u8,
    pub(crate) statics: &'a str,
    pub(crate) addresses: &'a str,
    pub(crate) excluded: &'a str,
    pub(crate) routes: &'a str,
    pub(crate) rules: &'a str,
    /// More lines of the instance.
    pub(crate) more: &'a str,
}

impl Configuration<'_> {
    pub(crate) const ALL: Configuration<'static> = Configuration {
        priority: 100,
        statics: STATICS,
        addresses: ADDRESSES,
        excluded: EXCLUDED,
        routes: ROUTES,
        rules: RULES,
        more: "",
    };

    /// Something of each kind is gone, something is new, something stays.
    pub(crate) const OTHER: Configuration<'static> = Configuration {
        priority: 100,
        statics: OTHER_STATICS,
        addresses: OTHER_ADDRESSES,
        excluded: OTHER_EXCLUDED,
        routes: OTHER_ROUTES,
        rules: OTHER_RULES,
        more: "",
    };

    /// A stronger director. With another number of addresses keepalived 2.2 would not be heard.
    pub(crate) const RIVAL: Configuration<'static> = Configuration {
        priority: 200,
        statics: "",
        addresses: ADDRESSES,
        excluded: "",
        routes: "",
        rules: "",
        more: "",
    };

    pub(crate) fn text(&self) -> String {
        let Self {
            priority,
            statics,
            addresses,
            excluded,
            routes,
            rules,
            more,
        } = self;
        format!(
            "{statics}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    garp_master_delay 0
    {more}
    virtual_ipaddress {{
        {addresses}
    }}
    virtual_ipaddress_excluded {{
        {excluded}
    }}
    virtual_routes {{
        {routes}
    }}
    virtual_rules {{
        {rules}
    }}
}}
"
        )
    }
}
