//! The other checkers: what is written.
#![deny(clippy::arithmetic_side_effects)]

use super::CheckerDraft;
use super::bytes::hexadecimal;
use crate::build::argument::set;
use crate::build::track::Kind;
use crate::build::{Builder, Item};
use crate::config::{
    BfdCheck, CheckerKind, DnsCheck, DnsType, FileCheck, MiscCheck, ReplyByte, Script, SmtpCheck, UdpCheck,
};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{self, Context};
use std::time::Duration;

/// The name in `HELO` where none is written.
const HELO_NAME: &str = "smtpchecker.keepalived.org";

/// What a `UDP_CHECK` sends where nothing is written, as often as it fits.
const PAYLOAD: &str = "keepalived check - ";
const PAYLOAD_BYTES: usize = 32;
const MAX_REPLY_LENGTH: u16 = 255;

/// Longest label and longest name (RFC 1035 section 2.3.4; in text, without the dot at the end).
const LABEL_BYTES: usize = 63;
const NAME_BYTES: usize = 253;

/// Largest weight, up and down.
const MOST_WEIGHT: i64 = 2_147_483_647;

impl<'a> Builder<'a> {
    /// One checker for each `host`, which has the timing of the block where it has none of its own; and one for the block
    /// itself if it says anything of a connection, or has no `host`.
    pub(super) fn smtp_check(&mut self, block: &Item<'a>) -> Vec<CheckerDraft> {
        let mut draft = CheckerDraft::new(block.span);
        let mut helo_name = HELO_NAME.to_owned();
        let mut helo_given = false;
        let mut hosts = Vec::new();
        for item in self.items(block.node, Context::SmtpCheck) {
            match item.keyword.name {
                "helo_name" => {
                    if std::mem::replace(&mut helo_given, true) {
                        let message = "helo_name is given twice; the second one holds";
                        self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
                    }
                    set(&mut helo_name, item.argument.string());
                }
                "host" => hosts.push(item),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        draft.kind = CheckerKind::SmtpCheck(SmtpCheck { helo_name });
        let itself = hosts.is_empty() || draft.says_anything_of_a_connection();
        let timing = draft.without_connection();
        let mut checkers = if itself { vec![draft] } else { Vec::new() };
        for host in hosts {
            let mut checker = timing.clone();
            checker.span = host.span;
            for item in self.items(host.node, Context::SmtpHost) {
                self.checker_setting(&mut checker, &item);
            }
            checkers.push(checker);
        }
        checkers
    }

    pub(super) fn dns_check(&mut self, block: &Item<'a>) -> CheckerDraft {
        let mut draft = CheckerDraft::new(block.span);
        let mut query_type = DnsType::default();
        let mut name: Option<String> = None;
        for item in self.items(block.node, Context::DnsCheck) {
            match item.keyword.name {
                "type" => set(&mut query_type, self.dns_type(&item)),
                "name" if name.is_some() => {
                    let message = "name is given twice; the second one is ignored";
                    self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
                }
                "name" => name = self.dns_name(&item),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        draft.kind = CheckerKind::DnsCheck(DnsCheck {
            query_type,
            name: name.unwrap_or_default(),
        });
        draft
    }

    fn dns_type(&mut self, item: &Item<'_>) -> Option<DnsType> {
        let word = item.word(1)?;
        let found = DnsType::ALL
            .into_iter()
            .find(|query_type| query_type.name().eq_ignore_ascii_case(word.text));
        if found.is_none() {
            let names = DnsType::ALL.map(DnsType::name);
            let hint = match keywords::nearest(word.text, names.into_iter()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("one of {}", names.join(", ")),
            };
            let message = format!("'{}' is no type of DNS queries; the line is ignored", word.text);
            self.invalid(findings::INVALID_VALUE, message, word)
                .hint(hint)
                .send(self);
        }
        found
    }

    /// The name without the dot at its end.
    fn dns_name(&mut self, item: &Item<'_>) -> Option<String> {
        let word = item.word(1)?;
        let name = word.text.strip_suffix('.').unwrap_or(word.text);
        let label = |label: &str| !label.is_empty() && label.len() <= LABEL_BYTES;
        if word.text == "." || (name.len() <= NAME_BYTES && name.split('.').all(label)) {
            return Some(name.to_owned());
        }
        let message = format!("'{}' is no domain name; the line is ignored", word.text);
        self.invalid(findings::INVALID_VALUE, message, word)
            .hint("labels of 1 to 63 bytes, 253 bytes in all")
            .send(self);
        None
    }

    pub(super) fn udp_check(&mut self, block: &Item<'a>) -> CheckerDraft {
        let mut draft = CheckerDraft::new(block.span);
        let mut udp = UdpCheck {
            payload: PAYLOAD.bytes().cycle().take(PAYLOAD_BYTES).collect(),
            require_reply: None,
            min_reply_length: 0,
            max_reply_length: MAX_REPLY_LENGTH,
        };
        for item in self.items(block.node, Context::UdpCheck) {
            let argument = &item.argument;
            match item.keyword.name {
                "payload" => {
                    let bytes = self.hexadecimal(&item, false);
                    set(
                        &mut udp.payload,
                        bytes.map(|bytes| bytes.into_iter().map(|byte| byte.value).collect()),
                    );
                }
                "require_reply" => set(&mut udp.require_reply, self.hexadecimal(&item, true).map(Some)),
                "min_reply_length" => set(&mut udp.min_reply_length, argument.number()),
                "max_reply_length" => set(&mut udp.max_reply_length, argument.number()),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        if udp.min_reply_length > udp.max_reply_length {
            let message = format!(
                "No answer has at least {} and at most {} bytes; min_reply_length is ignored",
                udp.min_reply_length, udp.max_reply_length
            );
            udp.min_reply_length = 0;
            self.report(Diagnostic::new(findings::CONTRADICTION, message, Some(block.span)));
        }
        draft.kind = CheckerKind::UdpCheck(udp);
        draft
    }

    /// The bytes of words of hexadecimal digits. A digit alone at the end of a word is a byte, too.
    fn hexadecimal(&mut self, item: &Item<'_>, wildcards: bool) -> Option<Vec<ReplyByte>> {
        let mut bytes = Vec::new();
        for word in item.words.iter().skip(1) {
            let Some(more) = hexadecimal(word.text, wildcards) else {
                self.bad_hexadecimal(*word, wildcards);
                return None;
            };
            bytes.extend(more);
        }
        Some(bytes)
    }

    fn bad_hexadecimal(&mut self, word: Word<'_>, wildcards: bool) {
        let message = format!("'{}' are no hexadecimal digits; the line is ignored", word.text);
        let hint = if wildcards {
            "two digits for a byte, x for one that may be anything: 00 x1 ff"
        } else {
            "two digits for a byte: 0001 0203 ff"
        };
        self.invalid(findings::INVALID_VALUE, message, word)
            .hint(hint)
            .send(self);
    }

    pub(super) fn misc_check(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut draft = CheckerDraft::new(block.span);
        let mut misc_path: Option<Script> = None;
        let mut misc_timeout = Duration::ZERO;
        let mut misc_dynamic = false;
        let mut user = None;
        for item in self.items(block.node, Context::MiscCheck) {
            match item.keyword.name {
                "misc_path" => self.set_script(&mut misc_path, item),
                "misc_timeout" => set(&mut misc_timeout, item.argument.duration()),
                "misc_dynamic" => misc_dynamic = true,
                "user" => {
                    let word = |index| item.word(index).map(|word| word.text.to_owned());
                    user = Some((word(1), word(2)));
                }
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        let Some(mut misc_path) = misc_path else {
            let message = "MISC_CHECK has no misc_path; the checker is left out";
            self.report(
                Diagnostic::new(findings::NO_MISC_PATH, message, Some(block.span))
                    .hint("misc_path \"/usr/local/bin/check ARGUMENTS\""),
            );
            return None;
        };
        if let Some((user, group)) = user {
            (misc_path.user, misc_path.group) = (user, group);
        }
        draft.kind = CheckerKind::MiscCheck(MiscCheck {
            misc_path,
            misc_timeout,
            misc_dynamic,
        });
        Some(draft)
    }

    pub(super) fn file_check(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut track_file = None;
        let mut weight = None;
        let mut unknown = false;
        for item in self.items(block.node, Context::FileCheck) {
            match item.keyword.name {
                "track_file" => {
                    let word = item.word(1)?;
                    let declared = self.declared(Kind::File, word);
                    unknown |= declared.is_none();
                    track_file = declared.map(|file| (self.spanned(word), file.weight, file.reverse));
                }
                "weight" => weight = self.file_weight(&item),
                _ => {}
            }
        }
        let Some((track_file, file_weight, file_reverse)) = track_file else {
            if !unknown {
                let message = "FILE_CHECK has no track_file; the checker is left out";
                self.report(
                    Diagnostic::new(findings::NO_TRACK_FILE, message, Some(block.span)).hint("track_file NAME"),
                );
            }
            return None;
        };
        let (weight, reverse) = weight.unwrap_or((i32::from(file_weight), file_reverse));
        let mut draft = CheckerDraft::new(block.span);
        draft.kind = CheckerKind::FileCheck(FileCheck {
            track_file,
            weight,
            reverse,
        });
        Some(draft)
    }

    /// `W [reverse|noreverse]`.
    fn file_weight(&mut self, item: &Item<'_>) -> Option<(i32, bool)> {
        let word = item.word(1)?;
        let weight = self.integer(item.keyword.name, word, MOST_WEIGHT.checked_neg()?, MOST_WEIGHT)?;
        let reverse = match item.word(2) {
            None => false,
            Some(direction) => self.one_of(item.keyword.name, direction, &["reverse", "noreverse"])? == "reverse",
        };
        Some((i32::try_from(weight).ok()?, reverse))
    }

    pub(super) fn bfd_check(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut draft = CheckerDraft::new(block.span);
        let mut name = None;
        let mut said = false;
        for item in self.items(block.node, Context::BfdCheck) {
            if item.keyword.name != "name" {
                self.checker_setting(&mut draft, &item);
            } else if name.is_some() {
                let message = "name is given twice; the second one is ignored";
                self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
            } else {
                name = self.bfd_session(&item);
                said = name.is_none();
            }
        }
        let Some(name) = name else {
            if !said {
                let message = "BFD_CHECK has no name; the checker is left out";
                self.report(Diagnostic::new(findings::NO_BFD_NAME, message, Some(block.span)).hint("name SESSION"));
            }
            return None;
        };
        draft.kind = CheckerKind::BfdCheck(BfdCheck { name });
        Some(draft)
    }

    fn bfd_session(&mut self, item: &Item<'_>) -> Option<crate::source::Spanned<String>> {
        let word = item.word(1)?;
        let session = self
            .config
            .bfd_instances
            .iter()
            .find(|session| *session.name == word.text);
        match session {
            Some(session) if session.checker => Some(self.spanned(word)),
            Some(session) => {
                let place = session.name.span;
                let message = format!("bfd_instance {} is for VRRP only; the line is ignored", word.text);
                self.report(
                    Diagnostic::new(findings::UNKNOWN_BFD, message, Some(word.span(self.text)))
                        .note("it is defined here", Some(place))
                        .hint("write 'checker' in it"),
                );
                None
            }
            None => {
                let names = self.config.bfd_instances.iter().map(|session| session.name.as_str());
                let hint = match keywords::nearest(word.text, names) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "a bfd_instance must stand before the real_server that follows it".to_owned(),
                };
                let message = format!("There is no bfd_instance {} above; the line is ignored", word.text);
                self.invalid(findings::UNKNOWN_BFD, message, word).hint(hint).send(self);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_in_pairs() {
        let values = |text: &str| hexadecimal(text, false).map(|it| it.iter().map(|byte| byte.value).collect());
        assert_eq!(values("0001ff"), Some(vec![0, 1, 0xff]));
        assert_eq!(values("a"), Some(vec![0xa]));
        assert_eq!(values("999"), Some(vec![0x99, 9]));
        for wrong in ["zz", "-1", "1.5", "x1", "é"] {
            assert_eq!(values(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn any_half_of_a_byte_may_be_anything() {
        let bytes = hexadecimal("x1Fxxx", true).unwrap();
        let parts: Vec<(u8, u8)> = bytes.iter().map(|byte| (byte.value, byte.mask)).collect();
        assert_eq!(parts, [(1, 0x0f), (0xf0, 0xf0), (0, 0)]);
    }
}
