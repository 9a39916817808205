//! What an agent has said of its server, over all its lines.
//!
//! What a line does not mention stays as the last line left it. One word is enough: `down` is not tried again, and `up` or the
//! next line without such a word after it brings the server back as far as the agent goes. A server that drains has the
//! weight 0, whatever other checks ask for; else the percentage adds a difference like other weights do. The smallest number of
//! connections that any agent names takes the place of `uthreshold`.

use super::check::Check;
use super::pool::RealServer;
use crate::messages::{Member, Message};
use crate::probe::{Administrative, AgentReport, Failure, Operating, Outcome, Verdict};

/// What is known from an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    weight_percent: Option<u32>,
    max_connections: Option<u32>,
    administrative: Administrative,
    /// Its word that the server does not work, with what it said of it.
    down: Option<(Operating, String)>,
}

/// What a line changed that is not told elsewhere.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Other words than until now.
    said: Option<String>,
    /// Another number of connections.
    pub(super) limit_changed: bool,
}

impl Agent {
    /// Takes in a line.
    fn take(&mut self, report: &AgentReport) -> Heard {
        let before = (self.administrative, self.max_connections);
        self.weight_percent = report.weight_percent.or(self.weight_percent);
        self.max_connections = report.max_connections.or(self.max_connections);
        self.administrative = report.administrative.unwrap_or(self.administrative);
        match report.operating {
            Some(Operating::Up) => self.down = None,
            Some(word) => self.down = Some((word, report.description.clone())),
            None => {}
        }
        Heard {
            said: (before != (self.administrative, self.max_connections)).then(|| report.to_string()),
            limit_changed: before.1 != self.max_connections,
        }
    }

    const fn drains(&self) -> bool {
        !matches!(self.administrative, Administrative::Ready)
    }

    /// How much it adds to this weight. A percentage takes a server out with 0 alone: less than 1 is rounded up to it.
    fn difference(&self, configured: i64) -> i64 {
        let Some(percent) = self.weight_percent else { return 0 };
        let share = configured.saturating_mul(percent.into()) / 100;
        let least = i64::from(percent > 0 && configured > 0);
        share.max(least).saturating_sub(configured)
    }
}

impl Heard {
    /// What the log has to say of it.
    pub(super) fn message(&mut self, member: &Member) -> Option<Message> {
        let said = self.said.take()?;
        Some(Message::AgentSays {
            member: member.clone(),
            said,
        })
    }
}

impl Check {
    /// Takes in what an agent said, and makes its word that the server does not work the verdict.
    pub(super) fn hear(&mut self, outcome: &mut Outcome) -> Heard {
        let (Some(agent), Some(report)) = (&mut self.agent, outcome.agent.take()) else {
            return Heard::default();
        };
        let heard = agent.take(&report);
        if let Some((word, description)) = &agent.down {
            outcome.verdict = Verdict::Failure(Failure::Agent {
                word: *word,
                description: description.clone(),
            });
        }
        heard
    }
}

impl RealServer {
    fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.checks.iter().filter_map(|check| check.agent.as_deref())
    }

    /// Whether an agent wants no new clients for it.
    pub(super) fn drains(&self) -> bool {
        self.agents().any(Agent::drains)
    }

    /// How much its agents add to this weight.
    pub(super) fn difference_of_agents(&self, configured: i64) -> i64 {
        let differences = self.agents().map(|agent| agent.difference(configured));
        differences.fold(0, i64::saturating_add)
    }

    /// `uthreshold` and `lthreshold`, with what agents say; 0: no limit.
    pub(super) fn thresholds(&self) -> (u32, u32) {
        let configured = (self.destination.upper_threshold, self.destination.lower_threshold);
        let said = self.agents().filter_map(|agent| agent.max_connections);
        match said.min_by_key(|most| if *most == 0 { u32::MAX } else { *most }) {
            Some(0) => (0, 0),
            Some(upper) => (upper, configured.1.min(upper)),
            None => configured,
        }
    }
}
