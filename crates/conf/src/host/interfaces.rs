//! Interfaces: are they there?

use super::Host;
use crate::config::{Config, DynamicInterfaces, Route, Rule, VirtualAddress, VrrpInstance};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::findings::{self, Finding};
use crate::source::{Span, Spanned};
use std::collections::HashSet;

/// Interfaces that the file names and the host does not have.
///
/// The daemon waits for them, so nothing of this keeps it from starting. With `dynamic_interfaces` they are expected
/// to come later, and with `net_namespace` they are elsewhere: nothing is said.
pub fn check_interfaces(config: &Config, host: &dyn Host) -> Vec<Diagnostic> {
    let elsewhere = config.daemon.net_namespace.is_some();
    if elsewhere || config.global_defs.dynamic_interfaces != DynamicInterfaces::No {
        return Vec::new();
    }
    let mut check = Check {
        host,
        found: Vec::new(),
        said: HashSet::new(),
    };
    check.links(config);
    check.static_addresses(config);
    check.routes(&config.static_routes, &config.static_rules);
    for instance in &config.vrrp_instances {
        check.instance(instance);
    }
    for group in &config.vrrp_sync_groups {
        for track in &group.track_interface {
            check.exists(&track.name, || {
                format!("track_interface of vrrp_sync_group {}", group.name)
            });
        }
    }
    check.checkers(config);
    check.found
}

struct Check<'a> {
    host: &'a dyn Host,
    found: Vec<Diagnostic>,
    /// The same words are not complained about twice: instances have the tracked interfaces of their group.
    said: HashSet<(Span, String)>,
}

impl Check<'_> {
    fn links(&mut self, config: &Config) {
        let delays = config
            .interface_up_down_delays
            .iter()
            .map(|it| (&it.name, "interface_up_down_delays"));
        let linkbeat = config
            .linkbeat_interfaces
            .iter()
            .map(|it| (&it.name, "linkbeat_interfaces"));
        for (interface, what) in linkbeat.chain(delays) {
            self.report(findings::INTERFACE_UNUSABLE, interface, interface.span, || {
                what.to_owned()
            });
        }
        for interface in config.garp_groups.iter().flat_map(|group| &group.interfaces) {
            self.exists(interface, || "garp_group".to_owned());
        }
    }

    fn static_addresses(&mut self, config: &Config) {
        let default = config.global_defs.default_interface.as_ref();
        for address in &config.static_ipaddress {
            let what = || format!("static address {}", *address.address);
            if default.is_some_and(|default| default.span == address.dev.span) {
                let place = address.address.span;
                self.report(findings::INTERFACE_UNUSABLE, &address.dev, place, what);
            } else {
                self.exists(&address.dev, what);
            }
        }
    }

    fn routes(&mut self, routes: &[Route], rules: &[Rule]) {
        for route in routes {
            let nexthops = route.nexthops.iter().filter_map(|hop| hop.dev.as_ref());
            for interface in nexthops.chain(&route.dev).chain(&route.vrf) {
                self.exists(interface, || {
                    format!("route to {}/{}", route.destination.address, route.destination.length)
                });
            }
        }
        for interface in rules.iter().flat_map(|rule| rule.iif.iter().chain(&rule.oif)) {
            self.exists(interface, || "rule".to_owned());
        }
    }

    fn instance(&mut self, instance: &VrrpInstance) {
        let owner = || format!("vrrp_instance {}", instance.name);
        self.exists(&instance.interface, owner);
        for track in &instance.track_interface {
            self.exists(&track.name, || format!("track_interface of {}", owner()));
        }
        let addresses = instance.virtual_ipaddress.iter();
        let addresses = addresses.chain(&instance.virtual_ipaddress_excluded);
        // Most have the interface of their instance.
        let own = |address: &&VirtualAddress| address.dev.span == instance.interface.span;
        for address in addresses.filter(|address| !own(address)) {
            self.exists(&address.dev, || format!("{} of {}", *address.address, owner()));
        }
        self.routes(&instance.virtual_routes, &instance.virtual_rules);
    }

    /// What only needs its interface when it is used. keepalived does not look.
    fn checkers(&mut self, config: &Config) {
        let before = self.found.len();
        if let Some(daemon) = &config.global_defs.lvs_sync_daemon {
            self.exists(&daemon.interface, || "lvs_sync_daemon".to_owned());
        }
        for real in config.virtual_servers.iter().flat_map(|server| &server.real_servers) {
            for interface in real
                .checkers
                .iter()
                .filter_map(|checker| checker.bind.interface.as_ref())
            {
                self.exists(interface, || format!("bind_if of real_server {}", *real.address));
            }
        }
        for diagnostic in self.found.iter_mut().skip(before) {
            diagnostic.class = None;
        }
    }

    fn exists(&mut self, interface: &Spanned<String>, what: impl FnOnce() -> String) {
        self.report(findings::INTERFACE_ABSENT, interface, interface.span, what);
    }

    fn report(&mut self, finding: Finding, interface: &Spanned<String>, place: Span, what: impl FnOnce() -> String) {
        if self.host.has_interface(interface) || !self.said.insert((place, interface.value.clone())) {
            return;
        }
        let message = format!("There is no interface {interface} ({})", what());
        self.found.push(Diagnostic::new(finding, message, Some(place)));
    }
}
