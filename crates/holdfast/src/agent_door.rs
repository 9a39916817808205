//! The SNMP master agent's socket lies where only root may enter, and the SNMP process has no rights at all. So the supervisor
//! opens each connection, and hands it over: to the one agent that the configuration names, whatever the process asks.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram as StdDatagram, UnixStream as StdStream};
use std::path::Path;

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, connect, recvmsg,
    sendmsg, socket,
};
use tokio::io::Interest;
use tokio::net::{UnixDatagram, UnixStream};

use crate::bfd_news::duplicate;

/// Where the SNMP process finds its side.
const DOOR_FD: RawFd = 4;

/// More than any reason takes.
const REASON_BYTES: usize = 512;

/// The supervisor's side, and the other one for each new process.
#[derive(Debug)]
pub struct Door {
    ours: StdDatagram,
    theirs: StdDatagram,
}

/// The side of the SNMP process.
#[derive(Debug)]
pub struct DoorWay {
    line: UnixDatagram,
}

impl Door {
    /// A door for the daemon's life.
    pub fn new() -> anyhow::Result<Self> {
        let (ours, theirs) = StdDatagram::pair().context("cannot make a socket pair")?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Self { ours, theirs })
    }

    /// What a child has to find under which descriptor.
    pub fn end(&self) -> anyhow::Result<(OwnedFd, RawFd)> {
        Ok((duplicate(&self.theirs)?, DOOR_FD))
    }

    /// Connects, without waiting, and hands the connection over, or the reason why there is none.
    pub fn hand_over(&self, socket: &Path) {
        let sent = match open(socket) {
            Ok(connection) => {
                let descriptors = [connection.as_raw_fd()];
                self.send(&[], &[ControlMessage::ScmRights(&descriptors)])
            }
            Err(error) => {
                let mut reason = io::Error::from(error).to_string().into_bytes();
                reason.truncate(REASON_BYTES);
                self.send(&reason, &[])
            }
        };
        if let Err(error) = sent {
            tracing::error!("cannot hand a connection over to the SNMP process: {error}");
        }
    }

    fn send(&self, reason: &[u8], with: &[ControlMessage<'_>]) -> nix::Result<()> {
        let body = [IoSlice::new(reason)];
        sendmsg::<()>(self.ours.as_raw_fd(), &body, with, MsgFlags::MSG_DONTWAIT, None).map(drop)
    }
}

/// An agent that hangs, with a full queue, is an error like any other.
fn open(path: &Path) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let connection = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(connection.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(connection)
}

impl DoorWay {
    /// This process's side. Call within the runtime, once, before anything else is opened.
    #[expect(
        unsafe_code,
        reason = "a descriptor that was handed over at exec can only be claimed by its number"
    )]
    pub fn inherited() -> anyhow::Result<Self> {
        // SAFETY: the number is only asked about, during one call in which nobody closes it; if it is not open that is an error.
        nix::sys::stat::fstat(unsafe { std::os::fd::BorrowedFd::borrow_raw(DOOR_FD) })
            .context("no line to the supervisor's door: this role is started by the supervisor only")?;
        // SAFETY: the supervisor put the socket under this number before exec, and nobody else claims it.
        let line = StdDatagram::from(unsafe { OwnedFd::from_raw_fd(DOOR_FD) });
        Self::of(line)
    }

    fn of(line: StdDatagram) -> anyhow::Result<Self> {
        line.set_nonblocking(true)?;
        Ok(Self {
            line: UnixDatagram::from_std(line)?,
        })
    }

    /// Forgets what was handed over and not taken.
    pub fn clear(&self) {
        while !matches!(receive(&self.line), Err(Errno::EAGAIN)) {}
    }

    /// Waits for the connection that was asked for. Can be cancelled without loss.
    pub async fn connection(&self) -> io::Result<UnixStream> {
        let line = &self.line;
        let received = line.async_io(Interest::READABLE, || Ok(receive(line)?)).await?;
        let connection = received.map_err(io::Error::other)?;
        UnixStream::from_std(StdStream::from(connection))
    }
}

/// What was handed over: a connection, or a reason.
fn receive(line: &UnixDatagram) -> nix::Result<Result<OwnedFd, String>> {
    let mut reason = [0; REASON_BYTES];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut body = [IoSliceMut::new(&mut reason)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(line.as_raw_fd(), &mut body, Some(&mut space), flags)?;
    let length = message.bytes;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            descriptors.extend(numbers.into_iter().map(owned));
        }
    }
    Ok(descriptors.pop().ok_or_else(|| {
        let reason = reason.get(..length).unwrap_or_default();
        String::from_utf8_lossy(reason).into_owned()
    }))
}

#[expect(unsafe_code, reason = "nix hands received descriptors out as numbers")]
fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::socket::{Backlog, bind, listen};

    use super::*;

    #[test]
    fn connections_and_reasons_are_handed_over_in_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let path = std::env::temp_dir().join(format!("holdfast-agent-door-test-{}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            let door = Door::new().unwrap();
            let way = DoorWay::of(door.theirs.try_clone().unwrap()).unwrap();

            door.hand_over(&path);
            let error = way.connection().await.unwrap_err();
            assert!(error.to_string().contains("No such file"), "{error}");

            let agent = UnixListener::bind(&path).unwrap();
            door.hand_over(&path);
            let connection = way.connection().await.unwrap();
            let (mut accepted, _) = agent.accept().unwrap();
            io::Write::write_all(&mut accepted, b"agent").unwrap();
            connection.readable().await.unwrap();
            let mut read = [0; 9];
            assert_eq!(connection.try_read(&mut read).unwrap(), 5);

            // What nobody took is closed, not kept for the next one.
            door.hand_over(&path);
            let (mut forgotten, _) = agent.accept().unwrap();
            way.clear();
            assert_eq!(io::Read::read(&mut forgotten, &mut read).unwrap(), 0);

            std::fs::remove_file(&path).unwrap();
        });
    }

    #[test]
    fn an_agent_with_a_full_queue_holds_nobody_up() {
        let path = std::env::temp_dir().join(format!("holdfast-agent-queue-test-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let agent = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(agent.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&agent, Backlog::new(1).unwrap()).unwrap();
        let waiting: Vec<_> = (0..10).map_while(|_| open(&path).ok()).collect();
        let refused = open(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(waiting.len() < 10, "{}", waiting.len());
        assert_eq!(refused.unwrap_err(), Errno::EAGAIN);
    }
}
