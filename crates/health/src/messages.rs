//! Every line that the machine logs, in the words that keepalived's users search their logs for.

mod check;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_ipvs::table::ServiceKey;

use crate::probe::{Failure, NotTried};

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
    /// The BFD session that a check follows came up or went down.
    SessionJudged {
        /// Name of the session
        session: String,
        /// The real server
        member: Member,
        /// Whether it is up
        up: bool,
    },
    /// The number in a file makes a check pass or fail.
    FileJudged {
        /// Name of the `track_file` block
        file: String,
        /// The number
        number: i64,
        /// The real server
        member: Member,
        /// Whether it passes
        up: bool,
    },
    /// An agent says something else of its server than until now.
    AgentSays {
        /// The real server
        member: Member,
        /// Its words
        said: String,
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
    /// A real server went down too often: it stays down for a while whatever its checks find.
    Held {
        /// The real server
        member: Member,
        /// How long
        length: Duration,
    },
    /// That while is over.
    HoldOver {
        /// The real server
        member: Member,
        /// Before its time, because the quorum would be lost without it
        for_quorum: bool,
    },
    /// A real server comes back with a part of its weight.
    SlowStart {
        /// The real server
        member: Member,
        /// Its weight now
        from: u32,
        /// Its weight at the end
        to: u32,
        /// How long it takes
        length: Duration,
    },
    /// The slow start of a real server is over.
    FullWeight {
        /// The real server
        member: Member,
        /// Its weight
        weight: u32,
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
    /// Checks are made too late: too many of them, or too little of the processor. Said now and then while it lasts.
    CannotKeepUp {
        /// Checks that were looked at
        checks: u64,
        /// Those that were late by half a second or more
        late: u64,
        /// The latest one
        most: Duration,
    },
    /// Checks are made in time again.
    KeepsUpAgain,
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
            Self::NotTried { .. } | Self::DuplicateService { .. } | Self::Held { .. } | Self::CannotKeepUp { .. } => {
                Level::Warning
            }
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
            Self::CheckSucceeded { keyword, member } => check::succeeded(f, keyword, member),
            Self::CheckFailed {
                keyword,
                member,
                retries,
                failure,
            } => check::failed(f, keyword, member, *retries, failure),
            Self::TryFailed {
                keyword,
                member,
                failure,
            } => check::try_failed(f, keyword, member, failure),
            Self::NotTried {
                keyword,
                member,
                reason,
                again_in,
            } => write!(
                f,
                "{} on service {member}: {reason}. Rescheduling, next in {:.1} s",
                check::name(keyword),
                again_in.as_secs_f64()
            ),
            Self::FileJudged {
                file,
                number,
                member,
                up,
            } => write!(
                f,
                "File check of [{file}] RS({}) is {} ({number})",
                member.server,
                if *up { "UP" } else { "DOWN" }
            ),
            Self::AgentSays { member, said } => write!(f, "Agent of service {member} says: {said}"),
            Self::SessionJudged { session, member, up } => write!(
                f,
                "BFD check of [{session}] RS({}) is {}",
                member.server,
                if *up { "UP" } else { "DOWN" }
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
            Self::Held { member, length } => write!(
                f,
                "Holding service {} of VS {} down for {:?}: it went down too often",
                member.server, member.virtual_server, length
            ),
            Self::HoldOver { member, for_quorum } => write!(
                f,
                "Service {} of VS {} is held down no longer{}",
                member.server,
                member.virtual_server,
                if *for_quorum { ": the quorum needs it" } else { "" }
            ),
            Self::SlowStart {
                member,
                from,
                to,
                length,
            } => write!(
                f,
                "Slow start of service {} of VS {}: weight {from}, and {to} after {length:?}",
                member.server, member.virtual_server
            ),
            Self::FullWeight { member, weight } => write!(
                f,
                "Slow start of service {} of VS {} is over: weight {weight}",
                member.server, member.virtual_server
            ),
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
            Self::CannotKeepUp { checks, late, most } => write!(
                f,
                "The checker cannot keep up: of the last {checks} checks {late} were made half a second too late or more, one of \
                 them {:.1} s",
                most.as_secs_f64()
            ),
            Self::KeepsUpAgain => f.write_str("The checker keeps up again: checks are made in time"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Phase, SmtpStep};

    fn member() -> Member {
        Member {
            server: "[198.51.100.1]:tcp:80".into(),
            virtual_server: "[192.0.2.1]:tcp:80".into(),
        }
    }

    /// The sentences as keepalived prints them, where no test of the machine does it.
    #[test]
    fn sentences_are_keepalived_s() {
        let member = member();
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
                Message::SorryServerDown { member, inhibit: true },
                "Disabling sorry server [198.51.100.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
            ),
        ] {
            assert_eq!(message.to_string(), text);
        }
    }

    #[test]
    fn sentences_about_checks_are_keepalived_s() {
        let passed = |keyword| Message::CheckSucceeded {
            keyword,
            member: member(),
        };
        let tried = |keyword, failure| Message::TryFailed {
            keyword,
            member: member(),
            failure,
        };
        let failed = |keyword, retries, failure| Message::CheckFailed {
            keyword,
            member: member(),
            retries,
            failure,
        };
        let greeting = Failure::SmtpReply {
            step: SmtpStep::Greeting,
            code: Some(554),
        };
        for (message, text) in [
            (passed("TCP_CHECK"), "TCP connection to RS success."),
            (passed("HTTP_GET"), "Remote Web server RS succeed on service."),
            (passed("SMTP_CHECK"), "Remote SMTP server RS succeed on service."),
            (passed("UDP_CHECK"), "UDP connection to RS success."),
            (passed("PING_CHECK"), "ICMP connection to RS success."),
            (
                tried("HTTP_GET", Failure::Status(500)),
                "HTTP status code error to server RS. (wrong status code 500)",
            ),
            (
                tried("TCP_CHECK", Failure::Timeout(Phase::Connecting)),
                "TCP connection to RS timeout. (timeout while connecting)",
            ),
            (
                tried("SMTP_CHECK", greeting),
                "SMTP_CHECK Bad greeting banner from server RS. (greeting with code 554)",
            ),
            (
                tried("DNS_CHECK", Failure::DnsError(2)),
                "DNS_CHECK (RS) read error occurred. (DNS error SERVFAIL (rcode 2))",
            ),
            (
                tried("UDP_CHECK", Failure::Refused),
                "UDP connection to RS failed. (connection refused)",
            ),
            (
                tried("UDP_CHECK", Failure::ReplyBytes { at: 3 }),
                "UDP check to RS reply data mismatch. (reply differs at byte 3)",
            ),
            (
                tried("PING_CHECK", Failure::Timeout(Phase::Reading)),
                "ICMP connection to address RS timeout. (timeout while reading the answer)",
            ),
            (
                failed("PING_CHECK", 2, Failure::Unreachable),
                "ICMP CHECK on service RS of VS failed after 2 retries. (unreachable)",
            ),
            (
                failed("HTTP_GET", 0, Failure::Status(500)),
                "HTTP_CHECK on service RS failed. (wrong status code 500)",
            ),
        ] {
            let names = [("RS", "[198.51.100.1]:tcp:80"), ("VS", "[192.0.2.1]:tcp:80")];
            let text = names
                .iter()
                .fold(text.to_owned(), |text, (short, name)| text.replace(short, name));
            assert_eq!(message.to_string(), text);
        }
    }
}
