//! One configuration under keepalived and under Holdfast, each on a host of its own that looks like the other's: sooner or
//! later both must have made the same of it. Compared are interfaces, addresses, settings of the kernel, packet filters, routes
//! and rules, what was told of each instance and group in its order, and what is left at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::daemon::{Daemon, Software};
use crate::host_state::HostState;
use crate::network::Network;
use crate::node::{Node, Process};
use crate::wait;

/// What lines that may differ contain, and words of the row in docs/compatibility.md that says why.
const KNOWN: [(&str, &str); 3] = [
    ("/arp_ignore", "A macvlan for IPv6 has `arp_ignore` 1"),
    ("/arp_filter", "Whatever `use_vmac` and `no_accept` changed"),
    ("/rp_filter", "Where a macvlan needs `rp_filter` 0"),
];

const COMPATIBILITY: &str = include_str!("../../docs/compatibility.md");

/// Where both tell of states; the place is theirs alone.
const FIFO: &str = "/run/states";

/// How long a busy machine may take for what takes four seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// `eth0` (`192.0.2.1`, `fd00::1`) and `eth1` (`198.51.100.1`), and who listens to the FIFO.
struct Host {
    listener: Process,
    state: HostState,
    routing: BTreeSet<String>,
    director: Node,
    _network: Network,
}

/// What a program has made of its host by now.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    /// Lines that are new, and lines that are gone.
    host: BTreeSet<String>,
    /// By instance or group.
    told: BTreeMap<String, Vec<String>>,
}

impl Host {
    fn new() -> Result<Self> {
        let network = Network::new(&["lan", "lan2"])?;
        let director = Node::new("director")?;
        network.plug(&director, "lan", "eth0", &["192.0.2.1/24", "fd00::1/64"])?;
        network.plug(&director, "lan2", "eth1", &["198.51.100.1/24"])?;
        director.run("mkfifo", &["-m", "600", FIFO])?;
        let mut listen = Command::new("sh");
        // Open for writing too, so that it never ends.
        listen.args(["-c", &format!("exec cat <> {FIFO}")]);
        wait::until("addresses that can be used", PATIENCE, || {
            director
                .run("ip", &["-6", "address"])
                .is_ok_and(|shown| !shown.contains("tentative"))
        })?;
        Ok(Self {
            listener: director.start(listen)?,
            state: HostState::of(&director)?,
            routing: routing(&director)?,
            director,
            _network: network,
        })
    }

    fn made(&self) -> Result<Made> {
        let is_new = |line: &String| !KNOWN.iter().any(|(known, _)| line.contains(known));
        let mut host: BTreeSet<String> = HostState::of(&self.director)?
            .changes_since(&self.state)
            .into_iter()
            .collect();
        let routing = routing(&self.director)?;
        host.extend(routing.difference(&self.routing).map(|line| format!("+ {line}")));
        host.extend(self.routing.difference(&routing).map(|line| format!("- {line}")));
        host.retain(is_new);
        let mut told = BTreeMap::<String, Vec<String>>::new();
        for line in self.listener.log_text().lines() {
            let subject = line.rsplitn(3, ' ').last().unwrap_or_default();
            told.entry(subject.to_owned()).or_default().push(line.to_owned());
        }
        Ok(Made { host, told })
    }
}

impl Made {
    /// Everything, line by line.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.host.iter().chain(self.told.values().flatten()).map(String::as_str)
    }

    fn has(&self, wanted: &str) -> bool {
        self.lines().any(|line| line.contains(wanted))
    }
}

/// Routes and rules without what passes and without the mark of a route to an address.
fn routing(node: &Node) -> Result<BTreeSet<String>> {
    let mut lines = BTreeSet::new();
    for arguments in [
        &["-d", "-4", "route", "show", "table", "all"][..],
        &["-d", "-6", "route", "show", "table", "all"],
        &["-d", "-4", "rule"],
        &["-d", "-6", "rule"],
    ] {
        let shown = node.run("ip", arguments)?;
        lines.extend(
            shown
                .lines()
                .map(|line| format!("{} {}", arguments.join(" "), line.trim())),
        );
    }
    Ok(lines)
}

/// Waits until both made the same of their hosts and every one of `expected` is in it.
fn wait_until_same(what: &str, hosts: &[Host; 2], expected: &[&str]) -> Result<()> {
    let [theirs, ours] = hosts;
    let mut last = None;
    let outcome = wait::until(what, PATIENCE, || {
        last = theirs.made().ok().zip(ours.made().ok());
        let is_there = |made: &Made| expected.iter().all(|line| made.has(line));
        last.as_ref()
            .is_some_and(|(theirs, ours)| is_there(theirs) && theirs == ours)
    });
    let (theirs, ours) = last.context("nothing could be read")?;
    for line in expected {
        ensure!(
            theirs.has(line),
            "{what}: keepalived did not do what the case is about: {line}\n{theirs:#?}"
        );
    }
    outcome.with_context(|| {
        let only = |of: &Made, other: &Made, who: &str| -> Vec<String> {
            let lines = of.lines().filter(|line| !other.lines().any(|known| known == *line));
            lines.map(|line| format!("{who}: {line}")).collect()
        };
        let differences = [
            only(&theirs, &ours, "keepalived only"),
            only(&ours, &theirs, "holdfast only"),
        ]
        .concat();
        format!(
            "{what} is not the same:\n{}\n{:?}\n{:?}",
            differences.join("\n"),
            theirs.told,
            ours.told
        )
    })
}

/// Both programs make the same of this configuration, `expected` among it, and of their end.
///
/// # Errors
/// They do not, or keepalived does nothing of what is expected.
pub fn both_make_the_same(configuration: &str, expected: &[&str]) -> Result<()> {
    for (_, row) in KNOWN {
        ensure!(
            COMPATIBILITY.contains(row),
            "docs/compatibility.md says nothing of {row:?}"
        );
    }
    let text = format!("global_defs {{\n    vrrp_notify_fifo {FIFO}\n}}\n{configuration}");
    let hosts = [Host::new()?, Host::new()?];
    let [theirs, ours] = &hosts;
    let daemons = [
        Daemon::start(Software::Keepalived, &theirs.director, &text)?,
        Daemon::start(Software::Holdfast, &ours.director, &text)?,
    ];
    wait_until_same("what they made", &hosts, expected)?;
    for daemon in &daemons {
        daemon.stop()?;
    }
    wait_until_same("what they left", &hosts, &[])
}
