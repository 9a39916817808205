//! Wanted and observed table in, ordered changes out.

use std::collections::BTreeSet;
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
pub fn reconcile(wanted: &Table, observed: &Table, owned: &BTreeSet<ServiceKey>) -> Vec<Change> {
    let _ = (wanted, observed, owned);
    Vec::new()
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
