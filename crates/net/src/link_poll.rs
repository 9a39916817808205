//! The state of a link, asked for: for drivers that do not tell the kernel when a cable is pulled.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use serde::{Deserialize, Serialize};

use crate::error::NetError;

/// `SIOCETHTOOL` of `linux/sockios.h`
const SIOCETHTOOL: libc::c_ulong = 0x8946;
/// `SIOCGMIIPHY`
const SIOCGMIIPHY: libc::c_ulong = 0x8947;
/// `SIOCGMIIREG`
const SIOCGMIIREG: libc::c_ulong = 0x8948;
/// `ETHTOOL_GLINK` of `linux/ethtool.h`
const ETHTOOL_GLINK: u32 = 10;
/// Registers of IEEE 802.3 clause 22: control and status.
const CONTROL: u16 = 0;
const STATUS: u16 = 1;
/// Link status in [`STATUS`]; it stays 0 after a loss until it was read once.
const LINK_STATUS: u16 = 1 << 2;

/// How the state of a link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LinkPollMethod {
    /// The registers of the transceiver.
    Mii,
    /// `ETHTOOL_GLINK`.
    Ethtool,
    /// The flags of the interface (`IFF_RUNNING`).
    Flags,
}

impl LinkPollMethod {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Mii, Self::Ethtool, Self::Flags];
}

impl fmt::Display for LinkPollMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mii => "MII",
            Self::Ethtool => "ETHTOOL",
            Self::Flags => "IOCTL",
        })
    }
}

/// Asks drivers about links. A driver may take milliseconds to ask its transceiver: not a thing for the thread of the
/// elections.
#[derive(Debug)]
pub struct LinkPoll {
    socket: OwnedFd,
}

impl LinkPoll {
    /// A socket to ask through, in the present network namespace.
    pub fn open() -> Result<Self, NetError> {
        let kind = (AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC);
        let socket = socket(kind.0, kind.1, kind.2, None)
            .map_err(io::Error::from)
            .map_err(NetError::system("open", "a socket to ask about links"))?;
        Ok(Self { socket })
    }

    /// Whether an interface has a link, asked in this way.
    pub fn has_link(&self, interface: &str, method: LinkPollMethod) -> Result<bool, NetError> {
        let answer = match method {
            LinkPollMethod::Mii => self.by_transceiver(interface),
            LinkPollMethod::Ethtool => self.by_ethtool(interface),
            LinkPollMethod::Flags => self.by_flags(interface),
        };
        answer.map_err(NetError::system(
            "ask for the link of",
            format!("{interface} by {method}"),
        ))
    }

    fn by_transceiver(&self, interface: &str) -> io::Result<bool> {
        let mut request = request(interface)?;
        self.ask(SIOCGMIIPHY, &mut request)?;
        let mut read = |register: u16| {
            request.data.mii.register = register;
            self.ask(SIOCGMIIREG, &mut request)?;
            // SAFETY: all members are plain numbers within the initialised union.
            Ok::<u16, io::Error>(unsafe { request.data.mii.value_out })
        };
        let (control, _, status) = (read(CONTROL)?, read(STATUS)?, read(STATUS)?);
        if control == u16::MAX || status == 0 || status == u16::MAX {
            // Nobody is at that address of the bus.
            return Err(io::Error::from_raw_os_error(libc::ENXIO));
        }
        Ok(status & LINK_STATUS != 0)
    }

    fn by_ethtool(&self, interface: &str) -> io::Result<bool> {
        let mut value = EthtoolValue {
            command: ETHTOOL_GLINK,
            data: 0,
        };
        let mut request = request(interface)?;
        request.data.pointer = std::ptr::from_mut(&mut value).cast();
        self.ask(SIOCETHTOOL, &mut request)?;
        Ok(value.data != 0)
    }

    fn by_flags(&self, interface: &str) -> io::Result<bool> {
        let mut request = request(interface)?;
        self.ask(libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: all members are plain numbers within the initialised union.
        let flags = unsafe { request.data.flags };
        Ok(libc::c_int::from(flags) & libc::IFF_RUNNING != 0)
    }

    fn ask(&self, question: libc::c_ulong, request: &mut Request) -> io::Result<()> {
        // SAFETY: `Request` has the layout and at least the size of `struct ifreq`; what it points to lives as long as the
        // call, and the kernel writes nothing beyond these.
        let outcome = unsafe { libc::ioctl(self.socket.as_raw_fd(), question, std::ptr::from_mut(request)) };
        if outcome < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}

/// `struct ethtool_value`
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `struct mii_ioctl_data`
#[repr(C)]
#[derive(Clone, Copy)]
struct MiiData {
    phy: u16,
    register: u16,
    value_in: u16,
    value_out: u16,
}

/// The second half of `struct ifreq`, 24 bytes on 64-bit systems.
#[repr(C)]
union Data {
    mii: MiiData,
    flags: libc::c_short,
    pointer: *mut libc::c_void,
    all: [u64; 3],
}

/// `struct ifreq`
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    data: Data,
}

fn request(interface: &str) -> io::Result<Request> {
    let name = CString::new(interface)?;
    let mut request = Request {
        name: [0; libc::IFNAMSIZ],
        data: Data { all: [0; 3] },
    };
    let bytes = name.as_bytes_with_nul();
    match request.name.get_mut(..bytes.len()) {
        Some(room) => room.copy_from_slice(bytes),
        None => return Err(io::Error::from_raw_os_error(libc::ENODEV)),
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_large_as_the_kernels() {
        assert_eq!(size_of::<Request>(), size_of::<libc::ifreq>());
    }

    #[test]
    fn what_is_not_there_is_an_error_with_its_name() {
        let poll = LinkPoll::open().unwrap();
        for method in LinkPollMethod::ALL {
            let error = poll.has_link("nosuch0", method).unwrap_err();
            let text = error.to_string();
            let begin = format!("cannot ask for the link of nosuch0 by {method}: ");
            assert!(text.starts_with(&begin), "{text}");
        }
        assert!(poll.has_link("a-name-that-is-too-long", LinkPollMethod::Flags).is_err());
    }
}
