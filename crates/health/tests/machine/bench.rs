//! A driver on a virtual clock, with servers that answer as a test tells them to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use holdfast_health::action::Notification;
use holdfast_health::event::{CheckerId, Generation};
use holdfast_health::probe::{AgentReport, Connection, Failure, Outcome, Probe, Request, TcpProbe, Verdict};
use holdfast_health::settings::{Checker, RealServer, Recovery, Settings, SorryServer, VirtualServer};
use holdfast_health::{Action, Event, Health};
use holdfast_ipvs::table::{
    Destination, DestinationKey, Forwarding, Protocol, Service, ServiceFlags, ServiceKey, Table,
};
use holdfast_time::Timestamp;

pub(crate) const fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}

pub(crate) fn service(last: u8) -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: address(&format!("192.0.2.{last}")),
        port: 80,
    }
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn real(last: u8) -> DestinationKey {
    DestinationKey {
        address: address(&format!("198.51.100.{last}")),
        port: 80,
    }
}

pub(crate) fn destination(weight: u32) -> Destination {
    Destination {
        forwarding: Forwarding::Masquerade,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// A virtual server `192.0.2.LAST` with quorum 1 and these real servers.
pub(crate) fn virtual_server(last: u8, real_servers: Vec<RealServer>) -> VirtualServer {
    VirtualServer {
        name: service(last).to_string(),
        services: vec![service(last)],
        service: Service {
            scheduler: "wrr".to_owned(),
            flags: ServiceFlags::default(),
            persistence_timeout_s: None,
            persistence_prefix_len: 32,
            persistence_engine: None,
        },
        quorum: 1,
        hysteresis: 0,
        marked_addresses: Vec::new(),
        ha_suspend: false,
        omega: false,
        sorry_server: None,
        real_servers,
    }
}

pub(crate) fn sorry(last: u8) -> SorryServer {
    SorryServer {
        name: name(last),
        key: real(last),
        destination: destination(1),
        inhibit: false,
    }
}

/// A real server `198.51.100.LAST` with one `TCP_CHECK` each 10 s that retries once after 1 s.
pub(crate) fn real_server(last: u8, weight: u32) -> RealServer {
    RealServer {
        name: name(last),
        key: real(last),
        destination: destination(weight),
        inhibit_on_failure: false,
        recovery: Recovery::default(),
        checkers: vec![tcp_check(last)],
    }
}

pub(crate) fn name(last: u8) -> String {
    format!("[{}]:tcp:80", real(last).address)
}

pub(crate) fn tcp_check(last: u8) -> Checker {
    Checker {
        probe: Probe::Tcp(TcpProbe {
            connection: Connection {
                address: real(last).address,
                port: 80,
                bind_address: None,
                bind_port: 0,
                bind_interface: None,
                mark: 0,
                timeout: seconds(5),
            },
        }),
        delay_loop: seconds(10),
        delay_before_retry: seconds(1),
        retry: 1,
        rise: 1,
        time_limit: None,
        jitter: Duration::ZERO,
        warmup: Duration::ZERO,
        alpha: false,
        log_all_failures: false,
    }
}

pub(crate) fn settings(virtual_servers: impl IntoIterator<Item = VirtualServer>) -> Settings {
    Settings {
        virtual_servers: virtual_servers.into_iter().collect(),
        notify_first_state: false,
        tell_managers_of_the_end: false,
        share_checks: false,
        files: BTreeMap::new(),
    }
}

/// The driver: it keeps the kernel's table by the actions alone, and a transcript of everything.
pub(crate) struct Bench {
    pub(crate) health: Health,
    pub(crate) now: Timestamp,
    pub(crate) kernel: Table,
    /// Servers that refuse connections.
    pub(crate) dead: BTreeSet<IpAddr>,
    /// Servers that never answer.
    pub(crate) silent: BTreeSet<IpAddr>,
    /// The weight that every success asks for.
    pub(crate) asked_weight: Option<u32>,
    /// What every agent says.
    pub(crate) report: Option<AgentReport>,
    /// How every probe ends.
    pub(crate) fail_with: Option<Verdict>,
    /// The weights that commands ask for; a command's name is the address that it looks at.
    pub(crate) asked_by_commands: BTreeMap<IpAddr, u32>,
    /// The weights that they asked for when they last succeeded.
    pub(crate) last_asked: BTreeMap<IpAddr, u32>,
    pub(crate) in_flight: BTreeMap<CheckerId, Generation>,
    /// When each server was probed.
    pub(crate) probes: Vec<(Timestamp, IpAddr)>,
    /// How long each probe may take.
    pub(crate) time_limits: Vec<Duration>,
    transcript: Vec<String>,
}

impl Bench {
    pub(crate) fn new(settings: Settings) -> Self {
        Self::with_kernel(settings, Table::default(), None)
    }

    /// A start with this table in the kernel, which is adopted if `adopt` says so.
    pub(crate) fn with_kernel(settings: Settings, kernel: Table, adopt: Option<&Table>) -> Self {
        let mut bench = Self {
            health: Health::new(Timestamp::ZERO, settings, 7),
            now: Timestamp::ZERO,
            kernel,
            dead: BTreeSet::new(),
            silent: BTreeSet::new(),
            asked_weight: None,
            report: None,
            fail_with: None,
            asked_by_commands: BTreeMap::new(),
            last_asked: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            probes: Vec::new(),
            time_limits: Vec::new(),
            transcript: Vec::new(),
        };
        if let Some(table) = adopt {
            bench.handle(Event::Adopt(table.clone()));
        } else {
            bench.drain();
        }
        bench
    }

    pub(crate) fn handle(&mut self, event: Event) {
        self.health.handle(self.now, event);
        self.drain();
    }

    /// Does what the machine asks for; probes answer at once.
    fn drain(&mut self) {
        while let Some(action) = self.health.next_action() {
            match action {
                Action::StartProbe {
                    checker,
                    generation,
                    request,
                    deadline,
                } => {
                    self.time_limits.push(deadline);
                    let target = target(&request);
                    let asked = match *request {
                        Request::Misc(_) => self.asked_by_commands.get(&target).copied(),
                        _ => self.asked_weight,
                    };
                    let twice = self.in_flight.insert(checker, generation);
                    assert_eq!(twice, None, "two probes of one check in flight");
                    self.probes.push((self.now, target));
                    if !self.silent.contains(&target) {
                        let verdict = if let Some(verdict) = &self.fail_with {
                            verdict.clone()
                        } else if self.dead.contains(&target) {
                            Verdict::Failure(Failure::Refused)
                        } else {
                            self.last_asked.remove(&target);
                            self.last_asked.extend(asked.map(|weight| (target, weight)));
                            Verdict::Success
                        };
                        self.answer_asking(checker, verdict, asked);
                    }
                }
                Action::ForgetProbe(checker) => {
                    self.in_flight.remove(&checker);
                }
                Action::ServiceChanged(key) => {
                    self.transcript.push(format!("table {key}"));
                    match self.health.wanted_service(&key) {
                        Some(entry) => self.kernel.services.insert(key, entry),
                        None => self.kernel.services.remove(&key),
                    };
                }
                Action::Notify(notification) => self.transcript.push(notification_text(&notification)),
                Action::Log(message) => self.transcript.push(message.to_string()),
            }
        }
        assert_eq!(
            self.kernel,
            self.health.wanted(),
            "the actions did not lead to the wanted table"
        );
    }

    pub(crate) fn answer(&mut self, checker: CheckerId, verdict: Verdict) {
        self.answer_asking(checker, verdict, self.asked_weight);
    }

    fn answer_asking(&mut self, checker: CheckerId, verdict: Verdict, weight: Option<u32>) {
        let generation = self.in_flight.remove(&checker).unwrap();
        let outcome = Outcome {
            weight,
            agent: self.report.clone().map(Box::new),
            ..Outcome::new(verdict, Duration::from_millis(1))
        };
        self.health.handle(
            self.now,
            Event::ProbeDone {
                checker,
                generation,
                outcome,
            },
        );
    }

    /// Lets the time pass, with all its deadlines.
    pub(crate) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(at) = self.health.next_deadline().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            self.handle(Event::Deadline);
        }
        self.now = end;
    }

    pub(crate) fn kill(&mut self, last: u8) {
        self.dead.insert(real(last).address);
    }

    pub(crate) fn revive(&mut self, last: u8) {
        self.dead.remove(&real(last).address);
    }

    /// Everything said and done since the last look, but for lines that no test but one wants to see.
    pub(crate) fn transcript(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.transcript);
        lines.retain(|line| !line.starts_with("Activating") && !line.starts_with("TCP connection"));
        lines
    }

    pub(crate) fn whole_transcript(&mut self) -> Vec<String> {
        std::mem::take(&mut self.transcript)
    }

    /// The destinations of `192.0.2.LAST`, as `ADDRESS-LAST:WEIGHT`.
    pub(crate) fn pool(&self, last: u8) -> Vec<String> {
        let Some(entry) = self.kernel.services.get(&service(last)) else {
            return vec!["absent".to_owned()];
        };
        let text = |(key, destination): (&DestinationKey, &Destination)| {
            let address = key.address.to_string();
            format!("{}:{}", address.rsplit('.').next().unwrap(), destination.weight)
        };
        entry.destinations.iter().map(text).collect()
    }
}

/// What a probe looks at.
pub(crate) fn target(request: &Request) -> IpAddr {
    match request {
        Request::Misc(probe) => address(&probe.script),
        other => other.connection().unwrap().address,
    }
}

fn notification_text(notification: &Notification) -> String {
    let state = |up: bool| if up { "UP" } else { "DOWN" };
    match notification {
        Notification::RealServer {
            virtual_server,
            real_server,
            up,
            ..
        } => {
            format!("RS {real_server} {virtual_server} {}", state(*up))
        }
        Notification::Check {
            real_server,
            keyword,
            outcome,
            ..
        } => format!("CHECK {keyword} {real_server} {outcome:?}"),
        Notification::Quorum { virtual_server, up, .. } => format!("VS {virtual_server} {}", state(*up)),
    }
}
