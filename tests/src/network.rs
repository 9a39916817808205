//! Networks between nodes: one more node holds a bridge for each LAN, and every node is plugged in by a veth pair.
//!
//! Faults happen at the port in the switch: a pulled cable (carrier lost on both sides) or a cut one (both sides
//! believe all is well).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::wait;

/// How long a machine with much to do may take to notice a new cable.
const READY: Duration = Duration::from_secs(30);

/// A switch with LANs.
#[derive(Debug)]
pub struct Network {
    switch: Node,
    ports: Mutex<Vec<Port>>,
}

/// What one interface of a node is plugged into.
#[derive(Debug, Clone)]
pub struct Port {
    /// The interface in the switch: `p` and a number. No name that `ip` could take for one of its words.
    pub name: String,
    /// Its number in the switch.
    pub index: u32,
    /// The node at the other end.
    pub node: String,
    /// The bridge it belongs to.
    pub lan: String,
}

impl Network {
    /// A switch with these LANs, each a bridge.
    pub fn new(lans: &[&str]) -> Result<Self> {
        let switch = Node::new("switch")?;
        // The switch has no business with the packets themselves.
        switch.sysctl("ipv6/conf/all/disable_ipv6", "1")?;
        switch.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        // Ports forward at once, and multicast goes everywhere without anybody asking for it.
        let bridges = lans.iter().flat_map(|lan| {
            [
                format!("link add {lan} type bridge forward_delay 0 mcast_snooping 0"),
                format!("link set {lan} up"),
            ]
        });
        switch.ip(&bridges.collect::<Vec<_>>())?;
        Ok(Self {
            switch,
            ports: Mutex::default(),
        })
    }

    /// The node that holds the bridges.
    pub fn switch(&self) -> &Node {
        &self.switch
    }

    /// Plugs a node into a LAN: `interface` appears in it, up, with these addresses (`ADDRESS/LENGTH`). Its hardware
    /// address tells the number of the port, so that two networks made in the same way look the same.
    pub fn plug(&self, node: &Node, lan: &str, interface: &str, addresses: &[&str]) -> Result<Port> {
        let number = self.lock_ports().len();
        let name = format!("p{number}");
        self.switch.ip(&[
            format!(
                "link add {name} type veth peer name {interface} address 02:00:00:00:{:02x}:{:02x} netns {}",
                number / 0x100,
                number % 0x100,
                node.pid()
            ),
            format!("link set {name} master {lan} up"),
        ])?;
        let mut lines = vec!["link set lo up".to_owned(), format!("link set {interface} up")];
        for address in addresses {
            let nodad = if address.contains(':') { " nodad" } else { "" };
            lines.push(format!("address add {address} dev {interface}{nodad}"));
        }
        node.ip(&lines)?;
        // The kernel gives it a link-local address as soon as it knows of the carrier, which takes a moment.
        wait::until("the interface to be ready", READY, || is_ready(node, interface))
            .with_context(|| format!("{interface} of {}", node.name()))?;
        let index = self.index_of(&name).with_context(|| format!("the number of {name}"))?;
        let port = Port {
            name,
            index,
            node: node.name().to_owned(),
            lan: lan.to_owned(),
        };
        self.lock_ports().push(port.clone());
        Ok(port)
    }

    /// Joins two LANs by a cable between their bridges; the port that is returned is the end of it in the first one, where it
    /// can be cut.
    pub fn join(&self, lan: &str, other: &str) -> Result<Port> {
        let (name, far) = (format!("t-{lan}"), format!("t-{other}"));
        self.switch.ip(&[
            format!("link add {name} type veth peer name {far}"),
            format!("link set {name} master {lan} up"),
            format!("link set {far} master {other} up"),
        ])?;
        let index = self.index_of(&name).with_context(|| format!("the number of {name}"))?;
        Ok(Port {
            index,
            node: self.switch.name().to_owned(),
            lan: lan.to_owned(),
            name,
        })
    }

    /// All ports, in the order in which they were plugged in.
    pub fn ports(&self) -> Vec<Port> {
        self.lock_ports().clone()
    }

    /// Pulls the cable: both ends lose their carrier.
    pub fn pull(&self, port: &Port) -> Result<()> {
        self.switch.ip(&[format!("link set {} down", port.name)]).map(drop)
    }

    /// Puts a pulled cable back.
    pub fn put_back(&self, port: &Port) -> Result<()> {
        self.switch.ip(&[format!("link set {} up", port.name)]).map(drop)
    }

    /// Cuts the cable: nothing gets through, and neither end notices.
    pub fn cut(&self, port: &Port) -> Result<()> {
        self.switch.ip(&[format!("link set {} nomaster", port.name)]).map(drop)
    }

    /// Mends a cut cable.
    pub fn mend(&self, port: &Port) -> Result<()> {
        self.switch
            .ip(&[format!("link set {} master {}", port.name, port.lan)])
            .map(drop)
    }

    fn lock_ports(&self) -> MutexGuard<'_, Vec<Port>> {
        // Only ever appended to.
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_of(&self, interface: &str) -> Result<u32> {
        let name = interface.to_owned();
        Ok(self.switch.within(move || nix::net::if_::if_nametoindex(&*name))??)
    }
}

/// `IFA_F_TENTATIVE` of `linux/if_addr.h`
const TENTATIVE: u32 = 0x40;

/// Whether an interface has a link-local address that may be used, and no address that may not be used yet.
fn is_ready(node: &Node, interface: &str) -> bool {
    let listing = node.proc_net("if_inet6").unwrap_or_default();
    let own = listing.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, _, flags, name] = words[..] else {
            return None;
        };
        (name == interface).then(|| (address.to_owned(), u32::from_str_radix(flags, 16).unwrap_or(TENTATIVE)))
    });
    let own: Vec<(String, u32)> = own.collect();
    own.iter().any(|(address, _)| address.starts_with("fe80")) && own.iter().all(|(_, flags)| flags & TENTATIVE == 0)
}
