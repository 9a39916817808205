use crate::{LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;

fn read(text: &str) -> Loaded {
    load(
        &MemoryLoader::new().with("k.conf", text),
        Path::new("k.conf"),
        &LoadOptions::default(),
    )
}

/// Code and line of each diagnostic, without those that are about what the blocks mean.
fn found(text: &str) -> Vec<(u16, u32)> {
    let structure = |code: u16| (200..302).contains(&code);
    let loaded = read(text);
    let all = loaded
        .diagnostics
        .iter()
        .map(|it| (it.code.0, it.span.unwrap_or_default().line));
    all.filter(|(code, _)| structure(*code)).collect()
}

const HEAD: &str = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n";
const TAIL: &str = " virtual_ipaddress { 192.0.2.1 }\n}\n";

#[test]
fn braces_may_stand_anywhere() {
    for text in [
        "vrrp_instance V{interface eth0\nvirtual_router_id 1\nvirtual_ipaddress{192.0.2.1}}",
        "vrrp_instance V\n\n# here\n{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress\n{\n192.0.2.1\n}\n}\n",
        "vrrp_instance V { interface eth0\n virtual_router_id 1\n virtual_ipaddress { 192.0.2.1 } } global_defs { lvs_flush }",
    ] {
        let loaded = read(text);
        assert_eq!(loaded.diagnostics, [], "{text}");
        assert_eq!(loaded.config.vrrp_instances[0].virtual_ipaddress.len(), 1, "{text}");
    }
}

#[test]
fn an_unknown_block_is_skipped_and_said_once() {
    let text = format!("{HEAD} fancy {{\n  a b\n  c {{ d }}\n priority 9\n }}\n{TAIL}");
    assert_eq!(found(&text), [(300, 4)]);
    let instance = &read(&text).config.vrrp_instances[0];
    assert_eq!((instance.priority, instance.virtual_ipaddress.len()), (100, 1));
}

#[test]
fn the_next_root_block_tells_where_a_brace_is_missing() {
    let text = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  192.0.2.1\n }\n\
                vrrp_instance W {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress { 192.0.2.2 }\n}\n";
    assert_eq!(found(text), [(200, 1)]);
    let loaded = read(text);
    assert_eq!(loaded.config.vrrp_instances.len(), 2);
    assert_eq!(loaded.diagnostics[0].notes[0].span.unwrap().line, 7);
}

#[test]
fn a_keyword_of_the_block_around_tells_where_a_brace_is_missing() {
    let text = "virtual_server 192.0.2.1 80 {\n lb_algo rr\n lb_kind DR\n protocol TCP\n real_server 192.0.2.11 80 {\n  \
                TCP_CHECK {\n   retry 1\n  }\n real_server 192.0.2.12 80 {\n  weight 2\n }\n}\n";
    assert_eq!(found(text), [(200, 5)]);
    let loaded = read(text);
    assert_eq!(loaded.config.virtual_servers[0].real_servers.len(), 2);
    assert_eq!(loaded.diagnostics[0].notes[0].span.unwrap().line, 9);
}

#[test]
fn indentation_tells_which_block_lacks_its_brace() {
    let text = "virtual_server 192.0.2.1 80 {\n lb_algo rr\n lb_kind DR\n protocol TCP\n real_server 192.0.2.11 80 {\n  \
                weight 1\n}\nglobal_defs {\n}\n";
    assert_eq!(found(text), [(200, 5)]);
}

#[test]
fn a_brace_too_early_is_ignored() {
    let text = format!("{HEAD} }}\n{TAIL}");
    assert_eq!(found(&text), [(202, 4)]);
    assert_eq!(read(&text).config.vrrp_instances[0].virtual_ipaddress.len(), 1);
}

#[test]
fn other_braces_too_many_are_said_where_they_are() {
    assert_eq!(found(&format!("{HEAD}{TAIL}}}\n")), [(201, 6)]);
    assert_eq!(found(&format!("{HEAD} {{\n{TAIL}")), [(203, 4)]);
    assert_eq!(
        found(&format!("{HEAD} priority 7 {{\n preempt\n }}\n{TAIL}")),
        [(203, 4)]
    );
}

#[test]
fn a_missing_opening_brace_is_thought_to_be_there() {
    let text = "vrrp_instance V\n interface eth0\n virtual_router_id 1\n virtual_ipaddress\n  192.0.2.1\n }\n}\n";
    assert_eq!(found(text), [(204, 1), (204, 4)]);
    assert_eq!(read(text).config.vrrp_instances[0].virtual_ipaddress.len(), 1);
}

#[test]
fn keywords_of_other_blocks_are_led_home() {
    let loaded = read(&format!("{HEAD} delay_loop 3\n{TAIL}"));
    assert_eq!(loaded.diagnostics[0].code.0, 301);
    assert!(
        loaded.diagnostics[0]
            .hint
            .as_deref()
            .unwrap()
            .contains("in virtual_server"),
        "{:?}",
        loaded.diagnostics
    );
    let loaded = read("vrrp_instanze V {\n x\n}\n");
    assert_eq!(loaded.diagnostics.len(), 1);
    assert_eq!(
        loaded.diagnostics[0].hint.as_deref(),
        Some("did you mean 'vrrp_instance'?")
    );
}

#[test]
fn nesting_has_a_limit() {
    let text = format!("{}\n{}", "x {\n".repeat(100_000), "}\n".repeat(100_000));
    assert_eq!(found(&text), [(300, 1), (205, 65)]);
}

/// Statements and braces, found one character after the other.
fn slow_tokens(text: &str) -> Vec<String> {
    let (mut found, mut statement, mut quoted) = (Vec::new(), String::new(), false);
    for character in text.chars().chain(['\n']) {
        let brace = !quoted && "{}".contains(character);
        if brace || character == '\n' {
            found.push(
                std::mem::take(&mut statement)
                    .trim_matches(crate::preprocess::BLANKS)
                    .to_owned(),
            );
            quoted = quoted && character != '\n';
        } else {
            quoted ^= character == '"';
            statement.push(character);
        }
        if brace {
            found.push(character.to_string());
        }
    }
    found.retain(|text| !text.is_empty());
    found
}

proptest::proptest! {
    #[test]
    fn tokens_end_at_braces_and_line_ends(text in "[a \t{}\"\né]{0,40}") {
        let tokens = super::tokens::tokens(&text);
        let found: Vec<&str> = tokens.iter().map(|token| &text[token.range().start as usize..token.range().end as usize]).collect();
        proptest::prop_assert_eq!(found, slow_tokens(&text));
    }
}

#[test]
fn a_blank_before_the_equals_sign_is_named() {
    let loaded = read("$P = 100\n");
    let hints: Vec<_> = loaded.diagnostics.iter().filter_map(|it| it.hint.as_deref()).collect();
    assert_eq!(hints, ["write $P=100: no blank may stand before the ="]);
}
