use super::*;
use std::collections::HashSet;

#[test]
fn no_block_has_a_keyword_twice() {
    for context in Context::ALL {
        let mut seen = HashSet::new();
        for keyword in context.keywords() {
            assert!(
                seen.insert(keyword.name),
                "{} twice in {}",
                keyword.name,
                context.title()
            );
        }
    }
}

#[test]
fn an_alias_takes_what_its_keyword_takes() {
    for context in Context::ALL {
        for keyword in context.keywords() {
            let Some(alias) = keyword.alias else { continue };
            let Some(meant) = context.find(alias.of) else { continue };
            assert_eq!(keyword.value, meant.value, "{} in {}", keyword.name, context.title());
        }
    }
}

#[test]
fn typing_errors_lead_to_the_keyword() {
    let near = |word| nearest(word, Context::VrrpInstance.keywords().map(|keyword| keyword.name));
    assert_eq!(near("nopreemp"), Some("nopreempt"));
    assert_eq!(near("Priority"), Some("priority"));
    assert_eq!(near("virtual_ipadress"), Some("virtual_ipaddress"));
    assert_eq!(near("advetr_int"), Some("advert_int"));
    assert_eq!(near("colour"), None);
}

#[test]
fn distance_counts_a_swap_once() {
    assert_eq!(distance("abcd", "abdc"), 1);
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("kitten", "sitting"), 3);
}
