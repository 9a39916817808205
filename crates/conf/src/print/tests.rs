use super::print;
use crate::{LoadOptions, MemoryLoader, load};
use proptest::prelude::*;
use std::path::Path;

fn printed(text: &str) -> String {
    let loader = MemoryLoader::new().with("k.conf", text).with("i.inc", "router_id i\n");
    let options = LoadOptions {
        config_id: Some("lb1".to_owned()),
        ..LoadOptions::default()
    };
    print(&loader, Path::new("k.conf"), &options).text
}

#[test]
fn the_effective_configuration_is_printed() {
    let text = "$V=192.0.2\n@lb2 x\nglobal_defs {\ninclude i.inc\nnotification_email { A \"B C\"\n}}\nvrrp_instance \"V 1\"\n# c\n{ interface eth0 # d\n\
                virtual_router_id 1\n@lb1 priority 7\nvirtual_ipaddress { \n~SEQ(N,1,2) ${V}.${N}/24 brd +\n} }\n";
    assert_eq!(
        printed(text),
        "global_defs {\n    router_id i\n    notification_email {\n        A\n        \"B C\"\n    }\n}\n\nvrrp_instance \"V 1\" {\n    # default: state BACKUP\n    \
         # default: version 2\n    # default: advert_int 1\n    interface eth0\n    virtual_router_id 1\n    \
         priority 7\n    virtual_ipaddress {\n        192.0.2.1/24 broadcast +\n        192.0.2.2/24 broadcast +\n    }\n}\n"
    );
}

#[test]
fn names_of_keywords_are_the_present_ones() {
    let text = "virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method DR\n protocol TCP\n delay_loop 3\n \
                real_server 192.0.2.11 80 {\n  HTTP_GET {\n   nb_get_retry 2\n   url { path / }\n  }\n }\n}\n";
    assert_eq!(
        printed(text),
        "virtual_server 192.0.2.1 80 {\n    # default: quorum 1\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n    \
         delay_loop 3\n    real_server 192.0.2.11 80 {\n        # default: weight 1\n        HTTP_GET {\n            \
         # default: connect_timeout 5\n            # default: delay_loop 3\n            \
         # default: delay_before_retry 3\n            retry 2\n            url {\n                path /\n            \
         }\n        }\n    }\n}\n"
    );
}

#[test]
fn what_means_nothing_is_left_out_and_said() {
    let text = "global_defs {\n router_id a\n rooter_id b\n vrrp_version 9\n}\n";
    let print = printed(text);
    assert_eq!(
        print,
        "# left out: k.conf:3: Unknown keyword 'rooter_id' in global_defs; the line is ignored [HF0300]\n\
         # left out: k.conf:4: 9 is out of range for 'vrrp_version', 2 to 3; it is ignored [HF0306]\n\n\
         global_defs {\n    router_id a\n}\n"
    );
    assert_eq!(printed(&print), print);
    // An error that leaves something to be meant leaves its statement where it is.
    let text = "virtual_server 192.0.2.1 80 {\n lb_kind DR\n protocol TCP\n real_server 192.0.2.11 80 {\n }\n}\n";
    assert!(!printed(text).contains("left out"), "{}", printed(text));
    assert!(printed(text).contains("    # default: lb_algo wlc\n"));
}

#[test]
fn a_block_is_left_out_as_a_whole() {
    let block = "vrrp_instance V {\n    # default: state BACKUP\n    # default: version 2\n    # default: priority 100\n    \
                 # default: advert_int 1\n    interface eth0\n    virtual_router_id 1\n    virtual_ipaddress {\n        \
                 192.0.2.1\n    }\n}\n";
    assert_eq!(
        printed(&format!("{block}{block}global_defs {{\n}}\n")),
        format!(
            "# left out: k.conf:12: vrrp_instance V is defined twice; the second block is skipped [HF0401]\n\n\
             {block}\nglobal_defs {{\n}}\n"
        )
    );
}

#[test]
fn only_the_wrong_lines_of_a_definition_are_left_out() {
    let text = "$B=\\\nvrrp_instance V${N} { \\\ninterface eth0 \\\nvirtual_router_id ${N} \\\npriority 300 \\\n\
                virtual_ipaddress { 192.0.2.${N} } \\\n}\n$N=1\n$B\n$N=2\n$B\n";
    let print = printed(text);
    assert_eq!(print.matches("vrrp_instance").count(), 2, "{print}");
    assert_eq!(print.matches("virtual_router_id").count(), 2, "{print}");
    assert_eq!(print.matches("\n    priority").count(), 0, "{print}");
}

#[test]
fn many_errors_take_no_time() {
    let text = "$I=\\\nvrrp_instance V_${A}_${B} { \\\ninterface eth${A} \\\nvirtual_router_id ${B} \\\npriorit 7 \\\n\
                priority 300 \\\nvirtual_ipaddress { 10.${A}.${B}.1 } \\\n}\n~SEQ(A,1,4) ~SEQ(B,1,250) $I\n";
    let print = printed(text);
    assert_eq!(print.matches("\nvrrp_instance ").count(), 1000);
    assert_eq!(print.matches("\n    priority").count(), 0);
    assert_eq!(printed(&print), print);
}

#[test]
fn scripts_are_quoted_anew() {
    let text = |command: &str| format!("vrrp_script s {{\n    script {command}\n}}\n");
    let line = |command: &str| {
        let print = printed(&text(command));
        let line = print.lines().find(|line| line.trim().starts_with("script"));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(line("/bin/true"), "script \"/bin/true\"");
    assert_eq!(
        line("\"/bin/a 'b c'  d\\te\" root"),
        "script \"/bin/a 'b c' 'd\\te'\" root"
    );
    assert_eq!(line("\"/bin/a it\\'s \\377\""), "script \"/bin/a 'it\\'s' '\\xff'\"");
    assert_eq!(
        line("\"/bin/a '$_PWD'x ${_HASH}1\""),
        "script \"/bin/a '\\x24_PWDx' '#1'\""
    );
}

#[test]
fn words_that_would_mean_something_are_quoted() {
    let quoted = [
        "$_PWD",
        "@x",
        "~SEQ(A,1,2)",
        "include",
        "vrrp_instance",
        "",
        "a b",
        "a#b",
        "!",
        "{",
        "}",
    ];
    let bare = ["a'b", "\\", "a@b", "x~"];
    let words: Vec<String> = quoted.iter().chain(&bare).map(|word| format!("\"{word}\"")).collect();
    let print = printed(&format!(
        "global_defs {{\nnotification_email {{\n{}\n}}\n}}\n",
        words.join(" ")
    ));
    let lines: Vec<&str> = print.lines().map(str::trim).collect();
    let expected: Vec<String> = quoted.iter().map(|word| format!("\"{word}\"")).collect();
    assert_eq!(lines[2..2 + quoted.len()], expected);
    assert_eq!(lines[2 + quoted.len()..][..bare.len()], bare);
    assert_eq!(printed(&print), print);
}

/// A word as it can be written, with quotes where they are needed for its being one word.
fn word() -> impl Strategy<Value = String> {
    let parts = [
        "a",
        "B7",
        " ",
        "#",
        "!",
        "{",
        "}",
        "$",
        "_PWD",
        "@x",
        "~SEQ(A,1,2)",
        "include",
        "\\",
        "'",
        "é",
        "\t",
        "vrrp_instance",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..5)
        .prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn argv() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"ab '\"\\$_{}#!;\t".to_vec())];
    prop::collection::vec(prop::collection::vec(byte, 0..8), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_stay_words(words in prop::collection::vec(word(), 0..4)) {
        let read = |text: &str| {
            let loader = MemoryLoader::new().with("k.conf", text);
            load(&loader, Path::new("k.conf"), &LoadOptions::default()).config.global_defs.notification_email
        };
        let text = format!("global_defs {{\nnotification_email {{\nfirst {}\n}}\n}}\n", words.join(" "));
        prop_assert_eq!(read(&printed(&text)), read(&text));
    }

    #[test]
    fn arguments_stay_arguments(argv in argv()) {
        let octal = |argument: &Vec<u8>| argument.iter().map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat();
        let arguments: Vec<String> = argv.iter().map(|argument| format!("'{}'", octal(argument))).collect();
        let text = format!("vrrp_script s {{\nscript \"{}\"\n}}\n", arguments.join(" "));
        let read = |text: &str| {
            let loader = MemoryLoader::new().with("k.conf", text);
            let config = load(&loader, Path::new("k.conf"), &LoadOptions::default()).config;
            config.vrrp_scripts.into_iter().map(|script| script.script.argv).collect::<Vec<_>>()
        };
        let print = printed(&text);
        prop_assert_eq!(read(&print), read(&text), "{}", print);
    }
}
