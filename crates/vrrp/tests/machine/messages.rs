//! Texts that people's scripts search for (written down from keepalived's logs), and the names in scripts and FIFOs.

use holdfast_vrrp::settings::{InitialState, Version};
use holdfast_vrrp::{Action, Fault, Level, LogEvent, NotifyState, State, Subject};

use crate::support::{Bench, HIGHER, LOWER, address, instance, starting_as};

/// The log of a life: started, waited, master, challenged, relieved, broken, stopped.
#[test]
fn the_log_of_a_life() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.until(2.0);
    bench.hear(HIGHER, 150);
    bench.until(2.5);
    bench.hear(HIGHER, 0);
    bench.until(5.0);
    bench.hear(LOWER, 50);
    bench.hear(LOWER, 101);
    bench.link("eth0", false);
    bench.link("eth0", true);
    bench.until(10.0);
    bench.stop();
    assert_eq!(
        bench.logs(),
        [
            "(VI_1) Entering BACKUP STATE (init)",
            "(VI_1) master set to 192.0.2.3",
            "(VI_1) Backup received priority 0 advertisement",
            "(VI_1) Receive advertisement timeout",
            "(VI_1) Entering MASTER STATE",
            "(VI_1) Received advert from 192.0.2.1 with lower priority 50, ours 100, forcing new election",
            "(VI_1) Master received advert from 192.0.2.1 with higher priority 101, ours 100",
            "(VI_1) master set to 192.0.2.1",
            "(VI_1) Entering BACKUP STATE",
            "(VI_1) entering FAULT state (interface eth0 down)",
            "(VI_1) Entering FAULT STATE",
            "(VI_1) no longer: interface eth0 down",
            "(VI_1) Entering BACKUP STATE",
            "(VI_1) Receive advertisement timeout",
            "(VI_1) Entering MASTER STATE",
            "(VI_1) sent 0 priority",
        ]
    );
}

#[test]
fn equal_priorities_have_a_text_of_their_own() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.hear(HIGHER, 100);
    assert_eq!(
        bench.logs()[0],
        "(VI_1) Master received advert from 192.0.2.3 with same priority 100 but higher IP address than ours"
    );
}

#[test]
fn odd_things_are_warnings() {
    let instance = || "VI_1".to_owned();
    assert_eq!(LogEvent::EnteringMaster { instance: instance() }.level(), Level::Info);
    assert_eq!(LogEvent::EnteringFault { instance: instance() }.level(), Level::Warning);
    let two = LogEvent::OwnerConflict {
        instance: instance(),
        from: address(LOWER),
    };
    assert_eq!(two.level(), Level::Warning);
}

/// `INSTANCE "VI_1" MASTER 107` is what FIFO readers and `notify` scripts get; the numbers are those of the JSON.
#[test]
fn words_and_numbers_are_keepaliveds() {
    let words = [
        (NotifyState::Master, "MASTER"),
        (NotifyState::Backup, "BACKUP"),
        (NotifyState::Fault, "FAULT"),
        (NotifyState::Stop, "STOP"),
        (NotifyState::Deleted, "DELETED"),
        (NotifyState::MasterRxLowerPri, "MASTER_RX_LOWER_PRI"),
        (NotifyState::MasterPriority, "MASTER_PRIORITY"),
        (NotifyState::BackupPriority, "BACKUP_PRIORITY"),
    ];
    for (state, word) in words {
        assert_eq!(state.to_string(), word);
    }
    assert_eq!(
        (Subject::Instance.to_string(), Subject::Group.to_string()),
        ("INSTANCE".to_owned(), "GROUP".to_owned())
    );
    let states = [
        State::Init,
        State::Backup,
        State::Master,
        State::Fault,
        State::Deleted,
        State::Stopped,
    ];
    assert_eq!(states.map(State::number), [0, 1, 2, 3, 97, 98]);
}

#[test]
fn settings_and_actions_travel_between_processes() {
    let mut bench = Bench::of(starting_as(InitialState::Master, instance(Version::V3, 255)));
    bench.link("eth0", false);
    let text = serde_json::to_string(&bench.settings).unwrap();
    assert_eq!(
        serde_json::from_str::<holdfast_vrrp::NodeSettings>(&text).unwrap(),
        bench.settings
    );
    let actions: Vec<Action> = bench.actions.iter().map(|(_, action)| action.clone()).collect();
    let text = serde_json::to_string(&actions).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Action>>(&text).unwrap(), actions);
    let status = bench.node.status();
    assert_eq!(status.instances[0].faults, [Fault::InterfaceDown("eth0".to_owned())]);
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(
        serde_json::from_str::<holdfast_vrrp::NodeStatus>(&text).unwrap(),
        status
    );
}
