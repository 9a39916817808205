use std::cell::RefCell;

use holdfast_vrrp::QuorumLimits;

use super::table::Identity;
use super::*;
use crate::plan::processes::Program;

/// A name that no process of this host has.
const NAME: &[u8] = b"hf-no-such-name";

fn identity(name: &str, command_line: &str) -> Identity {
    Identity {
        name: name.into(),
        command_line: command_line.into(),
    }
}

fn command(program: &str) -> Program {
    Program::Command {
        program: program.into(),
        arguments: None,
    }
}

fn counts(table: &ProcessTable) -> [u32; 2] {
    [table.count(0), table.count(1)]
}

#[test]
fn a_process_is_followed_through_what_it_becomes() {
    let mut table = ProcessTable::new(vec![Program::Name(b"web".to_vec()), command("/bin/web")]);
    table.identify(10, &identity("web", "/bin/web\0-d\0"));
    assert_eq!(counts(&table), [1, 1]);
    table.fork(10, 11);
    assert_eq!(counts(&table), [2, 2], "a child is what its parent is");
    table.fork(10, 11);
    assert_eq!(counts(&table), [2, 2], "it was known already");
    table.fork(1, 12);
    assert_eq!(counts(&table), [2, 2], "a child of somebody else");
    table.rename(11, b"worker");
    assert_eq!(counts(&table), [1, 2], "another name, the same command line");
    table.rename(12, b"web");
    assert_eq!(counts(&table), [2, 2]);
    table.identify(11, &identity("sh", "/bin/sh\0"));
    assert_eq!(counts(&table), [2, 1]);
    table.remove(10);
    table.remove(10);
    assert_eq!(counts(&table), [1, 0]);
    table.clear();
    assert_eq!(counts(&table), [0, 0]);
}

#[test]
fn no_more_is_read_than_decides() {
    let of = |programs: &[Program]| ProcessTable::new(programs.to_vec()).needs();
    let name = Program::Name(b"web".to_vec());
    assert_eq!(
        (
            of(std::slice::from_ref(&name)).name,
            of(std::slice::from_ref(&name)).command_line
        ),
        (true, 0)
    );
    assert_eq!(
        (of(&[command("/bin/a")]).name, of(&[command("/bin/a")]).command_line),
        (false, 8)
    );
    assert_eq!(of(&[name, command("/bin/abc"), command("a")]).command_line, 10);
}

/// A watch of processes of one name, and what it reported.
struct Bench {
    said: std::rc::Rc<RefCell<Vec<(bool, u32)>>>,
    watch: Watch<Box<dyn Fn(usize, Standing)>>,
    start: Timestamp,
}

impl Bench {
    fn new(least: u32, terminate_delay: u64) -> Self {
        let tracker = ProcessTracker {
            name: "web".to_owned(),
            program: Program::Name(NAME.to_vec()),
            limits: QuorumLimits {
                least,
                most: None,
                fork_delay: Duration::ZERO,
                terminate_delay: Duration::from_secs(terminate_delay),
            },
            disabled: None,
        };
        let said = std::rc::Rc::<RefCell<Vec<_>>>::default();
        let record = std::rc::Rc::clone(&said);
        let report = Box::new(move |_, standing: Standing| record.borrow_mut().push((standing.up, standing.count)));
        let watch = Watch::new(&[tracker], report as Box<dyn Fn(usize, Standing)>);
        let start = watch.quiet_until;
        Self { said, watch, start }
    }

    fn at(&self, milliseconds: u64) -> Timestamp {
        self.start + Duration::from_millis(milliseconds)
    }

    fn begins(&mut self, milliseconds: u64, pid: u32) {
        let name = NAME.to_vec();
        let now = self.at(milliseconds);
        self.watch.take_in(now, vec![ProcessEvent::Renamed { pid, name }]);
    }

    fn said(&self) -> Vec<(bool, u32)> {
        self.said.take()
    }
}

#[test]
fn what_turns_is_reported_at_once_and_mere_numbers_now_and_then() {
    let mut bench = Bench::new(2, 0);
    assert_eq!(bench.said(), [(false, 0)], "the first word");
    bench.begins(0, 900_001);
    assert_eq!(bench.said(), [(false, 1)]);
    bench.begins(10, 900_002);
    assert_eq!(bench.said(), [(true, 2)], "turned");
    bench.begins(20, 900_003);
    bench.begins(30, 900_004);
    assert_eq!(bench.said(), [] as [(bool, u32); 0], "the numbers wait");
    let due = bench.watch.next_deadline().unwrap();
    assert_eq!(due, bench.at(1_010));
    bench.watch.reach(due);
    assert_eq!(bench.said(), [(true, 4)]);
    assert_eq!(bench.watch.next_deadline(), None);
}

#[test]
fn lost_events_make_all_processes_looked_at_again_after_a_while() {
    let mut bench = Bench::new(1, 3);
    bench.begins(0, 900_001);
    assert_eq!(bench.said(), [(false, 0), (true, 1)]);
    let now = bench.at(2_000);
    assert!(bench.watch.take_in(now, vec![ProcessEvent::Lost]));
    assert_eq!(bench.watch.next_deadline(), Some(bench.at(3_000)));
    bench.watch.reach(bench.at(3_000));
    assert_eq!(
        bench.said(),
        [(true, 0)],
        "there is no such process, and the delay holds"
    );
    bench.watch.reach(bench.at(6_000));
    assert_eq!(bench.said(), [(false, 0)]);
}
