//! Figures that tests measure, for people to read.

use std::io::Write;

/// How a line with a figure begins in a test's output.
pub const MARK: &str = "figure: ";

/// Prints a figure past the test runner, which keeps what passing tests print to itself.
pub fn report(what: &str, value: f64, unit: &str) {
    // A figure that cannot be printed is no reason to fail.
    let _ = writeln!(std::io::stderr(), "\n{MARK}{what}: {value:.1} {unit}");
}
