//! Which answers are up and which are down: keepalived 2.2.7's verdicts, seen on the wire.

#![allow(clippy::arithmetic_side_effects)]

use holdfast_health::probe::StatusSet;
use proptest::prelude::*;

use holdfast_health::probe::Md5 as Digest;
use md5::{Digest as _, Md5};

use super::super::body::BODY_LIMIT;
use super::*;

fn url(digest: Option<Digest>) -> Url {
    Url {
        status: StatusSet::new([200..=200]),
        digest,
        ..Url::new("/")
    }
}

fn md5(body: &[u8]) -> Digest {
    Digest(Md5::digest(body).into())
}

fn judge(url: &Url, answer: &[u8]) -> Result<(), Failure> {
    let mut reader = Reader::new(url);
    reader.push(answer)?;
    reader.finish().map(drop)
}

fn verdict(answer: &str) -> Result<(), Failure> {
    judge(&url(None), answer.as_bytes())
}

#[test]
fn up_however_odd() {
    let many = "X-Header: value\r\n".repeat(150);
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x01b\x00c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
    ] {
        assert_eq!(verdict(answer), Ok(()), "{answer:?}");
    }
}

#[test]
fn down_with_the_reason() {
    for (answer, failure) in [
        ("", Failure::NoAnswer),
        ("HTTP/1.1 200 OK\n\nhello", Failure::HeaderUnfinished),
        ("HTTP/1.1 200\r\n\r\nhello", Failure::NoStatusLine),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            Failure::Status(100),
        ),
        ("HTTP/1.1 500 Oh\r\n\r\n", Failure::Status(500)),
        ("HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", Failure::Status(301)),
        ("hello", Failure::NoStatusLine),
        ("\r\n\r\n", Failure::NoStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", Failure::NoStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", Failure::NoStatusLine),
        ("HTTP/1.1 +20 OK\r\n\r\n", Failure::NoStatusLine),
        ("HTTP/1.1 200 OK\r\nX: y\r\n", Failure::HeaderUnfinished),
    ] {
        assert_eq!(verdict(answer), Err(failure), "{answer:?}");
    }
}

#[test]
fn the_digest_covers_the_raw_body_within_content_length() {
    // The digests of "hello" and of nothing by md5sum; which bytes are counted by genhash of keepalived 2.2.7.
    let hello = "5d41402abc4b2a76b9719d911017c592";
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(md5(b"hello").to_string(), hello);
    assert_eq!(md5(b"").to_string(), "d41d8cd98f00b204e9800998ecf8427e");
    for (head, body, counted) in [
        ("", "hello", "hello"),
        ("Content-Length: 5\r\n", "hello and more", "hello"),
        ("content-length: 5\r\n", "hello and more", "hello and more"),
        ("Content-Length:5\r\nContent-Length: 7\r\n", "hello and more", "hello"),
        ("Content-Length: 5 \r\n", "hello and more", "hello and more"),
        ("Content-Length: 50\r\n", "hello", "hello"),
        ("Content-Length: x\r\n", "hello", "hello"),
        ("Content-Length: 0\r\n", "hello", ""),
        ("Transfer-Encoding: chunked\r\n", chunks, chunks),
        ("X-Content-Length: 1\r\n", "hello", "h"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
        assert_eq!(
            judge(&url(Some(md5(counted.as_bytes()))), answer.as_bytes()),
            Ok(()),
            "{answer:?}"
        );
        let other = Digest([0; 16]);
        let got = md5(counted.as_bytes());
        assert_eq!(
            judge(&url(Some(other)), answer.as_bytes()),
            Err(Failure::Digest { expected: other, got })
        );
    }
}

#[test]
fn an_answer_is_kept_when_asked_for() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let answer = [head.as_slice(), b"hello and more"].concat();
    let with = url(None);
    let mut reader = Reader::keeping(&with);
    for piece in answer.chunks(7) {
        reader.push(piece).unwrap();
    }
    let kept = Answer {
        header: head.to_vec(),
        status: 200,
        body_length: 14,
        digest: md5(b"hello"),
    };
    assert_eq!(reader.finish(), Ok(Some(kept)));

    let mut reader = Reader::new(&with);
    reader.push(&answer).unwrap();
    assert_eq!(reader.finish(), Ok(None));
}

#[test]
fn status_comes_before_digest() {
    let answer = b"HTTP/1.1 404 No\r\n\r\nhello";
    assert_eq!(judge(&url(Some(md5(b"hello"))), answer), Err(Failure::Status(404)));
}

#[test]
fn endless_headers_and_bodies_are_cut_off() {
    let with = url(None);
    let mut reader = Reader::new(&with);
    reader.push(b"HTTP/1.1 200 OK\r\n").unwrap();
    let mut fed = 0;
    let failure = loop {
        if let Err(failure) = reader.push(&[b'x'; 1000]) {
            break failure;
        }
        fed += 1000;
        assert!(fed <= HEADER_LIMIT);
        let State::Header(header) = &reader.state else { panic!() };
        assert!(header.len() <= HEADER_LIMIT);
    };
    assert_eq!(failure, Failure::HeaderTooLong(HEADER_LIMIT));

    let mut reader = Reader::new(&with);
    reader.push(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let piece = vec![0; 1 << 20];
    for _ in 0..64 {
        reader.push(&piece).unwrap();
    }
    assert_eq!(reader.push(b"x"), Err(Failure::BodyTooLong(BODY_LIMIT)));
}

/// The pattern is searched in the body alone, after the digest, and may be one that must not be there.
#[test]
fn bodies_are_searched() {
    let with = |pattern: &str, no_match, digest| Url {
        regex: Some(holdfast_regex::Settings {
            pattern: pattern.to_owned(),
            options: Vec::new(),
            no_match,
            min_offset: 0,
            max_offset: None,
            stack: None,
        }),
        ..url(digest)
    };
    let answer = b"HTTP/1.1 200 OK\r\nX-State: ready\r\nContent-Length: 5\r\n\r\nit is up".as_slice();
    let unlike = |unwanted| Err(Failure::Regex { unwanted });
    for (pattern, no_match, expected) in [
        ("^it is up$", false, Ok(())),
        ("up$", false, Ok(())),
        ("down", false, unlike(false)),
        ("ready", false, unlike(false)),
        ("^HTTP", false, unlike(false)),
        ("down", true, Ok(())),
        ("ready", true, Ok(())),
        ("is up", true, unlike(true)),
    ] {
        let url = with(pattern, no_match, None);
        assert_eq!(judge(&url, answer), expected, "{pattern} {no_match}");
        let mut reader = Reader::new(&url);
        let in_bytes = answer.iter().try_for_each(|byte| reader.push(&[*byte]));
        assert_eq!(in_bytes.and_then(|()| reader.finish().map(drop)), expected, "{pattern}");
    }
    let digest_first = judge(&with("down", false, Some(md5(b"else"))), answer);
    assert!(matches!(digest_first, Err(Failure::Digest { .. })), "{digest_first:?}");
    assert_eq!(judge(&with("up", false, Some(md5(b"it is"))), answer), Ok(()));
    // An empty body is one, too.
    assert_eq!(judge(&with("^$", false, None), b"HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
    let body = "a".repeat(40);
    let explodes = judge(
        &with("(*NO_JIT)(a+)+[bc]", true, None),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}").as_bytes(),
    );
    assert_eq!(explodes, Err(Failure::RegexGivenUp("match limit exceeded".to_owned())));
    let no_pattern = judge(&with("(", false, None), answer);
    assert!(matches!(no_pattern, Err(Failure::RegexGivenUp(_))), "{no_pattern:?}");
    // A wrong status is said before anything is searched.
    let status = judge(&with("(", false, None), b"HTTP/1.1 500 No\r\n\r\n");
    assert_eq!(status, Err(Failure::Status(500)));
}

/// Bytes that look like an answer often enough to reach every branch.
fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 ".to_vec()),
        Just(b"200 ".to_vec()),
        Just(b"Content-Length: ".to_vec()),
        "[0-9]{1,25}".prop_map(String::into_bytes),
        Just(b"\r\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(vec![b'y'; 40_000]),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// No bytes in no pieces make the reader panic, and the pieces make no difference.
    #[test]
    fn pieces_make_no_difference(
        answer in any_answer(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        with_digest in any::<bool>(),
    ) {
        let with = url(with_digest.then_some(Digest([7; 16])));
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(answer.len() + 1)).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let mut reader = Reader::new(&with);
        let in_pieces = cuts.windows(2).try_for_each(|pair| reader.push(&answer[pair[0]..pair[1]])).and_then(|()| reader.finish().map(drop));
        prop_assert_eq!(in_pieces, judge(&with, &answer));
    }
}
