//! Scripts, processes, files and BFD sessions: what they do to the priority and to the state. The arithmetic is keepalived's.

use holdfast_vrrp::settings::{
    GroupSettings, InstanceSettings, TrackedBfd, TrackedFile, TrackedProcess, TrackedScript, Version,
};
use holdfast_vrrp::{Event, Fault, State};

use crate::support::{Bench, HIGHER, LOWER, instance, node_of, second_instance};

fn script(weight: i32, reverse: bool) -> InstanceSettings {
    let tracked = TrackedScript {
        script: "chk".to_owned(),
        weight,
        reverse,
    };
    InstanceSettings {
        tracked_scripts: vec![tracked],
        ..instance(Version::V2, 100)
    }
}

fn file(weight: i32, reverse: bool) -> InstanceSettings {
    let tracked = TrackedFile {
        file: "tf".to_owned(),
        weight,
        reverse,
    };
    InstanceSettings {
        tracked_files: vec![tracked],
        ..instance(Version::V2, 100)
    }
}

fn session(weight: i32, reverse: bool) -> InstanceSettings {
    let tracked = TrackedBfd {
        session: "router".to_owned(),
        weight,
        reverse,
        left_out: false,
    };
    InstanceSettings {
        tracked_bfds: vec![tracked],
        ..instance(Version::V2, 100)
    }
}

fn hear_of_session(bench: &mut Bench, up: bool) {
    let session = "router".to_owned();
    bench.handle(Event::BfdState { session, up });
}

fn tell(bench: &mut Bench, up: Option<bool>) {
    let script = "chk".to_owned();
    bench.handle(Event::ScriptResult { script, up });
}

fn write(bench: &mut Bench, value: i64) {
    let file = "tf".to_owned();
    bench.handle(Event::FileValue { file, value });
}

fn priority(bench: &Bench) -> u8 {
    bench.status("VI_1").effective_priority
}

#[test]
fn a_weight_counts_up_or_down_by_its_sign_and_before_the_first_result_not_at_all() {
    for (weight, reverse, up, down) in [
        (20, false, 120, 100),
        (-20, false, 100, 80),
        (20, true, 80, 100),
        (-20, true, 100, 120),
        (253, false, 254, 100),
        (-253, false, 100, 1),
    ] {
        let mut bench = Bench::of(script(weight, reverse));
        assert_eq!((bench.state("VI_1"), priority(&bench)), (State::Backup, 100));
        tell(&mut bench, Some(true));
        assert_eq!(priority(&bench), up, "weight {weight} reverse {reverse}");
        tell(&mut bench, Some(false));
        assert_eq!(priority(&bench), down, "weight {weight} reverse {reverse}");
        tell(&mut bench, None);
        assert_eq!(priority(&bench), 100);
    }
}

#[test]
fn scripts_and_files_add_up_and_the_sum_is_limited_and_not_its_parts() {
    let settings = InstanceSettings {
        tracked_files: file(2, false).tracked_files,
        ..script(-200, false)
    };
    let mut bench = Bench::of(settings);
    tell(&mut bench, Some(false));
    write(&mut bench, 60);
    assert_eq!(priority(&bench), 20, "100 - 200 + 120");
    tell(&mut bench, Some(true));
    assert_eq!(priority(&bench), 220);
}

#[test]
fn a_lower_priority_moves_the_timer_of_a_waiting_backup_by_the_difference_of_the_skews() {
    let mut bench = Bench::of(script(-60, false));
    bench.forget();
    bench.until(1.0);
    tell(&mut bench, Some(false));
    assert_eq!(bench.logs(), ["(VI_1) Changing effective priority from 100 to 40"]);
    // Three intervals and (256 - 40) / 256 seconds from the start.
    bench.until(3.84);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(3.844);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn a_failing_script_makes_the_master_the_worse_one_and_its_success_brings_it_back() {
    let mut bench = Bench::master(script(-60, false));
    tell(&mut bench, Some(false));
    assert_eq!(bench.state("VI_1"), State::Master, "nobody better has been heard");
    bench.hear(LOWER, 50);
    assert_eq!(bench.state("VI_1"), State::Backup);
    tell(&mut bench, Some(true));
    for second in 11..14 {
        bench.hear(LOWER, 50);
        bench.until(f64::from(second));
    }
    bench.until(15.0);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn without_a_weight_the_instance_waits_in_init_for_the_first_result() {
    let mut bench = Bench::of(script(0, false));
    bench.until(20.0);
    // What a killed daemon left: a peer has it by now.
    assert_eq!(bench.done(), ["0.000000s VI_1 removes 192.0.2.10/24 from eth0"]);
    assert_eq!(bench.state("VI_1"), State::Init);
    tell(&mut bench, Some(true));
    assert_eq!(
        bench.sentences(),
        ["VI_1 INIT -> BACKUP: started", "notify INSTANCE VI_1 BACKUP 100"]
    );
}

#[test]
fn who_stops_before_the_first_word_takes_away_what_a_killed_daemon_left() {
    let mut bench = Bench::dark(node_of(vec![script(0, false)]));
    bench.stop();
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 INIT -> STOP: shutdown",
            "notify INSTANCE VI_1 STOP 100"
        ]
    );
    let mut bench = Bench::dark(node_of(vec![script(0, false)]));
    bench.handle(Event::Shutdown { keep_addresses: true });
    assert_eq!(bench.sentences().len(), 2, "nothing is removed");
}

#[test]
fn a_fault_does_not_wait_for_the_script_and_its_end_does() {
    let mut bench = Bench::dark(node_of(vec![script(0, false)]));
    bench.light();
    bench.link("eth0", false);
    assert_eq!(bench.state("VI_1"), State::Fault);
    bench.link("eth0", true);
    assert_eq!(bench.state("VI_1"), State::Fault, "the script has not spoken");
    tell(&mut bench, Some(true));
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn without_a_weight_failure_is_a_fault_that_names_the_script() {
    let mut bench = Bench::of(script(0, false));
    tell(&mut bench, Some(true));
    bench.until(10.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.forget();
    tell(&mut bench, Some(false));
    assert!(
        bench
            .logs()
            .contains(&"(VI_1) entering FAULT state (script chk fails)".to_owned())
    );
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 advertises 0 on eth0",
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 MASTER -> FAULT: script chk fails",
            "notify INSTANCE VI_1 FAULT 100",
        ]
    );
    assert_eq!(bench.status("VI_1").faults, [Fault::ScriptDown("chk".to_owned())]);
    bench.hear(HIGHER, 200);
    tell(&mut bench, Some(true));
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn with_reverse_success_is_the_fault() {
    let mut bench = Bench::of(script(0, true));
    tell(&mut bench, Some(true));
    assert_eq!(bench.status("VI_1").faults, [Fault::ScriptUp("chk".to_owned())]);
    tell(&mut bench, Some(false));
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn a_file_counts_its_number_times_the_weight_and_no_more_than_keepalived_lets_it() {
    for (weight, reverse, value, expected) in [
        (1, false, 0, Some(100)),
        (1, false, -40, Some(60)),
        (2, false, 30, Some(160)),
        (2, true, 30, Some(40)),
        (-3, true, 10, Some(130)),
        (1, false, 1_000_000, Some(254)),
        (1, false, -253, Some(1)),
        (1, false, -254, None),
        (254, true, 1, None),
        (254, false, i64::MAX, Some(254)),
        (-254, false, i64::MAX, None),
        (0, false, 0, Some(100)),
        (0, false, 7, None),
        (0, false, -1, None),
        (0, true, 0, None),
        (0, true, 7, Some(100)),
    ] {
        let mut bench = Bench::of(file(weight, reverse));
        assert_eq!(bench.state("VI_1"), State::Init, "not read yet");
        write(&mut bench, value);
        let case = format!("weight {weight} reverse {reverse} value {value}");
        match expected {
            Some(expected) => assert_eq!(
                (bench.state("VI_1"), priority(&bench)),
                (State::Backup, expected),
                "{case}"
            ),
            None => assert_eq!(bench.status("VI_1").faults, [Fault::File("tf".to_owned())], "{case}"),
        }
    }
}

#[test]
fn the_owner_never_changes_its_priority() {
    let settings = InstanceSettings {
        priority: 255,
        tracked_files: file(1, false).tracked_files,
        ..script(-60, false)
    };
    let mut bench = Bench::of(settings);
    write(&mut bench, -100);
    tell(&mut bench, Some(false));
    assert_eq!(priority(&bench), 255);
}

#[test]
fn what_a_group_tracks_counts_for_every_member() {
    let mut settings = node_of(vec![instance(Version::V2, 100), second_instance(Version::V2, 120)]);
    settings.groups = vec![GroupSettings {
        name: "G".to_owned(),
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        tracked_scripts: script(0, false).tracked_scripts,
        tracked_files: file(1, false).tracked_files,
        ..GroupSettings::default()
    }];
    let mut bench = Bench::start(settings);
    write(&mut bench, -30);
    assert_eq!(bench.state("VI_2"), State::Init, "the script has not spoken");
    tell(&mut bench, Some(true));
    assert_eq!(priority(&bench), 70);
    assert_eq!(bench.status("VI_2").effective_priority, 90);
    tell(&mut bench, Some(false));
    assert_eq!((bench.state("VI_1"), bench.state("VI_2")), (State::Fault, State::Fault));
}

#[test]
fn a_reload_keeps_results_and_a_script_that_is_new_to_a_master_does_not_end_it() {
    let mut bench = Bench::of(script(0, false));
    tell(&mut bench, Some(true));
    bench.until(10.0);
    bench.forget();
    let other = InstanceSettings {
        priority: 110,
        ..script(0, false)
    };
    bench.reload(node_of(vec![other]));
    assert_eq!((bench.state("VI_1"), priority(&bench)), (State::Master, 110));

    // The command changed: no result, and the link is lost meanwhile.
    tell(&mut bench, None);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.link("eth0", false);
    assert_eq!(bench.state("VI_1"), State::Fault);
}

#[test]
fn a_process_counts_as_a_script_does() {
    let with = |weight, reverse| {
        let tracked = TrackedProcess {
            process: "web".to_owned(),
            weight,
            reverse,
        };
        InstanceSettings {
            tracked_processes: vec![tracked],
            ..instance(Version::V2, 100)
        }
    };
    let say = |bench: &mut Bench, up| {
        let process = "web".to_owned();
        bench.handle(Event::ProcessResult { process, up });
    };
    let mut bench = Bench::of(with(0, false));
    assert_eq!(bench.state("VI_1"), State::Init, "nothing is known yet");
    say(&mut bench, Some(true));
    assert_eq!(bench.state("VI_1"), State::Backup);
    say(&mut bench, Some(false));
    assert_eq!(bench.state("VI_1"), State::Fault);
    assert_eq!(bench.status("VI_1").faults, [Fault::ProcessDown("web".to_owned())]);

    let mut bench = Bench::of(with(0, true));
    say(&mut bench, Some(true));
    assert_eq!(bench.status("VI_1").faults, [Fault::ProcessUp("web".to_owned())]);
    say(&mut bench, Some(false));
    assert_eq!(bench.state("VI_1"), State::Backup);

    let mut bench = Bench::of(with(-30, false));
    assert_eq!((bench.state("VI_1"), priority(&bench)), (State::Backup, 100));
    say(&mut bench, Some(false));
    assert_eq!(priority(&bench), 70);
}

#[test]
fn a_bfd_session_counts_by_the_sign_of_its_weight_and_is_down_before_the_first_word() {
    for (weight, reverse, up, down) in [
        (20, false, 120, 100),
        (-20, false, 100, 80),
        (20, true, 80, 100),
        (-20, true, 100, 120),
    ] {
        let mut bench = Bench::of(session(weight, reverse));
        assert_eq!((bench.state("VI_1"), priority(&bench)), (State::Backup, down));
        hear_of_session(&mut bench, true);
        assert_eq!(priority(&bench), up, "weight {weight} reverse {reverse}");
        hear_of_session(&mut bench, false);
        assert_eq!(priority(&bench), down, "weight {weight} reverse {reverse}");
    }
}

/// keepalived 2.2.7 stays in FAULT when a `bfd_instance` that is tracked has no neighbour.
#[test]
fn a_bfd_session_that_cannot_be_is_a_fault() {
    let mut settings = session(0, false);
    settings.tracked_bfds[0].left_out = true;
    let bench = Bench::of(settings);
    assert_eq!(bench.state("VI_1"), State::Fault);
    assert_eq!(bench.status("VI_1").faults, [Fault::BfdDown("router".to_owned())]);
}

#[test]
fn without_a_weight_the_loss_of_a_bfd_session_ends_a_master_at_once() {
    let mut bench = Bench::of(session(0, false));
    assert_eq!(bench.state("VI_1"), State::Init, "no word yet");
    hear_of_session(&mut bench, false);
    assert_eq!(bench.status("VI_1").faults, [Fault::BfdDown("router".to_owned())]);
    hear_of_session(&mut bench, true);
    bench.until(10.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.forget();
    hear_of_session(&mut bench, false);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 advertises 0 on eth0",
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 MASTER -> FAULT: BFD session router down",
            "notify INSTANCE VI_1 FAULT 100",
        ]
    );

    let mut bench = Bench::of(session(0, true));
    hear_of_session(&mut bench, true);
    assert_eq!(bench.status("VI_1").faults, [Fault::BfdUp("router".to_owned())]);
    hear_of_session(&mut bench, false);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn the_bfd_session_of_a_group_counts_for_every_member() {
    let mut settings = node_of(vec![instance(Version::V2, 100), second_instance(Version::V2, 120)]);
    settings.groups = vec![GroupSettings {
        name: "G".to_owned(),
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        tracked_bfds: session(0, false).tracked_bfds,
        ..GroupSettings::default()
    }];
    let mut bench = Bench::start(settings);
    assert_eq!(bench.state("VI_2"), State::Init, "the session has not spoken");
    hear_of_session(&mut bench, true);
    assert_eq!(
        (bench.state("VI_1"), bench.state("VI_2")),
        (State::Backup, State::Backup)
    );
    hear_of_session(&mut bench, false);
    assert_eq!((bench.state("VI_1"), bench.state("VI_2")), (State::Fault, State::Fault));
}
