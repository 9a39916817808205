//! The service on D-Bus, over a real bus with a real client. Real keepalived is the subject first.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::bus::Bus;
use bed::daemon::{Daemon, Role, Software};
use bed::network::Port;
use bed::onlooker::Packet;
use bed::pair::{LATENESS, Pair, STRONG, Wire, master_down};
use bed::wait;

const VRRP: &str = "/org/keepalived/Vrrp1/Vrrp";
const INSTANCE: &str = "/org/keepalived/Vrrp1/Instance/eth0/51/IPv4";
const DOTTED: &str = "/org/keepalived/Vrrp1/Instance/eth0_7/7/IPv4";

/// A signal takes milliseconds; this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(15);

/// One announcement for an address and no more.
const ANNOUNCE_ONCE: &str = "garp_master_repeat 1\n    garp_master_delay 0";

/// The pair's instance, with these lines before it.
fn configuration(pair: &Pair, global: &str) -> String {
    format!(
        "global_defs {{\n{global}\n}}\n{}",
        pair.configuration(STRONG, ANNOUNCE_ONCE)
    )
}

/// An instance on an interface with a dot in its name.
fn dotted(name: &str, vrid: u8) -> String {
    format!(
        "vrrp_instance {name} {{\nstate BACKUP\ninterface eth0.7\nvirtual_router_id {vrid}\npriority 90\n\
         virtual_ipaddress {{\n198.51.100.200/24\n}}\n}}\n"
    )
}

fn plug_dotted(pair: &Pair) -> Result<Port> {
    pair.network().plug(&pair.strong, "lan", "eth0.7", &["198.51.100.1/24"])
}

/// The value that a signal of an instance ends with.
fn status(path: &str, state: u8) -> String {
    let path = path.trim_start_matches("/org/keepalived/Vrrp1/");
    format!("{path} VrrpStatusChange {state}")
}

fn has(signals: &[String], wanted: &str) -> bool {
    signals.iter().any(|signal| signal == wanted)
}

/// Without what comes at another moment each time: the first word of an instance that has not begun yet, and when the bus gave
/// the name away (which is asked for separately).
fn told(signals: &[String]) -> Vec<&str> {
    let is_first = |signal: &str| signal.ends_with(" VrrpStatusChange 0");
    signals
        .iter()
        .map(String::as_str)
        .filter(|signal| !is_first(signal) && *signal != "name owned")
        .collect()
}

/// What there is to see of instances, and who may.
fn objects_show_the_instances(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    plug_dotted(&pair)?;
    let bus = Bus::start(&pair.strong)?;
    let text = configuration(&pair, "enable_dbus") + &dotted("VI_DOT", 7);
    let _daemon = Daemon::start(subject, &pair.strong, &text)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    bus.wait_for_owner(true)?;
    let master = "variant struct { uint32 2 Master }";
    wait::until("the state of the master", PATIENCE, || {
        bus.property(INSTANCE, "State").is_ok_and(|state| state == master)
    })?;
    let name = bus.property(INSTANCE, "Name")?;
    ensure!(name == "variant struct { VI_1 }", "Name is {name}");
    let dotted = bus.property(DOTTED, "Name")?;
    ensure!(dotted == "variant struct { VI_DOT }", "Name is {dotted}");
    let all = "org.freedesktop.DBus.Properties.GetAll";
    let all = bus.call(INSTANCE, all, &["org.keepalived.Vrrp1.Instance"])?;
    let wanted = format!("array [ dict entry( Name variant struct {{ VI_1 }} ) dict entry( State {master} ) ]");
    ensure!(all == wanted, "all properties: {all}");

    let introspect = |path: &str| bus.call(path, "org.freedesktop.DBus.Introspectable.Introspect", &[]);
    let instance = introspect(INSTANCE)?;
    for wanted in [
        "<interface name=\"org.keepalived.Vrrp1.Instance\"> <method name=\"SendGarp\"> </method>",
        "<signal name=\"VrrpStatusChange\"> <arg type=\"u\" name=\"status\"> </arg> </signal>",
        "<property type=\"s\" name=\"Name\" access=\"read\"> </property>",
        "<property type=\"(us)\" name=\"State\" access=\"read\"> </property>",
        "<interface name=\"org.freedesktop.DBus.Peer\">",
    ] {
        ensure!(
            instance.contains(wanted),
            "not in the instance's words: {wanted}: {instance}"
        );
    }
    let vrrp = introspect(VRRP)?;
    for member in [
        "method name=\"PrintData",
        "method name=\"PrintStats",
        "method name=\"PrintStatsClear",
        "method name=\"ReloadConfig",
        "signal name=\"VrrpStarted",
        "signal name=\"VrrpReloaded",
        "signal name=\"VrrpStopped",
    ] {
        ensure!(vrrp.contains(&format!("<{member}\">")), "no {member}: {vrrp}");
    }
    ensure!(
        !vrrp.contains("CreateInstance"),
        "Debian's keepalived makes no instances: {vrrp}"
    );
    let above = introspect("/org/keepalived/Vrrp1/Instance")?;
    ensure!(
        above.contains("<node name=\"eth0\"/>") && above.contains("<node name=\"eth0_7\"/>"),
        "above the instances: {above}"
    );

    let state = bus.call_as_nobody(
        INSTANCE,
        "org.freedesktop.DBus.Properties.Get",
        &["org.keepalived.Vrrp1.Instance", "State"],
    )?;
    ensure!(state == master, "nobody sees {state}");
    for (path, method) in [
        (INSTANCE, "org.keepalived.Vrrp1.Instance.SendGarp"),
        (VRRP, "org.keepalived.Vrrp1.Vrrp.ReloadConfig"),
    ] {
        let refused = bus.call_as_nobody(path, method, &[]);
        ensure!(
            refused
                .as_ref()
                .is_err_and(|error| format!("{error:#}").contains("AccessDenied")),
            "nobody may call {method}: {refused:?}"
        );
    }
    for (path, method, wanted) in [
        (
            VRRP,
            "org.keepalived.Vrrp1.Vrrp.CreateInstance",
            "No such method “CreateInstance”",
        ),
        (
            "/org/keepalived/Vrrp1/Instance/eth0/9/IPv4",
            "org.keepalived.Vrrp1.Instance.SendGarp",
            "Object does not exist at path",
        ),
    ] {
        let error = format!("{:#}", bus.call(path, method, &[]).err().context("an error")?);
        ensure!(
            error.contains("UnknownMethod") && error.contains(wanted),
            "{method}: {error}"
        );
    }
    Ok(())
}

/// `SendGarp` announces each address once, and only a master has any.
fn announcements_are_made_on_request(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, "enable_dbus"))?;
    let announced = || {
        let seen = pair.onlooker.sightings().into_iter();
        seen.filter(|sighting| sighting.node == pair.strong.name())
            .filter(
                |sighting| matches!(sighting.packet, Packet::Announcement(address) if address == pair.wire.address()),
            )
            .count()
    };
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    bus.wait_for_owner(true)?;
    wait::until("the announcement of the master", PATIENCE, || announced() == 1)?;
    for wanted in [2, 3] {
        bus.call(INSTANCE, "org.keepalived.Vrrp1.Instance.SendGarp", &[])?;
        wait::until("an announcement on request", PATIENCE, || announced() == wanted)?;
    }
    let port = strong_port(&pair)?;
    let down = SystemTime::now();
    pair.network().pull(&port)?;
    daemon.wait_for_log("(VI_1) Entering FAULT STATE", down, PATIENCE)?;
    let asked = SystemTime::now();
    bus.call(INSTANCE, "org.keepalived.Vrrp1.Instance.SendGarp", &[])?;
    daemon.wait_for_log("Sending garps on VI_1 on DBus request", asked, PATIENCE)?;
    pair.network().put_back(&port)?;
    daemon.wait_for_log("(VI_1) Entering BACKUP STATE", asked, PATIENCE)?;
    bus.call(INSTANCE, "org.keepalived.Vrrp1.Instance.SendGarp", &[])?;
    // That of the new master is the next one: nothing came of the two requests.
    daemon.wait_for_log("(VI_1) Entering MASTER STATE", asked, PATIENCE)?;
    wait::until("the announcement of the master", PATIENCE, || announced() >= 4)?;
    ensure!(announced() == 4, "announced {} times", announced());
    Ok(())
}

fn strong_port(pair: &Pair) -> Result<Port> {
    let ports = pair.network().ports();
    let port = ports.into_iter().find(|port| port.node == pair.strong.name());
    port.context("the port of the better one")
}

/// What is signalled, from the start to the end, in keepalived's order.
fn signals_come_in_order(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    plug_dotted(&pair)?;
    let bus = Bus::start(&pair.strong)?;
    let watcher = bus.watch()?;
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, "enable_dbus"))?;
    let wait_for = |state: u8, times: usize| {
        let wanted = status(INSTANCE, state);
        watcher.wait_for(&wanted, PATIENCE, |signals| {
            signals.iter().filter(|signal| **signal == wanted).count() == times
        })
    };
    wait_for(2, 1)?;
    let port = strong_port(&pair)?;
    pair.network().pull(&port)?;
    wait_for(3, 1)?;
    pair.network().put_back(&port)?;
    wait_for(2, 2)?;
    // The first one goes, another one comes.
    daemon.reload(&format!("global_defs {{\nenable_dbus\n}}\n{}", dotted("VI_DOT", 7)))?;
    watcher.wait_for("the new instance as master", PATIENCE, |signals| {
        has(signals, &status(DOTTED, 2))
    })?;
    let gone = bus.property(INSTANCE, "Name");
    ensure!(gone.is_err(), "the instance that went is there: {gone:?}");
    ensure!(bus.property(DOTTED, "Name")?.contains("VI_DOT"), "no new instance");
    bus.call(VRRP, "org.keepalived.Vrrp1.Vrrp.ReloadConfig", &[])?;
    let reloads = |signals: &[String]| signals.iter().filter(|signal| *signal == "Vrrp VrrpReloaded").count();
    watcher.wait_for("the second reload", PATIENCE, |signals| reloads(signals) == 2)?;
    daemon.stop()?;
    watcher.wait_for("the end of the name", PATIENCE, |signals| has(signals, "name gone"))?;
    let wanted = [
        "Vrrp VrrpStarted".to_owned(),
        status(INSTANCE, 1),
        status(INSTANCE, 2),
        status(INSTANCE, 3),
        status(INSTANCE, 1),
        status(INSTANCE, 2),
        status(INSTANCE, 3),
        "Vrrp VrrpReloaded".to_owned(),
        status(DOTTED, 1),
        status(DOTTED, 2),
        "Vrrp VrrpReloaded".to_owned(),
        status(DOTTED, 98),
        "Vrrp VrrpStopped".to_owned(),
        "name gone".to_owned(),
    ];
    let signals = watcher.signals();
    ensure!(told(&signals) == wanted, "signals: {signals:#?}");
    Ok(())
}

/// The service comes and goes with its keyword.
fn service_follows_the_keyword(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let watcher = bus.watch()?;
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, ""))?;
    let since = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    // By then it has told everybody in its own house.
    pair.next_advert(&pair.strong, since)?;
    ensure!(
        watcher.signals().is_empty(),
        "without the keyword: {:?}",
        watcher.signals()
    );
    daemon.reload(&configuration(&pair, "enable_dbus"))?;
    watcher.wait_for("the name", PATIENCE, |signals| has(signals, "name owned"))?;
    // Not in the middle of the reload.
    pair.next_advert(&pair.strong, SystemTime::now())?;
    daemon.reload(&configuration(&pair, ""))?;
    watcher.wait_for("the end of the name", PATIENCE, |signals| has(signals, "name gone"))?;
    let master = status(INSTANCE, 2);
    let wanted = ["Vrrp VrrpStarted", &master, "Vrrp VrrpStopped", "name gone"];
    let signals = watcher.signals();
    ensure!(told(&signals) == wanted, "signals: {signals:#?}");
    pair.assert_steady(&pair.strong, since)?;
    Ok(())
}

/// The VRRP process dies: the name goes from the bus, and comes back with the states.
fn service_follows_the_process(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let watcher = bus.watch()?;
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, "enable_dbus"))?;
    let master = status(INSTANCE, 2);
    watcher.wait_for("the master", PATIENCE, |signals| has(signals, &master))?;
    let before = watcher.signals().len();
    daemon.kill_role(Role::Vrrp)?;
    watcher.wait_for("the state after the death", PATIENCE, |signals| {
        signals.get(before..).is_some_and(|signals| has(signals, &master))
    })?;
    let signals = watcher.signals();
    let after = told(signals.get(before..).unwrap_or_default());
    let wanted = ["name gone", "Vrrp VrrpStarted", &status(INSTANCE, 1), &master];
    ensure!(after == wanted, "after the death: {after:#?}");
    bus.wait_for_owner(true)
}

/// A bus that is not there, comes, dies, hangs and comes again is nothing to the election. keepalived needs it at its start, and
/// only once.
fn bus_is_nothing_to_the_election(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let is_holdfast = subject == Software::Holdfast;
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, "enable_dbus"))?;
    let since = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let check = |bus: &Bus<'_>| {
        if is_holdfast {
            bus.wait_for_owner(true)?;
            let state = bus.property(INSTANCE, "State")?;
            ensure!(state.contains("Master"), "the state is {state}");
        }
        Ok(())
    };
    let bus = Bus::start(&pair.strong)?;
    check(&bus)?;
    bus.kill()?;
    let bus = Bus::start(&pair.strong)?;
    check(&bus)?;
    bus.hang()?;
    let asked = daemon.reload(&configuration(&pair, "enable_dbus\nrouter_id again"))?;
    pair.next_advert(&pair.strong, asked)?;
    pair.assert_steady(&pair.strong, since)?;
    let (asked, exit) = daemon.stop()?;
    ensure!(exit.success(), "it ended with {exit}");
    let took = SystemTime::now().duration_since(asked)?;
    ensure!(
        took < Duration::from_secs(5),
        "it took {took:?} to stop with a bus that hangs"
    );
    bus.go_on()
}

/// The process that speaks to the bus has no rights, may die at any time, and comes again.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn process_of_the_service_may_die() -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let daemon = Daemon::start(Software::Holdfast, &pair.strong, &configuration(&pair, "enable_dbus"))?;
    let since = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    bus.wait_for_owner(true)?;
    let vrrp = daemon.role(Role::Vrrp)?;
    let children = daemon.process().descendants();
    let own = children
        .into_iter()
        .find(|pid| *pid != vrrp)
        .context("a process for D-Bus")?;
    let status = std::fs::read_to_string(format!("/proc/{own}/status"))?;
    for wanted in [
        "Uid:\t65534\t65534\t65534\t65534",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
    ] {
        ensure!(status.contains(wanted), "no {wanted:?} in {status}");
    }
    nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL)?;
    bus.wait_for_owner(false)?;
    bus.wait_for_owner(true)?;
    let state = bus.property(INSTANCE, "State")?;
    ensure!(state.contains("Master"), "the state is {state}");
    ensure!(daemon.role(Role::Vrrp)? == vrrp, "the VRRP process is another one");
    pair.assert_steady(&pair.strong, since)
}

/// A name that changes at a reload is taken at once; keepalived takes it at its next start.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn name_changes_at_a_reload() -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let name = "enable_dbus\ndbus_service_name org.keepalived.Vrrp1.other";
    let daemon = Daemon::start(Software::Holdfast, &pair.strong, &configuration(&pair, name))?;
    // Nobody but us may have it: the bus's policy is about the usual one.
    daemon.wait_for_log(
        "org.keepalived.Vrrp1.other is not to be had",
        SystemTime::UNIX_EPOCH,
        PATIENCE,
    )?;
    daemon.reload(&configuration(&pair, "enable_dbus"))?;
    bus.wait_for_owner(true)?;
    daemon.reload(&configuration(&pair, ""))?;
    bus.wait_for_owner(false)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG) + LATENESS)?;
    Ok(())
}

bed::cases!(peers both;
    objects_show_the_instances
    announcements_are_made_on_request
    signals_come_in_order
    service_follows_the_keyword
    service_follows_the_process
    bus_is_nothing_to_the_election
);
