//! A node on a bench: virtual time, packets from a made-up neighbor, and every action with its moment.

use std::net::IpAddr;

use holdfast_bfd::{
    Action, ControlPacket, Diagnostic, Event, InstanceSettings, Node, NodeSettings, ReceivedPacket, SessionStatus,
    State,
};
use holdfast_time::{Duration, Timestamp};

pub(crate) const OURS: &str = "192.0.2.1";
pub(crate) const THEIRS: &str = "192.0.2.2";
/// The made-up neighbor's discriminator.
pub(crate) const NEIGHBOR: u32 = 7;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

pub(crate) fn at_ms(number: u64) -> Timestamp {
    Timestamp::ZERO + ms(number)
}

/// `B`: sends every 100 ms, receives every 150 ms, multiplier 3.
pub(crate) fn instance() -> InstanceSettings {
    InstanceSettings {
        min_tx: ms(100),
        min_rx: ms(150),
        multiplier: 3,
        ..InstanceSettings::new("B", address(THEIRS))
    }
}

pub(crate) fn node_of(instances: Vec<InstanceSettings>) -> NodeSettings {
    NodeSettings { instances }
}

pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    actions: Vec<(Timestamp, Action)>,
}

impl Bench {
    pub(crate) fn start(instances: Vec<InstanceSettings>) -> Self {
        let mut bench = Self {
            node: Node::new(Timestamp::ZERO, node_of(instances), 1),
            now: Timestamp::ZERO,
            actions: Vec::new(),
        };
        bench.drain();
        bench
    }

    /// A bench whose only session is in this state, entered at time zero by packets of a neighbor that sends every
    /// 200 ms once it is up. Nothing is left of what was done on the way.
    pub(crate) fn in_state(settings: InstanceSettings, state: State) -> Self {
        let mut bench = Self::start(vec![settings]);
        bench.run(Duration::ZERO);
        match state {
            State::AdminDown => bench.handle(Event::Disable {
                instance: "B".to_owned(),
                cause: holdfast_bfd::DisableCause::Administrator,
            }),
            State::Down => {}
            State::Init => bench.hear(bench.neighbor(State::Down)),
            State::Up => {
                bench.hear(bench.neighbor(State::Init));
                // Answers the poll that every session that comes up begins, then ends its settling.
                bench.hear(ControlPacket {
                    is_final: true,
                    ..bench.neighbor(State::Up)
                });
                bench.hear(bench.neighbor(State::Up));
            }
        }
        assert_eq!(bench.state(), state);
        bench.forget();
        bench
    }

    /// What the neighbor sends in this state: multiplier 4; every 200 ms while up, once a second before.
    pub(crate) fn neighbor(&self, state: State) -> ControlPacket {
        ControlPacket {
            diagnostic: Diagnostic::None,
            state,
            poll: false,
            is_final: false,
            control_plane_independent: false,
            authentication_present: false,
            demand: false,
            multiplier: 4,
            my_discriminator: NEIGHBOR,
            your_discriminator: self.status().local_discriminator,
            desired_min_tx: if state == State::Up { ms(200) } else { SECOND },
            required_min_rx: ms(50),
            required_min_echo_rx: Duration::ZERO,
        }
    }

    pub(crate) fn handle(&mut self, event: Event) {
        self.node.handle(self.now, event);
        self.drain();
    }

    pub(crate) fn hear(&mut self, packet: ControlPacket) {
        self.handle(Event::Received(received(packet)));
    }

    pub(crate) fn reload(&mut self, instances: Vec<InstanceSettings>) {
        self.handle(Event::Reload(Box::new(node_of(instances))));
    }

    fn drain(&mut self) {
        while let Some(action) = self.node.next_action() {
            self.actions.push((self.now, action));
        }
    }

    /// Lets time pass, with every deadline delivered in time.
    pub(crate) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(due) = self.node.next_deadline().filter(|due| *due <= end) {
            assert!(due >= self.now, "deadlines lie ahead");
            self.now = due;
            self.handle(Event::DeadlineReached);
        }
        self.now = end;
    }

    /// As `run`, while the neighbor sends this packet at least every `interval`.
    pub(crate) fn run_hearing(&mut self, length: Duration, interval: Duration, packet: ControlPacket) {
        let end = self.now + length;
        while self.now < end {
            self.hear(packet);
            self.run(interval.min(end.since(self.now)));
        }
    }

    pub(crate) fn status(&self) -> SessionStatus {
        self.node.status().sessions.into_iter().next().unwrap()
    }

    pub(crate) fn state(&self) -> State {
        self.status().state
    }

    pub(crate) fn forget(&mut self) {
        self.actions.clear();
    }

    /// What was done since the last call of this, `sent`, `told` or `forget`.
    pub(crate) fn done(&mut self) -> Vec<(Timestamp, Action)> {
        std::mem::take(&mut self.actions)
    }

    /// The packets among it.
    pub(crate) fn sent(&mut self) -> Vec<(Timestamp, ControlPacket)> {
        let packet = |(at, action): (Timestamp, Action)| match action {
            Action::SendPacket { bytes, .. } => Some((at, ControlPacket::decode(&bytes).unwrap())),
            _ => None,
        };
        self.done().into_iter().filter_map(packet).collect()
    }

    /// The only packet among it.
    pub(crate) fn only_sent(&mut self) -> ControlPacket {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent[0].1
    }

    /// It in short words, log lines left out.
    pub(crate) fn told(&mut self) -> Vec<String> {
        self.done().iter().filter_map(|(_, action)| describe(action)).collect()
    }

    /// Log lines since the last call of `done`, `sent`, `told` or `forget`.
    pub(crate) fn logs(&self) -> Vec<String> {
        let text = |(_, action): &(Timestamp, Action)| match action {
            Action::Log(event) => Some(event.to_string()),
            _ => None,
        };
        self.actions.iter().filter_map(text).collect()
    }
}

/// A packet from the neighbor as it arrives in good order.
pub(crate) fn received(packet: ControlPacket) -> ReceivedPacket {
    ReceivedPacket {
        source: address(THEIRS),
        destination: address(OURS),
        source_port: 49152,
        destination_port: 3784,
        ttl: 255,
        payload: packet.encode().to_vec(),
    }
}

/// One action in words; `None` for log lines.
pub(crate) fn describe(action: &Action) -> Option<String> {
    Some(match action {
        Action::SendPacket { instance, bytes, .. } => {
            let packet = ControlPacket::decode(bytes).unwrap();
            let flags = match (packet.poll, packet.is_final) {
                (true, true) => panic!("P and F together: RFC 5880 section 6.5"),
                (true, false) => " poll",
                (false, true) => " final",
                (false, false) => "",
            };
            format!("{instance} sends {}{flags}", packet.state)
        }
        Action::SessionUp { instance, .. } => format!("{instance} up"),
        Action::SessionDown { instance, reason, .. } => format!("{instance} down: {reason}"),
        Action::Log(_) => return None,
    })
}
