//! What comes from the server underneath HTTP/2: how much, how it began and how it ended.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use holdfast_health::probe::{Failure, Phase, Verdict};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls;

/// How an answer in HTTP/1 begins.
const HTTP1: &[u8] = b"HTTP/";

/// So many bytes are taken in before whoever waits for the answer has a look at it: what piles up between two looks is bounded by
/// this, however fast a server talks.
const PORTION: usize = 16 * 1024;

/// How much is read at once.
const CHUNK: usize = 8192;

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes received.
    pub(super) received: u64,
    /// The first bytes, as many as [`HTTP1`] has.
    beginning: Vec<u8>,
    /// Bytes that may still be taken in before the next look.
    portion: usize,
    /// The server has ended it.
    ended: bool,
    /// The error that ended it.
    error: Option<Failure>,
}

impl Seen {
    /// Whether the server speaks HTTP/1.
    pub(super) fn is_http1(&self) -> bool {
        self.beginning == HTTP1
    }

    /// Why the connection is over, if it is.
    pub(super) fn end(&self) -> Option<Failure> {
        self.error.clone().or_else(|| self.ended.then_some(Failure::NoAnswer))
    }

    fn note(&mut self, bytes: &[u8]) {
        self.received = self
            .received
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.portion = self.portion.saturating_sub(bytes.len());
        self.ended |= bytes.is_empty();
        let room = HTTP1.len().saturating_sub(self.beginning.len());
        self.beginning.extend(bytes.iter().take(room));
    }

    fn fail(&mut self, error: io::Error, phase: Phase) -> io::Error {
        let kind = error.kind();
        if let Verdict::Failure(failure) = tls::broken(error, phase) {
            self.error.get_or_insert(failure);
        }
        kind.into()
    }
}

/// The same [`Seen`] for whoever reads and whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Seen>>);

impl Shared {
    /// Has a look.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next portion in.
    pub(super) fn go_on(&self) {
        self.seen().portion = PORTION;
    }
}

/// A connection of which is noted what comes.
pub(super) struct Wire<S> {
    stream: S,
    shared: Shared,
    scratch: Box<[u8]>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, shared: Shared) -> Self {
        Self {
            stream,
            shared,
            scratch: vec![0; CHUNK].into(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = this.shared.seen().portion.min(buffer.remaining()).min(CHUNK);
        let Some(scratch) = this.scratch.get_mut(..room).filter(|scratch| !scratch.is_empty()) else {
            // Later, after a look.
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        let mut part = ReadBuf::new(scratch);
        let result = ready!(Pin::new(&mut this.stream).poll_read(context, &mut part));
        let mut seen = this.shared.seen();
        match result {
            Ok(()) => seen.note(part.filled()),
            Err(error) => return Poll::Ready(Err(seen.fail(error, Phase::Reading))),
        }
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = ready!(Pin::new(&mut this.stream).poll_write(context, bytes));
        Poll::Ready(result.map_err(|error| this.shared.seen().fail(error, Phase::Sending)))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
