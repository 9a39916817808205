//! TLS of checkers: what is written.

use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{Sni, Tls, Verify};
use crate::diagnostic::{Diagnostic, findings};

/// TLS as it is written.
#[derive(Default)]
pub(super) struct TlsDraft {
    sni: Sni,
    verify: Option<bool>,
    verify_name: Option<String>,
}

impl TlsDraft {
    pub(super) fn finish(self) -> Tls {
        Tls {
            sni: self.sni,
            verify: Verify::new(self.verify, self.verify_name),
        }
    }
}

impl Builder<'_> {
    /// Takes a setting of TLS.
    pub(super) fn tls_setting(&mut self, draft: &mut TlsDraft, item: &Item<'_>) -> bool {
        let argument = &item.argument;
        match item.keyword.name {
            "enable_sni" => match (argument.bool(), &draft.sni) {
                (Some(true), Sni::Off) => draft.sni = Sni::Virtualhost,
                (Some(false), Sni::Virtualhost) => draft.sni = Sni::Off,
                _ => {}
            },
            "sni_name" => self.sni_name(draft, item),
            "tls_verify" => set(&mut draft.verify, argument.bool().map(Some)),
            "tls_verify_name" => draft.verify_name = argument.string(),
            _ => return false,
        }
        true
    }

    /// A bare `sni_name` means the name of the server that is asked.
    fn sni_name(&mut self, draft: &mut TlsDraft, item: &Item<'_>) {
        match (item.word(1), &draft.sni) {
            (Some(name), _) => draft.sni = Sni::Name(name.text.to_owned()),
            (None, Sni::Name(_)) => {
                let message = "'sni_name' has a name already; the line is ignored";
                self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
            }
            (None, _) => draft.sni = Sni::Virtualhost,
        }
    }
}
