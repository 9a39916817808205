use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

use super::*;
use crate::table::{Family, Forwarding, Protocol, ServiceEntry, ServiceFlags, Tunnel, TunnelChecksum};

/// What the kernel would do with one change; panics where it would refuse.
fn apply(table: &mut Table, change: &Change) {
    match change {
        Change::AddService { key, service } => {
            let entry = ServiceEntry {
                service: service.clone(),
                destinations: BTreeMap::new(),
            };
            assert!(table.services.insert(*key, entry).is_none(), "EEXIST: {change}");
        }
        Change::EditService { key, service } => {
            table.services.get_mut(key).expect("ESRCH").service = service.clone();
        }
        Change::RemoveService { key } => {
            table.services.remove(key).expect("ESRCH");
        }
        Change::AddDestination {
            service,
            key,
            destination,
        } => {
            let destinations = &mut table.services.get_mut(service).expect("ESRCH").destinations;
            assert!(destinations.insert(*key, *destination).is_none(), "EEXIST: {change}");
        }
        Change::EditDestination {
            service,
            key,
            destination,
        } => {
            let destinations = &mut table.services.get_mut(service).expect("ESRCH").destinations;
            *destinations.get_mut(key).expect("ENOENT") = *destination;
        }
        Change::RemoveDestination { service, key } => {
            table
                .services
                .get_mut(service)
                .expect("ESRCH")
                .destinations
                .remove(key)
                .expect("ENOENT");
        }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

// Small spaces, so that the wanted and the observed table meet often.
fn service_key() -> impl Strategy<Value = ServiceKey> {
    let address = prop_oneof![Just(ip("192.0.2.1")), Just(ip("2001:db8::1"))];
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    prop_oneof![
        (protocol, address, 80..82_u16).prop_map(|(protocol, address, port)| ServiceKey::Address {
            protocol,
            address,
            port
        }),
        (prop_oneof![Just(Family::Inet), Just(Family::Inet6)], 1..3_u32)
            .prop_map(|(family, mark)| ServiceKey::Fwmark { family, mark }),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    (
        prop_oneof![Just("rr"), Just("wrr"), Just("mh")],
        prop_oneof![Just(0), Just(ServiceFlags::SCHED1)],
        any::<bool>(),
    )
        .prop_map(|(scheduler, flags, persistent)| Service {
            scheduler: scheduler.to_owned(),
            flags: ServiceFlags(flags),
            persistence_timeout_s: persistent.then_some(300),
            persistence_prefix_len: 32,
            persistence_engine: None,
        })
}

fn destination() -> impl Strategy<Value = (DestinationKey, Destination)> {
    let forwarding = prop_oneof![
        Just(Forwarding::Route),
        Just(Forwarding::Masquerade),
        Just(Forwarding::Local),
        Just(Forwarding::Tunnel(Tunnel::Gre {
            checksum: TunnelChecksum::Full
        })),
    ];
    (1..6_u8, forwarding, 0..3_u32, 0..2_u32).prop_map(|(last, forwarding, weight, upper_threshold)| {
        let key = DestinationKey {
            address: IpAddr::from([198, 51, 100, last]),
            port: 80,
        };
        (
            key,
            Destination {
                forwarding,
                weight,
                upper_threshold,
                lower_threshold: 0,
            },
        )
    })
}

fn table() -> impl Strategy<Value = Table> {
    let destinations = proptest::collection::vec(destination(), 0..5).prop_map(BTreeMap::from_iter);
    let entry = (service(), destinations).prop_map(|(service, destinations)| ServiceEntry { service, destinations });
    btree_map(service_key(), entry, 0..6).prop_map(|services| Table { services })
}

/// A wanted table, an observed one that often shares entries with it, and what we own.
fn case() -> impl Strategy<Value = (Table, Table, BTreeSet<ServiceKey>)> {
    (table(), table(), any::<u32>(), btree_set(service_key(), 0..6)).prop_map(
        |(wanted, mut observed, shared, owned)| {
            for (index, (key, entry)) in wanted.services.iter().enumerate() {
                if shared & (1 << index) != 0 {
                    observed.services.insert(*key, entry.clone());
                }
            }
            (wanted, observed, owned)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_changes_give_what_is_wanted_and_leave_the_rest((wanted, observed, owned) in case()) {
        let mut table = observed.clone();
        for change in reconcile(&wanted, &observed, &owned) {
            apply(&mut table, &change);
        }
        let mut expected = observed;
        expected.services.retain(|key, _| !owned.contains(key));
        expected.services.extend(wanted.services.clone());
        prop_assert_eq!(&table, &expected);
        prop_assert_eq!(reconcile(&wanted, &table, &owned), vec![], "second run");
    }

    #[test]
    fn every_prefix_is_sane((wanted, observed, owned) in case()) {
        let changes = reconcile(&wanted, &observed, &owned);
        let mut table = observed.clone();
        for change in &changes {
            apply(&mut table, change);
            for (key, before) in &observed.services {
                let Some(after) = wanted.services.get(key) else {
                    if let Some(now) = table.services.get(key) {
                        prop_assert_eq!(now, before, "only ever removed as a whole: {}", key);
                    } else {
                        prop_assert!(wanted.services.keys().all(|key| table.services.contains_key(key)), "removed too early");
                    }
                    continue;
                };
                let now = table.services.get(key);
                prop_assert!(now.is_some(), "{} was away after {}", key, change);
                let now = now.unwrap();
                prop_assert!(now.service == before.service || now.service == after.service);
                for (key, destination) in &now.destinations {
                    let known = [before.destinations.get(key), after.destinations.get(key)];
                    prop_assert!(known.contains(&Some(destination)), "made up: {}", key);
                }
                for key in before.destinations.keys().filter(|key| after.destinations.contains_key(key)) {
                    prop_assert!(now.destinations.contains_key(key), "{} was away after {}", key, change);
                }
                let some = |entry: &ServiceEntry| !entry.destinations.is_empty();
                prop_assert!(some(now) || !some(before) || !some(after), "{} empty after {}", key, change);
                let takes = |entry: &ServiceEntry| entry.destinations.values().any(|destination| destination.weight > 0);
                prop_assert!(takes(now) || !takes(before) || !takes(after), "{} closed after {}", key, change);
            }
        }
    }

    #[test]
    fn only_differing_entries_are_changed((wanted, observed, owned) in case()) {
        for change in reconcile(&wanted, &observed, &owned) {
            let service = change.service();
            prop_assert!(wanted.services.contains_key(service) || owned.contains(service), "not ours: {}", change);
            let before = observed.services.get(service);
            let after = wanted.services.get(service);
            let destination = |entry: Option<&ServiceEntry>, key| entry.and_then(|entry| entry.destinations.get(key).copied());
            match &change {
                Change::AddService { .. } => prop_assert!(before.is_none()),
                Change::EditService { .. } => prop_assert_ne!(&before.unwrap().service, &after.unwrap().service),
                Change::RemoveService { .. } => prop_assert!(before.is_some() && after.is_none()),
                Change::AddDestination { key, .. } => prop_assert_eq!(destination(before, key), None),
                Change::EditDestination { key, .. } => {
                    prop_assert!(destination(before, key).is_some());
                    prop_assert_ne!(destination(before, key), destination(after, key));
                }
                Change::RemoveDestination { key, .. } => prop_assert_eq!(destination(after, key), None),
            }
        }
    }
}

const KEY: ServiceKey = ServiceKey::Fwmark {
    family: Family::Inet,
    mark: 1,
};

/// One service with servers of these weights, the first at 198.51.100.1.
fn servers(weights: &[Option<u32>]) -> Table {
    let server = |(index, weight): (usize, &Option<u32>)| {
        let address = IpAddr::from([198, 51, 100, u8::try_from(index + 1).unwrap()]);
        let destination = Destination {
            forwarding: Forwarding::Route,
            weight: (*weight)?,
            upper_threshold: 0,
            lower_threshold: 0,
        };
        Some((DestinationKey { address, port: 80 }, destination))
    };
    let service = Service {
        scheduler: "wrr".to_owned(),
        flags: ServiceFlags(0),
        persistence_timeout_s: None,
        persistence_prefix_len: 32,
        persistence_engine: None,
    };
    let destinations = weights.iter().enumerate().filter_map(server).collect();
    let entry = ServiceEntry { service, destinations };
    Table {
        services: BTreeMap::from([(KEY, entry)]),
    }
}

fn told(wanted: &Table, observed: &Table) -> Vec<String> {
    let changes = reconcile(wanted, observed, &BTreeSet::new());
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_weight_is_one_edit() {
    let lines = told(&servers(&[Some(1), Some(3)]), &servers(&[Some(1), Some(1)]));
    assert_eq!(lines, ["edit destination [198.51.100.2]:80 of FWM 1 (weight 3)"]);
}

#[test]
fn one_server_comes_before_the_other_goes() {
    // The healthy one of two with inhibit_on_failure changes: never are both at 0.
    let lines = told(&servers(&[Some(0), Some(1)]), &servers(&[Some(1), Some(0)]));
    assert_eq!(
        lines,
        [
            "edit destination [198.51.100.2]:80 of FWM 1 (weight 1)",
            "edit destination [198.51.100.1]:80 of FWM 1 (weight 0)",
        ]
    );
    // The sorry server steps in for all.
    let lines = told(&servers(&[None, None, Some(1)]), &servers(&[Some(1), Some(1), None]));
    assert_eq!(
        lines,
        [
            "add destination [198.51.100.3]:80 to FWM 1 (weight 1)",
            "remove destination [198.51.100.1]:80 from FWM 1",
            "remove destination [198.51.100.2]:80 from FWM 1",
        ]
    );
}
