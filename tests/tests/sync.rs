//! What directors do with IPVS besides the table: connection synchronisation, timeouts, the end. On a real IPVS: in a guest,
//! started by `cargo xtask test guest`. keepalived is the subject first.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::client::Lasting;
use bed::daemon::{Daemon, Software};
use bed::figures;
use bed::node::Node;
use bed::seed::seeds;
use bed::site::{self, Forwarding, Options, Site};
use bed::wait;

/// Time for things that take a second or two when nobody else is about.
const PATIENCE: Duration = Duration::from_secs(15);

/// Changes of the roles, as fast as the election allows: as many as there is time for, or as many as `HOLDFAST_TRIALS` says,
/// however long they take.
const CHANGES: usize = 300;
const FEWEST_CHANGES: usize = 40;
const TIME_FOR_CHANGES: Duration = Duration::from_mins(1);
/// keepalived only shows that it can be done: the kernel may leave it waiting for ever.
const CHANGES_OF_KEEPALIVED: usize = 40;
const TIME_FOR_KEEPALIVED: Duration = Duration::from_secs(25);

const BACKUP: Options = Options {
    priority: 100,
    advert_int: 1.0,
    weights: [1, 1],
};

fn with_global(global: &str, configuration: &str) -> String {
    format!("global_defs {{\n{global}\n}}\n{configuration}")
}

/// The sync daemons of a node, as ipvsadm shows them.
fn daemons(node: &Node) -> String {
    node.run("ipvsadm", &["-Ln", "--daemon"]).unwrap_or_default()
}

fn wait_for_daemon(node: &Node, role: &str) -> Result<()> {
    wait_for_daemon_of(node, role, 51)
}

fn wait_for_daemon_of(node: &Node, role: &str, id: u8) -> Result<()> {
    let mut seen = String::new();
    let outcome = wait::until("the sync daemon", PATIENCE, || {
        seen = daemons(node);
        seen.lines().count() == 1 && seen.starts_with(&format!("{role} sync daemon (mcast=eth0, syncid={id}"))
    });
    outcome.map_err(|problem| problem.context(format!("{}: wanted {role}, ipvsadm shows {seen:?}", node.name())))
}

/// The master tells the backup of its connections, so that one lives when the other director takes over; and the daemons
/// change their roles with the instance, and go with the director.
fn a_connection_survives_the_failover(subject: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [first, second] = &site.directors;
    for director in &site.directors {
        // The first packet is told already, and again every other one: as an idle connection needs it.
        director.sysctl("ipv4/vs/sync_threshold", "1 2")?;
    }
    let global = "lvs_sync_daemon eth0 V_W";
    let better = with_global(global, &site.configuration(&Options::default()));
    let master = Daemon::start(subject, first, &better)?;
    let backup = Daemon::start(subject, second, &with_global(global, &site.configuration(&BACKUP)))?;
    site.wait_for_master(first, PATIENCE)?;
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    site.wait_for_weights(second, &[(0, 1), (1, 1)], PATIENCE)?;
    wait_for_daemon(first, "master")?;
    wait_for_daemon(second, "backup")?;

    let mut lasting = Lasting::open(&site.client, site.target())?;
    for _ in 0..4 {
        lasting.ask()?;
    }
    wait::until("the connection on the backup", PATIENCE, || {
        second
            .proc_net("ip_vs_conn_sync")
            .is_ok_and(|text| text.lines().skip(1).any(|line| line.contains("ESTABLISHED")))
    })?;
    master.stop()?;
    site.wait_for_master(second, PATIENCE)?;
    wait_for_daemon(second, "master")?;
    lasting.ask()?;
    lasting.ask()?;
    wait::until("the end of the stopped director's daemons", PATIENCE, || {
        daemons(first).is_empty()
    })?;

    let _master = Daemon::start(subject, first, &better)?;
    site.wait_for_master(first, PATIENCE)?;
    wait_for_daemon(first, "master")?;
    wait_for_daemon(second, "backup")?;
    drop(backup);
    Ok(())
}

/// The file that the better director tracks.
const FLIP: &str = "/run/flip";

/// The better director gives up and takes over, again and again, by a tracked file: each time the right daemon runs on both,
/// and in the end none.
fn daemons_follow_the_roles(subject: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [first, second] = &site.directors;
    let global = "lvs_sync_daemon eth0 V_W";
    let fast = |priority| {
        let options = Options {
            priority,
            advert_int: 0.1,
            ..Options::default()
        };
        with_global(global, &site.configuration(&options))
    };
    let tracking = format!("track_file flip {{\n    file {FLIP}\n    weight 1\n}}\n{}", fast(150));
    let tracking = tracking.replace(
        "    state BACKUP\n",
        "    state BACKUP\n    track_file {\n        flip\n    }\n",
    );
    // -254 and less is a fault: who has one says so, and the other waits for nothing.
    let turn = |up: bool| fs::write(first.path(FLIP), if up { "0\n" } else { "-254\n" }).context("the tracked file");
    turn(true)?;
    let better = Daemon::start(subject, first, &tracking)?;
    let worse = Daemon::start(subject, second, &fast(100))?;
    let right = |roles: [&str; 2]| wait_for_daemon(first, roles[0]).and_then(|()| wait_for_daemon(second, roles[1]));
    let at_first = right(["master", "backup"]);
    let hangs = at_first.is_err() && subject == Software::Keepalived;
    if !hangs {
        at_first?;
    }

    let asked_for = seeds(0).len();
    let (wanted, fewest, time) = match subject {
        Software::Holdfast if asked_for > 0 => (asked_for, asked_for, TIME_FOR_CHANGES),
        Software::Holdfast => (CHANGES, FEWEST_CHANGES, TIME_FOR_CHANGES),
        Software::Keepalived => (CHANGES_OF_KEEPALIVED, 0, TIME_FOR_KEEPALIVED),
    };
    let (since, mut done, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    while !hangs && done < wanted && (since.elapsed() < time || done < fewest) {
        let is_master = done % 2 == 1;
        let change = Instant::now();
        turn(is_master)?;
        let roles = if is_master {
            ["master", "backup"]
        } else {
            ["backup", "master"]
        };
        let outcome = right(roles);
        if subject == Software::Keepalived && outcome.is_err() {
            break;
        }
        outcome.with_context(|| format!("change {}", done + 1))?;
        slowest = slowest.max(change.elapsed());
        done += 1;
    }
    figures::report_text(&format!(
        "{subject}: {done} of {wanted} changes of the roles in {:.1} s, the slowest took {:.1} s until both sync daemons were right",
        since.elapsed().as_secs_f64(),
        slowest.as_secs_f64()
    ));
    if subject == Software::Keepalived {
        return Ok(());
    }
    better.stop()?;
    worse.stop()?;
    wait::until("the end of all sync daemons", PATIENCE, || {
        daemons(first).is_empty() && daemons(second).is_empty()
    })
}

/// The old keyword of an instance gives its daemons the number 0, not the VRID: peers must agree on it.
fn daemons_of_the_old_keyword_have_number_0(subject: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    let configuration = site.configuration(&Options::default()).replace(
        "    state BACKUP\n",
        "    state BACKUP\n    lvs_sync_daemon_interface eth0\n",
    );
    let daemon = Daemon::start(subject, director, &configuration)?;
    wait_for_daemon_of(director, "master", 0)?;
    daemon.stop()?;
    Ok(())
}

/// Timeouts are the kernel's from then on, `lvs_flush_on_stop` takes everything along, and `lvs_flush` begins with nothing.
fn timeouts_and_the_whole_table(subject: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    let foreign = ["-A", "-t", "192.168.0.222:80", "-s", "rr"];
    director.run("ipvsadm", &foreign)?;
    let timeouts = "lvs_timeouts tcp 7200 tcpfin 30 udp 60";
    let configuration = site.configuration(&Options::default());
    let daemon = Daemon::start(subject, director, &with_global(timeouts, &configuration))?;
    site.wait_for_master(director, PATIENCE)?;
    let mut shown = String::new();
    let set = wait::until("the timeouts", PATIENCE, || {
        shown = director.run("ipvsadm", &["-Ln", "--timeout"]).unwrap_or_default();
        shown.trim().ends_with("7200 30 60")
    });
    ensure!(set.is_ok(), "ipvsadm shows {shown:?}");
    daemon.stop()?;
    let left = director.run("ipvsadm", &["-Sn"])?;
    ensure!(
        left.lines().count() == 1 && left.contains("192.168.0.222:80"),
        "left: {left:?}"
    );

    let flushing = with_global("lvs_flush_on_stop", &configuration);
    let started = SystemTime::now();
    let daemon = Daemon::start(subject, director, &flushing)?;
    daemon.wait_for_log("Entering MASTER STATE", started, PATIENCE)?;
    daemon.stop()?;
    let left = director.run("ipvsadm", &["-Sn"])?;
    ensure!(left.trim().is_empty(), "left: {left:?}");

    director.run("ipvsadm", &foreign)?;
    let _daemon = Daemon::start(subject, director, &with_global("lvs_flush", &configuration))?;
    let table = || director.run("ipvsadm", &["-Sn"]).unwrap_or_default();
    wait::until("only the services of the file", PATIENCE, || {
        table().contains("-A -t 192.168.0.200:80") && !table().contains("192.168.0.222:80")
    })
}

/// VRRP speaks in one network namespace, and the services are in another.
fn ipvs_is_in_another_namespace(subject: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    director.run("ip", &["netns", "add", "services"])?;
    let configuration = format!(
        "net_namespace_ipvs services\n{}",
        site.configuration(&Options::default())
    );
    let daemon = Daemon::start(subject, director, &configuration)?;
    site.wait_for_master(director, PATIENCE)?;
    let inside = || {
        director
            .run("ip", &["netns", "exec", "services", "ipvsadm", "-Sn"])
            .unwrap_or_default()
    };
    wait::until("the service in its namespace", PATIENCE, || {
        inside().contains("192.168.0.200:80")
    })?;
    ensure!(site.service(director).is_none(), "the service is in both");
    daemon.stop()?;
    ensure!(inside().trim().is_empty(), "left: {:?}", inside());
    Ok(())
}

bed::cases!(guest both;
    a_connection_survives_the_failover
    daemons_follow_the_roles
    daemons_of_the_old_keyword_have_number_0
    timeouts_and_the_whole_table
    ipvs_is_in_another_namespace
);
