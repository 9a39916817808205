//! A request of `HTTP_GET` over HTTP/1, byte for byte as keepalived sends it unless more is asked for.

use std::borrow::Cow;
use std::net::SocketAddr;

use holdfast_health::probe::{Connection, HttpProtocol, Url};

/// Whom every request says that it comes from.
pub(crate) const USER_AGENT: &str = "KeepAliveClient";

/// The `Host` of a request to a connection's end.
pub(crate) fn authority<'a>(connection: &Connection, virtualhost: Option<&'a str>) -> Cow<'a, str> {
    match virtualhost {
        Some(name) => Cow::Borrowed(name),
        // `SocketAddr` puts brackets around IPv6 addresses.
        None => Cow::Owned(SocketAddr::new(connection.address, connection.port).to_string()),
    }
}

/// A field that stands in the place of one that every request has.
pub(crate) fn own_field<'a>(url: &'a Url, name: &str) -> Option<&'a str> {
    let own = url
        .headers()
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name));
    own.map(|header| header.value.as_str())
}

/// The length that a request must tell; `None`: it has no body, and nobody expects one (RFC 9110 section 8.6).
pub(crate) fn content_length(url: &Url) -> Option<usize> {
    match (url.body(), url.method()) {
        (Some(body), _) => Some(body.len()),
        (None, "POST" | "PUT" | "PATCH") => Some(0),
        (None, _) => None,
    }
}

/// The request.
pub(super) fn request(connection: &Connection, protocol: HttpProtocol, url: &Url) -> Vec<u8> {
    let (version, close) = match protocol {
        HttpProtocol::Http10 => ("1.0", false),
        HttpProtocol::Http10Close => ("1.0", true),
        HttpProtocol::Http11 | HttpProtocol::Http2 => ("1.1", true),
    };
    let mut text = format!("{} {} HTTP/{version}\r\n", url.method(), url.path);
    let mut field = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            text.push_str(part);
        }
    };
    field("User-Agent", own_field(url, "User-Agent").unwrap_or(USER_AGENT));
    if close {
        field("Connection", "close");
    }
    match own_field(url, "Host") {
        Some(host) => field("Host", host),
        None => field("Host", &authority(connection, url.virtualhost.as_deref())),
    }
    for header in url.headers() {
        let replaces = ["User-Agent", "Host"].map(|name| header.name.eq_ignore_ascii_case(name));
        if !replaces.contains(&true) {
            field(&header.name, &header.value);
        }
    }
    if let Some(length) = content_length(url) {
        field("Content-Length", &length.to_string());
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(url.body().unwrap_or_default());
    bytes
}
