//! What stands outside all blocks, and the `SSL` block.

use super::argument::set;
use super::{Builder, Item};
use crate::config::{IpvsNamespace, Ssl};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;

impl<'a> Builder<'a> {
    pub(super) fn daemon_setting(&mut self, item: &Item<'a>) {
        let name = item.keyword.name;
        let once = matches!(name, "instance" | "net_namespace" | "net_namespace_ipvs");
        if once && !self.is_first(item) {
            return;
        }
        let daemon = &mut self.config.daemon;
        match name {
            "instance" => daemon.instance = item.argument.string(),
            "use_pid_dir" => daemon.use_pid_dir = true,
            "net_namespace" => daemon.net_namespace = item.argument.string(),
            "net_namespace_ipvs" => {
                daemon.net_namespace_ipvs = match item.word(1) {
                    Some(name) => IpvsNamespace::Named(name.text.to_owned()),
                    None => IpvsNamespace::Initial,
                };
            }
            "namespace_with_ipsets" => {
                daemon.namespace_with_ipsets = true;
                self.done_with_nftables(item, "no sets of addresses are made in any network namespace");
            }
            "child_wait_time" => set(&mut daemon.child_wait_time, item.argument.duration()),
            _ => {}
        }
    }

    pub(super) fn ssl(&mut self, block: &Item<'a>) {
        let mut ssl = Ssl::default();
        for item in self.items(block.node, Context::Ssl) {
            let value = item.argument.string();
            match item.keyword.name {
                "password" => ssl.password = value,
                "ca" => ssl.ca = value,
                "certificate" => ssl.certificate = value,
                "key" => ssl.key = value,
                _ => {}
            }
        }
        if self.config.ssl.replace(ssl).is_some() {
            let message = "SSL is given twice; the second block holds";
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(block.span)));
        }
    }
}
