//! `SSL_GET` against a server on the loopback interface: how a connection may end, and what `tls_compliant` makes of it. Servers of
//! all kinds are in the guest tests.

#[cfg(test)]
mod certificate;

#[cfg(test)]
mod tls {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    use holdfast_checker::Prober;
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{
        Connection, Failure, HttpProtocol, NotTried, Phase, Request, Sni, Tls, Url, Verdict, Verify,
    };
    use openssl::pkey::{PKey, Private};
    use openssl::rsa::Rsa;
    use openssl::ssl::{NameType, SslVerifyMode};
    use openssl::symm::Cipher;
    use openssl::x509::X509;

    use crate::certificate::{self, self_signed, self_signed_by};

    /// Long enough for anything that happens at all.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[derive(Clone, Copy, PartialEq)]
    enum End {
        CloseNotify,
        Cut,
        Reset,
    }

    /// Answers one request and ends so. Returns the port, and the certificate in PEM.
    fn serve(end: End) -> (u16, String) {
        let credentials = self_signed("127.0.0.1");
        let acceptor = certificate::acceptor(&credentials).build();
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
        let pem = String::from_utf8(credentials.0.to_pem().unwrap()).unwrap();
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

    /// What a server saw of its client.
    #[derive(Debug, PartialEq)]
    struct Seen {
        /// The name in the greeting
        name: Option<String>,
        /// How many certificates the client showed, and whether the first one is this
        certificates: usize,
        first: Option<Vec<u8>>,
    }

    /// Answers one request and tells what it saw; wants a certificate of its client, if so.
    fn watch(credentials: &(X509, PKey<Private>), wants_certificate: bool) -> (u16, Receiver<Seen>) {
        let mut builder = certificate::acceptor(credentials);
        if wants_certificate {
            let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
            // Whoever signed it.
            builder.set_verify_callback(mode, |_, _| true);
        }
        let acceptor = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = channel();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let Ok(mut stream) = acceptor.accept(stream) else {
                return;
            };
            let ssl = stream.ssl();
            let first = ssl.peer_certificate().map(|it| it.to_der().unwrap());
            let _ = sender.send(Seen {
                name: ssl.servername(NameType::HOST_NAME).map(str::to_owned),
                // A server's list of its client's chain is without the first one.
                certificates: usize::from(first.is_some())
                    + ssl.peer_cert_chain().map_or(0, openssl::stack::StackRef::len),
                first,
            });
            let mut heard = Vec::new();
            let mut byte = [0];
            while !heard.ends_with(b"\r\n\r\n") {
                if stream.read_exact(&mut byte).is_err() {
                    return;
                }
                heard.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
            drop(stream.shutdown());
        });
        (port, seen)
    }

    fn request_for(port: u16, sni: Sni, verify: Verify, host: Option<&str>) -> Request {
        let Request::HttpGet {
            connection,
            protocol,
            url,
            ..
        } = request(port, false, Verify::Off)
        else {
            unreachable!()
        };
        Request::HttpGet {
            connection,
            tls: Some(Tls { sni, verify }),
            protocol,
            url: Url {
                virtualhost: host.map(str::to_owned),
                ..url
            },
        }
    }

    fn name(name: &str) -> String {
        name.to_owned()
    }

    #[tokio::test]
    async fn the_name_in_the_greeting() {
        let credentials = self_signed("www.example.org");
        for (sni, host, expected) in [
            (Sni::Off, Some("www.example.org"), None),
            (Sni::Virtualhost, Some("www.example.org"), Some("www.example.org")),
            (Sni::Virtualhost, None, None),
            (
                Sni::Name(name("a.example.org")),
                Some("www.example.org"),
                Some("a.example.org"),
            ),
        ] {
            let (port, seen) = watch(&credentials, false);
            let request = request_for(port, sni.clone(), Verify::Off, host);
            assert_eq!(verdict(&Identity::default(), &request).await, Verdict::Success);
            assert_eq!(seen.recv().unwrap().name.as_deref(), expected, "{sni:?}, {host:?}");
        }
    }

    /// The name in SNI, else the virtual host, else the address; `tls_verify_name` before all of them.
    #[tokio::test]
    async fn the_name_that_a_certificate_must_be_for() {
        let credentials = self_signed("www.example.org");
        let known = Identity {
            ca: Some(String::from_utf8(credentials.0.to_pem().unwrap()).unwrap()),
            ..Identity::default()
        };
        let sni = |it: &str| Sni::Name(name(it));
        let (good, other) = ("www.example.org", "www.example.net");
        let hostname = "hostname mismatch";
        for (sni, verify, host, expected) in [
            (Sni::Off, Verify::Peer, Some(good), None),
            (Sni::Off, Verify::Peer, Some(other), Some(hostname)),
            (sni(good), Verify::Peer, Some(other), None),
            (sni(other), Verify::Peer, Some(good), Some(hostname)),
            (sni(other), Verify::Name(name(good)), Some(other), None),
            (sni(good), Verify::Name(name(other)), Some(good), Some(hostname)),
            (Sni::Off, Verify::Peer, None, Some("IP address mismatch")),
            (sni(other), Verify::Off, Some(other), None),
        ] {
            let (port, _seen) = watch(&credentials, false);
            let request = request_for(port, sni.clone(), verify.clone(), host);
            let expected = match expected {
                None => Verdict::Success,
                Some(reason) => Verdict::Failure(Failure::Certificate(name(reason))),
            };
            assert_eq!(
                verdict(&known, &request).await,
                expected,
                "{sni:?}, {verify:?}, {host:?}"
            );
        }
        // The system's authorities do not know it.
        let (port, _seen) = watch(&credentials, false);
        let request = request_for(port, Sni::Off, Verify::Peer, Some(good));
        let unknown = verdict(&Identity::default(), &request).await;
        assert!(
            matches!(unknown, Verdict::Failure(Failure::Certificate(_))),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn the_certificate_of_this_client_is_shown_with_its_chain() {
        let (server, client, authority) = (self_signed("server"), self_signed("client"), self_signed("authority"));
        let pem = |it: &X509| String::from_utf8(it.to_pem().unwrap()).unwrap();
        let key = |password: &[u8]| {
            let key = client
                .1
                .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password);
            String::from_utf8(key.unwrap()).unwrap()
        };
        let identity = Identity {
            ca: None,
            certificate: Some(pem(&client.0) + &pem(&authority.0)),
            key: Some(key(b"secret")),
            password: Some(name("secret")),
        };
        assert_eq!(identity.problem(), None);
        let (port, seen) = watch(&server, true);
        let request = request_for(port, Sni::Off, Verify::Off, None);
        assert_eq!(verdict(&identity, &request).await, Verdict::Success);
        let expected = Seen {
            name: None,
            certificates: 2,
            first: Some(client.0.to_der().unwrap()),
        };
        assert_eq!(seen.recv().unwrap(), expected);
        // Without one such a server breaks off.
        let (port, _seen) = watch(&server, true);
        let refused = verdict(&Identity::default(), &request_for(port, Sni::Off, Verify::Off, None)).await;
        assert!(
            matches!(
                refused,
                Verdict::Failure(Failure::Tls { .. } | Failure::Reset(_) | Failure::NoAnswer)
            ),
            "{refused:?}"
        );
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let of_another_kind = pem(&self_signed_by(&rsa, "server"));
        for (wrong, what) in [
            (
                Identity {
                    password: Some(name("guess")),
                    ..identity.clone()
                },
                "key: ",
            ),
            (
                Identity {
                    certificate: Some(pem(&authority.0)),
                    ..identity.clone()
                },
                "key: key values mismatch",
            ),
            (
                Identity {
                    certificate: Some(of_another_kind),
                    ..identity.clone()
                },
                "key and certificate: ",
            ),
            (
                Identity {
                    certificate: Some(name("none")),
                    ..identity.clone()
                },
                "certificate: no certificate in it",
            ),
        ] {
            let problem = wrong.problem().unwrap();
            assert!(problem.starts_with(what), "{problem}");
            let said = verdict(&wrong, &request).await;
            assert_eq!(said, Verdict::NotTried(NotTried::Tls(problem)));
        }
    }

    /// Answers a connection with these bytes, and then closes it or keeps it.
    fn no_tls(answer: &'static [u8], closes: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The greeting, so that closing is no reset.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            if !closes {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        port
    }

    #[tokio::test]
    async fn what_is_no_handshake() {
        let said = async |answer, closes, timeout| {
            let mut request = request(no_tls(answer, closes), false, Verify::Off);
            if let Request::HttpGet { connection, .. } = &mut request {
                connection.timeout = timeout;
            }
            // So long that it is the handshake's own limit that ends it.
            let prober = Prober::new(&Identity::default());
            prober.probe(&request, 3 * PATIENCE).await.verdict
        };
        let (long, since) = (PATIENCE, Instant::now());
        assert_eq!(said(b"", true, long).await, Verdict::Failure(Failure::NoAnswer));
        let plain = said(b"HTTP/1.1 400 Bad Request\r\n\r\n", false, long).await;
        assert!(
            matches!(
                &plain,
                Verdict::Failure(Failure::Tls {
                    phase: Phase::Handshake,
                    ..
                })
            ),
            "{plain:?}"
        );
        let silent = said(b"", false, Duration::from_millis(300)).await;
        assert_eq!(silent, Verdict::Failure(Failure::Timeout(Phase::Handshake)));
        assert!(since.elapsed() < PATIENCE);
    }
}
