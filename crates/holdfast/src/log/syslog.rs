//! Lines to the system's log daemon (RFC 3164 form over `/dev/log`), never waiting for it.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tracing::Level;

use crate::local_time;

const SOCKET: &str = "/dev/log";

/// A log daemon that is not there is looked for so often, not for every line of a takeover.
const RETRY: Duration = Duration::from_secs(1);

/// Syslog facility code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facility(u8);

impl Facility {
    /// keepalived's default.
    pub const DAEMON: Self = Self(3);

    /// Reads `-S`: 0 to 7, local0 to local7, user or daemon.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "user" => Some(Self(1)),
            "daemon" => Some(Self::DAEMON),
            _ => match text.strip_prefix("local").unwrap_or(text).parse::<u8>() {
                Ok(number @ 0..=7) => Some(Self(16 + number)),
                _ => None,
            },
        }
    }
}

pub(super) struct Syslog {
    ident: String,
    facility: Facility,
    socket: Option<UnixDatagram>,
    /// When there was none.
    absent_since: Option<Instant>,
}

impl Syslog {
    pub(super) fn new(ident: &str, facility: Facility) -> Self {
        Self {
            ident: ident.to_owned(),
            facility,
            socket: connect(),
            absent_since: None,
        }
    }

    /// Sends one line. Without a log daemon the line is lost, as it is for every other program.
    pub(super) fn send(&mut self, level: Level, text: &str) {
        if self.absent_since.is_some_and(|since| since.elapsed() < RETRY) {
            return;
        }
        let packet = self.packet(level, text);
        if self
            .socket
            .as_ref()
            .is_some_and(|socket| socket.send(packet.as_bytes()).is_ok())
        {
            return;
        }
        // The daemon may have been restarted: one new connection, one more try.
        self.socket = connect();
        self.absent_since = self.socket.is_none().then(Instant::now);
        if let Some(socket) = &self.socket {
            let _ = socket.send(packet.as_bytes());
        }
    }

    fn packet(&self, level: Level, text: &str) -> String {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        let priority = u32::from(self.facility.0) * 8 + severity;
        format!(
            "<{priority}>{} {}{}[{}]: {text}",
            local_time::now_for_syslog(),
            self.ident,
            super::suffix(),
            std::process::id()
        )
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(SOCKET).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_of_keepalived() {
        assert_eq!(Facility::parse("daemon"), Some(Facility(3)));
        assert_eq!(Facility::parse("7"), Some(Facility(23)));
        assert_eq!(Facility::parse("local0"), Some(Facility(16)));
        assert_eq!(Facility::parse("8"), None);
        assert_eq!(Facility::parse("mail"), None);
    }

    #[test]
    fn priority_is_facility_times_eight_plus_severity() {
        let syslog = Syslog {
            ident: "Keepalived_vrrp".into(),
            facility: Facility::DAEMON,
            socket: None,
            absent_since: None,
        };
        let packet = syslog.packet(Level::INFO, "(VI_1) Entering MASTER STATE");
        assert!(packet.starts_with("<30>"), "{packet}");
        assert!(
            packet.contains(&format!("Keepalived_vrrp[{}]: (VI_1) Entering", std::process::id())),
            "{packet}"
        );
    }
}
