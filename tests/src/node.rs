//! A node: a little machine made of namespaces of its own (network, mounts, processes, host name).
//!
//! It has no name in the file system and belongs to this process alone: its first process ends when we end, even by
//! `SIGKILL`, and the kernel then kills everything else in it and takes the network down. Its `/run` and `/dev` are
//! private and in memory, with a reader at `/dev/log`: without one, every line a daemon sends to syslog costs up to a
//! millisecond on the console.

mod namespaces;
mod process;

use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};

use crate::load;
use crate::source_ports::SourcePorts;

pub use process::{LogLine, Process};

type Job = Box<dyn FnOnce() + Send>;

/// A little machine made of namespaces; everything in it is killed when it is dropped.
#[derive(Debug)]
pub struct Node {
    name: String,
    /// Work for the thread that lives in the node.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The first process of the node's process namespace. It ends when its standard input does.
    init: Child,
    network: Arc<OwnedFd>,
    source_ports: Arc<SourcePorts>,
    syslog: UnixDatagram,
    /// Started in the node: to be reaped before `init` can go.
    processes: Mutex<Vec<Arc<Mutex<Child>>>>,
}

impl Node {
    /// A node with nothing but `lo`, called `name` (its host name, too). Needs root.
    pub fn new(name: &str) -> Result<Self> {
        Self::in_namespaces(namespaces::of_its_own(), name)
    }

    /// A node that shares network and processes with this process, for what the kernel does only in the initial
    /// namespaces. It belongs into a guest; one at a time, as all have the same network.
    pub fn of_this_machine(name: &str) -> Result<Self> {
        Self::in_namespaces(namespaces::of_this_machine(), name)
    }

    fn in_namespaces(kinds: CloneFlags, name: &str) -> Result<Self> {
        if !is_root() {
            bail!("network namespaces need root");
        }
        load::watch();
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (made, outcome) = mpsc::channel();
        let host_name = name.to_owned();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let namespaces = namespaces::enter_new(kinds, &host_name);
            if made.send(namespaces).is_ok() {
                for job in inbox {
                    job();
                }
            }
        })?;
        let made = outcome.recv().context("the node's thread died")?;
        let (init, network, syslog) = made.with_context(|| format!("making the namespaces of {name}"))?;
        discard_log(syslog.try_clone()?)?;
        let node = Self {
            name: name.to_owned(),
            jobs: Some(jobs),
            thread: Some(thread),
            init,
            network: Arc::new(network),
            source_ports: Arc::default(),
            syslog,
            processes: Mutex::default(),
        };
        // Addresses are there to be used at once, and packets come back by other ways than they went.
        for setting in ["ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"] {
            node.sysctl(setting, "0")?;
        }
        for setting in ["ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"] {
            node.sysctl(setting, "0")?;
        }
        Ok(node)
    }

    /// What the node was called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process number, as this process sees it, of something that lives as long as the node.
    pub fn pid(&self) -> u32 {
        self.init.id()
    }

    /// The network namespace; a thread enters it with [`enter_network`].
    pub fn network(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.network)
    }

    /// The source ports of its clients.
    pub(crate) fn source_ports(&self) -> Arc<SourcePorts> {
        Arc::clone(&self.source_ports)
    }

    /// Runs `job` in the node: its files, its network. It must not start threads.
    pub fn within<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (done, outcome) = mpsc::channel();
        let job = Box::new(move || {
            // Nobody waits any more only when the caller is gone.
            let _ = done.send(job());
        });
        self.jobs
            .as_ref()
            .context("the node is gone")?
            .send(job)
            .ok()
            .context("the node's thread is gone")?;
        outcome.recv().context("a job in the node died")
    }

    /// Starts a program in the node, standard output and error recorded line by line.
    pub fn start(&self, mut command: Command) -> Result<Process> {
        let (reader, writer) = std::io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let shown = format!("{command:?}");
        // The command holds the writing ends and must go, or the record would never end.
        let child = self
            .within(move || command.spawn())?
            .with_context(|| format!("starting {shown}"))?;
        let (process, child) = Process::new(child, reader)?;
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(child);
        Ok(process)
    }

    /// Runs a program in the node to its end and returns its standard output.
    ///
    /// # Errors
    /// It cannot be started, or it fails; what it said is in the error.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        finished(self.within(move || (command.output(), command))?)
    }

    /// Runs `ip -batch` with these lines in the node's network. Process numbers in them are this process's.
    #[allow(unsafe_code)]
    pub fn ip(&self, lines: &[String]) -> Result<String> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("ip");
        command
            .args(["-batch", "-"])
            .stdin(stdin_with(&(lines.join("\n") + "\n"))?);
        let network = self.network();
        // SAFETY: setns is a plain system call, safe between fork and exec.
        unsafe {
            command.pre_exec(move || Ok(setns(network.as_fd(), CloneFlags::CLONE_NEWNET)?));
        }
        finished((command.output(), command)).with_context(|| format!("in {}: {}", self.name, lines.join("; ")))
    }

    /// Sets `/proc/sys/net/NAME`.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let (path, text) = (format!("/proc/sys/net/{name}"), value.to_owned());
        self.within(move || fs::write(path, text))?
            .with_context(|| format!("setting {name}={value} in {}", self.name))
    }

    /// Where this process finds a file of the node.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid()))
    }

    /// Reads `/proc/net/FILE` of the node, without starting anything in it.
    pub fn proc_net(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/net/{file}", self.pid());
        fs::read_to_string(&path).with_context(|| format!("{} of {}", file, self.name))
    }

    /// The addresses of the node itself, loopback included.
    pub fn addresses(&self) -> Result<Vec<IpAddr>> {
        let mut addresses = local_ipv4(&self.proc_net("fib_trie")?);
        addresses.extend(local_ipv6(&self.proc_net("if_inet6").unwrap_or_default()));
        Ok(addresses)
    }

    /// Whether the node has this address now.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses().is_ok_and(|addresses| addresses.contains(&address))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The kernel kills the whole process namespace with its first process, but lets that one go only when all
        // others are reaped. Failures here mean that something was gone already.
        let _ = self.init.kill();
        for child in self.processes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // One without a process namespace of its own would go on.
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
        }
        let _ = self.init.wait();
        let _ = self.syslog.shutdown(std::net::Shutdown::Both);
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether this process may make nodes.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Moves the calling thread, and what it opens from now on, into a network.
pub fn enter_network(network: &OwnedFd) -> Result<()> {
    setns(network.as_fd(), CloneFlags::CLONE_NEWNET).context("entering a network namespace")
}

/// Reads a node's syslog, so that nobody who writes to it ever waits.
fn discard_log(log: UnixDatagram) -> Result<()> {
    let discard = move || {
        let mut line = [0; 4096];
        // Ends when the node shuts the socket down.
        while log.recv(&mut line).is_ok_and(|length| length > 0) {}
    };
    std::thread::Builder::new().name("syslog".into()).spawn(discard)?;
    Ok(())
}

fn finished((output, command): (std::io::Result<std::process::Output>, Command)) -> Result<String> {
    let output = output.with_context(|| format!("starting {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{command:?}: {}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(said)
}

/// A file descriptor to read `text` from; `text` fits into a pipe.
fn stdin_with(text: &str) -> Result<Stdio> {
    use std::io::Write;
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(text.as_bytes())?;
    Ok(reader.into())
}

/// `fib_trie` shows each address on a line of its own (`|-- A.B.C.D`) and below it what it is (`/32 host LOCAL`).
fn local_ipv4(fib_trie: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<IpAddr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.filter(|address| !found.contains(address)));
        }
    }
    found
}

/// `if_inet6` starts each line with 32 hexadecimal digits.
fn local_ipv6(if_inet6: &str) -> Vec<IpAddr> {
    let digits = if_inet6.lines().filter_map(|line| line.get(..32));
    digits
        .filter_map(|digits| u128::from_str_radix(digits, 16).ok())
        .map(|bits| IpAddr::V6(bits.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fib_trie_names_own_addresses_once() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.7\n        \
                    /32 host LOCAL\nLocal:\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                    /32 link BROADCAST\n";
        assert_eq!(local_ipv4(text), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn if_inet6_names_own_addresses() {
        let text = "fd000000000000000000000000000200 02 80 00 80     eth0\n";
        assert_eq!(local_ipv6(text), ["fd00::200".parse::<IpAddr>().unwrap()]);
    }
}
