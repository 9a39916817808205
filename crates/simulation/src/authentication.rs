//! Which adverts a node must refuse for how they are authenticated, worked out beside the machine.

use holdfast_vrrp::ReceivedPacket;

use crate::scenario::{Authentication, HmacMode, InstancePlan};
use crate::{MOST_NODES, Nanos, SECOND};

/// `time_window` of all files.
pub const WINDOW_S: u64 = 60;

/// Length of an IPv4 header without options, and of the authentication header (RFC 2402 with HMAC-MD5-96).
pub const IP_HEADER_LEN: usize = 20;
const HEADER_LEN: usize = 24;
/// Where the sequence number stands in it.
const SEQUENCE_AT: usize = 8;

/// Length of the trailer of `auth_hmac`, and where the number stands in it.
const TRAILER_LEN: usize = 28;
const NUMBER_AT: usize = 4;

/// The start of the wall clocks: some day, in seconds since 1970.
const SOME_DAY_S: u64 = 1_790_000_000;

/// What the wall clock of a node says; all are set by NTP, within a second.
pub const fn wall_clock(world: Nanos, node: usize) -> Nanos {
    SOME_DAY_S * SECOND + world + node as u64 * SECOND / 7
}

/// The VRRP packet in what was received.
pub fn vrrp_of(packet: &ReceivedPacket) -> &[u8] {
    if packet.authenticated_ip_header.is_some() {
        &packet.payload[HEADER_LEN..]
    } else {
        &packet.payload
    }
}

/// The VRRP packet in what is sent.
pub fn vrrp_in(bytes: &[u8], authenticated: bool) -> &[u8] {
    if authenticated {
        &bytes[IP_HEADER_LEN + HEADER_LEN..]
    } else {
        bytes
    }
}

/// Numbers that an instance remembers while its program runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    sequence: u32,
    /// Who used it last.
    sequence_of: Option<usize>,
    heard: [Option<u64>; MOST_NODES],
}

impl Memory {
    /// A packet with an authentication header is sent.
    pub fn sent(&mut self, bytes: &[u8], authenticated: bool) {
        if authenticated {
            (self.sequence, self.sequence_of) = (sequence_of(&bytes[IP_HEADER_LEN..]), None);
        }
    }

    /// Whether a packet passes; its number counts as used then.
    pub fn passes(&mut self, plan: &InstancePlan, packet: &ReceivedPacket, from: usize, wall: Nanos) -> bool {
        let vrrp = vrrp_of(packet);
        let has_header = packet.authenticated_ip_header.is_some();
        match plan.authentication {
            Authentication::Ah(_) => {
                let number = if has_header { sequence_of(&packet.payload) } else { 0 };
                let is_new = number > self.sequence || number == self.sequence && self.sequence_of != Some(from);
                if has_header && is_new {
                    (self.sequence, self.sequence_of) = (number, Some(from));
                }
                has_header && is_new
            }
            _ if has_header => false,
            Authentication::Hmac { mode, monotonic } => match number_of(vrrp, packet.source.is_ipv6()) {
                None => mode != HmacMode::Enforce,
                Some(number) => self.is_news(from, number, wall / SECOND, monotonic),
            },
            Authentication::None => vrrp[0] >> 4 == 3 || vrrp[4] == 0,
            Authentication::Pass(password) => {
                let mut ours = [0; 8];
                ours[..password.len()].copy_from_slice(password.as_bytes());
                vrrp[4] == 1 && vrrp.ends_with(&ours)
            }
        }
    }

    fn is_news(&mut self, from: usize, number: u64, now_s: u64, monotonic: bool) -> bool {
        let is_stale = |number: u64| !monotonic && (number >> 32).abs_diff(now_s) > WINDOW_S;
        if is_stale(number) {
            return false;
        }
        let last = self.heard[from].filter(|last| !is_stale(*last));
        self.heard[from] = last.max(Some(number));
        last.is_none_or(|last| number > last)
    }
}

fn sequence_of(header: &[u8]) -> u32 {
    let field = &header[SEQUENCE_AT..SEQUENCE_AT + 4];
    field.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// The number of a signed packet.
fn number_of(vrrp: &[u8], ipv6: bool) -> Option<u64> {
    let (address, rest) = if ipv6 {
        (16, 0)
    } else {
        (4, if vrrp[0] >> 4 == 2 { 8 } else { 0 })
    };
    let signed = 8 + address * usize::from(vrrp[3]) + rest;
    let trailer = vrrp.get(signed..).filter(|trailer| trailer.len() == TRAILER_LEN)?;
    let field = &trailer[NUMBER_AT..NUMBER_AT + 8];
    Some(field.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Whether a node takes what another one sends, as far as authentication goes and while the network is well.
pub fn fits(sender: Authentication, receiver: Authentication) -> bool {
    match (sender, receiver) {
        (Authentication::Hmac { mode: sender, .. }, Authentication::Hmac { mode: receiver, .. }) => {
            !matches!((sender, receiver), (HmacMode::ReceiveOnly, HmacMode::Enforce))
        }
        _ => sender == receiver,
    }
}
