//! Advice on `virtual_server`, `real_server` and checkers.
//!
//! Said when a file is read, and therefore not here: a quorum above the sum of weights (HF0506), DR and TUN with
//! differing ports (HF0505), a sorry server whose `inhibit` fights with that of the same real server (HF0516).

use super::Pass;
use super::kernel::{concerns, set_by};
use crate::config::{Checker, CheckerKind, RealServer, Recovery, Scheduler, Service, VirtualServer};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Span;
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

const EXPIRE_QUIESCENT_TEMPLATE: &str = "net.ipv4.vs.expire_quiescent_template";

pub(super) fn look(pass: &mut Pass<'_>) {
    let config = pass.config;
    for server in &config.virtual_servers {
        sorry_server(pass, server);
        persistence(pass, server);
        checkers(pass, server);
        quorum(pass, server);
        server_weights(pass, server);
        slow_start(pass, server);
        flap_damping(pass, server);
    }
    kernel_settings(pass);
    unchecked_start(pass);
    addresses(pass);
    sync_daemon(pass);
}

fn sorry_server(pass: &mut Pass<'_>, server: &VirtualServer) {
    let Some(sorry) = &server.sorry_server else { return };
    let span = sorry.address.span;
    let is_known = |it: &Diagnostic| it.code == findings::SORRY_INHIBIT.code && it.span == Some(span);
    let same = |real: &&RealServer| {
        let port = |port: Option<u16>| port.or(common_port(server));
        real.address == sorry.address && port(real.port) == port(sorry.port)
    };
    let Some(twin) = server.real_servers.iter().find(same) else {
        return;
    };
    if pass.known.iter().any(is_known) {
        return;
    }
    let message = format!(
        "The sorry_server {} is also a real_server of {}",
        sorry.address, *server.name
    );
    pass.advise(
        Diagnostic::new(findings::SORRY_IS_REAL, message, Some(span))
            .note("the real_server is here", Some(twin.span))
            .hint("name a server that works when the real servers do not"),
    );
}

/// The port of all services, when they have the same.
fn common_port(server: &VirtualServer) -> Option<u16> {
    let mut ports = server.services.iter().map(|service| match service {
        Service::Address(_, port) => *port,
        Service::Fwmark(..) => 0,
    });
    let first = ports.next()?;
    ports.all(|port| port == first).then_some(first)
}

fn persistence(pass: &mut Pass<'_>, server: &VirtualServer) {
    let quiescent = |real: &&RealServer| real.inhibit_on_failure || real.weight == 0;
    let Some(real) = server.real_servers.iter().find(quiescent) else {
        return;
    };
    let by_file = set_by(pass.config, EXPIRE_QUIESCENT_TEMPLATE).map(str::to_owned);
    let set = by_file.or_else(|| pass.host.and_then(|host| host.sysctl(EXPIRE_QUIESCENT_TEMPLATE)));
    if server.persistence_timeout.is_none() || set.as_deref().is_some_and(|value| value != "0") {
        return;
    }
    let message = format!(
        "virtual_server {} is persistent: its clients stay with a server of weight 0",
        *server.name
    );
    let hint = match set {
        Some(_) => "it is 0 here: lvs_sysctl expire_quiescent_template 1".to_owned(),
        None => "lvs_sysctl expire_quiescent_template 1, unless it is set already".to_owned(),
    };
    let why = if real.weight == 0 {
        "this server has weight 0"
    } else {
        "this server stays in the table with weight 0 when it fails"
    };
    pass.advise(
        Diagnostic::new(findings::PERSISTENT_QUIESCENT, message, Some(server.name.span))
            .note(why, Some(real.span))
            .hint(hint),
    );
}

fn checkers(pass: &mut Pass<'_>, server: &VirtualServer) {
    let real_servers = || server.real_servers.iter();
    let unchecked: Vec<Span> = real_servers()
        .filter(|real| real.checkers.is_empty())
        .map(|real| real.span)
        .collect();
    let message = format!(
        "A real_server of {} has no checker: it counts as up even when it is dead",
        *server.name
    );
    pass.advise_once(findings::NEVER_CHECKED, &unchecked, message, "TCP_CHECK { }");

    let with = |wrong: fn(&Checker) -> bool| -> Vec<&Checker> {
        let checkers = real_servers().flat_map(|real| &real.checkers);
        checkers.filter(|checker| wrong(checker)).collect()
    };
    let spans = |checkers: &[&Checker]| -> Vec<Span> { checkers.iter().map(|checker| checker.span).collect() };
    let slow = with(|checker| timeout(checker).is_some_and(|timeout| timeout > checker.delay_loop));
    if let Some((first, timeout)) = slow.first().and_then(|first| Some((first, timeout(first)?))) {
        let message = format!(
            "A check is due every {:?} (delay_loop), and each may take {timeout:?}",
            first.delay_loop
        );
        let hint = "make connect_timeout or misc_timeout shorter than delay_loop";
        pass.advise_once(findings::DELAY_LOOP_SHORT, &spans(&slow), message, hint);
    }
    let hasty = with(|checker| checker.kind.connects() && checker.retry == 0);
    let message = "retry 0: one lost packet takes the server out of the pool".to_owned();
    pass.advise_once(findings::NO_RETRY, &spans(&hasty), message, "retry 1 or more");
}

/// How long one check may take.
fn timeout(checker: &Checker) -> Option<Duration> {
    match &checker.kind {
        CheckerKind::MiscCheck(misc) => Some(misc.misc_timeout),
        kind if kind.connects() => Some(checker.check_timeout.unwrap_or(checker.connect_timeout)),
        _ => None,
    }
}

fn quorum(pass: &mut Pass<'_>, server: &VirtualServer) {
    let has_effect = server.sorry_server.is_some() || server.quorum_up.is_some() || server.quorum_down.is_some();
    // A mail is an effect, too.
    let global = &pass.config.global_defs;
    let has_mail = global.smtp_alert_checker.or(global.smtp_alert) == Some(true);
    if server.quorum <= 1 || has_effect || has_mail {
        return;
    }
    let message = format!(
        "Losing the quorum of virtual_server {} has no effect: there is no sorry_server, quorum_up or quorum_down",
        *server.name
    );
    pass.advise(Diagnostic::new(
        findings::QUORUM_WITHOUT_EFFECT,
        message,
        Some(server.name.span),
    ));
}

fn server_weights(pass: &mut Pass<'_>, server: &VirtualServer) {
    let weights: HashSet<u32> = server.real_servers.iter().map(|real| real.weight).collect();
    let span = Some(server.name.span);
    let is_dynamic = |checker: &Checker| match &checker.kind {
        CheckerKind::MiscCheck(misc) => misc.misc_dynamic,
        CheckerKind::FileCheck(file) => file.weight != 0,
        _ => false,
    };
    let mut checkers = server.real_servers.iter().flat_map(|real| &real.checkers);
    if weights.iter().all(|weight| *weight == 0) && !checkers.any(is_dynamic) {
        let message = format!(
            "All real servers of virtual_server {} have weight 0: nobody is served",
            *server.name
        );
        pass.advise(Diagnostic::new(findings::NO_WEIGHT, message, span));
    }
    let different = weights.iter().filter(|weight| **weight != 0).count() > 1;
    if different && let Some(weighted) = weighted(server.lb_algo) {
        let message = format!(
            "virtual_server {} has servers of different weights, which lb_algo {} ignores",
            *server.name,
            server.lb_algo.name()
        );
        let hint = format!("lb_algo {}", weighted.name());
        pass.advise(Diagnostic::new(findings::WEIGHT_IGNORED, message, span).hint(hint));
    }
}

/// The scheduler that is like this one and looks at weights.
fn weighted(scheduler: Scheduler) -> Option<Scheduler> {
    match scheduler {
        Scheduler::Rr => Some(Scheduler::Wrr),
        Scheduler::Lc => Some(Scheduler::Wlc),
        _ => None,
    }
}

fn slow_start(pass: &mut Pass<'_>, server: &VirtualServer) {
    let slow =
        |real: &&RealServer| !real.recovery.slow_start.is_zero() && !real.checkers.is_empty() && real.weight != 0;
    let slow: Vec<&RealServer> = server.real_servers.iter().filter(slow).collect();
    let Some(lightest) = slow.iter().map(|real| real.weight).min() else {
        return;
    };
    let scheduler = server.lb_algo.name();
    let (message, hint) = match server.lb_algo {
        Scheduler::Rr | Scheduler::Lc | Scheduler::Dh => (
            format!(
                "slow_start of virtual_server {}: lb_algo {scheduler} ignores weights",
                *server.name
            ),
            "lb_algo wrr or wlc",
        ),
        Scheduler::Fo | Scheduler::Ovf => (
            format!(
                "slow_start of virtual_server {}: lb_algo {scheduler} takes weights for an order or for limits",
                *server.name
            ),
            "lb_algo wrr or wlc",
        ),
        _ if lightest < 10 => (
            format!(
                "slow_start of virtual_server {}: a weight of {lightest} cannot be divided into ten steps",
                *server.name
            ),
            "weight 10 or more, for all real servers in proportion",
        ),
        _ => return,
    };
    let spans: Vec<Span> = slow.iter().map(|real| real.span).collect();
    pass.advise_once(findings::SLOW_START_IGNORED, &spans, message, hint);
}

/// The other settings say how servers are held, and only `flap_threshold` that they are.
fn flap_damping(pass: &mut Pass<'_>, server: &VirtualServer) {
    let off = Recovery::default();
    let spans: Vec<Span> = server
        .real_servers
        .iter()
        .filter(|real| real.recovery.flap_threshold == off.flap_threshold)
        .filter(|real| {
            let told = &real.recovery;
            (told.flap_window, told.flap_hold, told.flap_hold_max)
                != (off.flap_window, off.flap_hold, off.flap_hold_max)
        })
        .map(|real| real.span)
        .collect();
    if spans.is_empty() {
        return;
    }
    let message = format!(
        "virtual_server {}: flap damping is set and not switched on",
        *server.name
    );
    pass.advise_once(
        findings::FLAP_UNLIMITED,
        &spans,
        message,
        "flap_threshold 3, for example",
    );
}

/// Only where the kernel's values can be seen, or the file sets them.
fn kernel_settings(pass: &mut Pass<'_>) {
    for concern in concerns(pass.config) {
        let is_so = |(sysctl, harmful): &(&str, &str)| {
            let by_file = set_by(pass.config, sysctl).map(str::to_owned);
            let value = by_file.or_else(|| pass.host.and_then(|host| host.sysctl(sysctl)));
            value.as_deref() == Some(*harmful)
        };
        if concern.conditions.iter().all(is_so) {
            pass.advise_once(concern.finding, &concern.places, concern.message, &concern.remedy);
        }
    }
}

fn unchecked_start(pass: &mut Pass<'_>) {
    let starts_up = |server: &&VirtualServer| {
        let mut checkers = server.real_servers.iter().flat_map(|real| &real.checkers);
        checkers.any(|checker| !checker.alpha)
    };
    let places: Vec<Span> = pass
        .config
        .virtual_servers
        .iter()
        .filter(starts_up)
        .map(|server| server.name.span)
        .collect();
    let message = "Real servers are in the pool before their first check".to_owned();
    pass.advise_once(
        findings::UP_BEFORE_CHECK,
        &places,
        message,
        "write alpha in virtual_server",
    );
}

fn addresses(pass: &mut Pass<'_>) {
    let config = pass.config;
    if config.vrrp_instances.is_empty() {
        return;
    }
    let addresses = |it: &crate::config::VrrpInstance| {
        let all = it.virtual_ipaddress.iter().chain(&it.virtual_ipaddress_excluded);
        all.map(|address| *address.address).collect::<Vec<_>>()
    };
    let mut held: HashSet<IpAddr> = config.vrrp_instances.iter().flat_map(addresses).collect();
    held.extend(config.static_ipaddress.iter().map(|it| *it.address));
    if let Some(host) = pass.host {
        held.extend(host.addresses().iter().map(|it| it.address));
    }
    for server in &config.virtual_servers {
        let homeless = server.services.iter().find_map(|service| match service {
            Service::Address(address, _) if !held.contains(address) => Some(*address),
            _ => None,
        });
        if let Some(address) = homeless {
            let message = format!(
                "{address} of virtual_server {} is no address of a vrrp_instance",
                *server.name
            );
            pass.advise(
                Diagnostic::new(findings::ADDRESS_OF_NOBODY, message, Some(server.name.span))
                    .hint("write it into virtual_ipaddress, unless something else brings it"),
            );
        }
    }
}

fn sync_daemon(pass: &mut Pass<'_>) {
    let config = pass.config;
    let Some(daemon) = &config.global_defs.lvs_sync_daemon else {
        return;
    };
    if daemon.inst.is_none() && !config.vrrp_instances.is_empty() {
        let message = "lvs_sync_daemon names no vrrp_instance: this node sends and receives connections all the time";
        pass.advise(
            Diagnostic::new(findings::SYNC_WITHOUT_INSTANCE, message, Some(daemon.interface.span))
                .hint(format!("lvs_sync_daemon {} inst INSTANCE", daemon.interface)),
        );
    }
}
