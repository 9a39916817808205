//! `~SEQ`, `~SEQx` and `~LST`.
#![deny(clippy::arithmetic_side_effects)]

use super::Preprocessor;
use super::definitions::Substituted;
use super::line::{BLANKS, Line};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Span;

/// Repetitions of one sequence.
const REPETITIONS: u64 = 1_000_000;

pub(super) fn is_sequence(text: &str) -> bool {
    ["~SEQ(", "~SEQx(", "~LST("].iter().any(|start| text.starts_with(start))
}

/// What the names of a sequence become, repetition by repetition.
enum Repetitions {
    Numbers {
        name: String,
        start: i64,
        step: i64,
        count: u64,
        hexadecimal: bool,
    },
    Tuples {
        names: Vec<String>,
        tuples: Vec<Vec<String>>,
    },
}

impl Preprocessor<'_> {
    /// Repeats the text after the parentheses.
    pub(super) fn sequence(&mut self, line: &Line, depth: usize) {
        let text = line.as_str();
        let (Some(open), Some(close)) = (text.find('('), text.find(')')) else {
            return self.bad_sequence("The ) of the sequence is missing", line.span());
        };
        let header_span = line.span_of(0..close.saturating_add(1));
        let header = match self.substitute(line.slice(open.saturating_add(1)..close)) {
            Substituted::Line(header) => header.as_str().to_owned(),
            Substituted::Lines(_) | Substituted::Nothing => {
                return self.bad_sequence("The parentheses hold no values", Some(header_span));
            }
        };
        let kind = text.get(..open).unwrap_or_default();
        let repetitions = if kind == "~LST" {
            tuples(&header)
        } else {
            numbers(&header, kind == "~SEQx")
        };
        let mut body = line.slice(close.saturating_add(1)..line.len());
        body.trim();
        match repetitions {
            Ok(repetitions) => self.repeat(&repetitions, &body, header_span, depth),
            Err(reason) => self.bad_sequence(&reason, Some(header_span)),
        }
    }

    fn bad_sequence(&mut self, reason: &str, span: Option<Span>) {
        self.diagnostics.push(
            Diagnostic::new(findings::BAD_SEQUENCE, format!("{reason}; the line is ignored"), span)
                .hint("~SEQ(NAME, START, STEP, END) text, or ~LST(NAME, VALUE, ...) text"),
        );
    }

    fn repeat(&mut self, repetitions: &Repetitions, body: &Line, header: Span, depth: usize) {
        match repetitions {
            Repetitions::Numbers {
                name,
                start,
                step,
                count,
                hexadecimal,
            } => {
                let mut number = *start;
                for _ in 0..*count {
                    let value = if *hexadecimal {
                        format!("{number:x}")
                    } else {
                        number.to_string()
                    };
                    self.repeat_once(&[(name, &value)], body, header, depth);
                    if self.full {
                        break;
                    }
                    number = number.saturating_add(*step);
                }
            }
            Repetitions::Tuples { names, tuples } => {
                for tuple in tuples {
                    let values = tuple.iter().map(String::as_str).chain(std::iter::repeat(""));
                    let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(values).collect();
                    self.repeat_once(&pairs, body, header, depth);
                }
            }
        }
    }

    fn repeat_once(&mut self, values: &[(&str, &str)], body: &Line, header: Span, depth: usize) {
        if !self.count_expansion(Some(header)) {
            return;
        }
        for (name, value) in values {
            self.definitions
                .set((*name).to_owned(), vec![Line::fixed(value, header)], false);
        }
        self.logical_line(body.clone(), depth.saturating_add(1));
    }
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// `VAR, [START, [STEP,]] END`.
fn numbers(header: &str, hexadecimal: bool) -> Result<Repetitions, String> {
    let compact: String = header.chars().filter(|character| !BLANKS.contains(character)).collect();
    let mut parts = compact.split(',');
    let name = parts.next().unwrap_or_default();
    if !is_name(name) {
        return Err(format!("'{name}' is no name for a sequence"));
    }
    let values: Vec<i64> = parts
        .map(|part| number(part).ok_or_else(|| format!("'{part}' is not a number")))
        .collect::<Result<_, _>>()?;
    let (start, step, end) = match *values.as_slice() {
        [end] => (end.signum(), end.signum(), end),
        [start, end] => (start, if end < start { -1 } else { 1 }, end),
        [start, step, end] => (start, step, end),
        _ => return Err("A sequence has one to three numbers".to_owned()),
    };
    // `~SEQ(A,0)` counts from 1 upwards and so has no values.
    let distance = end.saturating_sub(start);
    if step == 0 && values.len() == 1 {
        return Ok(Repetitions::Numbers {
            name: name.to_owned(),
            start: 1,
            step: 1,
            count: 0,
            hexadecimal,
        });
    }
    if step == 0 || (distance != 0 && (distance < 0) != (step < 0)) {
        return Err(format!("With step {step} there is no way from {start} to {end}"));
    }
    if hexadecimal && (start < 0 || end < 0) {
        return Err("~SEQx has no negative numbers".to_owned());
    }
    let count = distance
        .unsigned_abs()
        .checked_div(step.unsigned_abs())
        .unwrap_or(u64::MAX);
    if count >= REPETITIONS {
        return Err(format!("A sequence may have {REPETITIONS} values"));
    }
    Ok(Repetitions::Numbers {
        name: name.to_owned(),
        start,
        step,
        count: count.saturating_add(1),
        hexadecimal,
    })
}

/// Decimal, `0x` hexadecimal or `0` octal.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => (hexadecimal, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { value.saturating_neg() } else { value })
}

/// `VAR, V1, V2` or `{VAR1,VAR2}, {A1,A2}, {B1,B2}`.
fn tuples(header: &str) -> Result<Repetitions, String> {
    if header.contains('"') {
        return Err("The values of ~LST cannot be quoted".to_owned());
    }
    let mut items = split_tuples(header)?.into_iter();
    let names = items.next().unwrap_or_default();
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return Err(format!("'{}' is no name for a list", names.join(",")));
    }
    let tuples: Vec<Vec<String>> = items.collect();
    if let Some(long) = tuples.iter().find(|tuple| tuple.len() > names.len()) {
        return Err(format!("{{{}}} has more values than there are names", long.join(",")));
    }
    Ok(Repetitions::Tuples { names, tuples })
}

fn split_tuples(header: &str) -> Result<Vec<Vec<String>>, String> {
    let mut items = Vec::new();
    let mut rest = header.trim_matches(BLANKS);
    loop {
        let (item, after) = if let Some(inner) = rest.strip_prefix('{') {
            let (inner, after) = inner.split_once('}').ok_or("A } is missing in the list")?;
            let values = inner
                .split(',')
                .map(|value| value.trim_matches(BLANKS).to_owned())
                .collect();
            (values, after.trim_start_matches(BLANKS))
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (value, after) = rest.split_at(end);
            (vec![value.trim_matches(BLANKS).to_owned()], after)
        };
        items.push(item);
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start_matches(BLANKS),
            None if after.is_empty() => return Ok(items),
            None => return Err(format!("'{after}' in the list is not understood")),
        }
    }
}
