//! Configurations that change step by step, and the table that each of them ends in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bed::saved_table::SavedTable;
use bed::seed::Chance;

/// Last octets of the real servers in 192.168.0.0/24.
const HOSTS: [u8; 3] = [61, 62, 63];
/// Last octet of all sorry servers; nobody has the address.
const SORRY_HOST: u8 = 99;
/// So many virtual servers come and go.
const POOLS: u8 = 6;

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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    host: u8,
    weight: i64,
    /// Checked at a port where nobody listens.
    refuses: bool,
    by_http: bool,
    inhibit: bool,
    /// A limit of connections.
    limit: u32,
}

/// A virtual server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pool {
    number: u8,
    head: Head,
    scheduler: &'static str,
    method: &'static str,
    persistence: u32,
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
        let in_use = Pool {
            number: 0,
            head: Head::InUse,
            scheduler: "rr",
            method: "DR",
            persistence: 0,
            quorum: 1,
            sorry: None,
            alpha: false,
            servers: vec![Server::that_stays(HOSTS[0])],
        };
        let mut configuration = Self(vec![in_use]);
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
                    let place = chance.below(self.0.len()) + 1;
                    self.0.insert(place, Pool::any(number, chance));
                }
                (Some(place), 0..2) => drop(self.0.remove(place)),
                (Some(_), 2..5) => self.0.iter_mut().take(1).for_each(|pool| pool.change(chance)),
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
        let always =
            "virtual_server 192.168.0.200 80 {\n    delay_loop 1\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n";
        let servers = [Server::that_stays(61), Server::that_stays(62)].map(|server| server.text());
        let mut text = format!("{always}{}}}\n", servers.concat());
        for pool in &self.0 {
            text += &pool.text();
        }
        text
    }

    /// The services whose virtual server is the same in another configuration.
    pub(crate) fn unchanged_in(&self, other: &Self) -> BTreeSet<String> {
        let same = self.0.iter().filter(|pool| other.0.contains(pool));
        same.flat_map(Pool::services)
            .chain(["-t 192.168.0.200:80".to_owned()])
            .collect()
    }

    /// Why this is not the table that the configuration ends in while these hosts are dead; `None`: it is.
    pub(crate) fn differs(&self, table: &SavedTable, dead: &[u8]) -> Option<String> {
        let mut wanted: BTreeMap<String, BTreeMap<u8, i64>> = BTreeMap::new();
        wanted.insert("-t 192.168.0.200:80".to_owned(), [(61, 1), (62, 1)].into());
        for pool in &self.0 {
            wanted.extend(pool.services().into_iter().map(|service| (service, pool.weights(dead))));
        }
        let last = |server: &str| server.split(':').next()?.rsplit('.').next()?.parse().ok();
        let mut seen = BTreeMap::new();
        for (name, service) in &table.0 {
            let weights: BTreeMap<u8, i64> = service
                .destinations
                .iter()
                .filter_map(|(server, it)| Some((last(server)?, it.weight)))
                .collect();
            seen.insert(name.clone(), weights);
        }
        (seen != wanted).then(|| format!("wanted {wanted:?}, saw {seen:?}"))
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
            head,
            scheduler: "wrr",
            method: "DR",
            persistence: 0,
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
            1 => self.persistence = chance.one_of([0, 60, 300]),
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
        if size == 1 {
            format!("192.0.2.{first}")
        } else {
            format!("192.0.2.{first}-{}", first + size - 1)
        }
    }

    /// Its services as ipvsadm names them.
    fn services(&self) -> Vec<String> {
        let number = self.number;
        match self.head {
            Head::InUse => vec!["-t 192.168.0.201:80".to_owned()],
            Head::Tcp => vec![format!("-t 192.0.2.{number}:80")],
            Head::Udp => vec![format!("-u 192.0.2.{number}:80")],
            Head::Mark => vec![format!("-f {number}")],
            Head::Group(size) => {
                let first = 100 + 10 * number;
                let of_range = (first..first + size).map(|last| format!("-t 192.0.2.{last}:80"));
                of_range.chain([format!("-f {}", 100 + number)]).collect()
            }
        }
    }

    /// The weights in its services, by the rules alone.
    fn weights(&self, dead: &[u8]) -> BTreeMap<u8, i64> {
        let lives = |server: &Server| !server.refuses && !dead.contains(&server.host);
        let live: i64 = self.servers.iter().filter(|it| lives(it)).map(|it| it.weight).sum();
        let all: i64 = self.servers.iter().map(|it| it.weight).sum();
        // A quorum that cannot be reached is lowered to what can.
        let sorry_active = self.sorry.is_some() && (live == 0 || live < self.quorum.min(all));
        let mut weights = BTreeMap::new();
        for server in &self.servers {
            if lives(server) && !sorry_active {
                weights.insert(server.host, server.weight);
            } else if server.inhibit {
                weights.insert(server.host, 0);
            }
        }
        match self.sorry {
            _ if sorry_active => weights.insert(SORRY_HOST, 1),
            Some(true) => weights.insert(SORRY_HOST, 0),
            _ => None,
        };
        weights
    }

    fn text(&self) -> String {
        let number = self.number;
        let mut text = String::new();
        let head = match self.head {
            Head::InUse => "192.168.0.201 80".to_owned(),
            Head::Tcp | Head::Udp => format!("192.0.2.{number} 80"),
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
            Head::Mark => {}
            Head::Udp => text += "    protocol UDP\n",
            _ => text += "    protocol TCP\n",
        }
        if self.persistence > 0 {
            let _ = writeln!(text, "    persistence_timeout {}", self.persistence);
        }
        if self.alpha {
            text += "    alpha\n";
        }
        if let Some(inhibit) = self.sorry {
            let _ = writeln!(text, "    sorry_server 192.168.0.{SORRY_HOST} 80");
            text += if inhibit { "    sorry_server_inhibit\n" } else { "" };
        }
        self.servers.iter().for_each(|server| text += &server.text());
        text + "}\n"
    }
}

impl Server {
    fn that_stays(host: u8) -> Self {
        Self {
            host,
            weight: 1,
            refuses: false,
            by_http: false,
            inhibit: false,
            limit: 0,
        }
    }

    fn any(host: u8, chance: &mut Chance) -> Self {
        Self {
            host,
            weight: chance.one_of([1, 2, 3, 7]),
            refuses: chance.one_of([false, false, true]),
            by_http: chance.one_of([false, true]),
            inhibit: chance.one_of([false, true]),
            limit: chance.one_of([0, 0, 1000]),
        }
    }

    fn text(&self) -> String {
        let port = if self.refuses { 81 } else { 80 };
        // Long enough for any stall of a busy guest: who is dead refuses at once.
        let patience = format!("connect_port {port}\n            connect_timeout 10\n");
        let check = if self.by_http {
            format!(
                "HTTP_GET {{\n            url {{\n                path /test.html\n                status_code 200\n            }}\n            {patience}"
            )
        } else {
            format!("TCP_CHECK {{\n            {patience}")
        };
        let mut text = format!(
            "    real_server 192.168.0.{} 80 {{\n        weight {}\n",
            self.host, self.weight
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
