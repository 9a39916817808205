//! Advice: what works as written, but is probably not what one wants.
//!
//! Only `holdfast check` asks for it; neither `-t` nor the daemon does. Every piece of advice can be switched off, in
//! the file (`@holdfast lint_off HF0801`, see [`LintOff`]) and by whoever calls.

mod bfd;
mod kernel;
mod scope;
mod script;
mod switch;
mod virtual_server;
mod vrrp;

pub use kernel::{Concern, concerns};
use scope::Scopes;
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
        scopes: Scopes::new(&loaded.lint_off, &loaded.sources),
        advice: Findings::default(),
    };
    vrrp::look(&mut pass);
    bfd::look(&mut pass);
    virtual_server::look(&mut pass);
    script::look(&mut pass);
    for it in loaded.lint_off.iter().flat_map(LintOff::complaints) {
        pass.advice.push(it);
    }
    pass.advice.finish()
}

/// One look at a configuration.
struct Pass<'a> {
    config: &'a Config,
    sources: &'a SourceMap,
    /// What was said already.
    known: &'a [Diagnostic],
    host: Option<&'a dyn Host>,
    scopes: Scopes<'a>,
    advice: Findings,
}

impl Pass<'_> {
    fn advise(&mut self, diagnostic: Diagnostic) {
        if !self.scopes.cover(diagnostic.code, diagnostic.span) {
            self.advice.push(diagnostic);
        }
    }

    /// Says the same of many places once, at the first.
    fn advise_once(&mut self, finding: Finding, places: &[Span], message: String, hint: &str) {
        let is_on = |place: &&Span| !self.scopes.cover(finding.code, Some(**place));
        let mut places = places.iter().filter(is_on);
        let Some(first) = places.next() else { return };
        let more: Vec<Span> = places.copied().collect();
        let mut advice = Diagnostic::new(finding, message, Some(*first)).hint(hint);
        if !more.is_empty() {
            advice = advice.note(format!("and {} more like this", more.len()), more.first().copied());
        }
        self.advise(advice);
    }
}

#[cfg(test)]
mod tests;
