//! Checkers: what is written.
#![deny(clippy::arithmetic_side_effects)]

mod bytes;
mod dialogue;
mod grpc;
mod http;
mod kinds;
mod regex;
mod request;
mod resolve;
mod tls;

pub(super) use resolve::Server;

use super::argument::set;
use super::virtual_server::Inherited;
use super::{Builder, Item};
use crate::config::{Bind, CheckerKind};
use crate::diagnostic::findings;
use crate::keywords::Context;
use crate::source::Span;
use std::net::IpAddr;

/// A checker as it is written.
#[derive(Clone)]
pub(super) struct CheckerDraft {
    pub(super) kind: CheckerKind,
    pub(super) inherited: Inherited,
    pub(super) connect_ip: Option<IpAddr>,
    pub(super) connect_port: Option<u16>,
    pub(super) bind: Bind,
    pub(super) fwmark: u32,
    pub(super) log_all_failures: Option<bool>,
    pub(super) span: Span,
}

impl CheckerDraft {
    fn new(span: Span) -> Self {
        Self {
            kind: CheckerKind::TcpCheck,
            inherited: Inherited::default(),
            connect_ip: None,
            connect_port: None,
            bind: Bind::default(),
            fwmark: 0,
            log_all_failures: None,
            span,
        }
    }

    fn says_anything_of_a_connection(&self) -> bool {
        self.connect_ip.is_some()
            || self.connect_port.is_some()
            || self.bind != Bind::default()
            || self.fwmark != 0
            || self.inherited.connect_timeout.is_some()
            || self.inherited.check_timeout.is_some()
    }

    /// The kind and the timing, connected as a checker is that says nothing of it.
    fn without_connection(&self) -> Self {
        Self {
            connect_ip: None,
            connect_port: None,
            bind: Bind::default(),
            fwmark: 0,
            inherited: Inherited {
                connect_timeout: None,
                check_timeout: None,
                ..self.inherited.clone()
            },
            ..self.clone()
        }
    }
}

impl<'a> Builder<'a> {
    /// A block of a real server that is a checker; it may stand for several.
    pub(super) fn checkers(&mut self, block: &Item<'a>) -> Vec<CheckerDraft> {
        let one = match block.keyword.name {
            "TCP_CHECK" => Some(self.plain_check(block, CheckerKind::TcpCheck, Context::TcpCheck)),
            "PING_CHECK" => Some(self.plain_check(block, CheckerKind::PingCheck, Context::PingCheck)),
            "HTTP_GET" => self.http_get(block),
            "SSL_GET" => self.ssl_get(block),
            "SMTP_CHECK" => return self.smtp_check(block),
            "DNS_CHECK" => Some(self.dns_check(block)),
            "UDP_CHECK" => Some(self.udp_check(block)),
            "GRPC_CHECK" => Some(self.grpc_check(block)),
            "MISC_CHECK" => self.misc_check(block),
            "FILE_CHECK" => self.file_check(block),
            "BFD_CHECK" => self.bfd_check(block),
            "EXPECT_CHECK" => self.expect_check(block),
            "AGENT_CHECK" => self.agent_check(block),
            _ => None,
        };
        one.into_iter().collect()
    }

    /// A checker that has only the settings that all have.
    fn plain_check(&mut self, block: &Item<'a>, kind: CheckerKind, context: Context) -> CheckerDraft {
        let mut draft = CheckerDraft::new(block.span);
        draft.kind = kind;
        for item in self.items(block.node, context) {
            self.checker_setting(&mut draft, &item);
        }
        draft
    }

    fn checker_setting(&mut self, draft: &mut CheckerDraft, item: &Item<'_>) {
        let argument = &item.argument;
        match item.keyword.name {
            "connect_ip" => draft.connect_ip = argument.address(),
            "connect_port" => draft.connect_port = argument.number(),
            "bindto" => draft.bind.address = argument.address(),
            "bind_port" => draft.bind.port = argument.number(),
            "bind_if" => self.bind_interface(draft, item),
            "fwmark" => set(&mut draft.fwmark, argument.number()),
            "log_all_failures" => draft.log_all_failures = argument.bool(),
            _ => {
                draft.inherited.take(item);
            }
        }
    }

    fn bind_interface(&mut self, draft: &mut CheckerDraft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        if word.text.len() > 15 {
            let message = format!("'{}' is no interface: a name has at most 15 bytes", word.text);
            self.invalid(findings::INVALID_VALUE, message, word).send(self);
        } else {
            draft.bind.interface = Some(self.spanned(word));
        }
    }
}
