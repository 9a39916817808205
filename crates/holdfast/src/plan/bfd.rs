//! Settings of the sessions from `bfd_instance` blocks.

use holdfast_bfd::{Audience, InstanceSettings, NodeSettings};
use holdfast_conf::config::{BfdInstance, Config};

/// Any number of routers on the way: no received TTL is too low.
const ANY_HOPS: u8 = u8::MAX;

/// The settings for everything in the file.
pub fn node_settings(config: &Config) -> NodeSettings {
    NodeSettings {
        instances: config.bfd_instances.iter().map(instance).collect(),
    }
}

fn instance(instance: &BfdInstance) -> InstanceSettings {
    InstanceSettings {
        name: instance.name.value.clone(),
        neighbor: instance.neighbor_ip.value,
        source: instance.source_ip,
        multihop: instance.multihop,
        passive: instance.passive,
        min_tx: instance.min_tx,
        min_rx: instance.min_rx,
        idle_tx: instance.idle_tx,
        multiplier: instance.multiplier,
        ttl: instance.ttl,
        max_hops: instance.max_hops.unwrap_or(ANY_HOPS),
        audience: Audience {
            vrrp: instance.vrrp,
            checker: instance.checker,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn plan(text: &str) -> Vec<InstanceSettings> {
        let loader = MemoryLoader::new().with("/k.conf", text);
        let read = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default());
        node_settings(&read.config).instances
    }

    #[test]
    fn a_session_with_nothing_but_a_neighbour_has_the_defaults_of_both_crates() {
        for neighbor in ["192.0.2.1", "2001:db8::1"] {
            let expected = InstanceSettings::new("b", neighbor.parse().unwrap());
            assert_eq!(
                plan(&format!("bfd_instance b {{\nneighbor_ip {neighbor}\n}}\n")),
                [expected]
            );
        }
    }

    #[test]
    fn every_keyword_arrives() {
        let text = "bfd_instance b {\nneighbor_ip 192.0.2.1\nsource_ip 192.0.2.2\nmin_rx 20\nmin_tx 30\nidle_tx 2000\n\
                    multiplier 7\npassive\nttl 200\nmax_hops 3\nmultihop true\nchecker\n}\n\
                    bfd_instance any {\nneighbor_ip 192.0.2.3\nmax_hops -1\nvrrp\n}\n";
        let expected = [
            InstanceSettings {
                source: Some("192.0.2.2".parse().unwrap()),
                multihop: true,
                passive: true,
                min_tx: Duration::from_millis(30),
                min_rx: Duration::from_millis(20),
                idle_tx: Duration::from_secs(2),
                multiplier: 7,
                ttl: 200,
                max_hops: 3,
                audience: Audience {
                    vrrp: false,
                    checker: true,
                },
                ..InstanceSettings::new("b", "192.0.2.1".parse().unwrap())
            },
            InstanceSettings {
                max_hops: 255,
                audience: Audience {
                    vrrp: true,
                    checker: false,
                },
                ..InstanceSettings::new("any", "192.0.2.3".parse().unwrap())
            },
        ];
        assert_eq!(plan(text), expected);
    }
}
