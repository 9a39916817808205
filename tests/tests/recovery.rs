//! What keepalived has nothing like, on a real table: `rise`, `slow_start`, flap damping and `share_checks`. In a guest,
//! started by `cargo xtask test guest`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Site};
use bed::table;
use bed::wait;

/// For each change on a busy guest.
const PATIENCE: Duration = Duration::from_mins(1);

/// The services, by port.
const FIRST: u16 = 80;
const SECOND: u16 = 81;

/// The real servers of the first service, by port; the second has only the shared one.
const RISE: u16 = 1;
const SLOW: u16 = 2;
const FLAP: u16 = 3;
const SHARED: u16 = 4;
/// Never checked: with it there is always a quorum.
const ALWAYS: u16 = 5;

/// Those with a check.
const CHECKED: [u16; 4] = [RISE, SLOW, FLAP, SHARED];

/// The exit status that a file names, and a line in another with the time and the status of each run.
const COMMAND: &str = "status=$(cat \"$1\"); echo \"$(date +%s) $status\" >> \"$1.runs\"; exit \"$status\"\n";

/// Servers whose checks are commands that find what the test tells them, and note each of their runs.
struct Scene<'a> {
    director: &'a Node,
    folder: PathBuf,
}

impl<'a> Scene<'a> {
    /// All checks pass.
    fn new(director: &'a Node) -> Result<Self> {
        let folder = PathBuf::from(format!("/var/lib/holdfast-back-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("command"), COMMAND)?;
        let scene = Self { director, folder };
        scene.tell(&CHECKED, 0)?;
        Ok(scene)
    }

    fn configuration(&self) -> String {
        let head = |port: u16| {
            format!(
                "virtual_server 192.168.0.200 {port} {{\n delay_loop 1\n lb_algo wrr\n lb_kind NAT\n protocol TCP\n"
            )
        };
        let shared = self.real_server(SHARED, "", "");
        [
            "global_defs {\n script_user root\n enable_script_security\n share_checks\n}\n",
            &head(FIRST),
            &self.real_server(RISE, "", "rise 4"),
            &self.real_server(SLOW, "slow_start 10", ""),
            &self.real_server(FLAP, "flap_threshold 2\n flap_window 600\n flap_hold 30", ""),
            &shared,
            &format!("real_server 192.168.0.61 {ALWAYS} {{\n weight 100\n }}\n}}\n"),
            &head(SECOND),
            &shared,
            "}\n",
        ]
        .concat()
    }

    fn real_server(&self, port: u16, of_server: &str, of_checker: &str) -> String {
        let folder = self.folder.display();
        format!(
            "real_server 192.168.0.61 {port} {{\n weight 100\n {of_server}\n MISC_CHECK {{\n \
             misc_path \"/bin/sh {folder}/command {folder}/{port}\"\n misc_timeout 20\n delay_before_retry 1\n \
             {of_checker}\n }}\n }}\n"
        )
    }

    /// From now on the checks of these servers end with this status.
    fn tell(&self, ports: &[u16], status: u8) -> Result<()> {
        for port in ports {
            let fresh = self.folder.join("fresh");
            std::fs::write(&fresh, format!("{status}\n"))?;
            std::fs::rename(fresh, self.folder.join(port.to_string()))?;
        }
        Ok(())
    }

    /// Time, in seconds, and exit status of each run.
    fn runs(&self, port: u16) -> Vec<(u64, String)> {
        let text = std::fs::read_to_string(self.folder.join(format!("{port}.runs"))).unwrap_or_default();
        let words = text.lines().filter_map(|line| line.split_once(' '));
        words
            .filter_map(|(at, status)| Some((at.parse().ok()?, status.to_owned())))
            .collect()
    }

    /// The last runs, back to the last failure.
    fn successes(&self, port: u16) -> usize {
        let runs = self.runs(port);
        runs.iter().rev().take_while(|(_, status)| status == "0").count()
    }

    fn weight(&self, service: u16, port: u16) -> Option<i64> {
        let services = table::services(self.director).unwrap_or_default();
        let found = services.iter().find(|it| it.address.port() == service)?;
        let destination = found.destinations.iter().find(|it| it.address.port() == port)?;
        Some(destination.weight)
    }

    fn wait_for(&self, service: u16, port: u16, wanted: Option<i64>) -> Result<()> {
        let seen = || self.weight(service, port);
        let outcome = wait::until("a weight", PATIENCE, || seen() == wanted);
        outcome.with_context(|| format!("service {service}, port {port}: {:?}, wanted {wanted:?}", seen()))
    }

    /// The weight rises by steps, and is never taken back.
    fn ensure_slow_start(&self) -> Result<()> {
        let mut weights = Vec::new();
        wait::until("the whole weight", PATIENCE, || {
            let now = self.weight(FIRST, SLOW);
            if weights.last() != Some(&now) {
                weights.push(now);
            }
            now == Some(100)
        })?;
        let steps: Vec<i64> = weights.iter().flatten().copied().collect();
        ensure!(
            steps.is_sorted() && steps.len() > 3 && steps.first().is_some_and(|first| *first < 50),
            "a slow start of weights {weights:?}"
        );
        Ok(())
    }

    /// Once it may fail; the second time it is held, whatever its check finds.
    fn ensure_held(&self, daemon: &Daemon<'_>) -> Result<()> {
        self.tell(&[FLAP], 0)?;
        self.wait_for(FIRST, FLAP, Some(100))?;
        let since = SystemTime::now();
        self.tell(&[FLAP], 1)?;
        let held = daemon.wait_for_log("Holding service [192.168.0.61]:tcp:3 of", since, PATIENCE)?;
        self.tell(&[FLAP], 0)?;
        let passes = daemon.wait_for_log("MISC_CHECK on service [192.168.0.61]:tcp:3 succeeded", held, PATIENCE)?;
        let status = daemon.status()?;
        ensure!(status.contains("held down for"), "{status}");
        let back = daemon.wait_for_log("is held down no longer", held, PATIENCE)?;
        let added = daemon.wait_for_log("Adding service [192.168.0.61]:tcp:3 to", held, PATIENCE)?;
        let seconds = |later| wait::seconds_between(held, later);
        let times = format!(
            "after the beginning of the hold: passes {:.1} s, hold over {:.1} s, added {:.1} s",
            seconds(passes),
            seconds(back),
            seconds(added)
        );
        println!("{times}");
        ensure!(passes < back && back <= added && seconds(back) > 29.0, "{times}");
        self.wait_for(FIRST, FLAP, Some(100))
    }

    /// Each second once, for two owners.
    fn ensure_shared(&self) -> Result<()> {
        let runs = self.runs(SHARED);
        let (Some((first, _)), Some((last, _))) = (runs.first(), runs.last()) else {
            bail!("no runs");
        };
        let most = usize::try_from(last.saturating_sub(*first))? + 2;
        println!("{} runs of a shared check in {} s", runs.len(), last - first);
        ensure!(runs.len() <= most, "{} runs, at most {most} are due", runs.len());
        Ok(())
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        // The guest goes with all that is in it; what stays for a moment harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn servers_that_come_back() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [director, _] = &site.directors;
    let scene = Scene::new(director)?;
    let daemon = Daemon::start(Software::Holdfast, director, &scene.configuration())?;
    for port in CHECKED {
        scene.wait_for(FIRST, port, Some(100))?;
    }
    wait::until("checks", PATIENCE, || scene.successes(SHARED) > 2)?;

    scene.tell(&CHECKED, 1)?;
    for port in CHECKED {
        scene.wait_for(FIRST, port, None)?;
    }
    scene.wait_for(SECOND, SHARED, None)?;

    scene.tell(&[RISE, SLOW, SHARED], 0)?;
    scene.ensure_slow_start()?;
    scene.wait_for(FIRST, RISE, Some(100))?;
    ensure!(scene.successes(RISE) >= 4, "up too soon: {:?}", scene.runs(RISE));
    scene.wait_for(FIRST, SHARED, Some(100))?;
    scene.wait_for(SECOND, SHARED, Some(100))?;

    scene.ensure_held(&daemon)?;
    scene.ensure_shared()
}
