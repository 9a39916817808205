//! `holdfast completions`: scripts that complete options, commands, and what `holdfast explain` knows.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use crate::EXIT_FAILURE;
use crate::cli::Arguments;
use crate::explain::topics;

/// Prints the script for a shell.
pub fn print(shell: Shell) -> ExitCode {
    match std::io::stdout().write_all(&script(shell)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_FAILURE),
    }
}

fn script(shell: Shell) -> Vec<u8> {
    // `$NAME=` and its like mean something to shells themselves.
    let is_plain = |topic: &String| {
        topic
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let topics: Vec<String> = topics().into_iter().filter(is_plain).collect();
    let words = topics.join(" ");
    // Only scripts offer the topics: the command line itself takes any word, and says what was probably meant.
    let mut command = Arguments::command().mut_subcommand("explain", |explain| {
        explain.mut_arg("topic", |topic| topic.value_parser(PossibleValuesParser::new(topics)))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "holdfast", &mut script);
    if shell == Shell::Fish {
        // clap's scripts for fish complete options only.
        let line = format!("complete -c holdfast -n '__fish_seen_subcommand_from explain' -f -a '{words}'\n");
        script.extend_from_slice(line.as_bytes());
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_complete_options_and_keywords() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for word in ["use-file", "explain", "virtual_router_id", "HF0300"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
