//! Actions of one kind that come one after the other are carried out together: a takeover of hundreds of instances costs
//! a few system calls, not thousands.

use std::net::IpAddr;

use holdfast_net::InterfaceAddress;
use holdfast_vrrp::{Action, RoutingKind};

/// An advert on its way.
#[derive(Debug)]
pub struct Advert {
    /// Interface to send on
    pub interface: String,
    /// Source address
    pub source: IpAddr,
    /// The group or a peer
    pub destination: IpAddr,
    /// TTL or hop limit
    pub ttl: u8,
    /// What follows the IP header, or the whole packet
    pub bytes: Vec<u8>,
    /// The whole packet, behind whose IPv4 header an authentication header stands
    pub authenticated: bool,
}

/// What waits to be carried out; never of more than one kind.
#[derive(Debug, Default)]
pub enum Batch {
    /// Nothing
    #[default]
    Empty,
    /// Adverts to send
    Adverts(Vec<Advert>),
    /// Addresses to add
    Additions(Vec<InterfaceAddress>),
    /// Addresses to remove
    Removals(Vec<InterfaceAddress>),
    /// Routes or rules to put in, by their words
    RoutingAdditions(RoutingKind, Vec<String>),
    /// Routes or rules to take out
    RoutingRemovals(RoutingKind, Vec<String>),
    /// Announcements that are in their queue already
    Announcements,
}

impl Batch {
    /// Whether this action may join what waits.
    pub fn takes(&self, action: &Action) -> bool {
        // Lines of the log are kept until the work is done.
        if matches!(action, Action::Log(_)) {
            return true;
        }
        match self {
            Self::Empty => true,
            Self::Adverts(_) => matches!(action, Action::SendAdvertisement { .. }),
            Self::Additions(_) => matches!(action, Action::AddAddresses { .. }),
            Self::Removals(_) => matches!(action, Action::RemoveAddresses { .. }),
            Self::RoutingAdditions(RoutingKind::Route, _) => matches!(action, Action::AddRoutes { .. }),
            Self::RoutingAdditions(RoutingKind::Rule, _) => matches!(action, Action::AddRules { .. }),
            Self::RoutingRemovals(RoutingKind::Route, _) => matches!(action, Action::RemoveRoutes { .. }),
            Self::RoutingRemovals(RoutingKind::Rule, _) => matches!(action, Action::RemoveRules { .. }),
            Self::Announcements => matches!(action, Action::Announce { .. }),
        }
    }

    /// Adds adverts.
    pub fn advertise(&mut self, new: impl Iterator<Item = Advert>) {
        match self {
            Self::Adverts(adverts) => adverts.extend(new),
            _ => *self = Self::Adverts(new.collect()),
        }
    }

    /// Adds addresses that are to be added.
    pub fn add(&mut self, new: impl Iterator<Item = InterfaceAddress>) {
        match self {
            Self::Additions(addresses) => addresses.extend(new),
            _ => *self = Self::Additions(new.collect()),
        }
    }

    /// Adds routes or rules that are to be put in.
    pub fn add_routing(&mut self, kind: RoutingKind, new: Vec<String>) {
        match self {
            Self::RoutingAdditions(_, texts) => texts.extend(new),
            _ => *self = Self::RoutingAdditions(kind, new),
        }
    }

    /// Adds routes or rules that are to be taken out.
    pub fn remove_routing(&mut self, kind: RoutingKind, new: Vec<String>) {
        match self {
            Self::RoutingRemovals(_, texts) => texts.extend(new),
            _ => *self = Self::RoutingRemovals(kind, new),
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Adds addresses that are to be removed.
    pub fn remove(&mut self, new: impl Iterator<Item = InterfaceAddress>) {
        match self {
            Self::Removals(addresses) => addresses.extend(new),
            _ => *self = Self::Removals(new.collect()),
        }
    }
}
