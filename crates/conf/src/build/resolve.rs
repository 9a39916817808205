//! Virtual servers: what is written becomes what it means.

use super::Builder;
use super::checker::Server;
use super::real_server::RealServerDraft;
use super::server_group::Entry;
use super::service::{common_port, fixed_family, services};
use super::virtual_server::{Inherited, SorryDraft, VirtualServerDraft};
use crate::config::{
    AddressFamily, CheckDefaults, ForwardingMethod, Protocol, RealServer, Scheduler, Service, SorryServer,
    VirtualServer, VirtualServerName,
};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords;
use crate::source::Span;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Persistence where one is needed and none is written.
const FORCED_PERSISTENCE: Duration = Duration::from_mins(6);

/// A virtual server whose block is read.
pub(super) enum ReadVirtualServer {
    Resolved(Box<Option<VirtualServer>>),
    /// Its group may still come.
    OfGroup(Box<VirtualServerDraft>),
}

impl Builder<'_> {
    pub(super) fn finish_virtual_servers(&mut self) {
        let mut seen = HashMap::new();
        self.config.virtual_servers.reserve_exact(self.virtual_servers.len());
        for read in std::mem::take(&mut self.virtual_servers) {
            let resolved = match read {
                ReadVirtualServer::Resolved(server) => *server,
                ReadVirtualServer::OfGroup(draft) => self.resolve_virtual_server(*draft),
            };
            let Some(server) = resolved else { continue };
            let key = |service: &Service| (*service, server.protocol);
            if let Some(first) = server.services.iter().find_map(|service| seen.get(&key(service))) {
                let message = format!(
                    "virtual_server {} serves what another one serves already; it is left out",
                    *server.name
                );
                let first: Span = *first;
                self.report(
                    Diagnostic::new(findings::DUPLICATE_VIRTUAL_SERVER, message, Some(server.name.span))
                        .note("the first is here", Some(first)),
                );
                continue;
            }
            seen.extend(server.services.iter().map(|service| (key(service), server.name.span)));
            self.config.virtual_servers.push(server);
        }
    }

    /// Drafts are large and there may be many: only those wait that must.
    pub(super) fn virtual_server_read(&mut self, draft: VirtualServerDraft) {
        let read = match *draft.name {
            VirtualServerName::Group(_) => ReadVirtualServer::OfGroup(Box::new(draft)),
            _ => ReadVirtualServer::Resolved(Box::new(self.resolve_virtual_server(draft))),
        };
        self.virtual_servers.push(read);
    }

    fn resolve_virtual_server(&mut self, mut draft: VirtualServerDraft) -> Option<VirtualServer> {
        let entries = self.entries(&draft)?;
        let fixed = fixed_family(&draft, &entries);
        self.check_family(&mut draft, fixed);
        self.check_real_servers(&mut draft, fixed);
        if draft.real_servers.is_empty() {
            self.no_real_server(&draft);
            return None;
        }
        let services = services(&entries, &draft);
        let by_mark = entries.iter().all(|entry| matches!(entry, Entry::Fwmark(..)));
        let protocol = self.resolve_protocol(&draft, by_mark);
        let lb_algo = self.resolve_scheduler(&draft);
        let lb_kind = self.resolve_method(&draft);
        self.check_sorry_server(&mut draft, fixed);
        let port = common_port(&services);
        let ports: Vec<u16> = services.iter().filter_map(Service::port).collect();
        self.check_ports(&mut draft, lb_kind, &ports);
        let real_servers = self.resolve_real_servers(&mut draft, lb_kind, port);
        let quorum = self.resolve_quorum(&draft, &real_servers);
        let hysteresis = self.resolve_hysteresis(&draft, quorum);
        let persistence_timeout = self.resolve_persistence(&draft, &services);
        self.check_flags(&mut draft, protocol, by_mark);
        let persistence_granularity = self.resolve_granularity(&draft, &services);
        let mails = self.mails_of_checkers();
        Some(VirtualServer {
            name: draft.name,
            services,
            protocol,
            lb_algo,
            flags: draft.flags,
            ops: draft.ops.is_some(),
            lb_kind,
            persistence_timeout,
            persistence_granularity,
            persistence_engine: draft.persistence_engine,
            check_defaults: check_defaults(&draft.inherited),
            delay_loop: draft.inherited.delay_loop.unwrap_or(DELAY_LOOP),
            ha_suspend: draft.ha_suspend.is_some(),
            alpha: draft.inherited.alpha.unwrap_or(false),
            omega: draft.omega,
            quorum,
            hysteresis,
            quorum_up: draft.quorum_up,
            quorum_down: draft.quorum_down,
            weight: draft.weight,
            inhibit_on_failure: draft.inhibit_on_failure,
            virtualhost: draft.inherited.virtualhost,
            smtp_alert: draft.smtp_alert.or(mails).unwrap_or(false),
            snmp_name: draft.snmp_name,
            sorry_server: draft.sorry_server.map(|sorry| SorryServer {
                address: sorry.address,
                port: Some(sorry.port).filter(|port| *port != 0),
                written_port: sorry.written_port,
                lvs_method: sorry.lvs_method.unwrap_or(lb_kind),
                inhibit: sorry.inhibit,
            }),
            real_servers,
        })
    }

    fn no_real_server(&mut self, draft: &VirtualServerDraft) {
        let message = format!(
            "virtual_server {} has no usable real_server; it is left out",
            *draft.name
        );
        let finding = match *draft.name {
            VirtualServerName::Group(_) => findings::EMPTY_SERVER_GROUP,
            _ => findings::NO_REAL_SERVER,
        };
        let diagnostic = Diagnostic::new(finding, message, Some(draft.name.span));
        self.report(diagnostic.hint("real_server 192.0.2.11 80 { ... }"));
    }

    fn entries(&mut self, draft: &VirtualServerDraft) -> Option<Vec<Entry>> {
        match &*draft.name {
            VirtualServerName::Address(address, port) => Some(vec![Entry::Address(*address, *port)]),
            VirtualServerName::Fwmark(mark) => Some(vec![Entry::Fwmark(*mark, None)]),
            VirtualServerName::Group(name) => {
                let entries = self.server_groups.get(name).cloned();
                if entries.is_none() {
                    self.undefined_group(draft, name);
                }
                entries
            }
        }
    }

    /// The likely meaning: a group with a similar name, or the virtual address of this file.
    fn undefined_group(&mut self, draft: &VirtualServerDraft, name: &str) {
        let near = keywords::nearest(name, self.server_groups.keys().map(String::as_str));
        let address = self
            .config
            .vrrp_instances
            .iter()
            .flat_map(|instance| &instance.virtual_ipaddress)
            .next();
        let address = address.map_or("192.0.2.1".to_owned(), |address| address.address.to_string());
        let port = draft
            .real_servers
            .iter()
            .map(|server| server.port)
            .find(|port| *port != 0)
            .unwrap_or(80);
        let hint = match near {
            Some(near) => format!("did you mean 'group {near}'?"),
            None => format!(
                "write virtual_server_group {name} {{ {address} {port} }}, or, when one address and port was meant, \
                 virtual_server {address} {port} {{"
            ),
        };
        let message = format!("There is no virtual_server_group {name}; the virtual_server is left out");
        self.report(Diagnostic::new(findings::UNDEFINED_GROUP, message, Some(draft.name.span)).hint(hint));
    }

    fn check_family(&mut self, draft: &mut VirtualServerDraft, fixed: Option<AddressFamily>) {
        let conflict = draft
            .ip_family
            .filter(|family| fixed.is_some_and(|fixed| fixed != **family));
        if let Some(family) = conflict {
            draft.ip_family = None;
            let message = format!(
                "virtual_server {} is of the other family; ip_family is ignored",
                *draft.name
            );
            self.report(Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(family.span)));
        }
    }

    /// Leaves out real servers of the wrong family and those given twice.
    fn check_real_servers(&mut self, draft: &mut VirtualServerDraft, fixed: Option<AddressFamily>) {
        let mut seen: HashMap<(IpAddr, u16), Span> = HashMap::new();
        for server in std::mem::take(&mut draft.real_servers) {
            let family = AddressFamily::of(*server.address);
            let tunnel = matches!(server.lvs_method, Some(ForwardingMethod::Tun(_)));
            if fixed.is_some_and(|fixed| fixed != family) && !tunnel {
                let message = format!(
                    "real_server {} is not of the family of virtual_server {}; it is left out",
                    server.address, *draft.name
                );
                self.report(
                    Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(server.address.span))
                        .hint("only TUN can lead from one family to the other"),
                );
                continue;
            }
            if let Some(first) = seen.get(&(*server.address, server.port)) {
                let message = format!(
                    "real_server {} is given twice; the second one is left out",
                    server.address
                );
                let first = *first;
                self.report(
                    Diagnostic::new(findings::DUPLICATE_REAL_SERVER, message, Some(server.address.span))
                        .note("the first is here", Some(first)),
                );
                continue;
            }
            seen.insert((*server.address, server.port), server.address.span);
            draft.real_servers.push(server);
        }
    }

    fn resolve_protocol(&mut self, draft: &VirtualServerDraft, by_mark: bool) -> Option<Protocol> {
        match (draft.protocol, by_mark) {
            (Some(protocol), true) => {
                let message = "A firewall mark has no protocol; the line is ignored";
                self.report(Diagnostic::new(findings::FWMARK_CONFLICT, message, Some(protocol.span)));
                None
            }
            (None, true) => None,
            (Some(protocol), false) => Some(*protocol),
            (None, false) => {
                let message = format!("virtual_server {} names no protocol; UDP is used", *draft.name);
                let diagnostic = Diagnostic::new(findings::NO_PROTOCOL, message, Some(draft.name.span));
                self.report(diagnostic.hint("protocol TCP"));
                Some(Protocol::Udp)
            }
        }
    }

    fn resolve_scheduler(&mut self, draft: &VirtualServerDraft) -> Scheduler {
        draft.lb_algo.unwrap_or_else(|| {
            let message = format!("virtual_server {} names no scheduler; wlc is used", *draft.name);
            let diagnostic = Diagnostic::new(findings::NO_SCHEDULER, message, Some(draft.name.span));
            self.report(diagnostic.hint("lb_algo wlc"));
            Scheduler::Wlc
        })
    }

    fn resolve_method(&mut self, draft: &VirtualServerDraft) -> ForwardingMethod {
        draft.lb_kind.unwrap_or_else(|| {
            let without = draft.real_servers.iter().any(|server| server.lvs_method.is_none());
            if without {
                let message = format!("virtual_server {} names no forwarding method; NAT is used", *draft.name);
                let diagnostic = Diagnostic::new(findings::NO_METHOD, message, Some(draft.name.span));
                self.report(diagnostic.hint("lb_kind NAT, DR or TUN"));
            }
            ForwardingMethod::Nat
        })
    }

    fn check_sorry_server(&mut self, draft: &mut VirtualServerDraft, fixed: Option<AddressFamily>) {
        let Some(sorry) = &mut draft.sorry_server else { return };
        let tunnel = matches!(sorry.lvs_method.or(draft.lb_kind), Some(ForwardingMethod::Tun(_)));
        let family = AddressFamily::of(*sorry.address);
        if fixed.is_some_and(|fixed| fixed != family) && !tunnel {
            let message = format!(
                "sorry_server {} is not of the family of its service; it is left out",
                sorry.address
            );
            let span = sorry.address.span;
            draft.sorry_server = None;
            self.report(Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(span)));
            return;
        }
        let same = |server: &&RealServerDraft| server.address == sorry.address && server.port == sorry.port;
        let Some(twin) = draft.real_servers.iter().find(same) else {
            return;
        };
        let inhibit = twin.inhibit_on_failure.unwrap_or(draft.inhibit_on_failure);
        if inhibit != sorry.inhibit {
            sorry.inhibit = inhibit;
            let message = format!(
                "sorry_server {} is also a real_server; its sorry_server_inhibit follows inhibit_on_failure",
                sorry.address
            );
            let span = sorry.address.span;
            self.report(Diagnostic::new(findings::SORRY_INHIBIT, message, Some(span)));
        }
    }

    /// DR and TUN leave packets as they are, so a server cannot have another port than the service.
    fn check_ports(&mut self, draft: &mut VirtualServerDraft, lb_kind: ForwardingMethod, ports: &[u16]) {
        for server in &draft.real_servers {
            let method = server.lvs_method.unwrap_or(lb_kind);
            if server.port == 0 || !method.keeps_port() {
                continue;
            }
            if ports.iter().any(|port| *port != server.port) {
                let message = format!(
                    "real_server {} cannot have port {}: DR and TUN keep the port of the service, which is used",
                    server.address, server.port
                );
                self.diagnostics.push(
                    Diagnostic::new(findings::PORT_MISMATCH, message, Some(server.address.span))
                        .hint("only NAT can change the port; checkers have connect_port"),
                );
            }
        }
        let sorry = draft.sorry_server.as_mut();
        if let Some(sorry) = sorry.filter(|sorry| sorry.lvs_method.unwrap_or(lb_kind).keeps_port()) {
            self.check_sorry_port(sorry, ports);
        }
    }

    fn check_sorry_port(&mut self, sorry: &mut SorryDraft, ports: &[u16]) {
        if sorry.port != 0 && ports.iter().any(|port| *port != sorry.port) {
            let message = format!(
                "sorry_server {} cannot have port {}: DR and TUN keep the port of the service, which is used",
                sorry.address, sorry.port
            );
            self.report(Diagnostic::new(
                findings::PORT_MISMATCH,
                message,
                Some(sorry.address.span),
            ));
        }
        sorry.port = 0;
    }

    fn resolve_real_servers(
        &mut self,
        draft: &mut VirtualServerDraft,
        lb_kind: ForwardingMethod,
        service_port: Option<u16>,
    ) -> Vec<RealServer> {
        let mails = self.mails_of_checkers();
        let mut real_servers = Vec::with_capacity(draft.real_servers.len());
        for server in std::mem::take(&mut draft.real_servers) {
            let virtualhost = server.inherited.virtualhost.clone();
            let inherited = server.inherited.or(&draft.inherited);
            let lvs_method = server.lvs_method.unwrap_or(lb_kind);
            let written_port = Some(server.port).filter(|port| *port != 0);
            let mut checkers = Vec::with_capacity(server.checkers.len());
            for checker in server.checkers {
                let server = Server {
                    address: *server.address,
                    port: written_port.or(service_port),
                    delay_loop: draft.inherited.delay_loop.unwrap_or(DELAY_LOOP),
                };
                checkers.extend(self.resolve_checker(checker, &inherited, server));
            }
            real_servers.push(RealServer {
                address: server.address,
                port: written_port.filter(|_| !lvs_method.keeps_port()),
                written_port,
                lvs_method,
                weight: server.weight.unwrap_or(draft.weight),
                inhibit_on_failure: server.inhibit_on_failure.unwrap_or(draft.inhibit_on_failure),
                uthreshold: server.uthreshold,
                lthreshold: server.lthreshold,
                notify_up: server.notify_up,
                notify_down: server.notify_down,
                smtp_alert: server.smtp_alert.or(mails).unwrap_or(true),
                snmp_name: server.snmp_name,
                check_defaults: check_defaults(&inherited),
                virtualhost,
                recovery: server.recovery.resolve(&draft.recovery),
                checkers,
                span: server.span,
            });
        }
        real_servers
    }

    /// Where virtual and real servers say nothing about mails.
    fn mails_of_checkers(&self) -> Option<bool> {
        let global = &self.global.global_defs;
        global.smtp_alert_checker.or(global.smtp_alert)
    }

    fn resolve_quorum(&mut self, draft: &VirtualServerDraft, real_servers: &[RealServer]) -> u32 {
        let weights: u64 = real_servers.iter().map(|server| u64::from(server.weight)).sum();
        let quorum = *draft.quorum;
        if u64::from(quorum) <= weights {
            return quorum;
        }
        // With all weights 0 nothing is up, whatever the quorum.
        let reduced = u32::try_from(weights).unwrap_or(u32::MAX).max(1);
        let message = format!(
            "quorum {quorum} is more than all weights of virtual_server {} together; {reduced} is used",
            *draft.name
        );
        self.report(Diagnostic::new(
            findings::QUORUM_TOO_LARGE,
            message,
            Some(draft.quorum.span),
        ));
        reduced
    }

    fn resolve_hysteresis(&mut self, draft: &VirtualServerDraft, quorum: u32) -> u32 {
        let hysteresis = *draft.hysteresis;
        if hysteresis < quorum {
            return hysteresis;
        }
        let reduced = quorum.saturating_sub(1);
        let message = format!("hysteresis {hysteresis} must be less than the quorum {quorum}; {reduced} is used");
        self.report(Diagnostic::new(
            findings::HYSTERESIS_TOO_LARGE,
            message,
            Some(draft.hysteresis.span),
        ));
        reduced
    }

    fn resolve_persistence(&mut self, draft: &VirtualServerDraft, services: &[Service]) -> Option<Duration> {
        let needs = services.iter().any(|service| service.port() == Some(0));
        if draft.persistence_timeout.is_none() && needs {
            let message = format!(
                "virtual_server {} has no port, so a client must stay with its server; persistence_timeout 360 is used",
                *draft.name
            );
            self.report(
                Diagnostic::new(findings::PERSISTENCE_FORCED, message, Some(draft.name.span))
                    .hint("write a port, or persistence_timeout"),
            );
            return Some(FORCED_PERSISTENCE);
        }
        draft
            .persistence_timeout
            .or(draft.persistence_granularity.map(|_| FORCED_PERSISTENCE))
    }

    /// What fits the family: 0–32, or 1–128. A larger number is a mask with holes for keepalived.
    fn resolve_granularity(&mut self, draft: &VirtualServerDraft, services: &[Service]) -> u8 {
        let is_ipv6 = |service: &Service| service.family() == AddressFamily::Inet6;
        let full = if services.iter().all(is_ipv6) { 128 } else { 32 };
        let Some(length) = draft.persistence_granularity else {
            return full;
        };
        let least = u8::from(full == 128);
        if (least..=full).contains(&length) {
            return length;
        }
        let finding = if length < least {
            findings::OUT_OF_RANGE
        } else {
            findings::MASK_WITH_HOLES
        };
        let message = format!(
            "persistence_granularity {length} of virtual_server {} is not from {least} to {full}; {full} is used",
            *draft.name
        );
        self.report(Diagnostic::new(finding, message, Some(draft.name.span)));
        full
    }

    fn check_flags(&mut self, draft: &mut VirtualServerDraft, protocol: Option<Protocol>, by_mark: bool) {
        if let Some(span) = draft
            .ops
            .filter(|_| protocol.is_some_and(|protocol| protocol != Protocol::Udp))
        {
            draft.ops = None;
            self.report(Diagnostic::new(
                findings::OPS_PROTOCOL,
                "ops needs protocol UDP; it is ignored",
                Some(span),
            ));
        }
        if let Some(span) = draft.ha_suspend.filter(|_| by_mark) {
            draft.ha_suspend = None;
            let message = "ha_suspend needs an address, which a firewall mark has not; it is ignored";
            self.report(Diagnostic::new(findings::FWMARK_CONFLICT, message, Some(span)));
        }
    }
}

fn check_defaults(inherited: &Inherited) -> CheckDefaults {
    CheckDefaults {
        retry: inherited.retry,
        delay_before_retry: inherited.delay_before_retry,
        warmup: inherited.warmup,
        connect_timeout: inherited.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        delay_loop: inherited.delay_loop.unwrap_or(DELAY_LOOP),
        alpha: inherited.alpha.unwrap_or(false),
    }
}

/// How long one attempt may take where nothing is written.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between checks where none is written.
pub(super) const DELAY_LOOP: Duration = Duration::from_mins(1);
