//! What stands after `virtual_server`, `real_server` and `sorry_server`.
#![deny(clippy::arithmetic_side_effects)]

use super::{Builder, Item};
use crate::config::VirtualServerName;
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::source::{Span, Spanned};
use std::net::IpAddr;

impl<'a> Builder<'a> {
    /// `ADDR [PORT]`, `fwmark MARK` or `group NAME`.
    pub(super) fn service_name(&mut self, block: &Item<'a>) -> Option<Spanned<VirtualServerName>> {
        let name = match (block.word(1), block.word(2)) {
            (None, _) => Err("nothing tells what it serves".to_owned()),
            (Some(first), Some(second)) => two_words(first.text, second.text),
            (Some(first), None) => one_word(first.text),
        };
        let span = words_span(self, block);
        if let (Ok(_), Some(extra)) = (&name, block.word(3)) {
            self.ignored_word(block, extra);
        }
        match name {
            Ok(name) => Some(Spanned::new(name, span)),
            Err(reason) => {
                let message = format!(
                    "{reason}; a virtual_server needs an address and a port, 'fwmark' and a number, or 'group' and a \
                     name, and the block is skipped"
                );
                let diagnostic = Diagnostic::new(findings::INVALID_SERVICE, message, Some(span));
                self.report(diagnostic.hint("virtual_server 192.0.2.1 80 {"));
                None
            }
        }
    }

    /// `ADDR [PORT]`; port 0 is the port of the service.
    pub(super) fn server_address(&mut self, item: &Item<'_>) -> Option<(Spanned<IpAddr>, u16)> {
        let name = item.keyword.name;
        let word = item.word(1);
        let Some((word, address)) = word.and_then(|word| Some((word, word.text.parse().ok()?))) else {
            let span = word.map_or(item.span, |word| word.span(self.text));
            let message = format!("{name} needs an IP address; it is left out");
            self.report(
                Diagnostic::new(findings::INVALID_ADDRESS, message, Some(span)).hint(format!("{name} 192.0.2.11 80")),
            );
            return None;
        };
        if let Some(extra) = item.word(3) {
            self.ignored_word(item, extra);
        }
        let port = match item.word(2) {
            None => 0,
            Some(port) => self.server_port(name, port)?,
        };
        Some((Spanned::new(address, word.span(self.text)), port))
    }

    fn server_port(&mut self, name: &str, word: Word<'_>) -> Option<u16> {
        let port = word.text.parse().ok();
        if port.is_none() {
            let message = format!("'{}' is no port; the {name} is left out", word.text);
            self.invalid(findings::INVALID_NUMBER, message, word)
                .hint("0 to 65535; 0 or none: the port of the service")
                .send(self);
        }
        port
    }

    fn ignored_word(&mut self, item: &Item<'_>, extra: Word<'_>) {
        let message = format!(
            "'{}' is ignored: {} does not take so many words",
            extra.text, item.keyword.name
        );
        let span = extra.span(self.text);
        self.report(Diagnostic::new(findings::EXTRA_WORDS, message, Some(span)));
    }
}

fn two_words(first: &str, second: &str) -> Result<VirtualServerName, String> {
    match first {
        "group" => Ok(VirtualServerName::Group(second.to_owned())),
        "fwmark" => match second.parse() {
            Ok(mark) => Ok(VirtualServerName::Fwmark(mark)),
            Err(_) => Err(format!("'{second}' is no firewall mark from 0 to {}", u32::MAX)),
        },
        _ => {
            let port = second
                .parse()
                .map_err(|_| format!("'{second}' is no port from 0 to 65535"));
            Ok(VirtualServerName::Address(address(first)?, port?))
        }
    }
}

fn one_word(first: &str) -> Result<VirtualServerName, String> {
    match first {
        "group" => Err("the name of the group is missing".to_owned()),
        "fwmark" => Err("the number of the firewall mark is missing".to_owned()),
        _ => Ok(VirtualServerName::Address(address(first)?, 0)),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("'{text}' is no IP address"))
}

/// The words after the keyword.
fn words_span(builder: &Builder<'_>, block: &Item<'_>) -> Span {
    let (Some(first), Some(last)) = (block.words.get(1), block.words.last()) else {
        return block.span;
    };
    let (first, last) = (first.span(builder.text), last.span(builder.text));
    let end = last.column.saturating_add(last.length);
    Span {
        length: end.saturating_sub(first.column),
        ..first
    }
}
