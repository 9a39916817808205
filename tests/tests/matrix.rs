//! The interoperation matrix: what both programs do, seen from outside, with keepalived everywhere and with Holdfast in each
//! role. Each case runs in all roles at the same time and adds rows to a table, which `cargo xtask test peers` prints at
//! its end.

use std::time::Duration;

use anyhow::Result;
use bed::matrix::{
    Act, Company, Difference, INTERVAL, Instance, Scenario, Step, Until, V4, V6, address, check, life, scenario, start,
    two,
};

/// A script's interval: its result may be that old.
const TURN: Duration = Duration::from_secs(1);

/// Longer than anybody waits for a silent master of one second: who wanted to take over would have done so.
const LONG: Duration = Duration::from_secs(5);

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

/// There is no version 2 for IPv6: both take it for 3.
fn v2_ipv6_multicast() -> Scenario {
    Scenario {
        held: vec![address(V6), address("fe80::200")],
        ..scenario("v2 IPv6 multicast", two(|it, _| it.ipv6().version(2)), life())
    }
}

fn v2_ipv6_unicast() -> Scenario {
    let configurations = two(|it, node| it.ipv6().version(2).unicast("fd00::", node));
    Scenario {
        name: "v2 IPv6 unicast",
        configurations,
        ..v3_ipv6_unicast()
    }
}

fn v2_password() -> Scenario {
    let password = "authentication {\n        auth_type PASS\n        auth_pass h4ft\n    }";
    scenario("v2 PASS", two(|it, _| it.line(password)), life())
}

fn v2_authentication_header() -> Scenario {
    let header = "authentication {\n        auth_type AH\n        auth_pass h4ft\n    }";
    scenario("v2 AH", two(|it, _| it.line(header)), life())
}

fn v2_authentication_header_unicast() -> Scenario {
    let header = "authentication {\n        auth_type AH\n        auth_pass h4ft\n    }";
    scenario(
        "v2 AH unicast",
        two(|it, node| it.line(header).unicast("192.0.2.", node)),
        life(),
    )
}

fn vmac_ipv4() -> Scenario {
    scenario("VMAC IPv4", two(|it, _| it.line("use_vmac")), life())
}

fn vmac_ipv6() -> Scenario {
    Scenario {
        held: vec![address(V6), address("fe80::200")],
        ..scenario("VMAC IPv6", two(|it, _| it.ipv6().line("use_vmac")), life())
    }
}

fn vmac_that_speaks_from_its_base() -> Scenario {
    scenario(
        "VMAC, vmac_xmit_base",
        two(|it, _| it.line("use_vmac vip51\n    vmac_xmit_base")),
        life(),
    )
}

/// A connection to the port of nobody: who accepts packets refuses it (1), who drops them is silent (124).
fn asks(node: usize, silent: bool, family: &'static str) -> Step {
    let line: &'static [&'static str] = match (family, silent) {
        ("4", true) => &[
            "sh",
            "-c",
            "timeout 1 bash -c ': </dev/tcp/192.0.2.200/9'; test $? = 124",
        ],
        ("4", false) => &["sh", "-c", "timeout 1 bash -c ': </dev/tcp/192.0.2.200/9'; test $? = 1"],
        (_, true) => &["sh", "-c", "timeout 1 bash -c ': </dev/tcp/fd00::200/9'; test $? = 124"],
        (_, false) => &["sh", "-c", "timeout 1 bash -c ': </dev/tcp/fd00::200/9'; test $? = 1"],
    };
    Step::new(Act::Run(node, line), Until::Passed(Duration::ZERO))
}

fn asked_life(silent: bool, family: &'static str) -> Vec<Step> {
    let mut steps = life();
    steps.insert(2, asks(1, silent, family));
    // After the clean stop: one that was killed still has the address itself.
    steps.insert(6, asks(0, silent, family));
    steps
}

fn accept() -> Scenario {
    scenario(
        "accept",
        two(|it, _| it.version(3).line("accept")),
        asked_life(false, "4"),
    )
}

fn no_accept_ipv4() -> Scenario {
    scenario(
        "no_accept IPv4",
        two(|it, _| it.version(3).line("no_accept")),
        asked_life(true, "4"),
    )
}

fn no_accept_ipv6() -> Scenario {
    Scenario {
        held: vec![address(V6), address("fe80::200")],
        ..scenario(
            "no_accept IPv6",
            two(|it, _| it.ipv6().line("no_accept")),
            asked_life(true, "6"),
        )
    }
}

fn preempt() -> Scenario {
    scenario("preempt", two(|it, _| it.line("preempt")), life())
}

fn routes_and_rules() -> Scenario {
    let routed = "virtual_routes {\n        10.1.0.0/16 via 192.0.2.9 dev eth0\n        10.2.0.0/16 dev eth1 table 100\n        \
                  2001:db8::/64 via fd00::9 dev eth0\n        blackhole 10.3.0.0/16\n    }\n    virtual_rules {\n        \
                  from 10.2.0.0/16 table 100 preference 700\n        from 2001:db8::/64 table 100 preference 701\n    }";
    Scenario {
        compares_routing: true,
        ..scenario("virtual routes and rules", two(|it, _| it.line(routed)), life())
    }
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
        company: Company::Nobody,
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
    v2_ipv4_multicast v2_ipv4_unicast v3_ipv4_multicast v3_ipv4_unicast v2_ipv6_multicast v2_ipv6_unicast v3_ipv6_multicast v3_ipv6_unicast v2_password preempt routes_and_rules
    v2_authentication_header v2_authentication_header_unicast vmac_ipv4 vmac_ipv6 vmac_that_speaks_from_its_base accept no_accept_ipv4
    no_accept_ipv6
    nopreempt preempt_delay sync_group track_file track_script_weight track_script_fault track_interface owner
    tenth_of_a_second hundredth_of_a_second three_nodes all_virtual_routers announcements garp_options addresses
    higher_address_wins lists_that_differ reload
}
