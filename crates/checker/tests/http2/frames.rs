//! A server that says just the frames that a test tells it, right or wrong (RFC 9113 sections 4.1 and 6).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// What a client begins with: 24 bytes.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field of a header, as it stands in a block (RFC 7541 section 6.2.2, without Huffman's code).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 127, "longer ones need another form");
        bytes.push(length);
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// A whole header on the stream of the first request.
pub(crate) fn headers(fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, END_HEADERS | flags, 1, &block)
}

pub(crate) fn ok() -> Vec<u8> {
    headers(&[(":status", "200")], 0)
}

pub(crate) fn data(payload: &[u8], flags: u8) -> Vec<u8> {
    frame(DATA, flags, 1, payload)
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
    Hang,
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Waits for one whole request, says the pieces, and ends. The bytes that were heard after the request.
pub(crate) async fn speak(listener: TcpListener, pieces: Vec<Vec<u8>>, end: End) -> Vec<u8> {
    let (mut stream, _) = listener.accept().await.unwrap();
    // The client may have heard enough before the end.
    let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
    read_request(&mut stream).await;
    for piece in pieces {
        if stream.write_all(&piece).await.is_err() {
            return Vec::new();
        }
    }
    let mut rest = Vec::new();
    match end {
        // Closing with something unread would reset.
        End::Close => {
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut rest).await;
        }
        End::Reset => {
            // What was written arrives first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            socket2::SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
        End::Hang => {
            let _ = stream.read_to_end(&mut rest).await;
        }
    }
    rest
}

/// The frames in some bytes: kind and payload.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (payload, rest) = rest.split_at(usize::try_from(length).unwrap());
        frames.push((head[3], payload));
        bytes = rest;
    }
    frames
}

/// Reads up to the end of the client's stream.
pub(crate) async fn read_request(stream: &mut TcpStream) {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await.unwrap();
    assert_eq!(preface, PREFACE);
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0 {
            return;
        }
    }
}
