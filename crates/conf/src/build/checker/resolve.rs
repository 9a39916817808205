//! Checkers: what is written becomes what it means.

use super::CheckerDraft;
use crate::build::Builder;
use crate::build::resolve::{CONNECT_TIMEOUT, DELAY_LOOP};
use crate::build::virtual_server::Inherited;
use crate::config::{Bind, Checker, CheckerKind};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Span;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The server that a checker is about.
#[derive(Clone, Copy)]
pub(in crate::build) struct Server {
    pub(in crate::build) address: IpAddr,
    /// `None`: unknown, as with a firewall mark.
    pub(in crate::build) port: Option<u16>,
    /// `delay_loop` of the virtual server.
    pub(in crate::build) delay_loop: Duration,
}

impl Builder<'_> {
    pub(in crate::build) fn resolve_checker(
        &mut self,
        draft: CheckerDraft,
        outer: &Inherited,
        server: Server,
    ) -> Option<Checker> {
        let inherited = draft.inherited.or(outer);
        let delay_loop = inherited.delay_loop.unwrap_or(DELAY_LOOP);
        let mut kind = draft.kind;
        inherit(&mut kind, &inherited, server.delay_loop);
        let mut bind = draft.bind;
        let target = self.target(
            &kind,
            (draft.connect_ip, draft.connect_port),
            &mut bind,
            server,
            draft.span,
        )?;
        let (retry, delay_before_retry) = defaults(&kind, delay_loop);
        Some(Checker {
            target,
            bind,
            fwmark: draft.fwmark,
            connect_timeout: inherited.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            retry: inherited.retry.unwrap_or(retry),
            delay_before_retry: inherited.delay_before_retry.unwrap_or(delay_before_retry),
            warmup: inherited.warmup.unwrap_or(delay_loop),
            delay_loop,
            rise: inherited.rise.unwrap_or(1),
            jitter: delay_loop.mul_f64(f64::from(inherited.jitter.unwrap_or(0)) / 100.0),
            check_timeout: inherited.check_timeout.filter(|_| kind.connects()),
            alpha: inherited.alpha.unwrap_or(false),
            log_all_failures: draft
                .log_all_failures
                .unwrap_or(self.global.global_defs.checker_log_all_failures),
            span: draft.span,
            kind,
        })
    }

    /// Where the checker connects to; `None`: nowhere, which was said.
    fn target(
        &mut self,
        kind: &CheckerKind,
        (connect_ip, connect_port): (Option<IpAddr>, Option<u16>),
        bind: &mut Bind,
        server: Server,
        span: Span,
    ) -> Option<SocketAddr> {
        let address = connect_ip.unwrap_or(server.address);
        let port = connect_port.or(server.port).filter(|port| *port != 0);
        if kind.needs_port() && port.is_none() {
            let message = "This checker knows no port to connect to; it is left out";
            self.report(Diagnostic::new(findings::NO_PORT, message, Some(span)).hint("connect_port 80"));
            return None;
        }
        let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        if kind.connects() && link_local && bind.interface.is_none() {
            let message = format!("{address} is link-local, so the checker needs an interface; it is left out");
            self.report(Diagnostic::new(findings::LINK_LOCAL, message, Some(span)).hint("bind_if eth0"));
            return None;
        }
        if let Some(other) = bind.address.filter(|bound| bound.is_ipv4() != address.is_ipv4()) {
            bind.address = None;
            let message = format!("bindto {other} is not of the family of {address}; it is ignored");
            self.report(Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(span)));
        }
        Some(SocketAddr::new(address, port.unwrap_or(0)))
    }
}

/// What only some kinds inherit.
fn inherit(kind: &mut CheckerKind, inherited: &Inherited, delay_loop: Duration) {
    let urls = match kind {
        CheckerKind::HttpGet(get) => &mut get.urls,
        CheckerKind::SslGet(ssl) => &mut ssl.get.urls,
        CheckerKind::GrpcCheck(grpc) => {
            grpc.authority = grpc.authority.take().or_else(|| inherited.virtualhost.clone());
            return;
        }
        CheckerKind::MiscCheck(misc) if misc.misc_timeout.is_zero() => {
            misc.misc_timeout = delay_loop;
            return;
        }
        _ => return,
    };
    for url in urls {
        url.virtualhost = url.virtualhost.take().or_else(|| inherited.virtualhost.clone());
    }
}

/// `retry` and `delay_before_retry` where nothing around says anything.
fn defaults(kind: &CheckerKind, delay_loop: Duration) -> (u32, Duration) {
    match kind {
        CheckerKind::HttpGet(_) | CheckerKind::SslGet(_) => (1, Duration::from_secs(3)),
        CheckerKind::DnsCheck(_) => (3, delay_loop),
        CheckerKind::MiscCheck(_) => (0, Duration::from_secs(1)),
        _ => (1, Duration::from_secs(1)),
    }
}
