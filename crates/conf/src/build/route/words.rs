//! Values of options on lines of routes and rules. A wrong one drops the line.

use super::names::{Names, any_base};
use crate::build::Builder;
use crate::config::{AddressFamily, Prefix};
use crate::diagnostic::findings;
use crate::grammar::Word;
use std::net::IpAddr;

/// What is left of a line.
pub(in crate::build) type Words<'a> = std::iter::Peekable<std::vec::IntoIter<Word<'a>>>;

/// The family of a line, fixed by the first thing that has one.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::build) struct Family(pub(in crate::build) Option<AddressFamily>);

impl Family {
    /// False when the line has the other family.
    pub(in crate::build) fn is(&mut self, family: AddressFamily) -> bool {
        *self.0.get_or_insert(family) == family
    }
}

/// A network as a line names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::build) enum Network {
    /// `default`, `any`, `all`: of the family that the rest of the line turns out to have.
    All,
    Of(Prefix),
}

impl Network {
    /// What it is on a line of this family.
    pub(in crate::build) fn in_family(self, family: AddressFamily) -> Prefix {
        match self {
            Self::All => Prefix::all(family),
            Self::Of(prefix) => prefix,
        }
    }
}

impl<'a> Builder<'a> {
    /// The word after an option.
    pub(in crate::build) fn value(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<Word<'a>> {
        let value = words.next();
        if value.is_none() {
            let message = format!("'{}' lacks its value; the line is ignored", option.text);
            self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
        }
        value
    }

    /// Says that a value is wrong, and what it could be.
    pub(in crate::build) fn bad_value<T>(&mut self, option: Word<'a>, value: Word<'a>, hint: &str) -> Option<T> {
        let message = format!("'{}' is no value of '{}'; the line is ignored", value.text, option.text);
        self.invalid(findings::LINE_VALUE, message, value).hint(hint).send(self);
        None
    }

    /// Says that an option cannot stand on this line.
    pub(in crate::build) fn bad_option<T>(&mut self, option: Word<'a>, reason: &str) -> Option<T> {
        let message = format!("'{}' {reason}; the line is ignored", option.text);
        self.invalid(findings::LINE_OPTION, message, option).send(self);
        None
    }

    /// A decimal number from 0.
    pub(in crate::build) fn number(&mut self, option: Word<'a>, words: &mut Words<'a>, most: u64) -> Option<u64> {
        let value = self.value(option, words)?;
        let is_number = value.text.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.text.parse().ok().filter(|number| is_number && *number <= most);
        number.or_else(|| self.bad_value(option, value, &format!("a number from 0 to {most}")))
    }

    /// A decimal number of 32 bits.
    pub(in crate::build) fn number_u32(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<u32> {
        let number = self.number(option, words, u64::from(u32::MAX))?;
        u32::try_from(number).ok()
    }

    /// A number in any base.
    pub(in crate::build) fn based(&mut self, option: Word<'a>, words: &mut Words<'a>, most: u64) -> Option<u64> {
        let value = self.value(option, words)?;
        let number = any_base(value.text).filter(|number| *number <= most);
        number.or_else(|| self.bad_value(option, value, &format!("a number from 0 to {most}")))
    }

    /// A number or the name of one.
    pub(in crate::build) fn named(&mut self, option: Word<'a>, words: &mut Words<'a>, names: Names) -> Option<u32> {
        let value = self.value(option, words)?;
        let number = self.number_of(names, value.text);
        number.or_else(|| self.bad_value(option, value, &names.hint()))
    }

    /// The same for what fits a byte.
    pub(in crate::build) fn named_u8(&mut self, option: Word<'a>, words: &mut Words<'a>, names: Names) -> Option<u8> {
        let number = self.named(option, words, names)?;
        u8::try_from(number).ok()
    }

    /// `[SOURCE/]DESTINATION`; IPv4 only.
    pub(in crate::build) fn realms(
        &mut self,
        option: Word<'a>,
        words: &mut Words<'a>,
        family: &mut Family,
    ) -> Option<u32> {
        let value = self.value(option, words)?;
        if !family.is(AddressFamily::Inet) {
            return self.bad_option(option, "is for IPv4");
        }
        let realms = match value.text.split_once('/') {
            Some((source, destination)) => (
                self.number_of(Names::Realm, source),
                self.number_of(Names::Realm, destination),
            ),
            None => (Some(0), self.number_of(Names::Realm, value.text)),
        };
        match realms {
            (Some(source), Some(destination)) => Some(source << 16 | destination),
            _ => self.bad_value(option, value, "[SOURCE/]DESTINATION, names or numbers up to 65535"),
        }
    }

    /// An address of the family of the line.
    pub(in crate::build) fn line_address(
        &mut self,
        option: Word<'a>,
        value: Word<'a>,
        family: &mut Family,
    ) -> Option<IpAddr> {
        let Ok(address) = value.text.parse::<IpAddr>() else {
            return self.bad_value(option, value, "an IP address");
        };
        if !family.is(AddressFamily::of(address)) {
            return self.bad_option(option, "is of another family than the rest of the line");
        }
        Some(address)
    }

    /// A network of the family of the line.
    pub(in crate::build) fn network(
        &mut self,
        option: Word<'a>,
        value: Word<'a>,
        family: &mut Family,
    ) -> Option<Network> {
        let prefix = match value.text {
            "default" | "any" | "all" => return Some(Network::All),
            "default6" => Prefix::all(AddressFamily::Inet6),
            text => {
                let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
                let Ok(address) = address.parse::<IpAddr>() else {
                    return self.bad_value(option, value, "ADDRESS/LENGTH, or default");
                };
                let full = if address.is_ipv4() { 32 } else { 128 };
                let length = length.map_or(full, |length| self.prefix_length(value, length, full));
                Prefix { address, length }
            }
        };
        if family.is(AddressFamily::of(prefix.address)) {
            return Some(Network::Of(prefix));
        }
        self.bad_option(value, "is of another family than the rest of the line")
    }

    /// A prefix length; the longest when it is wrong, which is said.
    pub(in crate::build) fn prefix_length(&mut self, word: Word<'_>, length: &str, full: u8) -> u8 {
        length.parse().ok().filter(|length| *length <= full).unwrap_or_else(|| {
            let message = format!("'{length}' is not a prefix length from 0 to {full}; {full} is used");
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
            full
        })
    }
}
