//! `HTTP_GET` and `SSL_GET` over HTTP/2 and with requests of one's own, and `GRPC_CHECK`, against nginx and against the servers of
//! gRPC's own library: up, down by each kind of failure with its reason in the log, and back. keepalived has none of it, so there is
//! nobody beside Holdfast. In a guest, started by `cargo xtask test guest`.

#[path = "../web/credentials.rs"]
mod credentials;
mod servers;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Site};
use bed::verdicts::{FIRST_PORT, checker, ensure_ports, service};

use credentials::Credentials;
use servers::{Servers, let_web_fail, prepare, say};

/// What becomes of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Up while all is well.
    Up,
    /// Never up.
    Down,
}

use Expected::{Down, Up};

/// A check.
struct Case {
    name: &'static str,
    keyword: &'static str,
    /// In the checker's block.
    options: &'static str,
    expected: Expected,
    /// What the log says of why it is down; for one that is up at first, of why it is later.
    reason: &'static str,
}

const fn case(
    name: &'static str,
    keyword: &'static str,
    options: &'static str,
    expected: Expected,
    reason: &'static str,
) -> Case {
    Case {
        name,
        keyword,
        options,
        expected,
        reason,
    }
}

/// MD5 of `hello` and of 300 000 times `x`, by md5sum.
#[rustfmt::skip] // a table
const WEB: &[Case] = &[
    case("HTTP/2", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /hello\n digest 5d41402abc4b2a76b9719d911017c592\n }",
        Up, "wrong status code 503"),
    case("two pages", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /hello\n regex ^hello$\n }\n url {\n path /large\n digest d408ed46ebcc326f9e7c6bb9c77af1cd\n }",
        Up, "wrong status code 503"),
    case("a status that is wanted", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /nothing\n status_code 404\n }",
        Up, "wrong status code 503"),
    case("digest", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /large\n digest 5d41402abc4b2a76b9719d911017c592\n }",
        Down, "digest differs"),
    case("pattern", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /hello\n regex hallo\n }",
        Down, "body does not match"),
    case("HTTP/2 where HTTP/1 is spoken", "HTTP_GET", "http_protocol 2\n connect_port 8002\n url {\n path /hello\n }",
        Down, "the server speaks HTTP/1, not HTTP/2"),
    case("HTTP/1 where HTTP/2 is spoken", "HTTP_GET", "http_protocol 1.1\n connect_port 8001\n url {\n path /hello\n }",
        Down, ""),
    case("own request over HTTP/2", "HTTP_GET", "http_protocol 2\n connect_port 8001\n header \"X-Probe: one two\"\n virtualhost virtual.test\n url {\n path /own\n method PUT\n header \"Host: own.test\"\n header \"User-Agent: me\"\n body hello\n regex \"for you\"\n }",
        Up, "wrong status code 503"),
    case("own request over HTTP/1.1", "HTTP_GET", "http_protocol 1.1\n connect_port 8002\n header \"X-Probe: one two\"\n virtualhost virtual.test\n url {\n path /own\n method PUT\n header \"Host: own.test\"\n header \"User-Agent: me\"\n body hello\n regex \"for you\"\n }",
        Up, "wrong status code 503"),
    case("own request over HTTP/1.0 and TLS", "SSL_GET", "connect_port 8444\n header \"X-Probe: one two\"\n url {\n path /own\n method PUT\n header \"Host: own.test\"\n header \"User-Agent: me\"\n body hello\n regex \"for you\"\n }",
        Up, "wrong status code 503"),
    case("without the header", "HTTP_GET", "http_protocol 2\n connect_port 8001\n url {\n path /own\n method PUT\n header \"Host: own.test\"\n header \"User-Agent: me\"\n body hello\n }",
        Down, "wrong status code 403"),
    case("without the method", "HTTP_GET", "connect_port 8002\n header \"X-Probe: one two\"\n url {\n path /own\n }",
        Down, "wrong status code 405"),
    case("HTTP/2 over TLS", "SSL_GET", "http_protocol 2\n connect_port 8443\n virtualhost www.example.org\n enable_sni\n tls_verify\n url {\n path /hello\n digest 5d41402abc4b2a76b9719d911017c592\n }",
        Up, "wrong status code 503"),
    case("another's certificate", "SSL_GET", "http_protocol 2\n connect_port 8443\n tls_verify_name other.test\n url {\n path /hello\n }",
        Down, "certificate not valid"),
    case("TLS without HTTP/2", "SSL_GET", "http_protocol 2\n connect_port 8444\n url {\n path /hello\n }",
        Down, "the server does not agree to HTTP/2 (ALPN)"),
];

/// Services that fail, and what the health service says then.
#[rustfmt::skip] // a table
const FAILING: &[(&str, &str)] = &[
    ("all", "NOT_SERVING"),
    ("a", "UNKNOWN"),
    ("b", "SERVICE_UNKNOWN"),
    ("c", "NOT_FOUND"),
    ("d", "UNIMPLEMENTED"),
    ("e", "UNAVAILABLE"),
    ("f", "hang"),
    ("g", "raise"),
    ("h", "empty"),
    ("i", "garbage"),
    ("j", "long"),
    ("secret", "NOT_SERVING"),
    ("tls", "NOT_SERVING"),
];

#[rustfmt::skip] // a table
const CALLS: &[Case] = &[
    case("all", "GRPC_CHECK", "connect_port 9001", Up, "health status NOT_SERVING"),
    case("a", "GRPC_CHECK", "connect_port 9001\n service a", Up, "health status UNKNOWN"),
    case("b", "GRPC_CHECK", "connect_port 9001\n service b", Up, "health status SERVICE_UNKNOWN"),
    case("c", "GRPC_CHECK", "connect_port 9001\n service c", Up, "gRPC status NOT_FOUND (5), the server does not know the service: as told"),
    case("d", "GRPC_CHECK", "connect_port 9001\n service d", Up, "gRPC status UNIMPLEMENTED (12), the server has no health service: as told"),
    case("e", "GRPC_CHECK", "connect_port 9001\n service e", Up, "gRPC status UNAVAILABLE (14): as told"),
    // Whoever notices first: the server was told the time limit, too.
    case("f", "GRPC_CHECK", "connect_port 9001\n service f", Up, ""),
    case("g", "GRPC_CHECK", "connect_port 9001\n service g", Up, "gRPC status UNKNOWN (2)"),
    case("h", "GRPC_CHECK", "connect_port 9001\n service h", Up, "health status UNKNOWN"),
    case("i", "GRPC_CHECK", "connect_port 9001\n service i", Up, "message is no HealthCheckResponse"),
    case("j", "GRPC_CHECK", "connect_port 9001\n service j", Up, "message longer than 1024 bytes"),
    case("metadata", "GRPC_CHECK", "connect_port 9001\n service secret\n header \"authorization: Bearer key\"", Up, "health status NOT_SERVING"),
    case("over TLS", "GRPC_CHECK", "connect_port 9443\n service tls\n tls\n authority www.example.org\n enable_sni\n tls_verify", Up, "health status NOT_SERVING"),
    case("without metadata", "GRPC_CHECK", "connect_port 9001\n service secret", Down, "gRPC status UNAUTHENTICATED (16): who are you?"),
    case("another service", "GRPC_CHECK", "connect_port 9001\n service nobody", Down, "gRPC status NOT_FOUND (5), the server does not know the service: unknown service"),
    case("no health service", "GRPC_CHECK", "connect_port 9002", Down, "gRPC status UNIMPLEMENTED (12), the server has no health service"),
    case("another's certificate", "GRPC_CHECK", "connect_port 9443\n tls\n tls_verify_name other.test", Down, "certificate not valid"),
    case("TLS where there is none", "GRPC_CHECK", "connect_port 9001\n tls", Down, ""),
    case("no TLS where there is", "GRPC_CHECK", "connect_port 9443", Down, ""),
    case("a web server", "GRPC_CHECK", "connect_port 8001", Down, "wrong status code 404"),
    case("a web server of HTTP/1", "GRPC_CHECK", "connect_port 8002", Down, "the server speaks HTTP/1, not HTTP/2"),
    case("nobody", "GRPC_CHECK", "connect_port 9999", Down, "connection refused"),
];

struct Stage<'a> {
    director: &'a Node,
    idle: &'a Node,
    cases: &'static [Case],
}

impl Stage<'_> {
    fn numbered(&self) -> impl Iterator<Item = (u16, &'static Case)> {
        (FIRST_PORT..).zip(self.cases)
    }

    /// Waits until the table has just those that are up while all is well, or nobody.
    fn ensure(&self, well: bool) -> Result<()> {
        let up: BTreeSet<u16> = self
            .numbered()
            .filter(|(_, case)| well && case.expected == Up)
            .map(|(port, _)| port)
            .collect();
        let name = |port: u16| {
            let found = self.numbered().find(|(number, _)| *number == port);
            found.map_or_else(|| port.to_string(), |(_, case)| case.name.to_owned())
        };
        ensure_ports([self.idle, self.director], [&BTreeSet::new(), &up], name)
    }

    /// Every failure was logged with its reason.
    fn ensure_reasons(&self, log: &str, expected: Expected) -> Result<()> {
        for (port, case) in self.numbered().filter(|(_, case)| case.expected == expected) {
            let server = format!(":{port}");
            let mut lines = log
                .lines()
                .filter(|line| line.contains(&server) && line.contains(" failed"));
            ensure!(
                lines.any(|line| line.contains(case.reason)),
                "{}: no line says why: {}\n{log}",
                case.name,
                case.reason
            );
        }
        Ok(())
    }
}

/// All cases at once, one real server each: well, failing, well again, dead, alive again.
fn come_and_go(cases: &'static [Case], fail: fn(&Node, bool) -> Result<()>) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let server = &site.servers[0];
    let credentials = Credentials::new()?;
    prepare(server, &credentials)?;
    fail(server, false)?;
    let servers = Servers::start(server)?;
    let ca = site.directors[1].path("/run/ca.pem");
    fs::write(ca, credentials.certificate.to_pem()?)?;
    let stage = Stage {
        idle: &site.directors[0],
        director: &site.directors[1],
        cases,
    };
    let reals = stage.numbered();
    let reals = reals.map(|(port, case)| ("192.168.0.61", port, checker(case.keyword, case.options)));
    let configuration = format!("SSL {{\n ca /run/ca.pem\n}}\n{}", service(reals));
    let holdfast = Daemon::start(Software::Holdfast, stage.director, &configuration)?;
    stage.ensure(true)?;
    stage.ensure_reasons(&holdfast.process().log_text(), Down)?;
    fail(server, true)?;
    stage.ensure(false)?;
    stage.ensure_reasons(&holdfast.process().log_text(), Up)?;
    fail(server, false)?;
    stage.ensure(true)?;
    servers.kill()?;
    stage.ensure(false)?;
    let _servers = Servers::start(server)?;
    stage.ensure(true)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn web_servers() -> Result<()> {
    come_and_go(WEB, let_web_fail)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn health_services() -> Result<()> {
    come_and_go(CALLS, |server, fails| {
        FAILING
            .iter()
            .try_for_each(|(service, word)| say(server, service, if fails { word } else { "SERVING" }))
    })
}
