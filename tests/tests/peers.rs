//! Directors as peers, on the wire: real keepalived against itself (the control, which proves the test), Holdfast
//! against keepalived both ways round, and Holdfast against itself.
//!
//! Every test makes networks of its own, so all of them run at the same time. The waiting times are those of
//! RFC 3768 section 6 and RFC 9568 section 6; what may come on top is `LATENESS`.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::onlooker::AddressWatch;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait::{self, seconds_between};

/// How long a healthy pair is watched for needless changes.
const QUIET: Duration = Duration::from_secs(30);

/// Two waits for a silent master and more: whoever wanted to take over would have done so.
const LONG_ENOUGH_TO_FIGHT: Duration = Duration::from_secs(8);

/// One master after the start, no flapping, takeover after a kill, preemption, takeover after a clean stop.
fn takes_over_and_gives_back(wire: Wire, strong_runs: Software, weak_runs: Software) -> Result<()> {
    let pair = Pair::new(wire)?;
    let strong = Daemon::start(strong_runs, &pair.strong, &pair.configuration(STRONG, ""))?;
    let weak = Daemon::start(weak_runs, &pair.weak, &pair.configuration(WEAK, ""))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;

    let watches = [AddressWatch::of(&pair.strong)?, AddressWatch::of(&pair.weak)?];
    let since = SystemTime::now();
    std::thread::sleep(QUIET);
    pair.assert_only_master(&pair.strong, &pair.weak, since)?;
    let [of_strong, of_weak] = &watches;
    // The kernel may tell late, and twice, that the master has its addresses (IPv6).
    let moved = of_strong.changes().iter().any(|change| !change.added) || !of_weak.changes().is_empty();
    ensure!(!moved, "addresses moved: {watches:?}");

    let killed = strong.kill()?;
    pair.assert_takeover_after_silence(&pair.strong, &pair.weak, killed, WEAK)?;

    let restarted = SystemTime::now();
    let strong = Daemon::start(strong_runs, &pair.strong, &pair.configuration(STRONG, ""))?;
    pair.wait_for_master(&pair.strong, restarted, master_down(STRONG))?;
    pair.wait_for_address(&pair.weak, false)?;
    let settled = SystemTime::now();
    std::thread::sleep(INTERVAL * 3);
    pair.assert_only_master(&pair.strong, &pair.weak, settled)?;

    let (asked, status) = strong.stop()?;
    ensure!(status.success(), "a clean stop ended with {status}");
    pair.assert_takeover_after_farewell(&pair.strong, &pair.weak, asked, WEAK)?;
    pair.wait_for_address(&pair.strong, false)?;
    weak.stop()?;
    pair.wait_for_address(&pair.weak, false)
}

/// With `nopreempt` the better one stays backup when it comes back, and still takes over when it is needed.
fn nopreempt_waits_until_needed(wire: Wire, strong_runs: Software, weak_runs: Software) -> Result<()> {
    let pair = Pair::new(wire)?;
    let strong = Daemon::start(strong_runs, &pair.strong, &pair.configuration(STRONG, "nopreempt"))?;
    let weak = Daemon::start(weak_runs, &pair.weak, &pair.configuration(WEAK, ""))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let killed = strong.kill()?;
    pair.assert_takeover_after_silence(&pair.strong, &pair.weak, killed, WEAK)?;

    let restarted = SystemTime::now();
    let _strong = Daemon::start(strong_runs, &pair.strong, &pair.configuration(STRONG, "nopreempt"))?;
    std::thread::sleep(LONG_ENOUGH_TO_FIGHT);
    pair.assert_only_master(&pair.weak, &pair.strong, restarted)?;

    let killed = weak.kill()?;
    pair.assert_takeover_after_silence(&pair.weak, &pair.strong, killed, STRONG)
        .map(drop)
}

/// `kill -9` of the process that speaks VRRP: the peer takes over, and the restarted process lets it.
fn lost_vrrp_process_does_not_fight(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let strong = Daemon::start(subject, &pair.strong, &pair.configuration(STRONG, "nopreempt"))?;
    let _weak = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(WEAK, ""))?;
    let first = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;

    // Shortly before an advert is due: the peer has then waited longest and is the first whose time is up.
    let advert = pair.next_advert(&pair.strong, first)?;
    let due = Duration::from_millis(800);
    std::thread::sleep(due.saturating_sub(SystemTime::now().duration_since(advert).unwrap_or_default()));
    let former = strong.role(Role::Vrrp)?;
    strong.kill_role(Role::Vrrp)?;
    let killed = SystemTime::now();
    strong.wait_for_role(Role::Vrrp, Some(former), Duration::from_secs(3))?;
    let taken = pair.assert_takeover_after_silence(&pair.strong, &pair.weak, killed, WEAK)?;
    std::thread::sleep(LONG_ENOUGH_TO_FIGHT);
    pair.assert_only_master(&pair.weak, &pair.strong, taken)
}

/// A clean stop of a master without a peer: priority 0 once, no address left, no process left.
fn clean_stop_leaves_nothing(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let daemon = Daemon::start(subject, &pair.strong, &pair.configuration(STRONG, ""))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let processes = daemon.process().descendants();
    let (asked, status) = daemon.stop()?;
    ensure!(status.success(), "a clean stop ended with {status}");
    pair.onlooker.wait_for("a priority 0 advert", asked, LATENESS, |s| {
        s.is_advert_of(&pair.strong, |p| p == 0)
    })?;
    ensure!(!pair.strong.has(pair.wire.address()), "the address was left behind");
    wait::until("the end of all processes", LATENESS, || {
        processes.iter().all(|pid| nix::sys::signal::kill(*pid, None).is_err())
    })
}

/// `SIGHUP` with a file that cannot be right: the running configuration goes on, and the log says what is wrong.
fn broken_reload_keeps_the_old_configuration(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    // keepalived looks at the file first only when told to, and keeps the details to itself.
    let (global, complaint) = match subject {
        Software::Keepalived => ("global_defs {\n    reload_check_config\n}\n", "failed validation"),
        Software::Holdfast => ("", "virtual_router_id"),
    };
    let good = format!("{global}{}", pair.configuration(STRONG, ""));
    let daemon = Daemon::start(subject, &pair.strong, &good)?;
    let first = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let since = pair.next_advert(&pair.strong, first)?;

    let broken = good.replace("virtual_router_id 51", "virtual_router_id 5100");
    ensure!(broken != good, "nothing was broken");
    let asked = daemon.reload(&broken)?;
    daemon.wait_for_log(complaint, asked, Duration::from_secs(3))?;
    daemon.ensure_status_tells_of_refusal(complaint)?;
    std::thread::sleep(INTERVAL * 3);
    pair.assert_steady(&pair.strong, since)?;
    ensure!(
        pair.onlooker
            .adverts_since(since)
            .iter()
            .all(|(_, advert)| advert.vrid == 51),
        "another virtual router"
    );
    ensure!(pair.strong.has(pair.wire.address()), "the address went");

    let asked = daemon.reload(&good.replace("virtual_ipaddress {", "virtual_ipaddress {\n        192.0.2.201/24"))?;
    wait::until("the address that a good file adds", Duration::from_secs(3), || {
        pair.strong.has([192, 0, 2, 201].into())
    })
    .with_context(|| format!("{:.1} s after SIGHUP", seconds_between(asked, SystemTime::now())))
}

/// Scripts of an instance and of its group run at each change of state, with the arguments that keepalived gives them.
fn scripts_are_told_every_state(subject: Software) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let pair = Pair::new(Wire::V2Multicast)?;
    let script = pair.strong.path("/run/told.sh");
    std::fs::write(&script, "#!/bin/sh\necho \"$*\" >> /run/told\n")?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let scripts = "notify_master \"/run/told.sh 'own master'\" root
    notify_backup \"/run/told.sh own backup\" root
    notify_stop \"/run/told.sh own stop\" root
    notify \"/run/told.sh each\" root";
    let group = "vrrp_sync_group G {
    group {
        VI_1
    }
    notify_master \"/run/told.sh group master\" root
    notify \"/run/told.sh group each\" root
}
";
    let configuration = format!("{group}{}", pair.configuration(STRONG, scripts));
    let daemon = Daemon::start(subject, &pair.strong, &configuration)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let told = || std::fs::read_to_string(pair.strong.path("/run/told")).unwrap_or_default();
    wait::until("the group's master scripts", LATENESS, || {
        told().matches("GROUP G MASTER").count() == 1
    })?;
    daemon.stop()?;
    wait::until("the stop scripts", LATENESS, || told().contains("own stop"))?;

    // keepalived runs the scripts of one change side by side, so only the set of lines is certain.
    let mut lines: Vec<String> = told().lines().map(str::to_owned).collect();
    lines.sort();
    let mut wanted = vec![
        "own backup",
        "each INSTANCE VI_1 BACKUP 150",
        "group each GROUP G BACKUP 0",
        "own master",
        "each INSTANCE VI_1 MASTER 150",
        "group master",
        "group each GROUP G MASTER 0",
        "own stop",
        "each INSTANCE VI_1 STOP 150",
        "group each GROUP G STOP 0",
    ];
    wanted.sort_unstable();
    ensure!(
        lines == wanted,
        "scripts were told {lines:?}, and should have been told {wanted:?}"
    );
    Ok(())
}

/// `net_namespace`: VRRP speaks, and the address is held, in the namespace that the file names.
fn runs_in_a_network_namespace(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    node.run("ip", &["netns", "add", "inner"])?;
    node.run("ip", &["link", "set", "eth0", "netns", "inner"])?;
    node.run("ip", &["-n", "inner", "address", "add", "192.0.2.1/24", "dev", "eth0"])?;
    node.run("ip", &["-n", "inner", "link", "set", "eth0", "up"])?;
    let configuration = format!("net_namespace inner\n{}", pair.configuration(STRONG, ""));
    let daemon = Daemon::start(subject, node, &configuration)?;
    pair.onlooker.wait_for(
        "an advert",
        SystemTime::UNIX_EPOCH,
        master_down(STRONG) + 4 * LATENESS,
        |s| s.is_advert_of(node, |priority| priority == STRONG),
    )?;
    let address = pair.wire.address().to_string();
    let inside = || {
        node.run("ip", &["-n", "inner", "address", "show", "dev", "eth0"])
            .unwrap_or_default()
    };
    wait::until("the address in the namespace", LATENESS, || inside().contains(&address))?;
    daemon.stop()?;
    ensure!(!inside().contains(&address), "the address was left behind");
    Ok(())
}

/// On a kernel without IPVS: one error that names the module and how to load it, and VRRP goes on. keepalived ends
/// there, so it cannot prove this case.
fn lives_without_ipvs(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let loaded = std::process::Command::new("modprobe")
        .arg("ip_vs")
        .output()
        .is_ok_and(|done| done.status.success());
    if loaded || pair.strong.proc_net("ip_vs").is_ok() {
        println!("this kernel has IPVS, so nothing is missing");
        return Ok(());
    }
    let service = "virtual_server 192.0.2.200 80 {
    delay_loop 1
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.2 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
";
    let configuration = format!("{}{service}", pair.configuration(STRONG, ""));
    let daemon = Daemon::start(subject, &pair.strong, &configuration)?;
    let first = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    daemon.wait_for_log("modprobe ip_vs", SystemTime::UNIX_EPOCH, Duration::from_secs(3))?;
    let since = pair.next_advert(&pair.strong, first)?;
    std::thread::sleep(LONG_ENOUGH_TO_FIGHT);
    pair.assert_only_master(&pair.strong, &pair.weak, since)?;
    let complaints = daemon
        .process()
        .log_text()
        .lines()
        .filter(|line| line.contains("modprobe ip_vs"))
        .count();
    ensure!(complaints == 1, "said {complaints} times that IPVS is missing");
    daemon.stop().map(drop)
}

/// The cases of one wire format for one pair of programs.
macro_rules! wires {
    ($strong:ident, $weak:ident) => {
        wires!($strong, $weak, v2_multicast V2Multicast);
        wires!($strong, $weak, v2_unicast V2Unicast);
        wires!($strong, $weak, v2_password V2Password);
        wires!($strong, $weak, v3_multicast V3Multicast);
        wires!($strong, $weak, v3_ipv6 V3Ipv6);
    };
    ($strong:ident, $weak:ident, $name:ident $wire:ident) => {
        mod $name {
            use super::super::*;

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn takes_over_and_gives_back() -> Result<()> {
                super::super::takes_over_and_gives_back(Wire::$wire, Software::$strong, Software::$weak)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn nopreempt_waits_until_needed() -> Result<()> {
                super::super::nopreempt_waits_until_needed(Wire::$wire, Software::$strong, Software::$weak)
            }
        }
    };
}

mod keepalived_strong_keepalived_weak {
    wires!(Keepalived, Keepalived);
}

mod holdfast_strong_keepalived_weak {
    wires!(Holdfast, Keepalived);
}

mod keepalived_strong_holdfast_weak {
    wires!(Keepalived, Holdfast);
}

mod holdfast_strong_holdfast_weak {
    wires!(Holdfast, Holdfast);
}

mod keepalived {
    bed::cases!(peers Keepalived; lost_vrrp_process_does_not_fight clean_stop_leaves_nothing
        broken_reload_keeps_the_old_configuration scripts_are_told_every_state runs_in_a_network_namespace);
}

mod holdfast {
    bed::cases!(peers Holdfast; lost_vrrp_process_does_not_fight clean_stop_leaves_nothing
        broken_reload_keeps_the_old_configuration scripts_are_told_every_state runs_in_a_network_namespace
        lives_without_ipvs);
}

/// The bed keeps its own promise.
mod bed_itself {
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Command, Stdio};

    use anyhow::{Context, Result, ensure};
    use bed::daemon::{Daemon, Software};
    use bed::network::Network;
    use bed::node::Node;
    use bed::wait;

    use super::{Duration, LATENESS};

    /// How long orphans may stay zombies.
    const REAPING: Duration = Duration::from_secs(10);

    /// Tells the process below from an ordinary run of all tests.
    const VICTIM_VARIABLE: &str = "HOLDFAST_TEST_VICTIM";

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn killed_test_leaves_nothing() -> Result<()> {
        let mut victim = Command::new(std::env::current_exe()?);
        victim.args([
            "--ignored",
            "--exact",
            "bed_itself::victim_of_the_test_before",
            "--nocapture",
        ]);
        let mut victim = victim.env(VICTIM_VARIABLE, "1").stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(victim.stdout.take().context("no output")?)
            .lines()
            .map_while(Result::ok);
        let processes = lines.find_map(|line| Some(line.split_once("processes:")?.1.to_owned()));
        let processes = processes.context("the victim never came up")?;
        let processes: Vec<&str> = processes.split_whitespace().collect();
        ensure!(
            processes.len() >= 4 && processes.iter().all(|pid| is_running(pid)),
            "not running: {processes:?}"
        );
        victim.kill()?;
        victim.wait()?;
        // A node's first process goes when the others are reaped: by a container's first process, which may be slow.
        wait::until(
            "the end of everything that the killed test had started",
            REAPING,
            || !processes.iter().any(|pid| is_running(pid)),
        )
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn victim_of_the_test_before() -> Result<()> {
        if std::env::var_os(VICTIM_VARIABLE).is_none() {
            return Ok(());
        }
        let network = Network::new(&["lan"])?;
        let node = Node::new("victim")?;
        network.plug(&node, "lan", "eth0", &["192.0.2.1/24"])?;
        let configuration = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 100\n \
                             virtual_ipaddress {\n 192.0.2.200/24\n }\n}\n";
        let daemon = Daemon::start(Software::Keepalived, &node, configuration)?;
        let child = daemon.wait_for_role(super::Role::Vrrp, None, LATENESS * 5)?;
        println!(
            "processes: {} {} {} {child}",
            network.switch().pid(),
            node.pid(),
            daemon.process().pid()
        );
        std::thread::sleep(super::QUIET);
        Ok(())
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn panicking_test_leaves_nothing() -> Result<()> {
        let (told, pid) = std::sync::mpsc::channel();
        let outcome = std::thread::spawn(move || {
            let node = Node::new("panicking").unwrap();
            told.send(node.pid().to_string()).unwrap();
            panic!("on purpose");
        })
        .join();
        ensure!(outcome.is_err(), "it did not panic");
        let pid = pid.recv()?;
        ensure!(!is_running(&pid), "the node of a test that panicked is still there");
        Ok(())
    }

    /// Zombies do not run.
    fn is_running(pid: &str) -> bool {
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
    }
}
