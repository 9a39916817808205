//! Every chore of the project as a command.

mod bench;
mod demo;
mod docs;
mod guest;
mod keywords;
mod packages;
mod planted_faults;
mod simulate;
mod steps;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
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
    /// Format and lints, changing nothing
    Check,
    /// Everything that must be green: check, build, unit tests, peers in network namespaces, IPVS in a guest
    Test {
        /// Only this part
        #[arg(value_enum)]
        part: Option<test::Part>,
        /// Given to the test programs of peers and guest, as in `cargo xtask test peers -- keepalived::`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// A director pair under load in a guest, to look at: servers and directors die and come back
    Demo {
        /// Write what happened as JSON
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
    /// Measure next to keepalived, release build: some minutes
    Bench {
        /// Only this
        #[arg(value_enum)]
        subject: Option<bench::Subject>,
        /// Only these parts of `vrrp`: failover, load, disturbed
        #[arg(last = true)]
        sections: Vec<String>,
    },
    /// Simulate elections under trouble, on a virtual clock: `--seed N` for one, `--minutes M` for as many as it can
    #[command(disable_help_flag = true)]
    Simulate {
        /// Given to the simulation; `--help` lists all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check the election of two and three nodes in all ways that loss, delay and deaths allow, up to a bound: some minutes
    ModelCheck,
    /// Plant faults in a copy of the tree, one at a time: each must turn the simulation red. Some minutes
    PlantedFaults {
        /// Only those with this word in their name
        word: Option<String>,
    },
    /// Count the keywords that are read and in effect, against keepalived's where a list of them is at hand
    Keywords {
        /// A list with context and keyword in the first two columns of each line
        #[arg(long, value_name = "PATH")]
        tsv: Option<PathBuf>,
    },
    /// Write the pages that come from the tables in the source: keywords, diagnostics, what is not in effect
    Docs,
    /// Run one command in a guest with a real IPVS; it sees this machine's files, and its writes vanish
    Guest {
        /// Load this kernel module first; may be repeated
        #[arg(long = "load", value_name = "MODULE")]
        modules: Vec<String>,
        /// Program and arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().chore {
        Chore::Check => Ok(test::check().finish()),
        Chore::Test { part, arguments } => Ok(test::run(part, &arguments).finish()),
        Chore::Demo { record } => demo::run(record.as_deref()),
        Chore::Bench { subject, sections } => Ok(bench::run(subject, &sections).finish()),
        Chore::Simulate { arguments } => simulate::run(&arguments),
        Chore::ModelCheck => simulate::model_check(),
        Chore::PlantedFaults { word } => planted_faults::run(word.as_deref()),
        Chore::Keywords { tsv } => keywords::run(tsv).map(|()| ExitCode::SUCCESS),
        Chore::Docs => docs::write().map(|()| ExitCode::SUCCESS),
        Chore::Guest { modules, command } => guest::run(command, modules),
    }
}
