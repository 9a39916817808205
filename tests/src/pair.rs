//! A pair of directors on one LAN, and what is promised of them.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::daemon::STARTING;
use crate::load;
use crate::network::{Network, Port};
use crate::node::Node;
use crate::onlooker::{Onlooker, Sighting};
use crate::wait::{self, seconds_between};
use anyhow::{Context, Result, bail, ensure};

/// What may come on top of the protocol's waiting times on a shared machine. keepalived needs 1-3 ms of it on an idle
/// one.
pub const LATENESS: Duration = Duration::from_millis(700);

/// Packet and address times come from different clocks' readings; nobody may be earlier by more than this.
const EARLINESS: Duration = Duration::from_millis(20);

/// Priority of the better director.
pub const STRONG: u8 = 150;
/// Priority of the other.
pub const WEAK: u8 = 100;

/// One second: both versions can say it, and everybody uses it.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// RFC 3768: (256 - priority) / 256 seconds. RFC 9568: that part of the master's interval, here the same.
pub fn skew(priority: u8) -> Duration {
    INTERVAL * (256 - u32::from(priority)) / 256
}

/// How long a backup waits for a silent master: three intervals and the skew.
pub fn master_down(priority: u8) -> Duration {
    INTERVAL * 3 + skew(priority)
}

/// How adverts travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Version 2 to `224.0.0.18`.
    V2Multicast,
    /// Version 2 to the peer's address.
    V2Unicast,
    /// Version 2 to the group, with a password.
    V2Password,
    /// Version 3 over IPv4 to the group.
    V3Multicast,
    /// Version 3 over IPv6 to `ff02::12`.
    V3Ipv6,
}

impl Wire {
    /// The virtual address that decides who is master.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V3Ipv6 => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 0x200]),
            _ => IpAddr::from([192, 0, 2, 200]),
        }
    }

    fn version(self) -> u8 {
        match self {
            Self::V3Multicast | Self::V3Ipv6 => 3,
            _ => 2,
        }
    }
}

/// Two nodes on a LAN and somebody who watches it.
#[derive(Debug)]
pub struct Pair {
    /// Sees what the two send.
    pub onlooker: Onlooker,
    /// `192.0.2.1`, `fd00::1`.
    pub strong: Node,
    /// `192.0.2.2`, `fd00::2`.
    pub weak: Node,
    /// How the two talk.
    pub wire: Wire,
    network: Network,
}

impl Pair {
    /// Both nodes, without directors.
    pub fn new(wire: Wire) -> Result<Self> {
        Self::with(wire, Node::new("strong")?)
    }

    /// The same, with this node as the better one.
    pub fn with(wire: Wire, strong: Node) -> Result<Self> {
        let network = Network::new(&["lan"])?;
        let weak = Node::new("weak")?;
        network.plug(&strong, "lan", "eth0", &["192.0.2.1/24", "fd00::1/64"])?;
        network.plug(&weak, "lan", "eth0", &["192.0.2.2/24", "fd00::2/64"])?;
        let onlooker = Onlooker::of(&network)?;
        Ok(Self {
            onlooker,
            strong,
            weak,
            wire,
            network,
        })
    }

    /// Plugs somebody else into the LAN, unwatched, with these addresses on `eth0`.
    pub fn plug(&self, node: &Node, addresses: &[&str]) -> Result<Port> {
        self.network.plug(node, "lan", "eth0", addresses)
    }

    /// The switch between them.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The configuration of one of the two; `extra` goes into the instance.
    pub fn configuration(&self, priority: u8, extra: &str) -> String {
        let (own, peer) = if priority == STRONG { (1, 2) } else { (2, 1) };
        let addresses = match self.wire {
            // RFC 9568 section 5.2.9: the first IPv6 address is link-local.
            Wire::V3Ipv6 => "fe80::200/64\n        fd00::200/64",
            _ => "192.0.2.200/24",
        };
        let wire = match self.wire {
            Wire::V2Unicast => {
                format!("unicast_src_ip 192.0.2.{own}\n    unicast_peer {{\n        192.0.2.{peer}\n    }}")
            }
            Wire::V2Password => "authentication {\n        auth_type PASS\n        auth_pass h4ft\n    }".to_owned(),
            _ => String::new(),
        };
        format!(
            "vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    version {}
    {wire}
    {extra}
    virtual_ipaddress {{
        {addresses}
    }}
}}
",
            self.wire.version()
        )
    }

    /// Waits until `node` speaks as master, and has the address; returns its first advert since `since`.
    pub fn wait_for_master(&self, node: &Node, since: SystemTime, bound: Duration) -> Result<SystemTime> {
        let what = format!("{} to become master", node.name());
        // Starting a program takes its time, too; whoever waits from the beginning of time has just started it.
        let is_start = since == SystemTime::UNIX_EPOCH;
        let bound = bound + if is_start { STARTING } else { 2 * LATENESS };
        let seen = self
            .onlooker
            .wait_for(&what, since, bound, |s| s.is_advert_of(node, |priority| priority > 0))?;
        let advert = seen.advert().context("an advert")?;
        ensure!(advert.version == self.wire.version(), "version {}", advert.version);
        ensure!(
            advert.destination.is_multicast() != (self.wire == Wire::V2Unicast),
            "sent to {}",
            advert.destination
        );
        self.wait_for_address(node, true)?;
        Ok(seen.when)
    }

    /// Waits until `node` has the virtual address, or has it no more.
    pub fn wait_for_address(&self, node: &Node, present: bool) -> Result<()> {
        self.wait_for_address_within(node, present, 4 * LATENESS)
    }

    /// As [`Self::wait_for_address`], with more patience.
    pub fn wait_for_address_within(&self, node: &Node, present: bool, bound: Duration) -> Result<()> {
        let what = format!(
            "the address {} {}",
            if present { "on" } else { "gone from" },
            node.name()
        );
        wait::until(&what, bound, || node.has(self.wire.address()) == present)
    }

    /// The next advert of `node` after a moment.
    pub fn next_advert(&self, node: &Node, after: SystemTime) -> Result<SystemTime> {
        let since = after + Duration::from_millis(1);
        let bound = INTERVAL + LATENESS;
        Ok(self
            .onlooker
            .wait_for("the next advert", since, bound, |s| s.is_advert_of(node, |_| true))?
            .when)
    }

    /// Since `since`, `master` alone has spoken, in time, and alone has the address.
    pub fn assert_only_master(&self, master: &Node, other: &Node, since: SystemTime) -> Result<()> {
        let strangers: Vec<_> = self
            .onlooker
            .adverts_since(since)
            .into_iter()
            .filter(|(s, _)| s.node != master.name())
            .collect();
        ensure!(
            strangers.is_empty(),
            "{} is not the only master: {strangers:?}",
            master.name()
        );
        self.assert_steady(master, since)?;
        ensure!(
            master.has(self.wire.address()),
            "{} is master without the address",
            master.name()
        );
        ensure!(
            !other.has(self.wire.address()),
            "{} is backup and has the address",
            other.name()
        );
        Ok(())
    }

    /// Since `since`, `master` has sent its adverts in time, with a priority above 0.
    pub fn assert_steady(&self, master: &Node, since: SystemTime) -> Result<()> {
        let adverts = self.onlooker.adverts_since(since);
        ensure!(
            adverts.iter().all(|(_, advert)| advert.priority > 0),
            "somebody resigned: {adverts:?}"
        );
        let mut last = since;
        let own = adverts
            .iter()
            .filter(|(s, _)| s.node == master.name())
            .map(|(s, _)| s.when);
        for when in own.chain([SystemTime::now()]) {
            let gap = seconds_between(last, when);
            let limit = (INTERVAL + LATENESS + load::excuse(last, when)).as_secs_f64();
            ensure!(gap < limit, "{} was silent for {gap:.3} s", master.name());
            last = when;
        }
        Ok(())
    }

    /// `old` was dead at `killed`: `new` waited as long as it must and no longer. Returns its first advert.
    pub fn assert_takeover_after_silence(
        &self,
        old: &Node,
        new: &Node,
        killed: SystemTime,
        priority: u8,
    ) -> Result<SystemTime> {
        let since = self
            .onlooker
            .last_advert_before(old, killed)
            .context("the old master never spoke")?;
        let due = master_down(priority);
        let taken = self.wait_for_master(new, killed, due)?;
        let farewells: Vec<_> = self
            .onlooker
            .adverts_since(since)
            .into_iter()
            .filter(|(_, advert)| advert.priority == 0)
            .collect();
        ensure!(farewells.is_empty(), "killed, and said farewell: {farewells:?}");
        self.report("silence", since, due, taken)?;
        Ok(taken)
    }

    /// `old` was asked to stop: it resigned, and `new` waited for its skew alone.
    pub fn assert_takeover_after_farewell(
        &self,
        old: &Node,
        new: &Node,
        asked: SystemTime,
        priority: u8,
    ) -> Result<()> {
        let resigns = |s: &Sighting| s.is_advert_of(old, |priority| priority == 0);
        let resigned = self
            .onlooker
            .wait_for("a priority 0 advert", asked, LATENESS, resigns)?
            .when;
        let taken = self.wait_for_master(new, resigned, skew(priority))?;
        self.report("farewell", resigned, skew(priority), taken)
    }

    /// Prints how late a takeover was, and checks it.
    fn report(&self, after: &str, since: SystemTime, due: Duration, taken: SystemTime) -> Result<()> {
        let late = seconds_between(since + due, taken);
        println!(
            "{:?}: takeover after {after}: {:.1} ms later than due",
            self.wire,
            late * 1000.0
        );
        let excused = load::excuse(since, taken);
        if late > (LATENESS + excused).as_secs_f64() || late < -EARLINESS.as_secs_f64() {
            bail!(
                "takeover {:.3} s after the last word of the master, due after {:.3} s",
                late + due.as_secs_f64(),
                due.as_secs_f64()
            );
        }
        Ok(())
    }
}
