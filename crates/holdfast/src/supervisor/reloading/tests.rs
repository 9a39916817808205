//! Times in files, on a clock that is handed in. The expected seconds are those of `date -u -d TEXT +%s`.

use std::time::UNIX_EPOCH;

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// 2026-11-21 12:00:00 UTC.
const NOON: u64 = 1_795_262_400;

#[test]
fn moments_are_read_in_all_forms() {
    let next = |text: &str| Moment::parse(text)?.next(at(NOON));
    assert_eq!(next("12:00:01Z"), Some(at(NOON + 1)));
    assert_eq!(next("12:00:00 Z\n"), Some(at(NOON + 86_400)), "tomorrow");
    assert_eq!(next("11:59:59Z"), Some(at(NOON + 86_399)));
    assert_eq!(next("2026-11-21 12:00:00Z"), Some(at(NOON)));
    assert_eq!(next("26-12-01 00:00:00Z"), Some(at(1_796_083_200)));
    assert_eq!(next("2028-02-29 23:59:59Z"), Some(at(1_835_481_599)));
    assert_eq!(next("2026-11-21 11:59:59Z"), None, "in the past");
    let end_of_month = Moment::parse("01:00:00Z").and_then(|moment| moment.next(at(1_796_083_199)));
    assert_eq!(end_of_month, Some(at(1_796_083_200 + 3_600)));
    for wrong in [
        "",
        "12:00",
        "24:00:00",
        "12:60:00",
        "12:00:00:00",
        "1a:00:00",
        "-1:00:00",
        "2026-02-29 12:00:00",
        "2026-13-01 12:00:00",
        "2026-00-01 12:00:00",
        "2026-11-21T12:00:00",
        "2026-11 12:00:00",
        "soon",
    ] {
        assert_eq!(Moment::parse(wrong), None, "{wrong}");
    }
}

struct Case {
    table: Timetable,
    file: PathBuf,
}

impl Case {
    fn new(name: &str, repeat: bool) -> Self {
        let file = std::env::temp_dir().join(format!("holdfast-reload-{name}-{}", std::process::id()));
        let mut table = Timetable::default();
        let reload = Reload {
            time_file: Some(file.to_string_lossy().into_owned()),
            repeat,
            ..Reload::default()
        };
        table.configure(&reload);
        Self { table, file }
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.file, text).unwrap();
    }

    fn look(&mut self, seconds: u64) -> bool {
        let file = self.file.clone();
        self.table.look(&file, at(seconds))
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

#[test]
fn a_reload_comes_once_and_its_file_goes() {
    let mut case = Case::new("once", false);
    assert!(!case.look(NOON), "no file, no time");
    case.write("12:00:10Z\n");
    assert!(!case.look(NOON));
    assert!(!case.look(NOON + 9));
    assert!(case.look(NOON + 11), "a little late is in time");
    assert!(!case.file.exists());
    assert!(!case.look(NOON + 12));
    assert!(!case.look(NOON + 86_420));
    case.write("12:00:10Z\n");
    assert!(!case.look(NOON + 86_421), "the same text again is another order");
    assert!(case.look(NOON + 2 * 86_400 + 10));
}

#[test]
fn a_repeated_one_comes_each_day_and_a_date_only_once() {
    let mut case = Case::new("daily", true);
    case.write("12:00:10Z");
    assert!(!case.look(NOON));
    for day in 0..3 {
        assert!(!case.look(NOON + day * 86_400 + 9));
        assert!(case.look(NOON + day * 86_400 + 10));
        assert!(!case.look(NOON + day * 86_400 + 11));
    }
    case.write("2026-11-25 12:00:00Z");
    assert!(!case.look(NOON + 3 * 86_400));
    assert!(case.look(NOON + 4 * 86_400));
    assert!(!case.look(NOON + 5 * 86_400));
    assert!(case.file.exists());
}

#[test]
fn a_file_that_changes_or_goes_changes_the_time() {
    let mut case = Case::new("changed", false);
    case.write("12:00:10Z");
    assert!(!case.look(NOON));
    case.write("12:00:20Z");
    assert!(!case.look(NOON + 15));
    case.write("nonsense");
    assert!(!case.look(NOON + 25));
    case.write("12:01:00Z");
    assert!(!case.look(NOON + 30));
    std::fs::remove_file(&case.file).unwrap();
    assert!(!case.look(NOON + 61));
    assert!(!case.look(NOON + 86_461));
}
