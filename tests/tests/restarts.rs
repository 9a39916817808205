//! Deaths and restarts of a director under 200 requests a second, on a real IPVS: no request fails. In a guest, started by
//! `cargo xtask test guest`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::client::Lasting;
use bed::daemon::{Daemon, Role, Software};
use bed::figures;
use bed::node::Node;
use bed::site::{self, Forwarding, Site};
use bed::trace::Trace;
use bed::undisturbed::Clients;
use bed::wait;
use bed::web::Web;

/// Time for things that take a second or two when nobody else is about.
const PATIENCE: Duration = Duration::from_secs(40);

/// 200 a second.
const LOAD_INTERVAL: Duration = Duration::from_millis(5);

/// Requests that reach a real server without a director show when the guest itself stands still.
const CONTROL_INTERVAL: Duration = Duration::from_millis(100);

/// Longer than a round of checks with its retries.
const SETTLED: Duration = Duration::from_secs(3);

/// A load like that needs the guest for itself.
static ALONE: Mutex<()> = Mutex::new(());

/// What happens to the director.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// `kill -9` of the process that keeps the table.
    CheckerKilled,
    /// A stop that keeps the table (`--dont-release-ipvs`), and a start.
    StoppedAndStarted,
    /// `kill -9` of all its processes, and a start.
    AllKilled,
}

/// Without VRRP: this is about the table alone. The third server is dead where there is one.
fn configuration(third: bool) -> String {
    let servers = [61, 62, 63].into_iter().take(if third { 3 } else { 2 });
    let server = |host: u8| {
        format!(
            "    real_server 192.168.0.{host} 80 {{
        TCP_CHECK {{
            connect_port 80
            connect_timeout 10
            retry 1
            delay_before_retry 1
        }}
    }}
"
        )
    };
    let servers: String = servers.map(server).collect();
    format!(
        "virtual_server 192.168.0.200 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind DR
    protocol TCP
{servers}}}
"
    )
}

fn happen<'a>(event: Event, daemon: Daemon<'a>, node: &'a Node) -> Result<Daemon<'a>> {
    let software = daemon.software();
    match event {
        Event::CheckerKilled => {
            let former = daemon.role(Role::Checker)?;
            daemon.kill_role(Role::Checker)?;
            daemon.wait_for_role(Role::Checker, Some(former), PATIENCE)?;
            return Ok(daemon);
        }
        Event::StoppedAndStarted => drop(daemon.stop()?),
        Event::AllKilled => drop(daemon.kill()?),
    }
    drop(daemon);
    Daemon::start_again_with(software, node, &["-I"])
}

fn restarts(software: Software) -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, _web2, web3] = site.start_webs()?;
    web3.stop()?;
    let [director, _] = &site.directors;
    director.ip(&[format!("address add {}/32 dev eth0", site.virtual_address())])?;
    let trace = Trace::of(director)?;
    // A keepalived that is started anew sends clients to servers that are dead.
    let third = software == Software::Holdfast;
    let mut daemon = Daemon::start_with(software, director, &configuration(third), &["-I"])?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    let mut lasting = Lasting::open(&site.client, site.target())?;
    let clients = Clients::start(&site, LOAD_INTERVAL, CONTROL_INTERVAL, PATIENCE)?;
    for event in [Event::CheckerKilled, Event::StoppedAndStarted, Event::AllKilled] {
        let since = SystemTime::now();
        daemon = happen(event, daemon, director)?;
        std::thread::sleep(SETTLED);
        let about = || format!("{software}: {event:?}");
        lasting.ask().with_context(about)?;
        let seen = clients.since(since);
        let protocol = &seen.protocol;
        let length = wait::seconds_between(protocol.begin, protocol.end);
        let rate = f64::from(u32::try_from(protocol.attempts.len())?) / length;
        let requests = trace.requests_since(since);
        if software == Software::Holdfast {
            seen.ensure().with_context(about)?;
            ensure!(requests.is_empty(), "{event:?}: the director asked for {requests:?}");
            ensure!(rate > 100.0, "{event:?}: only {rate:.0} requests a second");
        }
        site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
        figures::report_text(&format!(
            "{software}, {event:?}: {} requests, {rate:.0} a second, {} failed, {} slow ones while the guest stood still",
            protocol.attempts.len(),
            seen.failed.len(),
            seen.excused
        ));
    }
    // It watches the servers as before.
    drop(clients);
    web1.stop()?;
    site.wait_for_weights(director, &[(1, 1)], PATIENCE)?;
    if third {
        let _web3 = Web::start(&site.servers[2])?;
        site.wait_for_weights(director, &[(1, 1), (2, 1)], PATIENCE)?;
    }
    Ok(())
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn no_request_fails_over_restarts() -> Result<()> {
    restarts(Software::Holdfast)
}

/// That the events can be gone through; what its clients see is a figure.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn keepalived_is_restarted_under_load() -> Result<()> {
    restarts(Software::Keepalived)
}
