//! Real servers on a real IPVS: what an agent says, in the kernel's table and for clients; and `SSL_GET` and `TCP_CHECK` under
//! keepalived and Holdfast, side by side, against servers that stop, stand still and come back. In a guest, started by
//! `cargo xtask test guest`.

#[allow(dead_code, reason = "the others are for the host")]
#[path = "services/servers.rs"]
mod servers;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::agent::Agent;
use bed::client::{Lasting, Load};
use bed::daemon::{Daemon, Role, Software};
use bed::site::{self, Forwarding, Options, REAL, Site};
use bed::trace::Trace;
use bed::verdicts::{FIRST_PORT, checker, ensure_ports, service};

/// Time for things that take a second or two when nobody else is about.
const PATIENCE: Duration = Duration::from_secs(40);

const LOAD_INTERVAL: Duration = Duration::from_millis(50);

/// Agents of both servers: percentages, drain, down with the table as it is then; a client that is connected is not bothered by
/// drain, not even when the checker process dies meanwhile.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn agents_drain_and_weigh_servers() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let agents = [
        Agent::start(&site.servers[0], 5309, "")?,
        Agent::start(&site.servers[1], 5309, "")?,
    ];
    let options = Options {
        weights: [10, 10],
        ..Options::default()
    };
    let check = "        AGENT_CHECK {\n            connect_port 5309\n            connect_timeout 3\n        }\n        HTTP_GET {";
    let configuration = site
        .configuration(&options)
        .replace("        inhibit_on_failure\n", "")
        .replace("        HTTP_GET {", check);
    let [director, _] = &site.directors;
    let daemon = Daemon::start(Software::Holdfast, director, &configuration)?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 10), (1, 10)], PATIENCE)?;

    let mut lasting = Lasting::open(&site.client, site.target())?;
    let own = REAL.iter().position(|name| *name == lasting.server());
    let own = own.context("a server that is none of ours")?;
    let other = 1 - own;
    let (agent, rest) = if own == 0 {
        (&agents[0], REAL[1])
    } else {
        (&agents[1], REAL[0])
    };
    agent.says("75%\n");
    site.wait_for_weights(director, &[(own, 7), (other, 10)], PATIENCE)?;
    agent.says("drain # upgrade\n");
    site.wait_for_weights(director, &[(own, 0), (other, 10)], PATIENCE)?;
    lasting.ask().context("the connection to a server that drains")?;
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&[rest], PATIENCE)?;

    let trace = Trace::of(director)?;
    let killed = SystemTime::now();
    let former = daemon.role(Role::Checker)?;
    daemon.kill_role(Role::Checker)?;
    daemon.wait_for_role(Role::Checker, Some(former), PATIENCE)?;
    daemon.wait_for_log("as found in the kernel", killed, PATIENCE)?;
    daemon.wait_for_log("says: drain", killed, PATIENCE)?;
    lasting.ask().context("the connection over the checker's death")?;
    let changes = trace.since(killed);
    ensure!(changes.is_empty(), "the new checker did {changes:?}");

    agent.says("ready 50%\n");
    site.wait_for_weights(director, &[(own, 5), (other, 10)], PATIENCE)?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    agent.says("down # disk full\n");
    site.wait_for_weights(director, &[(other, 10)], PATIENCE)?;
    daemon.wait_for_log("the agent says down: disk full", killed, PATIENCE)?;
    agent.says("up\n");
    site.wait_for_weights(director, &[(own, 5), (other, 10)], PATIENCE)?;
    let protocol = load.since(killed);
    // The one that was on its way to the server that went is excused.
    ensure!(protocol.failures().len() <= 1, "failed: {:?}", protocol.failures());
    Ok(())
}

/// The same verdicts as keepalived on a web page of `openssl s_server`, a Redis server and a directory.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn the_same_verdicts_on_real_servers() -> Result<()> {
    const PAGE: u16 = FIRST_PORT;
    const OTHER_STATUS: u16 = FIRST_PORT + 1;
    const REDIS: u16 = FIRST_PORT + 2;
    const DIRECTORY: u16 = FIRST_PORT + 3;
    const PLAIN_AS_TLS: u16 = FIRST_PORT + 4;

    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let server = &site.servers[0];
    servers::certificate(server, "www.example.org")?;
    let page = |port: u16, status: u16| {
        checker(
            "SSL_GET",
            &format!(
                "connect_port {port}\n            url {{\n                path /\n                status_code {status}\n            }}"
            ),
        )
    };
    let checks = [
        (PAGE, page(443, 200)),
        (OTHER_STATUS, page(443, 204)),
        (REDIS, checker("TCP_CHECK", "connect_port 6379")),
        (DIRECTORY, checker("TCP_CHECK", "connect_port 389")),
        (PLAIN_AS_TLS, page(6379, 200)),
    ];
    let configuration = service(checks.into_iter().map(|(port, check)| ("192.168.0.61", port, check)));
    let [first, second] = &site.directors;
    let _keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let ensure_up = |moment: &str, up: &[u16]| {
        let up: BTreeSet<u16> = up.iter().copied().collect();
        println!("{moment}");
        ensure_ports([first, second], [&up, &up], |port| format!("port {port}")).context(moment.to_owned())
    };
    let start = || -> Result<_> {
        Ok([
            servers::tls_web(server, 443, &[])?,
            servers::redis(server, "s3cret", &[])?,
            servers::slapd(server, "")?,
        ])
    };
    let running = start()?;
    ensure_up("all alive", &[PAGE, REDIS, DIRECTORY])?;
    running.iter().try_for_each(servers::Server::freeze)?;
    ensure_up("all stand still, and the kernel takes connections", &[REDIS, DIRECTORY])?;
    running.iter().try_for_each(servers::Server::thaw)?;
    ensure_up("all go on", &[PAGE, REDIS, DIRECTORY])?;
    running.into_iter().try_for_each(servers::Server::stop)?;
    ensure_up("all dead", &[])?;
    let _running = start()?;
    ensure_up("all back", &[PAGE, REDIS, DIRECTORY])
}
