//! What a packet must pass before the election looks at it, with keepalived's counters.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use holdfast_time::Duration;
use thiserror::Error;

use super::{GROUP_OF_OLD_CHECKSUM, Instance};
use crate::counters::Counters;
use crate::event::ReceivedPacket;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{Advertisement, Authentication, ChecksumForm, DecodeError, Envelope, TTL};
use crate::settings::{AuthenticationSettings, OldUnicastChecksum, Transmission, Version};

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Rejection {
    #[error("TTL {0} is not 255: the packet crossed a router")]
    Ttl(u8),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("another VRRP version than ours")]
    OtherVersion,
    #[error("authentication type {0} is unknown")]
    UnknownAuthentication(u8),
    #[error("authentication type {0} is not ours")]
    OtherAuthentication(u8),
    #[error("wrong password")]
    WrongPassword,
    #[error("advertisement interval {0:?} differs from ours")]
    OtherInterval(Duration),
    #[error("sent to {0}, which is not how this instance talks")]
    OtherTransmission(IpAddr),
    #[error("not from a configured peer")]
    UnknownPeer,
    #[error("TTL {0} is outside the limits of the peer")]
    PeerTtl(u8),
}

impl Rejection {
    fn counter(self, counters: &mut Counters) -> &mut u64 {
        match self {
            Self::Decode(error) => error.counter(counters),
            Self::Ttl(_) | Self::PeerTtl(_) => &mut counters.ip_ttl_err,
            Self::OtherVersion => &mut counters.vers_err,
            Self::UnknownAuthentication(_) => &mut counters.invalid_authtype,
            Self::OtherAuthentication(_) => &mut counters.authtype_mismatch,
            Self::WrongPassword => &mut counters.auth_failure,
            Self::OtherInterval(_) => &mut counters.advert_interval_err,
            Self::OtherTransmission(_) | Self::UnknownPeer => &mut counters.addr_list_err,
        }
    }

    /// Each kind is logged once until the state or the master changes.
    const fn kind(self) -> &'static str {
        match self {
            Self::Ttl(_) => "ttl",
            Self::Decode(DecodeError::TooShort { .. } | DecodeError::Length { .. }) => "length",
            Self::Decode(DecodeError::Version { .. }) | Self::OtherVersion => "version",
            Self::Decode(DecodeError::Type { .. }) => "type",
            Self::Decode(DecodeError::Checksum { .. }) => "checksum",
            Self::UnknownAuthentication(_) => "unknown authentication",
            Self::OtherAuthentication(_) => "authentication",
            Self::WrongPassword => "password",
            Self::OtherInterval(_) => "interval",
            Self::OtherTransmission(_) => "transmission",
            Self::UnknownPeer => "peer",
            Self::PeerTtl(_) => "peer ttl",
        }
    }
}

impl Instance {
    /// Checks a packet for this virtual router; `None` if it was counted and dropped.
    pub(crate) fn receive(&mut self, packet: &ReceivedPacket, out: &mut Outbox) -> Option<Advertisement> {
        let checked = self.check_packet(packet).and_then(|(advertisement, form)| {
            self.check_sender(packet)?;
            Ok((advertisement, form))
        });
        let (advertisement, form) = match checked {
            Ok(passed) => passed,
            Err(rejection) => {
                self.reject(rejection, packet.source, out);
                return None;
            }
        };
        if matches!(form, ChecksumForm::OldUnicast(_)) && !self.old_unicast_checksum {
            self.old_unicast_checksum = true;
            out.log(LogEvent::OldUnicastChecksum {
                instance: self.settings.name.clone(),
                from: packet.source,
            });
        }
        if self.settings.is_owner() && self.settings.owner_ignore_adverts {
            return None;
        }
        add_one(&mut self.counters.advert_rcvd);
        self.compare_addresses(&advertisement, packet.source, out);
        self.compare_interval(&advertisement, packet.source, out);
        if advertisement.priority == 0 {
            add_one(&mut self.counters.pri_zero_rcvd);
        }
        Some(advertisement)
    }

    /// The packet by itself, and against the settings.
    fn check_packet(&self, packet: &ReceivedPacket) -> Result<(Advertisement, ChecksumForm), Rejection> {
        if !self.is_unicast() && packet.ttl != TTL {
            return Err(Rejection::Ttl(packet.ttl));
        }
        let envelope = Envelope {
            source: packet.source,
            destination: packet.destination,
        };
        let decoded = Advertisement::decode(&packet.payload, &envelope, &self.accepted_checksums())?;
        let advertisement = &decoded.0;
        if advertisement.version != self.settings.version {
            return Err(Rejection::OtherVersion);
        }
        match advertisement.version {
            Version::V2 => {
                self.check_authentication(advertisement.authentication)?;
                if advertisement.interval != self.settings.advert_interval {
                    return Err(Rejection::OtherInterval(advertisement.interval));
                }
            }
            // Three times nothing would make every listener a master.
            Version::V3 if advertisement.interval.is_zero() => {
                return Err(Rejection::OtherInterval(advertisement.interval));
            }
            Version::V3 => {}
        }
        Ok(decoded)
    }

    fn check_authentication(&self, theirs: Authentication) -> Result<(), Rejection> {
        let ours = self
            .settings
            .authentication
            .map(|AuthenticationSettings::Pass(password)| password);
        match (theirs, ours) {
            (Authentication::None, None) => Ok(()),
            (Authentication::Pass(theirs), Some(ours)) if theirs == ours => Ok(()),
            (Authentication::Pass(_), Some(_)) => Err(Rejection::WrongPassword),
            (Authentication::Other(number), _) if number > 2 => Err(Rejection::UnknownAuthentication(number)),
            (other, _) => Err(Rejection::OtherAuthentication(other.number())),
        }
    }

    fn check_sender(&self, packet: &ReceivedPacket) -> Result<(), Rejection> {
        if !self.settings.is_sent_to(packet.destination) {
            return Err(Rejection::OtherTransmission(packet.destination));
        }
        if let Transmission::Unicast {
            peers,
            check_source: true,
            ..
        } = &self.settings.transmission
        {
            let peer = peers
                .iter()
                .find(|peer| peer.address == packet.source)
                .ok_or(Rejection::UnknownPeer)?;
            if !(peer.min_ttl..=peer.max_ttl).contains(&packet.ttl) {
                return Err(Rejection::PeerTtl(packet.ttl));
            }
        }
        Ok(())
    }

    fn accepted_checksums(&self) -> Vec<ChecksumForm> {
        let mut forms = vec![ChecksumForm::Standard];
        if self.settings.v3_checksum_as_v2 {
            forms.push(ChecksumForm::WithoutPseudoHeader);
        }
        if self.may_use_old_unicast_checksum() && self.settings.old_unicast_checksum != OldUnicastChecksum::Never {
            forms.push(ChecksumForm::OldUnicast(GROUP_OF_OLD_CHECKSUM));
        }
        forms
    }

    fn reject(&mut self, rejection: Rejection, from: IpAddr, out: &mut Outbox) {
        add_one(rejection.counter(&mut self.counters));
        if self.complaints.insert(rejection.kind()) {
            let (instance, problem) = (self.settings.name.clone(), rejection.to_string());
            out.log(LogEvent::Rejected {
                instance,
                from,
                problem,
            });
        }
    }

    /// Another list of addresses is worth a word, but not a second master: in a rolling change of a pair one of the two
    /// always has the new list first.
    fn compare_addresses(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) {
        let is_known_master = self.master.is_some_and(|master| master.address == from);
        if self.settings.skip_check_adv_addr && is_known_master {
            return;
        }
        let same_order = advertisement
            .addresses
            .iter()
            .eq(self.settings.addresses.iter().map(|held| &held.address));
        if same_order {
            return;
        }
        let theirs: BTreeSet<IpAddr> = advertisement.addresses.iter().copied().collect();
        let ours: BTreeSet<IpAddr> = self.settings.addresses.iter().map(|held| held.address).collect();
        if theirs == ours {
            return;
        }
        add_one(&mut self.counters.addr_list_err);
        if self.complaints.insert("addresses") {
            let missing = ours.difference(&theirs).copied().collect();
            let unexpected = theirs.difference(&ours).copied().collect();
            let instance = self.settings.name.clone();
            out.log(LogEvent::AddressListDiffers {
                instance,
                from,
                missing,
                unexpected,
            });
        }
    }

    /// Version 3 follows the master's interval; that it differs is worth a word.
    fn compare_interval(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) {
        let (theirs, ours) = (advertisement.interval, self.settings.advert_interval);
        if theirs != ours && self.complaints.insert("other interval") {
            out.log(LogEvent::IntervalDiffers {
                instance: self.settings.name.clone(),
                from,
                theirs,
                ours,
            });
        }
    }
}

fn add_one(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
