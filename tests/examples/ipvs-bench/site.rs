//! A director alone in a node with all addresses of the servers, and its configuration.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use bed::daemon::Daemon;
use bed::node::Node;
use bed::usage::{memory, processor_time};
use nix::unistd::Pid;

use crate::kernel::{PORT, server_address, service_address};

/// How a server is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    None,
    Tcp,
    Http,
}

/// A configuration with services of as many real servers each.
pub struct Configuration<'a> {
    pub services: usize,
    pub servers: usize,
    pub delay_loop_s: u32,
    pub check: &'a dyn Fn(usize, usize) -> Check,
    pub weight: &'a dyn Fn(usize, usize) -> u32,
}

impl Configuration<'_> {
    pub fn text(&self) -> String {
        let mut text = String::from("global_defs {\n    router_id bench\n}\n");
        for service in 0..self.services {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "virtual_server {} {PORT} {{\n    delay_loop {}\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP",
                service_address(service),
                self.delay_loop_s
            );
            for server in 0..self.servers {
                let _ = writeln!(
                    text,
                    "    real_server {} {PORT} {{\n        weight {}",
                    server_address(service, server),
                    (self.weight)(service, server)
                );
                text.push_str(match (self.check)(service, server) {
                    Check::None => "",
                    Check::Tcp => {
                        "        TCP_CHECK {\n            connect_timeout 1\n            retry 1\n            delay_before_retry 1\n        }\n"
                    }
                    Check::Http => {
                        "        HTTP_GET {\n            url {\n                path /\n                status_code 200\n            }\n            connect_timeout 1\n            retry 1\n            delay_before_retry 1\n        }\n"
                    }
                });
                text.push_str("    }\n");
            }
            text.push_str("}\n");
        }
        text
    }
}

/// A node on which all of 10.0.0.0/8 is local.
pub fn node() -> Result<Node> {
    let node = Node::new("bench")?;
    node.ip(&[
        "link set lo up".to_owned(),
        "route add local 10.0.0.0/8 dev lo".to_owned(),
    ])?;
    Ok(node)
}

/// A daemon's processes.
pub fn processes(daemon: &Daemon<'_>) -> Vec<Pid> {
    let first = daemon.process();
    std::iter::once(first.pid()).chain(first.descendants()).collect()
}

/// What all processes of a daemon had of the processors so far.
pub fn all_processor_time(daemon: &Daemon<'_>) -> Duration {
    // One may have ended meanwhile.
    processes(daemon)
        .into_iter()
        .filter_map(|pid| processor_time(pid).ok())
        .sum()
}

/// Memory of all processes (PSS), in MiB.
pub fn all_memory(daemon: &Daemon<'_>) -> Result<f64> {
    let all = processes(daemon)
        .into_iter()
        .map(|pid| Ok(memory(pid)?.proportional_mib));
    all.sum()
}

/// Threads of all processes.
pub fn all_threads(daemon: &Daemon<'_>) -> usize {
    let of = |pid: Pid| std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    processes(daemon).into_iter().map(of).sum()
}

/// Waits until the daemon has nothing to do any more; returns since when.
pub fn wait_until_idle(daemon: &Daemon<'_>, bound: Duration) -> Instant {
    const STEP: Duration = Duration::from_millis(50);
    /// A daemon with checks is never quite idle.
    const BUSY: Duration = Duration::from_millis(10);
    const STEPS: u32 = 16;
    let begin = Instant::now();
    let (mut since, mut quiet) = (begin, 0);
    let mut before = all_processor_time(daemon);
    while quiet < STEPS && begin.elapsed() < bound {
        std::thread::sleep(STEP);
        let now = all_processor_time(daemon);
        if now.saturating_sub(before) > BUSY {
            (since, quiet) = (Instant::now(), 0);
        } else {
            quiet += 1;
        }
        before = now;
    }
    since
}
