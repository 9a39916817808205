//! Advice: what works as written, but is probably not what one wants.
//!
//! Only `holdfast check` asks for it; neither `-t` nor the daemon does. Every piece of advice can be switched off, in
//! the file (`@holdfast lint_off HF0801`, see [`LintOff`]) and by whoever calls.

mod script;
mod switch;
mod virtual_server;
mod vrrp;

pub(crate) use switch::Switch;
pub use switch::{Allow, LintOff};

use crate::Loaded;
use crate::config::Config;
use crate::diagnostic::findings::Finding;
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Host;
use crate::source::{SourceMap, Span};

/// One kind of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What is found.
    pub finding: Finding,
    /// Why it matters and what to do.
    pub explanation: &'static str,
}

/// Every kind of advice, in the order of the codes.
pub fn all() -> impl Iterator<Item = &'static Lint> {
    vrrp::LINTS.iter().chain(virtual_server::LINTS).chain(script::LINTS)
}

/// The advice with this code.
pub fn find(code: Code) -> Option<&'static Lint> {
    all().find(|lint| lint.finding.code == code)
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
    virtual_server::look(&mut pass);
    script::look(&mut pass);
    let mut advice = pass.advice;
    advice.retain(|advice| !loaded.lint_off.iter().any(|off| off.covers(advice, &loaded.sources)));
    advice.extend(loaded.lint_off.iter().flat_map(LintOff::unknown));
    advice
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
