//! Two whole nodes on a link that loses, delays and doubles packets, and is cut. Both sides always know the truth in time,
//! and once the link is good both are up and agree.

use holdfast_bfd::{
    Action, ControlPacket, DownReason, Event, InstanceSettings, Node, NodeSettings, ReceivedPacket, SessionStatus,
    State,
};
use holdfast_time::{Duration, Timestamp};
use proptest::prelude::*;

use crate::support::{SECOND, address, ms};

const NAMES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

struct Link {
    nodes: [Node; 2],
    settings: [InstanceSettings; 2],
    now: Timestamp,
    /// Packets under way: arrival, number, receiver, packet.
    air: Vec<(Timestamp, u64, usize, ReceivedPacket)>,
    sent: u64,
    delay: Duration,
    /// Up to so much more, so packets overtake each other.
    spread: Duration,
    /// Packets of 100.
    lost: u64,
    doubled: u64,
    /// What this node sends does not arrive.
    cut: [bool; 2],
    random: u64,
    /// Reports with their moments.
    reports: [Vec<(Timestamp, Result<(), DownReason>)>; 2],
    /// Regular packets of each side, for the gaps between them.
    regular: [Vec<(Timestamp, ControlPacket)>; 2],
}

fn settings(index: usize) -> InstanceSettings {
    InstanceSettings {
        source: Some(address(NAMES[index])),
        min_tx: ms(50),
        min_rx: ms(50),
        multiplier: 3,
        ..InstanceSettings::new("B", address(NAMES[1 - index]))
    }
}

impl Link {
    fn new(settings: [InstanceSettings; 2], seed: u64) -> Self {
        let node = |index: usize| {
            let instances = vec![settings[index].clone()];
            Node::new(
                Timestamp::ZERO,
                NodeSettings { instances },
                seed.wrapping_add(index as u64),
            )
        };
        Self {
            nodes: [node(0), node(1)],
            settings,
            now: Timestamp::ZERO,
            air: Vec::new(),
            sent: 0,
            delay: ms(1),
            spread: Duration::ZERO,
            lost: 0,
            doubled: 0,
            cut: [false; 2],
            random: seed | 1,
            reports: [Vec::new(), Vec::new()],
            regular: [Vec::new(), Vec::new()],
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % sides
    }

    fn handle(&mut self, index: usize, event: Event) {
        self.nodes[index].handle(self.now, event);
        while let Some(action) = self.nodes[index].next_action() {
            match action {
                Action::SendPacket { bytes, ttl, port, .. } => self.send(index, &bytes, ttl, port),
                Action::SessionUp { .. } => self.reports[index].push((self.now, Ok(()))),
                Action::SessionDown { reason, .. } => self.reports[index].push((self.now, Err(reason))),
                Action::Log(_) => {}
            }
        }
    }

    fn send(&mut self, index: usize, bytes: &[u8], ttl: u8, destination_port: u16) {
        let packet = ControlPacket::decode(bytes).unwrap();
        assert!(!(packet.poll && packet.is_final));
        if !packet.is_final {
            self.regular[index].push((self.now, packet));
        }
        let copies = if self.dice(100) < self.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.cut[index] || self.dice(100) < self.lost {
                continue;
            }
            let extra = self.dice(u64::try_from(self.spread.as_nanos()).unwrap() + 1);
            self.sent += 1;
            let received = ReceivedPacket {
                source: address(NAMES[index]),
                destination: address(NAMES[1 - index]),
                source_port: 49152,
                destination_port,
                ttl,
                payload: bytes.to_vec(),
            };
            let arrival = self.now + self.delay + Duration::from_nanos(extra);
            self.air.push((arrival, self.sent, 1 - index, received));
        }
    }

    fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let arrival = self.air.iter().map(|(at, number, ..)| (*at, *number)).min();
            let deadlines = self.nodes.iter().filter_map(Node::next_deadline);
            let Some(next) = deadlines
                .chain(arrival.map(|(at, _)| at))
                .min()
                .filter(|next| *next <= end)
            else {
                break;
            };
            assert!(next >= self.now, "deadlines lie ahead");
            self.now = next;
            if arrival.is_some_and(|(at, _)| at == next) {
                let place = self
                    .air
                    .iter()
                    .position(|(at, number, ..)| Some((*at, *number)) == arrival)
                    .unwrap();
                let (_, _, receiver, packet) = self.air.swap_remove(place);
                self.handle(receiver, Event::Received(packet));
            } else {
                for index in 0..2 {
                    self.handle(index, Event::DeadlineReached);
                }
            }
        }
        self.now = end;
    }

    fn reload(&mut self, index: usize, settings: InstanceSettings) {
        self.settings[index] = settings.clone();
        self.handle(
            index,
            Event::Reload(Box::new(NodeSettings {
                instances: vec![settings],
            })),
        );
    }

    /// A process that is killed and started anew: it knows nothing.
    fn restart(&mut self, index: usize) {
        let instances = vec![self.settings[index].clone()];
        let seed = self.dice(u64::MAX);
        self.nodes[index] = Node::new(self.now, NodeSettings { instances }, seed);
        self.reports[index].clear();
    }

    fn status(&self, index: usize) -> SessionStatus {
        self.nodes[index].status().sessions.remove(0)
    }

    fn states(&self) -> [State; 2] {
        [self.status(0).state, self.status(1).state]
    }

    /// Both up, both know each other, and what one does is what the other expects.
    fn assert_agreed(&self) {
        assert_eq!(self.states(), [State::Up; 2]);
        for index in 0..2 {
            let (ours, theirs) = (self.status(index), self.status(1 - index));
            assert_eq!(ours.remote_discriminator, Some(theirs.local_discriminator));
            assert!(!ours.polling);
            let (mine, other) = (&self.settings[index], &self.settings[1 - index]);
            let interval = mine.min_tx.max(other.min_rx);
            assert_eq!(ours.transmit_interval, Some(interval));
            assert_eq!(theirs.detection_time, Some(interval * u32::from(mine.multiplier)));
        }
    }
}

/// Both speak first: the second packet of the handshake answers at once, so three ways are enough.
#[test]
fn a_good_link_is_up_after_three_ways() {
    let mut link = Link::new([settings(0), settings(1)], 1);
    link.delay = ms(10);
    link.run(ms(30));
    assert_eq!(link.states(), [State::Up; 2]);
    link.run(ms(500));
    link.assert_agreed();
}

#[test]
fn a_passive_side_comes_up_and_two_passive_ones_do_not() {
    let passive = |index| InstanceSettings {
        passive: true,
        ..settings(index)
    };
    let mut link = Link::new([settings(0), passive(1)], 1);
    link.run(SECOND);
    link.assert_agreed();
    let mut link = Link::new([passive(0), passive(1)], 1);
    link.run(100 * SECOND);
    assert_eq!((link.states(), link.sent), ([State::Down; 2], 0));
}

/// 3 x 50 ms after the last packet arrived, no earlier and no later; and the other side hears of it.
#[test]
fn a_cut_is_noticed_within_the_detection_time() {
    for (cut, reasons) in [
        ([true, true], [None, None]),
        ([true, false], [Some("neighbor"), None]),
        ([false, true], [None, Some("neighbor")]),
    ] {
        let mut link = Link::new([settings(0), settings(1)], 5);
        link.run(2 * SECOND);
        link.assert_agreed();
        link.cut = cut;
        let start = link.now;
        link.run(ms(100));
        // Gaps are 37.5 to 50 ms, so at least 100 ms of the detection time are left, less the way.
        assert_eq!(link.states(), [State::Up; 2]);
        link.run(ms(60));
        assert!(link.states().iter().all(|state| *state != State::Up));
        for (index, expected) in reasons.into_iter().enumerate() {
            let (at, report) = *link.reports[index].last().unwrap();
            assert!(at.since(start) <= ms(152), "{at}");
            let reason = report.unwrap_err();
            match expected {
                None => assert_eq!(reason, DownReason::DetectionTimeExpired),
                Some(_) => assert!(matches!(reason, DownReason::NeighborDown { .. }), "{reason}"),
            }
        }
        link.cut = [false; 2];
        link.run(2 * SECOND);
        link.assert_agreed();
    }
}

/// 50 ms -> 400 ms and back while packets are lost: the detection time never ends.
#[test]
fn timers_change_without_a_flap_however_many_packets_are_lost() {
    for seed in 0..40 {
        // Multiplier 50: the loss alone does not end the detection time.
        let steady = |index, min_tx, min_rx| InstanceSettings {
            min_tx: ms(min_tx),
            min_rx: ms(min_rx),
            multiplier: 50,
            ..settings(index)
        };
        let mut link = Link::new([steady(0, 10, 10), steady(1, 10, 10)], seed);
        link.run(2 * SECOND);
        link.lost = 30;
        link.reload(0, steady(0, 2000, 10));
        link.run(SECOND);
        link.reload(1, steady(1, 10, 700));
        link.reload(0, steady(0, 600, 20));
        link.run(20 * SECOND);
        link.reload(0, steady(0, 10, 10));
        link.reload(1, steady(1, 10, 10));
        link.run(20 * SECOND);
        link.lost = 0;
        link.run(4 * SECOND);
        link.assert_agreed();
        assert_eq!([link.reports[0].len(), link.reports[1].len()], [1, 1], "seed {seed}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Run(u64),
    Loss(u64),
    Cut([bool; 2]),
    Delay(u64, u64),
    Doubled(u64),
    Reload(usize, u64, u64, u8),
    Restart(usize),
    Disable(usize),
    Enable(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..3000_u64).prop_map(Step::Run),
        1 => (0..60_u64).prop_map(Step::Loss),
        1 => any::<[bool; 2]>().prop_map(Step::Cut),
        1 => (0..40_u64, 0..40_u64).prop_map(|(delay, spread)| Step::Delay(delay, spread)),
        1 => (0..50_u64).prop_map(Step::Doubled),
        1 => (0..2_usize, 10..1500_u64, 10..1500_u64, 1..6_u8)
            .prop_map(|(index, min_tx, min_rx, multiplier)| Step::Reload(index, min_tx, min_rx, multiplier)),
        1 => (0..2_usize).prop_map(Step::Restart),
        1 => (0..2_usize).prop_map(Step::Disable),
        1 => (0..2_usize).prop_map(Step::Enable),
    ]
}

impl Link {
    fn take(&mut self, step: &Step) {
        let instance = "B".to_owned();
        match *step {
            Step::Run(length) => self.run(ms(length)),
            Step::Loss(lost) => self.lost = lost,
            Step::Cut(cut) => self.cut = cut,
            Step::Delay(delay, spread) => (self.delay, self.spread) = (ms(delay), ms(spread)),
            Step::Doubled(doubled) => self.doubled = doubled,
            Step::Reload(index, min_tx, min_rx, multiplier) => {
                let settings = InstanceSettings {
                    min_tx: ms(min_tx),
                    min_rx: ms(min_rx),
                    multiplier,
                    ..settings(index)
                };
                self.reload(index, settings);
            }
            Step::Restart(index) => self.restart(index),
            Step::Disable(index) => self.handle(
                index,
                Event::Disable {
                    instance,
                    cause: holdfast_bfd::DisableCause::Administrator,
                },
            ),
            Step::Enable(index) => self.handle(index, Event::Enable { instance }),
        }
    }

    fn heal(&mut self) {
        (self.lost, self.cut, self.doubled) = (0, [false; 2], 0);
        (self.delay, self.spread) = (ms(1), Duration::ZERO);
        for index in 0..2 {
            self.take(&Step::Enable(index));
        }
    }

    /// Up and down are reported in turns, and the last word is the truth.
    fn assert_reported(&self) {
        for index in 0..2 {
            let ups: Vec<bool> = self.reports[index].iter().map(|(_, report)| report.is_ok()).collect();
            assert!(
                ups.iter().enumerate().all(|(place, up)| *up == (place % 2 == 0)),
                "{ups:?}"
            );
            let is_up = self.status(index).state == State::Up;
            assert_eq!(ups.last().copied().unwrap_or(false), is_up);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_link_that_heals_is_agreed_upon(steps in proptest::collection::vec(step(), 0..25), seed in any::<u64>()) {
        let mut link = Link::new([settings(0), settings(1)], seed);
        for step in &steps {
            link.take(step);
            link.assert_reported();
        }
        link.heal();
        // The longest detection time here is 5 x 1.5 s; then a second for the handshake, and three packets of 1.5 s each for
        // the last poll and what follows it.
        link.run(20 * SECOND);
        link.assert_agreed();
        let before = [link.reports[0].len(), link.reports[1].len()];
        link.run(20 * SECOND);
        prop_assert_eq!(before, [link.reports[0].len(), link.reports[1].len()], "a good link flaps");
    }

    /// RFC 5880 section 6.8.7: nobody gets regular packets faster than it asked for, news aside.
    #[test]
    fn nobody_is_sent_more_than_it_takes(
        min_tx in 10..500_u64, min_rx in 10..500_u64, multiplier in 1..4_u8, seed in any::<u64>(),
    ) {
        let sender = InstanceSettings { min_tx: ms(min_tx), multiplier, ..settings(0) };
        let receiver = InstanceSettings { min_rx: ms(min_rx), ..settings(1) };
        let mut link = Link::new([sender, receiver], seed);
        link.run(5 * SECOND);
        link.assert_agreed();
        link.regular[0].clear();
        link.run(30 * SECOND);
        let interval = ms(min_tx.max(min_rx));
        let longest = if multiplier == 1 { interval * 9 / 10 } else { interval };
        for pair in link.regular[0].windows(2) {
            let gap = pair[1].0.since(pair[0].0);
            prop_assert!(gap >= interval * 3 / 4 && gap <= longest, "{:?} of {:?}", gap, interval);
        }
    }
}
