//! The configurations that most scenarios are made of.

use std::net::IpAddr;
use std::time::Duration;

use super::{Act, Company, Scenario, Step, Until};

/// Priorities of the three nodes, the best first.
fn priority(node: usize) -> u8 {
    [150, 120, 100].get(node).copied().unwrap_or(1)
}

/// Of adverts, where nothing else is said.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The virtual address.
pub const V4: &str = "192.0.2.200";
/// The virtual address of IPv6.
pub const V6: &str = "fd00::200";

/// A `vrrp_instance`, as most cases have it.
#[derive(Debug, Clone)]
pub struct Instance {
    /// As the log calls it.
    pub name: String,
    /// `interface`.
    pub interface: &'static str,
    /// `virtual_router_id`.
    pub vrid: u8,
    /// `priority`.
    pub priority: u8,
    /// `version`.
    pub version: u8,
    /// `advert_int`, in seconds.
    pub interval: &'static str,
    /// Further lines.
    pub lines: String,
    /// Lines of `virtual_ipaddress`.
    pub addresses: Vec<String>,
}

impl Instance {
    /// The one of a node, better than the next node's.
    pub fn of(node: usize) -> Self {
        Self {
            name: "VI_1".to_owned(),
            interface: "eth0",
            vrid: 51,
            priority: priority(node),
            version: 2,
            interval: "1",
            lines: String::new(),
            addresses: vec![format!("{V4}/24")],
        }
    }

    /// With this protocol.
    #[must_use]
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// With addresses of IPv6, and the protocol for them.
    #[must_use]
    pub fn ipv6(mut self) -> Self {
        self.version = 3;
        // RFC 9568 section 5.2.9: the first IPv6 address is link-local.
        self.addresses = vec!["fe80::200/64".to_owned(), format!("{V6}/64")];
        self
    }

    /// With this `advert_int`.
    #[must_use]
    pub fn interval(mut self, interval: &'static str) -> Self {
        self.interval = interval;
        self
    }

    /// With a further line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.extend(["    ", line, "\n"]);
        self
    }

    /// To the other one of two, `own` being the end of our address.
    #[must_use]
    pub fn unicast(self, prefix: &str, node: usize) -> Self {
        let (own, peer) = (node + 1, 2 - node);
        self.line(&format!(
            "unicast_src_ip {prefix}{own}\n    unicast_peer {{\n        {prefix}{peer}\n    }}"
        ))
    }

    /// As the file has it.
    pub fn text(&self) -> String {
        format!(
            "vrrp_instance {} {{\n    state BACKUP\n    interface {}\n    virtual_router_id {}\n    priority {}\n    \
             advert_int {}\n    version {}\n{}    virtual_ipaddress {{\n        {}\n    }}\n}}\n",
            self.name,
            self.interface,
            self.vrid,
            self.priority,
            self.interval,
            self.version,
            self.lines,
            self.addresses.join("\n        ")
        )
    }
}

/// Two nodes that differ in their priority only, as `instance` makes them.
pub fn two(instance: impl Fn(Instance, usize) -> Instance) -> Vec<String> {
    (0..2).map(|node| instance(Instance::of(node), node).text()).collect()
}

/// A scenario about `V4`, in which nothing differs.
pub fn scenario(name: &'static str, configurations: Vec<String>, steps: Vec<Step>) -> Scenario {
    Scenario {
        name,
        configurations,
        held: vec![address(V4)],
        interval: INTERVAL,
        steps,
        company: Company::All,
        counts_announcements: false,
        compares_routing: false,
        differences: Vec::new(),
    }
}

/// An address that a test names.
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "literals")]
pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// This node is started, and then that one is master.
pub fn start(node: usize, master: usize) -> Step {
    Step::new(Act::Start(node), Until::Master(master))
}

/// The whole life of a pair: the worse one alone, preemption, a dead master, preemption again, both clean stops.
pub fn life() -> Vec<Step> {
    vec![
        start(1, 1),
        start(0, 0),
        Step::new(Act::Kill(0), Until::Master(1)),
        start(0, 0),
        Step::new(Act::Stop(0), Until::Master(1)),
        Step::new(Act::Stop(1), Until::Nobody),
    ]
}
