//! Two runs side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Scenario, Step, Transcript};
use crate::pair::LATENESS;

/// The rows of the differences that were seen.
///
/// # Errors
/// Something differs that is not documented.
pub(super) fn compare(scenario: &Scenario, control: &Transcript, subject: &Transcript) -> Result<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut unknown = Vec::new();
    for (side, line) in different_lines(control, subject) {
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
fn different_lines<'a>(control: &'a Transcript, subject: &'a Transcript) -> Vec<(char, &'a str)> {
    let mut balance: BTreeMap<&str, i32> = BTreeMap::new();
    for line in &control.lines {
        *balance.entry(line).or_default() -= 1;
    }
    for line in &subject.lines {
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
    use super::super::{Act, Company, Difference, Until};
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
    fn times_are_compared() {
        let [short, long] = [1, 2].map(|seconds| transcript(&[], Some(Duration::from_secs(seconds))));
        let never = transcript(&[], None);
        assert!(compare(&scenario(Vec::new()), &short, &short).is_ok());
        assert!(compare(&scenario(Vec::new()), &short, &long).is_err());
        assert!(compare(&scenario(Vec::new()), &short, &never).is_err());
    }
}
