//! The IPVS services that a virtual server means.

use super::server_group::Entry;
use super::virtual_server::VirtualServerDraft;
use crate::config::{AddressFamily, Service};
use crate::source::Spanned;
use std::collections::HashSet;

impl Service {
    pub(super) fn family(&self) -> AddressFamily {
        match self {
            Self::Address(address, _) => AddressFamily::of(*address),
            Self::Fwmark(_, family) => *family,
        }
    }

    /// The port of an address service.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Address(_, port) => Some(*port),
            Self::Fwmark(..) => None,
        }
    }
}

/// The family that servers must have; none when marks follow the servers.
pub(super) fn fixed_family(draft: &VirtualServerDraft, entries: &[Entry]) -> Option<AddressFamily> {
    let families: HashSet<AddressFamily> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Address(address, _) => Some(AddressFamily::of(*address)),
            Entry::Fwmark(_, family) => *family,
        })
        .collect();
    let mut families = families.into_iter();
    match (families.next(), families.next()) {
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
        (None, _) => draft.ip_family.map(|family| family.value),
    }
}

/// A mark without family becomes a service for each family of the real servers.
pub(super) fn services(entries: &[Entry], draft: &VirtualServerDraft) -> Vec<Service> {
    let mut families: Vec<AddressFamily> = match draft.ip_family {
        Some(Spanned { value, .. }) => vec![value],
        None => draft
            .real_servers
            .iter()
            .map(|server| AddressFamily::of(*server.address))
            .collect(),
    };
    families.sort_unstable();
    families.dedup();
    let mut seen = HashSet::new();
    entries
        .iter()
        .flat_map(|entry| match entry {
            Entry::Address(address, port) => vec![Service::Address(*address, *port)],
            Entry::Fwmark(mark, Some(family)) => vec![Service::Fwmark(*mark, *family)],
            Entry::Fwmark(mark, None) => families.iter().map(|family| Service::Fwmark(*mark, *family)).collect(),
        })
        .filter(|service| seen.insert(*service))
        .collect()
}

/// The port that all services share.
pub(super) fn common_port(services: &[Service]) -> Option<u16> {
    let mut ports = services.iter().filter_map(Service::port);
    let first = ports.next()?;
    ports
        .all(|port| port == first)
        .then_some(first)
        .filter(|port| *port != 0)
}
