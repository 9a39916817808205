//! Who hears whom, how late, and how often not; and what the clients on a segment believe.

use crate::random::Random;
use crate::{MOST_ADDRESSES, MOST_INSTANCES, MOST_NODES, Nanos};

/// Packets are lost, doubled and late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    /// Lost, in percent.
    pub loss: u8,
    /// Doubled, in percent.
    pub doubled: u8,
    /// Late, in percent.
    pub late: u8,
    /// How late at most.
    pub delay: Nanos,
}

/// Two segments, and beside each node a client on each of them.
#[derive(Clone, Debug)]
pub struct Network {
    /// By segment, sender and receiver: nothing gets through.
    pub cuts: [[[bool; MOST_NODES]; MOST_NODES]; 2],
    /// Noise on both segments.
    pub noise: Option<Noise>,
    /// A packet takes so long at least and twice as long at most.
    pub delay: Nanos,
    /// By instance, address and client: the node that has the address, as far as the client knows.
    pub caches: [[[Option<usize>; MOST_NODES]; MOST_ADDRESSES]; MOST_INSTANCES],
}

impl Network {
    /// A network that is well.
    pub fn new(delay: Nanos) -> Self {
        Self {
            cuts: Default::default(),
            noise: None,
            delay,
            caches: Default::default(),
        }
    }

    /// The nodes whose bit is set hear no other, and no other hears them.
    pub fn partition(&mut self, segment: usize, side: u8) {
        let is_in = |node: usize| side & (1 << node) != 0;
        for from in 0..MOST_NODES {
            for to in 0..MOST_NODES {
                self.cuts[segment][from][to] = is_in(from) != is_in(to);
            }
        }
    }

    /// How long each copy of a packet takes; none: it is lost.
    pub fn copies(&self, random: &mut Random) -> [Option<Nanos>; 2] {
        let usual = |random: &mut Random| self.delay + random.below(self.delay);
        let Some(noise) = self.noise else {
            return [Some(usual(random)), None];
        };
        let mut copy = || {
            if random.percent(noise.loss.into()) {
                return None;
            }
            let late = if random.percent(noise.late.into()) {
                random.below(noise.delay)
            } else {
                0
            };
            Some(usual(random) + late)
        };
        let first = copy();
        let second = copy();
        [
            first,
            if random.percent(noise.doubled.into()) {
                second
            } else {
                None
            },
        ]
    }

    /// Nodes announce addresses: the clients that hear it believe it.
    pub fn announce(
        &mut self,
        random: &mut Random,
        node: usize,
        segment: usize,
        place: (usize, usize),
        count: u32,
        clients: usize,
    ) {
        for client in 0..clients {
            let lost = |random: &mut Random| {
                self.noise
                    .is_some_and(|noise| (0..count).all(|_| random.percent(noise.loss.into())))
            };
            if !self.cuts[segment][node][client] && !lost(random) {
                self.caches[place.0][place.1][client] = Some(node);
            }
        }
    }
}
