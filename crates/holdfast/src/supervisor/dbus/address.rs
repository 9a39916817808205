//! Where the system bus is (`DBUS_SYSTEM_BUS_ADDRESS`, else where every system has it), and a socket to it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, bail};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect as connect_socket, socket};

/// Of the D-Bus specification.
const VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";
const USUAL: &str = "unix:path=/var/run/dbus/system_bus_socket";

/// What a socket can be connected to.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Path(Vec<u8>),
    Abstract(Vec<u8>),
}

/// A socket that is connected to the first of the addresses where somebody listens. Never waits.
pub fn connect() -> anyhow::Result<OwnedFd> {
    let addresses = std::env::var_os(VARIABLE).map_or_else(|| USUAL.as_bytes().to_vec(), |it| it.as_bytes().to_vec());
    let mut outcome = Err(anyhow::anyhow!("{VARIABLE} holds no address"));
    for address in addresses
        .split(|byte| *byte == b';')
        .filter(|address| !address.is_empty())
    {
        let shown = String::from_utf8_lossy(address);
        outcome = place_of(address)
            .and_then(|place| connect_to(&place))
            .with_context(|| shown.into_owned());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn connect_to(place: &Place) -> anyhow::Result<OwnedFd> {
    let address = match place {
        Place::Path(path) => UnixAddr::new(Path::new(std::ffi::OsStr::from_bytes(path)))?,
        Place::Abstract(name) => UnixAddr::new_abstract(name)?,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect_socket(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// `unix:path=/run/x,guid=…` or `unix:abstract=x`.
fn place_of(address: &[u8]) -> anyhow::Result<Place> {
    let pairs = address
        .strip_prefix(b"unix:")
        .context("not an address of the kind unix:path= or unix:abstract=")?;
    for pair in pairs.split(|byte| *byte == b',') {
        if let Some(path) = pair.strip_prefix(b"path=") {
            return Ok(Place::Path(unescape(path)?));
        }
        if let Some(name) = pair.strip_prefix(b"abstract=") {
            return Ok(Place::Abstract(unescape(name)?));
        }
    }
    bail!("neither path= nor abstract= in it")
}

/// `%2f` is a slash.
fn unescape(text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest
            .split_at_checked(2)
            .context("two hexadecimal digits belong behind %")?;
        let digits = std::str::from_utf8(digits)?;
        bytes.push(u8::from_str_radix(digits, 16).context("two hexadecimal digits belong behind %")?);
        rest = after;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_specification_says() {
        let place = |text: &str| place_of(text.as_bytes());
        assert_eq!(place("unix:path=/run/bus").unwrap(), Place::Path(b"/run/bus".to_vec()));
        assert_eq!(
            place("unix:guid=00,path=/run/%61%2cb").unwrap(),
            Place::Path(b"/run/a,b".to_vec())
        );
        assert_eq!(place("unix:abstract=bus").unwrap(), Place::Abstract(b"bus".to_vec()));
        for bad in ["tcp:host=x", "unix:tmpdir=/tmp", "unix:path=/%2", "unix:path=%zz", ""] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_waits_for_a_bus_that_listens_to_nobody() {
        let path = std::env::temp_dir().join(format!("holdfast-bus-{}", std::process::id()));
        let place = Place::Path(path.as_os_str().as_bytes().to_vec());
        assert!(connect_to(&place).is_err());
        let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        nix::sys::socket::bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(1).unwrap()).unwrap();
        // Its queue is full after a few.
        let mut held = Vec::new();
        while let Ok(socket) = connect_to(&place) {
            held.push(socket);
            assert!(held.len() < 1000);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
