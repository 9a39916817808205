//! The probes: each one an async function from a request and a time limit to an outcome.
//!
//! A probe opens one socket, asks its question and closes it again. It keeps nothing, decides nothing about up and
//! down, always ends within its time limit, and holds no more than 64 KiB of what a server sends.
//! One current-thread runtime runs thousands of them.
//!
//! - `connect`: sockets, with all that the configuration says of them;
//! - `tls`: TLS over them;
//! - `datagram`: questions and answers of one packet;
//! - `http2`: one request over HTTP/2;
//! - `http`, `grpc`, `smtp`, `dns`, `udp`, `ping`: the checks of these names;
//! - `expect`, `agent`: dialogues that the configuration writes down, and what agents beside servers say of them;
//! - `random`: numbers that a stranger cannot guess;
//! - `progress`: how far a probe came, for the reason when time runs out.
#![forbid(unsafe_code)]

pub mod agent;
mod connect;
mod datagram;
pub mod dns;
pub mod expect;
pub mod grpc;
pub mod http;
mod http2;
pub mod ping;
mod progress;
mod random;
pub mod smtp;
pub mod tls;
pub mod udp;

use std::time::Duration;

use holdfast_health::probe::{AgentReport, Connection, NotTried, Outcome, Request, Verdict};
use tokio::time::{Instant, timeout_at};

use http::{Answer, Reader};
use progress::Progress;
use tls::{Identity, Setup};

/// What a server said, where somebody wants to know.
enum Said {
    Page(Answer),
    Report(Box<AgentReport>),
}

/// Runs probes, with what they have in common.
#[derive(Clone)]
pub struct Prober {
    tls: Setup,
}

impl Prober {
    /// A prober that shows servers who it is. What is wrong with `identity` is the outcome of each probe that needs it.
    pub fn new(identity: &Identity) -> Self {
        Self {
            tls: Setup::new(identity),
        }
    }

    /// Runs one probe. It ends at the latest after `deadline`. Must be called within a tokio runtime with IO and time.
    pub async fn probe(&self, request: &Request, deadline: Duration) -> Outcome {
        self.run(request, false, deadline).await.0
    }

    /// Runs one probe like [`Self::probe`], and hands out the answer to an HTTP request that was a success.
    pub async fn fetch(&self, request: &Request, deadline: Duration) -> (Outcome, Option<Answer>) {
        self.run(request, true, deadline).await
    }

    async fn run(&self, request: &Request, keeps: bool, deadline: Duration) -> (Outcome, Option<Answer>) {
        let start = Instant::now();
        let mut progress = Progress::default();
        let result = match start.checked_add(deadline) {
            Some(end) => match timeout_at(end, self.ask(request, keeps, &mut progress)).await {
                Ok(result) => result,
                Err(_) => Err(progress.out_of_time()),
            },
            // Later than the clock can tell is never.
            None => self.ask(request, keeps, &mut progress).await,
        };
        let (verdict, answer) = match result {
            Ok(answer) => (Verdict::Success, answer),
            Err(verdict) => (verdict, None),
        };
        let mut outcome = Outcome::new(verdict, start.elapsed());
        let answer = match answer {
            Some(Said::Page(answer)) => Some(answer),
            Some(Said::Report(report)) => {
                outcome.agent = Some(report);
                None
            }
            None => None,
        };
        (outcome, answer)
    }

    async fn ask(&self, request: &Request, keeps: bool, progress: &mut Progress) -> Result<Option<Said>, Verdict> {
        match request {
            Request::HttpGet {
                connection,
                tls,
                protocol,
                url,
            } => {
                let reader = if keeps { Reader::keeping(url) } else { Reader::new(url) };
                let answer = match tls {
                    None => http::get(connection, *protocol, reader, progress).await,
                    Some(tls) => http::get_over_tls(connection, (&self.tls, tls), *protocol, reader, progress).await,
                };
                return answer.map(|answer| answer.map(Said::Page));
            }
            Request::Tcp(connection) => tcp(connection, progress).await,
            Request::Grpc(probe) => grpc::check(probe, &self.tls, progress).await,
            Request::Smtp(probe) => smtp::talk(probe, progress).await,
            Request::Dns(probe) => dns::ask(probe, progress).await,
            Request::Udp(probe) => udp::send(probe, progress).await,
            Request::Ping(probe) => ping::echo(probe, progress).await,
            Request::Expect(probe) => expect::talk(probe, &self.tls, progress).await,
            Request::Agent(probe) => {
                let report = agent::hear(probe, progress).await?;
                return Ok(Some(Said::Report(Box::new(report))));
            }
            // No command runs in this process: whoever has one run does not come here.
            Request::Misc(_) => Err(Verdict::NotTried(NotTried::Lost)),
        }
        .map(|()| None)
    }
}

/// `TCP_CHECK`: the connection can be opened.
async fn tcp(connection: &Connection, progress: &mut Progress) -> Result<(), Verdict> {
    connect::connect(connection, progress).await.map(drop)
}
