//! The kernel's counters, read for whoever asks what the checker process has to show.
//!
//! With thousands of servers that takes the kernel a while: a thread of its own waits for it, and no check is late.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::Context;
use holdfast_ipvs::Error;
use holdfast_ipvs::kernel::Kernel;
use holdfast_ipvs::statistics::{Counters, Statistics};
use holdfast_ipvs::table::ServiceKey;
use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;

use crate::ipc::{self, FromChecker};
use crate::plan::ipvs::CounterAge;
use crate::snapshot::CheckerSnapshot;

/// A snapshot that lacks its counters, and how old those may be.
type Order = (Box<CheckerSnapshot>, CounterAge);

/// Completes snapshots and sends them.
#[derive(Debug)]
pub struct Counting {
    orders: Sender<Order>,
}

impl Counting {
    /// Starts the thread. Without a connection to the kernel it tries to make one itself, when it is asked, if it may.
    pub fn start(kernel: Option<Kernel>, may_open: bool, supervisor: ipc::Sender<FromChecker>) -> anyhow::Result<Self> {
        let (orders, inbox) = channel();
        let reader = Reader {
            kernel,
            may_open,
            of_services: None,
            of_destinations: None,
        };
        let thread = std::thread::Builder::new().name("ipvs-counters".to_owned());
        thread
            .spawn(move || work(reader, &inbox, &supervisor))
            .context("cannot start a thread")?;
        Ok(Self { orders })
    }

    /// Completes a snapshot and sends it. Of several that wait only the last one is sent.
    pub fn complete(&self, snapshot: CheckerSnapshot, age: CounterAge) {
        // The thread lives as long as we do.
        let _ = self.orders.send((Box::new(snapshot), age));
    }
}

fn work(mut reader: Reader, inbox: &Receiver<Order>, supervisor: &ipc::Sender<FromChecker>) {
    while let Ok(order) = inbox.recv() {
        let (mut snapshot, age) = inbox.try_iter().last().unwrap_or(order);
        match reader.refresh(DeadlineTimer::now(), age) {
            Ok(()) => reader.fill(&mut snapshot),
            Err(error) => snapshot.counters_error = Some(error.to_string()),
        }
        if supervisor.send(&FromChecker::Snapshot(snapshot)).is_err() {
            return;
        }
    }
}

/// Counters and when they were read.
struct Reader {
    kernel: Option<Kernel>,
    may_open: bool,
    of_services: Option<(Timestamp, BTreeMap<ServiceKey, Counters>)>,
    of_destinations: Option<(Timestamp, Statistics)>,
}

impl Reader {
    /// Reads again what is too old.
    fn refresh(&mut self, now: Timestamp, age: CounterAge) -> Result<(), Error> {
        let is_old = |read: Option<Timestamp>, age| read.is_none_or(|at| now.since(at) >= age);
        let services_old = is_old(self.of_services.as_ref().map(|(at, _)| *at), age.virtual_servers);
        let destinations_old = is_old(self.of_destinations.as_ref().map(|(at, _)| *at), age.real_servers);
        if !services_old && !destinations_old {
            return Ok(());
        }
        let outcome = self.read(now, (services_old, destinations_old));
        if outcome.is_err() {
            // What was counted long ago is not shown as if it were of today.
            self.of_services = None;
            self.of_destinations = None;
            if self.may_open {
                self.kernel = None;
            }
        }
        outcome
    }

    fn read(&mut self, now: Timestamp, (services_old, destinations_old): (bool, bool)) -> Result<(), Error> {
        if self.kernel.is_none() && self.may_open {
            self.kernel = Some(Kernel::open()?);
        }
        let Some(kernel) = &mut self.kernel else {
            return Err(Error::NoIpvs { attempt: String::new() });
        };
        if !destinations_old {
            self.of_services = Some((now, kernel.service_counters()?));
            return Ok(());
        }
        let statistics = kernel.statistics()?;
        if services_old {
            let services = statistics.services.iter();
            let counters = services.map(|(key, service)| (*key, service.counters));
            self.of_services = Some((now, counters.collect()));
        }
        self.of_destinations = Some((now, statistics));
        Ok(())
    }

    fn fill(&self, snapshot: &mut CheckerSnapshot) {
        let (Some((_, of_services)), Some((_, of_destinations))) = (&self.of_services, &self.of_destinations) else {
            return;
        };
        for server in &mut snapshot.virtual_servers {
            server.count(
                |service| of_services.get(service).copied(),
                |service, destination| {
                    let service = of_destinations.services.get(service)?;
                    service.destinations.get(destination).copied()
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    /// Read at the start, by somebody without a kernel: what is too old cannot be read again, and nothing else is asked for.
    fn refresh(after_millis: u64, virtual_servers: u64, real_servers: u64) -> (bool, bool) {
        let mut reader = Reader {
            kernel: None,
            may_open: false,
            of_services: Some((at(0), BTreeMap::new())),
            of_destinations: Some((at(0), Statistics::default())),
        };
        let age = CounterAge {
            virtual_servers: Duration::from_millis(virtual_servers),
            real_servers: Duration::from_millis(real_servers),
        };
        let outcome = reader.refresh(at(after_millis), age);
        (outcome.is_ok(), reader.of_services.is_some())
    }

    #[test]
    fn each_kind_of_counters_is_as_old_as_it_may_be_and_no_older() {
        assert_eq!(refresh(1_999, 2_000, 5_000), (true, true));
        assert_eq!(refresh(1_999, 5_000, 2_000), (true, true));
        // Without a kernel there is nothing rather than something old.
        assert_eq!(refresh(2_000, 2_000, 5_000), (false, false));
        assert_eq!(refresh(2_000, 5_000, 2_000), (false, false));
    }
}
