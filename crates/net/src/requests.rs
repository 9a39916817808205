//! Questions to the kernel and changes of its tables, answered one by one.
#![deny(clippy::arithmetic_side_effects)]

use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use neli::consts::socket::Msg;
use neli::socket::NlSocket;
use tokio::time::timeout;

use crate::address::{self, InterfaceAddress};
use crate::changes::{Change, Entry};
use crate::error::NetError;
use crate::link::{self, Link};
use crate::netlink::{self, Message, RequestWriter, Verdict};
use crate::prefix::family_number;
use crate::readiness::Readiness;
use crate::receive_buffer::ReceiveBuffer;
use crate::routes::{self, Route};
use crate::rules::{self, Rule};
use crate::socket_options;
use crate::vrrp_socket::AddressFamily;

mod links;

const OBJECT: &str = "the netlink request socket";
/// For one dump or one write of changes. The kernel answers within the system call; this is for a kernel that is stuck.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Room for the answers of a batch: the kernel does not wait for us to read them.
const RECEIVE_BUFFER: ReceiveBuffer = ReceiveBuffer {
    bytes: 1024 * 1024,
    force: true,
};
/// What one answer takes of that room: some 50 bytes, but the kernel reckons with what it allocates.
const ANSWER_BYTES: usize = 2048;
/// Changes in one write; 512 addresses are some 45 KB.
const BATCH: usize = 512;
/// No more is begun in one write that is longer than this. The kernel takes as much as the send buffer holds, 200 KiB.
const BATCH_BYTES: usize = 64 * 1024;
/// A dump during which the table changed is repeated this many times at most.
const DUMP_ATTEMPTS: usize = 10;
/// `NETLINK_CAP_ACK`: an answer that refuses a request need not repeat it.
const NETLINK_CAP_ACK: libc::c_int = 10;

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// The kernel made the change.
    Changed,
    /// There was nothing to change: what was to be added was there, what was to be removed was not.
    AlreadySo,
}

/// One change of a batch: done, or why not.
pub type Outcome = Result<Applied, NetError>;

/// The request socket.
#[derive(Debug)]
pub struct Requests {
    socket: Readiness<NlSocket>,
    port: u32,
    /// Number of the last request. Answers to requests that were given up carry an older one and are passed over.
    sequence: u32,
    /// Changes in one write, so that all answers fit into the receive buffer.
    batch: usize,
    buffer: Box<[u8]>,
}

fn outcome<T: Entry>(change: Change, entry: &T, verdict: Verdict) -> Outcome {
    match verdict.errno {
        0 => Ok(Applied::Changed),
        errno if entry.is_already_so(change, errno) => Ok(Applied::AlreadySo),
        errno => Err(NetError::Refused {
            operation: T::operation(change),
            object: entry.to_string(),
            source: io::Error::from_raw_os_error(errno),
            reason: verdict.reason,
        }),
    }
}

impl Requests {
    /// Opens the socket in the network namespace of the calling thread. Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        let socket = netlink::open(OBJECT)?;
        let batch = set_up(&socket).map_err(NetError::system("set up", OBJECT))?;
        let port = socket.pid().map_err(NetError::system("set up", OBJECT))?;
        let socket = Readiness::new(socket, OBJECT)?;
        Ok(Self {
            socket,
            port,
            sequence: 0,
            batch,
            buffer: vec![0; netlink::BUFFER_BYTES].into(),
        })
    }

    /// Room for answers; `None`: 1 MiB. With less of it fewer changes go into one write. How much it got.
    pub fn set_receive_buffer(&mut self, wanted: Option<ReceiveBuffer>) -> Result<usize, NetError> {
        let buffer = wanted.unwrap_or(RECEIVE_BUFFER);
        let got = buffer
            .apply(self.socket.get().as_raw_fd())
            .map_err(NetError::system("set up", OBJECT))?;
        self.batch = batch_that_fits(got);
        Ok(got)
    }

    /// The netlink port of this socket, by which [`NetworkEvent`](crate::NetworkEvent)s of our own making can be told
    /// from others.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// All interfaces.
    pub async fn links(&mut self) -> Result<Vec<Link>, NetError> {
        self.dump("list", "links", link::GET, &link::dump_request(), link::decode)
            .await
    }

    /// All addresses of both families on all interfaces.
    pub async fn addresses(&mut self) -> Result<Vec<InterfaceAddress>, NetError> {
        self.dump(
            "list",
            "addresses",
            address::GET,
            &address::dump_request(),
            address::decode,
        )
        .await
    }

    /// Adds addresses in as few writes as possible; one outcome for each, in the same order. An address that is there
    /// already is left as it is.
    pub async fn add_addresses(&mut self, addresses: &[InterfaceAddress]) -> Vec<Outcome> {
        self.change(Change::Add, addresses).await
    }

    /// Removes addresses in as few writes as possible; one outcome for each, in the same order. Addresses on an
    /// interface that no longer exists are gone as well and count as [`Applied::AlreadySo`]; so do secondary IPv4
    /// addresses that the kernel removed together with the first one of their prefix, as it does without
    /// `promote_secondaries`.
    pub async fn remove_addresses(&mut self, addresses: &[InterfaceAddress]) -> Vec<Outcome> {
        self.change(Change::Remove, addresses).await
    }

    /// All routes of both families in all tables, without cache entries.
    pub async fn routes(&mut self) -> Result<Vec<Route>, NetError> {
        self.dump_families("routes", routes::GET, routes::decode).await
    }

    /// Adds routes in as few writes as possible; one outcome for each, in the same order. The same route is left as it
    /// is.
    pub async fn add_routes(&mut self, routes: &[Route]) -> Vec<Outcome> {
        self.change(Change::Add, routes).await
    }

    /// Removes routes in as few writes as possible; one outcome for each, in the same order. Only routes of the same
    /// protocol and with the same ways are removed.
    pub async fn remove_routes(&mut self, routes: &[Route]) -> Vec<Outcome> {
        self.change(Change::Remove, routes).await
    }

    /// All policy routing rules of both families.
    pub async fn rules(&mut self) -> Result<Vec<Rule>, NetError> {
        self.dump_families("rules", rules::GET, rules::decode).await
    }

    /// Adds rules in as few writes as possible; one outcome for each, in the same order. The same rule is never there
    /// twice.
    pub async fn add_rules(&mut self, rules: &[Rule]) -> Vec<Outcome> {
        self.change(Change::Add, rules).await
    }

    /// Removes rules in as few writes as possible; one outcome for each, in the same order.
    pub async fn remove_rules(&mut self, rules: &[Rule]) -> Vec<Outcome> {
        self.change(Change::Remove, rules).await
    }

    /// The kernel dumps routes and rules of one family at a time: a dump of all families has other entries as well.
    async fn dump_families<T>(
        &mut self,
        object: &'static str,
        kind: u16,
        decode: impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, NetError> {
        let mut entries = Vec::new();
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            // struct rtmsg and struct fib_rule_hdr have the same length, and begin with the family.
            let mut request = [0; 12];
            request[0] = family_number(family);
            match self.dump("list", object, kind, &request, &decode).await {
                // A kernel without IPv6 has nothing to list.
                Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => {}
                found => entries.extend(found?),
            }
        }
        Ok(entries)
    }

    async fn change<T: Entry>(&mut self, change: Change, entries: &[T]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(entries.len());
        while let Some(rest) = entries.get(outcomes.len()..).filter(|rest| !rest.is_empty()) {
            outcomes.extend(self.change_batch(change, rest).await);
        }
        outcomes
    }

    /// One write for as many as fit. The kernel goes through them in order and answers those that it refuses, told apart by
    /// their number, and the last one: what is not answered by then was done.
    async fn change_batch<T: Entry>(&mut self, change: Change, entries: &[T]) -> Vec<Outcome> {
        let first = self.sequence.wrapping_add(1);
        let (writer, mut outcomes) = self.write_changes(change, entries);
        let last = outcomes.iter().rposition(Option::is_none);
        let take = |sequence: u32, verdict| {
            let place = usize::try_from(sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
            match (outcomes.get_mut(place), entries.get(place)) {
                (Some(slot @ None), Some(entry)) => {
                    *slot = Some(outcome(change, entry, verdict));
                    Some(place) == last
                }
                _ => false,
            }
        };
        let answered = self.collect(&writer, usize::from(last.is_some()), take).await;
        let unanswered = |entry: &T| match &answered {
            Ok(()) => Ok(Applied::Changed),
            Err(failure) => Err(failure.copy().into_error(T::operation(change), &entry.to_string())),
        };
        outcomes
            .into_iter()
            .zip(entries)
            .map(|(outcome, entry)| outcome.unwrap_or_else(|| unanswered(entry)))
            .collect()
    }

    /// The requests, and the outcome of those that can not be requested. These use up their number too, so that an
    /// answer's number tells its place. At least one entry is written.
    fn write_changes<T: Entry>(&mut self, change: Change, entries: &[T]) -> (RequestWriter, Vec<Option<Outcome>>) {
        let mut writer = RequestWriter::default();
        let mut outcomes = Vec::with_capacity(entries.len().min(self.batch));
        let mut last = None;
        for entry in entries {
            self.sequence = self.sequence.wrapping_add(1);
            outcomes.push(match entry.check() {
                Ok(()) => {
                    let (kind, flags) = entry.kind_and_flags(change);
                    let flags = netlink::REQUEST | flags;
                    last = Some(writer.bytes().len());
                    writer.message(kind, flags, self.sequence, |body| entry.write(change, body));
                    None
                }
                Err(detail) => Some(Err(NetError::Unfit {
                    operation: T::operation(change),
                    object: entry.to_string(),
                    detail,
                })),
            });
            if outcomes.len() >= self.batch || writer.bytes().len() >= BATCH_BYTES {
                break;
            }
        }
        if let Some(last) = last {
            writer.ask_for_answer(last);
        }
        (writer, outcomes)
    }

    /// Writes the requests and hands their answers to `take` until it has taken `missing` of them.
    async fn collect(
        &mut self,
        writer: &RequestWriter,
        mut missing: usize,
        mut take: impl FnMut(u32, Verdict) -> bool,
    ) -> Result<(), Failure> {
        if missing == 0 {
            return Ok(());
        }
        self.write(writer)?;
        let Self { socket, buffer, .. } = self;
        within_time_limit(async {
            while missing > 0 {
                let length = socket.read(|socket| netlink::receive(socket, buffer)).await?;
                let answers = netlink::messages(buffer.get(..length).unwrap_or_default());
                for message in answers.filter(|message| message.kind == netlink::ERROR) {
                    if Verdict::read(&message).is_some_and(|verdict| take(message.sequence, verdict)) {
                        missing = missing.saturating_sub(1);
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Reads a whole table, again if it changed meanwhile.
    async fn dump<T>(
        &mut self,
        operation: &'static str,
        object: &'static str,
        kind: u16,
        request: &[u8],
        decode: impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, NetError> {
        for _ in 0..DUMP_ATTEMPTS {
            match self.dump_once(kind, request, &decode).await {
                Ok(Some(entries)) => return Ok(entries),
                Ok(None) => tracing::debug!(object, "table changed while it was read, reading again"),
                Err(failure) => return Err(failure.into_error(operation, object)),
            }
        }
        let detail = format!("the table changed {DUMP_ATTEMPTS} times while it was read");
        Err(NetError::Answer {
            operation,
            object: object.into(),
            detail,
        })
    }

    /// `None`: the table changed while it was read, the entries are not of one moment.
    async fn dump_once<T>(
        &mut self,
        kind: u16,
        request: &[u8],
        decode: &impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let mut writer = RequestWriter::default();
        let flags = netlink::REQUEST | netlink::DUMP;
        writer.message(kind, flags, sequence, |body| body.fixed(request));
        self.write(&writer)?;
        let Self { socket, buffer, .. } = self;
        within_time_limit(async {
            let mut entries = Vec::new();
            let mut interrupted = false;
            loop {
                let length = socket.read(|socket| netlink::receive(socket, buffer)).await?;
                let answers = netlink::messages(buffer.get(..length).unwrap_or_default());
                for message in answers.filter(|message| message.sequence == sequence) {
                    interrupted |= message.flags & netlink::DUMP_INTERRUPTED != 0;
                    if matches!(message.kind, netlink::DONE | netlink::ERROR) {
                        return match Verdict::read(&message) {
                            Some(Verdict { errno: 0, .. }) => Ok((!interrupted).then_some(entries)),
                            Some(verdict) => Err(Failure::Refused(verdict)),
                            None => Err(Failure::Malformed),
                        };
                    }
                    entries.extend(decode(&message));
                }
            }
        })
        .await
    }

    /// Sends requests. What a request that was given up has left unread is thrown away first; it also ends a dump
    /// that the kernel would otherwise hold open and refuse the next one for.
    fn write(&mut self, writer: &RequestWriter) -> Result<(), Failure> {
        let socket = self.socket.get();
        loop {
            match netlink::receive(socket, &mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An old error says nothing about what is asked now, and reading it has taken it away.
                Ok(_) | Err(_) => {}
            }
        }
        match socket.send(writer.bytes(), Msg::empty()) {
            Ok(length) if length == writer.bytes().len() => Ok(()),
            Ok(_) => Err(Failure::Malformed),
            Err(error) => Err(Failure::System(error)),
        }
    }
}

/// Sets the options and returns how many changes may be written at once.
fn set_up(socket: &NlSocket) -> io::Result<usize> {
    let descriptor = socket.as_raw_fd();
    socket.enable_ext_ack(true)?;
    socket.enable_strict_checking(true)?;
    socket_options::set_number(descriptor, libc::SOL_NETLINK, NETLINK_CAP_ACK, 1)?;
    RECEIVE_BUFFER.apply(descriptor).map(batch_that_fits)
}

/// The kernel reckons with twice the size that was asked for.
fn batch_that_fits(buffer_bytes: usize) -> usize {
    (buffer_bytes.saturating_mul(2) / ANSWER_BYTES).clamp(1, BATCH)
}

/// Why a request has no answer.
enum Failure {
    System(io::Error),
    Refused(Verdict),
    Malformed,
    TimeLimit,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Failure {
    /// The same once more: one failure is the outcome of every change that was not answered.
    fn copy(&self) -> Self {
        match self {
            Self::System(error) => Self::System(
                error
                    .raw_os_error()
                    .map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error),
            ),
            Self::Refused(verdict) => Self::Refused(verdict.clone()),
            Self::Malformed => Self::Malformed,
            Self::TimeLimit => Self::TimeLimit,
        }
    }

    fn into_error(self, operation: &'static str, object: &str) -> NetError {
        let object = object.to_owned();
        match self {
            Self::System(source) => NetError::System {
                operation,
                object,
                source,
            },
            Self::Refused(Verdict { errno, reason }) => NetError::Refused {
                operation,
                object,
                source: io::Error::from_raw_os_error(errno),
                reason,
            },
            Self::Malformed => NetError::Answer {
                operation,
                object,
                detail: "incomprehensible answer".into(),
            },
            Self::TimeLimit => NetError::TimeLimit {
                operation,
                object,
                limit: TIME_LIMIT,
            },
        }
    }
}

async fn within_time_limit<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(TIME_LIMIT, answer).await.unwrap_or(Err(Failure::TimeLimit))
}
