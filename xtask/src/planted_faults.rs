//! `cargo xtask planted-faults`: whether the simulation would notice. Each fault is planted in a copy of the tree, built in a
//! target directory of its own, and must turn the simulation red; without any it must be green.

mod faults;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use self::faults::Fault;
use crate::simulate::{PACKAGE, PROFILE};
use crate::test::cargo;

/// Seeds that a fault has to show itself in; without a fault all are green.
const SEEDS: &str = "20000";
/// If a fault makes it slow.
const MINUTES: &str = "10";

/// A copy of the sources, and what is built from it.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

/// How a run of the simulation ended.
enum Verdict {
    Green,
    /// The invariant and the seed.
    Red(String),
}

/// Plants those whose names contain a word, or all.
pub(crate) fn run(wanted: Option<&str>) -> Result<ExitCode> {
    let copy = Copy::make()?;
    println!("without a fault: {}", copy.simulate()?.words());
    let mut rows = Vec::new();
    let (mut unnoticed, mut unplanted) = (0, 0);
    for fault in faults::all().filter(|fault| wanted.is_none_or(|word| fault.name.contains(word))) {
        let since = Instant::now();
        let verdict = match copy.with(fault, || copy.simulate()) {
            Ok(verdict) => {
                unnoticed += usize::from(matches!(verdict, Verdict::Green));
                verdict.words().to_owned()
            }
            Err(problem) => {
                unplanted += 1;
                format!("not planted: {problem:#}")
            }
        };
        let row = format!("| {} | {} | {verdict} |", fault.name, fault.file);
        println!("{row}    ({:.0} s)", since.elapsed().as_secs_f64());
        rows.push(row);
    }
    ensure!(!rows.is_empty(), "no fault has such a name");
    println!(
        "\n| fault | in | the simulation |\n| --- | --- | --- |\n{}",
        rows.join("\n")
    );
    println!(
        "\n{} of {} planted faults turn the simulation red",
        rows.len() - unnoticed,
        rows.len()
    );
    let is_green = matches!(copy.simulate()?, Verdict::Green);
    ensure!(is_green, "the simulation is red without a fault, so it proves nothing");
    Ok(if unnoticed + unplanted == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Verdict {
    fn words(&self) -> &str {
        match self {
            Self::Green => "green",
            Self::Red(why) => why,
        }
    }
}

impl Copy {
    /// Brings the copy up to date. What did not change is not touched, so that little is built again.
    fn make() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
            .output()
            .context("asking cargo where things are")?;
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("reading cargo's answer")?;
        let place = |key: &str| {
            let value = metadata.get(key).and_then(|value| value.as_str());
            value.map(PathBuf::from).with_context(|| format!("no {key}"))
        };
        let (source, base) = (
            place("workspace_root")?,
            place("target_directory")?.join("planted-faults"),
        );
        let copy = Self {
            root: base.join("tree"),
            target: base.join("target"),
        };
        let listed = Command::new("git")
            .current_dir(&source)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .context("asking git for the files")?;
        ensure!(
            listed.status.success(),
            "git does not list the files: {}",
            listed.status
        );
        let mut kept = std::collections::BTreeSet::new();
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (source.join(name), copy.root.join(name));
            if from.is_file() {
                copy_if_other(&from, &to).with_context(|| format!("copying {name}"))?;
                kept.insert(to);
            }
        }
        remove_others(&copy.root, &kept)?;
        Ok(copy)
    }

    /// Does something while the fault is in the copy.
    fn with<T>(&self, fault: &Fault, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.root.join(fault.file);
        let right = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        fs::write(&path, fault.planted_in(&right)?)?;
        let outcome = work();
        fs::write(&path, right)?;
        outcome
    }

    /// Builds it and runs it. A build that fails is no verdict.
    fn simulate(&self) -> Result<Verdict> {
        let build = cargo()
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .args([
                "build",
                "--quiet",
                "--offline",
                "--profile",
                PROFILE,
                "--package",
                PACKAGE,
            ])
            .output()?;
        if !build.status.success() {
            bail!("it does not build:\n{}", String::from_utf8_lossy(&build.stderr));
        }
        let output = Command::new(self.target.join(PROFILE).join("simulate"))
            .args(["--brief", "--seeds", SEEDS, "--minutes", MINUTES])
            .output()?;
        let first = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().find(|line| !line.trim().is_empty());
            line.unwrap_or("ended without a word").to_owned()
        };
        Ok(match output.status.code() {
            Some(0) => Verdict::Green,
            Some(1) => Verdict::Red(first(&output.stdout)),
            _ => Verdict::Red(format!("a panic: {}", first(&output.stderr))),
        })
    }
}

impl Fault {
    fn planted_in(&self, text: &str) -> Result<String> {
        let count = text.matches(self.right).count();
        ensure!(
            count == 1,
            "`{}` stands {count} times in {}, not once: the fault has to follow the source",
            self.right,
            self.file
        );
        Ok(text.replacen(self.right, self.wrong, 1))
    }
}

fn copy_if_other(from: &Path, to: &Path) -> Result<()> {
    let wanted = fs::read(from)?;
    match fs::read(to) {
        Ok(present) if present == wanted => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(to, wanted)?;
    Ok(())
}

/// Files of an earlier copy that are no longer in the tree.
fn remove_others(folder: &Path, kept: &std::collections::BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_others(&entry.path(), kept)?;
        } else if !kept.contains(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not all: who changes the machine need not mend the faults at once, `cargo xtask planted-faults` says which.
    #[test]
    fn enough_faults_fit_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let fits = |fault: &&Fault| {
            let text = fs::read_to_string(root.join(fault.file)).unwrap_or_default();
            match fault.planted_in(&text) {
                Ok(planted) => planted != text,
                Err(problem) => {
                    println!("{}: {problem:#}", fault.name);
                    false
                }
            }
        };
        assert!(faults::all().filter(fits).count() >= 20);
    }
}
