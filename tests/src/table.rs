//! The kernel's IPVS table as `/proc/net/ip_vs` shows it: one file read instead of a program started.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};

use crate::node::Node;

/// A virtual service with an address (not one with a firewall mark).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Address and port.
    pub address: SocketAddr,
    /// `rr`, `wlc` ...
    pub scheduler: String,
    /// In the kernel's order.
    pub destinations: Vec<Destination>,
}

/// A real server of a [`Service`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Address and port.
    pub address: SocketAddr,
    /// `Route`, `Masq`, `Tunnel` or `Local`, as ipvsadm says it.
    pub forward: String,
    /// 0 means no new connections.
    pub weight: i64,
}

/// The services of a node.
pub fn services(node: &Node) -> Result<Vec<Service>> {
    read(&node.proc_net("ip_vs")?)
}

impl Service {
    /// The weight of a real server, if it is in the table.
    pub fn weight_of(&self, address: IpAddr) -> Option<i64> {
        self.destinations
            .iter()
            .find(|destination| destination.address.ip() == address)
            .map(|found| found.weight)
    }
}

fn read(text: &str) -> Result<Vec<Service>> {
    let mut services: Vec<Service> = Vec::new();
    // Three lines of headings.
    for line in text.lines().skip(3) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "FWM" {
            continue;
        }
        let address = words
            .next()
            .and_then(read_address)
            .with_context(|| format!("ip_vs line {line:?}"))?;
        let third = words.next().unwrap_or_default().to_owned();
        if first == "->" {
            let weight = words
                .next()
                .and_then(|word| word.parse().ok())
                .context("an ip_vs line without weight")?;
            let service = services.last_mut().context("a destination without service")?;
            service.destinations.push(Destination {
                address,
                forward: third,
                weight,
            });
        } else {
            services.push(Service {
                protocol: first.to_owned(),
                address,
                scheduler: third,
                destinations: Vec::new(),
            });
        }
    }
    Ok(services)
}

/// `C0A800C8:0050`, or `[fd00:0000:0000:0000:0000:0000:0000:0200]:0050`: the port is hexadecimal in both.
fn read_address(word: &str) -> Option<SocketAddr> {
    let (host, port) = word.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']')?.parse().ok()?,
        None => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?)),
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_both_families() {
        let text = "IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0A800C8:0050 rr\x20
  -> C0A8003E:0050      Route   1      0          2        \x20
  -> C0A8003D:0050      Route   0      0          0        \x20
TCP  [fd00:0000:0000:0000:0000:0000:0000:0200]:0050 wlc persistent 5000 FFFFFFFF
  -> [fd00:0000:0000:0000:0000:0000:0000:0061]:0050      Tunnel  3      0          0        \x20
";
        let services = read(text).unwrap();
        assert_eq!(services[0].address, "192.168.0.200:80".parse().unwrap());
        assert_eq!(services[0].scheduler, "rr");
        assert_eq!(services[0].weight_of([192, 168, 0, 61].into()), Some(0));
        assert_eq!(services[1].destinations[0].address, "[fd00::61]:80".parse().unwrap());
        assert_eq!(services[1].destinations[0].forward, "Tunnel");
    }
}
