//! `EXPECT_CHECK` and `AGENT_CHECK` against servers on the loopback interface that behave and misbehave.

#[cfg(test)]
mod certificate;

#[cfg(test)]
mod dialogues {
    use std::time::{Duration, Instant};

    use holdfast_checker::Prober;
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{
        Administrative, AgentProbe, AgentReport, Connection, ExpectProbe, ExpectStep, Failure, NotTried, Operating,
        Outcome, Pattern, Phase, Request, Sni, StepReason, Tls, UNREAD_LIMIT, Verdict, Verify,
    };
    use openssl::ssl::{NameType, Ssl, SslAcceptor};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;
    use tokio_openssl::SslStream;

    use crate::certificate::{self, self_signed};

    /// Long enough for anything that happens at once, short enough to see a test that hangs.
    const AMPLE: Duration = Duration::from_secs(20);
    /// For what never comes, after something that comes at once.
    const SHORT: Duration = Duration::from_secs(1);

    fn connection(listener: &TcpListener, timeout: Duration) -> Connection {
        let address = listener.local_addr().unwrap();
        Connection {
            address: address.ip(),
            port: address.port(),
            bind_address: None,
            bind_port: 0,
            bind_interface: None,
            mark: 0,
            timeout,
        }
    }

    async fn listen() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    fn dialogue(listener: &TcpListener, timeout: Duration, steps: &[ExpectStep]) -> Request {
        Request::Expect(ExpectProbe {
            connection: connection(listener, timeout),
            tls: Tls::default(),
            tls_at_start: false,
            steps: steps.to_vec(),
        })
    }

    async fn run(request: &Request) -> Outcome {
        Prober::new(&Identity::default())
            .probe(request, request.deadline())
            .await
    }

    fn send(text: &str) -> ExpectStep {
        ExpectStep::Send(text.as_bytes().to_vec())
    }

    fn start(text: &str) -> ExpectStep {
        ExpectStep::Expect(Pattern::Start(text.as_bytes().to_vec()))
    }

    fn contains(text: &str) -> ExpectStep {
        ExpectStep::Expect(Pattern::Contains(text.as_bytes().to_vec()))
    }

    fn regex(pattern: &str) -> ExpectStep {
        ExpectStep::Expect(Pattern::Regex(holdfast_regex::Settings {
            pattern: pattern.to_owned(),
            options: Vec::new(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            stack: None,
        }))
    }

    /// What a server does: each turn it hears these bytes, and then says those, piece by piece.
    type Turn = (&'static str, &'static [&'static str]);

    /// How it ends.
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Close,
        Reset,
        Hang,
    }

    fn serve(listener: TcpListener, turns: &'static [Turn], end: End) -> JoinHandle<()> {
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            for (hears, says) in turns {
                let mut heard = vec![0; hears.len()];
                if stream.read_exact(&mut heard).await.is_err() {
                    return;
                }
                assert_eq!(String::from_utf8_lossy(&heard), *hears);
                for (number, piece) in says.iter().enumerate() {
                    if number > 0 {
                        // Between pieces that are to arrive one by one.
                        tokio::time::sleep(Duration::from_millis(30)).await;
                    }
                    let _ = stream.write_all(piece.as_bytes()).await;
                }
            }
            match end {
                End::Close => {}
                End::Reset => {
                    // What was said arrives first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    socket2::SockRef::from(&stream)
                        .set_linger(Some(Duration::ZERO))
                        .unwrap();
                }
                End::Hang => {
                    let _ = stream.read(&mut [0; 16]).await;
                }
            }
        })
    }

    /// The verdict of a dialogue with such a server.
    async fn verdict(turns: &'static [Turn], end: End, timeout: Duration, steps: &[ExpectStep]) -> Verdict {
        let listener = listen().await;
        let request = dialogue(&listener, timeout, steps);
        let server = serve(listener, turns, end);
        let outcome = run(&request).await;
        server.await.unwrap();
        outcome.verdict
    }

    /// The words of a failure.
    fn words(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Failure(failure) => failure.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_dialogue_in_order() {
        let steps = [
            start("* OK"),
            contains("\r\n"),
            send("a1 LOGIN lb secret\r\n"),
            regex(r"^(\*.*\r\n)*a1 OK"),
            send("a2 LOGOUT\r\n"),
            contains("BYE"),
        ];
        let turns: &[Turn] = &[
            ("", &["* OK [CAPA", "BILITY IMAP4rev1] ready\r", "\n"]),
            ("a1 LOGIN lb secret\r\n", &["* CAPABILITY X\r\na1 ", "OK done\r\n"]),
            ("a2 LOGOUT\r\n", &["* BYE\r\na2 OK\r\n"]),
        ];
        assert_eq!(verdict(turns, End::Hang, AMPLE, &steps).await, Verdict::Success);
        assert_eq!(verdict(turns, End::Close, AMPLE, &steps).await, Verdict::Success);
    }

    /// What a step leaves is for the next one, and a server may say all at once.
    #[tokio::test]
    async fn what_comes_early_is_kept() {
        let steps = [contains("one"), start(" two"), regex("th(r)ee"), start("!")];
        let turns: &[Turn] = &[("", &["zero one two three!"])];
        assert_eq!(verdict(turns, End::Hang, AMPLE, &steps).await, Verdict::Success);
        // What a step has taken is gone.
        let steps = [contains("two"), contains("one")];
        let failure = verdict(turns, End::Close, AMPLE, &steps).await;
        assert_eq!(
            words(&failure),
            r#"step 2: connection closed, expected "one", got " three!""#
        );
    }

    #[tokio::test]
    async fn another_answer_is_known_at_once() {
        let ping = [send("PING\r\n"), start("+PONG\r\n")];
        let turns: &[Turn] = &[("PING\r\n", &["-NOAUTH Authentication required.\r\n"])];
        let since = Instant::now();
        let failure = verdict(turns, End::Hang, Duration::from_mins(5), &ping).await;
        assert_eq!(
            words(&failure),
            r#"step 2: expected "+PONG\r\n" at the start, got "-NOAUTH Authentication required.\r\n""#
        );
        let ping = [send("PING\r\n"), regex(r"^\+PONG")];
        let failure = verdict(turns, End::Hang, Duration::from_mins(5), &ping).await;
        assert_eq!(
            words(&failure),
            r#"step 2: expected a match of "^\\+PONG", got "-NOAUTH Authentication required.\r\n""#
        );
        assert!(since.elapsed() < Duration::from_mins(4));
    }

    #[tokio::test]
    async fn half_an_answer() {
        let ping = [send("PING\r\n"), start("+PONG\r\n")];
        let turns: &[Turn] = &[("PING\r\n", &["+PO"])];
        assert_eq!(
            words(&verdict(turns, End::Close, AMPLE, &ping).await),
            r#"step 2: connection closed, expected "+PONG\r\n" at the start, got "+PO""#
        );
        assert_eq!(
            words(&verdict(turns, End::Hang, SHORT, &ping).await),
            r#"step 2: timeout, expected "+PONG\r\n" at the start, got "+PO""#
        );
        assert_eq!(
            verdict(turns, End::Reset, AMPLE, &ping).await,
            Verdict::Failure(Failure::Reset(Phase::Reading))
        );
    }

    #[tokio::test]
    async fn silence_and_nobody() {
        let steps = [start("220 ")];
        assert_eq!(
            words(&verdict(&[], End::Hang, SHORT, &steps).await),
            r#"step 1: timeout, expected "220 " at the start, got """#
        );
        assert_eq!(
            words(&verdict(&[], End::Close, AMPLE, &steps).await),
            r#"step 1: connection closed, expected "220 " at the start, got """#
        );
        let listener = listen().await;
        let request = dialogue(&listener, AMPLE, &steps);
        drop(listener);
        assert_eq!(run(&request).await.verdict, Verdict::Failure(Failure::Refused));
    }

    /// A pattern that could still become another match counts when the server has ended.
    #[tokio::test]
    async fn the_end_of_the_connection_counts() {
        let turns: &[Turn] = &[("", &["load 17"])];
        assert_eq!(
            verdict(turns, End::Close, AMPLE, &[regex(r"load \d+")]).await,
            Verdict::Success
        );
        let failure = verdict(turns, End::Hang, SHORT, &[regex(r"load \d+")]).await;
        assert_eq!(
            words(&failure),
            r#"step 1: timeout, expected a match of "load \\d+", got "load 17""#
        );
    }

    /// One time limit for a step, however often something comes; and then the server is left.
    #[tokio::test]
    async fn dripping_does_not_put_the_end_off() {
        let listener = listen().await;
        let request = dialogue(&listener, SHORT, &[contains("never")]);
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let since = Instant::now();
        let outcome = run(&request).await;
        let Verdict::Failure(Failure::Step(failure)) = &outcome.verdict else {
            panic!("{:?}", outcome.verdict)
        };
        assert_eq!((failure.step, &failure.reason), (1, &StepReason::Timeout));
        assert!(since.elapsed() < AMPLE);
        tokio::time::timeout(AMPLE, server)
            .await
            .expect("still talked to")
            .unwrap();
    }

    /// More than any step takes is cut off at the limit, and said so.
    #[tokio::test]
    async fn endless_talk_is_cut_off() {
        for step in [contains("never"), regex("never"), regex("(?s)x.*never")] {
            let listener = listen().await;
            let request = dialogue(&listener, AMPLE, &[step]);
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            });
            let outcome = run(&request).await;
            let Verdict::Failure(Failure::Step(failure)) = &outcome.verdict else {
                panic!("{:?}", outcome.verdict)
            };
            assert_eq!(failure.reason, StepReason::Endless);
            assert!(
                failure
                    .to_string()
                    .contains(&format!("cut off after {UNREAD_LIMIT} bytes"))
            );
            tokio::time::timeout(AMPLE, server)
                .await
                .expect("still talked to")
                .unwrap();
        }
    }

    /// What is taken makes room: a long dialogue of many steps is not cut off.
    #[tokio::test]
    async fn what_is_taken_does_not_count_any_more() {
        let listener = listen().await;
        let steps: Vec<ExpectStep> = (0..40).map(|_| contains("end\n")).collect();
        let request = dialogue(&listener, AMPLE, &steps);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..40 {
                let mut line = vec![b'x'; 4096];
                line.extend(b"end\n");
                stream.write_all(&line).await.unwrap();
            }
            let _ = stream.read(&mut [0; 16]).await;
        });
        assert_eq!(run(&request).await.verdict, Verdict::Success);
    }

    #[tokio::test]
    async fn garbage_is_shown_in_printable_characters() {
        let listener = listen().await;
        let request = dialogue(&listener, AMPLE, &[start("+OK")]);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"\x00\x01\xff\x1b[2J").await.unwrap();
        });
        let outcome = run(&request).await;
        assert_eq!(
            words(&outcome.verdict),
            r#"step 1: expected "+OK" at the start, got "\x00\x01\xff\x1b[2J""#
        );
    }

    /// A server that takes nothing in.
    #[tokio::test]
    async fn sending_has_a_time_limit_too() {
        let listener = listen().await;
        let much = ExpectStep::Send(vec![b'x'; 64 << 20]);
        let request = dialogue(&listener, SHORT, &[much, start("+")]);
        let server = tokio::spawn(async move {
            let _stream = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(
            run(&request).await.verdict,
            Verdict::Failure(Failure::Timeout(Phase::Sending))
        );
        server.abort();
    }

    /// An acceptor with a certificate for `db.example.org`, and that in PEM.
    fn acceptor() -> (SslAcceptor, String) {
        let credentials = self_signed("db.example.org");
        let builder = certificate::acceptor(&credentials);
        let pem = String::from_utf8(credentials.0.to_pem().unwrap()).unwrap();
        (builder.build(), pem)
    }

    async fn secured(stream: TcpStream, acceptor: &SslAcceptor) -> Option<SslStream<TcpStream>> {
        let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), stream).unwrap();
        std::pin::Pin::new(&mut stream).accept().await.ok()?;
        Some(stream)
    }

    /// A server that speaks plainly up to `STLS`, or TLS at once; the name that it was asked for.
    fn serve_tls(
        listener: TcpListener,
        acceptor: SslAcceptor,
        at_start: bool,
        early: &'static str,
    ) -> JoinHandle<Option<String>> {
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !at_start {
                stream.write_all(b"+OK POP3\r\n").await.unwrap();
                let mut heard = [0; 6];
                stream.read_exact(&mut heard).await.unwrap();
                stream.write_all(b"+OK begin TLS\r\n").await.unwrap();
                stream.write_all(early.as_bytes()).await.unwrap();
            }
            let mut stream = secured(stream, &acceptor).await?;
            let name = stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned);
            let mut heard = [0; 6];
            stream.read_exact(&mut heard).await.ok()?;
            stream.write_all(b"+OK bye\r\n").await.ok()?;
            name
        })
    }

    fn tls_dialogue(listener: &TcpListener, at_start: bool, tls: Tls) -> Request {
        let before = [
            start("+OK"),
            contains("\r\n"),
            send("STLS\r\n"),
            start("+OK"),
            contains("\r\n"),
            ExpectStep::StartTls,
        ];
        let within = [send("QUIT\r\n"), start("+OK bye")];
        let steps = if at_start {
            within.to_vec()
        } else {
            [&before[..], &within].concat()
        };
        Request::Expect(ExpectProbe {
            connection: connection(listener, AMPLE),
            tls,
            tls_at_start: at_start,
            steps,
        })
    }

    #[tokio::test]
    async fn tls_from_the_start_or_from_a_step_on() {
        for at_start in [true, false] {
            let listener = listen().await;
            let tls = Tls {
                sni: Sni::Name("db.example.org".to_owned()),
                verify: Verify::Off,
            };
            let request = tls_dialogue(&listener, at_start, tls);
            let server = serve_tls(listener, acceptor().0, at_start, "");
            assert_eq!(run(&request).await.verdict, Verdict::Success, "{at_start}");
            assert_eq!(server.await.unwrap().as_deref(), Some("db.example.org"));
        }
    }

    #[tokio::test]
    async fn certificates_are_verified_when_asked_for() {
        let (acceptor, pem) = acceptor();
        let verdict = async |name: &str, ca: Option<&str>, at_start| {
            let listener = listen().await;
            let tls = Tls {
                sni: Sni::Off,
                verify: Verify::Name(name.to_owned()),
            };
            let request = tls_dialogue(&listener, at_start, tls);
            serve_tls(listener, acceptor.clone(), at_start, "");
            let identity = Identity {
                ca: ca.map(str::to_owned),
                ..Identity::default()
            };
            Prober::new(&identity).probe(&request, request.deadline()).await.verdict
        };
        for at_start in [true, false] {
            let right = verdict("db.example.org", Some(&pem), at_start).await;
            assert_eq!(right, Verdict::Success, "{at_start}");
            let other = verdict("www.example.org", Some(&pem), at_start).await;
            assert!(matches!(other, Verdict::Failure(Failure::Certificate(_))), "{other:?}");
            let unknown = verdict("db.example.org", None, at_start).await;
            assert!(
                matches!(unknown, Verdict::Failure(Failure::Certificate(_))),
                "{unknown:?}"
            );
        }
    }

    /// What somebody slipped in before TLS is not taken for what the server says within it.
    #[tokio::test]
    async fn more_before_tls_is_a_failure() {
        let listener = listen().await;
        let steps = [contains("begin TLS\r\n"), ExpectStep::StartTls, start("+OK bye")];
        let request = dialogue(&listener, AMPLE, &steps);
        let server = serve(listener, &[("", &["+OK begin TLS\r\n+OK bye\r\n"])], End::Hang);
        assert_eq!(
            words(&run(&request).await.verdict),
            r#"step 2: the server says more before TLS: "+OK bye\r\n""#
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_server_without_tls() {
        let listener = listen().await;
        let request = tls_dialogue(&listener, true, Tls::default());
        let server = serve(listener, &[("", &["220 plain\r\n"])], End::Hang);
        let outcome = run(&request).await;
        assert!(
            matches!(
                &outcome.verdict,
                Verdict::Failure(Failure::Tls {
                    phase: Phase::Handshake,
                    ..
                })
            ),
            "{:?}",
            outcome.verdict
        );
        server.await.unwrap();
    }

    fn agent(listener: &TcpListener, timeout: Duration, send: &str, keep_if_unreachable: bool) -> Request {
        Request::Agent(AgentProbe {
            connection: connection(listener, timeout),
            send: send.as_bytes().to_vec(),
            keep_if_unreachable,
        })
    }

    /// What an agent's probe comes to.
    async fn heard(turns: &'static [Turn], end: End, timeout: Duration, send: &str) -> Outcome {
        let listener = listen().await;
        let request = agent(&listener, timeout, send, false);
        let server = serve(listener, turns, end);
        let outcome = run(&request).await;
        server.await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn agents_are_heard() {
        let report = AgentReport {
            weight_percent: Some(75),
            administrative: Some(Administrative::Drain),
            operating: Some(Operating::Up),
            ..AgentReport::default()
        };
        for end in [End::Hang, End::Close] {
            let outcome = heard(&[("", &["up drain", " 75%\r", "\n"])], end, AMPLE, "").await;
            assert_eq!(outcome.verdict, Verdict::Success);
            assert_eq!(outcome.agent.as_deref(), Some(&report));
        }
        let outcome = heard(&[("web1\n", &["up drain 75%\n"])], End::Hang, AMPLE, "web1\n").await;
        assert_eq!(outcome.agent.as_deref(), Some(&report));
    }

    #[tokio::test]
    async fn agents_that_cannot_be_understood() {
        for (turns, end, expected) in [
            (
                &[("", &["75\n"] as &[&str])] as &[Turn],
                End::Hang,
                r#"the agent's line is not understood: "75" in "75""#,
            ),
            (
                &[("", &["up 7"])],
                End::Close,
                r#"the agent's line is not understood: "up 7" without an end of line"#,
            ),
            (
                &[("", &["\n"])],
                End::Hang,
                "the agent's line is not understood: it has no word",
            ),
            (&[], End::Close, "connection closed without an answer"),
            (&[], End::Reset, "connection reset while reading the answer"),
        ] {
            let outcome = heard(turns, end, AMPLE, "").await;
            assert_eq!(words(&outcome.verdict), expected);
            assert_eq!(outcome.agent, None);
        }
        for turns in [&[] as &[Turn], &[("", &["up"])]] {
            let outcome = heard(turns, End::Hang, SHORT, "").await;
            assert_eq!(outcome.verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
        }
    }

    #[tokio::test]
    async fn an_endless_line_is_cut_off() {
        let listener = listen().await;
        let request = agent(&listener, AMPLE, "", false);
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while stream.write_all(&[b' '; 512]).await.is_ok() {}
        });
        assert_eq!(
            run(&request).await.verdict,
            Verdict::Failure(Failure::ReplyTooLong(holdfast_checker::agent::LINE_LIMIT))
        );
        tokio::time::timeout(AMPLE, server)
            .await
            .expect("still talked to")
            .unwrap();
    }

    /// One that is not there is passed over when that is asked for; one that talks nonsense is not.
    #[tokio::test]
    async fn agents_that_may_be_unreachable() {
        let listener = listen().await;
        let request = agent(&listener, AMPLE, "", true);
        drop(listener);
        assert_eq!(
            run(&request).await.verdict,
            Verdict::NotTried(NotTried::Agent("connection refused".to_owned()))
        );
        let listener = listen().await;
        let request = agent(&listener, AMPLE, "", true);
        let server = serve(listener, &[("", &["nonsense\n"])], End::Close);
        let outcome = run(&request).await;
        assert!(
            matches!(outcome.verdict, Verdict::Failure(Failure::AgentLine(_))),
            "{:?}",
            outcome.verdict
        );
        server.await.unwrap();
    }
}
