//! `holdfast fmt`: lays files out anew, on standard output, in place, or only to see whether they would change.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::EXIT_FAILURE;

/// What `holdfast fmt` is asked to do.
#[derive(Debug, Clone, clap::Args)]
pub struct FmtArguments {
    /// Print nothing; exit with 1 when a file would change, and name it
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the files instead of standard output
    #[arg(short = 'w', long)]
    write: bool,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Lays out all files. 1 when one could not be read or written, or would change although `--check` was asked.
pub fn fmt(asked: &FmtArguments) -> ExitCode {
    let mut sound = true;
    for file in &asked.files {
        match fmt_file(asked, file) {
            Ok(fine) => sound &= fine,
            Err(error) => {
                eprintln!("holdfast: {}: {error}", file.display());
                sound = false;
            }
        }
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FAILURE)
    }
}

/// False when `--check` finds something to change.
fn fmt_file(asked: &FmtArguments, file: &Path) -> io::Result<bool> {
    let written = fs::read(file)?;
    let laid_out = holdfast_conf::fmt(&written);
    if asked.check {
        let same = laid_out == written;
        if !same {
            eprintln!("{} would change", file.display());
        }
        return Ok(same);
    }
    if !asked.write {
        io::stdout().write_all(&laid_out)?;
    } else if laid_out != written {
        replace(file, &laid_out)?;
    }
    Ok(true)
}

/// Replaces a file as a whole: whoever reads it sees the old bytes or the new ones. Owner and mode stay.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    // A link stays a link.
    let file = fs::canonicalize(file)?;
    let metadata = fs::metadata(&file)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".fmt-{}", std::process::id()));
    let beside = file.with_file_name(name);
    let mut open = fs::OpenOptions::new();
    let mut new = open.write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = new
        .write_all(content)
        .and_then(|()| fchown(&new, Some(metadata.uid()), Some(metadata.gid())))
        .and_then(|()| new.set_permissions(metadata.permissions()))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        // The error that is reported is the one that matters.
        let _ = fs::remove_file(&beside);
    }
    written
}
