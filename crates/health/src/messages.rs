//! Every line that the machine logs, in the words that keepalived's users search their logs for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_ipvs::table::ServiceKey;

use crate::probe::{Failure, NotTried, Phase};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A change of state
    Info,
    /// Odd, but working
    Warning,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A check starts to be made, or again after a suspension.
    Activating(Member),
    /// No address of the virtual server is here: its checks rest (`ha_suspend`).
    Suspending(Member),
    /// A check came to its first success or works again.
    CheckSucceeded {
        /// Keyword of the check
        keyword: &'static str,
        /// The real server
        member: Member,
    },
    /// A check failed for good.
    CheckFailed {
        /// Keyword of the check
        keyword: &'static str,
        /// The real server
        member: Member,
        /// How many more tries were made after the first failure
        retries: u32,
        /// The reason of the last one
        failure: Failure,
    },
    /// A single try failed (`log_all_failures`).
    TryFailed {
        /// Keyword of the check
        keyword: &'static str,
        /// The real server
        member: Member,
        /// The reason
        failure: Failure,
    },
    /// A check could not be made; said once until something else happens.
    NotTried {
        /// Keyword of the check
        keyword: &'static str,
        /// The real server
        member: Member,
        /// The reason
        reason: NotTried,
        /// When it is made again
        again_in: Duration,
    },
    /// A real server is up.
    RealServerUp {
        /// The real server
        member: Member,
        /// `inhibit_on_failure`
        inhibit: bool,
    },
    /// A real server is down.
    RealServerDown {
        /// The real server
        member: Member,
        /// `inhibit_on_failure`
        inhibit: bool,
    },
    /// The configuration names a real server no longer.
    RealServerGone(Member),
    /// A real server leaves the table with its virtual server, at a reload or at the end.
    RealServerRemoved {
        /// The real server
        member: Member,
        /// It was there with weight 0 only
        inhibited: bool,
        /// The machine is coming to its end
        stopping: bool,
    },
    /// The configuration names a virtual server no longer.
    VirtualServerGone(Arc<str>),
    /// Another configured weight.
    WeightChanged {
        /// The real server
        member: Member,
        /// Weight until now
        old: u32,
        /// Weight from now on
        new: u32,
        /// Whether the real server is up
        up: bool,
    },
    /// Enough live weight.
    QuorumGained(Quorum),
    /// Too little live weight.
    QuorumLost(Quorum),
    /// Too little live weight at the start, and a sorry server for it.
    QuorumDownAtStart(Quorum),
    /// The sorry server takes the clients.
    SorryServerUp {
        /// The sorry server
        member: Member,
        /// `sorry_server_inhibit`
        inhibit: bool,
    },
    /// The sorry server is not needed any more.
    SorryServerDown {
        /// The sorry server
        member: Member,
        /// `sorry_server_inhibit`
        inhibit: bool,
    },
    /// The live real servers take the clients again.
    PoolFilled(Arc<str>),
    /// The sorry server takes the clients of the live real servers.
    PoolEmptied(Arc<str>),
    /// Two virtual servers have the same service: the first one keeps it.
    DuplicateService {
        /// The service
        service: ServiceKey,
        /// Whose it is
        owner: Arc<str>,
        /// Who does not get it
        other: Arc<str>,
    },
    /// A restarted process goes on with what it found in the kernel.
    Adopted {
        /// The virtual server
        virtual_server: Arc<str>,
        /// Real servers that are taken as down until they are checked
        down: usize,
        /// All real servers
        of: usize,
    },
}

/// A real server or sorry server of a virtual server, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name of the server
    pub server: Arc<str>,
    /// Name of its virtual server
    pub virtual_server: Arc<str>,
}

/// Quorum with the numbers that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Name of the virtual server
    pub virtual_server: Arc<str>,
    /// `quorum`
    pub quorum: u32,
    /// `hysteresis`
    pub hysteresis: u32,
    /// Sum of the weights of live real servers
    pub weight: u64,
}

impl Message {
    /// How much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::NotTried { .. } | Self::DuplicateService { .. } => Level::Warning,
            _ => Level::Info,
        }
    }
}

impl Quorum {
    const fn upper(&self) -> u64 {
        self.quorum as u64 + self.hysteresis as u64
    }

    const fn lower(&self) -> u64 {
        (self.quorum as u64).saturating_sub(self.hysteresis as u64)
    }
}

/// `SERVICE for VS VIRTUAL-SERVER`
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for VS {}", self.server, self.virtual_server)
    }
}

impl fmt::Display for Message {
    #[allow(clippy::too_many_lines, reason = "one list of sentences")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activating(member) => write!(f, "Activating healthchecker for service {member}"),
            Self::Suspending(member) => write!(f, "Suspending healthchecker for service {member}"),
            Self::CheckSucceeded {
                keyword: "TCP_CHECK",
                member,
            } => {
                write!(f, "TCP connection to {} success.", member.server)
            }
            Self::CheckSucceeded {
                keyword: "HTTP_GET",
                member,
            } => {
                write!(f, "Remote Web server {} succeed on service.", member.server)
            }
            Self::CheckSucceeded { keyword, member } => write!(f, "{keyword} on service {} succeeded.", member.server),
            Self::CheckFailed {
                keyword,
                member,
                retries,
                failure,
            } => {
                write!(f, "{} on service {} failed", check_name(keyword), member.server)?;
                if *retries > 0 {
                    write!(f, " after {retries} retries")?;
                }
                write!(f, ". ({failure})")
            }
            Self::TryFailed {
                keyword: "TCP_CHECK",
                member,
                failure,
            } => {
                let word = if matches!(failure, Failure::Timeout(_)) {
                    "timeout"
                } else {
                    "failed"
                };
                write!(f, "TCP connection to {} {word}. ({failure})", member.server)
            }
            Self::TryFailed {
                keyword: _,
                member,
                failure,
            } => {
                write!(f, "{} server {}. ({failure})", http_words(failure), member.server)
            }
            Self::NotTried {
                keyword,
                member,
                reason,
                again_in,
            } => write!(
                f,
                "{} on service {member}: {reason}. Rescheduling, next in {:.1} s",
                check_name(keyword),
                again_in.as_secs_f64()
            ),
            Self::RealServerUp {
                member: Member { server, virtual_server },
                inhibit: false,
            } => {
                write!(f, "Adding service {server} to VS {virtual_server}")
            }
            Self::RealServerUp {
                member: Member { server, virtual_server },
                inhibit: true,
            } => {
                write!(f, "Enabling service {server} of VS {virtual_server}")
            }
            Self::RealServerDown {
                member: Member { server, virtual_server },
                inhibit: false,
            } => {
                write!(f, "Removing service {server} from VS {virtual_server}")
            }
            Self::RealServerDown {
                member: Member { server, virtual_server },
                inhibit: true,
            } => {
                write!(f, "Disabling service {server} of VS {virtual_server}")
            }
            Self::RealServerGone(member) => write!(f, "service {} no longer exist", member.server),
            Self::RealServerRemoved {
                member: Member { server, virtual_server },
                inhibited,
                stopping,
            } => write!(
                f,
                "{} {}service {server} from VS {virtual_server}",
                if *stopping { "Shutting down" } else { "Removing" },
                if *inhibited { "(inhibited) " } else { "" }
            ),
            Self::VirtualServerGone(name) => write!(f, "Removing Virtual Server {name}"),
            Self::WeightChanged {
                member: Member { server, virtual_server },
                old,
                new,
                up,
            } => write!(
                f,
                "Changing weight from {old} to {new} for {}active service {server} of VS {virtual_server}",
                if *up { "" } else { "in" }
            ),
            Self::QuorumGained(it) => write!(
                f,
                "Gained quorum {}+{}={} <= {} for VS {}",
                it.quorum,
                it.hysteresis,
                it.upper(),
                it.weight,
                it.virtual_server
            ),
            Self::QuorumLost(it) => write!(
                f,
                "Lost quorum {}-{}={} > {} for VS {}",
                it.quorum,
                it.hysteresis,
                it.lower(),
                it.weight,
                it.virtual_server
            ),
            Self::QuorumDownAtStart(it) => write!(
                f,
                "Starting with quorum down {}+{}={} > {} for VS {}",
                it.quorum,
                it.hysteresis,
                it.upper(),
                it.weight,
                it.virtual_server
            ),
            Self::SorryServerUp {
                member: Member { server, virtual_server },
                inhibit,
            } => write!(
                f,
                "{} sorry server {server} to VS {virtual_server}",
                if *inhibit { "Enabling" } else { "Adding" }
            ),
            Self::SorryServerDown {
                member: Member { server, virtual_server },
                inhibit,
            } => write!(
                f,
                "{} sorry server {server} from VS {virtual_server}",
                if *inhibit { "Disabling" } else { "Removing" }
            ),
            Self::PoolFilled(name) => write!(f, "Adding alive servers to the pool for VS {name}"),
            Self::PoolEmptied(name) => write!(f, "Removing alive servers from the pool for VS {name}"),
            Self::DuplicateService { service, owner, other } => write!(
                f,
                "service {service} of virtual server {other} is already a service of virtual server {owner} - ignored"
            ),
            Self::Adopted {
                virtual_server,
                down,
                of,
            } => write!(
                f,
                "Going on with VS {virtual_server} as found in the kernel: {down} of {of} real servers down until checked"
            ),
        }
    }
}

/// How keepalived begins the line about a failed try of an `HTTP_GET`.
const fn http_words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout(Phase::Connecting) => "Timeout connecting",
        Failure::Timeout(Phase::Sending) => "Timeout WEB write",
        Failure::Timeout(Phase::Reading) | Failure::Deadline(_) => "Timeout HTTP read",
        Failure::Refused
        | Failure::Unreachable
        | Failure::Reset(Phase::Connecting)
        | Failure::Connection {
            phase: Phase::Connecting,
            ..
        } => "Error connecting",
        Failure::Reset(Phase::Sending)
        | Failure::Connection {
            phase: Phase::Sending, ..
        } => "Cannot send get request to",
        Failure::Status(_) | Failure::NoStatusLine => "HTTP status code error to",
        Failure::Digest { .. } => "MD5 digest error to",
        Failure::NoAnswer | Failure::HeaderUnfinished => "Read, no data received from",
        Failure::Reset(Phase::Reading)
        | Failure::Connection {
            phase: Phase::Reading, ..
        }
        | Failure::HeaderTooLong(_)
        | Failure::BodyTooLong(_) => "Read error with",
    }
}

/// How a check is named when it fails: `HTTP_CHECK` for `HTTP_GET`.
const fn check_name(keyword: &'static str) -> &'static str {
    match keyword.as_bytes() {
        b"HTTP_GET" => "HTTP_CHECK",
        _ => keyword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences as keepalived prints them, where no test of the machine does it.
    #[test]
    fn sentences_are_keepalived_s() {
        let member = Member {
            server: "[198.51.100.1]:tcp:80".into(),
            virtual_server: "[192.0.2.1]:tcp:80".into(),
        };
        for (message, text) in [
            (
                Message::RealServerRemoved {
                    member: member.clone(),
                    inhibited: true,
                    stopping: false,
                },
                "Removing (inhibited) service [198.51.100.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
            ),
            (
                Message::SorryServerUp {
                    member: member.clone(),
                    inhibit: true,
                },
                "Enabling sorry server [198.51.100.1]:tcp:80 to VS [192.0.2.1]:tcp:80",
            ),
            (
                Message::SorryServerDown {
                    member: member.clone(),
                    inhibit: true,
                },
                "Disabling sorry server [198.51.100.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
            ),
            (
                Message::CheckSucceeded {
                    keyword: "TCP_CHECK",
                    member: member.clone(),
                },
                "TCP connection to [198.51.100.1]:tcp:80 success.",
            ),
            (
                Message::CheckSucceeded {
                    keyword: "HTTP_GET",
                    member: member.clone(),
                },
                "Remote Web server [198.51.100.1]:tcp:80 succeed on service.",
            ),
            (
                Message::TryFailed {
                    keyword: "HTTP_GET",
                    member: member.clone(),
                    failure: Failure::Status(500),
                },
                "HTTP status code error to server [198.51.100.1]:tcp:80. (wrong status code 500)",
            ),
            (
                Message::TryFailed {
                    keyword: "TCP_CHECK",
                    member: member.clone(),
                    failure: Failure::Timeout(Phase::Connecting),
                },
                "TCP connection to [198.51.100.1]:tcp:80 timeout. (timeout while connecting)",
            ),
            (
                Message::CheckFailed {
                    keyword: "HTTP_GET",
                    member,
                    retries: 0,
                    failure: Failure::Status(500),
                },
                "HTTP_CHECK on service [198.51.100.1]:tcp:80 failed. (wrong status code 500)",
            ),
        ] {
            assert_eq!(message.to_string(), text);
        }
    }
}
