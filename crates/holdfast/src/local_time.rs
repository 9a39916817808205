//! Local time in words: for the console log as keepalived writes it, for syslog, for mail.
#![allow(unsafe_code)]

use std::ffi::CStr;

/// Local time now, as the console log has it: `Sat Nov 21 00:14:07 2026`.
pub fn now() -> String {
    format(c"%a %b %e %H:%M:%S %Y")
}

/// Local time now, as syslog writes it.
pub fn now_for_syslog() -> String {
    format(c"%b %e %H:%M:%S")
}

/// Local time now in a form of `strftime`, shorter than 64 bytes.
pub fn format(form: &CStr) -> String {
    let mut buffer = [0_u8; 64];
    // SAFETY: `time` takes a null pointer; `localtime_r` and `strftime` get valid pointers to our own, large enough memory,
    // and `strftime` writes at most `buffer.len()` bytes and says how many.
    let length = unsafe {
        let seconds = libc::time(std::ptr::null_mut());
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&raw const seconds, &raw mut parts).is_null() {
            return String::new();
        }
        libc::strftime(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            form.as_ptr(),
            &raw const parts,
        )
    };
    String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_the_shape_of_ctime() {
        let now = super::now();
        assert_eq!(now.len(), "Sat Nov 21 00:14:07 2026".len(), "{now}");
        assert_eq!(now.split_whitespace().count(), 5, "{now}");
    }
}
