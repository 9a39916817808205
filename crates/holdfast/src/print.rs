//! `holdfast print`: the effective configuration on standard output.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use holdfast_conf::FileLoader;

use crate::EXIT_FAILURE;
use crate::supervisor::load_options;

/// Prints what a file says. What is wrong with it goes to standard error, a line each, and makes the exit status 1;
/// what was understood is printed all the same.
pub fn print(file: &Path, config_id: Option<&str>) -> ExitCode {
    let printed = holdfast_conf::print(&FileLoader, file, &load_options(config_id));
    for diagnostic in &printed.loaded.diagnostics {
        eprintln!("{}", diagnostic.one_line(&printed.loaded.sources));
    }
    if let Err(error) = std::io::stdout().write_all(printed.text.as_bytes()) {
        eprintln!("holdfast: cannot print: {error}");
        return ExitCode::from(EXIT_FAILURE);
    }
    ExitCode::from(u8::from(printed.loaded.has_errors()))
}
