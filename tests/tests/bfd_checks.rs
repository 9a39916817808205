//! `BFD_CHECK`: real servers that are in the table while a BFD session with them is up. The real servers run keepalived's
//! BFD. keepalived goes first as the director, which proves the test; then Holdfast. In a guest, started by
//! `cargo xtask test guest`.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::site::{self, Forwarding, Site};

/// A session sends once a second until it is up, and needs three packets; on a guest of two emulated processors.
const COMING_UP: Duration = Duration::from_secs(10);

/// 400 ms and a multiplier of 5: an emulated processor is away for half a second when a program starts.
const DETECTION: Duration = Duration::from_secs(6);

const NAMES: [&str; 2] = ["one", "two"];

struct Case {
    site: Site,
    subject: Software,
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        site::load_modules()?;
        let site = Site::new(Forwarding::Dr)?;
        Ok(Self { site, subject })
    }

    /// The director, with a session for each real server and these checks of the two.
    fn director(&self, checks: [&str; 2]) -> Result<Daemon<'_>> {
        let configuration = self.configuration(checks, "");
        Daemon::start(self.subject, &self.site.directors[0], &configuration)
    }

    fn configuration(&self, checks: [&str; 2], of_server: &str) -> String {
        let sessions: Vec<String> = NAMES
            .iter()
            .enumerate()
            .map(|(number, name)| session(name, &self.address(number), "192.168.0.1"))
            .collect();
        let servers: Vec<String> = checks
            .iter()
            .enumerate()
            .map(|(number, check)| {
                let address = self.address(number);
                format!("    real_server {address} 80 {{\n        weight 1\n{of_server}\n{check}\n    }}\n")
            })
            .collect();
        let (sessions, servers) = (sessions.concat(), servers.concat());
        let sorry = self.address(2);
        format!(
            "{sessions}virtual_server 192.168.0.200 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind DR
    protocol TCP
    sorry_server {sorry} 80
{servers}}}
"
        )
    }

    fn address(&self, number: usize) -> String {
        self.site.server_address(number).to_string()
    }

    /// What a director says of a real server.
    fn words(&self, server: usize, state: &str) -> String {
        let address = self.address(server);
        let name = NAMES.get(server).copied().unwrap_or_default();
        format!("BFD check of [{name}] RS([{address}]:tcp:80) is {state}")
    }

    /// The BFD of a real server.
    fn neighbour(&self, number: usize) -> Result<Daemon<'_>> {
        let text = session("director", "192.168.0.1", &self.address(number));
        Daemon::start(
            Software::Keepalived,
            self.site.servers.get(number).context("no such server")?,
            &text,
        )
    }

    fn wait_for(&self, weights: &[(usize, i64)], bound: Duration) -> Result<()> {
        self.site.wait_for_weights(&self.site.directors[0], weights, bound)
    }

    /// It stays like this for longer than any session takes to be missed.
    fn ensure_stays(&self, weights: &[(usize, i64)], director: &Daemon<'_>, since: SystemTime) -> Result<()> {
        std::thread::sleep(COMING_UP / 2);
        self.wait_for(weights, Duration::ZERO)?;
        let fell = director.wait_for_log("is DOWN", since, Duration::ZERO);
        ensure!(fell.is_err(), "a check failed meanwhile");
        Ok(())
    }
}

fn session(name: &str, neighbor: &str, source: &str) -> String {
    format!(
        "bfd_instance {name} {{\n    neighbor_ip {neighbor}\n    source_ip {source}\n    min_tx 400\n    min_rx 400\n    \
         multiplier 5\n}}\n"
    )
}

fn follow(name: &str) -> String {
    format!("        BFD_CHECK {{\n            name {name}\n        }}")
}

const TCP: &str = "        TCP_CHECK {\n            connect_timeout 1\n            retry 0\n        }";

/// Up, down and up again, each of the two by itself, in keepalived's words.
fn real_servers_follow_their_sessions(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let director = case.director([&follow("one"), &follow("two")])?;
    case.wait_for(&[(2, 1)], COMING_UP)?;
    director.wait_for_log(&case.words(0, "DOWN"), start, DETECTION)?;

    let first = case.neighbour(0)?;
    case.wait_for(&[(0, 1)], COMING_UP)?;
    director.wait_for_log(&case.words(0, "UP"), start, DETECTION)?;
    let _second = case.neighbour(1)?;
    case.wait_for(&[(0, 1), (1, 1)], COMING_UP)?;

    let killed = first.kill()?;
    case.wait_for(&[(1, 1)], DETECTION)?;
    director.wait_for_log(&case.words(0, "DOWN"), killed, DETECTION)?;
    let _first = case.neighbour(0)?;
    case.wait_for(&[(0, 1), (1, 1)], COMING_UP)
}

/// The session is one check among others, and `alpha` waits for its first word.
fn all_checks_must_pass(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let both = format!("{}\n{TCP}", follow("one"));
    let alpha = follow("two").replace('}', "    alpha true\n        }");
    let director = case.director([&both, &alpha])?;
    let (_first, second) = (case.neighbour(0)?, case.neighbour(1)?);
    // Nobody listens on port 80 of the first.
    case.wait_for(&[(1, 1)], COMING_UP)?;
    let web = bed::web::Web::start(&case.site.servers[0])?;
    case.wait_for(&[(0, 1), (1, 1)], COMING_UP)?;
    web.stop()?;
    case.wait_for(&[(1, 1)], COMING_UP)?;
    second.kill()?;
    case.wait_for(&[(2, 1)], DETECTION)?;
    drop(director);
    Ok(())
}

/// A reload leaves known sessions as they are, and a check that comes with it knows at once how its session stands.
fn reload_keeps_what_is_known(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let director = case.director([&follow("one"), ""])?;
    let _first = case.neighbour(0)?;
    director.wait_for_log(&case.words(0, "UP"), start, 2 * COMING_UP)?;
    case.wait_for(&[(0, 1), (1, 1)], COMING_UP)?;
    let asked = director.reload(&case.configuration([&follow("one"), &follow("two")], ""))?;
    // Nobody answers the second session.
    case.wait_for(&[(0, 1)], COMING_UP)?;
    let fell = case.words(0, "DOWN");
    ensure!(
        director.wait_for_log(&fell, asked, Duration::ZERO).is_err(),
        "the first session was forgotten"
    );
    director.reload(&case.configuration([&follow("two"), &follow("one")], ""))?;
    case.wait_for(&[(1, 1)], COMING_UP)?;
    director.reload(&case.configuration(["", ""], ""))?;
    case.wait_for(&[(0, 1), (1, 1)], COMING_UP)
}

/// A process that ends, of BFD or of the checks, changes nothing for real servers that are alive. keepalived takes the end of
/// its BFD process for that of the servers.
fn killed_processes_cost_no_server(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let director = case.director([&follow("one"), &follow("two")])?;
    let first = case.neighbour(0)?;
    director.wait_for_log(&case.words(0, "UP"), start, 2 * COMING_UP)?;
    case.wait_for(&[(0, 1)], COMING_UP)?;
    for role in [Role::Bfd, Role::Checker] {
        let before = director.role(role)?;
        let killed = director.kill_role(role)?;
        director.wait_for_role(role, Some(before), DETECTION)?;
        std::thread::sleep(COMING_UP / 2);
        case.wait_for(&[(0, 1)], Duration::ZERO)?;
        let fell = case.words(0, "DOWN");
        ensure!(
            director.wait_for_log(&fell, killed, Duration::ZERO).is_err(),
            "the death of {role:?} was taken for that of the server"
        );
    }
    first.kill()?;
    case.wait_for(&[(2, 1)], DETECTION)
}

/// `inhibit_on_failure`: weight 0 in place of removal.
fn inhibited_servers_stay_without_weight(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let text = case.configuration([&follow("one"), &follow("two")], "        inhibit_on_failure");
    let director = Daemon::start(subject, &case.site.directors[0], &text)?;
    let first = case.neighbour(0)?;
    case.wait_for(&[(0, 1), (1, 0)], COMING_UP)?;
    case.ensure_stays(&[(0, 1), (1, 0)], &director, SystemTime::now())?;
    first.kill()?;
    case.wait_for(&[(0, 0), (1, 0), (2, 1)], DETECTION)
}

mod keepalived {
    bed::cases!(guest Keepalived; real_servers_follow_their_sessions all_checks_must_pass reload_keeps_what_is_known
        inhibited_servers_stay_without_weight);
}

mod holdfast {
    bed::cases!(guest Holdfast; real_servers_follow_their_sessions all_checks_must_pass reload_keeps_what_is_known
        killed_processes_cost_no_server inhibited_servers_stay_without_weight);
}
