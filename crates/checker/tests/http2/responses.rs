//! What is answered, frame by frame.

use std::time::{Duration, Instant};

use holdfast_checker::Prober;
use holdfast_checker::tls::Identity;
use holdfast_health::probe::{Failure, Http2Failure, Md5, Phase, Url, Verdict};
use holdfast_regex::Settings;

use crate::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, End, GOAWAY, HEADERS, PADDED, PING, PUSH_PROMISE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, data, frame, frames, headers, listen, ok, speak,
};
use crate::{AMPLE, SHORT, connection, get, http2, run};

/// MD5 of `hello`, by md5sum.
const HELLO: Md5 = Md5([
    0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92,
]);

fn hello() -> Url {
    Url {
        digest: Some(HELLO),
        ..Url::new("/")
    }
}

fn pattern(pattern: &str) -> Url {
    Url {
        regex: Some(Settings {
            pattern: pattern.to_owned(),
            options: Vec::new(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            stack: None,
        }),
        ..Url::new("/")
    }
}

async fn verdict(url: Url, pieces: Vec<Vec<u8>>, end: End) -> Verdict {
    let (listener, address) = listen().await;
    let timeout = if end == End::Hang { SHORT } else { AMPLE };
    let request = get(connection(address, timeout), None, url);
    let server = tokio::spawn(speak(listener, pieces, end));
    let verdict = run(&request).await;
    server.await.unwrap();
    verdict
}

fn status(code: &str, flags: u8) -> Vec<u8> {
    headers(&[(":status", code)], flags)
}

#[tokio::test]
async fn good_ones() {
    for (name, url, pieces) in [
        ("no body", Url::new("/"), vec![status("204", END_STREAM)]),
        ("a body", hello(), vec![ok(), data(b"hello", END_STREAM)]),
        (
            "in pieces",
            hello(),
            vec![
                ok(),
                data(b"he", 0),
                data(b"", 0),
                data(b"llo", 0),
                data(b"", END_STREAM),
            ],
        ),
        (
            "padded",
            hello(),
            vec![ok(), data(b"\x03hello\0\0\0", PADDED | END_STREAM)],
        ),
        (
            "with trailers",
            hello(),
            vec![ok(), data(b"hello", 0), headers(&[("x-trailer", "1")], END_STREAM)],
        ),
        (
            "after other answers",
            hello(),
            vec![status("100", 0), status("103", 0), ok(), data(b"hello", END_STREAM)],
        ),
        (
            "with a right length",
            hello(),
            vec![
                headers(&[(":status", "200"), ("content-length", "5")], 0),
                data(b"hello", END_STREAM),
            ],
        ),
        (
            "header in two frames",
            hello(),
            vec![
                frame(HEADERS, 0, 1, &[0x88]),
                frame(CONTINUATION, END_HEADERS, 1, &[]),
                data(b"hello", END_STREAM),
            ],
        ),
        (
            "between other frames",
            hello(),
            vec![
                frame(PING, 0, 0, b"12345678"),
                ok(),
                frame(SETTINGS, 0, 0, &[]),
                frame(99, 0, 0, b"nobody knows it"),
                data(b"hello", END_STREAM),
            ],
        ),
        (
            "before a farewell",
            hello(),
            vec![
                frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
                ok(),
                data(b"hello", END_STREAM),
            ],
        ),
        (
            "a pattern",
            pattern("hel+o w"),
            vec![ok(), data(b"oh, hell", 0), data(b"o world", END_STREAM)],
        ),
    ] {
        assert_eq!(verdict(url, pieces, End::Close).await, Verdict::Success, "{name}");
    }
}

#[tokio::test]
async fn bad_ones() {
    let not_hello = Failure::Digest {
        expected: HELLO,
        got: Md5([
            0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e,
        ]),
    };
    let goaway = |code: u8| frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, code]);
    for (name, url, pieces, expected) in [
        (
            "status",
            Url::new("/"),
            vec![status("503", END_STREAM)],
            Failure::Status(503),
        ),
        ("digest", hello(), vec![status("200", END_STREAM)], not_hello),
        (
            "pattern",
            pattern("hello"),
            vec![ok(), data(b"hallo", END_STREAM)],
            Failure::Regex { unwanted: false },
        ),
        (
            "reset",
            Url::new("/"),
            vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])],
            Failure::Http2(Http2Failure::StreamReset(2)),
        ),
        (
            "reset in the body",
            Url::new("/"),
            vec![ok(), data(b"he", 0), frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])],
            Failure::Http2(Http2Failure::StreamReset(7)),
        ),
        (
            "farewell",
            Url::new("/"),
            vec![goaway(11)],
            Failure::Http2(Http2Failure::GoAway(11)),
        ),
        (
            "farewell in good order",
            Url::new("/"),
            vec![goaway(0)],
            Failure::Http2(Http2Failure::GoAway(0)),
        ),
        ("silence", Url::new("/"), vec![], Failure::NoAnswer),
        (
            "half a body",
            Url::new("/"),
            vec![ok(), data(b"he", 0)],
            Failure::NoAnswer,
        ),
        (
            "half a frame",
            Url::new("/"),
            vec![ok()[..7].to_vec()],
            Failure::NoAnswer,
        ),
    ] {
        assert_eq!(
            verdict(url, pieces, End::Close).await,
            Verdict::Failure(expected),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_breaks_the_protocol() {
    for (name, pieces, code) in [
        (
            "a wrong length",
            vec![
                headers(&[(":status", "200"), ("content-length", "9")], 0),
                data(b"hello", END_STREAM),
            ],
            1,
        ),
        ("no status", vec![headers(&[("x", "1")], END_STREAM)], 1),
        ("a body first", vec![data(b"hello", END_STREAM)], 1),
        (
            "a pushed page",
            vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])],
            1,
        ),
        // RFC 9113 section 4.3 would have COMPRESSION_ERROR; the library says PROTOCOL_ERROR.
        ("a broken header", vec![frame(HEADERS, END_HEADERS, 1, &[0xff; 20])], 1),
        ("a window of nothing", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])], 1),
        (
            "a frame that is too long",
            vec![vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]],
            6,
        ),
        ("garbage", vec![b"\x16\x03\x01garbage and more of it".to_vec()], 6),
    ] {
        assert_eq!(
            verdict(Url::new("/"), pieces, End::Close).await,
            http2(Http2Failure::Broken(code)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn how_it_ends() {
    let reset = verdict(Url::new("/"), vec![ok(), data(b"he", 0)], End::Reset).await;
    assert_eq!(reset, Verdict::Failure(Failure::Reset(Phase::Reading)));
    for pieces in [vec![], vec![ok()], vec![ok(), data(b"he", 0)]] {
        let hangs = verdict(Url::new("/"), pieces, End::Hang).await;
        assert_eq!(hangs, Verdict::Failure(Failure::Timeout(Phase::Reading)));
    }
    // A server may take no requests at all for now.
    let busy = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 0]);
    let busy = verdict(Url::new("/"), vec![busy], End::Hang).await;
    assert_eq!(busy, Verdict::Failure(Failure::Timeout(Phase::Reading)));
}

/// What is complete needs no end: the client goes, and says so (RFC 9113 section 5.4.1).
#[tokio::test]
async fn a_farewell() {
    let (listener, address) = listen().await;
    let request = get(connection(address, AMPLE), None, hello());
    let server = tokio::spawn(speak(listener, vec![ok(), data(b"hello", END_STREAM)], End::Hang));
    assert_eq!(run(&request).await, Verdict::Success);
    let heard = server.await.unwrap();
    assert_eq!(frames(&heard).last(), Some(&(GOAWAY, &[0; 8][..])), "{heard:?}");
}

/// Such a server sends its answer before it has read our preface; nobody waits for the request.
#[tokio::test]
async fn http_1() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 24];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let request = get(connection(address, AMPLE), None, Url::new("/"));
    assert_eq!(run(&request).await, http2(Http2Failure::Http1));
    server.await.unwrap();
}

/// One byte now and then is in time for each wait, and too slow as a whole.
#[tokio::test]
async fn drips() {
    use tokio::io::AsyncWriteExt;
    /// Between two bytes a busy machine may stand still for some time.
    const TIMEOUT: Duration = Duration::from_millis(1500);
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
        crate::frames::read_request(&mut stream).await;
        let _ = stream.write_all(&ok()).await;
        while stream.write_all(&data(b"x", 0)).await.is_ok() {
            tokio::time::sleep(TIMEOUT / 20).await;
        }
    });
    let request = get(connection(address, TIMEOUT), None, Url::new("/"));
    let start = Instant::now();
    let verdict = run(&request).await;
    assert_eq!(verdict, Verdict::Failure(Failure::Deadline(Phase::Reading)));
    assert!(
        start.elapsed() >= 3 * TIMEOUT && start.elapsed() < AMPLE,
        "{:?}",
        start.elapsed()
    );
    server.abort();
}

/// More than a window of it: what was read is given back to the server as room.
#[tokio::test]
async fn a_long_body_and_what_is_handed_out_of_it() {
    let (listener, address) = listen().await;
    let body = vec![b'x'; 300_000];
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = server.accept().await.unwrap().unwrap();
        let response = http::Response::builder().header("x-more", "yes").body(()).unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        stream.send_data(body.into(), true).unwrap();
        while server.accept().await.is_some() {}
    });
    let request = get(connection(address, AMPLE), None, Url::new("/"));
    let prober = Prober::new(&Identity::default());
    let (outcome, answer) = prober.fetch(&request, request.deadline()).await;
    assert_eq!(outcome.verdict, Verdict::Success);
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.body_length), (200, 300_000));
    // By md5sum.
    assert_eq!(answer.digest.to_string(), "d408ed46ebcc326f9e7c6bb9c77af1cd");
    assert_eq!(
        String::from_utf8(answer.header).unwrap(),
        "HTTP/2 200 \r\nx-more: yes\r\n\r\n"
    );
    server.abort();
}
