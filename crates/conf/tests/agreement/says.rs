//! What keepalived printed about each file of the corpus.

/// One file of the corpus, in keepalived's eyes.
pub struct Verdict {
    pub file: String,
    /// The exit status of `keepalived -t`.
    pub status: i32,
    pub messages: Vec<Message>,
}

/// One line of its output.
pub struct Message {
    /// The line of the file, when it names one.
    pub line: Option<u32>,
    pub text: String,
}

impl Verdict {
    /// keepalived had nothing to say.
    pub fn is_clean(&self) -> bool {
        self.status == 0 && self.messages.is_empty()
    }
}

/// Reads the recorded output: `### FILE rc=STATUS`, then the lines.
pub fn verdicts(output: &str) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    for line in output.lines().filter(|line| !line.trim().is_empty()) {
        if let Some((file, status)) = line.strip_prefix("### ").and_then(|head| head.rsplit_once(" rc=")) {
            verdicts.push(Verdict {
                file: file.to_owned(),
                status: status.parse().unwrap(),
                messages: Vec::new(),
            });
        } else {
            verdicts.last_mut().unwrap().messages.push(message(line));
        }
    }
    verdicts
}

/// `(FILE: Line N) text`, `(Line N) text` or only text.
fn message(line: &str) -> Message {
    let placed = || {
        let (head, text) = line.strip_prefix('(')?.split_once(") ")?;
        let number = head.rsplit_once("Line ")?.1.parse().ok()?;
        Some((number, text))
    };
    let (line, text) = placed().map_or((None, line), |(number, text)| (Some(number), text));
    Message {
        line,
        text: text.trim_start_matches('\t').to_owned(),
    }
}

#[test]
fn places_are_read_in_both_forms() {
    let verdicts = verdicts("### a.conf rc=5\n(a.conf: Line 6) x (y)\n(Line 7) z\n(V) w\n### b.conf rc=0\n\n");
    let lines: Vec<_> = verdicts[0]
        .messages
        .iter()
        .map(|it| (it.line, it.text.as_str()))
        .collect();
    assert_eq!(lines, [(Some(6), "x (y)"), (Some(7), "z"), (None, "(V) w")]);
    assert!(verdicts[1].is_clean());
}
