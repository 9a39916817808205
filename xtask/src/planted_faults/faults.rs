//! The faults: one change of one file each, as somebody could make it.

/// A fault and how it is planted.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    /// Stands exactly once in the file.
    pub(super) right: &'static str,
    pub(super) wrong: &'static str,
}

const INSTANCE: &str = "crates/vrrp/src/instance.rs";
const HEARING: &str = "crates/vrrp/src/instance/hearing.rs";
const SEND: &str = "crates/vrrp/src/instance/send.rs";
const AUTHENTICATION: &str = "crates/vrrp/src/instance/authentication.rs";
const TIMES: &str = "crates/vrrp/src/instance/times.rs";
const STATES: &str = "crates/vrrp/src/instance/states.rs";
const ADDRESSES: &str = "crates/vrrp/src/instance/addresses.rs";
const ANNOUNCEMENTS: &str = "crates/vrrp/src/instance/announcements.rs";
const RECEIVE: &str = "crates/vrrp/src/instance/receive.rs";
const FACTS: &str = "crates/vrrp/src/facts.rs";
const NODE: &str = "crates/vrrp/src/node.rs";
const TRANSITIONS: &str = "crates/vrrp/src/node/transitions.rs";
const FRAME: &str = "crates/vrrp/src/packet/frame.rs";
const PACKET: &str = "crates/vrrp/src/packet.rs";
const PLAN: &str = "crates/holdfast/src/plan/vrrp.rs";

/// Timers.
const OF_TIME: &[Fault] = &[
    Fault {
        name: "no skew: all backups time out together",
        file: TIMES,
        right: "unit.saturating_mul(256 - u32::from(priority)) / 256",
        wrong: "unit.saturating_mul(u32::from(priority) * 0) / 256",
    },
    Fault {
        name: "the skew of version 2 scales with the interval as in version 3",
        file: TIMES,
        right: "Version::V2 => Duration::from_secs(1),",
        wrong: "Version::V2 => self.master_interval(),",
    },
    Fault {
        name: "down_timer_adverts is not looked at",
        file: TIMES,
        right: "u32::from(self.settings.down_timer_adverts.max(1))",
        wrong: "3",
    },
    Fault {
        name: "an advert of the master does not start the wait anew",
        file: HEARING,
        right: "            self.wait_for(WaitKind::MasterDown, out);\n        }\n",
        wrong: "        }\n",
    },
    Fault {
        name: "a backup of version 3 does not learn the master's interval",
        file: HEARING,
        right: "self.master_interval = advertisement.interval;",
        wrong: "",
    },
    Fault {
        name: "a new advert_int waits for the next state",
        file: INSTANCE,
        right: "if self.state == State::Master && interval_changed {",
        wrong: "if false && interval_changed {",
    },
    Fault {
        name: "after a stall nobody listens once more",
        file: TIMES,
        right: "wait.earliest_end = earliest;",
        wrong: "let _ = (&wait, earliest);",
    },
];

/// Who is better, and who gives way.
const OF_ELECTION: &[Fault] = &[
    Fault {
        name: "a backup takes a worse master for a master, although it preempts",
        file: HEARING,
        right: "if priority >= self.priority {",
        wrong: "if priority > 0 {",
    },
    Fault {
        name: "nopreempt is ignored",
        file: HEARING,
        right: "if !self.settings.preempt {",
        wrong: "if false {",
    },
    Fault {
        name: "preempt_delay is ignored",
        file: HEARING,
        right: "if self.settings.preempt_delay.is_zero() {",
        wrong: "if self.settings.preempt {",
    },
    Fault {
        name: "of two equal masters the one with the lower address goes on",
        file: HEARING,
        right: "from.cmp(&source)",
        wrong: "source.cmp(&from)",
    },
    Fault {
        name: "a master does not give way to a higher priority",
        file: HEARING,
        right: "Heard::GiveWay(Reason::HigherPriority { from, priority })",
        wrong: "Heard::GoOn",
    },
    Fault {
        name: "priority 0 is an advert like any other",
        file: HEARING,
        right: "        if advertisement.priority == 0 {\n            out.log(LogEvent::BackupPriorityZero",
        wrong: "        if advertisement.priority == 1 {\n            out.log(LogEvent::BackupPriorityZero",
    },
    Fault {
        name: "who leaves for good does not resign",
        file: TRANSITIONS,
        right: "self.with(step.id, |instance, out| instance.send_advertisement(0, out));",
        wrong: "let _ = step;",
    },
    Fault {
        name: "members of a sync group become master one by one",
        file: NODE,
        right: "            .all(wants)\n",
        wrong: "            .any(wants)\n",
    },
    Fault {
        name: "a fault of one member leaves the rest of its group alone",
        file: TRANSITIONS,
        right: ".filter(|instance| instance.state != planned.to)",
        wrong: ".filter(|instance| instance.state != planned.to && (planned.to != State::Fault || !instance.faults.is_empty()))",
    },
];

/// What packets say and what is taken from them.
const OF_PACKETS: &[Fault] = &[
    Fault {
        name: "packets say the configured priority, not the effective one",
        file: SEND,
        right: "            vrid: settings.vrid,\n            priority,\n",
        wrong: "            vrid: settings.vrid,\n            priority: priority.min(settings.priority),\n",
    },
    Fault {
        name: "version 3 packets say seconds instead of centiseconds",
        file: PACKET,
        right: "u16::try_from(self.interval.as_millis() / 10)",
        wrong: "u16::try_from(self.interval.as_secs())",
    },
    Fault {
        name: "centiseconds of version 3 packets are read as milliseconds",
        file: FRAME,
        right: "u64::from(u16::from_be_bytes([high & 0x0f, low])).saturating_mul(10)",
        wrong: "u64::from(u16::from_be_bytes([high & 0x0f, low]))",
    },
    Fault {
        name: "excluded addresses are advertised",
        file: SEND,
        right: "addresses: settings.addresses.iter().map(|address| address.address).collect(),",
        wrong: "addresses: settings.held_addresses().map(|address| address.address).collect(),",
    },
    Fault {
        name: "any password will do",
        file: RECEIVE,
        right: "Err(Rejection::WrongPassword)",
        wrong: "Ok(())",
    },
    Fault {
        name: "an interval of version 2 that differs is accepted",
        file: RECEIVE,
        right: "if interval != self.settings.advert_interval {",
        wrong: "if interval.is_zero() {",
    },
    Fault {
        name: "a signed advert is taken a second time",
        file: AUTHENTICATION,
        right: "let news = last.is_none_or(|last| is_after(sequence, last));",
        wrong: "let news = true;",
    },
    Fault {
        name: "an authentication header is taken a second time",
        file: AUTHENTICATION,
        right: "sequence > self.sequence ||",
        wrong: "sequence >= self.sequence ||",
    },
    Fault {
        name: "authentication headers of two that count alike are refused",
        file: AUTHENTICATION,
        right: "(sequence == self.sequence && self.sequence_of != Some(from))",
        wrong: "(false && self.sequence_of != Some(from))",
    },
    Fault {
        name: "adverts without a signature are taken",
        file: AUTHENTICATION,
        right: "HmacMode::Enforce => Err(Rejection::NotSigned),",
        wrong: "HmacMode::Enforce => Ok(()),",
    },
];

/// Addresses, announcements, trackers, settings.
const OF_HOSTS: &[Fault] = &[
    Fault {
        name: "the addresses stay in FAULT",
        file: TRANSITIONS,
        right: "                let gone = instance.holdings().filter(|holding| !keep.keeps_address(holding));",
        wrong: "                let gone = instance.holdings().filter(|holding| step.to != State::Fault && !keep.keeps_address(holding));",
    },
    Fault {
        name: "a new master does not announce its addresses",
        file: ANNOUNCEMENTS,
        right: "        self.announce(self.holdings(), announce.master_repeat, out);\n        self.plan_second",
        wrong: "        self.plan_second",
    },
    Fault {
        name: "the second burst says nothing",
        file: ANNOUNCEMENTS,
        right: "        self.announce(self.holdings(), count, out);",
        wrong: "        let _ = (count, out);",
    },
    Fault {
        name: "a rival that gave way without a word is waited for in vain",
        file: NODE,
        right: "if instance.is_rival_silent() {",
        wrong: "if instance.is_rival_silent() && false {",
    },
    Fault {
        name: "a last word says the interval of one that is no master any more",
        file: SEND,
        right: "advertisement.interval = interval;",
        wrong: "let _ = (&mut advertisement, interval);",
    },
    Fault {
        name: "the winner of a conflict does not announce again",
        file: NODE,
        right: "Heard::AnnounceAgain => self.announce_unit(id),",
        wrong: "Heard::AnnounceAgain => {}",
    },
    Fault {
        name: "garp_master_refresh happens once",
        file: ANNOUNCEMENTS,
        right: "        self.plan_refresh(self.settings.announce.refresh, out);\n    }\n\n    pub(crate) fn plan_refresh",
        wrong: "    }\n\n    pub(crate) fn plan_refresh",
    },
    Fault {
        name: "an address that somebody removed is not put back",
        file: ADDRESSES,
        right: "if self.state != State::Master || !self.settings.held_addresses().any(ours) {",
        wrong: "if self.state == State::Master || !self.settings.held_addresses().any(ours) {",
    },
    Fault {
        name: "what a killed daemon left stays",
        file: TRANSITIONS,
        right: "if std::mem::replace(&mut instance.leftovers_gone, true) {",
        wrong: "if !std::mem::replace(&mut instance.leftovers_gone, true) {",
    },
    Fault {
        name: "a failing script without a weight is no fault",
        file: FACTS,
        right: "            Some(_) => self.add_fault(fault()),",
        wrong: "            Some(_) => drop(fault),",
    },
    Fault {
        name: "the weight of a tracked interface does not count",
        file: FACTS,
        right: "            Some(up) => self.weigh(tracked.weight, tracked.reverse, up),\n        }\n    }\n\n    /// What is up or down.",
        wrong: "            Some(up) => self.weigh(0, tracked.reverse, up),\n        }\n    }\n\n    /// What is up or down.",
    },
    Fault {
        name: "a new master is silent for its first interval",
        file: STATES,
        right: "        self.send_advertisement(self.priority, out);\n        out.set_after",
        wrong: "        out.set_after",
    },
    Fault {
        name: "addresses are announced before they are there",
        file: TRANSITIONS,
        right: "self.with(step.id, |instance, out| instance.add(instance.holdings(), out));",
        wrong: "self.with(step.id, |instance, out| {\n                instance.announce(instance.holdings(), 1, out);\n                instance.add(instance.holdings(), out);\n            });",
    },
    Fault {
        name: "the plan takes nopreempt for its contrary",
        file: PLAN,
        right: "preempt: !instance.nopreempt,",
        wrong: "preempt: instance.nopreempt,",
    },
    Fault {
        name: "the plan forgets preempt_delay",
        file: PLAN,
        right: "preempt_delay: instance.preempt_delay,",
        wrong: "preempt_delay: Default::default(),",
    },
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Fault> {
    [OF_TIME, OF_ELECTION, OF_PACKETS, OF_HOSTS].into_iter().flatten()
}
