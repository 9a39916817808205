//! Where a master agent listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// RFC 2741 section 8.1.1: AgentX over TCP.
const PORT: u16 = 705;

/// Where net-snmp's agent listens if nobody says otherwise.
const USUAL: &str = "/var/agentx/master";

/// An address of a master agent: what AgentX has a transport for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentAddress {
    /// A socket in the file system
    Unix(PathBuf),
    /// TCP
    Tcp(SocketAddr),
}

/// A text that is no address of a master agent, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentAddressError(String);

impl Default for AgentAddress {
    fn default() -> Self {
        Self::Unix(PathBuf::from(USUAL))
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl fmt::Display for AgentAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AgentAddress {
    type Err = AgentAddressError;

    /// Reads net-snmp's words for it: `unix:PATH`, `tcp:ADDRESS:PORT`, `tcp6:[ADDRESS]:PORT`, and both without the word in front.
    fn from_str(text: &str) -> Result<Self, AgentAddressError> {
        if text.starts_with('/') {
            return Ok(Self::Unix(PathBuf::from(text)));
        }
        match text.split_once(':') {
            Some(("unix" | "local", path)) if Path::new(path).is_absolute() => Ok(Self::Unix(PathBuf::from(path))),
            Some(("unix" | "local", path)) => Err(AgentAddressError(format!("`{path}` is no absolute path"))),
            Some(("tcp" | "tcp6", address)) => tcp(address),
            Some(("udp" | "udp6" | "dtlsudp" | "ssh" | "tlstcp" | "ipx", _)) => Err(AgentAddressError(format!(
                "`{text}`: AgentX goes over unix:PATH and tcp:ADDRESS:PORT only"
            ))),
            _ => tcp(text),
        }
    }
}

fn tcp(text: &str) -> Result<AgentAddress, AgentAddressError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = if let Ok(address) = text.parse::<SocketAddr>() {
        address
    } else if let Ok(address) = bare.parse::<IpAddr>() {
        SocketAddr::new(address, PORT)
    } else if let Ok(port) = text.parse::<u16>() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
    } else if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
    } else {
        return Err(AgentAddressError(format!(
            "`{text}` is no address of a master agent: unix:PATH or tcp:ADDRESS:PORT, with a number for the address"
        )));
    };
    Ok(AgentAddress::Tcp(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agentx_has_a_transport_for_is_taken() {
        for (text, shown) in [
            ("unix:/var/agentx/master", "unix:/var/agentx/master"),
            ("/run/x", "unix:/run/x"),
            ("tcp:127.0.0.1:705", "tcp:127.0.0.1:705"),
            ("tcp:localhost:7705", "tcp:127.0.0.1:7705"),
            ("192.0.2.1:705", "tcp:192.0.2.1:705"),
            ("192.0.2.1", "tcp:192.0.2.1:705"),
            ("tcp6:[2001:db8::1]:1705", "tcp:[2001:db8::1]:1705"),
            ("tcp6:[2001:db8::1]", "tcp:[2001:db8::1]:705"),
            ("tcp:705", "tcp:127.0.0.1:705"),
        ] {
            let address: AgentAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
        }
        assert_eq!(AgentAddress::default().to_string(), "unix:/var/agentx/master");
    }

    #[test]
    fn what_it_has_none_for_is_refused_with_the_reason() {
        for (text, reason) in [
            ("udp:127.0.0.1:705", "AgentX goes over"),
            ("unix:master", "no absolute path"),
            ("tcp:agent.example.org:705", "with a number"),
            ("", "no address"),
            ("tcp:127.0.0.1:70500", "no address"),
        ] {
            let error = text.parse::<AgentAddress>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
