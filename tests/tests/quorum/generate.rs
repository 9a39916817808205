//! Virtual servers made up by a seed.

use std::fmt::Write;
use std::net::Ipv4Addr;

use bed::seed::Chance;

/// How a test tells what a check of a real server finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// `TCP_CHECK`: 0 is a server that listens, 1 is one that does not.
    Tcp,
    /// `MISC_CHECK` with `misc_dynamic`: the exit status.
    Misc,
    /// `FILE_CHECK` without weight: 0 is up, 1 is down.
    File,
    /// `FILE_CHECK` with this weight: the number in the file.
    WeightedFile(i64),
}

/// A real server.
#[derive(Clone, Debug)]
pub(super) struct Real {
    /// `SERVICE-SERVER`, for files
    pub(super) name: String,
    /// Its own: no other service has it
    pub(super) address: Ipv4Addr,
    pub(super) weight: u32,
    pub(super) inhibit: bool,
    pub(super) driver: Driver,
    /// What its check finds now
    pub(super) value: i64,
}

/// What a virtual server is called in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Address,
    Fwmark,
    /// An address and a firewall mark
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sorry {
    None,
    Other,
    /// The first real server
    Same,
}

/// A virtual server with what its checks find.
#[derive(Clone, Debug)]
pub(super) struct Service {
    number: u8,
    kind: Kind,
    lb_kind: &'static str,
    pub(super) alpha: bool,
    inhibit: bool,
    quorum: Option<u32>,
    hysteresis: Option<u32>,
    sorry: Sorry,
    sorry_inhibit: bool,
    pub(super) reals: Vec<Real>,
    /// What was changed, for people
    pub(super) history: Vec<String>,
}

/// One change of one real server.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) real: Real,
    /// `None`: the weight alone may change
    pub(super) up: Option<bool>,
}

impl Real {
    fn new(chance: &mut Chance, service: u8, number: u8) -> Self {
        use Driver::{File, Misc, Tcp, WeightedFile};
        let driver = chance.one_of([Tcp, Tcp, Tcp, File, File, File, Misc, WeightedFile(1), WeightedFile(3)]);
        let dead = chance.one_of([true, false, false, false, false]);
        Self {
            name: format!("{service}-{number}"),
            address: Ipv4Addr::new(10, 9, service, number),
            // Not all 0: keepalived 2.2.7 then never has a quorum, as its hysteresis wraps around.
            weight: chance.one_of([u32::from(number == 1), 1, 1, 1, 2, 3, 5, 10]),
            inhibit: chance.one_of([true, false, false, false]),
            driver,
            value: i64::from(dead && !matches!(driver, WeightedFile(_))),
        }
    }

    /// Whether its check passes.
    pub(super) fn up(&self) -> bool {
        matches!(self.driver, Driver::WeightedFile(_)) || self.value != 1
    }

    fn checker(&self) -> String {
        let name = &self.name;
        match self.driver {
            Driver::Tcp => "TCP_CHECK {\n connect_port 80\n connect_timeout 5\n retry 0\n }".to_owned(),
            Driver::Misc => format!(
                "MISC_CHECK {{\n misc_path \"/bin/sh /run/status.sh {name}\"\n misc_timeout 20\n misc_dynamic\n }}"
            ),
            Driver::File => format!("FILE_CHECK {{\n track_file f{name}\n weight 0\n }}"),
            Driver::WeightedFile(weight) => format!("FILE_CHECK {{\n track_file f{name}\n weight {weight}\n }}"),
        }
    }
}

impl Service {
    pub(super) fn new(chance: &mut Chance, number: u8) -> Self {
        let count = chance.one_of([1, 2, 2, 3, 3, 4]);
        Self {
            number,
            kind: chance.one_of([
                Kind::Address,
                Kind::Address,
                Kind::Address,
                Kind::Address,
                Kind::Fwmark,
                Kind::Group,
            ]),
            lb_kind: chance.one_of(["NAT", "DR", "TUN"]),
            alpha: chance.one_of([true, false, false]),
            inhibit: chance.one_of([true, false, false]),
            quorum: chance.one_of([
                None,
                None,
                Some(1),
                Some(2),
                Some(3),
                Some(4),
                Some(6),
                Some(9),
                Some(50),
            ]),
            hysteresis: chance.one_of([None, None, Some(0), Some(1), Some(1), Some(2), Some(4), Some(60)]),
            sorry: chance.one_of([Sorry::None, Sorry::Other, Sorry::Other, Sorry::Other, Sorry::Same]),
            sorry_inhibit: chance.one_of([true, false, false]),
            reals: (1..=count).map(|real| Real::new(chance, number, real)).collect(),
            history: Vec::new(),
        }
    }

    fn port(&self) -> u16 {
        1000 + u16::from(self.number)
    }

    fn mark(&self) -> u32 {
        1 + u32::from(self.number)
    }

    /// How `ipvsadm -S` names its services.
    pub(super) fn keys(&self) -> Vec<String> {
        let address = format!("-t 192.168.0.200:{}", self.port());
        let mark = format!("-f {}", self.mark());
        match self.kind {
            Kind::Address => vec![address],
            Kind::Fwmark => vec![mark],
            Kind::Group => vec![address, mark],
        }
    }

    /// Its part of the file.
    pub(super) fn text(&self) -> String {
        let (number, port, mark) = (self.number, self.port(), self.mark());
        let mut text = String::new();
        for real in &self.reals {
            if matches!(real.driver, Driver::File | Driver::WeightedFile(_)) {
                let name = &real.name;
                // Writing to a string cannot fail, here and below.
                let _ = writeln!(text, "track_file f{name} {{\n file /run/status/{name}\n}}");
            }
        }
        let head = match self.kind {
            Kind::Address => format!("192.168.0.200 {port}"),
            Kind::Fwmark => format!("fwmark {mark}"),
            Kind::Group => {
                let _ = writeln!(
                    text,
                    "virtual_server_group G{number} {{\n 192.168.0.200 {port}\n fwmark {mark}\n}}"
                );
                format!("group G{number}")
            }
        };
        let _ = writeln!(text, "virtual_server {head} {{\n delay_loop 1\n lb_algo rr");
        let _ = writeln!(text, " lb_kind {}\n protocol TCP", self.lb_kind);
        for (flag, keyword) in [(self.alpha, "alpha"), (self.inhibit, "inhibit_on_failure")] {
            if flag {
                let _ = writeln!(text, " {keyword}");
            }
        }
        for (value, keyword) in [(self.quorum, "quorum"), (self.hysteresis, "hysteresis")] {
            if let Some(value) = value {
                let _ = writeln!(text, " {keyword} {value}");
            }
        }
        let sorry = match self.sorry {
            Sorry::None => None,
            Sorry::Other => Some(Ipv4Addr::new(10, 9, number, 99)),
            // keepalived 2.2.7 takes it for another one when it has cleared the port of the real server alone.
            Sorry::Same if self.kind != Kind::Address => Some(Ipv4Addr::new(10, 9, number, 99)),
            Sorry::Same => self.reals.first().map(|real| real.address),
        };
        if let Some(sorry) = sorry {
            let _ = writeln!(text, " sorry_server {sorry} {port}");
            if self.sorry_inhibit {
                let _ = writeln!(text, " sorry_server_inhibit");
            }
        }
        for real in &self.reals {
            let inhibit = if real.inhibit { "  inhibit_on_failure\n" } else { "" };
            let _ = writeln!(
                text,
                " real_server {} {port} {{\n  weight {}\n{inhibit}  {}\n }}",
                real.address,
                real.weight,
                real.checker()
            );
        }
        text + "}\n"
    }

    /// Changes what the check of one of its real servers finds.
    pub(super) fn step(&mut self, chance: &mut Chance) -> Option<Step> {
        let last = self.reals.len().checked_sub(1)?;
        let place = chance.one_of([0, 1, 2, 3]).min(last);
        let real = self.reals.get_mut(place)?;
        let (old, was_up) = (real.value, real.up());
        while real.value == old {
            real.value = match real.driver {
                Driver::Tcp | Driver::File => 1 - old,
                Driver::Misc => chance.one_of([0, 1, 1, 2, 3, 5, 12]),
                Driver::WeightedFile(_) => chance.one_of([-9, -3, -1, 0, 0, 2, 7]),
            };
        }
        let up = real.up();
        self.history.push(format!("{}: {old} -> {}", real.address, real.value));
        Some(Step {
            real: real.clone(),
            up: (up != was_up).then_some(up),
        })
    }
}
