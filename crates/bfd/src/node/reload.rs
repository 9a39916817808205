//! New settings: what stays the same path keeps its session, its discriminator and its counters.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Node;
use crate::messages::LogEvent;
use crate::session::Session;
use crate::settings::{InstanceSettings, NodeSettings};
use crate::timers::SessionId;

/// What makes a session the same one after a reload: neither its name nor anything that only tunes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) neighbor: IpAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) multihop: bool,
}

impl Path {
    fn of(settings: &InstanceSettings) -> Self {
        Self {
            neighbor: settings.neighbor,
            source: settings.source,
            multihop: settings.multihop,
        }
    }
}

impl Node {
    /// Takes over new settings; also used for the first ones.
    pub(super) fn reload(&mut self, settings: NodeSettings) {
        let mut before = std::mem::take(&mut self.by_path);
        self.order.clear();
        self.by_name.clear();
        self.logged.clear();
        for settings in settings.instances {
            let path = Path::of(&settings);
            if let Some(other) = self.by_path.get(&path).and_then(|id| self.sessions.get(id)) {
                self.out.log(LogEvent::SamePath {
                    instance: settings.name,
                    other: other.settings.name.clone(),
                });
                continue;
            }
            let name = settings.name.clone();
            let id = self.keep_or_create(before.remove(&path), settings);
            self.order.push(id);
            self.by_name.insert(name, id);
            self.by_path.insert(path, id);
        }
        self.remove_all(before);
    }

    fn keep_or_create(&mut self, kept: Option<SessionId>, settings: InstanceSettings) -> SessionId {
        if let Some(id) = kept {
            self.with(id, |session, out| session.adopt(settings, out));
            return id;
        }
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        let discriminator = self.unused_discriminator();
        self.by_discriminator.insert(discriminator, id);
        let session = Session::new(id, settings, discriminator, &mut self.out);
        self.sessions.insert(id, session);
        id
    }

    fn unused_discriminator(&mut self) -> u32 {
        loop {
            let discriminator = self.out.random.discriminator();
            if !self.by_discriminator.contains_key(&discriminator) {
                return discriminator;
            }
        }
    }

    fn remove_all(&mut self, removed: BTreeMap<Path, SessionId>) {
        for id in removed.into_values() {
            if let Some(mut session) = self.sessions.remove(&id) {
                self.by_discriminator.remove(&session.discriminator);
                session.remove(&mut self.out);
            }
        }
    }
}
