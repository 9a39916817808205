//! An advertisement, from the state of the instance to the bytes that leave.

use std::net::IpAddr;

use holdfast_time::Duration;

use super::{GROUP_OF_OLD_CHECKSUM, Instance};
use crate::action::Action;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{Advertisement, Authentication, ChecksumForm, Envelope, TTL, ah};
use crate::settings::{AuthenticationSettings, Transmission, Version};

impl Instance {
    /// Sends an advertisement built from what is true now. Without a source address nothing can be sent.
    pub(crate) fn send_advertisement(&mut self, priority: u8, out: &mut Outbox) {
        self.send(&self.advertisement(priority), out);
    }

    /// The last one of a master that gives way to one with this interval. Backups of version 3 take the interval of what they
    /// heard last for their master's: with ours, where it is much shorter, they would miss the better master before its next
    /// word, give way to it with a last word of their own, and so on without end.
    pub(crate) fn send_last_word(&mut self, interval: Duration, out: &mut Outbox) {
        let mut advertisement = self.advertisement(self.priority);
        if self.settings.version == Version::V3 {
            advertisement.interval = interval;
        }
        self.send(&advertisement, out);
    }

    fn send(&mut self, advertisement: &Advertisement, out: &mut Outbox) {
        let Some(source) = self.source else { return };
        let (targets, ttl): (Vec<IpAddr>, u8) = match &self.settings.transmission {
            Transmission::Multicast { group } => (vec![*group], TTL),
            Transmission::Unicast { peers, ttl, .. } => (peers.iter().map(|peer| peer.address).collect(), *ttl),
        };
        if let Some(AuthenticationSettings::Ah(key)) = self.settings.authentication
            && self.settings.uses_authentication_header()
        {
            self.send_sealed(advertisement, source, &targets, ttl, key, out);
        } else {
            self.send_plain(advertisement, source, targets, ttl, out);
        }
        self.counters.advert_sent += 1;
        self.last_sent = Some(out.now);
        if advertisement.priority == 0 {
            self.counters.pri_zero_sent += 1;
            out.log(LogEvent::SentPriorityZero {
                instance: self.settings.name.clone(),
            });
        }
    }

    /// Peers that get the same bytes share an action.
    fn send_plain(
        &mut self,
        advertisement: &Advertisement,
        source: IpAddr,
        targets: Vec<IpAddr>,
        ttl: u8,
        out: &mut Outbox,
    ) {
        // One number for all peers: it is one advertisement.
        let signature = self.next_signature(out);
        let form = self.checksum_form();
        let mut packets: Vec<(Vec<IpAddr>, Vec<u8>)> = Vec::new();
        for destination in targets {
            let envelope = Envelope { source, destination };
            let bytes = match signature {
                Some(sequence) => {
                    advertisement.encode_signed(&envelope, form, |bytes| self.sign(source, sequence, bytes))
                }
                None => advertisement.encode(&envelope, form),
            };
            match packets.iter_mut().find(|(_, known)| *known == bytes) {
                Some((destinations, _)) => destinations.push(destination),
                None => packets.push((vec![destination], bytes)),
            }
        }
        for (destinations, bytes) in packets {
            out.push(self.sending(source, destinations, ttl, bytes, false));
        }
    }

    /// Behind an authentication header; the code covers the destination, so each peer has a packet of its own.
    fn send_sealed(
        &mut self,
        advertisement: &Advertisement,
        source: IpAddr,
        targets: &[IpAddr],
        ttl: u8,
        key: [u8; 8],
        out: &mut Outbox,
    ) {
        let sequence = self.security.get_or_insert_default().next_sequence();
        for target in targets {
            let (IpAddr::V4(from), IpAddr::V4(to)) = (source, *target) else {
                continue;
            };
            let envelope = Envelope {
                source,
                destination: *target,
            };
            let bytes = advertisement.encode(&envelope, self.checksum_form());
            let envelope = ah::Envelope {
                source: from,
                destination: to,
                ttl,
                identification: self.security.get_or_insert_default().next_identification(),
                sequence,
            };
            let packet = ah::seal(&bytes, &envelope, key);
            out.push(self.sending(source, vec![*target], ttl, packet, true));
        }
    }

    fn sending(
        &self,
        source: IpAddr,
        destinations: Vec<IpAddr>,
        ttl: u8,
        bytes: Vec<u8>,
        authenticated: bool,
    ) -> Action {
        Action::SendAdvertisement {
            instance: self.settings.name.clone(),
            interface: self.settings.interface.clone(),
            source,
            destinations,
            ttl,
            bytes,
            authenticated,
        }
    }

    fn advertisement(&self, priority: u8) -> Advertisement {
        let settings = &self.settings;
        let authentication = match settings.authentication {
            Some(AuthenticationSettings::Pass(password)) if settings.version == Version::V2 => {
                Authentication::Pass(password)
            }
            Some(AuthenticationSettings::Ah(_)) if settings.uses_authentication_header() => Authentication::Header,
            _ => Authentication::None,
        };
        Advertisement {
            version: settings.version,
            vrid: settings.vrid,
            priority,
            interval: settings.advert_interval,
            authentication,
            addresses: settings.addresses.iter().map(|address| address.address).collect(),
        }
    }

    fn checksum_form(&self) -> ChecksumForm {
        if self.settings.v3_checksum_as_v2 {
            ChecksumForm::WithoutPseudoHeader
        } else if self.old_unicast_checksum {
            ChecksumForm::OldUnicast(GROUP_OF_OLD_CHECKSUM)
        } else {
            ChecksumForm::Standard
        }
    }
}
