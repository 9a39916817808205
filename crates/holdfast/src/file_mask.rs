//! The mask of permissions that new files do not get (`umask`, `-u`). The whole daemon has it, and its scripts inherit it.

use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::stat::Mode;

/// keepalived's: new files are their owner's alone.
const USUAL: u16 = 0o177;

static IN_FORCE: AtomicU32 = AtomicU32::new(USUAL as u32);

/// Puts a mask in force; `None`: the usual one.
pub fn set(mask: Option<u16>) {
    let mask = u32::from(mask.unwrap_or(USUAL));
    nix::sys::stat::umask(Mode::from_bits_truncate(mask));
    IN_FORCE.store(mask, Ordering::Relaxed);
}

/// What the mask leaves of permissions.
pub fn left_of(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode & !IN_FORCE.load(Ordering::Relaxed))
}

/// Reads `-u`: a number as C writes it, up to 0777.
pub fn parse(text: &str) -> Result<u16, String> {
    let number = if let Some(digits) = text.strip_prefix("0x") {
        u16::from_str_radix(digits, 16)
    } else if text.starts_with('0') {
        u16::from_str_radix(text, 8)
    } else {
        text.parse()
    };
    match number {
        Ok(mask @ 0..=0o777) => Ok(mask),
        _ => Err("a umask is a number from 0 to 0777, octal with a leading 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_writes_them() {
        assert_eq!(parse("022"), Ok(0o22));
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("0x3f"), Ok(0o77));
        assert_eq!(parse("18"), Ok(0o22));
        for wrong in ["01000", "512", "9x", "", "-1", "IRWXO"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
