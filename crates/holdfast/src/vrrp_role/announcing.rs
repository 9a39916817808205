//! Announcements: what the machine asks for goes through a queue that keeps the configured gaps, and leaves in batches.

use std::collections::BTreeSet;
use std::net::IpAddr;

use holdfast_net::{Announcer, NetError, OutgoingAnnouncement};
use holdfast_time::Timestamp;
use holdfast_vrrp::pacing::{AnnouncementQueue, Burst, PacingSettings};
use holdfast_vrrp::{Action, State, VirtualAddress};

use super::interfaces::Interfaces;

/// The queue and the socket.
#[derive(Debug)]
pub struct Announcing {
    announcer: Announcer,
    queue: AnnouncementQueue,
}

impl Announcing {
    /// Opens the socket.
    pub fn open(settings: PacingSettings) -> Result<Self, NetError> {
        Ok(Self {
            announcer: Announcer::open()?,
            queue: AnnouncementQueue::new(settings),
        })
    }

    /// Goes on with other gaps.
    pub fn set_settings(&mut self, settings: PacingSettings) {
        self.queue.set_settings(settings);
    }

    /// When something that waits may leave.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.queue.next_deadline()
    }

    /// Takes a burst; it leaves with the next [`Self::send_due`].
    pub fn announce(
        &mut self,
        interfaces: &Interfaces,
        instance: &str,
        interface: &str,
        addresses: &[IpAddr],
        count: u32,
    ) {
        self.queue.announce(&Burst {
            instance,
            interface,
            physical: interfaces.physical(interface),
            addresses,
            count,
        });
    }

    /// Takes notice of what is given up: its announcements must not leave any more.
    pub fn follow(&mut self, action: &Action) {
        match action {
            Action::Transition {
                instance,
                from: State::Master,
                ..
            } => self.queue.forget_instance(instance),
            Action::RemoveAddresses {
                instance,
                interface,
                addresses,
            } if !self.queue.is_empty() => {
                let gone: BTreeSet<IpAddr> = addresses.iter().map(address_of).collect();
                self.queue.forget_addresses(instance, interface, &gone);
            }
            _ => {}
        }
    }

    /// Sends what may leave, never waiting. Interfaces that are gone or have no hardware address are passed over.
    pub fn send_due(&mut self, interfaces: &Interfaces, now: Timestamp) {
        let due = self.queue.take_due(now);
        if due.is_empty() {
            return;
        }
        let outgoing = due.iter().filter_map(|announcement| {
            let (interface_index, mac) = interfaces.hardware(&announcement.interface)?;
            Some(OutgoingAnnouncement {
                interface_index,
                mac,
                address: announcement.address,
            })
        });
        let outgoing: Vec<OutgoingAnnouncement> = outgoing.collect();
        for outcome in self.announcer.announce_all(&outgoing) {
            if let Err(error) = outcome {
                tracing::warn!("{error}");
            }
        }
    }
}

fn address_of(address: &VirtualAddress) -> IpAddr {
    address.address
}
