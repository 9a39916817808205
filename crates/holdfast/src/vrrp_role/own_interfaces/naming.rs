//! How interfaces of our own are called.

use std::collections::BTreeSet;

use holdfast_net::Link;

/// Longest name of an interface in bytes.
const NAME_BYTES: usize = 15;
/// Names tried beside the first one.
const ATTEMPTS: u16 = 999;

/// What a name is wanted for.
pub(super) struct Wanted<'a> {
    /// `use_vmac NAME`
    pub(super) name: Option<&'a str>,
    /// `vmac_prefix`
    pub(super) prefix: &'a str,
    pub(super) vrid: u8,
    pub(super) is_ipv6: bool,
    /// A link that is there already and is exactly what is wanted.
    pub(super) fits: &'a dyn Fn(&Link) -> bool,
    /// A link that can be made what is wanted, if its name is the configured one.
    pub(super) can_fit: &'a dyn Fn(&Link) -> bool,
    /// The same as an interface that has a name can be told from others (macvlan), so one of any name will do.
    pub(super) takes_any_name: bool,
}

/// A name, and whether a configured one could not be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) configured_is_taken: bool,
}

/// The configured name; else the name of a link that is what is wanted; else the first of the default names that is free.
/// `assigned` are the names that other instances have.
pub(super) fn choose(wanted: &Wanted<'_>, links: &[&Link], assigned: &BTreeSet<String>) -> Option<Name> {
    let is_usable = |name: &str, fits: &dyn Fn(&Link) -> bool| {
        !assigned.contains(name)
            && links
                .iter()
                .find(|link| link.name == name)
                .is_none_or(|link| fits(link))
    };
    let of = |name: &str, configured_is_taken| Name {
        name: name.to_owned(),
        configured_is_taken,
    };
    if let Some(name) = wanted.name.filter(|name| is_usable(name, wanted.can_fit)) {
        return Some(of(name, false));
    }
    let configured_is_taken = wanted.name.is_some();
    let mut adopted = links.iter().filter(|link| wanted.takes_any_name && (wanted.fits)(link));
    if let Some(link) = adopted.find(|link| !assigned.contains(&link.name)) {
        return Some(of(&link.name, configured_is_taken));
    }
    default_names(wanted.prefix, wanted.vrid, wanted.is_ipv6)
        .find(|name| is_usable(name, wanted.fits))
        .map(|name| of(&name, configured_is_taken))
}

/// As keepalived: `vrrp.51`, then for IPv4 `vrrp1.51`, `vrrp2.51`; for IPv6 first `vrrp6.51`.
fn default_names(prefix: &str, vrid: u8, is_ipv6: bool) -> impl Iterator<Item = String> + '_ {
    let six = is_ipv6.then_some(6);
    let rest = (1..=ATTEMPTS).filter(move |number| Some(*number) != six);
    let numbers = six.into_iter().chain(rest).map(|number| number.to_string());
    std::iter::once(String::new()).chain(numbers).map(move |number| {
        let end = format!("{number}.{vrid}");
        let room = NAME_BYTES.saturating_sub(end.len());
        let cut = (0..=room.min(prefix.len()))
            .rev()
            .find(|end| prefix.is_char_boundary(*end));
        format!("{}{end}", prefix.get(..cut.unwrap_or(0)).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str) -> Link {
        Link {
            index: 9,
            name: name.into(),
            flags: 0,
            mac: None,
            mtu: 1500,
            kind: None,
            parent: None,
            mode: None,
            vrf_table: None,
            master: None,
        }
    }

    fn name(wanted_name: Option<&str>, is_ipv6: bool, present: &[&str], fitting: &str, assigned: &[&str]) -> Name {
        let links: Vec<Link> = present.iter().map(|name| link(name)).collect();
        let links: Vec<&Link> = links.iter().collect();
        let assigned = assigned.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted {
            name: wanted_name,
            prefix: "vrrp",
            vrid: 51,
            is_ipv6,
            fits: &|link| link.name == fitting,
            can_fit: &|link| link.name == fitting,
            takes_any_name: true,
        };
        choose(&wanted, &links, &assigned).unwrap()
    }

    fn plain(name: &str) -> Name {
        Name {
            name: name.into(),
            configured_is_taken: false,
        }
    }

    #[test]
    fn names_follow_keepalived() {
        assert_eq!(name(None, false, &[], "", &[]), plain("vrrp.51"));
        assert_eq!(name(None, true, &[], "", &[]), plain("vrrp.51"));
        assert_eq!(name(None, false, &["vrrp.51"], "", &["vrrp1.51"]), plain("vrrp2.51"));
        assert_eq!(name(None, true, &[], "", &["vrrp.51"]), plain("vrrp6.51"));
        assert_eq!(name(None, true, &["vrrp6.51"], "", &["vrrp.51"]), plain("vrrp1.51"));
        let seventh = default_names("vrrp", 51, true).nth(7).unwrap();
        assert_eq!(seventh, "vrrp7.51", "six is skipped where its turn would come");
    }

    #[test]
    fn what_fits_is_taken_over_under_its_own_name() {
        assert_eq!(
            name(None, false, &["theirs", "vrrp.51"], "theirs", &[]),
            plain("theirs")
        );
        assert_eq!(name(None, false, &["theirs"], "theirs", &["theirs"]), plain("vrrp.51"));
        assert_eq!(name(Some("mine"), false, &["theirs"], "theirs", &[]), plain("mine"));
        assert_eq!(name(Some("mine"), false, &["mine"], "mine", &[]), plain("mine"));
        let taken = name(Some("eth1"), false, &["eth1"], "", &[]);
        assert_eq!((taken.name.as_str(), taken.configured_is_taken), ("vrrp.51", true));
    }

    /// The names that keepalived 2.2.7 makes of the prefix `averylongprefix`.
    #[test]
    fn a_long_prefix_is_cut() {
        let names: Vec<String> = default_names("averylongprefix", 151, true).take(2).collect();
        assert_eq!(names, ["averylongpr.151", "averylongp6.151"]);
        assert!(default_names("prefix-Ä-Ä-Ä-Ä-Ä", 255, false).all(|name| name.len() <= NAME_BYTES));
    }
}
