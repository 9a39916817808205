//! Settings of the kernel without which a macvlan answers for the interface below, or does not answer at all.

use std::collections::BTreeMap;

use holdfast_net::{ChangedSysctl, Sysctl, Sysctls};

use super::plan::Planned;

/// Settings of the kernel that are ours as long as there are macvlans.
#[derive(Debug, Default)]
pub(super) struct KernelSettings {
    sysctls: Sysctls,
    /// What `net.ipv4.conf.all.rp_filter` was, if that was more than 0.
    former_filter: Option<u8>,
    /// Said once.
    errors: Vec<String>,
    /// `disable_local_igmp`
    no_local_reports: bool,
    /// What the supervisor knows of our changes
    told: Vec<ChangedSysctl>,
    /// There may be others now
    may_differ: bool,
}

impl KernelSettings {
    /// Sets what these interfaces need, and puts back what they do not.
    pub(super) fn apply(&mut self, interfaces: &[Planned]) {
        let mut wanted = wanted(interfaces);
        if interfaces.iter().any(|planned| planned.ipv4 && planned.mac().is_some()) {
            self.move_reverse_path_filter(&mut wanted);
        } else {
            self.former_filter = None;
        }
        if self.no_local_reports {
            let reports = Sysctl::new(["net", "ipv4", "igmp_link_local_mcast_reports"]);
            wanted.insert(reports, "0".to_owned());
        }
        // An interface that is not there yet is no error: it gets its settings when it is made.
        wanted.retain(|sysctl, _| sysctl.read().is_ok());
        let errors: Vec<String> = self.sysctls.apply(&wanted).iter().map(ToString::to_string).collect();
        for error in errors.iter().filter(|error| !self.errors.contains(error)) {
            tracing::error!("{error}");
        }
        self.errors = errors;
        self.may_differ = true;
    }

    /// `disable_local_igmp`. True if that is new: [`Self::apply`] has to follow.
    pub(super) fn set_no_local_reports(&mut self, no_local_reports: bool) -> bool {
        std::mem::replace(&mut self.no_local_reports, no_local_reports) != no_local_reports
    }

    /// Takes over what a predecessor changed before it was killed; [`Self::apply`] has to follow.
    pub(super) fn inherit(&mut self, changed: &[ChangedSysctl]) {
        self.sysctls.inherit(changed);
        let all = Sysctl::ipv4("all", FILTER);
        let moved = self.sysctls.changed().into_iter().find(|changed| changed.sysctl == all);
        if let (None, Some(moved)) = (self.former_filter, moved) {
            self.former_filter = moved.former.parse().ok();
        }
    }

    /// What is changed now, if that is not what was told last.
    pub(super) fn news(&mut self) -> Option<Vec<ChangedSysctl>> {
        if !std::mem::take(&mut self.may_differ) {
            return None;
        }
        let changed = self.sysctls.changed();
        (changed != self.told).then(|| {
            self.told.clone_from(&changed);
            changed
        })
    }

    pub(super) fn forget_interface(&mut self, name: &str) {
        self.sysctls.forget_interface(name);
    }

    /// The kernel takes the larger one of an interface's filter and that of `all`, so `all` must be 0 where one interface
    /// shall have none. The others get its value in their own settings.
    fn move_reverse_path_filter(&mut self, wanted: &mut BTreeMap<Sysctl, String>) {
        let value = |interface: &str| Sysctl::ipv4(interface, FILTER).read().ok()?.parse::<u8>().ok();
        if self.former_filter.is_none() {
            self.former_filter = value("all").filter(|former| *former > 0);
        }
        let Some(former) = self.former_filter else { return };
        for interface in interfaces_of_ipv4() {
            let sysctl = Sysctl::ipv4(&interface, FILTER);
            let own = if interface == "all" {
                0
            } else {
                value(&interface).unwrap_or(0).max(former)
            };
            wanted.entry(sysctl).or_insert_with(|| own.to_string());
        }
    }
}

const FILTER: &str = "rp_filter";

/// What has to be set for these interfaces, `rp_filter` of others left out.
fn wanted(interfaces: &[Planned]) -> BTreeMap<Sysctl, String> {
    let mut wanted = BTreeMap::new();
    let mut set = |sysctl: Sysctl, value: &str| {
        wanted.insert(sysctl, value.to_owned());
    };
    for planned in interfaces.iter().filter(|planned| planned.mac().is_some()) {
        // Otherwise it would answer requests for the addresses of the interface below.
        set(Sysctl::ipv4(&planned.name, "arp_ignore"), "1");
        if planned.ipv4 {
            // Adverts come from the address of the interface below, which is local.
            set(Sysctl::ipv4(&planned.name, "accept_local"), "1");
            set(Sysctl::ipv4(&planned.name, FILTER), "0");
            set(Sysctl::ipv4(&planned.name, "promote_secondaries"), "1");
            // The one below must not answer for the virtual addresses, nor for what is routed elsewhere.
            set(Sysctl::ipv4(&planned.base, "arp_ignore"), "1");
            set(Sysctl::ipv4(&planned.base, "arp_filter"), "1");
        }
    }
    for planned in interfaces.iter().filter(|planned| !planned.ipv6) {
        set(Sysctl::ipv6(&planned.name, "disable_ipv6"), "1");
    }
    wanted
}

/// Names of all interfaces with settings of IPv4, `all` and `default` with them.
fn interfaces_of_ipv4() -> Vec<String> {
    let Ok(folder) = std::fs::read_dir("/proc/sys/net/ipv4/conf") else {
        return Vec::new();
    };
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

#[cfg(test)]
mod tests {
    use holdfast_net::{MacAddress, OwnLinkKind};

    use super::super::plan::LinkLocal;
    use super::*;

    fn planned(ipv4: bool, ipv6: bool) -> Planned {
        Planned {
            name: "vrrp.51".into(),
            base: "eth0".into(),
            kind: OwnLinkKind::Macvlan {
                mac: MacAddress([0, 0, 0x5e, 0, 1, 51]),
            },
            group: None,
            ipv4,
            ipv6,
            link_local: LinkLocal::None,
            address: None,
            notify: false,
            instance: "VI".into(),
        }
    }

    fn shown(interfaces: &[Planned]) -> Vec<String> {
        wanted(interfaces)
            .iter()
            .map(|(sysctl, value)| format!("{sysctl}={value}"))
            .collect()
    }

    /// What keepalived 2.2.7 sets, observed; for IPv6 `arp_ignore` as 2.4 does.
    #[test]
    fn settings_are_keepalived_s() {
        let ipv4 = [
            "net.ipv4.conf.eth0.arp_filter=1",
            "net.ipv4.conf.eth0.arp_ignore=1",
            "net.ipv4.conf.vrrp/51.accept_local=1",
            "net.ipv4.conf.vrrp/51.arp_ignore=1",
            "net.ipv4.conf.vrrp/51.promote_secondaries=1",
            "net.ipv4.conf.vrrp/51.rp_filter=0",
        ];
        assert_eq!(shown(&[planned(true, true)]), ipv4);
        let without_ipv6 = shown(&[planned(true, false)]);
        assert_eq!(
            without_ipv6.last().map(String::as_str),
            Some("net.ipv6.conf.vrrp/51.disable_ipv6=1")
        );
        assert_eq!(shown(&[planned(false, true)]), ["net.ipv4.conf.vrrp/51.arp_ignore=1"]);
        let ipvlan = Planned {
            kind: OwnLinkKind::Ipvlan {
                mode: holdfast_net::IpvlanMode::Bridge,
            },
            ..planned(true, false)
        };
        assert_eq!(shown(&[ipvlan]), ["net.ipv6.conf.vrrp/51.disable_ipv6=1"]);
    }
}
