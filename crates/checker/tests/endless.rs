//! Servers that never stop talking: each is cut off, by a limit that the reason names or by the time limit, and hears of it.

#[cfg(test)]
mod certificate;

#[cfg(test)]
mod endless {
    use std::time::Duration;

    use holdfast_checker::Prober;
    use holdfast_checker::http::{BODY_LIMIT, HEADER_LIMIT};
    use holdfast_checker::smtp::{LINE_LIMIT, REPLY_LIMIT};
    use holdfast_checker::tls::Identity;
    use holdfast_health::probe::{
        Connection, DnsProbe, DnsType, Failure, HttpProtocol, Phase, Request, SmtpProbe, Tls, Url, Verdict,
    };
    use openssl::ssl::Ssl;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::{TcpListener, UdpSocket};
    use tokio::task::JoinHandle;

    use crate::certificate::{self, self_signed};

    /// For a debug build on a busy machine that takes in a body of 64 MiB.
    const AMPLE: Duration = Duration::from_mins(1);

    fn connection(address: std::net::SocketAddr, timeout: Duration) -> Connection {
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

    async fn listen() -> (TcpListener, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = connection(listener.local_addr().unwrap(), AMPLE);
        (listener, connection)
    }

    fn get(connection: Connection, tls: Option<Tls>) -> Request {
        Request::HttpGet {
            connection,
            tls,
            protocol: HttpProtocol::Http10,
            url: Url::new("/"),
        }
    }

    async fn run(request: &Request) -> Verdict {
        let prober = Prober::new(&Identity::default());
        prober.probe(request, request.deadline()).await.verdict
    }

    /// Says `first`, then `more` until nobody listens any more.
    async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, first: &[u8], more: &[u8]) {
        // Who closes with something unread resets: the question is read first.
        let mut question = [0; 4096];
        if first.starts_with(b"HTTP") {
            let _ = stream.read(&mut question).await;
        }
        let _ = stream.write_all(first).await;
        while stream.write_all(more).await.is_ok() {}
    }

    fn serve(listener: TcpListener, first: &'static [u8], more: Vec<u8>) -> JoinHandle<()> {
        tokio::spawn(async move { talk(listener.accept().await.unwrap().0, first, &more).await })
    }

    /// The verdict, its words, and that the server was left.
    async fn cut_off(request: Request, server: JoinHandle<()>, expected: Failure, words: &str) {
        assert_eq!(run(&request).await, Verdict::Failure(expected.clone()));
        assert_eq!(expected.to_string(), words);
        tokio::time::timeout(AMPLE, server)
            .await
            .expect("the server still talks")
            .unwrap();
    }

    #[tokio::test]
    async fn web_header() {
        let (listener, connection) = listen().await;
        let server = serve(listener, b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n".to_vec());
        let expected = Failure::HeaderTooLong(HEADER_LIMIT);
        cut_off(
            get(connection, None),
            server,
            expected,
            "header longer than 65536 bytes",
        )
        .await;
    }

    #[tokio::test]
    async fn web_body() {
        let (listener, connection) = listen().await;
        // What `Content-Length` promises does not matter.
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let server = serve(listener, first, vec![b'x'; 1 << 20]);
        let expected = Failure::BodyTooLong(BODY_LIMIT);
        cut_off(
            get(connection, None),
            server,
            expected,
            "body longer than 67108864 bytes",
        )
        .await;
    }

    #[tokio::test]
    async fn web_chunks() {
        let (listener, connection) = listen().await;
        let first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let server = serve(listener, first, b"10\r\n0123456789abcdef\r\n".repeat(50_000));
        let expected = Failure::BodyTooLong(BODY_LIMIT);
        cut_off(
            get(connection, None),
            server,
            expected,
            "body longer than 67108864 bytes",
        )
        .await;
    }

    #[tokio::test]
    async fn web_header_over_tls() {
        let acceptor = certificate::acceptor(&self_signed("127.0.0.1"));
        let acceptor = acceptor.build();
        let (listener, connection) = listen().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let session = Ssl::new(acceptor.context()).unwrap();
            let mut stream = tokio_openssl::SslStream::new(session, stream).unwrap();
            std::pin::Pin::new(&mut stream).accept().await.unwrap();
            talk(stream, b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n").await;
        });
        let request = get(connection, Some(Tls::default()));
        let expected = Failure::HeaderTooLong(HEADER_LIMIT);
        cut_off(request, server, expected, "header longer than 65536 bytes").await;
    }

    fn mail(connection: Connection) -> Request {
        Request::Smtp(SmtpProbe {
            connection,
            helo_name: "lb".to_owned(),
        })
    }

    #[tokio::test]
    async fn mail_line() {
        let (listener, connection) = listen().await;
        let server = serve(listener, b"220 ", vec![b'x'; 100]);
        let expected = Failure::ReplyTooLong(LINE_LIMIT);
        cut_off(mail(connection), server, expected, "reply longer than 512 bytes").await;
    }

    #[tokio::test]
    async fn mail_reply() {
        let (listener, connection) = listen().await;
        let server = serve(listener, b"", b"220-and more\r\n".to_vec());
        let expected = Failure::ReplyTooLong(REPLY_LIMIT);
        cut_off(mail(connection), server, expected, "reply longer than 16384 bytes").await;
    }

    /// A flood of packets that are no answer does not lengthen the wait for one.
    #[tokio::test]
    async fn name_server() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let timeout = Duration::from_millis(300);
        let request = Request::Dns(DnsProbe {
            connection: connection(socket.local_addr().unwrap(), timeout),
            query_type: DnsType::Soa,
            name: String::new(),
        });
        let server = tokio::spawn(async move {
            let mut query = [0; 512];
            let (length, client) = socket.recv_from(&mut query).await.unwrap();
            // The query itself is no answer to it.
            while socket.send_to(&query[..length], client).await.is_ok() {
                tokio::task::yield_now().await;
            }
        });
        let expected = Failure::Timeout(Phase::Reading);
        let words = expected.to_string();
        assert_eq!(run(&request).await, Verdict::Failure(expected), "{words}");
        server.abort();
    }
}
