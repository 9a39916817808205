//! Answers to managers: from what is known, and if that is old, after another look at the process that knows.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_agentx::pdu::{Content, Header, Response, SearchRange, VarBind};
use holdfast_agentx::session::{Question, Request};
use holdfast_time::Timestamp;

use super::mib::Objects;
use crate::ipc::{self, FromSnmp, Source};
use crate::snapshot::{CheckerSnapshot, VrrpSnapshot};

/// What was heard so long ago is good enough: a walk of a large table is thousands of questions.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// A manager waits this long for a process that is busy; then it gets what was heard before. The master agent itself waits for
/// one second, if nobody told it otherwise.
const PATIENCE: Duration = Duration::from_millis(400);

/// What was heard so long ago is not shown any more.
const OLD_AFTER: Duration = Duration::from_secs(30);

/// A process that does not answer is asked again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Questions that wait; a master agent with more than that gets errors.
const MOST_WAITING: usize = 256;

/// SNMP's general error.
const GENERAL_ERROR: u16 = 5;

/// SNMP's number of a change that could not be made.
const COMMIT_FAILED: u16 = 14;

/// What is known, and who waits for more.
pub(super) struct Answering {
    objects: Option<Objects>,
    vrrp: Freshness,
    checker: Freshness,
    waiting: VecDeque<Question>,
    ready: VecDeque<(Header, Response)>,
    supervisor: ipc::Sender<FromSnmp>,
}

/// How new it is what a process said.
#[derive(Debug, Default)]
struct Freshness {
    heard_at: Option<Timestamp>,
    /// A question that is not answered yet
    asked_at: Option<Timestamp>,
}

impl Freshness {
    /// There is something to show, and nobody needs to wait for better.
    fn is_settled(&self, now: Timestamp) -> bool {
        let is_new = self.heard_at.is_some_and(|at| now.since(at) < GOOD_FOR);
        let is_in_vain = self.asked_at.is_some_and(|at| now.since(at) >= PATIENCE);
        is_new || is_in_vain
    }
}

impl Answering {
    /// Knows nothing yet.
    pub(super) fn new(supervisor: ipc::Sender<FromSnmp>) -> Self {
        Self {
            objects: None,
            vrrp: Freshness::default(),
            checker: Freshness::default(),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            supervisor,
        }
    }

    /// What there is to show from now on. Live state of another configuration is no use.
    pub(super) fn configure(&mut self, objects: Option<Objects>) {
        self.objects = objects;
        for freshness in [&mut self.vrrp, &mut self.checker] {
            freshness.heard_at = None;
        }
    }

    /// The objects.
    pub(super) fn objects(&self) -> Option<&Objects> {
        self.objects.as_ref()
    }

    /// A manager asks.
    pub(super) fn ask(&mut self, now: Timestamp, question: Question) {
        if self.waiting.len() >= MOST_WAITING {
            self.ready.push_back((question.header, Response::failed(GENERAL_ERROR)));
            return;
        }
        self.waiting.push_back(question);
        self.go_on(now);
    }

    /// News of the VRRP process.
    pub(super) fn adopt_vrrp(&mut self, now: Timestamp, snapshot: VrrpSnapshot) {
        if let Some(objects) = &mut self.objects {
            objects.adopt_vrrp(snapshot);
        }
        self.heard(now, Source::Vrrp);
    }

    /// News of the checker process.
    pub(super) fn adopt_checker(&mut self, now: Timestamp, snapshot: CheckerSnapshot) {
        if let Some(objects) = &mut self.objects {
            objects.adopt_checker(snapshot);
        }
        self.heard(now, Source::Checker);
    }

    /// There is no such process: there is nothing to show of it.
    pub(super) fn unavailable(&mut self, now: Timestamp, source: Source) {
        if let Some(objects) = &mut self.objects {
            objects.forget(source);
        }
        self.heard(now, source);
    }

    fn heard(&mut self, now: Timestamp, source: Source) {
        *self.freshness(source) = Freshness {
            heard_at: Some(now),
            asked_at: None,
        };
        self.go_on(now);
    }

    fn freshness(&mut self, source: Source) -> &mut Freshness {
        match source {
            Source::Vrrp => &mut self.vrrp,
            Source::Checker => &mut self.checker,
        }
    }

    /// When somebody has waited for long enough.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if self.waiting.is_empty() {
            return None;
        }
        let asked = [self.vrrp.asked_at, self.checker.asked_at];
        asked.into_iter().flatten().map(|at| at + PATIENCE).min()
    }

    /// Somebody has waited for long enough.
    pub(super) fn deadline(&mut self, now: Timestamp) {
        self.go_on(now);
    }

    /// An answer that is there.
    pub(super) fn next_answer(&mut self) -> Option<(Header, Response)> {
        self.ready.pop_front()
    }

    /// Answers in the order of the questions, as far as that can be done.
    fn go_on(&mut self, now: Timestamp) {
        while let Some(question) = self.waiting.front() {
            let sources = self
                .objects
                .as_ref()
                .map_or_else(Vec::new, |objects| sources(objects, &question.request));
            let mut is_settled = true;
            for source in sources {
                is_settled &= self.look_again(now, source);
            }
            if !is_settled {
                return;
            }
            if let Some(question) = self.waiting.pop_front() {
                let response = self.answer(&question.request);
                if matches!(question.request, Request::CommitSet(_)) {
                    // Whoever asks now shall see it.
                    self.vrrp.heard_at = None;
                }
                self.ready.push_back((question.header, response));
            }
        }
    }

    /// Asks a process if what is known of it is old. False: its answer is worth waiting for.
    fn look_again(&mut self, now: Timestamp, source: Source) -> bool {
        let freshness = self.freshness(source);
        let is_new = freshness.heard_at.is_some_and(|at| now.since(at) < GOOD_FOR);
        let may_be_asked = freshness.asked_at.is_none_or(|at| now.since(at) >= AGAIN);
        if !is_new && may_be_asked {
            freshness.asked_at = Some(now);
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&FromSnmp::Ask(source));
        }
        let freshness = self.freshness(source);
        let is_settled = freshness.is_settled(now);
        let is_old = freshness.heard_at.is_none_or(|at| now.since(at) >= OLD_AFTER);
        if is_settled
            && is_old
            && let Some(objects) = &mut self.objects
        {
            objects.forget(source);
        }
        is_settled
    }

    fn answer(&self, request: &Request) -> Response {
        let Some(objects) = &self.objects else {
            return Response::failed(GENERAL_ERROR);
        };
        match request {
            Request::CommitSet(set) => self.commit(objects, set),
            _ => request
                .answer(objects)
                .unwrap_or_else(|| Response::failed(GENERAL_ERROR)),
        }
    }

    /// Has everything set that was tested before.
    fn commit(&self, objects: &Objects, set: &[VarBind]) -> Response {
        let adjustment = |object: &VarBind| match &object.content {
            Content::Value(value) => objects.adjustment(&object.name, value)?.ok(),
            _ => None,
        };
        let Some(adjustments) = set.iter().map(adjustment).collect::<Option<Vec<_>>>() else {
            return Response::failed(COMMIT_FAILED);
        };
        for (instance, adjustment) in adjustments {
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&FromSnmp::Adjust { instance, adjustment });
        }
        Response::default()
    }
}

/// Whom to ask first.
fn sources(objects: &Objects, request: &Request) -> Vec<Source> {
    let of_ranges = |ranges: &[SearchRange], is_walk| {
        let all = ranges.iter();
        all.flat_map(|range| objects.sources(range, is_walk)).collect()
    };
    match request {
        Request::Get(ranges) => of_ranges(ranges, false),
        Request::GetNext(ranges) | Request::GetBulk { ranges, .. } => of_ranges(ranges, true),
        Request::TestSet(set) | Request::CommitSet(set) => {
            let all = set.iter();
            all.filter_map(|object| objects.source_of(&object.name)).collect()
        }
    }
}

#[cfg(test)]
mod tests;
