//! The kernel's table, over netlink: one service at a time, so that looking does not disturb.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bed::node::Node;
use holdfast_ipvs::Kernel;
use holdfast_ipvs::table::{DestinationKey, Protocol, ServiceKey, Table};

/// How often a service is looked at.
const POLL: Duration = Duration::from_millis(4);

/// The IPVS of a node.
pub fn open(node: &Node) -> Result<Kernel> {
    Ok(node.within(Kernel::open)??)
}

/// The port of services and servers.
pub const PORT: u16 = 80;

/// The address of a service.
pub fn service_address(service: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0aff_0000 + u32::try_from(service + 1).unwrap_or(0))
}

/// The address of a real server: each has another one.
pub fn server_address(service: usize, server: usize) -> Ipv4Addr {
    let number = u32::try_from(service * 250 + server + 1).unwrap_or(0);
    Ipv4Addr::from(0x0a00_0000 + number)
}

pub fn service_key(service: usize) -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: IpAddr::V4(service_address(service)),
        port: PORT,
    }
}

pub fn destination_key(service: usize, server: usize) -> DestinationKey {
    DestinationKey {
        address: IpAddr::V4(server_address(service, server)),
        port: PORT,
    }
}

/// The weights of a service's destinations, in order; `None`: there is no such service.
pub fn weights(kernel: &mut Kernel, service: usize) -> Result<Option<Vec<u32>>> {
    let entry = kernel.service(&service_key(service))?;
    Ok(entry.map(|entry| entry.destinations.values().map(|it| it.weight).collect()))
}

/// Waits until a service has destinations of these weights; then until the whole table has.
///
/// The moment when the last service was right is what counts, when then the whole is right too; else when that was so.
pub fn wait_for_all(
    kernel: &mut Kernel,
    services: usize,
    expected: impl Fn(usize) -> Vec<u32>,
    bound: Duration,
) -> Result<Instant> {
    let since = Instant::now();
    let last = services.saturating_sub(1);
    let wanted = expected(last);
    while weights(kernel, last)?.as_ref() != Some(&wanted) {
        if since.elapsed() > bound {
            bail!(
                "the last of {services} services is not right after {} s",
                bound.as_secs()
            );
        }
        std::thread::sleep(POLL);
    }
    let mut then = Instant::now();
    loop {
        let table = kernel.table()?;
        if is_right(&table, services, &expected) {
            return Ok(then);
        }
        then = Instant::now();
        if since.elapsed() > bound {
            bail!("the table is not right after {} s", bound.as_secs());
        }
    }
}

fn is_right(table: &Table, services: usize, expected: impl Fn(usize) -> Vec<u32>) -> bool {
    table.services.len() == services
        && (0..services).all(|service| {
            table.services.get(&service_key(service)).is_some_and(|entry| {
                let weights = entry.destinations.values().map(|it| it.weight);
                weights.eq(expected(service))
            })
        })
}

/// Waits until there is no service any more.
pub fn wait_for_none(kernel: &mut Kernel, services: usize, bound: Duration) -> Result<Instant> {
    let since = Instant::now();
    // The last one first: all others are asked for only when it is gone.
    while weights(kernel, services.saturating_sub(1))?.is_some() || !kernel.table()?.services.is_empty() {
        if since.elapsed() > bound {
            bail!("services are left after {} s", bound.as_secs());
        }
        std::thread::sleep(POLL);
    }
    Ok(Instant::now())
}
