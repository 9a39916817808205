//! `HTTP_GET` and `SSL_GET` under keepalived and under Holdfast, side by side, against the same servers: the same verdict for each
//! reply, or a difference that is written down in `docs/compatibility.md`. In a guest, started by `cargo xtask test guest`.

mod credentials;
mod servers;

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;
use bed::daemon::{Daemon, Software};
use bed::site::{self, Forwarding, Site};
use bed::verdicts::{FIRST_PORT, checker, ensure_ports, service};
use openssl::ssl::SslVersion;

use credentials::Credentials;
use servers::{End, Layer, Server, serve};

/// What becomes of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Up,
    Down,
    /// A documented difference: up for Holdfast only.
    UpHereOnly,
    /// A documented difference: up for keepalived only.
    UpThereOnly,
}

use End::{Close, Cut, Hang, Reset};
use Expected::{Down, Up, UpHereOnly, UpThereOnly};
use Layer::{ClientCertificate, Plain, Silent, Sni, Tls, Version};

/// A check of one server.
struct Case {
    name: &'static str,
    /// In the `url` block
    url: &'static str,
    /// In the checker's block
    options: &'static str,
    server: Server,
    expected: Expected,
}

/// A plain answer in one piece, to a plain `url`.
const fn http(name: &'static str, answer: &'static [&'static [u8]], expected: Expected) -> Case {
    matched(name, "status_code 200", answer, expected)
}

const fn matched(name: &'static str, url: &'static str, pieces: &'static [&'static [u8]], expected: Expected) -> Case {
    let server = Server {
        layer: Plain,
        pieces,
        end: Close,
    };
    Case {
        name,
        url,
        options: "",
        server,
        expected,
    }
}

const fn ended(name: &'static str, answer: &'static [&'static [u8]], end: End, expected: Expected) -> Case {
    let mut case = http(name, answer, expected);
    case.server.end = end;
    case
}

const fn tls(name: &'static str, layer: Layer, options: &'static str, end: End, expected: Expected) -> Case {
    let mut case = http(name, &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], expected);
    case.server.layer = layer;
    case.server.end = end;
    case.options = options;
    case
}

/// MD5 of `hello`.
const HELLO: &str = "digest 5d41402abc4b2a76b9719d911017c592";

const REPLIES: &[Case] = &[
    http("usual", &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], Up),
    http("HTTP/1.0", &[b"HTTP/1.0 200 OK\r\n\r\nhello"], Up),
    http("HTTP/2", &[b"HTTP/2 200 OK\r\n\r\n"], Up),
    http("HTTP/1.2", &[b"HTTP/1.2 200 OK\r\n\r\n"], Up),
    http("ICY", &[b"ICY 200 OK\r\n\r\n"], Up),
    http("no reason, but a space", &[b"HTTP/1.1 200 \r\n\r\n"], Up),
    http("no reason", &[b"HTTP/1.1 200\r\n\r\nhello"], Down),
    http("no colon", &[b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"], Up),
    http("control bytes", &[b"HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n"], Up),
    http("folded", &[b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n"], Up),
    http(
        "two lengths",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello"],
        Up,
    ),
    http(
        "length in words",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"],
        Up,
    ),
    http(
        "too short a body",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"],
        Up,
    ),
    http(
        "too long a body",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"],
        Up,
    ),
    http(
        "chunks without end",
        &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
        Up,
    ),
    http("bare line feeds", &[b"HTTP/1.1 200 OK\n\nhello"], Down),
    http(
        "continue first",
        &[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"],
        Down,
    ),
    http("no status line", &[b"hello\r\n\r\n"], Down),
    http("another protocol", &[b"SSH-2.0-OpenSSH_9.2\r\n"], Down),
    http("nothing", &[], Down),
    http("half a header", &[b"HTTP/1.1 200 OK\r\nContent-Le"], Down),
    http("half a status line", &[b"HTTP/1.1 2"], Down),
    http("201", &[b"HTTP/1.1 201 Created\r\n\r\n"], Down),
    http("302", &[b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"], Down),
    http("404", &[b"HTTP/1.1 404 Not Found\r\n\r\n"], Down),
    http("500", &[b"HTTP/1.1 500 Error\r\n\r\n"], Down),
    http(
        "in pieces",
        &[b"HTTP/1.1 20", b"0 OK\r\nContent-Le", b"ngth: 5\r\n", b"\r\nhe", b"llo"],
        Up,
    ),
    http("garbage", &[b"\x00\x01\x02\x03\xff\xfe\r\n\r\n"], Down),
    matched("any success", "", &[b"HTTP/1.1 204 No Content\r\n\r\n"], Up),
    matched("any success, a redirection", "", &[b"HTTP/1.1 301 Moved\r\n\r\n"], Down),
    matched("a range", "status_code 300-399", &[b"HTTP/1.1 301 Moved\r\n\r\n"], Up),
    matched(
        "beyond a range",
        "status_code 300-399",
        &[b"HTTP/1.1 400 Bad\r\n\r\n"],
        Down,
    ),
    matched(
        "digest",
        HELLO,
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        Up,
    ),
    matched("digest in pieces", HELLO, &[b"HTTP/1.1 200 OK\r\n\r\nhe", b"llo"], Up),
    matched(
        "wrong digest",
        HELLO,
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo"],
        Down,
    ),
    matched(
        "digest up to the length",
        HELLO,
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world"],
        Up,
    ),
    matched("digest without a length", HELLO, &[b"HTTP/1.1 200 OK\r\n\r\nhello"], Up),
    matched(
        "digest of a part",
        HELLO,
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"],
        Up,
    ),
    matched(
        "digest over chunks",
        HELLO,
        &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
        Down,
    ),
    matched("digest of nothing", HELLO, &[b"HTTP/1.1 200 OK\r\n\r\n"], Down),
    ended("hangs at once", &[], Hang, Down),
    ended("hangs in the header", &[b"HTTP/1.1 200 OK\r\n"], Hang, Down),
    ended(
        "hangs after the body",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        Hang,
        Down,
    ),
    ended("reset at once", &[], Reset, Down),
    ended("reset in the header", &[b"HTTP/1.1 200 OK\r\n"], Reset, Down),
    ended(
        "reset after the body",
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        Reset,
        Down,
    ),
];

const BODIES: &[Case] = &[
    matched(
        "matches",
        "regex hello",
        &[b"HTTP/1.1 200 OK\r\n\r\noh hello there"],
        Up,
    ),
    matched(
        "does not match",
        "regex hello",
        &[b"HTTP/1.1 200 OK\r\n\r\noh hallo there"],
        Down,
    ),
    matched(
        "the header does not count",
        "regex secret",
        &[b"HTTP/1.1 200 OK\r\nX: secret\r\n\r\nhello"],
        UpThereOnly,
    ),
    matched(
        "across pieces",
        "regex hello",
        &[b"HTTP/1.1 200 OK\r\n\r\noh hel", b"lo there"],
        Up,
    ),
    matched(
        "across many pieces",
        "regex hello",
        &[b"HTTP/1.1 200 OK\r\n\r\noh h", b"e", b"l", b"l", b"o"],
        Up,
    ),
    matched(
        "after a false start",
        "regex aab",
        &[b"HTTP/1.1 200 OK\r\n\r\naa", b"ab"],
        Up,
    ),
    matched(
        "must not, and does not",
        "regex bad\n regex_no_match",
        &[b"HTTP/1.1 200 OK\r\n\r\ngood"],
        Up,
    ),
    matched(
        "must not, but does",
        "regex bad\n regex_no_match",
        &[b"HTTP/1.1 200 OK\r\n\r\nbad"],
        Down,
    ),
    matched(
        "caseless",
        "regex HELLO\n regex_options caseless",
        &[b"HTTP/1.1 200 OK\r\n\r\nhello"],
        Up,
    ),
    matched("case", "regex HELLO", &[b"HTTP/1.1 200 OK\r\n\r\nhello"], Down),
    matched(
        "multiline",
        "regex ^up\n regex_options multiline",
        &[b"HTTP/1.1 200 OK\r\n\r\nis\nup"],
        Up,
    ),
    matched("one line", "regex ^up", &[b"HTTP/1.1 200 OK\r\n\r\nis\nup"], Down),
    matched(
        "classes",
        "regex \"[0-9]+ ok\"",
        &[b"HTTP/1.1 200 OK\r\n\r\n123 ok"],
        Up,
    ),
    matched(
        "from an offset on",
        "regex up\n regex_min_offset 3",
        &[b"HTTP/1.1 200 OK\r\n\r\nis up"],
        Up,
    ),
    matched(
        "before the offset",
        "regex up\n regex_min_offset 4",
        &[b"HTTP/1.1 200 OK\r\n\r\nis up"],
        UpThereOnly,
    ),
    matched(
        "up to an offset",
        "regex up\n regex_max_offset 3",
        &[b"HTTP/1.1 200 OK\r\n\r\nis up"],
        UpHereOnly,
    ),
    matched(
        "beyond an offset",
        "regex up\n regex_max_offset 2",
        &[b"HTTP/1.1 200 OK\r\n\r\nis up"],
        Down,
    ),
    matched(
        "at the end",
        "regex hello$",
        &[b"HTTP/1.1 200 OK\r\n\r\noh hello"],
        UpHereOnly,
    ),
    matched(
        "not at the end",
        "regex hello$",
        &[b"HTTP/1.1 200 OK\r\n\r\nhello there"],
        Down,
    ),
    matched("no body", "regex hello", &[b"HTTP/1.1 200 OK\r\n\r\n"], Down),
    matched(
        "wrong status",
        "status_code 200\n regex hello",
        &[b"HTTP/1.1 500 OK\r\n\r\nhello"],
        Down,
    ),
];

const SNI: &str = "enable_sni\n virtualhost www.example.org";

const SECURE: &[Case] = &[
    tls("usual", Tls, "", Close, Up),
    tls("without close_notify", Tls, "", Cut, Up),
    tls("reset after the body", Tls, "", Reset, Up),
    tls("hangs after the body", Tls, "", Hang, Down),
    tls("TLS 1.2", Version(SslVersion::TLS1_2), "", Close, Up),
    tls("TLS 1.3", Version(SslVersion::TLS1_3), "", Close, Up),
    tls("no TLS", Plain, "", Close, Down),
    tls("no handshake", Silent, "", Close, Down),
    tls("a client certificate", ClientCertificate, "", Close, Up),
    tls("a name", Sni, SNI, Close, Up),
    tls("no name", Sni, "virtualhost www.example.org", Close, Down),
    tls("another name", Sni, "enable_sni\n virtualhost example.org", Close, Down),
];

/// What keepalived cannot do.
const SECURE_HERE: &[Case] = &[
    tls("a name of its own", Sni, "sni_name www.example.org", Close, Up),
    tls("close_notify", Tls, "tls_compliant", Close, Up),
    tls("close_notify is missing", Tls, "tls_compliant", Cut, Down),
    tls("verified", Tls, "tls_verify\n virtualhost www.example.org", Close, Up),
    tls("verified by name", Tls, "tls_verify_name www.example.org", Close, Up),
    tls(
        "verified, wrong name",
        Tls,
        "tls_verify\n virtualhost www.example.net",
        Close,
        Down,
    ),
    tls(
        "verified, wrong name of its own",
        Tls,
        "tls_verify_name example.org",
        Close,
        Down,
    ),
];

/// All cases at once, one real server each.
fn same_verdicts(keyword: &str, cases: &'static [Case], both: bool) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let server = &site.servers[0];
    let credentials = Credentials::new()?;
    let directory = std::env::temp_dir().join(format!("holdfast-web-{}-{}", cases.len(), std::process::id()));
    fs::create_dir_all(&directory)?;
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    fs::write(&certificate, credentials.certificate.to_pem()?)?;
    fs::write(&key, credentials.key.private_key_to_pem_pkcs8()?)?;
    let numbered = || (FIRST_PORT..).zip(cases);
    for (port, case) in numbered() {
        serve(server, port, case.server, &credentials)?;
    }
    let block = |case: &Case| {
        checker(
            keyword,
            &format!("url {{\n path /\n {}\n }}\n {}", case.url, case.options),
        )
    };
    let mut configuration = service(numbered().map(|(port, case)| ("192.168.0.61", port, block(case))));
    if keyword == "SSL_GET" {
        let (certificate, key) = (certificate.display(), key.display());
        configuration.insert_str(
            0,
            &format!("SSL {{\n ca {certificate}\n certificate {certificate}\n key {key}\n}}\n"),
        );
    }
    let [first, second] = &site.directors;
    let _keepalived = both
        .then(|| Daemon::start(Software::Keepalived, first, &configuration))
        .transpose()?;
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let up = |own: Expected| -> BTreeSet<u16> {
        numbered()
            .filter(|(_, case)| case.expected == Up || case.expected == own)
            .map(|(port, _)| port)
            .collect()
    };
    let name = |port: u16| {
        let case = port
            .checked_sub(FIRST_PORT)
            .and_then(|number| cases.get(usize::from(number)));
        case.map_or_else(|| port.to_string(), |case| case.name.to_owned())
    };
    let (there, here) = (up(UpThereOnly), up(UpHereOnly));
    let there = if both { there } else { BTreeSet::new() };
    let verdict = ensure_ports([first, second], [&there, &here], name);
    fs::remove_dir_all(&directory)?;
    verdict
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn replies() -> Result<()> {
    same_verdicts("HTTP_GET", REPLIES, true)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn bodies_and_patterns() -> Result<()> {
    same_verdicts("HTTP_GET", BODIES, true)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn over_tls() -> Result<()> {
    same_verdicts("SSL_GET", SECURE, true)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn over_tls_beyond_keepalived() -> Result<()> {
    same_verdicts("SSL_GET", SECURE_HERE, false)
}
