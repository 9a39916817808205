//! `keepalived.json`, as keepalived 2.4 writes it: names, their order, and which are left out when they are empty.

use holdfast_conf::config::{
    Authentication, Config, NotifyDeleted, ParamMatch, Route, Rule, Script, VirtualAddress, VrrpInstance,
    VrrpTrackProcess, VrrpVersion,
};
use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::Counters;
use holdfast_vrrp::State;
use holdfast_vrrp::settings::{InstanceSettings, NodeSettings};
use holdfast_vrrp::status::InstanceStatus;
use serde::Serialize;

use super::words;
use crate::snapshot::VrrpSnapshot;
use crate::snapshot::vrrp::{AddressOnHost, InstanceOnHost};
use crate::status::{ProcessStatus, TrackersStatus};

/// What the configuration says of the instances and the processes.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPlan {
    version: u8,
    instances: Vec<InstancePlan>,
    processes: Vec<VrrpTrackProcess>,
}

#[derive(Debug, Clone, PartialEq)]
struct InstancePlan {
    configured: VrrpInstance,
    smtp_alert: bool,
    interfaces: Vec<String>,
    scripts: Vec<String>,
    processes: Vec<String>,
}

impl JsonPlan {
    /// Of a file, and of the settings that come of it.
    pub fn from_config(config: &Config, vrrp: &NodeSettings) -> Self {
        let global = &config.global_defs;
        let usual_alert = global.smtp_alert_vrrp.or(global.smtp_alert).unwrap_or(false);
        let instance = |(configured, settings): (&VrrpInstance, &InstanceSettings)| InstancePlan {
            smtp_alert: configured.smtp_alert.unwrap_or(usual_alert),
            interfaces: names(&settings.tracked_interfaces, |tracked| tracked.interface.clone()),
            scripts: settings
                .tracked_scripts
                .iter()
                .filter_map(|tracked| config.vrrp_scripts.iter().find(|script| *script.name == tracked.script))
                .map(|script| words::command(&script.script.argv))
                .collect(),
            processes: names(&settings.tracked_processes, |tracked| tracked.process.clone()),
            configured: configured.clone(),
        };
        let find = |configured| {
            let settings = vrrp.instances.iter().find(|settings| is_named(settings, configured))?;
            Some((configured, settings))
        };
        Self {
            version: global.files.json_version.unwrap_or(1),
            instances: config.vrrp_instances.iter().filter_map(find).map(instance).collect(),
            processes: config.vrrp_track_processes.clone(),
        }
    }

    /// The file. `None`: without instances there is none.
    pub fn text(&self, snapshot: &VrrpSnapshot, trackers: &TrackersStatus) -> anyhow::Result<Option<String>> {
        let shown = snapshot.node.instances.iter().zip(&snapshot.on_host);
        let instances: Vec<Instance> = shown
            .filter_map(|(status, on_host)| {
                let plan = self
                    .instances
                    .iter()
                    .find(|plan| *plan.configured.name == status.name)?;
                Some(Instance {
                    data: data(plan, status, on_host, snapshot),
                    stats: stats(&status.counters),
                })
            })
            .collect();
        if instances.is_empty() {
            return Ok(None);
        }
        let mut text = match self.version {
            1 => serde_json::to_string(&instances)?,
            _ => serde_json::to_string(&Whole {
                vrrp: instances,
                track_process: self
                    .processes
                    .iter()
                    .map(|process| shown_process(process, trackers))
                    .collect(),
            })?,
        };
        text.push('\n');
        Ok(Some(text))
    }
}

fn is_named(settings: &InstanceSettings, configured: &VrrpInstance) -> bool {
    settings.name == *configured.name
}

fn names<T>(tracked: &[T], name: impl Fn(&T) -> String) -> Vec<String> {
    tracked.iter().map(name).collect()
}

#[derive(Serialize)]
struct Whole {
    vrrp: Vec<Instance>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<Process>,
}

#[derive(Serialize)]
struct Instance {
    data: Data,
    stats: Stats,
}

/// A number of seconds, which readers take for a whole number where it is one.
#[derive(Serialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Part(f64),
}

impl From<Duration> for Seconds {
    fn from(time: Duration) -> Self {
        if time.subsec_nanos() == 0 {
            Self::Whole(time.as_secs())
        } else {
            Self::Part(time.as_secs_f64())
        }
    }
}

#[derive(Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "the names are keepalived's"
)]
struct Data {
    iname: String,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: String,
    ifp_ifname: String,
    master_priority: u8,
    last_transition: f64,
    garp_delay: Seconds,
    garp_refresh: Seconds,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: Seconds,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Seconds,
    master_adver_int: Seconds,
    accept: u8,
    nopreempt: bool,
    preempt_delay: u64,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master_rx_lower_pri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vrules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<String>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

fn data(plan: &InstancePlan, status: &InstanceStatus, on_host: &InstanceOnHost, snapshot: &VrrpSnapshot) -> Data {
    let it = &plan.configured;
    let own_interface = own_interface(it, status, on_host);
    let command = |script: &Option<Box<Script>>| script.as_ref().map(|script| words::command(&script.argv));
    let (virtual_addresses, excluded) = (&it.virtual_ipaddress, &it.virtual_ipaddress_excluded);
    let (on_virtual, on_excluded) = on_host
        .addresses
        .split_at_checked(virtual_addresses.len())
        .unwrap_or((&on_host.addresses, &[]));
    let state = status.state.number();
    Data {
        iname: status.name.clone(),
        dont_track_primary: it.dont_track_primary.into(),
        skip_check_adv_addr: it.skip_check_adv_addr.into(),
        strict_mode: it.strict_mode.into(),
        ifp_ifname: own_interface.clone().unwrap_or_else(|| it.interface.value.clone()),
        vmac_ifname: own_interface.unwrap_or_default(),
        master_priority: status.master_priority,
        last_transition: wall_seconds(status.last_transition, snapshot),
        garp_delay: it.garp_master_delay.into(),
        garp_refresh: it.garp_master_refresh.into(),
        garp_rep: it.garp_master_repeat,
        garp_refresh_rep: it.garp_master_refresh_repeat,
        garp_lower_prio_delay: it.garp_lower_prio_delay.into(),
        garp_lower_prio_rep: it.garp_lower_prio_repeat,
        lower_prio_no_advert: it.lower_prio_no_advert.into(),
        higher_prio_send_advert: it.higher_prio_send_advert.into(),
        vrid: status.vrid,
        base_priority: status.base_priority,
        effective_priority: status.effective_priority,
        vipset: status.holds_addresses,
        promote_secondaries: it.promote_secondaries,
        adver_int: it.advert_int.into(),
        master_adver_int: status.master_advert_interval.into(),
        accept: it.accept.into(),
        nopreempt: it.nopreempt,
        preempt_delay: it.preempt_delay.as_secs(),
        state,
        wantstate: if status.wants_master {
            State::Master.number()
        } else {
            state
        },
        version: match it.version {
            VrrpVersion::V2 => 2,
            VrrpVersion::V3 => 3,
        },
        smtp_alert: plan.smtp_alert,
        notify_deleted: it.notify.notify_deleted.is_some(),
        script_backup: command(&it.notify.notify_backup),
        script_master: command(&it.notify.notify_master),
        script_fault: command(&it.notify.notify_fault),
        script_stop: command(&it.notify.notify_stop),
        script_deleted: match &it.notify.notify_deleted {
            Some(NotifyDeleted::Script(script)) => Some(words::command(&script.argv)),
            _ => None,
        },
        script: command(&it.notify.notify),
        script_master_rx_lower_pri: command(&it.notify.notify_master_rx_lower_pri),
        vips: addresses(virtual_addresses, on_virtual),
        evips: addresses(excluded, on_excluded),
        vroutes: it
            .virtual_routes
            .iter()
            .map(|route: &Route| words::route(route))
            .collect(),
        vrules: it.virtual_rules.iter().map(|rule: &Rule| words::rule(rule)).collect(),
        track_ifp: plan.interfaces.clone(),
        track_script: plan.scripts.clone(),
        track_process: plan.processes.clone(),
        auth_type: match it.authentication {
            None => 0,
            Some(Authentication::Pass(_)) => 1,
            Some(Authentication::Ah(_)) => 2,
        },
        auth_data: it.authentication.is_some().then_some("********"),
    }
}

/// The macvlan or ipvlan of the instance: the one that it advertises on, else the one that an address of its own interface is on.
fn own_interface(it: &VrrpInstance, status: &InstanceStatus, on_host: &InstanceOnHost) -> Option<String> {
    if it.use_vmac.is_none() && it.use_ipvlan.is_none() {
        return None;
    }
    if status.interface != it.interface.value {
        return Some(status.interface.clone());
    }
    let configured = it.virtual_ipaddress.iter().chain(&it.virtual_ipaddress_excluded);
    configured
        .zip(&on_host.addresses)
        .find(|(address, _)| address.dev.value == it.interface.value)
        .map(|(_, place)| place.interface.clone())
}

fn addresses(configured: &[VirtualAddress], on_host: &[AddressOnHost]) -> Vec<String> {
    configured
        .iter()
        .zip(on_host)
        .map(|(address, place)| words::address(address, &place.interface, place.is_set))
        .collect()
}

/// A moment of the process's clock on that on the wall, seconds since 1970 to the microsecond.
fn wall_seconds(moment: Timestamp, snapshot: &VrrpSnapshot) -> f64 {
    let wall = snapshot.since_1970.saturating_sub(snapshot.at.since(moment));
    Duration::from_micros(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}

#[derive(Serialize)]
struct Stats {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    auth_ext_missing: u64,
    auth_ext_malformed: u64,
    auth_ext_unknown_key: u64,
    auth_ext_invalid_hmac: u64,
    auth_ext_stale: u64,
    auth_ext_replay: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

fn stats(counters: &Counters) -> Stats {
    Stats {
        advert_rcvd: counters.advert_rcvd,
        advert_sent: counters.advert_sent,
        become_master: counters.become_master,
        release_master: counters.release_master,
        packet_len_err: counters.packet_len_err,
        advert_interval_err: counters.advert_interval_err,
        ip_ttl_err: counters.ip_ttl_err,
        invalid_type_rcvd: counters.invalid_type_rcvd,
        addr_list_err: counters.addr_list_err,
        invalid_authtype: counters.invalid_authtype,
        authtype_mismatch: counters.authtype_mismatch,
        auth_failure: counters.auth_failure,
        auth_ext_missing: counters.auth_ext_missing,
        auth_ext_malformed: counters.auth_ext_malformed,
        auth_ext_unknown_key: counters.auth_ext_unknown_key,
        auth_ext_invalid_hmac: counters.auth_ext_invalid_hmac,
        auth_ext_stale: counters.auth_ext_stale,
        auth_ext_replay: counters.auth_ext_replay,
        pri_zero_rcvd: counters.pri_zero_rcvd,
        pri_zero_sent: counters.pri_zero_sent,
    }
}

#[derive(Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "the names are keepalived's"
)]
struct Process {
    process: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<String>,
    param_match: &'static str,
    min_processes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_processes: Option<u32>,
    current_processes: u32,
    have_quorum: bool,
    weight: i16,
    terminate_delay: Seconds,
    fork_delay: Seconds,
    fork_delay_timer_running: bool,
    terminate_delay_timer_running: bool,
    full_command: bool,
}

fn shown_process(it: &VrrpTrackProcess, trackers: &TrackersStatus) -> Process {
    let known = trackers.processes.iter().find(|status| status.name == *it.name);
    let ProcessStatus { up, count, .. } = known.cloned().unwrap_or_default();
    let have_quorum = up.unwrap_or(false);
    let is_enough = count >= it.quorum && it.quorum_max.is_none_or(|most| count <= most);
    Process {
        process: it.name.value.clone(),
        parameters: (!it.arguments.is_empty()).then(|| it.arguments.join(" ")),
        param_match: match it.param_match {
            None => "none",
            Some(ParamMatch::Exact) => "exact",
            Some(ParamMatch::Partial) => "partial",
            Some(ParamMatch::Initial) => "initial",
        },
        min_processes: it.quorum,
        max_processes: it.quorum_max,
        current_processes: count,
        have_quorum,
        weight: if it.reverse {
            it.weight.saturating_neg()
        } else {
            it.weight
        },
        terminate_delay: it.terminate_delay.into(),
        fork_delay: it.fork_delay.into(),
        // What is counted is not yet in force only while its delay runs.
        fork_delay_timer_running: is_enough && !have_quorum && !it.fork_delay.is_zero(),
        terminate_delay_timer_running: !is_enough && have_quorum && !it.terminate_delay.is_zero(),
        full_command: it.full_command,
    }
}
