//! Whatever a server of HTTP/2 or gRPC says ends in a verdict, in bounded memory.
//!
//! Plain `cargo test` runs each target for a second with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-checker --test any_peer`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-checker any_peer`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests

#[path = "any_reply/counting.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use counting::most_memory_of;
use holdfast_checker::Prober;
use holdfast_checker::grpc::{MESSAGE_LIMIT, Reader};
use holdfast_checker::tls::Identity;
use holdfast_health::probe::{
    Connection, Failure, GrpcFailure, GrpcProbe, HttpProtocol, Md5, NotTried, Outcome, Request, Url, Verdict,
};
use tokio::runtime::{Builder, Runtime};

/// Nothing here waits for time to go by.
const AMPLE: Duration = Duration::from_secs(30);

/// What one check may take, with all buffers of the connection: the window, what is read between two looks, and what the library
/// makes of it.
const MOST_MEMORY: usize = 2 << 20;

/// An endless server ends here all the same: more than any limit but that of a body.
const ENDLESS: usize = 1 << 20;

/// So much of it is said at a time.
const PORTION: usize = 1 << 14;

/// Blocks of headers that mean something, so that random frames get past the first.
#[rustfmt::skip] // a list of blocks
const BLOCKS: &[&[u8]] = &[
    b"\x88", b"\x8d", b"\x48\x03100", b"\x88\0\x0bgrpc-status\x010", b"\x88\x0f\x10\x10application/grpc",
    b"\0\x0bgrpc-status\x010", b"\0\x0bgrpc-status\x0212", b"\0\x0cgrpc-message\x01%", b"\x88\x0f\x0d\x015", b"\0\x01x\x01y",
    b"\x3f\xe1\x1f", b"\xbe", b"\x40\x01x\x01y", b"",
];

const MESSAGES: &[&[u8]] = &[
    b"\0\0\0\0\x02\x08\x01",
    b"\0\0\0\0\x02\x08\x02",
    b"\0\0",
    b"\0\xff\xff\xff\xff",
    b"\x01\0\0\0\0",
    b"\0\0\0\0\0",
    b"\x08\x01",
    b"hello",
    b"",
];

fn any<'a>(list: &[&'a [u8]], choice: u8) -> &'a [u8] {
    list[usize::from(choice) % list.len()]
}

/// Nothing; a header of a page; of a call, and its message.
const HEAD: &[u8] = b"\0\0\x01\x01\x04\0\0\0\x01\x88";
const CALL_HEAD: &[u8] = b"\0\0\x14\x01\x04\0\0\0\x01\x88\x0f\x10\x10application/grpc";
const ANSWER: &[u8] =
    b"\0\0\x14\x01\x04\0\0\0\x01\x88\x0f\x10\x10application/grpc\0\0\x07\0\0\0\0\0\x01\0\0\0\0\x02\x08\x01";
const BEGINNINGS: &[&[u8]] = &[b"", HEAD, CALL_HEAD, ANSWER];

/// A frame from four numbers; mostly one that could be right.
fn frame(kind: u8, flags: u8, stream: u8, content: u8) -> Vec<u8> {
    let number = [content, kind, flags, stream];
    let (kind, payload): (u8, Vec<u8>) = match kind % 16 {
        0..=3 => (0, any(MESSAGES, content).to_vec()),
        4..=7 => (1, any(BLOCKS, content).to_vec()),
        8 => (3, vec![0, 0, 0, content]),
        9 => (
            4,
            if flags & 1 == 0 {
                vec![0, content % 8, 0, 0, content, 0xff]
            } else {
                Vec::new()
            },
        ),
        10 => (6, vec![content; 8]),
        11 => (7, vec![0, 0, 0, stream & 1, 0, 0, 0, content]),
        12 => (8, vec![0, 0, content, 1]),
        13 => (9, any(BLOCKS, content).to_vec()),
        14 => (5, [&[0, 0, 0, 2], any(BLOCKS, content)].concat()),
        _ => (content, number.to_vec()),
    };
    // Now and then a stream that is not ours.
    let stream = match (kind, stream % 16) {
        (4 | 6 | 7, 1..) => 0,
        (_, 0) => number[3] >> 4,
        _ => 1,
    };
    // END_STREAM and END_HEADERS often, padding and priority rarely.
    let flags = if flags < 200 { flags & 5 } else { flags };
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], &payload].concat()
}

/// A beginning that is right, then anything.
fn frames(choices: &[u8]) -> Vec<u8> {
    let Some((beginning, rest)) = choices.split_first() else {
        return Vec::new();
    };
    let one = |four: &[u8]| frame(four[0], four[1], four[2], four[3]);
    let beginning = any(BEGINNINGS, *beginning).iter().copied();
    beginning.chain(rest.chunks_exact(4).flat_map(one)).collect()
}

/// What a client hears.
struct Speech {
    first: Vec<u8>,
    /// Again and again.
    more: Vec<u8>,
}

/// A server in a thread of its own, which is told what to say to the next client.
struct Server {
    port: u16,
    /// Clients so far.
    clients: AtomicU32,
    say: Sender<Speech>,
    runtime: Runtime,
    prober: Prober,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (say, speeches) = mpsc::channel::<Speech>();
        thread::spawn(move || {
            for speech in speeches {
                attend(listener.accept().unwrap().0, &speech);
            }
        });
        Self {
            port,
            clients: AtomicU32::new(0),
            say,
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            prober: Prober::new(&Identity::default()),
        }
    }

    /// What comes of a check, and how much memory it took.
    fn check(&self, kind: Kind, first: &[u8], more: &[u8]) -> (Outcome, usize) {
        // SETTINGS come first, or all is over.
        let first = [&[0, 0, 0, 4, 0, 0, 0, 0, 0], first].concat();
        let more = more.to_vec();
        self.say.send(Speech { first, more }).unwrap();
        let request = self.request(kind);
        let probe = self.prober.probe(&request, AMPLE);
        most_memory_of(|| self.runtime.block_on(probe))
    }

    fn request(&self, kind: Kind) -> Request {
        // Each client goes to another address of this host: what is left of a connection keeps its pair of ports for a minute.
        let client = self.clients.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let [_, second, third, fourth] = client.to_be_bytes();
        let connection = Connection {
            address: [127, second, third, fourth].into(),
            port: self.port,
            bind_address: None,
            bind_port: 0,
            bind_interface: None,
            mark: 0,
            timeout: AMPLE,
        };
        match kind {
            Kind::Get => Request::HttpGet {
                connection,
                tls: None,
                protocol: HttpProtocol::Http2,
                url: Url {
                    digest: Some(Md5([0; 16])),
                    ..Url::new("/")
                },
            },
            Kind::Call => Request::Grpc(GrpcProbe {
                connection,
                tls: None,
                service: "a".to_owned(),
                authority: None,
                headers: Vec::new(),
            }),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Get,
    Call,
}

const KINDS: [Kind; 2] = [Kind::Get, Kind::Call];

/// Whatever the client does, this ends.
fn attend(mut stream: TcpStream, speech: &Speech) {
    // What is not read is no matter of this test, but closing with something unread would reset.
    let mut reading = stream.try_clone().unwrap();
    let reader = thread::spawn(move || while reading.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {});
    let mut goes_on = stream.write_all(&speech.first).is_ok();
    if !speech.more.is_empty() {
        let portion = speech.more.repeat(PORTION.div_ceil(speech.more.len()));
        for _ in 0..ENDLESS / PORTION {
            goes_on = goes_on && stream.write_all(&portion).is_ok();
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    reader.join().unwrap();
}

/// A verdict about the server, and soon.
fn judge(outcome: &Outcome, memory: usize) {
    match &outcome.verdict {
        Verdict::Success => {}
        Verdict::Failure(Failure::Timeout(_) | Failure::Deadline(_)) => panic!("nobody said that it is over"),
        Verdict::Failure(failure) => assert!(!failure.to_string().is_empty()),
        Verdict::NotTried(NotTried::Socket { .. }) => panic!("this host is at its end: {outcome:?}"),
        Verdict::NotTried(_) => panic!("{outcome:?}"),
    }
    assert!(memory <= MOST_MEMORY, "{memory} bytes for {:?}", outcome.verdict);
}

#[test]
fn any_peer() {
    let server = Server::new();
    bolero::check!().for_each(|choices: &[u8]| {
        for kind in KINDS {
            for said in [frames(choices), choices.to_vec()] {
                let (outcome, memory) = server.check(kind, &said, &[]);
                judge(&outcome, memory);
            }
        }
    });
}

/// It goes on and on with the same.
#[test]
fn any_endless_peer() {
    let server = Server::new();
    bolero::check!().for_each(|choices: &[u8]| {
        let (first, unit) = choices.split_at(choices.len().min(8));
        let unit = &unit[..unit.len().min(32)];
        for kind in KINDS {
            let (outcome, memory) = server.check(kind, &frames(first), &frames(unit));
            judge(&outcome, memory);
        }
    });
}

/// Those that cost most, since every frame leaves something to be kept until it is looked at.
#[test]
fn the_worst_peers() {
    let server = Server::new();
    for (first, unit) in [
        // Other answers, each of one byte once it is in the table.
        (
            &b"\0\0\x05\x01\x04\0\0\0\x01\x48\x03103"[..],
            &b"\0\0\x01\x01\x04\0\0\0\x01\xbe"[..],
        ),
        (HEAD, b"\0\0\0\0\0\0\0\0\x01"),
        (HEAD, b"\0\0\x01\0\0\0\0\0\x01x"),
        (CALL_HEAD, b"\0\0\x01\0\0\0\0\0\x01\0"),
        (b"", b"\0\0\0\x04\0\0\0\0\0"),
        (b"", b"\0\0\x08\x06\0\0\0\0\0abcdefgh"),
        (b"\0\0\x01\x01\0\0\0\0\x01\x88", b"\0\0\x04\x09\0\0\0\0\x01\0\x01xy"),
    ] {
        for kind in KINDS {
            let (outcome, memory) = server.check(kind, first, unit);
            judge(&outcome, memory);
        }
    }
}

/// A message is read the same however it is cut, and only so much of it is kept.
#[test]
fn any_message() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (sizes, choices) = bytes.split_at(bytes.len() / 4);
        let words: Vec<u8> = choices
            .iter()
            .flat_map(|choice| any(MESSAGES, *choice))
            .copied()
            .collect();
        for bytes in [choices, &words] {
            let whole = read(bytes, &[]);
            assert_eq!(read(bytes, sizes), whole);
            if whole.is_ok() {
                let [flag, length @ ..] = bytes.first_chunk::<5>().unwrap();
                assert_eq!((*flag, u32::from_be_bytes(*length) as usize + 5), (0, bytes.len()));
            }
        }
        let (_, memory) = most_memory_of(|| {
            let mut reader = Reader::default();
            (0..100).try_for_each(|_| reader.push(&words))
        });
        assert!(memory <= 4 * MESSAGE_LIMIT, "{memory} bytes");
    });
}

fn read(message: &[u8], sizes: &[u8]) -> Result<u64, GrpcFailure> {
    let mut reader = Reader::default();
    let mut rest = message;
    for size in sizes {
        let (piece, later) = rest.split_at(usize::from(*size).min(rest.len()));
        reader.push(piece)?;
        rest = later;
    }
    reader.push(rest)?;
    reader.finish()
}
