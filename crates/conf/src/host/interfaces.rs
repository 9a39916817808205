//! Interfaces: are they there?

use super::Host;
use crate::config::{Config, DynamicInterfaces};
use crate::diagnostic::{Diagnostic, findings};
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
    for instance in &config.vrrp_instances {
        let owner = format!("vrrp_instance {}", instance.name);
        check.exists(&instance.interface, &owner);
        for track in &instance.track_interface {
            check.exists(&track.name, &format!("track_interface of {owner}"));
        }
        let addresses = instance.virtual_ipaddress.iter();
        for address in addresses.chain(&instance.virtual_ipaddress_excluded) {
            let what = format!("{} of {owner}", *address.address);
            check.exists(&address.dev, &what);
        }
    }
    for group in &config.vrrp_sync_groups {
        for track in &group.track_interface {
            check.exists(
                &track.name,
                &format!("track_interface of vrrp_sync_group {}", group.name),
            );
        }
    }
    if let Some(daemon) = &config.global_defs.lvs_sync_daemon {
        check.exists(&daemon.interface, "lvs_sync_daemon");
    }
    for server in &config.virtual_servers {
        for real in &server.real_servers {
            for interface in real
                .checkers
                .iter()
                .filter_map(|checker| checker.bind.interface.as_ref())
            {
                check.exists(interface, &format!("bind_if of real_server {}", *real.address));
            }
        }
    }
    check.found
}

struct Check<'a> {
    host: &'a dyn Host,
    found: Vec<Diagnostic>,
    /// The same words are not complained about twice: addresses take the interface of their instance.
    said: HashSet<(Span, String)>,
}

impl Check<'_> {
    fn exists(&mut self, interface: &Spanned<String>, what: &str) {
        let new = self.said.insert((interface.span, interface.value.clone()));
        if new && !self.host.has_interface(interface) {
            let message = format!("There is no interface {interface} ({what})");
            self.found.push(Diagnostic::new(
                findings::INTERFACE_ABSENT,
                message,
                Some(interface.span),
            ));
        }
    }
}
