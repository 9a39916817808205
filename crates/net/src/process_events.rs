//! Which processes are made, change and end: the kernel's process events connector (`linux/cn_proc.h`).
//!
//! The kernel serves it in the initial network namespace only, to those in the initial process and user namespaces only.
//! A socket belongs to the namespace in which it was opened.
#![deny(clippy::arithmetic_side_effects)]

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;

use crate::error::NetError;
use crate::netlink::{self, DONE, Message, RequestWriter};
use crate::readiness::Readiness;
use crate::socket_options;

const OBJECT: &str = "the process events socket";

/// `CN_IDX_PROC` and `CN_VAL_PROC`: whom a message is for; the first is also the number of the group.
const PROCESSES: (u32, u32) = (1, 1);
/// `PROC_CN_MCAST_LISTEN`
const LISTEN: u32 = 1;
/// `PROC_CN_MCAST_IGNORE`
const IGNORE: u32 = 2;

/// `struct cn_msg` up to its data, and `struct proc_event` up to what is special to an event.
const CONNECTOR_HEADER: usize = 20;
const EVENT_HEADER: usize = 16;

/// `PROC_EVENT_NONE`: an answer.
const ANSWER: u32 = 0;
/// `PROC_EVENT_FORK`
const FORK: u32 = 1;
/// `PROC_EVENT_EXEC`
const EXEC: u32 = 2;
/// `PROC_EVENT_COMM`
const COMM: u32 = 0x200;
/// `PROC_EVENT_EXIT`
const EXIT: u32 = 0x8000_0000;

/// Datagrams taken per wake-up, so that a storm of events does not keep others from their work.
const BATCH: usize = 256;
/// An event is a datagram of 76 bytes.
const BUFFER_BYTES: usize = 4096;

/// Something that happened to a process. Threads are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// A process made another one like itself.
    Forked {
        /// Who made it.
        parent: u32,
        /// The new one.
        child: u32,
    },
    /// A process runs another program.
    Executed {
        /// Its number.
        pid: u32,
    },
    /// A process took another name (`/proc/PID/comm`).
    Renamed {
        /// Its number.
        pid: u32,
        /// The name, at most 15 bytes.
        name: Vec<u8>,
    },
    /// A process ended.
    Exited {
        /// Its number.
        pid: u32,
    },
    /// The kernel had more events than the buffer holds and dropped some: look at all processes.
    Lost,
}

/// The socket that process events come from.
#[derive(Debug)]
pub struct ProcessEvents {
    socket: Readiness<NlSocket>,
    buffer: Box<[u8]>,
}

impl ProcessEvents {
    /// Opens the socket in the calling thread's network namespace. Nothing comes yet. Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        let socket =
            NlSocket::connect(NlFamily::Connector, None, Groups::empty()).map_err(NetError::system("open", OBJECT))?;
        socket.nonblock().map_err(NetError::system("set up", OBJECT))?;
        Ok(Self {
            socket: Readiness::new(socket, OBJECT)?,
            buffer: vec![0; BUFFER_BYTES].into(),
        })
    }

    /// Room for events that were not read yet; with `force` more than `net.core.rmem_max`.
    pub fn set_receive_buffer(&self, bytes: u32, force: bool) -> Result<(), NetError> {
        let name = if force { libc::SO_RCVBUFFORCE } else { libc::SO_RCVBUF };
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        socket_options::set_number(self.socket.get().as_raw_fd(), libc::SOL_SOCKET, name, bytes)
            .map_err(NetError::system("set the receive buffer of", OBJECT))
    }

    /// The room there is, in bytes as they are set.
    pub fn receive_buffer(&self) -> u32 {
        let doubled = socket_options::receive_buffer(self.socket.get().as_raw_fd()).unwrap_or(0);
        u32::try_from(doubled / 2).unwrap_or(u32::MAX)
    }

    /// Asks for events and waits at most `limit` for the kernel's answer: there is none when this is the wrong process
    /// namespace. What happens after this returns will be reported.
    pub async fn listen(&mut self, limit: Duration) -> Result<(), NetError> {
        let Self { socket, buffer } = self;
        socket
            .get()
            .add_mcast_membership(Groups::new_groups(&[PROCESSES.0]))
            .and_then(|()| send(socket.get(), LISTEN))
            .map_err(NetError::system("listen to", OBJECT))?;
        let answer = socket.read(|socket| answer(socket, buffer));
        let Ok(answer) = tokio::time::timeout(limit, answer).await else {
            self.ignore();
            return Err(NetError::TimeLimit {
                operation: "listen to",
                object: OBJECT.to_owned(),
                limit,
            });
        };
        answer.map_err(NetError::system("listen to", OBJECT))
    }

    /// Asks for no more events, and throws away what is there.
    pub fn ignore(&mut self) {
        let socket = self.socket.get();
        // Where nobody listens there is nothing to end.
        let _ = send(socket, IGNORE);
        let _ = socket.drop_mcast_membership(Groups::new_groups(&[PROCESSES.0]));
        while netlink::receive(socket, &mut self.buffer).is_ok() {}
    }

    /// Waits until something happens and returns it, oldest first, a bounded number. Empty if it was nothing of interest.
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Vec<ProcessEvent>, NetError> {
        let Self { socket, buffer } = self;
        socket
            .read(|socket| receive(socket, buffer))
            .await
            .map_err(NetError::system("read", OBJECT))
    }
}

/// Up to [`BATCH`] datagrams; `WouldBlock` only if there was none.
fn receive(socket: &NlSocket, buffer: &mut [u8]) -> io::Result<Vec<ProcessEvent>> {
    let mut events = Vec::new();
    for round in 0..BATCH {
        match netlink::receive(socket, buffer) {
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                events.extend(netlink::messages(bytes).filter_map(|message| decode(&message)));
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EMSGSIZE)) => {
                events.push(ProcessEvent::Lost);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && round > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

/// Reads until the kernel's answer.
fn answer(socket: &NlSocket, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        match netlink::receive(socket, buffer) {
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                if netlink::messages(bytes).any(|message| is_answer(&message)) {
                    return Ok(());
                }
            }
            // Whoever asks looks at all processes next.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(error) => return Err(error),
        }
    }
}

fn send(socket: &NlSocket, operation: u32) -> io::Result<()> {
    socket.send(request(operation).bytes(), Msg::empty()).map(drop)
}

/// `nlmsghdr`, `cn_msg` (whom, sequence, answer, length, flags), `proc_cn_mcast_op`.
fn request(operation: u32) -> RequestWriter {
    let mut writer = RequestWriter::default();
    writer.message(DONE, 0, 0, |body| {
        let mut message = Vec::with_capacity(CONNECTOR_HEADER);
        for word in [PROCESSES.0, PROCESSES.1, 0, 0] {
            message.extend(word.to_ne_bytes());
        }
        message.extend(4_u16.to_ne_bytes());
        message.extend(0_u16.to_ne_bytes());
        message.extend(operation.to_ne_bytes());
        body.fixed(&message);
    });
    writer
}

/// What happened, and what is said of it.
fn event<'a>(message: &Message<'a>) -> Option<(u32, &'a [u8])> {
    let (connector, event) = message.payload.split_first_chunk::<CONNECTOR_HEADER>()?;
    let (whom, rest) = connector.split_first_chunk::<4>()?;
    let for_us = (u32::from_ne_bytes(*whom), netlink::number(rest)?) == PROCESSES;
    let (header, details) = event.split_first_chunk::<EVENT_HEADER>()?;
    for_us.then_some((netlink::number(header)?, details))
}

fn is_answer(message: &Message<'_>) -> bool {
    event(message).is_some_and(|(what, _)| what == ANSWER)
}

fn decode(message: &Message<'_>) -> Option<ProcessEvent> {
    let (what, details) = event(message)?;
    let number = |place: usize| netlink::number(details.get(place..)?);
    // A thread has another number than its process.
    let process = |thread: usize, process: usize| {
        let (thread, process) = (number(thread)?, number(process)?);
        (thread == process).then_some(process)
    };
    Some(match what {
        FORK => ProcessEvent::Forked {
            parent: number(4)?,
            child: process(8, 12)?,
        },
        EXEC => ProcessEvent::Executed { pid: process(0, 4)? },
        COMM => ProcessEvent::Renamed {
            pid: process(0, 4)?,
            name: details.get(8..24)?.split(|byte| *byte == 0).next()?.to_vec(),
        },
        EXIT => ProcessEvent::Exited { pid: process(0, 4)? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
