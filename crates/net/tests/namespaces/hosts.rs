//! Two hosts to test between, and what every test needs.

use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use holdfast_net::{InterfaceAddress, Link, Monitor, NetworkEvent, Requests};
use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::timeout;

/// Bound on everything that must happen; nothing waits for it to pass.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// Two hosts with one cable between them: `left` with interface `left0`, `right` with interface `right0`.
pub(crate) struct Hosts {
    pub(crate) left: File,
    pub(crate) right: File,
}

impl Hosts {
    /// On success the thread is in `left`.
    pub(crate) fn new() -> Result<Self, String> {
        let own_namespace = || {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no network namespaces: {error}"))?;
            File::open("/proc/thread-self/ns/net").map_err(|error| error.to_string())
        };
        let hosts = Self {
            right: own_namespace()?,
            left: own_namespace()?,
        };
        ip(&format!(
            "link add left0 type veth peer name right0 netns /proc/{}/fd/{}",
            std::process::id(),
            hosts.right.as_raw_fd()
        ));
        for (host, name) in [(&hosts.right, "right0"), (&hosts.left, "left0")] {
            hosts.enter(host);
            ip("link set lo up");
            // No addresses of the kernel's own making, so that the tests know all there are.
            ip(&format!("link set {name} addrgenmode none up"));
        }
        Ok(hosts)
    }

    /// The kernel notes a carrier a little later, and drops what is sent before.
    pub(crate) async fn have_a_carrier(&self) {
        for (host, name) in [(&self.right, "right0"), (&self.left, "left0")] {
            self.enter(host);
            let mut monitor = Monitor::open().unwrap();
            // Asking for one link makes Linux 6.10 and later note it at once, instead of within a second.
            ip(&format!("link show dev {name}"));
            while !link(name).await.is_up() {
                within("a carrier", monitor.next()).await.unwrap();
            }
        }
    }

    pub(crate) fn enter(&self, host: &File) {
        assert!(std::ptr::eq(host, &raw const self.left) || std::ptr::eq(host, &raw const self.right));
        setns(host, CloneFlags::CLONE_NEWNET).unwrap();
    }
}

/// Runs `test` on a thread of its own, because namespaces belong to threads. Says why where it can not.
pub(crate) fn between_two_hosts(name: &str, test: impl AsyncFnOnce(&Hosts) + Send) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("{name}: skipped, network namespaces need root");
        return;
    }
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("{name}: skipped, there is no program `ip`");
        return;
    }
    let body = || match Hosts::new() {
        Ok(hosts) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                hosts.have_a_carrier().await;
                test(&hosts).await;
            });
        }
        Err(reason) => eprintln!("{name}: skipped, {reason}"),
    };
    let result = std::thread::scope(|scope| scope.spawn(body).join());
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in the thread's namespace and returns what it says.
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn link(name: &str) -> Link {
    let links = Requests::open().unwrap().links().await.unwrap();
    links.into_iter().find(|link| link.name == name).unwrap()
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {BOUND:?}"))
}

pub(crate) fn v4(text: &str) -> IpAddr {
    text.parse::<Ipv4Addr>().unwrap().into()
}

pub(crate) fn v6(text: &str) -> IpAddr {
    text.parse::<Ipv6Addr>().unwrap().into()
}

/// 400 IPv4 and 100 IPv6 addresses.
pub(crate) fn five_hundred(interface_index: u32) -> Vec<InterfaceAddress> {
    let ipv4 = (0..400_u16).map(|n| {
        let [high, low] = n.to_be_bytes();
        InterfaceAddress::new(interface_index, Ipv4Addr::new(10, 0, high, low).into(), 32)
    });
    let ipv6 = (0..100_u16).map(|n| {
        InterfaceAddress::new(
            interface_index,
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n + 1).into(),
            128,
        )
    });
    ipv4.chain(ipv6).collect()
}

/// Collects events until `enough` says so.
pub(crate) async fn events_until(
    monitor: &mut Monitor,
    what: &str,
    enough: impl Fn(&[NetworkEvent]) -> bool,
) -> Vec<NetworkEvent> {
    let mut events = Vec::new();
    within(what, async {
        while !enough(&events) {
            events.extend(monitor.next().await.unwrap());
        }
    })
    .await;
    events
}

/// An address on either host, as a VRRP router needs one to send from.
pub(crate) async fn address_both(hosts: &Hosts, left: IpAddr, right: IpAddr) -> (Link, Link) {
    let mut links = Vec::new();
    for (host, name, address) in [(&hosts.right, "right0", right), (&hosts.left, "left0", left)] {
        hosts.enter(host);
        let link = link(name).await;
        let address = InterfaceAddress::new(link.index, address, if address.is_ipv4() { 24 } else { 64 });
        Requests::open()
            .unwrap()
            .add_addresses(&[address])
            .await
            .pop()
            .unwrap()
            .unwrap();
        links.push(link);
    }
    (links.pop().unwrap(), links.pop().unwrap())
}

/// Sees every frame that comes to the host on which it was opened.
pub(crate) struct Onlooker(Socket);

impl Onlooker {
    pub(crate) fn new() -> Self {
        // ETH_P_ALL in network order.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0x0300))).unwrap();
        socket.set_read_timeout(Some(BOUND)).unwrap();
        Self(socket)
    }

    /// The next frame that `is_it`; others are passed over.
    pub(crate) fn frame(&self, what: &str, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            match (&self.0).read(&mut buffer) {
                Ok(length) if length >= 42 && is_it(&buffer[..length]) => return buffer[..length].to_vec(),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("{what}: not within {BOUND:?}"),
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
}
