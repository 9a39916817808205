use super::*;
use proptest::prelude::*;

#[test]
fn quoted_words_alone_are_plain() {
    assert!(plain_words("notify_master \"/bin/true a\" root", 0).is_some());
    assert!(plain_arguments("notify_master \"/bin/true a\" root").is_some());
    assert!(plain_words("a\"b\"", 0).is_none());
    assert!(plain_words("\"a\"b", 0).is_none());
    assert!(plain_words("\"a", 0).is_none());
}

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
    fn the_shorter_way_is_the_grammar(statement in "[ \t\rab'{\\\\\u{b}\u{c}é\u{a0}\u{85}$]{0,20}|([ \t\rab\"é]|\" ?){0,20}|([ab'é]{1,3}[ \t]|\"[ab '{]{0,3}\"[ \t])*") {
        let words = plain_words(&statement, 7);
        if let Some(words) = &words {
            prop_assert_eq!(words, &parsed_words(&statement, 7));
        }
        prop_assert!(words.is_some() || statement.contains('"'));
        let arguments = plain_arguments(&statement);
        if let Some(arguments) = &arguments {
            prop_assert_eq!(arguments, &parsed_arguments(&statement).unwrap());
            for (argument, _) in arguments {
                prop_assert_eq!(unescape(argument), argument.as_bytes());
            }
        }
        prop_assert!(arguments.is_some() || statement.contains(['"', '\'', '\\']));
    }

    #[test]
    fn the_grammar_takes_every_text(statement in any::<String>()) {
        prop_assert!(Grammar::parse(Rule::statement, &statement).is_ok());
        prop_assert!(Grammar::parse(Rule::command, &statement).is_ok());
    }
}
