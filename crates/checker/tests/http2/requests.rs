//! What is asked, as a real server of HTTP/2 hears it.

use bytes::Bytes;
use holdfast_health::probe::{GrpcProbe, Header, OwnRequest, Request, Url, Verdict};
use http::request::Parts;
use http::{HeaderMap, Response, Version};

use crate::frames::listen;
use crate::{AMPLE, connection, get, run};

/// Hears one request, and answers it with this body and these trailers.
async fn hear(
    listener: tokio::net::TcpListener,
    content_type: &'static str,
    answer: &'static [u8],
    trailers: Option<HeaderMap>,
) -> (Parts, Vec<u8>) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = h2::server::handshake(stream).await.unwrap();
    let (request, mut respond) = server.accept().await.unwrap().unwrap();
    let (parts, mut body) = request.into_parts();
    let work = async move {
        let mut heard = Vec::new();
        while let Some(piece) = body.data().await {
            let piece: Bytes = piece.unwrap();
            heard.extend_from_slice(&piece);
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        let response = Response::builder()
            .header("content-type", content_type)
            .body(())
            .unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        stream
            .send_data(Bytes::from_static(answer), trailers.is_none())
            .unwrap();
        if let Some(trailers) = trailers {
            stream.send_trailers(trailers).unwrap();
        }
        heard
    };
    let (heard, rest) = tokio::join!(work, async move {
        // Frames go to and fro only while somebody waits. The client ends the connection, in good order.
        let mut next = server.accept().await;
        while let Some(Ok(_)) = next {
            next = server.accept().await;
        }
        next.is_none()
    });
    assert!(rest, "the connection broke");
    (parts, heard)
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn text(fields: &HeaderMap) -> Vec<String> {
    let lines = fields
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    lines.collect()
}

#[tokio::test]
async fn usual() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(hear(listener, "text/plain", b"hello", None));
    let request = get(connection(address, AMPLE), None, Url::new("/health?x=1"));
    assert_eq!(run(&request).await, Verdict::Success);
    let (parts, body) = server.await.unwrap();
    assert_eq!((parts.method.as_str(), parts.version), ("GET", Version::HTTP_2));
    assert_eq!(parts.uri.to_string(), format!("http://{address}/health?x=1"));
    assert_eq!(text(&parts.headers), ["user-agent: KeepAliveClient"]);
    assert_eq!(body, b"");
}

#[tokio::test]
async fn of_one_s_own() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(hear(listener, "text/plain", b"hello", None));
    // More than a server takes at once.
    let body: Vec<u8> = (0..200_000_u32).map(|number| number.to_be_bytes()[3]).collect();
    let own = OwnRequest {
        method: "PUT".to_owned(),
        headers: vec![
            header("Host", "own.test:8080"),
            header("X-Probe", "1"),
            header("User-Agent", "me"),
            header("x-probe", "2"),
        ],
        body: Some(body.clone()),
    };
    let url = Url {
        virtualhost: Some("virtual.test".to_owned()),
        own: Some(Box::new(own)),
        ..Url::new("/put")
    };
    let request = get(connection(address, AMPLE), None, url);
    assert_eq!(run(&request).await, Verdict::Success);
    let (parts, heard) = server.await.unwrap();
    assert_eq!(parts.method, "PUT");
    assert_eq!(parts.uri, "http://own.test:8080/put");
    let mut fields = text(&parts.headers);
    fields.sort();
    assert_eq!(
        fields,
        ["content-length: 200000", "user-agent: me", "x-probe: 1", "x-probe: 2"]
    );
    assert!(heard == body);
}

#[tokio::test]
async fn what_http2_has_no_room_for() {
    let (_listener, address) = listen().await;
    for (host, path, reason) in [
        ("a b", "/", "no request over HTTP/2: a b is no host"),
        ("a", "/a b", "no request over HTTP/2: /a b is no path"),
    ] {
        let url = Url {
            virtualhost: Some(host.to_owned()),
            ..Url::new(path)
        };
        let Verdict::Failure(failure) = run(&get(connection(address, AMPLE), None, url)).await else {
            panic!("{host} {path}");
        };
        assert_eq!(failure.to_string(), reason);
    }
}

/// The protocol of gRPC over HTTP/2, section Requests.
#[tokio::test]
async fn a_call() {
    let (listener, address) = listen().await;
    let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), "0".parse().unwrap())]);
    let serving = &[0, 0, 0, 0, 2, 8, 1];
    let server = tokio::spawn(hear(listener, "application/grpc", serving, Some(trailers)));
    let request = Request::Grpc(GrpcProbe {
        connection: connection(address, AMPLE),
        tls: None,
        service: "shop".to_owned(),
        authority: Some("shop.test".to_owned()),
        headers: vec![header("authorization", "Bearer t")],
    });
    assert_eq!(run(&request).await, Verdict::Success);
    let (parts, body) = server.await.unwrap();
    assert_eq!(parts.method, "POST");
    assert_eq!(parts.uri, "http://shop.test/grpc.health.v1.Health/Check");
    assert_eq!(
        text(&parts.headers),
        [
            "te: trailers",
            "content-type: application/grpc",
            concat!("user-agent: grpc-holdfast/", env!("CARGO_PKG_VERSION")),
            "grpc-timeout: 20000m",
            "authorization: Bearer t",
        ]
    );
    assert_eq!(body, [0, 0, 0, 0, 6, 0x0a, 4, b's', b'h', b'o', b'p']);
}
