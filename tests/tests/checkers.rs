//! The same checks under keepalived and under Holdfast, side by side, against the same servers: the same verdict for each
//! reply, or a difference that is written down in `docs/compatibility.md`. In a guest, started by
//! `cargo xtask test guest`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use bed::daemon::{Daemon, Software};
use bed::mail::Mail;
use bed::node::Node;
use bed::resolver::Resolver;
use bed::scripted;
use bed::site::{self, Forwarding, Site};
use bed::table;
use bed::verdicts::{FIRST_PORT, checker, ensure_ports, service};
use bed::wait;

/// How a server answers.
#[derive(Clone, Copy)]
enum Server {
    /// Nobody listens.
    None,
    /// A TCP server says these lines.
    Says(&'static [&'static str]),
    /// A UDP server answers so.
    Answers(fn(&[u8]) -> Vec<Vec<u8>>),
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Up,
    Down,
    /// Down for keepalived, up for Holdfast: a difference that is documented.
    UpHereOnly,
}

use Expected::{Down, Up, UpHereOnly};
use Server::{Answers, None as Nobody, Says};

/// A check of one server.
struct Case {
    name: &'static str,
    checker: &'static str,
    options: &'static str,
    server: Server,
    expected: Expected,
}

const fn case(
    name: &'static str,
    checker: &'static str,
    options: &'static str,
    server: Server,
    expected: Expected,
) -> Case {
    Case {
        name,
        checker,
        options,
        server,
        expected,
    }
}

const fn smtp(name: &'static str, lines: &'static [&'static str], expected: Expected) -> Case {
    case(name, "SMTP_CHECK", "helo_name lb.example.org", Says(lines), expected)
}

const fn dns(name: &'static str, answers: fn(&[u8]) -> Vec<Vec<u8>>, expected: Expected) -> Case {
    case(name, "DNS_CHECK", "name www.example.test", Answers(answers), expected)
}

const fn udp(name: &'static str, options: &'static str, answer: fn(&[u8]) -> Vec<Vec<u8>>, expected: Expected) -> Case {
    case(name, "UDP_CHECK", options, Answers(answer), expected)
}

const LONG_LINE: &str = concat!(
    "220 ",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "\r\n"
);

const MAIL: &[Case] = &[
    case("nobody", "SMTP_CHECK", "", Nobody, Down),
    smtp("usual", &["220 mx ESMTP\r\n", "250 hello\r\n", "221 bye\r\n"], Up),
    smtp("bare line feeds", &["220 mx\n", "250 hello\n", "221 bye\n"], Up),
    smtp("line feed after the code", &["220\n", "250\n", "221\n"], Up),
    smtp("error to QUIT", &["220 mx\r\n", "250 hello\r\n", "500 what\r\n"], Up),
    smtp("garbage to QUIT", &["220 mx\r\n", "250 hello\r\n", "what?\r\n"], Up),
    smtp("nothing to QUIT", &["220 mx\r\n", "250 hello\r\n", ""], Down),
    smtp("gone at QUIT", &["220 mx\r\n", "250 hello\r\n"], Down),
    smtp(
        "error said early",
        &["220 mx\r\n550 no\r\n", "250 hello\r\n", "221 bye\r\n"],
        Up,
    ),
    smtp("no service", &["554 no\r\n"], Down),
    smtp("temporarily none", &["421 later\r\n"], Down),
    smtp(
        "greeting of the wrong code",
        &["250 mx\r\n", "250 hello\r\n", "221 bye\r\n"],
        Down,
    ),
    smtp("HELO refused", &["220 mx\r\n", "501 bad name\r\n", "221 bye\r\n"], Down),
    smtp("HELO answered as QUIT", &["220 mx\r\n", "221 bye\r\n"], Down),
    smtp("four digits", &["2200 mx\r\n", "250 hello\r\n", "221 bye\r\n"], Down),
    smtp(
        "tab after the code",
        &["220\tmx\r\n", "250 hello\r\n", "221 bye\r\n"],
        Down,
    ),
    smtp("another protocol", &["SSH-2.0-OpenSSH_9.2\r\n", "", ""], Down),
    smtp("empty line", &["\r\n", "250 hello\r\n"], Down),
    smtp("silent", &["", "", ""], Down),
    smtp("closes at once", &[], Down),
    smtp("half a line", &["220 mx", "250 hello\r\n"], Down),
    smtp("too long a line", &[LONG_LINE, "250 hello\r\n", "221 bye\r\n"], Down),
    smtp("nothing after the code", &["220\r\n", "250\r\n", "221\r\n"], UpHereOnly),
    smtp(
        "greeting in lines",
        &["220-mx\r\n220 ESMTP\r\n", "250 hello\r\n", "221 bye\r\n"],
        UpHereOnly,
    ),
    smtp(
        "HELO answered in lines",
        &["220 mx\r\n", "250-hello\r\n250 you\r\n", "221 bye\r\n"],
        UpHereOnly,
    ),
    smtp(
        "lines of two codes",
        &["220-mx\r\n554 no\r\n", "250 hello\r\n", "221 bye\r\n"],
        Down,
    ),
    // The first two ports are those of the first two cases. The block has a connect_timeout, so it is checked itself, too;
    // and keepalived 2.2.7 gives up a host without one at once.
    case(
        "up, and a host that is",
        "SMTP_CHECK",
        "host {\n                connect_port 10001\n                connect_timeout 1\n            }",
        Says(&["220 mx\r\n", "250 hello\r\n", "221 bye\r\n"]),
        Up,
    ),
    case(
        "up, and a host that is not",
        "SMTP_CHECK",
        "host {\n                connect_port 10000\n                connect_timeout 1\n            }",
        Says(&["220 mx\r\n", "250 hello\r\n", "221 bye\r\n"]),
        Down,
    ),
    case(
        "down, and a host that is up",
        "SMTP_CHECK",
        "host {\n                connect_port 10001\n                connect_timeout 1\n            }",
        Nobody,
        Down,
    ),
];

/// The question with the response flag and this error.
fn answer(question: &[u8], rcode: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    if let [_, _, flags, more_flags, ..] = answer.as_mut_slice() {
        *flags |= 0x80;
        *more_flags = rcode;
    }
    answer
}

/// An answer to another question.
fn foreign(question: &[u8]) -> Vec<u8> {
    let mut answer = answer(question, 0);
    if let Some(byte) = answer.first_mut() {
        *byte ^= 0x55;
    }
    answer
}

const NAMES: &[Case] = &[
    case("nobody", "DNS_CHECK", "", Nobody, Down),
    dns("no error", |question| vec![answer(question, 0)], Up),
    dns(
        "header alone",
        |question| vec![answer(question, 0).into_iter().take(12).collect()],
        Up,
    ),
    dns("format error", |question| vec![answer(question, 1)], Down),
    dns("server failure", |question| vec![answer(question, 2)], Down),
    dns("no such name", |question| vec![answer(question, 3)], Down),
    dns("refused", |question| vec![answer(question, 5)], Down),
    dns("unknown error", |question| vec![answer(question, 15)], Down),
    dns("echo", |question| vec![question.to_vec()], Down),
    dns("another number", |question| vec![foreign(question)], Down),
    dns(
        "too short",
        |question| vec![answer(question, 0).into_iter().take(7).collect()],
        Down,
    ),
    dns("empty", |_| vec![Vec::new()], Down),
    dns("silent", |_| Vec::new(), Down),
    dns(
        "noise, then no error",
        |question| vec![b"x".to_vec(), foreign(question), answer(question, 0)],
        Up,
    ),
    dns(
        "error, then none",
        |question| vec![answer(question, 2), answer(question, 0)],
        Down,
    ),
];

/// Without payloads, and with no 0xff at the end of what is required: keepalived 2.2.7 takes either for an error.
const DATAGRAMS: &[Case] = &[
    case("nobody", "UDP_CHECK", "", Nobody, Down),
    case("nobody, reply needed", "UDP_CHECK", "require_reply", Nobody, Down),
    udp("silent", "", |_| Vec::new(), Up),
    udp("talkative", "", |_| vec![b"hello".to_vec()], Up),
    udp("silent, reply needed", "require_reply", |_| Vec::new(), Down),
    udp("any reply", "require_reply", |_| vec![b"hello".to_vec()], Up),
    udp("empty reply", "require_reply", |_| vec![Vec::new()], Up),
    udp("echo", "require_reply 6b656570", |question| vec![question.to_vec()], Up),
    udp("as needed", "require_reply 0001fe", |_| vec![vec![0, 1, 0xfe, 9]], Up),
    udp("different", "require_reply 0001fe", |_| vec![vec![0, 1, 0xfd, 9]], Down),
    udp("shorter", "require_reply 0001fe", |_| vec![vec![0, 1]], Up),
    udp(
        "half a byte counts",
        "require_reply x10f",
        |_| vec![vec![0xf1, 0x0f]],
        Up,
    ),
    udp(
        "half a byte differs",
        "require_reply x10f",
        |_| vec![vec![0xf2, 0x0f]],
        Down,
    ),
    udp(
        "too short",
        "require_reply 00\n            min_reply_length 3",
        |_| vec![vec![0, 1]],
        Down,
    ),
    udp(
        "long enough",
        "require_reply 00\n            min_reply_length 2",
        |_| vec![vec![0, 1]],
        Up,
    ),
    udp(
        "too long",
        "require_reply 00\n            max_reply_length 2",
        |_| vec![vec![0, 1, 2]],
        Down,
    ),
    udp(
        "not too long",
        "require_reply 00\n            max_reply_length 2",
        |_| vec![vec![0, 1]],
        Up,
    ),
    udp(
        "lengths without bytes",
        "require_reply\n            max_reply_length 2",
        |_| vec![vec![0, 1, 2]],
        Up,
    ),
];

/// All cases at once, one real server each.
fn same_verdicts(cases: &'static [Case]) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let server = &site.servers[0];
    // A refusal that is not sent for economy would be silence, which is a success.
    server.sysctl("ipv4/icmp_ratelimit", "0")?;
    let numbered = || (FIRST_PORT..).zip(cases);
    for (port, case) in numbered() {
        match case.server {
            Nobody => {}
            Says(lines) => scripted::dialogue(server, port, lines)?,
            Answers(answers) => scripted::datagrams(server, port, answers)?,
        }
    }
    let configuration =
        service(numbered().map(|(port, case)| ("192.168.0.61", port, checker(case.checker, case.options))));
    let [first, second] = &site.directors;
    let _keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let up = |here: bool| -> BTreeSet<u16> {
        numbered()
            .filter(|(_, case)| case.expected == Up || here && case.expected == UpHereOnly)
            .map(|(port, _)| port)
            .collect()
    };
    let name = |port: u16| {
        let case = port
            .checked_sub(FIRST_PORT)
            .and_then(|number| cases.get(usize::from(number)));
        case.map_or_else(|| port.to_string(), |case| case.name.to_owned())
    };
    ensure_ports([first, second], [&up(false), &up(true)], name)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn mail_servers() -> Result<()> {
    same_verdicts(MAIL)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn name_servers() -> Result<()> {
    same_verdicts(NAMES)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn datagrams() -> Result<()> {
    same_verdicts(DATAGRAMS)
}

/// Real servers, up, down and up again. The ports only tell the real servers apart.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn real_servers_come_and_go() -> Result<()> {
    const MAIL: u16 = 1;
    const NAME: u16 = 2;
    const SINGLE_LETTER: u16 = 3;
    const NO_SUCH_NAME: u16 = 4;
    const REFUSED: u16 = 5;
    const PING: u16 = 6;
    const NO_HOST: u16 = 7;
    const PING_IPV6: u16 = 8;
    const NO_HOST_IPV6: u16 = 9;
    /// Down because the network says that there is no such host, in less time than silence would take to be a success.
    const NO_HOST_UDP: u16 = 10;
    /// One for each type.
    const TYPES: u16 = 20;

    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [first, second] = &site.directors;
    let server = &site.servers[0];
    for (node, host) in [(first, "1"), (second, "2"), (server, "61")] {
        node.ip(&[format!("address add fd00::{host}/64 dev eth0 nodad")])?;
    }
    server.ip(&["address add 192.168.0.71/24 dev eth0".to_owned()])?;
    let dns = |options: &str| checker("DNS_CHECK", &format!("connect_port 53\n            {options}"));
    let ping = |address: &str| checker("PING_CHECK", &format!("connect_ip {address}"));
    let types = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"];
    let by_type = (TYPES..).zip(types);
    let checks = [
        (MAIL, checker("SMTP_CHECK", "connect_port 25")),
        (NAME, dns("type A\n            name www.example.test")),
        (SINGLE_LETTER, dns("type A\n            name a.example.test")),
        (NO_SUCH_NAME, dns("type A\n            name nothing.example.test")),
        (REFUSED, dns("name example.org")),
        (PING, ping("192.168.0.71")),
        (NO_HOST, ping("192.168.0.99")),
        (PING_IPV6, ping("fd00::61")),
        (NO_HOST_IPV6, ping("fd00::99")),
        (
            NO_HOST_UDP,
            checker("UDP_CHECK", "connect_ip 192.168.0.98\n            connect_timeout 6"),
        ),
    ];
    let checks = checks.into_iter().chain(
        by_type
            .clone()
            .map(|(port, name)| (port, dns(&format!("type {name}\n            name www.example.test")))),
    );
    let configuration = service(checks.map(|(port, checker)| ("192.168.0.61", port, checker)));
    let _keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;

    let mail = Mail::start(server)?;
    let resolver = Resolver::start(server)?;
    let ensure_up = |moment: &str, up: &[u16]| {
        let keepalived: BTreeSet<u16> = up.iter().copied().collect();
        let mut holdfast = keepalived.clone();
        // keepalived refuses the name and asks for the root, which is refused.
        if up.contains(&NAME) {
            holdfast.insert(SINGLE_LETTER);
        }
        println!("{moment}");
        ensure_ports([first, second], [&keepalived, &holdfast], |port| format!("port {port}"))
            .map_err(|problem| problem.context(moment.to_owned()))
    };
    let types: Vec<u16> = by_type.map(|(port, _)| port).collect();
    let all = [&[MAIL, NAME, PING, PING_IPV6][..], &types].concat();
    ensure_up("all servers alive", &all)?;
    mail.stop()?;
    resolver.stop()?;
    server.ip(&[
        "address del 192.168.0.71/24 dev eth0".to_owned(),
        "address del fd00::61/64 dev eth0".to_owned(),
    ])?;
    ensure_up("all servers dead", &[])?;
    let _mail = Mail::start(server)?;
    let _resolver = Resolver::start(server)?;
    server.ip(&[
        "address add 192.168.0.71/24 dev eth0".to_owned(),
        "address add fd00::61/64 dev eth0 nodad".to_owned(),
    ])?;
    ensure_up("all servers back", &all)
}

/// What a command's exit status and a file's number make of a real server: its weight in the table, or `None` where it is out.
struct Told {
    name: &'static str,
    checker: &'static str,
    /// What is told, and what becomes of it.
    steps: [(&'static str, Option<i64>); 4],
}

const fn told(name: &'static str, checker: &'static str, steps: [(&'static str, Option<i64>); 4]) -> Told {
    Told { name, checker, steps }
}

const STATUS: &str = "MISC_CHECK {\n misc_path \"/bin/sh FOLDER/exit FOLDER/NUMBER\"\n misc_timeout 6\n }";
const DYNAMIC: &str =
    "MISC_CHECK {\n misc_path \"/bin/sh FOLDER/exit FOLDER/NUMBER\"\n misc_timeout 6\n misc_dynamic\n }";
const RETRIED: &str = "MISC_CHECK {\n misc_path \"/bin/sh FOLDER/exit FOLDER/NUMBER\"\n misc_timeout 6\n retry 1\n delay_before_retry 1\n }";
const SLOW: &str = "MISC_CHECK {\n misc_path \"/bin/sh -c 'sleep $(cat FOLDER/NUMBER)'\"\n misc_timeout 4\n }";
const FILE: &str = "FILE_CHECK {\n track_file tNUMBER\n weight 0\n }";
const FILE_WEIGHT: &str = "FILE_CHECK {\n track_file tNUMBER\n weight 3\n }";

/// The configured weight is 10.
const TOLD: &[Told] = &[
    told(
        "status",
        STATUS,
        [("0", Some(10)), ("1", None), ("2", None), ("0", Some(10))],
    ),
    told(
        "dynamic",
        DYNAMIC,
        [("0", Some(10)), ("42", Some(40)), ("1", None), ("255", Some(253))],
    ),
    told(
        "dynamic, least",
        DYNAMIC,
        [("2", Some(0)), ("3", Some(1)), ("0", Some(10)), ("1", None)],
    ),
    told(
        "retried",
        RETRIED,
        [("0", Some(10)), ("5", None), ("0", Some(10)), ("0", Some(10))],
    ),
    told(
        "slow",
        SLOW,
        [("0", Some(10)), ("20", None), ("0", Some(10)), ("20", None)],
    ),
    told(
        "file",
        FILE,
        [("0", Some(10)), ("7", None), ("0", Some(10)), ("-1", None)],
    ),
    told(
        "file with a weight",
        FILE_WEIGHT,
        [("0", Some(10)), ("5", Some(25)), ("-2", Some(4)), ("-9", Some(0))],
    ),
];

/// Commands and files, under both directors at once.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn commands_and_files() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    // Neither in /run, of which each node has its own, nor where others may write.
    let folder = std::path::PathBuf::from(format!("/var/lib/holdfast-told-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("exit"), "exit $(cat \"$1\")\n")?;
    let tell = |step: usize| -> Result<()> {
        for (number, case) in TOLD.iter().enumerate() {
            let said = case.steps.get(step).context("no such step")?.0;
            // At once, so that nobody reads half of it.
            let (fresh, file) = (folder.join("fresh"), folder.join(number.to_string()));
            std::fs::write(&fresh, format!("{said}\n"))?;
            std::fs::rename(fresh, file)?;
        }
        Ok(())
    };
    tell(0)?;
    let place = folder.to_string_lossy();
    let mut configuration = "global_defs {\n script_user root\n enable_script_security\n}\n".to_owned();
    let mut servers = Vec::new();
    for (number, (port, case)) in (FIRST_PORT..).zip(TOLD).enumerate() {
        let number = number.to_string();
        configuration += &["track_file t", &number, " {\n file ", &place, "/", &number, "\n}\n"].concat();
        let checker = case.checker.replace("FOLDER", &place).replace("NUMBER", &number);
        servers.push(("192.168.0.61", port, ["weight 10\n", &checker, "\n"].concat()));
    }
    configuration += &service(servers);
    let [first, second] = &site.directors;
    let _keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    for step in 0..4 {
        tell(step)?;
        let wanted: BTreeMap<u16, i64> = (FIRST_PORT..)
            .zip(TOLD)
            .filter_map(|(port, case)| Some((port, case.steps.get(step)?.1?)))
            .collect();
        let [theirs, ours] = [first, second].map(|director| wait_for_weights(director, &wanted));
        theirs.with_context(|| format!("keepalived, step {step}"))?;
        ours.with_context(|| format!("Holdfast, step {step}"))?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Waits until a director's table has these weights, by port.
fn wait_for_weights(director: &Node, wanted: &BTreeMap<u16, i64>) -> Result<()> {
    let seen = || -> BTreeMap<u16, i64> {
        let services = table::services(director).unwrap_or_default();
        let destinations = services.iter().flat_map(|service| &service.destinations);
        destinations
            .map(|destination| (destination.address.port(), destination.weight))
            .collect()
    };
    let outcome = wait::until("weights", Duration::from_mins(1), || seen() == *wanted);
    let name = |port: &u16| {
        let case = port
            .checked_sub(FIRST_PORT)
            .and_then(|number| TOLD.get(usize::from(number)));
        case.map_or("?", |case| case.name)
    };
    let named = |weights: &BTreeMap<u16, i64>| -> Vec<String> {
        weights
            .iter()
            .map(|(port, weight)| format!("{}: {weight}", name(port)))
            .collect()
    };
    outcome.with_context(|| format!("has {:?}\nwanted {:?}", named(&seen()), named(wanted)))
}
