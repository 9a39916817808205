//! Checks that follow a BFD session: the machine is told what becomes of it.

use std::time::Duration;

use holdfast_time::Timestamp;

use super::{Health, Place};
use crate::action::Notification;
use crate::messages::{Member, Message};
use crate::probe::{Failure, Verdict};
use crate::status::LastProbe;

impl Health {
    /// A session came up or went down. A check rests never: what is known of its server is known for nothing.
    pub(super) fn session_changed(&mut self, now: Timestamp, session: String, up: bool) {
        let followers: Vec<Place> = self.followers(&session).collect();
        for place in followers {
            self.follow(now, place, &session, up);
        }
        self.sessions.insert(session, up);
    }

    fn followers(&self, session: &str) -> impl Iterator<Item = Place> {
        let follows = move |place: &&Place| {
            let server = self.servers.get(place.virtual_server);
            let real_server = server.and_then(|server| server.real_servers.get(place.real_server));
            let check = real_server.and_then(|server| server.checks.get(place.check));
            check.is_some_and(|check| check.settings.probe.session() == Some(session))
        };
        self.places.values().filter(follows).copied()
    }

    /// One word is enough: BFD has counted already. The first one is a decision, whatever it says.
    fn follow(&mut self, now: Timestamp, place: Place, session: &str, up: bool) {
        let Some(server) = self.servers.get_mut(place.virtual_server) else {
            return;
        };
        let virtual_server = server.name.clone();
        let Some(real_server) = server.real_servers.get_mut(place.real_server) else {
            return;
        };
        let server = real_server.name.clone();
        let Some(check) = real_server.checks.get_mut(place.check) else {
            return;
        };
        if check.standing.has_run && check.standing.up == up {
            return;
        }
        check.standing.up = up;
        check.standing.has_run = true;
        let verdict = if up {
            Verdict::Success
        } else {
            Verdict::Failure(Failure::SessionDown)
        };
        check.last = Some(LastProbe {
            at: now,
            duration: Duration::ZERO,
            verdict,
        });
        let outcome = check.outcome();
        let keyword = format!("{} {session}", check.settings.probe.keyword());
        let member = Member { server, virtual_server };
        self.out.log(Message::SessionJudged {
            session: session.to_owned(),
            member: member.clone(),
            up,
        });
        let real_server_changed = self.decided(now, place);
        self.out.notify(Notification::Check {
            virtual_server: member.virtual_server.to_string(),
            real_server: member.server.to_string(),
            keyword,
            outcome,
            real_server_changed,
        });
    }
}
