use std::time::Duration;

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
        assert_eq!(request(connection, protocol, &url(host)), expected);
    }
}
