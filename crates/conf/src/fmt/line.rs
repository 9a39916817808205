//! What stands on one line of a file, before any definition is looked up.
#![deny(clippy::arithmetic_side_effects)]

/// What separates words.
const BLANKS: [u8; 5] = *b" \t\x0c\x0b\r";

fn is_blank(byte: u8) -> bool {
    BLANKS.contains(&byte)
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_blank(*byte)).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| !is_blank(*byte));
    bytes
        .get(..last.map_or(0, |last| last.saturating_add(1)))
        .unwrap_or_default()
}

/// Without blanks at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    trim_start(trim_end(bytes))
}

/// A line and its parts.
pub(super) struct Line<'a> {
    /// All of it, without blanks at both ends.
    pub(super) whole: &'a [u8],
    /// What stands before the comment.
    pub(super) code: &'a [u8],
    /// The comment and the blanks before it.
    pub(super) comment: &'a [u8],
    /// `@id`.
    pub(super) condition: Option<&'a [u8]>,
    /// The code after the condition.
    pub(super) body: &'a [u8],
    /// A quote is opened and not closed.
    open_quote: bool,
}

/// What can be done with a line.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// Words and braces.
    Plain,
    /// Words and braces that what is defined elsewhere may change.
    Fixed,
    /// A sequence; what it repeats.
    Sequence(&'a [u8]),
    /// `$NAME=`.
    Definition {
        value: &'a [u8],
        /// The next line belongs to it.
        goes_on: bool,
    },
    /// An include; braces are part of the pattern.
    Include,
    /// A condition without anything else.
    Dropped,
}

impl<'a> Line<'a> {
    /// Takes a line apart that has no blanks at both ends.
    pub(super) fn split(whole: &'a [u8]) -> Self {
        let (end, open_quote) = comment_start(whole);
        let code = trim_end(whole.get(..end).unwrap_or(whole));
        let comment = whole.get(code.len()..).unwrap_or_default();
        let (mut condition, mut body) = (None, code);
        if code.starts_with(b"@") {
            let end = code.iter().position(|byte| is_blank(*byte)).unwrap_or(code.len());
            let (id, rest) = code.split_at(end);
            (condition, body) = (Some(id), trim_start(rest));
        }
        Self {
            whole,
            code,
            comment,
            condition,
            body,
            open_quote,
        }
    }

    /// The line with another body.
    pub(super) fn text(&self, body: &[u8]) -> Vec<u8> {
        let mut text = self.condition.unwrap_or_default().to_vec();
        if !text.is_empty() && !body.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(body);
        text.extend_from_slice(self.comment);
        text
    }

    pub(super) fn kind(&self) -> Kind<'a> {
        let mut body = self.body;
        if body.is_empty() {
            return Kind::Dropped;
        }
        while is_sequence(body) {
            let Some(end) = memchr::memchr(b')', body) else { break };
            body = trim_start(body.get(end.saturating_add(1)..).unwrap_or_default());
        }
        let in_sequence = body.len() < self.body.len();
        // Values of a sequence may turn into a definition.
        let hidden = in_sequence && body.starts_with(b"$") && self.body.contains(&b'\\');
        if let Some(value) = definition(body).or(hidden.then_some(body)) {
            let goes_on = hidden || value.ends_with(b"\\");
            return Kind::Definition { value, goes_on };
        }
        if is_include(body) {
            Kind::Include
        } else if in_sequence {
            Kind::Sequence(body)
        } else if self.open_quote || is_sequence(body) || may_change(body) || may_become_include(body) {
            Kind::Fixed
        } else {
            Kind::Plain
        }
    }
}

/// Where the comment of a line begins, else its end; and whether a quote is open there.
fn comment_start(line: &[u8]) -> (usize, bool) {
    let mut quoted = false;
    let mut previous = 0;
    for (at, byte) in line.iter().copied().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' | b'!' if !quoted && previous != b'\\' => return (at, false),
            _ => {}
        }
        previous = byte;
    }
    (line.len(), quoted)
}

fn is_sequence(body: &[u8]) -> bool {
    [&b"~SEQ("[..], b"~SEQx(", b"~LST("]
        .iter()
        .any(|start| body.starts_with(start))
}

fn is_include(body: &[u8]) -> bool {
    let end = body.iter().position(|byte| is_blank(*byte)).unwrap_or(body.len());
    let keyword = body.get(..end).unwrap_or_default();
    matches!(
        keyword,
        b"include" | b"includer" | b"includem" | b"includew" | b"includeb" | b"includea"
    )
}

/// With a blank before its first brace the line would be an include.
fn may_become_include(body: &[u8]) -> bool {
    let end = memchr::memchr2(b'{', b'}', body).unwrap_or(body.len());
    is_include(body.get(..end).unwrap_or_default())
}

/// The value of `$NAME=value`.
fn definition(body: &[u8]) -> Option<&[u8]> {
    let rest = body.strip_prefix(b"$")?;
    let (name, value) = rest.split_at(rest.iter().position(|byte| *byte == b'=')?);
    is_name(name).then(|| trim_start(value.get(1..).unwrap_or_default()))
}

fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !first.is_ascii_digit()) && name.iter().copied().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Does the text use a definition, or would it with a blank more?
fn may_change(body: &[u8]) -> bool {
    body.windows(2)
        .any(|pair| matches!(pair, [b'$', next] if *next == b'{' || is_name_byte(*next) && !next.is_ascii_digit()))
}

/// A piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Without blanks at both ends.
    Text(&'a [u8]),
    Open,
    Close,
}

/// Braces outside quotes and outside `${NAME}`, and the text between them. A quote that is not closed ends before a
/// last `{`.
pub(super) fn tokens(body: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut skip_to = 0;
    let mut quoted = false;
    let text = |from: usize, to: usize| Some(trim(body.get(from..to)?)).filter(|text| !text.is_empty());
    for (at, byte) in body.iter().copied().enumerate() {
        if at < skip_to {
            continue;
        }
        let last = at.saturating_add(1) == body.len();
        let brace = match byte {
            b'"' => {
                quoted = !quoted;
                continue;
            }
            b'$' => {
                skip_to = body
                    .get(at..)
                    .and_then(reference)
                    .map_or(0, |length| at.saturating_add(length));
                continue;
            }
            b'{' if !quoted || last => Token::Open,
            b'}' if !quoted => Token::Close,
            _ => continue,
        };
        tokens.extend(text(start, at).map(Token::Text));
        tokens.push(brace);
        start = at.saturating_add(1);
    }
    tokens.extend(text(start, body.len()).map(Token::Text));
    tokens
}

/// The length of a `${NAME}`.
fn reference(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"${")?;
    let length = memchr::memchr(b'}', inner)?;
    let name = inner.get(..length)?.split(|byte| is_blank(*byte)).next()?;
    is_name(name).then(|| length.saturating_add(3))
}
