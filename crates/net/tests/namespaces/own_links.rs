//! Interfaces of our own making, as the kernel and iproute2 see them.

use holdfast_net::{
    Applied, IpvlanMode, Link, LinkMode, MacAddress, Monitor, NetworkEvent, OwnLink, OwnLinkKind, Requests, Sysctl,
    Sysctls,
};

use crate::hosts::{between_two_hosts, events_until, ip, link, within};

const MAC: MacAddress = MacAddress([0, 0, 0x5e, 0, 1, 51]);

fn vmac(parent: u32) -> OwnLink {
    OwnLink {
        name: "vrrp.51".into(),
        parent,
        kind: OwnLinkKind::Macvlan { mac: MAC },
        group: Some(7),
    }
}

/// The kernel carries a change of `default` over to interfaces whose own setting nobody has written.
#[test]
fn a_setting_that_was_right_already_stays() {
    between_two_hosts("sysctl", async |_| {
        let [own, default] = ["left0", "default"].map(|name| Sysctl::ipv4(name, "rp_filter"));
        let mut sysctls = Sysctls::default();
        sysctls.set(&own, &own.read().unwrap()).unwrap();
        let former = own.read().unwrap();
        sysctls.set(&default, "2").unwrap();
        assert_eq!(own.read().unwrap(), former);
        assert!(sysctls.restore_all().is_empty());
        assert_eq!(default.read().unwrap(), former);
    });
}

#[test]
fn a_private_macvlan_is_made_changed_and_deleted() {
    between_two_hosts("macvlan", async |_| {
        let parent = link("left0").await.index;
        let mut requests = Requests::open().unwrap();
        requests.make_link(&vmac(parent)).await.unwrap();
        let made = link("vrrp.51").await;
        let expected = Link {
            parent: Some(parent),
            mac: Some(MAC),
            kind: Some("macvlan".into()),
            mode: Some(LinkMode::MacvlanPrivate),
            ..made.clone()
        };
        assert_eq!(made, expected);
        assert!(!made.is_administratively_up());
        let twice = requests.make_link(&vmac(parent)).await.unwrap_err();
        assert_eq!(twice.errno(), Some(libc::EEXIST), "{twice}");

        requests.make_no_own_addresses(made.index).await.unwrap();
        requests.switch_link(made.index, true).await.unwrap();
        let shown = ip("-d link show dev vrrp.51");
        for part in [
            "link/ether 00:00:5e:00:01:33",
            "macvlan mode private",
            "addrgenmode none",
            "group 7",
            "vrrp.51@left0",
        ] {
            assert!(shown.contains(part), "no '{part}' in {shown}");
        }
        assert!(
            !ip("-o addr show dev vrrp.51").contains("fe80"),
            "the kernel made an address"
        );

        // Even the address that it has is news to others.
        let mut monitor = Monitor::open().unwrap();
        requests.set_mac(made.index, MAC).await.unwrap();
        let about_it =
            |event: &NetworkEvent| matches!(event, NetworkEvent::LinkChanged(link) if link.index == made.index);
        events_until(&mut monitor, "news of the link", |events| events.iter().any(about_it)).await;

        assert_eq!(requests.delete_link(made.index).await.unwrap(), Applied::Changed);
        assert_eq!(requests.delete_link(made.index).await.unwrap(), Applied::AlreadySo);
        let links = requests.links().await.unwrap();
        assert!(links.iter().all(|link| link.name != "vrrp.51"), "{links:?}");
    });
}

#[test]
fn other_modes_are_told_apart_and_a_parent_that_is_off_is_no_obstacle() {
    between_two_hosts("modes of macvlan", async |_| {
        ip("link add bridged link left0 type macvlan mode bridge");
        assert_eq!(link("bridged").await.mode, Some(LinkMode::MacvlanOther(4)));
        ip("link del bridged");
        let parent = link("left0").await.index;
        ip("link set left0 down");
        let mut requests = Requests::open().unwrap();
        requests.make_link(&vmac(parent)).await.unwrap();
        requests.switch_link(link("vrrp.51").await.index, true).await.unwrap();
        assert!(!link("vrrp.51").await.is_up());
        ip("link set left0 up");
        let mut monitor = Monitor::open().unwrap();
        while !link("vrrp.51").await.is_up() {
            within("a carrier", monitor.next()).await.unwrap();
        }
        ip("link del vrrp.51");
        let nowhere = requests.make_link(&vmac(9999)).await.unwrap_err();
        assert_eq!(nowhere.errno(), Some(libc::ENODEV), "{nowhere}");
    });
}

#[test]
fn an_ipvlan_is_made() {
    between_two_hosts("ipvlan", async |_| {
        let parent = link("left0").await.index;
        let mut requests = Requests::open().unwrap();
        let ipvlan = OwnLink {
            name: "ipv.9".into(),
            parent,
            kind: OwnLinkKind::Ipvlan {
                mode: IpvlanMode::Private,
            },
            group: None,
        };
        match requests.make_link(&ipvlan).await {
            Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => {
                eprintln!("ipvlan: skipped, this kernel has none");
                return;
            }
            made => made.unwrap(),
        }
        let made = link("ipv.9").await;
        assert_eq!(made.mode, Some(LinkMode::IpvlanL2(IpvlanMode::Private)));
        assert_eq!(made.mac, link("left0").await.mac);
    });
}
