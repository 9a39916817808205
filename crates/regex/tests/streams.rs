//! Searches in pieces: the result must not depend on where a body is cut.
#![expect(clippy::unwrap_used, reason = "tests")]

use holdfast_regex::{Finder, Found, RETAINED_LIMIT, Regex, RegexOption, SearchError, Settings, Stream};
use proptest::prelude::*;

fn settings(pattern: &str) -> Settings {
    Settings {
        pattern: pattern.to_owned(),
        options: Vec::new(),
        no_match: false,
        min_offset: 0,
        max_offset: None,
        stack: None,
    }
}

fn with(pattern: &str, options: &[RegexOption]) -> Settings {
    Settings {
        options: options.to_vec(),
        ..settings(pattern)
    }
}

fn search(settings: &Settings, pieces: &[&[u8]]) -> Result<bool, SearchError> {
    let mut stream = Stream::new(Regex::new(settings).unwrap());
    for piece in pieces {
        stream.push(piece)?;
    }
    stream.finish()
}

/// In one piece, and in pieces of one byte.
fn matches(settings: &Settings, body: &str) -> bool {
    let whole = search(settings, &[body.as_bytes()]).unwrap();
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(search(settings, &bytes).unwrap(), whole, "{settings:?} in {body:?}");
    whole
}

#[test]
fn anchors_and_assertions_see_the_whole_body() {
    for (pattern, body, expected) in [
        ("up", "it is up now", true),
        ("^up", "it is up", false),
        ("^it", "it is up", true),
        ("up$", "it is up", true),
        ("up$", "it is up\n", true),
        ("up$", "it is up now", false),
        (r"\Ait.*up\z", "it is up", true),
        ("(?<=is )up", "it is up", true),
        ("(?<=was )up", "it is up", false),
        ("(?<!not )up", "it is not up", false),
        ("up(?! now)", "it is up now", false),
        (r"\bup\b", "setup", false),
        ("", "", true),
        ("x", "", false),
        ("^$", "", true),
        ("x*", "abc", true),
        (r"(\d+)-\1", "12-34 56-56", true),
    ] {
        assert_eq!(matches(&settings(pattern), body), expected, "{pattern} in {body:?}");
    }
}

#[test]
fn options_are_those_of_pcre2() {
    use RegexOption::{Caseless, DollarEndonly, Dotall, Extended, Multiline, Utf};
    for (pattern, options, body, expected) in [
        ("UP", &[Caseless][..], "it is up", true),
        ("UP", &[], "it is up", false),
        ("^up", &[Multiline], "it is\nup", true),
        ("is.up", &[Dotall], "it is\nup", true),
        ("is.up", &[], "it is\nup", false),
        ("up$", &[DollarEndonly], "it is up\n", false),
        ("u p # remark", &[Extended], "it is up", true),
        ("^.$", &[Utf], "\u{20ac}", true),
        ("^.$", &[], "\u{20ac}", false),
        ("(?<=\u{20ac})5", &[Utf], "it costs \u{20ac}5", true),
    ] {
        assert_eq!(
            matches(&with(pattern, options), body),
            expected,
            "{pattern} in {body:?}"
        );
    }
}

#[test]
fn offsets_count_from_the_start_of_the_body() {
    let between = |min_offset, max_offset| Settings {
        min_offset,
        max_offset,
        ..settings("up")
    };
    for (min, max, expected) in [
        (0, None, true),
        (6, None, true),
        (7, None, false),
        (0, Some(6), true),
        (0, Some(5), false),
        (6, Some(6), true),
        (100, None, false),
    ] {
        assert_eq!(matches(&between(min, max), "it is up"), expected, "{min} {max:?}");
    }
    // The beginning of the body is forgotten, and still counted.
    let in_two = |max| search(&between(0, Some(max)), &[b"aaaaa", b"aaup"]).unwrap();
    assert_eq!([5, 6, 7, 8].map(in_two), [false, false, true, true]);
}

#[test]
fn what_is_no_pattern_is_told_with_its_place() {
    let error = Regex::new(&settings("up (now")).unwrap_err();
    assert_eq!(
        (error.offset, error.message.as_str()),
        (7, "missing closing parenthesis")
    );
}

#[test]
fn memory_is_bounded() {
    let line = [b'a'; 8192];
    let mut plain = Stream::new(Regex::new(&settings("b+c")).unwrap());
    for _ in 0..1000 {
        plain.push(&line).unwrap();
    }
    assert!(!plain.finish().unwrap());
    let mut greedy = Stream::new(Regex::new(&settings("a+b")).unwrap());
    let pieces = RETAINED_LIMIT / line.len() + 1;
    let given_up = (0..pieces).find_map(|_| greedy.push(&line).err());
    assert!(given_up.is_some());
}

#[test]
fn patterns_that_explode_are_given_up() {
    let interpreted = settings("(*NO_JIT)(a+)+[bc]");
    let given_up = search(&interpreted, &["a".repeat(40).as_bytes()]).unwrap_err();
    assert_eq!(given_up, SearchError::Engine("match limit exceeded".to_owned()));
    // Long before PCRE2's own limit, which is ten times as much: each letter more doubles the steps.
    let steps = |letters: usize| search(&interpreted, &["a".repeat(letters).as_bytes()]);
    assert_eq!(steps(15), Ok(false));
    assert!(steps(19).is_err());
}

#[test]
fn a_larger_stack_is_taken() {
    let large = Settings {
        stack: Some((32 * 1024, 1024 * 1024)),
        ..settings("(?:a|b)*c")
    };
    assert!(matches(&large, "ababababc"));
}

proptest! {
    #[test]
    fn where_a_body_is_cut_does_not_matter(
        pattern in prop::sample::select(vec![
            "ab", "^ab", "a.c", "(?<=a)b", "(?<!a)b", "b$", "a+b+c", "(a|b)*c", r"\bab", "(?s)a.*c", "(?m)^b", "a(?=b)", "a(?!b)", "c?$", r"b\z",
        ]),
        body in "[abc \n]{0,12}",
        cuts in prop::collection::vec(0_usize..13, 0..4),
        min_offset in 0_usize..4,
        max_offset in prop::option::of(4_usize..9),
    ) {
        let settings = Settings { min_offset, max_offset, ..settings(pattern) };
        let whole = search(&settings, &[body.as_bytes()]).unwrap();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for cut in cuts {
            pieces.push(&body.as_bytes()[from..cut]);
            from = cut;
        }
        pieces.push(&body.as_bytes()[from..]);
        prop_assert_eq!(search(&settings, &pieces).unwrap(), whole);
    }
}

/// The address of nothing is not one that PCRE2 can subtract from: it did, and the process ended.
#[test]
fn nothing_can_be_looked_behind() {
    for pattern in ["(?<=a1 )OK|\\z", "(?<!a1 )$", "(?<=\\n)x|^$"] {
        for _ in 0..100 {
            assert_eq!(search(&settings(pattern), &[]), Ok(true), "{pattern}");
            assert_eq!(search(&settings(pattern), &[b"", b""]), Ok(true), "{pattern}");
        }
    }
}

/// The end of a match, the same for any pieces.
#[test]
fn a_finder_tells_where_the_match_ends() {
    let look = |pattern: &str, text: &[u8], ends: bool| {
        let mut finder = Finder::new(Regex::new(&settings(pattern)).unwrap());
        for come in 0..text.len() {
            match finder.look(&text[..come], false).unwrap() {
                Found::NotYet => {}
                found => return found,
            }
        }
        finder.look(text, ends).unwrap()
    };
    assert_eq!(look(r"b+\r\n", b"aabb\r\ncc", false), Found::Match(6));
    assert_eq!(look(r"b+", b"aabb", false), Found::NotYet);
    assert_eq!(look(r"b+", b"aabb", true), Found::Match(4));
    assert_eq!(look(r"(?<=a)b", b"xbab", false), Found::Match(4));
    assert_eq!(look(r"^b", b"ab", false), Found::Never);
    assert_eq!(look(r"b", b"aaa", false), Found::NotYet);
    assert_eq!(look(r"b", b"aaa", true), Found::Never);
}
