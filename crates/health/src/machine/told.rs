//! Checks that ask nobody: the machine is told what becomes of the BFD session or the file that they follow.

use std::time::Duration;

use holdfast_time::Timestamp;

use super::check::Check;
use super::{Health, Place};
use crate::action::Notification;
use crate::messages::{Member, Message};
use crate::probe::{Failure, Probe, Source, Verdict};
use crate::status::LastProbe;

/// What a word means for a check: what it adds to the weight, or a failure.
pub(super) fn judge(probe: &Probe, word: i64) -> Result<i64, Failure> {
    match probe {
        Probe::Bfd(_) if word == 0 => Err(Failure::SessionDown),
        Probe::File(file) => file.judge(word).map_err(Failure::FileValue),
        _ => Ok(0),
    }
}

impl Health {
    /// A session came up or went down, or the number in a file changed. A check rests never: what is known of its server is
    /// known for nothing.
    pub(super) fn told(&mut self, now: Timestamp, source: Source, word: i64) {
        let followers: Vec<Place> = self.followers(&source).collect();
        for place in followers {
            self.follow(now, place, &source, word);
        }
        self.words.insert(source, word);
    }

    fn followers(&self, source: &Source) -> impl Iterator<Item = Place> {
        let follows = move |place: &&Place| {
            let server = self.servers.get(place.virtual_server);
            let real_server = server.and_then(|server| server.real_servers.get(place.real_server));
            let check = real_server.and_then(|server| server.checks.get(place.check));
            check.is_some_and(|check| check.settings.probe.source().as_ref() == Some(source))
        };
        self.places.values().filter(follows).copied()
    }

    /// One word is enough: BFD has counted already. The first one is a decision, whatever it says.
    fn follow(&mut self, now: Timestamp, place: Place, source: &Source, word: i64) {
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
        let judged = judge(&check.settings.probe, word);
        let up = judged.is_ok();
        let decided = !check.standing.has_run || check.standing.up != up;
        check.take_word(judged, now);
        let outcome = check.outcome();
        let (Source::Session(name) | Source::File(name)) = source;
        let keyword = format!("{} {name}", check.settings.probe.keyword());
        // Before the server comes back, so that it does with its new weight.
        self.reweigh(now, place);
        if !decided {
            return;
        }
        let member = Member { server, virtual_server };
        self.out.log(match source {
            Source::Session(session) => Message::SessionJudged {
                session: session.clone(),
                member: member.clone(),
                up,
            },
            Source::File(file) => Message::FileJudged {
                file: file.clone(),
                number: word,
                member: member.clone(),
                up,
            },
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

impl Check {
    fn take_word(&mut self, judged: Result<i64, Failure>, now: Timestamp) {
        self.standing.up = judged.is_ok();
        self.standing.has_run = true;
        let verdict = match judged {
            Ok(added) => {
                self.added_weight = added;
                Verdict::Success
            }
            Err(failure) => Verdict::Failure(failure),
        };
        self.last = Some(LastProbe {
            at: now,
            duration: Duration::ZERO,
            verdict,
        });
    }
}
