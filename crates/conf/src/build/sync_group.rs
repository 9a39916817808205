//! `vrrp_sync_group`.
#![deny(clippy::arithmetic_side_effects)]

use super::track::{Kind, Tracking};
use super::{Builder, Item};
use crate::config::{Notify, VrrpSyncGroup};
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
    smtp_alert: Option<bool>,
    notify_priority_changes: Option<bool>,
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
            smtp_alert: None,
            notify_priority_changes: None,
            notify: Notify::default(),
        };
        for item in self.items(block.node, Context::VrrpSyncGroup) {
            if self.track_list(&mut draft.tracking, &item) {
                continue;
            }
            match item.keyword.name {
                "group" => self.members(&mut draft, &item),
                "sync_group_tracking_weight" => draft.tracking_weight = true,
                "smtp_alert" => draft.smtp_alert = item.argument.bool().or(draft.smtp_alert),
                "notify_priority_changes" => {
                    draft.notify_priority_changes = item.argument.bool().or(draft.notify_priority_changes);
                }
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
                sync_group_tracking_weight: draft.tracking_weight,
                smtp_alert: draft.smtp_alert,
                notify_priority_changes: draft.notify_priority_changes,
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

    /// What the group tracks acts on each member, with its weight. A weight of a member's own would let it leave the others, so
    /// it does not count unless `sync_group_tracking_weight` is written.
    fn share_tracking(
        &mut self,
        draft: &SyncGroupDraft,
        members: &[Spanned<String>],
        instances: &HashMap<String, usize>,
    ) -> Tracking {
        let mut shared = draft.tracking.clone();
        for index in members.iter().filter_map(|member| instances.get(member.as_str())) {
            let Some(mut instance) = self.config.vrrp_instances.get(*index).map(Tracking::of) else {
                continue;
            };
            if !draft.tracking_weight {
                self.drop_member_weights(&mut instance, &draft.name);
            }
            self.check_shared_interfaces(&mut shared, *index, draft);
            for (own, shared) in instance.lists().iter_mut().zip(shared.lists()) {
                for track in shared {
                    if !own.iter().any(|known| known.name == track.name) {
                        own.push(track.clone());
                    }
                }
            }
            if let Some(member) = self.config.vrrp_instances.get_mut(*index) {
                instance.give_to(member);
            }
        }
        shared
    }

    /// The interface of a member and those that it tracks are tracked for it already.
    fn check_shared_interfaces(&mut self, shared: &mut Tracking, member: usize, draft: &SyncGroupDraft) {
        let Some(member) = self.config.vrrp_instances.get(member) else {
            return;
        };
        for track in shared.list(Kind::Interface) {
            let own = member.track_interface.iter().map(|known| &known.name);
            if let Some(first) = own.chain([&member.interface]).find(|known| **known == track.name) {
                let message = format!(
                    "vrrp_sync_group {} tracks {}, which {} does itself",
                    draft.name, track.name, member.name
                );
                self.diagnostics.push(
                    Diagnostic::new(findings::TRACKED_TWICE, message, Some(track.name.span))
                        .note("it is written here, too", Some(first.span)),
                );
            }
        }
    }
}
