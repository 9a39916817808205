//! `cargo xtask test`: what must be green, in the order in which it is quickest to hear that it is not.

use std::env;
use std::process::Command;

use anyhow::ensure;
use clap::ValueEnum;

use crate::packages;
use crate::simulate;
use crate::steps::Steps;

/// A part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Format, lints, build, unit tests: no root, no network
    Quick,
    /// Real daemons as peers in network namespaces: needs root
    Peers,
    /// Directors on a real IPVS in a guest: needs no root once the packages are there
    Guest,
}

/// Cases with peers mostly wait for timers of seconds, so all of them may run at once.
const PEERS_AT_ONCE: &str = "64";
/// Test programs with peers.
const PEERS_CASES: &[(&str, &str)] = &[
    ("peers", "peers"),
    ("peers: what they track", "trackers"),
    ("peers: BFD", "bfd"),
    ("peers: what they announce", "announcements"),
    ("peers: addresses, routes and rules", "routes"),
    ("peers: authentication", "authentication"),
    ("peers: protocol", "protocol"),
    ("peers: stalls", "stalls"),
    ("peers: how they run", "processes"),
    ("peers: their interfaces", "interfaces"),
    ("peers: where they run", "places"),
    ("peers: what they tell", "reports"),
    ("peers: what managers see of VRRP", "snmp_vrrp"),
    ("peers: agents of SNMP", "snmp"),
    ("peers: on D-Bus", "dbus"),
    ("peers: the files that they write on request", "state_files"),
    ("peers: digests of pages", "genhash"),
    ("peers: data bases, mail boxes and others", "services"),
];
/// Test programs whose cases make many networks each, and how many cases may run at once.
const CROWDED_CASES: &[(&str, &str, &str)] = &[
    ("peers: interfaces and packet filters", "vmac", "4"),
    ("peers: what both make of a host", "sweep", "1"),
    ("peers: as keepalived in each role", "matrix", "12"),
    ("peers: healed partitions", "partition", "4"),
    ("peers: a thousand virtual routers", "crowd", "1"),
    ("peers: deaths in a takeover", "deaths", "4"),
];
/// Cases in a guest share two emulated processors.
const GUEST_CASES_AT_ONCE: &str = "3";

/// Test programs with cases for a guest, each in a guest of its own.
const GUEST_CASES: &[(&str, &str)] = &[
    ("guest: directors", "guest"),
    ("guest: the setups from their own files", "seeds"),
    ("guest: connection sync and what else IPVS keeps", "sync"),
    ("guest: chains of reloads", "reloads"),
    ("guest: restarts without loss", "restarts"),
    ("guest: ipvlans", "ipvlan"),
    ("guest: tunnels from family to family", "tunnels"),
    ("guest: the same tables as keepalived", "tables"),
    ("guest: connections of dead servers", "dead_servers"),
    ("guest: groups that are balanced by a mark", "marks"),
    ("guest: quorum and sorry servers as keepalived", "quorum"),
    ("guest: the same verdicts as keepalived", "checkers"),
    ("guest: servers that come back", "recovery"),
    ("guest: what managers see of servers", "snmp_check"),
    ("guest: VRF", "vrf"),
    ("guest: the same verdicts on web servers", "web"),
    ("guest: checks over HTTP/2 and gRPC", "http2"),
    ("guest: agents, and the same verdicts on real servers", "services_guest"),
    ("guest: the processes that are tracked", "tracked_processes"),
    ("guest: real servers and BFD", "bfd_checks"),
    ("guest: as keepalived in each role", "matrix_guest"),
    ("guest: routes into tunnels and VRFs", "routes_guest"),
];

/// Loaded beforehand, because Linux 6.1 deadlocks when an IPVS command loads one of them while a network namespace is
/// taken down: the command holds IPVS's lock and waits for the namespaces' lock, the other the other way round.
const PERNET_MODULES: [&str; 2] = ["ip_vs_lblc", "ip_vs_lblcr"];

/// Format and lints.
pub(crate) fn check() -> Steps {
    let mut steps = Steps::default();
    if build_needs(&mut steps) {
        check_steps(&mut steps);
    }
    steps
}

/// Whatever is built, comes after this.
pub(crate) fn build_needs(steps: &mut Steps) -> bool {
    steps.step("what the build needs", || packages::BUILD.install())
}

/// One part, or all.
pub(crate) fn run(part: Option<Part>, arguments: &[String]) -> Steps {
    // Asked first: a build may replace the file that we run from.
    let runner = guest_runner();
    let mut steps = Steps::default();
    let wanted = |candidate| part.is_none_or(|part| part == candidate);
    if !build_needs(&mut steps) {
        return steps;
    }
    if wanted(Part::Quick) {
        check_steps(&mut steps);
        steps.command("build", cargo().args(["build", "--workspace"]));
        steps.command("unit tests", cargo().args(["test", "--workspace"]));
        steps.command("simulation, a short portion", &mut simulate::short_portion());
        // What takes minutes in a debug build.
        let mut limits = test_program("holdfast-conf", "limits");
        steps.command("limits of the language", limits.arg("--release"));
    }
    if wanted(Part::Peers) {
        peers(&mut steps, arguments);
    }
    if wanted(Part::Guest) {
        guest(&mut steps, &runner, arguments);
    }
    steps
}

fn check_steps(steps: &mut Steps) {
    steps.command("format", cargo().args(["fmt", "--all", "--check"]));
    steps.command(
        "lints",
        cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    );
}

fn peers(steps: &mut Steps, arguments: &[String]) {
    let ready = steps.step("what peers need", || {
        ensure!(
            bed::node::is_root(),
            "not root: no network namespaces, so no case with peers can run"
        );
        packages::PEERS.install()
    });
    if ready && build_director(steps) {
        let peers = PEERS_CASES
            .iter()
            .map(|&(name, program)| (name, program, PEERS_AT_ONCE));
        for (name, program, at_once) in peers.chain(CROWDED_CASES.iter().copied()) {
            let mut cases = test_program("holdfast-tests", program);
            cases.args(["--", "--ignored", "--test-threads", at_once]);
            steps.command(name, cases.args(arguments));
        }
    }
}

fn guest(steps: &mut Steps, runner: &str, arguments: &[String]) {
    let ready = steps.step("what a guest needs", || packages::GUEST.install());
    if ready && build_director(steps) {
        let mut table = test_program("holdfast-ipvs", "kernel");
        // One at a time: while another namespace of the same kernel changes its services, Linux 6.1 leaves some out of a
        // long list.
        table.args(["--config", runner, "--", "--test-threads", "1"]);
        steps.command("guest: the IPVS library", &mut table);
        for &(name, program) in GUEST_CASES {
            let mut cases = test_program("holdfast-tests", program);
            cases.args([
                "--config",
                runner,
                "--",
                "--ignored",
                "--test-threads",
                GUEST_CASES_AT_ONCE,
            ]);
            steps.command(name, cases.args(arguments));
        }
    }
}

/// Cases start the program from the target directory.
fn build_director(steps: &mut Steps) -> bool {
    let mut build = cargo();
    steps.command("build of the director", build.args(["build", "--package", "holdfast"]))
}

pub(crate) fn test_program(package: &str, name: &str) -> Command {
    let mut command = cargo();
    command.args(["test", "--package", package, "--test", name]);
    command
}

/// A setting of cargo: test programs are started through us, and we start them in a guest.
pub(crate) fn guest_runner() -> String {
    // Without a path cargo says clearly that the runner is not there.
    let own = env::current_exe().map_or_else(|_| "xtask".to_owned(), |path| path.to_string_lossy().into_owned());
    let load: Vec<String> = PERNET_MODULES
        .iter()
        .map(|module| format!("'--load', '{module}', "))
        .collect();
    format!("target.'cfg(all())'.runner=['{own}', 'guest', {}'--']", load.concat())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
