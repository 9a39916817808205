//! What a packet must pass before the election looks at it, with keepalived's counters.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use holdfast_time::Duration;
use thiserror::Error;

use super::{GROUP_OF_OLD_CHECKSUM, Instance};
use crate::action::{Action, Refusal};
use crate::counters::Counters;
use crate::event::ReceivedPacket;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{Advertisement, Authentication, ChecksumForm, DecodeError, Envelope, Frame, TTL};
use crate::settings::{AuthenticationSettings, OWNER_PRIORITY, OldUnicastChecksum, Transmission, Version};
use crate::status::ProtocolError;

/// So many refusals of an instance are reported in this time.
const MOST_REFUSALS: u8 = 10;
const REFUSALS_COUNTED_FOR: Duration = Duration::from_secs(1);

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Rejection {
    #[error("an authentication header, which is not our kind of authentication")]
    UnexpectedHeader,
    #[error("no authentication header")]
    NoHeader,
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("TTL {0} is not 255: the packet crossed a router")]
    Ttl(u8),
    #[error("another VRRP version than ours")]
    OtherVersion,
    #[error("it is not signed")]
    NotSigned,
    #[error("the signature's trailer is malformed")]
    MalformedTrailer,
    #[error("signed with key {0}, which we do not have")]
    UnknownKey(u8),
    #[error("wrong signature")]
    WrongSignature,
    #[error("signed {0} s before our time, which is outside the time window")]
    Stale(i64),
    #[error("this or a later signature was heard before")]
    Replayed,
    #[error("authentication type {0} is unknown")]
    UnknownAuthentication(u8),
    #[error("authentication type {0} is not ours")]
    OtherAuthentication(u8),
    #[error("wrong password")]
    WrongPassword,
    #[error("wrong code in the authentication header: another password, or the packet was changed")]
    WrongCode,
    #[error("the authentication header is that of {0}")]
    OtherIndex(Ipv4Addr),
    #[error("sequence number {0} of the authentication header was heard before")]
    OldSequence(u32),
    #[error("advertisement interval {0:?} differs from ours")]
    OtherInterval(Duration),
    #[error("sent to {0}, which is not how this instance talks")]
    OtherTransmission(IpAddr),
    #[error("we are the owner of the addresses and ignore other masters")]
    OwnerIgnores,
    #[error("not from a configured peer")]
    UnknownPeer,
    #[error("TTL {0} is outside the limits of the peer")]
    PeerTtl(u8),
}

impl Rejection {
    /// The counter it belongs to; keepalived counts neither other intervals nor strangers, and we do.
    fn counter(self, counters: &mut Counters) -> Option<&mut u64> {
        Some(match self {
            Self::Decode(error) => error.counter(counters),
            Self::Ttl(_) | Self::PeerTtl(_) => &mut counters.ip_ttl_err,
            Self::OtherVersion => &mut counters.vers_err,
            Self::NotSigned => &mut counters.auth_ext_missing,
            Self::MalformedTrailer => &mut counters.auth_ext_malformed,
            Self::UnknownKey(_) => &mut counters.auth_ext_unknown_key,
            Self::WrongSignature => &mut counters.auth_ext_invalid_hmac,
            Self::Stale(_) => &mut counters.auth_ext_stale,
            Self::Replayed => &mut counters.auth_ext_replay,
            Self::UnknownAuthentication(_) => &mut counters.invalid_authtype,
            Self::UnexpectedHeader | Self::NoHeader | Self::OtherAuthentication(_) => &mut counters.authtype_mismatch,
            Self::WrongPassword | Self::WrongCode | Self::OtherIndex(_) | Self::OldSequence(_) => {
                &mut counters.auth_failure
            }
            Self::OtherInterval(_) => &mut counters.advert_interval_err,
            Self::OtherTransmission(_) | Self::UnknownPeer => &mut counters.addr_list_err,
            Self::OwnerIgnores => return None,
        })
    }

    /// What managers of networks are told of it.
    const fn refusal(self) -> Option<Refusal> {
        Some(match self {
            Self::Ttl(_) | Self::PeerTtl(_) => Refusal::Protocol(ProtocolError::IpTtl),
            Self::OtherVersion | Self::Decode(DecodeError::Version { .. }) => Refusal::Protocol(ProtocolError::Version),
            Self::Decode(DecodeError::Checksum { .. }) => Refusal::Protocol(ProtocolError::Checksum),
            Self::UnknownAuthentication(_) => Refusal::InvalidAuthType,
            Self::UnexpectedHeader | Self::NoHeader | Self::OtherAuthentication(_) => Refusal::AuthTypeMismatch,
            Self::WrongPassword | Self::WrongCode | Self::OtherIndex(_) | Self::OldSequence(_) => Refusal::AuthFailure,
            _ => return None,
        })
    }

    /// Each kind is logged once until the state or the master changes.
    const fn kind(self) -> &'static str {
        match self {
            Self::UnexpectedHeader | Self::NoHeader => "header",
            Self::Decode(DecodeError::TooShort { .. } | DecodeError::Length { .. }) => "length",
            Self::Ttl(_) => "ttl",
            Self::Decode(DecodeError::Version { .. }) | Self::OtherVersion => "version",
            Self::NotSigned => "not signed",
            Self::MalformedTrailer => "trailer",
            Self::UnknownKey(_) => "key",
            Self::WrongSignature => "signature",
            Self::Stale(_) => "stale",
            Self::Replayed => "replayed",
            Self::UnknownAuthentication(_) => "unknown authentication",
            Self::OtherAuthentication(_) => "authentication",
            Self::WrongPassword => "password",
            Self::WrongCode => "code",
            Self::OtherIndex(_) => "index",
            Self::OldSequence(_) => "sequence",
            Self::OtherInterval(_) => "interval",
            Self::Decode(DecodeError::Type { .. }) => "type",
            Self::Decode(DecodeError::Checksum { .. }) => "checksum",
            Self::OtherTransmission(_) => "transmission",
            Self::OwnerIgnores => "owner",
            Self::UnknownPeer => "peer",
            Self::PeerTtl(_) => "peer ttl",
        }
    }
}

impl Instance {
    /// Checks a packet for this virtual router, in keepalived's order; `None` if it was counted and dropped.
    pub(crate) fn receive(&mut self, packet: &ReceivedPacket, out: &mut Outbox) -> Option<Advertisement> {
        let advertisement = match self.check_packet(packet, out) {
            Ok(advertisement) => advertisement,
            Err(rejection) => {
                self.reject(rejection, packet.source, out);
                return None;
            }
        };
        add_one(&mut self.counters.advert_rcvd);
        self.compare_addresses(&advertisement, packet.source, out);
        if let Err(rejection) = self.check_sender(packet) {
            self.reject(rejection, packet.source, out);
            return None;
        }
        if advertisement.priority == 0 {
            add_one(&mut self.counters.pri_zero_rcvd);
        }
        Some(advertisement)
    }

    /// All that must be right before a packet counts as received.
    fn check_packet(&mut self, packet: &ReceivedPacket, out: &mut Outbox) -> Result<Advertisement, Rejection> {
        match (
            &packet.authenticated_ip_header,
            self.settings.uses_authentication_header(),
        ) {
            (Some(_), false) => return Err(Rejection::UnexpectedHeader),
            (None, true) => return Err(Rejection::NoHeader),
            (Some(_), true) | (None, false) => {}
        }
        let vrrp = packet.vrrp().unwrap_or_default();
        let frame = Frame::read(vrrp, self.settings.family, self.settings.hmac.is_some())?;
        if !self.is_unicast() && packet.ttl != TTL {
            return Err(Rejection::Ttl(packet.ttl));
        }
        let version = frame.version()?;
        if version != self.settings.version {
            return Err(Rejection::OtherVersion);
        }
        self.check_trailer(packet, &frame, out)?;
        let interval = frame.interval(version);
        match version {
            Version::V2 => {
                self.check_authentication(packet, frame.authentication(version))?;
                if interval != self.settings.advert_interval {
                    return Err(Rejection::OtherInterval(interval));
                }
                frame.check_type()?;
            }
            Version::V3 => {
                frame.check_type()?;
                // Three times nothing would make every listener a master.
                if interval.is_zero() {
                    return Err(Rejection::OtherInterval(interval));
                }
                self.compare_interval(interval, packet.source, out);
            }
        }
        self.check_sum(packet, &frame, version, out)?;
        if !self.settings.is_sent_to(packet.destination) {
            return Err(Rejection::OtherTransmission(packet.destination));
        }
        if self.settings.owner_ignore_adverts && self.priority == OWNER_PRIORITY {
            return Err(Rejection::OwnerIgnores);
        }
        Ok(frame.advertisement(version))
    }

    fn check_authentication(&mut self, packet: &ReceivedPacket, theirs: Authentication) -> Result<(), Rejection> {
        match (theirs, self.settings.authentication) {
            (Authentication::None, None) => Ok(()),
            (Authentication::Pass(theirs), Some(AuthenticationSettings::Pass(ours))) if theirs == ours => Ok(()),
            (Authentication::Pass(_), Some(AuthenticationSettings::Pass(_))) => Err(Rejection::WrongPassword),
            (Authentication::Header, Some(AuthenticationSettings::Ah(key))) => self.check_header(packet, key),
            (Authentication::Other(number), _) if number > 2 => Err(Rejection::UnknownAuthentication(number)),
            (other, _) => Err(Rejection::OtherAuthentication(other.number())),
        }
    }

    /// A peer that sums as old releases did makes us do so, too.
    fn check_sum(
        &mut self,
        packet: &ReceivedPacket,
        frame: &Frame<'_>,
        version: Version,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let envelope = Envelope {
            source: packet.source,
            destination: packet.destination,
        };
        let form = frame.check_sum(version, &envelope, &self.accepted_checksums())?;
        if matches!(form, ChecksumForm::OldUnicast(_)) && !self.old_unicast_checksum {
            self.old_unicast_checksum = true;
            out.log(LogEvent::OldUnicastChecksum {
                instance: self.settings.name.clone(),
                from: packet.source,
            });
        }
        Ok(())
    }

    fn check_sender(&self, packet: &ReceivedPacket) -> Result<(), Rejection> {
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
        if let Some(counter) = rejection.counter(&mut self.counters) {
            add_one(counter);
        }
        let refusal = rejection.refusal();
        if let Some(Refusal::Protocol(error)) = refusal {
            self.protocol_error = error;
        }
        if let Some(refusal) = refusal.filter(|_| out.rfc_traps) {
            self.report_refusal(refusal, from, out);
        }
        if self.complaints.insert(rejection.kind()) {
            let (instance, problem) = (self.settings.name.clone(), rejection.to_string());
            out.log(LogEvent::Rejected {
                instance,
                from,
                problem,
            });
        }
    }

    /// Whoever floods us with nonsense shall not flood others through us.
    fn report_refusal(&mut self, refusal: Refusal, from: IpAddr, out: &mut Outbox) {
        let (since, reported) = &mut self.refusals;
        if out.now.since(*since) >= REFUSALS_COUNTED_FOR {
            (*since, *reported) = (out.now, 0);
        }
        if *reported < MOST_REFUSALS {
            *reported = reported.saturating_add(1);
            let instance = self.settings.name.clone();
            out.push(Action::Refused {
                instance,
                from,
                refusal,
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
    fn compare_interval(&mut self, theirs: Duration, from: IpAddr, out: &mut Outbox) {
        let ours = self.settings.advert_interval;
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
