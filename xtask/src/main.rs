//! Every chore of the project as a command.

use std::process::ExitCode;

use anyhow::Result;
use bed::guest::GuestCommand;
use clap::{Parser, Subcommand};

/// The chores of Holdfast
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run one command in a guest with a real IPVS; it sees this machine's files, and its writes vanish
    Guest {
        /// Program and arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().chore {
        Chore::Guest { command } => {
            let report = GuestCommand::new(command)?.run(&mut std::io::stdout())?;
            eprintln!(
                "guest: up after {:.1} s, ran {:.1} s",
                report.boot.as_secs_f64(),
                report.run.as_secs_f64()
            );
            Ok(ExitCode::from(u8::try_from(report.status).unwrap_or(1)))
        }
    }
}
