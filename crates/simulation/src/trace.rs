//! The last events of a run. Adverts are kept apart from the rest, so that a quiet hour does not push out what led to it.

use std::collections::VecDeque;

use holdfast_vrrp::State;

use crate::Nanos;
use crate::scenario::Trouble;
use crate::statistics::moment;

const MOST_ADVERTS: usize = 40;
const MOST_OTHERS: usize = 80;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A node sends an advert.
    Sent {
        /// Node.
        node: usize,
        /// Instance.
        instance: usize,
        /// Priority in it.
        priority: u8,
    },
    /// A node gets an advert.
    Heard {
        /// Node.
        node: usize,
        /// Sender.
        from: usize,
        /// Instance.
        instance: usize,
        /// Priority in it.
        priority: u8,
    },
    /// A node changes its state.
    Moved {
        /// Node.
        node: usize,
        /// Instance.
        instance: usize,
        /// State left.
        from: State,
        /// State entered.
        to: State,
    },
    /// A node announces addresses.
    Announced {
        /// Node.
        node: usize,
        /// Instance.
        instance: usize,
    },
    /// A trouble comes.
    Trouble(Trouble),
    /// A node starts.
    Started(usize),
    /// A stall is over.
    Resumed(usize),
    /// A node is told the result of its script.
    Script {
        /// Node.
        node: usize,
        /// Up.
        up: Option<bool>,
    },
    /// Everything must be settled, and is.
    Settled,
}

/// The last events.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    count: u64,
    adverts: VecDeque<(u64, Nanos, Entry)>,
    others: VecDeque<(u64, Nanos, Entry)>,
}

impl Trace {
    /// Keeps an event.
    pub fn push(&mut self, at: Nanos, entry: Entry) {
        self.count += 1;
        let (list, most) = match entry {
            Entry::Sent { .. } | Entry::Heard { .. } => (&mut self.adverts, MOST_ADVERTS),
            _ => (&mut self.others, MOST_OTHERS),
        };
        if list.len() == most {
            list.pop_front();
        }
        list.push_back((self.count, at, entry));
    }

    /// The last events in order, one line each.
    pub fn lines(&self) -> Vec<String> {
        let mut all: Vec<_> = self.adverts.iter().chain(&self.others).collect();
        all.sort_by_key(|(number, ..)| *number);
        all.into_iter()
            .map(|(_, at, entry)| format!("{} {}", moment(*at), line(entry)))
            .collect()
    }
}

fn line(entry: &Entry) -> String {
    let instance_of = |instance: &usize| format!("VI_{}", instance + 1);
    match entry {
        Entry::Sent {
            node,
            instance,
            priority,
        } => format!("n{node} {} sends {priority}", instance_of(instance)),
        Entry::Heard {
            node,
            from,
            instance,
            priority,
        } => format!("n{node} {} hears {priority} from n{from}", instance_of(instance)),
        Entry::Moved {
            node,
            instance,
            from,
            to,
        } => format!("n{node} {} {from} -> {to}", instance_of(instance)),
        Entry::Announced { node, instance } => format!("n{node} {} announces", instance_of(instance)),
        Entry::Trouble(trouble) => format!("** {trouble:?}"),
        Entry::Started(node) => format!("n{node} starts"),
        Entry::Resumed(node) => format!("n{node} goes on after a stall"),
        Entry::Script { node, up } => format!("n{node} is told of its script: {up:?}"),
        Entry::Settled => "-- settled".to_owned(),
    }
}
