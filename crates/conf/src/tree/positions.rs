//! Every word of the tree leads back to the bytes of its file.

use super::tokens;
use crate::preprocess::{Preprocessed, preprocess};
use crate::{FileLoader, LoadOptions, Loader, MemoryLoader};
use proptest::prelude::*;
use std::path::Path;

#[derive(Default)]
struct Seen {
    /// Tokens that stand in a file as they are.
    verbatim: usize,
    /// Parts that came out of a definition, a sequence or a predefined name.
    expanded: usize,
}

fn check(loader: &dyn Loader, path: &Path) -> Seen {
    let options = LoadOptions {
        config_id: Some("lb1".to_owned()),
        ..LoadOptions::default()
    };
    let Preprocessed {
        text,
        mut sources,
        lent,
        ..
    } = preprocess(loader, path, &options);
    lent.give_back(&text, &mut sources);
    let bytes = |span| sources.text(span).unwrap_or_else(|| panic!("{span:?} is no place"));
    let mut seen = Seen::default();
    for token in tokens::tokens(text.as_str()) {
        let parts = text.parts(token.range());
        for (range, fixed) in &parts {
            let span = text.span(range.clone());
            let written = bytes(span);
            if *fixed {
                seen.expanded += 1;
                if let Some(id) = span.expansion {
                    let (name, defined_at) = sources.expansion(id).unwrap();
                    assert!(written.contains(&b'$') || name.starts_with('~'), "{name} {span:?}");
                    assert!(!bytes(defined_at).is_empty(), "{name} {defined_at:?}");
                }
            } else {
                assert_eq!(written, text.get(range.clone()).as_bytes(), "{span:?}");
            }
        }
        // The place of the token begins where its first part does, and holds all parts that are on its line.
        let span = text.span(token.range());
        let first = text.span(parts[0].0.clone());
        assert_eq!(
            (span.file, span.line, span.column),
            (first.file, first.line, first.column)
        );
        if let [(_, false)] = parts.as_slice() {
            seen.verbatim += 1;
            assert_eq!(bytes(span), text.get(token.range()).as_bytes());
        }
    }
    seen
}

fn memory(text: &[u8]) -> MemoryLoader {
    MemoryLoader::new()
        .with("k.conf", text)
        .with("i.inc", "\u{feff}priority  7 # c\r\n\r\n$A=x y\n  }  ${A}")
}

fn in_memory(text: &str) -> Seen {
    check(&memory(text.as_bytes()), Path::new("k.conf"))
}

#[test]
fn plain_files_lead_back_byte_for_byte() {
    for text in [
        "a b\n\n  c{d}e\n",
        "\u{feff}a\r\n\tb \"c # {\" # d\r\n@lb1   é f\n",
        "include i.inc\na\ninclude i.inc\nb",
    ] {
        let seen = in_memory(text);
        assert!(seen.verbatim >= 3, "{text}");
        assert_eq!(seen.expanded, text.matches("i.inc").count(), "{text}");
    }
}

#[test]
fn expansions_lead_to_their_use_and_to_their_definition() {
    let seen = in_memory("$A=b ${C}\n$C=c\n$D=\\\n  x ${A} \\\n y\n~SEQ(N,1,3) v${N} ${A}\n${D}\n");
    assert!(seen.expanded >= 9, "{}", seen.expanded);
}

#[test]
fn files_at_hand_lead_back() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("HOLDFAST_SHARED").map_or_else(|| here.join("../../../shared"), Into::into);
    let mut verbatim = 0;
    for directory in [
        here.join("../../conf-examples"),
        shared.join("language/samples-own"),
        shared.join("language/bad"),
        shared.join("corpus/keepalived"),
    ] {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "conf") {
                verbatim += check(&FileLoader, &path).verbatim;
            }
        }
    }
    assert!(verbatim > 100, "{verbatim}");
}

#[rustfmt::skip] // a list of words
const PIECES: &[&str] = &[
    "a", "bc", "{", "}", " ", "\t", "\n", "\n", "\r\n", "\"", "\\", "\\#", "\\\n", "# c", "é", "\u{feff}", "\u{fffd}", "$A", "${A}", "${B}", "\n$A=",
    "\n$A=\\\n", "\n$B=p ${A}", "${_PWD}", "${_HASH}", "\n@lb1 ", "\n@^lb1 ", "\n~SEQ(A,1,3) ", "\n~LST({A,B},{1,2}) ", "\ninclude i.inc\n", "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_leads_back(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..80)) {
        in_memory(&pieces.concat());
    }

    #[test]
    fn any_bytes_lead_back(text in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&memory(&text), Path::new("k.conf"));
    }
}
