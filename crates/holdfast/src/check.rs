//! Checking a configuration without running it: `-t` in keepalived's one-line form, `holdfast check` drawn.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use holdfast_conf::{FileLoader, Loaded, load};

use crate::EXIT_FAILURE;
use crate::cli::Arguments;
use crate::supervisor::load_options;

/// `-t`: a line for each finding on standard error or in a file; keepalived's exit status.
pub fn one_line(arguments: &Arguments, log_file: Option<&Path>) -> ExitCode {
    let loaded = load(
        &FileLoader,
        &arguments.config_file,
        &load_options(arguments.config_id.as_deref()),
    );
    let written = match log_file {
        None => write_lines(&mut std::io::stderr().lock(), &loaded),
        Some(path) => OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| write_lines(&mut file, &loaded)),
    };
    if let Err(error) = written {
        eprintln!("holdfast: cannot write the findings: {error}");
        return ExitCode::from(EXIT_FAILURE);
    }
    ExitCode::from(loaded.exit_code())
}

fn write_lines(out: &mut dyn Write, loaded: &Loaded) -> std::io::Result<()> {
    loaded
        .diagnostics
        .iter()
        .try_for_each(|diagnostic| writeln!(out, "{}", diagnostic.one_line(&loaded.sources)))
}

/// `holdfast check`: each finding with its place in the file.
pub fn drawn(file: &Path, config_id: Option<&str>) -> ExitCode {
    let loaded = load(&FileLoader, file, &load_options(config_id));
    let color = std::io::stdout().is_terminal();
    for diagnostic in &loaded.diagnostics {
        println!("{}\n", diagnostic.drawn(&loaded.sources, color));
    }
    let errors = loaded.has_errors();
    println!("{}: {}", file.display(), summary(&loaded));
    ExitCode::from(u8::from(errors))
}

fn summary(loaded: &Loaded) -> String {
    use holdfast_conf::Severity;
    let count = |severity| {
        loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    match (
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Advice),
    ) {
        (0, 0, 0) => "nothing to complain about".to_owned(),
        (errors, warnings, advice) => format!("{errors} errors, {warnings} warnings, {advice} pieces of advice"),
    }
}
