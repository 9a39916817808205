//! What managers of networks are told: each notification says how it stands in the virtual server after it.

use holdfast_health::action::{Cause, Notification};
use holdfast_health::settings::{Settings, VirtualServer};
use holdfast_health::{Action, Event, Health};
use holdfast_ipvs::table::Protocol;
use holdfast_time::Timestamp;

use crate::bench::{real_server, settings, sorry, virtual_server};

/// Two servers that are always up; the quorum needs one of them.
fn two(last: u8) -> VirtualServer {
    let mut servers = vec![real_server(11, 1), real_server(12, 1)];
    for server in &mut servers {
        server.checkers.clear();
    }
    virtual_server(last, servers)
}

fn told(health: &mut Health) -> Vec<(String, Cause, [u32; 2])> {
    let mut told = Vec::new();
    while let Some(action) = health.next_action() {
        let Action::Notify(notification) = action else {
            continue;
        };
        let (text, cause, pool) = match notification {
            Notification::RealServer {
                real_server,
                up,
                cause,
                pool,
                ..
            } => (format!("{real_server} {up}"), cause, pool),
            Notification::Quorum { up, cause, pool, .. } => (format!("quorum {up}"), cause, pool),
            Notification::Check { .. } => continue,
        };
        assert_eq!(pool.protocol, Some(Protocol::Tcp));
        told.push((text, cause, [pool.real_servers_up, pool.real_servers]));
    }
    told
}

fn at_the_end(settings: Settings) -> Vec<(String, Cause, [u32; 2])> {
    let mut health = Health::new(Timestamp::ZERO, settings, 1);
    told(&mut health);
    health.handle(Timestamp::ZERO, Event::Shutdown);
    told(&mut health)
}

/// keepalived sends the traps of the end with and without `omega`, and scripts, FIFOs and mails with it only.
#[test]
fn managers_hear_of_the_end_if_they_are_to() {
    assert_eq!(at_the_end(settings([two(1)])), []);
    let expected = |cause| {
        [
            ("[198.51.100.11]:tcp:80 false", [1, 2]),
            ("[198.51.100.12]:tcp:80 false", [0, 2]),
            ("quorum false", [0, 2]),
        ]
        .map(|(text, pool)| (text.to_owned(), cause, pool))
    };
    let mut with = settings([two(1)]);
    with.tell_managers_of_the_end = true;
    assert_eq!(at_the_end(with.clone()), expected(Cause::StoppingQuietly));
    with.virtual_servers[0].omega = true;
    assert_eq!(at_the_end(with), expected(Cause::Stopping));
}

/// Also where the quorum was lost before.
#[test]
fn the_end_of_a_virtual_server_without_quorum_is_told_too() {
    let mut server = two(1);
    server.quorum = 3;
    server.sorry_server = Some(sorry(63));
    let mut with = settings([server]);
    with.tell_managers_of_the_end = true;
    let (text, cause, _) = at_the_end(with).pop().unwrap();
    assert_eq!((text.as_str(), cause), ("quorum false", Cause::StoppingQuietly));
}

#[test]
fn a_reload_tells_how_it_stands_when_all_is_done() {
    let mut health = Health::new(Timestamp::ZERO, settings([two(1), two(2)]), 1);
    told(&mut health);
    let mut less = two(1);
    less.real_servers.pop();
    health.handle(Timestamp::ZERO, Event::Reload(settings([less])));
    let told = told(&mut health);
    let expected = [
        ("[198.51.100.12]:tcp:80 false", [1, 1]),
        ("[198.51.100.11]:tcp:80 false", [1, 2]),
        ("[198.51.100.12]:tcp:80 false", [0, 2]),
        ("quorum false", [0, 2]),
    ];
    assert_eq!(
        told,
        expected.map(|(text, pool)| (text.to_owned(), Cause::Removed, pool))
    );
}

/// As with keepalived 2.2.7: who begins with a quorum says so, for scripts too. What was there before this process is no news.
#[test]
fn a_quorum_at_the_start_is_told() {
    let expected = [("quorum true".to_owned(), Cause::Start, [2, 2])];
    let mut health = Health::new(Timestamp::ZERO, settings([two(1)]), 1);
    assert_eq!(told(&mut health), expected);
    let table = health.wanted();
    health.handle(Timestamp::ZERO, Event::Reload(settings([two(1)])));
    assert_eq!(told(&mut health), []);
    health.handle(Timestamp::ZERO, Event::Reload(settings([two(1), two(2)])));
    assert_eq!(told(&mut health), expected);

    let mut successor = Health::new(Timestamp::ZERO, settings([two(1)]), 1);
    successor.handle(Timestamp::ZERO, Event::Adopt(table));
    assert_eq!(told(&mut successor), []);

    // One that waits for its checks has none yet.
    let mut waiting = two(1);
    waiting.quorum = 3;
    assert_eq!(told(&mut Health::new(Timestamp::ZERO, settings([waiting]), 1)), []);
}
