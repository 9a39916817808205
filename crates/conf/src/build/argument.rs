//! Arguments of keywords, read as the table says.
#![deny(clippy::arithmetic_side_effects)]

use super::Builder;
use crate::config::Script;
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::{self, Word};
use crate::keywords::{self, Keyword, MAX_MICROSECONDS, Value};
use crate::source::Span;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

/// The argument of a keyword, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// There is none, or the words have rules of their own.
    None,
    Bool(bool),
    Integer(i64),
    Seconds(Duration),
    /// Of a tracked object, and whether it counts the other way round.
    Weight(i16, bool),
    OneOf(&'static str),
    Address(IpAddr),
    Word(String),
    Script(Script),
}

impl Argument {
    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A number, when it fits; the table's limits see to that.
    pub(super) fn number<T: TryFrom<i64>>(&self) -> Option<T> {
        match self {
            Self::Integer(value) => T::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A time; whole numbers are seconds.
    pub(super) fn duration(&self) -> Option<Duration> {
        match self {
            Self::Seconds(value) => Some(*value),
            Self::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            _ => None,
        }
    }

    pub(super) fn weight(&self) -> Option<(i16, bool)> {
        match self {
            Self::Weight(weight, reverse) => Some((*weight, *reverse)),
            _ => None,
        }
    }

    pub(super) fn one_of(&self) -> Option<&'static str> {
        match self {
            Self::OneOf(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            _ => None,
        }
    }

    pub(super) fn string(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.clone()),
            _ => None,
        }
    }
}

/// An address without the length of a network that stands behind it and means nothing there: keepalived takes no notice of it.
pub(super) fn without_length(text: &str) -> &str {
    match text.split_once('/') {
        Some((address, length)) if length.parse::<u8>().is_ok() => address,
        _ => text,
    }
}

/// Replaces a value when there is a new one.
pub(super) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

impl<'a> Builder<'a> {
    /// Reads the argument of a statement; `None` when it is wrong, which was said.
    pub(super) fn argument(&mut self, keyword: &Keyword, words: &[Word<'a>], text: Range<u32>) -> Option<Argument> {
        let name = words.first().map_or(keyword.name, |word| word.text);
        let taken = match keyword.value {
            Value::Flag => 0,
            Value::Block(_) if keyword.arguments.starts_with('{') => 0,
            Value::Weight(_) => 2,
            Value::Text | Value::Word | Value::OneWord | Value::Script | Value::Block(_) | Value::Entry => usize::MAX,
            _ => 1,
        };
        if let Some(extra) = words.get(taken.saturating_add(1)) {
            let message = format!(
                "'{}' and what follows it are ignored: '{name}' does not take so many words",
                extra.text
            );
            let span = extra.span(self.text);
            self.report(Diagnostic::new(findings::EXTRA_WORDS, message, Some(span)));
        }
        let word = words.get(1).copied();
        match (keyword.value, word) {
            (Value::Flag | Value::Text | Value::Entry | Value::Block(_), _) | (Value::OptionalInteger(..), None) => {
                Some(Argument::None)
            }
            (Value::Bool, None) => Some(Argument::Bool(true)),
            (Value::Bool, Some(word)) => self.boolean(name, word).map(Argument::Bool),
            (Value::Script, _) => self.script(keyword, name, words, text),
            (_, None) => {
                self.missing_argument(keyword, name, words);
                None
            }
            (Value::Integer(least, most) | Value::OptionalInteger(least, most), Some(word)) => {
                self.integer(name, word, least, most).map(Argument::Integer)
            }
            (Value::Seconds(least, most), Some(word)) => self.seconds(name, word, least, most).map(Argument::Seconds),
            (Value::Milliseconds(least, most), Some(word)) => {
                self.milliseconds(name, word, least, most).map(Argument::Seconds)
            }
            (Value::Weight(most), Some(word)) => self.weight(name, word, words.get(2).copied(), most),
            (Value::OneOf(choices), Some(word)) => self.one_of(name, word, choices).map(Argument::OneOf),
            (Value::Address | Value::Ipv4 | Value::Ipv6, Some(word)) => self.address(name, word, keyword.value),
            (Value::Clamped(least, most), Some(word)) => self.clamped(name, word, least, most).map(Argument::Integer),
            (Value::Word, Some(word)) => Some(Argument::Word(word.text.to_owned())),
            (Value::OneWord, Some(word)) => self.one_word(name, word, words.get(2).copied()),
        }
    }

    fn missing_argument(&mut self, keyword: &Keyword, name: &str, words: &[Word<'_>]) {
        let span = self.keyword_span(words);
        self.report(
            Diagnostic::new(
                findings::MISSING_ARGUMENT,
                format!("'{name}' lacks its argument; the line is ignored"),
                Some(span),
            )
            .hint(format!("{name} {}", keyword.arguments)),
        );
    }

    fn boolean(&mut self, name: &str, word: Word<'_>) -> Option<bool> {
        match word.text {
            "true" | "on" | "yes" => Some(true),
            "false" | "off" | "no" => Some(false),
            other => {
                let message = format!("'{other}' is neither true nor false; '{name}' is ignored");
                self.invalid(findings::INVALID_VALUE, message, word)
                    .hint("true, on, yes, false, off or no, in lower case")
                    .send(self);
                None
            }
        }
    }

    pub(super) fn integer(&mut self, name: &str, word: Word<'_>, least: i64, most: i64) -> Option<i64> {
        let digits = word.text.strip_prefix(['-', '+']).unwrap_or(word.text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("'{}' is not a whole number; '{name}' is ignored", word.text);
            self.invalid(findings::INVALID_NUMBER, message, word)
                .hint(format!("{least} to {most}"))
                .send(self);
            return None;
        }
        let value = word
            .text
            .parse::<i64>()
            .ok()
            .filter(|value| (least..=most).contains(value));
        if value.is_none() {
            let message = format!(
                "{} is out of range for '{name}', {least} to {most}; it is ignored",
                word.text
            );
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
        }
        value
    }

    fn clamped(&mut self, name: &str, word: Word<'_>, least: i64, most: i64) -> Option<i64> {
        let value = self.integer(name, word, i64::MIN, i64::MAX)?;
        let nearest = value.clamp(least, most);
        if nearest != value {
            let message = format!("{value} is out of range for '{name}', {least} to {most}; {nearest} is used");
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
        }
        Some(nearest)
    }

    fn one_word(&mut self, name: &str, word: Word<'_>, extra: Option<Word<'_>>) -> Option<Argument> {
        let Some(extra) = extra else {
            return Some(Argument::Word(word.text.to_owned()));
        };
        let message = format!("'{name}' takes one word; the line is ignored");
        self.invalid(findings::INVALID_VALUE, message, extra)
            .hint("write a value of several words in quotes")
            .send(self);
        None
    }

    fn seconds(&mut self, name: &str, word: Word<'_>, least: i64, most: i64) -> Option<Duration> {
        let Some(microseconds) = decimal(word.text, 6) else {
            let message = format!("'{}' is not a number of seconds; '{name}' is ignored", word.text);
            let hint = "a decimal number with at most six digits after the point";
            self.invalid(findings::INVALID_NUMBER, message, word)
                .hint(hint)
                .send(self);
            return None;
        };
        // Where keepalived names no end, a century is as good as any longer time, and safe to add up.
        let microseconds = if most == MAX_MICROSECONDS {
            microseconds.min(most)
        } else {
            microseconds
        };
        if !(least..=most).contains(&microseconds) {
            let range = format!("{} to {} seconds", in_seconds(least), in_seconds(most));
            let message = format!("{} is out of range for '{name}', {range}; it is ignored", word.text);
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
            return None;
        }
        u64::try_from(microseconds).ok().map(Duration::from_micros)
    }

    fn milliseconds(&mut self, name: &str, word: Word<'_>, least: i64, most: i64) -> Option<Duration> {
        let thousandths = decimal(word.text, 3);
        let Some(microseconds) = thousandths else {
            let message = format!("'{}' is not a number of milliseconds; '{name}' is ignored", word.text);
            self.invalid(findings::INVALID_NUMBER, message, word)
                .hint("a decimal number with at most three digits after the point")
                .send(self);
            return None;
        };
        if !(least..=most).contains(&microseconds) {
            let range = format!("{} to {} milliseconds", least / 1000, most / 1000);
            let message = format!("{} is out of range for '{name}', {range}; it is ignored", word.text);
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
            return None;
        }
        u64::try_from(microseconds).ok().map(Duration::from_micros)
    }

    fn weight(&mut self, name: &str, word: Word<'_>, reverse: Option<Word<'_>>, most: i64) -> Option<Argument> {
        let weight = self.integer(name, word, most.saturating_neg(), most)?;
        if let Some(other) = reverse.filter(|other| other.text != "reverse") {
            let message = format!("'{}' is ignored: only 'reverse' can follow a weight", other.text);
            self.invalid(findings::UNKNOWN_OPTION, message, other).send(self);
        }
        let reverse = reverse.is_some_and(|word| word.text == "reverse");
        i16::try_from(weight)
            .ok()
            .map(|weight| Argument::Weight(weight, reverse))
    }

    pub(super) fn one_of(
        &mut self,
        name: &str,
        word: Word<'_>,
        choices: &'static [&'static str],
    ) -> Option<&'static str> {
        let found = choices.iter().copied().find(|choice| *choice == word.text);
        if found.is_none() {
            let message = format!("'{}' is no value of '{name}'; it is ignored", word.text);
            let near = choices
                .iter()
                .copied()
                .find(|choice| choice.eq_ignore_ascii_case(word.text))
                .or_else(|| keywords::nearest(word.text, choices.iter().copied()));
            let hint = match near {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("one of {}", choices.join(", ")),
            };
            self.invalid(findings::INVALID_VALUE, message, word)
                .hint(hint)
                .send(self);
        }
        found
    }

    fn address(&mut self, name: &str, word: Word<'_>, value: Value) -> Option<Argument> {
        let address = without_length(word.text)
            .parse::<IpAddr>()
            .ok()
            .filter(|address| match value {
                Value::Ipv4 => address.is_ipv4(),
                Value::Ipv6 => address.is_ipv6(),
                _ => true,
            });
        if address.is_none() {
            let kind = match value {
                Value::Ipv4 => "IPv4",
                Value::Ipv6 => "IPv6",
                _ => "IP",
            };
            let message = format!("'{}' is not an {kind} address; '{name}' is ignored", word.text);
            self.invalid(findings::INVALID_ADDRESS, message, word).send(self);
        }
        address.map(Argument::Address)
    }

    fn script(&mut self, keyword: &Keyword, name: &str, words: &[Word<'_>], text: Range<u32>) -> Option<Argument> {
        let statement = grammar::command_statement(self.text.get(text.clone()), text.start);
        let command = statement.map(|it| (grammar::arguments(&it.command), it.rest, self.text.span(it.range)));
        let Some((argv, rest, span)) = command.filter(|(argv, ..)| !argv.is_empty()) else {
            if keyword.arguments.starts_with('[') {
                return Some(Argument::None);
            }
            self.missing_argument(keyword, name, words);
            return None;
        };
        self.first_script.get_or_insert(span);
        let mut rest = rest.into_iter();
        let (user, group) = (rest.next(), rest.next());
        if let Some(extra) = rest.next() {
            let message = format!("'{extra}' is ignored: '{name}' takes a command in quotes, a user and a group");
            self.report(Diagnostic::new(findings::EXTRA_WORDS, message, Some(span)));
        }
        Some(Argument::Script(Script {
            argv,
            user,
            group,
            span,
        }))
    }

    /// Something is wrong with a word.
    pub(super) fn invalid(&self, finding: findings::Finding, message: String, word: Word<'_>) -> Complaint {
        let span: Span = word.span(self.text);
        let undefined = word.text.strip_prefix('$').filter(|name| !name.is_empty());
        let hint = undefined.map(|name| format!("${name} is not defined"));
        Complaint(Diagnostic::new(finding, message, Some(span)).maybe_hint(hint))
    }
}

/// A diagnostic about a word; that a definition is missing beats any other hint.
pub(super) struct Complaint(Diagnostic);

impl Complaint {
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert(hint.into());
        self
    }

    pub(super) fn send(self, builder: &mut Builder<'_>) {
        builder.report(self.0);
    }
}

/// A decimal number with at most so many decimals, in units of the last of them.
pub(super) fn decimal(text: &str, decimals: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > decimals || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: i64 = format!("{fraction:0<decimals$}").parse().ok()?;
    let unit = 10_i64.checked_pow(u32::try_from(decimals).ok()?)?;
    whole.checked_mul(unit)?.checked_add(fraction)
}

/// Microseconds as seconds, without zeros at the end.
fn in_seconds(microseconds: i64) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_up_to_six_decimals() {
        assert_eq!(decimal("1.5", 6), Some(1_500_000));
        assert_eq!(decimal("0.000001", 6), Some(1));
        assert_eq!(decimal(".25", 6), Some(250_000));
        assert_eq!(decimal("3", 6), Some(3_000_000));
        for wrong in ["", ".", "-1", "1e3", "1.0000001", "1s", "99999999999999999999"] {
            assert_eq!(decimal(wrong, 6), None, "{wrong}");
        }
        assert_eq!(in_seconds(4_294_967_295), "4294.967295");
        assert_eq!(in_seconds(10_000), "0.01");
    }
}
