use std::time::Duration;

use holdfast_health::probe::{Header, OwnRequest};

use super::request::request;
use super::*;

fn connection(address: &str) -> Connection {
    Connection {
        address: address.parse().unwrap(),
        port: 5000,
        bind_address: None,
        bind_port: 0,
        bind_interface: None,
        mark: 0,
        timeout: Duration::from_secs(1),
    }
}

fn url(virtualhost: Option<&str>) -> Url {
    Url {
        virtualhost: virtualhost.map(str::to_owned),
        ..Url::new("/health?x=1")
    }
}

/// The first one was seen on the wire from keepalived 2.2.7, the others are its documented variants.
#[test]
fn requests_are_keepalived_s() {
    let v4 = connection("192.0.2.7");
    let v6 = connection("2001:db8::7");
    for (connection, protocol, host, expected) in [
        (
            &v4,
            HttpProtocol::Http10,
            None,
            "GET /health?x=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.7:5000\r\n\r\n",
        ),
        (
            &v6,
            HttpProtocol::Http10Close,
            None,
            "GET /health?x=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: [2001:db8::7]:5000\r\n\r\n",
        ),
        (
            &v6,
            HttpProtocol::Http11,
            Some("www.example.org"),
            "GET /health?x=1 HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n",
        ),
    ] {
        assert_eq!(request(connection, protocol, &url(host)), expected.as_bytes());
    }
}

/// What the request says of its own comes after keepalived's fields or in their place, each once.
#[test]
fn requests_of_one_s_own() {
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let own = OwnRequest {
        method: "PUT".to_owned(),
        headers: vec![
            header("host", "own.test"),
            header("X-Probe", "1"),
            header("User-agent", "me"),
            header("x-probe", "2"),
        ],
        body: Some(b"a\0\r\n\xff".to_vec()),
    };
    let url = Url {
        own: Some(Box::new(own)),
        ..url(Some("www.example.org"))
    };
    let expected = b"PUT /health?x=1 HTTP/1.1\r\nUser-Agent: me\r\nConnection: close\r\nHost: own.test\r\nX-Probe: 1\r\nx-probe: 2\r\n\
                     Content-Length: 5\r\n\r\na\0\r\n\xff";
    let got = request(&connection("192.0.2.7"), HttpProtocol::Http11, &url);
    assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
    for (method, body, length) in [
        ("GET", None, None),
        ("DELETE", None, None),
        ("POST", None, Some(0)),
        ("PATCH", None, Some(0)),
        ("GET", Some(Vec::new()), Some(0)),
        ("GET", Some(b"abc".to_vec()), Some(3)),
    ] {
        let own = OwnRequest {
            method: method.to_owned(),
            body,
            ..OwnRequest::default()
        };
        let url = Url {
            own: Some(Box::new(own)),
            ..Url::new("/")
        };
        assert_eq!(request::content_length(&url), length, "{method}");
    }
}
