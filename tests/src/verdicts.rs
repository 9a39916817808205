//! Verdicts of two directors about the same servers, as their tables show them: one real server for each case, told apart by
//! its port.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::node::Node;
use crate::{table, wait};

/// Detection, retries and a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// Verdicts that stay the same for this long are the ones that the servers lead to: more than a round of checks with its
/// retries.
const SETTLED: Duration = Duration::from_secs(4);

/// The first port; each case has its own.
pub const FIRST_PORT: u16 = 10_000;

/// A virtual server with these real servers; each is an address, a port and what stands in it.
pub fn service<'a>(reals: impl IntoIterator<Item = (&'a str, u16, String)>) -> String {
    let reals: Vec<String> = reals
        .into_iter()
        .map(|(address, port, checker)| format!("    real_server {address} {port} {{\n{checker}    }}\n"))
        .collect();
    let reals = reals.concat();
    format!(
        "virtual_server 192.168.0.200 80 {{\n    delay_loop 1\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n{reals}}}\n"
    )
}

/// A check that is made each second, and once more a second after a failure.
pub fn checker(keyword: &str, options: &str) -> String {
    format!(
        "        {keyword} {{
            connect_timeout 1
            retry 1
            delay_before_retry 1
            {options}
        }}
"
    )
}

/// The ports of the real servers in a director's table.
fn ports_in_table(director: &Node) -> BTreeSet<u16> {
    let services = table::services(director).unwrap_or_default();
    let destinations = services.iter().flat_map(|service| &service.destinations);
    destinations.map(|destination| destination.address.port()).collect()
}

/// Waits until both directors have exactly these ports, and keep them. The first one is keepalived.
///
/// # Errors
/// They do not; the error names the ports by `name`.
pub fn ensure_ports(directors: [&Node; 2], wanted: [&BTreeSet<u16>; 2], name: impl Fn(u16) -> String) -> Result<()> {
    let mut seen = directors.map(ports_in_table);
    let mut since = Instant::now();
    let outcome = wait::until("verdicts", PATIENCE, || {
        let now = directors.map(ports_in_table);
        if now != seen {
            seen = now;
            since = Instant::now();
        }
        seen.iter().eq(wanted) && since.elapsed() > SETTLED
    });
    let report = |who: &str, seen: &BTreeSet<u16>, wanted: &BTreeSet<u16>| -> String {
        let names =
            |ports: &mut dyn Iterator<Item = &u16>| ports.map(|port| name(*port)).collect::<Vec<_>>().join(", ");
        format!(
            "{who} has up, wrongly: [{}]; down, wrongly: [{}]",
            names(&mut seen.difference(wanted)),
            names(&mut wanted.difference(seen))
        )
    };
    ensure!(
        outcome.is_ok(),
        "{}\n{}",
        report("keepalived", &seen[0], wanted[0]),
        report("Holdfast", &seen[1], wanted[1])
    );
    Ok(())
}
