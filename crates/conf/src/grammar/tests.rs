use super::*;
use proptest::prelude::*;

fn texts(statement: &str) -> Vec<&str> {
    words(statement, 0).into_iter().map(|word| word.text).collect()
}

#[test]
fn a_quote_ends_the_word_before_it() {
    assert_eq!(texts("ab\"c d\" e"), ["ab", "c d", "e"]);
    assert_eq!(texts("'a b'"), ["'a", "b'"]);
    assert_eq!(texts("x \"\" y"), ["x", "", "y"]);
    assert_eq!(texts("a \\"), ["a", "\\"]);
}

#[test]
fn words_know_where_they_are() {
    let words = words("a  \"b c\"", 10);
    let ranges: Vec<(u32, u32)> = words.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(ranges, [(10, 11), (13, 18)]);
}

// The examples of keepalived's language description.
#[test]
fn commands_are_split_as_a_shell_would() {
    let statement = r#"script "/usr/local/bin/chk --name 'web 1' --sep \t" nobody nogroup"#;
    let command = command_statement(statement, 0).unwrap();
    assert_eq!(command.rest, ["nobody", "nogroup"]);
    assert_eq!(
        arguments(&command.command),
        ["/usr/local/bin/chk", "--name", "web 1", "--sep", "\t"]
    );
    let plain = command_statement("notify_master /etc/to_master.sh root", 0).unwrap();
    assert_eq!((plain.command.as_str(), plain.rest.len()), ("/etc/to_master.sh", 1));
    let escaped = command_statement(r#"script "/bin/echo \"a b\"""#, 0).unwrap();
    assert_eq!(arguments(&escaped.command), ["/bin/echo", "\"a", "b\""]);
    assert!(command_statement("script", 0).is_none());
}

#[test]
fn escapes_are_understood() {
    assert_eq!(unescape(r"\x41\x7g\101\cA\q\\"), b"A\x07gA\x01q\\");
    assert_eq!(arguments(r#"a"b c"'d e'f"#), ["ab cd ef"]);
}

proptest! {
    #[test]
    fn the_shorter_way_is_the_grammar(statement in "[ \t\rab'{\\\\\u{b}\u{c}é\u{a0}\u{85}$]{0,40}") {
        prop_assert_eq!(plain_words(&statement, 7), parsed_words(&statement, 7));
    }

    #[test]
    fn the_grammar_takes_every_text(statement in any::<String>()) {
        prop_assert!(Grammar::parse(Rule::statement, &statement).is_ok());
        prop_assert!(Grammar::parse(Rule::command, &statement).is_ok());
    }
}
