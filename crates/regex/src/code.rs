//! A compiled pattern, and one attempt to match. The only place that talks to PCRE2.
#![expect(unsafe_code, reason = "PCRE2 is a C library")]

use std::ptr::{self, NonNull};

use pcre2_sys as pcre2;

use crate::settings::Settings;

/// Steps of one attempt to match. PCRE2's own limit is ten times as much, and a pattern that needs it (`(a+)+b`) would keep
/// every other check waiting for seconds.
const MATCH_LIMIT: u32 = 1_000_000;

/// In the place of an empty text, whose address in Rust is hardly more than null: PCRE2 subtracts from it to look behind.
static NOTHING: [u8; 1] = [0];

/// The pattern is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset} of the pattern")]
pub struct PatternError {
    /// What PCRE2 says.
    pub message: String,
    /// Where, in bytes from the start of the pattern.
    pub offset: usize,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    code: NonNull<pcre2::pcre2_code_8>,
    context: NonNull<pcre2::pcre2_match_context_8>,
    stack: *mut pcre2::pcre2_jit_stack_8,
    matching: NonNull<pcre2::pcre2_match_data_8>,
    settings: Settings,
    lookbehind: usize,
}

// SAFETY: nothing in it belongs to a thread; PCRE2 keeps no state of its own. It is not `Sync`: one attempt at a time, as
// `attempt` takes `&mut self`.
unsafe impl Send for Regex {}

/// What an attempt to match came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Up to this byte.
    Match(usize),
    NoMatch,
    /// From this byte on it would match if the right bytes followed.
    Partial(usize),
    /// PCRE2's error number: a limit, or text that is not UTF-8.
    Failed(i32),
}

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// It is none.
    pub fn new(settings: &Settings) -> Result<Self, PatternError> {
        let mut bits = settings.options.iter().fold(0, |bits, option| bits | option.bit());
        if settings.max_offset.is_some() {
            bits |= pcre2::PCRE2_USE_OFFSET_LIMIT;
        }
        let (mut error, mut offset) = (0, 0);
        // SAFETY: pattern and length belong together, and the two numbers outlive the call.
        let code = unsafe {
            pcre2::pcre2_compile_8(
                settings.pattern.as_ptr(),
                settings.pattern.len(),
                bits,
                &raw mut error,
                &raw mut offset,
                ptr::null_mut(),
            )
        };
        let Some(code) = NonNull::new(code) else {
            return Err(PatternError {
                message: message(error),
                offset,
            });
        };
        // SAFETY: the code was just made.
        unsafe { Self::with_code(code, settings) }.ok_or_else(|| PatternError {
            message: "out of memory".to_owned(),
            offset: 0,
        })
    }

    /// # Safety
    /// The code must be a compiled pattern that nobody else frees.
    unsafe fn with_code(code: NonNull<pcre2::pcre2_code_8>, settings: &Settings) -> Option<Self> {
        // Without the compiler (no memory may be executable here) PCRE2 interprets the pattern: slower, with the same result.
        // SAFETY: the code is valid, see above.
        unsafe { pcre2::pcre2_jit_compile_8(code.as_ptr(), pcre2::PCRE2_JIT_COMPLETE | pcre2::PCRE2_JIT_PARTIAL_HARD) };
        // SAFETY: the code is valid; the result is checked.
        let matching = unsafe { pcre2::pcre2_match_data_create_from_pattern_8(code.as_ptr(), ptr::null_mut()) };
        // SAFETY: no argument but the allocator's default; the result is checked.
        let context = unsafe { pcre2::pcre2_match_context_create_8(ptr::null_mut()) };
        let (Some(context), Some(matching)) = (NonNull::new(context), NonNull::new(matching)) else {
            // SAFETY: each is null or was just made; PCRE2 ignores null.
            unsafe {
                pcre2::pcre2_match_data_free_8(matching);
                pcre2::pcre2_match_context_free_8(context);
                pcre2::pcre2_code_free_8(code.as_ptr());
            }
            return None;
        };
        let mut regex = Self {
            code,
            context,
            stack: ptr::null_mut(),
            matching,
            settings: settings.clone(),
            lookbehind: 0,
        };
        let mut characters: u32 = 0;
        // SAFETY: all of it is valid; the number has the size that this question asks for (pcre2_pattern_info(3)).
        unsafe {
            pcre2::pcre2_set_match_limit_8(context.as_ptr(), MATCH_LIMIT);
            pcre2::pcre2_pattern_info_8(
                code.as_ptr(),
                pcre2::PCRE2_INFO_MAXLOOKBEHIND,
                (&raw mut characters).cast(),
            );
        }
        regex.lookbehind = usize::try_from(characters).ok()?.checked_mul(4)?;
        if let Some((start, most)) = settings.stack {
            // SAFETY: the stack is freed after the context that uses it, in `drop`; null means PCRE2's own.
            unsafe {
                regex.stack = pcre2::pcre2_jit_stack_create_8(start, most, ptr::null_mut());
                pcre2::pcre2_jit_stack_assign_8(context.as_ptr(), None, regex.stack.cast());
            }
        }
        Some(regex)
    }

    /// What it was made of.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Bytes before a match that it may depend on, at most.
    pub(crate) const fn lookbehind(&self) -> usize {
        self.lookbehind
    }

    /// Whether a match can start at the first byte only, as PCRE2 sees it.
    pub(crate) fn is_anchored(&self) -> bool {
        let mut options: u32 = 0;
        // SAFETY: the code is valid; the number has the size that this question asks for (pcre2_pattern_info(3)).
        unsafe {
            pcre2::pcre2_pattern_info_8(
                self.code.as_ptr(),
                pcre2::PCRE2_INFO_ALLOPTIONS,
                (&raw mut options).cast(),
            );
        }
        options & pcre2::PCRE2_ANCHORED != 0
    }

    /// Looks for a match that starts from `start` to `last_start` (both included).
    pub(crate) fn attempt(&mut self, text: &[u8], start: usize, last_start: Option<usize>, ends: bool) -> Attempt {
        if start > text.len() || last_start.is_some_and(|last| last < start) {
            return Attempt::NoMatch;
        }
        let text = if text.is_empty() {
            NOTHING.get(..0).unwrap_or_default()
        } else {
            text
        };
        let options = if ends { 0 } else { pcre2::PCRE2_PARTIAL_HARD };
        // SAFETY: text and length belong together, `start` is within it; code, data and context live as long as `self`.
        let result = unsafe {
            pcre2::pcre2_set_offset_limit_8(self.context.as_ptr(), last_start.unwrap_or(pcre2::PCRE2_UNSET));
            pcre2::pcre2_match_8(
                self.code.as_ptr(),
                text.as_ptr(),
                text.len(),
                start,
                options,
                self.matching.as_ptr(),
                self.context.as_ptr(),
            )
        };
        match result {
            0.. => {
                // SAFETY: the data holds the match that was just found.
                let from = unsafe { pcre2::pcre2_get_startchar_8(self.matching.as_ptr()) };
                // PCRE2 looks at its limit only when it moves on from a start, so it may jump over it once.
                if last_start.is_some_and(|last| last < from) {
                    Attempt::NoMatch
                } else {
                    // SAFETY: after a match the vector holds one pair at least, the bounds of it (pcre2api(3)).
                    Attempt::Match(unsafe { *pcre2::pcre2_get_ovector_pointer_8(self.matching.as_ptr()).add(1) })
                }
            }
            pcre2::PCRE2_ERROR_NOMATCH => Attempt::NoMatch,
            pcre2::PCRE2_ERROR_PARTIAL => {
                // SAFETY: after a partial match the vector holds one pair at least, the bounds of it (pcre2partial(3)).
                let from = unsafe { *pcre2::pcre2_get_ovector_pointer_8(self.matching.as_ptr()) };
                Attempt::Partial(from)
            }
            error => Attempt::Failed(error),
        }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: all were made by `with_code`, nobody else has them, and the stack goes after the context that uses it.
        unsafe {
            pcre2::pcre2_match_data_free_8(self.matching.as_ptr());
            pcre2::pcre2_match_context_free_8(self.context.as_ptr());
            pcre2::pcre2_jit_stack_free_8(self.stack);
            pcre2::pcre2_code_free_8(self.code.as_ptr());
        }
    }
}

/// What PCRE2 says of an error.
pub(crate) fn message(error: i32) -> String {
    let mut text = [0; 256];
    // SAFETY: text and length belong together.
    let length = unsafe { pcre2::pcre2_get_error_message_8(error, text.as_mut_ptr(), text.len()) };
    let said = usize::try_from(length).ok().and_then(|length| text.get(..length));
    said.map_or_else(
        || format!("PCRE2 error {error}"),
        |said| String::from_utf8_lossy(said).into_owned(),
    )
}
