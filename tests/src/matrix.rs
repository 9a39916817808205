//! The interoperation matrix: one scenario with keepalived in every role, which is the control, and then with Holdfast in
//! each role in turn. What can be observed from outside must be the same, or be a difference that is documented.
//!
//! A scenario is data: a configuration for each node, steps, and the documented differences. All runs of a scenario go on
//! at the same time, each in a network of its own, unless it says otherwise.

mod compare;
mod instance;
mod run;
mod transcript;

use std::fmt;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::daemon::Software;
use crate::figures;

pub use instance::{INTERVAL, Instance, V4, V6, address, life, scenario, start, two};
pub use transcript::Transcript;

/// Names of the nodes, the best director first.
pub const NODES: [&str; 3] = ["first", "second", "third"];

/// The LANs: every node has `eth0` on the one and `eth1` on the other.
pub const LANS: [&str; 2] = ["lan", "side"];

/// A case of the matrix.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// As the table shows it.
    pub name: &'static str,
    /// A configuration for each node.
    pub configurations: Vec<String>,
    /// The addresses that tell who is master: whoever is, holds them all.
    pub held: Vec<IpAddr>,
    /// The advertisement interval of all.
    pub interval: Duration,
    /// What happens.
    pub steps: Vec<Step>,
    /// What else goes on while a run does.
    pub company: Company,
    /// Whether the number and the moments of announcements are compared, too. They are certain only without a conflict.
    pub counts_announcements: bool,
    /// Whether routes and rules are compared, too.
    pub compares_routing: bool,
    /// What differs, and is documented.
    pub differences: Vec<Difference>,
}

/// What else goes on while a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// All runs of all scenarios, each in a network of its own.
    All,
    /// Nothing: a namespace waits for what the kernel does in others, longer than a master may be silent here.
    Nobody,
    /// No other run of the scenario, as the first node is this machine itself, for what the kernel does only there. It belongs
    /// into a guest.
    ThisMachine,
}

/// Something happens, and then is waited for something.
#[derive(Debug, Clone)]
pub struct Step {
    /// What happens.
    pub act: Act,
    /// What is waited for.
    pub until: Until,
    /// How much the time that it takes may vary from one run to the next, besides the lateness of the machine.
    pub slack: Duration,
}

/// What may happen. Nodes are numbered as in [`NODES`].
#[derive(Debug, Clone)]
pub enum Act {
    /// A director is started.
    Start(usize),
    /// Its processes are killed at once; its addresses stay.
    Kill(usize),
    /// It is asked to stop.
    Stop(usize),
    /// It is given another configuration.
    Reload(usize, String),
    /// The cable of an interface is pulled.
    Pull(usize, &'static str),
    /// A pulled cable is put back.
    PutBack(usize, &'static str),
    /// A file of the node gets this content, at once.
    Write(usize, &'static str, String),
    /// A file of the node is removed.
    Remove(usize, &'static str),
    /// A program runs in the node, to its end.
    Run(usize, &'static [&'static str]),
    /// Nothing.
    Nothing,
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// This node speaks and holds the addresses, alone.
    Master(usize),
    /// Nobody holds an address.
    Nobody,
    /// This time is over, whatever happens.
    Passed(Duration),
}

/// A difference between Holdfast and keepalived that users are told of.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// What every line of a transcript that differs because of it contains.
    pub lines: &'static str,
    /// Words of its row in `docs/compatibility.md`.
    pub row: &'static str,
}

/// The page with the rows.
const COMPATIBILITY: &str = include_str!("../../docs/compatibility.md");

impl Step {
    /// A step whose time is determined by the protocol alone.
    pub fn new(act: Act, until: Until) -> Self {
        Self {
            act,
            until,
            slack: Duration::ZERO,
        }
    }

    /// The same step with a time that varies.
    #[must_use]
    pub fn slack(mut self, slack: Duration) -> Self {
        self.slack = slack;
        self
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |node: &usize| NODES.get(*node).copied().unwrap_or("?");
        match self {
            Self::Start(node) => write!(f, "start {}", name(node)),
            Self::Kill(node) => write!(f, "kill {}", name(node)),
            Self::Stop(node) => write!(f, "stop {}", name(node)),
            Self::Reload(node, _) => write!(f, "reload {}", name(node)),
            Self::Pull(node, interface) => write!(f, "pull {interface} of {}", name(node)),
            Self::PutBack(node, interface) => write!(f, "put back {interface} of {}", name(node)),
            Self::Write(node, path, _) => write!(f, "write {path} of {}", name(node)),
            Self::Remove(node, path) => write!(f, "remove {path} of {}", name(node)),
            Self::Run(node, line) => write!(f, "run {} in {}", line.join(" "), name(node)),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

/// Who runs what, the best director first.
type Roles = Vec<Software>;

/// keepalived everywhere; Holdfast in one place each; Holdfast everywhere.
fn roles(nodes: usize) -> Vec<Roles> {
    let mut all = vec![vec![Software::Keepalived; nodes]];
    for place in 0..nodes {
        let runs = |node| {
            if node == place {
                Software::Holdfast
            } else {
                Software::Keepalived
            }
        };
        all.push((0..nodes).map(runs).collect());
    }
    all.push(vec![Software::Holdfast; nodes]);
    all.dedup();
    all
}

fn shown(roles: &[Software]) -> String {
    roles.iter().map(Software::to_string).collect::<Vec<_>>().join("/")
}

/// Runs a scenario in all roles and compares; the rows of the table go past the test runner.
///
/// # Errors
/// keepalived itself does not get through the scenario, or a role does not, or something differs that is not documented.
pub fn check(scenario: &Scenario) -> Result<()> {
    for Difference { row, .. } in &scenario.differences {
        ensure!(
            COMPATIBILITY.contains(row),
            "docs/compatibility.md says nothing of {row:?}"
        );
    }
    let roles = roles(scenario.configurations.len());
    let is_alone = scenario.company == Company::Nobody;
    let _alone = is_alone.then(|| TURNS.write().unwrap_or_else(PoisonError::into_inner));
    let _shared = (!is_alone).then(|| TURNS.read().unwrap_or_else(PoisonError::into_inner));
    let mut outcomes = run_all(scenario, &roles);

    let control = outcomes.remove(0).context("the control, keepalived alone")?;
    println!("--- {}, the control:\n{control}---", scenario.name);
    let mut problems = Vec::new();
    for (roles, outcome) in roles.iter().skip(1).zip(outcomes) {
        let verdict = outcome
            .and_then(|subject| compare::compare(scenario, &control, &subject).with_context(|| subject.logs.clone()));
        let told = match &verdict {
            Ok(rows) if rows.is_empty() => "same".to_owned(),
            Ok(rows) => format!("differs (documented: {})", rows.join("; ")),
            Err(problem) => {
                problems.push(format!("{}: {problem:#}", shown(roles)));
                "DIFFERS".to_owned()
            }
        };
        figures::report_text(&format!("matrix: {:<34} {:<32} {told}", scenario.name, shown(roles)));
    }
    ensure!(problems.is_empty(), "{}: {}", scenario.name, problems.join("\n"));
    Ok(())
}

/// Held while a scenario runs.
static TURNS: RwLock<()> = RwLock::new(());

/// In the order of the roles.
fn run_all(scenario: &Scenario, roles: &[Roles]) -> Vec<Result<Transcript>> {
    if scenario.company != Company::All {
        return roles.iter().map(|roles| run::run(scenario, roles)).collect();
    }
    std::thread::scope(|scope| {
        let start = |roles: &Roles| {
            let roles = roles.clone();
            scope.spawn(move || run::run(scenario, &roles))
        };
        let threads: Vec<_> = roles.iter().map(start).collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, Result<Transcript>>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the run panicked")))
        };
        threads.into_iter().map(ended).collect()
    })
}
