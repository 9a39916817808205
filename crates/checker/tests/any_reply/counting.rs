//! An allocator that counts what a thread has at a time.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    // A thread that ends has no counter any more, and nobody asks.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + sign * bytes.cast_signed());
        MOST.with(|most| most.set(most.get().max(now.get())));
    });
}

// SAFETY: everything is the system's allocator's; counting touches only a number of this thread and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as for the caller; it came from `alloc` above, so from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `work` gives, and the most bytes that it had at a time.
pub(crate) fn most_memory_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.get();
    MOST.set(before);
    let result = work();
    (result, (MOST.get() - before).unsigned_abs())
}
