//! The connection with the master agent: opened by the supervisor where it is a file, by ourselves where it is TCP. Nothing here ever waits for the agent: what it does not read is kept, up to a bound.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::net::{TcpStream, UnixStream};

use crate::agent_door::DoorWay;
use crate::ipc::{self, FromSnmp};
use crate::plan::snmp::AgentAddress;

/// An agent that leaves so many bytes unread has stopped reading.
const MOST_UNREAD: usize = 4 * 1024 * 1024;

/// Read at once.
const CHUNK: usize = 16 * 1024;

/// The connection, or what there is of it.
pub(super) struct Connection {
    door: DoorWay,
    supervisor: ipc::Sender<FromSnmp>,
    agent: Option<AgentAddress>,
    state: State,
    /// Accepted from us, but not yet by the kernel
    unsent: Vec<u8>,
    /// It cannot be used any more, for this reason
    broken: Option<String>,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    /// The supervisor is asked for one
    AtTheDoor,
    Connecting(Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>),
    Connected(Stream),
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// What became of it.
#[derive(Debug)]
pub(super) enum News {
    /// It is there
    Connected,
    /// The agent said something
    Received(Vec<u8>),
    /// It is gone, or could not be made
    Gone(String),
}

impl Connection {
    /// None yet.
    pub(super) fn new(door: DoorWay, supervisor: ipc::Sender<FromSnmp>) -> Self {
        Self {
            door,
            supervisor,
            agent: None,
            state: State::None,
            unsent: Vec::new(),
            broken: None,
        }
    }

    /// Where the agent is.
    pub(super) fn agent(&self) -> Option<&AgentAddress> {
        self.agent.as_ref()
    }

    /// The next connection goes there.
    pub(super) fn set_agent(&mut self, agent: Option<AgentAddress>) {
        self.agent = agent;
    }

    /// Begins to connect.
    pub(super) fn connect(&mut self) {
        self.disconnect();
        match &self.agent {
            Some(AgentAddress::Unix(_)) => {
                self.door.clear();
                // A supervisor that is gone is noticed at the next receive.
                let _ = self.supervisor.send(&FromSnmp::Connect);
                self.state = State::AtTheDoor;
            }
            Some(AgentAddress::Tcp(address)) => self.state = State::Connecting(Box::pin(TcpStream::connect(*address))),
            None => {}
        }
    }

    /// Ends the connection; what the kernel does not take at once is lost.
    pub(super) fn disconnect(&mut self) {
        self.state = State::None;
        self.unsent = Vec::new();
        self.broken = None;
    }

    /// Sends, now or as soon as it can be done.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let State::Connected(stream) = &self.state else {
            return;
        };
        if self.broken.is_some() {
            return;
        }
        if self.unsent.len().saturating_add(bytes.len()) > MOST_UNREAD {
            self.broken = Some("it has stopped reading".to_owned());
            return;
        }
        self.unsent.extend_from_slice(bytes);
        if let Err(error) = stream.write_some(&mut self.unsent) {
            self.broken = Some(error.to_string());
        }
    }

    /// Waits for news. Can be cancelled without loss.
    pub(super) async fn next(&mut self) -> News {
        if let Some(reason) = self.broken.take() {
            self.disconnect();
            return News::Gone(reason);
        }
        let news = match &mut self.state {
            State::None => std::future::pending().await,
            State::AtTheDoor => match self.door.connection().await {
                Ok(stream) => return self.connected(Stream::Unix(stream)),
                Err(error) => Err(error),
            },
            State::Connecting(connecting) => match connecting.await {
                Ok(stream) => return self.connected(Stream::Tcp(stream)),
                Err(error) => Err(error),
            },
            State::Connected(stream) => stream.next(&mut self.unsent).await,
        };
        match news {
            Ok(bytes) => News::Received(bytes),
            Err(error) => {
                self.disconnect();
                News::Gone(error.to_string())
            }
        }
    }

    fn connected(&mut self, stream: Stream) -> News {
        self.state = State::Connected(stream);
        News::Connected
    }

    /// Waits until all is sent.
    pub(super) async fn drain(&mut self) {
        if let State::Connected(stream) = &self.state {
            while !self.unsent.is_empty() {
                let could = stream.writable().await;
                if could.and_then(|()| stream.write_some(&mut self.unsent)).is_err() {
                    return;
                }
            }
        }
    }
}

impl Stream {
    async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.readable().await,
            Self::Tcp(stream) => stream.readable().await,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.writable().await,
            Self::Tcp(stream) => stream.writable().await,
        }
    }

    /// Writes what the kernel takes now.
    fn write_some(&self, unsent: &mut Vec<u8>) -> io::Result<()> {
        while !unsent.is_empty() {
            let written = match self {
                Self::Unix(stream) => stream.try_write(unsent),
                Self::Tcp(stream) => stream.try_write(unsent),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(unsent.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for bytes, and sends meanwhile what waits for that.
    async fn next(&self, unsent: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        loop {
            tokio::select! {
                could = self.readable() => {
                    could?;
                    if let Some(bytes) = self.read_some()? {
                        return Ok(bytes);
                    }
                }
                could = self.writable(), if !unsent.is_empty() => {
                    could?;
                    self.write_some(unsent)?;
                }
            }
        }
    }

    /// `None`: nothing is there after all.
    fn read_some(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; CHUNK];
        let read = match self {
            Self::Unix(stream) => stream.try_read(&mut bytes),
            Self::Tcp(stream) => stream.try_read(&mut bytes),
        };
        match read {
            Ok(0) => Err(io::Error::other("it has closed the connection")),
            Ok(length) => {
                bytes.truncate(length);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
