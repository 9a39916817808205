//! `SSL_GET` against a server on the loopback interface: how a connection may end, and what `tls_compliant` makes of it. Servers of
//! all kinds are in the guest tests.

#[cfg(test)]
mod tls {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use holdfast_checker::Prober;
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{Connection, Failure, HttpProtocol, NotTried, Request, Tls, Url, Verdict, Verify};
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::{PKey, Private};
    use openssl::rsa::Rsa;
    use openssl::ssl::{SslAcceptor, SslMethod};
    use openssl::x509::X509;
    use openssl::x509::extension::SubjectAlternativeName;

    #[derive(Clone, Copy, PartialEq)]
    enum End {
        CloseNotify,
        Cut,
        Reset,
    }

    /// A certificate that signs itself, for 127.0.0.1.
    fn credentials() -> (X509, PKey<Private>) {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        let names = names
            .ip("127.0.0.1")
            .build(&builder.x509v3_context(None, None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        (builder.build(), key)
    }

    /// Answers one request and ends so. Returns the port, and the certificate in PEM.
    fn serve(end: End) -> (u16, String) {
        let (certificate, key) = credentials();
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_certificate(&certificate).unwrap();
        builder.set_private_key(&key).unwrap();
        let acceptor = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // A client that does not like the certificate goes.
            let Ok(mut stream) = acceptor.accept(stream) else {
                return;
            };
            let mut heard = Vec::new();
            let mut byte = [0];
            while !heard.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                heard.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
            match end {
                End::CloseNotify => drop(stream.shutdown()),
                End::Cut => {}
                End::Reset => {
                    // What was written arrives first.
                    thread::sleep(Duration::from_millis(100));
                    let socket = socket2::SockRef::from(stream.get_ref());
                    socket.set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
        });
        let pem = String::from_utf8(certificate.to_pem().unwrap()).unwrap();
        (port, pem)
    }

    fn request(port: u16, tls_compliant: bool, verify: Verify) -> Request {
        Request::HttpGet {
            connection: Connection {
                address: "127.0.0.1".parse().unwrap(),
                port,
                bind_address: None,
                bind_port: 0,
                bind_interface: None,
                mark: 0,
                timeout: Duration::from_secs(5),
            },
            tls: Some(Tls {
                verify,
                ..Tls::default()
            }),
            protocol: HttpProtocol::Http10,
            url: Url {
                tls_compliant,
                ..Url::new("/")
            },
        }
    }

    async fn verdict(identity: &Identity, request: &Request) -> Verdict {
        Prober::new(identity).probe(request, request.deadline()).await.verdict
    }

    #[tokio::test]
    async fn how_it_ends() {
        for (end, tls_compliant, expected) in [
            (End::CloseNotify, false, Verdict::Success),
            (End::Cut, false, Verdict::Success),
            (End::Reset, false, Verdict::Success),
            (End::CloseNotify, true, Verdict::Success),
            (End::Cut, true, Verdict::Failure(Failure::NoCloseNotify)),
        ] {
            let (port, _) = serve(end);
            let request = request(port, tls_compliant, Verify::Off);
            assert_eq!(verdict(&Identity::default(), &request).await, expected);
        }
        let (port, _) = serve(End::Reset);
        let strict = verdict(&Identity::default(), &request(port, true, Verify::Off)).await;
        assert!(matches!(strict, Verdict::Failure(Failure::Reset(_))), "{strict:?}");
    }

    #[tokio::test]
    async fn whose_certificate_it_is() {
        let (port, pem) = serve(End::CloseNotify);
        let known = Identity {
            ca: Some(pem),
            ..Identity::default()
        };
        assert_eq!(
            verdict(&known, &request(port, false, Verify::Peer)).await,
            Verdict::Success
        );
        let (port, pem) = serve(End::CloseNotify);
        let stranger = verdict(&known, &request(port, false, Verify::Peer)).await;
        assert!(
            matches!(stranger, Verdict::Failure(Failure::Certificate(_))),
            "{stranger:?}"
        );
        drop(pem);
        let (port, pem) = serve(End::CloseNotify);
        let known = Identity {
            ca: Some(pem),
            ..Identity::default()
        };
        let name = Verify::Name("192.0.2.1".to_owned());
        let another = verdict(&known, &request(port, false, name)).await;
        assert_eq!(
            another,
            Verdict::Failure(Failure::Certificate("IP address mismatch".to_owned()))
        );
    }

    #[tokio::test]
    async fn what_cannot_be_used_says_nothing_of_the_server() {
        let (port, _) = serve(End::CloseNotify);
        let broken = Identity {
            ca: Some("no certificate".to_owned()),
            ..Identity::default()
        };
        let expected = NotTried::Tls("ca: no certificate in it".to_owned());
        assert_eq!(
            verdict(&broken, &request(port, false, Verify::Off)).await,
            Verdict::NotTried(expected)
        );
    }
}
