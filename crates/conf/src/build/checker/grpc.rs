//! `GRPC_CHECK`: what is written.

use super::CheckerDraft;
use super::request::Protocol;
use super::tls::TlsDraft;
use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{CheckerKind, GrpcCheck, Tls};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;

impl<'a> Builder<'a> {
    pub(super) fn grpc_check(&mut self, block: &Item<'a>) -> CheckerDraft {
        let mut draft = CheckerDraft::new(block.span);
        let mut grpc = GrpcCheck {
            service: String::new(),
            authority: None,
            headers: Vec::new(),
            tls: None,
        };
        let mut tls = TlsDraft::default();
        let mut over_tls = false;
        let mut option = None;
        for item in self.items(block.node, Context::GrpcCheck) {
            match item.keyword.name {
                "service" => set(&mut grpc.service, item.argument.string()),
                "authority" => set(&mut grpc.authority, self.host(&item).map(Some)),
                "header" => self.header(&mut grpc.headers, &item, Protocol::Grpc),
                "tls" => set(&mut over_tls, item.argument.bool()),
                _ if self.tls_setting(&mut tls, &item) => option = Some(item.span),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        let tls = tls.finish();
        if let Some(span) = option.filter(|_| !over_tls && tls != Tls::default()) {
            let message = "A setting of TLS says nothing: this check is made without it";
            self.report(Diagnostic::new(findings::NO_TLS, message, Some(span)).hint("tls"));
        }
        grpc.tls = over_tls.then_some(tls);
        draft.kind = CheckerKind::GrpcCheck(grpc);
        draft
    }

    /// `NAME` or `NAME:PORT`.
    fn host(&mut self, item: &Item<'_>) -> Option<String> {
        let word = item.word(1)?;
        if super::request::is_host(word.text) {
            return Some(word.text.to_owned());
        }
        let message = format!("'{}' is no name of a server; the line is ignored", word.text);
        self.invalid(findings::INVALID_VALUE, message, word)
            .hint("a name or an address, and perhaps a port: health.example.org:443, [2001:db8::1]:443")
            .send(self);
        None
    }
}
