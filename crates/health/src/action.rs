//! What the machine asks its driver to do, in the order in which it is to be done.

use std::time::Duration;

use holdfast_ipvs::table::{DestinationKey, Protocol, ServiceKey};
use serde::{Deserialize, Serialize};

use crate::event::{CheckerId, Generation};
use crate::messages::Message;
use crate::probe::Request;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run this probe and report its outcome with [`ProbeDone`](crate::Event::ProbeDone).
    StartProbe {
        /// The check, or an identity of its own for a probe that several checks share
        checker: CheckerId,
        /// The probe's number, to be given back
        generation: Generation,
        /// What to do
        request: Box<Request>,
        /// The most time that the whole probe may take
        deadline: Duration,
    },
    /// Nobody waits for the outcome of this check's probe any more; ending it is optional, its outcome is ignored.
    ForgetProbe(CheckerId),
    /// Bring this service of the kernel's table to what [`wanted_service`](crate::Health::wanted_service) says now, by
    /// difference; `None` there: remove it.
    ServiceChanged(ServiceKey),
    /// Run the scripts, write the FIFO line, send the mail.
    Notify(Notification),
    /// Log this.
    Log(Message),
}

/// A change that users can hang a script or a mail on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notification {
    /// `notify_up`, `notify_down` and the FIFO line `RS … VS … UP|DOWN`.
    RealServer {
        /// Name of the virtual server
        virtual_server: String,
        /// Name of the real server
        real_server: String,
        /// Identity of the real server within its virtual server
        key: DestinationKey,
        /// The new state
        up: bool,
        /// What brought it about
        cause: Cause,
        /// The virtual server after it
        pool: Pool,
    },
    /// A check passed or failed; follows what that meant for its real server. Only mails are made of it.
    Check {
        /// Name of the virtual server
        virtual_server: String,
        /// Name of the real server
        real_server: String,
        /// Keyword of the check; of a `BFD_CHECK` with the name of the session behind it
        keyword: String,
        /// It passed, or why it failed
        outcome: Result<(), String>,
        /// The real server changed its state by it
        real_server_changed: bool,
    },
    /// `quorum_up`, `quorum_down` and the FIFO line `VS … UP|DOWN`.
    Quorum {
        /// Name of the virtual server
        virtual_server: String,
        /// The new state
        up: bool,
        /// What brought it about
        cause: Cause,
        /// `quorum`
        quorum: u32,
        /// `hysteresis`
        hysteresis: u32,
        /// Sum of the weights of the real servers that are up
        weight: u64,
        /// The virtual server after it
        pool: Pool,
    },
}

impl Notification {
    /// Whether neither scripts nor FIFOs nor mails tell of it.
    pub const fn is_for_managers_only(&self) -> bool {
        matches!(
            self,
            Self::RealServer {
                cause: Cause::StoppingQuietly,
                ..
            } | Self::Quorum {
                cause: Cause::StoppingQuietly,
                ..
            }
        )
    }
}

/// What a virtual server is like at a moment, in short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Of its services; `None`: all of them are firewall marks
    pub protocol: Option<Protocol>,
    /// Its real servers
    pub real_servers: u32,
    /// Those that are up
    pub real_servers_up: u32,
}

/// What brought a change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A check passed or failed
    Check,
    /// The state at the start
    Start,
    /// Other settings
    Reload,
    /// It is not in the new settings
    Removed,
    /// The machine is coming to its end (`omega`)
    Stopping,
    /// The machine is coming to its end, without `omega`: only managers of networks hear of it
    /// ([`tell_managers_of_the_end`](crate::Settings::tell_managers_of_the_end))
    StoppingQuietly,
}
