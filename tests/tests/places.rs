//! Where a daemon says that it runs, what it leaves behind, and what comes with a reload: pid files, names in syslog,
//! permissions of new files, and the keywords of reloads. keepalived goes first as the subject, which proves the test; then
//! Holdfast.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::attributes::Attributes;
use bed::daemon::{Daemon, Role, Software};
use bed::node::{Node, Process};
use bed::pair::{Pair, STRONG, Wire};
use bed::wait;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::Signal;

/// From a start or a reload until all of it is in force.
const SETTLED: Duration = Duration::from_secs(5);

/// Tells the configurations of several daemons in one node apart.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A director without any option that says where its files lie.
fn start(subject: Software, node: &Node, configuration: &str, options: &[&str]) -> Result<Process> {
    let file = format!("/run/places-{}.conf", STARTED.fetch_add(1, Ordering::Relaxed));
    fs::write(node.path(&file), configuration)?;
    let mut command = Command::new(subject.program()?);
    command.args(["-n", "-l", "-D", "-f", &file]).args(options);
    node.start(command)
}

fn wait_for_file(node: &Node, path: &str) -> Result<()> {
    wait::until(path, SETTLED, || node.path(path).exists())
}

fn mode(node: &Node, path: &str) -> Result<u32> {
    let metadata = node.path(path).symlink_metadata().with_context(|| path.to_owned())?;
    Ok(metadata.permissions().mode() & 0o777)
}

/// Sessions and instances, so that there are two children everywhere.
fn configuration(pair: &Pair, top: &str, global: &str) -> String {
    let instance = pair.configuration(STRONG, "");
    format!("{top}\nglobal_defs {{\n{global}\n}}\nbfd_instance router {{\n    neighbor_ip 192.0.2.9\n}}\n{instance}")
}

/// Everybody may read them, and they go with the daemon, the directory too.
fn pid_files_are_where_the_file_says(subject: Software) -> Result<()> {
    for (top, files) in [
        ("", ["/run/keepalived.pid", "/run/vrrp.pid", "/run/bfd.pid"]),
        (
            "use_pid_dir",
            [
                "/run/keepalived/keepalived.pid",
                "/run/keepalived/vrrp.pid",
                "/run/keepalived/bfd.pid",
            ],
        ),
        (
            "instance blue",
            [
                "/run/keepalived/keepalived_blue.pid",
                "/run/keepalived/vrrp_blue.pid",
                "/run/keepalived/bfd_blue.pid",
            ],
        ),
    ] {
        let pair = Pair::new(Wire::V2Multicast)?;
        let node = &pair.strong;
        let daemon = start(subject, node, &configuration(&pair, top, ""), &[])?;
        for file in files {
            wait_for_file(node, file)?;
            ensure!(mode(node, file)? == 0o644, "{file} has mode {:o}", mode(node, file)?);
        }
        daemon.signal(Signal::SIGTERM)?;
        daemon.wait(2 * SETTLED)?;
        for file in files {
            ensure!(!node.path(file).exists(), "{file} is left");
        }
        ensure!(!node.path("/run/keepalived").exists(), "/run/keepalived is left");
    }
    Ok(())
}

/// The command line says more than the file, and two daemons in one namespace do not meet.
fn instances_live_side_by_side(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    // Without BFD: its port is one for all.
    let of = |name: &str| format!("instance {name}\n{}", pair.configuration(STRONG, ""));
    let _blue = start(subject, node, &of("blue"), &["-r", "/run/own.pid"])?;
    wait_for_file(node, "/run/own.pid")?;
    wait_for_file(node, "/run/keepalived/keepalived_blue.pid")?;
    let green = start(subject, node, &of("green"), &[])?;
    wait_for_file(node, "/run/keepalived/vrrp_green.pid").with_context(|| green.log_text())?;
    ensure!(green.ended()?.is_none(), "the second one ended");
    Ok(())
}

/// The names in syslog have the instance behind them.
fn syslog_tells_instances_apart(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let socket = node.within(|| {
        let _ = fs::remove_file("/dev/log");
        UnixDatagram::bind("/dev/log")
    })??;
    socket.set_read_timeout(Some(SETTLED))?;
    let _daemon = start(subject, node, &configuration(&pair, "instance blue", ""), &[])?;
    let mut missing = vec!["Keepalived_blue[", "Keepalived_vrrp_blue["];
    let mut line = [0; 2048];
    while !missing.is_empty() {
        let length = socket.recv(&mut line).with_context(|| format!("no {missing:?}"))?;
        let text = String::from_utf8_lossy(line.get(..length).unwrap_or_default()).into_owned();
        missing.retain(|name| !text.contains(name));
    }
    Ok(())
}

/// New files are their owner's alone unless the file or the command line says otherwise; scripts inherit that.
fn new_files_have_the_permissions_that_umask_leaves(subject: Software) -> Result<()> {
    let cases: [(&str, &[&str], u32, &str); 3] = [
        ("", &[], 0o600, "0177"),
        ("umask 022", &[], 0o644, "0022"),
        ("umask 022", &["-u", "0137"], 0o640, "0137"),
    ];
    for (line, options, of_fifo, of_script) in cases {
        let pair = Pair::new(Wire::V2Multicast)?;
        let node = &pair.strong;
        let script = "#!/bin/sh\numask > /run/script.umask\n";
        fs::write(node.path("/run/script"), script)?;
        fs::set_permissions(node.path("/run/script"), PermissionsExt::from_mode(0o755))?;
        let global = format!(
            "{line}\nenable_script_security\nscript_user root\nvrrp_notify_fifo /run/fifo\nstartup_script /run/script"
        );
        let _daemon = start(subject, node, &configuration(&pair, "", &global), options)?;
        wait_for_file(node, "/run/fifo")?;
        ensure!(
            mode(node, "/run/fifo")? == of_fifo,
            "{line}: {:o}",
            mode(node, "/run/fifo")?
        );
        wait_for_file(node, "/run/script.umask")?;
        let said = fs::read_to_string(node.path("/run/script.umask"))?;
        ensure!(said.trim() == of_script, "{line}: scripts have {said}");
        wait_for_file(node, "/run/vrrp.pid")?;
        ensure!(mode(node, "/run/vrrp.pid")? == 0o644, "the pid file follows the mask");
    }
    Ok(())
}

/// A file is there while a reload goes on. keepalived 2.2.7 only removes it.
fn a_reload_is_marked(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let text = |name: &str| {
        configuration(
            &pair,
            "",
            &format!("reload_file /run/mark/now\nvrrp_process_name {name}"),
        )
    };
    fs::create_dir(pair.strong.path("/run/mark"))?;
    let daemon = Daemon::start(subject, &pair.strong, &text("first"))?;
    wait_for_name(&daemon, "first")?;
    let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let folder = pair.strong.path("/run/mark");
    watch.add_watch(folder.as_path(), AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE)?;
    daemon.reload(&text("second"))?;
    let mut seen = Vec::new();
    let outcome = wait::until("the mark to come and go", SETTLED, || {
        let events = watch.read_events().unwrap_or_default();
        seen.extend(events.into_iter().map(|event| (event.mask, event.name)));
        seen.len() >= 2
    });
    outcome.with_context(|| format!("{seen:?}"))?;
    let wanted = [AddWatchFlags::IN_CREATE, AddWatchFlags::IN_DELETE].map(|mask| (mask, Some("now".into())));
    ensure!(seen == wanted, "{seen:?}");
    wait_for_name(&daemon, "second")
}

fn wait_for_name(daemon: &Daemon<'_>, name: &str) -> Result<()> {
    let named = || {
        let process = daemon.role(Role::Vrrp).and_then(Attributes::of);
        process.is_ok_and(|process| process.name == name)
    };
    wait::until(&format!("a VRRP process called {name}"), SETTLED, named)
}

/// With a test before the reload a file with a fault is not taken, and the reason is where it was asked for.
fn a_file_that_fails_the_test_is_not_taken(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let text = |name: &str, more: &str| {
        let global = format!("reload_check_config /run/check.log\nvrrp_process_name {name}\n{more}");
        configuration(&pair, "", &global)
    };
    let daemon = Daemon::start(subject, &pair.strong, &text("first", ""))?;
    wait_for_name(&daemon, "first")?;
    daemon.reload(&text("broken", "no_such_keyword"))?;
    let log = pair.strong.path("/run/check.log");
    let told = || fs::read_to_string(&log).is_ok_and(|text| text.contains("no_such_keyword"));
    wait::until("the reason", SETTLED, told)?;
    std::thread::sleep(Duration::from_secs(1));
    wait_for_name(&daemon, "first")?;
    daemon.ensure_status_tells_of_refusal("reload_check_config")?;
    daemon.reload(&text("second", ""))?;
    wait_for_name(&daemon, "second")
}

/// Local time as `date` writes it, so many seconds from now.
fn clock(node: &Node, form: &str, seconds: u32) -> Result<String> {
    let text = node.run("date", &["-d", &format!("+{seconds} seconds"), form])?;
    Ok(text.trim().to_owned())
}

/// A reload at the time that a file says: a time of day or a date, and not before; the file goes.
fn a_reload_comes_at_its_time(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    fs::create_dir(node.path("/run/time"))?;
    let text = |name: &str| {
        let global = format!("reload_time_file /run/time/next\nvrrp_process_name {name}");
        configuration(&pair, "", &global)
    };
    let daemon = Daemon::start(subject, node, &text("first"))?;
    wait_for_name(&daemon, "first")?;
    for (form, name) in [("+%H:%M:%S", "second"), ("+%Y-%m-%d %H:%M:%S", "third")] {
        fs::write(node.path("/run/director.conf"), text(name))?;
        let written = SystemTime::now();
        fs::write(node.path("/run/time/next"), clock(node, form, 4)? + "\n")?;
        wait_for_name(&daemon, name)?;
        let waited = written.elapsed()?;
        // `date` cuts the second off.
        ensure!(waited > Duration::from_millis(2_900), "after {waited:?}");
        let file = node.path("/run/time/next");
        wait::until("the file to go", SETTLED, || !Path::new(&file).exists())?;
    }
    Ok(())
}

/// Whoever starts the daemon must be able to tell that there is nothing to run.
fn no_configuration_has_an_exit_status_of_its_own(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let instance = pair.configuration(STRONG, "");
    fs::write(
        node.path("/run/part.conf"),
        format!("includem /run/nothing.conf\n{instance}"),
    )?;
    for file in ["/run/nothing.conf", "/run/part.conf"] {
        let mut command = Command::new(subject.program()?);
        command.args(["-n", "-l", "-f", file]);
        let output = node.within(move || command.output())??;
        let status = output.status.code();
        ensure!(status == Some(6), "{file}: {status:?}\n{output:?}");
    }
    Ok(())
}

mod keepalived {
    bed::cases!(peers Keepalived; pid_files_are_where_the_file_says instances_live_side_by_side syslog_tells_instances_apart
        new_files_have_the_permissions_that_umask_leaves a_file_that_fails_the_test_is_not_taken
        a_reload_comes_at_its_time no_configuration_has_an_exit_status_of_its_own);
}

mod holdfast {
    bed::cases!(peers Holdfast; pid_files_are_where_the_file_says instances_live_side_by_side syslog_tells_instances_apart
        new_files_have_the_permissions_that_umask_leaves a_reload_is_marked a_file_that_fails_the_test_is_not_taken
        a_reload_comes_at_its_time no_configuration_has_an_exit_status_of_its_own);
}
