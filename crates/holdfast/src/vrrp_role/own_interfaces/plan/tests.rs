use holdfast_vrrp::settings::{AddressVmac, ExtraAnnouncements, OwnInterface};

use super::*;

const MAC4: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.into(),
        flags: 0x1043,
        mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
        mtu: 1500,
        kind: None,
        parent: None,
        mode: None,
        vrf_table: None,
        master: None,
    }
}

fn macvlan(index: u32, name: &str, mac: [u8; 6], mode: LinkMode) -> Link {
    Link {
        mac: Some(MacAddress(mac)),
        parent: Some(2),
        mode: Some(mode),
        ..link(index, name)
    }
}

fn vmac(mac: [u8; 6]) -> OwnInterface {
    OwnInterface {
        name: None,
        prefix: "vrrp".into(),
        kind: OwnInterfaceKind::Vmac { mac, notify: false },
        group: None,
        transmit_on_base: false,
    }
}

fn address(text: &str) -> VirtualAddress {
    VirtualAddress::new(text.parse().unwrap(), 24)
}

fn instance() -> InstanceSettings {
    let mut instance = InstanceSettings::new("VI", "eth0", 51);
    instance.own_interface = Some(vmac(MAC4).into());
    instance.addresses = vec![address("192.0.2.1")];
    instance
}

fn ipv6() -> InstanceSettings {
    InstanceSettings {
        family: Family::Ipv6,
        own_interface: Some(vmac([0, 0, 0x5e, 0, 2, 51]).into()),
        addresses: vec![address("fe80::1")],
        ..InstanceSettings::new("VI6", "eth0", 51)
    }
}

fn plan(instances: Vec<InstanceSettings>, more: &[Link]) -> (Plan, Vec<InstanceSettings>) {
    let settings = NodeSettings {
        instances,
        ..NodeSettings::default()
    };
    let eth = [link(2, "eth0"), link(3, "eth1")];
    let links: Vec<&Link> = eth.iter().chain(more).collect();
    let (plan, resolved) = Plan::make(&settings, &links);
    (plan, resolved.instances)
}

#[test]
fn adverts_and_addresses_move_to_the_vmac_and_the_base_is_tracked() {
    let (plan, resolved) = plan(vec![instance()], &[]);
    assert_eq!(resolved[0].interface, "vrrp.51");
    assert_eq!(resolved[0].interface_of(&resolved[0].addresses[0]), "vrrp.51");
    assert_eq!(resolved[0].addresses[0].interface, None);
    let tracked = &resolved[0].tracked_interfaces;
    assert_eq!((tracked[0].interface.as_str(), tracked[0].weight), ("eth0", 0));
    let own = &plan.interfaces[0];
    assert_eq!(
        (own.name.as_str(), own.base.as_str(), own.mac()),
        ("vrrp.51", "eth0", Some(MacAddress(MAC4)))
    );
    assert!(own.ipv4 && !own.ipv6);
    assert_eq!(own.link_local, LinkLocal::None);
}

#[test]
fn with_xmit_base_only_the_addresses_move() {
    let mut on_base = instance();
    on_base.own_interface.as_mut().unwrap().transmit_on_base = true;
    let (_, resolved) = plan(vec![on_base], &[]);
    assert_eq!(resolved[0].interface, "eth0");
    assert_eq!(resolved[0].addresses[0].interface.as_deref(), Some("vrrp.51"));
    assert!(
        resolved[0].tracked_interfaces.is_empty(),
        "its own interface is tracked anyway"
    );
}

#[test]
fn what_does_not_track_its_interface_does_not_track_the_base() {
    let mut untracked = instance();
    untracked.track_primary = false;
    let (_, resolved) = plan(vec![untracked], &[]);
    assert!(resolved[0].tracked_interfaces.is_empty());
}

/// keepalived 2.2.7: an excluded address of the other family stays on the interface below, and so does one with `dev`.
#[test]
fn addresses_of_another_family_or_interface_stay_where_they_are() {
    let mut mixed = instance();
    mixed.excluded = vec![address("2001:db8::1"), address("198.51.100.1")];
    mixed.excluded[1].interface = Some("eth1".into());
    let (plan, resolved) = plan(vec![mixed], &[]);
    let at: Vec<&str> = resolved[0]
        .held_addresses()
        .map(|held| resolved[0].interface_of(held))
        .collect();
    assert_eq!(at, ["vrrp.51", "eth0", "eth1"]);
    assert!(plan.interfaces[0].ipv6, "as keepalived, IPv6 stays on then");
}

#[test]
fn addresses_share_a_vmac_per_interface() {
    let mut own = instance();
    own.own_interface = None;
    for (text, dev) in [
        ("198.51.100.1", "eth1"),
        ("198.51.100.2", "eth1"),
        ("192.0.2.9", "eth0"),
    ] {
        let mut held = address(text);
        held.interface = Some(dev.into());
        held.vmac = Some(AddressVmac {
            prefix: "va".into(),
            mac: MAC4,
        });
        own.addresses.push(held);
    }
    own.extra_announcements = Some(Box::new(ExtraAnnouncements {
        interval: holdfast_time::Duration::from_mins(1),
        all: false,
        interfaces: BTreeSet::new(),
    }));
    let (plan, resolved) = plan(vec![own], &[]);
    let at: Vec<&str> = resolved[0]
        .held_addresses()
        .map(|held| resolved[0].interface_of(held))
        .collect();
    assert_eq!(at, ["eth0", "va.51", "va.51", "va1.51"]);
    let made: Vec<(&str, &str)> = plan
        .interfaces
        .iter()
        .map(|own| (own.name.as_str(), own.base.as_str()))
        .collect();
    assert_eq!(made, [("va.51", "eth1"), ("va1.51", "eth0")]);
    assert!(resolved[0].held_addresses().all(|held| held.vmac.is_none()));
    let extra: Vec<String> = resolved[0]
        .extra_announcements
        .clone()
        .unwrap()
        .interfaces
        .into_iter()
        .collect();
    assert_eq!(extra, ["va.51", "va1.51"]);
}

#[test]
fn extra_announcements_are_for_interfaces_that_send_no_adverts() {
    let mut extra = instance();
    extra.extra_announcements = Some(Box::new(ExtraAnnouncements {
        interval: holdfast_time::Duration::from_mins(1),
        all: true,
        interfaces: BTreeSet::new(),
    }));
    extra.excluded = vec![address("198.51.100.1")];
    extra.excluded[0].interface = Some("eth1".into());
    let interfaces = |extra: &InstanceSettings| {
        let (_, resolved) = plan(vec![extra.clone()], &[]);
        resolved[0]
            .extra_announcements
            .clone()
            .unwrap()
            .interfaces
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(interfaces(&extra), ["eth1"]);
    extra.extra_announcements.as_mut().unwrap().all = false;
    assert!(interfaces(&extra).is_empty());
    extra.own_interface.as_mut().unwrap().transmit_on_base = true;
    assert_eq!(interfaces(&extra), ["vrrp.51"]);
}

#[test]
fn both_families_have_a_vmac_each() {
    let (plan, resolved) = plan(vec![instance(), ipv6()], &[]);
    let made: Vec<&str> = plan.interfaces.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(made, ["vrrp.51", "vrrp6.51"]);
    assert_eq!(resolved[1].interface, "vrrp6.51");
    assert_eq!(plan.interfaces[1].link_local, LinkLocal::OfBase);
    let mut given = ipv6();
    given.source = Some("fe80::9".parse().unwrap());
    let (of_given, _) = super::tests::plan(vec![given], &[]);
    assert_eq!(
        of_given.interfaces[0].link_local,
        LinkLocal::Given("fe80::9".parse().unwrap())
    );
}

#[test]
fn a_private_macvlan_that_is_there_is_taken_over_and_others_are_not() {
    let private = macvlan(7, "theirs", MAC4, LinkMode::MacvlanPrivate);
    assert_eq!(plan(vec![instance()], &[private]).1[0].interface, "theirs");
    let bridge = macvlan(7, "vrrp.51", MAC4, LinkMode::MacvlanOther(4));
    assert_eq!(plan(vec![instance()], &[bridge]).1[0].interface, "vrrp1.51");
    let other_mac = macvlan(7, "vrrp.51", [2; 6], LinkMode::MacvlanPrivate);
    assert_eq!(plan(vec![instance()], &[other_mac]).1[0].interface, "vrrp1.51");
    let mut elsewhere = macvlan(7, "theirs", MAC4, LinkMode::MacvlanPrivate);
    elsewhere.parent = Some(3);
    assert_eq!(plan(vec![instance()], &[elsewhere]).1[0].interface, "vrrp.51");
}

#[test]
fn a_configured_name_that_is_something_else_is_complained_about() {
    let mut named = instance();
    named.own_interface.as_mut().unwrap().name = Some("eth1".into());
    let (taken, resolved) = plan(vec![named.clone()], &[]);
    assert_eq!(resolved[0].interface, "vrrp.51");
    assert_eq!(
        taken.complaints,
        ["(VI) there is another interface eth1; using vrrp.51"]
    );
    named.own_interface.as_mut().unwrap().name = Some("mine".into());
    let other_mac = macvlan(7, "mine", [2; 6], LinkMode::MacvlanPrivate);
    let (can_become, resolved) = plan(vec![named], &[other_mac]);
    assert_eq!(
        (resolved[0].interface.as_str(), can_become.complaints.len()),
        ("mine", 0)
    );
}

#[test]
fn an_ipvlan_brings_the_source_of_the_adverts() {
    let mut ipvlan = instance();
    ipvlan.own_interface.as_mut().unwrap().kind = OwnInterfaceKind::Ipvlan {
        mode: settings::IpvlanMode::Vepa,
        address: Some(("192.0.2.7".parse().unwrap(), 24)),
    };
    let (plan, resolved) = plan(vec![ipvlan], &[]);
    assert_eq!(resolved[0].source, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(resolved[0].interface, "vrrp.51");
    assert_eq!(resolved[0].addresses[0].interface.as_deref(), Some("eth0"));
    let own = &plan.interfaces[0];
    assert_eq!(own.kind, OwnLinkKind::Ipvlan { mode: IpvlanMode::Vepa });
    assert_eq!(own.address, Some(("192.0.2.7".parse().unwrap(), 24)));
}

#[test]
fn ipvlans_over_one_interface_have_the_mode_of_the_last_one() {
    let ipvlan = |mode, interface: &str| {
        let mut ipvlan = instance();
        ipvlan.interface = interface.into();
        ipvlan.own_interface.as_mut().unwrap().kind = OwnInterfaceKind::Ipvlan { mode, address: None };
        ipvlan
    };
    let instances = vec![
        ipvlan(settings::IpvlanMode::Bridge, "eth0"),
        ipvlan(settings::IpvlanMode::Vepa, "eth1"),
        ipvlan(settings::IpvlanMode::Private, "eth0"),
    ];
    let (plan, _) = plan(instances, &[]);
    let kinds: Vec<OwnLinkKind> = plan.interfaces.iter().map(|own| own.kind).collect();
    let [private, vepa] = [IpvlanMode::Private, IpvlanMode::Vepa].map(|mode| OwnLinkKind::Ipvlan { mode });
    assert_eq!(kinds, [private, vepa, private]);
}
