//! KEEPALIVED-MIB 1: the daemon.

use std::rc::Rc;

use holdfast_agentx::{Column, Oid, Scalar, Table, Tree, Value};
use holdfast_conf::config::LvsFlushOnStop;

use super::KEEPALIVED;
use crate::plan::snmp::SnmpPlan;

/// `mail`, below the root of this part.
const EMAIL_ENTRY: [u32; 3] = [3, 5, 1];

/// `linkBeat`: the kernel tells of links, or it is asked.
const NETLINK: i32 = 1;
const POLLING: i32 = 2;

const SCALARS: &[Scalar<SnmpPlan>] = &[
    Scalar {
        path: &[1], // version
        value: |_| Some(Value::text(concat!("Holdfast v", env!("CARGO_PKG_VERSION")))),
    },
    Scalar {
        path: &[2], // routerId
        value: |plan| Some(Value::text(&plan.global.router_id)),
    },
    Scalar {
        path: &[3, 1], // smtpServerAddressType
        value: |plan| {
            plan.global
                .smtp_server
                .map(|server| Value::inet_address_type(server.ip()))
        },
    },
    Scalar {
        path: &[3, 2], // smtpServerAddress
        value: |plan| plan.global.smtp_server.map(|server| Value::inet_address(server.ip())),
    },
    Scalar {
        path: &[3, 3], // smtpServerTimeout
        value: |plan| {
            plan.global
                .smtp_server
                .map(|_| Value::gauge(plan.global.smtp_timeout_s))
        },
    },
    Scalar {
        path: &[3, 4], // emailFrom
        value: |plan| plan.global.email_from.as_ref().map(Value::text),
    },
    Scalar {
        path: &[3, 6], // smtpServerPort
        value: |plan| plan.global.smtp_server.map(|server| Value::gauge(server.port())),
    },
    Scalar {
        path: &[3, 7], // smtpEmailFaults
        value: |plan| Some(Value::truth(plan.global.email_faults)),
    },
    Scalar {
        path: &[3, 8], // smtpEmailSmtpAlert
        value: |plan| Some(on_off_unset(plan.global.smtp_alert)),
    },
    Scalar {
        path: &[3, 9], // smtpEmailSmtpAlertVrrp
        value: |plan| Some(on_off_unset(plan.global.smtp_alert_vrrp)),
    },
    Scalar {
        path: &[3, 10], // smtpEmailSmtpAlertChecker
        value: |plan| Some(on_off_unset(plan.global.smtp_alert_checker)),
    },
    Scalar {
        path: &[4], // trapEnable
        value: |plan| Some(Value::truth(plan.traps)),
    },
    Scalar {
        path: &[5], // linkBeat
        value: |plan| {
            Some(Value::Integer(if plan.global.linkbeat_polling {
                POLLING
            } else {
                NETLINK
            }))
        },
    },
    Scalar {
        path: &[6], // lvsFlush
        value: |plan| Some(Value::truth(plan.global.lvs_flush)),
    },
    Scalar {
        path: &[7], // ipvs64BitStats
        value: |_| Some(Value::truth(true)),
    },
    Scalar {
        path: &[8], // netNamespace
        value: |plan| Some(Value::text(plan.global.namespace.as_deref().unwrap_or_default())),
    },
    Scalar {
        path: &[9], // dbus
        value: |plan| Some(Value::truth(plan.global.dbus)),
    },
    Scalar {
        path: &[10], // dynamicInterfaces
        value: |plan| Some(Value::truth(plan.global.dynamic_interfaces)),
    },
    Scalar {
        path: &[11], // lvsFlushOnStop
        value: |plan| Some(flush_on_stop(plan.global.lvs_flush_on_stop)),
    },
    Scalar {
        path: &[12], // v3ChecksumAsV2
        value: |plan| Some(Value::truth(plan.global.v3_checksum_as_v2)),
    },
];

const EMAIL_COLUMNS: &[Column<String>] = &[Column {
    number: 2, // emailAddress
    value: |address| Some(Value::text(address)),
}];

/// Adds all objects.
pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>) {
    let root = Oid::from(KEEPALIVED).with(&[1]);
    tree.add_scalars(&root, SCALARS, plan);
    let mut emails = Table::new(root.with(&EMAIL_ENTRY), EMAIL_COLUMNS);
    for (index, address) in (1..).zip(&plan.global.emails) {
        emails.insert([index], address.clone());
    }
    tree.add_table(emails);
}

const fn on_off_unset(switch: Option<bool>) -> Value {
    Value::Integer(match switch {
        Some(true) => 1,
        Some(false) => 2,
        None => 3,
    })
}

const fn flush_on_stop(how: LvsFlushOnStop) -> Value {
    Value::Integer(match how {
        LvsFlushOnStop::All => 1,
        LvsFlushOnStop::Off => 2,
        LvsFlushOnStop::VirtualServers => 3,
    })
}
