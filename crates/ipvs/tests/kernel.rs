//! The table in a real kernel. Needs root and `ip_vs`; without, each test says why it is skipped.
//!
//! Every test has a network namespace, so an IPVS, of its own: IPVS is per namespace, and a test is a thread.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use holdfast_ipvs::sync::{SyncDaemon, SyncRole, Timeouts};
use holdfast_ipvs::table::{
    Destination, DestinationKey, Family, Forwarding, Protocol, Service, ServiceEntry, ServiceFlags, ServiceKey, Table,
    Tunnel, TunnelChecksum,
};
use holdfast_ipvs::{Applied, Change, Error, Kernel, reconcile, text};
use nix::sched::{CloneFlags, unshare};

/// IPVS in a namespace of the test's own, or a printed reason to skip. In the guest of the test bed nothing is skipped.
fn kernel(test: &str) -> Option<Kernel> {
    let skip = |reason: &str| {
        assert!(std::env::var_os("HOLDFAST_GUEST").is_none(), "{reason}");
        println!("{test} skipped: {reason}");
        None
    };
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        return skip(&format!("no network namespace: {error}"));
    }
    match Kernel::open() {
        Ok(kernel) => {
            // Without any local address the kernel holds every real server for a broadcast address.
            run("ip link set lo up").expect("iproute2 is not installed");
            Some(kernel)
        }
        Err(error @ Error::NoIpvs { .. }) => skip(&error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// Output of a program in the namespace of the test; `None`: the program is not installed.
fn run(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let output = match Command::new(words.next()?).args(words).output() {
        Ok(output) => output,
        Err(error) => {
            println!("not compared, `{line}`: {error}");
            return None;
        }
    };
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(protocol: Protocol, address: &str, port: u16) -> ServiceKey {
    ServiceKey::Address {
        protocol,
        address: ip(address),
        port,
    }
}

fn service(scheduler: &str, flags: u32, persistence_timeout_s: Option<u32>, persistence_prefix_len: u8) -> Service {
    let scheduler = scheduler.to_owned();
    let flags = ServiceFlags(flags);
    Service {
        scheduler,
        flags,
        persistence_timeout_s,
        persistence_prefix_len,
        persistence_engine: None,
    }
}

fn server(address: &str, port: u16, forwarding: Forwarding, weight: u32) -> (DestinationKey, Destination) {
    let key = DestinationKey {
        address: ip(address),
        port,
    };
    (
        key,
        Destination {
            forwarding,
            weight,
            upper_threshold: 0,
            lower_threshold: 0,
        },
    )
}

type Entry = (ServiceKey, Service, Vec<(DestinationKey, Destination)>);

fn table<const N: usize>(entries: [Entry; N]) -> Table {
    let entry = |(key, service, destinations): Entry| {
        (
            key,
            ServiceEntry {
                service,
                destinations: destinations.into_iter().collect(),
            },
        )
    };
    Table {
        services: entries.into_iter().map(entry).collect(),
    }
}

fn assert_clean(applied: &Applied) {
    let first = applied.failures.first().map(|failure| failure.error.to_string());
    assert!(
        applied.is_clean(),
        "{} failures, {first:?}, {} surprises",
        applied.failures.len(),
        applied.surprises
    );
}

/// Reconciles and expects that everything works and that nothing remains to do.
fn bring_to(kernel: &mut Kernel, wanted: &Table) -> Vec<Change> {
    let observed = kernel.table().unwrap();
    let owned: BTreeSet<ServiceKey> = observed.services.keys().copied().collect();
    let changes = reconcile(wanted, &observed, &owned);
    let applied = kernel.apply(&changes).unwrap();
    assert_clean(&applied);
    let observed = kernel.table().unwrap();
    assert_eq!(&observed, wanted);
    assert_eq!(reconcile(wanted, &observed, &owned), []);
    changes
}

use Forwarding::{Local, Masquerade, Route};
use Protocol::{Sctp, Tcp, Udp};

fn every_kind() -> Table {
    let gue = |checksum| Forwarding::Tunnel(Tunnel::Gue { port: 6080, checksum });
    let gre = |checksum| Forwarding::Tunnel(Tunnel::Gre { checksum });
    let ipip = Forwarding::Tunnel(Tunnel::Ipip);
    let sip = Service {
        persistence_engine: Some("sip".to_owned()),
        ..service("wlc", 0x4, Some(20), 24)
    };
    let mut limited = server("198.51.100.1", 0, gue(TunnelChecksum::Remote), 1);
    limited.1.upper_threshold = 10;
    limited.1.lower_threshold = 5;
    table([
        (
            at(Tcp, "192.0.2.1", 80),
            service("wrr", 0, None, 32),
            vec![
                server("198.51.100.1", 80, Route, 3),
                server("198.51.100.2", 8080, Masquerade, 0),
                server("198.51.100.3", 80, ipip, 2_147_483_647),
                server("198.51.100.4", 80, Local, 1),
            ],
        ),
        (
            at(Udp, "192.0.2.1", 53),
            service("sh", 0x4 | 0x8 | 0x10, Some(50), 24),
            vec![],
        ),
        (
            at(Sctp, "192.0.2.1", 80),
            service("lblcr", 0, None, 32),
            vec![server("198.51.100.1", 80, Route, 1)],
        ),
        (
            at(Tcp, "192.0.2.1", 0),
            service("rr", 0, Some(360), 32),
            vec![server("198.51.100.1", 0, Route, 1)],
        ),
        (
            at(Udp, "192.0.2.1", 5060),
            sip,
            vec![server("198.51.100.9", 5060, Masquerade, 1)],
        ),
        (
            at(Tcp, "2001:db8::1", 443),
            service("mh", 0x8 | 0x10, Some(360), 64),
            vec![
                server("2001:db8:1111:2222:3333:4444:5555:6666", 44443, Route, 1),
                server("198.51.100.1", 443, ipip, 1),
            ],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet,
                mark: 3,
            },
            service("dh", 0, None, 32),
            vec![],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet,
                mark: 5,
            },
            service("rr", 0x38, None, 32),
            vec![
                limited,
                server("198.51.100.2", 0, gre(TunnelChecksum::Full), 1),
                server("198.51.100.3", 0, gre(TunnelChecksum::None), 1),
                server("198.51.100.4", 0, gue(TunnelChecksum::Full), 1),
                server("198.51.100.5", 0, gue(TunnelChecksum::None), 1),
            ],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet6,
                mark: 5,
            },
            service("fo", 0, Some(7), 128),
            vec![server("2001:db8::5", 0, Masquerade, 1)],
        ),
    ])
}

#[test]
fn every_kind_of_entry_arrives_and_reads_back() {
    let Some(mut kernel) = kernel("every_kind_of_entry_arrives_and_reads_back") else {
        return;
    };
    let wanted = every_kind();
    bring_to(&mut kernel, &wanted);
    for (key, entry) in &wanted.services {
        assert_eq!(kernel.service(key).unwrap().as_ref(), Some(entry));
    }
    assert_eq!(kernel.service(&at(Tcp, "192.0.2.99", 80)).unwrap(), None);

    let (observed, statistics) = kernel.read().unwrap();
    let info = kernel.info().unwrap();
    if let Some(listing) = run("ipvsadm -Ln") {
        assert_eq!(text::list(&observed, &statistics, &info), listing);
    }
    if let Some(saved) = run("ipvsadm -Sn") {
        // ipvsadm forgets the thresholds.
        assert_eq!(text::save(&observed).replace(" -x 10 -y 5", ""), saved);
    }

    kernel.flush().unwrap();
    assert_eq!(kernel.table().unwrap(), Table::default());
}

#[test]
fn every_scheduler_is_taken() {
    let Some(mut kernel) = kernel("every_scheduler_is_taken") else {
        return;
    };
    for scheduler in [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
    ] {
        let wanted = table([(
            at(Tcp, "192.0.2.1", 80),
            service(scheduler, 0, None, 32),
            vec![server("198.51.100.1", 80, Route, 1)],
        )]);
        bring_to(&mut kernel, &wanted);
    }
}

#[test]
fn what_ipvsadm_makes_is_read() {
    let Some(mut kernel) = kernel("what_ipvsadm_makes_is_read") else {
        return;
    };
    for line in [
        "-A -u 192.0.2.1:53 -s mh -b mh-port -o -p 50 -M 255.255.0.0",
        "-a -u 192.0.2.1:53 -r 198.51.100.1:5353 -m -w 7 -x 100 -y 50",
        "-A -f 5 -6 -s rr",
        "-a -f 5 -6 -r [2001:db8::9]:0 -i -w 2 --tun-type gue --tun-port 6080 --tun-csum",
    ] {
        if run(&format!("ipvsadm {line}")).is_none() {
            return;
        }
    }
    let mut limited = server("198.51.100.1", 5353, Masquerade, 7);
    limited.1.upper_threshold = 100;
    limited.1.lower_threshold = 50;
    let gue = Forwarding::Tunnel(Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Full,
    });
    let expected = table([
        (
            at(Udp, "192.0.2.1", 53),
            service("mh", 0x4 | 0x10, Some(50), 16),
            vec![limited],
        ),
        (
            ServiceKey::Fwmark {
                family: Family::Inet6,
                mark: 5,
            },
            service("rr", 0, None, 128),
            vec![server("2001:db8::9", 0, gue, 2)],
        ),
    ]);
    assert_eq!(kernel.table().unwrap(), expected);
}

#[test]
fn connections_survive_every_edit() {
    let Some(mut kernel) = kernel("connections_survive_every_edit") else {
        return;
    };
    for line in [
        "ip link set lo up",
        "ip address add 192.0.2.1/32 dev lo",
        "ip address add 198.51.100.1/32 dev lo",
    ] {
        run(line).unwrap();
    }
    let key = at(Tcp, "192.0.2.1", 80);
    let wanted = |service, forwarding, weight, upper_threshold| {
        let mut server = server("198.51.100.1", 80, forwarding, weight);
        server.1.upper_threshold = upper_threshold;
        table([(key, service, vec![server])])
    };
    bring_to(&mut kernel, &wanted(service("rr", 0, None, 32), Masquerade, 1, 0));

    let listener = TcpListener::bind("198.51.100.1:80").unwrap();
    let client = TcpStream::connect_timeout(&"192.0.2.1:80".parse().unwrap(), Duration::from_secs(5)).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let active = |kernel: &mut Kernel| {
        let statistics = kernel.statistics().unwrap();
        statistics.services[&key]
            .destinations
            .values()
            .map(|server| server.active_connections)
            .sum::<u32>()
    };
    assert_eq!(active(&mut kernel), 1);

    // A real server with a local address keeps its method: a second run would otherwise edit it for ever.
    let steps = [
        (wanted(service("wlc", 0, None, 32), Masquerade, 1, 0), 1),
        (wanted(service("mh", 0x18, Some(300), 24), Masquerade, 1, 0), 1),
        (wanted(service("mh", 0, None, 32), Masquerade, 0, 50), 2),
        (
            wanted(service("mh", 0, None, 32), Forwarding::Tunnel(Tunnel::Ipip), 5, 0),
            1,
        ),
        (wanted(service("mh", 0, None, 32), Route, 5, 0), 1),
        (wanted(service("mh", 0, None, 32), Local, 5, 0), 1),
    ];
    for (wanted, edits) in steps {
        let changes = bring_to(&mut kernel, &wanted);
        assert_eq!(changes.len(), edits, "{changes:?}");
        assert!(
            changes
                .iter()
                .all(|change| matches!(change, Change::EditService { .. } | Change::EditDestination { .. })),
            "{changes:?}"
        );
        assert_eq!(active(&mut kernel), 1, "{changes:?}");
        std::io::Write::write_all(&mut &client, b"x").unwrap();
        accepted.read_exact(&mut [0]).unwrap();
    }

    // The counters are brought up to date every 2 s.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let service = &kernel.statistics().unwrap().services[&key];
        let server = &service.destinations[&DestinationKey {
            address: ip("198.51.100.1"),
            port: 80,
        }];
        if service.counters.connections == 1 && server.counters.connections == 1 && server.counters.packets_in >= 6 {
            assert!(server.counters.bytes_in > 6 * 52, "{server:?}");
            break;
        }
        assert!(Instant::now() < deadline, "{service:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// 500 services with 20 destinations each.
fn large(weight: u32) -> Table {
    let entry = |index: u16| {
        let [high, low] = index.to_be_bytes();
        let key = ServiceKey::Address {
            protocol: Tcp,
            address: IpAddr::from([10, 0, high, low]),
            port: 80,
        };
        let destinations = (1..=20).map(|last| {
            let (mut key, destination) = server("10.9.0.0", 80, Route, weight);
            key.address = IpAddr::from([10, 16 + high, low, last]);
            (key, destination)
        });
        (
            key,
            ServiceEntry {
                service: service("wrr", 0, None, 32),
                destinations: destinations.collect(),
            },
        )
    };
    Table {
        services: (0..500).map(entry).collect(),
    }
}

#[test]
fn ten_thousand_destinations() {
    let Some(mut kernel) = kernel("ten_thousand_destinations") else {
        return;
    };
    let mut timed = |what: &str, wanted: &Table| {
        let observed = kernel.table().unwrap();
        let owned = observed.services.keys().copied().collect();
        let start = Instant::now();
        let changes = reconcile(wanted, &observed, &owned);
        let reconciled = start.elapsed();
        let applied = kernel.apply(&changes).unwrap();
        let done = start.elapsed();
        assert_clean(&applied);
        let start = Instant::now();
        let observed = kernel.table().unwrap();
        let read = start.elapsed();
        assert_eq!(&observed, wanted);
        println!(
            "{what}: {} changes, reconcile {reconciled:?}, all {done:?}, read {read:?}",
            changes.len()
        );
    };
    timed("load", &large(1));
    timed("one weight", &{
        let mut wanted = large(1);
        let entry = wanted.services.values_mut().next().unwrap();
        entry.destinations.values_mut().next().unwrap().weight = 2;
        wanted
    });
    timed("all weights", &large(3));
    timed("stop", &Table::default());
}

#[test]
fn a_bad_entry_is_named_and_the_others_arrive() {
    let Some(mut kernel) = kernel("a_bad_entry_is_named_and_the_others_arrive") else {
        return;
    };
    let mut wanted = large(1);
    let mut changes = reconcile(&wanted, &Table::default(), &BTreeSet::new());
    assert_eq!(changes.len(), 10_500);
    // One server whose weight the kernel cannot take, one service whose scheduler does not exist.
    let bad_server = 7777;
    let Change::AddDestination {
        service: its_service,
        key,
        destination,
    } = &mut changes[bad_server]
    else {
        panic!("{}", changes[bad_server]);
    };
    destination.weight = 1 << 31;
    wanted.services.get_mut(its_service).unwrap().destinations.remove(key);
    let last = changes.len();
    let unknown = at(Tcp, "192.0.2.1", 80);
    changes.push(Change::AddService {
        key: unknown,
        service: service("nonesuch", 0, None, 32),
    });

    let applied = kernel.apply(&changes).unwrap();
    let failures: Vec<_> = applied
        .failures
        .iter()
        .map(|failure| (failure.index, failure.error.raw_os_error()))
        .collect();
    assert_eq!(
        failures.get(..3).unwrap_or(&failures),
        [(bad_server, Some(34)), (last, Some(2))]
    );
    let told = applied.failures[1].error.to_string();
    assert!(
        told.contains("[192.0.2.1]:tcp:80") && told.contains("no scheduler `nonesuch`"),
        "{told}"
    );
    assert_eq!(applied.surprises, 0);
    assert_eq!(kernel.table().unwrap(), wanted);
}

#[test]
fn what_others_did_meanwhile_is_mended() {
    let Some(mut kernel) = kernel("what_others_did_meanwhile_is_mended") else {
        return;
    };
    let (gone, there, other) = (
        at(Tcp, "192.0.2.1", 80),
        at(Tcp, "192.0.2.2", 80),
        at(Tcp, "192.0.2.3", 80),
    );
    let (first, destination) = server("198.51.100.1", 80, Route, 1);
    let (second, _) = server("198.51.100.2", 80, Route, 1);
    let (third, _) = server("198.51.100.3", 80, Route, 1);
    let heavy = Destination {
        weight: 5,
        ..destination
    };
    let settings = |scheduler| service(scheduler, 0, None, 32);
    bring_to(
        &mut kernel,
        &table([(there, settings("rr"), vec![(first, destination)])]),
    );
    let changes = [
        Change::EditService {
            key: gone,
            service: settings("rr"),
        },
        Change::AddDestination {
            service: gone,
            key: first,
            destination,
        },
        Change::EditDestination {
            service: gone,
            key: second,
            destination,
        },
        Change::RemoveDestination {
            service: gone,
            key: third,
        },
        Change::AddService {
            key: there,
            service: settings("wrr"),
        },
        Change::AddDestination {
            service: there,
            key: first,
            destination: heavy,
        },
        Change::EditDestination {
            service: there,
            key: second,
            destination,
        },
        Change::RemoveDestination {
            service: there,
            key: third,
        },
        Change::RemoveDestination {
            service: other,
            key: second,
        },
        Change::RemoveService { key: other },
    ];
    let applied = kernel.apply(&changes).unwrap();
    assert!(applied.failures.is_empty(), "{applied:?}");
    assert_eq!(applied.surprises, changes.len());
    let expected = table([
        (gone, settings("rr"), vec![(first, destination), (second, destination)]),
        (there, settings("wrr"), vec![(first, heavy), (second, destination)]),
    ]);
    assert_eq!(kernel.table().unwrap(), expected);

    // Without the service nothing is known that could be added.
    let lost = Change::EditDestination {
        service: other,
        key: second,
        destination,
    };
    let applied = kernel.apply(&[lost]).unwrap();
    assert_eq!(applied.failures.len(), 1);
    assert_eq!(applied.failures[0].error.raw_os_error(), Some(3));
}

#[test]
fn sync_daemons_change_role_quickly() {
    let Some(mut kernel) = kernel("sync_daemons_change_role_quickly") else {
        return;
    };
    run("ip link add sync0 type dummy").unwrap();
    run("ip address add 192.0.2.10/24 dev sync0").unwrap();
    run("ip link set sync0 up").unwrap();
    let daemon = |role| SyncDaemon {
        role,
        interface: "sync0".to_owned(),
        id: 51,
        max_len: None,
        port: None,
        ttl: None,
        group: None,
    };
    let (master, backup) = (daemon(SyncRole::Master), daemon(SyncRole::Backup));
    let roles = |kernel: &mut Kernel| -> Vec<SyncRole> {
        kernel
            .sync_daemons()
            .unwrap()
            .iter()
            .map(|daemon| daemon.role)
            .collect()
    };
    kernel.stop_sync_daemon(SyncRole::Master).unwrap();
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for _ in 0..150 {
        // A daemon that has just been started is the one whose end the kernel may never acknowledge.
        for (wanted, other) in [(&backup, SyncRole::Master), (&master, SyncRole::Backup)] {
            let start = Instant::now();
            kernel.stop_sync_daemon(other).unwrap();
            kernel.start_sync_daemon(wanted).unwrap();
            slowest = slowest.max(start.elapsed());
        }
    }
    println!("300 role changes in {:?}, the slowest {slowest:?}", start.elapsed());
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert_eq!(roles(&mut kernel), [SyncRole::Master]);

    // What runs already is left alone; other settings replace it.
    kernel.start_sync_daemon(&master).unwrap();
    let other = SyncDaemon {
        id: 7,
        max_len: Some(1000),
        port: Some(9000),
        ttl: Some(3),
        group: Some(ip("ff02::81")),
        ..master
    };
    kernel.start_sync_daemon(&other).unwrap();
    assert_eq!(kernel.sync_daemons().unwrap(), [other]);
    if let Some(listing) = run("ipvsadm -Ln --daemon") {
        assert!(
            listing
                .contains("master sync daemon (mcast=sync0, syncid=7, maxlen=1000, group=ff02::81, port=9000, ttl=3)"),
            "{listing}"
        );
    }
    kernel.start_sync_daemon(&backup).unwrap();
    assert_eq!(roles(&mut kernel).len(), 2);
    kernel.stop_sync_daemon(SyncRole::Master).unwrap();
    kernel.stop_sync_daemon(SyncRole::Backup).unwrap();
    assert_eq!(roles(&mut kernel), []);
    let nowhere = SyncDaemon {
        interface: "nowhere0".to_owned(),
        ..backup
    };
    assert_eq!(kernel.start_sync_daemon(&nowhere).unwrap_err().raw_os_error(), Some(19));
}

#[test]
fn timeouts_are_set_and_left() {
    let Some(mut kernel) = kernel("timeouts_are_set_and_left") else {
        return;
    };
    let before = kernel.timeouts().unwrap();
    let wanted = Timeouts {
        tcp_s: 7200,
        tcp_fin_s: 0,
        udp_s: 60,
    };
    kernel.set_timeouts(&wanted).unwrap();
    let after = kernel.timeouts().unwrap();
    assert_eq!(
        after,
        Timeouts {
            tcp_fin_s: before.tcp_fin_s,
            ..wanted
        }
    );
    if let Some(listing) = run("ipvsadm -Ln --timeout") {
        assert_eq!(
            listing.trim(),
            format!("Timeout (tcp tcpfin udp): 7200 {} 60", before.tcp_fin_s)
        );
    }
}

#[test]
fn the_kernel_tells_its_version() {
    let Some(mut kernel) = kernel("the_kernel_tells_its_version") else {
        return;
    };
    let info = kernel.info().unwrap();
    let (major, _, _) = info.version;
    assert_eq!(major, 1);
    assert!(info.connection_table_size.is_power_of_two(), "{info:?}");
    let _: BTreeMap<ServiceKey, ServiceEntry> = kernel.table().unwrap().services;
}
