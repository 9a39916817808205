//! One request over HTTP/2 (RFC 9113).
//!
//! The frames are the library's (`h2`). Here is what a check needs beside them: time limits, a bound on all that a server may
//! send, and the reason when something goes wrong. Nothing is left running: whoever drops an [`Exchange`] drops the connection.

mod wire;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, Connection as Frames, SendRequest};
use holdfast_health::probe::{Connection, Failure, Header, Http2Failure, Phase, Url, Verdict};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::http::{self as http1, Answer, BODY_LIMIT, Body, HEADER_LIMIT};
use crate::progress::Progress;
use wire::{Shared, Wire};

/// How much more than what it carries the frames of an answer may take.
const OVERHEAD: u64 = 4;

/// A farewell is a courtesy, for which nobody waits longer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Flow control: what a server may send before it has to wait for us.
const WINDOW: u32 = 64 * 1024;

/// One request and its answer on a connection of its own.
pub(crate) struct Exchange<S> {
    frames: Frames<Wire<S>, Bytes>,
    /// The connection is over; it must not be asked again.
    over: bool,
    shared: Shared,
    limit: Duration,
}

/// What limits an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest header, in bytes as RFC 9113 section 6.5.2 counts them.
    pub(crate) header: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    /// Begins to talk HTTP/2 over a stream, and sends the request. `limit` is the longest wait in each phase.
    pub(crate) async fn begin(
        stream: S,
        request: Request<()>,
        body: Option<Bytes>,
        (limits, limit): (Limits, Duration),
        progress: &mut Progress,
    ) -> Result<(Self, h2::client::ResponseFuture), Verdict> {
        let shared = Shared::default();
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(limits.header);
        let handshake = builder.handshake(Wire::new(stream, shared.clone()));
        let (sender, frames) = progress
            .within(Phase::Sending, limit, handshake)
            .await?
            .map_err(|error| reason(&error, &shared))?;
        let exchange = Self {
            frames,
            over: false,
            shared,
            limit,
        };
        let response = send(sender, request, body).map_err(|error| exchange.reason(&error))?;
        Ok((exchange, response))
    }

    /// Waits for something, in at most the limit of a phase, while frames go to and fro; at most `most` bytes of them may have
    /// come in all.
    pub(crate) async fn within<T>(
        &mut self,
        work: impl Future<Output = Result<T, h2::Error>>,
        most: u64,
        progress: &mut Progress,
    ) -> Result<T, Verdict> {
        let limit = self.limit;
        let mut work = pin!(work);
        let work = poll_fn(|context| self.poll(work.as_mut(), most, context));
        progress.within(Phase::Reading, limit, work).await?
    }

    fn poll<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = Result<T, h2::Error>>>,
        most: u64,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, Verdict>> {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result.map_err(|error| self.reason(&error)));
        }
        if self.over {
            return Poll::Ready(Err(self.ended()));
        }
        if self.shared.seen().received > most {
            return Poll::Ready(Err(failed(Http2Failure::TooMuch(most))));
        }
        self.shared.go_on();
        let Poll::Ready(result) = Pin::new(&mut self.frames).poll(context) else {
            return Poll::Pending;
        };
        self.over = true;
        // What came before the end may be all that was waited for.
        match (work.poll(context), result) {
            (Poll::Ready(Ok(value)), _) => Poll::Ready(Ok(value)),
            (_, Err(error)) | (Poll::Ready(Err(error)), Ok(())) => Poll::Ready(Err(self.reason(&error))),
            (Poll::Pending, Ok(())) => Poll::Ready(Err(self.ended())),
        }
    }

    /// Ends the connection in good order, if the server lets us.
    pub(crate) async fn farewell(mut self) {
        if !self.over {
            self.shared.go_on();
            // The library says good bye when the last stream is gone.
            let _ = timeout(FAREWELL.min(self.limit), Pin::new(&mut self.frames)).await;
        }
    }

    fn reason(&self, error: &h2::Error) -> Verdict {
        reason(error, &self.shared)
    }

    fn ended(&self) -> Verdict {
        Verdict::Failure(self.shared.seen().end().unwrap_or(Failure::NoAnswer))
    }
}

/// Hands the request to the library, which sends it while [`Exchange::within`] waits for something.
fn send(
    mut sender: SendRequest<Bytes>,
    request: Request<()>,
    body: Option<Bytes>,
) -> Result<h2::client::ResponseFuture, h2::Error> {
    let body = body.filter(|body| !body.is_empty());
    let (response, mut stream) = sender.send_request(request, body.is_none())?;
    if let Some(body) = body {
        stream.send_data(body, true)?;
    }
    Ok(response)
}

const fn failed(failure: Http2Failure) -> Verdict {
    Verdict::Failure(Failure::Http2(failure))
}

/// Why HTTP/2 came to an end.
fn reason(error: &h2::Error, shared: &Shared) -> Verdict {
    let seen = shared.seen();
    let code = error.reason().map(u32::from);
    let failure = match code {
        Some(code) if error.is_remote() && error.is_reset() => Http2Failure::StreamReset(code),
        Some(code) if error.is_remote() => Http2Failure::GoAway(code),
        _ if seen.is_http1() => Http2Failure::Http1,
        Some(code) => Http2Failure::Broken(code),
        None if error.is_io() => {
            let end = seen.end();
            return end.map_or_else(|| failed(Http2Failure::Other(error.to_string())), Verdict::Failure);
        }
        None => Http2Failure::Other(error.to_string()),
    };
    failed(failure)
}

/// Fetches a URL, handing out the answer if it is to be kept, and holds the answer against what is expected of it.
pub(crate) async fn get<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    connection: &Connection,
    scheme: Scheme,
    (url, keeps): (&Url, bool),
    progress: &mut Progress,
) -> Result<Option<Answer>, Verdict> {
    let request = request(connection, scheme, url).map_err(|reason| failed(Http2Failure::Request(reason)))?;
    let body = url.body().map(Bytes::copy_from_slice);
    let limits = Limits {
        header: u32::try_from(HEADER_LIMIT).unwrap_or(u32::MAX),
    };
    let (mut exchange, response) =
        Exchange::begin(stream, request, body, (limits, connection.timeout), progress).await?;
    let header_bytes = u64::from(limits.header).saturating_mul(OVERHEAD);
    let response = exchange.within(response, header_bytes, progress).await?;
    progress.received();
    let status = response.status().as_u16();
    let header = keeps.then(|| header_text(&response));
    let mut body = Body::open(url, status, header, None).map_err(Verdict::Failure)?;
    let mut stream = response.into_body();
    let body_bytes = BODY_LIMIT.saturating_mul(OVERHEAD);
    while let Some(piece) = exchange.within(next_data(&mut stream), body_bytes, progress).await? {
        body.push(&piece).map_err(Verdict::Failure)?;
    }
    drop(stream);
    let answer = body.compare(url).map_err(Verdict::Failure)?;
    exchange.farewell().await;
    Ok(answer)
}

/// The next piece of a body; its room is free for more at once.
pub(crate) async fn next_data(stream: &mut RecvStream) -> Result<Option<Bytes>, h2::Error> {
    let Some(piece) = stream.data().await.transpose()? else {
        return Ok(None);
    };
    stream.flow_control().release_capacity(piece.len())?;
    Ok(Some(piece))
}

/// The request for a URL, or why there can be none.
fn request(connection: &Connection, scheme: Scheme, url: &Url) -> Result<Request<()>, String> {
    let own = http1::own_field(url, HOST.as_str());
    let host = own.map_or_else(
        || http1::authority(connection, url.virtualhost.as_deref()),
        std::borrow::Cow::Borrowed,
    );
    let mut request = head(url.method(), scheme, &host, &url.path)?;
    let fields = request.headers_mut();
    fields.insert(USER_AGENT, HeaderValue::from_static(http1::USER_AGENT));
    add(fields, url.headers())?;
    if let Some(length) = http1::content_length(url) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(request)
}

/// The head of a request.
pub(crate) fn head(method: &str, scheme: Scheme, host: &str, path: &str) -> Result<Request<()>, String> {
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method} is no method"))?;
    let authority: Authority = host.parse().map_err(|_| format!("{host} is no host"))?;
    let path: PathAndQuery = path.parse().map_err(|_| format!("{path} is no path"))?;
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri.build().map_err(|error| error.to_string())?;
    Ok(request)
}

/// Adds fields of one's own; the first of a name takes the place of what is there. `Host` is in the head.
pub(crate) fn add(fields: &mut HeaderMap, own: &[Header]) -> Result<(), String> {
    for header in own {
        let wrong = || format!("'{}: {}' is no header", header.name, header.value);
        let name: HeaderName = header.name.parse().map_err(|_| wrong())?;
        let value = HeaderValue::from_bytes(header.value.as_bytes()).map_err(|_| wrong())?;
        match name {
            HOST => {}
            USER_AGENT => drop(fields.insert(name, value)),
            name => drop(fields.append(name, value)),
        }
    }
    Ok(())
}

/// The header as people write it.
fn header_text(response: &Response<RecvStream>) -> Vec<u8> {
    let mut text = format!("HTTP/2 {} \r\n", response.status().as_u16()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    text.extend_from_slice(b"\r\n");
    text
}
