//! Interfaces that virtual routers make for themselves (`use_vmac`, `use_ipvlan`): made, kept as they must be, deleted.
//!
//! What is wanted is planned by `plan` without a kernel; the rest of the driver and the machine know the interfaces by
//! their names like any other.

mod kernel_settings;
mod naming;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use holdfast_net::{AddressFlags, ChangedSysctl, InterfaceAddress, Link, MacAddress, NetError, OwnLink, Requests};
use holdfast_time::Timestamp;
use holdfast_vrrp::NodeSettings;

use self::kernel_settings::KernelSettings;
use self::plan::{LinkLocal, Plan, Planned};
use super::interfaces::{Interfaces, StandIn};
use crate::host_changes::HostChanges;

/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Length of the prefix of link-local addresses.
const LINK_LOCAL_PREFIX: u8 = 64;

/// The interfaces of our own.
#[derive(Debug, Default)]
pub struct OwnInterfaces {
    plan: Plan,
    /// Interfaces that were made or taken over, with the kernel's number after they were set up.
    ready: BTreeMap<String, u32>,
    /// Others than the supervisor knows of may be there
    may_differ: bool,
    kernel_settings: KernelSettings,
    /// What went wrong with each, said once.
    failing: BTreeMap<String, String>,
    /// Something happened that may concern ours.
    look_due: bool,
    /// When what failed is tried again.
    next_attempt: Option<Timestamp>,
}

/// An interface that is there and not ready yet.
#[derive(Debug)]
pub struct Made {
    planned: Planned,
    /// The kernel's number of it
    index: u32,
    /// Addresses that it has to get
    missing: Vec<InterfaceAddress>,
}

/// A macvlan for the packet filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macvlan {
    /// The kernel's number of it
    pub index: u32,
    /// That of the interface below
    pub base: u32,
    /// IPv4 is spoken on it
    pub ipv4: bool,
    /// IPv6 is spoken on it
    pub ipv6: bool,
}

impl OwnInterfaces {
    /// Takes over new settings; returns them with the own interfaces in the place of those below.
    pub fn plan(&mut self, settings: &NodeSettings, interfaces: &Interfaces) -> NodeSettings {
        let links: Vec<&Link> = interfaces.links().collect();
        let (plan, resolved) = Plan::make(settings, &links);
        for complaint in &plan.complaints {
            tracing::warn!("{complaint}");
        }
        self.plan = plan;
        self.look_due = !self.plan.interfaces.is_empty();
        self.failing.clear();
        if self.kernel_settings.set_no_local_reports(settings.disable_local_igmp) {
            self.kernel_settings.apply(&self.plan.interfaces);
        }
        resolved
    }

    /// Takes over what a predecessor changed on the host before it was killed, and made there; what of it nobody wants any more
    /// goes.
    pub async fn inherit(&mut self, changes: &HostChanges, requests: &mut Requests, interfaces: &Interfaces) {
        self.kernel_settings.inherit(&changes.sysctls);
        let is_there = |name: &str, index: u32| {
            let link = interfaces.link(name).filter(|link| link.index == index);
            link.is_some_and(|link| matches!(link.kind.as_deref(), Some("macvlan" | "ipvlan")))
        };
        let left = changes.interfaces.iter().filter(|(name, index)| is_there(name, *index));
        let left: Vec<(String, u32)> = left.filter(|(name, _)| !self.is_ours(name)).cloned().collect();
        self.ready.extend(left);
        self.remove_unused(requests).await;
    }

    /// The interfaces that are there now with the kernel's numbers of them, if they may be others than were told last.
    pub fn news_of_interfaces(&mut self) -> Option<Vec<(String, u32)>> {
        let ready = self.ready.iter().map(|(name, index)| (name.clone(), *index));
        std::mem::take(&mut self.may_differ).then(|| ready.collect())
    }

    /// What is changed on the host now, if that is not what was told last.
    pub fn news_of_settings(&mut self) -> Option<Vec<ChangedSysctl>> {
        self.kernel_settings.news()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.plan
            .interfaces
            .iter()
            .map(|planned| planned.name.clone())
            .collect()
    }

    /// Whether the interface is one of ours.
    pub fn is_ours(&self, name: &str) -> bool {
        self.plan.interfaces.iter().any(|planned| planned.name == name)
    }

    /// By own interface, what the driver takes from the one below.
    pub fn stand_ins(&self) -> BTreeMap<String, StandIn> {
        let stand_in = |planned: &Planned| StandIn {
            base: planned.base.clone(),
            takes_sources: planned.mac().is_some(),
        };
        let planned = self.plan.interfaces.iter();
        planned
            .map(|planned| (planned.name.clone(), stand_in(planned)))
            .collect()
    }

    /// The macvlans that are there.
    pub fn macvlans(&self, interfaces: &Interfaces) -> Vec<Macvlan> {
        let is_macvlan = |planned: &&Planned| planned.mac().is_some();
        let there = self.plan.interfaces.iter().filter(is_macvlan).filter_map(|planned| {
            Some(Macvlan {
                index: interfaces.index_of(&planned.name)?,
                base: interfaces.index_of(&planned.base)?,
                ipv4: planned.ipv4,
                ipv6: planned.ipv6,
            })
        });
        there.collect()
    }

    /// Something happened to this interface: does it concern ours?
    pub fn note(&mut self, name: &str) {
        let concerns = |planned: &Planned| planned.name == name || planned.base == name;
        self.look_due |= self.plan.interfaces.iter().any(concerns);
    }

    /// Events were lost: anything may have happened.
    pub fn note_all(&mut self) {
        self.look_due = !self.plan.interfaces.is_empty();
    }

    /// Whether it is time for [`Self::make`].
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.look_due || self.next_attempt.is_some_and(|due| due <= now)
    }

    /// When what failed is tried again.
    pub const fn next_attempt(&self) -> Option<Timestamp> {
        self.next_attempt
    }

    /// Whether any is a macvlan.
    pub fn has_macvlans(&self) -> bool {
        self.plan.interfaces.iter().any(|planned| planned.mac().is_some())
    }

    /// Makes what is missing and finds what is wrong; [`Self::set_up`] has to follow if that is anything. A macvlan must not
    /// be switched on before the packet filter knows it: its first membership reports would show switches the virtual
    /// hardware address, which another router has.
    pub async fn make(&mut self, now: Timestamp, requests: &mut Requests, interfaces: &Interfaces) -> Vec<Made> {
        self.look_due = false;
        self.next_attempt = None;
        let mut made = Vec::new();
        for planned in self.plan.interfaces.clone() {
            let Some(base) = interfaces.link(&planned.base) else {
                self.complain(&planned, "the interface below is not there; waiting for it");
                self.ready.remove(&planned.name);
                continue;
            };
            let link = interfaces.link(&planned.name);
            let missing = missing_addresses(&planned, base, link, interfaces);
            let place = Place {
                base: base.index,
                vrf: interfaces.vrf_of(base),
            };
            let is_right = |link: &Link| planned.is(link, base.index) && link.master == place.vrf;
            let ready = link.filter(|link| is_right(link) && self.ready.get(&planned.name) == Some(&link.index));
            match ready {
                Some(_) if missing.is_empty() => {}
                Some(link) => made.push(Made {
                    planned,
                    index: link.index,
                    missing,
                }),
                None => match self.make_one(&planned, place, link, requests).await {
                    Ok(index) => made.push(Made {
                        planned,
                        index,
                        missing,
                    }),
                    Err(error) => self.failed(&planned, &error, now),
                },
            }
        }
        made
    }

    /// Switches on what was made, after the kernel's settings, and gives it its addresses.
    pub async fn set_up(&mut self, made: Vec<Made>, now: Timestamp, requests: &mut Requests) {
        if made.iter().any(|made| !self.ready.contains_key(&made.planned.name)) {
            self.kernel_settings.apply(&self.plan.interfaces);
        }
        for Made {
            planned,
            index,
            missing,
        } in made
        {
            match self.set_up_one(&planned, index, &missing, requests).await {
                Ok(()) => {
                    self.failing.remove(&planned.name);
                }
                Err(error) => self.failed(&planned, &error, now),
            }
        }
    }

    fn failed(&mut self, planned: &Planned, error: &NetError, now: Timestamp) {
        self.complain(planned, &error.to_string());
        self.next_attempt = Some(now + RETRY);
    }

    fn complain(&mut self, planned: &Planned, why: &str) {
        if self.failing.get(&planned.name).is_none_or(|said| said != why) {
            tracing::error!("({}) interface {}: {why}", planned.instance, planned.name);
            self.failing.insert(planned.name.clone(), why.to_owned());
        }
    }

    /// Makes the interface, or what is there into what it shall be; returns the kernel's number of it.
    async fn make_one(
        &mut self,
        planned: &Planned,
        place: Place,
        link: Option<&Link>,
        requests: &mut Requests,
    ) -> Result<u32, NetError> {
        let Place { base, vrf } = place;
        self.ready.remove(&planned.name);
        let mut link = link.cloned();
        if let Some(wrong) = link.take_if(|link| !planned.can_become(link, base)) {
            tracing::warn!(
                "({}) interface {} is not what it was; making it again",
                planned.instance,
                planned.name
            );
            requests.delete_link(wrong.index).await?;
        }
        let link = match link {
            Some(link) => link,
            None => self.make_anew(planned, base, requests).await?,
        };
        if let Some(mac) = planned.mac().filter(|mac| link.mac != Some(*mac)) {
            requests.set_mac(link.index, mac).await?;
        }
        if planned.mac().is_some() {
            requests.make_no_own_addresses(link.index).await?;
        }
        if link.master != vrf {
            requests.set_master(link.index, vrf).await?;
        }
        Ok(link.index)
    }

    async fn set_up_one(
        &mut self,
        planned: &Planned,
        index: u32,
        missing: &[InterfaceAddress],
        requests: &mut Requests,
    ) -> Result<(), NetError> {
        if !self.ready.contains_key(&planned.name) {
            requests.switch_link(index, true).await?;
            if let Some(mac) = planned.mac().filter(|_| planned.notify) {
                requests.set_mac(index, mac).await?;
            }
            self.ready.insert(planned.name.clone(), index);
            self.may_differ = true;
        }
        add_addresses(index, missing, requests).await
    }

    async fn make_anew(&mut self, planned: &Planned, base: u32, requests: &mut Requests) -> Result<Link, NetError> {
        self.kernel_settings.forget_interface(&planned.name);
        let own = OwnLink {
            name: planned.name.clone(),
            parent: base,
            kind: planned.kind,
            group: planned.group,
        };
        requests.make_link(&own).await?;
        tracing::info!(
            "({}) made interface {} over {}",
            planned.instance,
            planned.name,
            planned.base
        );
        let links = requests.links().await?;
        let made = links
            .into_iter()
            .find(|link| link.name == planned.name && planned.is(link, base));
        made.ok_or_else(|| NetError::Answer {
            operation: "make",
            object: own.to_string(),
            detail: "it is not there, or not as it was asked for".into(),
        })
    }

    /// Deletes interfaces that no settings ask for any more.
    pub async fn remove_unused(&mut self, requests: &mut Requests) {
        let wanted: BTreeSet<String> = self
            .plan
            .interfaces
            .iter()
            .map(|planned| planned.name.clone())
            .collect();
        let unused = self.ready.iter().filter(|(name, _)| !wanted.contains(*name));
        let unused: Vec<(String, u32)> = unused.map(|(name, index)| (name.clone(), *index)).collect();
        for (name, index) in unused {
            match requests.delete_link(index).await {
                Ok(_) => tracing::info!("deleted interface {name}"),
                Err(error) => tracing::error!("{error}"),
            }
            self.ready.remove(&name);
            self.may_differ = true;
            self.kernel_settings.forget_interface(&name);
        }
        self.kernel_settings.apply(&self.plan.interfaces);
    }

    /// Deletes all of them and puts back what the kernel had before.
    pub async fn remove_all(&mut self, requests: &mut Requests) {
        self.plan = Plan::default();
        self.kernel_settings.set_no_local_reports(false);
        self.remove_unused(requests).await;
    }
}

/// Where an interface of our own has to be.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The interface below
    base: u32,
    /// The VRF that the interface below is in: what comes in there is looked up there
    vrf: Option<u32>,
}

/// Addresses that the interface needs and has not.
fn missing_addresses(
    planned: &Planned,
    base: &Link,
    link: Option<&Link>,
    interfaces: &Interfaces,
) -> Vec<InterfaceAddress> {
    let link_local = match planned.link_local {
        LinkLocal::None => None,
        LinkLocal::Given(address) => Some(address),
        LinkLocal::OfBase => interfaces
            .link_local_of(base.index)
            .or_else(|| base.mac.map(link_local_from)),
    };
    let link_local = link_local.map(|address| InterfaceAddress {
        flags: AddressFlags::NODAD,
        // Nobody else shall choose it for connections.
        preferred_lifetime_s: Some(0),
        ..InterfaceAddress::new(0, address.into(), LINK_LOCAL_PREFIX)
    });
    let own = planned
        .address
        .map(|(address, length)| InterfaceAddress::new(0, address, length));
    let has = |address: IpAddr| link.is_some_and(|link| interfaces.has_address(link.index, address));
    // One link-local address that can be used is enough, even when the one below gets another one.
    let has_link_local = || {
        planned.link_local == LinkLocal::OfBase
            && link.is_some_and(|link| interfaces.own_link_local_of(link.index).is_some())
    };
    let link_local = link_local.filter(|address| !has(address.address) && !has_link_local());
    link_local
        .into_iter()
        .chain(own.filter(|own| !has(own.address)))
        .collect()
}

async fn add_addresses(index: u32, missing: &[InterfaceAddress], requests: &mut Requests) -> Result<(), NetError> {
    let addresses: Vec<InterfaceAddress> = missing
        .iter()
        .map(|address| InterfaceAddress {
            interface_index: index,
            ..address.clone()
        })
        .collect();
    for outcome in requests.add_addresses(&addresses).await {
        outcome?;
    }
    Ok(())
}

/// RFC 4291 appendix A: what the kernel makes of a hardware address.
fn link_local_from(mac: MacAddress) -> Ipv6Addr {
    const UNIVERSAL: u64 = 2 << 56;
    let number = mac.0.iter().fold(0_u64, |all, octet| (all << 8) | u64::from(*octet));
    let (high, low) = (number >> 24, number & 0x00ff_ffff);
    let identifier = (high << 40 | 0xff_fe00_0000 | low) ^ UNIVERSAL;
    Ipv6Addr::from(0xfe80_u128 << 112 | u128::from(identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_follows_from_a_hardware_address() {
        // As the kernel makes it of 02:00:00:00:00:0a, and keepalived puts on its macvlan.
        let address = link_local_from(MacAddress([2, 0, 0, 0, 0, 0x0a]));
        assert_eq!(address, "fe80::ff:fe00:a".parse::<Ipv6Addr>().unwrap());
    }
}
