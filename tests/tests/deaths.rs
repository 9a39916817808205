//! `kill -9` of any process at any step of a takeover: a pair of directors, a takeover, and in its midst the death of one
//! process or two. Within the protocol's time each virtual address has exactly one holder again, and nothing moves any more;
//! once all is well the pair is as before, and a clean stop leaves nothing behind.
//!
//! Seeds choose the takeover, whom to kill and when: at some time, or just after an event of it was seen (the new master's
//! first advert, the first address that comes or goes, the first announcement, the master's last word). `HOLDFAST_SEED`
//! repeats one. keepalived against itself is the control.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::figures;
use bed::load;
use bed::network::{Network, Port};
use bed::node::Node;
use bed::onlooker::{AddressChange, AddressWatch, Onlooker, Packet, Sighting};
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::seed::{Chance, run_trials, seeds};
use bed::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const TRIALS: u64 = 100;
const AT_ONCE: usize = 50;

/// Before a VRRP process that died is started again; the second time within a minute no longer.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// A service manager's pause before it starts a daemon again (systemd: 0.1 s, and what a slow machine takes).
const LONGEST_SERVICE_PAUSE: Duration = Duration::from_millis(1500);

/// A daemon that runs so long has started. One that has not is started again, so often.
const STARTING: Duration = Duration::from_millis(200);
const STARTS: usize = 20;

/// From an event to the kill: adding addresses and announcing them takes less than a millisecond.
const SOON: Duration = Duration::from_millis(2);

/// For how long nothing may move after everything must be in order.
const SETTLED: Duration = Duration::from_secs(2);

/// Children whose supervisor died have four seconds, as in a clean stop.
const CHILDREN_END: Duration = Duration::from_secs(4);

/// What makes the master change. `A` is the better director.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takeover {
    /// `A` is master and cut off: nothing gets through, and neither side notices
    Silence,
    /// `A` is master and asked to stop
    Farewell,
    /// `A` is master and its cable is pulled
    Fault,
    /// `B` is master and `A` is started
    Preemption,
    /// `A` is master and the configuration makes it the worse one
    Reload,
}

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long before it begins
    Before(Duration),
    /// So long after it has begun
    After(Duration),
    /// So long after the first advert of the director that takes over
    Advert(Duration),
    /// So long after its first announcement
    Announcement(Duration),
    /// So long after the first address that it gets
    Address(Duration),
    /// So long after the first address that the other one loses
    Loss(Duration),
    /// So long after the next word of the one that was master
    LastWord(Duration),
}

/// A process that dies.
#[derive(Debug, Clone, Copy)]
struct Victim {
    side: usize,
    role: Role,
    /// Of the service manager, if it is the whole daemon.
    pause: Duration,
}

/// What a seed means.
#[derive(Debug, Clone)]
struct Plan {
    takeover: Takeover,
    in_group: bool,
    moment: Moment,
    first: Victim,
    /// So long after the first one.
    second: Option<(Duration, Victim)>,
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let takeover = chance.one_of([
            Takeover::Silence,
            Takeover::Farewell,
            Takeover::Fault,
            Takeover::Preemption,
            Takeover::Reload,
        ]);
        let moments = [
            Moment::Before(chance.time_below(RESTART_PAUSE + LATENESS)),
            Moment::After(chance.time_below(takeover.length())),
            Moment::After(chance.time_below(2 * SOON)),
            Moment::Advert(chance.time_below(SOON)),
            Moment::Announcement(chance.time_below(SOON)),
            Moment::Address(chance.time_below(SOON)),
            Moment::Loss(chance.time_below(SOON)),
            Moment::LastWord(chance.time_below(SOON)),
        ];
        let victim = |chance: &mut Chance| Victim {
            side: chance.one_of([A, B]),
            role: chance.one_of([
                Role::Vrrp,
                Role::Vrrp,
                Role::Vrrp,
                Role::Supervisor,
                Role::Supervisor,
                Role::Checker,
                Role::Bfd,
            ]),
            pause: chance.time_below(LONGEST_SERVICE_PAUSE),
        };
        let (moment, first) = (chance.one_of(moments), victim(&mut chance));
        let second = (chance.time_below(2 * RESTART_PAUSE), victim(&mut chance));
        Self {
            takeover,
            in_group: chance.one_of([false, true]),
            moment,
            first,
            second: chance.one_of([None, None, Some(second)]),
        }
    }
}

/// From the last event until each address must have its holder: whoever died is back, and has waited for a silent master.
fn bound() -> Duration {
    RESTART_PAUSE + master_down(WEAK) + 2 * LATENESS
}

const A: usize = 0;
const B: usize = 1;

impl Takeover {
    /// Who has the addresses afterwards.
    fn winner(self) -> usize {
        if self == Self::Preemption { A } else { B }
    }

    /// How long it may take.
    fn length(self) -> Duration {
        match self {
            Self::Farewell => INTERVAL,
            Self::Silence | Self::Fault | Self::Preemption | Self::Reload => master_down(WEAK) + LATENESS,
        }
    }
}

fn addresses() -> Vec<IpAddr> {
    let v4 = (0..10).map(|number| [192, 0, 2, 200 + number].into());
    let v6 = (0..5).map(|number| [0xfd00, 0, 0, 0, 0, 0, 0, 0x200 + number].into());
    v4.chain(v6).collect()
}

fn configuration(software: Software, side: usize, priority: u8, in_group: bool) -> String {
    let (own, peer) = (side + 1, 2 - side);
    let lines = |family: fn(&IpAddr) -> bool, length: u8| {
        let all = addresses().into_iter().filter(family);
        let lines: Vec<String> = all.map(|address| format!("        {address}/{length}\n")).collect();
        lines.concat()
    };
    let instance = |name: &str, vrid: u8, version: u8, addresses: &str| {
        format!(
            "vrrp_instance {name} {{\n    state BACKUP\n    interface eth0\n    virtual_router_id {vrid}\n    \
             priority {priority}\n    version {version}\n    track_bfd {{\n        peer weight 5\n    }}\n    \
             virtual_ipaddress {{\n{addresses}    }}\n}}\n"
        )
    };
    let group = if in_group {
        "vrrp_sync_group G {\n    group {\n        VI_4\n        VI_6\n    }\n    sync_group_tracking_weight\n}\n"
    } else {
        ""
    };
    // keepalived's checker ends on a host without IPVS, and everything else with it.
    let service = match software {
        Software::Keepalived => "",
        Software::Holdfast => {
            "virtual_server 192.0.2.200 80 {\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n    \
             real_server 192.0.2.1 80 {\n        TCP_CHECK {\n            connect_timeout 3\n        }\n    }\n}\n"
        }
    };
    format!(
        "bfd_instance peer {{\n    source_ip 192.0.2.{own}\n    neighbor_ip 192.0.2.{peer}\n    min_rx 200\n    \
         min_tx 200\n    multiplier 5\n}}\n{group}{}{}{service}",
        instance("VI_4", 51, 2, &lines(IpAddr::is_ipv4, 24)),
        instance(
            "VI_6",
            52,
            3,
            &format!("        fe80::200/64\n{}", lines(IpAddr::is_ipv6, 64))
        ),
    )
}

/// A director's node.
struct Side {
    node: Node,
    port: Port,
    addresses: AddressWatch,
}

struct Trial {
    software: Software,
    plan: Plan,
    onlooker: Onlooker,
    network: Network,
    sides: [Side; 2],
}

/// A process to kill, and those that it has started.
struct Target {
    pid: Pid,
    children: Vec<Pid>,
}

/// The directors that run, and what became of those that died.
#[derive(Default)]
struct Directors<'a> {
    running: [Option<Daemon<'a>>; 2],
    dead: Vec<Daemon<'a>>,
    /// Children of supervisors that were killed, and when.
    orphans: Vec<(SystemTime, Vec<Pid>)>,
}

impl<'a> Directors<'a> {
    fn slot(&mut self, side: usize) -> Result<&mut Option<Daemon<'a>>> {
        self.running.get_mut(side).context("no such side")
    }

    fn at(&self, side: usize) -> Result<&Daemon<'a>> {
        self.running.get(side).and_then(Option::as_ref).context("no director")
    }

    fn find(&self, victim: &Victim) -> Option<Target> {
        let daemon = self.at(victim.side).ok()?;
        let pid = daemon.role(victim.role).ok()?;
        // Known before the death: orphans have another parent.
        let children = match victim.role {
            Role::Supervisor => daemon.process().descendants(),
            _ => Vec::new(),
        };
        Some(Target { pid, children })
    }

    fn logs(&self) -> String {
        let all = self.running.iter().flatten().chain(&self.dead);
        let logs = all.map(|daemon| format!("--- log of {}:\n{}", daemon.node().name(), daemon.process().log_text()));
        logs.collect::<Vec<_>>().concat()
    }
}

impl Trial {
    fn new(software: Software, plan: Plan) -> Result<Self> {
        let network = Network::new(&["lan"])?;
        let side = |name: &str, host: u8| -> Result<Side> {
            let node = Node::new(name)?;
            let own = [format!("192.0.2.{host}/24"), format!("fd00::{host}/64")];
            let port = network.plug(&node, "lan", "eth0", &[&own[0], &own[1]])?;
            Ok(Side {
                addresses: AddressWatch::of(&node)?,
                node,
                port,
            })
        };
        let sides = [side("a", 1)?, side("b", 2)?];
        Ok(Self {
            software,
            plan,
            onlooker: Onlooker::of(&network)?,
            network,
            sides,
        })
    }

    fn side(&self, number: usize) -> Result<&Side> {
        self.sides.get(number).context("no such side")
    }

    fn configuration(&self, side: usize) -> String {
        let priority = if side == A { STRONG } else { WEAK };
        configuration(self.software, side, priority, self.plan.in_group)
    }

    fn start<'n>(&'n self, side: usize, directors: &mut Directors<'n>) -> Result<()> {
        let daemon = Daemon::start(self.software, &self.side(side)?.node, &self.configuration(side))?;
        *directors.slot(side)? = Some(daemon.quiet());
        Ok(())
    }

    /// From the last death until the last address was where it belongs.
    fn run<'n>(&'n self, directors: &mut Directors<'n>) -> Result<Duration> {
        let takeover = self.plan.takeover;
        self.start(B, directors)?;
        if takeover != Takeover::Preemption {
            self.start(A, directors)?;
        }
        let first = 1 - takeover.winner();
        wait::until("the first master", master_down(WEAK) + 4 * LATENESS, || {
            self.is_sole_holder(first)
        })?;
        // Sessions come up within a few seconds, and the master says so in its priority.
        let worth = if takeover == Takeover::Preemption {
            WEAK
        } else {
            STRONG + 5
        };
        self.wait_for_advert(first, worth)?;

        let (since, mut died);
        if let Moment::Before(pause) = self.plan.moment {
            let target = directors.find(&self.plan.first);
            died = target.map_or_else(SystemTime::now, |target| Self::kill(&target, directors));
            std::thread::sleep(pause);
            since = self.change(directors)?;
        } else {
            since = self.change(directors)?;
            let target = self.wait_for_moment(since, directors)?;
            died = target.map_or_else(SystemTime::now, |target| Self::kill(&target, directors));
        }
        let mut served = self.serve(&self.plan.first, directors)?;
        if let Some((pause, victim)) = self.plan.second {
            std::thread::sleep(pause);
            // It may be dead already, or not back yet.
            if let Some(target) = directors.find(&victim) {
                died = Self::kill(&target, directors);
                served = self.serve(&victim, directors)?;
            }
        }
        let due = died.max(since).max(served) + bound();
        std::thread::sleep(due.duration_since(SystemTime::now()).unwrap_or_default());
        self.ensure_settled(due, directors)?;
        let last = self.last_change(due)?;
        self.heal(directors)?;
        self.stop(directors)?;
        Ok(last.duration_since(died).unwrap_or_default())
    }

    fn wait_for_advert(&self, side: usize, priority: u8) -> Result<()> {
        let node = &self.side(side)?.node;
        let wanted = |seen: &Sighting| seen.is_advert_of(node, |own| own == priority);
        let bound = master_down(WEAK) + 4 * LATENESS;
        self.onlooker
            .wait_for(&format!("priority {priority}"), SystemTime::UNIX_EPOCH, bound, wanted)
            .map(drop)
    }

    /// Makes the master change.
    fn change<'n>(&'n self, directors: &mut Directors<'n>) -> Result<SystemTime> {
        let now = SystemTime::now();
        let a = self.side(A)?;
        match self.plan.takeover {
            Takeover::Silence => self.network.cut(&a.port)?,
            Takeover::Farewell => directors.at(A)?.process().signal(Signal::SIGTERM)?,
            Takeover::Fault => self.network.pull(&a.port)?,
            Takeover::Preemption => self.start(A, directors)?,
            Takeover::Reload => {
                let worse = configuration(self.software, A, WEAK - 50, self.plan.in_group);
                directors.at(A)?.reload(&worse)?;
            }
        }
        Ok(now)
    }

    /// Waits until it is time to kill; returns whom.
    fn wait_for_moment(&self, since: SystemTime, directors: &Directors<'_>) -> Result<Option<Target>> {
        // Looking it up takes longer than what is interrupted.
        let known = directors.find(&self.plan.first);
        let winner = self.plan.takeover.winner();
        let (new, old) = (self.side(winner)?, self.side(1 - winner)?);
        let bound = self.plan.takeover.length();
        let sees = |wanted: &dyn Fn(&Sighting) -> bool| self.onlooker.wait_for("", since, bound, wanted).is_ok();
        let pause = match self.plan.moment {
            Moment::Before(_) => Duration::ZERO,
            Moment::After(pause) => pause,
            Moment::Advert(pause) => {
                sees(&|seen| seen.is_advert_of(&new.node, |priority| priority > 0));
                pause
            }
            Moment::Announcement(pause) => {
                sees(&|seen| seen.node == new.node.name() && matches!(seen.packet, Packet::Announcement(_)));
                pause
            }
            Moment::Address(pause) => {
                let _ = new.addresses.wait_for_any(true, since, bound);
                pause
            }
            Moment::Loss(pause) => {
                let _ = old.addresses.wait_for_any(false, since, bound);
                pause
            }
            Moment::LastWord(pause) => {
                sees(&|seen| seen.is_advert_of(&old.node, |_| true));
                pause
            }
        };
        std::thread::sleep(pause);
        Ok(known.or_else(|| {
            let mut found = None;
            // It may have ended, or never start.
            let _ = wait::until("", LATENESS, || {
                found = directors.find(&self.plan.first);
                found.is_some()
            });
            found
        }))
    }

    fn kill(target: &Target, directors: &mut Directors<'_>) -> SystemTime {
        // Whoever has ended by himself cannot be killed.
        let _ = kill(target.pid, Signal::SIGKILL);
        let now = SystemTime::now();
        directors.orphans.push((now, target.children.clone()));
        now
    }

    /// What a service manager does when a whole daemon has died, unless it was asked to stop it; returns when the daemon was
    /// started.
    fn serve<'n>(&'n self, victim: &Victim, directors: &mut Directors<'n>) -> Result<SystemTime> {
        let stopped = self.plan.takeover == Takeover::Farewell && victim.side == A;
        if victim.role != Role::Supervisor || stopped {
            return Ok(SystemTime::UNIX_EPOCH);
        }
        std::thread::sleep(victim.pause);
        let dead = directors.slot(victim.side)?.take().context("no director")?;
        // Nobody but us can reap it, and until then keepalived takes it for alive.
        dead.process().wait(LATENESS)?;
        directors.dead.push(dead);
        for _ in 0..STARTS {
            let now = SystemTime::now();
            let daemon = Daemon::start_again(self.software, &self.side(victim.side)?.node)?.quiet();
            // keepalived does not start while a child of the dead one still stops, which takes it a second.
            if wait::until("", STARTING, || matches!(daemon.process().ended(), Ok(Some(_)))).is_err() {
                *directors.slot(victim.side)? = Some(daemon);
                return Ok(now);
            }
            std::thread::sleep(STARTING);
        }
        bail!("the daemon could not be started again")
    }

    /// Whether a director has all addresses and the other one none of them. Who is cut off is another world.
    fn is_sole_holder(&self, holder: usize) -> bool {
        self.holdings().is_ok_and(|holdings| holdings == Self::right(holder))
    }

    /// How many of the addresses each side has.
    fn holdings(&self) -> Result<Vec<usize>> {
        let of = |side: &Side| -> Result<usize> {
            let own = side.node.addresses()?;
            Ok(addresses().iter().filter(|address| own.contains(address)).count())
        };
        self.sides.iter().map(of).collect()
    }

    fn right(holder: usize) -> Vec<usize> {
        let wanted = |side| if side == holder { addresses().len() } else { 0 };
        vec![wanted(A), wanted(B)]
    }

    /// Everything is in order, stays so, and only the right one speaks.
    fn ensure_settled(&self, due: SystemTime, directors: &Directors<'_>) -> Result<()> {
        let winner = self.plan.takeover.winner();
        let cut_off = self.plan.takeover == Takeover::Silence;
        let ensure_holder = || -> Result<()> {
            let mut holdings = self.holdings()?;
            if cut_off && let Some(of_a) = holdings.get_mut(A) {
                *of_a = 0;
            }
            ensure!(
                holdings == Self::right(winner),
                "of the addresses a and b hold {holdings:?}, it should be {:?}",
                Self::right(winner)
            );
            Ok(())
        };
        ensure_holder()?;
        for (when, orphans) in &directors.orphans {
            ensure!(when.elapsed().unwrap_or_default() > CHILDREN_END, "asked too early");
            let alive: Vec<_> = orphans.iter().filter(|pid| kill(**pid, None).is_ok()).collect();
            ensure!(alive.is_empty(), "children outlive their supervisor: {alive:?}");
        }
        std::thread::sleep(SETTLED);
        ensure_holder()?;
        let changes: Vec<_> = self
            .changes_of(winner)?
            .into_iter()
            .filter(|change| change.when > due)
            .collect();
        ensure!(changes.is_empty(), "addresses move: {changes:?}");
        let winner = &self.side(winner)?.node;
        for vrid in [51, 52] {
            let adverts = self.onlooker.adverts_since(due);
            let of_it = adverts.iter().filter(|(_, advert)| advert.vrid == vrid);
            let mut speakers: Vec<&str> = of_it.map(|(seen, _)| &*seen.node).collect();
            speakers.retain(|speaker| !cut_off || *speaker == winner.name());
            speakers.dedup();
            ensure!(speakers == [winner.name()], "for {vrid} speak {speakers:?}");
        }
        Ok(())
    }

    /// What a side had of the virtual addresses, and when.
    fn changes_of(&self, side: usize) -> Result<Vec<AddressChange>> {
        let mut changes = self.side(side)?.addresses.changes();
        changes.retain(|change| addresses().contains(&change.address));
        Ok(changes)
    }

    fn last_change(&self, before: SystemTime) -> Result<SystemTime> {
        let mut all = self.changes_of(B)?;
        if self.plan.takeover != Takeover::Silence {
            all.extend(self.changes_of(A)?);
        }
        let times = all.iter().map(|change| change.when).filter(|when| *when < before);
        times.max().context("no address ever moved")
    }

    /// Undoes what made the master change: whoever died takes part again.
    fn heal<'n>(&'n self, directors: &mut Directors<'n>) -> Result<()> {
        let a = self.side(A)?;
        match self.plan.takeover {
            Takeover::Silence => self.network.mend(&a.port)?,
            Takeover::Fault => self.network.put_back(&a.port)?,
            Takeover::Reload => {
                directors.at(A)?.reload(&self.configuration(A))?;
            }
            Takeover::Farewell => {
                ensure!(
                    directors.at(A)?.process().ended()?.is_some(),
                    "it was asked to stop and has not"
                );
                *directors.slot(A)? = None;
                self.start(A, directors)?;
            }
            Takeover::Preemption => return Ok(()),
        }
        let bound = master_down(STRONG) + 2 * INTERVAL + LATENESS;
        wait::until("the better one to be master again", bound, || self.is_sole_holder(A))
    }

    fn stop(&self, directors: &mut Directors<'_>) -> Result<()> {
        for side in [B, A] {
            let (_, status) = directors.at(side)?.stop()?;
            ensure!(status.success(), "a clean stop ended with {status}");
        }
        ensure!(self.holdings()? == [0, 0], "addresses are left: {:?}", self.holdings()?);
        Ok(())
    }
}

fn trial(software: Software, seed: u64) -> Result<Duration> {
    let plan = Plan::draw(seed);
    let trial = Trial::new(software, plan.clone())?;
    let mut directors = Directors::default();
    let outcome = trial.run(&mut directors);
    outcome.with_context(|| format!("seed {seed}, {plan:?}\n{}", directors.logs()))
}

/// Runs the trials and tells of them; returns what failed.
fn all_trials(software: Software) -> Vec<String> {
    let seeds = seeds(TRIALS);
    let outcomes = run_trials(&seeds, AT_ONCE, |seed| trial(software, seed));
    let mut times: Vec<f64> = outcomes.iter().flatten().map(Duration::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: usize| {
        times
            .get(times.len().saturating_sub(1) * part / 2)
            .copied()
            .unwrap_or_default()
    };
    figures::report_text(&format!(
        "deaths in a takeover, {software}: {} of {} trials end with one holder of each address, and with none after a clean \
         stop; in order {:.3} s after the death (median; longest {:.3} s)",
        times.len(),
        outcomes.len(),
        at(1),
        at(2),
    ));
    let failures = outcomes.into_iter().filter_map(Result::err);
    failures.map(|error| format!("{error:#}")).collect()
}

/// A reload while the VRRP process is dead takes away what it left, also what is not configured any more. keepalived starts a
/// process that died at once; there is no such time.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn what_a_dead_process_left_goes_at_a_reload_too() -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let configuration = pair.configuration(STRONG, "");
    let daemon = Daemon::start(Software::Holdfast, &pair.strong, &configuration)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let since = daemon.kill_role(Role::Vrrp)?;
    daemon.wait_for_log("vrrp process is restarted in", since, LATENESS)?;
    daemon.reload(&configuration.replace("192.0.2.200/24", "192.0.2.201/24"))?;
    pair.wait_for_address(&pair.strong, false)?;
    let gone = SystemTime::now();
    ensure!(
        gone < since + RESTART_PAUSE + load::excuse(since, gone),
        "it was not the reload"
    );
    wait::until("the other address", master_down(STRONG) + LATENESS, || {
        pair.strong.has([192, 0, 2, 201].into())
    })
}

fn ensure_all(software: Software) -> Result<()> {
    let failures = all_trials(software);
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn keepalived_is_the_control() -> Result<()> {
    ensure_all(Software::Keepalived)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn one_holder_of_each_address_whoever_dies() -> Result<()> {
    ensure_all(Software::Holdfast)
}
