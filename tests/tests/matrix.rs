//! The interoperation matrix: what both programs do, seen from outside, with keepalived everywhere and with Holdfast in each
//! role. Each case runs in all roles at the same time and adds rows to a table, which `cargo xtask test peers` prints at
//! its end.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use bed::matrix::{Act, Difference, Scenario, Step, Until, check};

/// Priorities of the three nodes, the best first.
fn priority(node: usize) -> u8 {
    [150, 120, 100].get(node).copied().unwrap_or(1)
}

/// Of adverts, where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(1);

/// A script's interval: its result may be that old.
const TURN: Duration = Duration::from_secs(1);

/// Longer than anybody waits for a silent master of one second: who wanted to take over would have done so.
const LONG: Duration = Duration::from_secs(5);

const V4: &str = "192.0.2.200";
const V6: &str = "fd00::200";

/// A `vrrp_instance`, as most cases have it.
#[derive(Clone)]
struct Instance {
    name: String,
    interface: &'static str,
    vrid: u8,
    priority: u8,
    version: u8,
    interval: &'static str,
    /// Further lines.
    lines: String,
    addresses: Vec<String>,
}

impl Instance {
    fn of(node: usize) -> Self {
        Self {
            name: "VI_1".to_owned(),
            interface: "eth0",
            vrid: 51,
            priority: priority(node),
            version: 2,
            interval: "1",
            lines: String::new(),
            addresses: vec![format!("{V4}/24")],
        }
    }

    fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    fn ipv6(mut self) -> Self {
        self.version = 3;
        // RFC 9568 section 5.2.9: the first IPv6 address is link-local.
        self.addresses = vec!["fe80::200/64".to_owned(), format!("{V6}/64")];
        self
    }

    fn interval(mut self, interval: &'static str) -> Self {
        self.interval = interval;
        self
    }

    fn line(mut self, line: &str) -> Self {
        self.lines.extend(["    ", line, "\n"]);
        self
    }

    /// To the other one of two, `own` being the end of our address.
    fn unicast(self, prefix: &str, node: usize) -> Self {
        let (own, peer) = (node + 1, 2 - node);
        self.line(&format!(
            "unicast_src_ip {prefix}{own}\n    unicast_peer {{\n        {prefix}{peer}\n    }}"
        ))
    }

    fn text(&self) -> String {
        format!(
            "vrrp_instance {} {{\n    state BACKUP\n    interface {}\n    virtual_router_id {}\n    priority {}\n    \
             advert_int {}\n    version {}\n{}    virtual_ipaddress {{\n        {}\n    }}\n}}\n",
            self.name,
            self.interface,
            self.vrid,
            self.priority,
            self.interval,
            self.version,
            self.lines,
            self.addresses.join("\n        ")
        )
    }
}

/// Two nodes that differ in their priority only, as `instance` makes them.
fn two(instance: impl Fn(Instance, usize) -> Instance) -> Vec<String> {
    (0..2).map(|node| instance(Instance::of(node), node).text()).collect()
}

fn scenario(name: &'static str, configurations: Vec<String>, steps: Vec<Step>) -> Scenario {
    Scenario {
        name,
        configurations,
        held: vec![address(V4)],
        interval: INTERVAL,
        steps,
        counts_announcements: false,
        differences: Vec::new(),
    }
}

#[allow(clippy::unwrap_used, reason = "literals")]
fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn start(node: usize, master: usize) -> Step {
    Step::new(Act::Start(node), Until::Master(master))
}

/// The whole life of a pair: the worse one alone, preemption, a dead master, preemption again, both clean stops.
fn life() -> Vec<Step> {
    vec![
        start(1, 1),
        start(0, 0),
        Step::new(Act::Kill(0), Until::Master(1)),
        start(0, 0),
        Step::new(Act::Stop(0), Until::Master(1)),
        Step::new(Act::Stop(1), Until::Nobody),
    ]
}

fn v2_ipv4_multicast() -> Scenario {
    scenario("v2 IPv4 multicast", two(|it, _| it), life())
}

fn v2_ipv4_unicast() -> Scenario {
    scenario("v2 IPv4 unicast", two(|it, node| it.unicast("192.0.2.", node)), life())
}

fn v3_ipv4_multicast() -> Scenario {
    scenario("v3 IPv4 multicast", two(|it, _| it.version(3)), life())
}

fn v3_ipv4_unicast() -> Scenario {
    scenario(
        "v3 IPv4 unicast",
        two(|it, node| it.version(3).unicast("192.0.2.", node)),
        life(),
    )
}

fn v3_ipv6_multicast() -> Scenario {
    Scenario {
        held: vec![address(V6), address("fe80::200")],
        ..scenario("v3 IPv6 multicast", two(|it, _| it.ipv6()), life())
    }
}

fn v3_ipv6_unicast() -> Scenario {
    let known = Difference {
        lines: "next 112, VRRP",
        row: "Unicast adverts over IPv6 have the hop limit of `unicast_ttl`",
    };
    Scenario {
        held: vec![address(V6), address("fe80::200")],
        differences: vec![known],
        ..scenario(
            "v3 IPv6 unicast",
            two(|it, node| it.ipv6().unicast("fd00::", node)),
            life(),
        )
    }
}

fn v2_password() -> Scenario {
    let password = "authentication {\n        auth_type PASS\n        auth_pass h4ft\n    }";
    scenario("v2 PASS", two(|it, _| it.line(password)), life())
}

fn nopreempt() -> Scenario {
    let steps = vec![
        start(1, 1),
        Step::new(Act::Start(0), Until::Passed(LONG)),
        Step::new(Act::Kill(1), Until::Master(0)),
        Step::new(Act::Start(1), Until::Passed(LONG)),
        Step::new(Act::Stop(0), Until::Master(1)),
    ];
    scenario("nopreempt", two(|it, _| it.line("nopreempt")), steps)
}

fn preempt_delay() -> Scenario {
    // The delay begins with the first advert heard, and the wait behind it with the last one accepted: no advert comes just
    // when the delay is over.
    let steps = vec![start(1, 1), start(0, 0)];
    scenario("preempt_delay 2.5", two(|it, _| it.line("preempt_delay 2.5")), steps)
}

fn sync_group() -> Scenario {
    let group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";
    let configuration = |node| {
        let second = Instance {
            name: "VI_2".to_owned(),
            interface: "eth1",
            vrid: 52,
            addresses: vec!["198.51.100.200/24".to_owned()],
            ..Instance::of(node)
        };
        format!("{group}{}{}", Instance::of(node).text(), second.text())
    };
    let steps = vec![
        start(1, 1),
        start(0, 0),
        Step::new(Act::Pull(0, "eth1"), Until::Master(1)),
        Step::new(Act::PutBack(0, "eth1"), Until::Master(0)),
        Step::new(Act::Kill(0), Until::Master(1)),
    ];
    Scenario {
        held: vec![address(V4), address("198.51.100.200")],
        ..scenario("sync group", (0..2).map(configuration).collect(), steps)
    }
}

const VALUE: &str = "/run/value";

fn write(value: i32) -> Act {
    Act::Write(0, VALUE, format!("{value}\n"))
}

fn track_file() -> Scenario {
    let block = format!("track_file value {{\n    file {VALUE}\n    weight 2\n}}\n");
    let tracking = |node| {
        format!(
            "{block}{}",
            Instance::of(node).line("track_file {\n        value\n    }").text()
        )
    };
    let steps = vec![
        Step::new(write(0), Until::Nobody),
        start(0, 0),
        start(1, 0),
        Step::new(write(-30), Until::Master(1)),
        Step::new(write(10), Until::Master(0)),
        Step::new(Act::Remove(0, VALUE), Until::Master(0)),
        Step::new(write(-127), Until::Master(1)),
        Step::new(write(1), Until::Master(0)),
    ];
    scenario("track_file, weight 2", vec![tracking(0), Instance::of(1).text()], steps)
}

fn script(options: &str, line: &str) -> Vec<String> {
    let block = format!(
        "vrrp_script chk {{\n    script \"/usr/bin/test ! -f /run/broken\"\n    interval 1\n    user root\n    {options}\n}}\n"
    );
    let first = Instance::of(0).line(&format!("track_script {{\n        chk {line}\n    }}"));
    vec![format!("{block}{}", first.text()), Instance::of(1).text()]
}

fn script_steps() -> Vec<Step> {
    vec![
        start(0, 0).slack(TURN),
        start(1, 0),
        Step::new(Act::Write(0, "/run/broken", String::new()), Until::Master(1)).slack(TURN),
        Step::new(Act::Remove(0, "/run/broken"), Until::Master(0)).slack(TURN),
    ]
}

fn track_script_weight() -> Scenario {
    scenario("track_script, weight -60", script("", "weight -60"), script_steps())
}

fn track_script_fault() -> Scenario {
    scenario("track_script, fault", script("fall 2\n    rise 2", ""), script_steps())
}

fn track_interface() -> Scenario {
    let tracks = |weight: &str| format!("track_interface {{\n        eth1 {weight}\n    }}");
    let configurations = vec![
        Instance::of(0).line(&tracks("weight -60")).text(),
        Instance::of(1).text(),
    ];
    let steps = vec![
        start(0, 0),
        start(1, 0),
        Step::new(Act::Pull(0, "eth1"), Until::Master(1)),
        Step::new(Act::PutBack(0, "eth1"), Until::Master(0)),
        // The instance's own interface, too.
        Step::new(Act::Pull(0, "eth0"), Until::Master(1)),
        Step::new(Act::PutBack(0, "eth0"), Until::Master(0)),
    ];
    scenario("track_interface", configurations, steps)
}

fn owner() -> Scenario {
    let first = Instance {
        priority: 255,
        ..Instance::of(0)
    };
    let first = first.text().replace("state BACKUP", "state MASTER");
    scenario("priority 255", vec![first, Instance::of(1).text()], life())
}

fn tenth_of_a_second() -> Scenario {
    Scenario {
        interval: Duration::from_millis(100),
        ..scenario("advert_int 0.1", two(|it, _| it.version(3).interval("0.1")), life())
    }
}

/// Thirty milliseconds of silence are a dead master, so both run before everything else on a shared machine.
fn hundredth_of_a_second() -> Scenario {
    let global = "global_defs {\n    vrrp_rt_priority 50\n}\n";
    let configurations = two(|it, _| it.version(3).interval("0.01"));
    Scenario {
        interval: Duration::from_millis(10),
        ..scenario(
            "advert_int 0.01",
            configurations.iter().map(|text| format!("{global}{text}")).collect(),
            life(),
        )
    }
}

fn three_nodes() -> Scenario {
    let configurations = (0..3).map(|node| Instance::of(node).text()).collect();
    let steps = vec![
        start(2, 2),
        start(1, 1),
        start(0, 0),
        Step::new(Act::Kill(0), Until::Master(1)),
        Step::new(Act::Stop(1), Until::Master(2)),
        start(0, 0),
    ];
    scenario("three nodes", configurations, steps)
}

fn all_virtual_routers() -> Scenario {
    let numbers = 1..=u8::MAX;
    let configuration = |node| {
        let instance = |vrid| {
            Instance {
                name: format!("VI_{vrid}"),
                vrid,
                addresses: vec![format!("10.0.0.{vrid}/32")],
                ..Instance::of(node)
            }
            .text()
        };
        numbers.clone().map(instance).collect::<String>()
    };
    Scenario {
        held: numbers.clone().map(|vrid| [10, 0, 0, vrid].into()).collect(),
        // They need not speak all at the same moment of an interval.
        ..scenario(
            "255 virtual routers",
            (0..2).map(configuration).collect(),
            life().into_iter().map(|step| step.slack(INTERVAL)).collect(),
        )
    }
}

fn announcements() -> Scenario {
    let mut instance =
        Instance::of(0).line("virtual_ipaddress_excluded {\n        fd00::201/64\n        192.0.2.201/24\n    }");
    instance.addresses.push("192.0.2.202/24".to_owned());
    // The second burst comes after five seconds.
    let steps = vec![
        start(0, 0),
        Step::new(Act::Nothing, Until::Passed(Duration::from_secs(7))),
        Step::new(Act::Stop(0), Until::Nobody),
    ];
    let held = [V4, "192.0.2.201", "192.0.2.202", "fd00::201"];
    Scenario {
        held: held.map(address).to_vec(),
        counts_announcements: true,
        // A second node would be a second scenario: this one is about who is alone.
        ..scenario("announcements", vec![instance.text()], steps)
    }
}

fn garp_options() -> Scenario {
    let options =
        "garp_master_delay 2\n    garp_master_repeat 3\n    garp_master_refresh 3\n    garp_master_refresh_repeat 2";
    let steps = vec![
        start(0, 0),
        Step::new(Act::Nothing, Until::Passed(Duration::from_secs(8))),
        Step::new(Act::Stop(0), Until::Nobody),
    ];
    let known = Difference {
        lines: " (3 after 0 s, 3 after 2 s, 2 after ",
        row: "The first refresh of announcements comes",
    };
    Scenario {
        counts_announcements: true,
        differences: vec![known],
        ..scenario("garp options", vec![Instance::of(0).line(options).text()], steps)
    }
}

fn addresses() -> Scenario {
    let mut instance = Instance::of(0).ipv6();
    instance.version = 2;
    instance.addresses = vec![
        format!("{V4}/24 brd 192.0.2.255 label eth0:vip"),
        "192.0.2.201".to_owned(),
        "192.0.2.202/25 dev eth1 scope link".to_owned(),
        "203.0.113.1/30 dev lo".to_owned(),
    ];
    let instance =
        instance.line("virtual_ipaddress_excluded {\n        fd00::201/64 dev eth1\n        fd00::202\n    }");
    let held = [
        V4,
        "192.0.2.201",
        "192.0.2.202",
        "203.0.113.1",
        "fd00::201",
        "fd00::202",
    ];
    Scenario {
        held: held.map(address).to_vec(),
        ..scenario(
            "addresses and their options",
            vec![instance.text()],
            vec![start(0, 0), Step::new(Act::Stop(0), Until::Nobody)],
        )
    }
}

fn higher_address_wins() -> Scenario {
    let configurations = two(|it, _| Instance { priority: 100, ..it });
    // Both believe to be alone, then hear each other.
    let steps = vec![
        Step::new(Act::Pull(0, "eth0"), Until::Nobody),
        Step::new(Act::Start(0), Until::Passed(Duration::ZERO)),
        start(1, 1),
        Step::new(Act::PutBack(0, "eth0"), Until::Master(1)),
        Step::new(Act::Kill(1), Until::Master(0)),
        Step::new(Act::Start(1), Until::Passed(LONG)),
    ];
    scenario("equal priorities", configurations, steps)
}

fn lists_that_differ() -> Scenario {
    let mut second = Instance::of(1);
    second.addresses.push("192.0.2.201/24".to_owned());
    let steps = vec![start(0, 0), Step::new(Act::Start(1), Until::Passed(LONG))];
    let row = "An advert with another list of addresses is accepted and the difference said";
    Scenario {
        differences: ["after step", "of second"]
            .map(|lines| Difference { lines, row })
            .to_vec(),
        ..scenario("lists that differ", vec![Instance::of(0).text(), second.text()], steps)
    }
}

fn reload() -> Scenario {
    let instance = Instance::of(0);
    let mut other = instance.clone();
    other.priority = 110;
    other.addresses = vec!["192.0.2.202/24".to_owned(), format!("{V4}/24")];
    let steps = vec![
        start(0, 0),
        Step::new(Act::Reload(0, other.text()), Until::Passed(LONG)),
        Step::new(Act::Reload(0, instance.text()), Until::Passed(LONG)),
        Step::new(Act::Stop(0), Until::Nobody),
    ];
    scenario("reload", vec![instance.text()], steps)
}

macro_rules! cases {
    ($($case:ident)*) => {
        mod cases {
            $(
                #[test]
                #[ignore = "needs root: cargo xtask test peers"]
                fn $case() -> super::Result<()> {
                    super::check(&super::$case())
                }
            )*
        }
    };
}

cases! {
    v2_ipv4_multicast v2_ipv4_unicast v3_ipv4_multicast v3_ipv4_unicast v3_ipv6_multicast v3_ipv6_unicast v2_password
    nopreempt preempt_delay sync_group track_file track_script_weight track_script_fault track_interface owner
    tenth_of_a_second hundredth_of_a_second three_nodes all_virtual_routers announcements garp_options addresses
    higher_address_wins lists_that_differ reload
}
