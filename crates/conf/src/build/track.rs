//! What instances and groups track: the lines that name it, and the names.
#![deny(clippy::arithmetic_side_effects)]

mod objects;

use super::{Builder, Item};
use crate::config::{Tracked, VrrpInstance};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::{self, Word};
use crate::keywords::{self, Context, Value};
use crate::source::Span;
use std::collections::HashMap;

/// The kinds of objects that are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Interface,
    Script,
    File,
    Process,
    Bfd,
}

impl Kind {
    /// The kind that a keyword of an instance or group lists.
    fn listed_by(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "track_interface" => Self::Interface,
            "track_script" => Self::Script,
            "track_file" => Self::File,
            "track_process" => Self::Process,
            "track_bfd" => Self::Bfd,
            _ => return None,
        })
    }

    /// The block that defines an object.
    fn block(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Script => "vrrp_script",
            Self::File => "track_file",
            Self::Process => "vrrp_track_process",
            Self::Bfd => "bfd_instance",
        }
    }

    /// The block that lists it.
    fn context(self) -> Context {
        match self {
            Self::Interface => Context::TrackInterface,
            Self::Script | Self::Bfd => Context::TrackScript,
            Self::File | Self::Process => Context::TrackFile,
        }
    }
}

/// What is tracked, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracking([Vec<Tracked>; 5]);

impl Tracking {
    pub(super) fn list(&mut self, kind: Kind) -> &mut Vec<Tracked> {
        let [interface, script, file, process, bfd] = &mut self.0;
        match kind {
            Kind::Interface => interface,
            Kind::Script => script,
            Kind::File => file,
            Kind::Process => process,
            Kind::Bfd => bfd,
        }
    }

    pub(super) fn take(&mut self, kind: Kind) -> Vec<Tracked> {
        std::mem::take(self.list(kind))
    }

    /// What an instance tracks.
    pub(super) fn of(instance: &VrrpInstance) -> Self {
        Self([
            instance.track_interface.clone(),
            instance.track_script.clone(),
            instance.track_file.clone(),
            instance.track_process.clone(),
            instance.track_bfd.clone(),
        ])
    }

    /// The instance tracks this from now on.
    pub(super) fn give_to(mut self, instance: &mut VrrpInstance) {
        instance.track_interface = self.take(Kind::Interface);
        instance.track_script = self.take(Kind::Script);
        instance.track_file = self.take(Kind::File);
        instance.track_process = self.take(Kind::Process);
        instance.track_bfd = self.take(Kind::Bfd);
    }

    pub(super) fn lists(&mut self) -> &mut [Vec<Tracked>; 5] {
        &mut self.0
    }
}

/// An object that lines further down can name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) weight: i16,
    pub(super) reverse: bool,
    /// Instances may track it.
    usable: bool,
}

/// The objects so far.
#[derive(Debug, Default)]
pub(super) struct Trackers {
    declared: HashMap<(Kind, String), Declared>,
    /// Where each kind and name was first defined.
    places: HashMap<(Kind, String), Span>,
    /// The scripts that a line names.
    used_scripts: std::collections::HashSet<String>,
}

impl<'a> Builder<'a> {
    /// Reads a list of tracked objects; false when the keyword is none.
    pub(super) fn track_list(&mut self, tracking: &mut Tracking, item: &Item<'_>) -> bool {
        let Some(kind) = Kind::listed_by(item.keyword.name) else {
            return false;
        };
        let tracked = tracking.list(kind);
        for line in self.lines(item.node) {
            let Some(track) = self.track_line(kind, &line) else {
                continue;
            };
            if let Some(first) = tracked.iter().find(|known| known.name == track.name) {
                let message = format!("{} is tracked twice; the second line is ignored", track.name);
                let first = first.name.span;
                self.report(
                    Diagnostic::new(findings::GIVEN_TWICE, message, Some(track.name.span))
                        .note("the first is here", Some(first)),
                );
            } else {
                tracked.push(track);
            }
        }
        true
    }

    fn track_line(&mut self, kind: Kind, line: &[Word<'a>]) -> Option<Tracked> {
        let first = *line.first()?;
        let object = self.declared(kind, first);
        let mut track = Tracked {
            name: self.spanned(first),
            weight: object.map_or(0, |object| object.weight),
            reverse: object.is_some_and(|object| object.reverse),
        };
        self.track_options(kind, &mut track, line.get(1..).unwrap_or_default())?;
        object.map(|_| track)
    }

    /// `weight W [reverse|noreverse]`. `None` when the line is to be dropped, as keepalived drops it: what it was meant to
    /// say is unknown, and without a weight a failure would be a fault.
    fn track_options(&mut self, kind: Kind, track: &mut Tracked, options: &[Word<'a>]) -> Option<()> {
        let context = kind.context();
        let mut options = options.iter().copied();
        let Some(option) = options.next() else {
            return Some(());
        };
        if option.text != "weight" {
            let message = format!("'{}' is no option here; {} is not tracked", option.text, track.name);
            let complaint = self.invalid(findings::UNKNOWN_OPTION, message, option);
            complaint.hint("weight NUMBER [reverse|noreverse]").send(self);
            return None;
        }
        let Some(word) = options.next() else {
            let message = format!("'weight' lacks its number; {} is not tracked", track.name);
            self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
            return None;
        };
        let most = match context.find("weight").map(|row| row.value) {
            Some(Value::Weight(most)) => most,
            _ => 0,
        };
        // keepalived takes one more and corrects it.
        let corrected = i64::from(matches!(kind, Kind::Interface | Kind::Script));
        let limit = most.saturating_add(corrected);
        if let Some(weight) = self.integer("weight", word, limit.saturating_neg(), limit) {
            let clamped = weight.clamp(most.saturating_neg(), most);
            if clamped != weight {
                let message = format!("The largest weight is {most}; {clamped} is used in place of {weight}");
                self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
            }
            track.weight = i16::try_from(clamped).unwrap_or(0);
        }
        for option in options {
            match option.text {
                "reverse" => track.reverse = true,
                "noreverse" => track.reverse = false,
                _ => {
                    self.unknown_option(option, context);
                    if matches!(kind, Kind::File | Kind::Bfd) {
                        return None;
                    }
                }
            }
        }
        Some(())
    }

    /// What a line tracks. Interfaces need no definition; anything else must be defined further up.
    pub(super) fn declared(&mut self, kind: Kind, name: Word<'_>) -> Option<Declared> {
        let interface = Declared {
            weight: 0,
            reverse: false,
            usable: true,
        };
        if kind == Kind::Interface {
            return Some(interface);
        }
        if kind == Kind::Script {
            self.trackers.used_scripts.insert(name.text.to_owned());
        }
        let key = (kind, name.text.to_owned());
        let block = kind.block();
        let found = self.trackers.declared.get(&key).copied();
        if let Some(object) = found.filter(|object| object.usable) {
            return Some(object);
        }
        let place = self.trackers.places.get(&key).copied();
        let (message, place, hint) = match (place, self.defined_below(kind, name.text)) {
            (Some(place), _) => (
                format!("{block} {} cannot be tracked; the line is ignored", name.text),
                Some(("it is defined here", place)),
                None,
            ),
            (None, Some(place)) => (
                format!("{block} {} is defined further down; the line is ignored", name.text),
                Some(("it is defined here", place)),
                Some(format!("write {block} {} before the block that tracks it", name.text)),
            ),
            (None, None) => {
                let known = self.trackers.declared.keys().filter(|(of, _)| *of == kind);
                let near = keywords::nearest(name.text, known.map(|(_, name)| name.as_str()));
                let hint = near.map(|near| format!("did you mean '{near}'?"));
                (
                    format!("There is no {block} {}; the line is ignored", name.text),
                    None,
                    hint,
                )
            }
        };
        let mut diagnostic =
            Diagnostic::new(findings::UNKNOWN_TRACKER, message, Some(name.span(self.text))).maybe_hint(hint);
        if let Some((note, place)) = place {
            diagnostic = diagnostic.note(note, Some(place));
        }
        self.report(diagnostic);
        None
    }

    /// Where a block further down has the name.
    fn defined_below(&self, kind: Kind, name: &str) -> Option<Span> {
        let blocks = self.tree.roots().filter_map(|(_, node)| {
            let keyword = node.keyword?;
            let block = keyword.alias.map_or(keyword.name, |alias| alias.of);
            (block == kind.block()).then(|| grammar::words(self.text.get(node.text.clone()), node.text.start))
        });
        blocks
            .filter_map(|words| words.get(1).copied())
            .find(|word| word.text == name)
            .map(|word| word.span(self.text))
    }

    /// The owner's priority never changes, so weights cannot act on it.
    pub(super) fn drop_weights(&mut self, tracking: &mut Tracking, instance: &str) {
        for list in tracking.lists() {
            for track in list.iter().filter(|track| track.weight != 0) {
                let message = format!(
                    "Priority 255 never changes; tracking {} with a weight is ignored in {instance}",
                    track.name
                );
                self.report(Diagnostic::new(
                    findings::TRACKING_WEIGHT,
                    message,
                    Some(track.name.span),
                ));
            }
            list.retain(|track| track.weight == 0);
        }
    }

    /// In a group a member is not left to a weight of its own: interfaces, and files without a weight on the line,
    /// are tracked without one; scripts, BFD sessions and other files are not tracked. keepalived leaves processes
    /// alone.
    pub(super) fn drop_member_weights(&mut self, tracking: &mut Tracking, group: &str) {
        for kind in [Kind::Interface, Kind::Script, Kind::File, Kind::Bfd] {
            let mut kept = tracking.take(kind);
            kept.retain_mut(|track| {
                if track.weight == 0 {
                    return true;
                }
                let object = self.trackers.declared.get(&(kind, track.name.value.clone()));
                let stays = match kind {
                    Kind::Interface => true,
                    Kind::File => object.is_some_and(|object| object.weight == track.weight),
                    _ => false,
                };
                let effect = if stays {
                    "its weight counts as 0"
                } else {
                    "it is not tracked"
                };
                let message = format!("{} has a weight in vrrp_sync_group {group}: {effect}", track.name);
                self.diagnostics.push(
                    Diagnostic::new(findings::TRACKING_WEIGHT, message, Some(track.name.span))
                        .hint("write sync_group_tracking_weight in the group to let weights count"),
                );
                track.weight = 0;
                stays
            });
            *tracking.list(kind) = kept;
        }
    }
}
