//! Clients: a load of new connections, and one connection that lasts.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, ensure};
use socket2::Socket;

use crate::node::{Node, enter_network};
use crate::source_ports::SourcePorts;
use crate::wait::{Record, seconds_between};

/// How long one request may take from the first packet to the last: as long as a busy guest needs, and not so long that a
/// SYN that was dropped is sent again (after a second, RFC 6298), which would hide the loss.
pub const REQUEST_LIMIT: Duration = Duration::from_millis(900);

/// How long a lasting connection waits for an answer: retransmissions bridge a failover.
const LASTING_LIMIT: Duration = Duration::from_secs(10);

/// No answer of ours is longer.
const BODY_LIMIT: usize = 4096;

/// One request on a connection of its own.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When the connection was begun.
    pub begin: SystemTime,
    /// When the answer was there, or was given up.
    pub end: SystemTime,
    /// Where it came from; 0 when it did not come so far.
    pub source_port: u16,
    /// The name of the server that answered, or what went wrong.
    pub outcome: Result<String, String>,
}

impl Attempt {
    /// Whether this server answered.
    pub fn is_from(&self, server: &str) -> bool {
        self.outcome.as_deref() == Ok(server)
    }
}

/// A client that begins a new connection at fixed times, whatever became of the others.
#[derive(Debug)]
pub struct Load {
    begin: SystemTime,
    attempts: Arc<Record<Attempt>>,
    done: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Requests from `node` to `target`, one every `interval`.
    pub fn start(node: &Node, target: SocketAddr, interval: Duration) -> Result<Self> {
        let attempts = Arc::new(Record::new());
        let done = Arc::new(AtomicBool::new(false));
        // As many as can be under way at once, and a few more for a busy machine.
        let count = u32::try_from(REQUEST_LIMIT.as_millis() / interval.as_millis().max(1))? + 3;
        let start = Instant::now();
        let worker = |number: u32| {
            let (network, attempts, done) = (node.network(), Arc::clone(&attempts), Arc::clone(&done));
            let ports = node.source_ports();
            let work = move || {
                if let Err(problem) = enter_network(&network) {
                    let now = SystemTime::now();
                    attempts.push(Attempt {
                        begin: now,
                        end: now,
                        source_port: 0,
                        outcome: Err(problem.to_string()),
                    });
                    return;
                }
                let mut due = start + interval * number;
                while !done.load(Ordering::Relaxed) {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    attempts.push(attempt(target, &ports));
                    due += interval * count;
                }
            };
            std::thread::Builder::new().name("load".into()).spawn(work)
        };
        let workers = (0..count).map(worker).collect::<io::Result<_>>()?;
        Ok(Self {
            begin: SystemTime::now(),
            attempts,
            done,
            workers,
        })
    }

    /// Waits for an attempt begun at or after `since` that `wanted` accepts.
    pub fn wait_for(
        &self,
        what: &str,
        since: SystemTime,
        bound: Duration,
        wanted: impl Fn(&Attempt) -> bool,
    ) -> Result<Attempt> {
        self.attempts
            .wait_for(what, bound, |attempt| attempt.begin >= since && wanted(attempt))
    }

    /// Waits for an answer to a connection begun from now on, as after a takeover: clients hear of a new master a moment
    /// after it has the address.
    pub fn wait_for_service(&self, bound: Duration) -> Result<()> {
        self.wait_for("an answer", SystemTime::now(), bound, |attempt| attempt.outcome.is_ok())
            .map(drop)
    }

    /// From now on exactly these servers answer, each of them within `bound`, and nothing fails.
    pub fn ensure_served_by(&self, servers: &[&str], bound: Duration) -> Result<()> {
        let since = SystemTime::now();
        for server in servers {
            self.wait_for(server, since, bound, |attempt| attempt.is_from(server))?;
        }
        let protocol = self.since(since);
        ensure!(protocol.failures().is_empty(), "failed: {:?}", protocol.failures());
        ensure!(
            protocol.servers().keys().eq(servers.iter()),
            "wanted {servers:?}, saw {:?}",
            protocol.servers()
        );
        Ok(())
    }

    /// Every attempt begun at or after `since` and ended by now.
    pub fn since(&self, since: SystemTime) -> Protocol {
        let mut attempts = self.attempts.all();
        attempts.retain(|attempt| attempt.begin >= since);
        attempts.sort_by_key(|attempt| attempt.begin);
        Protocol {
            begin: since.max(self.begin),
            end: SystemTime::now(),
            attempts,
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so.
            let _ = worker.join();
        }
    }
}

/// What a load saw between two moments.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// Where it begins.
    pub begin: SystemTime,
    /// Where it ends.
    pub end: SystemTime,
    /// In the order in which they were begun.
    pub attempts: Vec<Attempt>,
}

impl Protocol {
    /// The longest time without a success, in seconds; begin and end count like successes.
    pub fn outage(&self) -> f64 {
        let mut successes: Vec<_> = self
            .attempts
            .iter()
            .filter(|a| a.outcome.is_ok())
            .map(|a| a.end)
            .collect();
        successes.extend([self.begin, self.end]);
        successes.sort();
        successes
            .windows(2)
            .filter_map(|pair| Some(seconds_between(*pair.first()?, *pair.last()?)))
            .fold(0.0, f64::max)
    }

    /// How many answers came from each server.
    pub fn servers(&self) -> BTreeMap<&str, usize> {
        let mut servers = BTreeMap::new();
        for server in self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.outcome.as_deref().ok())
        {
            *servers.entry(server).or_default() += 1;
        }
        servers
    }

    /// The attempts that failed.
    pub fn failures(&self) -> Vec<&Attempt> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.outcome.is_err())
            .collect()
    }
}

fn attempt(target: SocketAddr, ports: &SourcePorts) -> Attempt {
    let begin = SystemTime::now();
    let (source_port, outcome) = match ports.bound_socket(target).context("bind") {
        Ok((socket, port)) => (port, request(socket, target)),
        Err(problem) => (0, Err(problem)),
    };
    Attempt {
        begin,
        end: SystemTime::now(),
        source_port,
        outcome: outcome.map_err(|problem| format!("{problem:#}")),
    }
}

fn request(socket: Socket, target: SocketAddr) -> Result<String> {
    let deadline = Instant::now() + REQUEST_LIMIT;
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        // Zero would mean "no limit".
        if left.is_zero() { Duration::from_millis(1) } else { left }
    };
    socket.connect_timeout(&target.into(), left()).context("connect")?;
    let stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(left()))?;
    (&stream)
        .write_all(question(target, "close").as_bytes())
        .context("send")?;
    stream.set_read_timeout(Some(left()))?;
    answer(&mut BufReader::new(&stream)).context("receive")
}

fn question(target: SocketAddr, connection: &str) -> String {
    format!("GET /test.html HTTP/1.1\r\nHost: {target}\r\nConnection: {connection}\r\n\r\n")
}

/// Reads one answer and returns its body without the line end.
fn answer(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    ensure!(line.starts_with("HTTP/1.1 200 "), "answer {line:?}");
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length
        .filter(|length| *length <= BODY_LIMIT)
        .ok_or_else(|| anyhow!("no usable Content-Length"))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?.trim_end().to_owned())
}

/// A connection that carries one request after the other, as long as it lives.
#[derive(Debug)]
pub struct Lasting {
    target: SocketAddr,
    stream: BufReader<TcpStream>,
    server: String,
}

impl Lasting {
    /// Connects from `node`, and asks once.
    pub fn open(node: &Node, target: SocketAddr) -> Result<Self> {
        let connect = move || TcpStream::connect_timeout(&target, LASTING_LIMIT);
        let stream = node.within(connect)?.context("a lasting connection")?;
        stream.set_read_timeout(Some(LASTING_LIMIT))?;
        let mut lasting = Self {
            target,
            stream: BufReader::new(stream),
            server: String::new(),
        };
        lasting.server = lasting.question()?;
        Ok(lasting)
    }

    /// The server at the other end.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Asks again.
    ///
    /// # Errors
    /// The connection broke, or another server answered.
    pub fn ask(&mut self) -> Result<()> {
        let server = self.question().context("the lasting connection broke")?;
        ensure!(
            server == self.server,
            "{server} answers on a connection to {}",
            self.server
        );
        Ok(())
    }

    fn question(&mut self) -> Result<String> {
        self.stream
            .get_mut()
            .write_all(question(self.target, "keep-alive").as_bytes())?;
        answer(&mut self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn protocol(ends: &[(u64, bool)]) -> Protocol {
        let attempt = |&(end, good): &(u64, bool)| {
            let outcome = if good {
                Ok("web1".to_owned())
            } else {
                Err("refused".to_owned())
            };
            Attempt {
                begin: at(end),
                end: at(end),
                source_port: 1024,
                outcome,
            }
        };
        Protocol {
            begin: at(0),
            end: at(1000),
            attempts: ends.iter().map(attempt).collect(),
        }
    }

    #[test]
    fn outage_is_the_longest_time_without_success() {
        let near = |seen: f64, expected: f64| assert!((seen - expected).abs() < 1e-9, "{seen} != {expected}");
        near(
            protocol(&[(100, true), (500, false), (600, true), (900, true)]).outage(),
            0.5,
        );
        near(protocol(&[(600, true)]).outage(), 0.6);
        near(protocol(&[(300, true)]).outage(), 0.7);
        near(protocol(&[(300, false)]).outage(), 1.0);
    }

    #[test]
    fn answers_on_one_stream_are_told_apart() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nweb1\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\nX: y\r\n\r\nweb2\n";
        let mut stream = text.as_bytes();
        assert_eq!(answer(&mut stream).unwrap(), "web1");
        assert_eq!(answer(&mut stream).unwrap(), "web2");
        assert!(answer(&mut stream).is_err());
        assert!(answer(&mut "HTTP/1.1 503 Busy\r\n\r\n".as_bytes()).is_err());
    }
}
