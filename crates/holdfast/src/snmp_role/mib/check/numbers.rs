//! The MIB's numbers for our words.

use std::net::Ipv4Addr;
use std::time::Duration;

use holdfast_agentx::Value;
use holdfast_conf::config::{
    AddressFamily, ForwardingMethod, Protocol, Scheduler, TunnelChecksum, TunnelKind, VirtualServerName,
};

/// `virtualServerType`.
pub(super) const fn subject_type(subject: &VirtualServerName) -> Value {
    Value::Integer(match subject {
        VirtualServerName::Fwmark(_) => 1,
        VirtualServerName::Address(..) => 2,
        VirtualServerName::Group(_) => 3,
    })
}

/// `InetAddressType`; keepalived says IPv6 where there is no single family.
pub(super) const fn family_type(family: Option<AddressFamily>) -> Value {
    Value::Integer(match family {
        Some(AddressFamily::Inet) => 1,
        Some(AddressFamily::Inet6) | None => 2,
    })
}

/// `virtualServerProtocol`.
pub(super) const fn protocol(protocol: Option<Protocol>) -> Value {
    Value::Integer(match protocol {
        Some(Protocol::Tcp) => 1,
        Some(Protocol::Udp) => 2,
        Some(Protocol::Sctp) => 3,
        None => 4,
    })
}

/// `virtualServerLoadBalancingAlgo`.
pub(super) const fn scheduler(scheduler: Scheduler) -> Value {
    Value::Integer(match scheduler {
        Scheduler::Rr => 1,
        Scheduler::Wrr => 2,
        Scheduler::Lc => 3,
        Scheduler::Wlc => 4,
        Scheduler::Lblc => 5,
        Scheduler::Lblcr => 6,
        Scheduler::Dh => 7,
        Scheduler::Sh => 8,
        Scheduler::Sed => 9,
        Scheduler::Nq => 10,
        Scheduler::Fo => 11,
        Scheduler::Ovf => 12,
        Scheduler::Mh => 13,
        Scheduler::Twos => 14,
    })
}

/// `…LoadBalancingKind`.
pub(super) const fn forwarding(method: ForwardingMethod) -> Value {
    Value::Integer(match method {
        ForwardingMethod::Nat => 1,
        ForwardingMethod::Dr => 2,
        ForwardingMethod::Tun(_) => 3,
    })
}

/// `…TunnelType`: only of tunnels.
pub(super) fn tunnel_type(method: ForwardingMethod) -> Option<Value> {
    let ForwardingMethod::Tun(tunnel) = method else {
        return None;
    };
    Some(Value::Integer(match tunnel.kind {
        TunnelKind::Ipip => 1,
        TunnelKind::Gue { .. } => 2,
        TunnelKind::Gre => 3,
    }))
}

/// `…TunnelPort`: only of GUE.
pub(super) fn tunnel_port(method: ForwardingMethod) -> Option<Value> {
    match method {
        ForwardingMethod::Tun(tunnel) => match tunnel.kind {
            TunnelKind::Gue { port } => Some(Value::gauge(port)),
            TunnelKind::Ipip | TunnelKind::Gre => None,
        },
        ForwardingMethod::Nat | ForwardingMethod::Dr => None,
    }
}

/// `…TunnelCsum`: only of GUE and GRE.
pub(super) fn tunnel_checksum(method: ForwardingMethod) -> Option<Value> {
    let ForwardingMethod::Tun(tunnel) = method else {
        return None;
    };
    (tunnel.kind != TunnelKind::Ipip).then_some(Value::Integer(match tunnel.checksum {
        TunnelChecksum::None => 1,
        TunnelChecksum::Checksum => 2,
        TunnelChecksum::Remote => 3,
    }))
}

/// An IPv4 mask as four bytes.
pub(super) fn mask(prefix_len: u8) -> Value {
    let host_bits = 32_u32.saturating_sub(u32::from(prefix_len));
    let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
    Value::inet_address(Ipv4Addr::from(mask).into())
}

/// Whole seconds.
pub(super) fn seconds(time: Duration) -> Value {
    Value::gauge(time.as_secs())
}

/// Microseconds, as far as they fit (71 minutes).
pub(super) fn microseconds(time: Duration) -> Value {
    Value::gauge(time.as_micros())
}

/// The lower half of a number: what a counter of 32 bits shows, which wraps.
pub(super) fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The upper half.
pub(super) fn high(number: u64) -> u32 {
    u32::try_from(number >> 32).unwrap_or(u32::MAX)
}
