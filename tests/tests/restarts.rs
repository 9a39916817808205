//! Deaths and restarts of a director under 200 requests a second, on a real IPVS: no request fails. In a guest, started by
//! `cargo xtask test guest`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::client::Lasting;
use bed::daemon::{Daemon, Role, Software};
use bed::figures;
use bed::node::Node;
use bed::saved_table::SavedTable;
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

/// A file with these services, each with one real server.
fn services(names: &[&str]) -> String {
    let service = |name: &&str| {
        format!(
            "virtual_server {name} {{\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n    real_server 192.168.0.61 80 {{\n    }}\n}}\n"
        )
    };
    let group = "virtual_server_group G {\n    192.168.0.230-231 80\n    fwmark 9\n}\n";
    group.to_owned() + &names.iter().map(service).collect::<String>()
}

/// The services in a director's table, as `ipvsadm` names them.
fn table(node: &Node) -> Vec<String> {
    SavedTable::of(node).map_or_else(|_| Vec::new(), |table| table.0.into_keys().collect())
}

fn wait_for_table(node: &Node, wanted: &[&str]) -> Result<()> {
    let mut seen = Vec::new();
    let outcome = wait::until("the table", PATIENCE, || {
        seen = table(node);
        seen == wanted
    });
    outcome.with_context(|| format!("wanted {wanted:?}, saw {seen:?}"))
}

/// A director is killed, and started again with a file that names fewer services, and then none at all. What others made, before
/// and in between, stays.
fn a_start_with_fewer_services(software: Software) -> Result<()> {
    const OTHERS: [&str; 2] = ["-t 192.168.0.222:80", "-t 192.168.0.223:80"];
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    let make = |name: &str| -> Result<()> {
        let words: Vec<&str> = name.split(' ').collect();
        director.run("ipvsadm", &[&["-A"], words.as_slice(), &["-s", "wlc"]].concat())?;
        director
            .run(
                "ipvsadm",
                &[&["-a"], words.as_slice(), &["-r", "192.168.0.62", "-g"]].concat(),
            )
            .map(drop)
    };
    make(OTHERS[0])?;
    let all = services(&["192.168.0.200 80", "192.168.0.210 80", "fwmark 7", "group G"]);
    let before = [
        "-f 7",
        "-f 9",
        "-t 192.168.0.200:80",
        "-t 192.168.0.210:80",
        OTHERS[0],
        "-t 192.168.0.230:80",
        "-t 192.168.0.231:80",
    ];
    let daemon = Daemon::start(software, director, &all)?;
    wait_for_table(director, &before)?;
    daemon.kill()?;
    drop(daemon);
    make(OTHERS[1])?;
    let mut left = before.to_vec();
    left.insert(5, OTHERS[1]);
    wait_for_table(director, &left)?;

    let daemon = Daemon::start(software, director, &services(&["192.168.0.200 80", "192.168.0.240 80"]))?;
    if software == Software::Keepalived {
        // It knows nothing of a predecessor.
        left.push("-t 192.168.0.240:80");
        wait_for_table(director, &left)?;
        daemon.stop()?;
        ensure!(table(director).len() > OTHERS.len(), "keepalived removed what was left");
        return Ok(());
    }
    wait_for_table(
        director,
        &["-t 192.168.0.200:80", OTHERS[0], OTHERS[1], "-t 192.168.0.240:80"],
    )?;
    daemon.kill()?;
    drop(daemon);

    // Nothing to balance any more.
    let daemon = Daemon::start(software, director, &services(&[]))?;
    wait_for_table(director, &OTHERS)?;
    daemon.stop()?;
    wait_for_table(director, &OTHERS)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn a_killed_daemon_s_services_go_when_the_file_names_them_no_more() -> Result<()> {
    a_start_with_fewer_services(Software::Holdfast)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn a_killed_keepalived_s_services_stay() -> Result<()> {
    a_start_with_fewer_services(Software::Keepalived)
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
