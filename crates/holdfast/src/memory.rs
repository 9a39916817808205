//! Memory that is not needed any more.

/// Gives the system back what this process has freed. The C library by itself keeps what lies between blocks in use: after
/// a large configuration was read, that is most of the memory of a process that runs for months.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "a function of the C library"))]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes the allocator's own locks, and touches no block in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
