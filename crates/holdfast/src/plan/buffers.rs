//! Receive buffers of sockets: `*_netlink_*_rcv_bufs`, `vrrp_rx_bufs_policy`, `kernel_rx_buf_size`.

use std::collections::BTreeMap;

use holdfast_conf::config::{self, AddressFamily, Config, ReceiveBuffer, VrrpRxBufsPolicy, VrrpVersion};
use holdfast_vrrp::settings::{InstanceSettings, Listener, NodeSettings};
use serde::{Deserialize, Serialize};

/// `vrrp_rx_bufs_multiplier` when it is not written.
const MULTIPLIER: u32 = 3;
const IPV4_HEADER_BYTES: u32 = 20;
const VRRP_HEADER_BYTES: u32 = 8;
/// Authentication data of version 2.
const AUTHENTICATION_BYTES: u32 = 8;
const AUTHENTICATION_HEADER_BYTES: u32 = 24;
const HMAC_TRAILER_BYTES: u32 = 28;

/// Of the two netlink sockets of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetlinkBuffers {
    /// Of the socket for requests: `*_netlink_cmd_rcv_bufs`
    pub requests: ReceiveBuffer,
    /// Of the socket for events: `*_netlink_monitor_rcv_bufs`
    pub events: ReceiveBuffer,
}

/// Of the VRRP process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpBuffers {
    /// Of its netlink sockets
    pub netlink: NetlinkBuffers,
    /// Of the VRRP sockets that do not have the kernel's default
    pub sockets: Vec<(Listener, SocketBuffer)>,
}

/// All instances of a socket want together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketBuffer {
    /// So many bytes
    pub bytes: u64,
    /// And so many times the MTU of the interface
    pub mtus: u64,
}

impl SocketBuffer {
    /// Its size in bytes on an interface with this MTU.
    pub fn size(self, mtu: u32) -> usize {
        let size = self.mtus.saturating_mul(mtu.into()).saturating_add(self.bytes);
        usize::try_from(size).unwrap_or(usize::MAX)
    }
}

/// Of the VRRP process: `settings` are those of the same file.
pub fn vrrp_buffers(config: &Config, settings: &NodeSettings) -> VrrpBuffers {
    let buffers = &config.global_defs.receive_buffers;
    let mut sockets: BTreeMap<Listener, SocketBuffer> = BTreeMap::new();
    for (instance, settings) in config.vrrp_instances.iter().zip(&settings.instances) {
        let wanted = of_instance(instance, settings, config);
        let sum = sockets.entry(Listener::of(settings)).or_default();
        sum.bytes = sum.bytes.saturating_add(wanted.bytes);
        sum.mtus = sum.mtus.saturating_add(wanted.mtus);
    }
    VrrpBuffers {
        netlink: NetlinkBuffers {
            requests: buffers.vrrp_netlink_cmd,
            events: buffers.vrrp_netlink_monitor,
        },
        sockets: sockets
            .into_iter()
            .filter(|(_, buffer)| *buffer != SocketBuffer::default())
            .collect(),
    }
}

/// Of the checker process.
pub fn checker_buffers(config: &Config) -> NetlinkBuffers {
    let buffers = &config.global_defs.receive_buffers;
    NetlinkBuffers {
        requests: buffers.lvs_netlink_cmd,
        events: buffers.lvs_netlink_monitor,
    }
}

fn of_instance(instance: &config::VrrpInstance, settings: &InstanceSettings, config: &Config) -> SocketBuffer {
    let buffers = &config.global_defs.receive_buffers;
    let multiplier = buffers.vrrp_rx_bufs_multiplier.unwrap_or(MULTIPLIER);
    let bytes = |bytes: u64| SocketBuffer { bytes, mtus: 0 };
    let own = instance.kernel_rx_buf_size.filter(|size| *size > 0);
    match (own, buffers.vrrp_rx_bufs_policy) {
        (Some(size), _) | (None, Some(VrrpRxBufsPolicy::Bytes(size))) => bytes(size.into()),
        (None, Some(VrrpRxBufsPolicy::Advert)) => {
            let advert = u64::from(advert_bytes(instance, settings));
            bytes(advert.saturating_mul(multiplier.into()))
        }
        (None, Some(VrrpRxBufsPolicy::Mtu)) => SocketBuffer {
            bytes: 0,
            mtus: multiplier.into(),
        },
        (None, None) => SocketBuffer::default(),
    }
}

/// As a raw socket delivers it: over IPv4 with the IP header.
fn advert_bytes(instance: &config::VrrpInstance, settings: &InstanceSettings) -> u32 {
    let count = u32::try_from(settings.addresses.len()).unwrap_or(u32::MAX);
    let around = match (instance.family, instance.version) {
        (AddressFamily::Inet6, _) => 0,
        (AddressFamily::Inet, VrrpVersion::V2) => IPV4_HEADER_BYTES + AUTHENTICATION_BYTES,
        (AddressFamily::Inet, VrrpVersion::V3) => IPV4_HEADER_BYTES,
    };
    let address: u32 = match instance.family {
        AddressFamily::Inet => 4,
        AddressFamily::Inet6 => 16,
    };
    let header = if Listener::of(settings).authenticated {
        AUTHENTICATION_HEADER_BYTES
    } else {
        0
    };
    let trailer = if settings.hmac.is_some() { HMAC_TRAILER_BYTES } else { 0 };
    let fixed = VRRP_HEADER_BYTES + around + header + trailer;
    address.saturating_mul(count).saturating_add(fixed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;
    use crate::plan::trackers::TrackerTable;

    fn config_of(text: &str) -> Config {
        let loader = MemoryLoader::new().with("/k.conf", text);
        holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config
    }

    fn buffers_of(global: &str, instances: &[&str]) -> Vec<SocketBuffer> {
        let blocks = instances.iter().zip(1..).map(|(more, vrid)| {
            format!(
                "vrrp_instance V{vrid} {{\ninterface eth0\nvirtual_router_id {vrid}\n\
                 virtual_ipaddress {{\n192.0.2.{vrid}\n192.0.2.1{vrid}\n}}\n{more}\n}}\n"
            )
        });
        let config = config_of(&format!("global_defs {{\n{global}\n}}\n{}", blocks.collect::<String>()));
        let settings = crate::plan::vrrp::node_settings(&config, &TrackerTable::from_config(&config).0);
        let sockets = vrrp_buffers(&config, &settings).sockets;
        sockets.into_iter().map(|(_, buffer)| buffer).collect()
    }

    fn bytes(bytes: u64) -> SocketBuffer {
        SocketBuffer { bytes, mtus: 0 }
    }

    /// Expected values: what keepalived 2.4.3 sets, read from its `SO_RCVBUF` calls.
    #[test]
    fn instances_of_a_socket_add_up() {
        assert_eq!(buffers_of("", &["", ""]), []);
        assert_eq!(buffers_of("", &["kernel_rx_buf_size 65536", ""]), [bytes(65536)]);
        assert_eq!(
            buffers_of("vrrp_rx_bufs_policy 4000", &["kernel_rx_buf_size 65536", ""]),
            [bytes(69536)]
        );
        let mtu = buffers_of("vrrp_rx_bufs_policy MTU", &["", "kernel_rx_buf_size 100"]);
        assert_eq!(mtu, [SocketBuffer { bytes: 100, mtus: 3 }]);
        assert_eq!(mtu[0].size(1500), 4600);
        let five = "vrrp_rx_bufs_policy MTU\nvrrp_rx_bufs_multiplier 5";
        assert_eq!(buffers_of(five, &[""]), [SocketBuffer { bytes: 0, mtus: 5 }]);
    }

    #[test]
    fn an_advert_is_as_long_as_it_is_on_the_wire() {
        let advert = "vrrp_rx_bufs_policy ADVERT\nvrrp_rx_bufs_multiplier 1";
        assert_eq!(buffers_of(advert, &[""]), [bytes(20 + 8 + 2 * 4 + 8)]);
        assert_eq!(buffers_of(advert, &["version 3"]), [bytes(20 + 8 + 2 * 4)]);
        let header = "authentication {\nauth_type AH\nauth_pass s3cret\n}";
        assert_eq!(buffers_of(advert, &[header]), [bytes(20 + 24 + 8 + 2 * 4 + 8)]);
        let key = "0123456789abcdef0123456789abcdef";
        let hmac = format!("version 3\nauth_hmac {{\nkey 1 {key}\nactive_key 1\n}}");
        assert_eq!(buffers_of(advert, &[&hmac]), [bytes(20 + 8 + 2 * 4 + 28)]);
    }

    #[test]
    fn netlink_sockets_have_their_own_words() {
        let config = config_of(
            "global_defs {\nvrrp_netlink_cmd_rcv_bufs 131072\nvrrp_netlink_monitor_rcv_bufs 262144\n\
             vrrp_netlink_monitor_rcv_bufs_force\nlvs_netlink_cmd_rcv_bufs 1000000\nlvs_netlink_cmd_rcv_bufs_force\n\
             lvs_netlink_monitor_rcv_bufs 0\n}\n",
        );
        let buffer = |bytes: Option<u32>, force| ReceiveBuffer { bytes, force };
        let vrrp = vrrp_buffers(&config, &NodeSettings::default()).netlink;
        assert_eq!(vrrp.requests, buffer(Some(131_072), false));
        assert_eq!(vrrp.events, buffer(Some(262_144), true));
        let checker = checker_buffers(&config);
        assert_eq!(checker.requests, buffer(Some(1_000_000), true));
        assert_eq!(checker.events.bytes.filter(|bytes| *bytes > 0), None);
    }
}
