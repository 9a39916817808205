//! Numbers that a stranger cannot guess, so that he cannot answer for a server.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Sixteen bits. The standard library keys each hasher from the system's random numbers, so the hash of nothing is one.
pub(crate) fn sixteen_bits() -> u16 {
    let [low, high, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([low, high])
}
