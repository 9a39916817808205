//! Two directors side by side, the servers that they check, and what the directors say and do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use bed::network::Network;
use bed::node::Node;

use super::generate::{Driver, Real, Step};

/// Where a director tells of changes.
pub(super) const FIFO: &str = "/run/lvs.fifo";

/// Ends as the server's file says, and leaves word that it did.
const SCRIPT: &str = "read status < /run/status/$1\necho $status >> /run/seen/$1\nexit $status\n";

/// A table of IPVS: the lines of each service.
pub(super) type Table = BTreeMap<String, BTreeSet<String>>;

/// The nodes.
pub(super) struct Site {
    /// keepalived's, then Holdfast's
    pub(super) directors: [Node; 2],
    /// Has the addresses of all real servers
    servers: Node,
    _network: Network,
}

impl Site {
    pub(super) fn new() -> Result<Self> {
        let network = Network::new(&["lan"])?;
        let servers = Node::new("servers")?;
        network.plug(&servers, "lan", "eth0", &["192.168.0.61/24"])?;
        servers.ip(&["route add local 10.9.0.0/16 dev lo".to_owned()])?;
        let directors = [Node::new("director1")?, Node::new("director2")?];
        for (host, director) in (1..).zip(&directors) {
            network.plug(director, "lan", "eth0", &[&format!("192.168.0.{host}/24")])?;
            director.ip(&["route add 10.9.0.0/16 via 192.168.0.61".to_owned()])?;
            director.run("mkfifo", &["-m", "600", FIFO])?;
            fs::create_dir(director.path("/run/status"))?;
            fs::create_dir(director.path("/run/seen"))?;
            fs::write(director.path("/run/status.sh"), SCRIPT)?;
        }
        Ok(Self {
            directors,
            servers,
            _network: network,
        })
    }
}

/// What happens there.
pub(super) struct Stage<'a> {
    site: &'a Site,
    listeners: BTreeMap<Ipv4Addr, TcpListener>,
    fifos: [File; 2],
    /// What the directors told, and the line that is not complete yet
    told: [(Vec<String>, String); 2],
}

impl<'a> Stage<'a> {
    pub(super) fn new(site: &'a Site) -> Result<Self> {
        let [first, second] = &site.directors;
        Ok(Self {
            site,
            listeners: BTreeMap::new(),
            fifos: [open_fifo(first)?, open_fifo(second)?],
            told: Default::default(),
        })
    }

    /// Lets the check of a real server find its value from now on.
    pub(super) fn set(&mut self, real: &Real) -> Result<()> {
        if real.driver == Driver::Tcp {
            self.listeners.remove(&real.address);
            if real.up() {
                let address = SocketAddrV4::new(real.address, 80);
                let listener = self
                    .site
                    .servers
                    .within(move || TcpListener::bind(address))?
                    .with_context(|| format!("listening on {address}"))?;
                listener.set_nonblocking(true)?;
                self.listeners.insert(real.address, listener);
            }
            return Ok(());
        }
        for director in &self.site.directors {
            // Never half a file.
            let draft = director.path(&format!("/run/{}.new", real.name));
            fs::write(&draft, format!("{}\n", real.value))?;
            fs::rename(&draft, director.path(&format!("/run/status/{}", real.name)))?;
        }
        Ok(())
    }

    /// Lets the servers answer, and hears what the directors tell.
    pub(super) fn go_on(&mut self) {
        for listener in self.listeners.values() {
            while listener.accept().is_ok() {}
        }
        for (fifo, (lines, rest)) in self.fifos.iter_mut().zip(&mut self.told) {
            let mut bytes = [0; 4096];
            // No more to be read is an error, too.
            while let Ok(count) = fifo.read(&mut bytes) {
                rest.push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()));
            }
            while let Some(end) = rest.find('\n') {
                let line: String = rest.drain(..=end).collect();
                lines.push(line.trim_end().to_owned());
            }
        }
    }

    /// What was told until now is old.
    pub(super) fn forget_told(&mut self) {
        for (lines, _) in &mut self.told {
            lines.clear();
        }
    }

    /// What was told, in an order of its own.
    pub(super) fn told(&self) -> [Vec<String>; 2] {
        let [first, second] = &self.told;
        [first, second].map(|(lines, _)| {
            let mut lines = lines.clone();
            lines.sort();
            lines
        })
    }

    /// Whether both directors are known to have acted on a step.
    pub(super) fn is_done(&self, step: &Step) -> bool {
        let real = &step.real;
        if real.driver == Driver::Misc {
            // The second run begins after the first was judged.
            let value = real.value.to_string();
            return self.site.directors.iter().all(|director| {
                let seen = fs::read_to_string(director.path(&format!("/run/seen/{}", real.name)));
                let seen = seen.unwrap_or_default();
                let mut newest = seen.lines().rev();
                newest.next() == Some(&value) && newest.next() == Some(&value)
            });
        }
        let Some(up) = step.up else { return true };
        let address = format!("[{}]", real.address);
        let word = if up { " UP" } else { " DOWN" };
        let tells = |line: &String| line.starts_with("RS ") && line.contains(&address) && line.ends_with(word);
        self.told.iter().all(|(lines, _)| lines.iter().any(tells))
    }

    /// The kernel's tables.
    pub(super) fn tables(&self) -> Result<[Table; 2]> {
        let [first, second] = &self.site.directors;
        Ok([table(first)?, table(second)?])
    }
}

fn open_fifo(director: &Node) -> Result<File> {
    // For writing, too: it has no end then.
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    Ok(options.open(director.path(FIFO))?)
}

/// Not from `/proc`: where several namespaces have services, Linux 6.1 leaves out some of a list longer than a page.
fn table(director: &Node) -> Result<Table> {
    let mut table = Table::new();
    for line in director.run("ipvsadm", &["-Sn"])?.lines() {
        let mut words = line.split_whitespace().skip(1);
        let service = [words.next().unwrap_or_default(), words.next().unwrap_or_default()].join(" ");
        table.entry(service).or_default().insert(line.to_owned());
    }
    Ok(table)
}
