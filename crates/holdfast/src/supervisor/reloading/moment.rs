//! A moment as people write it: a time of day, or a date with one.
#![allow(unsafe_code)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libc::{c_int, time_t, tm};

/// `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, each with `Z` behind it for UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Year, month, day; `None`: each day
    date: Option<[c_int; 3]>,
    /// Hour, minute, second
    time: [c_int; 3],
    utc: bool,
}

impl Moment {
    /// Reads one; `None`: it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (text, utc) = match text.strip_suffix('Z') {
            Some(rest) => (rest.trim_end(), true),
            None => (text, false),
        };
        let (date, time) = match text.split_once(char::is_whitespace) {
            Some((date, time)) => (Some(date), time.trim_start()),
            None => (None, text),
        };
        let time = numbers(time, ':')?;
        let [hour, minute, second] = time;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let date = date.map(|date| read_date(date).ok_or(())).transpose().ok()?;
        Some(Self { date, time, utc })
    }

    /// The first such moment that is not before `now`; `None`: there is none, or no such day.
    pub(super) fn next(&self, now: SystemTime) -> Option<SystemTime> {
        if let Some([year, month, day]) = self.date {
            return self.at([year, month, day]).filter(|at| *at >= now);
        }
        let seconds = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let today = self.day_of(time_t::try_from(seconds).ok()?)?;
        let [year, month, day] = today;
        self.at(today)
            .filter(|at| *at > now)
            // The day after the last of a month is the first of the next one.
            .or_else(|| self.at([year, month, day.saturating_add(1)]))
    }

    /// The day of a moment: year, month, day.
    fn day_of(&self, seconds: time_t) -> Option<[c_int; 3]> {
        // SAFETY: `tm` is plain C data, for which all zeros is a valid value.
        let mut parts: tm = unsafe { std::mem::zeroed() };
        // SAFETY: both calls get valid pointers to our own memory.
        let made = unsafe {
            if self.utc {
                libc::gmtime_r(&raw const seconds, &raw mut parts)
            } else {
                libc::localtime_r(&raw const seconds, &raw mut parts)
            }
        };
        (!made.is_null()).then(|| {
            [
                parts.tm_year.saturating_add(1900),
                parts.tm_mon.saturating_add(1),
                parts.tm_mday,
            ]
        })
    }

    fn at(&self, [year, month, day]: [c_int; 3]) -> Option<SystemTime> {
        let [hour, minute, second] = self.time;
        // SAFETY: `tm` is plain C data, for which all zeros is a valid value.
        let mut parts: tm = unsafe { std::mem::zeroed() };
        parts.tm_year = year.checked_sub(1900)?;
        parts.tm_mon = month.checked_sub(1)?;
        parts.tm_mday = day;
        parts.tm_hour = hour;
        parts.tm_min = minute;
        parts.tm_sec = second;
        // Whether it is summer the C library knows.
        parts.tm_isdst = -1;
        // SAFETY: both calls get a valid pointer to our own memory.
        let seconds = unsafe {
            if self.utc {
                libc::timegm(&raw mut parts)
            } else {
                libc::mktime(&raw mut parts)
            }
        };
        let seconds = u64::try_from(seconds).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

fn read_date(text: &str) -> Option<[c_int; 3]> {
    let [year, month, day] = numbers(text, '-')?;
    let year = if year < 100 { year + 2000 } else { year };
    let february = if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) {
        29
    } else {
        28
    };
    let days = match month {
        2 => february,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    ((1..=days).contains(&day) && (1970..=9999).contains(&year)).then_some([year, month, day])
}

/// Three numbers of digits alone.
fn numbers(text: &str, separator: char) -> Option<[c_int; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let mut next = || parts.next().flatten();
    let found = [next()?, next()?, next()?];
    parts.next().is_none().then_some(found)
}
