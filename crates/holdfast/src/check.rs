//! Checking a configuration without running it: `-t` in keepalived's one-line form, `holdfast check` drawn.

mod json;

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use holdfast_conf::diagnostic::findings;
use holdfast_conf::host::{any_script_runs, check_interfaces, check_scripts};
use holdfast_conf::{FileLoader, Host, Loaded, lint, load};

use crate::EXIT_FAILURE;
use crate::cli::{Arguments, CheckArguments, Format};
use crate::host::ThisHost;
use crate::supervisor::load_options;

/// `-t`: a line for each finding on standard error or in a file; keepalived's exit status.
pub fn one_line(arguments: &Arguments, log_file: Option<&Path>) -> ExitCode {
    let mut loaded = load(
        &FileLoader,
        &arguments.config_file,
        &load_options(arguments.config_id.as_deref()),
    );
    check_on(&ThisHost::look(), &mut loaded);
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
    let exit_code = loaded.exit_code();
    // The process ends: its memory goes back at once, not piece by piece.
    std::mem::forget(loaded);
    ExitCode::from(exit_code)
}

fn write_lines(out: &mut dyn Write, loaded: &Loaded) -> std::io::Result<()> {
    loaded
        .diagnostics
        .iter()
        .try_for_each(|diagnostic| writeln!(out, "{}", diagnostic.one_line(&loaded.sources)))
}

/// What only the host can tell.
fn check_on(host: &dyn Host, loaded: &mut Loaded) {
    let interfaces = check_interfaces(&loaded.config, host);
    let scripts = check_scripts(&loaded.config, host);
    if !any_script_runs(&loaded.config, host) {
        loaded.diagnostics.retain(|it| it.code != findings::SECURITY.code);
    }
    loaded.add(interfaces);
    loaded.add(scripts);
}

/// Everything that there is to say about a file, advice included.
fn examine(asked: &CheckArguments) -> Loaded {
    let mut loaded = load(&FileLoader, &asked.file, &load_options(asked.config_id.as_deref()));
    let host = asked.host.then(ThisHost::look);
    let host = host.as_ref().map(|host| host as &dyn Host);
    let mut advice = lint(&loaded, host);
    advice.retain(|advice| !asked.allow.iter().any(|allow| allow.covers(advice)));
    loaded.add(advice);
    if let Some(host) = host {
        check_on(host, &mut loaded);
    }
    loaded
}

/// `holdfast check`: everything there is to say, drawn or as JSON.
pub fn check(asked: &CheckArguments) -> ExitCode {
    let loaded = examine(asked);
    let shown = match asked.format {
        Format::Text => Ok(drawn(asked, &loaded)),
        Format::Json => json::report(&loaded).map(|report| report + "\n").map_err(Into::into),
    };
    let written = shown.and_then(|text| std::io::stdout().lock().write_all(text.as_bytes()));
    if let Err(error) = written {
        eprintln!("holdfast: cannot write the findings: {error}");
        return ExitCode::from(EXIT_FAILURE);
    }
    ExitCode::from(u8::from(loaded.has_errors()))
}

/// Each finding with its place in the file.
fn drawn(asked: &CheckArguments, loaded: &Loaded) -> String {
    let color = std::io::stdout().is_terminal();
    let text: String = loaded
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.drawn(&loaded.sources, color) + "\n\n")
        .collect();
    text + &format!("{}: {}\n", asked.file.display(), summary(loaded))
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
    let kinds = [
        (count(Severity::Error), "error", "errors"),
        (count(Severity::Warning), "warning", "warnings"),
        (count(Severity::Advice), "piece of advice", "pieces of advice"),
    ];
    let said: Vec<String> = kinds
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
    if said.is_empty() {
        "nothing to complain about".to_owned()
    } else {
        said.join(", ")
    }
}
