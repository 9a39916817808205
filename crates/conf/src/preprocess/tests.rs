use super::*;
use crate::source::MemoryLoader;

fn read_with(loader: &MemoryLoader, id: Option<&str>) -> (Preprocessed, Vec<String>) {
    let options = LoadOptions {
        config_id: id.map(str::to_owned),
        ..LoadOptions::default()
    };
    let read = preprocess(loader, Path::new("/etc/k.conf"), &options);
    let lines = read
        .text
        .as_str()
        .lines()
        .map(|line| line.trim_matches(BLANKS).to_owned());
    let lines = lines.filter(|line| !line.is_empty()).collect();
    (read, lines)
}

fn said(read: &Preprocessed) -> Vec<u16> {
    read.diagnostics.codes()
}

/// The logical lines of a text without errors.
fn lines(text: &str) -> Vec<String> {
    let (read, lines) = read_with(&MemoryLoader::new().with("/etc/k.conf", text), Some("lb1"));
    assert_eq!(said(&read), [0; 0], "{text}");
    lines
}

fn codes(text: impl Into<Vec<u8>>) -> Vec<u16> {
    let (read, _) = read_with(&MemoryLoader::new().with("/etc/k.conf", text), None);
    said(&read)
}

#[test]
fn comments_end_lines_but_not_in_quotes_or_after_a_backslash() {
    assert_eq!(lines("router_id a#b"), ["router_id a"]);
    assert_eq!(lines("router_id a!b"), ["router_id a"]);
    assert_eq!(lines(r"router_id a\#b\!c\d"), [r"router_id a#b!c\d"]);
    assert_eq!(lines("router_id \"a # b\""), ["router_id \"a # b\""]);
    assert_eq!(lines("# only\n ! comments\n\n"), [""; 0]);
}

#[test]
fn line_ends_bom_and_missing_newline_do_not_matter() {
    assert_eq!(lines("\u{feff}a 1\r\nb 2\r\n\t c 3"), ["a 1", "b 2", "c 3"]);
}

#[test]
fn bytes_that_are_not_utf8_are_fine_in_comments_only() {
    assert_eq!(codes(b"a 1 # \xe9\xff\n".as_slice()), [0; 0]);
    assert_eq!(codes(b"a \xe9\n".as_slice()), [103]);
    assert_eq!(codes(b"a \0\n".as_slice()), [102]);
}

#[test]
fn an_open_quote_ends_with_the_line_or_before_a_brace() {
    let (read, lines) = read_with(
        &MemoryLoader::new().with("/etc/k.conf", "router_id \"abc\nv \"x {\n"),
        None,
    );
    assert_eq!(lines, ["router_id \"abc\"", "v \"x \"{"]);
    assert_eq!(said(&read), [104, 104]);
}

#[test]
fn conditions_compare_the_id() {
    let text = "@lb1 a 1\n@lb2 a 2\n@^lb1 b 1\n@^lb2 b 2\n@lb1\n@holdfast c 3\n@^holdfast d 4\n";
    assert_eq!(lines(text), ["a 1", "b 2", "c 3"]);
}

#[test]
fn definitions_are_replaced_where_keepalived_replaces_them() {
    assert_eq!(
        lines("$A=1\nx $A ${A} $A/24 x$Ay x$A $A,z"),
        ["x 1 1 $A/24 x$Ay x1 1,z"]
    );
    assert_eq!(lines("$A=${B}\n$B=2\nx $A"), ["x 2"]);
    assert_eq!(lines("$A=\"q1 q2\"\nx ${A}"), ["x \"q1 q2\""]);
    assert_eq!(lines("x ${_HASH}y \"${_HASH}\""), ["x"]);
    assert_eq!(lines("$K=router_id\n$K q"), ["router_id q"]);
    assert_eq!(lines("x ${_INSTANCE} ${_PWD}"), ["x lb1 /etc"]);
    assert_eq!(lines("password pa$word"), ["password pa$word"]);
}

// The example of the language description.
#[test]
fn definitions_of_several_lines_hold_blocks() {
    let text = "$CHK=\\\nvrrp_script c${N} { \\\n  interval 2 \\\n@lb2 rise 1 \\\n}\n$N=1\n$CHK\n$N=2\n$CHK\n";
    let block = |n| [format!("vrrp_script c{n} {{"), "interval 2".to_owned(), "}".to_owned()];
    assert_eq!(lines(text), [block(1), block(2)].concat());
    assert_eq!(lines("$A=b \\\nc\nx $A"), ["x b", "c"]);
    assert_eq!(lines("$A=b \\\nc\n$A y"), ["$A y"]);
    assert_eq!(lines("$A=b \\\n\nx 1\n$A"), ["x 1", "b"]);
    assert_eq!(lines("$A=b \\\n# note\nx 1\n$A"), ["x 1", "b"]);
    assert_eq!(codes("$A=b \\\n# c \\\nx 1 \\\n"), [110]);
}

// The examples of the language description.
#[test]
fn sequences_count() {
    assert_eq!(lines("~SEQ(A,10,-5,0) x ${A}"), ["x 10", "x 5", "x 0"]);
    assert_eq!(lines("~SEQ(A,5,1) x ${A}"), ["x 5", "x 4", "x 3", "x 2", "x 1"]);
    assert_eq!(lines("~SEQx(A,9,11) x ${A}"), ["x 9", "x a", "x b"]);
    assert_eq!(
        lines("~SEQ(A,1,2) ~SEQ(B,1,2) x ${A}.${B}"),
        ["x 1.1", "x 1.2", "x 2.1", "x 2.2"]
    );
    assert_eq!(lines("$E=0x2\n~SEQ(A, $E) x $A"), ["x 1", "x 2"]);
    assert_eq!(lines("~SEQ(A,-2) x $A"), ["x -1", "x -2"]);
    assert_eq!(lines("y ~SEQ(A,1,2)"), ["y ~SEQ(A,1,2)"]);
    assert_eq!(codes("~SEQ(N,1,0,3) x"), [108]);
    assert_eq!(codes("~SEQ(N,1,999999999999) x"), [108]);
    assert_eq!(codes("~SEQ(N,1,2 x"), [108]);
}

#[test]
fn lists_have_values_and_tuples() {
    assert_eq!(lines("~LST(A,p,,q) x ${A}."), ["x p.", "x .", "x q."]);
    assert_eq!(lines("~LST({A,B}, {1,2}, {3}) x ${A}-${B}"), ["x 1-2", "x 3-"]);
    assert_eq!(codes("~LST({A,B}, {1,2,3}) x"), [108]);
    assert_eq!(codes("~LST(A,\"b c\") x"), [108]);
}

#[test]
fn what_is_not_defined_is_said_and_opens_no_block() {
    let (read, lines) = read_with(
        &MemoryLoader::new().with("/etc/k.conf", "$PRIO=1\npriority ${PRO}\n"),
        None,
    );
    assert_eq!(lines, ["priority $PRO"]);
    let said = read.diagnostics.finish();
    let [undefined] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(undefined.code.0, 105);
    assert_eq!(
        undefined.span.map(|span| (span.line, span.column, span.length)),
        Some((2, 10, 6))
    );
    // Names of four letters are too short to guess at two changes; one is enough here.
    assert_eq!(undefined.hint.as_deref(), Some("did you mean ${PRIO}?"));
}

#[test]
fn definitions_that_contain_themselves_end() {
    assert_eq!(codes("$A=${A}\nx $A"), [106]);
    assert_eq!(codes("$A=${A}${A}\nx $A"), [107]);
    assert_eq!(codes("$A=\\\n b \\\n $A\n$A\n"), [106]);
}

#[test]
fn sequences_in_sequences_end() {
    let loader = MemoryLoader::new().with("k", "~SEQ(A,1,999999) ~SEQ(B,1,999999) ~SEQ(C,1,999999) x\ny 1\n");
    let read = preprocess_up_to(1000, &loader, Path::new("k"), &LoadOptions::default());
    assert_eq!(said(&read), [107]);
    assert!(read.text.len() < 2000);
}

#[test]
fn includes_are_relative_globbed_and_checked() {
    let loader = MemoryLoader::new()
        .with(
            "/etc/k.conf",
            "include sub/*.conf\n@lb1 include {x,y}.inc\ninclude none.conf\nincludem gone.conf\n",
        )
        .with("/etc/sub/b.conf", "b 1\ninclude ../x.inc\n")
        .with("/etc/sub/a.conf", "a 1\n")
        .with("/etc/sub/.hidden.conf", "h 1\n")
        .with("/etc/x.inc", "x 1\n")
        .with("/etc/y.inc", "y 1\n")
        .with("/etc/sub/../x.inc", "x 1\n");
    let (read, lines) = read_with(&loader, Some("lb1"));
    assert_eq!(lines, ["a 1", "b 1", "x 1", "x 1", "y 1"]);
    assert_eq!(said(&read), [2, 4]);
}

#[test]
fn programs_are_not_included_and_loops_end() {
    let loader = MemoryLoader::new()
        .with(
            "/etc/k.conf",
            "include run.sh\nincluder run.sh\ninclude a.conf\ninclude /etc/k.conf\n",
        )
        .with_executable("/etc/run.sh", "#!/bin/sh\n")
        .with("/etc/a.conf", "include a.conf\na 1\n");
    let (read, lines) = read_with(&loader, None);
    assert_eq!(lines, ["a 1"]);
    assert_eq!(said(&read), [3, 4, 5, 5]);
}

#[test]
fn every_place_leads_back_to_its_file() {
    let loader = MemoryLoader::new()
        .with("/etc/k.conf", "  a\\#b 1 # c\n$X=va lue\n\tinclude i.conf\nk ${X} z\n")
        .with("/etc/i.conf", "\n q 2\n");
    let (read, _) = read_with(&loader, None);
    let place = |needle: &str| {
        let start = u32::try_from(read.text.as_str().find(needle).unwrap()).unwrap();
        let end = start + u32::try_from(needle.len()).unwrap();
        let span = read.text.span(start..end);
        (span.file.0, span.line, span.column, span.length)
    };
    assert_eq!(place("a#b"), (0, 1, 3, 4));
    assert_eq!(place("1"), (0, 1, 8, 1));
    assert_eq!(place("q"), (1, 2, 2, 1));
    assert_eq!(place("lue"), (0, 4, 3, 4));
    assert_eq!(place("z"), (0, 4, 8, 1));
    let start = u32::try_from(read.text.as_str().find("lue").unwrap()).unwrap();
    let span = read.text.span(start..start + 3);
    let (name, defined_at) = read.sources.expansion(span.expansion.unwrap()).unwrap();
    assert_eq!(
        (name, defined_at.line, read.sources.text(defined_at)),
        ("$X", 2, Some(b"va lue".as_slice()))
    );
}

#[test]
fn include_check_holds_for_plain_includes_to_the_end_of_its_file() {
    let checked = |line: &str| {
        codes(format!(
            "global_defs {{\n{line}\n}}\ninclude none.conf\ninclude none/*.conf\n"
        ))
    };
    let (missing, failed) = (findings::INCLUDE_MISSING.code.0, findings::INCLUDE_CHECK.code.0);
    assert_eq!(checked(""), [missing]);
    assert_eq!(checked("include_check"), [failed, failed]);
    assert_eq!(checked("include_check match"), [failed]);
    assert_eq!(checked("include_check read +wildcard_match"), [missing, failed]);
    assert_eq!(checked("include_check\ninclude_check -match"), [missing, failed]);
    assert_eq!(
        checked("include_check match read"),
        [failed],
        "the second bare word does not count"
    );
    assert_eq!(
        codes("global_defs { include_check match }\ninclude none.conf\n"),
        [failed]
    );
    // A file begins with the checks of the one around it and keeps its own to itself.
    let loader = MemoryLoader::new()
        .with(
            "/etc/k.conf",
            "include_check match\ninclude a.conf\ninclude none.conf\n",
        )
        .with(
            "/etc/a.conf",
            "include none.conf\ninclude_check -match\ninclude none.conf\n",
        );
    assert_eq!(said(&read_with(&loader, None).0), [failed, missing, failed]);
}

#[test]
fn random_seed_makes_random_numbers_repeat() {
    let drawn = |seed: &str| {
        lines(&format!(
            "global_defs {{\n{seed}\n}}\nvalue ${{_RANDOM}} ${{_RANDOM}}\n"
        ))
    };
    assert_eq!(drawn("random_seed 42")[3], drawn("random_seed 42")[3]);
    assert_ne!(drawn("random_seed 42")[3], drawn("random_seed 43")[3]);
    let again = lines("random_seed 5\na ${_RANDOM}\nrandom_seed 5\na ${_RANDOM}\n");
    assert_eq!(again[1], again[3]);
}
