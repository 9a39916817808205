//! `HTTP_GET` and `SSL_GET`: what is written.
#![deny(clippy::arithmetic_side_effects)]

use super::CheckerDraft;
use super::regex::RegexDraft;
use super::request::{self, Protocol, RequestDraft};
use super::tls::TlsDraft;
use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{CheckerKind, Header, HttpGet, HttpProtocol, SslGet, Url};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::Span;
use std::ops::RangeInclusive;

/// A checker with URLs as it is written.
struct HttpDraft {
    checker: CheckerDraft,
    get: HttpGet,
    tls: TlsDraft,
    tls_compliant: bool,
    /// For all URLs.
    headers: Vec<Header>,
    urls: Vec<UrlDraft>,
}

/// A URL as it is written.
struct UrlDraft {
    url: Url,
    request: RequestDraft,
    span: Span,
    /// `None`: as the checker.
    tls_compliant: Option<bool>,
}

impl<'a> Builder<'a> {
    pub(super) fn http_get(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let http = self.http(block, Context::HttpGet)?;
        let mut draft = http.checker;
        draft.kind = CheckerKind::HttpGet(http.get);
        Some(draft)
    }

    pub(super) fn ssl_get(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let http = self.http(block, Context::SslGet)?;
        let mut draft = http.checker;
        draft.kind = CheckerKind::SslGet(SslGet {
            get: http.get,
            tls: http.tls.finish(),
        });
        Some(draft)
    }

    fn http(&mut self, block: &Item<'a>, context: Context) -> Option<HttpDraft> {
        let mut draft = HttpDraft {
            checker: CheckerDraft::new(block.span),
            get: HttpGet {
                http_protocol: HttpProtocol::default(),
                fast_recovery: false,
                urls: Vec::new(),
            },
            tls: TlsDraft::default(),
            tls_compliant: false,
            headers: Vec::new(),
            urls: Vec::new(),
        };
        for item in self.items(block.node, context) {
            self.http_setting(&mut draft, &item, context);
        }
        let compliant = draft.tls_compliant;
        for mut it in std::mem::take(&mut draft.urls) {
            it.url.tls_compliant = it.tls_compliant.unwrap_or(compliant);
            it.request.headers = request::merged(&draft.headers, &it.request.headers);
            self.finish_request(&mut it.url, it.request);
            if draft.get.http_protocol == HttpProtocol::Http2 && !self.is_for_http2(&mut it.url, it.span) {
                continue;
            }
            draft.get.urls.push(it.url);
        }
        if draft.get.urls.is_empty() {
            let message = format!("{} has no usable url; the checker is left out", block.keyword.name);
            self.report(Diagnostic::new(findings::NO_URL, message, Some(block.span)).hint("url { path / }"));
            return None;
        }
        Some(draft)
    }

    fn http_setting(&mut self, draft: &mut HttpDraft, item: &Item<'a>, context: Context) {
        let argument = &item.argument;
        match item.keyword.name {
            "http_protocol" => set(&mut draft.get.http_protocol, argument.one_of().map(http_protocol)),
            "fast_recovery" => set(&mut draft.get.fast_recovery, argument.bool()),
            "tls_compliant" => set(&mut draft.tls_compliant, argument.bool()),
            "header" => self.header(&mut draft.headers, item, Protocol::Http),
            "url" => {
                let context = match context {
                    Context::SslGet => Context::SslUrl,
                    _ => Context::Url,
                };
                draft.urls.extend(self.url(item, context));
            }
            _ if self.tls_setting(&mut draft.tls, item) => {}
            _ => self.checker_setting(&mut draft.checker, item),
        }
    }

    fn url(&mut self, block: &Item<'a>, context: Context) -> Option<UrlDraft> {
        let mut path = None;
        let mut url = Url {
            path: String::new(),
            method: String::new(),
            headers: Vec::new(),
            body: None,
            digest: None,
            status_code: Vec::new(),
            virtualhost: None,
            regex: None,
            tls_compliant: false,
        };
        let mut tls_compliant = None;
        let mut regex = RegexDraft::default();
        let mut request = RequestDraft::default();
        for item in self.items(block.node, context) {
            match item.keyword.name {
                "path" => path = item.argument.string(),
                "digest" => self.set_digest(&mut url.digest, &item),
                "status_code" => {
                    for word in item.words.iter().skip(1) {
                        url.status_code.extend(self.status_code(*word));
                    }
                }
                "virtualhost" => url.virtualhost = item.argument.string(),
                "tls_compliant" => tls_compliant = item.argument.bool(),
                _ if self.request_setting(&mut request, &item) => {}
                _ => self.regex_setting(&mut regex, &item),
            }
        }
        url.regex = self.finish_regex(regex);
        let Some(path) = path else {
            let message = "This url has no path; it is left out";
            self.report(Diagnostic::new(findings::NO_PATH, message, Some(block.span)).hint("path /"));
            return None;
        };
        if url.status_code.is_empty() {
            url.status_code.push(200..=299);
        }
        let url = Url { path, ..url };
        Some(UrlDraft {
            url,
            request,
            span: block.span,
            tls_compliant,
        })
    }

    fn set_digest(&mut self, digest: &mut Option<[u8; 16]>, item: &Item<'_>) {
        if digest.is_some() {
            let message = "digest is given twice; the second one is ignored";
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
        } else {
            *digest = self.digest(item);
        }
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
        "2" => HttpProtocol::Http2,
        _ => HttpProtocol::Http10,
    }
}
