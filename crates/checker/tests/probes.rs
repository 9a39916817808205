//! Probes against servers on the loopback interface that behave and misbehave.

#[cfg(test)]
mod probes {
    use std::net::IpAddr;
    use std::time::{Duration, Instant};

    use holdfast_checker::Prober;
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{
        Connection, Failure, HttpProtocol, Md5, NotTried, Outcome, Phase, Request, SmtpProbe, SmtpStep, Url, Verdict,
    };
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    /// Long enough for anything that happens at once, short enough to see a test that hangs.
    const AMPLE: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(100);

    fn connection(listener: &TcpListener) -> Connection {
        let address = listener.local_addr().unwrap();
        Connection {
            address: address.ip(),
            port: address.port(),
            bind_address: None,
            bind_port: 0,
            bind_interface: None,
            mark: 0,
            timeout: AMPLE,
        }
    }

    fn get(connection: Connection) -> Request {
        get_with(connection, None)
    }

    fn get_with(connection: Connection, digest: Option<Md5>) -> Request {
        let url = Url {
            digest,
            ..Url::new("/")
        };
        Request::HttpGet {
            connection,
            tls: None,
            protocol: HttpProtocol::Http10,
            url,
        }
    }

    async fn listen() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    async fn run(request: &Request) -> Outcome {
        Prober::new(&Identity::default())
            .probe(request, request.deadline())
            .await
    }

    /// Reads a request up to its empty line.
    async fn read_request(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }

    /// Answers one request with these bytes and closes.
    fn serve(listener: TcpListener, answer: &[u8]) -> JoinHandle<String> {
        let answer = answer.to_vec();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            // The prober may have heard enough before the end.
            let _ = stream.write_all(&answer).await;
            request
        })
    }

    async fn verdict_of(answer: &[u8], digest: Option<Md5>) -> Verdict {
        let listener = listen().await;
        let request = get_with(connection(&listener), digest);
        let server = serve(listener, answer);
        let outcome = run(&request).await;
        server.await.unwrap();
        outcome.verdict
    }

    #[tokio::test]
    async fn tcp_up() {
        let listener = listen().await;
        assert_eq!(
            run(&Request::Tcp(connection(&listener))).await.verdict,
            Verdict::Success
        );
    }

    #[tokio::test]
    async fn refused() {
        let listener = listen().await;
        let connection = connection(&listener);
        drop(listener);
        for request in [Request::Tcp(connection.clone()), get(connection)] {
            assert_eq!(run(&request).await.verdict, Verdict::Failure(Failure::Refused));
        }
    }

    /// A listener whose queue is full drops further handshakes: the nearest thing to a host that does not answer.
    #[tokio::test]
    async fn timeout_while_connecting() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())
            .unwrap();
        socket.listen(0).unwrap();
        let listener = {
            socket.set_nonblocking(true).unwrap();
            TcpListener::from_std(socket.into()).unwrap()
        };
        let mut target = connection(&listener);
        let mut queued = Vec::new();
        for _ in 0..3 {
            let stream = TcpStream::connect((target.address, target.port));
            queued.push(tokio::time::timeout(SHORT, stream).await);
        }
        target.timeout = SHORT;
        let request = Request::Tcp(target);
        let outcome = run(&request).await;
        assert_eq!(outcome.verdict, Verdict::Failure(Failure::Timeout(Phase::Connecting)));
        assert!(outcome.duration >= SHORT && outcome.duration < AMPLE, "{outcome:?}");
    }

    #[tokio::test]
    async fn reset_while_reading() {
        let listener = listen().await;
        let request = get(connection(&listener));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").await.unwrap();
            socket2::SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        });
        // Whether the first half is read before the reset or not: a broken connection is a failure, as with keepalived.
        assert_eq!(
            run(&request).await.verdict,
            Verdict::Failure(Failure::Reset(Phase::Reading))
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn closed_without_an_answer() {
        assert_eq!(verdict_of(b"", None).await, Verdict::Failure(Failure::NoAnswer));
    }

    #[tokio::test]
    async fn timeout_while_reading() {
        let listener = listen().await;
        let mut target = connection(&listener);
        target.timeout = SHORT;
        let request = get(target);
        let started = Instant::now();
        let outcome = run(&request).await;
        assert_eq!(outcome.verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
        assert!(started.elapsed() < AMPLE);
    }

    /// Each byte comes in time, the whole does not.
    #[tokio::test]
    async fn a_slow_drip_ends_with_the_deadline() {
        let listener = listen().await;
        let request = get(connection(&listener));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                tick.tick().await;
                if stream.write_all(b"H").await.is_err() {
                    break;
                }
            }
        });
        let deadline = Duration::from_millis(200);
        let outcome = Prober::new(&Identity::default()).probe(&request, deadline).await;
        assert_eq!(outcome.verdict, Verdict::Failure(Failure::Deadline(Phase::Reading)));
        assert!(outcome.duration >= deadline && outcome.duration < AMPLE, "{outcome:?}");
        tokio::time::timeout(AMPLE, server).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_endless_header_is_cut_off() {
        let listener = listen().await;
        let request = get(connection(&listener));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"X-More: and more\r\n").await.is_ok() {}
        });
        let verdict = run(&request).await.verdict;
        assert_eq!(
            verdict,
            Verdict::Failure(Failure::HeaderTooLong(holdfast_checker::http::HEADER_LIMIT))
        );
        tokio::time::timeout(AMPLE, server).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn status_and_digest() {
        let answer = b"HTTP/1.1 200 OK\r\nServer: test\r\n\r\nhello";
        // printf hello | md5sum
        let expected = Md5(*b"\x5d\x41\x40\x2a\xbc\x4b\x2a\x76\xb9\x71\x9d\x91\x10\x17\xc5\x92");
        assert_eq!(verdict_of(answer, None).await, Verdict::Success);
        assert_eq!(verdict_of(answer, Some(expected)).await, Verdict::Success);
        let other = Md5([0; 16]);
        assert_eq!(
            verdict_of(answer, Some(other)).await,
            Verdict::Failure(Failure::Digest {
                expected: other,
                got: expected
            })
        );
        let down = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(verdict_of(down, None).await, Verdict::Failure(Failure::Status(503)));
    }

    #[tokio::test]
    async fn odd_replies_over_the_wire() {
        for (answer, up) in [
            (&b"ICY 200 OK\r\n\r\n"[..], true),
            (b"HTTP/2 200 OK\r\n\r\n", true),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", true),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true),
            (b"HTTP/1.1 200 OK\n\nhello", false),
            (b"HTTP/1.1 200\r\n\r\nhello", false),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
            (b"220 smtp.example.org ready\r\n", false),
        ] {
            let verdict = verdict_of(answer, None).await;
            assert_eq!(
                verdict == Verdict::Success,
                up,
                "{verdict:?} for {}",
                answer.escape_ascii()
            );
        }
    }

    #[tokio::test]
    async fn the_request_names_address_and_port_also_for_ipv6() {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else {
            eprintln!("no IPv6 on this host");
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let request = get(connection(&listener));
        let server = serve(listener, b"HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!(run(&request).await.verdict, Verdict::Success);
        assert_eq!(
            server.await.unwrap(),
            format!("GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [::1]:{port}\r\n\r\n")
        );
    }

    #[tokio::test]
    async fn the_source_is_bound() {
        let listener = listen().await;
        let mut target = connection(&listener);
        target.bind_address = Some("127.0.0.9".parse::<IpAddr>().unwrap());
        target.bind_interface = Some("lo".to_owned());
        let request = Request::Tcp(target);
        assert_eq!(run(&request).await.verdict, Verdict::Success);
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip().to_string(), "127.0.0.9");
    }

    #[tokio::test]
    async fn what_this_host_cannot_do_says_nothing_about_the_server() {
        let listener = listen().await;
        let mut foreign = connection(&listener);
        foreign.bind_address = Some("192.0.2.77".parse::<IpAddr>().unwrap());
        let mut no_interface = connection(&listener);
        no_interface.bind_interface = Some("no-such-if0".to_owned());
        let mut nowhere = connection(&listener);
        nowhere.port = 0;
        nowhere.address = "fe80::1".parse().unwrap();
        for (target, errno) in [(foreign, libc::EADDRNOTAVAIL), (no_interface, libc::ENODEV)] {
            let verdict = run(&Request::Tcp(target)).await.verdict;
            assert_eq!(verdict, Verdict::NotTried(NotTried::Bind { errno }));
        }
        // A link-local address without an interface: the kernel does not even try.
        let verdict = run(&Request::Tcp(nowhere)).await.verdict;
        assert!(
            matches!(
                verdict,
                Verdict::NotTried(NotTried::Socket { .. }) | Verdict::Failure(Failure::Unreachable)
            ),
            "{verdict:?}"
        );
    }

    /// Plays a mail server: says a line, then answers each line with the next; closes at the end.
    fn mail_server(listener: TcpListener, lines: &'static [&'static str]) -> JoinHandle<Vec<String>> {
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut heard = Vec::new();
            for line in lines {
                // The prober may have heard enough before the end.
                let _ = stream.get_mut().write_all(line.as_bytes()).await;
                let mut command = String::new();
                let _ = stream.read_line(&mut command).await;
                heard.push(command);
            }
            heard
        })
    }

    async fn smtp(lines: &'static [&'static str]) -> (Verdict, Vec<String>) {
        let listener = listen().await;
        let mut connection = connection(&listener);
        connection.timeout = SHORT * 20;
        let request = Request::Smtp(SmtpProbe {
            connection,
            helo_name: "lb.example.org".to_owned(),
        });
        let server = mail_server(listener, lines);
        let verdict = run(&request).await.verdict;
        (verdict, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_mail_server_is_greeted_and_left() {
        let (verdict, heard) = smtp(&["220 mx ready\r\n", "250 hello\r\n", "221 bye\r\n"]).await;
        assert_eq!(verdict, Verdict::Success);
        assert_eq!(heard, ["HELO lb.example.org\r\n", "QUIT\r\n", ""]);
    }

    #[tokio::test]
    async fn odd_mail_servers() {
        let reply = |step, code| Verdict::Failure(Failure::SmtpReply { step, code });
        for (lines, expected) in [
            (
                &["220-a\r\n220 b\r\n", "250-x\r\n250 y\r\n", "221 z\r\n"][..],
                Verdict::Success,
            ),
            (&["220 a\r\n", "250 b\r\n", "500 what?\r\n"], Verdict::Success),
            // Said too early: not taken for the answer to HELO.
            (&["220 a\r\n550 early\r\n", "250 b\r\n", "221 c\r\n"], Verdict::Success),
            (&["554 go away\r\n"], reply(SmtpStep::Greeting, Some(554))),
            (&["SSH-2.0-OpenSSH\r\n"], reply(SmtpStep::Greeting, None)),
            (&["220 a\r\n", "501 bad name\r\n"], reply(SmtpStep::Helo, Some(501))),
            (
                &["220 a\r\n", "250 b\r\n", ""],
                Verdict::Failure(Failure::Timeout(Phase::Reading)),
            ),
            (&["220 a\r\n", "250 b\r\n"], Verdict::Failure(Failure::NoAnswer)),
            (&[], Verdict::Failure(Failure::NoAnswer)),
            (&["220 half a line"], Verdict::Failure(Failure::Timeout(Phase::Reading))),
        ] {
            assert_eq!(smtp(lines).await.0, expected, "{lines:?}");
        }
    }

    /// Each byte comes in time, the whole does not.
    #[tokio::test]
    async fn a_mail_server_that_drips_is_given_up() {
        let listener = listen().await;
        let mut connection = connection(&listener);
        // Between two bytes a busy machine may stand still for some time.
        connection.timeout = SHORT * 15;
        let request = Request::Smtp(SmtpProbe {
            connection,
            helo_name: "lb".to_owned(),
        });
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut tick = tokio::time::interval(SHORT / 2);
            loop {
                tick.tick().await;
                if stream.write_all(b"2").await.is_err() {
                    break;
                }
            }
        });
        let outcome = run(&request).await;
        assert_eq!(outcome.verdict, Verdict::Failure(Failure::Deadline(Phase::Reading)));
        tokio::time::timeout(AMPLE, server).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn hundreds_of_probes_share_one_thread() {
        let listener = listen().await;
        let silent = listen().await;
        let request = get(connection(&listener));
        let mut slow = connection(&silent);
        slow.timeout = SHORT;
        let slow = get(slow);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    read_request(&mut stream).await;
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                });
            }
        });
        let mut probes = tokio::task::JoinSet::new();
        for number in 0..200 {
            let request = if number % 2 == 0 { request.clone() } else { slow.clone() };
            probes.spawn(async move {
                (
                    number % 2 == 0,
                    Prober::new(&Identity::default())
                        .probe(&request, request.deadline())
                        .await
                        .verdict,
                )
            });
        }
        while let Some(done) = probes.join_next().await {
            let (healthy, verdict) = done.unwrap();
            assert_eq!(verdict == Verdict::Success, healthy, "{verdict:?}");
        }
        server.abort();
    }
}
