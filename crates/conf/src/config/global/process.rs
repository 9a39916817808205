//! How the processes run: names, priorities, memory, receive buffers.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Names and priorities of the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    /// `process_names`: the children have names of their own.
    pub process_names: bool,
    /// `process_name`: the name of the parent, at most 15 bytes.
    pub process_name: Option<String>,
    /// `vrrp_*`.
    pub vrrp: Process,
    /// `checker_*`.
    pub checker: Process,
    /// `bfd_*`.
    pub bfd: Process,
    /// The highest real-time priority that a late child may raise itself to, 1–99; -1: never; 0: the default, only
    /// while a loop is late.
    pub max_auto_priority: i8,
    /// The lateness that raises it. Default 1 s.
    pub min_auto_priority_delay: Duration,
}

impl Default for Processes {
    fn default() -> Self {
        Self {
            process_names: false,
            process_name: None,
            vrrp: Process::default(),
            checker: Process::default(),
            bfd: Process::default(),
            max_auto_priority: 0,
            min_auto_priority_delay: Duration::from_secs(1),
        }
    }
}

/// How one child runs. The names of the keywords begin with `vrrp_`, `checker_` or `bfd_`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `*_process_name`, at most 15 bytes.
    pub process_name: Option<String>,
    /// `*_priority`: the nice value, -20–19. Default 0.
    pub priority: i8,
    /// `*_no_swap`: all memory is locked.
    pub no_swap: bool,
    /// `*_rt_priority`: runs as `SCHED_RR` with this priority, 1–99.
    pub rt_priority: Option<u8>,
    /// `*_cpu_affinity`: the CPUs that it may run on; empty: all.
    pub cpu_affinity: Vec<u32>,
    /// `*_rlimit_rttime`: how long it may run without a pause at a real-time priority. Default 10 ms.
    pub rlimit_rttime: Duration,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            process_name: None,
            priority: 0,
            no_swap: false,
            rt_priority: None,
            cpu_affinity: Vec::new(),
            rlimit_rttime: Duration::from_millis(10),
        }
    }
}

/// Receive buffers of sockets that the kernel writes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveBuffers {
    /// `vrrp_netlink_cmd_rcv_bufs`.
    pub vrrp_netlink_cmd: ReceiveBuffer,
    /// `vrrp_netlink_monitor_rcv_bufs`.
    pub vrrp_netlink_monitor: ReceiveBuffer,
    /// `process_monitor_rcv_bufs`.
    pub process_monitor: ReceiveBuffer,
    /// `lvs_netlink_cmd_rcv_bufs`.
    pub lvs_netlink_cmd: ReceiveBuffer,
    /// `lvs_netlink_monitor_rcv_bufs`.
    pub lvs_netlink_monitor: ReceiveBuffer,
    /// `vrrp_rx_bufs_policy`: the buffer of VRRP sockets; `None`: the kernel's default.
    pub vrrp_rx_bufs_policy: Option<VrrpRxBufsPolicy>,
    /// `vrrp_rx_bufs_multiplier`: how many times the size that the policy gives; `None`: 3.
    pub vrrp_rx_bufs_multiplier: Option<u32>,
}

/// One receive buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveBuffer {
    /// Its size in bytes; `None`: the kernel's default.
    pub bytes: Option<u32>,
    /// `*_force`: beyond the kernel's limit.
    pub force: bool,
}

/// `vrrp_rx_bufs_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VrrpRxBufsPolicy {
    /// `MTU`: so many times the MTU of the interface.
    Mtu,
    /// `ADVERT`: so many times the size of an advert.
    Advert,
    /// So many bytes.
    Bytes(u32),
}
