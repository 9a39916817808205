//! Configurations made from the table of keywords: mostly right, now and then wrong.

use holdfast_conf::keywords::{Context, Keyword, Shape, Value};

/// Blocks inside blocks.
const DEPTH: usize = 6;

/// Takes one choice after the other from bytes; without any left, always the first.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, most: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        // Lists of keywords are longer than a byte is large.
        let mut choice = usize::from(*first);
        if most > 256
            && let Some((second, rest)) = self.0.split_first()
        {
            self.0 = rest;
            choice = choice << 8 | usize::from(*second);
        }
        choice % most
    }

    fn of<'b>(&mut self, words: &[&'b str]) -> &'b str {
        words[self.below(words.len())]
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What stands where something right would.
const WRONG: &[&str] = &[
    "",
    "zzz",
    "-1",
    "0",
    "1.5",
    "99999999999",
    "a b c d",
    "\"",
    "'",
    "$A",
    "${A}",
    "${NOPE}",
    "{",
    "}",
    "é",
    "reverse",
    "weight",
    "true",
    "\"a b\"",
    "192.0.2.1-9",
    "+",
    "::",
    "0x10",
    "\\",
];
const ADDRESSES: &[&str] = &[
    "192.0.2.1",
    "2001:db8::1",
    "10.0.0.0/8",
    "fe80::1",
    "192.0.2.7/24",
    "${A}",
];
const NAMES: &[&str] = &[
    "A",
    "B",
    "eth0",
    "eth1",
    "192.0.2.1 80",
    "fwmark 7",
    "group A",
    "2001:db8::1 443",
    "/etc/x",
];
/// Lines that the preprocessor acts on.
const MACROS: &[&str] = &[
    "$A=1",
    "$A=${B} x",
    "$B=\\\n priority 7\\\n state MASTER",
    "$B",
    "~SEQ(A,1,3) priority ${A}",
    "@lb1 priority 3",
    "@^lb1 }",
    "include i.inc",
    "~LST({A,B},{1,2},{3}) weight $A",
    "~SEQx(A,9,11) $B",
    "# comment",
    "! comment }",
    "@holdfast lint_off x",
];

/// A configuration that depends on nothing but the choices.
pub(super) fn from_choices(choices: &[u8]) -> String {
    let mut text = String::new();
    let mut choices = Choices(choices);
    while !choices.is_empty() {
        statement(&mut text, Context::Top, &mut choices, 0);
    }
    text
}

fn statement(text: &mut String, context: Context, choices: &mut Choices<'_>, depth: usize) {
    match choices.below(16) {
        0 => text.push_str(choices.of(WRONG)),
        1 => text.push_str(choices.of(MACROS)),
        _ => {
            let keywords: Vec<&Keyword> = context.keywords().collect();
            match context.shape() {
                Shape::Names => text.push_str(choices.of(NAMES)),
                Shape::Lines => line(text, &keywords, choices),
                Shape::Keywords if keywords.is_empty() => {}
                Shape::Keywords => {
                    let blocks: Vec<&Keyword> = keywords.iter().copied().filter(|it| it.block().is_some()).collect();
                    let some = if choices.below(3) == 0 && !blocks.is_empty() {
                        &blocks
                    } else {
                        &keywords
                    };
                    let keyword = some[choices.below(some.len())];
                    with_argument(text, keyword, choices);
                    if let Some(inner) = keyword.block().filter(|_| depth < DEPTH) {
                        block(text, inner, choices, depth + 1);
                    }
                }
            }
        }
    }
    text.push('\n');
}

fn block(text: &mut String, inner: Context, choices: &mut Choices<'_>, depth: usize) {
    text.push_str(choices.of(&[" {\n", " {\n", " {\n", "\n{\n", " { ", "\n", " {}\n{\n"]));
    for _ in 0..choices.below(12) {
        statement(text, inner, choices, depth);
    }
    text.push_str(choices.of(&["}", "}", "}", "}", "}", "", "} }"]));
}

/// An address or a name, and options.
fn line(text: &mut String, keywords: &[&Keyword], choices: &mut Choices<'_>) {
    text.push_str(if choices.below(2) == 0 {
        choices.of(ADDRESSES)
    } else {
        choices.of(NAMES)
    });
    for _ in 0..choices.below(4) {
        text.push(' ');
        if !keywords.is_empty() {
            with_argument(text, keywords[choices.below(keywords.len())], choices);
        }
    }
}

fn with_argument(text: &mut String, keyword: &Keyword, choices: &mut Choices<'_>) {
    text.push_str(keyword.name);
    text.push(' ');
    if choices.below(8) == 0 {
        text.push_str(choices.of(WRONG));
        return;
    }
    let argument = match keyword.value {
        Value::Flag => "",
        Value::Bool => choices.of(&["", "on", "off"]),
        Value::OneOf(words) => choices.of(words),
        Value::Integer(least, most) | Value::OptionalInteger(least, most) => {
            let number = [least, most, 1, least.saturating_sub(1), most.saturating_add(1)][choices.below(5)];
            return text.push_str(&number.to_string());
        }
        Value::Seconds(..) => choices.of(&["1", "0.5", "3", "0.01"]),
        Value::Address | Value::Ipv4 | Value::Ipv6 => choices.of(ADDRESSES),
        Value::Script => choices.of(&["/bin/true", "\"/bin/true 'a b' \\x41\" root", "\"\"", "x y z w"]),
        _ => choices.of(NAMES),
    };
    text.push_str(argument);
}

#[test]
fn configurations_reach_deep() {
    let mut state: u64 = 1;
    let choices = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let choices: Vec<u8> = choices.take(50_000).collect();
    let text = from_choices(&choices);
    for word in [
        "virtual_ipaddress",
        "real_server",
        "HTTP_GET",
        "track_script",
        "priority",
    ] {
        assert!(text.contains(word), "{word}");
    }
}
