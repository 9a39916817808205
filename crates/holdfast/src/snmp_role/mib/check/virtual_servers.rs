//! `virtualServerTable`.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::{AddressFamily, VirtualServerName};
use holdfast_ipvs::statistics::Counters;

use super::numbers::{
    family_type, forwarding, high, low, mask, microseconds, protocol, scheduler, seconds, subject_type,
    tunnel_checksum, tunnel_port, tunnel_type,
};
use super::{Server, column, root};
use crate::plan::snmp::SnmpPlan;
use crate::snapshot::CheckerSnapshot;

const COLUMNS: &[Column<Server>] = &[
    // Type
    column(2, |it| Some(subject_type(&it.facts()?.subject))),
    // NameOfGroup
    column(3, |it| match &it.facts()?.subject {
        VirtualServerName::Group(name) => Some(Value::text(name)),
        _ => None,
    }),
    // FwMark
    column(4, |it| match &it.facts()?.subject {
        VirtualServerName::Fwmark(mark) => Some(Value::Gauge32(*mark)),
        _ => None,
    }),
    // AddrType
    column(5, |it| Some(family_type(it.facts()?.family))),
    // Address
    column(6, |it| match &it.facts()?.subject {
        VirtualServerName::Address(address, _) => Some(Value::inet_address(*address)),
        _ => None,
    }),
    // Port
    column(7, |it| match &it.facts()?.subject {
        VirtualServerName::Address(_, port) => Some(Value::gauge(*port)),
        _ => None,
    }),
    // Protocol
    column(8, |it| match &it.facts()?.subject {
        VirtualServerName::Fwmark(_) => None,
        _ => Some(protocol(it.facts()?.protocol)),
    }),
    // LoadBalancingAlgo
    column(9, |it| Some(scheduler(it.facts()?.scheduler))),
    // LoadBalancingKind
    column(10, |it| Some(forwarding(it.facts()?.forwarding))),
    // Status
    column(11, |it| it.live().map(|_| Value::truth(true))),
    // VirtualHost
    column(12, |it| it.facts()?.virtualhost.as_ref().map(Value::text)),
    // Persist
    column(13, |it| Some(Value::truth(it.facts()?.persistence_timeout_s > 0))),
    // PersistTimeout
    column(14, |it| {
        Some(it.facts()?.persistence_timeout_s)
            .filter(|seconds| *seconds > 0)
            .map(Value::gauge)
    }),
    // PersistGranularity
    column(15, |it| it.granularity_of(AddressFamily::Inet).map(mask)),
    // DelayLoop
    column(16, |it| Some(seconds(it.facts()?.check_defaults.delay_loop))),
    // HaSuspend
    column(17, |it| Some(Value::truth(it.facts()?.ha_suspend))),
    // Alpha
    column(18, |it| Some(Value::truth(it.facts()?.check_defaults.alpha))),
    // Omega
    column(19, |it| Some(Value::truth(it.facts()?.omega))),
    // RealServersTotal
    column(20, |it| Some(Value::gauge(it.facts()?.real_servers.len()))),
    // RealServersUp
    column(21, |it| {
        Some(Value::gauge(
            it.live()?.real_servers.iter().filter(|real| real.up).count(),
        ))
    }),
    // Quorum
    column(22, |it| Some(Value::Gauge32(it.facts()?.quorum))),
    // QuorumStatus
    column(23, |it| Some(Value::truth(it.live()?.quorum_up))),
    // QuorumUp
    column(24, |it| {
        it.facts()?.quorum_up.as_ref().map(|command| Value::text(&command.text))
    }),
    // QuorumDown
    column(25, |it| {
        it.facts()?
            .quorum_down
            .as_ref()
            .map(|command| Value::text(&command.text))
    }),
    // Hysteresis
    column(26, |it| Some(Value::Gauge32(it.facts()?.hysteresis))),
    // StatsConns
    column(27, |it| Some(Value::Gauge32(low(it.counters()?.connections)))),
    // StatsInPkts
    column(28, |it| Some(Value::Counter32(low(it.counters()?.packets_in)))),
    // StatsOutPkts
    column(29, |it| Some(Value::Counter32(low(it.counters()?.packets_out)))),
    // StatsInBytes
    column(30, |it| Some(Value::Counter64(it.counters()?.bytes_in))),
    // StatsOutBytes
    column(31, |it| Some(Value::Counter64(it.counters()?.bytes_out))),
    // RateCps
    column(32, |it| Some(Value::gauge(it.counters()?.connections_per_s))),
    // RateInPPS
    column(33, |it| Some(Value::gauge(it.counters()?.packets_in_per_s))),
    // RateOutPPS
    column(34, |it| Some(Value::gauge(it.counters()?.packets_out_per_s))),
    // RateInBPS
    column(35, |it| Some(Value::gauge(it.counters()?.bytes_in_per_s))),
    // RateOutBPS
    column(36, |it| Some(Value::gauge(it.counters()?.bytes_out_per_s))),
    // OPS
    column(37, |it| Some(Value::truth(it.facts()?.ops))),
    // StatsConns64
    column(38, |it| Some(Value::Counter64(it.counters()?.connections))),
    // StatsInPkts64
    column(39, |it| Some(Value::Counter64(it.counters()?.packets_in))),
    // StatsOutPkts64
    column(40, |it| Some(Value::Counter64(it.counters()?.packets_out))),
    // RateCpsLow
    column(41, |it| Some(Value::Gauge32(low(it.counters()?.connections_per_s)))),
    // RateCpsHigh
    column(42, |it| Some(Value::Gauge32(high(it.counters()?.connections_per_s)))),
    // RateInPPSLow
    column(43, |it| Some(Value::Gauge32(low(it.counters()?.packets_in_per_s)))),
    // RateInPPSHigh
    column(44, |it| Some(Value::Gauge32(high(it.counters()?.packets_in_per_s)))),
    // RateOutPPSLow
    column(45, |it| Some(Value::Gauge32(low(it.counters()?.packets_out_per_s)))),
    // RateOutPPSHigh
    column(46, |it| Some(Value::Gauge32(high(it.counters()?.packets_out_per_s)))),
    // RateInBPSLow
    column(47, |it| Some(Value::Gauge32(low(it.counters()?.bytes_in_per_s)))),
    // RateInBPSHigh
    column(48, |it| Some(Value::Gauge32(high(it.counters()?.bytes_in_per_s)))),
    // RateOutBPSLow
    column(49, |it| Some(Value::Gauge32(low(it.counters()?.bytes_out_per_s)))),
    // RateOutBPSHigh
    column(50, |it| Some(Value::Gauge32(high(it.counters()?.bytes_out_per_s)))),
    // PersistGranularity6
    column(51, |it| it.granularity_of(AddressFamily::Inet6).map(Value::gauge)),
    // Hashed: the kernel keeps this flag for itself
    column(52, |it| it.facts().map(|_| Value::truth(false))),
    // SHFallback
    column(53, |it| Some(Value::truth(it.facts()?.flags.flag_1))),
    // SHPort
    column(54, |it| Some(Value::truth(it.facts()?.flags.flag_2))),
    // Sched3
    column(55, |it| Some(Value::truth(it.facts()?.flags.flag_3))),
    // ActionWhenDown
    column(56, |it| Some(Value::truth(!it.facts()?.inhibit_on_failure))),
    // Retry
    column(57, |it| {
        Some(Value::Gauge32(it.facts()?.check_defaults.retry.unwrap_or(0)))
    }),
    // DelayBeforeRetry
    column(58, |it| {
        Some(seconds(
            it.facts()?.check_defaults.delay_before_retry.unwrap_or_default(),
        ))
    }),
    // Warmup
    column(59, |it| {
        Some(seconds(it.facts()?.check_defaults.warmup.unwrap_or_default()))
    }),
    // Weight
    column(60, |it| Some(Value::integer(it.facts()?.weight))),
    // SmtpAlert
    column(61, |it| Some(Value::truth(it.facts()?.smtp_alert))),
    // MHFallback
    column(62, |it| Some(Value::truth(it.facts()?.flags.flag_1))),
    // MHPort
    column(63, |it| Some(Value::truth(it.facts()?.flags.flag_2))),
    // DelayLoopUsec
    column(64, |it| Some(microseconds(it.facts()?.check_defaults.delay_loop))),
    // DelayBeforeRetrUsec
    column(65, |it| {
        Some(microseconds(
            it.facts()?.check_defaults.delay_before_retry.unwrap_or_default(),
        ))
    }),
    // WarmupUsec
    column(66, |it| {
        Some(microseconds(it.facts()?.check_defaults.warmup.unwrap_or_default()))
    }),
    // ConnTimeoutUsec
    column(67, |it| Some(microseconds(it.facts()?.check_defaults.connect_timeout))),
    // TunnelType
    column(68, |it| tunnel_type(it.facts()?.forwarding)),
    // TunnelPort
    column(69, |it| tunnel_port(it.facts()?.forwarding)),
    // TunnelCsum
    column(70, |it| tunnel_checksum(it.facts()?.forwarding)),
    // Name
    column(71, |it| it.facts()?.snmp_name.as_ref().map(Value::text)),
    // QuorumUpPath
    column(72, |it| {
        it.facts()?.quorum_up.as_ref().map(|command| Value::text(&command.path))
    }),
    // QuorumDownPath
    column(73, |it| {
        it.facts()?
            .quorum_down
            .as_ref()
            .map(|command| Value::text(&command.path))
    }),
    // RateCps64
    column(74, |it| Some(Value::Counter64(it.counters()?.connections_per_s))),
    // RateInPPS64
    column(75, |it| Some(Value::Counter64(it.counters()?.packets_in_per_s))),
    // RateOutPPS64
    column(76, |it| Some(Value::Counter64(it.counters()?.packets_out_per_s))),
    // RateInBPS64
    column(77, |it| Some(Value::Counter64(it.counters()?.bytes_in_per_s))),
    // RateOutBPS64
    column(78, |it| Some(Value::Counter64(it.counters()?.bytes_out_per_s))),
];

pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<CheckerSnapshot>) {
    let mut table = Table::new(root().with(&[3, 1]), COLUMNS);
    for (number, (place, _)) in (1..).zip(plan.check.virtual_servers.iter().enumerate()) {
        let server = Server {
            plan: Rc::clone(plan),
            live: Rc::clone(live),
            place,
        };
        table.insert([number], server);
    }
    tree.add_table(table);
}

impl Server {
    /// What the kernel counted; it is not there while the kernel cannot be read.
    fn counters(&self) -> Option<&Counters> {
        self.live()?.counters.as_ref()
    }

    /// The length of the prefix by which clients are grouped, if they are of this family.
    fn granularity_of(&self, family: AddressFamily) -> Option<u8> {
        let facts = self.facts()?;
        (facts.family == Some(family)).then_some(facts.granularity)
    }
}
