//! A session with a master agent: opened, kept, opened again for ever.
//!
//! ```text
//! loop: read the clock once; hand in what happened; carry out next_action() until it is empty; wait for a packet, an answer or
//!       next_deadline()
//! ```

mod conversation;
mod traps;

use std::collections::VecDeque;

use holdfast_time::{Duration, Timestamp};

use self::conversation::{Conversation, Outcome};
use self::traps::Traps;
use crate::mib::Mib;
use crate::oid::Oid;
use crate::pdu::{Body, CloseReason, Header, Pdu, Response, SearchRange, VarBind, error, error_text, length_of};
use crate::serving;
use crate::value::Value;

/// A connection that is not there by then will not come.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// A master agent that has not answered by then hangs.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// From the first failure to the next try; doubled with each more, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What is served, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What kind of subagent this is
    pub id: Oid,
    /// The same in words
    pub description: String,
    /// What it answers for
    pub subtrees: Vec<Subtree>,
}

/// A subtree to answer for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtree {
    /// Its root
    pub root: Oid,
    /// Its line in the agent's list of what it serves
    pub description: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This is served from now on; `None`: nothing
    Serve(Option<Settings>),
    /// There is a connection
    Connected,
    /// There is none, or none any more, and why
    Disconnected(String),
    /// Bytes came
    Received(Vec<u8>),
    /// An answer to a [`Question`]
    Answer(Header, Response),
    /// A trap is to be sent
    Trap {
        /// Which
        oid: Oid,
        /// What it says
        objects: Vec<(Oid, Value)>,
    },
    /// [`Session::next_deadline`] has come
    DeadlineReached,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a connection
    Connect,
    /// End it, behind what was sent
    Disconnect,
    /// Send bytes
    Send(Vec<u8>),
    /// Find an answer
    Answer(Question),
    /// Tell people
    Report(Report),
}

/// What a manager wants, by way of the master agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// To be given back with the answer
    pub header: Header,
    /// What
    pub request: Request,
}

/// A manager's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Values of objects
    Get(Vec<SearchRange>),
    /// Objects behind others
    GetNext(Vec<SearchRange>),
    /// Many of them
    GetBulk {
        /// Of the first so many ranges only one object each
        non_repeaters: u16,
        /// Of the others so many
        max_repetitions: u16,
        /// Where to look
        ranges: Vec<SearchRange>,
    },
    /// Could these be set?
    TestSet(Vec<VarBind>),
    /// Set them, which were tested before
    CommitSet(Vec<VarBind>),
}

impl Request {
    /// The answer that objects give by themselves; `None`: something has to be done first.
    pub fn answer(&self, mib: &dyn Mib) -> Option<Response> {
        Some(match self {
            Self::Get(ranges) => serving::get(mib, ranges),
            Self::GetNext(ranges) => serving::get_next(mib, ranges),
            Self::GetBulk {
                non_repeaters,
                max_repetitions,
                ranges,
            } => serving::get_bulk(mib, *non_repeaters, *max_repetitions, ranges),
            Self::TestSet(objects) => serving::test_set(mib, objects),
            Self::CommitSet(_) => return None,
        })
    }
}

/// News for people, once for each change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The master agent knows what is served
    Up {
        /// So many traps were for nobody until now
        traps_lost: u64,
    },
    /// There is no session, and why
    Down(String),
    /// The master agent does not take a subtree, and why
    Refused(Oid, String),
}

/// The session.
#[derive(Debug)]
pub struct Session {
    settings: Option<Settings>,
    state: State,
    received: Vec<u8>,
    next_packet: u32,
    pause: Duration,
    traps: Traps,
    /// What people were told last
    told: Option<Told>,
    out: VecDeque<Action>,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Up,
    Down(String),
}

#[derive(Debug)]
enum State {
    /// Nothing is to be served
    Off,
    /// Until the next try
    Waiting(Timestamp),
    /// Until it counts as failed
    Connecting(Timestamp),
    /// Asked for a session with this packet
    Opening { packet: u32, until: Timestamp },
    /// There is a session
    Open(Conversation),
}

impl Default for Session {
    fn default() -> Self {
        Self {
            settings: None,
            state: State::Off,
            received: Vec::new(),
            next_packet: 1,
            pause: FIRST_PAUSE,
            traps: Traps::default(),
            told: None,
            out: VecDeque::new(),
        }
    }
}

impl Session {
    /// Takes in what happened.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Serve(settings) => self.serve(settings),
            Event::Connected => self.connected(now),
            Event::Disconnected(reason) => self.disconnected(now, &reason),
            Event::Received(bytes) => self.received(now, &bytes),
            Event::Answer(header, response) => self.answer(header, response),
            Event::Trap { oid, objects } => self.trap(now, oid, objects),
            Event::DeadlineReached => self.deadline(now),
        }
    }

    /// What is to be done next.
    pub fn next_action(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// When something has to happen by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Off => None,
            State::Waiting(until) | State::Connecting(until) | State::Opening { until, .. } => Some(*until),
            State::Open(conversation) => Some(conversation.next_deadline()),
        }
    }

    fn serve(&mut self, settings: Option<Settings>) {
        if settings == self.settings {
            return;
        }
        self.leave(CloseReason::Shutdown);
        self.settings = settings;
        self.pause = FIRST_PAUSE;
        self.state = if self.settings.is_some() {
            self.told = None;
            State::Waiting(Timestamp::ZERO)
        } else {
            self.traps = Traps::default();
            State::Off
        };
    }

    /// Ends what there is of a session and a connection.
    fn leave(&mut self, reason: CloseReason) {
        if let State::Open(conversation) = &self.state {
            let session = conversation.session();
            self.send(session, Body::Close(reason));
        }
        if !matches!(self.state, State::Off | State::Waiting(_)) {
            self.out.push_back(Action::Disconnect);
        }
        self.received = Vec::new();
    }

    fn connected(&mut self, now: Timestamp) {
        let (State::Connecting(_), Some(settings)) = (&self.state, &self.settings) else {
            return;
        };
        let open = Body::Open {
            timeout_s: 0,
            id: settings.id.clone(),
            description: settings.description.clone().into_bytes(),
        };
        let packet = self.send(0, open);
        let until = now + ANSWER_TIME;
        self.state = State::Opening { packet, until };
    }

    fn disconnected(&mut self, now: Timestamp, reason: &str) {
        if !matches!(self.state, State::Off | State::Waiting(_)) {
            self.received = Vec::new();
            self.wait(now, reason);
        }
    }

    /// Gives the session up, and tries again after a pause.
    fn fail(&mut self, now: Timestamp, close: CloseReason, reason: &str) {
        self.leave(close);
        self.wait(now, reason);
    }

    fn wait(&mut self, now: Timestamp, reason: &str) {
        self.state = State::Waiting(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let told = Told::Down(reason.to_owned());
        if self.told.as_ref() != Some(&told) {
            self.out.push_back(Action::Report(Report::Down(reason.to_owned())));
            self.told = Some(told);
        }
    }

    fn deadline(&mut self, now: Timestamp) {
        match &mut self.state {
            State::Waiting(until) if *until <= now => {
                self.state = State::Connecting(now + CONNECT_TIME);
                self.out.push_back(Action::Connect);
            }
            State::Connecting(until) if *until <= now => {
                self.fail(now, CloseReason::Timeouts, "no connection within 5 s");
            }
            State::Opening { until, .. } if *until <= now => {
                self.fail(now, CloseReason::Timeouts, "it does not answer within 10 s");
            }
            State::Open(conversation) => match conversation.deadline(now) {
                Outcome::Fine(body) => self.say(now, body),
                Outcome::Silent => self.fail(now, CloseReason::Timeouts, "it does not answer within 10 s"),
            },
            _ => {}
        }
    }

    fn received(&mut self, now: Timestamp, bytes: &[u8]) {
        if matches!(self.state, State::Off | State::Waiting(_) | State::Connecting(_)) {
            return;
        }
        self.received.extend_from_slice(bytes);
        loop {
            let length = match length_of(&self.received) {
                Ok(Some(length)) if length <= self.received.len() => length,
                Ok(_) => return,
                Err(error) => return self.fail(now, CloseReason::ParseError, &format!("it sent no packet: {error}")),
            };
            let packet: Vec<u8> = self.received.drain(..length).collect();
            match Pdu::decode(&packet) {
                Ok(pdu) => self.take(now, pdu),
                Err(error) => {
                    return self.fail(now, CloseReason::ParseError, &format!("it sent a bad packet: {error}"));
                }
            }
            // What was received behind a packet that ended the session is gone with it.
        }
    }

    fn take(&mut self, now: Timestamp, pdu: Pdu) {
        match (&mut self.state, pdu.body) {
            (State::Opening { packet, .. }, Body::Response(response)) if *packet == pdu.header.packet => {
                self.opened(now, pdu.header.session, &response);
            }
            (State::Open(_), Body::Response(response)) if response.error == error::NOT_OPEN => {
                self.fail(now, CloseReason::ProtocolError, "it has forgotten the session");
            }
            (State::Open(conversation), Body::Response(response)) => {
                conversation.heard(now);
                if let Some(refused) = conversation.answered(now, pdu.header.packet, response.error) {
                    self.refused(refused, response.error);
                }
                self.go_on(now);
            }
            (State::Open(_), Body::Close(reason)) => {
                self.out.push_back(Action::Disconnect);
                self.received = Vec::new();
                self.wait(now, &format!("it closed the session ({reason:?})"));
            }
            (State::Open(conversation), body) => {
                conversation.heard(now);
                self.asked(pdu.header, pdu.context.as_deref(), body);
            }
            // An answer that nobody waits for.
            _ => {}
        }
    }

    fn opened(&mut self, now: Timestamp, session: u32, response: &Response) {
        let Some(settings) = &self.settings else {
            return;
        };
        if response.error != 0 {
            let reason = format!("it opens no session: {}", error_text(response.error));
            return self.fail(now, CloseReason::Other, &reason);
        }
        let subtrees = settings.subtrees.clone();
        self.state = State::Open(Conversation::new(now, session, subtrees));
        self.go_on(now);
    }

    /// Says what comes next, and tells people when nothing does.
    fn go_on(&mut self, now: Timestamp) {
        let State::Open(conversation) = &mut self.state else {
            return;
        };
        let next = conversation.next_step();
        let is_ready = conversation.is_ready();
        self.say(now, next);
        if is_ready && self.told != Some(Told::Up) {
            self.told = Some(Told::Up);
            self.pause = FIRST_PAUSE;
            let (waiting, traps_lost) = self.traps.take(now);
            self.out.push_back(Action::Report(Report::Up { traps_lost }));
            for objects in waiting {
                self.notify(objects);
            }
        }
    }

    fn say(&mut self, now: Timestamp, body: Option<Body>) {
        let State::Open(conversation) = &self.state else {
            return;
        };
        let session = conversation.session();
        if let Some(body) = body {
            let packet = self.send(session, body);
            if let State::Open(conversation) = &mut self.state {
                conversation.said(packet, now + ANSWER_TIME);
            }
        }
    }

    fn refused(&mut self, subtree: Oid, error: u16) {
        let report = Report::Refused(subtree, error_text(error));
        self.out.push_back(Action::Report(report));
    }

    fn asked(&mut self, header: Header, context: Option<&[u8]>, body: Body) {
        let State::Open(conversation) = &mut self.state else {
            return;
        };
        let refused = if header.session != conversation.session() {
            Some(error::NOT_OPEN)
        } else if context.is_some_and(|context| !context.is_empty()) {
            Some(error::UNSUPPORTED_CONTEXT)
        } else {
            None
        };
        let request = match body {
            Body::Get(ranges) => Request::Get(ranges),
            Body::GetNext(ranges) => Request::GetNext(ranges),
            Body::GetBulk {
                non_repeaters,
                max_repetitions,
                ranges,
            } => Request::GetBulk {
                non_repeaters,
                max_repetitions,
                ranges,
            },
            Body::TestSet(objects) => {
                conversation.testing(header.transaction, objects.clone());
                Request::TestSet(objects)
            }
            Body::CommitSet => Request::CommitSet(conversation.tested(header.transaction)),
            // It was done, and is not taken back.
            Body::UndoSet => return self.answer(header, Response::failed(UNDO_FAILED)),
            Body::CleanupSet => {
                conversation.tested(header.transaction);
                return;
            }
            // A master agent has no reason to say such things.
            _ => return self.answer(header, Response::failed(error::PROCESSING_ERROR)),
        };
        match refused {
            Some(error) => self.answer(header, Response::failed(error)),
            None => self.out.push_back(Action::Answer(Question { header, request })),
        }
    }

    fn answer(&mut self, header: Header, response: Response) {
        let State::Open(conversation) = &self.state else {
            return;
        };
        // Of a session that has ended.
        if header.session != conversation.session() && response.error != error::NOT_OPEN {
            return;
        }
        let answer = Pdu {
            header,
            context: None,
            body: Body::Response(response),
        };
        self.out.push_back(Action::Send(answer.encode()));
    }

    fn trap(&mut self, now: Timestamp, oid: Oid, objects: Vec<(Oid, Value)>) {
        if matches!(self.state, State::Off) {
            return;
        }
        let objects = traps::objects(oid, objects);
        if self.told == Some(Told::Up) {
            self.notify(objects);
        } else {
            self.traps.keep(now, objects);
        }
    }

    fn notify(&mut self, objects: Vec<VarBind>) {
        if let State::Open(conversation) = &self.state {
            let session = conversation.session();
            self.send(session, Body::Notify(objects));
        }
    }

    fn send(&mut self, session: u32, body: Body) -> u32 {
        let packet = self.next_packet;
        self.next_packet = self.next_packet.wrapping_add(1);
        let pdu = Pdu {
            header: Header {
                session,
                packet,
                ..Header::default()
            },
            context: None,
            body,
        };
        self.out.push_back(Action::Send(pdu.encode()));
        packet
    }
}

/// SNMP's number (RFC 3416).
const UNDO_FAILED: u16 = 15;

impl Response {
    /// Nothing but an error.
    pub fn failed(error: u16) -> Self {
        Self {
            error,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
