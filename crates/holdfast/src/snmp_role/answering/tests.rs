use std::os::unix::net::UnixStream;
use std::path::Path;

use holdfast_agentx::Oid;
use holdfast_agentx::pdu::Content;
use holdfast_conf::{LoadOptions, MemoryLoader};

use super::*;
use crate::ipc::ToSnmp;
use crate::plan::snmp::{SnmpOptions, SnmpPlan};

/// KEEPALIVED-MIB: `routerId`, which nobody has to be asked for.
const ROUTER_ID: [u32; 12] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 1, 2, 0];

/// And `vrrpInstanceName` of the first instance.
const NAME: [u32; 14] = [1, 3, 6, 1, 4, 1, 9586, 100, 5, 2, 3, 1, 2, 1];

struct Bench {
    answering: Answering,
    asked: ipc::Receiver<FromSnmp>,
    packet: u32,
}

fn at(ms: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(1_000) + Duration::from_millis(ms)
}

fn plan() -> SnmpPlan {
    let text = "global_defs {\nrouter_id r\nenable_snmp_vrrp\nenable_snmp_checker\n}\n\
                vrrp_instance VI_1 {\ninterface lo\nvirtual_router_id 1\n}\n";
    let loader = MemoryLoader::new().with("/k.conf", text);
    let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
    SnmpPlan::from_config(&config, &SnmpOptions::default(), None).0.unwrap()
}

impl Bench {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (supervisor, _) = ipc::channel::<FromSnmp, ToSnmp>(ours).unwrap();
        let (_, asked) = ipc::channel::<ToSnmp, FromSnmp>(theirs).unwrap();
        let mut answering = Answering::new(supervisor);
        answering.configure(Some(Objects::new(plan())));
        Self {
            answering,
            asked,
            packet: 0,
        }
    }

    /// Asks for a value; returns the numbers and errors of the questions that are answered now.
    fn get(&mut self, now: Timestamp, oid: impl Into<Oid>) -> Vec<(u32, u16)> {
        self.packet += 1;
        let range = SearchRange {
            start: oid.into(),
            include: true,
            end: Oid::default(),
        };
        let header = Header {
            packet: self.packet,
            ..Header::default()
        };
        let request = Request::Get(vec![range]);
        self.answering.ask(now, Question { header, request });
        self.answers()
    }

    fn answers(&mut self) -> Vec<(u32, u16)> {
        let all = std::iter::from_fn(|| self.answering.next_answer());
        all.map(|(header, response)| (header.packet, response.error)).collect()
    }

    /// How often the supervisor was asked for something since the last time.
    async fn questions(&mut self) -> usize {
        self.answering.supervisor.flush().await;
        let mut asked = 0;
        while let Ok(message) = tokio::time::timeout(Duration::from_millis(20), self.asked.receive()).await {
            assert!(matches!(message, Ok(Some(FromSnmp::Ask(Source::Vrrp)))), "{message:?}");
            asked += 1;
        }
        asked
    }
}

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(test);
}

#[test]
fn what_the_file_says_is_answered_at_once() {
    run(async {
        let mut bench = Bench::new();
        assert_eq!(bench.get(at(0), ROUTER_ID), [(1, 0)]);
        assert_eq!(bench.questions().await, 0);
        bench.answering.configure(None);
        assert_eq!(bench.get(at(0), ROUTER_ID), [(2, GENERAL_ERROR)]);
    });
}

#[test]
fn live_state_is_asked_for_once_and_good_for_a_second() {
    run(async {
        let mut bench = Bench::new();
        assert_eq!(bench.get(at(0), NAME), []);
        // In the order of the questions.
        assert_eq!(bench.get(at(10), ROUTER_ID), []);
        assert_eq!(bench.get(at(20), NAME), []);
        assert_eq!(bench.questions().await, 1);
        bench.answering.adopt_vrrp(at(100), VrrpSnapshot::default());
        assert_eq!(bench.answers(), [(1, 0), (2, 0), (3, 0)]);
        assert_eq!(bench.get(at(1_099), NAME), [(4, 0)]);
        assert_eq!(bench.questions().await, 0);
        assert_eq!(bench.get(at(1_100), NAME), []);
        assert_eq!(bench.questions().await, 1);
    });
}

#[test]
fn a_process_that_does_not_answer_holds_nobody_up_for_long() {
    run(async {
        let mut bench = Bench::new();
        assert_eq!(bench.get(at(0), NAME), []);
        assert_eq!(bench.answering.next_deadline(), Some(at(400)));
        bench.answering.deadline(at(399));
        assert_eq!(bench.answers(), []);
        bench.answering.deadline(at(400));
        assert_eq!(bench.answers(), [(1, 0)]);
        assert_eq!(bench.answering.next_deadline(), None);
        assert_eq!(bench.get(at(401), NAME), [(2, 0)]);
        assert_eq!(bench.questions().await, 1);
        // It is asked again after a while, and waited for.
        assert_eq!(bench.get(at(5_000), NAME), []);
        assert_eq!(bench.questions().await, 1);
        bench.answering.unavailable(at(5_010), Source::Vrrp);
        assert_eq!(bench.answers(), [(3, 0)]);
    });
}

#[test]
fn what_was_heard_long_ago_is_not_shown_any_more() {
    run(async {
        let mut bench = Bench::new();
        bench.answering.adopt_vrrp(at(0), VrrpSnapshot::default());
        let has_live = |bench: &Bench| bench.answering.objects().is_some_and(Objects::has_vrrp_state);
        assert_eq!(bench.get(at(20_000), NAME), []);
        bench.answering.deadline(at(20_400));
        assert_eq!(bench.answers(), [(1, 0)]);
        assert!(has_live(&bench));
        assert_eq!(bench.get(at(29_999), NAME), []);
        bench.answering.deadline(at(30_399));
        assert_eq!(bench.answers(), [(2, 0)]);
        assert!(!has_live(&bench));
    });
}

#[test]
fn questions_do_not_pile_up_without_bound() {
    run(async {
        let mut bench = Bench::new();
        for _ in 0..MOST_WAITING {
            assert_eq!(bench.get(at(0), NAME), []);
        }
        assert_eq!(bench.get(at(0), NAME), [(257, GENERAL_ERROR)]);
        bench.answering.deadline(at(400));
        assert_eq!(bench.answers().len(), MOST_WAITING);
    });
}

#[test]
fn an_object_that_is_not_there_is_said_to_be_so() {
    run(async {
        let mut bench = Bench::new();
        let header = Header::default();
        let range = SearchRange {
            start: Oid::from([1, 3]),
            include: true,
            end: Oid::default(),
        };
        let request = Request::Get(vec![range]);
        bench.answering.ask(at(0), Question { header, request });
        let (_, response) = bench.answering.next_answer().unwrap();
        assert_eq!(response.objects[0].content, Content::NoSuchInstance);
    });
}
