//! Checkers: what is written.
#![deny(clippy::arithmetic_side_effects)]

use super::argument::set;
use super::virtual_server::Inherited;
use super::{Builder, Item};
use crate::config::{Bind, CheckerKind, HttpGet, HttpProtocol, Url};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{Context, Status};
use crate::source::Span;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A checker as it is written.
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
    fn new(kind: CheckerKind, span: Span) -> Self {
        Self {
            kind,
            inherited: Inherited::default(),
            connect_ip: None,
            connect_port: None,
            bind: Bind::default(),
            fwmark: 0,
            log_all_failures: None,
            span,
        }
    }
}

impl<'a> Builder<'a> {
    /// A block of a real server that is a checker.
    pub(super) fn checker(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let name = block.keyword.name;
        block.keyword.block()?;
        if block.keyword.status == Status::NotYet {
            return Some(CheckerDraft::new(
                CheckerKind::NotYet {
                    keyword: name.to_owned(),
                },
                block.span,
            ));
        }
        match name {
            "TCP_CHECK" => {
                let mut draft = CheckerDraft::new(CheckerKind::TcpCheck, block.span);
                for item in self.items(block.node, Context::TcpCheck) {
                    self.checker_setting(&mut draft, &item);
                }
                Some(draft)
            }
            "HTTP_GET" => self.http_get(block),
            _ => None,
        }
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

    fn http_get(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut http = HttpGet {
            http_protocol: HttpProtocol::default(),
            fast_recovery: false,
            urls: Vec::new(),
        };
        let mut draft = CheckerDraft::new(CheckerKind::TcpCheck, block.span);
        for item in self.items(block.node, Context::HttpGet) {
            match item.keyword.name {
                "http_protocol" => set(&mut http.http_protocol, item.argument.one_of().map(http_protocol)),
                "fast_recovery" => set(&mut http.fast_recovery, item.argument.bool()),
                "url" => http.urls.extend(self.url(&item)),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        if http.urls.is_empty() {
            let message = "HTTP_GET has no usable url; the checker is left out";
            self.report(Diagnostic::new(findings::NO_URL, message, Some(block.span)).hint("url { path / }"));
            return None;
        }
        draft.kind = CheckerKind::HttpGet(http);
        Some(draft)
    }

    fn url(&mut self, block: &Item<'a>) -> Option<Url> {
        let mut path = None;
        let mut url = Url {
            path: String::new(),
            digest: None,
            status_code: Vec::new(),
            virtualhost: None,
        };
        for item in self.items(block.node, Context::Url) {
            match item.keyword.name {
                "path" => path = item.argument.string(),
                "digest" => set(&mut url.digest, self.digest(&item).map(Some)),
                "status_code" => {
                    for word in item.words.iter().skip(1) {
                        url.status_code.extend(self.status_code(*word));
                    }
                }
                "virtualhost" => url.virtualhost = item.argument.string(),
                _ => {}
            }
        }
        let Some(path) = path else {
            let message = "This url has no path; it is left out";
            self.report(Diagnostic::new(findings::NO_PATH, message, Some(block.span)).hint("path /"));
            return None;
        };
        if url.status_code.is_empty() {
            url.status_code.push(200..=299);
        }
        Some(Url { path, ..url })
    }

    fn digest(&mut self, item: &Item<'_>) -> Option<[u8; 16]> {
        let word = item.word(1)?;
        let digits: Option<Vec<u32>> = word.text.chars().map(|digit| digit.to_digit(16)).collect();
        let mut digest = [0; 16];
        let Some(digits) = digits.filter(|digits| digits.len() == 32) else {
            let message = format!(
                "'{}' is no MD5 digest of 32 hexadecimal digits; it is ignored",
                word.text
            );
            self.invalid(findings::BAD_DIGEST, message, word).send(self);
            return None;
        };
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let value = pair.iter().fold(0, |value, digit| value << 4 | digit);
            *byte = u8::try_from(value).unwrap_or(0);
        }
        Some(digest)
    }

    /// `200` or `200-299`.
    fn status_code(&mut self, word: Word<'_>) -> Option<RangeInclusive<u16>> {
        let (first, last) = word.text.split_once('-').unwrap_or((word.text, word.text));
        let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=599).contains(code));
        let range = code(first).zip(code(last)).filter(|(first, last)| first <= last);
        if range.is_none() {
            let message = format!("'{}' is no HTTP status code or range; it is ignored", word.text);
            self.invalid(findings::BAD_STATUS_CODE, message, word)
                .hint("100 to 599, or 200-299")
                .send(self);
        }
        range.map(|(first, last)| first..=last)
    }
}

fn http_protocol(word: &str) -> HttpProtocol {
    match word {
        "1.0C" | "1.0c" => HttpProtocol::Http10Close,
        "1.1" => HttpProtocol::Http11,
        _ => HttpProtocol::Http10,
    }
}
