//! What authentication remembers from one advertisement to the next: numbers that only grow.

use std::net::IpAddr;

use holdfast_time::Duration;

use super::Instance;
use super::receive::Rejection;
use crate::event::ReceivedPacket;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::ah::AuthenticationHeader;
use crate::packet::trailer::Signatory;
use crate::packet::{Frame, Trailer};
use crate::settings::{AntiReplay, HmacMode, HmacSettings, Secret, Transmission};

/// Senders in a group whose last number is remembered. Only keyholders get in, and more than two masters at a time are rare.
const MOST_SENDERS: usize = 16;

/// Numbers sent and heard. They belong to the virtual router and outlive reloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Last sequence number of an authentication header, sent by us or by a master that we heard: who takes over counts on.
    sequence: u32,
    /// Who used it; none: we did.
    sequence_of: Option<IpAddr>,
    /// Last identification that we gave to an IP header.
    identification: u16,
    /// Last number that we signed.
    signed: u64,
    /// Last number that each sender signed; the one heard last comes last.
    heard: Vec<(IpAddr, u64)>,
}

impl Memory {
    /// At one advertisement each second the numbers last for 136 years; then the same number is sent, which nobody accepts.
    pub(super) const fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.saturating_add(1);
        self.sequence_of = None;
        self.sequence
    }

    /// Takes the number of an authentication header if it is newer than the last one. As keepalived counts: one number for
    /// all senders, so that an old master's adverts are of no use to anybody. Two that became masters together count the same
    /// and at the same time, and must hear each other: the last number is new from another sender.
    fn counts_on(&mut self, from: IpAddr, sequence: u32) -> bool {
        let is_new = sequence > self.sequence || (sequence == self.sequence && self.sequence_of != Some(from));
        if is_new {
            self.sequence = sequence;
            self.sequence_of = Some(from);
        }
        is_new
    }

    /// Never 0: the kernel would put another one in its place.
    pub(super) fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.checked_add(1).unwrap_or(1);
        self.identification
    }

    /// Takes a sender's number if it is newer than the last one.
    fn is_news(&mut self, from: IpAddr, sequence: u64, now: u64, settings: &HmacSettings) -> bool {
        let known = self.heard.iter().position(|(sender, _)| *sender == from);
        let last = known.map(|at| self.heard.remove(at).1);
        // A mark outside the window is of no use, and would shut out a sender whose clock was put right.
        let last = last.filter(|last| settings.anti_replay == AntiReplay::Monotonic || !is_stale(*last, now, settings));
        let news = last.is_none_or(|last| is_after(sequence, last));
        if self.heard.len() >= MOST_SENDERS {
            self.heard.remove(0);
        }
        let mark = if news { sequence } else { last.unwrap_or(sequence) };
        self.heard.push((from, mark));
        news
    }

    /// The clock, or one more than the last number if the clock has not moved on.
    fn next_signed(&mut self, now: u64, settings: &HmacSettings) -> u64 {
        // A clock that was ahead and was put right leaves a number that nobody takes any more.
        let stranded = settings.anti_replay == AntiReplay::Time && seconds_from(now, self.signed) > window(settings);
        self.signed = if stranded || is_after(now, self.signed) {
            now
        } else {
            self.signed.wrapping_add(1)
        };
        self.signed
    }
}

impl Instance {
    /// The authentication header of a packet that has to have one: right code, right sender, a number not heard before.
    pub(super) fn check_header(&mut self, packet: &ReceivedPacket, key: [u8; 8]) -> Result<(), Rejection> {
        let ip_header = packet.authenticated_ip_header.as_deref().unwrap_or_default();
        let header = AuthenticationHeader::read(&packet.payload).filter(|header| header.is_genuine(ip_header, key));
        let header = header.ok_or(Rejection::WrongCode)?;
        if IpAddr::V4(header.index) != packet.source {
            return Err(Rejection::OtherIndex(header.index));
        }
        if !self
            .security
            .get_or_insert_default()
            .counts_on(packet.source, header.sequence)
        {
            return Err(Rejection::OldSequence(header.sequence));
        }
        Ok(())
    }

    /// The trailer of `auth_hmac`.
    pub(super) fn check_trailer(
        &mut self,
        packet: &ReceivedPacket,
        frame: &Frame<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let Some(settings) = &self.settings.hmac else {
            return Ok(());
        };
        let Some(trailer) = frame.trailer() else {
            return match settings.mode {
                HmacMode::Enforce => Err(Rejection::NotSigned),
                HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(()),
            };
        };
        if let Transmission::Unicast { peers, .. } = &self.settings.transmission
            && !peers.iter().any(|peer| peer.address == packet.source)
        {
            return Err(Rejection::UnknownPeer);
        }
        if !trailer.is_well_formed() {
            return Err(Rejection::MalformedTrailer);
        }
        // Cheap, and before the code is computed: nothing is granted by it.
        let now = number_of(out.since_1970());
        let skew = seconds_from(trailer.sequence(), now);
        if settings.anti_replay == AntiReplay::Time && is_stale(trailer.sequence(), now, settings) {
            return Err(Rejection::Stale(skew));
        }
        let key = settings
            .keys
            .get(&trailer.key_id())
            .ok_or(Rejection::UnknownKey(trailer.key_id()))?;
        if !trailer.is_genuine(&self.signatory(packet.source), key.bytes(), frame.packet()) {
            return Err(Rejection::WrongSignature);
        }
        if !self
            .security
            .get_or_insert_default()
            .is_news(packet.source, trailer.sequence(), now, settings)
        {
            return Err(Rejection::Replayed);
        }
        if settings.anti_replay == AntiReplay::Time && skew.saturating_abs() > window(settings) / 2 {
            self.complain_of_clocks(packet.source, skew, out);
        }
        Ok(())
    }

    fn complain_of_clocks(&mut self, from: IpAddr, skew: i64, out: &mut Outbox) {
        let Some(settings) = &self.settings.hmac else { return };
        if self.complaints.insert("clock") {
            out.log(LogEvent::ClocksApart {
                instance: self.settings.name.clone(),
                from,
                skew_s: skew,
                window: settings.time_window,
            });
        }
    }

    /// The number for the next signature; `None` if we do not sign.
    pub(super) fn next_signature(&mut self, out: &Outbox) -> Option<u64> {
        let settings = self.settings.hmac.as_ref()?;
        match settings.mode {
            HmacMode::Enforce | HmacMode::Permissive => Some(
                self.security
                    .get_or_insert_default()
                    .next_signed(number_of(out.since_1970()), settings),
            ),
            HmacMode::ReceiveOnly => None,
        }
    }

    pub(super) fn sign(&self, source: IpAddr, sequence: u64, advertisement: &[u8]) -> Trailer {
        let settings = self.settings.hmac.as_ref();
        let id = settings.map_or(0, |settings| settings.active_key);
        let key = settings
            .and_then(|settings| settings.keys.get(&id))
            .map_or(&[][..], Secret::bytes);
        Trailer::sign(&self.signatory(source), id, key, sequence, advertisement)
    }

    const fn signatory(&self, source: IpAddr) -> Signatory {
        Signatory {
            source,
            version: self.settings.version,
            vrid: self.settings.vrid,
        }
    }
}

/// A moment as a trailer writes it, with the counter at 0. Seconds beyond 2106 begin anew.
fn number_of(since_1970: Duration) -> u64 {
    let fraction = (u64::from(since_1970.subsec_nanos()) << 16) / 1_000_000_000;
    (since_1970.as_secs() << 32) | (fraction << 16)
}

/// Numbers go round (RFC 1982): later is what lies less than half a round ahead.
const fn is_after(number: u64, other: u64) -> bool {
    number.wrapping_sub(other).cast_signed() > 0
}

/// By how many seconds the second number is later than the first.
fn seconds_from(first: u64, second: u64) -> i64 {
    let seconds = |number: u64| (number >> 32) as u32;
    i64::from(seconds(second).wrapping_sub(seconds(first)).cast_signed())
}

fn is_stale(number: u64, now: u64, settings: &HmacSettings) -> bool {
    seconds_from(number, now).saturating_abs() > window(settings)
}

fn window(settings: &HmacSettings) -> i64 {
    i64::try_from(settings.time_window.as_secs()).unwrap_or(i64::MAX)
}
