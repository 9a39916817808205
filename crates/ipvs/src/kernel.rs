//! The table in the kernel, over generic netlink.
//!
//! The kernel works through a request before `send` returns, and sends no notifications: changes by others are found by
//! reading the table.

mod apply;
mod module;
mod socket;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use tracing::{debug, info};

pub use self::module::load_modules;
use self::socket::{Channel, GenericNetlink};
use crate::error::Error;
use crate::netlink::{self, Attributes, Head, Malformed, Verdict, messages, push_request};
use crate::statistics::{Counters, Info, ServiceStatistics, Statistics};
use crate::table::{ServiceEntry, ServiceKey, Table};
use crate::wire::{self, ObservedDestination, ObservedService, command, controller};

const FAMILY_NAME: &str = "IPVS";
/// The longest wait for the next part of an answer.
const LIMIT: Duration = Duration::from_secs(3);
/// How often a dump is begun again because somebody changed the table meanwhile.
const DUMP_ATTEMPTS: u32 = 5;
/// How often the list of services is read until it is the same twice.
const LIST_ATTEMPTS: u32 = 10;

const NO_CAPABILITY: &str = "IPVS needs CAP_NET_ADMIN, for reading as well";

/// A change that did not take effect.
#[derive(Debug)]
pub struct Failure {
    /// Position in the list that was handed to [`Kernel::apply`]
    pub index: usize,
    /// Why
    pub error: Error,
}

/// What became of a list of changes.
#[derive(Debug, Default)]
pub struct Applied {
    /// The changes that did not take effect, by position; all others did
    pub failures: Vec<Failure>,
    /// How many entries were not as observed (there at add, gone at edit or remove), whatever became of them then. More than 0
    /// means that somebody else changes the table: read it and reconcile again.
    pub surprises: usize,
}

impl Applied {
    /// Everything took effect and the table was as observed.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.surprises == 0
    }
}

/// The IPVS of the network namespace that the calling thread was in at [`Kernel::open`].
///
/// Blocking: every call waits for the kernel, at most a few seconds. After [`Error::Silence`] from a read open anew, for the
/// rest of that answer may still come.
#[derive(Debug)]
pub struct Kernel {
    channel: Box<dyn Channel>,
    /// The number that the kernel gave to the family `IPVS`
    family: u16,
    /// That of the last request
    sequence: u32,
}

impl Kernel {
    /// Connects to IPVS, and loads the module when it is absent. Everything else needs `CAP_NET_ADMIN`, loading
    /// `CAP_SYS_MODULE`.
    ///
    /// # Errors
    /// [`Error::NoIpvs`] names the module and how to load it.
    pub fn open() -> Result<Self, Error> {
        let channel = GenericNetlink::open(LIMIT).map_err(|source| Error::Socket {
            operation: "opening generic netlink",
            source,
        })?;
        let mut kernel = Self {
            channel: Box::new(channel),
            family: controller::KIND,
            sequence: 0,
        };
        // Asked by a process with CAP_NET_ADMIN, the kernel loads the module by itself.
        if let Some(family) = kernel.find_family()? {
            kernel.family = family;
            return Ok(kernel);
        }
        let attempt = module::load("ip_vs");
        kernel.family = kernel.find_family()?.ok_or_else(|| Error::NoIpvs {
            attempt: attempt.clone(),
        })?;
        info!(%attempt, "ip_vs loaded");
        Ok(kernel)
    }

    fn find_family(&mut self) -> Result<Option<u16>, Error> {
        let head = Head {
            kind: controller::KIND,
            flags: netlink::REQUEST | netlink::ACK,
            sequence: 0,
            command: controller::GET_FAMILY,
            version: controller::VERSION,
        };
        let fill = |request: &mut Attributes<'_>| controller::put_family_name(request, FAMILY_NAME);
        let answer = self.ask("looking for IPVS", head, fill, |message| {
            controller::get_family_id(message).map(Some)
        });
        match answer {
            Ok(ids) => Ok(ids.first().copied()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All services with their destinations.
    pub fn table(&mut self) -> Result<Table, Error> {
        Ok(self.read()?.0)
    }

    /// Connections and counters of everything.
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        Ok(self.read()?.1)
    }

    /// Counters of all services, without those of their destinations: two requests, however many services there are.
    pub fn service_counters(&mut self) -> Result<BTreeMap<ServiceKey, Counters>, Error> {
        let services = self.services()?.into_iter();
        Ok(services.map(|service| (service.key, service.counters)).collect())
    }

    /// Table and counters from the same dump.
    ///
    /// Linux numbers the services of all namespaces together while it lists those of one. When another namespace loses a
    /// service between two parts of a long list, a service of ours can be left out. So the list is read until it is the same
    /// twice.
    pub fn read(&mut self) -> Result<(Table, Statistics), Error> {
        let services = self.services()?;
        let (mut table, mut statistics) = (Table::default(), Statistics::default());
        for service in services {
            let key = service.key;
            let (entry, counts) = self.with_destinations(service)?;
            table.services.insert(key, entry);
            statistics.services.insert(key, counts);
        }
        Ok((table, statistics))
    }

    fn services(&mut self) -> Result<Vec<ObservedService>, Error> {
        const OPERATION: &str = "reading the IPVS services";
        fn keys(services: &[ObservedService]) -> BTreeSet<&ServiceKey> {
            services.iter().map(|service| &service.key).collect()
        }
        let head = self.head(netlink::DUMP, command::GET_SERVICE);
        let mut services = self.ask(OPERATION, head, |_| {}, wire::get_service)?;
        for _ in 0..LIST_ATTEMPTS {
            let again = self.ask(OPERATION, head, |_| {}, wire::get_service)?;
            let agree = keys(&services) == keys(&again);
            services = again;
            if agree {
                return Ok(services);
            }
            debug!(OPERATION, "two lists differ, reading another");
        }
        Err(Error::Unsteady {
            operation: OPERATION.into(),
            attempts: LIST_ATTEMPTS,
        })
    }

    /// One service with its destinations; `None` when it does not exist.
    pub fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, Error> {
        let head = self.head(netlink::ACK, command::GET_SERVICE);
        let fill = |request: &mut Attributes<'_>| wire::put_service(request, key, None);
        match self.ask("reading an IPVS service", head, fill, wire::get_service) {
            Ok(services) => match services.into_iter().next() {
                Some(service) => Ok(Some(self.with_destinations(service)?.0)),
                None => Ok(None),
            },
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Completes a service by its destinations.
    fn with_destinations(&mut self, service: ObservedService) -> Result<(ServiceEntry, ServiceStatistics), Error> {
        let ObservedService { key, service, counters } = service;
        let head = self.head(netlink::DUMP, command::GET_DEST);
        let fill = |request: &mut Attributes<'_>| wire::put_service(request, &key, None);
        let parse = |message: &[u8]| wire::get_destination(message, key.family());
        let observed = self.ask("reading the IPVS destinations", head, fill, parse)?;
        let mut entry = ServiceEntry {
            service,
            destinations: BTreeMap::new(),
        };
        let mut counts = ServiceStatistics {
            counters,
            destinations: BTreeMap::new(),
        };
        for ObservedDestination {
            key,
            destination,
            statistics,
        } in observed
        {
            entry.destinations.insert(key, destination);
            counts.destinations.insert(key, statistics);
        }
        Ok((entry, counts))
    }

    /// Removes every service of the namespace, whoever made it.
    pub fn flush(&mut self) -> Result<(), Error> {
        let head = self.head(netlink::ACK, command::FLUSH);
        self.ask("removing all IPVS services", head, |_| {}, |_| Ok(None::<()>))
            .map(drop)
    }

    /// Version and size of the connection table.
    pub fn info(&mut self) -> Result<Info, Error> {
        const OPERATION: &str = "asking for the version of IPVS";
        let head = self.head(netlink::ACK, command::GET_INFO);
        let answer = self.ask(OPERATION, head, |_| {}, |message| wire::get_info(message).map(Some))?;
        answer.first().copied().ok_or(Error::Malformed {
            operation: OPERATION,
            reason: "no answer before the end",
        })
    }

    const fn head(&self, flags: u16, command: u8) -> Head {
        Head {
            kind: self.family,
            flags: netlink::REQUEST | flags,
            sequence: 0,
            command,
            version: wire::VERSION,
        }
    }

    /// Sends one request and parses every message of the answer. A dump that somebody disturbed is begun again.
    fn ask<T>(
        &mut self,
        operation: &'static str,
        head: Head,
        fill: impl Fn(&mut Attributes<'_>),
        parse: impl Fn(&[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Error> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(answer) = self.ask_once(operation, head, &fill, &parse)? {
                return Ok(answer);
            }
            debug!(operation, "the table changed while it was read, reading it again");
        }
        Err(Error::Unsteady {
            operation: operation.into(),
            attempts: DUMP_ATTEMPTS,
        })
    }

    /// `None`: the table changed while it was dumped.
    fn ask_once<T>(
        &mut self,
        operation: &'static str,
        mut head: Head,
        fill: impl Fn(&mut Attributes<'_>),
        parse: impl Fn(&[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<Option<Vec<T>>, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        head.sequence = self.sequence;
        let mut request = Vec::new();
        push_request(&mut request, head, fill);
        let malformed = |reason| Error::Malformed { operation, reason };
        self.channel
            .send(&request)
            .map_err(|source| Error::Socket { operation, source })?;
        let mut answer = Vec::new();
        let mut interrupted = false;
        loop {
            let datagram = self.channel.receive().map_err(|source| {
                if is_silence(&source) {
                    Error::Silence {
                        operation: operation.to_owned(),
                        limit: LIMIT,
                    }
                } else {
                    Error::Socket { operation, source }
                }
            })?;
            for message in messages(datagram) {
                let message = message.map_err(malformed)?;
                if message.sequence != head.sequence {
                    continue;
                }
                interrupted |= message.flags & netlink::DUMP_INTERRUPTED != 0;
                if matches!(message.kind, netlink::ERROR | netlink::DONE) {
                    let verdict = message.verdict().map_err(malformed)?;
                    if verdict.errno != 0 {
                        return Err(refused(operation, verdict));
                    }
                    return Ok(if interrupted { None } else { Some(answer) });
                }
                let (_, attributes) = message.generic().map_err(malformed)?;
                answer.extend(parse(attributes).map_err(malformed)?);
            }
        }
    }
}

/// The error for a verdict on something else than a change.
fn refused(operation: &str, verdict: Verdict) -> Error {
    Error::Refused {
        operation: operation.to_owned(),
        source: io::Error::from_raw_os_error(verdict.errno),
        text: verdict.text,
        meaning: (verdict.errno == libc::EPERM).then(|| NO_CAPABILITY.to_owned()),
    }
}

/// Nothing came within the time limit of the socket.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
