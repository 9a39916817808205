//! `vrrp_sync_group`.

use super::track::{Kind, Tracking, lists_of};
use super::{Builder, Item};
use crate::config::{Notify, Tracked, VrrpSyncGroup};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::{self, Context};
use crate::source::{Span, Spanned};
use std::collections::HashMap;

/// A group as it is written. Its members may come later in the file.
pub(super) struct SyncGroupDraft {
    name: Spanned<String>,
    group: Option<Vec<Spanned<String>>>,
    tracking: Tracking,
    tracking_weight: bool,
    notify: Notify,
}

impl Builder<'_> {
    pub(super) fn vrrp_sync_group(&mut self, block: &Item<'_>) {
        let Some(name) = self.block_name(block) else { return };
        let mut draft = SyncGroupDraft {
            name,
            group: None,
            tracking: Tracking::default(),
            tracking_weight: false,
            notify: Notify::default(),
        };
        for item in self.items(block.node, Context::VrrpSyncGroup) {
            if self.track_list(&mut draft.tracking, &item) {
                continue;
            }
            match item.keyword.name {
                "group" => self.members(&mut draft, &item),
                "sync_group_tracking_weight" => draft.tracking_weight = true,
                _ => self.notify(&mut draft.notify, item),
            }
        }
        self.sync_groups.push(draft);
    }

    fn members(&mut self, draft: &mut SyncGroupDraft, item: &Item<'_>) {
        if draft.group.is_some() {
            let message = format!(
                "vrrp_sync_group {} has two groups; the second one is ignored",
                draft.name
            );
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
        } else {
            draft.group = Some(self.names(item.node));
        }
    }

    pub(super) fn finish_sync_groups(&mut self) {
        let names = self
            .config
            .vrrp_instances
            .iter()
            .map(|instance| instance.name.value.clone());
        let instances: HashMap<String, usize> = names.zip(0..).collect();
        let mut grouped = HashMap::new();
        for draft in std::mem::take(&mut self.sync_groups) {
            let members = self.resolve_members(&draft, &instances, &mut grouped);
            if members.is_empty() {
                let message = format!("vrrp_sync_group {} has no members; it is left out", draft.name);
                let diagnostic = Diagnostic::new(findings::EMPTY_GROUP, message, Some(draft.name.span));
                self.report(diagnostic.hint("group { INSTANCE INSTANCE }"));
                continue;
            }
            if members.len() == 1 {
                let message = format!(
                    "vrrp_sync_group {} has one member only, which changes nothing",
                    draft.name
                );
                self.report(Diagnostic::new(findings::SMALL_GROUP, message, Some(draft.name.span)));
            }
            let mut tracking = self.share_tracking(&draft, &members, &instances);
            self.config.vrrp_sync_groups.push(VrrpSyncGroup {
                name: draft.name,
                group: members,
                track_interface: tracking.take(Kind::Interface),
                track_script: tracking.take(Kind::Script),
                track_file: tracking.take(Kind::File),
                track_process: tracking.take(Kind::Process),
                track_bfd: tracking.take(Kind::Bfd),
                notify: draft.notify,
            });
        }
    }

    fn resolve_members(
        &mut self,
        draft: &SyncGroupDraft,
        instances: &HashMap<String, usize>,
        grouped: &mut HashMap<String, (String, Span)>,
    ) -> Vec<Spanned<String>> {
        let mut members = Vec::new();
        for member in draft.group.iter().flatten() {
            if !instances.contains_key(member.as_str()) {
                let near = keywords::nearest(member, instances.keys().map(String::as_str));
                let hint = near.map(|name| format!("did you mean '{name}'?"));
                let message = format!(
                    "vrrp_sync_group {}: there is no usable vrrp_instance {member}; it is ignored",
                    draft.name
                );
                self.report(Diagnostic::new(findings::UNKNOWN_MEMBER, message, Some(member.span)).maybe_hint(hint));
            } else if let Some((group, span)) = grouped.get(member.as_str()) {
                let message = format!("vrrp_instance {member} is already in vrrp_sync_group {group}; it is ignored");
                let diagnostic = Diagnostic::new(findings::UNKNOWN_MEMBER, message, Some(member.span));
                let span = *span;
                self.report(diagnostic.note("it is there since here", Some(span)));
            } else {
                grouped.insert(member.value.clone(), (draft.name.value.clone(), member.span));
                members.push(member.clone());
            }
        }
        members
    }

    /// What the group tracks acts on each member. In a group weights would let one member leave the others, so they
    /// count as 0 unless `sync_group_tracking_weight` is written.
    fn share_tracking(
        &mut self,
        draft: &SyncGroupDraft,
        members: &[Spanned<String>],
        instances: &HashMap<String, usize>,
    ) -> Tracking {
        let mut shared = draft.tracking.clone();
        let (mut dropped, mut doubled) = (Vec::new(), Vec::new());
        let mut drop_weights = |tracks: &mut Vec<Tracked>| {
            for track in tracks
                .iter_mut()
                .filter(|track| track.weight != 0 && !draft.tracking_weight)
            {
                track.weight = 0;
                dropped.push(track.name.clone());
            }
        };
        shared.lists().iter_mut().for_each(&mut drop_weights);
        for index in members.iter().filter_map(|member| instances.get(member.as_str())) {
            let Some(instance) = self.config.vrrp_instances.get_mut(*index) else {
                continue;
            };
            for (own, shared) in lists_of(instance).into_iter().zip(shared.lists()) {
                drop_weights(own);
                for track in shared {
                    match own.iter().find(|known| known.name == track.name) {
                        Some(known) => doubled.push((known.name.clone(), track.name.span)),
                        None => own.push(track.clone()),
                    }
                }
            }
        }
        for name in dropped {
            let message = format!("The weight of {name} counts as 0 in vrrp_sync_group {}", draft.name);
            self.report(
                Diagnostic::new(findings::TRACKING_WEIGHT, message, Some(name.span))
                    .hint("write sync_group_tracking_weight in the group to let weights count"),
            );
        }
        for (name, place) in doubled {
            let message = format!("vrrp_sync_group {} tracks {name} for all its members; this line counts", draft.name);
            self.report(
                Diagnostic::new(findings::TRACKED_TWICE, message, Some(name.span))
                    .note("the group tracks it here", Some(place)),
            );
        }
        shared
    }
}
