//! What agents say of their servers, as `HAProxy`'s manual (configuration.txt, `agent-check`) describes it.

use holdfast_health::Event;
use holdfast_health::probe::{
    Administrative, AgentProbe, AgentReport, Connection, Failure, NotTried, Operating, Phase, Probe, Verdict,
};
use holdfast_health::settings::{Checker, RealServer};
use holdfast_ipvs::table::Table;

use crate::bench::{Bench, address, real, real_server, seconds, service, settings, sorry, tcp_check, virtual_server};

const RS: &str = "[198.51.100.11]:tcp:80";
const VS: &str = "[192.0.2.1]:tcp:80";

/// A server that only its agent checks, each 10 s.
fn with_agent(last: u8, weight: u32) -> RealServer {
    let check = Checker {
        probe: Probe::Agent(AgentProbe {
            connection: Connection {
                address: address(&format!("198.51.100.{last}")),
                port: 5309,
                bind_address: None,
                bind_port: 0,
                bind_interface: None,
                mark: 0,
                timeout: seconds(1),
            },
            send: Vec::new(),
            keep_if_unreachable: false,
        }),
        ..tcp_check(last)
    };
    RealServer {
        checkers: vec![check],
        ..real_server(last, weight)
    }
}

fn nothing() -> AgentReport {
    AgentReport::default()
}

fn percent(percent: u32) -> AgentReport {
    AgentReport {
        weight_percent: Some(percent),
        ..nothing()
    }
}

fn administrative(word: Administrative) -> AgentReport {
    AgentReport {
        administrative: Some(word),
        ..nothing()
    }
}

fn operating(word: Operating, description: &str) -> AgentReport {
    AgentReport {
        operating: Some(word),
        description: description.to_owned(),
        ..nothing()
    }
}

/// A machine with one such server of weight 10, whose agent has said that it is up.
fn bench() -> Bench {
    let mut bench = Bench::new(settings([virtual_server(1, vec![with_agent(11, 10)])]));
    says(&mut bench, operating(Operating::Up, ""));
    bench.transcript();
    bench
}

/// The next line of the agent.
fn says(bench: &mut Bench, report: AgentReport) {
    bench.report = Some(report);
    bench.run(seconds(10));
    bench.report = None;
}

#[test]
fn a_percentage_is_one_of_the_configured_weight() {
    let mut bench = bench();
    assert_eq!(bench.pool(1), ["11:10"]);
    says(&mut bench, percent(75));
    assert_eq!(bench.pool(1), ["11:7"]);
    assert_eq!(
        bench.transcript(),
        [
            format!("Changing weight from 10 to 7 for active service {RS} of VS {VS}"),
            format!("table {VS}"),
        ]
    );
    says(&mut bench, percent(300));
    assert_eq!(bench.pool(1), ["11:30"]);
    says(&mut bench, percent(1));
    assert_eq!(bench.pool(1), ["11:1"], "0 alone means no clients");
    says(&mut bench, percent(0));
    assert_eq!(bench.pool(1), ["11:0"]);
    says(&mut bench, operating(Operating::Up, ""));
    assert_eq!(bench.pool(1), ["11:0"], "what is not said stays");
}

#[test]
fn a_percentage_follows_a_reload() {
    let mut bench = bench();
    says(&mut bench, percent(50));
    bench.handle(Event::Reload(settings([virtual_server(1, vec![with_agent(11, 40)])])));
    assert_eq!(bench.pool(1), ["11:20"]);
}

#[test]
fn drain_and_maint_are_weight_0_and_not_down() {
    for word in [Administrative::Drain, Administrative::Maint] {
        let mut bench = bench();
        says(&mut bench, administrative(word));
        assert_eq!(bench.pool(1), ["11:0"]);
        let text = bench.transcript();
        let agent = format!("Agent of service {RS} for VS {VS} says: {}", word.word());
        assert!(text.contains(&agent), "{text:?}");
        assert!(!text.iter().any(|line| line.contains("Removing service")), "{text:?}");
        says(&mut bench, percent(80));
        assert_eq!(bench.pool(1), ["11:0"], "a weight does not end it");
        says(&mut bench, operating(Operating::Up, ""));
        assert_eq!(bench.pool(1), ["11:0"], "nor does up");
        says(&mut bench, administrative(Administrative::Ready));
        assert_eq!(bench.pool(1), ["11:8"]);
    }
}

/// No retry, although the check has one: the word counts. It stands until the agent says `up`.
#[test]
fn down_fail_and_stopped_count_at_once_with_their_reason() {
    for word in [Operating::Down, Operating::Fail, Operating::Stopped] {
        let mut bench = bench();
        says(&mut bench, operating(word, "disk full"));
        assert_eq!(bench.pool(1), Vec::<String>::new());
        let text = bench.transcript();
        let failed = format!(
            "AGENT_CHECK on service {RS} failed. (the agent says {}: disk full)",
            word.word()
        );
        assert!(text.contains(&failed), "{text:?}");
        says(&mut bench, percent(50));
        assert_eq!(
            bench.pool(1),
            Vec::<String>::new(),
            "a weight alone does not bring it back"
        );
        says(&mut bench, administrative(Administrative::Ready));
        assert_eq!(bench.pool(1), Vec::<String>::new());
        says(&mut bench, operating(Operating::Up, ""));
        assert_eq!(bench.pool(1), ["11:5"]);
    }
}

/// As other failures: tried again first, and over with the next line.
#[test]
fn an_agent_that_cannot_be_heard_is_retried() {
    let mut bench = bench();
    bench.fail_with = Some(Verdict::Failure(Failure::AgentLine("nonsense".to_owned())));
    bench.run(seconds(12));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    let failed =
        format!("AGENT_CHECK on service {RS} failed after 1 retries. (the agent's line is not understood: nonsense)");
    let text = bench.transcript();
    assert!(text.contains(&failed), "{text:?}");
    bench.fail_with = None;
    says(&mut bench, percent(100));
    assert_eq!(bench.pool(1), ["11:10"]);
}

#[test]
fn an_agent_that_may_be_unreachable_changes_nothing() {
    let mut bench = bench();
    says(&mut bench, administrative(Administrative::Drain));
    let silent = Verdict::NotTried(NotTried::Agent(Failure::Timeout(Phase::Connecting).to_string()));
    bench.fail_with = Some(silent);
    bench.transcript();
    bench.run(seconds(40));
    assert_eq!(bench.pool(1), ["11:0"]);
    let text = bench.transcript();
    let once: Vec<&String> = text
        .iter()
        .filter(|line| line.contains("no word of the agent"))
        .collect();
    assert_eq!(once.len(), 1, "{text:?}");
}

#[test]
fn maxconn_is_the_upper_threshold() {
    let thresholds = |bench: &Bench| {
        let table = bench.health.wanted();
        let destination = table.services[&service(1)].destinations[&real(11)];
        (destination.upper_threshold, destination.lower_threshold)
    };
    let most = |max_connections| AgentReport {
        max_connections: Some(max_connections),
        ..nothing()
    };
    let mut server = with_agent(11, 10);
    server.destination.upper_threshold = 100;
    server.destination.lower_threshold = 60;
    let mut bench = Bench::new(settings([virtual_server(1, vec![server])]));
    says(&mut bench, nothing());
    assert_eq!(thresholds(&bench), (100, 60));
    bench.transcript();
    says(&mut bench, most(30));
    assert_eq!(thresholds(&bench), (30, 30));
    let said = format!("Agent of service {RS} for VS {VS} says: maxconn:30");
    assert_eq!(bench.transcript(), [said, format!("table {VS}")]);
    says(&mut bench, nothing());
    assert_eq!(thresholds(&bench), (30, 30));
    says(&mut bench, most(0));
    assert_eq!(thresholds(&bench), (0, 0), "no limit");
}

#[test]
fn servers_that_drain_do_not_make_a_quorum() {
    let mut server = virtual_server(1, vec![with_agent(11, 10)]);
    server.sorry_server = Some(sorry(99));
    let mut bench = Bench::new(settings([server]));
    says(&mut bench, administrative(Administrative::Drain));
    assert_eq!(bench.pool(1), ["99:1"]);
    says(&mut bench, administrative(Administrative::Ready));
    assert_eq!(bench.pool(1), ["11:10"]);
}

/// Another check of the same server has its say, and an agent's `up` does not outdo it.
#[test]
fn other_checks_count_too() {
    let mut server = with_agent(11, 10);
    server.checkers.push(tcp_check(12));
    let mut bench = Bench::new(settings([virtual_server(1, vec![server])]));
    says(&mut bench, operating(Operating::Up, ""));
    assert_eq!(bench.pool(1), ["11:10"]);
    bench.kill(12);
    says(&mut bench, operating(Operating::Up, ""));
    says(&mut bench, operating(Operating::Up, ""));
    assert_eq!(bench.pool(1), Vec::<String>::new());
}

/// A checker process that comes back finds a server with weight 0, as only one that drained is there without
/// `inhibit_on_failure`: it goes on draining until its agent has spoken.
#[test]
fn a_server_that_drained_goes_on_draining_in_the_next_process() {
    let mut bench = bench();
    says(&mut bench, administrative(Administrative::Drain));
    let left: Table = bench.health.wanted();
    let mut next = Bench::with_kernel(
        settings([virtual_server(1, vec![with_agent(11, 10)])]),
        left.clone(),
        Some(&left),
    );
    assert_eq!(next.pool(1), ["11:0"]);
    says(&mut next, percent(100));
    assert_eq!(next.pool(1), ["11:10"]);
}
