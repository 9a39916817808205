//! Clients are served through tunnels of every kind, within a family and from one to the other, on a real IPVS: in a guest,
//! started by `cargo xtask test guest`. keepalived is the subject first.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::client::Lasting;
use bed::daemon::{Daemon, Software};
use bed::figures;
use bed::network::Network;
use bed::node::Node;
use bed::saved_table::SavedTable;
use bed::site;
use bed::wait;
use bed::web::Web;

/// Checks, and a busy guest.
const PATIENCE: Duration = Duration::from_secs(40);

/// What IPVS needs, and the other ends of the tunnels.
const MODULES: [&str; 9] = [
    "ip_vs",
    "ip_vs_rr",
    "ipip",
    "sit",
    "ip6_tunnel",
    "ip_gre",
    "ip6_gre",
    "fou",
    "fou6",
];

const GUE_PORT: &str = "6080";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Inet,
    Inet6,
}

/// A tunnel as the configuration says it, as `ipvsadm -S` does, and whether its packets of GRE have checksums.
struct Kind {
    method: &'static str,
    in_table: &'static str,
    server: Server,
}

/// The two real servers: a device for GRE takes packets with checksums, or those without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Plain,
    Checksums,
}

const KINDS: [Kind; 6] = [
    Kind {
        method: "TUN",
        in_table: "--tun-type ipip",
        server: Server::Plain,
    },
    Kind {
        method: "TUN type gue port 6080",
        in_table: "--tun-type gue --tun-port 6080 --tun-nocsum",
        server: Server::Plain,
    },
    Kind {
        method: "TUN type gue port 6080 csum",
        in_table: "--tun-type gue --tun-port 6080 --tun-csum",
        server: Server::Checksums,
    },
    Kind {
        method: "TUN type gue port 6080 remcsum",
        in_table: "--tun-type gue --tun-port 6080 --tun-remcsum",
        server: Server::Checksums,
    },
    Kind {
        method: "TUN type gre",
        in_table: "--tun-type gre --tun-nocsum",
        server: Server::Plain,
    },
    Kind {
        method: "TUN type gre csum",
        in_table: "--tun-type gre --tun-csum",
        server: Server::Checksums,
    },
];

/// Families of the virtual server and of the real one.
const FAMILIES: [(Family, Family); 4] = [
    (Family::Inet, Family::Inet),
    (Family::Inet, Family::Inet6),
    (Family::Inet6, Family::Inet),
    (Family::Inet6, Family::Inet6),
];

impl Family {
    fn address(self, host: u8) -> String {
        match self {
            Self::Inet => format!("192.168.0.{host}"),
            Self::Inet6 => format!("fd00::{host}"),
        }
    }

    fn with_prefix(self, host: u8) -> String {
        let length = if self == Self::Inet { 24 } else { 64 };
        format!("{}/{length}", self.address(host))
    }
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Checksums => "checksums",
        }
    }

    fn host(self) -> u8 {
        match self {
            Self::Plain => 61,
            Self::Checksums => 62,
        }
    }

    /// The ends of tunnels, from whoever sends packets to this server. GUE is taken off before: what is in it comes out of the
    /// devices of plain packets.
    fn devices(self) -> Vec<String> {
        let [four, six] = [Family::Inet, Family::Inet6].map(|family| family.address(self.host()));
        let checksums = if self == Self::Checksums { "icsum" } else { "" };
        let devices = [
            ("four-in-four", format!("ipip local {four} remote 0.0.0.0")),
            ("six-in-four", format!("sit local {four} remote 0.0.0.0")),
            ("any-in-six", format!("ip6tnl mode any local {six} remote ::")),
            ("gre-in-four", format!("gre local {four} remote 0.0.0.0 {checksums}")),
            ("gre-in-six", format!("ip6gre local {six} remote :: {checksums}")),
        ];
        devices
            .iter()
            .flat_map(|(name, kind)| [format!("link add {name} type {kind}"), format!("link set {name} up")])
            .collect()
    }
}

/// A virtual server with one real server, each with an address of its own.
struct Pair {
    families: (Family, Family),
    kind: &'static Kind,
    host: u8,
}

impl Pair {
    fn all() -> Vec<Self> {
        let pairs = FAMILIES
            .into_iter()
            .flat_map(|families| KINDS.iter().map(move |kind| (families, kind)));
        (200..)
            .zip(pairs)
            .map(|(host, (families, kind))| Self { families, kind, host })
            .collect()
    }

    fn virtual_address(&self) -> String {
        self.families.0.address(self.host)
    }

    fn text(&self) -> String {
        format!(
            "virtual_server {} 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind TUN
    protocol TCP
    real_server {} 80 {{
        lvs_method {}
        TCP_CHECK {{
            connect_timeout 10
        }}
    }}
}}
",
            self.virtual_address(),
            self.families.1.address(self.kind.server.host()),
            self.kind.method
        )
    }

    /// What is in the table: the service, and the method of its real server.
    fn is_in(&self, table: &SavedTable) -> bool {
        let target = SocketAddr::new(self.target(), 80);
        let Some(service) = table.0.get(&format!("-t {target}")) else {
            return false;
        };
        let mut methods = service.destinations.values().map(|it| it.settings.as_str());
        methods.next() == Some(&format!("-i -w 1 {}", self.kind.in_table))
    }

    fn target(&self) -> IpAddr {
        match self.families.0 {
            Family::Inet => [192, 168, 0, self.host].into(),
            Family::Inet6 => self.virtual_address().parse().unwrap_or([0; 16].into()),
        }
    }

    fn name(&self) -> String {
        format!("{:?} to {:?}, {}", self.families.0, self.families.1, self.kind.method)
    }
}

/// A client, a director and two real servers on a LAN of both families.
struct Tunnels {
    client: Node,
    director: Node,
    servers: [Node; 2],
    _network: Network,
}

impl Tunnels {
    fn new(pairs: &[Pair]) -> Result<Self> {
        let network = Network::new(&["lan"])?;
        let plug = |node: &Node, host: u8| {
            let addresses = [Family::Inet, Family::Inet6].map(|family| family.with_prefix(host));
            network.plug(node, "lan", "eth0", &addresses.each_ref().map(String::as_str))
        };
        let (client, director) = (Node::new("client")?, Node::new("director")?);
        plug(&client, 10)?;
        plug(&director, 1)?;
        let own = |pair: &Pair, device: &str| match pair.families.0 {
            Family::Inet => format!("address add {}/32 dev {device}", pair.virtual_address()),
            // Never the source of the director's own packets.
            Family::Inet6 => format!(
                "address add {}/128 dev {device} nodad preferred_lft 0",
                pair.virtual_address()
            ),
        };
        director.ip(&pairs.iter().map(|pair| own(pair, "eth0")).collect::<Vec<_>>())?;
        let server = |kind: Server| -> Result<Node> {
            let node = Node::new(kind.name())?;
            plug(&node, kind.host())?;
            // Nobody but the director answers ARP for virtual addresses.
            node.sysctl("ipv4/conf/all/arp_ignore", "1")?;
            node.sysctl("ipv4/conf/all/arp_announce", "2")?;
            node.ip(&kind.devices())?;
            for family in ["-4", "-6"] {
                node.run("ip", &[family, "fou", "add", "port", GUE_PORT, "gue"])?;
            }
            node.ip(&pairs.iter().map(|pair| own(pair, "lo")).collect::<Vec<_>>())?;
            Ok(node)
        };
        let servers = [server(Server::Plain)?, server(Server::Checksums)?];
        Ok(Self {
            client,
            director,
            servers,
            _network: network,
        })
    }

    /// Whether a client is served, and goes on being served; else why not.
    fn ensure_served(&self, pair: &Pair) -> Result<()> {
        let mut lasting = Lasting::open(&self.client, SocketAddr::new(pair.target(), 80))?;
        let wanted = pair.kind.server.name();
        ensure!(lasting.server() == wanted, "{} answers", lasting.server());
        lasting.ask()
    }
}

fn clients_are_served(software: Software) -> Result<()> {
    for module in MODULES {
        site::load_module(module)?;
    }
    let pairs = Pair::all();
    let tunnels = Tunnels::new(&pairs)?;
    let _webs = [Web::start(&tunnels.servers[0])?, Web::start(&tunnels.servers[1])?];
    let configuration: String = pairs.iter().map(Pair::text).collect();
    let _daemon = Daemon::start(software, &tunnels.director, &configuration)?;
    let mut missing = Vec::new();
    let outcome = wait::until("every tunnel in the table", PATIENCE, || {
        let Ok(table) = SavedTable::of(&tunnels.director) else {
            return false;
        };
        missing = pairs
            .iter()
            .filter(|pair| !pair.is_in(&table))
            .map(Pair::name)
            .collect();
        missing.is_empty()
    });
    let shown = || tunnels.director.run("ipvsadm", &["-Sn"]).unwrap_or_default();
    outcome.with_context(|| format!("not there: {missing:?} in\n{}", shown()))?;
    let mut failed = Vec::new();
    for pair in &pairs {
        if let Err(problem) = tunnels.ensure_served(pair) {
            failed.push(format!("{}: {problem:#}", pair.name()));
        }
    }
    ensure!(failed.is_empty(), "{failed:#?}");
    figures::report_text(&format!(
        "{software}: clients were served through {} tunnels",
        pairs.len()
    ));
    Ok(())
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn clients_are_served_by_keepalived() -> Result<()> {
    clients_are_served(Software::Keepalived)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn clients_are_served_by_holdfast() -> Result<()> {
    clients_are_served(Software::Holdfast)
}
