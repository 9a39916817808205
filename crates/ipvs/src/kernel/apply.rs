//! Changes to requests, many to a write, and the kernel's verdicts back to the changes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;

use nix::errno::Errno;

use super::socket::Channel;
use super::{Applied, Failure, Kernel, LIMIT, NO_CAPABILITY, is_silence};
use crate::error::Error;
use crate::netlink::{self, Head, Verdict, messages, push_request};
use crate::reconcile::Change;
use crate::table::{Destination, DestinationKey, Family, Service, ServiceKey};
use crate::wire::{self, command};

/// Requests in one write. Their acknowledgements, each counted as about 1 KiB, must all fit into the receive buffer.
const BATCH: usize = 512;
/// The first try, the try after a surprise, and once more for a surprise in that.
const ROUNDS: u32 = 3;

/// A change on its way: where it stands in the caller's list, and what to ask the kernel for now.
#[derive(Debug)]
struct Step<'a> {
    index: usize,
    change: Cow<'a, Change>,
}

/// What a verdict means for a change.
#[derive(Debug)]
enum Outcome {
    Done,
    /// Fine as it is, though not as observed
    Surprise,
    /// Not as observed; this is what to ask for instead
    Instead(Change),
    Failed(Error),
}

impl Kernel {
    /// Makes the changes, in their order, many to a write. Each entry is named at most once, as [`reconcile`] does it.
    ///
    /// [`reconcile`]: crate::reconcile()
    ///
    /// Goes on after a refusal: each entry stands for itself. What is there already at an add is edited, what is gone at an
    /// edit is added, what is gone at a remove is fine. Only a destination whose whole service is gone cannot be helped
    /// unless the service is in the list as well: that is a failure, and reading the table and reconciling again heals it.
    ///
    /// # Errors
    /// When the socket itself fails; what was done before is done.
    pub fn apply(&mut self, changes: &[Change]) -> Result<Applied, Error> {
        let mut applied = Applied::default();
        let mut surprised = BTreeSet::new();
        // Services that were gone and are made again: their destinations are gone as well.
        let mut made_again = BTreeSet::new();
        let mut steps = sendable(changes, &mut applied.failures);
        for round in 1..=ROUNDS {
            let mut again = Vec::new();
            for batch in steps.chunks(BATCH) {
                let verdicts = self.exchange(batch)?;
                for (&Step { index, ref change }, verdict) in batch.iter().zip(verdicts) {
                    match judge(change, verdict, &mut made_again) {
                        Outcome::Done => {}
                        Outcome::Surprise => {
                            surprised.insert(index);
                        }
                        Outcome::Instead(change) if round < ROUNDS => {
                            surprised.insert(index);
                            let change = Cow::Owned(change);
                            again.push(Step { index, change });
                        }
                        Outcome::Instead(change) => {
                            let (operation, attempts) = (change.to_string().into(), ROUNDS);
                            let error = Error::Unsteady { operation, attempts };
                            applied.failures.push(Failure { index, error });
                        }
                        Outcome::Failed(error) => applied.failures.push(Failure { index, error }),
                    }
                }
            }
            steps = again;
        }
        applied.failures.sort_by_key(|failure| failure.index);
        applied.surprises = surprised.len();
        Ok(applied)
    }

    /// Sends one batch and collects the verdict for each; `None`: none came in time.
    fn exchange(&mut self, batch: &[Step<'_>]) -> Result<Vec<Option<Verdict>>, Error> {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        for step in batch {
            self.sequence = self.sequence.wrapping_add(1);
            push_change(&mut bytes, self.family, self.sequence, &step.change);
        }
        let mut verdicts = vec![None; batch.len()];
        collect_verdicts(
            self.channel.as_mut(),
            "changing the IPVS table",
            &bytes,
            first,
            &mut verdicts,
        )?;
        Ok(verdicts)
    }
}

/// The first step of each change; what cannot be said to the kernel is a failure already.
fn sendable<'a>(changes: &'a [Change], failures: &mut Vec<Failure>) -> Vec<Step<'a>> {
    let mut steps = Vec::with_capacity(changes.len());
    for (index, change) in changes.iter().enumerate() {
        if let Some(reason) = unsayable(change) {
            let operation = change.to_string();
            let error = Error::Unsayable { operation, reason };
            failures.push(Failure { index, error });
        } else {
            let change = Cow::Borrowed(change);
            steps.push(Step { index, change });
        }
    }
    steps
}

/// Fills `verdicts`, the first of which belongs to the request numbered `first`.
///
/// Requests are answered in their order: what has no verdict when the last one has, will never have one.
pub(super) fn collect_verdicts(
    channel: &mut dyn Channel,
    operation: &'static str,
    requests: &[u8],
    first: u32,
    verdicts: &mut [Option<Verdict>],
) -> Result<(), Error> {
    let failed = |source| Error::Socket { operation, source };
    let malformed = |reason| Error::Malformed { operation, reason };
    channel.send(requests).map_err(failed)?;
    while let Some(None) = verdicts.last() {
        let datagram = match channel.receive() {
            Ok(datagram) => datagram,
            Err(error) if is_silence(&error) => break,
            // Some acknowledgements are lost, which ones shows when the others have been read.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => continue,
            Err(error) => return Err(failed(error)),
        };
        for message in messages(datagram) {
            let message = message.map_err(malformed)?;
            // An answer that came too late for an earlier batch has a number outside of this one.
            let position = usize::try_from(message.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
            if let (netlink::ERROR, Some(slot @ None)) = (message.kind, verdicts.get_mut(position)) {
                *slot = Some(message.verdict().map_err(malformed)?);
            }
        }
    }
    Ok(())
}

/// Appends the request for one change.
fn push_change(bytes: &mut Vec<u8>, family: u16, sequence: u32, change: &Change) {
    type Parts<'a> = (
        u8,
        Option<&'a Service>,
        Option<(&'a DestinationKey, Option<&'a Destination>)>,
    );
    let (command, settings, destination): Parts<'_> = match change {
        Change::AddService { service, .. } => (command::NEW_SERVICE, Some(service), None),
        Change::EditService { service, .. } => (command::SET_SERVICE, Some(service), None),
        Change::RemoveService { .. } => (command::DEL_SERVICE, None, None),
        Change::AddDestination { key, destination, .. } => (command::NEW_DEST, None, Some((key, Some(destination)))),
        Change::EditDestination { key, destination, .. } => (command::SET_DEST, None, Some((key, Some(destination)))),
        Change::RemoveDestination { key, .. } => (command::DEL_DEST, None, Some((key, None))),
    };
    let flags = netlink::REQUEST | netlink::ACK;
    let head = Head {
        kind: family,
        flags,
        sequence,
        command,
        version: wire::VERSION,
    };
    push_request(bytes, head, |request| {
        wire::put_service(request, change.service(), settings);
        if let Some((key, settings)) = destination {
            wire::put_destination(request, key, settings);
        }
    });
}

/// Decides what becomes of a change after the kernel's verdict.
fn judge(change: &Change, verdict: Option<Verdict>, made_again: &mut BTreeSet<ServiceKey>) -> Outcome {
    let Some(verdict) = verdict else {
        let operation = change.to_string();
        return Outcome::Failed(Error::Silence {
            operation,
            limit: LIMIT,
        });
    };
    if verdict.errno == 0 {
        return Outcome::Done;
    }
    let errno = Errno::from_raw(verdict.errno);
    if let (Change::EditService { key, .. }, Errno::ESRCH) = (change, errno) {
        made_again.insert(*key);
    }
    if let Some(instead) = instead(change, errno, made_again) {
        return Outcome::Instead(instead);
    }
    match (change, errno) {
        (Change::RemoveService { .. }, Errno::ESRCH)
        | (Change::RemoveDestination { .. }, Errno::ESRCH | Errno::ENOENT) => Outcome::Surprise,
        _ => Outcome::Failed(Error::Refused {
            operation: change.to_string(),
            source: io::Error::from_raw_os_error(verdict.errno),
            text: verdict.text,
            meaning: meaning(change, errno),
        }),
    }
}

/// What to ask for when an entry is there although it was to be added, or gone although it was to be edited.
fn instead(change: &Change, errno: Errno, made_again: &BTreeSet<ServiceKey>) -> Option<Change> {
    match (change.clone(), errno) {
        (Change::AddService { key, service }, Errno::EEXIST) => Some(Change::EditService { key, service }),
        (Change::EditService { key, service }, Errno::ESRCH) => Some(Change::AddService { key, service }),
        (
            Change::AddDestination {
                service,
                key,
                destination,
            },
            Errno::EEXIST,
        ) => Some(Change::EditDestination {
            service,
            key,
            destination,
        }),
        (
            Change::EditDestination {
                service,
                key,
                destination,
            },
            Errno::ENOENT,
        ) => Some(Change::AddDestination {
            service,
            key,
            destination,
        }),
        (
            Change::AddDestination {
                service,
                key,
                destination,
            }
            | Change::EditDestination {
                service,
                key,
                destination,
            },
            Errno::ESRCH,
        ) if made_again.contains(&service) => Some(Change::AddDestination {
            service,
            key,
            destination,
        }),
        _ => None,
    }
}

/// What an error number means for a change, as far as that is known.
fn meaning(change: &Change, errno: Errno) -> Option<String> {
    let about_service = match change {
        Change::AddService { service, .. } | Change::EditService { service, .. } => Some(service),
        _ => None,
    };
    let text = match (errno, about_service) {
        (Errno::EPERM, _) => NO_CAPABILITY.to_owned(),
        (Errno::ESRCH, _) => "the service is not in the kernel".to_owned(),
        (Errno::EAFNOSUPPORT, _) => "the kernel's IPVS has no IPv6".to_owned(),
        (Errno::ENOENT, Some(Service { scheduler, persistence_engine: None, .. })) => {
            format!("the kernel has no scheduler `{scheduler}` (module ip_vs_{scheduler})")
        }
        (Errno::ENOENT, Some(Service { scheduler, persistence_engine: Some(engine), .. })) => format!(
            "the kernel has no scheduler `{scheduler}` (module ip_vs_{scheduler}) or no persistence engine `{engine}` (module \
             ip_vs_pe_{engine})"
        ),
        (Errno::ERANGE, None) => {
            "a weight is at most 2147483647, and the lower threshold not above the upper one".to_owned()
        }
        (Errno::EINVAL, None) => {
            "a server of another family than the service needs a tunnel and no sync daemon; its address must be a unicast \
             one, not link-local, and none is taken in a network namespace whose `lo` is down"
                .to_owned()
        }
        _ => return None,
    };
    Some(text)
}

/// Why a change cannot be said to the kernel, or would be understood as another one.
fn unsayable(change: &Change) -> Option<&'static str> {
    if let ServiceKey::Fwmark { mark: 0, .. } = change.service() {
        return Some("a firewall mark is not 0");
    }
    let (Change::AddService { key, service } | Change::EditService { key, service }) = change else {
        return None;
    };
    // IP_VS_SCHEDNAME_MAXLEN and IP_VS_PENAME_MAXLEN are 16 with the zero byte at the end.
    let name_fits = |name: &str| (1..=15).contains(&name.len()) && !name.contains('\0');
    let prefix_fits = match key.family() {
        Family::Inet => service.persistence_prefix_len <= 32,
        Family::Inet6 => (1..=128).contains(&service.persistence_prefix_len),
    };
    match service {
        Service { scheduler, .. } if !name_fits(scheduler) => Some("a scheduler's name has 1 to 15 bytes"),
        Service {
            persistence_engine: Some(engine),
            ..
        } if !name_fits(engine) => Some("a persistence engine's name has 1 to 15 bytes"),
        _ if !prefix_fits => Some("the prefix length of the persistence is outside of 0..=32 (IPv4) or 1..=128 (IPv6)"),
        _ => None,
    }
}
