//! What health services answer.

use holdfast_health::probe::{Failure, GrpcFailure, GrpcProbe, Http2Failure, Phase, Request, Verdict};

use crate::frames::{
    CONTINUATION, END_STREAM, End, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, data, field, frame, headers, listen,
    speak,
};
use crate::{AMPLE, SHORT, connection, http2, run};

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

async fn verdict(pieces: Vec<Vec<u8>>, end: End) -> Verdict {
    let (listener, address) = listen().await;
    let timeout = if end == End::Hang { SHORT } else { AMPLE };
    let request = Request::Grpc(GrpcProbe {
        connection: connection(address, timeout),
        tls: None,
        service: String::new(),
        authority: None,
        headers: Vec::new(),
    });
    let server = tokio::spawn(speak(listener, pieces, end));
    let verdict = run(&request).await;
    server.await.unwrap();
    verdict
}

fn head() -> Vec<u8> {
    headers(&[(":status", "200"), GRPC], 0)
}

fn trailers(status: &str) -> Vec<u8> {
    headers(&[("grpc-status", status)], END_STREAM)
}

/// An answer without a message: all is in the header.
fn only(fields: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let all: Vec<_> = [(":status", "200"), GRPC].iter().chain(fields).copied().collect();
    vec![headers(&all, END_STREAM)]
}

fn with_message(message: &[u8]) -> Vec<Vec<u8>> {
    vec![head(), data(message, 0), trailers("0")]
}

const fn grpc(failure: GrpcFailure) -> Verdict {
    Verdict::Failure(Failure::Grpc(failure))
}

fn status(code: u32, message: &str) -> Verdict {
    grpc(GrpcFailure::Status {
        code,
        message: message.to_owned(),
    })
}

#[tokio::test]
async fn serving() {
    for (name, pieces) in [
        ("usual", with_message(SERVING)),
        (
            "in pieces",
            vec![head(), data(&SERVING[..3], 0), data(&SERVING[3..], 0), trailers("0")],
        ),
        (
            "with another codec",
            vec![
                headers(&[(":status", "200"), ("content-type", "application/grpc+proto")], 0),
                data(SERVING, 0),
                trailers("0"),
            ],
        ),
        (
            "with fields of a later version",
            with_message(&[0, 0, 0, 0, 6, 0x12, 2, 9, 9, 8, 1]),
        ),
    ] {
        assert_eq!(verdict(pieces, End::Close).await, Verdict::Success, "{name}");
    }
}

#[tokio::test]
async fn not_serving() {
    for (message, expected) in [
        (&[0, 0, 0, 0, 0][..], 0),
        (&[0, 0, 0, 0, 2, 8, 0], 0),
        (&[0, 0, 0, 0, 2, 8, 2], 2),
        (&[0, 0, 0, 0, 2, 8, 3], 3),
        (&[0, 0, 0, 0, 3, 8, 0x80, 1], 128),
    ] {
        let verdict = verdict(with_message(message), End::Close).await;
        assert_eq!(verdict, grpc(GrpcFailure::NotServing(expected)));
    }
}

#[tokio::test]
async fn failed_calls() {
    for (pieces, expected) in [
        (
            only(&[("grpc-status", "12"), ("grpc-message", "unknown service")]),
            status(12, "unknown service"),
        ),
        (
            only(&[("grpc-status", "5"), ("grpc-message", "no %22shop%22%0a%zz%4")]),
            status(5, "no \"shop\" %zz%4"),
        ),
        (vec![head(), trailers("14")], status(14, "")),
        // The status counts, whatever was said before.
        (vec![head(), data(SERVING, 0), trailers("13")], status(13, "")),
        (only(&[("grpc-status", "0")]), grpc(GrpcFailure::NoMessage)),
        (only(&[]), grpc(GrpcFailure::NoStatus)),
        (only(&[("grpc-status", "ok")]), grpc(GrpcFailure::BadStatus)),
        (only(&[("grpc-status", "+0")]), grpc(GrpcFailure::BadStatus)),
        (only(&[("grpc-status", "")]), grpc(GrpcFailure::BadStatus)),
        (only(&[("grpc-status", "4294967296")]), grpc(GrpcFailure::BadStatus)),
        (vec![head(), data(SERVING, END_STREAM)], grpc(GrpcFailure::NoStatus)),
        // The status in a header that is not all is no status.
        (
            vec![
                headers(&[(":status", "200"), GRPC, ("grpc-status", "0")], 0),
                data(SERVING, END_STREAM),
            ],
            grpc(GrpcFailure::NoStatus),
        ),
        (
            vec![head(), data(SERVING, 0), headers(&[("x", "y")], END_STREAM)],
            grpc(GrpcFailure::NoStatus),
        ),
    ] {
        assert_eq!(verdict(pieces, End::Close).await, expected);
    }
}

#[tokio::test]
async fn what_is_no_answer() {
    let text = |kind| headers(&[(":status", "200"), ("content-type", kind)], END_STREAM);
    for (pieces, expected) in [
        (
            vec![headers(
                &[(":status", "404"), ("content-type", "text/html")],
                END_STREAM,
            )],
            Verdict::Failure(Failure::Status(404)),
        ),
        (
            vec![headers(&[(":status", "503"), GRPC, ("grpc-status", "0")], END_STREAM)],
            Verdict::Failure(Failure::Status(503)),
        ),
        (
            vec![text("text/html")],
            grpc(GrpcFailure::ContentType(Some("text/html".to_owned()))),
        ),
        (
            vec![text("application/grpc-web")],
            grpc(GrpcFailure::ContentType(Some("application/grpc-web".to_owned()))),
        ),
        (
            vec![headers(&[(":status", "200")], END_STREAM)],
            grpc(GrpcFailure::ContentType(None)),
        ),
        (with_message(b"HTTP"), grpc(GrpcFailure::BadMessage)),
        (with_message(&[1, 0, 0, 0, 2, 8, 1]), grpc(GrpcFailure::Compressed)),
        (with_message(&[0, 0, 0, 0, 2, 8]), grpc(GrpcFailure::MessageUnfinished)),
        (
            with_message(&[0, 1, 0, 0, 0, 8]),
            grpc(GrpcFailure::MessageTooLong(1024)),
        ),
        (
            with_message(&[SERVING, SERVING].concat()),
            grpc(GrpcFailure::ManyMessages),
        ),
        (
            vec![head(), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])],
            http2(Http2Failure::StreamReset(8)),
        ),
        (
            vec![head(), data(SERVING, 0), frame(RST_STREAM, 0, 1, &[0, 0, 0, 11])],
            http2(Http2Failure::StreamReset(11)),
        ),
        (
            vec![frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])],
            http2(Http2Failure::GoAway(2)),
        ),
        (vec![head()], Verdict::Failure(Failure::NoAnswer)),
        (vec![head(), data(SERVING, 0)], Verdict::Failure(Failure::NoAnswer)),
        (vec![], Verdict::Failure(Failure::NoAnswer)),
    ] {
        assert_eq!(verdict(pieces, End::Close).await, expected);
    }
}

#[tokio::test]
async fn half_an_answer_and_then_nothing() {
    for pieces in [vec![], vec![head()], vec![head(), data(SERVING, 0)]] {
        assert_eq!(
            verdict(pieces, End::Hang).await,
            Verdict::Failure(Failure::Timeout(Phase::Reading))
        );
    }
}

/// What goes on without end is cut off, by a limit or by the time limit.
#[tokio::test]
async fn endless() {
    use tokio::io::AsyncWriteExt;
    let field = field("x-more", "and more and more and more and more");
    let calm = http2(Http2Failure::Broken(11));
    let too_much = http2(Http2Failure::TooMuch(128 * 1024));
    for (name, first, more, expected) in [
        (
            "messages",
            head(),
            data(SERVING, 0),
            vec![grpc(GrpcFailure::ManyMessages)],
        ),
        (
            "a message",
            [head(), data(&[0, 0, 0, 4, 0], 0)].concat(),
            data(&[0x12, 1, 0], 0),
            vec![calm.clone(), grpc(GrpcFailure::ManyMessages)],
        ),
        (
            "empty pieces",
            head(),
            data(b"", 0),
            vec![calm.clone(), too_much.clone()],
        ),
        (
            "a header",
            frame(HEADERS, 0, 1, &[0x88]),
            frame(CONTINUATION, 0, 1, &field),
            vec![calm.clone(), too_much.clone()],
        ),
        (
            "other answers",
            Vec::new(),
            headers(&[(":status", "103")], 0),
            vec![too_much.clone()],
        ),
        (
            "pings",
            Vec::new(),
            frame(PING, 0, 0, b"12345678"),
            vec![too_much.clone(), calm.clone()],
        ),
        (
            "settings",
            head(),
            frame(SETTINGS, 0, 0, &[]),
            vec![too_much.clone(), calm.clone()],
        ),
        (
            "what nobody knows",
            head(),
            frame(77, 0, 1, &[0; 1000]),
            vec![too_much.clone()],
        ),
    ] {
        let (listener, address) = listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
            crate::frames::read_request(&mut stream).await;
            let _ = stream.write_all(&first).await;
            let more = more.repeat(100);
            while stream.write_all(&more).await.is_ok() {}
        });
        let request = Request::Grpc(GrpcProbe {
            connection: connection(address, AMPLE),
            tls: None,
            service: String::new(),
            authority: None,
            headers: Vec::new(),
        });
        let verdict = run(&request).await;
        assert!(expected.contains(&verdict), "{name}: {verdict:?}");
        tokio::time::timeout(AMPLE, server).await.expect(name).unwrap();
    }
    let header = [(":status", "200"), GRPC];
    let long = "x".repeat(120);
    let many: Vec<_> = header.iter().copied().chain([("x-more", long.as_str()); 110]).collect();
    let big = verdict(vec![headers(&many, END_STREAM)], End::Close).await;
    assert!(matches!(big, Verdict::Failure(Failure::Http2(_))), "{big:?}");
}
