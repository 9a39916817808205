//! What a request says of its own: `method`, `header`, `body`.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::{Builder, Item};
use crate::config::{Header, Url};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar;
use crate::source::Span;
use std::ffi::OsString;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStringExt;

/// Methods with a meaning of their own here (RFC 9110 section 9.3, RFC 5789).
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Fields that say how the message is read or the connection is used, which is not for a configuration to say; in lower case,
/// with what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("connection", "http_protocol says whether the connection is closed"),
    ("content-length", "the length of body is sent by itself"),
    ("expect", "a body is sent at once"),
    ("http2-settings", "http_protocol 2 speaks HTTP/2"),
    ("keep-alive", "a check has a connection of its own"),
    ("proxy-connection", "a check has a connection of its own"),
    ("te", "trailers are not looked at"),
    ("trailer", "a request of a check has no trailers"),
    ("transfer-encoding", "a body is sent as a whole"),
    ("upgrade", "http_protocol 2 speaks HTTP/2"),
];

/// The same for calls of gRPC.
const REFUSED_BY_GRPC: &[(&str, &str)] = &[
    ("content-type", "gRPC has one of its own"),
    ("host", "write authority NAME"),
];

/// Fields of which a request has only one; in lower case.
const ONCE: &[&str] = &["content-type", "host", "user-agent"];

/// Whose header it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Grpc,
}

/// A request as it is written.
#[derive(Default)]
pub(super) struct RequestDraft {
    method: Option<(String, Span)>,
    pub(super) headers: Vec<Header>,
    body: Option<(Vec<u8>, Span)>,
}

impl<'a> Builder<'a> {
    /// Takes a setting of a request.
    pub(super) fn request_setting(&mut self, draft: &mut RequestDraft, item: &Item<'a>) -> bool {
        match item.keyword.name {
            "method" => {
                if let Some(method) = self.request_method(item) {
                    draft.method = Some((method, item.span));
                }
            }
            "header" => self.header(&mut draft.headers, item, Protocol::Http),
            "body" => self.body(draft, item),
            _ => return false,
        }
        true
    }

    fn request_method(&mut self, item: &Item<'_>) -> Option<String> {
        let word = item.word(1)?;
        let method = word.text;
        let complaint = if method.is_empty() || !method.bytes().all(is_token) {
            Some((
                format!("'{method}' is no method of HTTP"),
                "letters, digits and -".to_owned(),
            ))
        } else if method == "CONNECT" {
            let hint = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH or one of your own";
            Some((
                "CONNECT asks for a tunnel and not for a page".to_owned(),
                hint.to_owned(),
            ))
        } else {
            let meant = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
            let other = meant.filter(|known| **known != method);
            other.map(|known| {
                let message = format!("'{method}' is no method of HTTP, where case matters");
                (message, format!("did you mean '{known}'?"))
            })
        };
        let Some((message, hint)) = complaint else {
            return Some(method.to_owned());
        };
        self.invalid(findings::BAD_METHOD, format!("{message}; the line is ignored"), word)
            .hint(hint)
            .send(self);
        None
    }

    /// `header "NAME: VALUE"`
    pub(super) fn header(&mut self, headers: &mut Vec<Header>, item: &Item<'a>, protocol: Protocol) {
        match self.text_argument(item).and_then(|text| parse_header(&text, protocol)) {
            Err((message, hint)) => {
                let message = format!("{message}; the line is ignored");
                self.report(Diagnostic::new(findings::BAD_HEADER, message, Some(item.span)).hint(hint));
            }
            Ok(header) => {
                let same = |other: &Header| other.name.eq_ignore_ascii_case(&header.name);
                if ONCE.contains(&header.name.to_ascii_lowercase().as_str()) && headers.iter().any(same) {
                    let message = format!("A request has only one {}; the second one is ignored", header.name);
                    self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
                } else {
                    headers.push(header);
                }
            }
        }
    }

    fn body(&mut self, draft: &mut RequestDraft, item: &Item<'a>) {
        let Ok(body) = self.text_argument(item) else {
            let message = "'body' lacks its text; the line is ignored";
            let hint = "body \"{\\\"probe\\\": true}\"";
            self.report(Diagnostic::new(findings::MISSING_ARGUMENT, message, Some(item.span)).hint(hint));
            return;
        };
        if draft.body.replace((body, item.span)).is_some() {
            let message = "body is given twice; the second one holds";
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
        }
    }

    /// What stands after the keyword, quotes and escapes as in a command; words are put together with blanks.
    fn text_argument(&self, item: &Item<'a>) -> Result<Vec<u8>, (String, String)> {
        let node = self.tree.node(item.node);
        let text = node.map(|node| self.text.get(node.text.clone())).unwrap_or_default();
        let words: Vec<Vec<u8>> = grammar::arguments(text)
            .into_iter()
            .skip(1)
            .map(OsString::into_vec)
            .collect();
        if words.is_empty() {
            let name = item.keyword.name;
            return Err((
                format!("'{name}' lacks its text"),
                format!("{name} {}", item.keyword.arguments),
            ));
        }
        Ok(words.join(&b' '))
    }

    /// What a URL's request is, with what the checker says for all.
    pub(super) fn finish_request(&mut self, url: &mut Url, draft: RequestDraft) {
        let said = draft.method.as_ref().map(|(method, span)| (method.as_str(), *span));
        if let (Some((_, span)), Some((method @ ("GET" | "HEAD" | "DELETE" | "TRACE"), _))) = (&draft.body, said) {
            let message = format!("A body with {method} means nothing; many servers refuse it");
            self.doubtful_request(message, *span, "method POST");
        }
        if let Some(("HEAD", span)) = said
            && (url.digest.is_some() || url.regex.is_some())
        {
            let message = "An answer to HEAD has no body, which digest and regex look at".to_owned();
            self.doubtful_request(message, span, "method GET");
        }
        let usual = if draft.body.is_some() { "POST" } else { "GET" };
        url.method = draft.method.map_or_else(|| usual.to_owned(), |(method, _)| method);
        url.headers = draft.headers;
        url.body = draft.body.map(|(body, _)| body);
    }

    /// Whether a URL can be asked for over HTTP/2, whose header has less room for odd things than the lines of HTTP/1. One that
    /// cannot is left out.
    pub(super) fn is_for_http2(&mut self, url: &mut Url, span: Span) -> bool {
        if std::mem::take(&mut url.tls_compliant) {
            let message = "tls_compliant says nothing of HTTP/2, which tells the end of an answer itself".to_owned();
            self.doubtful_request(message, span, "tls_compliant off");
        }
        let own = url
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("host"));
        let host = own.map(|header| &header.value).or(url.virtualhost.as_ref());
        let wrong = if is_path(&url.path) {
            host.filter(|host| !is_host(host))
                .map(|host| format!("'{host}' is no name of a server"))
        } else {
            Some(format!("'{}' is no path", url.path))
        };
        let Some(message) = wrong else { return true };
        let message = format!("{message} that HTTP/2 can ask for; this url is left out");
        let hint = "a path begins with / and has %XX for what is not ASCII, a blank, or one of # < > \\ ^";
        self.report(Diagnostic::new(findings::INVALID_VALUE, message, Some(span)).hint(hint));
        false
    }

    fn doubtful_request(&mut self, message: String, span: Span, hint: &str) {
        self.report(Diagnostic::new(findings::DOUBTFUL_REQUEST, message, Some(span)).hint(hint));
    }
}

/// The checker's header, but for what a URL says itself.
pub(super) fn merged(of_checker: &[Header], of_url: &[Header]) -> Vec<Header> {
    let said = |header: &&Header| !of_url.iter().any(|own| own.name.eq_ignore_ascii_case(&header.name));
    of_checker
        .iter()
        .filter(said)
        .cloned()
        .chain(of_url.iter().cloned())
        .collect()
}

/// The message and the hint when it is no header.
fn parse_header(text: &[u8], protocol: Protocol) -> Result<Header, (String, String)> {
    let form = || "header \"Name: value\"".to_owned();
    let wrong = |message: &str| (message.to_owned(), form());
    let text = std::str::from_utf8(text).map_err(|_| wrong("A header that is not UTF-8"))?;
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| {
            (
                format!("'{}' is no header: it lacks its name or its colon", text.escape_debug()),
                form(),
            )
        })?;
    if !name.bytes().all(is_token) {
        let hint = if name.ends_with([' ', '\t']) {
            "no blank may stand before the colon".to_owned()
        } else {
            "letters, digits and -".to_owned()
        };
        return Err((format!("'{}' is no name of a header", name.escape_debug()), hint));
    }
    let value = value.trim_matches([' ', '\t']);
    if let Some(control) = value.chars().find(|letter| letter.is_control() && *letter != '\t') {
        let message = format!(
            "The value of {name} holds {}, which would end it or worse",
            control.escape_debug()
        );
        return Err((message, "one line for each header".to_owned()));
    }
    let lower = name.to_ascii_lowercase();
    let grpc = if protocol == Protocol::Grpc {
        REFUSED_BY_GRPC
    } else {
        &[]
    };
    let refused = REFUSED.iter().chain(grpc).find(|(refused, _)| *refused == lower);
    if let Some((_, instead)) = refused {
        return Err((format!("{name} is not for you to set"), (*instead).to_owned()));
    }
    if protocol == Protocol::Grpc && lower.starts_with("grpc-") {
        return Err((format!("{name} is gRPC's own"), "metadata has other names".to_owned()));
    }
    Ok(Header {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

/// A path and perhaps a query (RFC 3986 sections 3.3 and 3.4, and a few characters that browsers take, too).
fn is_path(text: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_graphic() && !b"#<>\\^`".contains(&byte);
    text == "*" || (text.starts_with('/') && text.bytes().all(may_be))
}

/// A name or an address and perhaps a port (RFC 3986 section 3.2, without the name of a user).
pub(super) fn is_host(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok() && !port.starts_with('+');
    let rest = if let Some(rest) = text.strip_prefix('[') {
        let end = rest.split_once(']');
        end.filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok())
    } else {
        let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let end = text.find(':').unwrap_or(text.len());
        let parts = text.split_at_checked(end);
        parts.filter(|(name, _)| !name.is_empty() && name.bytes().all(may_be))
    };
    rest.is_some_and(|(_, port)| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_told_apart_at_the_first_colon() {
        for (text, name, value) in [
            ("X-Probe: 1", "X-Probe", "1"),
            ("X-Probe:1", "X-Probe", "1"),
            ("Link:  <http://a:1/>\t", "Link", "<http://a:1/>"),
            ("X-Empty:", "X-Empty", ""),
            ("X-Name: Zürich", "X-Name", "Zürich"),
            ("Host: www.example.org", "Host", "www.example.org"),
        ] {
            let header = parse_header(text.as_bytes(), Protocol::Http).unwrap();
            assert_eq!((header.name.as_str(), header.value.as_str()), (name, value));
        }
    }

    #[test]
    fn what_could_be_read_as_something_else_is_refused() {
        for text in [
            "",
            "nothing",
            ": value",
            "X : blank",
            "X\u{e9}: letter",
            "X: a\r\nY: b",
            "X: a\nY: b",
            "X: a\0",
            "X: a\u{7f}",
            "content-length: 3",
            "Transfer-Encoding: chunked",
            "CONNECTION: close",
            ":path: /",
        ] {
            assert!(parse_header(text.as_bytes(), Protocol::Http).is_err(), "{text:?}");
        }
        for text in [
            "Content-Type: text/plain",
            "grpc-timeout: 1S",
            "Host: a",
            "te: trailers",
        ] {
            assert!(parse_header(text.as_bytes(), Protocol::Grpc).is_err(), "{text:?}");
        }
        assert!(parse_header(b"authorization: Bearer x", Protocol::Grpc).is_ok());
    }

    #[test]
    fn what_http2_can_ask_for() {
        for host in [
            "a",
            "www.example.org",
            "a_b.test:80",
            "192.0.2.1:80",
            "[2001:db8::1]",
            "[::1]:443",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":80", "a b", "a:b", "a:70000", "a:+1", "::1", "[::1", "[a]", "u@a", "a/b", "ü",
        ] {
            assert!(!is_host(host), "{host}");
        }
        assert!(is_path("/a/b?c=%20&d=[1]|{2}") && is_path("*"));
        for path in ["", "a", "/a b", "/a#b", "/ü", "http://a/"] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn a_url_s_header_beats_the_checker_s() {
        let header = |text: &str| parse_header(text.as_bytes(), Protocol::Http).unwrap();
        let both = merged(
            &[header("A: 1"), header("B: 1"), header("A: 2")],
            &[header("a: 3"), header("C: 3"), header("a: 4")],
        );
        let both: Vec<String> = both.iter().map(|it| format!("{}={}", it.name, it.value)).collect();
        assert_eq!(both, ["B=1", "a=3", "C=3", "a=4"]);
    }
}
