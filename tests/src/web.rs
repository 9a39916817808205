//! Real servers: nginx, each answering with its own name.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::node::{Node, Process};
use crate::wait;

const PROGRAM: &str = "/usr/sbin/nginx";
const CONFIGURATION: &str = "/run/web.conf";
/// A busy guest needs a while to start a program.
const START_LIMIT: Duration = Duration::from_secs(10);
const SIGNAL_INTERVAL: Duration = Duration::from_secs(1);

/// A web server on port 80 of a node. Every path answers 200 with the node's name and a line end.
#[derive(Debug)]
pub struct Web {
    process: Process,
}

impl Web {
    /// Starts one and waits until it listens.
    pub fn start(node: &Node) -> Result<Self> {
        fs::write(node.path(CONFIGURATION), configuration(node.name())).context("writing nginx's configuration")?;
        let mut command = Command::new(PROGRAM);
        command.args(["-e", "stderr", "-c", CONFIGURATION]);
        let web = Self {
            process: node.start(command).context("nginx (Debian package nginx-light)")?,
        };
        let outcome = wait::until("nginx to listen", START_LIMIT, || {
            listens(node) || web.process.ended().is_ok_and(|status| status.is_some())
        });
        if outcome.is_err() || !listens(node) {
            bail!("nginx does not serve on {}: {}", node.name(), web.process.log_text());
        }
        Ok(web)
    }

    /// Stops it at once: connections break, new ones are refused.
    pub fn stop(self) -> Result<()> {
        let since = Instant::now();
        loop {
            self.process.signal(Signal::SIGTERM)?;
            // A signal between its start and its first wait for events is only seen with the next event.
            match self.process.wait(SIGNAL_INTERVAL) {
                Err(problem) if since.elapsed() > START_LIMIT => return Err(problem),
                Err(_) => {}
                Ok(_) => return Ok(()),
            }
        }
    }
}

fn configuration(name: &str) -> String {
    // One process without a master: nothing is left when it is killed. Files only where they vanish with the node.
    format!(
        "daemon off;
master_process off;
user root;
pid /run/web.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path /run/web-body;
    proxy_temp_path /run/web-proxy;
    fastcgi_temp_path /run/web-fastcgi;
    uwsgi_temp_path /run/web-uwsgi;
    scgi_temp_path /run/web-scgi;
    keepalive_timeout 600s;
    keepalive_requests 1000000;
    server {{
        listen 80 backlog=1024;
        listen [::]:80 backlog=1024;
        location / {{ return 200 \"{name}\\n\"; }}
    }}
}}
"
    )
}

/// Looks for a listening socket (state 0A) on port 80 (hexadecimal 50).
fn listens(node: &Node) -> bool {
    node.proc_net("tcp")
        .is_ok_and(|text| text.lines().any(|line| line.contains(":0050 00000000:0000 0A")))
}
