//! Whatever a server sends is read or refused, in bounded memory, and how it is cut into pieces does not matter.
//!
//! Plain `cargo test` runs each target for a second with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-checker --test any_reply`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-checker any_http_answer`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests

#[path = "any_reply/counting.rs"]
mod counting;

use counting::most_memory_of;
use holdfast_checker::agent::{self, Line};
use holdfast_checker::expect::{Look, Matcher};
use holdfast_checker::http::{BODY_LIMIT, HEADER_LIMIT, Reader};
use holdfast_checker::ping::{Echo, Version};
use holdfast_checker::smtp::{LINE_LIMIT, REPLY_LIMIT, Reply};
use holdfast_checker::{dns, udp};
use holdfast_health::probe::{Failure, MaskedByte, Md5, Pattern, SmtpStep, UNREAD_LIMIT, UdpReply, Url};

/// Bytes that mean something in a header, so that random text gets past the first line.
#[rustfmt::skip] // a list of words
const WEB_TOKENS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 ", b"ICY ", b"200 ", b"204", b"503 ", b" ", b"\r\n", b"\r\n\r\n", b"\n", b"\r",
    b"Content-Length:", b"Content-Length: 5\r\n", b"Content-Length: 18446744073709551616\r\n", b"X-Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"world", b"\0", b"\xff\xfe", b"9", b":",
];

const MAIL_TOKENS: &[&[u8]] = &[
    b"220 ", b"220-", b"250 ", b"250-", b"220", b"554 no", b"221 bye", b"\r\n", b"\n", b"\r", b"-", b" ", b"mx", b"\0",
    b"\xff",
];

/// So much of an endless answer must be cut off: more than any limit but that of a body.
const ENDLESS: usize = 2 * HEADER_LIMIT;

fn words(choices: &[u8], tokens: &[&[u8]]) -> Vec<u8> {
    let word = |choice: &u8| tokens[usize::from(*choice) % tokens.len()];
    choices.iter().flat_map(word).copied().collect()
}

fn url() -> Url {
    Url {
        digest: Some(Md5([7; 16])),
        regex: Some(holdfast_regex::Settings {
            pattern: "hel+o.*world".to_owned(),
            options: Vec::new(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            stack: None,
        }),
        ..Url::new("/")
    }
}

/// What a reader says in the end, for an answer that comes in pieces of these sizes, then in one.
fn read_web(url: &Url, answer: &[u8], sizes: &[u8]) -> Result<(), Failure> {
    let mut reader = Reader::keeping(url);
    let mut rest = answer;
    for size in sizes {
        let (piece, later) = rest.split_at(usize::from(*size).min(rest.len()));
        reader.push(piece)?;
        rest = later;
    }
    reader.push(rest)?;
    let answer = reader.finish()?.unwrap();
    assert!(answer.header.len() <= HEADER_LIMIT && url.status.contains(answer.status));
    Ok(())
}

fn check_web(answer: &[u8], sizes: &[u8]) {
    let plain = Url::new("/");
    for url in [&plain, &url()] {
        assert_eq!(read_web(url, answer, sizes), read_web(url, answer, &[]));
    }
}

#[test]
fn any_http_answer() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (sizes, answer) = bytes.split_at(bytes.len() / 4);
        check_web(answer, sizes);
        check_web(&words(answer, WEB_TOKENS), sizes);
    });
}

/// The header goes on and on: it is cut off at the limit, or was none.
#[test]
fn any_endless_http_header() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut unit = words(choices, WEB_TOKENS);
        // What ends a header would end it.
        unit.retain(|byte| *byte != b'\r');
        if unit.is_empty() {
            return;
        }
        let url = url();
        let (verdict, memory) = most_memory_of(|| {
            let mut reader = Reader::new(&url);
            reader.push(b"HTTP/1.1 200 OK\r\n").unwrap();
            (0..=ENDLESS / unit.len()).find_map(|_| reader.push(&unit).err())
        });
        assert_eq!(verdict, Some(Failure::HeaderTooLong(HEADER_LIMIT)));
        // A vector that grows is for a moment there twice, once half full.
        assert!(memory <= 4 * HEADER_LIMIT, "{memory} bytes");
    });
}

/// The body goes on and on: nothing of it is kept but what the search needs.
#[test]
fn any_long_http_body() {
    bolero::check!().for_each(|choices: &[u8]| {
        let unit = words(choices, WEB_TOKENS);
        let plain = Url {
            digest: Some(Md5([7; 16])),
            ..Url::new("/")
        };
        let ((), memory) = most_memory_of(|| {
            let mut reader = Reader::keeping(&plain);
            reader.push(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            for _ in 0..(ENDLESS / unit.len().max(1)).min(ENDLESS) {
                reader.push(&unit).unwrap();
            }
        });
        assert!(memory < 4096, "{memory} bytes");
    });
}

#[test]
fn an_endless_body_is_cut_off_at_its_limit() {
    let url = Url::new("/");
    let mut reader = Reader::new(&url);
    reader.push(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..BODY_LIMIT >> 20 {
        reader.push(&piece).unwrap();
    }
    let cut_off = reader.push(b"x").unwrap_err();
    assert_eq!(cut_off, Failure::BodyTooLong(BODY_LIMIT));
    assert_eq!(cut_off.to_string(), "body longer than 67108864 bytes");
}

const REPLIES: [fn() -> Reply; 3] = [
    || Reply::of(SmtpStep::Greeting),
    || Reply::of(SmtpStep::Helo),
    Reply::any,
];

#[test]
fn any_mail_reply() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (sizes, choices) = bytes.split_at(bytes.len() / 4);
        for bytes in [choices.to_vec(), words(choices, MAIL_TOKENS)] {
            for reply in REPLIES {
                let whole = reply().push(&bytes);
                let mut reply = reply();
                let mut rest = bytes.as_slice();
                let mut verdict = Ok(false);
                for size in sizes.iter().map(|size| usize::from(*size)).chain([bytes.len()]) {
                    let (piece, later) = rest.split_at(size.min(rest.len()));
                    rest = later;
                    verdict = reply.push(piece);
                    if verdict != Ok(false) {
                        break;
                    }
                }
                assert_eq!(verdict, whole);
            }
        }
    });
}

#[test]
fn any_endless_mail_reply() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut unit = words(choices, MAIL_TOKENS);
        for (line_begin, limit) in [(&b"220-"[..], REPLY_LIMIT), (b"220 ", LINE_LIMIT)] {
            unit.retain(|byte| *byte != b'\n');
            unit.truncate(100);
            let line = if limit == REPLY_LIMIT {
                [line_begin, &unit, b"\r\n"].concat()
            } else {
                [line_begin, &unit].concat()
            };
            let (verdict, memory) = most_memory_of(|| {
                let mut reply = Reply::of(SmtpStep::Greeting);
                (0..=2 * REPLY_LIMIT / line.len()).find_map(|_| reply.push(&line).err())
            });
            assert_eq!(verdict, Some(Failure::ReplyTooLong(limit)));
            assert!(memory <= 4 * LINE_LIMIT, "{memory} bytes");
        }
    });
}

/// Of a packet with another number nothing is said, and of one with ours only by its header.
#[test]
fn any_dns_answer() {
    bolero::check!().for_each(|packet: &[u8]| {
        let id = packet.first_chunk::<2>().map_or(0, |id| u16::from_be_bytes(*id));
        let judged = dns::judge(id, packet);
        assert_eq!(dns::judge(!id, packet), None);
        match judged {
            None => assert!(packet.len() < 12 || packet[2] & 0x80 == 0),
            Some(Ok(())) => assert_eq!(packet[3] & 0x0f, 0),
            Some(Err(failure)) => assert_eq!(failure, Failure::DnsError(packet[3] & 0x0f)),
        }
    });
}

#[test]
fn any_udp_answer() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (wanted, packet) = bytes.split_at(bytes.len() / 2);
        let (limits, pattern) = wanted.split_at(wanted.len().min(2));
        let limit = |at: usize| u16::from(limits.get(at).copied().unwrap_or(0));
        let reply = UdpReply::Like {
            beginning: pattern
                .chunks(2)
                .map(|pair| MaskedByte {
                    value: pair[0],
                    mask: pair.get(1).copied().unwrap_or(0xff),
                })
                .collect(),
            min_length: limit(0),
            max_length: limit(1),
        };
        if let Err(Failure::ReplyBytes { at }) = udp::judge(Some(&reply), packet) {
            assert!(at < packet.len());
        }
        assert_eq!(udp::judge(Some(&UdpReply::Any), packet), Ok(()));
    });
}

#[test]
fn any_echo_reply() {
    bolero::check!().for_each(|packet: &[u8]| {
        for version in [Version::V4, Version::V6] {
            let echo = Echo {
                version,
                id: 0x1234,
                sequence: 7,
            };
            let pair = [0x12, 0x34, 0, 7];
            if echo.is_reply(packet) {
                assert!(packet.windows(4).any(|window| window == pair));
            }
            // A header of any length, then the reply.
            let kind = if version == Version::V4 { 0 } else { 129 };
            let mut reply = vec![0; 0];
            if version == Version::V4 {
                let words = packet.first().map_or(5, |byte| byte & 0x0f);
                reply.extend(packet.iter().copied().chain([0; 64]).take(usize::from(words) * 4));
                if let Some(first) = reply.first_mut() {
                    *first = 0x40 | words;
                }
            }
            reply.extend([kind, 0, 1, 2]);
            reply.extend(pair);
            reply.extend(packet);
            // Without a header the first byte of the reply is taken for one: of 0 words.
            assert!(echo.is_reply(&reply));
        }
    });
}

#[rustfmt::skip] // a list of words
const AGENT_TOKENS: &[&[u8]] = &[
    b"up", b"DOWN", b"fail", b"stopped", b"ready", b"drain", b"maint", b"75%", b"0%", b"99999999999%", b"%", b"-1%", b"maxconn:30",
    b"maxconn:", b" ", b"\t", b",", b"#", b"\r", b"\n", b"\0", b"\xff", b"x", b"7",
];

/// A line that is taken is read again, from how it is shown, as the same.
#[test]
fn any_agent_line() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (sizes, choices) = bytes.split_at(bytes.len() / 4);
        for bytes in [choices.to_vec(), words(choices, AGENT_TOKENS)] {
            let mut whole = Line::default();
            let verdict = whole.push(&bytes);
            let mut line = Line::default();
            let mut rest = bytes.as_slice();
            let mut in_pieces = Ok(false);
            for size in sizes.iter().map(|size| usize::from(*size)).chain([bytes.len()]) {
                let (piece, later) = rest.split_at(size.min(rest.len()));
                rest = later;
                in_pieces = line.push(piece);
                if in_pieces != Ok(false) {
                    break;
                }
            }
            assert_eq!((&in_pieces, &line.bytes), (&verdict, &whole.bytes));
            if verdict.is_err() {
                assert_eq!(verdict, Err(Failure::ReplyTooLong(agent::LINE_LIMIT)));
                continue;
            }
            assert!(line.bytes.len() <= agent::LINE_LIMIT);
            match agent::read_line(&line.bytes) {
                Ok(report) => assert_eq!(agent::read_line(report.to_string().as_bytes()).unwrap(), report),
                Err(failure) => assert!(matches!(failure, Failure::AgentLine(_)) && failure.to_string().len() < 1000),
            }
        }
    });
}

#[test]
fn any_endless_agent_line() {
    bolero::check!().for_each(|choices: &[u8]| {
        let mut unit = words(choices, AGENT_TOKENS);
        unit.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        unit.truncate(100);
        if unit.is_empty() {
            return;
        }
        let (verdict, memory) = most_memory_of(|| {
            let mut line = Line::default();
            (0..=2 * agent::LINE_LIMIT / unit.len()).find_map(|_| line.push(&unit).err())
        });
        assert_eq!(verdict, Some(Failure::ReplyTooLong(agent::LINE_LIMIT)));
        assert!(memory <= 4 * agent::LINE_LIMIT, "{memory} bytes");
    });
}

#[rustfmt::skip] // a list of words
const DIALOGUE_TOKENS: &[&[u8]] = &[
    b"+OK", b"* OK ", b"a1 ", b"a", b"b", b"ab", b"aab", b"\r\n", b"\n", b"\0", b"\xff", b"0", b"12", b" ", b"\xc3\xa9", b"-ERR",
];

/// Patterns of every kind; regular expressions that look at what follows, at the end, and far.
fn patterns(literal: &[u8]) -> Vec<Pattern> {
    let regex = |pattern: &str, options: &[holdfast_regex::RegexOption]| {
        Pattern::Regex(holdfast_regex::Settings {
            pattern: pattern.to_owned(),
            options: options.to_vec(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            stack: None,
        })
    };
    let masked = |byte: &u8| MaskedByte {
        value: *byte,
        mask: if *byte == b'a' { 0xf0 } else { 0xff },
    };
    vec![
        Pattern::Contains(literal.to_vec()),
        Pattern::Start(literal.to_vec()),
        Pattern::Masked(literal.iter().map(masked).collect()),
        regex(r"^\+OK.*\r\n", &[]),
        regex(r"a+b(?!\r)", &[]),
        regex(r"\d+\b", &[holdfast_regex::RegexOption::Multiline]),
        regex(r"(?<=a1 )OK|\z", &[]),
        regex("é+$", &[holdfast_regex::RegexOption::Utf]),
    ]
}

/// What a matcher says in the end of a text that comes in pieces of these sizes.
fn look_in_pieces(pattern: &Pattern, text: &[u8], sizes: &[u8]) -> Look {
    let mut matcher = Matcher::new(pattern).unwrap();
    let mut come = 0;
    for size in sizes {
        let look = matcher.look(&text[..come], false);
        if look != Look::NotYet {
            return look;
        }
        come = (come + usize::from(*size)).min(text.len());
    }
    for ends in [false, true] {
        let look = matcher.look(text, ends);
        if look != Look::NotYet {
            return look;
        }
    }
    Look::NotYet
}

/// The same match for any pieces, within the text, and really one.
#[test]
fn any_dialogue() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (sizes, rest) = bytes.split_at(bytes.len() / 4);
        let (literal, choices) = rest.split_at(rest.len().min(2));
        let literal = words(literal, DIALOGUE_TOKENS);
        for text in [choices.to_vec(), words(choices, DIALOGUE_TOKENS)] {
            for pattern in patterns(&literal) {
                let whole = look_in_pieces(&pattern, &text, &[]);
                let in_pieces = look_in_pieces(&pattern, &text, sizes);
                // Text that is not UTF-8 is given up when its wrong byte is seen, which may be after a match.
                let given_up = |look: &Look| matches!(look, Look::GivenUp(_));
                if !given_up(&whole) && !given_up(&in_pieces) {
                    assert_eq!(in_pieces, whole, "{pattern:?}");
                }
                let Look::Match(end) = whole else { continue };
                assert!(end <= text.len());
                match &pattern {
                    Pattern::Contains(literal) => assert!(text[..end].ends_with(literal)),
                    Pattern::Start(literal) => assert_eq!(&text[..end], literal),
                    _ => {}
                }
            }
        }
    });
}

/// Nothing of the text is kept by the matcher.
#[test]
fn a_matcher_keeps_nothing() {
    let text = vec![b'x'; UNREAD_LIMIT];
    for pattern in patterns(b"never") {
        let mut matcher = Matcher::new(&pattern).unwrap();
        let ((), memory) = most_memory_of(|| {
            for come in (0..=UNREAD_LIMIT).step_by(1024) {
                if matcher.look(&text[..come], false) != Look::NotYet {
                    break;
                }
            }
        });
        assert!(memory < 4096, "{pattern:?}: {memory} bytes");
    }
}
