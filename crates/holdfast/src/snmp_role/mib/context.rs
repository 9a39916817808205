//! What the objects about VRRP are made from: the plan, what was heard last, and how to find one in the other.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use holdfast_agentx::{Column, Value};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{InstanceStatus, RoutingKind, State};

use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::vrrp::{InstanceFacts, VrrpFacts};
use crate::snapshot::VrrpSnapshot;
use crate::snapshot::vrrp::{AddressOnHost, InterfaceSnapshot};

/// All of it. Rows share it.
pub(super) struct Context {
    plan: Rc<SnmpPlan>,
    pub(super) live: Rc<VrrpSnapshot>,
    /// Places in the snapshot by name
    instances: HashMap<String, usize>,
    groups: HashMap<String, State>,
    interfaces: HashMap<String, usize>,
}

/// A row about an instance.
pub(super) struct InstanceRow {
    context: Rc<Context>,
    place: usize,
}

/// A column: `const` where a struct would fill three lines.
pub(super) const fn column<R>(number: u32, value: fn(&R) -> Option<Value>) -> Column<R> {
    Column { number, value }
}

impl Context {
    pub(super) fn new(plan: &Rc<SnmpPlan>, live: &Rc<VrrpSnapshot>) -> Rc<Self> {
        let instances = live.node.instances.iter().enumerate();
        let groups = live.node.groups.iter();
        let interfaces = live.interfaces.iter().enumerate();
        Rc::new(Self {
            plan: Rc::clone(plan),
            live: Rc::clone(live),
            instances: instances.map(|(place, it)| (it.name.clone(), place)).collect(),
            groups: groups.map(|it| (it.name.clone(), it.state)).collect(),
            interfaces: interfaces.map(|(place, it)| (it.name.clone(), place)).collect(),
        })
    }

    pub(super) fn facts(&self) -> &VrrpFacts {
        &self.plan.vrrp
    }

    /// The rows of all instances, in the order of the file.
    pub(super) fn instances(self: &Rc<Self>) -> impl Iterator<Item = InstanceRow> {
        (0..self.facts().instances.len()).map(|place| InstanceRow {
            context: Rc::clone(self),
            place,
        })
    }

    pub(super) fn interface(&self, name: &str) -> Option<&InterfaceSnapshot> {
        self.live.interfaces.get(*self.interfaces.get(name)?)
    }

    /// The kernel's number of an interface, 0 if it is not there.
    pub(super) fn index_of(&self, name: &str) -> u32 {
        self.interface(name).map_or(0, |interface| interface.index)
    }

    pub(super) fn by_index(&self, index: u32) -> Option<&InterfaceSnapshot> {
        self.live.interfaces.iter().find(|interface| interface.index == index)
    }

    /// The state of a group; INIT while nothing is known.
    pub(super) fn group_state(&self, name: &str) -> State {
        self.groups.get(name).copied().unwrap_or(State::Init)
    }

    fn live_of(&self, name: &str) -> Option<(usize, &InstanceStatus)> {
        let place = *self.instances.get(name)?;
        Some((place, self.live.node.instances.get(place)?))
    }
}

impl InstanceRow {
    /// `None` never happens: rows are made of what there is.
    pub(super) fn facts(&self) -> Option<&InstanceFacts> {
        self.context.facts().instances.get(self.place)
    }

    pub(super) fn context(&self) -> &Rc<Context> {
        &self.context
    }

    /// What the election says of it.
    pub(super) fn live(&self) -> Option<&InstanceStatus> {
        Some(self.context.live_of(&self.facts()?.name)?.1)
    }

    pub(super) fn state(&self) -> State {
        self.live().map_or(State::Init, |live| live.state)
    }

    /// The base priority, which a manager may have changed.
    pub(super) fn base_priority(&self) -> Option<u8> {
        let known = self.live().map(|live| live.base_priority);
        known.or_else(|| self.facts().map(|facts| facts.priority))
    }

    /// Whether it takes over from a lower priority, which a manager may have changed.
    pub(super) fn preempts(&self) -> Option<bool> {
        let known = self.live().map(|live| live.preempt);
        known.or_else(|| self.facts().map(|facts| facts.preempt))
    }

    /// What the host says of its addresses.
    pub(super) fn addresses(&self) -> &[AddressOnHost] {
        let of = |facts: &InstanceFacts| {
            let (place, _) = self.context.live_of(&facts.name)?;
            Some(self.context.live.on_host.get(place)?.addresses.as_slice())
        };
        self.facts().and_then(of).unwrap_or_default()
    }

    /// A route or a rule of it is in the kernel, as far as we know.
    pub(super) fn has_routing(&self, kind: RoutingKind, text: &str) -> bool {
        let is_it = |(of, missing): &(RoutingKind, String)| *of == kind && missing == text;
        self.live()
            .is_some_and(|live| live.state == State::Master && !live.missing_routing.iter().any(is_it))
    }

    /// The interface of its advertisements, which may be one of ours.
    pub(super) fn interface(&self) -> Option<&InterfaceSnapshot> {
        self.context.interface(&self.live()?.interface)
    }

    /// Its name.
    pub(super) fn interface_name(&self) -> Option<&str> {
        match self.live() {
            Some(live) => Some(&live.interface),
            None => self.facts().map(|facts| facts.interface.as_str()),
        }
    }

    /// The kernel's number of the interface that it is on, below one of ours; 0 if it is not there.
    pub(super) fn base_index(&self) -> u32 {
        self.interface().map_or(0, |interface| interface.base_index)
    }

    /// The address that the interface has of its own, all zero if it has none.
    pub(super) fn primary_address(&self) -> Option<IpAddr> {
        let facts = self.facts()?;
        let base = self.context.by_index(self.base_index());
        Some(match facts.family {
            Family::Ipv4 => IpAddr::V4(base.and_then(|it| it.ipv4).unwrap_or(std::net::Ipv4Addr::UNSPECIFIED)),
            Family::Ipv6 => IpAddr::V6(
                base.and_then(|it| it.link_local)
                    .unwrap_or(std::net::Ipv6Addr::UNSPECIFIED),
            ),
        })
    }

    /// Who is master, all zero if nobody is known.
    pub(super) fn master_address(&self) -> Option<IpAddr> {
        let facts = self.facts()?;
        if self.state() == State::Master {
            return self.primary_address();
        }
        let nobody = match facts.family {
            Family::Ipv4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        Some(self.live().and_then(|live| live.master_address).unwrap_or(nobody))
    }
}
