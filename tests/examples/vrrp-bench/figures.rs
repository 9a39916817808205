//! Figures of both programs, side by side.

use std::time::Duration;

use bed::daemon::Software;
use bed::figures::MARK;

/// A row has one figure of each program.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
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
    }
}

/// In milliseconds.
pub fn ms(length: Duration) -> f64 {
    length.as_secs_f64() * 1e3
}
