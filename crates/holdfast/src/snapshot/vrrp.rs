//! The state and the counters of everything in the VRRP process.

use std::net::{Ipv4Addr, Ipv6Addr};

use holdfast_net::MacAddress;
use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::{NodeStatus, TrackerFacts};
use serde::{Deserialize, Serialize};

use crate::plan::routing::StaticEntry;
use crate::status::TrackersStatus;

/// All of it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpSnapshot {
    /// The moment, on the clock that all timestamps in here are on
    pub at: Timestamp,
    /// The same moment on the wall
    pub since_1970: Duration,
    /// When the process started
    pub started_at: Timestamp,
    /// Instances and groups with their counters, in configured order
    pub node: NodeStatus,
    /// What the host says of the instances, in the same order
    pub on_host: Vec<InstanceOnHost>,
    /// Static addresses, routes and rules, and whether each is in the kernel
    pub statics: Vec<(StaticEntry, bool)>,
    /// All interfaces of the host by their numbers
    pub interfaces: Vec<InterfaceSnapshot>,
    /// What the instances know of what they track
    pub known: TrackerFacts,
    /// What the supervisor knows of scripts, files and processes: it fills this in on the way
    pub trackers: TrackersStatus,
}

/// What the host says of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceOnHost {
    /// Why it is in its state, in words; empty while it is in its first one
    pub reason: String,
    /// Each virtual address, those advertised and then the excluded ones
    pub addresses: Vec<AddressOnHost>,
}

/// What the host says of a virtual address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOnHost {
    /// The interface that it belongs on, which may be one of ours
    pub interface: String,
    /// The instance has put it there, and it is there
    pub is_set: bool,
}

/// An interface of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSnapshot {
    /// The kernel's number
    pub index: u32,
    /// The name
    pub name: String,
    /// The number of the interface that one of ours stands on; else its own
    pub base_index: u32,
    /// The hardware address
    pub mac: Option<MacAddress>,
    /// Switched on, with a carrier
    pub is_up: bool,
    /// Its first IPv4 address that is not a virtual one
    pub ipv4: Option<Ipv4Addr>,
    /// Its link-local address
    pub link_local: Option<Ipv6Addr>,
}

#[cfg(test)]
mod tests {
    use holdfast_vrrp::{InstanceSettings, Node, NodeSettings, VirtualAddress};

    use super::*;

    fn instance(number: u16) -> InstanceSettings {
        let [high, low] = number.to_be_bytes();
        let address = VirtualAddress::new([10, 1, high, low].into(), 24);
        InstanceSettings {
            addresses: vec![address],
            ..InstanceSettings::new(&format!("VI_{number}"), &format!("eth{}", number / 250), low.max(1))
        }
    }

    #[test]
    fn a_thousand_instances_travel_whole_and_take_little_room() {
        let settings = NodeSettings {
            instances: (0..1_000).map(instance).collect(),
            ..NodeSettings::default()
        };
        let node = Node::new(Timestamp::ZERO, settings);
        let on_host = node.addresses_of_instances().map(|addresses| InstanceOnHost {
            reason: "started".to_owned(),
            addresses: addresses
                .into_iter()
                .map(|(interface, _)| AddressOnHost {
                    interface: interface.to_owned(),
                    is_set: true,
                })
                .collect(),
        });
        let snapshot = VrrpSnapshot {
            on_host: on_host.collect(),
            node: node.status(),
            ..VrrpSnapshot::default()
        };
        let began = std::time::Instant::now();
        let _again = node.status();
        let made = began.elapsed();
        let bytes = postcard::to_allocvec(&snapshot).unwrap();
        println!(
            "status {made:?}, with its bytes {:?}: {} bytes",
            began.elapsed(),
            bytes.len()
        );
        assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
        assert_eq!(postcard::from_bytes::<VrrpSnapshot>(&bytes).unwrap(), snapshot);
    }
}
