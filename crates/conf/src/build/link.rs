//! `garp_group`, `linkbeat_interfaces`, `interface_up_down_delays` and `track_group`.
#![deny(clippy::arithmetic_side_effects)]

use super::{Builder, Item};
use crate::config::{GarpGroup, InterfaceDelays, LinkbeatInterface, LinkbeatMethod, TrackGroup};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{self, Context};
use crate::source::Spanned;
use std::time::Duration;

/// The longest delay of an interface, in microseconds.
const LONGEST_DELAY_US: i64 = 255_000_000;

impl<'a> Builder<'a> {
    pub(super) fn garp_group(&mut self, block: &Item<'_>) {
        let mut group = GarpGroup {
            garp_interval: None,
            gna_interval: None,
            interfaces: Vec::new(),
        };
        for item in self.items(block.node, Context::GarpGroup) {
            match item.keyword.name {
                "garp_interval" => group.garp_interval = item.argument.duration().or(group.garp_interval),
                "gna_interval" => group.gna_interval = item.argument.duration().or(group.gna_interval),
                "interface" => {
                    if let Some(name) = item.word(1).map(|word| self.spanned(word)) {
                        self.join_garp_group(&mut group, name);
                    }
                }
                "interfaces" => {
                    let names = self.names(item.node);
                    if names.is_empty() {
                        let message = "'interfaces' names none";
                        self.report(Diagnostic::new(findings::EMPTY_GROUP, message, Some(item.span)));
                    }
                    for name in names {
                        self.join_garp_group(&mut group, name);
                    }
                }
                _ => {}
            }
        }
        if group.garp_interval.is_none() && group.gna_interval.is_none() {
            let message = "A garp_group without an interval limits nothing; it is left out";
            let diagnostic = Diagnostic::new(findings::EMPTY_GARP_GROUP, message, Some(block.span));
            return self.report(diagnostic.hint("garp_interval SECONDS, or gna_interval SECONDS"));
        }
        self.config.garp_groups.push(group);
    }

    fn join_garp_group(&mut self, group: &mut GarpGroup, name: Spanned<String>) {
        let mut others = self.config.garp_groups.iter().flat_map(|group| &group.interfaces);
        let first = others
            .find(|other| **other == name)
            .or_else(|| group.interfaces.iter().find(|other| **other == name))
            .map(|other| other.span);
        let Some(first) = first else {
            return group.interfaces.push(name);
        };
        let message = format!("Interface {name} is in a garp_group already; it stays there");
        self.report(
            Diagnostic::new(findings::GIVEN_TWICE, message, Some(name.span))
                .note("it is there since here", Some(first)),
        );
    }

    pub(super) fn linkbeat_interfaces(&mut self, block: &Item<'_>) {
        for line in self.lines(block.node) {
            let mut words = line.into_iter();
            let Some(name) = words.next() else { continue };
            let method = words.next().and_then(|word| self.linkbeat_method(word));
            if let Some(extra) = words.next() {
                let message = format!("'{}' is ignored: a line is an interface and a method", extra.text);
                self.invalid(findings::UNKNOWN_OPTION, message, extra).send(self);
            }
            let name = self.spanned(name);
            self.config.linkbeat_interfaces.push(LinkbeatInterface { name, method });
        }
    }

    fn linkbeat_method(&mut self, word: Word<'a>) -> Option<LinkbeatMethod> {
        match word.text {
            "MII" => Some(LinkbeatMethod::Mii),
            "ETHTOOL" => Some(LinkbeatMethod::Ethtool),
            "IOCTL" => Some(LinkbeatMethod::Ioctl),
            other => {
                let message = format!("'{other}' is no way to ask for a link; it is ignored");
                self.invalid(findings::UNKNOWN_OPTION, message, word)
                    .hint("MII, ETHTOOL or IOCTL")
                    .send(self);
                None
            }
        }
    }

    pub(super) fn interface_up_down_delays(&mut self, block: &Item<'_>) {
        for line in self.lines(block.node) {
            let mut words = line.into_iter();
            let Some(name) = words.next() else { continue };
            let Some(down) = words.next() else {
                let message = "The line has no delay; it is ignored".to_owned();
                self.invalid(findings::INVALID_DELAY, message, name)
                    .hint("INTERFACE DOWN [UP], in seconds")
                    .send(self);
                continue;
            };
            let (down, up) = (self.delay(down), words.next().map(|word| self.delay(word)));
            let (Some(down), Some(up)) = (down, up.unwrap_or(Some(Duration::ZERO))) else {
                continue;
            };
            let name = self.spanned(name);
            self.config
                .interface_up_down_delays
                .push(InterfaceDelays { name, down, up });
        }
    }

    fn delay(&mut self, word: Word<'a>) -> Option<Duration> {
        let microseconds = super::argument::decimal(word.text, 6);
        let delay = microseconds.filter(|delay| (0..=LONGEST_DELAY_US).contains(delay));
        if delay.is_none() {
            let message = format!("'{}' is no delay from 0 to 255 seconds; the line is ignored", word.text);
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
        }
        delay
            .and_then(|delay| u64::try_from(delay).ok())
            .map(Duration::from_micros)
    }

    pub(super) fn track_group(&mut self, block: &Item<'_>) {
        let Some(name) = self.block_name(block) else { return };
        let mut group: Option<Vec<Spanned<String>>> = None;
        for item in self.items(block.node, Context::TrackGroup) {
            if group.is_some() {
                let message = format!("track_group {name} has two groups; the second one is ignored");
                self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
            } else {
                group = Some(self.names(item.node));
            }
        }
        let group = group.unwrap_or_default();
        if group.is_empty() {
            let message = format!("track_group {name} has no members; it is left out");
            let diagnostic = Diagnostic::new(findings::EMPTY_GROUP, message, Some(name.span));
            return self.report(diagnostic.hint("group { INSTANCE INSTANCE }"));
        }
        self.config.track_groups.push(TrackGroup { name, group });
    }

    /// A group that a static line names; it must be defined further up.
    pub(super) fn known_track_group(&mut self, word: Word<'a>) -> Option<Spanned<String>> {
        let mut groups = self.config.track_groups.iter().map(|group| group.name.as_str());
        if groups.any(|name| name == word.text) {
            return Some(self.spanned(word));
        }
        let groups = self.config.track_groups.iter().map(|group| group.name.as_str());
        let near = keywords::nearest(word.text, groups).map(|near| format!("did you mean '{near}'?"));
        let hint = near.unwrap_or_else(|| "write track_group NAME { } before the line".to_owned());
        let message = format!("There is no track_group {} above; it is ignored", word.text);
        self.invalid(findings::UNKNOWN_TRACK_GROUP, message, word)
            .hint(hint)
            .send(self);
        None
    }

    /// Only instances that exist can be members.
    pub(super) fn finish_track_groups(&mut self) {
        let mut groups = std::mem::take(&mut self.config.track_groups);
        for group in &mut groups {
            let name = &group.name;
            group.group.retain(|member| {
                let instances = &self.config.vrrp_instances;
                if instances.iter().any(|instance| instance.name == *member) {
                    return true;
                }
                let near = keywords::nearest(member, instances.iter().map(|instance| instance.name.as_str()));
                let hint = near.map(|near| format!("did you mean '{near}'?"));
                let message = format!("track_group {name}: there is no usable vrrp_instance {member}; it is ignored");
                self.diagnostics
                    .push(Diagnostic::new(findings::TRACK_GROUP_MEMBER, message, Some(member.span)).maybe_hint(hint));
                false
            });
        }
        self.config.track_groups = groups;
    }
}
