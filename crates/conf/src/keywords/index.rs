//! Keywords by name. Each context has its own table, made when it is first asked, so that a small file pays for few.

use super::{Context, Keyword};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

/// The rows of a context by name.
pub(super) type Rows = HashMap<&'static str, &'static Keyword, BuildHasherDefault<NameHasher>>;

static ROWS: [OnceLock<Rows>; Context::ALL.len()] = [const { OnceLock::new() }; Context::ALL.len()];

/// The rows that hold in a context.
pub(super) fn of(context: Context) -> &'static Rows {
    static NONE: OnceLock<Rows> = OnceLock::new();
    // A context's number is its place in the list of all.
    let rows = ROWS.get(context as usize).unwrap_or(&NONE);
    rows.get_or_init(|| context.keywords().map(|keyword| (keyword.name, keyword)).collect())
}

/// Quick for names of some bytes. What is in the tables is ours, so nobody can fill them with collisions.
#[derive(Default)]
pub(super) struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_ne_bytes(*word));
        }
        let tail = rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
        self.mix(tail);
    }

    fn write_u8(&mut self, _: u8) {
        // The end of a string, which says nothing about it.
    }

    fn finish(&self) -> u64 {
        // The tables look at the upper bits as well as at the lower ones.
        self.0 ^ self.0 >> 29
    }
}
