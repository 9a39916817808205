//! A node on a bench: virtual time, packets from made-up peers, and every action as a short sentence with its moment.

use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::packet::{Advertisement, Authentication, ChecksumForm, Envelope, Frame};
use holdfast_vrrp::settings::{
    AuthenticationSettings, Family, InitialState, InstanceSettings, NodeSettings, Transmission, Version, VirtualAddress,
};
use holdfast_vrrp::status::InstanceStatus;
use holdfast_vrrp::{Action, Event, Node, ReceivedPacket, State};

pub(crate) const OURS: &str = "192.0.2.2";
pub(crate) const LOWER: &str = "192.0.2.1";
pub(crate) const HIGHER: &str = "192.0.2.3";

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn virtual_address(text: &str) -> VirtualAddress {
    let (host, prefix_len) = text.split_once('/').unwrap();
    VirtualAddress::new(address(host), prefix_len.parse().unwrap())
}

pub(crate) fn at(seconds: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(seconds)
}

/// `VI_1`, VRID 51 on eth0 with 192.0.2.10/24.
pub(crate) fn instance(version: Version, priority: u8) -> InstanceSettings {
    InstanceSettings {
        version,
        priority,
        addresses: vec![virtual_address("192.0.2.10/24")],
        // The rules of the RFC first; the tests about conflicts turn it on.
        higher_prio_send_advert: false,
        ..InstanceSettings::new("VI_1", "eth0", 51)
    }
}

pub(crate) fn second_instance(version: Version, priority: u8) -> InstanceSettings {
    InstanceSettings {
        name: "VI_2".to_owned(),
        interface: "eth1".to_owned(),
        vrid: 52,
        addresses: vec![virtual_address("198.51.100.10/24")],
        ..instance(version, priority)
    }
}

pub(crate) fn ipv6(settings: InstanceSettings) -> InstanceSettings {
    InstanceSettings {
        version: Version::V3,
        family: Family::Ipv6,
        transmission: Transmission::default_multicast(Family::Ipv6),
        addresses: vec![virtual_address("fe80::10/64")],
        ..settings
    }
}

pub(crate) fn starting_as(state: InitialState, settings: InstanceSettings) -> InstanceSettings {
    InstanceSettings {
        initial_state: state,
        ..settings
    }
}

pub(crate) fn node_of(instances: Vec<InstanceSettings>) -> NodeSettings {
    NodeSettings {
        instances,
        ..NodeSettings::default()
    }
}

pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    pub(crate) settings: NodeSettings,
    pub(crate) actions: Vec<(Timestamp, Action)>,
}

impl Bench {
    /// A node whose interfaces have not been reported.
    pub(crate) fn dark(settings: NodeSettings) -> Self {
        let node = Node::new(Timestamp::ZERO, settings.clone());
        let mut bench = Self {
            node,
            now: Timestamp::ZERO,
            settings,
            actions: Vec::new(),
        };
        bench.drain();
        bench
    }

    /// A node with all interfaces up since time zero.
    pub(crate) fn start(settings: NodeSettings) -> Self {
        let mut bench = Self::dark(settings);
        bench.light();
        bench
    }

    pub(crate) fn of(instance: InstanceSettings) -> Self {
        Self::start(node_of(vec![instance]))
    }

    /// A node that has waited long enough to be master; what led there is forgotten.
    pub(crate) fn master(instance: InstanceSettings) -> Self {
        let mut bench = Self::of(instance);
        bench.until(10.0);
        assert_eq!(bench.state("VI_1"), State::Master);
        bench.forget();
        bench
    }

    /// Reports every interface as up, and 192.0.2.2 and `fe80::2` as source addresses.
    pub(crate) fn light(&mut self) {
        let interfaces: Vec<String> = self.settings.interfaces().iter().map(ToString::to_string).collect();
        for interface in interfaces {
            self.link(&interface, true);
            self.source(&interface, Family::Ipv4, Some(OURS));
            self.source(&interface, Family::Ipv6, Some("fe80::2"));
        }
    }

    pub(crate) fn link(&mut self, interface: &str, up: bool) {
        self.handle(Event::LinkChanged {
            interface: interface.to_owned(),
            up,
        });
    }

    pub(crate) fn source(&mut self, interface: &str, family: Family, source: Option<&str>) {
        let address = source.map(address);
        self.handle(Event::SourceAddress {
            interface: interface.to_owned(),
            family,
            address,
        });
    }

    pub(crate) fn handle(&mut self, event: Event) {
        self.node.handle(self.now, event);
        self.drain();
    }

    pub(crate) fn reload(&mut self, settings: NodeSettings) {
        self.settings = settings.clone();
        self.handle(Event::Reload(Box::new(settings)));
    }

    pub(crate) fn stop(&mut self) {
        self.handle(Event::Shutdown { keep_addresses: false });
    }

    fn drain(&mut self) {
        while let Some(action) = self.node.next_action() {
            self.actions.push((self.now, action));
        }
    }

    /// Lets time pass, with every deadline delivered in time.
    pub(crate) fn until(&mut self, seconds: f64) {
        let end = at(seconds);
        while let Some(due) = self.node.next_deadline().filter(|due| *due <= end) {
            assert!(
                due > self.now || self.now == Timestamp::ZERO || due == self.now,
                "deadlines lie ahead"
            );
            self.now = due;
            self.handle(Event::DeadlineReached);
        }
        self.now = end;
    }

    /// Lets time pass as on a machine that stalls: nothing is delivered.
    pub(crate) fn stall_until(&mut self, seconds: f64) {
        self.now = at(seconds);
    }

    /// What a peer of the first instance sends.
    pub(crate) fn advertisement(&self, priority: u8) -> Advertisement {
        self.advertisement_to(0, priority)
    }

    pub(crate) fn advertisement_to(&self, index: usize, priority: u8) -> Advertisement {
        let settings = &self.settings.instances[index];
        Advertisement {
            version: settings.version,
            vrid: settings.vrid,
            priority,
            interval: settings.advert_interval,
            authentication: match settings.authentication {
                Some(AuthenticationSettings::Pass(password)) => Authentication::Pass(password),
                Some(AuthenticationSettings::Ah(_)) => Authentication::Header,
                None => Authentication::None,
            },
            addresses: settings.addresses.iter().map(|held| held.address).collect(),
        }
    }

    pub(crate) fn packet(&self, advertisement: &Advertisement, from: &str) -> ReceivedPacket {
        self.packet_to(0, advertisement, from)
    }

    pub(crate) fn packet_to(&self, index: usize, advertisement: &Advertisement, from: &str) -> ReceivedPacket {
        let settings = &self.settings.instances[index];
        let source = address(from);
        let destination = match settings.transmission {
            Transmission::Multicast { group } => group,
            Transmission::Unicast { .. } => address(OURS),
        };
        let payload = advertisement.encode(&Envelope { source, destination }, ChecksumForm::Standard);
        ReceivedPacket {
            interface: settings.interface.clone(),
            source,
            destination,
            ttl: 255,
            payload,
            authenticated_ip_header: None,
        }
    }

    /// A good advertisement for the first instance.
    pub(crate) fn hear(&mut self, from: &str, priority: u8) {
        self.hear_on(0, from, priority);
    }

    pub(crate) fn hear_on(&mut self, index: usize, from: &str, priority: u8) {
        let packet = self.packet_to(index, &self.advertisement_to(index, priority), from);
        self.handle(Event::Received(packet));
    }

    pub(crate) fn status(&self, name: &str) -> InstanceStatus {
        self.node
            .status()
            .instances
            .into_iter()
            .find(|status| status.name == name)
            .unwrap()
    }

    pub(crate) fn state(&self, name: &str) -> State {
        self.status(name).state
    }

    pub(crate) fn forget(&mut self) {
        self.actions.clear();
    }

    /// What was done since the last call, without log lines, each with its moment in seconds.
    pub(crate) fn done(&mut self) -> Vec<String> {
        let sentence = |(at, action): (Timestamp, Action)| Some(format!("{at} {}", describe(&action)?));
        std::mem::take(&mut self.actions)
            .into_iter()
            .filter_map(sentence)
            .collect()
    }

    /// As `done`, without the moments.
    pub(crate) fn sentences(&mut self) -> Vec<String> {
        std::mem::take(&mut self.actions)
            .iter()
            .filter_map(|(_, action)| describe(action))
            .collect()
    }

    /// Log lines since the last call of `done`, `sentences` or `forget`.
    pub(crate) fn logs(&self) -> Vec<String> {
        let text = |(_, action): &(Timestamp, Action)| match action {
            Action::Log(event) => Some(event.to_string()),
            _ => None,
        };
        self.actions.iter().filter_map(text).collect()
    }
}

/// One action in words; `None` for log lines.
pub(crate) fn describe(action: &Action) -> Option<String> {
    let list = |addresses: &[VirtualAddress]| {
        let texts: Vec<String> = addresses
            .iter()
            .map(|held| format!("{}/{}", held.address, held.prefix_len))
            .collect();
        texts.join(" ")
    };
    Some(match action {
        Action::SendAdvertisement {
            instance,
            interface,
            source,
            destinations,
            bytes,
            authenticated,
            ..
        } => {
            let envelope = Envelope {
                source: *source,
                destination: destinations[0],
            };
            let forms = [
                ChecksumForm::Standard,
                ChecksumForm::WithoutPseudoHeader,
                ChecksumForm::OldUnicast(std::net::Ipv4Addr::new(224, 0, 0, 18)),
            ];
            // Behind the IP header and the authentication header, or before a trailer.
            let vrrp = bytes.get(44..).filter(|_| *authenticated).unwrap_or(bytes);
            let frame = Frame::read(vrrp, Family::of(*source), true).unwrap();
            let version = frame.version().unwrap();
            frame.check_sum(version, &envelope, &forms).unwrap();
            format!(
                "{instance} advertises {} on {interface}",
                frame.advertisement(version).priority
            )
        }
        Action::AddAddresses {
            instance,
            interface,
            addresses,
        } => {
            format!("{instance} adds {} to {interface}", list(addresses))
        }
        Action::RemoveAddresses {
            instance,
            interface,
            addresses,
        } => {
            format!("{instance} removes {} from {interface}", list(addresses))
        }
        Action::AddRoutes { instance, routes } => format!("{instance} adds routes {}", routes.join(", ")),
        Action::RemoveRoutes { instance, routes } => format!("{instance} removes routes {}", routes.join(", ")),
        Action::AddRules { instance, rules } => format!("{instance} adds rules {}", rules.join(", ")),
        Action::RemoveRules { instance, rules } => format!("{instance} removes rules {}", rules.join(", ")),
        Action::Announce {
            instance,
            interface,
            addresses,
            count,
        } => {
            let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("{instance} announces {} on {interface} x{count}", texts.join(" "))
        }
        Action::Transition {
            instance,
            from,
            to,
            reason,
            ..
        } => format!("{instance} {from} -> {to}: {reason}"),
        Action::GroupTransition {
            group,
            from,
            to,
            reason,
        } => format!("group {group} {from} -> {to}: {reason}"),
        Action::Notify {
            subject,
            name,
            state,
            priority,
            ..
        } => format!("notify {subject} {name} {state} {priority}"),
        Action::Refused {
            instance,
            from,
            refusal,
        } => format!("{instance} refuses {from}: {refusal:?}"),
        Action::Log(_) => return None,
    })
}
