//! A host on which keepalived and Holdfast run one after another with the same configuration: whatever they make of it must be
//! the same. Compared are the interfaces, addresses, settings of the kernel and packet filters that they make, the frames
//! that they send, who is reached, whose hardware address a client sees, and what is left at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use socket2::{Domain, Socket, Type};

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
/// RFC 1112 section 4, RFC 4291 section 2.7.1.
const ALL_HOSTS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_HOSTS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// How long somebody who is reached may take to say so.
const ANSWER: Duration = Duration::from_secs(2);
/// How long both are watched before they are compared: a second advert, and what no program should do at all.
const WATCHED: Duration = Duration::from_millis(1500);

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

    /// Lets the director send something from one of its addresses, for rules about such packets to count.
    pub fn speak_from(&self, address: IpAddr) -> Result<()> {
        let interfaces = self.director.proc_net("if_inet6")?;
        self.director.within(move || speak_from(address, &interfaces))?
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

/// To everybody, as nobody in particular has to be there. Who drops it, says so or does not.
fn speak_from(address: IpAddr, if_inet6: &str) -> Result<()> {
    let (from, to): (SocketAddr, SocketAddr) = match address {
        IpAddr::V4(_) => ((address, 0).into(), (ALL_HOSTS_V4, PORT).into()),
        IpAddr::V6(address) => {
            let digits = format!("{:032x}", address.to_bits());
            let line = if_inet6.lines().find(|line| line.starts_with(&digits));
            let name = line.and_then(|line| line.split_whitespace().last());
            let scope = nix::net::if_::if_nametoindex(name.context("an interface with this address")?)?;
            let on = |address, port| SocketAddrV6::new(address, port, 0, scope).into();
            (on(address, 0), on(ALL_HOSTS_V6, PORT))
        }
    };
    let socket = Socket::new(Domain::for_address(from), Type::DGRAM, None)?;
    socket.bind(&from.into())?;
    if let IpAddr::V4(address) = address {
        socket.set_multicast_if_v4(&address)?;
    }
    match socket.send_to(b"?", &to.into()) {
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => Err(error.into()),
        _ => Ok(()),
    }
}

/// What a program did with a configuration, under a title each.
type Story = BTreeMap<&'static str, Vec<String>>;

/// A program that has all the addresses.
struct Subject<'a> {
    host: &'a Host,
    daemon: Daemon<'a>,
    before: HostState,
    reached: Vec<String>,
}

impl<'a> Subject<'a> {
    fn start(software: Software, host: &'a Host, configuration: &str, addresses: &[&str]) -> Result<Self> {
        let before = HostState::of(&host.director)?;
        let daemon = Daemon::start(software, &host.director, configuration)?;
        host.wait_for(addresses)?;
        let reached = host.reached(addresses)?;
        for address in addresses {
            host.speak_from(address.parse()?)?;
        }
        std::thread::sleep(WATCHED);
        Ok(Self {
            host,
            daemon,
            before,
            reached,
        })
    }

    /// What it did up to now.
    fn story(&self) -> Result<Story> {
        let state = HostState::of(&self.host.director)?;
        Ok(Story::from([
            ("who is reached", self.reached.clone()),
            ("the host", state.changes_since(&self.before)),
            ("the frames", self.host.frames().into_iter().collect()),
        ]))
    }

    fn stop(self) -> Result<()> {
        let software = self.daemon.software();
        self.daemon.stop()?;
        let left = HostState::of(&self.host.director)?.changes_since(&self.before);
        if software == Software::Holdfast {
            ensure!(left.is_empty(), "left at the end:\n{}", left.join("\n"));
        }
        Ok(())
    }
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

/// Both programs do the same with this configuration, and every line of `expected` is among it. When something comes is the
/// kernel's and the machine's business: they are the same when they come to be.
pub fn is_as_with_keepalived(configuration: &str, addresses: &[&str], expected: &[&str]) -> Result<()> {
    let (their_host, our_host) = (Host::new()?, Host::new()?);
    let started = |software, host| {
        move || Subject::start(software, host, configuration, addresses).with_context(|| format!("with {software}"))
    };
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(started(Software::Keepalived, &their_host));
        let ours = scope.spawn(started(Software::Holdfast, &our_host));
        (theirs.join(), ours.join())
    });
    let theirs = theirs.ok().context("a panic")??;
    let ours = ours.ok().context("a panic")??;
    let mut outcome = Ok(());
    let same = wait::until("both to be the same", PATIENCE, || {
        outcome = has_all(&theirs, expected).and_then(|story| compare(&story, &ours.story()?));
        outcome.is_ok()
    });
    outcome.and(same)?;
    theirs.stop()?;
    ours.stop()
}

/// What keepalived did, when that is what the case is about.
fn has_all(keepalived: &Subject<'_>, expected: &[&str]) -> Result<Story> {
    let story = keepalived.story()?;
    for line in expected {
        let has = story.values().flatten().any(|told| told.contains(line));
        ensure!(has, "keepalived did not do what the case is about: {line}\n{story:#?}");
    }
    Ok(story)
}

/// An instance that soon is master.
pub fn instance(name: &str, vrid: u8, extra: &str, addresses: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n    state MASTER\n    interface eth0\n    virtual_router_id {vrid}\n    \
         priority {STRONG}\n    advert_int 1\n    {extra}\n    virtual_ipaddress {{\n        {addresses}\n    }}\n}}\n"
    )
}
