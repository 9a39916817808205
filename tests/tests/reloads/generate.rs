//! Configurations that change step by step, and the table that each of them ends in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bed::saved_table::SavedTable;
use bed::seed::Chance;

/// Last octets of the real servers in 192.168.0.0/24, and the digits of their last groups in `fd00::/64`.
const HOSTS: [u8; 3] = [61, 62, 63];
/// Last octet of all sorry servers; nobody has the address.
const SORRY_HOST: u8 = 99;
/// So many virtual servers come and go.
const POOLS: u8 = 6;

/// What is always there, and in use: a service that never changes, and one of each family that does.
pub(crate) const NEVER_CHANGES: &str = "192.168.0.200";
pub(crate) const IN_USE: [&str; 2] = ["192.168.0.201", "fd00::201"];

/// What makes a virtual server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// A fixed address that clients use; its first server stays as it is.
    InUse,
    Tcp,
    Udp,
    Mark,
    /// A group with a range of so many addresses, and a firewall mark.
    Group(u8),
}

/// How it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Tcp,
    Http,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    host: u8,
    /// Of the other family than its service, when it is behind a tunnel and the service has an address.
    other_family: bool,
    weight: i64,
    /// Checked at a port where nobody listens.
    refuses: bool,
    check: Check,
    inhibit: bool,
    /// A limit of connections.
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Inet,
    Inet6,
}

/// How clients stay with their servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Persistence {
    /// 0: it is not written.
    timeout_s: u32,
    /// Clients of one network share a server; no timeout needs to be written for that.
    networks: Option<Networks>,
    /// Calls by their numbers; only with UDP.
    sip: bool,
}

/// How large the networks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Networks {
    Small,
    Large,
}

/// A virtual server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pool {
    number: u8,
    family: Family,
    head: Head,
    scheduler: &'static str,
    method: &'static str,
    persistence: Persistence,
    quorum: i64,
    /// There is a sorry server; `true`: with `sorry_server_inhibit`.
    sorry: Option<bool>,
    alpha: bool,
    servers: Vec<Server>,
}

/// A configuration.
#[derive(Debug, Clone)]
pub(crate) struct Configuration(Vec<Pool>);

impl Configuration {
    /// The first one: two services in use, and some others.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let in_use = |family| Pool {
            number: 0,
            family,
            head: Head::InUse,
            scheduler: "rr",
            method: "DR",
            persistence: Persistence::NONE,
            quorum: 1,
            sorry: None,
            alpha: false,
            servers: vec![Server::that_stays(HOSTS[0])],
        };
        let mut configuration = Self([Family::Inet, Family::Inet6].map(in_use).to_vec());
        for number in 1..=3 {
            configuration.0.push(Pool::any(number, chance));
        }
        configuration
    }

    /// Changes up to three things.
    pub(crate) fn change(&mut self, chance: &mut Chance) {
        for _ in 0..chance.one_of([1, 1, 2, 3]) {
            let number = 1 + u8::try_from(chance.below(POOLS.into())).unwrap_or_default();
            let known = self.0.iter().position(|it| it.number == number);
            match (known, chance.below(10)) {
                (None, _) => {
                    let place = chance.below(self.0.len() - 1) + 2;
                    self.0.insert(place, Pool::any(number, chance));
                }
                (Some(place), 0..2) => drop(self.0.remove(place)),
                (Some(_), 2..5) => {
                    let which = chance.below(2);
                    self.0
                        .iter_mut()
                        .skip(which)
                        .take(1)
                        .for_each(|pool| pool.change(chance));
                }
                (Some(place), _) => self
                    .0
                    .iter_mut()
                    .skip(place)
                    .take(1)
                    .for_each(|pool| pool.change(chance)),
            }
        }
    }

    /// As the file says it, after a service that never changes.
    pub(crate) fn text(&self) -> String {
        let always = "    delay_loop 1\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n";
        let servers = [61, 62].map(|host| Server::that_stays(host).text(Family::Inet));
        let mut text = format!("virtual_server {NEVER_CHANGES} 80 {{\n{always}{}}}\n", servers.concat());
        for pool in &self.0 {
            text += &pool.text();
        }
        text
    }

    /// The services whose virtual server is the same in another configuration.
    pub(crate) fn unchanged_in(&self, other: &Self) -> BTreeSet<String> {
        let same = self.0.iter().filter(|pool| other.0.contains(pool));
        same.flat_map(Pool::services)
            .chain([format!("-t {NEVER_CHANGES}:80")])
            .collect()
    }

    /// Why this is not the table that the configuration ends in while these hosts are dead; `None`: it is. Nothing is asked
    /// of the services in `passed_over`.
    pub(crate) fn differs(&self, table: &SavedTable, dead: &[u8], passed_over: &BTreeSet<String>) -> Option<String> {
        let mut wanted: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let always = [61, 62].map(|host| (Family::Inet.server(host), 1));
        wanted.insert(format!("-t {NEVER_CHANGES}:80"), always.into());
        for pool in &self.0 {
            wanted.extend(pool.services().into_iter().map(|service| (service, pool.weights(dead))));
        }
        wanted.retain(|name, _| !passed_over.contains(name));
        let address = |server: &str| Some(server.rsplit_once(':')?.0.trim_matches(['[', ']']).to_owned());
        let mut seen = BTreeMap::new();
        for (name, service) in &table.0 {
            let weights: BTreeMap<String, i64> = service
                .destinations
                .iter()
                .filter_map(|(server, it)| Some((address(server)?, it.weight)))
                .collect();
            seen.insert(name.clone(), weights);
        }
        (seen != wanted).then(|| format!("wanted {wanted:?}, saw {seen:?}"))
    }
}

impl Family {
    /// A real server's address.
    fn server(self, host: u8) -> String {
        match self {
            Self::Inet => format!("192.168.0.{host}"),
            Self::Inet6 => format!("fd00::{host}"),
        }
    }

    /// A virtual address; the number is in both families its last digits.
    fn service(self, number: u8) -> String {
        match self {
            Self::Inet => format!("192.0.2.{number}"),
            Self::Inet6 => format!("2001:db8::{number}"),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Inet => Self::Inet6,
            Self::Inet6 => Self::Inet,
        }
    }

    /// An address with its port.
    fn with_port(self, address: &str) -> String {
        match self {
            Self::Inet => format!("{address}:80"),
            Self::Inet6 => format!("[{address}]:80"),
        }
    }
}

impl Persistence {
    const NONE: Self = Self {
        timeout_s: 0,
        networks: None,
        sip: false,
    };

    fn any(head: Head, chance: &mut Chance) -> Self {
        Self {
            timeout_s: chance.one_of([0, 60, 300]),
            networks: chance.one_of([None, None, Some(Networks::Small), Some(Networks::Large)]),
            sip: head == Head::Udp && chance.one_of([false, true]),
        }
    }

    fn text(self, family: Family, head: Head) -> String {
        let mut text = String::new();
        // keepalived 2.2.7 overlooks the networks where the services are those of a group.
        let overlooked = matches!(head, Head::Group(_));
        let networks = self.networks.filter(|_| !overlooked);
        if self.timeout_s > 0 {
            let _ = writeln!(text, "    persistence_timeout {}", self.timeout_s);
        }
        if let Some(networks) = networks {
            let mask = match (family, networks) {
                (Family::Inet, Networks::Small) => "255.255.255.0",
                (Family::Inet, Networks::Large) => "255.255.0.0",
                (Family::Inet6, Networks::Small) => "112",
                (Family::Inet6, Networks::Large) => "64",
            };
            let _ = writeln!(text, "    persistence_granularity {mask}");
        }
        // An engine is for clients that stay.
        if self.sip && (self.timeout_s > 0 || networks.is_some()) {
            text += "    persistence_engine sip\n";
        }
        text
    }
}

impl Pool {
    fn any(number: u8, chance: &mut Chance) -> Self {
        let head = chance.one_of([
            Head::Tcp,
            Head::Tcp,
            Head::Udp,
            Head::Mark,
            Head::Group(1),
            Head::Group(3),
        ]);
        let mut pool = Self {
            number,
            family: chance.one_of([Family::Inet, Family::Inet6]),
            head,
            scheduler: "wrr",
            method: "DR",
            persistence: Persistence::NONE,
            quorum: 1,
            sorry: None,
            alpha: chance.one_of([false, false, true]),
            servers: vec![Server::any(chance.one_of(HOSTS), chance)],
        };
        for _ in 0..4 {
            pool.change(chance);
        }
        pool
    }

    fn change(&mut self, chance: &mut Chance) {
        // The server that clients are connected to stays.
        let kept = usize::from(self.head == Head::InUse);
        let some = kept + chance.below(self.servers.len().max(kept + 1) - kept);
        match chance.below(10) {
            0 => self.scheduler = chance.one_of(["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh"]),
            1 => self.persistence = Persistence::any(self.head, chance),
            2 if kept == 0 => self.method = chance.one_of(["DR", "NAT", "TUN"]),
            3 if kept == 0 => self.quorum = chance.one_of([1, 1, 3, 6]),
            4 if kept == 0 => self.sorry = chance.one_of([None, Some(false), Some(true)]),
            5 if some < self.servers.len() && self.servers.len() > 1 => drop(self.servers.remove(some)),
            6 => match &mut self.head {
                Head::Group(size) => *size = chance.one_of([1, 2, 3]),
                _ => self
                    .servers
                    .iter_mut()
                    .skip(kept)
                    .for_each(|it| it.weight = chance.one_of([1, 2, 5])),
            },
            7 => self
                .servers
                .iter_mut()
                .skip(kept)
                .for_each(|it| *it = Server::any(it.host, chance)),
            _ => {
                let host = chance.one_of(HOSTS);
                match self.servers.iter().position(|it| it.host == host) {
                    None => self.servers.push(Server::any(host, chance)),
                    Some(place) if place >= kept => {
                        if let Some(server) = self.servers.get_mut(place) {
                            *server = Server::any(host, chance);
                        }
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn range(&self, size: u8) -> String {
        let first = 100 + 10 * self.number;
        let address = self.family.service(first);
        if size == 1 {
            address
        } else {
            format!("{address}-{}", first + size - 1)
        }
    }

    /// Its services as ipvsadm names them.
    fn services(&self) -> Vec<String> {
        let number = self.number;
        let at = |kind: &str, address: &str| format!("{kind} {}", self.family.with_port(address));
        let by_mark = |mark: u8| match self.family {
            Family::Inet => format!("-f {mark}"),
            Family::Inet6 => format!("-f {mark} -6"),
        };
        match self.head {
            Head::InUse => vec![at("-t", self.in_use())],
            Head::Tcp => vec![at("-t", &self.family.service(number))],
            Head::Udp => vec![at("-u", &self.family.service(number))],
            Head::Mark => vec![by_mark(number)],
            Head::Group(size) => {
                let first = 100 + 10 * number;
                let of_range = (first..first + size).map(|last| at("-t", &self.family.service(last)));
                of_range.chain([by_mark(100 + number)]).collect()
            }
        }
    }

    fn in_use(&self) -> &'static str {
        match self.family {
            Family::Inet => IN_USE[0],
            Family::Inet6 => IN_USE[1],
        }
    }

    fn family_of(&self, server: &Server) -> Family {
        let may_differ = self.method == "TUN" && matches!(self.head, Head::Tcp | Head::Udp);
        if server.other_family && may_differ {
            self.family.other()
        } else {
            self.family
        }
    }

    /// The weights in its services, by the rules alone.
    fn weights(&self, dead: &[u8]) -> BTreeMap<String, i64> {
        let lives = |server: &Server| !server.refuses && !dead.contains(&server.host);
        let live: i64 = self.servers.iter().filter(|it| lives(it)).map(|it| it.weight).sum();
        let all: i64 = self.servers.iter().map(|it| it.weight).sum();
        // A quorum that cannot be reached is lowered to what can.
        let sorry_active = self.sorry.is_some() && (live == 0 || live < self.quorum.min(all));
        let mut weights = BTreeMap::new();
        for server in &self.servers {
            let address = self.family_of(server).server(server.host);
            if lives(server) && !sorry_active {
                weights.insert(address, server.weight);
            } else if server.inhibit {
                weights.insert(address, 0);
            }
        }
        let sorry = self.family.server(SORRY_HOST);
        match self.sorry {
            _ if sorry_active => weights.insert(sorry, 1),
            Some(true) => weights.insert(sorry, 0),
            _ => None,
        };
        weights
    }

    fn text(&self) -> String {
        let number = self.number;
        let mut text = String::new();
        let head = match self.head {
            Head::InUse => format!("{} 80", self.in_use()),
            Head::Tcp | Head::Udp => format!("{} 80", self.family.service(number)),
            Head::Mark => format!("fwmark {number}"),
            Head::Group(size) => {
                let (range, mark) = (self.range(size), 100 + number);
                text = format!("virtual_server_group G{number} {{\n    {range} 80\n    fwmark {mark}\n}}\n");
                format!("group G{number}")
            }
        };
        let _ = write!(
            text,
            "virtual_server {head} {{\n    delay_loop 1\n    lb_algo {}\n    lb_kind {}\n    quorum {}\n",
            self.scheduler, self.method, self.quorum
        );
        match self.head {
            Head::Mark if self.family == Family::Inet6 => text += "    ip_family inet6\n",
            Head::Mark => {}
            Head::Udp => text += "    protocol UDP\n",
            _ => text += "    protocol TCP\n",
        }
        text += &self.persistence.text(self.family, self.head);
        if self.alpha {
            text += "    alpha\n";
        }
        if let Some(inhibit) = self.sorry {
            let _ = writeln!(text, "    sorry_server {} 80", self.family.server(SORRY_HOST));
            text += if inhibit { "    sorry_server_inhibit\n" } else { "" };
        }
        for server in &self.servers {
            text += &server.text(self.family_of(server));
        }
        text + "}\n"
    }
}

impl Server {
    fn that_stays(host: u8) -> Self {
        Self {
            host,
            other_family: false,
            weight: 1,
            refuses: false,
            check: Check::Tcp,
            inhibit: false,
            limit: 0,
        }
    }

    fn any(host: u8, chance: &mut Chance) -> Self {
        Self {
            host,
            other_family: chance.one_of([false, false, true]),
            weight: chance.one_of([1, 2, 3, 7]),
            refuses: chance.one_of([false, false, true]),
            check: chance.one_of([Check::Tcp, Check::Http]),
            inhibit: chance.one_of([false, true]),
            limit: chance.one_of([0, 0, 1000]),
        }
    }

    fn text(&self, family: Family) -> String {
        let port = if self.refuses { 81 } else { 80 };
        // Long enough for any stall of a busy guest: who is dead refuses at once.
        let patience = format!("connect_port {port}\n            connect_timeout 10\n");
        let check = match self.check {
            Check::Http => format!(
                "HTTP_GET {{\n            url {{\n                path /test.html\n                status_code 200\n            }}\n            {patience}"
            ),
            Check::Tcp => format!("TCP_CHECK {{\n            {patience}"),
        };
        let mut text = format!(
            "    real_server {} 80 {{\n        weight {}\n",
            family.server(self.host),
            self.weight
        );
        if self.inhibit {
            text += "        inhibit_on_failure\n";
        }
        if self.limit > 0 {
            let _ = writeln!(text, "        uthreshold {}", self.limit);
        }
        text + &format!("        {check}            retry 1\n            delay_before_retry 1\n        }}\n    }}\n")
    }
}
