//! What the processes say to each other: typed messages in length-prefixed frames (postcard) over a socket pair. Both ends
//! are the same file, so the form needs no versions, and can be one that ten thousand real servers fit into quickly.
//!
//! The configuration travels resolved, so that a child never reads a file and a restarted child gets what its predecessor had.

use std::collections::BTreeSet;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream as StdStream;

use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::dbus_role::{Request, States};
use crate::host_changes::HostChanges;
use crate::memory;
use crate::plan::buffers::{NetlinkBuffers, VrrpBuffers};
use holdfast_health::event::{CheckerId, Generation};
use holdfast_ipvs::table::ServiceKey;

use crate::plan::dbus::DbusPlan;
use crate::plan::ipvs::IpvsSettings;
use crate::plan::links::LinkPlan;
use crate::plan::routing::RoutingPlan;
use crate::plan::snmp::SnmpPlan;
use crate::process::ProcessSettings;
use crate::snapshot::{CheckerSnapshot, VrrpSnapshot};
use crate::status::{BfdStatus, CheckerStatus, SnmpStatus, VrrpChange, VrrpStatus};

/// A child finds its end of the socket pair under this descriptor.
pub const CHANNEL_FD: RawFd = 3;

/// Larger than any configuration that fits in memory sensibly; a bound against a corrupted length.
const FRAME_LIMIT: usize = 1 << 30;

/// From the supervisor to the VRRP process.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToVrrp {
    /// First configuration or a reload
    Configure {
        /// The election
        settings: Box<holdfast_vrrp::settings::NodeSettings>,
        /// The routes and rules that it speaks of, and what is static
        routing: Box<RoutingPlan>,
        /// Of its sockets
        buffers: Box<VrrpBuffers>,
        /// What is done with interfaces besides
        links: Box<LinkPlan>,
    },
    /// How the process runs, behind each configuration
    Process(ProcessSettings),
    /// What a predecessor that was killed changed on the host, behind the first configuration
    LeftBehind(HostChanges),
    /// A tracked script came up or went down; `None`: it has no result yet
    ScriptResult {
        /// Name of the `vrrp_script`
        script: String,
        /// Up, after rise and fall have been counted
        up: Option<bool>,
    },
    /// A tracked process gained or lost its quorum; `None`: that is not known yet
    ProcessResult {
        /// Name of the `vrrp_track_process` block
        process: String,
        /// There is a quorum
        up: Option<bool>,
    },
    /// The number in a tracked file
    FileValue {
        /// Name of the `track_file` block
        file: String,
        /// 0 for a file that is absent or holds none
        value: i64,
    },
    /// A manager changes an instance until the next reload
    Adjust {
        /// Name of the instance
        instance: String,
        /// What it changes
        adjustment: holdfast_vrrp::Adjustment,
    },
    /// Somebody wants to see everything: answered with [`FromVrrp::Snapshot`]
    Snapshot,
    /// Somebody wants a state file: answered with [`FromVrrp::ForFile`]
    ShowForFile {
        /// For the answer
        number: u64,
        /// The counters begin at zero with this
        clears_counters: bool,
    },
    /// Tell the neighbours once more where the addresses of an instance are
    Announce {
        /// Its name
        instance: String,
    },
    /// Give up all addresses and end
    Shutdown {
        /// Leave the addresses on the interfaces (`-V`)
        keep_addresses: bool,
    },
}

/// From the VRRP process to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromVrrp {
    /// A change of state, for scripts
    Notify(VrrpNotification),
    /// The state of every instance, at the start and after a reload
    Status(VrrpStatus),
    /// What has changed since, soon after a change
    Changed(VrrpChange),
    /// What is changed on the host now
    ChangedHost(HostNews),
    /// The state of everything, asked for with [`ToVrrp::Snapshot`]
    Snapshot(Box<VrrpSnapshot>),
    /// For managers of networks, beside [`Self::Notify`]; only if [`rfc_traps`](holdfast_vrrp::NodeSettings::rfc_traps)
    Trap(VrrpTrap),
    /// Everything at one moment, for a state file
    ForFile {
        /// Under which it was asked for
        number: u64,
        /// What there is to see
        snapshot: Box<VrrpSnapshot>,
    },
    /// A configuration and how the process runs have been taken in
    Configured,
    /// A timer was heard so late that the process should have a higher priority
    Late(Duration),
}

/// What the VRRP process has changed on the host.
#[derive(Debug, Serialize, Deserialize)]
pub struct HostNews {
    /// All settings of the kernel that are changed now; `None`: the same as before
    pub sysctls: Option<Vec<holdfast_net::ChangedSysctl>>,
    /// All interfaces that it has made, with the kernel's numbers of them; `None`: the same as before
    pub interfaces: Option<Vec<(String, u32)>>,
    /// The name of the tables of the packet filter, while there are any
    pub filter_table: Option<String>,
}

/// What RFC 2787 and RFC 6527 tell managers of networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpTrap {
    /// Name of the instance
    pub instance: String,
    /// The kernel's numbers of its interface and of the one below, which is mostly the same
    pub interface_index: u32,
    /// See there
    pub base_index: u32,
    /// What happened
    pub event: VrrpTrapEvent,
}

/// What happened to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VrrpTrapEvent {
    /// It became master
    NewMaster(holdfast_vrrp::NewMaster),
    /// A packet was refused
    Refused {
        /// Who sent it
        from: std::net::IpAddr,
        /// Why
        refusal: holdfast_vrrp::Refusal,
    },
}

/// A change of state of an instance or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpNotification {
    /// Whether it is a sync group
    pub is_group: bool,
    /// Name of the instance or group
    pub name: String,
    /// `MASTER`, `BACKUP`, `FAULT`, `STOP`, `MASTER_RX_LOWER_PRI`
    pub state: String,
    /// Effective priority; 0 for a group
    pub priority: u8,
}

/// From the supervisor to the checker process.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToChecker {
    /// First configuration or a reload
    Configure {
        /// What to check and to balance
        settings: Box<holdfast_health::settings::Settings>,
        /// What this node shows of itself to servers over TLS
        identity: Box<holdfast_checker::tls::Identity>,
        /// IPVS as a whole
        ipvs: Box<IpvsSettings>,
        /// Of its netlink sockets
        buffers: NetlinkBuffers,
        /// Whether the instance that the sync daemons follow is master
        sync_is_master: bool,
        /// Empty the whole table first, whoever made it (`lvs_flush`)
        flush: bool,
        /// Services that a daemon or a checker of ours made before this process was started
        made: BTreeSet<ServiceKey>,
    },
    /// How the process runs, behind each configuration
    Process(ProcessSettings),
    /// A command that was asked for has ended
    CommandEnded {
        /// The check that it was for
        checker: CheckerId,
        /// The number of its probe
        generation: Generation,
        /// How it ended
        end: CommandEnd,
    },
    /// The number in a tracked file
    FileValue {
        /// Name of the `track_file` block
        file: String,
        /// 0 for a file that is absent or holds none
        value: i64,
    },
    /// The instance that the sync daemons follow became master, or is not any more
    SyncInstance {
        /// Whether it is master
        is_master: bool,
    },
    /// A daemon that was killed left tables of nftables of this name, which mark packets for IPVS
    LeftBehind {
        /// Their name
        mark_table: String,
    },
    /// Somebody asks for a `FromChecker::Snapshot`
    Snapshot,
    /// Remove our services and end
    Shutdown {
        /// Leave the table in the kernel (`-I`)
        keep_table: bool,
    },
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandEnd {
    /// With this status
    Exited(i32),
    /// By a signal, or its file is no program: in words
    Failed(String),
    /// It took longer than its time
    TimedOut,
    /// The host could not start it, which says nothing about the command
    NotRun(String),
}

/// From the checker process to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromChecker {
    /// Run a command of the configuration for a check
    RunCommand {
        /// The check
        checker: CheckerId,
        /// The number of its probe
        generation: Generation,
        /// The command's name
        command: String,
        /// How long it may run
        timeout: std::time::Duration,
    },
    /// Nobody waits for the command of this check any more
    StopCommand(CheckerId),
    /// A change of state, for scripts, FIFOs and mail
    Notify(holdfast_health::action::Notification),
    /// The state of every service, soon after a change
    Status(CheckerStatus),
    /// All that there is to see, as it is now: the answer to `ToChecker::Snapshot`
    Snapshot(Box<CheckerSnapshot>),
    /// The services that are ours, when they are others than before
    Services(BTreeSet<ServiceKey>),
    /// A configuration and how the process runs have been taken in
    Configured,
    /// A timer was heard so late that the process should have a higher priority
    Late(Duration),
}

/// From the supervisor to the BFD process.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToBfd {
    /// First configuration or a reload
    Configure {
        /// The sessions
        settings: Box<holdfast_bfd::NodeSettings>,
        /// The process takes the place of one that ended: others rely on what that one said
        succeeds: bool,
    },
    /// How the process runs, behind each configuration
    Process(ProcessSettings),
    /// End
    Shutdown,
}

/// From the BFD process to the supervisor. What becomes of sessions goes to the others directly: `bfd_news`.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromBfd {
    /// The state of every session, soon after a change
    Status(BfdStatus),
    /// A configuration and how the process runs have been taken in
    Configured,
    /// A timer was heard so late that the process should have a higher priority
    Late(Duration),
}

/// A process that knows what managers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// The VRRP process
    Vrrp,
    /// The checker process
    Checker,
}

/// From the supervisor to the SNMP process.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToSnmp {
    /// First configuration or a reload; `None`: nothing is served any more
    Configure(Option<Box<SnmpPlan>>),
    /// How the process runs, behind each configuration
    Process(ProcessSettings),
    /// An answer to `FromSnmp::Ask`
    VrrpSnapshot(Box<VrrpSnapshot>),
    /// An answer to `FromSnmp::Ask`
    CheckerSnapshot(Box<CheckerSnapshot>),
    /// The process that was asked does not run
    Unavailable(Source),
    /// An instance or a group changed: there may be traps to send
    VrrpChanged(VrrpNotification),
    /// For the MIBs of RFC 2787 and RFC 6527
    VrrpTrap(VrrpTrap),
    /// A real server, a check or a quorum changed: there may be traps to send
    CheckerChanged(holdfast_health::action::Notification),
    /// Close the session and end
    Shutdown,
}

/// From the SNMP process to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromSnmp {
    /// Open the master agent's socket, and hand the connection over (`agent_door`)
    Connect,
    /// A manager asks: what does it look like there?
    Ask(Source),
    /// Whether the master agent is there, when that changes
    Status(SnmpStatus),
    /// A manager changes an instance
    Adjust {
        /// Its name
        instance: String,
        /// What it changes
        adjustment: holdfast_vrrp::Adjustment,
    },
    /// A configuration and how the process runs have been taken in
    Configured,
}

/// From the supervisor to the D-Bus process.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToDbus {
    /// The first message
    Start {
        /// The service
        plan: DbusPlan,
        /// All that are known
        states: States,
        /// Who connected the socket to the bus
        user: u32,
    },
    /// A configuration was read; the VRRP process takes it in
    Reload(DbusPlan),
    /// The VRRP process has taken it in
    Reloaded,
    /// An instance changed its state
    Change {
        /// Its name
        instance: String,
        /// keepalived's number
        state: u8,
    },
    /// What was asked for is done
    Done {
        /// The number under which it was asked for
        number: u64,
        /// Why it could not be done
        outcome: Result<(), String>,
    },
    /// Say that VRRP has stopped, and end
    Shutdown,
}

/// From the D-Bus process to the supervisor: somebody on the bus wants something.
#[derive(Debug, Serialize, Deserialize)]
pub struct FromDbus {
    /// For the answer; 0: nobody waits for one
    pub number: u64,
    /// What is wanted
    pub request: Request,
}

/// Messages of more bytes are those with everything in them, at the start and after a reload: what it took to make them
/// and to read them is not kept.
const LARGE: usize = 32 * 1024;

#[derive(Debug)]
enum Queued {
    Frame(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

/// The sending end. Sending never waits: frames queue for a task that writes them.
#[derive(Debug)]
pub struct Sender<T> {
    queue: mpsc::UnboundedSender<Queued>,
    _message: std::marker::PhantomData<fn(T)>,
}

/// The receiving end.
#[derive(Debug)]
pub struct Receiver<T> {
    stream: OwnedReadHalf,
    partial: Vec<u8>,
    _message: std::marker::PhantomData<fn() -> T>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            _message: std::marker::PhantomData,
        }
    }
}

impl<T: Serialize> Sender<T> {
    /// Queues a message.
    ///
    /// Fails when the other process is gone.
    pub fn send(&self, message: &T) -> anyhow::Result<()> {
        // The length is known when the rest is written: a large configuration is not copied for it.
        let mut frame = postcard::to_extend(message, vec![0; 4])?;
        let length = u32::try_from(frame.len().saturating_sub(4)).context("message too large")?;
        if let Some(prefix) = frame.first_chunk_mut() {
            *prefix = length.to_be_bytes();
        }
        self.queue
            .send(Queued::Frame(frame))
            .ok()
            .context("the other process is gone")
    }

    /// Waits until everything queued so far has been written, or the other process is gone.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Queued::Flush(done)).is_ok() {
            // An error means that the writer ended: nothing can be written any more.
            let _ = written.await;
        }
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message; `None` when the other process is gone. Can be cancelled without loss.
    pub async fn receive(&mut self) -> anyhow::Result<Option<T>> {
        loop {
            if let Some(message) = self.take_message()? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.partial).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn take_message(&mut self) -> anyhow::Result<Option<T>> {
        let Some((prefix, rest)) = self.partial.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*prefix))?;
        if length > FRAME_LIMIT {
            bail!("message of {length} bytes: the channel is corrupted");
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = postcard::from_bytes(body).context("message not understood")?;
        self.partial.drain(..4 + length);
        if length > LARGE {
            self.partial.shrink_to(LARGE);
        }
        Ok(Some(message))
    }
}

/// Both directions over one end of a socket pair. Call within a runtime.
pub fn channel<S: Serialize, R: DeserializeOwned>(stream: StdStream) -> anyhow::Result<(Sender<S>, Receiver<R>)> {
    stream.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    let (queue, frames) = mpsc::unbounded_channel();
    tokio::spawn(write_frames(write, frames));
    Ok((
        Sender {
            queue,
            _message: std::marker::PhantomData,
        },
        Receiver {
            stream: read,
            partial: Vec::new(),
            _message: std::marker::PhantomData,
        },
    ))
}

/// What waits is written together: a takeover of hundreds of instances is a few writes, and wakes the other side up as often.
async fn write_frames(mut stream: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Queued>) {
    while let Some(mut queued) = frames.recv().await {
        let mut bytes = Vec::new();
        let mut has_large = false;
        let flush = loop {
            match queued {
                Queued::Frame(frame) => {
                    has_large |= frame.len() > LARGE;
                    if bytes.is_empty() {
                        bytes = frame;
                    } else {
                        bytes.extend_from_slice(&frame);
                    }
                }
                Queued::Flush(done) => break Some(done),
            }
            if bytes.len() > LARGE {
                break None;
            }
            queued = match frames.try_recv() {
                Ok(more) => more,
                Err(_) => break None,
            };
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        drop(bytes);
        if has_large {
            memory::give_back();
        }
        if let Some(done) = flush {
            let _ = done.send(());
        }
    }
}

/// The end of the socket pair that the supervisor left for this child.
pub fn inherited_stream() -> anyhow::Result<StdStream> {
    Ok(StdStream::from(inherited(CHANNEL_FD)?))
}

/// What the supervisor left for this child under a number. Call once, before anything else is opened.
#[expect(
    unsafe_code,
    reason = "a descriptor that was handed over at exec can only be claimed by its number"
)]
pub fn inherited(number: RawFd) -> anyhow::Result<OwnedFd> {
    // SAFETY: the number is only asked about, during one call in which nobody closes it; if it is not open that is an error.
    nix::sys::stat::fstat(unsafe { std::os::fd::BorrowedFd::borrow_raw(number) })
        .context("no channel to the supervisor: this role is started by the supervisor only")?;
    // SAFETY: the supervisor put the socket under this number before exec, and nobody else claims it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn messages_arrive_in_order_and_whole_whatever_their_size() {
        runtime().block_on(async {
            let (ours, theirs) = StdStream::pair().unwrap();
            let (sender, _unused): (Sender<ToVrrp>, Receiver<FromVrrp>) = channel(ours).unwrap();
            let (_back, mut receiver): (Sender<FromVrrp>, Receiver<String>) = channel(theirs).unwrap();
            drop(sender);
            assert_eq!(receiver.receive().await.unwrap(), None);

            let (ours, theirs) = StdStream::pair().unwrap();
            let (sender, _unused): (Sender<String>, Receiver<String>) = channel(ours).unwrap();
            let (_back, mut receiver): (Sender<String>, Receiver<String>) = channel(theirs).unwrap();
            let large = "x".repeat(3_000_000);
            sender.send(&large).unwrap();
            sender.send(&"second".to_owned()).unwrap();
            assert_eq!(receiver.receive().await.unwrap(), Some(large));
            assert_eq!(receiver.receive().await.unwrap().as_deref(), Some("second"));
        });
    }

    fn ensure_same<T: Serialize + DeserializeOwned + std::fmt::Debug>(message: &T, of: &std::path::Path) {
        let back: T = postcard::from_bytes(&postcard::to_stdvec(message).unwrap()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{message:?}"), "{}", of.display());
    }

    #[test]
    fn every_configuration_arrives_as_it_was_sent() {
        let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf-examples");
        let files = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
            .collect();
        assert!(files.len() > 10, "{} examples", files.len());
        for file in files {
            let options = crate::supervisor::load_options(None);
            let config = holdfast_conf::load(&holdfast_conf::FileLoader, &file, &options).config;
            let (trackers, _) = crate::plan::trackers::TrackerTable::from_config(&config);
            let (commands, _) = crate::plan::commands::CommandTable::from_config(&config);
            let marks = crate::plan::marks::Marks::give(&config);
            let vrrp = crate::plan::vrrp::node_settings(&config, &trackers);
            let links = crate::plan::links::link_plan(&config, &vrrp).0;
            let buffers = crate::plan::buffers::vrrp_buffers(&config, &vrrp);
            let to_vrrp = ToVrrp::Configure {
                settings: Box::new(vrrp),
                routing: Box::new(crate::plan::routing::routing_plan(&config)),
                buffers: Box::new(buffers),
                links: Box::new(links),
            };
            ensure_same(&to_vrrp, &file);
            let to_checker = ToChecker::Configure {
                settings: Box::new(crate::plan::health::settings(&config, &commands, &marks)),
                identity: Box::default(),
                ipvs: Box::new(crate::plan::ipvs::settings(&config, std::path::Path::new("/"), &marks)),
                buffers: crate::plan::buffers::checker_buffers(&config),
                sync_is_master: true,
                flush: false,
                made: BTreeSet::new(),
            };
            ensure_same(&to_checker, &file);
            let to_bfd = ToBfd::Configure {
                settings: Box::new(crate::plan::bfd::node_settings(&config)),
                succeeds: false,
            };
            ensure_same(&to_bfd, &file);
            let everything = crate::plan::snmp::SnmpOptions {
                everything: true,
                agent: None,
            };
            let (snmp, _) = crate::plan::snmp::SnmpPlan::from_config(&config, &everything, None);
            assert!(snmp.is_some());
            ensure_same(&ToSnmp::Configure(snmp.map(Box::new)), &file);
        }
    }

    #[test]
    fn a_corrupted_length_is_an_error() {
        runtime().block_on(async {
            use std::io::Write as _;
            let (mut ours, theirs) = StdStream::pair().unwrap();
            let (_back, mut receiver): (Sender<String>, Receiver<String>) = channel(theirs).unwrap();
            ours.write_all(&[0xff; 8]).unwrap();
            assert!(receiver.receive().await.is_err());
        });
    }
}
