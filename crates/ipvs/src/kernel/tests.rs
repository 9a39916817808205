//! The kernel here is a script: what a real one does is tested in `tests/kernel.rs`.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::netlink::{DONE, DUMP_INTERRUPTED, ERROR};
use crate::reconcile::Change;
use crate::table::{Destination, DestinationKey, Family, Forwarding, Protocol, Service, ServiceFlags};

type Answers = Vec<io::Result<Vec<u8>>>;
type Answering = Box<dyn FnMut(&[u8]) -> Answers + Send>;

/// Answers each datagram as the script says, then is silent.
struct Script {
    answer: Answering,
    waiting: VecDeque<io::Result<Vec<u8>>>,
    current: Vec<u8>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Channel for Script {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.waiting.extend((self.answer)(datagram));
        Ok(())
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        self.current = self
            .waiting
            .pop_front()
            .unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))?;
        Ok(&self.current)
    }
}

fn scripted(answer: impl FnMut(&[u8]) -> Answers + Send + 'static) -> Kernel {
    let script = Script {
        answer: Box::new(answer),
        waiting: VecDeque::new(),
        current: Vec::new(),
    };
    Kernel {
        channel: Box::new(script),
        family: 0x20,
        sequence: 41,
    }
}

fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), [0; 4], sequence.to_ne_bytes(), [0; 4]].concat();
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn acknowledgement(sequence: u32, errno: i32) -> Vec<u8> {
    message(
        ERROR,
        0x100,
        sequence,
        &[&(-errno).to_ne_bytes()[..], &[0; 16]].concat(),
    )
}

/// Command and number of each request in a datagram.
fn requests(datagram: &[u8]) -> Vec<(u8, u32)> {
    let command = |message: netlink::Message<'_>| (message.generic().unwrap().0, message.sequence);
    messages(datagram).map(|message| command(message.unwrap())).collect()
}

const KEY: ServiceKey = ServiceKey::Fwmark {
    family: Family::Inet,
    mark: 5,
};

fn service() -> Service {
    Service {
        scheduler: "rr".to_owned(),
        flags: ServiceFlags(0),
        persistence_timeout_s: None,
        persistence_prefix_len: 32,
        persistence_engine: None,
    }
}

fn server(index: u16) -> DestinationKey {
    DestinationKey {
        address: IpAddr::from([198, 51, 100, 1]),
        port: index,
    }
}

const SETTINGS: Destination = Destination {
    forwarding: Forwarding::Route,
    weight: 1,
    upper_threshold: 0,
    lower_threshold: 0,
};

fn add(index: u16) -> Change {
    Change::AddDestination {
        service: KEY,
        key: server(index),
        destination: SETTINGS,
    }
}

fn edit(index: u16) -> Change {
    Change::EditDestination {
        service: KEY,
        key: server(index),
        destination: SETTINGS,
    }
}

#[test]
fn requests_go_many_to_a_write_and_a_refusal_names_its_change() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let mut kernel = scripted(move |datagram| {
        let requests = requests(datagram);
        let before: usize = seen.lock().unwrap().iter().sum();
        seen.lock().unwrap().push(requests.len());
        let errno = |position| if before + position == 1000 { libc::EINVAL } else { 0 };
        requests
            .iter()
            .enumerate()
            .map(|(position, (_, sequence))| Ok(acknowledgement(*sequence, errno(position))))
            .collect()
    });
    let changes: Vec<Change> = (0..1200).map(add).collect();
    let applied = kernel.apply(&changes).unwrap();
    let failed: Vec<usize> = applied.failures.iter().map(|failure| failure.index).collect();
    assert_eq!(failed, [1000]);
    let told = applied.failures[0].error.to_string();
    assert!(
        told.starts_with("add destination [198.51.100.1]:1000 to FWM 5 (weight 1): "),
        "{told}"
    );
    let sizes = sizes.lock().unwrap().clone();
    assert_eq!(sizes.iter().sum::<usize>(), 1200);
    assert!(sizes.len() <= 12, "hundreds to a write: {sizes:?}");
}

#[test]
fn each_surprise_is_mended_by_the_other_command() {
    use command::{NEW_DEST, NEW_SERVICE, SET_DEST, SET_SERVICE};
    let new = Change::AddService {
        key: KEY,
        service: service(),
    };
    let change = Change::EditService {
        key: KEY,
        service: service(),
    };
    let del = Change::RemoveService { key: KEY };
    let remove = Change::RemoveDestination {
        service: KEY,
        key: server(1),
    };
    let cases: [(&Change, i32, Option<u8>); 7] = [
        (&new, libc::EEXIST, Some(SET_SERVICE)),
        (&change, libc::ESRCH, Some(NEW_SERVICE)),
        (&add(1), libc::EEXIST, Some(SET_DEST)),
        (&edit(1), libc::ENOENT, Some(NEW_DEST)),
        (&del, libc::ESRCH, None),
        (&remove, libc::ENOENT, None),
        (&remove, libc::ESRCH, None),
    ];
    for (change, errno, expected) in cases {
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&log);
        let mut kernel = scripted(move |datagram| {
            let [(command, sequence)] = requests(datagram)[..] else {
                panic!("one request")
            };
            seen.lock().unwrap().push(command);
            let errno = if seen.lock().unwrap().len() == 1 { errno } else { 0 };
            vec![Ok(acknowledgement(sequence, errno))]
        });
        let applied = kernel.apply(std::slice::from_ref(change)).unwrap();
        assert!(applied.failures.is_empty(), "{change}: {applied:?}");
        assert_eq!(applied.surprises, 1, "{change}");
        assert_eq!(log.lock().unwrap().get(1).copied(), expected, "{change}");
    }
}

#[test]
fn a_refusal_is_no_surprise() {
    let new = Change::AddService {
        key: KEY,
        service: service(),
    };
    let change = Change::EditService {
        key: KEY,
        service: service(),
    };
    // ENOENT for a service is its scheduler; a destination of a service that is gone cannot be helped.
    for (change, errno) in [
        (new, libc::ENOENT),
        (change, libc::ENOENT),
        (add(1), libc::ESRCH),
        (edit(1), libc::ESRCH),
        (add(1), libc::EPERM),
    ] {
        let mut kernel = scripted(move |datagram| {
            let requests = requests(datagram);
            requests
                .iter()
                .map(|(_, sequence)| Ok(acknowledgement(*sequence, errno)))
                .collect()
        });
        let applied = kernel.apply(std::slice::from_ref(&change)).unwrap();
        assert_eq!((applied.failures.len(), applied.surprises), (1, 0), "{change}");
        assert_eq!(applied.failures[0].error.raw_os_error(), Some(errno), "{change}");
    }
}

#[test]
fn two_who_undo_each_other_end() {
    // EEXIST at each add and ENOENT at each edit: somebody adds and removes it all the time.
    let mut kernel = scripted(|datagram| {
        let errno = |command| {
            if command == command::NEW_DEST {
                libc::EEXIST
            } else {
                libc::ENOENT
            }
        };
        requests(datagram)
            .iter()
            .map(|(command, sequence)| Ok(acknowledgement(*sequence, errno(*command))))
            .collect()
    });
    let applied = kernel.apply(&[add(1)]).unwrap();
    assert!(
        matches!(
            applied.failures[..],
            [Failure {
                index: 0,
                error: Error::Unsteady { .. }
            }]
        ),
        "{applied:?}"
    );
}

#[test]
fn silence_concerns_only_the_unanswered_and_ends() {
    let mut kernel = scripted(|datagram| {
        let answered = requests(datagram).into_iter().filter(|(_, sequence)| sequence % 2 == 0);
        answered.map(|(_, sequence)| Ok(acknowledgement(sequence, 0))).collect()
    });
    let changes: Vec<Change> = (0..4).map(add).collect();
    // The first request is number 42.
    let applied = kernel.apply(&changes).unwrap();
    let failed: Vec<usize> = applied.failures.iter().map(|failure| failure.index).collect();
    assert_eq!(failed, [1, 3]);
    assert!(
        applied
            .failures
            .iter()
            .all(|failure| matches!(failure.error, Error::Silence { .. })),
        "{applied:?}"
    );
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_another() {
    let mut late = None;
    let mut kernel = scripted(move |datagram| {
        let sequence = requests(datagram)[0].1;
        match late.replace(sequence) {
            None => vec![],
            Some(earlier) => vec![
                Ok(acknowledgement(earlier, libc::EINVAL)),
                Ok(acknowledgement(sequence, 0)),
            ],
        }
    });
    assert_eq!(kernel.apply(&[add(1)]).unwrap().failures.len(), 1);
    assert!(kernel.apply(&[add(2)]).unwrap().is_clean());
}

#[test]
fn a_stop_that_is_never_answered_ends_with_the_next_answer() {
    use crate::sync::SyncRole;
    let mut waited = 0;
    let mut kernel = scripted(move |datagram| match requests(datagram)[..] {
        [(command::DEL_DAEMON, _), (_, barrier)] => vec![Ok(acknowledgement(barrier, 0))],
        [(command::GET_DAEMON, sequence)] => {
            waited += 1;
            assert_eq!(waited, 1, "one look whether it is gone");
            vec![Ok(message(DONE, 2, sequence, &[0; 4]))]
        }
        _ => panic!("{datagram:?}"),
    });
    kernel.stop_sync_daemon(SyncRole::Master).unwrap();

    let refuse = |errno| {
        scripted(move |datagram| {
            let requests = requests(datagram);
            vec![
                Ok(acknowledgement(requests[0].1, errno)),
                Ok(acknowledgement(requests[1].1, 0)),
            ]
        })
    };
    refuse(libc::ESRCH).stop_sync_daemon(SyncRole::Master).unwrap();
    let error = refuse(libc::EPERM).stop_sync_daemon(SyncRole::Master).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
}

#[test]
fn lost_acknowledgements_are_told() {
    let mut kernel = scripted(|datagram| {
        let requests = requests(datagram);
        vec![
            Err(io::Error::from_raw_os_error(libc::ENOBUFS)),
            Ok(acknowledgement(requests[1].1, 0)),
        ]
    });
    let applied = kernel.apply(&[add(1), add(2)]).unwrap();
    assert!(
        matches!(
            applied.failures[..],
            [Failure {
                index: 0,
                error: Error::Silence { .. }
            }]
        ),
        "{applied:?}"
    );
}

#[test]
fn what_cannot_be_said_is_not_sent() {
    let with = |change: &dyn Fn(&mut Service)| {
        let mut service = service();
        change(&mut service);
        Change::AddService { key: KEY, service }
    };
    let mark_0 = ServiceKey::Fwmark {
        family: Family::Inet,
        mark: 0,
    };
    let changes = [
        with(&|service| service.scheduler.clear()),
        with(&|service| service.scheduler = "sixteen-letters!".to_owned()),
        with(&|service| service.scheduler = "r\0r".to_owned()),
        with(&|service| service.persistence_engine = Some(String::new())),
        with(&|service| service.persistence_prefix_len = 33),
        Change::RemoveService { key: mark_0 },
    ];
    let mut kernel = scripted(|_| panic!("sent"));
    let applied = kernel.apply(&changes).unwrap();
    assert_eq!(applied.failures.len(), changes.len());
    assert!(
        applied
            .failures
            .iter()
            .all(|failure| matches!(failure.error, Error::Unsayable { .. })),
        "{applied:?}"
    );
}

/// The answer of a kernel with one service and no destination; `interrupted` tells for each dump whether it was disturbed.
fn one_service(mut interrupted: impl FnMut() -> bool + Send + 'static) -> Kernel {
    scripted(move |datagram| {
        let [(command, sequence)] = requests(datagram)[..] else {
            panic!("one request")
        };
        let mut answers = Vec::new();
        if command == command::GET_SERVICE {
            let mut service = Vec::new();
            let key = ServiceKey::Address {
                protocol: Protocol::Tcp,
                address: IpAddr::from([192, 0, 2, 1]),
                port: 80,
            };
            let head = Head {
                kind: 0x20,
                flags: 2,
                sequence,
                command: command::NEW_SERVICE,
                version: 1,
            };
            push_request(&mut service, head, |request| {
                wire::put_service(request, &key, Some(&self::service()));
            });
            answers.push(Ok(service));
        }
        let disturbed = if command == command::GET_SERVICE && interrupted() {
            DUMP_INTERRUPTED
        } else {
            0
        };
        answers.push(Ok(message(DONE, 2 | disturbed, sequence, &[0; 4])));
        answers
    })
}

#[test]
fn a_disturbed_dump_is_begun_again() {
    let mut dumps = 0;
    let table = one_service(move || {
        dumps += 1;
        dumps < 3
    })
    .table()
    .unwrap();
    assert_eq!(table.services.len(), 1);
    assert!(matches!(one_service(|| true).table(), Err(Error::Unsteady { .. })));
}

#[test]
fn an_answer_to_an_earlier_question_is_passed_over() {
    let mut kernel = scripted(|datagram| {
        let sequence = requests(datagram)[0].1;
        vec![
            Ok(acknowledgement(sequence - 1, libc::EPERM)),
            Ok(message(DONE, 2, sequence, &[0; 4])),
        ]
    });
    assert!(kernel.table().unwrap().services.is_empty());
}

#[test]
fn a_refused_or_silent_read_is_an_error() {
    let mut refused = scripted(|datagram| vec![Ok(acknowledgement(requests(datagram)[0].1, libc::EPERM))]);
    let told = refused.table().unwrap_err().to_string();
    assert!(told.contains("CAP_NET_ADMIN"), "{told}");
    assert!(matches!(scripted(|_| vec![]).table(), Err(Error::Silence { .. })));
    let mut absent = scripted(|datagram| vec![Ok(acknowledgement(requests(datagram)[0].1, libc::ESRCH))]);
    assert!(absent.service(&KEY).unwrap().is_none());
}

proptest! {
    #[test]
    fn any_answer_is_survived(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..4)) {
        let mut kernel = scripted(move |_| datagrams.iter().cloned().map(Ok).collect());
        let _ = kernel.table();
        let _ = kernel.info();
        let _ = kernel.apply(&[add(1), edit(2)]);
    }
}
