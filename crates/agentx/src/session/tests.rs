use super::*;
use crate::mib::{Column, Table};
use crate::pdu::Content;

/// A session with its master agent on the other side of a wire.
struct Bench {
    session: Session,
    now: Timestamp,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

fn settings(roots: &[&str]) -> Settings {
    Settings {
        id: Oid::from([1, 3, 6]),
        description: "test".into(),
        subtrees: roots
            .iter()
            .map(|root| Subtree {
                root: root.parse().unwrap(),
                description: format!("MIB {root}"),
            })
            .collect(),
    }
}

/// What the session does, in short.
fn shown(action: &Action) -> String {
    match action {
        Action::Send(bytes) => {
            let pdu = Pdu::decode(bytes).unwrap();
            match pdu.body {
                Body::Register(registration) => format!("register {}", registration.subtree),
                Body::AddAgentCaps { id, .. } => format!("describe {id}"),
                Body::Notify(objects) => format!("notify {}", objects.len()),
                Body::Response(response) => format!("answer {} {}", pdu.header.packet, response.error),
                Body::Close(reason) => format!("close {reason:?}"),
                Body::Open { .. } => "open".into(),
                other => format!("{other:?}"),
            }
        }
        Action::Report(Report::Up { traps_lost }) => format!("up, lost {traps_lost}"),
        Action::Report(Report::Down(reason)) => format!("down: {reason}"),
        Action::Report(Report::Refused(subtree, _)) => format!("refused {subtree}"),
        Action::Answer(question) => format!("asked {:?}", question.request),
        other => format!("{other:?}"),
    }
}

impl Bench {
    fn new(roots: &[&str]) -> Self {
        let mut bench = Self {
            session: Session::default(),
            now: at(100),
        };
        bench.handle(Event::Serve(Some(settings(roots))));
        bench
    }

    fn handle(&mut self, event: Event) -> Vec<String> {
        self.session.handle(self.now, event);
        self.actions().iter().map(shown).collect()
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.session.next_action()).collect()
    }

    /// Waits for the session's deadline.
    fn wait(&mut self) -> Vec<String> {
        let due = self.session.next_deadline().unwrap();
        self.now = self.now.max(due);
        self.handle(Event::DeadlineReached)
    }

    fn say(&mut self, packet: u32, body: Body) -> Vec<String> {
        let pdu = Pdu {
            header: Header {
                session: 7,
                transaction: 50,
                packet,
                big_endian: false,
            },
            context: None,
            body,
        };
        self.handle(Event::Received(pdu.encode()))
    }

    fn answered(&mut self, packet: u32, error: u16) -> Vec<String> {
        self.say(packet, Body::Response(Response::failed(error)))
    }

    /// Up to an open session with everything registered. Returns the number of the next packet.
    fn up(roots: &[&str]) -> (Self, u32) {
        let mut bench = Self::new(roots);
        assert_eq!(bench.wait(), ["Connect"]);
        assert_eq!(bench.handle(Event::Connected), ["open"]);
        let mut packet = 1;
        loop {
            let actions = bench.answered(packet, 0);
            packet += 1;
            if actions == ["up, lost 0"] {
                return (bench, packet);
            }
            assert!(
                actions[0].starts_with("register") || actions[0].starts_with("describe"),
                "{actions:?}"
            );
        }
    }
}

#[test]
fn everything_is_registered_one_after_the_other() {
    let mut bench = Bench::new(&["1.3.1", "1.3.2"]);
    assert_eq!(bench.wait(), ["Connect"]);
    assert_eq!(bench.handle(Event::Connected), ["open"]);
    assert_eq!(bench.answered(1, 0), ["register .1.3.1"]);
    // An answer to something else changes nothing.
    assert_eq!(bench.answered(9, 0), [""; 0]);
    assert_eq!(bench.answered(2, 0), ["describe .1.3.1"]);
    assert_eq!(bench.answered(3, 0), ["register .1.3.2"]);
    assert_eq!(bench.answered(4, 0), ["describe .1.3.2"]);
    // It is only words.
    assert_eq!(bench.answered(5, 265), ["up, lost 0"]);
}

#[test]
fn packets_may_come_in_pieces_and_together() {
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    let ask = |packet| Pdu {
        header: Header {
            session: 7,
            transaction: 1,
            packet,
            big_endian: true,
        },
        context: None,
        body: Body::Get(Vec::new()),
    };
    let both = [ask(70).encode(), ask(71).encode()].concat();
    let (first, second) = both.split_at(25);
    assert_eq!(bench.handle(Event::Received(first.to_vec())), ["asked Get([])"]);
    bench.session.handle(bench.now, Event::Received(second.to_vec()));
    let Some(Action::Answer(question)) = bench.session.next_action() else {
        panic!("not asked");
    };
    assert_eq!(question.header.packet, 71);
    assert_eq!(
        bench.handle(Event::Answer(question.header, Response::default())),
        ["answer 71 0"]
    );
}

#[test]
fn an_agent_that_is_not_there_is_tried_again_for_ever_and_spoken_of_once() {
    let mut bench = Bench::new(&["1.3.1"]);
    let refused = || Event::Disconnected("connection refused".into());
    bench.wait();
    assert_eq!(bench.handle(refused()), ["down: connection refused"]);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let before = bench.now;
        assert_eq!(bench.wait(), ["Connect"]);
        pauses.push(bench.now.since(before).as_secs());
        assert_eq!(bench.handle(refused()), [""; 0]);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(bench.wait(), ["Connect"]);
    let other = Event::Disconnected("permission denied".into());
    assert_eq!(bench.handle(other), ["down: permission denied"]);
    bench.wait();
    bench.handle(Event::Connected);
    for packet in 1..=2 {
        bench.answered(packet, 0);
    }
    assert_eq!(bench.answered(3, 0), ["up, lost 0"]);
    // From here on it begins anew.
    assert_eq!(bench.handle(refused()), ["down: connection refused"]);
    let before = bench.now;
    bench.wait();
    assert_eq!(bench.now.since(before).as_secs(), 1);
}

#[test]
fn an_agent_that_hangs_is_given_up_wherever_it_hangs() {
    let mut bench = Bench::new(&["1.3.1"]);
    bench.wait();
    assert_eq!(bench.wait(), ["Disconnect", "down: no connection within 5 s"]);
    bench.wait();
    bench.handle(Event::Connected);
    assert_eq!(bench.wait(), ["Disconnect", "down: it does not answer within 10 s"]);
    bench.wait();
    bench.handle(Event::Connected);
    bench.answered(2, 0);
    assert_eq!(bench.wait(), ["close Timeouts", "Disconnect"]);

    let (mut bench, packet) = Bench::up(&["1.3.1"]);
    let before = bench.now;
    assert_eq!(bench.wait(), ["Ping"]);
    assert_eq!(bench.now.since(before).as_secs(), 15);
    assert_eq!(bench.answered(packet, 0), [""; 0]);
    assert_eq!(bench.wait(), ["Ping"]);
    let before = bench.now;
    assert_eq!(
        bench.wait(),
        ["close Timeouts", "Disconnect", "down: it does not answer within 10 s"]
    );
    assert_eq!(bench.now.since(before).as_secs(), 10);
    assert_eq!(bench.wait(), ["Connect"]);
}

#[test]
fn bad_answers_end_the_session_and_another_is_tried() {
    for bad in [vec![2; 20], vec![0xff; 64], {
        let mut bytes = vec![1, 6, 0, 0];
        bytes.extend([0; 12]);
        bytes.extend([4, 0, 0, 0, 9, 9, 9, 9]);
        bytes
    }] {
        let (mut bench, _) = Bench::up(&["1.3.1"]);
        let actions = bench.handle(Event::Received(bad));
        assert_eq!(actions[..2], ["close ParseError", "Disconnect"]);
        assert!(actions[2].starts_with("down: it sent"), "{actions:?}");
        assert_eq!(bench.wait(), ["Connect"]);
    }
    let mut bench = Bench::new(&["1.3.1"]);
    bench.wait();
    bench.handle(Event::Connected);
    assert_eq!(
        bench.answered(1, error::OPEN_FAILED),
        ["Disconnect", "down: it opens no session: no session is opened"]
    );
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    assert_eq!(
        bench.answered(77, error::NOT_OPEN)[..2],
        ["close ProtocolError", "Disconnect"]
    );
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    assert_eq!(
        bench.say(1, Body::Close(CloseReason::Shutdown)),
        ["Disconnect", "down: it closed the session (Shutdown)"]
    );
}

#[test]
fn a_subtree_of_somebody_else_is_asked_for_again_and_again() {
    let mut bench = Bench::new(&["1.3.1", "1.3.2"]);
    bench.wait();
    bench.handle(Event::Connected);
    bench.answered(1, 0);
    assert_eq!(
        bench.answered(2, error::DUPLICATE_REGISTRATION),
        ["refused .1.3.1", "register .1.3.2"]
    );
    bench.answered(3, 0);
    assert_eq!(bench.answered(4, 0), ["up, lost 0"]);
    assert_eq!(bench.wait(), ["register .1.3.1"]);
    assert_eq!(bench.answered(5, error::DUPLICATE_REGISTRATION), [""; 0]);
    assert_eq!(bench.wait(), ["register .1.3.1"]);
    assert_eq!(bench.answered(6, 0), ["describe .1.3.1"]);
    assert_eq!(bench.answered(7, 0), [""; 0]);
    assert_eq!(bench.wait(), ["Ping"]);
}

#[test]
fn traps_wait_for_the_session_but_not_for_long() {
    let trap = || Event::Trap {
        oid: Oid::from([1, 3, 9]),
        objects: vec![(Oid::from([1, 3, 1]), Value::Integer(1))],
    };
    let mut bench = Bench::new(&["1.3.1"]);
    assert_eq!(bench.handle(trap()), [""; 0]);
    bench.now += Duration::from_secs(6);
    bench.handle(trap());
    bench.now += Duration::from_secs(6);
    bench.handle(trap());
    bench.wait();
    bench.handle(Event::Connected);
    bench.answered(1, 0);
    bench.answered(2, 0);
    assert_eq!(bench.answered(3, 0), ["up, lost 1", "notify 2", "notify 2"]);
    assert_eq!(bench.handle(trap()), ["notify 2"]);
    // The answer to it is no news.
    assert_eq!(bench.answered(6, 0), [""; 0]);

    let mut bench = Bench::new(&["1.3.1"]);
    for _ in 0..5_000 {
        bench.handle(trap());
    }
    bench.wait();
    bench.handle(Event::Connected);
    bench.answered(1, 0);
    bench.answered(2, 0);
    let actions = bench.answered(3, 0);
    assert_eq!((actions.len(), actions[0].as_str()), (1_001, "up, lost 4000"));
}

#[test]
fn a_trap_names_itself_first_and_leaves_the_clock_to_the_master_agent() {
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    let name = (Oid::from([1, 3, 1]), Value::text("VI_1"));
    let trap = Event::Trap {
        oid: Oid::from([1, 3, 9]),
        objects: vec![name.clone()],
    };
    bench.session.handle(bench.now, trap);
    let Some(Action::Send(bytes)) = bench.session.next_action() else {
        panic!("not sent");
    };
    let Body::Notify(objects) = Pdu::decode(&bytes).unwrap().body else {
        panic!("no trap");
    };
    let expected = [
        (
            "1.3.6.1.6.3.1.1.4.1.0".parse().unwrap(),
            Value::ObjectIdentifier(Oid::from([1, 3, 9])),
        ),
        name,
    ];
    let expected = expected.map(|(name, value)| VarBind {
        name,
        content: Content::Value(value),
    });
    assert_eq!(objects, expected);
}

#[test]
fn another_configuration_is_another_session_and_the_same_is_not() {
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    assert_eq!(bench.handle(Event::Serve(Some(settings(&["1.3.1"])))), [""; 0]);
    assert_eq!(
        bench.handle(Event::Serve(Some(settings(&["1.3.2"])))),
        ["close Shutdown", "Disconnect"]
    );
    assert_eq!(bench.wait(), ["Connect"]);
    assert_eq!(bench.handle(Event::Serve(None)), ["Disconnect"]);
    assert_eq!(bench.session.next_deadline(), None);
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    assert_eq!(bench.handle(Event::Serve(None)), ["close Shutdown", "Disconnect"]);
    assert_eq!(bench.handle(Event::Disconnected("closed".into())), [""; 0]);
}

#[test]
fn what_was_tested_is_set_and_only_that() {
    let object = VarBind {
        name: Oid::from([1, 3, 1]),
        content: Content::Value(Value::Integer(9)),
    };
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    bench.say(60, Body::TestSet(vec![object.clone()]));
    bench.session.handle(bench.now, Event::DeadlineReached);
    assert_eq!(
        bench.say(61, Body::CommitSet),
        [format!("asked CommitSet({:?})", [&object])]
    );
    assert_eq!(bench.say(62, Body::CommitSet), ["asked CommitSet([])"]);
    bench.say(63, Body::TestSet(vec![object]));
    assert_eq!(bench.say(64, Body::CleanupSet), [""; 0]);
    assert_eq!(bench.say(65, Body::CommitSet), ["asked CommitSet([])"]);
    assert_eq!(bench.say(66, Body::UndoSet), ["answer 66 15"]);
}

#[test]
fn other_sessions_and_contexts_are_not_ours() {
    let (mut bench, _) = Bench::up(&["1.3.1"]);
    let mut ask = |session, context: Option<&[u8]>| {
        let pdu = Pdu {
            header: Header {
                session,
                packet: 80,
                ..Header::default()
            },
            context: context.map(<[u8]>::to_vec),
            body: Body::Get(Vec::new()),
        };
        bench.handle(Event::Received(pdu.encode()))
    };
    assert_eq!(ask(7, None), ["asked Get([])"]);
    assert_eq!(ask(7, Some(b"")), ["asked Get([])"]);
    assert_eq!(ask(7, Some(b"other")), ["answer 80 262"]);
    assert_eq!(ask(8, None), ["answer 80 257"]);
    assert_eq!(bench.say(81, Body::Ping), ["answer 81 268"]);
}

#[test]
fn a_question_is_answered_from_the_objects() {
    const COLUMNS: &[Column<i32>] = &[Column {
        number: 1,
        value: |number| Some(Value::Integer(*number)),
    }];
    let mut table = Table::new(Oid::from([1, 3]), COLUMNS);
    table.insert([1], 5);
    let ranges = || {
        vec![SearchRange {
            start: Oid::from([1, 3, 1, 1]),
            include: true,
            end: Oid::default(),
        }]
    };
    let answer = |request: Request| request.answer(&table).map(|response| response.objects.len());
    assert_eq!(answer(Request::Get(ranges())), Some(1));
    assert_eq!(answer(Request::GetNext(ranges())), Some(1));
    let bulk = Request::GetBulk {
        non_repeaters: 0,
        max_repetitions: 4,
        ranges: ranges(),
    };
    assert_eq!(answer(bulk), Some(2));
    assert_eq!(answer(Request::CommitSet(Vec::new())), None);
}
