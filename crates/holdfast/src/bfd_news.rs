//! What becomes of BFD sessions goes straight from the BFD process to the VRRP process and to the checker: a failover must
//! not wait for the supervisor. Each of the two has a line of its own, a pair of datagram sockets.
//!
//! The supervisor makes the lines once and holds both ends, so that they outlive any child: who is restarted gets the same
//! end again, with what was said meanwhile. A process that starts, or has new settings, asks for everything; the BFD
//! process says everything when it starts. Nobody ever waits for the other.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram as StdDatagram;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::net::UnixDatagram;

use crate::role::Role;

/// The VRRP process and the checker find their end here; the BFD process its end of the line to the VRRP process.
const FIRST_FD: RawFd = 4;

/// The BFD process: its end of the line to the checker.
const SECOND_FD: RawFd = 5;

/// Higher than any of the numbers above: so no end is overwritten while another takes its place in a child.
const FREE_FROM: RawFd = 16;

/// More than any message is long; one with the longest name takes a tenth of it.
const MESSAGE_BYTES: usize = 1024;

/// The question of a process that wants to hear of every session.
const QUESTION: &[u8] = b"all";

/// A word about one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdNews {
    /// Name of the `bfd_instance`
    pub session: String,
    /// Up: both ends hear each other
    pub up: bool,
}

/// Both lines, as the supervisor keeps them.
#[derive(Debug)]
pub struct NewsLines {
    to_vrrp: Line,
    to_checker: Line,
}

#[derive(Debug)]
struct Line {
    speaker: OwnedFd,
    listener: OwnedFd,
}

impl NewsLines {
    /// Makes both lines.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            to_vrrp: Line::new()?,
            to_checker: Line::new()?,
        })
    }

    /// What a child of this role has to find under which descriptor.
    pub fn ends_for(&self, role: Role) -> anyhow::Result<Vec<(OwnedFd, RawFd)>> {
        let ends = match role {
            Role::Vrrp => vec![(&self.to_vrrp.listener, FIRST_FD)],
            Role::Checker => vec![(&self.to_checker.listener, FIRST_FD)],
            Role::Bfd => vec![(&self.to_vrrp.speaker, FIRST_FD), (&self.to_checker.speaker, SECOND_FD)],
            Role::Snmp | Role::Dbus => Vec::new(),
        };
        ends.into_iter()
            .map(|(end, number)| Ok((duplicate(end)?, number)))
            .collect()
    }

    /// Where there is no BFD process, no session is up: tells the VRRP process so in its place.
    pub fn all_down(&self, sessions: impl Iterator<Item = String>) {
        for session in sessions {
            let news = BfdNews { session, up: false };
            if let Ok(message) = serde_json::to_vec(&news) {
                // More than fits is more than anybody can track.
                let _ = nix::sys::socket::send(
                    self.to_vrrp.speaker.as_raw_fd(),
                    &message,
                    nix::sys::socket::MsgFlags::MSG_DONTWAIT,
                );
            }
        }
    }
}

impl Line {
    fn new() -> anyhow::Result<Self> {
        let (speaker, listener) = StdDatagram::pair().context("cannot make a socket pair")?;
        speaker.set_nonblocking(true)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            speaker: duplicate(&speaker)?,
            listener: duplicate(&listener)?,
        })
    }
}

/// A copy under a number that no child finds anything under.
pub fn duplicate(descriptor: &impl AsFd) -> anyhow::Result<OwnedFd> {
    let copy = nix::fcntl::fcntl(descriptor, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(FREE_FROM))
        .context("cannot duplicate a descriptor")?;
    Ok(owned(copy))
}

#[expect(unsafe_code, reason = "nix returns the new descriptor as a number")]
fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: `fcntl` has just made this descriptor for us, and nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// The end that the supervisor left for this child.
#[expect(
    unsafe_code,
    reason = "a descriptor that was handed over at exec can only be claimed by its number"
)]
fn inherited(number: RawFd) -> anyhow::Result<UnixDatagram> {
    // SAFETY: the number is only asked about, during one call in which nobody closes it; if it is not open that is an error.
    nix::sys::stat::fstat(unsafe { std::os::fd::BorrowedFd::borrow_raw(number) })
        .context("no line for news of BFD: this role is started by the supervisor only")?;
    // SAFETY: the supervisor put the socket under this number before exec, and nobody else claims it.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    let end = StdDatagram::from(descriptor);
    end.set_nonblocking(true)?;
    Ok(UnixDatagram::from_std(end)?)
}

/// Where the VRRP process or the checker hears of sessions.
#[derive(Debug)]
pub struct NewsReceiver {
    line: UnixDatagram,
}

impl NewsReceiver {
    /// This process's end. Call within the runtime, once, before anything else is opened.
    pub fn inherited() -> anyhow::Result<Self> {
        Ok(Self {
            line: inherited(FIRST_FD)?,
        })
    }

    /// Asks to hear of every session; without a BFD process nobody answers.
    pub fn ask(&self) {
        // Where the line is full of questions, one more changes nothing.
        let _ = self.line.try_send(QUESTION);
    }

    /// Waits for the next word. Can be cancelled without loss.
    pub async fn next(&self) -> io::Result<BfdNews> {
        let mut message = [0; MESSAGE_BYTES];
        loop {
            let length = self.line.recv(&mut message).await?;
            let news = message
                .get(..length)
                .and_then(|message| serde_json::from_slice(message).ok());
            if let Some(news) = news {
                return Ok(news);
            }
            tracing::error!("a word about BFD is not understood");
        }
    }
}

/// Where the BFD process tells one of the others. What does not fit waits here, the last word about each session only.
#[derive(Debug)]
pub struct Outlet {
    line: UnixDatagram,
    unsent: BTreeMap<String, bool>,
}

impl Outlet {
    /// The BFD process's ends of the lines to the VRRP process and to the checker. Call within the runtime, once, before
    /// anything else is opened.
    pub fn inherited() -> anyhow::Result<(Self, Self)> {
        Ok((Self::of(inherited(FIRST_FD)?), Self::of(inherited(SECOND_FD)?)))
    }

    fn of(line: UnixDatagram) -> Self {
        Self {
            line,
            unsent: BTreeMap::new(),
        }
    }

    /// Tells something, at once if the line has room.
    pub fn tell(&mut self, news: impl IntoIterator<Item = BfdNews>) {
        self.unsent
            .extend(news.into_iter().map(|BfdNews { session, up }| (session, up)));
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        while let Some((session, up)) = self.unsent.pop_first() {
            let news = BfdNews { session, up };
            let sent = serde_json::to_vec(&news)
                .map_err(io::Error::from)
                .and_then(|message| self.line.try_send(&message));
            match sent {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unsent.insert(news.session, news.up);
                    return;
                }
                Err(error) => tracing::error!("cannot tell of BFD session {}: {error}", news.session),
            }
        }
    }

    /// Waits until the other side asks for everything; sends meanwhile what did not fit before. Can be cancelled without
    /// loss.
    pub async fn question(&mut self) -> io::Result<()> {
        let mut message = [0; MESSAGE_BYTES];
        loop {
            let line = &self.line;
            tokio::select! {
                received = line.recv(&mut message) => {
                    let length = received?;
                    if message.get(..length) == Some(QUESTION) {
                        return Ok(());
                    }
                }
                ready = line.writable(), if !self.unsent.is_empty() => {
                    ready?;
                    self.send_waiting();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn news(session: &str, up: bool) -> BfdNews {
        BfdNews {
            session: session.to_owned(),
            up,
        }
    }

    fn line() -> (Outlet, NewsReceiver) {
        let (speaker, listener) = UnixDatagram::pair().unwrap();
        (Outlet::of(speaker), NewsReceiver { line: listener })
    }

    #[tokio::test]
    async fn words_arrive_in_order_and_questions_come_back() {
        let (mut outlet, receiver) = line();
        outlet.tell([news("a", false)]);
        outlet.tell([news("a", true)]);
        assert_eq!(receiver.next().await.unwrap(), news("a", false));
        assert_eq!(receiver.next().await.unwrap(), news("a", true));
        receiver.ask();
        outlet.question().await.unwrap();
    }

    /// Whoever does not listen holds up nobody, and hears the last word about each session in the end.
    #[tokio::test]
    async fn a_listener_that_hangs_costs_no_wait_and_no_last_word() {
        let (mut outlet, receiver) = line();
        for turn in 0..20_000 {
            let session = format!("session {}", turn % 10);
            outlet.tell([news(&session, turn % 3 == 0)]);
        }
        assert_eq!(
            outlet.unsent.len(),
            10,
            "the line is full, and no more than ten words wait"
        );
        let last: BTreeMap<String, bool> = (19_990..20_000)
            .map(|turn| (format!("session {}", turn % 10), turn % 3 == 0))
            .collect();
        let mut heard = BTreeMap::new();
        let listen = async {
            while heard != last {
                tokio::select! {
                    word = receiver.next() => {
                        let word = word.unwrap();
                        heard.insert(word.session, word.up);
                    }
                    question = outlet.question() => question.unwrap(),
                }
            }
        };
        let outcome = tokio::time::timeout(Duration::from_mins(1), listen).await;
        assert!(outcome.is_ok(), "{heard:?}");
    }

    #[test]
    fn every_role_finds_its_end_under_numbers_that_do_not_collide() {
        let lines = NewsLines::new().unwrap();
        for (role, numbers) in [
            (Role::Vrrp, vec![FIRST_FD]),
            (Role::Checker, vec![FIRST_FD]),
            (Role::Bfd, vec![FIRST_FD, SECOND_FD]),
        ] {
            let ends = lines.ends_for(role).unwrap();
            assert_eq!(ends.iter().map(|(_, number)| *number).collect::<Vec<_>>(), numbers);
            assert!(ends.iter().all(|(end, _)| end.as_raw_fd() >= FREE_FROM));
        }
    }
}
