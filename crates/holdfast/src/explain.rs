//! `holdfast explain`: what a keyword does and takes wherever it may stand, or what a finding means.

use std::fmt::Write as _;
use std::process::ExitCode;

use holdfast_conf::Severity;
use holdfast_conf::diagnostic::findings::{self, Finding};
use holdfast_conf::keywords::{Context, Keyword, LEXICAL, Status, nearest};

use crate::EXIT_FAILURE;

/// The width that running text is wrapped to.
const WIDTH: usize = 100;

/// Prints what there is to say about a keyword or a code such as `HF0300`.
pub fn explain(topic: &str) -> ExitCode {
    match explanation(topic) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("holdfast: {problem}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Everything that can be explained: keywords and codes.
pub fn topics() -> Vec<String> {
    let keywords = LEXICAL
        .iter()
        .chain(Context::ALL.iter().flat_map(|context| context.keywords()));
    let mut topics: Vec<String> = keywords
        .map(|keyword| keyword.name.to_owned())
        .chain(findings::ALL.iter().map(|finding| finding.code.to_string()))
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

fn explanation(topic: &str) -> Result<String, String> {
    if let Some(finding) = Finding::by_name(topic) {
        return Ok(about_finding(finding));
    }
    let mut text = String::new();
    for (keyword, paths) in places(topic) {
        if !text.is_empty() {
            text.push('\n');
        }
        about_keyword(&mut text, keyword, &paths);
    }
    if !text.is_empty() {
        return Ok(text);
    }
    let topics = topics();
    let hint = nearest(topic, topics.iter().map(String::as_str))
        .map(|near| format!("; did you mean '{near}'?"))
        .unwrap_or_default();
    Err(format!(
        "'{topic}' is neither a keyword nor the code of a finding{hint}"
    ))
}

/// The rows with this name, each once, with the paths of blocks that it holds in.
fn places(name: &str) -> Vec<(&'static Keyword, Vec<String>)> {
    let mut places: Vec<(&Keyword, Vec<String>)> = LEXICAL
        .iter()
        .filter(|keyword| keyword.name == name)
        .map(|keyword| (keyword, vec!["(any line)".to_owned()]))
        .collect();
    for context in Context::ALL {
        let Some(keyword) = context.find(name) else { continue };
        match places.iter_mut().find(|(known, _)| *known == keyword) {
            Some((_, paths)) => paths.extend(context.paths().iter().cloned()),
            None => places.push((keyword, context.paths().to_vec())),
        }
    }
    places
}

fn about_keyword(text: &mut String, keyword: &Keyword, paths: &[String]) {
    let mut line = |name: &str, what: &str| {
        if !what.is_empty() {
            wrapped(text, &format!("  {name:<10}"), what);
        }
    };
    let head = format!("{} {}", keyword.name, keyword.arguments);
    let valid = keyword.value.describe();
    let alias = keyword.alias.map(|alias| {
        let deprecated = if alias.deprecated { " (deprecated name)" } else { "" };
        format!("{}{deprecated}", alias.of)
    });
    let effect = match keyword.status {
        Status::Extension => "in Holdfast only; keepalived does not know it",
        _ if is_in_effect(keyword, paths) => "",
        _ => "not yet: it is read and checked, and does nothing",
    };
    line("in", &paths.join(", "));
    line("does", keyword.doc);
    line("same as", &alias.unwrap_or_default());
    line("takes", if keyword.block().is_some() { "" } else { &valid });
    line("default", keyword.default);
    line(
        "since",
        &keyword
            .since
            .map(|version| format!("keepalived {version}"))
            .unwrap_or_default(),
    );
    line("in effect", effect);
    text.insert_str(
        text.rfind("\n\n").map_or(0, |at| at + 2),
        &format!("{}\n", head.trim_end()),
    );
}

/// Is it acted on in one of its places?
fn is_in_effect(keyword: &Keyword, paths: &[String]) -> bool {
    paths.iter().any(|path| match Context::at_path(path) {
        Some(context) => keyword.is_in_effect(context) && Context::is_path_in_effect(path),
        // Forms that hold on every line.
        None => true,
    })
}

fn about_finding(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    };
    let status = finding.class.map_or_else(
        || "it does not change the exit status of -t".to_owned(),
        |class| format!("-t ends with at least {}", class.exit_code()),
    );
    let mut text = format!("{}: {}\n{severity}; {status}\n", finding.code, finding.title);
    if finding.severity == Severity::Advice {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "off: `@holdfast lint_off {0}` in the file or in a block of it, or `holdfast check --allow {0}`",
            finding.code
        );
    }
    let Some(explanation) = finding.explanation() else {
        return text;
    };
    text.push('\n');
    wrapped(&mut text, "", explanation.why);
    for (title, example) in [("Example", explanation.wrong), ("Mended", explanation.right)] {
        if example.is_empty() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{title}:\n\n");
        for line in example.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// Appends words in lines of limited width; the first line begins with `head`, the others are indented as far.
fn wrapped(text: &mut String, head: &str, words: &str) {
    let mut line = head.to_owned();
    let mut is_empty = true;
    for word in words.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(head.chars().count());
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_explained_wherever_it_stands() {
        let text = explanation("priority").unwrap();
        assert!(
            text.starts_with("priority 1-255\n  in        vrrp_instance\n"),
            "{text}"
        );
        assert!(text.contains("takes     a whole number from 1 to 255"), "{text}");
        // In routes it is something else.
        assert!(text.contains("vrrp_instance/virtual_routes"), "{text}");
        let lexical = explanation("include").unwrap();
        assert!(
            lexical.starts_with("include GLOB\n  in        (any line)\n"),
            "{lexical}"
        );
    }

    #[test]
    fn deprecated_names_lead_to_the_new_one() {
        let text = explanation("vrrp_vmac_garp_intvl").unwrap();
        assert!(
            text.contains("same as   vrrp_garp_extra_if (deprecated name)"),
            "{text}"
        );
    }

    #[test]
    fn a_finding_is_explained_with_its_example() {
        let text = explanation("hf0300").unwrap();
        assert!(
            text.starts_with("HF0300: a keyword is unknown\nerror; -t ends with at least 5\n"),
            "{text}"
        );
        assert!(text.contains("\nMended:\n\n    vrrp_instance A {\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn typing_errors_lead_to_the_keyword() {
        let problem = explanation("virtual_ipadress").unwrap_err();
        assert!(problem.ends_with("did you mean 'virtual_ipaddress'?"), "{problem}");
    }
}
