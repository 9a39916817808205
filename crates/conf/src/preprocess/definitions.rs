//! `$NAME=`, `$NAME`, `${NAME}` and the predefined names.

use super::line::{BLANKS, Line};
use super::{EXPANSION_DEPTH, LINE_BYTES, Preprocessor};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::{ExpansionId, Span};
use std::collections::HashMap;
use std::rc::Rc;

/// The definitions so far, and the numbers behind `${_RANDOM}`.
pub(super) struct Definitions {
    named: HashMap<String, Rc<Definition>>,
    /// So that a place that is used often is noted once.
    expansions: HashMap<Span, ExpansionId>,
    random: u64,
}

pub(super) struct Definition {
    lines: Vec<Line>,
    multi_line: bool,
}

/// What became of a line.
pub(super) enum Substituted {
    Line(Line),
    /// A definition of several lines was used at its end.
    Lines(Vec<Line>),
    /// An error was reported, or nothing is left.
    Nothing,
}

enum Value {
    Definition(Rc<Definition>),
    Text(String),
}

/// A `$NAME` or `${NAME}` in a line.
struct Reference<'a> {
    start: usize,
    end: usize,
    name: &'a str,
    braces: bool,
}

impl Definitions {
    pub(super) fn new(random_seed: u64) -> Self {
        let mut definitions = Self {
            named: HashMap::new(),
            expansions: HashMap::new(),
            random: 0,
        };
        definitions.seed(random_seed);
        definitions
    }

    /// Random numbers start anew. A xorshift generator stays at 0 for ever when it starts there.
    pub(super) fn seed(&mut self, random_seed: u64) {
        self.random = random_seed | 1 << 63;
    }

    pub(super) fn set(&mut self, name: String, lines: Vec<Line>, multi_line: bool) {
        self.named.insert(name, Rc::new(Definition { lines, multi_line }));
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// `$NAME=value`.
pub(super) fn definition(line: &Line) -> Option<(String, Line)> {
    let rest = line.as_str().strip_prefix('$')?;
    let (name, _) = rest.split_once('=')?;
    if !is_name(name) {
        return None;
    }
    let mut value = line.slice(name.len() + 2..line.len());
    value.trim();
    Some((name.to_owned(), value))
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty() && name.chars().all(is_name_character)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The next reference at or after `from`.
fn next_reference(text: &str, mut from: usize) -> Option<Reference<'_>> {
    loop {
        let start = from + memchr::memchr(b'$', text.as_bytes().get(from..)?)?;
        let rest = text.get(start + 1..)?;
        if let Some(inner) = rest.strip_prefix('{') {
            // Only up to the next reference: else a line of many `${` would be searched again and again.
            let end = inner.find(['}', '{', '$']);
            if let Some(length) = end.filter(|end| inner.as_bytes().get(*end) == Some(&b'}')) {
                let name = inner.get(..length)?;
                if is_name(name.split(BLANKS).next().unwrap_or_default()) {
                    return Some(Reference {
                        start,
                        end: start + length + 3,
                        name,
                        braces: true,
                    });
                }
            }
        } else {
            let length = rest
                .find(|character| !is_name_character(character))
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            if is_name(name)
                && after
                    .chars()
                    .next()
                    .is_none_or(|next| BLANKS.contains(&next) || ",)".contains(next))
            {
                return Some(Reference {
                    start,
                    end: start + 1 + length,
                    name,
                    braces: false,
                });
            }
        }
        from = start + 1;
    }
}

impl Preprocessor<'_> {
    /// Replaces definitions until nothing changes.
    pub(super) fn substitute(&mut self, mut line: Line) -> Substituted {
        let mut undefined = Vec::new();
        for _ in 0..=EXPANSION_DEPTH {
            if !line.as_str().contains('$') {
                break;
            }
            match self.substitute_once(&line, &mut undefined) {
                Pass::Unchanged => break,
                Pass::Lines(lines) => return Substituted::Lines(lines),
                Pass::Line(new) if new.len() <= LINE_BYTES => {
                    line = new;
                    line.strip_comment(&mut self.diagnostics);
                    line.trim();
                }
                Pass::Line(_) => {
                    let message = format!("Definitions make this line longer than {LINE_BYTES} bytes; it is ignored");
                    self.diagnostics
                        .push(Diagnostic::new(findings::EXPANSION_LIMIT, message, line.span()));
                    return Substituted::Nothing;
                }
            }
        }
        if matches!(self.substitute_once(&line, &mut undefined), Pass::Line(_)) {
            self.diagnostics.push(
                Diagnostic::new(
                    findings::DEFINITION_LOOP,
                    "A definition contains itself; the line is ignored",
                    line.span(),
                )
                .hint("a definition must not use its own name, directly or through others"),
            );
            return Substituted::Nothing;
        }
        self.neutralise(line, &undefined)
    }

    fn substitute_once(&mut self, line: &Line, undefined: &mut Vec<String>) -> Pass {
        let mut new = Line::default();
        let mut copied = 0;
        let mut from = 0;
        while let Some(reference) = next_reference(line.as_str(), from) {
            from = reference.start + 1;
            let place = line.span_of(reference.start..reference.end);
            let Some(value) = self.value(reference.name, reference.braces, place) else {
                if reference.braces && !undefined.iter().any(|name| name == reference.name) {
                    undefined.push(reference.name.to_owned());
                }
                continue;
            };
            let inserted = match value {
                Value::Text(text) => Line::fixed(&text, place),
                Value::Definition(definition) if definition.multi_line => {
                    if reference.end != line.len() {
                        continue;
                    }
                    new.append(&line.slice(copied..reference.start));
                    return Pass::Lines(self.place_lines(&definition, reference.name, place, new));
                }
                Value::Definition(definition) => self.place(definition.lines.first(), reference.name, place),
            };
            new.append(&line.slice(copied..reference.start));
            new.append(&inserted);
            copied = reference.end;
            from = reference.end;
            if new.len() > LINE_BYTES {
                break;
            }
        }
        if copied == 0 {
            return Pass::Unchanged;
        }
        new.append(&line.slice(copied..line.len()));
        Pass::Line(new)
    }

    fn value(&mut self, name: &str, braces: bool, place: Span) -> Option<Value> {
        if let Some(definition) = self.definitions.named.get(name) {
            return Some(Value::Definition(Rc::clone(definition)));
        }
        let mut words = name.split(BLANKS).filter(|word| !word.is_empty());
        let predefined = words.next()?;
        let arguments: Vec<&str> = words.collect();
        let text = match (predefined, arguments.as_slice()) {
            ("_PWD", []) => self.directory().display().to_string(),
            ("_INSTANCE", []) => self.options.config_id.clone().unwrap_or_default(),
            ("_HASH", []) => "#".to_owned(),
            ("_BANG", []) => "!".to_owned(),
            ("_ENV", [variable]) if braces => self.options.environment.get(*variable).cloned().unwrap_or_default(),
            ("_RANDOM", bounds) if bounds.len() <= 2 => self.random(bounds, place)?.to_string(),
            _ => return None,
        };
        Some(Value::Text(text))
    }

    fn random(&mut self, bounds: &[&str], place: Span) -> Option<u32> {
        let bound = |index: usize, default: u32| bounds.get(index).map_or(Some(default), |word| word.parse().ok());
        let (smallest, largest) = (bound(0, 0)?, bound(1, 32767)?);
        if smallest > largest {
            let message = format!("The smallest value {smallest} is larger than the largest {largest}; it is used");
            self.diagnostics
                .push(Diagnostic::new(findings::RANDOM_RANGE, message, Some(place)));
            return Some(smallest);
        }
        let count = u64::from(largest - smallest) + 1;
        u32::try_from(self.definitions.next_random() % count)
            .ok()
            .map(|value| smallest + value)
    }

    /// The value of a definition where it is used.
    fn place(&mut self, value: Option<&Line>, name: &str, place: Span) -> Line {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Line::fixed("", place);
        };
        let defined_at = Span {
            expansion: place.expansion,
            ..value.span().unwrap_or_default()
        };
        let sources = &mut self.sources;
        let entry = self.definitions.expansions.entry(defined_at);
        let id = *entry.or_insert_with(|| sources.add_expansion(&format!("${name}"), defined_at));
        Line::fixed(
            value.as_str(),
            Span {
                expansion: Some(id),
                ..place
            },
        )
    }

    fn place_lines(&mut self, definition: &Definition, name: &str, place: Span, prefix: Line) -> Vec<Line> {
        let mut lines: Vec<Line> = definition
            .lines
            .iter()
            .map(|line| self.place(Some(line), name, place))
            .collect();
        if !prefix.is_empty() {
            let mut first = prefix;
            if let Some(line) = lines.first() {
                first.append(line);
            }
            match lines.first_mut() {
                Some(line) => *line = first,
                None => lines.push(first),
            }
        }
        lines
    }

    /// The braces of an undefined `${NAME}` would open a block and hide what follows, so they are taken out here,
    /// where it is said.
    fn neutralise(&mut self, line: Line, undefined: &[String]) -> Substituted {
        let mut new = Line::default();
        let mut copied = 0;
        let mut from = 0;
        while let Some(reference) = next_reference(line.as_str(), from) {
            from = reference.end;
            if !reference.braces || !undefined.iter().any(|name| name == reference.name) {
                continue;
            }
            let place = line.span_of(reference.start..reference.end);
            let known = self.definitions.named.keys().map(String::as_str);
            let near = crate::keywords::nearest(reference.name, known).map(|name| format!("did you mean ${{{name}}}?"));
            let message = format!("${{{}}} is not defined", reference.name);
            self.diagnostics
                .push(Diagnostic::new(findings::UNDEFINED_NAME, message, Some(place)).maybe_hint(near));
            new.append(&line.slice(copied..reference.start));
            new.append(&Line::fixed(
                &format!("${}", reference.name.replace(BLANKS, "_")),
                place,
            ));
            copied = reference.end;
        }
        if copied == 0 {
            return Substituted::Line(line);
        }
        new.append(&line.slice(copied..line.len()));
        Substituted::Line(new)
    }
}

enum Pass {
    Unchanged,
    Line(Line),
    Lines(Vec<Line>),
}
