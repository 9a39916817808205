//! Gaps between announcements, from `vrrp_garp_interval`, `vrrp_gna_interval` and `garp_group`.

use std::time::Duration;

use holdfast_conf::config::Config;
use holdfast_vrrp::pacing::{Gaps, PacingGroup, PacingSettings};

/// The gaps of the file. An interface of a group knows the group's gaps only: one that the group does not name is no limit.
pub fn pacing_settings(config: &Config) -> PacingSettings {
    let groups = config.garp_groups.iter().map(|group| PacingGroup {
        interfaces: group.interfaces.iter().map(|name| name.value.clone()).collect(),
        gaps: Gaps {
            arp: group.garp_interval.unwrap_or(Duration::ZERO),
            neighbour: group.gna_interval.unwrap_or(Duration::ZERO),
        },
    });
    PacingSettings {
        interface: Gaps {
            arp: config.global_defs.vrrp_garp_interval,
            neighbour: config.global_defs.vrrp_gna_interval,
        },
        groups: groups.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    #[test]
    fn gaps_of_interfaces_and_groups_are_read() {
        let text = "global_defs {\nvrrp_garp_interval 0.01\nvrrp_gna_interval 0.002\n}\n\
                    garp_group {\ngarp_interval 0.05\ninterface eth0\ninterfaces {\neth1\n}\n}\n\
                    garp_group {\ngna_interval 0.5\ninterface eth2\n}\n";
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let gaps = |arp, neighbour| Gaps {
            arp: Duration::from_millis(arp),
            neighbour: Duration::from_millis(neighbour),
        };
        let group = |interfaces: &[&str], gaps| PacingGroup {
            interfaces: interfaces.iter().map(|name| (*name).to_owned()).collect(),
            gaps,
        };
        let expected = PacingSettings {
            interface: gaps(10, 2),
            groups: vec![group(&["eth0", "eth1"], gaps(50, 0)), group(&["eth2"], gaps(0, 500))],
        };
        assert_eq!(pacing_settings(&config), expected);
        assert!(config.not_in_effect.is_empty(), "{:?}", config.not_in_effect);
    }
}
