//! `GRPC_CHECK`: asks a gRPC health service (`grpc.health.v1.Health/Check`) over HTTP/2, with TLS or without.
//!
//! gRPC over HTTP/2 is a `POST` whose body is one framed message, and an answer whose body is one framed message and whose
//! trailers tell how it went. More than that is not needed, so that no gRPC library is.

mod message;

use bytes::Bytes;
use h2::RecvStream;
use holdfast_health::probe::{Connection, Failure, GrpcFailure, GrpcProbe, Http2Failure, Verdict};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connect::connect;
use crate::http::authority;
use crate::http2::{self, Exchange, Limits};
use crate::progress::Progress;
use crate::tls::{Alpn, Setup};
pub use message::{MESSAGE_LIMIT, Reader};

const METHOD: &str = "/grpc.health.v1.Health/Check";
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("grpc-holdfast/", env!("CARGO_PKG_VERSION")));
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The longest header, and the longest trailers.
const HEADER_LIMIT: u32 = 16 * 1024;

/// All bytes of an answer, with its frames and whatever a server says besides.
const ANSWER_LIMIT: u64 = 128 * 1024;

/// How much of a `grpc-message` is shown, in characters.
const SHOWN: usize = 200;

/// Asks for the health of a service; success: it serves.
pub(crate) async fn check(probe: &GrpcProbe, setup: &Setup, progress: &mut Progress) -> Result<(), Verdict> {
    let connection = &probe.connection;
    match &probe.tls {
        None => {
            let stream = connect(connection, progress).await?;
            ask(stream, probe, Scheme::HTTP, progress).await
        }
        Some(tls) => {
            let host = probe.authority.as_deref().map(host_name);
            let session = setup.session(connection, tls, host, Alpn::Http2)?;
            let stream = connect(connection, progress).await?;
            let stream = session.shake_hands(stream, connection, progress).await?;
            ask(stream, probe, Scheme::HTTPS, progress).await
        }
    }
}

/// The name or the address in an authority, without a port: certificates are for that.
fn host_name(authority: &str) -> &str {
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, _) = bracketed
        .or_else(|| authority.rsplit_once(':'))
        .unwrap_or((authority, ""));
    host
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    probe: &GrpcProbe,
    scheme: Scheme,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    let request =
        request(probe, scheme).map_err(|reason| Verdict::Failure(Failure::Http2(Http2Failure::Request(reason))))?;
    let body = Bytes::from(message::request(&probe.service));
    let limits = Limits { header: HEADER_LIMIT };
    let limit = probe.connection.timeout;
    let (mut exchange, response) = Exchange::begin(stream, request, Some(body), (limits, limit), progress).await?;
    let response = exchange.within(response, ANSWER_LIMIT, progress).await?;
    progress.received();
    judge_head(&response)?;
    let (head, mut stream) = response.into_parts();
    // Who has nothing else to say puts the status into the header; else it is in the trailers.
    let header_only = stream.is_end_stream();
    let mut reader = Reader::default();
    while let Some(piece) = exchange
        .within(http2::next_data(&mut stream), ANSWER_LIMIT, progress)
        .await?
    {
        reader.push(&piece).map_err(grpc)?;
    }
    let trailers = exchange.within(trailers(&mut stream), ANSWER_LIMIT, progress).await?;
    drop(stream);
    let fields = trailers.as_ref().or(header_only.then_some(&head.headers));
    fields
        .ok_or(GrpcFailure::NoStatus)
        .and_then(judge_status)
        .map_err(grpc)?;
    let status = reader.finish().map_err(grpc)?;
    exchange.farewell().await;
    if status == SERVING {
        Ok(())
    } else {
        Err(grpc(GrpcFailure::NotServing(status)))
    }
}

/// `ServingStatus`
const SERVING: u64 = 1;

async fn trailers(stream: &mut RecvStream) -> Result<Option<HeaderMap>, h2::Error> {
    stream.trailers().await
}

const fn grpc(failure: GrpcFailure) -> Verdict {
    Verdict::Failure(Failure::Grpc(failure))
}

fn request(probe: &GrpcProbe, scheme: Scheme) -> Result<Request<()>, String> {
    let Connection { timeout, .. } = probe.connection;
    let host = authority(&probe.connection, probe.authority.as_deref());
    let mut request = http2::head("POST", scheme, &host, METHOD)?;
    let fields = request.headers_mut();
    fields.insert(TE, TRAILERS);
    fields.insert(CONTENT_TYPE, GRPC);
    fields.insert(USER_AGENT, AGENT);
    // At most eight digits; longer than a day means nothing to a server.
    let timeout_ms = timeout.as_millis().min(99_999_999);
    fields.insert(
        TIMEOUT,
        format!("{timeout_ms}m").parse().map_err(|_| "no timeout".to_owned())?,
    );
    http2::add(fields, &probe.headers)?;
    Ok(request)
}

/// Whether an answer is one of gRPC.
fn judge_head(response: &Response<RecvStream>) -> Result<(), Verdict> {
    let code = response.status().as_u16();
    if code != 200 {
        return Err(Verdict::Failure(Failure::Status(code)));
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    let suffix = content_type.and_then(|value| value.as_bytes().strip_prefix(GRPC.as_bytes()));
    // `application/grpc-web` is something else.
    if matches!(suffix, Some([] | [b'+' | b';' | b' ', ..])) {
        return Ok(());
    }
    let shown = content_type.map(|value| shown(value.as_bytes()));
    Err(grpc(GrpcFailure::ContentType(shown)))
}

/// `grpc-status` with `grpc-message`.
fn judge_status(fields: &HeaderMap) -> Result<(), GrpcFailure> {
    let status = fields.get(STATUS).ok_or(GrpcFailure::NoStatus)?;
    let digits = status.as_bytes();
    // A sign would be taken for a part of the number.
    let code = std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok());
    match code {
        None => Err(GrpcFailure::BadStatus),
        Some(0) => Ok(()),
        Some(code) => Err(GrpcFailure::Status {
            code,
            message: fields
                .get(MESSAGE)
                .map(|text| shown(&percent_decoded(text.as_bytes())))
                .unwrap_or_default(),
        }),
    }
}

/// What `%XX` stands for; what is no such sequence stands for itself, as gRPC wants it.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let decoded = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = decoded {
            bytes.push(high << 4 | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// What a server says, fit for a line of a log.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let printable = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    printable.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_a_name_without_a_port() {
        for (authority, expected) in [
            ("health.test", "health.test"),
            ("health.test:8443", "health.test"),
            ("192.0.2.1:8443", "192.0.2.1"),
            ("[2001:db8::1]:8443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(host_name(authority), expected);
        }
    }
}
