//! A whole site: a client, two directors, two real servers and a sorry server.
//!
//! It is the site of a tutorial that many have followed: virtual address 192.168.0.200, real servers .61 and .62.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use crate::client::Load;
use crate::network::{Network, Port};
use crate::node::Node;
use crate::table::{self, Service};
use crate::wait;
use crate::web::Web;

/// Names of the real servers.
pub const REAL: [&str; 2] = ["web1", "web2"];
/// Name of the server that answers when no real server does.
pub const SORRY: &str = "sorry";

/// What the nodes of a site must find in the kernel when they are made.
const MODULES: [&str; 4] = ["ip_vs", "ip_vs_rr", "ipip", "nlmon"];

/// Loads the kernel modules that a site needs.
///
/// # Errors
/// This kernel does not have them; the error says where there is one that does.
pub fn load_modules() -> Result<()> {
    MODULES.iter().try_for_each(|module| load_module(module))
}

/// Loads one kernel module.
///
/// # Errors
/// This kernel does not have it; the error says where there is one that does.
pub fn load_module(module: &str) -> Result<()> {
    let outcome = Command::new("modprobe")
        .arg(module)
        .output()
        .context("modprobe (Debian package kmod)")?;
    ensure!(
        outcome.status.success(),
        "this kernel has no {module}; try in a guest: cargo xtask test guest"
    );
    Ok(())
}

/// How packets reach the real servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// Direct routing.
    Dr,
    /// Masquerading; the real servers are on a LAN of their own behind the directors.
    Nat,
    /// IP in IP.
    Tun,
    /// Direct routing over IPv6.
    DrIpv6,
}

impl Forwarding {
    /// As the configuration says it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Dr | Self::DrIpv6 => "DR",
            Self::Nat => "NAT",
            Self::Tun => "TUN",
        }
    }

    /// As ipvsadm says it.
    pub fn in_table(self) -> &'static str {
        match self {
            Self::Dr | Self::DrIpv6 => "Route",
            Self::Nat => "Masq",
            Self::Tun => "Tunnel",
        }
    }

    /// The host's address on the LAN of the clients.
    fn front(self, host: u16) -> IpAddr {
        match self {
            Self::DrIpv6 => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, host]),
            _ => IpAddr::from([192, 168, 0, host.to_le_bytes()[0]]),
        }
    }

    /// The host's address on the LAN of the real servers.
    fn back(self, host: u16) -> IpAddr {
        match self {
            Self::Nat => IpAddr::from([10, 0, 0, host.to_le_bytes()[0]]),
            _ => self.front(host),
        }
    }

    fn prefix(self) -> u8 {
        if self == Self::DrIpv6 { 64 } else { 24 }
    }

    /// The host number of the virtual address: the digits `200` in both notations.
    fn virtual_host(self) -> u16 {
        if self == Self::DrIpv6 { 0x200 } else { 200 }
    }

    fn real_host(self, number: usize) -> u16 {
        let hosts = if self == Self::DrIpv6 {
            [0x61, 0x62, 0x63]
        } else {
            [61, 62, 63]
        };
        hosts.get(number).copied().unwrap_or_default()
    }
}

/// What may differ from one configuration of a site to another.
#[derive(Debug, Clone)]
pub struct Options {
    /// VRRP priority.
    pub priority: u8,
    /// VRRP advert interval in seconds; less than a second means version 3.
    pub advert_int: f64,
    /// Weights of the real servers.
    pub weights: [u32; 2],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            priority: 150,
            advert_int: 1.0,
            weights: [1, 1],
        }
    }
}

/// A client, two directors, two real servers and a sorry server; the directors are not running yet.
#[derive(Debug)]
pub struct Site {
    /// How packets reach the real servers.
    pub forwarding: Forwarding,
    /// Where requests come from.
    pub client: Node,
    /// The better director first.
    pub directors: [Node; 2],
    /// Where the better director is plugged in on the clients' LAN.
    pub director_port: Port,
    /// The two real servers and the sorry server.
    pub servers: [Node; 3],
    /// What connects them.
    pub network: Network,
}

impl Site {
    /// Makes the nodes and plugs them together. Needs root and a kernel with IPVS.
    pub fn new(forwarding: Forwarding) -> Result<Self> {
        let kind = forwarding;
        let network = Network::new(&["front", "back"])?;
        let with_prefix = |address: IpAddr| format!("{address}/{}", kind.prefix());
        let client = Node::new("client")?;
        network.plug(&client, "front", "eth0", &[&with_prefix(kind.front(10))])?;
        let directors = [Node::new("director1")?, Node::new("director2")?];
        let mut ports = Vec::new();
        for (host, director) in (1..).zip(&directors) {
            ports.push(network.plug(director, "front", "eth0", &[&with_prefix(kind.front(host))])?);
            if kind == Forwarding::Nat {
                network.plug(director, "back", "eth1", &[&with_prefix(kind.back(host))])?;
                director.sysctl("ipv4/ip_forward", "1")?;
            }
        }
        let servers = [Node::new(REAL[0])?, Node::new(REAL[1])?, Node::new(SORRY)?];
        for (number, server) in servers.iter().enumerate() {
            let lan = if kind == Forwarding::Nat { "back" } else { "front" };
            network.plug(server, lan, "eth0", &[&with_prefix(kind.back(kind.real_host(number)))])?;
        }
        let director_port = ports.swap_remove(0);
        let site = Self {
            forwarding,
            client,
            directors,
            director_port,
            servers,
            network,
        };
        site.servers.iter().try_for_each(|server| site.let_answer(server))?;
        Ok(site)
    }

    /// Makes a real server take packets for the virtual address and answer them by itself.
    fn let_answer(&self, server: &Node) -> Result<()> {
        let address = self.virtual_address();
        let quiet = || -> Result<()> {
            // Nobody but the director answers ARP for the virtual address.
            server.sysctl("ipv4/conf/all/arp_ignore", "1")?;
            server.sysctl("ipv4/conf/all/arp_announce", "2")
        };
        match self.forwarding {
            Forwarding::Dr => {
                quiet()?;
                server.ip(&[format!("address add {address}/32 dev lo")])?;
            }
            Forwarding::DrIpv6 => {
                server.ip(&[format!("address add {address}/128 dev lo nodad")])?;
            }
            Forwarding::Tun => {
                quiet()?;
                server.sysctl("ipv4/conf/tunl0/rp_filter", "0")?;
                server.ip(&[
                    "link set tunl0 up".to_owned(),
                    format!("address add {address}/32 dev tunl0"),
                ])?;
            }
            Forwarding::Nat => {
                let inside = self.inside_address();
                server.ip(&[format!("route add default via {inside}")])?;
            }
        }
        Ok(())
    }

    /// The address that clients use.
    pub fn virtual_address(&self) -> IpAddr {
        self.forwarding.front(self.forwarding.virtual_host())
    }

    /// The virtual address that real servers behind NAT answer through.
    fn inside_address(&self) -> IpAddr {
        self.forwarding.back(254)
    }

    /// Where clients connect to.
    pub fn target(&self) -> SocketAddr {
        SocketAddr::new(self.virtual_address(), 80)
    }

    /// The address of a real server (0 and 1) or of the sorry server (2).
    pub fn server_address(&self, number: usize) -> IpAddr {
        self.forwarding.back(self.forwarding.real_host(number))
    }

    /// Starts the web server on every server.
    pub fn start_webs(&self) -> Result<[Web; 3]> {
        let [first, second, sorry] = &self.servers;
        Ok([Web::start(first)?, Web::start(second)?, Web::start(sorry)?])
    }

    /// Waits until a director has the virtual address.
    pub fn wait_for_master(&self, director: &Node, bound: Duration) -> Result<()> {
        let what = format!("the virtual address on {}", director.name());
        wait::until(&what, bound, || director.has(self.virtual_address()))
    }

    /// The service of a director's table, when it is there.
    pub fn service(&self, director: &Node) -> Option<Service> {
        table::services(director)
            .ok()?
            .into_iter()
            .find(|service| service.address == self.target())
    }

    /// Waits until a director's table has exactly these weights, by server number.
    pub fn wait_for_weights(&self, director: &Node, weights: &[(usize, i64)], bound: Duration) -> Result<()> {
        let mut wanted: Vec<_> = weights
            .iter()
            .map(|(number, weight)| (self.server_address(*number), *weight))
            .collect();
        wanted.sort();
        let mut seen = Vec::new();
        let outcome = wait::until("weights", bound, || {
            seen = self.service(director).map_or_else(Vec::new, |service| {
                service
                    .destinations
                    .iter()
                    .map(|found| (found.address.ip(), found.weight))
                    .collect()
            });
            seen.sort();
            seen == wanted
        });
        outcome.map_err(|problem| problem.context(format!("{}: wanted {wanted:?}, saw {seen:?}", director.name())))
    }

    /// Kills real servers under a load, each step within `bound`: a dead one gets no new connections and comes back, and
    /// the sorry server answers when both are dead, as they are in the end. Needs weights of 1 and
    /// `inhibit_on_failure`.
    pub fn ensure_heals(&self, director: &Node, load: &Load, real: [Web; 2], bound: Duration) -> Result<()> {
        let [web1, web2] = real;
        let served_by = |servers: &[&str]| {
            load.ensure_served_by(servers, bound).map_err(|problem| {
                let connections = director.run("ipvsadm", &["-Lnc"]);
                let connections = connections.unwrap_or_else(|error| error.to_string());
                problem.context(format!("with these connections in {}:\n{connections}", director.name()))
            })
        };
        web1.stop()?;
        self.wait_for_weights(director, &[(0, 0), (1, 1)], bound)?;
        served_by(&[REAL[1]])?;
        let web1 = Web::start(&self.servers[0])?;
        self.wait_for_weights(director, &[(0, 1), (1, 1)], bound)?;
        served_by(&REAL)?;

        web1.stop()?;
        web2.stop()?;
        self.wait_for_weights(director, &[(0, 0), (1, 0), (2, 1)], bound)?;
        served_by(&[SORRY])
    }

    /// How long, in seconds, clients were without answers since `quiet`, once the second director serves.
    pub fn outage_of_takeover(&self, load: &Load, quiet: SystemTime, bound: Duration) -> Result<f64> {
        let [_, second] = &self.directors;
        self.wait_for_master(second, bound)?;
        load.wait_for_service(bound)?;
        load.ensure_served_by(&REAL, bound)?;
        Ok(load.since(quiet).outage())
    }

    /// The configuration of a director.
    pub fn configuration(&self, options: &Options) -> String {
        let version = if self.forwarding == Forwarding::DrIpv6 || options.advert_int < 1.0 {
            3
        } else {
            2
        };
        let addresses = match self.forwarding {
            // As the only address of its kind, or the director's own probes come from it and get no answer.
            Forwarding::DrIpv6 => format!("fe80::200/64\n        {}/128", self.virtual_address()),
            Forwarding::Nat => format!(
                "{}/24\n        {}/24 dev eth1",
                self.virtual_address(),
                self.inside_address()
            ),
            _ => format!("{}/24", self.virtual_address()),
        };
        let authentication = if version == 2 {
            "    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n"
        } else {
            ""
        };
        let servers: String = (0..)
            .zip(options.weights)
            .map(|(number, weight)| self.real_server(number, weight))
            .collect();
        format!(
            "vrrp_instance V_W {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int {advert_int}
    version {version}
{authentication}    virtual_ipaddress {{
        {addresses}
    }}
}}

virtual_server {address} 80 {{
    delay_loop 1
    lb_algo rr
    lb_kind {kind}
    protocol TCP
    sorry_server {sorry} 80
{servers}}}
",
            priority = options.priority,
            advert_int = options.advert_int,
            address = self.virtual_address(),
            kind = self.forwarding.keyword(),
            sorry = self.server_address(2),
        )
    }

    fn real_server(&self, number: usize, weight: u32) -> String {
        format!(
            "    real_server {} 80 {{
        weight {weight}
        inhibit_on_failure
        HTTP_GET {{
            url {{
                path /test.html
                status_code 200
            }}
            connect_port 80
            connect_timeout 3
            nb_get_retry 1
            delay_before_retry 1
        }}
    }}
",
            self.server_address(number)
        )
    }
}
