//! Two directors with very many virtual routers between them, on several LANs.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use crate::network::Network;
use crate::node::Node;
use crate::pair::{STRONG, WEAK};
use crate::pulse::Pulse;
use crate::wait;

/// Virtual routers on one LAN.
pub const VRIDS: usize = 250;

/// How many virtual routers there are, and how often their masters speak.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// All together; at most 250 on each LAN.
    pub routers: usize,
    /// LANs, each an interface of both directors.
    pub lans: usize,
    /// Between adverts; whole centiseconds.
    pub interval: Duration,
}

impl Size {
    /// How long the weaker director waits for a silent master: three intervals and its skew (RFC 9568 section 6.1).
    pub fn master_down(&self) -> Duration {
        self.interval * 3 + self.interval * (256 - u32::from(WEAK)) / 256
    }

    /// LAN and VRID of each.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let lans = self.lans;
        (0..self.routers).map(move |number| (number % lans, number / lans + 1))
    }

    /// The virtual addresses, one each.
    pub fn addresses(&self) -> HashSet<IpAddr> {
        self.places().map(|(lan, vrid)| address(lan, vrid)).collect()
    }
}

/// The nodes, their network, and somebody who listens.
#[derive(Debug)]
pub struct Crowd {
    /// Hears all adverts.
    pub pulse: Pulse,
    /// Priority 150.
    pub strong: Node,
    /// Priority 100.
    pub weak: Node,
    /// How much there is.
    pub size: Size,
    /// Holds the LANs for as long as the nodes need them.
    _network: Network,
}

impl Crowd {
    /// Both nodes, without directors.
    pub fn new(size: Size) -> Result<Self> {
        let lans: Vec<String> = (0..size.lans).map(|lan| format!("lan{lan}")).collect();
        let network = Network::new(&lans.iter().map(String::as_str).collect::<Vec<_>>())?;
        let (strong, weak) = (Node::new("strong")?, Node::new("weak")?);
        for (number, node) in [(1, &strong), (2, &weak)] {
            for (lan, name) in lans.iter().enumerate() {
                let own = format!("10.200.{lan}.{number}/24");
                network.plug(node, name, &format!("eth{lan}"), &[&own])?;
            }
        }
        Ok(Self {
            pulse: Pulse::of(&network)?,
            strong,
            weak,
            size,
            _network: network,
        })
    }

    /// The configuration of a node; `global` goes into `global_defs`.
    pub fn configuration(&self, node: &Node, global: &str) -> String {
        let priority = if node.name() == self.strong.name() {
            STRONG
        } else {
            WEAK
        };
        let mut text = format!("global_defs {{\n    vrrp_version 3\n    {global}\n}}\n");
        for (lan, vrid) in self.size.places() {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "vrrp_instance VI_{lan}_{vrid} {{
    state BACKUP
    interface eth{lan}
    virtual_router_id {vrid}
    priority {priority}
    advert_int {}
    virtual_ipaddress {{
        {}/32
    }}
}}
",
                self.size.interval.as_secs_f64(),
                address(lan, vrid)
            );
        }
        text
    }

    /// How many of the virtual addresses a node has.
    pub fn held(&self, node: &Node) -> usize {
        let wanted = self.size.addresses();
        let own = node.addresses().unwrap_or_default();
        own.iter().filter(|address| wanted.contains(address)).count()
    }

    /// Waits until a node speaks for all virtual routers, and holds all addresses, and the other holds none.
    pub fn wait_for_only_master(&self, master: &Node, other: &Node, bound: Duration) -> Result<()> {
        let what = format!("{} to be the only master of all", master.name());
        let all = self.size.routers;
        wait::until(&what, bound, || {
            self.pulse.count(master) == all && self.held(master) == all && self.held(other) == 0
        })
    }
}

/// The virtual address of a virtual router.
pub fn address(lan: usize, vrid: usize) -> IpAddr {
    let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    IpAddr::from([10, 100_u8.saturating_add(byte(lan)), 0, byte(vrid)])
}
