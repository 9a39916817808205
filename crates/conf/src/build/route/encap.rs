//! `encap` and `nexthop` on a line of a route.

use super::names::{Names, any_base};
use super::words::{Family, Words};
use crate::build::Builder;
use crate::config::{Encap, NextHop, TunnelMetadata};
use crate::diagnostic::findings;
use crate::grammar::Word;
use std::str::FromStr;

/// Labels have 20 bits.
const LARGEST_LABEL: u64 = (1 << 20) - 1;

/// The options of a metadata tunnel, in the words of its family.
struct TunnelWords {
    service: &'static str,
    hops: &'static str,
}

impl<'a> Builder<'a> {
    /// What follows `encap`; `None` when it is wrong, which was said, and the route goes without.
    pub(super) fn encap(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<Encap> {
        let Some(kind) = words.next() else {
            return self.bad_encap(option, "'encap' lacks its type");
        };
        match kind.text {
            "ip" => {
                let options = TunnelWords {
                    service: "tos",
                    hops: "ttl",
                };
                self.tunnel(kind, words, &options).map(Encap::Ip)
            }
            "ip6" => {
                let options = TunnelWords {
                    service: "tc",
                    hops: "hoplimit",
                };
                self.tunnel(kind, words, &options).map(Encap::Ip6)
            }
            "mpls" => {
                let labels = words.next()?;
                let label = |text: &str| any_base(text).filter(|label| *label <= LARGEST_LABEL);
                let parsed = labels.text.split('/').map(|text| u32::try_from(label(text)?).ok());
                match parsed.collect() {
                    Some(labels) => Some(Encap::Mpls(labels)),
                    None => self.bad_encap(labels, "MPLS labels are numbers up to 1048575 with '/' between them"),
                }
            }
            "ila" => {
                let locator = words.next()?;
                match ila_locator(locator.text) {
                    Some(locator) => Some(Encap::Ila(locator)),
                    None => self.bad_encap(locator, "a locator is four groups of hexadecimal digits"),
                }
            }
            _ => self.bad_encap(kind, "there is no such encapsulation; ip, ip6, mpls or ila"),
        }
    }

    fn bad_encap<T>(&mut self, word: Word<'a>, reason: &str) -> Option<T> {
        let message = format!("'{}': {reason}; the encapsulation is left out", word.text);
        self.invalid(findings::ENCAP, message, word).send(self);
        None
    }

    fn tunnel<Address: FromStr>(
        &mut self,
        kind: Word<'a>,
        words: &mut Words<'a>,
        options: &TunnelWords,
    ) -> Option<TunnelMetadata<Address>> {
        let mut tunnel = TunnelMetadata {
            id: None,
            dst: None,
            src: None,
            tos: None,
            ttl: None,
            flags: None,
        };
        let names = ["id", "dst", "src", options.service, options.hops, "flags"];
        while let Some(option) = words.next_if(|word| names.contains(&word.text)) {
            let value = self.value(option, words)?;
            let number = any_base(value.text);
            let good = match option.text {
                "id" => store(&mut tunnel.id, number),
                "dst" => store(&mut tunnel.dst, value.text.parse().ok()),
                "src" => store(&mut tunnel.src, value.text.parse().ok()),
                "flags" => store(&mut tunnel.flags, number.and_then(|flags| u16::try_from(flags).ok())),
                name if name == options.service => {
                    let service = self.number_of(Names::Service, value.text);
                    store(&mut tunnel.tos, service.and_then(|tos| u8::try_from(tos).ok()))
                }
                _ => store(&mut tunnel.ttl, number.and_then(|ttl| u8::try_from(ttl).ok())),
            };
            if !good {
                return self.bad_encap(value, &format!("this is no value of '{}'", option.text));
            }
        }
        if tunnel.id.is_none() && tunnel.dst.is_none() {
            return self.bad_encap(kind, "it needs an id or a dst");
        }
        Some(tunnel)
    }

    /// What follows the first `nexthop`; hops that are wrong are left out, which is said.
    pub(super) fn nexthops(&mut self, words: &mut Words<'a>, family: &mut Family) -> Vec<NextHop> {
        let mut hops = Vec::new();
        loop {
            let Some(hop) = self.nexthop(words, family) else {
                return hops;
            };
            hops.push(hop);
            match words.next() {
                None => return hops,
                Some(word) if word.text == "nexthop" => {}
                Some(word) => {
                    let message = format!(
                        "'{}' and what follows it are ignored: next hops end the line",
                        word.text
                    );
                    self.invalid(findings::LINE_OPTION, message, word).send(self);
                    return hops;
                }
            }
        }
    }

    fn nexthop(&mut self, words: &mut Words<'a>, family: &mut Family) -> Option<NextHop> {
        let mut hop = NextHop::default();
        let names = ["via", "dev", "weight", "onlink", "encap", "realms", "as"];
        while let Some(option) = words.next_if(|word| names.contains(&word.text)) {
            match option.text {
                "via" => hop.via = Some(self.gateway(option, words, family)?),
                "dev" => {
                    let name = self.value(option, words)?;
                    hop.dev = Some(self.spanned(name));
                }
                "weight" => match self.number(option, words, 256)? {
                    0 => return self.bad_option(option, "is at least 1"),
                    weight => hop.weight = u16::try_from(weight).ok(),
                },
                "onlink" => hop.onlink = true,
                "encap" => hop.encap = self.encap(option, words),
                "realms" => hop.realms = Some(self.realms(option, words, family)?),
                _ => return self.bad_option(option, "is for MPLS, which is not supported"),
            }
        }
        Some(hop)
    }
}

/// Takes a value; false when there is none.
fn store<T>(target: &mut Option<T>, value: Option<T>) -> bool {
    *target = value;
    target.is_some()
}

/// Four groups of 16 bits.
fn ila_locator(text: &str) -> Option<u64> {
    let mut locator = 0;
    let mut groups = text.trim().split(':');
    for _ in 0..4 {
        let group = u16::from_str_radix(groups.next()?, 16).ok()?;
        locator = locator << 16 | u64::from(group);
    }
    groups.next().is_none().then_some(locator)
}
