//! The virtual addresses: putting them on, taking them off, putting back what others removed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Instance;
use crate::action::{Action, State};
use crate::backoff::Backoff;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::settings::{RoutingKind, VirtualAddress};
use crate::timers::{Key, Timer};

/// An address on the interface it is on.
pub(crate) type Holding = (String, VirtualAddress);

/// Addresses that others removed, and the back-off of putting them back.
#[derive(Clone, Debug, Default)]
pub(super) struct Restore {
    lost: BTreeSet<(String, IpAddr)>,
    backoff: Backoff,
}

impl Instance {
    /// Where the master's addresses belong, in configured order, reduced to what the kernel knows of them: naming the
    /// instance's own interface or `no_track` makes no other address.
    pub(crate) fn holdings(&self) -> impl Iterator<Item = Holding> + '_ {
        self.settings.held_addresses().map(|held| {
            let plain = VirtualAddress {
                interface: None,
                track: true,
                ..held.clone()
            };
            (self.settings.interface_of(held).to_owned(), plain)
        })
    }

    /// Puts addresses on their interfaces, one action for each interface.
    pub(crate) fn add(&self, holdings: impl Iterator<Item = Holding>, out: &mut Outbox) {
        for (interface, addresses) in by_interface(holdings) {
            out.push(Action::AddAddresses {
                instance: self.settings.name.clone(),
                interface,
                addresses,
            });
        }
    }

    /// Takes addresses off their interfaces, one action for each interface.
    pub(crate) fn remove(&self, holdings: impl Iterator<Item = Holding>, out: &mut Outbox) {
        for (interface, addresses) in by_interface(holdings) {
            out.push(Action::RemoveAddresses {
                instance: self.settings.name.clone(),
                interface,
                addresses,
            });
        }
    }

    /// Announces addresses, one action for each interface.
    pub(crate) fn announce(&self, holdings: impl Iterator<Item = Holding>, count: u32, out: &mut Outbox) {
        if count == 0 {
            return;
        }
        for (interface, addresses) in by_interface(holdings) {
            let addresses = addresses.into_iter().map(|address| address.address).collect();
            let instance = self.settings.name.clone();
            out.push(Action::Announce {
                instance,
                interface,
                addresses,
                count,
            });
        }
    }

    /// Somebody removed an address. A master puts it back: at once the first time, with growing waits if that is repeated,
    /// so that two programs do not fight at full speed.
    pub(crate) fn address_lost(&mut self, interface: &str, address: IpAddr, out: &mut Outbox) {
        let ours = |held: &VirtualAddress| {
            held.track && held.address == address && self.settings.interface_of(held) == interface
        };
        if self.state != State::Master || !self.settings.held_addresses().any(ours) {
            return;
        }
        let restore = self.restore.get_or_insert_default();
        if !restore.lost.insert((interface.to_owned(), address)) {
            return;
        }
        let due = restore.backoff.after_loss(out.now);
        let (instance, interface) = (self.settings.name.clone(), interface.to_owned());
        out.log(LogEvent::AddressLost {
            instance,
            interface,
            address,
            wait: due.since(out.now),
        });
        if due == out.now {
            self.restore_addresses(out);
        } else {
            out.deadlines.set(Key::Instance(self.id, Timer::Restore), due);
        }
    }

    /// Puts back and announces what was lost.
    pub(crate) fn restore_addresses(&mut self, out: &mut Outbox) {
        let restore = self.restore.get_or_insert_default();
        let lost = std::mem::take(&mut restore.lost);
        restore.backoff.put_back(out.now);
        let holdings: Vec<Holding> = self
            .holdings()
            .filter(|(interface, held)| lost.contains(&(interface.clone(), held.address)))
            .collect();
        self.add(holdings.iter().cloned(), out);
        self.announce(holdings.iter().cloned(), self.settings.announce.master_repeat, out);
        for (interface, held) in holdings {
            let instance = self.settings.name.clone();
            out.log(LogEvent::AddressRestored {
                instance,
                interface,
                address: held.address,
            });
        }
        // With a source address the kernel has taken its routes away, and says nothing of it.
        self.add_entries(RoutingKind::Route, |entry| entry.track, out);
    }

    pub(super) fn forget_lost_addresses(&mut self, out: &mut Outbox) {
        if let Some(restore) = &mut self.restore {
            restore.lost.clear();
        }
        out.clear(self.id, Timer::Restore);
    }
}

/// Sorts holdings by interface and leaves the order otherwise as it is.
fn by_interface(holdings: impl Iterator<Item = Holding>) -> Vec<(String, Vec<VirtualAddress>)> {
    let mut sorted: Vec<(String, Vec<VirtualAddress>)> = Vec::new();
    for (interface, address) in holdings {
        match sorted.iter_mut().find(|(known, _)| *known == interface) {
            Some((_, addresses)) => addresses.push(address),
            None => sorted.push((interface, vec![address])),
        }
    }
    sorted
}
