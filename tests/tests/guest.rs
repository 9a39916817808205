//! Directors that balance, on a real IPVS: in a guest, started by `cargo xtask test guest`.
//!
//! Every case runs with keepalived as the director first, which proves the case, then with Holdfast.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::client::{Attempt, Lasting, Load};
use bed::daemon::{Daemon, Role, Software};
use bed::figures;
use bed::load;
use bed::node::Node;
use bed::site::{self, Forwarding, Options, REAL, Site};
use bed::trace::{Change, Trace};
use bed::wait;
use bed::web::Web;

/// Time for things that take a second or two when nobody else is about: a busy machine needs many times that.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often the load begins a connection.
const LOAD_INTERVAL: Duration = Duration::from_millis(25);

const BACKUP: Options = Options {
    priority: 100,
    advert_int: 1.0,
    weights: [1, 1],
};

/// Traffic reaches both servers, a dead server gets no new connections and comes back, the sorry server answers when
/// all are dead; the other director takes over at a clean stop, which leaves nothing.
fn balances_heals_and_hands_over(forwarding: Forwarding, software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(forwarding)?;
    let [web1, web2, _sorry] = site.start_webs()?;
    let [first, second] = &site.directors;
    let master = Daemon::start(software, first, &site.configuration(&Options::default()))?;
    let backup = Daemon::start(software, second, &site.configuration(&BACKUP))?;
    site.wait_for_master(first, PATIENCE)?;
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    let shown = first.run("ipvsadm", &["-Ln"])?;
    ensure!(
        shown.matches(forwarding.in_table()).count() == 2,
        "ipvsadm shows\n{shown}"
    );

    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    let begin = SystemTime::now();
    for server in REAL {
        load.wait_for(server, begin, PATIENCE, |attempt| attempt.is_from(server))?;
    }

    site.ensure_heals(first, &load, [web1, web2], PATIENCE)?;
    let _webs = [Web::start(&site.servers[0])?, Web::start(&site.servers[1])?];
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    // Undisturbed before, so that the outage is the stop's.
    let quiet = SystemTime::now();
    master.stop()?;
    let outage = site.outage_of_takeover(&load, quiet, PATIENCE)?;
    figures::report(
        &format!("{software}, {forwarding:?}: outage at a clean stop"),
        outage * 1000.0,
        "ms",
    );
    let memory = backup.memory()?.into_iter().map(|(_, mib)| mib).sum();
    figures::report(
        &format!("{software}, {forwarding:?}: memory (PSS) of all its processes"),
        memory,
        "MiB",
    );
    ensure!(!first.has(site.virtual_address()), "the address was left behind");
    ensure!(site.service(first).is_none(), "the service was left behind");
    drop(load);
    backup.stop()?;
    ensure!(!second.has(site.virtual_address()), "the address was left behind");
    ensure!(site.service(second).is_none(), "the service was left behind");
    Ok(())
}

/// The pair of the tutorial, its file mended but otherwise as written: its sorry server is a web server on the director
/// itself, at the virtual address.
fn tutorial_pair_runs(software: Software) -> Result<()> {
    /// A round of checks and three tries take 15 s.
    const SLOW: Duration = Duration::from_secs(40);
    let configuration = include_str!("../configurations/tutorial.conf");
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, web2, _] = site.start_webs()?;
    let [first, second] = &site.directors;
    let _sorry = Web::start(first)?;
    let _master = Daemon::start(software, first, configuration)?;
    site.wait_for_master(first, PATIENCE)?;
    let _backup = Daemon::start(software, second, configuration)?;
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    let shown = first.run("ipvsadm", &["-Ln"])?;
    for server in ["192.168.0.61:80", "192.168.0.62:80"] {
        let line = shown.lines().find(|line| line.contains(server)).unwrap_or_default();
        let words: Vec<_> = line.split_whitespace().collect();
        ensure!(
            words.starts_with(&["->", server, "Route", "1"]),
            "ipvsadm shows\n{shown}"
        );
    }
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.wait_for_service(PATIENCE)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    web1.stop()?;
    site.wait_for_weights(first, &[(0, 0), (1, 1)], SLOW)?;
    load.ensure_served_by(&[REAL[1]], PATIENCE)?;
    web2.stop()?;
    let sorry = |attempt: &Attempt| attempt.is_from(first.name());
    load.wait_for("the sorry server", SystemTime::now(), SLOW, sorry)?;
    load.ensure_served_by(&[first.name()], PATIENCE)?;

    let _webs = [Web::start(&site.servers[0])?, Web::start(&site.servers[1])?];
    site.wait_for_weights(first, &[(0, 1), (1, 1)], SLOW)?;
    load.ensure_served_by(&REAL, PATIENCE)
}

/// `kill -9` of the process that keeps the table: address and table stay, connections live, and the process that
/// replaces it goes on with what it finds.
fn lost_checker_is_replaced_unnoticed(software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, _web2, _sorry] = site.start_webs()?;
    let [director, _] = &site.directors;
    let trace = Trace::of(director)?;
    let daemon = Daemon::start(software, director, &site.configuration(&Options::default()))?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    let mut lasting = Lasting::open(&site.client, site.target())?;
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    let former = daemon.role(Role::Checker)?;
    let killed = daemon.kill_role(Role::Checker)?;
    let mut problem = None;
    wait::until("another checker", PATIENCE, || {
        problem = problem.take().or_else(|| lasting.ask().err());
        ensure_undisturbed(&site, director, &mut problem);
        daemon.role(Role::Checker).is_ok_and(|pid| pid != former)
    })?;
    // Long enough for the new one to find all servers alive, as the old one had.
    let settled = SystemTime::now() + Duration::from_secs(4);
    while SystemTime::now() < settled {
        problem = problem.take().or_else(|| lasting.ask().err());
        ensure_undisturbed(&site, director, &mut problem);
        std::thread::sleep(Duration::from_millis(50));
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    let protocol = load.since(killed);
    ensure!(protocol.failures().is_empty(), "failed: {:?}", protocol.failures());
    let changes = trace.since(killed);
    let destructive = [Change::Flush, Change::DelService, Change::DelDest];
    ensure!(
        !changes.iter().any(|change| destructive.contains(change)),
        "the new checker did {changes:?}"
    );

    web1.stop()?;
    site.wait_for_weights(director, &[(0, 0), (1, 1)], PATIENCE)
}

fn ensure_undisturbed(site: &Site, director: &Node, problem: &mut Option<anyhow::Error>) {
    let table = site.service(director).map(|service| service.destinations.len());
    if table != Some(2) {
        problem.get_or_insert_with(|| anyhow::anyhow!("the table has {table:?} destinations"));
    }
    if !director.has(site.virtual_address()) {
        problem.get_or_insert_with(|| anyhow::anyhow!("the address went"));
    }
}

/// `SIGHUP` with one weight changed: one destination is edited, nothing else, and a connection lives through it.
fn changed_weight_edits_one_destination(software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [director, _] = &site.directors;
    let trace = Trace::of(director)?;
    let daemon = Daemon::start(software, director, &site.configuration(&Options::default()))?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    let start = trace.since(SystemTime::UNIX_EPOCH);
    ensure!(start.contains(&Change::NewService), "the trace saw no start: {start:?}");
    let mut lasting = Lasting::open(&site.client, site.target())?;
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    let asked = daemon.reload(&site.configuration(&Options {
        weights: [1, 7],
        ..Options::default()
    }))?;
    site.wait_for_weights(director, &[(0, 1), (1, 7)], PATIENCE)?;
    // What comes late comes within a round of checks.
    std::thread::sleep(Duration::from_secs(3));
    let changes = trace.since(asked);
    ensure!(
        changes == [Change::SetDest],
        "one weight changed, and the director did {changes:?}"
    );
    lasting.ask()?;
    let protocol = load.since(asked);
    ensure!(protocol.failures().is_empty(), "failed: {:?}", protocol.failures());
    ensure!(director.has(site.virtual_address()), "the address went");
    Ok(())
}

/// `SIGHUP` with a broken file: the table, the checks and a connection go on as before.
fn broken_reload_keeps_the_table(software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, _web2, _sorry] = site.start_webs()?;
    let [director, _] = &site.directors;
    let global = match software {
        Software::Keepalived => "global_defs {\n    reload_check_config\n}\n",
        Software::Holdfast => "",
    };
    let good = format!("{global}{}", site.configuration(&Options::default()));
    // With that option keepalived does not even start on a word that is out of fashion.
    let good = good.replace("nb_get_retry", "retry");
    let trace = Trace::of(director)?;
    let daemon = Daemon::start(software, director, &good)?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    let mut lasting = Lasting::open(&site.client, site.target())?;

    let broken = good.replace("weight 1\n", "weight heavy\n");
    ensure!(broken != good, "nothing was broken");
    let asked = daemon.reload(&broken)?;
    let complaint = match software {
        Software::Keepalived => "failed validation",
        Software::Holdfast => "heavy",
    };
    daemon.wait_for_log(complaint, asked, PATIENCE)?;
    daemon.ensure_status_tells_of_refusal(complaint)?;
    std::thread::sleep(Duration::from_secs(3));
    let changes = trace.since(asked);
    ensure!(changes.is_empty(), "a broken file, and the director did {changes:?}");
    lasting.ask()?;
    web1.stop()?;
    site.wait_for_weights(director, &[(0, 0), (1, 1)], PATIENCE)
}

/// How long clients wait when the master's cable is pulled.
fn failover_outage(software: Software, advert_int: f64) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [first, second] = &site.directors;
    let options = Options {
        advert_int,
        ..Options::default()
    };
    // One after the other: at a tenth of a second a busy guest might make the second master while it has no table yet.
    let _master = Daemon::start(software, first, &site.configuration(&options))?;
    site.wait_for_master(first, PATIENCE)?;
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    let options = Options {
        priority: 100,
        ..options
    };
    let _backup = Daemon::start(software, second, &site.configuration(&options))?;
    site.wait_for_weights(second, &[(0, 1), (1, 1)], PATIENCE)?;
    wait::until("a single master", PATIENCE, || !second.has(site.virtual_address()))?;
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    let quiet = SystemTime::now();
    site.network.pull(&site.director_port)?;
    let outage = site.outage_of_takeover(&load, quiet, PATIENCE)?;
    figures::report(
        &format!("{software}: outage at a pulled cable, advert_int {advert_int} s"),
        outage * 1000.0,
        "ms",
    );
    // RFC 3768 and RFC 9568: three intervals and the skew; then the client's own limit, and a busy guest.
    let due = advert_int * 3.0 + advert_int * f64::from(256 - 100) / 256.0;
    ensure!(
        outage > 2.0 * advert_int,
        "an outage of {outage:.3} s: was the cable pulled?"
    );
    let excuse = load::excuse(quiet, SystemTime::now()).as_secs_f64();
    ensure!(
        outage < due + 1.5 + excuse,
        "an outage of {outage:.3} s, due were {due:.3} s"
    );
    Ok(())
}

macro_rules! cases {
    ($software:ident) => {
        use super::*;

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn dr_balances_heals_and_hands_over() -> Result<()> {
            balances_heals_and_hands_over(Forwarding::Dr, Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn nat_balances_heals_and_hands_over() -> Result<()> {
            balances_heals_and_hands_over(Forwarding::Nat, Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn tun_balances_heals_and_hands_over() -> Result<()> {
            balances_heals_and_hands_over(Forwarding::Tun, Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn dr_over_ipv6_balances_heals_and_hands_over() -> Result<()> {
            balances_heals_and_hands_over(Forwarding::DrIpv6, Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn tutorial_pair_runs() -> Result<()> {
            super::tutorial_pair_runs(Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn lost_checker_is_replaced_unnoticed() -> Result<()> {
            super::lost_checker_is_replaced_unnoticed(Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn changed_weight_edits_one_destination() -> Result<()> {
            super::changed_weight_edits_one_destination(Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn broken_reload_keeps_the_table() -> Result<()> {
            super::broken_reload_keeps_the_table(Software::$software)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn failover_outage_at_one_second() -> Result<()> {
            failover_outage(Software::$software, 1.0)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn failover_outage_at_a_tenth_of_a_second() -> Result<()> {
            failover_outage(Software::$software, 0.1)
        }
    };
}

mod keepalived {
    cases!(Keepalived);
}

mod holdfast {
    cases!(Holdfast);
}
