//! The blocks that define what is tracked: `vrrp_script`, `vrrp_track_process`, `track_file`.

use super::super::argument::{Argument, set};
use super::super::{Builder, Item};
use super::{Declared, Kind};
use crate::config::{InitFile, ParamMatch, Script, TrackFile, VrrpScript, VrrpTrackProcess};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::Spanned;
use std::time::Duration;

/// Processes in a quorum when nothing is written.
const QUORUM: u32 = 1;

impl Builder<'_> {
    pub(in crate::build) fn vrrp_script(&mut self, block: &Item<'_>) {
        let Some(name) = self.tracker_name(block, Kind::Script) else {
            return;
        };
        let mut script: Option<Script> = None;
        let mut user: Option<(String, Option<String>)> = None;
        let (mut interval, mut timeout) = (None, None);
        let (mut weight, mut rise, mut fall, mut init_fail) = ((0, false), 1, 1, false);
        for item in self.items(block.node, Context::VrrpScript) {
            let word = |index| item.word(index).map(|word| word.text.to_owned());
            match item.keyword.name {
                "script" => {
                    if let Argument::Script(command) = item.argument {
                        script = Some(command);
                    }
                }
                "interval" => interval = self.whole_milliseconds(&item).or(interval),
                "timeout" => timeout = self.whole_milliseconds(&item).or(timeout),
                "weight" => set(&mut weight, item.argument.weight()),
                "rise" => set(&mut rise, item.argument.number()),
                "fall" => set(&mut fall, item.argument.number()),
                "user" => user = word(1).map(|user| (user, word(2))),
                "init_fail" => init_fail = true,
                _ => {}
            }
        }
        let Some(mut script) = script else {
            return self.incomplete(&name, "vrrp_script", "script", "script \"/path/to/command arguments\"");
        };
        if let Some((user, group)) = user {
            (script.user, script.group) = (Some(user), group);
        }
        let interval = interval.unwrap_or(Duration::from_secs(1));
        if self.declare(Kind::Script, &name, weight, true) {
            self.config.vrrp_scripts.push(VrrpScript {
                name,
                script,
                interval,
                timeout: timeout.unwrap_or(interval),
                weight: weight.0,
                reverse: weight.1,
                rise,
                fall,
                init_fail,
            });
        }
    }

    /// keepalived counts the intervals of scripts in milliseconds.
    fn whole_milliseconds(&mut self, item: &Item<'_>) -> Option<Duration> {
        let written = item.argument.duration()?;
        let whole = Duration::from_millis(u64::try_from(written.as_millis()).ok()?);
        if whole != written {
            let message = format!("'{}' counts milliseconds; {whole:?} is used", item.keyword.name);
            self.report(Diagnostic::new(findings::OUT_OF_RANGE, message, Some(item.span)));
        }
        Some(whole)
    }

    pub(in crate::build) fn vrrp_track_process(&mut self, block: &Item<'_>) {
        let Some(name) = self.tracker_name(block, Kind::Process) else {
            return;
        };
        let mut process: Option<Vec<String>> = None;
        let mut param_match = None;
        let (mut full_command, mut weight) = (false, (0, false));
        let (mut quorum, mut quorum_max) = (None, None);
        let (mut terminate_delay, mut fork_delay) = (Duration::ZERO, Duration::ZERO);
        for item in self.items(block.node, Context::VrrpTrackProcess) {
            match item.keyword.name {
                "process" if process.is_some() => self.second(&item),
                "process" => {
                    let words = item.words.iter().skip(1);
                    process = Some(words.map(|word| word.text.to_owned()).collect());
                }
                "param_match" => param_match = self.param_match(&item).or(param_match),
                "weight" => set(&mut weight, item.argument.weight()),
                "quorum" => self.quorum(&item, &mut quorum, |new| quorum_max.is_none_or(|most| new <= most)),
                "quorum_max" => self.quorum(&item, &mut quorum_max, |new| {
                    new == 0 || quorum.is_none_or(|least| least <= new)
                }),
                "delay" => {
                    set(&mut terminate_delay, item.argument.duration());
                    set(&mut fork_delay, item.argument.duration());
                }
                "terminate_delay" => set(&mut terminate_delay, item.argument.duration()),
                "fork_delay" => set(&mut fork_delay, item.argument.duration()),
                "full_command" => full_command = true,
                _ => {}
            }
        }
        let mut words = process.unwrap_or_default().into_iter();
        let Some(process) = words.next() else {
            return self.incomplete(&name, "vrrp_track_process", "process", "process NAME");
        };
        let arguments: Vec<String> = words.collect();
        if self.declare(Kind::Process, &name, weight, true) {
            self.config.vrrp_track_processes.push(VrrpTrackProcess {
                name,
                process,
                full_command: full_command || param_match.is_some() || !arguments.is_empty(),
                param_match: param_match.or((!arguments.is_empty()).then_some(ParamMatch::Exact)),
                arguments,
                weight: weight.0,
                reverse: weight.1,
                quorum: quorum.unwrap_or(QUORUM),
                quorum_max,
                terminate_delay,
                fork_delay,
            });
        }
    }

    fn param_match(&mut self, item: &Item<'_>) -> Option<ParamMatch> {
        let Some(word) = item.word(1) else {
            return Some(ParamMatch::Exact);
        };
        match word.text {
            "initial" => Some(ParamMatch::Initial),
            "partial" => Some(ParamMatch::Partial),
            other => {
                let message = format!("'{other}' is no way to compare arguments; the line is ignored");
                self.invalid(findings::INVALID_VALUE, message, word)
                    .hint("initial, partial, or nothing for an exact match")
                    .send(self);
                None
            }
        }
    }

    /// Takes a number of processes that fits the other limit, as far as that is known.
    fn quorum(&mut self, item: &Item<'_>, target: &mut Option<u32>, fits: impl Fn(u32) -> bool) {
        let Some(number) = item.argument.number::<u32>() else {
            return;
        };
        if fits(number) {
            *target = Some(number);
        } else if let Some(word) = item.word(1) {
            let message = "quorum cannot be more than quorum_max; the line is ignored".to_owned();
            self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
        }
    }

    pub(in crate::build) fn track_file(&mut self, block: &Item<'_>) {
        let Some(name) = self.tracker_name(block, Kind::File) else {
            return;
        };
        let mut file: Option<Spanned<String>> = None;
        let mut weight: Option<(i16, bool)> = None;
        let mut init_file = None;
        for item in self.items(block.node, Context::TrackFileBlock) {
            match item.keyword.name {
                "file" if file.is_some() => self.second(&item),
                "file" => file = item.word(1).map(|word| self.spanned(word)),
                "weight" if weight.is_some() => self.second(&item),
                "weight" => weight = item.argument.weight(),
                "init_file" => init_file = self.init_file(&item),
                _ => {}
            }
        }
        let Some(file) = file else {
            return self.incomplete(&name, "track_file", "file", "file /path/to/file");
        };
        let (weight, reverse) = weight.unwrap_or((1, false));
        if self.declare(Kind::File, &name, (weight, reverse), true) {
            self.config.track_files.push(TrackFile {
                name,
                file,
                weight,
                reverse,
                init_file,
            });
        }
    }

    fn init_file(&mut self, item: &Item<'_>) -> Option<InitFile> {
        let mut init = InitFile {
            value: 0,
            overwrite: false,
        };
        for word in item.words.iter().skip(1).copied() {
            if word.text == "overwrite" {
                init.overwrite = true;
            } else {
                init.value = self.integer("init_file", word, i64::from(i32::MIN), i64::from(i32::MAX))?;
            }
        }
        Some(init)
    }

    /// The name of a block that defines something to track. keepalived does not see that a name is taken: the first
    /// block is the one that is found.
    fn tracker_name(&mut self, block: &Item<'_>, kind: Kind) -> Option<Spanned<String>> {
        let name = self.first_name(block)?;
        let first = *self
            .trackers
            .places
            .entry((kind, name.value.clone()))
            .or_insert(name.span);
        if first != name.span {
            let message = format!("{} {name} is defined twice; the first one counts", block.keyword.name);
            self.report(
                Diagnostic::new(findings::SHADOWED, message, Some(name.span)).note("first defined here", Some(first)),
            );
        }
        Some(name)
    }

    /// Lines further down may track the object; false when there is one of that name already.
    pub(in crate::build) fn declare(
        &mut self,
        kind: Kind,
        name: &Spanned<String>,
        (weight, reverse): (i16, bool),
        usable: bool,
    ) -> bool {
        use std::collections::hash_map::Entry;
        self.trackers
            .places
            .entry((kind, name.value.clone()))
            .or_insert(name.span);
        match self.trackers.declared.entry((kind, name.value.clone())) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(Declared {
                    weight,
                    reverse,
                    usable,
                });
                true
            }
        }
    }

    fn incomplete(&mut self, name: &Spanned<String>, block: &str, lacks: &str, hint: &str) {
        let message = format!("{block} {name} has no {lacks}; it is left out");
        let diagnostic = Diagnostic::new(findings::INCOMPLETE_TRACKER, message, Some(name.span));
        self.report(diagnostic.hint(hint));
    }

    fn second(&mut self, item: &Item<'_>) {
        let message = format!("{} is given twice; the second one is ignored", item.keyword.name);
        self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
    }

    /// Scripts that nothing tracks never run.
    pub(in crate::build) fn check_unused_scripts(&mut self) {
        let unused = |script: &&VrrpScript| !self.trackers.used_scripts.contains(script.name.as_str());
        let names: Vec<_> = self
            .config
            .vrrp_scripts
            .iter()
            .filter(unused)
            .map(|script| script.name.clone())
            .collect();
        for name in names {
            let message = format!("Nothing tracks vrrp_script {name}; it never runs");
            self.report(Diagnostic::new(findings::UNUSED_SCRIPT, message, Some(name.span)));
        }
    }
}
