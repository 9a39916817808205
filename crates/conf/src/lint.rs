//! Advice: what works as written, but is probably not what one wants.
//!
//! Only `holdfast check` asks for it; neither `-t` nor the daemon does. Every piece of advice can be switched off, in
//! the file (`@holdfast lint_off HF0801`, see [`LintOff`]) and by whoever calls.

mod bfd;
mod script;
mod switch;
mod virtual_server;
mod vrrp;

pub(crate) use switch::Switch;
pub use switch::{Allow, LintOff};

use crate::Loaded;
use crate::config::Config;
use crate::diagnostic::findings::{self, Finding};
use crate::diagnostic::{Code, Diagnostic, Findings, Severity};
use crate::host::Host;
use crate::source::{SourceMap, Span};

/// Is this the code of a piece of advice?
pub fn is_lint(code: Code) -> bool {
    let is_advice = |finding: &Finding| finding.code == code && finding.severity == Severity::Advice;
    findings::ALL.iter().any(is_advice)
}

/// Everything to advise about a configuration, but what its `lint_off` lines forbid.
///
/// What can be seen only on the host that the file is for is left out without one.
pub fn lint(loaded: &Loaded, host: Option<&dyn Host>) -> Vec<Diagnostic> {
    let mut pass = Pass {
        config: &loaded.config,
        sources: &loaded.sources,
        known: &loaded.diagnostics,
        host,
        advice: Vec::new(),
    };
    vrrp::look(&mut pass);
    bfd::look(&mut pass);
    virtual_server::look(&mut pass);
    script::look(&mut pass);
    let mut advice = Findings::default();
    let is_off = |it: &Diagnostic| loaded.lint_off.iter().any(|off| off.covers(it, &loaded.sources));
    for it in pass.advice.into_iter().filter(|it| !is_off(it)) {
        advice.push(it);
    }
    for it in loaded.lint_off.iter().flat_map(LintOff::complaints) {
        advice.push(it);
    }
    advice.finish()
}

/// One look at a configuration.
struct Pass<'a> {
    config: &'a Config,
    sources: &'a SourceMap,
    /// What was said already.
    known: &'a [Diagnostic],
    host: Option<&'a dyn Host>,
    advice: Vec<Diagnostic>,
}

impl Pass<'_> {
    fn advise(&mut self, diagnostic: Diagnostic) {
        self.advice.push(diagnostic);
    }

    /// Says the same of many places once, at the first.
    fn advise_once(&mut self, finding: Finding, places: &[Span], message: String, hint: &str) {
        let Some((first, more)) = places.split_first() else {
            return;
        };
        let mut advice = Diagnostic::new(finding, message, Some(*first)).hint(hint);
        if !more.is_empty() {
            advice = advice.note(format!("and {} more like this", more.len()), more.first().copied());
        }
        self.advise(advice);
    }
}

#[cfg(test)]
mod tests;
