//! What one listener is to know of each session, and since when.
//!
//! A session is down until it is up, and that is said at once: nobody may rely on a path that was never seen. Only where a
//! process before this one may have said that it is up, it first gets the time that it needs to come up again.

use std::collections::BTreeMap;

use holdfast_time::{Duration, Timestamp};

use crate::bfd_news::BfdNews;

/// What has been said about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Nothing: it has until then to come up.
    Withheld { until: Timestamp },
    /// This.
    Said { up: bool },
}

/// The words for one listener.
#[derive(Debug, Default)]
pub struct Words {
    sessions: BTreeMap<String, Word>,
}

impl Words {
    /// These are the sessions from now on, each with the time that it has to come up if it is new; `None`: it counts as down
    /// at once. Returns what is to be said.
    pub fn set_sessions(
        &mut self,
        now: Timestamp,
        sessions: impl IntoIterator<Item = (String, Option<Duration>)>,
    ) -> Vec<BfdNews> {
        let mut former = std::mem::take(&mut self.sessions);
        let mut news = Vec::new();
        for (session, time_to_come_up) in sessions {
            let first_word = time_to_come_up.map_or(Word::Said { up: false }, |length| Word::Withheld {
                until: now + length,
            });
            let known = former.remove(&session);
            if known.is_none() && time_to_come_up.is_none() {
                news.push(down(&session));
            }
            self.sessions.insert(session, known.unwrap_or(first_word));
        }
        news
    }

    /// A session came up or went down.
    pub fn change(&mut self, session: &str, up: bool) -> BfdNews {
        self.sessions.insert(session.to_owned(), Word::Said { up });
        BfdNews {
            session: session.to_owned(),
            up,
        }
    }

    /// What has to be said by now of sessions that did not come up.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<BfdNews> {
        let late = self
            .sessions
            .iter_mut()
            .filter(|(_, word)| matches!(word, Word::Withheld { until } if *until <= now));
        late.map(|(session, word)| {
            *word = Word::Said { up: false };
            down(session)
        })
        .collect()
    }

    /// When [`Self::overdue`] has something to say; `None`: never.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let withheld = self.sessions.values().filter_map(|word| match word {
            Word::Withheld { until } => Some(*until),
            Word::Said { .. } => None,
        });
        withheld.min()
    }

    /// Everything that has been said.
    pub fn all(&self) -> Vec<BfdNews> {
        let said = self.sessions.iter().filter_map(|(session, word)| match word {
            Word::Said { up } => Some(BfdNews {
                session: session.clone(),
                up: *up,
            }),
            Word::Withheld { .. } => None,
        });
        said.collect()
    }
}

fn down(session: &str) -> BfdNews {
    BfdNews {
        session: session.to_owned(),
        up: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
    const TIME: Duration = Duration::from_secs(3);

    fn news(words: &[(&str, bool)]) -> Vec<BfdNews> {
        let word = |(session, up): &(&str, bool)| BfdNews {
            session: (*session).to_owned(),
            up: *up,
        };
        words.iter().map(word).collect()
    }

    #[test]
    fn a_new_session_is_down_at_once_or_after_its_time() {
        let mut words = Words::default();
        let said = words.set_sessions(
            START,
            [("a".into(), None), ("b".into(), Some(TIME)), ("c".into(), Some(TIME))],
        );
        assert_eq!(said, news(&[("a", false)]));
        assert_eq!(words.all(), news(&[("a", false)]), "of the others nothing is known");
        assert_eq!(words.change("c", true), news(&[("c", true)])[0]);
        assert_eq!(words.next_deadline(), Some(START + TIME));
        assert_eq!(words.overdue(START + TIME - Duration::from_nanos(1)), []);
        assert_eq!(words.overdue(START + TIME), news(&[("b", false)]));
        assert_eq!(words.next_deadline(), None);
        assert_eq!(words.all(), news(&[("a", false), ("b", false), ("c", true)]));
    }

    #[test]
    fn a_reload_keeps_what_was_said_and_forgets_who_is_gone() {
        let mut words = Words::default();
        words.set_sessions(START, [("a".into(), None), ("b".into(), None)]);
        words.change("a", true);
        assert_eq!(words.set_sessions(START, [("a".into(), None)]), []);
        assert_eq!(words.all(), news(&[("a", true)]));
        assert_eq!(words.set_sessions(START, [("b".into(), None)]), news(&[("b", false)]));
    }
}
