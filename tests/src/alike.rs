//! A host on which keepalived and Holdfast run one after another with the same configuration: whatever they make of it must be
//! the same. Compared are the interfaces, addresses, settings of the kernel and packet filters that they make, the frames
//! that they send, who is reached, whose hardware address a client sees, and what is left at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::daemon::{Daemon, Software};
use crate::dissect::describe;
use crate::host_state::HostState;
use crate::network::{Network, Port};
use crate::node::Node;
use crate::onlooker::Onlooker;
use crate::pair::STRONG;
use crate::wait;

/// The discard service (RFC 863), which nobody here offers: who is reached says so.
const PORT: u16 = 9;
/// How long somebody who is reached may take to say so.
const ANSWER: Duration = Duration::from_millis(800);

/// A guest that shares its processors needs several times the usual.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines in which the two differ, and why. Each has a row in docs/compatibility.md.
const KNOWN: [(&str, &str); 3] = [
    ("eth1/rp_filter = 2", "the filter of `all` goes to every interface"),
    ("lo/rp_filter = 2", "the filter of `all` goes to every interface"),
    ("vrrp6.51/arp_ignore = 1", "a macvlan for IPv6 has it too, as with 2.4"),
];

/// A director with two interfaces and a client on each.
#[derive(Debug)]
pub struct Host {
    /// Sees what everybody sends.
    pub onlooker: Onlooker,
    /// `192.0.2.1`, `fd00::1` on `eth0`; `198.51.100.1` on `eth1`.
    pub director: Node,
    /// `192.0.2.9`, `fd00::9`.
    pub client: Node,
    /// `198.51.100.9`.
    pub far: Node,
    /// What they are plugged into.
    pub network: Network,
}

impl Host {
    /// All nodes, nothing running.
    pub fn new() -> Result<Self> {
        let network = Network::new(&["lan", "lan2"])?;
        let (director, client, far) = (Node::new("director")?, Node::new("client")?, Node::new("far")?);
        // Something to be moved out of the way of a macvlan.
        director.sysctl("ipv4/conf/all/rp_filter", "2")?;
        network.plug(&director, "lan", "eth0", &["192.0.2.1/24", "fd00::1/64"])?;
        network.plug(&director, "lan2", "eth1", &["198.51.100.1/24"])?;
        network.plug(&client, "lan", "eth0", &["192.0.2.9/24", "fd00::9/64"])?;
        network.plug(&far, "lan2", "eth0", &["198.51.100.9/24"])?;
        let onlooker = Onlooker::of(&network)?;
        Ok(Self {
            onlooker,
            director,
            client,
            far,
            network,
        })
    }

    /// Waits until the director has all these addresses.
    pub fn wait_for(&self, addresses: &[&str]) -> Result<()> {
        self.wait(addresses, true)
    }

    /// Waits until the director has none of these addresses.
    pub fn wait_without(&self, addresses: &[&str]) -> Result<()> {
        self.wait(addresses, false)
    }

    fn wait(&self, addresses: &[&str], present: bool) -> Result<()> {
        for address in addresses {
            let address: IpAddr = address.parse()?;
            let what = format!("{address} to {}", if present { "come" } else { "go" });
            wait::until(&what, PATIENCE, || self.director.has(address) == present)?;
        }
        Ok(())
    }

    /// Where `eth0` of the director is plugged in.
    pub fn port_of_director(&self) -> Option<Port> {
        self.network.ports().into_iter().next()
    }

    /// Who among the addresses says something to the clients, and with which hardware address.
    pub fn reached(&self, addresses: &[&str]) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for text in ["192.0.2.1"].iter().chain(addresses) {
            let address: IpAddr = text.parse()?;
            let is_far = text.starts_with("198.51.100.");
            let client = if is_far { &self.far } else { &self.client };
            let answers = client.within(move || answers(address))??;
            let neighbours = client.run("ip", &["neighbour", "show", text])?;
            let mut words = neighbours.split_whitespace().skip_while(|word| *word != "lladdr");
            let mac = words.nth(1).unwrap_or("nothing");
            lines.push(format!(
                "{text} is at {mac} and {}",
                if answers { "answers" } else { "is silent" }
            ));
        }
        Ok(lines)
    }

    /// What the director sent up to now, each frame once.
    pub fn frames(&self) -> BTreeSet<String> {
        let seen = self.onlooker.sightings();
        let own = seen.iter().filter(|sighting| sighting.node == self.director.name());
        own.filter_map(|sighting| describe(&sighting.frame)).collect()
    }
}

/// Whether somebody at this address says that nobody listens there.
fn answers(address: IpAddr) -> Result<bool> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(ANSWER))?;
    let target: SocketAddr = match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            let scope = nix::net::if_::if_nametoindex("eth0")?;
            SocketAddrV6::new(address, PORT, 0, scope).into()
        }
        other => (other, PORT).into(),
    };
    socket.connect(target)?;
    socket.send(b"?")?;
    let outcome = socket.recv(&mut [0; 8]);
    Ok(outcome.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused))
}

/// What a program did with a configuration, under a title each.
type Story = BTreeMap<&'static str, Vec<String>>;

fn tell(software: Software, configuration: &str, addresses: &[&str]) -> Result<Story> {
    let host = Host::new()?;
    let mut story = Story::new();
    let before = HostState::of(&host.director)?;
    let daemon = Daemon::start(software, &host.director, configuration)?;
    host.wait_for(addresses)?;
    story.insert("who is reached", host.reached(addresses)?);
    let state = HostState::of(&host.director)?;
    story.insert("the host", state.changes_since(&before));
    // A second advert, and the announcements of a takeover.
    std::thread::sleep(Duration::from_millis(1500));
    let frames = host.frames();
    ensure!(!frames.is_empty(), "{software} sent nothing");
    story.insert("the frames", frames.into_iter().collect());
    daemon.stop()?;
    let left = HostState::of(&host.director)?.changes_since(&before);
    if software == Software::Holdfast {
        ensure!(left.is_empty(), "left at the end:\n{}", left.join("\n"));
    }
    Ok(story)
}

fn compare(theirs: &Story, ours: &Story) -> Result<()> {
    let mut report = Vec::new();
    for (title, theirs) in theirs {
        let ours = ours.get(title).context("a title")?;
        let [theirs, ours] = [theirs, ours].map(|told| {
            let is_new = |line: &&String| !KNOWN.iter().any(|(known, _)| line.ends_with(known));
            told.iter().filter(is_new).map(String::as_str).collect::<Vec<&str>>()
        });
        let only = |of: &[&str], other: &[&str], sign: &str| -> Vec<String> {
            let lines = of.iter().filter(|line| !other.contains(line));
            lines.map(|line| format!("{title}, {sign}: {line}")).collect()
        };
        let differences = [
            only(&theirs, &ours, "keepalived only"),
            only(&ours, &theirs, "holdfast only"),
        ]
        .concat();
        if differences.is_empty() && theirs != ours {
            report.push(format!(
                "{title}: the order of\n{}\nis\n{}",
                theirs.join("\n"),
                ours.join("\n")
            ));
        }
        report.extend(differences);
    }
    ensure!(report.is_empty(), "{}", report.join("\n"));
    Ok(())
}

/// Both programs do the same with this configuration, and every line of `expected` is among it.
pub fn is_as_with_keepalived(configuration: &str, addresses: &[&str], expected: &[&str]) -> Result<()> {
    let told = |software| move || tell(software, configuration, addresses).with_context(|| format!("with {software}"));
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(told(Software::Keepalived));
        let ours = scope.spawn(told(Software::Holdfast));
        (theirs.join(), ours.join())
    });
    let theirs = theirs.ok().context("a panic")??;
    let ours = ours.ok().context("a panic")??;
    for line in expected {
        let has = theirs.values().flatten().any(|told| told.contains(line));
        ensure!(has, "keepalived did not do what the case is about: {line}\n{theirs:#?}");
    }
    compare(&theirs, &ours)
}

/// An instance that soon is master.
pub fn instance(name: &str, vrid: u8, extra: &str, addresses: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n    state MASTER\n    interface eth0\n    virtual_router_id {vrid}\n    \
         priority {STRONG}\n    advert_int 1\n    {extra}\n    virtual_ipaddress {{\n        {addresses}\n    }}\n}}\n"
    )
}
