//! A real mail server: `OpenSMTPD`, which takes no mail.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::node::{Node, Process};
use crate::wait;

const CONFIGURATION: &str = "/run/mail.conf";
const LIMIT: Duration = Duration::from_secs(20);

/// A mail server on port 25 of a node.
#[derive(Debug)]
pub struct Mail {
    process: Process,
}

impl Mail {
    /// Starts one and waits until it listens.
    pub fn start(node: &Node) -> Result<Self> {
        let text = format!(
            "listen on 0.0.0.0 port 25 hostname {}\nmatch from any for any reject\n",
            node.name()
        );
        fs::write(node.path(CONFIGURATION), text).context("writing the mail server's configuration")?;
        let mut command = Command::new("/usr/sbin/smtpd");
        command.args(["-d", "-f", CONFIGURATION]);
        let mail = Self {
            process: node.start(command).context("smtpd (Debian package opensmtpd)")?,
        };
        // State 0A listens; 0019 is 25.
        let listens = || {
            node.proc_net("tcp")
                .is_ok_and(|text| text.lines().any(|line| line.contains(":0019 00000000:0000 0A")))
        };
        let outcome = wait::until("smtpd to listen", LIMIT, || {
            listens() || mail.process.ended().is_ok_and(|status| status.is_some())
        });
        if outcome.is_err() || !listens() {
            bail!("no mail server on {}: {}", node.name(), mail.process.log_text());
        }
        Ok(mail)
    }

    /// Stops it: connections are refused.
    pub fn stop(self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(LIMIT).map(drop)
    }
}
