//! The socket that takes batches.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use tokio::time::timeout;

use super::Batch;
use crate::error::NetError;
use crate::netlink::{self, Verdict};
use crate::readiness::Readiness;
use crate::socket_options;

const OBJECT: &str = "the nftables socket";
/// The kernel answers within the system call; this is for a kernel that is stuck.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Room for a batch of some hundred thousand elements, and for the answers to it.
const BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// Takes batches of changes, one after the other.
#[derive(Debug)]
pub struct Nftables {
    socket: Readiness<NlSocket>,
    buffer: Box<[u8]>,
}

impl Nftables {
    /// Opens the socket in the network namespace of the calling thread. Must be called within a runtime. Needs
    /// `CAP_NET_ADMIN` when it is used.
    pub fn open() -> Result<Self, NetError> {
        let socket = netlink::open_family(NlFamily::Netfilter, OBJECT)?;
        let descriptor = socket.as_raw_fd();
        socket
            .enable_ext_ack(true)
            .and_then(|()| socket_options::set_send_buffer(descriptor, BUFFER_BYTES))
            .and_then(|()| socket_options::set_receive_buffer(descriptor, BUFFER_BYTES))
            .map_err(NetError::system("set up", OBJECT))?;
        Ok(Self {
            socket: Readiness::new(socket, OBJECT)?,
            buffer: vec![0; netlink::BUFFER_BYTES].into(),
        })
    }

    /// The netlink port by which the kernel names us in [`super::TableEvent`].
    pub fn port(&self) -> u32 {
        self.socket.get().pid().unwrap_or(0)
    }

    /// Makes all changes of the batch, or none of them. `what` says in errors what the batch is for: "the packet filter".
    pub async fn apply(&mut self, what: &str, batch: Batch) -> Result<(), NetError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (writer, count) = batch.finish();
        let socket = self.socket.get();
        // An earlier batch that was given up may have left answers; reading takes old errors away.
        while !matches!(netlink::receive(socket, &mut self.buffer), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        {
        }
        let failed = |source| NetError::System {
            operation: "change",
            object: what.to_owned(),
            source,
        };
        let sent = socket.send(writer.bytes(), Msg::empty()).map_err(failed)?;
        if sent != writer.bytes().len() {
            return Err(failed(io::Error::from_raw_os_error(libc::EMSGSIZE)));
        }
        match timeout(TIME_LIMIT, self.answers(count)).await {
            Err(_) => Err(NetError::TimeLimit {
                operation: "change",
                object: what.to_owned(),
                limit: TIME_LIMIT,
            }),
            Ok(Err(error)) => Err(failed(error)),
            Ok(Ok(Some(verdict))) => Err(NetError::Refused {
                operation: "change",
                object: what.to_owned(),
                source: io::Error::from_raw_os_error(verdict.errno),
                reason: verdict.reason,
            }),
            Ok(Ok(None)) => Ok(()),
        }
    }

    /// Reads all answers; the first refusal, if there is one. A refusal of the batch as a whole has the number 0.
    async fn answers(&mut self, count: u32) -> io::Result<Option<Verdict>> {
        let Self { socket, buffer } = self;
        let mut refusal = None;
        let mut answered = 0_u32;
        while answered < count {
            let length = socket.read(|socket| netlink::receive(socket, buffer)).await?;
            let answers = netlink::messages(buffer.get(..length).unwrap_or_default());
            for message in answers.filter(|message| message.kind == netlink::ERROR) {
                let verdict = Verdict::read(&message).unwrap_or(Verdict {
                    errno: libc::EBADMSG,
                    reason: None,
                });
                let is_of_all = message.sequence == 0;
                if verdict.errno != 0 && refusal.is_none() {
                    refusal = Some(verdict);
                }
                if is_of_all {
                    return Ok(refusal);
                }
                answered = answered.saturating_add(1);
            }
        }
        Ok(refusal)
    }
}
