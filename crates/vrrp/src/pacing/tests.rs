use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(ms: u32) -> Timestamp {
    Timestamp::ZERO + Duration::from_hours(1) + MS * ms
}

fn gaps(arp: Duration, neighbour: Duration) -> Gaps {
    Gaps { arp, neighbour }
}

fn paced(ms: u32) -> AnnouncementQueue {
    AnnouncementQueue::new(PacingSettings {
        interface: gaps(MS * ms, MS * ms),
        ..PacingSettings::default()
    })
}

fn put(queue: &mut AnnouncementQueue, instance: &str, interface: &str, addresses: &[&str], count: u32) {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    queue.announce(&Burst {
        instance,
        interface,
        physical: interface,
        addresses: &addresses,
        count,
    });
}

fn shown(due: &[Announcement]) -> Vec<String> {
    due.iter()
        .map(|one| format!("{} {}", one.interface, one.address))
        .collect()
}

/// Everything that leaves from `from` on, each at its own deadline: milliseconds and packet.
fn run(queue: &mut AnnouncementQueue, from: Timestamp) -> Vec<String> {
    let mut now = from;
    let mut all = Vec::new();
    loop {
        let due = queue.take_due(now);
        let ms = now.since(at(0)).as_micros() / 1000;
        all.extend(shown(&due).into_iter().map(|one| format!("{ms} {one}")));
        let Some(next) = queue.next_deadline() else { break };
        assert!(next > now, "an alarm for the past");
        now = next;
    }
    all
}

#[test]
fn without_gaps_a_burst_leaves_at_once_round_by_round() {
    let mut queue = AnnouncementQueue::default();
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1", "192.0.2.2"], 2);
    put(&mut queue, "VI_2", "eth0", &["192.0.2.3"], 1);
    let due = queue.take_due(at(0));
    assert_eq!(
        shown(&due),
        [
            "eth0 192.0.2.1",
            "eth0 192.0.2.2",
            "eth0 192.0.2.3",
            "eth0 192.0.2.1",
            "eth0 192.0.2.2"
        ]
    );
    assert_eq!(queue.next_deadline(), None);
    assert!(queue.is_empty());
}

/// keepalived 2.2.7 with `vrrp_garp_interval 0.2`: the first at once, then one every 200 ms. It sends each address once or
/// twice; here each is sent as often as `garp_master_repeat` says.
#[test]
fn each_announcement_waits_for_the_gap_behind_the_one_before() {
    let mut queue = paced(200);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1", "192.0.2.2"], 2);
    assert_eq!(
        run(&mut queue, at(0)),
        [
            "0 eth0 192.0.2.1",
            "200 eth0 192.0.2.2",
            "400 eth0 192.0.2.1",
            "600 eth0 192.0.2.2"
        ]
    );
    // The gap goes on counting while nothing waits.
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 1);
    assert_eq!(queue.take_due(at(700)), []);
    assert_eq!(queue.next_deadline(), Some(at(800)));
    // Once it has passed, the next one leaves at once, and never two in a bunch for the time that went unused.
    put(&mut queue, "VI_1", "eth0", &["192.0.2.2"], 1);
    assert_eq!(
        run(&mut queue, at(5000)),
        ["5000 eth0 192.0.2.1", "5200 eth0 192.0.2.2"]
    );
}

#[test]
fn interfaces_and_families_have_gaps_of_their_own() {
    let mut queue = AnnouncementQueue::new(PacingSettings {
        interface: gaps(MS * 100, MS * 30),
        ..PacingSettings::default()
    });
    put(
        &mut queue,
        "VI_1",
        "eth0",
        &["192.0.2.1", "fd00::1", "192.0.2.2", "fd00::2"],
        1,
    );
    put(&mut queue, "VI_2", "eth1", &["192.0.2.3"], 1);
    assert_eq!(
        run(&mut queue, at(0)),
        [
            "0 eth0 192.0.2.1",
            "0 eth0 fd00::1",
            "0 eth1 192.0.2.3",
            "30 eth0 fd00::2",
            "100 eth0 192.0.2.2"
        ]
    );
}

/// keepalived: an interface of a group knows the group's gaps only; a VMAC counts as the interface below it.
#[test]
fn a_group_shares_its_gap_and_a_vmac_counts_as_the_interface_below() {
    let group = PacingGroup {
        interfaces: ["eth0".to_owned(), "eth1".to_owned()].into(),
        gaps: gaps(MS * 50, Duration::ZERO),
    };
    let mut queue = AnnouncementQueue::new(PacingSettings {
        interface: gaps(MS * 500, MS * 500),
        groups: vec![group],
    });
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 1);
    queue.announce(&Burst {
        instance: "VI_2",
        interface: "vrrp.52",
        physical: "eth1",
        addresses: &["192.0.2.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        count: 1,
    });
    put(&mut queue, "VI_3", "eth2", &["192.0.2.3", "192.0.2.4"], 1);
    assert_eq!(
        run(&mut queue, at(0)),
        [
            "0 eth0 192.0.2.1",
            "0 vrrp.52 fd00::2",
            "0 eth2 192.0.2.3",
            "50 vrrp.52 192.0.2.2",
            "500 eth2 192.0.2.4"
        ]
    );
}

#[test]
fn a_second_burst_joins_what_still_waits() {
    let mut queue = paced(10);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 3);
    assert_eq!(queue.take_due(at(0)).len(), 1);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 3);
    assert_eq!(queue.len(), 3);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 1);
    assert_eq!(queue.len(), 3);
}

#[test]
fn who_was_never_announced_comes_before_repeats() {
    let mut queue = paced(10);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1"], 5);
    assert_eq!(queue.take_due(at(0)).len(), 1);
    put(&mut queue, "VI_2", "eth0", &["192.0.2.2"], 2);
    assert_eq!(
        run(&mut queue, at(10)),
        [
            "10 eth0 192.0.2.2",
            "20 eth0 192.0.2.1",
            "30 eth0 192.0.2.2",
            "40 eth0 192.0.2.1",
            "50 eth0 192.0.2.1",
            "60 eth0 192.0.2.1"
        ]
    );
}

#[test]
fn what_waits_for_an_instance_or_an_address_that_is_given_up_never_leaves() {
    let mut queue = paced(10);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1", "192.0.2.2"], 2);
    put(&mut queue, "VI_2", "eth0", &["192.0.2.3", "192.0.2.4"], 1);
    queue.forget_addresses(
        "VI_2",
        "eth0",
        &["192.0.2.3".parse().unwrap(), "192.0.2.1".parse().unwrap()].into(),
    );
    assert_eq!(queue.take_due(at(0)).len(), 1);
    queue.forget_instance("VI_1");
    assert_eq!(run(&mut queue, at(10)), ["10 eth0 192.0.2.4"]);
    // Announced anew it begins anew, in the order of its return.
    put(&mut queue, "VI_2", "eth0", &["192.0.2.5"], 1);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.2"], 1);
    assert_eq!(run(&mut queue, at(20)), ["20 eth0 192.0.2.5", "30 eth0 192.0.2.2"]);
}

#[test]
fn gaps_shorter_than_a_millisecond_are_kept_on_average() {
    let mut queue = AnnouncementQueue::new(PacingSettings {
        interface: gaps(Duration::from_micros(100), Duration::ZERO),
        ..PacingSettings::default()
    });
    let addresses: Vec<String> = (0..100).map(|n| format!("192.0.2.{n}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    put(&mut queue, "VI_1", "eth0", &addresses, 1);
    let left = run(&mut queue, at(0));
    assert_eq!(left.len(), 100);
    assert_eq!(
        left.iter().filter(|one| one.starts_with("0 ")).count(),
        11,
        "a grain, and one"
    );
    assert_eq!(left.iter().filter(|one| one.starts_with("3 ")).count(), 10);
    assert!(left[99].starts_with("9 "), "{}", left[99]);
}

#[test]
fn other_gaps_hold_for_what_waits_already() {
    let mut queue = paced(10_000);
    put(&mut queue, "VI_1", "eth0", &["192.0.2.1", "192.0.2.2"], 1);
    put(&mut queue, "VI_2", "eth1", &["192.0.2.3"], 2);
    assert_eq!(queue.take_due(at(0)).len(), 2);
    queue.set_settings(PacingSettings::default());
    assert_eq!(shown(&queue.take_due(at(1))), ["eth0 192.0.2.2", "eth1 192.0.2.3"]);
    assert_eq!(queue.next_deadline(), None);
}
