//! `cargo xtask demo`: a director pair under load in a guest, to look at.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use bed::guest::GuestCommand;

use crate::packages;

/// How the line with the record begins.
const RECORD_MARK: &[u8] = b"demo-record: ";

/// Tells the demonstration that somebody watches on a terminal.
const SCREEN_VARIABLE: &str = "HOLDFAST_DEMO_SCREEN";

pub(crate) fn run(record: Option<&Path>) -> Result<ExitCode> {
    packages::BUILD.install()?;
    packages::GUEST.install()?;
    let program = build()?;
    println!("starting a guest with two directors, two web servers, a sorry server and a client");
    let mut command = GuestCommand::new([program.to_string_lossy()])?;
    let watched = io::stdout().is_terminal();
    if watched {
        command.environment.push((SCREEN_VARIABLE.to_owned(), "1".to_owned()));
    }
    let mut output = Recorded::default();
    let report = command.run(&mut output)?;
    output.finish()?;
    if let Some(path) = record {
        ensure!(!output.record.is_empty(), "the demonstration left no record");
        fs::write(path, &output.record).with_context(|| format!("writing {}", path.display()))?;
        println!("recorded in {}", path.display());
    }
    Ok(ExitCode::from(u8::try_from(report.status).unwrap_or(1)))
}

/// Builds the director and the demonstration; returns the demonstration's program.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--package", "holdfast", "--package", "holdfast-tests"])
        .args(["--bin", "holdfast", "--example", "demo"])
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "the build failed");
    let target = bed::guest::cache_directory()?.join("..");
    Ok(target.join("debug/examples/demo").canonicalize()?)
}

/// Passes output on as it comes, but keeps the record to itself.
#[derive(Default)]
struct Recorded {
    /// The beginning of a line that might become the record's.
    held: Vec<u8>,
    record: Vec<u8>,
    at_line_start: bool,
    in_record: bool,
    started: bool,
}

impl Recorded {
    /// Passes on what was held back.
    fn finish(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        io::stdout().write_all(&held)?;
        io::stdout().flush()
    }

    fn take(&mut self, byte: u8, passed: &mut Vec<u8>) {
        if self.in_record {
            self.in_record = byte != b'\n';
            self.at_line_start = !self.in_record;
            self.record.push(byte);
            return;
        }
        if self.at_line_start || !self.started {
            self.held.push(byte);
            if self.held == RECORD_MARK {
                self.held.clear();
                self.in_record = true;
                return;
            }
            if RECORD_MARK.starts_with(&self.held) {
                return;
            }
            passed.append(&mut self.held);
        } else {
            passed.push(byte);
        }
        self.started = true;
        self.at_line_start = byte == b'\n';
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.take(*byte, &mut passed);
        }
        io::stdout().write_all(&passed)?;
        io::stdout().flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_kept_and_the_rest_passed_on() {
        let mut recorded = Recorded::default();
        let mut passed = Vec::new();
        for byte in b"demo\nx demo-record: no\ndemo-record: {\"a\":1}\nlast demo-rec" {
            recorded.take(*byte, &mut passed);
        }
        assert_eq!(recorded.record, b"{\"a\":1}\n");
        passed.append(&mut recorded.held);
        assert_eq!(passed, b"demo\nx demo-record: no\nlast demo-rec");
    }
}
