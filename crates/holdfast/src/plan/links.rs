//! How interfaces are looked at: `interface_up_down_delays`, `linkbeat_interfaces`.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_conf::config::{Config, LinkbeatMethod, VrrpInstance};
use holdfast_net::LinkPollMethod;
use holdfast_vrrp::{LinkDelays, NodeSettings};
use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// How long a change of an interface must last
    pub delays: BTreeMap<String, LinkDelays>,
    /// Interfaces whose drivers are asked, and how; `None`: in the first way that works
    pub polled: BTreeMap<String, Option<LinkPollMethod>>,
}

/// The plan for everything in the file, and what there is to say of it. `settings` are those of the same file.
pub fn link_plan(config: &Config, settings: &NodeSettings) -> (LinkPlan, Vec<String>) {
    let (delays, messages) = delays(config);
    let plan = LinkPlan {
        delays,
        polled: polled(config, settings),
    };
    (plan, messages)
}

/// A change must count before a peer can take the silence of a dead master for one.
fn delays(config: &Config) -> (BTreeMap<String, LinkDelays>, Vec<String>) {
    let mut messages = Vec::new();
    let mut limited = |name: &str, wanted: Duration, what: &str| {
        let on_it = config.vrrp_instances.iter().filter(|it| it.interface.value == name);
        let strictest = on_it.min_by_key(|instance| most(instance));
        let Some(instance) = strictest.filter(|instance| most(instance) < wanted) else {
            return wanted;
        };
        messages.push(format!(
            "interface_up_down_delays: {what} delay of {name} is {:?} instead of {wanted:?}, because instance {} has \
             advert_int {:?} and down_timer_adverts {}",
            most(instance),
            instance.name.value,
            instance.advert_int,
            instance.down_timer_adverts
        ));
        most(instance)
    };
    let lines = config.interface_up_down_delays.iter();
    let delays = lines.map(|line| {
        let name = line.name.value.as_str();
        let delays = LinkDelays {
            down: limited(name, line.down, "down"),
            up: limited(name, line.up, "up"),
        };
        (name.to_owned(), delays)
    });
    (delays.collect(), messages)
}

fn most(instance: &VrrpInstance) -> Duration {
    let adverts = u32::from(instance.down_timer_adverts).saturating_sub(1);
    instance.advert_int.saturating_mul(adverts)
}

fn polled(config: &Config, settings: &NodeSettings) -> BTreeMap<String, Option<LinkPollMethod>> {
    let known = settings.interfaces();
    let by_instances = config.vrrp_instances.iter().filter(|it| it.linkbeat_use_polling);
    let mut polled: BTreeMap<String, Option<LinkPollMethod>> = by_instances
        .map(|instance| (instance.interface.value.clone(), None))
        .collect();
    if config.linkbeat_use_polling {
        polled.extend(known.iter().map(|name| ((*name).to_owned(), None)));
    }
    // Nobody wants to know of others.
    let lines = config.linkbeat_interfaces.iter();
    for line in lines.filter(|line| known.contains(line.name.value.as_str())) {
        let method = line.method.map(|method| match method {
            LinkbeatMethod::Mii => LinkPollMethod::Mii,
            LinkbeatMethod::Ethtool => LinkPollMethod::Ethtool,
            LinkbeatMethod::Ioctl => LinkPollMethod::Flags,
        });
        polled.insert(line.name.value.clone(), method);
    }
    polled
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;
    use crate::plan::trackers::TrackerTable;

    fn plan(global: &str, instance: &str) -> (LinkPlan, Vec<String>) {
        let text = format!(
            "{global}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\n{instance}\n\
             track_interface {{\neth1\n}}\nvirtual_ipaddress {{\n192.0.2.200/24\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let (trackers, _) = TrackerTable::from_config(&config);
        link_plan(&config, &crate::plan::vrrp::node_settings(&config, &trackers))
    }

    fn delays(interface: &str, (plan, _): &(LinkPlan, Vec<String>)) -> (f64, f64) {
        let delays = plan.delays[interface];
        (delays.down.as_secs_f64(), delays.up.as_secs_f64())
    }

    #[test]
    fn nothing_is_done_that_is_not_asked_for() {
        assert_eq!(plan("", ""), (LinkPlan::default(), Vec::new()));
    }

    #[test]
    fn delays_are_shorter_than_what_a_backup_waits() {
        let lines = "interface_up_down_delays {\neth0 1.5 60\neth1 60 2\n}";
        let made = plan(lines, "advert_int 1");
        assert_eq!(delays("eth0", &made), (1.5, 2.0), "of three intervals two");
        assert_eq!(delays("eth1", &made), (60.0, 2.0), "no adverts there");
        let [message] = made.1.try_into().unwrap();
        assert!(
            message.contains("up delay of eth0 is 2s instead of 60s, because instance VI_1"),
            "{message}"
        );
        assert_eq!(delays("eth0", &plan(lines, "down_timer_adverts 1")), (0.0, 0.0));
        assert_eq!(delays("eth0", &plan(lines, "advert_int 30")), (1.5, 60.0));
    }

    #[test]
    fn what_is_polled_and_how() {
        let polled = |global: &str, instance: &str| plan(global, instance).0.polled.into_iter().collect::<Vec<_>>();
        let (eth0, eth1) = (|how| ("eth0".to_owned(), how), |how| ("eth1".to_owned(), how));
        assert_eq!(polled("linkbeat_use_polling", ""), [eth0(None), eth1(None)]);
        assert_eq!(polled("", "linkbeat_use_polling"), [eth0(None)]);
        assert_eq!(
            polled("linkbeat_interfaces {\neth1 MII\neth7\n}", ""),
            [eth1(Some(LinkPollMethod::Mii))],
            "eth7 is nobody's"
        );
        assert_eq!(
            polled(
                "linkbeat_interfaces {\neth0 ETHTOOL\neth1 IOCTL\n}\nlinkbeat_use_polling",
                ""
            ),
            [eth0(Some(LinkPollMethod::Ethtool)), eth1(Some(LinkPollMethod::Flags))]
        );
    }
}
