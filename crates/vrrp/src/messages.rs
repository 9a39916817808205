//! Every log message of the election. People's scripts search for these texts: keepalived's wording stays where it has one.

use std::fmt;
use std::net::IpAddr;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

use crate::action::Fault;
use crate::settings::RoutingKind;

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Course of events.
    Info,
    /// Odd, but it works.
    Warning,
}

/// One message. [`fmt::Display`] gives the text without time and process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of the texts in `Display`")]
pub enum LogEvent {
    EnteringMaster {
        instance: String,
    },
    EnteringBackup {
        instance: String,
        at_start: bool,
    },
    EnteringFault {
        instance: String,
    },
    FaultFound {
        instance: String,
        fault: Fault,
    },
    FaultGone {
        instance: String,
        fault: Fault,
    },
    AdvertisementTimeout {
        instance: String,
    },
    MasterSetTo {
        instance: String,
        address: IpAddr,
    },
    HigherPriority {
        instance: String,
        from: IpAddr,
        priority: u8,
        ours: u8,
    },
    HigherAddress {
        instance: String,
        from: IpAddr,
        priority: u8,
    },
    LowerPriority {
        instance: String,
        from: IpAddr,
        priority: u8,
        ours: u8,
    },
    ConflictOver {
        instance: String,
        from: IpAddr,
        lasted: Duration,
    },
    SameAddress {
        instance: String,
        from: IpAddr,
        priority: u8,
    },
    OwnerConflict {
        instance: String,
        from: IpAddr,
    },
    OwnerYields {
        instance: String,
        from: IpAddr,
    },
    BackupPriorityZero {
        instance: String,
    },
    MasterPriorityZero {
        instance: String,
        from: IpAddr,
    },
    SentPriorityZero {
        instance: String,
    },
    PriorityChanged {
        instance: String,
        from: u8,
        to: u8,
    },
    AddressRestored {
        instance: String,
        interface: String,
        address: IpAddr,
    },
    AddressLost {
        instance: String,
        interface: String,
        address: IpAddr,
        wait: Duration,
    },
    RoutingLost {
        instance: String,
        kind: RoutingKind,
        text: String,
        wait: Duration,
    },
    RoutingFailed {
        instance: String,
        kind: RoutingKind,
        text: String,
        problem: String,
        wait: Duration,
    },
    RoutingRestored {
        instance: String,
        kind: RoutingKind,
        text: String,
    },
    TimerLate {
        instance: String,
        late: Duration,
    },
    Rejected {
        instance: String,
        from: IpAddr,
        problem: String,
    },
    AddressListDiffers {
        instance: String,
        from: IpAddr,
        missing: Vec<IpAddr>,
        unexpected: Vec<IpAddr>,
    },
    IntervalDiffers {
        instance: String,
        from: IpAddr,
        theirs: Duration,
        ours: Duration,
    },
    ClocksApart {
        instance: String,
        from: IpAddr,
        skew_s: i64,
        window: Duration,
    },
    OldUnicastChecksum {
        instance: String,
        from: IpAddr,
    },
    UnknownVrid {
        vrid: u8,
        interface: String,
        from: IpAddr,
    },
    GroupEntering {
        group: String,
        state: crate::action::State,
    },
}

impl LogEvent {
    /// How important it is.
    pub fn level(&self) -> Level {
        match self {
            Self::EnteringMaster { .. }
            | Self::EnteringBackup { .. }
            | Self::FaultGone { .. }
            | Self::AdvertisementTimeout { .. }
            | Self::MasterSetTo { .. }
            | Self::ConflictOver { .. }
            | Self::BackupPriorityZero { .. }
            | Self::SentPriorityZero { .. }
            | Self::PriorityChanged { .. }
            | Self::AddressRestored { .. }
            | Self::RoutingRestored { .. }
            | Self::UnknownVrid { .. }
            | Self::GroupEntering { .. } => Level::Info,
            _ => Level::Warning,
        }
    }
}

impl fmt::Display for LogEvent {
    #[allow(clippy::too_many_lines, reason = "a table of texts")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnteringMaster { instance } => write!(f, "({instance}) Entering MASTER STATE"),
            Self::EnteringBackup {
                instance,
                at_start: false,
            } => write!(f, "({instance}) Entering BACKUP STATE"),
            Self::EnteringBackup {
                instance,
                at_start: true,
            } => write!(f, "({instance}) Entering BACKUP STATE (init)"),
            Self::EnteringFault { instance } => write!(f, "({instance}) Entering FAULT STATE"),
            Self::FaultFound { instance, fault } => write!(f, "({instance}) entering FAULT state ({fault})"),
            Self::FaultGone { instance, fault } => write!(f, "({instance}) no longer: {fault}"),
            Self::AdvertisementTimeout { instance } => write!(f, "({instance}) Receive advertisement timeout"),
            Self::MasterSetTo { instance, address } => write!(f, "({instance}) master set to {address}"),
            Self::HigherPriority {
                instance,
                from,
                priority,
                ours,
            } => {
                write!(
                    f,
                    "({instance}) Master received advert from {from} with higher priority {priority}, ours {ours}"
                )
            }
            Self::HigherAddress {
                instance,
                from,
                priority,
            } => write!(
                f,
                "({instance}) Master received advert from {from} with same priority {priority} but higher IP address than ours"
            ),
            Self::LowerPriority {
                instance,
                from,
                priority,
                ours,
            } => write!(
                f,
                "({instance}) Received advert from {from} with lower priority {priority}, ours {ours}, forcing new election"
            ),
            Self::ConflictOver { instance, from, lasted } => write!(
                f,
                "({instance}) second master {from} is silent again after {:.3} s, announcing our addresses once more",
                lasted.as_secs_f64()
            ),
            Self::SameAddress {
                instance,
                from,
                priority,
            } => write!(
                f,
                "({instance}) received advert with our priority {priority} from our own address {from}: is the address in use twice?"
            ),
            Self::OwnerConflict { instance, from } => {
                write!(
                    f,
                    "({instance}) CONFIGURATION ERROR: {from} is address owner (priority 255) as well"
                )
            }
            Self::OwnerYields { instance, from } => {
                write!(
                    f,
                    "({instance}) owner {from} does not give way: using priority 254 until it is gone"
                )
            }
            Self::BackupPriorityZero { instance } => {
                write!(f, "({instance}) Backup received priority 0 advertisement")
            }
            Self::MasterPriorityZero { instance, from } => {
                write!(f, "({instance}) Master received priority 0 advertisement from {from}")
            }
            Self::SentPriorityZero { instance } => write!(f, "({instance}) sent 0 priority"),
            Self::PriorityChanged { instance, from, to } => {
                write!(f, "({instance}) Changing effective priority from {from} to {to}")
            }
            Self::AddressRestored {
                instance,
                interface,
                address,
            } => {
                write!(f, "({instance}) put {address} back on {interface}")
            }
            Self::AddressLost {
                instance,
                interface,
                address,
                wait,
            } if wait.is_zero() => {
                write!(
                    f,
                    "({instance}) {address} was removed from {interface} by another program"
                )
            }
            Self::AddressLost {
                instance,
                interface,
                address,
                wait,
            } => write!(
                f,
                "({instance}) {address} was removed from {interface} by another program again, putting it back in {} s",
                wait.as_secs()
            ),
            Self::RoutingLost {
                instance,
                kind,
                text,
                wait,
            } if wait.is_zero() => write!(f, "({instance}) {kind} {text} was removed by another program"),
            Self::RoutingLost {
                instance,
                kind,
                text,
                wait,
            } => write!(
                f,
                "({instance}) {kind} {text} was removed by another program again, putting it back in {} s",
                wait.as_secs()
            ),
            Self::RoutingFailed {
                instance,
                kind,
                text,
                problem,
                wait,
            } => write!(
                f,
                "({instance}) {kind} {text} is missing: {problem}; trying again in {} s",
                wait.as_secs()
            ),
            Self::RoutingRestored { instance, kind, text } => write!(f, "({instance}) putting in again {kind} {text}"),
            Self::TimerLate { instance, late } => write!(
                f,
                "({instance}) A thread timer expired {}.{:06} seconds ago",
                late.as_secs(),
                late.subsec_micros()
            ),
            Self::Rejected {
                instance,
                from,
                problem,
            } => write!(f, "({instance}) rejected advert from {from}: {problem}"),
            Self::AddressListDiffers {
                instance,
                from,
                missing,
                unexpected,
            } => write!(
                f,
                "({instance}) advert from {from} lists other addresses than ours: missing {missing:?}, unexpected {unexpected:?}"
            ),
            Self::IntervalDiffers {
                instance,
                from,
                theirs,
                ours,
            } => write!(
                f,
                "({instance}) advert interval {} s of {from} differs from ours, {} s",
                theirs.as_secs_f64(),
                ours.as_secs_f64()
            ),
            Self::ClocksApart {
                instance,
                from,
                skew_s,
                window,
            } => write!(
                f,
                "({instance}) authentication clock skew {skew_s} sec from {from} approaching window {} sec",
                window.as_secs()
            ),
            Self::OldUnicastChecksum { instance, from } => {
                write!(
                    f,
                    "({instance}) {from} sums as keepalived before 1.3.6 did: setting old_unicast_checksum"
                )
            }
            Self::UnknownVrid { vrid, interface, from } => write!(
                f,
                "Unknown VRID({vrid}) received on interface({interface}) from {from}. ignoring..."
            ),
            Self::GroupEntering { group, state } => write!(f, "VRRP_Group({group}) Syncing instances to {state} state"),
        }
    }
}
