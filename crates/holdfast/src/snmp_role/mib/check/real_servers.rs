//! `realServerTable`: for each virtual server its sorry server, if it has one, and then its real servers.

use std::net::IpAddr;
use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::{CheckDefaults, ForwardingMethod};
use holdfast_ipvs::statistics::{Counters, DestinationStatistics};

use super::numbers::{forwarding, high, low, microseconds, seconds, tunnel_checksum, tunnel_port, tunnel_type};
use super::{Server, column, root};
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::check::{RealServerFacts, SorryServerFacts};
use crate::snapshot::CheckerSnapshot;
use crate::snapshot::checker::RealServerSnapshot;

/// A row.
struct Row {
    server: Server,
    /// Of the real server in the order of the file; `None`: it is the sorry server
    number: Option<usize>,
}

const COLUMNS: &[Column<Row>] = &[
    // Type: 1 regular, 2 sorry
    column(2, |it| Some(Value::truth(it.number.is_some()))),
    // AddrType
    column(3, |it| Some(Value::inet_address_type(it.address()?))),
    // Address
    column(4, |it| Some(Value::inet_address(it.address()?))),
    // Port
    column(5, |it| Some(Value::gauge(it.port()?))),
    // Status
    column(6, |it| Some(Value::truth(it.live()?.up))),
    // Weight
    column(7, |it| Some(Value::integer(it.live()?.weight))),
    // UpperConnectionLimit
    column(8, |it| {
        Some(it.real()?.upper_threshold)
            .filter(|limit| *limit > 0)
            .map(Value::Gauge32)
    }),
    // LowerConnectionLimit
    column(9, |it| {
        Some(it.real()?.lower_threshold)
            .filter(|limit| *limit > 0)
            .map(Value::Gauge32)
    }),
    // ActionWhenDown
    column(10, |it| Some(Value::truth(!it.real()?.inhibit_on_failure))),
    // NotifyUp
    column(11, |it| {
        it.real()?.notify_up.as_ref().map(|command| Value::text(&command.text))
    }),
    // NotifyDown
    column(12, |it| {
        it.real()?
            .notify_down
            .as_ref()
            .map(|command| Value::text(&command.text))
    }),
    // FailedChecks
    column(13, |it| {
        Some(Value::gauge(it.live()?.checks.iter().filter(|check| !check.up).count()))
    }),
    // StatsConns
    column(14, |it| Some(Value::Gauge32(low(it.counters()?.connections)))),
    // StatsActiveConns
    column(15, |it| Some(Value::Gauge32(it.statistics()?.active_connections))),
    // StatsInactiveConns
    column(16, |it| Some(Value::Gauge32(it.statistics()?.inactive_connections))),
    // StatsPersistentConns
    column(17, |it| Some(Value::Gauge32(it.statistics()?.persistent_connections))),
    // StatsInPkts
    column(18, |it| Some(Value::Counter32(low(it.counters()?.packets_in)))),
    // StatsOutPkts
    column(19, |it| Some(Value::Counter32(low(it.counters()?.packets_out)))),
    // StatsInBytes
    column(20, |it| Some(Value::Counter64(it.counters()?.bytes_in))),
    // StatsOutBytes
    column(21, |it| Some(Value::Counter64(it.counters()?.bytes_out))),
    // RateCps
    column(22, |it| Some(Value::gauge(it.counters()?.connections_per_s))),
    // RateInPPS
    column(23, |it| Some(Value::gauge(it.counters()?.packets_in_per_s))),
    // RateOutPPS
    column(24, |it| Some(Value::gauge(it.counters()?.packets_out_per_s))),
    // RateInBPS
    column(25, |it| Some(Value::gauge(it.counters()?.bytes_in_per_s))),
    // RateOutBPS
    column(26, |it| Some(Value::gauge(it.counters()?.bytes_out_per_s))),
    // StatsConns64
    column(27, |it| Some(Value::Counter64(it.counters()?.connections))),
    // StatsInPkts64
    column(28, |it| Some(Value::Counter64(it.counters()?.packets_in))),
    // StatsOutPkts64
    column(29, |it| Some(Value::Counter64(it.counters()?.packets_out))),
    // RateCpsLow
    column(30, |it| Some(Value::Gauge32(low(it.counters()?.connections_per_s)))),
    // RateCpsHigh
    column(31, |it| Some(Value::Gauge32(high(it.counters()?.connections_per_s)))),
    // RateInPPSLow
    column(32, |it| Some(Value::Gauge32(low(it.counters()?.packets_in_per_s)))),
    // RateInPPSHigh
    column(33, |it| Some(Value::Gauge32(high(it.counters()?.packets_in_per_s)))),
    // RateOutPPSLow
    column(34, |it| Some(Value::Gauge32(low(it.counters()?.packets_out_per_s)))),
    // RateOutPPSHigh
    column(35, |it| Some(Value::Gauge32(high(it.counters()?.packets_out_per_s)))),
    // RateInBPSLow
    column(36, |it| Some(Value::Gauge32(low(it.counters()?.bytes_in_per_s)))),
    // RateInBPSHigh
    column(37, |it| Some(Value::Gauge32(high(it.counters()?.bytes_in_per_s)))),
    // RateOutBPSLow
    column(38, |it| Some(Value::Gauge32(low(it.counters()?.bytes_out_per_s)))),
    // RateOutBPSHigh
    column(39, |it| Some(Value::Gauge32(high(it.counters()?.bytes_out_per_s)))),
    // LoadBalancingKind
    column(40, |it| Some(forwarding(it.forwarding()?))),
    // VirtualHost
    column(41, |it| it.real()?.virtualhost.as_ref().map(Value::text)),
    // Alpha
    column(42, |it| Some(Value::truth(it.check_defaults()?.alpha))),
    // Retry
    column(43, |it| Some(Value::Gauge32(it.check_defaults()?.retry.unwrap_or(0)))),
    // DelayBeforeRetry
    column(44, |it| {
        Some(seconds(it.check_defaults()?.delay_before_retry.unwrap_or_default()))
    }),
    // Warmup
    column(45, |it| Some(seconds(it.check_defaults()?.warmup.unwrap_or_default()))),
    // DelayLoop
    column(46, |it| Some(seconds(it.check_defaults()?.delay_loop))),
    // SmtpAlert
    column(47, |it| Some(Value::truth(it.sends_mail()?))),
    // DelayBeforeRetryUsec
    column(48, |it| {
        Some(microseconds(
            it.check_defaults()?.delay_before_retry.unwrap_or_default(),
        ))
    }),
    // WarmupUsec
    column(49, |it| {
        Some(microseconds(it.check_defaults()?.warmup.unwrap_or_default()))
    }),
    // DelayLoopUsec
    column(50, |it| Some(microseconds(it.check_defaults()?.delay_loop))),
    // ConnTimeoutUsec
    column(51, |it| Some(microseconds(it.check_defaults()?.connect_timeout))),
    // TunnelType
    column(52, |it| tunnel_type(it.forwarding()?)),
    // TunnelPort
    column(53, |it| tunnel_port(it.forwarding()?)),
    // TunnelCsum
    column(54, |it| tunnel_checksum(it.forwarding()?)),
    // Name
    column(55, |it| it.real()?.snmp_name.as_ref().map(Value::text)),
    // NotifyUpPath
    column(56, |it| {
        it.real()?.notify_up.as_ref().map(|command| Value::text(&command.path))
    }),
    // NotifyDownPath
    column(57, |it| {
        it.real()?
            .notify_down
            .as_ref()
            .map(|command| Value::text(&command.path))
    }),
    // RateCps64
    column(58, |it| Some(Value::Counter64(it.counters()?.connections_per_s))),
    // RateInPPS64
    column(59, |it| Some(Value::Counter64(it.counters()?.packets_in_per_s))),
    // RateOutPPS64
    column(60, |it| Some(Value::Counter64(it.counters()?.packets_out_per_s))),
    // RateInBPS64
    column(61, |it| Some(Value::Counter64(it.counters()?.bytes_in_per_s))),
    // RateOutBPS64
    column(62, |it| Some(Value::Counter64(it.counters()?.bytes_out_per_s))),
    // NotRunCheckers
    column(63, |it| Some(Value::gauge(it.checks_not_run()?))),
];

pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<CheckerSnapshot>) {
    let mut table = Table::new(root().with(&[4, 1]), COLUMNS);
    for (index, (place, facts)) in (1..).zip(plan.check.virtual_servers.iter().enumerate()) {
        let sorry = facts.sorry_server.iter().map(|_| None);
        let real = facts.real_servers.iter().enumerate().map(|(number, _)| Some(number));
        for (member, number) in (1..).zip(sorry.chain(real)) {
            let server = Server {
                plan: Rc::clone(plan),
                live: Rc::clone(live),
                place,
            };
            table.insert([index, member], Row { server, number });
        }
    }
    tree.add_table(table);
}

/// What a sorry server, which is not checked, has in the place of times.
const NOT_CHECKED: &CheckDefaults = &CheckDefaults {
    retry: None,
    delay_before_retry: None,
    warmup: None,
    connect_timeout: std::time::Duration::ZERO,
    delay_loop: std::time::Duration::ZERO,
    alpha: false,
};

impl Row {
    /// What the file says of the real server; `None`: it is the sorry server.
    fn real(&self) -> Option<&RealServerFacts> {
        self.server.facts()?.real_servers.get(self.number?)
    }

    fn sorry(&self) -> Option<&SorryServerFacts> {
        if self.number.is_some() {
            return None;
        }
        self.server.facts()?.sorry_server.as_ref()
    }

    /// What the real server is like.
    fn live(&self) -> Option<&RealServerSnapshot> {
        let live = self.server.live()?.real_servers.get(self.number?)?;
        (live.key == self.real()?.key).then_some(live)
    }

    fn address(&self) -> Option<IpAddr> {
        let sorry = self.sorry().map(|sorry| sorry.address);
        sorry.or_else(|| self.real().map(|real| real.key.address))
    }

    fn port(&self) -> Option<u16> {
        let sorry = self.sorry().map(|sorry| sorry.port);
        sorry.or_else(|| self.real().map(|real| real.port))
    }

    fn forwarding(&self) -> Option<ForwardingMethod> {
        let sorry = self.sorry().map(|sorry| sorry.forwarding);
        sorry.or_else(|| self.real().map(|real| real.forwarding))
    }

    fn check_defaults(&self) -> Option<&CheckDefaults> {
        let sorry = self.sorry().map(|_| NOT_CHECKED);
        sorry.or_else(|| self.real().map(|real| &real.check_defaults))
    }

    fn sends_mail(&self) -> Option<bool> {
        let sorry = self.sorry().map(|_| false);
        sorry.or_else(|| self.real().map(|real| real.smtp_alert))
    }

    fn checks_not_run(&self) -> Option<usize> {
        if self.number.is_none() {
            return Some(0);
        }
        let checks = self.live()?.checks.iter();
        Some(checks.filter(|check| !check.has_run).count())
    }

    /// What the kernel counted; it is not there while the kernel cannot be read.
    fn statistics(&self) -> Option<&DestinationStatistics> {
        if self.number.is_some() {
            return self.live()?.statistics.as_ref();
        }
        self.server.live()?.sorry_server.as_ref()?.statistics.as_ref()
    }

    fn counters(&self) -> Option<&Counters> {
        self.statistics().map(|statistics| &statistics.counters)
    }
}
