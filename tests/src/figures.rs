//! Figures that tests measure, for people to read.

use std::io::Write;
use std::time::Duration;

use crate::daemon::Software;

/// How a line with a figure begins in a test's output.
pub const MARK: &str = "figure: ";

/// Prints a figure past the test runner, which keeps what passing tests print to itself.
pub fn report(what: &str, value: f64, unit: &str) {
    report_text(&format!("{what}: {value:.1} {unit}"));
}

/// Prints something that is no number, in the same way.
pub fn report_text(text: &str) {
    // A figure that cannot be printed is no reason to fail.
    let _ = writeln!(std::io::stderr(), "\n{MARK}{text}");
}

/// Prints the median of several rounds, and how far they are apart.
pub fn report_rounds(what: &str, rounds: &[f64], unit: &str) {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most), Some(median)) = (sorted.first(), sorted.last(), sorted.get(sorted.len() / 2)) else {
        return;
    };
    report(
        &format!("{what} (median of {}, {least:.1} to {most:.1})", rounds.len()),
        *median,
        unit,
    );
}

/// Figures of both programs, side by side: a row has one of each.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Row {
    what: String,
    unit: &'static str,
    keepalived: Option<f64>,
    holdfast: Option<f64>,
}

impl Table {
    /// Enters a figure.
    pub fn enter(&mut self, what: &str, unit: &'static str, software: Software, value: f64) {
        println!("{software}: {what}: {value:.3} {unit}");
        let position = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            self.rows.push(Row {
                what: what.to_owned(),
                unit,
                keepalived: None,
                holdfast: None,
            });
            self.rows.len() - 1
        });
        if let Some(row) = self.rows.get_mut(position) {
            match software {
                Software::Keepalived => row.keepalived = Some(value),
                Software::Holdfast => row.holdfast = Some(value),
            }
        }
    }

    /// Enters the median and the greatest of several figures in milliseconds.
    pub fn enter_ms(&mut self, what: &str, software: Software, figures: &[f64]) {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        if let (Some(median), Some(most)) = (sorted.get(sorted.len() / 2), sorted.last()) {
            self.enter(&format!("{what}, median"), "ms", software, *median);
            self.enter(&format!("{what}, greatest"), "ms", software, *most);
        }
    }

    /// Enters something that only one of them has, or neither.
    pub fn note(&mut self, text: &str) {
        println!("{text}");
        self.notes.push(text.to_owned());
    }

    /// Prints all rows, as figures that the caller of this program collects.
    pub fn print(&self) {
        let width = self.rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
        println!("{MARK}{:width$}  keepalived    holdfast", "");
        for row in &self.rows {
            let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
            println!(
                "{MARK}{:width$}  {:>10}  {:>10} {}",
                row.what,
                shown(row.keepalived),
                shown(row.holdfast),
                row.unit
            );
        }
        for note in &self.notes {
            println!("{MARK}{note}");
        }
    }
}

/// In milliseconds.
pub fn ms(length: Duration) -> f64 {
    length.as_secs_f64() * 1e3
}

/// The figure that so much of `sorted` lies below, from 0 (the least) to 1 (the greatest); not a number when there are none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // far below 2^52
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
}
