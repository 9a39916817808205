//! What a node wants done, in the order in which it is to be done.
//!
//! Becoming master: advertisement, addresses, routes, rules, announcements, then the reports. Leaving: a last
//! advertisement where one is due, removal of rules, routes and addresses, then the reports. At a shutdown all priority 0 advertisements of all instances come
//! before the first removal.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::messages::LogEvent;
use crate::settings::VirtualAddress;
use crate::status::{MasterReason, ProtocolError};

/// One complete instruction for the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send one advertisement.
    SendAdvertisement {
        /// Name of the instance.
        instance: String,
        /// Interface to send on.
        interface: String,
        /// Source address.
        source: IpAddr,
        /// The group, or the peers that get exactly these bytes (version 3 over IPv4 sums the destination, so each peer
        /// has an action of its own there).
        destinations: Vec<IpAddr>,
        /// TTL or hop limit.
        ttl: u8,
        /// What follows the IP header, checksum included; the whole packet with the IPv4 header if [`Self::SendAdvertisement::authenticated`].
        bytes: Vec<u8>,
        /// To be sent as it is, with its own IPv4 header: an authentication header (protocol 51) covers that.
        authenticated: bool,
    },
    /// Put addresses on an interface; one that is there already is fine.
    AddAddresses {
        /// Name of the instance.
        instance: String,
        /// Where to put them.
        interface: String,
        /// The addresses, in configured order; their own `interface` is empty.
        addresses: Vec<VirtualAddress>,
    },
    /// Take addresses away; one that is gone already is fine. Also sent at start, for what a killed daemon may have left.
    RemoveAddresses {
        /// Name of the instance.
        instance: String,
        /// Where they are.
        interface: String,
        /// The addresses.
        addresses: Vec<VirtualAddress>,
    },
    /// Put routes into the kernel's table; one that is there already is fine. One that cannot be put in is answered with
    /// [`Event::RoutingFailed`](crate::Event::RoutingFailed).
    AddRoutes {
        /// Name of the instance.
        instance: String,
        /// [`RoutingEntry::text`](crate::settings::RoutingEntry::text) of each, in configured order.
        routes: Vec<String>,
    },
    /// Take routes out; one that is gone already is fine. Also sent at start, for what a killed daemon may have left.
    RemoveRoutes {
        /// Name of the instance.
        instance: String,
        /// The routes.
        routes: Vec<String>,
    },
    /// Put policy routing rules in, as with routes.
    AddRules {
        /// Name of the instance.
        instance: String,
        /// The rules, in configured order.
        rules: Vec<String>,
    },
    /// Take rules out, as with routes.
    RemoveRules {
        /// Name of the instance.
        instance: String,
        /// The rules.
        rules: Vec<String>,
    },
    /// Tell the neighbours who holds the addresses: gratuitous ARP, unsolicited neighbour advertisement.
    Announce {
        /// Name of the instance.
        instance: String,
        /// Interface to announce on.
        interface: String,
        /// The addresses, either family.
        addresses: Vec<IpAddr>,
        /// Rounds over all addresses, at once. Later rounds are actions of their own.
        count: u32,
    },
    /// An instance changed its state.
    Transition {
        /// Name of the instance.
        instance: String,
        /// Its virtual router identifier.
        vrid: u8,
        /// State left.
        from: State,
        /// State entered.
        to: State,
        /// Why.
        reason: Reason,
        /// Effective priority.
        priority: u8,
    },
    /// A sync group changed its state; follows the transitions of its members.
    GroupTransition {
        /// Name of the group.
        group: String,
        /// State left.
        from: State,
        /// State entered.
        to: State,
        /// Why.
        reason: Reason,
    },
    /// Run the scripts, write the FIFO line and send the mail that are configured for this.
    Notify {
        /// Instance or group.
        subject: Subject,
        /// Its name.
        name: String,
        /// What to report.
        state: NotifyState,
        /// Effective priority; 0 for a group.
        priority: u8,
        /// With [`NotifyState::Master`] of an instance: what managers of networks are told besides.
        new_master: Option<NewMaster>,
    },
    /// A packet was dropped for a reason that managers of networks are told of
    /// ([`NodeSettings::rfc_traps`](crate::NodeSettings::rfc_traps)).
    Refused {
        /// Name of the instance.
        instance: String,
        /// Who sent it.
        from: IpAddr,
        /// Why.
        refusal: Refusal,
    },
    /// Write a line to the log.
    Log(LogEvent),
}

/// What RFC 2787 and RFC 6527 tell of a new master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewMaster {
    /// Address that its advertisements leave from.
    pub source: Option<IpAddr>,
    /// Why it became master.
    pub reason: MasterReason,
}

/// Why a packet was dropped, as far as RFC 2787 (`vrrpTrapAuthFailure`) and RFC 6527 (`vrrpv3NotifyProtoError`) tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// An unknown authentication type.
    InvalidAuthType,
    /// Another authentication type than ours.
    AuthTypeMismatch,
    /// Wrong password, or an authentication header that is wrong or was heard before.
    AuthFailure,
    /// What is wrong comes before authentication.
    Protocol(ProtocolError),
}

/// State of an instance or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Waiting for the first word about its interfaces, or for the startup delay.
    Init,
    /// Listening to a master.
    Backup,
    /// Holding the addresses.
    Master,
    /// Out of the election until the cause is gone.
    Fault,
    /// Removed by a reload.
    Deleted,
    /// Shut down.
    Stopped,
}

impl State {
    /// keepalived's number for it, as in its JSON and SNMP.
    pub const fn number(self) -> u8 {
        match self {
            Self::Init => 0,
            Self::Backup => 1,
            Self::Master => 2,
            Self::Fault => 3,
            Self::Deleted => 97,
            Self::Stopped => 98,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
            Self::Deleted => "DELETED",
            Self::Stopped => "STOP",
        })
    }
}

/// Whether a report is about an instance or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// `INSTANCE` in scripts and FIFOs.
    Instance,
    /// `GROUP` in scripts and FIFOs.
    Group,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "INSTANCE",
            Self::Group => "GROUP",
        })
    }
}

/// What scripts, FIFOs and mails report; prints as keepalived writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NotifyState {
    /// `notify_master`.
    Master,
    /// `notify_backup`.
    Backup,
    /// `notify_fault`.
    Fault,
    /// `notify_stop`.
    Stop,
    /// `notify_deleted`.
    Deleted,
    /// `notify_master_rx_lower_pri`: a master hears a worse one.
    MasterRxLowerPri,
    /// The effective priority of a master changed (`notify_priority_changes`).
    MasterPriority,
    /// The effective priority of a backup changed (`notify_priority_changes`).
    BackupPriority,
}

impl fmt::Display for NotifyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
            Self::Deleted => "DELETED",
            Self::MasterRxLowerPri => "MASTER_RX_LOWER_PRI",
            Self::MasterPriority => "MASTER_PRIORITY",
            Self::BackupPriority => "BACKUP_PRIORITY",
        })
    }
}

/// Why an instance cannot take part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// A needed interface is down or absent.
    InterfaceDown(String),
    /// An interface tracked with `reverse` is up.
    InterfaceUp(String),
    /// The interface has no address to send from.
    NoSourceAddress(String),
    /// The configured source is nowhere on this host, or with `track_src_ip` not on the interface.
    SourceAddressAbsent(IpAddr),
    /// There is nobody to send unicast to (`unicast_fault_no_peer`).
    NoUnicastPeer,
    /// A tracked script fails.
    ScriptDown(String),
    /// A script tracked with `reverse` succeeds.
    ScriptUp(String),
    /// A tracked process has no quorum.
    ProcessDown(String),
    /// A process tracked with `reverse` has its quorum.
    ProcessUp(String),
    /// The number in a tracked file says so.
    File(String),
    /// A tracked BFD session is not up.
    BfdDown(String),
    /// A BFD session tracked with `reverse` is up.
    BfdUp(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterfaceDown(interface) => write!(f, "interface {interface} down"),
            Self::InterfaceUp(interface) => write!(f, "interface {interface} up"),
            Self::NoSourceAddress(interface) => write!(f, "no source address on interface {interface}"),
            Self::SourceAddressAbsent(address) => write!(f, "source address {address} absent"),
            Self::NoUnicastPeer => write!(f, "no unicast peer"),
            Self::ScriptDown(script) => write!(f, "script {script} fails"),
            Self::ScriptUp(script) => write!(f, "script {script} succeeds"),
            Self::ProcessDown(process) => write!(f, "process {process} has no quorum"),
            Self::ProcessUp(process) => write!(f, "process {process} has its quorum"),
            Self::File(file) => write!(f, "tracked file {file}"),
            Self::BfdDown(session) => write!(f, "BFD session {session} down"),
            Self::BfdUp(session) => write!(f, "BFD session {session} up"),
        }
    }
}

/// Why a state was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// First state after the start.
    Started,
    /// The owner of the addresses does not wait.
    Owner,
    /// No advertisement for the master down time.
    MasterSilent,
    /// The master resigned with priority 0.
    MasterResigned,
    /// The master has a lower priority than ours.
    WorseMaster,
    /// A better priority was heard.
    HigherPriority {
        /// Who sent it.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// The same priority from a higher address was heard.
    HigherAddress {
        /// Who sent it.
        from: IpAddr,
    },
    /// Something needed is gone.
    Fault(Fault),
    /// All that is needed is back.
    FaultCleared,
    /// Another member of the sync group led the way.
    Group {
        /// Name of the group.
        group: String,
        /// What happened to the leading member.
        cause: Box<Reason>,
    },
    /// It could not advertise for so long that another router must have taken over (`timer_expired_backup`).
    Unheard,
    /// A reload changed the members of the sync group.
    Regrouped,
    /// A reload removed the instance.
    Removed,
    /// The program stops.
    Shutdown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Owner => f.write_str("owner of the addresses"),
            Self::MasterSilent => f.write_str("master silent"),
            Self::MasterResigned => f.write_str("master resigned"),
            Self::WorseMaster => f.write_str("the master has a lower priority"),
            Self::HigherPriority { from, priority } => write!(f, "{from} has higher priority {priority}"),
            Self::HigherAddress { from } => write!(f, "{from} has the same priority and a higher address"),
            Self::Fault(fault) => fault.fmt(f),
            Self::FaultCleared => f.write_str("fault cleared"),
            Self::Group { group, cause } => write!(f, "sync group {group}: {cause}"),
            Self::Unheard => f.write_str("own advertisements late, another router is master by now"),
            Self::Regrouped => f.write_str("members of the sync group changed"),
            Self::Removed => f.write_str("removed by a reload"),
            Self::Shutdown => f.write_str("shutdown"),
        }
    }
}
