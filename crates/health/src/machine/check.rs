//! One check: what it knows of its real server, and how each answer changes that.

use std::time::Duration;

use holdfast_time::Timestamp;

use super::agent::Agent;
use super::schedule::{jitter, next_on_grid};
use crate::event::{CheckerId, Generation};
use crate::messages::{Member, Message};
use crate::probe::{Failure, Outcome, Probe, Verdict};
use crate::settings::Checker;
use crate::status::LastProbe;

/// A check with its place in time.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) id: CheckerId,
    pub(super) settings: Checker,
    pub(super) standing: Standing,
    /// A point of the grid on which the check is made.
    pub(super) origin: Timestamp,
    /// What tells its random times from those of other checks.
    pub(super) salt: u64,
    /// When the machine looks at it again: to start a probe, or to give one up.
    pub(super) wake: Option<Timestamp>,
    pub(super) in_flight: bool,
    /// The probe in flight, where checks share them.
    pub(super) shared_probe: Option<CheckerId>,
    /// The number of the newest probe.
    pub(super) generation: Generation,
    pub(super) last: Option<LastProbe>,
    /// The weight that it asked for with its last success; `None`: the configured one.
    pub(super) asked_weight: Option<u32>,
    /// What the number in its file adds to the weight.
    pub(super) added_weight: i64,
    /// What its agent said, if it asks one.
    pub(super) agent: Option<Box<Agent>>,
}

/// What a check knows of its real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) up: bool,
    /// It came to a result since the start. Before, one failure is enough.
    pub(super) has_run: bool,
    /// Failures in a row that have not yet made it fail.
    pub(super) failed_tries: u32,
    /// Successes in a row that have not yet made it pass.
    pub(super) successes: u32,
    /// The URL to be fetched next; always 0 for a check with one step.
    pub(super) step: usize,
    /// The URL that made it fail: only this one is fetched until it works.
    failed_step: Option<usize>,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Set when the check passes after it was failed or had never run, or fails.
    pub(super) decision: Option<Decision>,
    /// Whether a failure counted, as it does not any more while the check is failed.
    pub(super) counted: bool,
    /// When to probe again.
    pub(super) next: Next,
}

/// A change of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It passes.
    Passed,
    /// It failed, after this many tries more than one.
    Failed { retries: u32 },
}

/// When to probe again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At once.
    Now,
    /// After `delay_before_retry`: a failure that does not yet count, or a success that does not.
    Retry,
    /// At the next point of the grid.
    Loop,
    /// At the next point of the grid, and not before `delay_before_retry` if that is longer than `delay_loop`.
    SlowLoop,
}

impl Standing {
    pub(super) const fn new(up: bool) -> Self {
        Self {
            up,
            has_run: false,
            failed_tries: 0,
            successes: 0,
            step: 0,
            failed_step: None,
        }
    }

    /// As it was known before this process: it has a past, so failures are retried before they count.
    pub(super) const fn adopted(up: bool) -> Self {
        Self {
            up,
            has_run: true,
            failed_tries: 0,
            successes: 0,
            step: 0,
            failed_step: None,
        }
    }

    /// The probe succeeded.
    pub(super) fn success(&mut self, checker: &Checker) -> Judgement {
        self.failed_tries = 0;
        let mut decision = None;
        if self.failed_step.take().is_some() {
            // The URL that failed works again: now look at all of them.
            self.step = 0;
        } else if self.step + 1 < checker.probe.steps() {
            self.step += 1;
        } else {
            self.step = 0;
            if !self.up {
                self.successes = self.successes.saturating_add(1);
                if self.successes < checker.rise {
                    return Judgement {
                        decision: None,
                        counted: false,
                        next: Next::Retry,
                    };
                }
            }
            if !self.up || !self.has_run {
                decision = Some(Decision::Passed);
            }
            self.successes = 0;
            self.up = true;
            self.has_run = true;
        }
        let in_a_hurry = match &checker.probe {
            Probe::Http(http) => http.fast_recovery && (!self.has_run || !self.up),
            _ => false,
        };
        Judgement {
            decision,
            counted: false,
            next: if in_a_hurry { Next::Now } else { Next::Loop },
        }
    }

    /// The probe failed.
    pub(super) fn failure(&mut self, checker: &Checker) -> Judgement {
        self.failure_within(checker, checker.retry)
    }

    /// The probe failed, and so many tries in a row may before it counts.
    fn failure_within(&mut self, checker: &Checker, retry: u32) -> Judgement {
        self.successes = 0;
        if !self.up && self.has_run {
            let next = match (&checker.probe, self.failed_step) {
                (Probe::Http(_), Some(_)) => Next::SlowLoop,
                // On its way up, at a URL that is not the remembered one.
                (Probe::Http(_), None) => Next::Retry,
                _ => Next::Loop,
            };
            return Judgement {
                decision: None,
                counted: false,
                next,
            };
        }
        if self.has_run && self.failed_tries < retry {
            self.failed_tries += 1;
            return Judgement {
                decision: None,
                counted: true,
                next: Next::Retry,
            };
        }
        let retries = self.failed_tries;
        self.up = false;
        self.has_run = true;
        self.failed_tries = 0;
        let next = match &checker.probe {
            Probe::Http(_) => {
                self.failed_step = Some(self.step);
                Next::SlowLoop
            }
            _ => Next::Loop,
        };
        Judgement {
            decision: Some(Decision::Failed { retries }),
            counted: true,
            next,
        }
    }
}

impl Check {
    /// Whether the server is asked, again and again. Else the machine is told, and there is nothing to wake for.
    pub(super) fn asks(&self) -> bool {
        self.settings.probe.source().is_none()
    }

    /// Takes in the end of its probe.
    pub(super) fn take_in(&mut self, outcome: Outcome, now: Timestamp) -> Judgement {
        self.in_flight = false;
        let judgement = match &outcome.verdict {
            Verdict::Success => {
                self.asked_weight = outcome.weight;
                self.standing.success(&self.settings)
            }
            // It was reached and says so itself: there is nothing to try again.
            Verdict::Failure(Failure::Agent { .. }) => self.standing.failure_within(&self.settings, 0),
            Verdict::Failure(_) => self.standing.failure(&self.settings),
            Verdict::NotTried(_) => Judgement {
                decision: None,
                counted: false,
                next: Next::Loop,
            },
        };
        self.last = Some(LastProbe {
            at: now,
            duration: outcome.duration,
            verdict: outcome.verdict,
        });
        judgement
    }

    /// How the last probe ended, in words.
    pub(super) fn outcome(&self) -> Result<(), String> {
        match self.last.as_ref().map(|last| &last.verdict) {
            Some(Verdict::Failure(failure)) => Err(failure.to_string()),
            _ => Ok(()),
        }
    }

    /// What the log has to say of the last probe. The same trouble of this host is told once.
    pub(super) fn words(
        &self,
        judgement: Judgement,
        said_before: bool,
        now: Timestamp,
        member: &Member,
    ) -> Vec<Message> {
        let keyword = self.settings.probe.keyword();
        let member = || member.clone();
        let mut words = Vec::new();
        match self.last.as_ref().map(|last| &last.verdict) {
            Some(Verdict::Success) if judgement.decision.is_some() => {
                words.push(Message::CheckSucceeded {
                    keyword,
                    member: member(),
                });
            }
            Some(Verdict::Failure(failure)) => {
                if judgement.counted && self.settings.log_all_failures {
                    words.push(Message::TryFailed {
                        keyword,
                        member: member(),
                        failure: failure.clone(),
                    });
                }
                if let Some(Decision::Failed { retries }) = judgement.decision {
                    let failure = failure.clone();
                    words.push(Message::CheckFailed {
                        keyword,
                        member: member(),
                        retries,
                        failure,
                    });
                }
            }
            Some(Verdict::NotTried(reason)) if !said_before => {
                let again_in = self.wake.map_or(Duration::ZERO, |wake| wake.since(now));
                words.push(Message::NotTried {
                    keyword,
                    member: member(),
                    reason: reason.clone(),
                    again_in,
                });
            }
            _ => {}
        }
        words
    }

    /// When the next probe is due, `now` being the end of the last one.
    pub(super) fn due(&self, next: Next, now: Timestamp) -> Timestamp {
        let Checker {
            delay_loop,
            delay_before_retry,
            ..
        } = self.settings;
        let point = next_on_grid(self.origin, delay_loop, now);
        let on_grid = point + jitter(self.salt, point, self.settings.jitter);
        match next {
            Next::Now => now,
            Next::Retry => now + delay_before_retry,
            Next::SlowLoop if delay_before_retry > delay_loop => on_grid.max(now + delay_before_retry),
            Next::Loop | Next::SlowLoop => on_grid,
        }
    }
}

#[cfg(test)]
mod tests;
