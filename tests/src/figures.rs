//! Figures that tests measure, for people to read.

use std::io::Write;

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
