//! Policy routing rules as plain data, and how rtnetlink writes them (`linux/fib_rules.h`).
#![deny(clippy::arithmetic_side_effects)]

mod text;

use serde::{Deserialize, Serialize};

use crate::changes::{Change, Entry};
use crate::netlink::{CREATE, EXCLUSIVE, Message, RequestWriter, attributes, number, text};
use crate::prefix::{Prefix, family_number, family_of_number, ip_address, octets};
use crate::routes::ROUTING_PROTOCOL;
use crate::vrrp_socket::AddressFamily;

/// `RTM_NEWRULE`
pub(crate) const NEW: u16 = 32;
/// `RTM_DELRULE`
pub(crate) const DELETE: u16 = 33;
/// `RTM_GETRULE`
pub(crate) const GET: u16 = 34;

/// Length of `struct fib_rule_hdr`: family, destination length, source length, tos, table, two reserved, action (u8
/// each), flags u32.
const HEADER: usize = 12;
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_FLOW: u16 = 11;
const FRA_TUN_ID: u16 = 12;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;
const FRA_UID_RANGE: u16 = 20;
const FRA_PROTOCOL: u16 = 21;
const FRA_IP_PROTO: u16 = 22;
const FRA_SPORT_RANGE: u16 = 23;
const FRA_DPORT_RANGE: u16 = 24;
/// `FR_ACT_*`
const TO_TABLE: u8 = 1;
const GOTO: u8 = 2;
const NOP: u8 = 3;
const BLACKHOLE: u8 = 6;
const UNREACHABLE: u8 = 7;
const PROHIBIT: u8 = 8;
/// `FIB_RULE_INVERT`
const INVERT: u32 = 2;
/// What the kernel reports where nothing is suppressed.
const NOTHING: u32 = u32::MAX;
/// Longest name of an interface, without the closing zero.
const NAME_BYTES: usize = 15;

/// What a rule does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RuleAction {
    /// Look it up in this table.
    Table(u32),
    /// Look it up in the table of its VRF.
    L3Master,
    /// Go on at the rule of this preference.
    Goto(u32),
    /// Go on with the next rule.
    Nop,
    /// Drop it silently.
    Blackhole,
    /// Answer "network unreachable".
    Unreachable,
    /// Answer "administratively prohibited".
    Prohibit,
}

/// A policy routing rule, wanted or observed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Family of the packets.
    pub family: AddressFamily,
    /// Rules are asked in this order.
    pub preference: u32,
    /// What it does.
    pub action: RuleAction,
    /// It holds for packets that do not match.
    pub inverted: bool,
    /// Packets from there.
    pub from: Option<Prefix>,
    /// Packets to there.
    pub to: Option<Prefix>,
    /// Type of service; 0: any.
    pub tos: u8,
    /// Firewall mark, and which bits of it count.
    pub mark: Option<(u32, u32)>,
    /// Realms of the result: source in the upper 16 bits, destination in the lower (IPv4); 0: none.
    pub realms: u32,
    /// Results with a prefix of this length or less do not count.
    pub suppress_prefix_length: Option<u32>,
    /// Results through interfaces of this group do not count.
    pub suppress_interface_group: Option<u32>,
    /// Packets that come in there. It need not exist.
    pub input_interface: Option<String>,
    /// Packets of sockets bound to it. It need not exist.
    pub output_interface: Option<String>,
    /// Packets of this tunnel; 0: any.
    pub tunnel_id: u64,
    /// Packets of these users, first and last.
    pub users: Option<(u32, u32)>,
    /// `RTPROT_*`, who made it; 0: not said.
    pub protocol: u8,
    /// Packets of this layer 4 protocol; 0: any.
    pub ip_protocol: u8,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
}

impl Rule {
    /// A rule of Holdfast's for all packets of a family.
    pub fn new(family: AddressFamily, preference: u32, action: RuleAction) -> Self {
        Self {
            family,
            preference,
            action,
            inverted: false,
            from: None,
            to: None,
            tos: 0,
            mark: None,
            realms: 0,
            suppress_prefix_length: None,
            suppress_interface_group: None,
            input_interface: None,
            output_interface: None,
            tunnel_id: 0,
            users: None,
            protocol: ROUTING_PROTOCOL,
            ip_protocol: 0,
            source_ports: None,
            destination_ports: None,
        }
    }

    /// Names of the interfaces in it.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        let names = [&self.input_interface, &self.output_interface];
        names.into_iter().filter_map(|name| name.as_deref())
    }

    /// Whether `observed` is this rule in the kernel's table.
    pub fn is_in_kernel_as(&self, observed: &Self) -> bool {
        self.as_reported() == observed.as_reported()
    }

    /// With all that says nothing left out.
    fn as_reported(&self) -> Self {
        let network = |prefix: Option<Prefix>| prefix.filter(|prefix| prefix.length > 0).map(|it| it.network());
        Self {
            from: network(self.from),
            to: network(self.to),
            mark: self.mark.filter(|mark| *mark != (0, 0)),
            ..self.clone()
        }
    }

    const fn action_number(&self) -> u8 {
        match self.action {
            RuleAction::Table(_) | RuleAction::L3Master => TO_TABLE,
            RuleAction::Goto(_) => GOTO,
            RuleAction::Nop => NOP,
            RuleAction::Blackhole => BLACKHOLE,
            RuleAction::Unreachable => UNREACHABLE,
            RuleAction::Prohibit => PROHIBIT,
        }
    }

    /// Which packets it is for.
    fn write_selectors(&self, body: &mut RequestWriter) {
        for (kind, prefix) in [(FRA_SRC, self.from), (FRA_DST, self.to)] {
            if let Some(prefix) = prefix.filter(|prefix| prefix.length > 0) {
                body.attribute(kind, &octets(prefix.network().address));
            }
        }
        if let Some((mark, bits)) = self.mark {
            body.attribute(FRA_FWMARK, &mark.to_ne_bytes());
            body.attribute(FRA_FWMASK, &bits.to_ne_bytes());
        }
        for (kind, name) in [
            (FRA_IIFNAME, &self.input_interface),
            (FRA_OIFNAME, &self.output_interface),
        ] {
            if let Some(name) = name {
                body.name_attribute(kind, name);
            }
        }
        if self.tunnel_id != 0 {
            body.attribute(FRA_TUN_ID, &self.tunnel_id.to_be_bytes());
        }
        if let Some((first, last)) = self.users {
            body.attribute(FRA_UID_RANGE, &[first.to_ne_bytes(), last.to_ne_bytes()].concat());
        }
        if self.ip_protocol != 0 {
            body.attribute(FRA_IP_PROTO, &[self.ip_protocol]);
        }
        for (kind, ports) in [
            (FRA_SPORT_RANGE, self.source_ports),
            (FRA_DPORT_RANGE, self.destination_ports),
        ] {
            if let Some((first, last)) = ports {
                body.attribute(kind, &[first.to_ne_bytes(), last.to_ne_bytes()].concat());
            }
        }
    }
}

impl Entry for Rule {
    fn operation(change: Change) -> &'static str {
        match change {
            Change::Add => "add rule",
            Change::Remove => "remove rule",
        }
    }

    fn kind_and_flags(&self, change: Change) -> (u16, u16) {
        match change {
            // Without EXCL the kernel would take the same rule twice.
            Change::Add => (NEW, CREATE | EXCLUSIVE),
            Change::Remove => (DELETE, 0),
        }
    }

    fn is_already_so(&self, change: Change, errno: i32) -> bool {
        match change {
            Change::Add => errno == libc::EEXIST,
            Change::Remove => errno == libc::ENOENT,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let unsound = |prefix: &Prefix| !prefix.is_sound() || prefix.family() != self.family;
        if [self.from, self.to].iter().flatten().any(unsound) {
            return Err("a prefix is longer than its address, or of another family");
        }
        if self.links().any(|name| name.len() > NAME_BYTES || name.contains('\0')) {
            return Err("the name of an interface is longer than 15 bytes");
        }
        Ok(())
    }

    fn write(&self, _: Change, body: &mut RequestWriter) {
        let length = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| prefix.length);
        let table = match self.action {
            RuleAction::Table(table) => table,
            _ => 0,
        };
        let mut header = vec![
            family_number(self.family),
            length(self.to),
            length(self.from),
            self.tos,
            u8::try_from(table).unwrap_or(0),
            0,
            0,
            self.action_number(),
        ];
        header.extend(if self.inverted { INVERT } else { 0 }.to_ne_bytes());
        debug_assert_eq!(header.len(), HEADER);
        body.fixed(&header);
        body.attribute(FRA_PRIORITY, &self.preference.to_ne_bytes());
        if table > u32::from(u8::MAX) {
            body.attribute(FRA_TABLE, &table.to_ne_bytes());
        }
        match self.action {
            RuleAction::L3Master => body.attribute(FRA_L3MDEV, &[1]),
            RuleAction::Goto(target) => body.attribute(FRA_GOTO, &target.to_ne_bytes()),
            _ => {}
        }
        if self.protocol != 0 {
            body.attribute(FRA_PROTOCOL, &[self.protocol]);
        }
        if self.realms != 0 {
            body.attribute(FRA_FLOW, &self.realms.to_ne_bytes());
        }
        for (kind, number) in [
            (FRA_SUPPRESS_PREFIXLEN, self.suppress_prefix_length),
            (FRA_SUPPRESS_IFGROUP, self.suppress_interface_group),
        ] {
            if let Some(number) = number {
                body.attribute(kind, &number.to_ne_bytes());
            }
        }
        self.write_selectors(body);
    }
}

/// The rule in a [`NEW`] or [`DELETE`] message; nothing for other families and actions.
pub(crate) fn decode(message: &Message<'_>) -> Option<Rule> {
    let (header, rest) = message.payload.split_first_chunk::<HEADER>()?;
    let [family, to_length, from_length, tos, table, _, _, action, flags @ ..] = header;
    let family = family_of_number(*family)?;
    let mut rule = Rule {
        tos: *tos,
        inverted: number(flags)? & INVERT != 0,
        protocol: 0,
        ..Rule::new(family, 0, RuleAction::Nop)
    };
    let (mut table, mut target, mut l3_master) = (u32::from(*table), 0, false);
    let (mut mark, mut bits) = (0, 0);
    for (kind, value) in attributes(rest) {
        match kind {
            FRA_TABLE => table = number(value)?,
            FRA_GOTO => target = number(value)?,
            FRA_L3MDEV => l3_master = value.first().is_some_and(|master| *master != 0),
            FRA_FWMARK => mark = number(value)?,
            FRA_FWMASK => bits = number(value)?,
            FRA_SRC => rule.from = prefix(value, *from_length),
            FRA_DST => rule.to = prefix(value, *to_length),
            _ => read_selector(&mut rule, kind, value),
        }
    }
    rule.mark = Some((mark, bits)).filter(|mark| *mark != (0, 0));
    rule.action = match *action {
        TO_TABLE if l3_master => RuleAction::L3Master,
        TO_TABLE => RuleAction::Table(table),
        GOTO => RuleAction::Goto(target),
        NOP => RuleAction::Nop,
        BLACKHOLE => RuleAction::Blackhole,
        UNREACHABLE => RuleAction::Unreachable,
        PROHIBIT => RuleAction::Prohibit,
        _ => return None,
    };
    Some(rule)
}

fn read_selector(rule: &mut Rule, kind: u16, value: &[u8]) {
    let byte = || value.first().copied().unwrap_or(0);
    let unless_nothing = || number(value).filter(|number| *number != NOTHING);
    match kind {
        FRA_PRIORITY => rule.preference = number(value).unwrap_or(0),
        FRA_PROTOCOL => rule.protocol = byte(),
        FRA_FLOW => rule.realms = number(value).unwrap_or(0),
        FRA_SUPPRESS_PREFIXLEN => rule.suppress_prefix_length = unless_nothing(),
        FRA_SUPPRESS_IFGROUP => rule.suppress_interface_group = unless_nothing(),
        FRA_IIFNAME => rule.input_interface = Some(text(value)),
        FRA_OIFNAME => rule.output_interface = Some(text(value)),
        FRA_TUN_ID => rule.tunnel_id = <[u8; 8]>::try_from(value).map_or(0, u64::from_be_bytes),
        FRA_UID_RANGE => {
            let halves = value.split_at_checked(4);
            rule.users = halves.and_then(|(first, last)| Some((number(first)?, number(last)?)));
        }
        FRA_IP_PROTO => rule.ip_protocol = byte(),
        FRA_SPORT_RANGE => rule.source_ports = ports(value),
        FRA_DPORT_RANGE => rule.destination_ports = ports(value),
        _ => {}
    }
}

fn prefix(value: &[u8], length: u8) -> Option<Prefix> {
    ip_address(value).map(|address| Prefix { address, length })
}

fn ports(value: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = value.first_chunk::<4>()?;
    Some((u16::from_ne_bytes([*a, *b]), u16::from_ne_bytes([*c, *d])))
}

#[cfg(test)]
mod tests;
