//! Probes of one packet against servers on the loopback interface that behave and misbehave.

#[cfg(test)]
mod datagrams {
    use std::net::{IpAddr, SocketAddr};
    use std::time::{Duration, Instant};

    use holdfast_checker::Prober;
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{
        Connection, DnsProbe, DnsType, Failure, MaskedByte, NotTried, Outcome, Phase, PingProbe, Request, UdpProbe,
        UdpReply, Verdict,
    };
    use tokio::net::UdpSocket;
    use tokio::task::JoinHandle;

    /// Long enough for anything that happens at once on a machine with much else to do, short enough to see a test that hangs.
    const AMPLE: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(100);

    fn connection(target: SocketAddr, timeout: Duration) -> Connection {
        Connection {
            address: target.ip(),
            port: target.port(),
            bind_address: None,
            bind_port: 0,
            bind_interface: None,
            mark: 0,
            timeout,
        }
    }

    async fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").await.unwrap()
    }

    async fn run(request: &Request) -> Outcome {
        let started = Instant::now();
        let outcome = Prober::new(&Identity::default())
            .probe(request, request.deadline())
            .await;
        assert!(started.elapsed() < AMPLE, "{outcome:?}");
        outcome
    }

    /// Answers one packet with these.
    fn serve(socket: UdpSocket, answers: impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> JoinHandle<Vec<u8>> {
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            let question = buffer[..length].to_vec();
            for answer in answers(&question) {
                socket.send_to(&answer, client).await.unwrap();
            }
            question
        })
    }

    fn udp(connection: Connection, reply: Option<UdpReply>) -> Request {
        Request::Udp(UdpProbe {
            connection,
            payload: b"ping".to_vec(),
            reply,
        })
    }

    fn dns(connection: Connection) -> Request {
        Request::Dns(DnsProbe {
            connection,
            query_type: DnsType::A,
            name: "a.example".to_owned(),
        })
    }

    async fn dns_verdict(answers: impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static, timeout: Duration) -> Verdict {
        let socket = socket().await;
        let request = dns(connection(socket.local_addr().unwrap(), timeout));
        let server = serve(socket, answers);
        let verdict = run(&request).await.verdict;
        server.await.unwrap();
        verdict
    }

    /// The header of the question with the response flag and this error.
    fn answer_to(question: &[u8], rcode: u8) -> Vec<u8> {
        let mut answer = question.to_vec();
        answer[2] |= 0x80;
        answer[3] = rcode;
        answer
    }

    #[tokio::test]
    async fn a_name_server_that_answers_without_an_error_is_up() {
        let verdict = dns_verdict(|question| vec![answer_to(question, 0)], AMPLE).await;
        assert_eq!(verdict, Verdict::Success);
        let verdict = dns_verdict(|question| vec![answer_to(question, 0)[..12].to_vec()], AMPLE).await;
        assert_eq!(verdict, Verdict::Success);
        let verdict = dns_verdict(|question| vec![answer_to(question, 5)], AMPLE).await;
        assert_eq!(verdict, Verdict::Failure(Failure::DnsError(5)));
    }

    #[tokio::test]
    async fn packets_that_are_no_answer_are_passed_over() {
        let noise = |question: &[u8]| {
            let mut other = answer_to(question, 0);
            other[0] ^= 1;
            vec![b"x".to_vec(), Vec::new(), question.to_vec(), other]
        };
        let verdict = dns_verdict(noise, SHORT).await;
        assert_eq!(verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
        let then_answer = move |question: &[u8]| {
            let mut packets = noise(question);
            packets.push(answer_to(question, 0));
            packets
        };
        assert_eq!(dns_verdict(then_answer, AMPLE).await, Verdict::Success);
    }

    /// Packets that keep coming do not make a check last longer.
    #[tokio::test]
    async fn noise_without_end_ends_with_the_timeout() {
        let socket = socket().await;
        let request = dns(connection(socket.local_addr().unwrap(), SHORT));
        let server = tokio::spawn(async move {
            let mut buffer = [0; 512];
            let (_, client) = socket.recv_from(&mut buffer).await.unwrap();
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                tick.tick().await;
                if socket.send_to(b"noise", client).await.is_err() {
                    break;
                }
            }
        });
        let outcome = run(&request).await;
        assert_eq!(outcome.verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
        assert!(outcome.duration >= SHORT, "{outcome:?}");
        server.abort();
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_for_every_kind_of_question() {
        let socket = socket().await;
        let target = connection(socket.local_addr().unwrap(), AMPLE);
        drop(socket);
        for request in [
            dns(target.clone()),
            udp(target.clone(), None),
            udp(target, Some(UdpReply::Any)),
        ] {
            assert_eq!(run(&request).await.verdict, Verdict::Failure(Failure::Refused));
        }
    }

    #[tokio::test]
    async fn silence_is_good_unless_a_reply_is_required() {
        let socket = socket().await;
        let target = connection(socket.local_addr().unwrap(), SHORT);
        let outcome = run(&udp(target.clone(), None)).await;
        assert_eq!(outcome.verdict, Verdict::Success);
        assert!(outcome.duration >= SHORT, "an ICMP error may take its time");
        let verdict = run(&udp(target, Some(UdpReply::Any))).await.verdict;
        assert_eq!(verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
    }

    async fn udp_verdict(answer: &'static [u8], reply: Option<UdpReply>) -> Verdict {
        let socket = socket().await;
        let request = udp(connection(socket.local_addr().unwrap(), AMPLE), reply);
        let server = serve(socket, |_| vec![answer.to_vec()]);
        let verdict = run(&request).await.verdict;
        assert_eq!(server.await.unwrap(), b"ping", "the payload");
        verdict
    }

    #[tokio::test]
    async fn replies_are_compared() {
        let like = |max_length| {
            Some(UdpReply::Like {
                beginning: vec![MaskedByte {
                    value: b'p',
                    mask: 0xff,
                }],
                min_length: 2,
                max_length,
            })
        };
        assert_eq!(udp_verdict(b"anything", None).await, Verdict::Success);
        assert_eq!(udp_verdict(b"", Some(UdpReply::Any)).await, Verdict::Success);
        assert_eq!(udp_verdict(b"pong", like(4)).await, Verdict::Success);
        assert_eq!(
            udp_verdict(b"qong", like(4)).await,
            Verdict::Failure(Failure::ReplyBytes { at: 0 })
        );
        assert_eq!(
            udp_verdict(b"pong", like(3)).await,
            Verdict::Failure(Failure::ReplyLength { got: 4, min: 2, max: 3 })
        );
    }

    /// Another socket of the same host cannot answer for the server.
    #[tokio::test]
    async fn strangers_are_not_heard() {
        let socket = socket().await;
        let request = udp(connection(socket.local_addr().unwrap(), SHORT), Some(UdpReply::Any));
        let server = tokio::spawn(async move {
            let mut buffer = [0; 512];
            let (_, client) = socket.recv_from(&mut buffer).await.unwrap();
            let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            stranger.send_to(b"me", client).await.unwrap();
        });
        let verdict = run(&request).await.verdict;
        assert_eq!(verdict, Verdict::Failure(Failure::Timeout(Phase::Reading)));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn the_source_is_bound_and_what_this_host_cannot_do_says_nothing() {
        let socket = socket().await;
        let mut target = connection(socket.local_addr().unwrap(), SHORT);
        target.bind_address = Some("127.0.0.9".parse::<IpAddr>().unwrap());
        assert_eq!(run(&udp(target.clone(), None)).await.verdict, Verdict::Success);
        let (_, client) = socket.recv_from(&mut [0; 64]).await.unwrap();
        assert_eq!(client.ip().to_string(), "127.0.0.9");
        target.bind_address = Some("192.0.2.77".parse::<IpAddr>().unwrap());
        for request in [udp(target.clone(), None), dns(target.clone())] {
            let verdict = run(&request).await.verdict;
            assert_eq!(
                verdict,
                Verdict::NotTried(NotTried::Bind {
                    errno: libc::EADDRNOTAVAIL
                })
            );
        }
    }

    fn ping(address: &str, timeout: Duration) -> Request {
        let connection = connection(SocketAddr::new(address.parse().unwrap(), 80), timeout);
        Request::Ping(PingProbe { connection })
    }

    /// `None` without the right to a raw socket.
    async fn ping_verdict(address: &str, timeout: Duration) -> Option<Verdict> {
        match run(&ping(address, timeout)).await.verdict {
            Verdict::NotTried(NotTried::Socket { errno: libc::EPERM }) => {
                eprintln!("no right to a raw socket: not tested");
                None
            }
            verdict => Some(verdict),
        }
    }

    #[tokio::test]
    async fn a_host_that_answers_echo_requests_is_up() {
        for address in ["127.0.0.1", "::1"] {
            if UdpSocket::bind((address, 0)).await.is_err() {
                eprintln!("this host has no {address}: not tested");
            } else if let Some(verdict) = ping_verdict(address, AMPLE).await {
                assert_eq!(verdict, Verdict::Success, "{address}");
            }
        }
    }

    #[tokio::test]
    async fn many_echoes_at_once_find_their_own_replies() {
        let mut probes = tokio::task::JoinSet::new();
        for _ in 0..100 {
            probes.spawn(ping_verdict("127.0.0.1", AMPLE));
        }
        while let Some(done) = probes.join_next().await {
            assert!(matches!(done.unwrap(), None | Some(Verdict::Success)));
        }
    }
}
