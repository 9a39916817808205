//! Waiting for a descriptor: the only place that registers one with the runtime.
#![allow(unsafe_code)]

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use neli::socket::NlSocket;
use nix::sys::timerfd::TimerFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::error::NetError;

/// What was read, and whether there is more.
pub(crate) enum Taken<R> {
    /// Nothing is left, or what is left came after the reading had begun.
    All(R),
    /// There may be more.
    Some(R),
}

/// Types that own a descriptor: it stays open and stays the same until they are dropped.
pub(crate) trait OwnsDescriptor: sealed::Sealed {
    fn descriptor(&self) -> RawFd;
}

impl OwnsDescriptor for socket2::Socket {
    fn descriptor(&self) -> RawFd {
        self.as_raw_fd()
    }
}

impl OwnsDescriptor for TimerFd {
    fn descriptor(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl OwnsDescriptor for NlSocket {
    fn descriptor(&self) -> RawFd {
        self.as_raw_fd()
    }
}

mod sealed {
    /// Keeps the list of owning types in this file, next to the promise that depends on it.
    pub(crate) trait Sealed {}
    impl Sealed for socket2::Socket {}
    impl Sealed for nix::sys::timerfd::TimerFd {}
    impl Sealed for neli::socket::NlSocket {}
}

struct Owner<T>(T);

impl<T: OwnsDescriptor> AsRawFd for Owner<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.descriptor()
    }
}

/// A non-blocking descriptor that can be waited for until there is something to read.
pub(crate) struct Readiness<T: OwnsDescriptor>(AsyncFd<Owner<T>>);

impl<T: OwnsDescriptor> Readiness<T> {
    /// Registers `inner` for reading. Must be called within a runtime with IO enabled; panics outside of one.
    pub(crate) fn new(inner: T, object: impl Into<String>) -> Result<Self, NetError> {
        // SAFETY: `Owner` holds one of the sealed types above. Each owns its descriptor and gives no way to close or
        // replace it through a shared reference, which is all that `get` hands out; `AsyncFd` deregisters before it
        // drops the owner.
        unsafe { AsyncFd::register_with_interest(Owner(inner), Interest::READABLE) }
            .map(Self)
            .map_err(NetError::system("watch", object))
    }

    /// What was registered.
    pub(crate) fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Waits until `read` does anything but fail with `WouldBlock`. Cancel safe: there is no await after `read`.
    pub(crate) async fn read<R>(&self, mut read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let mut some = |inner: &T| read(inner).map(Taken::Some);
        poll_fn(|context| self.poll_take(context, &mut some)).await
    }

    /// As [`read`](Self::read), where `take` says whether it took all there was.
    pub(crate) async fn take<R>(&self, mut take: impl FnMut(&T) -> io::Result<Taken<R>>) -> io::Result<R> {
        poll_fn(|context| self.poll_take(context, &mut take)).await
    }

    /// As [`read`](Self::read), for a task that waits for several descriptors. Only the last waker is remembered.
    pub(crate) fn poll_read<R>(
        &self,
        context: &mut Context<'_>,
        mut read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_take(context, |inner| read(inner).map(Taken::Some))
    }

    /// As [`take`](Self::take), for a task that waits for several descriptors. Only the last waker is remembered.
    pub(crate) fn poll_take<R>(
        &self,
        context: &mut Context<'_>,
        mut take: impl FnMut(&T) -> io::Result<Taken<R>>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            match guard.try_io(|owner| take(&owner.get_ref().0)) {
                Ok(Ok(Taken::All(taken))) => {
                    // What comes now makes the descriptor ready anew, so nobody has to ask it once more in vain.
                    guard.clear_ready();
                    return Poll::Ready(Ok(taken));
                }
                Ok(Ok(Taken::Some(taken))) => return Poll::Ready(Ok(taken)),
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(test)]
impl<T: OwnsDescriptor> Readiness<T> {
    /// Waits until the runtime has seen the descriptor ready, and reads nothing.
    pub(crate) async fn wait_readable(&self) {
        self.0.readable().await.unwrap().retain_ready();
    }
}

impl<T: OwnsDescriptor> fmt::Debug for Readiness<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.get().descriptor()).finish()
    }
}
