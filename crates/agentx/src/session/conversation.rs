//! What is said in a session that is open: subtrees are registered one after the other, and the master agent is asked whether it
//! is still there.

use std::collections::VecDeque;

use holdfast_time::{Duration, Timestamp};

use super::Subtree;
use crate::oid::Oid;
use crate::pdu::{Body, Registration, VarBind};

/// A master agent that was silent for so long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(15);

/// What was refused is tried again after so long: the other subagent may have gone.
const AGAIN: Duration = Duration::from_secs(15);

/// As net-snmp's subagents do it.
const PRIORITY: u8 = 127;

/// A manager sets one thing at a time; those of a master agent that forgets them do not pile up.
const MOST_SETS: usize = 16;

/// An open session.
#[derive(Debug)]
pub(super) struct Conversation {
    session: u32,
    subtrees: Vec<Subtree>,
    steps: VecDeque<Step>,
    pending: Option<Pending>,
    heard_at: Timestamp,
    /// Every subtree has been asked for once
    is_ready: bool,
    refused: Vec<usize>,
    again_at: Timestamp,
    /// What is to be set, by transaction
    sets: VecDeque<(u32, Vec<VarBind>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Register(usize),
    Describe(usize),
    /// Only after a refusal that has been told already
    RegisterAgain(usize),
    Ping,
}

#[derive(Debug)]
struct Pending {
    step: Step,
    packet: Option<u32>,
    until: Timestamp,
}

/// What a deadline brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Say this, if anything
    Fine(Option<Body>),
    /// The master agent does not answer
    Silent,
}

impl Conversation {
    pub(super) fn new(now: Timestamp, session: u32, subtrees: Vec<Subtree>) -> Self {
        let indexes = 0..subtrees.len();
        Self {
            session,
            steps: indexes
                .flat_map(|index| [Step::Register(index), Step::Describe(index)])
                .collect(),
            subtrees,
            pending: None,
            heard_at: now,
            is_ready: false,
            refused: Vec::new(),
            again_at: now,
            sets: VecDeque::new(),
        }
    }

    pub(super) fn session(&self) -> u32 {
        self.session
    }

    /// Every subtree has been asked for.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    pub(super) fn next_deadline(&self) -> Timestamp {
        if let Some(pending) = &self.pending {
            return pending.until;
        }
        let ping = self.heard_at + SILENCE;
        if self.refused.is_empty() {
            ping
        } else {
            ping.min(self.again_at)
        }
    }

    /// The master agent lives.
    pub(super) fn heard(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// What to say now; nothing while an answer is outstanding.
    pub(super) fn next_step(&mut self) -> Option<Body> {
        if self.pending.is_some() {
            return None;
        }
        let Some(step) = self.steps.pop_front() else {
            self.is_ready = true;
            return None;
        };
        self.start(step)
    }

    fn start(&mut self, step: Step) -> Option<Body> {
        let subtree = |index: usize| self.subtrees.get(index);
        let body = match step {
            Step::Register(index) | Step::RegisterAgain(index) => Body::Register(Registration {
                timeout_s: 0,
                priority: PRIORITY,
                range_part: 0,
                subtree: subtree(index)?.root.clone(),
                range_end: None,
                is_instance: false,
            }),
            Step::Describe(index) => {
                let subtree = subtree(index)?;
                Body::AddAgentCaps {
                    id: subtree.root.clone(),
                    description: subtree.description.clone().into_bytes(),
                }
            }
            Step::Ping => Body::Ping,
        };
        self.pending = Some(Pending {
            step,
            packet: None,
            until: Timestamp::ZERO,
        });
        Some(body)
    }

    /// It was said with this packet, and has to be answered by then.
    pub(super) fn said(&mut self, packet: u32, until: Timestamp) {
        if let Some(pending) = &mut self.pending {
            pending.packet = Some(packet);
            pending.until = until;
        }
    }

    /// A packet was answered. `Some`: a subtree that is refused for the first time.
    pub(super) fn answered(&mut self, now: Timestamp, packet: u32, error: u16) -> Option<Oid> {
        let pending = self.pending.take_if(|pending| pending.packet == Some(packet))?;
        match pending.step {
            Step::Register(index) | Step::RegisterAgain(index) if error != 0 => {
                self.refused.push(index);
                self.again_at = now + AGAIN;
                let is_new = pending.step == Step::Register(index);
                let subtree = self.subtrees.get(index).filter(|_| is_new)?;
                // Nobody else's line is ours to write.
                self.steps.retain(|step| *step != Step::Describe(index));
                Some(subtree.root.clone())
            }
            Step::RegisterAgain(index) => {
                self.steps.push_back(Step::Describe(index));
                None
            }
            // A line of words more or less is no matter.
            Step::Register(_) | Step::Describe(_) | Step::Ping => None,
        }
    }

    pub(super) fn deadline(&mut self, now: Timestamp) -> Outcome {
        if let Some(pending) = &self.pending {
            return if pending.until <= now {
                Outcome::Silent
            } else {
                Outcome::Fine(None)
            };
        }
        if !self.refused.is_empty() && self.again_at <= now {
            let refused = std::mem::take(&mut self.refused);
            self.steps.extend(refused.into_iter().map(Step::RegisterAgain));
            return Outcome::Fine(self.next_step());
        }
        if self.heard_at + SILENCE <= now {
            return Outcome::Fine(self.start(Step::Ping));
        }
        Outcome::Fine(None)
    }

    /// These are to be set, if the master agent says so later.
    pub(super) fn testing(&mut self, transaction: u32, objects: Vec<VarBind>) {
        self.tested(transaction);
        if self.sets.len() >= MOST_SETS {
            self.sets.pop_front();
        }
        self.sets.push_back((transaction, objects));
    }

    /// What was tested in a transaction.
    pub(super) fn tested(&mut self, transaction: u32) -> Vec<VarBind> {
        let place = self.sets.iter().position(|(known, _)| *known == transaction);
        let found = place.and_then(|place| self.sets.remove(place));
        found.map(|(_, objects)| objects).unwrap_or_default()
    }
}
