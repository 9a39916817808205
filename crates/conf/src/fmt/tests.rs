use super::fmt;

fn laid_out(text: &str) -> String {
    let once = fmt(text.as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&fmt(&once)),
        String::from_utf8_lossy(&once),
        "twice is once: {text:?}"
    );
    String::from_utf8(once).unwrap()
}

#[test]
fn blocks_are_indented() {
    let text = "vrrp_instance V{\r\nstate BACKUP   \n\n\n\n  authentication{\nauth_type   PASS\n\t}\n virtual_ipaddress {192.0.2.1}\n}";
    assert_eq!(
        laid_out(text),
        "vrrp_instance V {\n    state BACKUP\n\n    authentication {\n        auth_type   PASS\n    }\n    \
         virtual_ipaddress { 192.0.2.1 }\n}\n"
    );
}

#[test]
fn a_brace_moves_up_to_its_keyword() {
    assert_eq!(laid_out("a\n\n{\nb\n}\n"), "a {\n    b\n}\n");
    assert_eq!(laid_out("a\n{ # c\nb }"), "a { # c\n    b }\n");
    // Not past a comment, to a condition, a definition, an include, a sequence, an open quote or a line with a name.
    for text in [
        "a # c\n{\n}\n",
        "a\n# c\n{\n}\n",
        "@lb1 a\n{\n}\n",
        "a\n@lb1 {\n@lb1 }\n",
        "$A=a\n{\n}\n",
        "include a\n{\n}\n",
        "~SEQ(A,1,2) a\n{\n}\n",
        "a \"b\n{\n}\n",
        "a $B\n{\n}\n",
        "${A} b\n{\n}\n",
    ] {
        assert_eq!(laid_out(text), text);
    }
}

#[test]
fn braces_that_are_no_blocks_stay() {
    for text in [
        "include a{b,c}\n",
        "@lb1 includea a{b,c}.conf\n",
        "~LST({A,B},{1,2}) x ${A}{\n    y\n}\n",
        "$A=b{c\n",
        "a${B}{\n    c\n}\n",
        "${INCLUDE} a{b,c}\n",
        "include{b}\n",
        "a \"b{c}\" # d{e\n",
    ] {
        assert_eq!(laid_out(text), text);
    }
    assert_eq!(laid_out("a b\\#c{ # d\n}\n"), "a b\\#c { # d\n}\n");
    assert_eq!(laid_out("a ${B} {\nc ${D}\n}\ne\n"), "a ${B} {\n    c ${D}\n}\ne\n");
}

#[test]
fn definitions_keep_their_lines() {
    let text = "$CHK=\\\nvrrp_script c${N}{ \\\nscript \"x\" \\\n  } \\\n# the end\nglobal_defs{\n}\n";
    assert_eq!(
        laid_out(text),
        "$CHK=\\\n    vrrp_script c${N}{ \\\n        script \"x\" \\\n    } \\\n# the end\nglobal_defs {\n}\n"
    );
    // A line whose condition does not hold does not end the definition, so what follows may still belong to it.
    let text = "$A=x \\\n    @lb1 y\n    z{\nw{\n}\n";
    assert_eq!(laid_out(text), "$A=x \\\n    @lb1 y\n    z{\nw {\n}\n");
}

#[test]
fn lines_with_different_conditions_are_alternatives() {
    let text = "@lb1 a {\n@^lb1   b {\nc\n}\n@lb1 d {\n@lb1 e\n# f\n@lb1 }\ng\n";
    assert_eq!(
        laid_out(text),
        "@lb1 a {\n@^lb1 b {\n    c\n}\n@lb1 d {\n    @lb1 e\n    # f\n@lb1 }\ng\n"
    );
}

#[test]
fn unbalanced_braces_do_no_harm() {
    assert_eq!(laid_out("}\n}\na {\n"), "}\n}\na {\n");
    assert_eq!(laid_out("a { b {\nc\n} }\nd"), "a { b {\n        c\n} }\nd\n");
    assert_eq!(laid_out("a\"{\"{\n}"), "a\"{\" {\n}\n");
}

#[test]
fn bytes_that_are_no_text_stay() {
    assert_eq!(fmt(b"\xef\xbb\xbf\n a\xff{#\xfe\n}"), b"\xef\xbb\xbfa\xff {#\xfe\n}\n");
    // A mark that is not at the beginning is text, and must not get there.
    assert_eq!(fmt(b" \xef\xbb\xbf{}"), b" \xef\xbb\xbf { }\n");
    assert_eq!(fmt(b" a\0{ \nb"), b"a\0{\nb\n");
    assert_eq!(fmt(b""), b"");
    assert_eq!(fmt(b"\n\n \n"), b"");
}

#[test]
fn no_line_outgrows_what_keepalived_reads() {
    let long = format!("x {}", "y".repeat(1019));
    let text = format!("a {{\n{long}\n}}\n");
    assert_eq!(laid_out(&text), text);
    let ignored = format!("{}  ", "z".repeat((1 << 20) - 1));
    assert_eq!(fmt(ignored.as_bytes()), format!("{ignored}\n").as_bytes());
}
