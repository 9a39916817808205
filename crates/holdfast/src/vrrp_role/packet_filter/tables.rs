//! The tables of the packet filter: what has to be in them, and the batches that bring them there.
//!
//! Names, order and words of the rules are keepalived's, so that what people have around them goes on to work.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use holdfast_net::nftables::{
    Batch, Chain, DataType, Element, Expression, Hook, MetaKey, PayloadBase, Register, Set, SetFlags, Table,
    TableFamily, Verdict,
};
use holdfast_vrrp::settings::PacketFilterSettings;

use crate::vrrp_role::own_interfaces::Macvlan;

const OUT: &str = "out";
const IN: &str = "in";
const OUT_LINK_LOCAL: &str = "out_link_local";
const IN_LINK_LOCAL: &str = "in_link_local";
const VIPS: &str = "vips";
const VIPS_LINK_LOCAL: &str = "vips_link_local";
const VIPS_LINK_LOCAL_NAME: &str = "vips_link_local_name";
const NEIGHBOUR_DISCOVERY: &str = "neighbor-discovery";
const VMAC_MAP: &str = "vmac_map";
const VMAC_SET: &str = "vmac_set";

/// `IPPROTO_IGMP`, `IPPROTO_ICMPV6`
const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const MLD2_LISTENER_REPORT: u8 = 143;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// `IFNAMSIZ`
const NAME_BYTES: usize = 16;

/// The interface that goes with a link-local address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// By the kernel's number of it.
    Index(u32),
    /// By name.
    Name(String),
}

/// A blocked address as sets know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blocked {
    /// On any interface.
    Anywhere(IpAddr),
    /// A link-local address, which means something only with an interface.
    LinkLocal(Ipv6Addr, At),
}

impl Blocked {
    /// The address on this interface.
    pub(super) fn new(address: IpAddr, at: At) -> Self {
        match address {
            IpAddr::V6(address) if address.is_unicast_link_local() => Self::LinkLocal(address, at),
            other => Self::Anywhere(other),
        }
    }

    /// The set that it goes into.
    pub(super) fn place(&self) -> (TableFamily, &'static str) {
        match self {
            Self::Anywhere(IpAddr::V4(_)) => (TableFamily::Ip, VIPS),
            Self::Anywhere(IpAddr::V6(_)) => (TableFamily::Ip6, VIPS),
            Self::LinkLocal(_, At::Index(_)) => (TableFamily::Ip6, VIPS_LINK_LOCAL),
            Self::LinkLocal(_, At::Name(_)) => (TableFamily::Ip6, VIPS_LINK_LOCAL_NAME),
        }
    }

    fn key(&self) -> Vec<u8> {
        match self {
            Self::Anywhere(IpAddr::V4(address)) => address.octets().to_vec(),
            Self::Anywhere(IpAddr::V6(address)) => address.octets().to_vec(),
            Self::LinkLocal(address, at) => {
                let mut key = address.octets().to_vec();
                match at {
                    At::Index(index) => key.extend(index.to_ne_bytes()),
                    At::Name(name) => key.extend(filled_up(name)),
                }
                key
            }
        }
    }
}

/// What is in the kernel's tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    settings: PacketFilterSettings,
    /// What exists: chains, sets and their rules are made when they are first needed, and go with their table.
    made: BTreeSet<(TableFamily, &'static str)>,
    /// Number of the interface below, by number of the macvlan.
    vmacs: BTreeMap<TableFamily, BTreeMap<u32, u32>>,
    blocked: BTreeSet<Blocked>,
    last_id: u32,
}

impl Tables {
    pub(super) fn new(settings: PacketFilterSettings) -> Self {
        Self {
            settings,
            made: BTreeSet::new(),
            vmacs: BTreeMap::new(),
            blocked: BTreeSet::new(),
            last_id: 0,
        }
    }

    pub(super) const fn settings(&self) -> &PacketFilterSettings {
        &self.settings
    }

    /// Removes the tables of both families, whoever left them.
    pub(super) fn remove(&self) -> Batch {
        let mut batch = Batch::default();
        for family in [TableFamily::Ip, TableFamily::Ip6] {
            batch.remove_table(&self.table(family));
        }
        batch
    }

    /// Membership reports of exactly these macvlans leave by the interface below.
    pub(super) fn set_vmacs(&mut self, macvlans: &[Macvlan]) -> Batch {
        let mut batch = Batch::default();
        for (family, counts) in [
            (TableFamily::Ip, (|macvlan| macvlan.ipv4) as fn(&Macvlan) -> bool),
            (TableFamily::Ip6, |macvlan| macvlan.ipv6),
        ] {
            let wanted: BTreeMap<u32, u32> = macvlans
                .iter()
                .filter(|macvlan| counts(macvlan))
                .map(|macvlan| (macvlan.index, macvlan.base))
                .collect();
            self.set_pairs(family, &wanted, &mut batch);
        }
        batch
    }

    /// Takes out whole chains and sets that nothing needs any more, when addresses can come to be blocked in these places only:
    /// all in one change, in which what is blocked stays blocked.
    pub(super) fn tidy(&mut self, places: &BTreeSet<(TableFamily, &'static str)>) -> Batch {
        let is_unused = |(family, name): &(TableFamily, &'static str)| match *name {
            VMAC_MAP => self.vmacs.get(family).is_none_or(BTreeMap::is_empty),
            VIPS => !places.iter().any(|(of, _)| of == family),
            VIPS_LINK_LOCAL | VIPS_LINK_LOCAL_NAME => !places.contains(&(*family, name)),
            _ => false,
        };
        if !self.made.iter().any(is_unused) {
            return Batch::default();
        }
        let mut batch = self.remove();
        self.made.clear();
        for (family, pairs) in std::mem::take(&mut self.vmacs) {
            self.set_pairs(family, &pairs, &mut batch);
        }
        let blocked = std::mem::take(&mut self.blocked);
        self.block_into(&blocked, &mut batch);
        batch
    }

    fn set_pairs(&mut self, family: TableFamily, wanted: &BTreeMap<u32, u32>, batch: &mut Batch) {
        let known = self.vmacs.insert(family, wanted.clone()).unwrap_or_default();
        let pairs = |of: &BTreeMap<u32, u32>, other: &BTreeMap<u32, u32>| -> Vec<(u32, u32)> {
            let only = of.iter().filter(|(index, base)| other.get(index) != Some(base));
            only.map(|(index, base)| (*index, *base)).collect()
        };
        let (gone, new) = (pairs(&known, wanted), pairs(wanted, &known));
        if gone.is_empty() && new.is_empty() {
            return;
        }
        self.make_vmac_rules(family, batch);
        let table = self.table(family);
        batch.remove_elements(&table, VMAC_MAP, &map_elements(&gone));
        batch.add_elements(&table, VMAC_MAP, &map_elements(&new));
        if family == TableFamily::Ip6 {
            batch.remove_elements(&table, VMAC_SET, &set_elements(&gone));
            batch.add_elements(&table, VMAC_SET, &set_elements(&new));
        }
    }

    /// Blocks these addresses as well.
    pub(super) fn block(&mut self, new: &BTreeSet<Blocked>) -> Batch {
        let mut batch = Batch::default();
        self.block_into(new, &mut batch);
        batch
    }

    fn block_into(&mut self, new: &BTreeSet<Blocked>, batch: &mut Batch) {
        let new: BTreeSet<Blocked> = new.difference(&self.blocked).cloned().collect();
        for (place, keys) in by_place(&new) {
            self.make_rules_for(place, batch);
            let (family, set) = place;
            batch.add_elements(&self.table(family), set, &keys);
        }
        self.blocked.extend(new);
    }

    /// Blocks these addresses no longer.
    pub(super) fn unblock(&mut self, gone: &BTreeSet<Blocked>) -> Batch {
        let mut batch = Batch::default();
        let gone: BTreeSet<Blocked> = gone.intersection(&self.blocked).cloned().collect();
        for ((family, set), keys) in by_place(&gone) {
            batch.remove_elements(&self.table(family), set, &keys);
        }
        self.blocked.retain(|blocked| !gone.contains(blocked));
        batch
    }

    fn table(&self, family: TableFamily) -> Table {
        Table {
            family,
            name: self.settings.table.clone(),
        }
    }

    /// True the first time: then it has to be made.
    fn is_new(&mut self, family: TableFamily, what: &'static str) -> bool {
        self.made.insert((family, what))
    }

    fn make_chain(&mut self, family: TableFamily, name: &'static str, hook: Option<Hook>, batch: &mut Batch) {
        let table = self.table(family);
        if self.is_new(family, "") {
            batch.add_table(&table);
        }
        if self.is_new(family, name) {
            let hook = hook.map(|hook| (hook, self.settings.priority));
            let name = name.to_owned();
            batch.add_chain(&table, &Chain { name, hook });
        }
    }

    fn make_set(&mut self, family: TableFamily, set: Set, batch: &mut Batch) {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        batch.add_set(&self.table(family), &Set { id, ..set });
    }

    fn rule(&self, family: TableFamily, chain: &str, mut steps: Vec<Expression>, end: Verdict, batch: &mut Batch) {
        if self.settings.counters {
            steps.push(Expression::Counter);
        }
        steps.push(Expression::Verdict(end));
        batch.add_rule(&self.table(family), chain, &steps);
    }

    fn make_vmac_rules(&mut self, family: TableFamily, batch: &mut Batch) {
        self.make_chain(family, OUT, Some(Hook::Output), batch);
        if !self.is_new(family, VMAC_MAP) {
            return;
        }
        let index = DataType::INTERFACE_INDEX;
        self.make_set(family, set(VMAC_MAP, index, 4, Some((index, 4))), batch);
        if family == TableFamily::Ip6 {
            self.make_set(family, set(VMAC_SET, index, 4, None), batch);
        }
        let (mut report, destination, bytes) = if family == TableFamily::Ip6 {
            (is_icmpv6_by_meta(MLD2_LISTENER_REPORT), 24, 16)
        } else {
            let is_igmp = vec![
                Expression::network(9, 1, Register::FIRST),
                Expression::equal(Register::FIRST, &[IGMP]),
            ];
            (is_igmp, 16, 4)
        };
        report.push(Expression::network(destination, bytes, Register::FIRST));
        report.extend(leaves_by_macvlan());
        report.push(Expression::Lookup {
            set: VMAC_MAP.into(),
            from: Register::SECOND,
            to: Some(Register::SECOND),
        });
        report.push(Expression::Duplicate {
            address: Register::FIRST,
            interface: Register::SECOND,
        });
        self.rule(family, OUT, report, Verdict::Drop, batch);
        if family == TableFamily::Ip6 {
            let mut solicitation = is_icmpv6_by_meta(ROUTER_SOLICITATION);
            solicitation.extend(leaves_by_macvlan());
            solicitation.push(Expression::is_in(VMAC_SET, Register::SECOND));
            self.rule(family, OUT, solicitation, Verdict::Drop, batch);
        }
    }

    fn make_rules_for(&mut self, (family, set): (TableFamily, &'static str), batch: &mut Batch) {
        self.make_vip_rules(family, batch);
        if set != VIPS {
            self.make_link_local_rules(set, batch);
        }
    }

    fn make_vip_rules(&mut self, family: TableFamily, batch: &mut Batch) {
        self.make_chain(family, OUT, Some(Hook::Output), batch);
        self.make_chain(family, IN, Some(Hook::Input), batch);
        if !self.is_new(family, VIPS) {
            return;
        }
        let is_ipv6 = family == TableFamily::Ip6;
        if is_ipv6 {
            self.make_chain(family, IN_LINK_LOCAL, None, batch);
            self.make_chain(family, OUT_LINK_LOCAL, None, batch);
        }
        let (kind, bytes, source, destination) = if is_ipv6 {
            (DataType::IPV6_ADDRESS, 16, 8, 24)
        } else {
            (DataType::IPV4_ADDRESS, 4, 12, 16)
        };
        self.make_set(family, set(VIPS, kind, bytes, None), batch);
        if is_ipv6 {
            self.make_neighbour_discovery(batch);
        }
        let chains = [(IN, destination, IN_LINK_LOCAL), (OUT, source, OUT_LINK_LOCAL)];
        for (chain, offset, link_local) in chains {
            if chain == OUT && !self.settings.drop_output {
                continue;
            }
            if is_ipv6 {
                let discovery = is_icmpv6_of_set();
                self.rule(family, chain, discovery, Verdict::Accept, batch);
                let goto = Verdict::Goto(link_local.to_owned());
                self.rule(family, chain, is_link_local(offset), goto, batch);
            }
            let is_vip = vec![
                Expression::network(offset, bytes, Register::FIRST),
                Expression::is_in(VIPS, Register::FIRST),
            ];
            self.rule(family, chain, is_vip, Verdict::Drop, batch);
        }
    }

    /// Neighbours must find the addresses, or nothing could be forwarded to them.
    fn make_neighbour_discovery(&mut self, batch: &mut Batch) {
        let family = TableFamily::Ip6;
        let types = Set {
            flags: SetFlags {
                constant: true,
                interval: false,
            },
            ..set(NEIGHBOUR_DISCOVERY, DataType::ICMPV6_TYPE, 1, None)
        };
        self.make_set(family, types, batch);
        let elements = [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT].map(|kind| Element::of_set(vec![kind]));
        batch.add_elements(&self.table(family), NEIGHBOUR_DISCOVERY, &elements);
    }

    fn make_link_local_rules(&mut self, name: &'static str, batch: &mut Batch) {
        let family = TableFamily::Ip6;
        if !self.is_new(family, name) {
            return;
        }
        let by_name = name == VIPS_LINK_LOCAL_NAME;
        let (part, bytes) = if by_name {
            (DataType::INTERFACE_NAME, 32)
        } else {
            (DataType::INTERFACE_INDEX, 20)
        };
        let kind = DataType::concatenated(&[DataType::IPV6_ADDRESS, part]);
        self.make_set(family, set(name, kind, bytes, None), batch);
        let (input, output) = if by_name {
            (MetaKey::InputName, MetaKey::OutputName)
        } else {
            (MetaKey::InputIndex, MetaKey::OutputIndex)
        };
        for (chain, offset, key) in [(IN_LINK_LOCAL, 24, input), (OUT_LINK_LOCAL, 8, output)] {
            let steps = vec![
                Expression::network(offset, 16, Register::FIRST),
                Expression::Meta {
                    key,
                    to: Register::SECOND,
                },
                Expression::is_in(name, Register::FIRST),
            ];
            self.rule(family, chain, steps, Verdict::Drop, batch);
        }
    }
}

fn set(name: &str, key: DataType, key_bytes: u32, data: Option<(DataType, u32)>) -> Set {
    Set {
        name: name.to_owned(),
        key,
        key_bytes,
        data,
        flags: SetFlags::default(),
        interval_parts: Vec::new(),
        counters: false,
        id: 0,
    }
}

fn filled_up(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(NAME_BYTES, 0);
    bytes
}

fn map_elements(pairs: &[(u32, u32)]) -> Vec<Element> {
    let of = |(index, base): &(u32, u32)| Element::of_map(index.to_ne_bytes().to_vec(), base.to_ne_bytes().to_vec());
    pairs.iter().map(of).collect()
}

fn set_elements(pairs: &[(u32, u32)]) -> Vec<Element> {
    let of = |(index, _): &(u32, u32)| Element::of_set(index.to_ne_bytes().to_vec());
    pairs.iter().map(of).collect()
}

fn by_place(blocked: &BTreeSet<Blocked>) -> BTreeMap<(TableFamily, &'static str), Vec<Element>> {
    let mut places: BTreeMap<_, Vec<Element>> = BTreeMap::new();
    for one in blocked {
        places.entry(one.place()).or_default().push(Element::of_set(one.key()));
    }
    places
}

/// Leaves by an interface of the kind `macvlan`, whose number is then in the second register.
fn leaves_by_macvlan() -> [Expression; 3] {
    [
        Expression::Meta {
            key: MetaKey::OutputKind,
            to: Register::SECOND,
        },
        Expression::equal(Register::SECOND, &filled_up("macvlan")),
        Expression::Meta {
            key: MetaKey::OutputIndex,
            to: Register::SECOND,
        },
    ]
}

const TYPE_OF_ICMPV6: Expression = Expression::Payload {
    base: PayloadBase::Transport,
    offset: 0,
    length: 1,
    to: Register::FIRST,
};

/// A message of `ICMPv6` of this type, also behind other headers, as membership reports are.
fn is_icmpv6_by_meta(kind: u8) -> Vec<Expression> {
    vec![
        Expression::Meta {
            key: MetaKey::TransportProtocol,
            to: Register::FIRST,
        },
        Expression::equal(Register::FIRST, &[ICMPV6]),
        TYPE_OF_ICMPV6,
        Expression::equal(Register::FIRST, &[kind]),
    ]
}

/// Neighbour discovery, which has no other headers in front.
fn is_icmpv6_of_set() -> Vec<Expression> {
    vec![
        Expression::network(6, 1, Register::FIRST),
        Expression::equal(Register::FIRST, &[ICMPV6]),
        TYPE_OF_ICMPV6,
        Expression::is_in(NEIGHBOUR_DISCOVERY, Register::FIRST),
    ]
}

/// The address at this offset is in `fe80::/10`.
fn is_link_local(offset: u32) -> Vec<Expression> {
    let first = |high: u8, low: u8| {
        let mut bytes = vec![0; 16];
        if let Some(start) = bytes.first_chunk_mut() {
            *start = [high, low];
        }
        bytes
    };
    vec![
        Expression::network(offset, 16, Register::FIRST),
        Expression::Mask {
            register: Register::FIRST,
            mask: first(0xff, 0xc0),
        },
        Expression::equal(Register::FIRST, &first(0xfe, 0x80)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere(text: &str) -> Blocked {
        Blocked::new(text.parse().unwrap(), At::Index(2))
    }

    #[test]
    fn link_local_addresses_go_with_their_interface() {
        let by_index = anywhere("fe80::1");
        assert_eq!(by_index.place(), (TableFamily::Ip6, "vips_link_local"));
        assert_eq!(by_index.key().len(), 20);
        let by_name = Blocked::new("fe80::1".parse().unwrap(), At::Name("vrrp.51".into()));
        assert_eq!(by_name.place(), (TableFamily::Ip6, "vips_link_local_name"));
        assert_eq!(&by_name.key()[16..], b"vrrp.51\0\0\0\0\0\0\0\0\0");
        assert_eq!(anywhere("2001:db8::1").place(), (TableFamily::Ip6, "vips"));
        assert_eq!(anywhere("192.0.2.1").place(), (TableFamily::Ip, "vips"));
    }

    #[test]
    fn what_is_so_already_changes_nothing() {
        let mut tables = Tables::new(PacketFilterSettings::default());
        let blocked = BTreeSet::from([anywhere("192.0.2.1")]);
        assert!(tables.unblock(&blocked).is_empty());
        assert!(!tables.block(&blocked).is_empty());
        assert!(tables.block(&blocked).is_empty());
        assert!(!tables.unblock(&blocked).is_empty());
        assert!(tables.unblock(&blocked).is_empty());
        let vmac = Macvlan {
            index: 5,
            base: 2,
            ipv4: true,
            ipv6: false,
        };
        assert!(!tables.set_vmacs(&[vmac]).is_empty());
        assert!(tables.set_vmacs(&[vmac]).is_empty());
        assert!(!tables.set_vmacs(&[Macvlan { index: 6, ..vmac }]).is_empty());
        assert!(!tables.set_vmacs(&[]).is_empty());
    }

    #[test]
    fn what_nothing_needs_any_more_goes() {
        let mut tables = Tables::new(PacketFilterSettings::default());
        let [four, six] = ["192.0.2.1", "fe80::1"].map(anywhere);
        let places = BTreeSet::from([four.place(), six.place()]);
        tables.block(&BTreeSet::from([four.clone(), six.clone()]));
        assert!(tables.tidy(&places).is_empty());
        tables.unblock(&BTreeSet::from([six]));
        assert!(tables.tidy(&places).is_empty(), "it may come back");
        assert!(!tables.tidy(&BTreeSet::from([four.place()])).is_empty());
        assert!(tables.tidy(&BTreeSet::from([four.place()])).is_empty());
        assert!(tables.block(&BTreeSet::from([four])).is_empty(), "it is still blocked");
    }
}
