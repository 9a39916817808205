//! Memory that is not needed any more.

use holdfast_time::{Duration, Timestamp};

/// From much work to the look at what it has left behind: a burst of it is over by then.
const REST: Duration = Duration::from_secs(10);

/// Gives the system back what this process has freed. The C library by itself keeps what lies between blocks in use: after
/// a large configuration was read, that is most of the memory of a process that runs for months.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "a function of the C library"))]
pub fn give_back() {
    give_back_stack();
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes the allocator's own locks, and touches no block in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What the stack of the first thread was once used for.
#[expect(unsafe_code, reason = "a system call about memory of ours")]
fn give_back_stack() {
    /// The system call below, and what the compiler puts around it, stay well within this.
    const KEPT: usize = 8 * 1024;
    const PAGE: usize = 4096;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let stack = maps.lines().find(|line| line.ends_with("[stack]"));
    let bounds = stack.and_then(|line| line.split_whitespace().next()?.split_once('-'));
    let address = |text: &str| usize::from_str_radix(text, 16).ok();
    let Some((Some(low), Some(high))) = bounds.map(|(low, high)| (address(low), address(high))) else {
        return;
    };
    let here = std::ptr::from_ref(&maps).addr();
    if !(low..high).contains(&here) {
        return;
    }
    let unused = (here.saturating_sub(KEPT) / PAGE * PAGE).saturating_sub(low);
    if unused > 0 {
        // SAFETY: this thread is on this stack, which grows downwards: nothing lies so far below its last frame, and no
        // other thread uses it. What is given back reads as zeros when it is used again.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(low), unused, libc::MADV_DONTNEED);
        }
    }
}

/// When to give back what much work has needed for a moment. It costs some hundred microseconds, so it waits for a rest.
#[derive(Debug, Default)]
pub struct Tidying {
    due: Option<Timestamp>,
}

impl Tidying {
    /// There was much to do.
    pub fn note_much_work(&mut self, now: Timestamp) {
        self.due = Some(now + REST);
    }

    /// When to call [`Self::tidy_if_due`].
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due
    }

    /// Gives back what is free, if it is time.
    pub fn tidy_if_due(&mut self, now: Timestamp) {
        if self.due.take_if(|due| *due <= now).is_some() {
            give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_until_the_work_is_over() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut tidying = Tidying::default();
        tidying.note_much_work(at(1));
        tidying.note_much_work(at(5));
        assert_eq!(tidying.due_at(), Some(at(15)));
        tidying.tidy_if_due(at(14));
        assert_eq!(tidying.due_at(), Some(at(15)));
        tidying.tidy_if_due(at(15));
        assert_eq!(tidying.due_at(), None);
    }
}
