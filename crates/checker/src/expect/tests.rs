//! What matches, and when that is certain.

use holdfast_health::probe::MaskedByte;
use holdfast_regex::{RegexOption, Settings};

use super::*;

fn regex(pattern: &str, options: &[RegexOption]) -> Pattern {
    Pattern::Regex(Settings {
        pattern: pattern.to_owned(),
        options: options.to_vec(),
        no_match: false,
        min_offset: 0,
        max_offset: None,
        stack: None,
    })
}

/// How a search ends in a text that comes in pieces of this size, and how many bytes had come by then.
fn in_pieces(pattern: &Pattern, text: &[u8], size: usize) -> (Look, usize) {
    let mut matcher = Matcher::new(pattern).unwrap();
    let mut come = 0;
    loop {
        let ends = come == text.len();
        match matcher.look(&text[..come], ends) {
            Look::NotYet if ends => return (Look::NotYet, come),
            Look::NotYet => come = come.saturating_add(size).min(text.len()),
            look => return (look, come),
        }
    }
}

/// The result for each way to cut the text, which must be the same.
fn look(pattern: &Pattern, text: &[u8]) -> Look {
    let (whole, _) = in_pieces(pattern, text, text.len().max(1));
    for size in 1..text.len() {
        let (look, _) = in_pieces(pattern, text, size);
        assert_eq!(look, whole, "{pattern:?} in pieces of {size}");
    }
    whole
}

#[test]
fn text_anywhere() {
    let pattern = Pattern::Contains(b"abab".to_vec());
    assert_eq!(look(&pattern, b"abaabab tail"), Look::Match(7));
    assert_eq!(look(&pattern, b"aba"), Look::NotYet);
    assert_eq!(look(&pattern, b""), Look::NotYet);
}

#[test]
fn text_at_the_start() {
    let pattern = Pattern::Start(b"+PONG".to_vec());
    assert_eq!(look(&pattern, b"+PONG\r\n"), Look::Match(5));
    assert_eq!(look(&pattern, b"+PO"), Look::NotYet);
    assert_eq!(look(&pattern, b"-ERR +PONG"), Look::Never);
    assert_eq!(
        in_pieces(&pattern, b"-ERR", 1),
        (Look::Never, 1),
        "at the first byte that differs"
    );
}

#[test]
fn bytes_with_holes() {
    let byte = |value, mask| MaskedByte { value, mask };
    let pattern = Pattern::Masked(vec![byte(0x30, 0xff), byte(0, 0), byte(0x02, 0x0f)]);
    assert_eq!(look(&pattern, &[0x30, 0x99, 0xf2, 1]), Look::Match(3));
    assert_eq!(look(&pattern, &[0x30, 0x99, 0xf3]), Look::Never);
    assert_eq!(look(&pattern, &[0x30, 0x99]), Look::NotYet);
}

#[test]
fn regular_expressions() {
    assert_eq!(
        look(&regex(r"^\* OK .*\r\n", &[]), b"* OK ready\r\nmore"),
        Look::Match(12)
    );
    assert_eq!(
        look(&regex(r"role:(master|slave)\r\n", &[]), b"# R\r\nrole:slave\r\n"),
        Look::Match(17)
    );
    assert_eq!(
        look(&regex("ok", &[RegexOption::Caseless]), b"it is OK"),
        Look::Match(8)
    );
    assert_eq!(
        look(
            &regex(r"^\x30.*?\x0a\x01\x00", &[RegexOption::Dotall]),
            b"\x30\n\xff\x0a\x01\x00\x04"
        ),
        Look::Match(6)
    );
    assert_eq!(look(&regex(r"OK(?=\r\n)", &[]), b"OK\r\n"), Look::Match(2));
    // What comes next could still change the match, so it counts at the end of the connection only.
    assert_eq!(look(&regex(r"^\d+$", &[]), b"123"), Look::Match(3));
    assert_eq!(in_pieces(&regex(r"^\d+", &[]), b"12", 1), (Look::Match(2), 2));
    assert_eq!(
        Matcher::new(&regex(r"^\d+", &[])).unwrap().look(b"12", false),
        Look::NotYet
    );
}

/// A pattern that can match at the start alone does not wait for the time limit.
#[test]
fn what_can_never_match_is_known_at_once() {
    assert_eq!(
        Matcher::new(&regex(r"^\+OK", &[])).unwrap().look(b"-ERR", false),
        Look::Never
    );
    assert_eq!(
        Matcher::new(&regex(r"^\+OK", &[])).unwrap().look(b"", false),
        Look::NotYet
    );
    assert_eq!(
        Matcher::new(&regex(r"\+OK", &[])).unwrap().look(b"-ERR", false),
        Look::NotYet
    );
    assert_eq!(
        Matcher::new(&regex(r"^\+OK", &[RegexOption::Multiline]))
            .unwrap()
            .look(b"-ERR", false),
        Look::NotYet
    );
}

#[test]
fn a_pattern_that_explodes_is_given_up() {
    let pattern = regex("(a+)+b", &[]);
    let text = [b'a'; 40];
    let look = Matcher::new(&pattern).unwrap().look(&text, true);
    assert!(matches!(look, Look::GivenUp(_) | Look::Never), "{look:?}");
}
