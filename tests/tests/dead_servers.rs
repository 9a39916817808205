//! What becomes of connections when their server dies, by the kernel's settings (`docs/dead-servers.md`). On a real IPVS: in a
//! guest, started by `cargo xtask test guest`. keepalived is the subject first; it leaves the settings as they are.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bed::client::{Lasting, Load};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Options, Site};
use bed::wait;

/// Detection, retries and a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the load begins a connection.
const LOAD_INTERVAL: Duration = Duration::from_millis(25);
/// A refusal comes at once; who is dropped waits for the limit of a lasting connection.
const AT_ONCE: Duration = Duration::from_secs(1);

fn setting(node: &Node, name: &str) -> Result<String> {
    let path = format!("/proc/sys/net/ipv4/vs/{name}");
    Ok(node.run("cat", &[&path])?.trim().to_owned())
}

fn wait_for_setting(node: &Node, name: &str, value: &str) -> Result<()> {
    let mut seen = String::new();
    let outcome = wait::until(name, PATIENCE, || {
        seen = setting(node, name).unwrap_or_default();
        seen == value
    });
    outcome.with_context(|| format!("{name} is {seen:?}, wanted {value:?}"))
}

/// Servers leave the table when they die.
fn with_removal(site: &Site, global: &str) -> String {
    let plain = site.configuration(&Options::default());
    format!(
        "global_defs {{\n{global}\n}}\n{}",
        plain.replace("        inhibit_on_failure\n", "")
    )
}

/// The server of a connection dies without a word and is taken out of the table. What does the client see?
fn asks_a_server_that_is_gone(software: Software, expires: bool) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [director, _] = &site.directors;
    let global = match software {
        Software::Holdfast if expires => "    lvs_sysctl expire_nodest_conn 1",
        _ => "    router_id me",
    };
    if software == Software::Keepalived && expires {
        director.sysctl("ipv4/vs/expire_nodest_conn", "1")?;
    }
    let daemon = Daemon::start(software, director, &with_removal(&site, global))?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    wait_for_setting(director, "expire_nodest_conn", if expires { "1" } else { "0" })?;
    if software == Software::Holdfast && !expires {
        daemon.wait_for_log("lvs_sysctl expire_nodest_conn 1", SystemTime::UNIX_EPOCH, PATIENCE)?;
    }
    let mut lasting = Lasting::open(&site.client, site.target())?;
    lasting.ask()?;
    let [first, second, _] = &site.servers;
    let (gone, left, name) = if lasting.server() == first.name() {
        (first, 1, second.name())
    } else {
        (second, 0, first.name())
    };
    gone.ip(&["link set eth0 down".to_owned()])?;
    site.wait_for_weights(director, &[(left, 1)], PATIENCE)?;

    let asked = Instant::now();
    let Err(problem) = lasting.ask() else {
        bail!("a dead server answered");
    };
    let waited = asked.elapsed();
    println!("{software}, expire_nodest_conn {expires}: {problem:#} after {waited:?}");
    ensure!((waited < AT_ONCE) == expires, "{problem:#} after {waited:?}");
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&[name], PATIENCE)
}

/// Set at the start, changed by a reload, put back at the end, and by the next daemon when this one is killed; in the
/// namespace where IPVS is.
fn settings_are_set_and_put_back(elsewhere: bool) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    if elsewhere {
        director.run("ip", &["netns", "add", "services"])?;
    }
    let read = |name: &str| -> String {
        let path = format!("/proc/sys/net/ipv4/vs/{name}");
        let text = if elsewhere {
            director.run("ip", &["netns", "exec", "services", "cat", &path])
        } else {
            director.run("cat", &[&path])
        };
        text.unwrap_or_default().trim().to_owned()
    };
    let names = ["expire_nodest_conn", "conn_reuse_mode", "sync_threshold"];
    let values = || names.map(read);
    let wait_for = |wanted: [&str; 3]| {
        let outcome = wait::until("the settings", PATIENCE, || values() == wanted);
        outcome.with_context(|| format!("wanted {wanted:?}, there are {:?}", values()))
    };
    let namespace = if elsewhere { "net_namespace_ipvs services\n" } else { "" };
    let with = |global: &str| format!("{namespace}{}", with_removal(&site, global));
    let before = ["0", "1", "3\t50"];
    wait_for(before)?;

    let first = with("lvs_sysctl expire_nodest_conn 1\nlvs_sysctl sync_threshold 2 40");
    let daemon = Daemon::start(Software::Holdfast, director, &first)?;
    wait_for(["1", "1", "2\t40"])?;
    daemon.reload(&with("lvs_sysctl expire_nodest_conn 1\nlvs_sysctl conn_reuse_mode 2"))?;
    wait_for(["1", "2", "3\t50"])?;
    daemon.stop()?;
    wait_for(before)?;
    drop(daemon);

    let daemon = Daemon::start(Software::Holdfast, director, &first)?;
    wait_for(["1", "1", "2\t40"])?;
    // The successor reads what is to be put back in the state file.
    wait::until("the state file", PATIENCE, || {
        daemon.status().is_ok_and(|status| status.contains("checker"))
    })?;
    daemon.kill()?;
    drop(daemon);
    let daemon = Daemon::start(Software::Holdfast, director, &with("lvs_sysctl conn_reuse_mode 2"))?;
    wait_for(["0", "2", "3\t50"])?;
    daemon.stop()?;
    wait_for(before)
}

macro_rules! cases {
    ($subject:ident) => {
        use super::*;

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn connections_to_a_server_that_is_gone_are_dropped() -> Result<()> {
            asks_a_server_that_is_gone(Software::$subject, false)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn connections_to_a_server_that_is_gone_expire() -> Result<()> {
            asks_a_server_that_is_gone(Software::$subject, true)
        }
    };
}

mod keepalived {
    cases!(Keepalived);
}

mod holdfast {
    cases!(Holdfast);

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn settings_are_set_and_put_back() -> Result<()> {
        super::settings_are_set_and_put_back(false)
    }

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn settings_are_those_of_the_namespace() -> Result<()> {
        super::settings_are_set_and_put_back(true)
    }
}
