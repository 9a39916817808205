//! Two runs side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Company, Scenario, Step, Transcript};
use crate::pair::LATENESS;

/// The rows of the differences that were seen.
///
/// # Errors
/// Something differs that is not documented.
pub(super) fn compare(scenario: &Scenario, control: &Transcript, subject: &Transcript) -> Result<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut unknown = Vec::new();
    let lines = |transcript: &Transcript| -> Vec<String> {
        let lines = transcript.lines.iter().cloned();
        match scenario.company {
            Company::Nobody => lines.map(|line| without_flaps(&line)).collect(),
            Company::All | Company::ThisMachine => lines.collect(),
        }
    };
    let (control_lines, subject_lines) = (lines(control), lines(subject));
    for (side, line) in different_lines(&control_lines, &subject_lines) {
        let known = scenario.differences.iter().find(|known| line.contains(known.lines));
        match known {
            Some(known) if !rows.contains(&known.row) => rows.push(known.row),
            Some(_) => {}
            None => unknown.push(format!("{side} {line}")),
        }
    }
    let times = control.times.iter().zip(&subject.times);
    let stalls = control.stalls.iter().zip(&subject.stalls);
    for (number, (step, ((left, right), (one, other)))) in scenario.steps.iter().zip(times.zip(stalls)).enumerate() {
        unknown.extend(different_time(number + 1, step, (*left, *right), *one + *other));
    }
    ensure!(
        unknown.is_empty(),
        "differs from keepalived (- keepalived alone, + here):\n{}",
        unknown.join("\n")
    );
    Ok(rows)
}

/// Where a master may be silent for a few milliseconds only, any stall of the machine makes one more takeover, with keepalived
/// alone, too. That each step ends with the right master is looked at after it.
fn without_flaps(line: &str) -> String {
    let mut line = line.to_owned();
    while line.starts_with("states of ") && line.contains(", MASTER, BACKUP, MASTER") {
        line = line.replacen(", MASTER, BACKUP, MASTER", ", MASTER", 1);
    }
    line
}

type Time = Option<Duration>;

fn different_time(number: usize, step: &Step, times: (Time, Time), stalls: Duration) -> Option<String> {
    let (left, right) = match times {
        (Some(left), Some(right)) => (left, right),
        (None, None) => return None,
        _ => return Some(format!("step {number} ({}): took {times:?}", step.act)),
    };
    let limit = LATENESS + step.slack + stalls;
    (left.abs_diff(right) > limit).then(|| {
        format!(
            "step {number} ({}): took {:.3} s with keepalived alone and {:.3} s here",
            step.act,
            left.as_secs_f64(),
            right.as_secs_f64()
        )
    })
}

/// Lines that only one of the two has, or has more often.
fn different_lines<'a>(control: &'a [String], subject: &'a [String]) -> Vec<(char, &'a str)> {
    let mut balance: BTreeMap<&str, i32> = BTreeMap::new();
    for line in control {
        *balance.entry(line).or_default() -= 1;
    }
    for line in subject {
        *balance.entry(line).or_default() += 1;
    }
    balance
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(line, count)| (if count < 0 { '-' } else { '+' }, line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Act, Difference, Until};
    use super::*;

    fn scenario(differences: Vec<Difference>) -> Scenario {
        Scenario {
            name: "test",
            configurations: Vec::new(),
            held: Vec::new(),
            interval: Duration::from_secs(1),
            steps: vec![Step::new(Act::Nothing, Until::Nobody)],
            company: Company::All,
            counts_announcements: false,
            compares_routing: false,
            differences,
        }
    }

    fn transcript(lines: &[&str], time: Option<Duration>) -> Transcript {
        Transcript {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            times: vec![time],
            stalls: vec![Duration::ZERO],
            logs: String::new(),
        }
    }

    #[test]
    fn only_documented_differences_pass() {
        let control = transcript(&["a", "b one"], None);
        let subject = transcript(&["a", "b two"], None);
        assert!(compare(&scenario(Vec::new()), &control, &subject).is_err());
        let known = Difference {
            lines: "b ",
            row: "why",
        };
        assert_eq!(compare(&scenario(vec![known]), &control, &subject).unwrap(), ["why"]);
        assert!(compare(&scenario(vec![known]), &control, &control).unwrap().is_empty());
        let more = transcript(&["a", "a", "b one"], None);
        assert!(compare(&scenario(vec![known]), &control, &more).is_err());
    }

    #[test]
    fn takeovers_that_a_stall_makes_are_not_compared_where_milliseconds_count() {
        let [once, twice] = ["", "BACKUP, MASTER, "].map(|more| {
            let line = format!("states of second, VI_1: {more}BACKUP, MASTER");
            transcript(&[&line], None)
        });
        let never = transcript(&["states of second, VI_1: BACKUP"], None);
        let mut scenario = scenario(Vec::new());
        assert!(compare(&scenario, &once, &twice).is_err());
        scenario.company = Company::Nobody;
        assert!(compare(&scenario, &once, &twice).is_ok());
        assert!(compare(&scenario, &once, &never).is_err());
    }

    #[test]
    fn times_are_compared() {
        let [short, long] = [1, 2].map(|seconds| transcript(&[], Some(Duration::from_secs(seconds))));
        let never = transcript(&[], None);
        assert!(compare(&scenario(Vec::new()), &short, &short).is_ok());
        assert!(compare(&scenario(Vec::new()), &short, &long).is_err());
        assert!(compare(&scenario(Vec::new()), &short, &never).is_err());
    }
}
