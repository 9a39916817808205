//! BFD control packets on the wire: RFC 5880 section 4.1, version 1.
#![deny(clippy::arithmetic_side_effects)]

#[cfg(test)]
mod tests;

use std::fmt;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::counters::NodeCounters;

/// Protocol version.
pub const VERSION: u8 = 1;

/// Length of a packet without authentication section.
pub const PACKET_LEN: usize = LENGTH as usize;

/// `PACKET_LEN` as the Length field has it.
const LENGTH: u8 = 24;

/// Shortest packet that announces an authentication section: its type and its length follow.
const SHORTEST_AUTHENTICATED_LEN: u8 = 26;

const POLL: u8 = 0b10_0000;
const FINAL: u8 = 0b01_0000;
const CONTROL_PLANE_INDEPENDENT: u8 = 0b00_1000;
const AUTHENTICATION_PRESENT: u8 = 0b00_0100;
const DEMAND: u8 = 0b00_0010;
const MULTIPOINT: u8 = 0b00_0001;

/// A control packet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       My Discriminator                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Your Discriminator                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Desired Min TX Interval (us)                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Required Min RX Interval (us)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              Required Min Echo RX Interval (us)               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the flags of the packet, one field each")]
pub struct ControlPacket {
    /// Why the sender last changed its state.
    pub diagnostic: Diagnostic,
    /// State of the sender.
    pub state: State,
    /// P: the sender wants an answer with F.
    pub poll: bool,
    /// F: the answer to a poll.
    pub is_final: bool,
    /// C: the sender's BFD goes on while its control plane restarts.
    pub control_plane_independent: bool,
    /// A: an authentication section follows, which is not read here and never written.
    pub authentication_present: bool,
    /// D: the sender wants no regular packets.
    pub demand: bool,
    /// So many packets lost in a row are a failure; never 0.
    pub multiplier: u8,
    /// The sender's name for the session; never 0.
    pub my_discriminator: u32,
    /// The receiver's name for the session; 0 while the sender does not know it.
    pub your_discriminator: u32,
    /// Shortest interval at which the sender would like to send; whole microseconds up to 2^32 - 1.
    pub desired_min_tx: Duration,
    /// Shortest interval at which the sender can receive; zero: it wants no regular packets.
    pub required_min_rx: Duration,
    /// Shortest interval between echo packets that the sender can take; zero: it does not send them back.
    pub required_min_echo_rx: Duration,
}

/// State of a session, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Taken out of service.
    AdminDown,
    /// The neighbor is not heard, or has not heard us.
    #[default]
    Down,
    /// The neighbor is heard; it is not known whether it hears us.
    Init,
    /// Both hear each other.
    Up,
}

impl State {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    const fn from_two_bits(number: u8) -> Self {
        match number & 0b11 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why a session last changed its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Diagnostic {
    /// Nothing to say.
    #[default]
    None,
    /// Nothing was heard for the detection time.
    ControlDetectionTimeExpired,
    /// The echo function failed.
    EchoFunctionFailed,
    /// The neighbor said that its side is down.
    NeighborSignaledSessionDown,
    /// The forwarding plane was reset.
    ForwardingPlaneReset,
    /// The path is known to be broken.
    PathDown,
    /// The path behind the neighbor is broken.
    ConcatenatedPathDown,
    /// Taken out of service.
    AdministrativelyDown,
    /// The path back from behind the neighbor is broken.
    ReverseConcatenatedPathDown,
    /// 9 to 31, reserved when this was written.
    Reserved(u8),
}

impl Diagnostic {
    /// The number on the wire, 31 at most.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::ControlDetectionTimeExpired => 1,
            Self::EchoFunctionFailed => 2,
            Self::NeighborSignaledSessionDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Reserved(number) => number & 0b1_1111,
        }
    }

    const fn from_five_bits(number: u8) -> Self {
        match number & 0b1_1111 {
            0 => Self::None,
            1 => Self::ControlDetectionTimeExpired,
            2 => Self::EchoFunctionFailed,
            3 => Self::NeighborSignaledSessionDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            number => Self::Reserved(number),
        }
    }
}

/// The names of RFC 5880 section 4.1.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("No Diagnostic"),
            Self::ControlDetectionTimeExpired => f.write_str("Control Detection Time Expired"),
            Self::EchoFunctionFailed => f.write_str("Echo Function Failed"),
            Self::NeighborSignaledSessionDown => f.write_str("Neighbor Signaled Session Down"),
            Self::ForwardingPlaneReset => f.write_str("Forwarding Plane Reset"),
            Self::PathDown => f.write_str("Path Down"),
            Self::ConcatenatedPathDown => f.write_str("Concatenated Path Down"),
            Self::AdministrativelyDown => f.write_str("Administratively Down"),
            Self::ReverseConcatenatedPathDown => f.write_str("Reverse Concatenated Path Down"),
            Self::Reserved(number) => write!(f, "diagnostic {number}"),
        }
    }
}

/// Why a packet is refused before its session is looked for: the checks of RFC 5880 section 6.8.6, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Fewer bytes than any control packet has.
    #[error("{actual} bytes are no BFD packet")]
    TooShort {
        /// Bytes there are.
        actual: usize,
    },
    /// Another version than 1.
    #[error("BFD version {version} is unknown")]
    Version {
        /// Version found.
        version: u8,
    },
    /// The Length field is below 24, or 26 with authentication.
    #[error("length {length} is below the minimum")]
    LengthTooSmall {
        /// Length found.
        length: u8,
    },
    /// The Length field goes beyond the end.
    #[error("length {length} goes beyond the {actual} bytes there are")]
    LengthTooGreat {
        /// Length found.
        length: u8,
        /// Bytes there are.
        actual: usize,
    },
    /// The detection multiplier is 0.
    #[error("detection multiplier 0")]
    ZeroMultiplier,
    /// The Multipoint bit is set.
    #[error("multipoint packet")]
    Multipoint,
    /// The sender's discriminator is 0.
    #[error("the sender has no discriminator")]
    ZeroMyDiscriminator,
    /// A state that the sender cannot be in without having heard us.
    #[error("state {state} without our discriminator")]
    ZeroYourDiscriminator {
        /// State found.
        state: State,
    },
}

impl DecodeError {
    /// The counter it belongs to.
    pub const fn counter<'a>(&self, counters: &'a mut NodeCounters) -> &'a mut u64 {
        match self {
            Self::TooShort { .. } | Self::LengthTooSmall { .. } | Self::LengthTooGreat { .. } => {
                &mut counters.length_err
            }
            Self::Version { .. } => &mut counters.version_err,
            Self::ZeroMultiplier => &mut counters.multiplier_err,
            Self::Multipoint => &mut counters.multipoint_err,
            Self::ZeroMyDiscriminator => &mut counters.my_discriminator_err,
            Self::ZeroYourDiscriminator { .. } => &mut counters.your_discriminator_err,
        }
    }
}

impl ControlPacket {
    /// Reads what follows the UDP header. Bytes beyond the Length field are ignored, as RFC 5880 allows, and so is what an
    /// authentication section contains.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let actual = bytes.len();
        let header: &[u8; PACKET_LEN] = bytes.first_chunk().ok_or(DecodeError::TooShort { actual })?;
        let ([version_and_diagnostic, state_and_flags, multiplier, length], words) = header
            .split_first_chunk::<4>()
            .ok_or(DecodeError::TooShort { actual })?;
        let has = |flag: u8| state_and_flags & flag != 0;
        let (length, multiplier) = (*length, *multiplier);

        let version = version_and_diagnostic >> 5;
        if version != VERSION {
            return Err(DecodeError::Version { version });
        }
        let least = if has(AUTHENTICATION_PRESENT) {
            SHORTEST_AUTHENTICATED_LEN
        } else {
            LENGTH
        };
        if length < least {
            return Err(DecodeError::LengthTooSmall { length });
        }
        if usize::from(length) > actual {
            return Err(DecodeError::LengthTooGreat { length, actual });
        }
        if multiplier == 0 {
            return Err(DecodeError::ZeroMultiplier);
        }
        if has(MULTIPOINT) {
            return Err(DecodeError::Multipoint);
        }
        let mut words = words.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        let mut next_word = || words.next().ok_or(DecodeError::TooShort { actual });
        let packet = Self {
            diagnostic: Diagnostic::from_five_bits(*version_and_diagnostic),
            state: State::from_two_bits(state_and_flags >> 6),
            poll: has(POLL),
            is_final: has(FINAL),
            control_plane_independent: has(CONTROL_PLANE_INDEPENDENT),
            authentication_present: has(AUTHENTICATION_PRESENT),
            demand: has(DEMAND),
            multiplier,
            my_discriminator: next_word()?,
            your_discriminator: next_word()?,
            desired_min_tx: read_interval(next_word()?),
            required_min_rx: read_interval(next_word()?),
            required_min_echo_rx: read_interval(next_word()?),
        };
        if packet.my_discriminator == 0 {
            return Err(DecodeError::ZeroMyDiscriminator);
        }
        if packet.your_discriminator == 0 && packet.state > State::Down {
            return Err(DecodeError::ZeroYourDiscriminator { state: packet.state });
        }
        Ok(packet)
    }

    /// The bytes that follow the UDP header, without authentication section whatever `authentication_present` says.
    /// Intervals are cut to whole microseconds and to what 32 bits hold.
    pub fn encode(&self) -> [u8; PACKET_LEN] {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let state_and_flags = (self.state.number() << 6)
            | flag(self.poll, POLL)
            | flag(self.is_final, FINAL)
            | flag(self.control_plane_independent, CONTROL_PLANE_INDEPENDENT)
            | flag(self.demand, DEMAND);
        let head = [
            (VERSION << 5) | self.diagnostic.number(),
            state_and_flags,
            self.multiplier,
            LENGTH,
        ];
        let words = [
            u32::from_be_bytes(head),
            self.my_discriminator,
            self.your_discriminator,
            write_interval(self.desired_min_tx),
            write_interval(self.required_min_rx),
            write_interval(self.required_min_echo_rx),
        ];
        let mut bytes = [0; PACKET_LEN];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        bytes
    }
}

fn read_interval(microseconds: u32) -> Duration {
    Duration::from_micros(u64::from(microseconds))
}

fn write_interval(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}
