//! `EXPECT_CHECK` and `AGENT_CHECK`.

use holdfast_conf::config;
use holdfast_health::probe::{AgentProbe, Connection, ExpectProbe, ExpectStep, Pattern};

use super::{masked, tls};

pub(super) fn expect_probe(connection: Connection, expect: &config::ExpectCheck) -> ExpectProbe {
    ExpectProbe {
        connection,
        tls: tls(&expect.sni, &expect.verify),
        tls_at_start: expect.tls,
        steps: expect.steps.iter().map(step).collect(),
    }
}

fn step(step: &config::ExpectStep) -> ExpectStep {
    ExpectStep::Expect(match step {
        config::ExpectStep::Send(bytes) => return ExpectStep::Send(bytes.clone()),
        config::ExpectStep::StartTls => return ExpectStep::StartTls,
        config::ExpectStep::Contains(bytes) => Pattern::Contains(bytes.clone()),
        config::ExpectStep::Start(bytes) => Pattern::Start(bytes.clone()),
        config::ExpectStep::Masked(bytes) => Pattern::Masked(masked(bytes)),
        config::ExpectStep::Regex(regex) => Pattern::Regex(regex.clone()),
    })
}

pub(super) fn agent_probe(connection: Connection, agent: &config::AgentCheck) -> AgentProbe {
    AgentProbe {
        connection,
        send: agent.send.clone(),
        keep_if_unreachable: agent.keep_if_unreachable,
    }
}
