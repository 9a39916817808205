//! Wanted and observed table in, ordered changes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::table::{Destination, DestinationKey, Service, ServiceKey, Table};

/// One step from the observed table towards the wanted one. Each is one request to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new service, without destinations yet
    AddService {
        /// Which
        key: ServiceKey,
        /// Its settings
        service: Service,
    },
    /// New settings for a service, in place: its destinations and connections stay
    EditService {
        /// Which
        key: ServiceKey,
        /// All its settings
        service: Service,
    },
    /// A service goes, and its destinations with it
    RemoveService {
        /// Which
        key: ServiceKey,
    },
    /// A new destination
    AddDestination {
        /// Of which service
        service: ServiceKey,
        /// Which
        key: DestinationKey,
        /// Its settings
        destination: Destination,
    },
    /// New settings for a destination, in place: its connections stay
    EditDestination {
        /// Of which service
        service: ServiceKey,
        /// Which
        key: DestinationKey,
        /// All its settings
        destination: Destination,
    },
    /// A destination goes; what becomes of its connections is decided by `net.ipv4.vs.expire_nodest_conn`
    RemoveDestination {
        /// Of which service
        service: ServiceKey,
        /// Which
        key: DestinationKey,
    },
}

impl Change {
    /// The service that the change is about or whose destination it is about.
    pub const fn service(&self) -> &ServiceKey {
        match self {
            Self::AddService { key, .. } | Self::EditService { key, .. } | Self::RemoveService { key } => key,
            Self::AddDestination { service, .. }
            | Self::EditDestination { service, .. }
            | Self::RemoveDestination { service, .. } => service,
        }
    }
}

/// The changes that turn `observed` into `wanted`, in an order of which every prefix is sane.
///
/// Only services in `wanted` or in `owned` (those that our earlier configuration named) are touched.
///
/// What every prefix of the list guarantees:
/// - a service that is observed and wanted is never absent, and the same holds for a destination;
/// - a service that has destinations before and after always has some, and one that can take new connections (weight above 0)
///   before and after always can;
/// - nothing goes before all that is wanted is there.
///
/// Everything is edited in place. The kernel can do that for every setting: `SET_SERVICE` exchanges scheduler, flags, timeout,
/// mask and persistence engine; `SET_DEST` exchanges forwarding method, tunnel, weight and thresholds. Established
/// connections keep the forwarding method that they began with.
///
/// A new service is empty until its first destination is there: the kernel has no request for both at once.
pub fn reconcile(wanted: &Table, observed: &Table, owned: &BTreeSet<ServiceKey>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, wanted_entry) in &wanted.services {
        let observed_entry = observed.services.get(key);
        match observed_entry {
            None => changes.push(Change::AddService {
                key: *key,
                service: wanted_entry.service.clone(),
            }),
            Some(entry) if entry.service != wanted_entry.service => {
                changes.push(Change::EditService {
                    key: *key,
                    service: wanted_entry.service.clone(),
                });
            }
            Some(_) => {}
        }
        let nothing = BTreeMap::new();
        let observed_destinations = observed_entry.map_or(&nothing, |entry| &entry.destinations);
        reconcile_destinations(*key, &wanted_entry.destinations, observed_destinations, &mut changes);
    }
    let gone = observed
        .services
        .keys()
        .filter(|key| owned.contains(key) && !wanted.services.contains_key(key));
    changes.extend(gone.map(|key| Change::RemoveService { key: *key }));
    changes
}

/// Appends the changes within one service: add, then edit to positive weights, then edit to weight 0, then remove.
fn reconcile_destinations(
    service: ServiceKey,
    wanted: &BTreeMap<DestinationKey, Destination>,
    observed: &BTreeMap<DestinationKey, Destination>,
    changes: &mut Vec<Change>,
) {
    let added = wanted.iter().filter(|(key, _)| !observed.contains_key(key));
    changes.extend(added.map(|(key, destination)| Change::AddDestination {
        service,
        key: *key,
        destination: *destination,
    }));

    let differs = |(key, destination): &(&DestinationKey, &Destination)| {
        observed.get(key).is_some_and(|observed| observed != *destination)
    };
    let (live, drained): (Vec<_>, Vec<_>) = wanted
        .iter()
        .filter(differs)
        .partition(|(_, destination)| destination.weight > 0);
    let edited = live.into_iter().chain(drained);
    changes.extend(edited.map(|(key, destination)| Change::EditDestination {
        service,
        key: *key,
        destination: *destination,
    }));

    let removed = observed.keys().filter(|key| !wanted.contains_key(key));
    changes.extend(removed.map(|key| Change::RemoveDestination { service, key: *key }));
}

/// `add service [192.0.2.1]:tcp:80 (wrr)`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService { key, service } => write!(f, "add service {key} ({})", service.scheduler),
            Self::EditService { key, service } => write!(f, "edit service {key} ({})", service.scheduler),
            Self::RemoveService { key } => write!(f, "remove service {key}"),
            Self::AddDestination {
                service,
                key,
                destination,
            } => {
                write!(f, "add destination {key} to {service} (weight {})", destination.weight)
            }
            Self::EditDestination {
                service,
                key,
                destination,
            } => {
                write!(f, "edit destination {key} of {service} (weight {})", destination.weight)
            }
            Self::RemoveDestination { service, key } => write!(f, "remove destination {key} from {service}"),
        }
    }
}

#[cfg(test)]
mod tests;
