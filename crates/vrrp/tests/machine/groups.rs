//! Sync groups: the members move together.

use holdfast_vrrp::settings::{GroupSettings, InitialState, InstanceSettings, NodeSettings, TrackedInterface, Version};
use holdfast_vrrp::{Event, State};

use crate::support::{Bench, HIGHER, LOWER, instance, node_of, second_instance, starting_as};

fn group(tracked_interfaces: Vec<TrackedInterface>) -> GroupSettings {
    GroupSettings {
        name: "G".to_owned(),
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        tracked_interfaces,
        ..GroupSettings::default()
    }
}

fn pair(first: InstanceSettings, second: InstanceSettings) -> NodeSettings {
    NodeSettings {
        groups: vec![group(Vec::new())],
        ..node_of(vec![first, second])
    }
}

fn backups() -> NodeSettings {
    pair(instance(Version::V2, 100), second_instance(Version::V2, 100))
}

fn masters() -> Bench {
    let mut bench = Bench::start(backups());
    bench.until(10.0);
    assert_eq!(states(&bench), (State::Master, State::Master, State::Master));
    bench.forget();
    bench
}

fn states(bench: &Bench) -> (State, State, State) {
    (
        bench.state("VI_1"),
        bench.state("VI_2"),
        bench.node.status().groups[0].state,
    )
}

#[test]
fn both_members_take_over_together_with_the_group_last() {
    let mut bench = Bench::start(backups());
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_2 removes 198.51.100.10/24 from eth1",
            "VI_1 INIT -> BACKUP: started",
            "notify INSTANCE VI_1 BACKUP 100",
            "VI_2 INIT -> BACKUP: started",
            "notify INSTANCE VI_2 BACKUP 100",
            "group G INIT -> BACKUP: started",
            "notify GROUP G BACKUP 0",
        ]
    );
    bench.until(3.7);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 advertises 100 on eth0",
            "VI_2 advertises 100 on eth1",
            "VI_1 adds 192.0.2.10/24 to eth0",
            "VI_2 adds 198.51.100.10/24 to eth1",
            "VI_1 announces 192.0.2.10 on eth0 x5",
            "VI_2 announces 198.51.100.10 on eth1 x5",
            "VI_1 BACKUP -> MASTER: sync group G: master silent",
            "notify INSTANCE VI_1 MASTER 100",
            "VI_2 BACKUP -> MASTER: master silent",
            "notify INSTANCE VI_2 MASTER 100",
            "group G BACKUP -> MASTER: master silent",
            "notify GROUP G MASTER 0",
        ]
    );
}

#[test]
fn a_member_waits_until_all_want_to_be_master() {
    let mut bench = Bench::start(backups());
    for second in 1..=8 {
        bench.until(f64::from(second));
        bench.hear_on(1, HIGHER, 200);
    }
    assert!(bench.status("VI_1").wants_master);
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
    assert!(!bench.sentences().iter().any(|sentence| sentence.contains("advertises")));
    bench.until(11.609_374);
    assert_eq!(states(&bench).0, State::Backup);
    bench.until(11.609_375);
    assert_eq!(states(&bench), (State::Master, State::Master, State::Master));
}

#[test]
fn a_master_that_returns_ends_the_waiting() {
    let mut bench = Bench::start(backups());
    bench.until(3.0);
    bench.hear_on(1, HIGHER, 200);
    bench.until(4.0);
    assert!(bench.status("VI_1").wants_master);
    bench.hear(HIGHER, 200);
    assert!(!bench.status("VI_1").wants_master);
    bench.until(7.0);
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
}

#[test]
fn one_backup_takes_all_along_without_priority_zero() {
    let mut bench = masters();
    bench.hear_on(1, LOWER, 200);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_2 removes 198.51.100.10/24 from eth1",
            "VI_1 MASTER -> BACKUP: sync group G: 192.0.2.1 has higher priority 200",
            "notify INSTANCE VI_1 BACKUP 100",
            "VI_2 MASTER -> BACKUP: 192.0.2.1 has higher priority 200",
            "notify INSTANCE VI_2 BACKUP 100",
            "group G MASTER -> BACKUP: 192.0.2.1 has higher priority 200",
            "notify GROUP G BACKUP 0",
        ]
    );
}

#[test]
fn one_fault_is_the_fault_of_all() {
    let mut bench = masters();
    bench.link("eth1", false);
    assert_eq!(states(&bench), (State::Fault, State::Fault, State::Fault));
    let sentences = bench.sentences();
    assert_eq!(
        sentences[..4],
        [
            "VI_1 advertises 0 on eth0",
            "VI_2 advertises 0 on eth1",
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_2 removes 198.51.100.10/24 from eth1",
        ]
    );
    assert!(sentences.contains(&"VI_1 MASTER -> FAULT: sync group G: interface eth1 down".to_owned()));

    bench.link("eth0", false);
    bench.link("eth1", true);
    assert_eq!(
        states(&bench),
        (State::Fault, State::Fault, State::Fault),
        "now the other one is at fault"
    );
    bench.forget();
    bench.link("eth0", true);
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
    assert_eq!(bench.sentences().last().unwrap(), "notify GROUP G BACKUP 0");
    bench.until(13.7);
    assert_eq!(states(&bench), (State::Master, State::Master, State::Master));
}

#[test]
fn a_group_starts_as_master_only_if_all_own_their_addresses() {
    let owner = |settings| starting_as(InitialState::Master, settings);
    let all = pair(
        owner(instance(Version::V2, 255)),
        owner(second_instance(Version::V2, 255)),
    );
    assert_eq!(
        states(&Bench::start(all)),
        (State::Master, State::Master, State::Master)
    );

    let half = pair(owner(instance(Version::V2, 255)), second_instance(Version::V2, 100));
    let mut bench = Bench::start(half);
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
    bench.until(3.7);
    assert_eq!(states(&bench), (State::Master, State::Master, State::Master));
}

#[test]
fn a_group_waits_until_all_its_interfaces_are_known() {
    let mut bench = Bench::dark(backups());
    bench.link("eth0", true);
    bench.source(
        "eth0",
        holdfast_vrrp::settings::Family::Ipv4,
        Some(crate::support::OURS),
    );
    assert_eq!(states(&bench), (State::Init, State::Init, State::Init));
    bench.light();
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
}

#[test]
fn trackers_of_the_group_count_for_every_member() {
    let tracked = |weight| TrackedInterface {
        interface: "eth9".to_owned(),
        weight,
        reverse: false,
    };
    let mut settings = backups();
    settings.groups = vec![group(vec![tracked(-30)])];
    let mut bench = Bench::start(settings.clone());
    bench.link("eth9", false);
    let priority = |bench: &Bench, name| bench.status(name).effective_priority;
    assert_eq!((priority(&bench, "VI_1"), priority(&bench, "VI_2")), (70, 70));

    settings.groups = vec![group(vec![tracked(0)])];
    let mut bench = Bench::start(settings);
    bench.link("eth9", false);
    assert_eq!(states(&bench), (State::Fault, State::Fault, State::Fault));
}

#[test]
fn a_conflict_of_one_member_makes_all_announce() {
    let mut bench = masters();
    bench.hear_on(1, LOWER, 50);
    let sentences = bench.sentences();
    assert!(sentences.contains(&"VI_1 announces 192.0.2.10 on eth0 x5".to_owned()));
    assert!(sentences.contains(&"VI_2 announces 198.51.100.10 on eth1 x5".to_owned()));
}

#[test]
fn shutdown_resigns_everywhere_before_it_removes_anything() {
    let mut bench = masters();
    bench.stop();
    let sentences = bench.sentences();
    assert_eq!(
        sentences[..4],
        [
            "VI_1 advertises 0 on eth0",
            "VI_2 advertises 0 on eth1",
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_2 removes 198.51.100.10/24 from eth1",
        ]
    );
    assert_eq!(sentences.last().unwrap(), "notify GROUP G STOP 0");
}

#[test]
fn a_reload_that_takes_away_what_was_waited_for_lets_the_others_go() {
    let mut bench = Bench::start(backups());
    for second in 1..=5 {
        bench.until(f64::from(second));
        bench.hear_on(1, HIGHER, 200);
    }
    assert!(bench.status("VI_1").wants_master);
    bench.reload(node_of(vec![
        instance(Version::V2, 100),
        second_instance(Version::V2, 100),
    ]));
    assert_eq!(
        (bench.state("VI_1"), bench.state("VI_2")),
        (State::Master, State::Backup)
    );
}

#[test]
fn a_member_that_a_reload_adds_to_a_master_group_joins_it() {
    let mut bench = Bench::start(NodeSettings {
        groups: vec![group(Vec::new())],
        ..node_of(vec![instance(Version::V2, 100)])
    });
    bench.until(10.0);
    bench.forget();
    bench.reload(backups());
    assert_eq!(states(&bench), (State::Master, State::Init, State::Master));
    assert!(
        bench
            .actions
            .iter()
            .all(|(_, action)| !format!("{action:?}").contains("Remove"))
    );
    bench.light();
    assert_eq!(states(&bench), (State::Master, State::Master, State::Master));
    assert!(
        bench
            .sentences()
            .contains(&"VI_2 INIT -> MASTER: members of the sync group changed".to_owned())
    );
}

#[test]
fn forming_a_group_of_a_master_and_a_backup_leaves_backups() {
    let mut settings = backups();
    let groups = std::mem::take(&mut settings.groups);
    let mut bench = Bench::start(settings.clone());
    for second in 1..=5 {
        bench.until(f64::from(second));
        bench.hear_on(1, HIGHER, 200);
    }
    assert_eq!(
        (bench.state("VI_1"), bench.state("VI_2")),
        (State::Master, State::Backup)
    );
    settings.groups = groups;
    bench.handle(Event::Reload(Box::new(settings)));
    assert_eq!(states(&bench), (State::Backup, State::Backup, State::Backup));
}
