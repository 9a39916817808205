//! Whether the two sides agree to HTTP/2 (RFC 7301).

use holdfast_checker::Prober;
use holdfast_checker::tls::Identity;
use holdfast_health::probe::{Failure, GrpcProbe, Http2Failure, Request, Sni, Tls, Url, Verdict, Verify};
use openssl::ssl::{AlpnError, NameType, Ssl, SslAcceptor, select_next_proto};
use tokio::net::TcpListener;

use crate::certificate::{self, self_signed};
use crate::frames::listen;
use crate::{AMPLE, connection, get, http2, run};

/// What a server does about the protocols that it is offered.
#[derive(Clone, Copy)]
enum Alpn {
    /// It does not look at them.
    Ignores,
    /// It has only these, and goes on without any if none is offered.
    Has(&'static [u8]),
    /// It ends the handshake if none of these is offered.
    Insists(&'static [u8]),
}

/// A server for `health.test` and 127.0.0.1 with a certificate that signs itself, which is given in PEM.
fn acceptor(alpn: Alpn) -> (SslAcceptor, String) {
    let credentials = self_signed("health.test");
    let mut acceptor = certificate::acceptor(&credentials);
    match alpn {
        Alpn::Ignores => {}
        Alpn::Has(own) => acceptor.set_alpn_select_callback(move |_, offered| {
            let chosen = select_next_proto(own, offered);
            chosen.ok_or(AlpnError::NOACK)
        }),
        Alpn::Insists(own) => acceptor
            .set_alpn_select_callback(move |_, offered| select_next_proto(own, offered).ok_or(AlpnError::ALERT_FATAL)),
    }
    let pem = String::from_utf8(credentials.0.to_pem().unwrap()).unwrap();
    (acceptor.build(), pem)
}

/// Answers one request over HTTP/2 with 204, and hands out the name in the greeting; a handshake may fail.
async fn serve(listener: TcpListener, acceptor: SslAcceptor) -> Option<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let session = Ssl::new(acceptor.context()).unwrap();
    let mut stream = tokio_openssl::SslStream::new(session, stream).unwrap();
    std::pin::Pin::new(&mut stream).accept().await.ok()?;
    let name = stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned);
    let mut server = h2::server::handshake(stream).await.ok()?;
    let (_, mut respond) = server.accept().await?.ok()?;
    let response = http::Response::builder()
        .status(204)
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    respond.send_response(response, true).unwrap();
    while server.accept().await.is_some() {}
    name
}

#[tokio::test]
async fn who_agrees() {
    for (alpn, expected) in [
        (Alpn::Has(b"\x02h2\x08http/1.1"), Verdict::Success),
        (Alpn::Insists(b"\x02h2"), Verdict::Success),
        (Alpn::Has(b"\x08http/1.1"), http2(Http2Failure::NotAgreed)),
        (Alpn::Insists(b"\x08http/1.1"), http2(Http2Failure::NotAgreed)),
        (Alpn::Ignores, http2(Http2Failure::NotAgreed)),
    ] {
        let (listener, address) = listen().await;
        let server = tokio::spawn(serve(listener, acceptor(alpn).0));
        let request = get(connection(address, AMPLE), Some(Tls::default()), Url::new("/"));
        assert_eq!(run(&request).await, expected);
        server.await.unwrap();
    }
}

/// The name is that of the server; what is verified is its certificate.
#[tokio::test]
async fn a_call_over_tls() {
    for (sni, verify, known, expected) in [
        (Sni::Virtualhost, Verify::Peer, true, Failure::Status(204)),
        (
            Sni::Virtualhost,
            Verify::Peer,
            false,
            Failure::Certificate("self-signed certificate".to_owned()),
        ),
        (Sni::Off, Verify::Off, false, Failure::Status(204)),
        (
            Sni::Off,
            Verify::Name("other.test".to_owned()),
            true,
            Failure::Certificate("hostname mismatch".to_owned()),
        ),
    ] {
        let (listener, address) = listen().await;
        let (acceptor, pem) = acceptor(Alpn::Has(b"\x02h2"));
        let server = tokio::spawn(serve(listener, acceptor));
        let named = sni == Sni::Virtualhost;
        let request = Request::Grpc(GrpcProbe {
            connection: connection(address, AMPLE),
            tls: Some(Tls { sni, verify }),
            service: String::new(),
            authority: Some("health.test:8443".to_owned()),
            headers: Vec::new(),
        });
        let identity = Identity {
            ca: known.then_some(pem),
            ..Identity::default()
        };
        let outcome = Prober::new(&identity).probe(&request, request.deadline()).await;
        let trusted = !matches!(expected, Failure::Certificate(_));
        assert_eq!(outcome.verdict, Verdict::Failure(expected));
        let name = server.await.unwrap();
        assert_eq!(name.as_deref(), (named && trusted).then_some("health.test"));
    }
}

/// A server that speaks no TLS at all.
#[tokio::test]
async fn no_tls() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(crate::frames::speak(listener, Vec::new(), crate::frames::End::Close));
    let request = get(connection(address, AMPLE), Some(Tls::default()), Url::new("/"));
    let verdict = run(&request).await;
    assert!(
        matches!(
            verdict,
            Verdict::Failure(Failure::Tls { .. } | Failure::NoAnswer | Failure::Reset(_))
        ),
        "{verdict:?}"
    );
    server.abort();
}
