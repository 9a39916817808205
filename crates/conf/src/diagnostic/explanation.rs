//! What each finding means, for `holdfast explain` and the pages about diagnostics.

mod advice;
mod blocks;
mod checkers;
mod files;
mod host;
mod instances;
mod keywords;
mod lines;
mod routes;
mod servers;
mod settings;
mod trackers;
mod vrrp;

use super::findings::{self, Finding};

/// The page about one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The finding.
    pub finding: Finding,
    /// Why it is said, and what becomes of the line.
    pub why: &'static str,
    /// A piece of a configuration that has it; empty where no short piece has.
    pub wrong: &'static str,
    /// The same piece mended.
    pub right: &'static str,
}

const fn page(finding: Finding, why: &'static str, wrong: &'static str, right: &'static str) -> Explanation {
    Explanation {
        finding,
        why,
        wrong,
        right,
    }
}

const PAGES: &[&[Explanation]] = &[
    files::PAGES,
    lines::PAGES,
    blocks::PAGES,
    keywords::PAGES,
    vrrp::PAGES,
    trackers::PAGES,
    routes::PAGES,
    instances::PAGES,
    servers::PAGES,
    checkers::PAGES,
    settings::PAGES,
    advice::PAGES,
    host::PAGES,
];

impl Finding {
    /// The page about this finding.
    pub fn explanation(&self) -> Option<&'static Explanation> {
        PAGES
            .iter()
            .copied()
            .flatten()
            .find(|page| page.finding.code == self.code)
    }

    /// The finding with a code, written `HF0300`, `hf300` or `300`.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let digits = match name.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("hf") => name.get(2..)?,
            _ => name,
        };
        let code: u16 = digits.parse().ok()?;
        findings::ALL.iter().find(|finding| finding.code.0 == code)
    }
}

#[cfg(test)]
mod tests;
