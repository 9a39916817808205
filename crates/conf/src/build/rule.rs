//! Lines of policy routing rules.
#![deny(clippy::arithmetic_side_effects)]

use super::Builder;
use super::route::PROTOCOL;
use super::route::line::Lines;
use super::route::names::{Names, any_base};
use super::route::words::{Family, Network, Words};
use crate::config::{AddressFamily, Rule, RuleAction};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::{Span, Spanned};

/// The preference of the first rule without one; the next ones go downwards.
const FIRST_PREFERENCE: u32 = 16384;

/// How many rules of each family have no preference.
#[derive(Debug, Default)]
pub(super) struct WithoutPreference {
    inet: u32,
    inet6: u32,
}

/// A rule as far as it is read.
struct Draft {
    rule: Rule,
    family: Family,
    from: Option<Network>,
    to: Option<Network>,
    action: Option<RuleAction>,
    preference: Option<u32>,
    protocol: Option<(u8, Span)>,
}

impl<'a> Builder<'a> {
    /// The lines of a block of rules.
    pub(super) fn rules(&mut self, block: usize, context: Context) -> Vec<Rule> {
        let kind = Lines {
            new: Draft::new,
            option: Self::rule_option,
            finish: Self::finish_rule,
        };
        self.made_of_lines(block, context, &kind)
    }

    /// Takes one option; `None` when the line is to be dropped, which was said.
    fn rule_option(
        &mut self,
        draft: &mut Draft,
        option: Word<'a>,
        words: &mut Words<'a>,
        context: Context,
    ) -> Option<()> {
        let rule = &mut draft.rule;
        match option.text {
            "inet" | "inet6" => return self.forced_family(&mut draft.family, option, words, context),
            "from" | "to" => {
                let value = self.value(option, words)?;
                let network = Some(self.network(option, value, &mut draft.family)?);
                let target = if option.text == "from" {
                    &mut draft.from
                } else {
                    &mut draft.to
                };
                *target = network;
            }
            "not" => rule.not = true,
            "preference" | "order" | "priority" => {
                let preference = self.based(option, words, u64::from(u32::MAX))?;
                draft.preference = u32::try_from(preference).ok();
            }
            "tos" | "dsfield" => rule.tos = Some(self.named_u8(option, words, Names::Service)?),
            "fwmark" => rule.fwmark = Some(self.mark(option, words)?),
            "realms" => rule.realms = Some(self.realms(option, words, &mut draft.family)?),
            "suppress_prefixlength" | "sup_pl" => {
                let length = self.number(option, words, 2_147_483_647)?;
                rule.suppress_prefixlength = u32::try_from(length).ok();
            }
            "suppress_ifgroup" | "sup_group" => {
                rule.suppress_ifgroup = Some(self.named(option, words, Names::Group)?);
            }
            "dev" | "iif" => {
                let value = self.value(option, words)?;
                rule.iif = Some(self.spanned(value));
            }
            "oif" => {
                let value = self.value(option, words)?;
                rule.oif = Some(self.spanned(value));
            }
            "no_track" => rule.no_track = true,
            "track_group" if context == Context::StaticRules => {
                let value = self.value(option, words)?;
                rule.track_group = self.known_track_group(value);
            }
            "tunnel-id" => rule.tunnel_id = Some(self.based(option, words, u64::MAX)?),
            "uidrange" => rule.uidrange = Some(self.users(option, words)?),
            _ => return self.packet_or_action(draft, option, words),
        }
        Some(())
    }

    fn packet_or_action(&mut self, draft: &mut Draft, option: Word<'a>, words: &mut Words<'a>) -> Option<()> {
        let rule = &mut draft.rule;
        match option.text {
            "protocol" => {
                let value = self.value(option, words)?;
                match value.text.parse() {
                    Ok(protocol) => draft.protocol = Some((protocol, option.span(self.text))),
                    Err(_) => self.ignored(option, value, "a number from 0 to 255"),
                }
                return Some(());
            }
            "ipproto" => {
                let value = self.value(option, words)?;
                rule.ipproto = self
                    .number_of(Names::IpProtocol, value.text)
                    .and_then(|number| u8::try_from(number).ok());
                if rule.ipproto.is_none() {
                    self.ignored(option, value, &Names::IpProtocol.hint());
                }
                return Some(());
            }
            "sport" => return self.ports(option, words, &mut rule.sport),
            "dport" => return self.ports(option, words, &mut rule.dport),
            "type" => return Some(()),
            _ => {}
        }
        let action = match option.text {
            "table" | "lookup" => match self.named(option, words, Names::Table)? {
                0 => return self.bad_option(option, "0 is no table"),
                table => RuleAction::Table(table),
            },
            "goto" => {
                let target = self.based(option, words, u64::from(u32::MAX))?;
                RuleAction::Goto(u32::try_from(target).ok()?)
            }
            "l3mdev" => RuleAction::L3mdev,
            "nop" => RuleAction::Nop,
            "blackhole" => RuleAction::Blackhole,
            "unreachable" => RuleAction::Unreachable,
            "prohibit" => RuleAction::Prohibit,
            _ => return self.bad_option(option, "is no option of a rule"),
        };
        if draft.action.replace(action).is_some() {
            return self.bad_option(option, "is a second action");
        }
        Some(())
    }

    fn ignored(&mut self, option: Word<'a>, value: Word<'a>, hint: &str) {
        let message = format!("'{}' is no value of '{}', which is ignored", value.text, option.text);
        self.invalid(findings::LINE_VALUE, message, value).hint(hint).send(self);
    }

    /// `MARK[/MASK]`.
    fn mark(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<(u32, u32)> {
        let value = self.value(option, words)?;
        let (mark, bits) = value.text.split_once('/').unwrap_or((value.text, "0xffffffff"));
        let number = |text| any_base(text).and_then(|number| u32::try_from(number).ok());
        match (number(mark), number(bits)) {
            (Some(mark), Some(bits)) => Some((mark, bits)),
            _ => self.bad_value(option, value, "MARK or MARK/MASK"),
        }
    }

    fn users(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<(u32, u32)> {
        let value = self.value(option, words)?;
        let range = value.text.split_once('-');
        let range = range.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        range.or_else(|| self.bad_value(option, value, "FIRST-LAST, numbers of users"))
    }

    /// `FIRST-LAST`; wrong ones are ignored without dropping the line.
    fn ports(&mut self, option: Word<'a>, words: &mut Words<'a>, target: &mut Option<(u16, u16)>) -> Option<()> {
        let value = self.value(option, words)?;
        let range = value.text.split_once('-');
        match range.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?))) {
            Some(range) => *target = Some(range),
            None => self.ignored(option, value, "FIRST-LAST; a single port is PORT-PORT"),
        }
        Some(())
    }

    fn finish_rule(&mut self, mut draft: Draft, first: Word<'a>) -> Option<Rule> {
        let Some(action) = draft.action else {
            let message = "The rule has no action; the line is ignored".to_owned();
            let hint = "table TABLE, goto PREFERENCE, blackhole, ...";
            self.invalid(findings::NO_ACTION, message, first).hint(hint).send(self);
            return None;
        };
        let mut rule = draft.rule;
        rule.action = action;
        rule.family = draft.family.0.unwrap_or_default();
        rule.from = draft.from.map(|from| from.in_family(rule.family));
        rule.to = draft.to.map(|to| to.in_family(rule.family));
        let is_lookup = matches!(action, RuleAction::Table(_) | RuleAction::L3mdev);
        let shapes_result =
            rule.realms.is_some() || rule.suppress_prefixlength.is_some() || rule.suppress_ifgroup.is_some();
        if shapes_result && !is_lookup {
            return self.bad_rule(first, "realms and suppress_* need the action 'table'");
        }
        if let RuleAction::Goto(target) = action
            && draft.preference.is_none_or(|preference| preference >= target)
        {
            return self.bad_rule(first, "'goto' needs a preference that is less than its target");
        }
        rule.protocol = match draft.protocol.take() {
            Some((protocol, span)) => self.trackable_protocol(protocol, rule.no_track, span),
            // Who is not watched needs no mark.
            None if rule.no_track => 0,
            None => PROTOCOL,
        };
        if let Some(group) = rule.track_group.take_if(|_| rule.iif.is_none()) {
            let message = format!("A rule needs 'dev' to follow track_group {group}; the group is ignored");
            self.report(Diagnostic::new(findings::UNTRACKED, message, Some(group.span)));
        }
        rule.preference = match draft.preference {
            Some(preference) => preference,
            None => self.next_preference(rule.family, first),
        };
        Some(rule)
    }

    fn bad_rule<T>(&mut self, first: Word<'a>, reason: &str) -> Option<T> {
        let message = format!("{reason}; the line is ignored");
        self.invalid(findings::LINE_OPTION, message, first).send(self);
        None
    }

    fn next_preference(&mut self, family: AddressFamily, first: Word<'a>) -> u32 {
        let counter = match family {
            AddressFamily::Inet => &mut self.rules_without_preference.inet,
            AddressFamily::Inet6 => &mut self.rules_without_preference.inet6,
        };
        let preference = FIRST_PREFERENCE.saturating_sub(*counter);
        *counter = counter.saturating_add(1);
        let message = format!("The rule has no preference; {preference} is used");
        let hint = format!("preference {preference}");
        self.invalid(findings::NO_PREFERENCE, message, first)
            .hint(hint)
            .send(self);
        preference
    }
}

impl Draft {
    fn new(span: Span) -> Self {
        Self {
            rule: Rule::new(span),
            family: Family::default(),
            from: None,
            to: None,
            action: None,
            preference: None,
            protocol: None,
        }
    }
}

impl Rule {
    fn new(span: Span) -> Self {
        Self {
            family: AddressFamily::Inet,
            from: None,
            to: None,
            action: RuleAction::Nop,
            not: false,
            preference: 0,
            tos: None,
            fwmark: None,
            realms: None,
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            iif: None,
            oif: None,
            tunnel_id: None,
            uidrange: None,
            protocol: PROTOCOL,
            ipproto: None,
            sport: None,
            dport: None,
            no_track: false,
            track_group: None,
            span: Spanned::new((), span),
        }
    }
}
