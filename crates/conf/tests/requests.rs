//! What checks ask that keepalived does not: headers, methods and bodies of `HTTP_GET`, HTTP/2, `GRPC_CHECK`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::*;
use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load, print};
use std::path::Path;
use std::time::Duration;

fn configuration(checker: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.11 80 {{\nvirtualhost outer.test\n\
         {checker}\n}}\n}}\n"
    )
}

fn read(checker: &str) -> Loaded {
    let loader = MemoryLoader::new().with("k.conf", configuration(checker));
    load(&loader, Path::new("k.conf"), &LoadOptions::default())
}

fn checker(text: &str) -> Checker {
    let loaded = read(text);
    let said: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|it| it.one_line(&loaded.sources))
        .collect();
    assert_eq!(said, [""; 0], "{text}");
    loaded.config.virtual_servers[0].real_servers[0].checkers[0].clone()
}

fn get(text: &str) -> HttpGet {
    match checker(text).kind {
        CheckerKind::HttpGet(get) => get,
        CheckerKind::SslGet(ssl) => ssl.get,
        kind => panic!("{kind:?}"),
    }
}

fn url(body: &str) -> Url {
    get(&format!("HTTP_GET {{\nurl {{\npath /\n{body}\n}}\n}}"))
        .urls
        .remove(0)
}

/// The findings in a `url` whose first line of interest is line 9: code, line, column, and the whole line that is shown.
fn found(checker: &str) -> Vec<(u16, u32, u32, String)> {
    let loaded = read(checker);
    let each = loaded.diagnostics.iter().map(|it| {
        let span = it.span.unwrap();
        (it.code.0, span.line, span.column, it.one_line(&loaded.sources))
    });
    each.collect()
}

fn found_in_url(line: &str) -> Vec<(u16, u32, u32, String)> {
    found(&format!("HTTP_GET {{\nurl {{\npath /\n{line}\n}}\n}}"))
}

fn pairs(headers: &[Header]) -> Vec<(&str, &str)> {
    headers.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect()
}

#[test]
fn a_request_is_get_unless_something_else_is_said() {
    let plain = url("");
    assert_eq!((plain.method.as_str(), plain.body), ("GET", None));
    let with_body = url("body \"{\\\"probe\\\": true}\\n\"");
    assert_eq!(with_body.method, "POST");
    assert_eq!(with_body.body.unwrap(), b"{\"probe\": true}\n");
    let own = url("method PURGE\nbody ''");
    assert_eq!((own.method.as_str(), own.body), ("PURGE", Some(Vec::new())));
    assert_eq!(url("body a\\xffb").body.unwrap(), b"a\xffb");
}

#[test]
fn headers_of_the_checker_and_of_the_url() {
    let get = get(
        "HTTP_GET {\nheader \"X-Probe: one\"\nheader \"Accept: a\"\nurl {\npath /a\nheader \"accept: b\"\nheader Cookie: k=v\n}\n\
         url {\npath /b\n}\nheader \"X-Last: \\\"quoted\\\"\"\n}",
    );
    assert_eq!(
        pairs(&get.urls[0].headers),
        [
            ("X-Probe", "one"),
            ("X-Last", "\"quoted\""),
            ("accept", "b"),
            ("Cookie", "k=v")
        ]
    );
    assert_eq!(
        pairs(&get.urls[1].headers),
        [("X-Probe", "one"), ("Accept", "a"), ("X-Last", "\"quoted\"")]
    );
}

#[test]
fn what_cannot_be_sent_is_said_with_its_place() {
    for (line, code, column, part) in [
        ("method get", 630, 8, "did you mean 'GET'?"),
        ("method \"GET /\"", 630, 8, "'GET /' is no method of HTTP"),
        ("method CONNECT", 630, 8, "asks for a tunnel"),
        ("header nothing", 631, 1, "header \"Name: value\""),
        ("header \"X Y: z\"", 631, 1, "'X Y' is no name of a header"),
        ("header \"X : z\"", 631, 1, "no blank may stand before the colon"),
        ("header \"X: a\\r\\nEvil: b\"", 631, 1, "The value of X holds \\r"),
        (
            "header \"Content-Length: 7\"",
            631,
            1,
            "the length of body is sent by itself",
        ),
        (
            "header \"transfer-encoding: chunked\"",
            631,
            1,
            "a body is sent as a whole",
        ),
        ("header", 631, 1, "'header' lacks its text"),
        ("header \"Host: a\"\nheader \"host: b\"", 311, 1, "only one host"),
        ("body a\nbody b", 311, 1, "the second one holds"),
        ("body", 304, 1, "'body' lacks its text"),
        ("body a\nmethod GET", 632, 1, "A body with GET means nothing"),
        ("regex up\nmethod HEAD", 632, 1, "An answer to HEAD has no body"),
    ] {
        let found = found_in_url(line);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        let (got, row, at, text) = &found[0];
        // The doubtful line is the one that means nothing.
        let expected_row = if line.starts_with("body a\nmethod") || !line.contains('\n') {
            10
        } else {
            11
        };
        assert_eq!((*got, *row, *at), (code, expected_row, column), "{line}: {text}");
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn http_2() {
    let plain = get("HTTP_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}");
    assert_eq!(plain.http_protocol, HttpProtocol::Http2);
    let found = found(
        "SSL_GET {\nhttp_protocol 2\nurl {\npath \"/a b\"\n}\nurl {\npath /\nvirtualhost a/b\n}\nurl {\npath /\ntls_compliant\n}\n}",
    );
    let codes: Vec<(u16, u32)> = found.iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(codes, [(307, 9), (307, 12), (632, 16)]);
    assert!(found[0].3.contains("'/a b' is no path that HTTP/2 can ask for"));
}

#[test]
fn a_grpc_check_asks_in_plain_text_for_the_whole_server() {
    let it = checker("GRPC_CHECK {\n}");
    assert_eq!((it.retry, it.delay_before_retry), (1, Duration::from_secs(1)));
    assert_eq!(
        it.kind,
        CheckerKind::GrpcCheck(GrpcCheck {
            service: String::new(),
            authority: Some("outer.test".to_owned()),
            headers: Vec::new(),
            tls: None,
        })
    );
}

#[test]
fn a_grpc_check_with_everything() {
    let it = checker(
        "GRPC_CHECK {\nservice shop.v1.Cart\nauthority cart.test:8443\nheader \"authorization: Bearer t\"\ntls\nenable_sni\n\
         tls_verify_name cart.test\nconnect_port 8443\nconnect_timeout 2\nretry 4\ndelay_before_retry 0.5\nfwmark 7\nalpha\n}",
    );
    let CheckerKind::GrpcCheck(grpc) = it.kind else {
        panic!()
    };
    assert_eq!(grpc.service, "shop.v1.Cart");
    assert_eq!(grpc.authority.as_deref(), Some("cart.test:8443"));
    assert_eq!(pairs(&grpc.headers), [("authorization", "Bearer t")]);
    let tls = Tls {
        sni: Sni::Virtualhost,
        verify: Verify::Name("cart.test".to_owned()),
    };
    assert_eq!(grpc.tls, Some(tls));
    assert_eq!((it.target.port(), it.fwmark, it.retry, it.alpha), (8443, 7, 4, true));
    assert_eq!(
        (it.connect_timeout, it.delay_before_retry),
        (Duration::from_secs(2), Duration::from_millis(500))
    );
}

#[test]
fn mistakes_in_a_grpc_check() {
    for (line, code, part) in [
        ("authority \"a b\"", 307, "'a b' is no name of a server"),
        ("header \"grpc-timeout: 1S\"", 631, "gRPC's own"),
        ("header \"content-type: text/plain\"", 631, "gRPC has one of its own"),
        ("header \"Host: a\"", 631, "write authority NAME"),
        ("tls_verify", 643, "this check is made without it"),
        ("servise a", 300, "did you mean 'service'?"),
        ("virtualhost a", 301, "virtualhost"),
    ] {
        let found = found(&format!("GRPC_CHECK {{\n{line}\n}}"));
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert_eq!((found[0].0, found[0].1), (code, 8), "{line}");
        assert!(found[0].3.contains(part), "{part} in {}", found[0].3);
    }
}

/// A print is for keepalived, too, which must not see what it does not know.
#[test]
fn a_print_hides_them_from_keepalived_and_means_the_same() {
    let text = configuration(
        "HTTP_GET {\nhttp_protocol 2\nheader \"X: \\\"a\\\"\"\nurl {\npath /\nmethod PUT\nbody \"{\\\"a\\\": 'b'}\\n\\xff\"\n}\n}\n\
         HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /\n}\n}\nGRPC_CHECK {\nservice a\nconnect_port 81\n}",
    );
    let loader = MemoryLoader::new().with("k.conf", text.as_str());
    let options = LoadOptions::default();
    let printed = print(&loader, Path::new("k.conf"), &options);
    for line in [
        "@holdfast http_protocol 2",
        "@holdfast method PUT",
        "@holdfast GRPC_CHECK {",
        "@holdfast connect_port 81",
    ] {
        assert!(printed.text.contains(line), "{line} in\n{}", printed.text);
    }
    assert!(!printed.text.contains("@holdfast http_protocol 1.1"));
    let again = MemoryLoader::new().with("k.conf", printed.text.as_str());
    let [first, second] = [&loader, &again].map(|loader| load(loader, Path::new("k.conf"), &options).config);
    assert_eq!(first.virtual_servers[0].real_servers[0].checkers.len(), 3);
    assert_eq!(
        first.virtual_servers[0].real_servers[0].checkers,
        second.virtual_servers[0].real_servers[0].checkers
    );
}
