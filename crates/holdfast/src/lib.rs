//! The program: one binary, six roles. It joins the crates and decides nothing that a pure crate could decide.
//!
//! | role | module | does |
//! | --- | --- | --- |
//! | supervisor | `supervisor` | configuration, children, scripts, signals, status |
//! | vrrp | `vrrp_role` | elections, addresses, announcements |
//! | checker | `checker_role` | probes, health, IPVS |
//! | bfd | `bfd_role` | BFD sessions |
//! | snmp | `snmp_role` | objects and traps for a master agent |
//! | dbus | `dbus_role` | the service on D-Bus |
//!
//! It is a library for the sake of the simulation, which takes the program's own path from a configuration to the
//! settings of the machines: [`plan`].

// In a program `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod agent_door;
mod bfd_news;
mod bfd_role;
mod check;
mod checker_role;
mod child_process;
mod cli;
mod completions;
mod daemonize;
mod dbus_role;
mod explain;
mod file_mask;
mod fmt;
mod genhash;
mod host;
mod host_changes;
mod ipc;
mod local_time;
mod log;
mod mail;
mod memory;
mod netlink_buffers;
mod pid_file;
mod places;
pub mod plan;
mod print;
mod privileges;
mod process;
mod report_pace;
mod role;
mod scripts;
mod signals;
mod snapshot;
mod snmp_role;
mod state_files;
mod status;
mod supervisor;
mod systemd;
mod vrrp_role;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::{Arguments, Command};
use crate::role::Role;

/// Exit status of a failure that is not the configuration's, as keepalived's.
const EXIT_FAILURE: u8 = 1;

/// What the binary does: the work of a child, if a supervisor started it as one, else what the command line says.
pub fn main() -> ExitCode {
    if let Some(role) = Role::of_this_process() {
        return finish(child(role));
    }
    let arguments = Arguments::from_command_line();
    if arguments.version {
        eprintln!("Holdfast v{} (keepalived.conf of 2.4)", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    match &arguments.command {
        Some(Command::Check(asked)) => return check::check(asked),
        Some(Command::Explain { topic }) => return explain::explain(topic),
        Some(Command::Completions { shell }) => return completions::print(*shell),
        Some(Command::Print { file, config_id }) => return print::print(file, config_id.as_deref()),
        Some(Command::Fmt(asked)) => return fmt::fmt(asked),
        Some(Command::Genhash(asked)) => return genhash::genhash(asked),
        Some(Command::Status { pid_file }) => return show_status(pid_file),
        None => {}
    }
    if let Some(log_file) = &arguments.config_test {
        return check::one_line(&arguments, log_file.as_deref());
    }
    finish(supervise(arguments))
}

fn child(role: Role) -> anyhow::Result<u8> {
    match role {
        Role::Vrrp => as_child(role, vrrp_role::run()),
        // As a task: to wake the future that a thread blocks on costs a system call, and here every probe that ends does.
        Role::Checker => as_child(role, async { tokio::spawn(checker_role::run()).await? }),
        Role::Bfd => as_child(role, bfd_role::run()),
        Role::Snmp => as_child(role, snmp_role::run()),
        Role::Dbus => as_child(role, dbus_role::run()),
    }
}

fn finish(exit: anyhow::Result<u8>) -> ExitCode {
    match exit {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("holdfast: {error:#}");
    ExitCode::from(EXIT_FAILURE)
}

fn supervise(arguments: Arguments) -> anyhow::Result<u8> {
    if !arguments.foreground {
        daemonize::into_background()?;
    }
    let log = log::start(log_settings(&arguments))?;
    log::log_panics();
    tracing::info!("Starting Holdfast v{}", env!("CARGO_PKG_VERSION"));
    let exit = block_on(supervisor::run(arguments));
    Ok(logged(exit, log))
}

/// Runs the role of a child to its end.
fn as_child(role: Role, run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<u8> {
    log::tell_apart(&std::env::var(log::SUFFIX_VARIABLE).unwrap_or_default());
    let log = log::start(log::Settings::of_child(role.log_ident())?)?;
    log::log_panics();
    let exit = block_on(async {
        child_process::settle_in()?;
        run.await
    });
    Ok(logged(exit.map(|()| 0), log))
}

/// The exit status, when all that was to be said about it has been said: on a console it would stand there twice.
fn logged(exit: anyhow::Result<u8>, log: log::Log) -> u8 {
    if let Err(error) = &exit {
        tracing::error!("{error:#}");
    }
    drop(log);
    exit.unwrap_or(EXIT_FAILURE)
}

fn block_on<T>(role: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(role)
}

fn log_settings(arguments: &Arguments) -> log::Settings {
    let facility = match arguments.log_facility.as_deref() {
        None => log::Facility::DAEMON,
        Some(name) => log::Facility::parse(name).unwrap_or_else(|| {
            eprintln!("holdfast: there is no syslog facility `{name}`; logging to daemon");
            log::Facility::DAEMON
        }),
    };
    log::Settings {
        ident: "Keepalived".to_owned(),
        console: arguments.log_console,
        facility: (!arguments.no_syslog).then_some(facility),
        detail: arguments.log_detail > 0,
    }
}

fn show_status(pid_file: &std::path::Path) -> ExitCode {
    match status::Status::read(&cli::status_file_of(pid_file)) {
        Ok(status) => {
            print!("{}", status.for_people());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("holdfast: {error:#}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}
