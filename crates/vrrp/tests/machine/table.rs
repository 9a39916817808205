//! Every state against every event: the state it leads to, and whether the addresses are held exactly by a master.

use holdfast_vrrp::settings::{Family, InitialState, InstanceSettings, Version};
use holdfast_vrrp::{Action, Event, State};

use crate::support::{Bench, HIGHER, LOWER, OURS, address, instance, node_of, starting_as};

#[derive(Clone, Copy, Debug)]
enum Happening {
    PriorityZero,
    Lower,
    EqualFromBelow,
    EqualFromAbove,
    Higher,
    Garbage,
    LinkDown,
    LinkUp,
    SourceLost,
    SourceBack,
    AddressLost,
    Deadline,
    SameSettings,
    OtherPriority,
    Removed,
    Shutdown,
}

use Happening::{
    AddressLost, Deadline, EqualFromAbove, EqualFromBelow, Garbage, Higher, LinkDown, LinkUp, Lower, OtherPriority,
    PriorityZero, Removed, SameSettings, Shutdown, SourceBack, SourceLost,
};

fn settings() -> InstanceSettings {
    instance(Version::V2, 100)
}

/// A node in each state there is, and what it holds.
fn in_state(state: State) -> Bench {
    match state {
        State::Init => Bench::dark(node_of(vec![settings()])),
        State::Backup => Bench::of(settings()),
        State::Master => Bench::master(settings()),
        State::Fault => {
            let mut bench = Bench::of(settings());
            bench.link("eth0", false);
            bench
        }
        State::Stopped | State::Deleted => {
            let mut bench = Bench::of(settings());
            bench.stop();
            bench
        }
    }
}

fn happen(bench: &mut Bench, happening: Happening) {
    match happening {
        PriorityZero => bench.hear(HIGHER, 0),
        Lower => bench.hear(HIGHER, 99),
        EqualFromBelow => bench.hear(LOWER, 100),
        EqualFromAbove => bench.hear(HIGHER, 100),
        Higher => bench.hear(LOWER, 101),
        Garbage => {
            let mut packet = bench.packet(&bench.advertisement(200), HIGHER);
            packet.payload.truncate(9);
            bench.handle(Event::Received(packet));
        }
        LinkDown => bench.link("eth0", false),
        LinkUp => bench.link("eth0", true),
        SourceLost => bench.source("eth0", Family::Ipv4, None),
        SourceBack => bench.source("eth0", Family::Ipv4, Some(OURS)),
        AddressLost => {
            bench.handle(Event::AddressLost {
                interface: "eth0".to_owned(),
                address: address("192.0.2.10"),
            });
        }
        Deadline => {
            bench.now = bench.node.next_deadline().unwrap_or(bench.now);
            bench.handle(Event::DeadlineReached);
        }
        SameSettings => bench.reload(node_of(vec![settings()])),
        OtherPriority => bench.reload(node_of(vec![instance(Version::V2, 50)])),
        Removed => bench.handle(Event::Reload(Box::default())),
        Shutdown => bench.stop(),
    }
}

/// Rows in the order Init, Backup, Master, Fault, Stopped; `Deleted` stands for an instance that is gone.
fn table() -> Vec<(Happening, [State; 5])> {
    let (init, backup, master, fault, stopped) =
        (State::Init, State::Backup, State::Master, State::Fault, State::Stopped);
    let stays = [init, backup, master, fault, stopped];
    vec![
        (PriorityZero, stays),
        (Lower, stays),
        (EqualFromBelow, stays),
        (EqualFromAbove, [init, backup, backup, fault, stopped]),
        (Higher, [init, backup, backup, fault, stopped]),
        (Garbage, stays),
        // A link that is down needs no source address to be a fault.
        (LinkDown, [fault, fault, fault, fault, stopped]),
        // Init still waits for word of the source address.
        (LinkUp, [init, backup, master, backup, stopped]),
        (SourceLost, [init, fault, fault, fault, stopped]),
        (SourceBack, stays),
        (AddressLost, stays),
        (Deadline, [init, master, master, fault, stopped]),
        (SameSettings, stays),
        (OtherPriority, stays),
        (
            Removed,
            [State::Deleted, State::Deleted, State::Deleted, State::Deleted, stopped],
        ),
        (Shutdown, [stopped; 5]),
    ]
}

/// The addresses the actions leave on the interface.
fn holds(bench: &Bench) -> bool {
    bench.actions.iter().fold(false, |held, (_, action)| match action {
        Action::AddAddresses { .. } => true,
        Action::RemoveAddresses { .. } => false,
        _ => held,
    })
}

#[test]
fn every_state_and_every_event() {
    let states = [State::Init, State::Backup, State::Master, State::Fault, State::Stopped];
    for (happening, expected) in table() {
        for (from, to) in states.into_iter().zip(expected) {
            let mut bench = in_state(from);
            if from == State::Master {
                // `Bench::master` forgets how it got its addresses.
                bench.actions.push((
                    bench.now,
                    Action::AddAddresses {
                        instance: "VI_1".to_owned(),
                        interface: "eth0".to_owned(),
                        addresses: settings().addresses,
                    },
                ));
            }
            happen(&mut bench, happening);
            let state = bench
                .node
                .status()
                .instances
                .first()
                .map_or(State::Deleted, |status| status.state);
            assert_eq!(state, to, "{from} and {happening:?}");
            assert_eq!(
                holds(&bench),
                to == State::Master,
                "addresses after {from} and {happening:?}"
            );
            let has_timer = bench.node.next_deadline().is_some();
            assert_eq!(
                has_timer,
                matches!(to, State::Backup | State::Master),
                "timer after {from} and {happening:?}"
            );
        }
    }
}

/// Whatever two things happen one after the other, a transition is reported exactly when the state changes.
#[test]
fn transitions_are_reported_once_each() {
    let starts = [InitialState::Backup, InitialState::Master];
    for start in starts {
        for (first, _) in table() {
            for (second, _) in table() {
                let mut bench = Bench::dark(node_of(vec![starting_as(start, settings())]));
                bench.light();
                happen(&mut bench, first);
                happen(&mut bench, second);
                let mut state = State::Init;
                for (_, action) in &bench.actions {
                    if let Action::Transition { from, to, .. } = action {
                        // A removed instance that comes back is a new one.
                        let expected = if state == State::Deleted { State::Init } else { state };
                        assert_eq!(*from, expected, "{first:?}, {second:?}");
                        assert_ne!(from, to);
                        state = *to;
                    }
                }
            }
        }
    }
}
