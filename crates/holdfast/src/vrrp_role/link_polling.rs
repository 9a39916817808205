//! `linkbeat_interfaces`: drivers are asked about their links once a second, by a thread of its own, because some take their
//! time to answer.

use std::collections::BTreeMap;
use std::sync::mpsc as blocking;
use std::time::Duration;

use holdfast_net::{LinkPoll, LinkPollMethod};
use tokio::sync::mpsc;

/// From one question to the next, as keepalived.
const INTERVAL: Duration = Duration::from_secs(1);

/// Interfaces and the way in which each is asked; `None`: the first one that works.
type Wishes = BTreeMap<String, Option<LinkPollMethod>>;

/// The interfaces that are polled.
#[derive(Debug, Default)]
pub struct LinkPolling {
    wishes: Wishes,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    news: mpsc::UnboundedReceiver<(String, bool)>,
    /// The thread ends when this is dropped.
    _stop: blocking::Sender<()>,
}

impl LinkPolling {
    /// Polls these from now on. The first answers are waited for and returned; `None`: nothing is different.
    pub fn set(&mut self, wishes: Wishes) -> Option<BTreeMap<String, bool>> {
        if self.wishes == wishes {
            return None;
        }
        self.wishes.clone_from(&wishes);
        self.running = None;
        if wishes.is_empty() {
            return Some(BTreeMap::new());
        }
        let poll = match LinkPoll::open() {
            Ok(poll) => poll,
            Err(error) => {
                tracing::error!("links cannot be polled: {error}");
                return Some(BTreeMap::new());
            }
        };
        let mut poller = Poller::new(wishes, move |interface, method| poll.has_link(interface, method).ok());
        poller.round();
        let first = poller.states();
        let (stop, stopped) = blocking::channel();
        let (report, news) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("links".to_owned());
        let run = move || {
            while stopped.recv_timeout(INTERVAL) == Err(blocking::RecvTimeoutError::Timeout) {
                for change in poller.round() {
                    if report.send(change).is_err() {
                        return;
                    }
                }
            }
        };
        match thread.spawn(run) {
            Ok(_) => self.running = Some(Running { news, _stop: stop }),
            Err(error) => tracing::error!("links cannot be polled: {error}"),
        }
        Some(first)
    }

    /// The next change: the interface, and whether it has a link. Cancel safe.
    pub async fn next(&mut self) -> (String, bool) {
        if let Some(running) = &mut self.running
            && let Some(change) = running.news.recv().await
        {
            return change;
        }
        std::future::pending().await
    }
}

/// What is known of the polled interfaces. Who asks is handed in.
struct Poller<A> {
    links: BTreeMap<String, Polled>,
    ask: A,
}

struct Polled {
    wish: Option<LinkPollMethod>,
    /// The way that works
    found: Option<LinkPollMethod>,
    /// Said once: the wish cannot be fulfilled
    refused: bool,
    up: Option<bool>,
}

impl<A: Fn(&str, LinkPollMethod) -> Option<bool>> Poller<A> {
    fn new(wishes: Wishes, ask: A) -> Self {
        let polled = |wish| Polled {
            wish,
            found: None,
            refused: false,
            up: None,
        };
        let links = wishes.into_iter().map(|(name, wish)| (name, polled(wish)));
        Self {
            links: links.collect(),
            ask,
        }
    }

    /// Asks all of them. What is different than before.
    fn round(&mut self) -> Vec<(String, bool)> {
        let mut changes = Vec::new();
        for (name, polled) in &mut self.links {
            // One that cannot be asked is not there.
            let up = polled.ask(name, &self.ask).unwrap_or(false);
            if polled.up.replace(up) != Some(up) {
                changes.push((name.clone(), up));
            }
        }
        changes
    }

    fn states(&self) -> BTreeMap<String, bool> {
        let states = self.links.iter();
        states
            .map(|(name, polled)| (name.clone(), polled.up.unwrap_or(false)))
            .collect()
    }
}

impl Polled {
    fn ask(&mut self, name: &str, ask: &impl Fn(&str, LinkPollMethod) -> Option<bool>) -> Option<bool> {
        let first = self.found.or(self.wish);
        let rest = LinkPollMethod::ALL.into_iter().filter(|method| Some(*method) != first);
        let (method, up) = first
            .into_iter()
            .chain(rest)
            .find_map(|method| Some((method, ask(name, method)?)))?;
        if self.found.replace(method) != Some(method) {
            match self.wish.filter(|wish| *wish != method) {
                // keepalived's words.
                Some(wish) if !self.refused => {
                    self.refused = true;
                    tracing::warn!("({name}): Configured linkbeat type {wish} not supported, using {method}");
                }
                _ => tracing::info!("the link of {name} is polled by {method}"),
            }
        }
        Some(up)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What a driver answers, and in which ways it was asked.
    struct Driver {
        answers: RefCell<BTreeMap<LinkPollMethod, bool>>,
        asked: RefCell<Vec<LinkPollMethod>>,
    }

    impl Driver {
        fn new(answers: &[(LinkPollMethod, bool)]) -> Self {
            Self {
                answers: RefCell::new(answers.iter().copied().collect()),
                asked: RefCell::default(),
            }
        }

        fn answer(&self, method: LinkPollMethod) -> Option<bool> {
            self.asked.borrow_mut().push(method);
            self.answers.borrow().get(&method).copied()
        }
    }

    fn wishes(method: Option<LinkPollMethod>) -> Wishes {
        [("eth0".to_owned(), method)].into()
    }

    #[test]
    fn the_first_way_that_works_is_kept() {
        let driver = Driver::new(&[(LinkPollMethod::Ethtool, true), (LinkPollMethod::Flags, true)]);
        let mut poller = Poller::new(wishes(None), |_: &str, method| driver.answer(method));
        assert_eq!(poller.round(), [("eth0".to_owned(), true)]);
        assert_eq!(driver.asked.take(), [LinkPollMethod::Mii, LinkPollMethod::Ethtool]);
        assert_eq!(poller.round(), []);
        assert_eq!(driver.asked.take(), [LinkPollMethod::Ethtool]);
        driver.answers.borrow_mut().insert(LinkPollMethod::Ethtool, false);
        assert_eq!(poller.round(), [("eth0".to_owned(), false)]);
    }

    #[test]
    fn a_wish_goes_first_and_another_way_is_taken_when_it_cannot_be() {
        let driver = Driver::new(&[(LinkPollMethod::Mii, true), (LinkPollMethod::Flags, true)]);
        let mut poller = Poller::new(wishes(Some(LinkPollMethod::Flags)), |_: &str, method| {
            driver.answer(method)
        });
        poller.round();
        assert_eq!(driver.asked.take(), [LinkPollMethod::Flags]);
        let mut poller = Poller::new(wishes(Some(LinkPollMethod::Ethtool)), |_: &str, method| {
            driver.answer(method)
        });
        poller.round();
        assert_eq!(driver.asked.take(), [LinkPollMethod::Ethtool, LinkPollMethod::Mii]);
        poller.round();
        assert_eq!(driver.asked.take(), [LinkPollMethod::Mii]);
    }

    #[test]
    fn what_cannot_be_asked_is_down_and_may_come_back_as_another_device() {
        let driver = Driver::new(&[(LinkPollMethod::Mii, true)]);
        let mut poller = Poller::new(wishes(None), |_: &str, method| driver.answer(method));
        poller.round();
        driver.answers.borrow_mut().clear();
        assert_eq!(poller.round(), [("eth0".to_owned(), false)]);
        driver.answers.borrow_mut().insert(LinkPollMethod::Ethtool, true);
        assert_eq!(poller.round(), [("eth0".to_owned(), true)]);
    }
}
