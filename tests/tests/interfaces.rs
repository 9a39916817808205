//! Interfaces that flap, come late, go, and come back as something else; links that are polled; interfaces that are tracked;
//! and the kernel's settings of interfaces. keepalived goes first as the subject, which proves the test; then Holdfast
//! beside keepalived.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::load;
use bed::network::Port;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait;

/// From one look of a poller to the next.
const POLL: Duration = Duration::from_secs(1);

/// What keepalived and Holdfast say when an instance leaves the election.
const FAULT: &str = "(VI_1) Entering FAULT STATE";
/// And when it is back.
const BACK: &str = "(VI_1) Entering BACKUP STATE";

struct Case {
    pair: Pair,
    subject: Software,
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        Ok(Self {
            pair: Pair::new(Wire::V2Multicast)?,
            subject,
        })
    }

    /// The better director's file: these blocks before the instance, these lines in it.
    fn configuration(&self, blocks: &str, extra: &str) -> String {
        format!("{blocks}\n{}", self.pair.configuration(STRONG, extra))
    }

    /// Both directors.
    fn start(&self, configuration: &str) -> Result<(Daemon<'_>, Daemon<'_>)> {
        let pair = &self.pair;
        let strong = Daemon::start(self.subject, &pair.strong, configuration)?;
        let weak = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(WEAK, ""))?;
        Ok((strong, weak))
    }

    /// Both directors, of which the better one is master.
    fn start_settled(&self, configuration: &str) -> Result<(Daemon<'_>, Daemon<'_>)> {
        let daemons = self.start(configuration)?;
        self.strong_is_master(SystemTime::UNIX_EPOCH)?;
        Ok(daemons)
    }

    fn strong_is_master(&self, since: SystemTime) -> Result<SystemTime> {
        self.pair
            .wait_for_master(&self.pair.strong, since, master_down(STRONG) + INTERVAL)
    }

    fn weak_is_master(&self, since: SystemTime) -> Result<SystemTime> {
        self.pair
            .wait_for_master(&self.pair.weak, since, master_down(WEAK) + INTERVAL)
    }

    fn port(&self) -> Result<Port> {
        let ports = self.pair.network().ports();
        ports.into_iter().find(|port| port.node == "strong").context("no port")
    }

    fn pull(&self) -> Result<SystemTime> {
        let now = SystemTime::now();
        self.pair.network().pull(&self.port()?)?;
        Ok(now)
    }

    fn put_back(&self) -> Result<SystemTime> {
        let now = SystemTime::now();
        self.pair.network().put_back(&self.port()?)?;
        Ok(now)
    }

    fn ip(&self, lines: &[&str]) -> Result<SystemTime> {
        let now = SystemTime::now();
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        self.pair.strong.ip(&lines)?;
        Ok(now)
    }

    /// An interface with a carrier, as soon as it is switched on.
    fn add(&self, name: &str) -> Result<()> {
        let peer = format!("far-{name}");
        let make = format!("link add {name} type veth peer name {peer}");
        self.ip(&[&make, &format!("link set {peer} up")]).map(drop)
    }

    /// A setting of the kernel in the better director's network.
    fn sysctl(&self, name: &str) -> Result<String> {
        let text = self.pair.strong.run("cat", &[&format!("/proc/sys/net/ipv4/{name}")])?;
        Ok(text.trim().to_owned())
    }

    fn wait_for_sysctl(&self, name: &str, wanted: &str) -> Result<()> {
        let outcome = wait::until(name, LATENESS + INTERVAL, || {
            self.sysctl(name).is_ok_and(|value| value == wanted)
        });
        ensure!(outcome.is_ok(), "{name} is {:?} and not {wanted}", self.sysctl(name));
        Ok(())
    }

    /// The better director says that it is worth this, from `since` on.
    fn wait_for_priority(&self, since: SystemTime, wanted: u8) -> Result<()> {
        let strong = &self.pair.strong;
        let says = |seen: &bed::onlooker::Sighting| seen.is_advert_of(strong, |priority| priority == wanted);
        let bound = INTERVAL + LATENESS;
        let what = format!("priority {wanted}");
        self.pair.onlooker.wait_for(&what, since, bound, says).map(drop)
    }
}

/// `event` at `since` came after `delay`, and not much later.
fn ensure_after(delay: Duration, since: SystemTime, event: SystemTime) -> Result<()> {
    let took = wait::seconds_between(since, event);
    let due = delay.as_secs_f64();
    println!("after {took:.3} s, due after {due} s");
    let lateness = LATENESS + load::excuse(since, event);
    ensure!(
        took > due - 0.05 && took < due + lateness.as_secs_f64(),
        "after {took:.3} s and not {due} s"
    );
    Ok(())
}

/// A cable that is away for less than the delay is not noticed. One that is away for longer is, after it; and it counts
/// as back after the other one.
fn a_loss_counts_after_its_delay(subject: Software) -> Result<()> {
    const DOWN: Duration = Duration::from_millis(1500);
    const UP: Duration = Duration::from_secs(1);
    let case = Case::new(subject)?;
    let (strong, _weak) =
        case.start_settled(&case.configuration("interface_up_down_delays {\n    eth0 1.5 1\n}", ""))?;

    let pulled = case.pull()?;
    std::thread::sleep(DOWN / 2);
    case.put_back()?;
    std::thread::sleep(INTERVAL * 3);
    ensure!(
        strong.wait_for_log(FAULT, pulled, Duration::ZERO).is_err(),
        "a short loss was noticed"
    );
    case.pair
        .assert_only_master(&case.pair.strong, &case.pair.weak, pulled + INTERVAL * 2)?;

    let pulled = case.pull()?;
    let noticed = strong.wait_for_log(FAULT, pulled, DOWN + LATENESS)?;
    ensure_after(DOWN, pulled, noticed)?;
    case.weak_is_master(pulled)?;
    case.pair.wait_for_address(&case.pair.strong, false)?;

    // Back for too short a time, and then for good.
    let short = case.put_back()?;
    std::thread::sleep(UP / 2);
    case.pull()?;
    std::thread::sleep(UP);
    ensure!(
        strong.wait_for_log(BACK, short, Duration::ZERO).is_err(),
        "a moment was enough"
    );
    let back = case.put_back()?;
    let noticed = strong.wait_for_log(BACK, back, UP + LATENESS)?;
    ensure_after(UP, back, noticed)?;
    case.strong_is_master(back).map(drop)
}

/// The delays of an interface are those of the virtual MACs over it.
fn a_loss_below_a_virtual_mac_counts_after_its_delay(subject: Software) -> Result<()> {
    const DOWN: Duration = Duration::from_millis(1500);
    let case = Case::new(subject)?;
    let delays = "interface_up_down_delays {\n    eth0 1.5\n}";
    let (strong, _weak) = case.start_settled(&case.configuration(delays, "use_vmac"))?;
    let pulled = case.pull()?;
    let noticed = strong.wait_for_log(FAULT, pulled, DOWN + LATENESS)?;
    ensure_after(DOWN, pulled, noticed)?;
    let back = case.put_back()?;
    case.strong_is_master(back).map(drop)
}

/// A delay ends before a backup would take silence for death.
fn a_delay_is_shorter_than_the_patience_of_backups(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (strong, _weak) = case.start_settled(&case.configuration("interface_up_down_delays {\n    eth0 60\n}", ""))?;
    let pulled = case.pull()?;
    let noticed = strong.wait_for_log(FAULT, pulled, INTERVAL * 2 + LATENESS)?;
    ensure_after(INTERVAL * 2, pulled, noticed)?;
    // No delay for the way back was asked for.
    let back = case.put_back()?;
    let noticed = strong.wait_for_log(BACK, back, LATENESS)?;
    ensure_after(Duration::ZERO, back, noticed)
}

/// The driver is asked for the link, in the way that works.
fn links_are_polled(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let (strong, _weak) = case.start_settled(&case.configuration("linkbeat_interfaces {\n    eth0 MII\n}", ""))?;
    strong.wait_for_log(
        "(eth0): Configured linkbeat type MII not supported, using ETHTOOL",
        start,
        LATENESS,
    )?;
    let pulled = case.pull()?;
    strong.wait_for_log(FAULT, pulled, POLL + LATENESS)?;
    strong.wait_for_log("Linkbeat reports eth0 down", pulled, POLL + LATENESS)?;
    case.weak_is_master(pulled)?;
    let back = case.put_back()?;
    strong.wait_for_log("Linkbeat reports eth0 up", back, POLL + LATENESS)?;
    strong.wait_for_log(BACK, back, POLL + LATENESS)?;
    case.strong_is_master(back).map(drop)
}

/// All that instances use are polled, and nothing is any more after a reload without it.
fn polling_of_all_and_of_none(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.add("eth1")?;
    case.ip(&["link set eth1 up"])?;
    let extra = "track_interface {\n        eth1 weight -20\n    }";
    let start = SystemTime::now();
    let (strong, _weak) = case.start_settled(&case.configuration("linkbeat_use_polling", extra))?;
    let words = match subject {
        Software::Keepalived => "Using MII-BMSR/ETHTOOL NIC polling thread(s)",
        Software::Holdfast => "the link of eth1 is polled by ETHTOOL",
    };
    strong.wait_for_log(words, start, LATENESS)?;
    let down = case.ip(&["link set eth1 down"])?;
    case.wait_for_priority(down, STRONG - 20)?;
    std::thread::sleep(POLL);
    let up = case.ip(&["link set eth1 up"])?;
    case.wait_for_priority(up, STRONG)?;

    let reloaded = strong.reload(&case.configuration("", extra))?;
    std::thread::sleep(INTERVAL * 2);
    let down = case.ip(&["link set eth1 down"])?;
    case.wait_for_priority(down, STRONG - 20)?;
    ensure!(
        strong
            .wait_for_log("Linkbeat reports", reloaded, Duration::ZERO)
            .is_err(),
        "still polled"
    );
    Ok(())
}

/// Interfaces are tracked with weights, and turned round.
fn tracked_interfaces_weigh(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    for name in ["eth1", "eth2", "eth3", "eth4"] {
        case.add(name)?;
    }
    case.ip(&["link set eth1 up", "link set eth3 up"])?;
    let extra = "track_interface {\n        eth1 weight -10\n        eth2 weight -20 reverse\n        eth3 weight 40\n        \
                 eth4 weight 0 reverse\n    }";
    // eth1 would take when down; eth2 is down and adds, turned round, what it would take; eth3 is up and adds.
    let start = SystemTime::now();
    let (strong, _weak) = case.start_settled(&case.configuration("", extra))?;
    case.wait_for_priority(start, STRONG + 60)?;
    for (line, wanted) in [
        ("link set eth1 down", STRONG + 50),
        ("link set eth2 up", STRONG + 30),
        ("link set eth3 down", STRONG - 10),
        ("link set eth1 up", STRONG),
        ("link set eth2 down", STRONG + 20),
    ] {
        let now = case.ip(&[line])?;
        case.wait_for_priority(now, wanted).context(line)?;
    }
    let up = case.ip(&["link set eth4 up"])?;
    strong.wait_for_log(FAULT, up, LATENESS)?;
    let down = case.ip(&["link del eth4"])?;
    strong.wait_for_log(BACK, down, LATENESS)?;
    case.strong_is_master(down).map(drop)
}

/// How `lan0` is made, the interface of the instance, each time as another kind.
const MACVLAN: [&str; 3] = [
    "link add lan0 link eth0 type macvlan mode bridge",
    "link set lan0 up",
    "address add 192.0.2.1/24 dev lan0",
];
const BRIDGE: [&str; 4] = [
    "link add lan0 type bridge forward_delay 0 mcast_snooping 0",
    "link set eth0 master lan0",
    "link set lan0 up",
    "address add 192.0.2.1/24 dev lan0",
];

impl Case {
    /// The instance is on `lan0`, which is not there.
    fn start_without_interface(&self) -> Result<(Daemon<'_>, Daemon<'_>)> {
        self.ip(&["address del 192.0.2.1/24 dev eth0"])?;
        let global = "global_defs {\n    dynamic_interfaces allow_if_changes\n}";
        let configuration = self.configuration(global, "").replace("eth0", "lan0");
        let start = SystemTime::now();
        let daemons = self.start(&configuration)?;
        self.weak_is_master(start)?;
        Ok(daemons)
    }

    fn strong_takes_over_after(&self, lines: &[&str]) -> Result<()> {
        self.ip(lines)?;
        // Not before: on an interface that is replaced the old master may have spoken once more.
        let taken = self.strong_is_master(SystemTime::now())?;
        std::thread::sleep(INTERVAL);
        let (pair, lateness) = (&self.pair, LATENESS + load::excuse(taken, SystemTime::now()));
        let since = taken + lateness;
        pair.assert_only_master(&pair.strong, &pair.weak, since)
    }
}

/// An interface that comes later is waited for. Deleted, it is a fault; made again, with another number, it serves again;
/// and so it does when it comes back as something else.
fn an_interface_comes_goes_and_changes(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (strong, _weak) = case.start_without_interface()?;
    case.strong_takes_over_after(&MACVLAN)?;

    let gone = case.ip(&["link del lan0"])?;
    strong.wait_for_log(FAULT, gone, LATENESS)?;
    case.weak_is_master(gone)?;
    // Numbers are not used twice, but to be sure:
    case.add("between")?;
    case.strong_takes_over_after(&MACVLAN)?;

    let gone = case.ip(&["link del lan0"])?;
    strong.wait_for_log(FAULT, gone, LATENESS)?;
    case.weak_is_master(gone)?;
    case.strong_takes_over_after(&BRIDGE)
}

/// An interface that is deleted and made again before anybody can look is another one all the same.
fn an_interface_is_replaced_at_once(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (_strong, _weak) = case.start_without_interface()?;
    case.strong_takes_over_after(&MACVLAN)?;
    let lines: Vec<&str> = ["link del lan0"].into_iter().chain(MACVLAN).collect();
    case.strong_takes_over_after(&lines)
}

/// Virtual addresses may be on another interface that comes and goes.
fn an_interface_of_addresses_comes_and_goes(subject: Software) -> Result<()> {
    const ELSEWHERE: &str = "198.51.100.7";
    let case = Case::new(subject)?;
    let global = "global_defs {\n    dynamic_interfaces\n}";
    let extra = format!("virtual_ipaddress_excluded {{\n        {ELSEWHERE}/24 dev eth1\n    }}");
    let add = || {
        case.add("eth1")?;
        case.ip(&["link set eth1 up"])
    };
    add()?;
    let (strong, _weak) = case.start_settled(&case.configuration(global, &extra))?;
    let address: IpAddr = ELSEWHERE.parse()?;
    let holds = |wanted: bool| {
        wait::until("the address on eth1", LATENESS, || {
            case.pair.strong.has(address) == wanted
        })
    };
    holds(true)?;
    let gone = case.ip(&["link del eth1"])?;
    strong.wait_for_log(FAULT, gone, LATENESS)?;
    case.weak_is_master(gone)?;
    let made = add()?;
    case.strong_is_master(made)?;
    holds(true)
}

/// Settings of the kernel are as asked for while the daemon runs, and then as they were.
fn settings_of_the_kernel_are_lent(subject: Software) -> Result<()> {
    const PROMOTE: &str = "conf/eth0/promote_secondaries";
    const REPORTS: &str = "igmp_link_local_mcast_reports";
    let case = Case::new(subject)?;
    case.pair.strong.sysctl("ipv4/conf/eth0/promote_secondaries", "0")?;
    let before = (case.sysctl(PROMOTE)?, case.sysctl(REPORTS)?);
    ensure!(before == ("0".to_owned(), "1".to_owned()), "{before:?}");
    let global = "global_defs {\n    disable_local_igmp\n}";
    let (strong, _weak) = case.start_settled(&case.configuration(global, "promote_secondaries"))?;
    case.wait_for_sysctl(PROMOTE, "1")?;
    case.wait_for_sysctl(REPORTS, "0")?;

    // keepalived leaves it as it is.
    if subject == Software::Holdfast {
        strong.reload(&case.configuration(global, ""))?;
        case.wait_for_sysctl(PROMOTE, "0")?;
        case.wait_for_sysctl(REPORTS, "0")?;
        strong.reload(&case.configuration(global, "promote_secondaries"))?;
        case.wait_for_sysctl(PROMOTE, "1")?;
    }
    strong.stop()?;
    case.wait_for_sysctl(PROMOTE, "0")?;
    case.wait_for_sysctl(REPORTS, "1")
}

/// A static address without an interface is on the default one.
fn static_addresses_have_a_default_interface(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.add("eth1")?;
    case.ip(&["link set eth1 up"])?;
    let blocks = "global_defs {\n    default_interface eth1\n}\nstatic_ipaddress {\n    198.51.100.9/24\n}";
    let (_strong, _weak) = case.start_settled(&case.configuration(blocks, ""))?;
    let shown = case.pair.strong.run("ip", &["address", "show", "dev", "eth1"])?;
    ensure!(shown.contains("198.51.100.9/24"), "{shown}");
    Ok(())
}

/// The directory of a tracked file is a symbolic link, which is turned to another directory: the number there counts.
fn a_tracked_file_is_behind_a_link(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let strong = &case.pair.strong;
    for (folder, value) in [("first", "0"), ("second", "-20")] {
        std::fs::create_dir(strong.path(&format!("/run/{folder}")))?;
        std::fs::write(strong.path(&format!("/run/{folder}/value")), value)?;
    }
    strong.run("ln", &["-s", "first", "/run/current"])?;
    let block = "track_file tf {\n    file /run/current/value\n}";
    let (_strong, _weak) =
        case.start_settled(&case.configuration(block, "track_file {\n        tf weight 1\n    }"))?;
    let written = SystemTime::now();
    strong.run("sh", &["-c", "echo -10 > /run/first/value"])?;
    case.wait_for_priority(written, STRONG - 10)?;
    if subject == Software::Keepalived {
        // It goes on watching the directory that the link led to at the start.
        return Ok(());
    }
    let turned = SystemTime::now();
    strong.run("sh", &["-c", "ln -s second /run/next && mv -T /run/next /run/current"])?;
    case.wait_for_priority(turned, STRONG - 20)?;
    let written = SystemTime::now();
    strong.run("sh", &["-c", "echo -30 > /run/second/value"])?;
    case.wait_for_priority(written, STRONG - 30)
}

bed::cases!(peers both;
    a_loss_counts_after_its_delay
    a_loss_below_a_virtual_mac_counts_after_its_delay
    a_delay_is_shorter_than_the_patience_of_backups
    links_are_polled
    polling_of_all_and_of_none
    tracked_interfaces_weigh
    an_interface_comes_goes_and_changes
    an_interface_is_replaced_at_once
    an_interface_of_addresses_comes_and_goes
    settings_of_the_kernel_are_lent
    static_addresses_have_a_default_interface
    a_tracked_file_is_behind_a_link
);
