//! `authentication` and `auth_hmac`.

use super::Draft;
use crate::build::{Builder, Item};
use crate::config::{
    AddressFamily, AntiReplay, AuthHmac, Authentication, HmacKey, HmacMode, HmacSecret, InitialState, VrrpVersion,
};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::path::PathBuf;
use std::time::Duration;

/// `authentication` as it is written.
pub(super) struct AuthenticationDraft {
    kind: Option<Spanned<&'static str>>,
    password: Option<Spanned<String>>,
    span: Span,
}

/// `auth_hmac` as it is written.
pub(super) struct AuthHmacDraft {
    keys: Vec<HmacKey>,
    active_key: Option<Spanned<u8>>,
    time_window: Option<Duration>,
    anti_replay: AntiReplay,
    mode: Spanned<HmacMode>,
    span: Span,
}

/// The room for a password in an advert (RFC 2338 section 5.3.10).
const PASSWORD_BYTES: usize = 8;

impl Builder<'_> {
    pub(super) fn authentication(&mut self, draft: &mut Draft, block: &Item<'_>) {
        let mut it = AuthenticationDraft {
            kind: None,
            password: None,
            span: block.span,
        };
        for item in self.items(block.node, Context::Authentication) {
            match item.keyword.name {
                "auth_type" => it.kind = item.argument.one_of().map(|kind| Spanned::new(kind, item.span)),
                "auth_pass" => it.password = self.password(&item),
                _ => {}
            }
        }
        draft.authentication = Some(it);
    }

    pub(super) fn auth_hmac(&mut self, draft: &mut Draft, block: &Item<'_>) {
        let mut it = AuthHmacDraft {
            keys: Vec::new(),
            active_key: None,
            time_window: None,
            anti_replay: AntiReplay::default(),
            mode: Spanned::new(HmacMode::default(), block.span),
            span: block.span,
        };
        for item in self.items(block.node, Context::AuthHmac) {
            match item.keyword.name {
                "key" => it.keys.extend(self.hmac_key(&item, &it.keys)),
                "active_key" => it.active_key = item.argument.number().map(|id| Spanned::new(id, item.span)),
                "time_window" => it.time_window = item.argument.duration().or(it.time_window),
                "anti_replay" => {
                    it.anti_replay = match item.argument.one_of() {
                        Some("monotonic") => AntiReplay::Monotonic,
                        _ => AntiReplay::Time,
                    }
                }
                "mode" => {
                    let mode = match item.argument.one_of() {
                        Some("permissive") => HmacMode::Permissive,
                        Some("receive-only") => HmacMode::ReceiveOnly,
                        _ => HmacMode::Enforce,
                    };
                    it.mode = Spanned::new(mode, item.span);
                }
                _ => {}
            }
        }
        draft.auth_hmac = Some(it);
    }

    /// `key ID SECRET`.
    fn hmac_key(&mut self, item: &Item<'_>, known: &[HmacKey]) -> Option<HmacKey> {
        let id = item.word(1)?;
        let number = self.integer("key", id, 1, 255)?;
        let id = Spanned::new(u8::try_from(number).ok()?, id.span(self.text));
        if let Some(first) = known.iter().find(|key| key.id == id) {
            let message = format!("Key {id} is given twice; the second one is ignored");
            self.report(
                Diagnostic::new(findings::GIVEN_TWICE, message, Some(id.span))
                    .note("the first is here", Some(first.id.span)),
            );
            return None;
        }
        let Some(word) = item.word(2) else {
            let message = format!("Key {id} has no secret; it is ignored");
            let diagnostic = Diagnostic::new(findings::HMAC_KEY, message, Some(id.span));
            self.report(diagnostic.hint("key ID SECRET, key ID hex:DIGITS or key ID file:PATH"));
            return None;
        };
        if let Some(path) = word.text.strip_prefix("file:") {
            return Some(HmacKey {
                id,
                secret: HmacSecret::File(PathBuf::from(path)),
            });
        }
        let Some(secret) = HmacSecret::from_text(word.text) else {
            let message = format!("The secret of key {id} does not have 32 to 64 bytes; it is ignored");
            self.invalid(findings::HMAC_KEY, message, word).send(self);
            return None;
        };
        Some(HmacKey { id, secret })
    }

    pub(super) fn resolve_auth_hmac(&mut self, draft: &mut Draft, advert_int: Duration) -> Option<AuthHmac> {
        let it = draft.auth_hmac.take()?;
        let mut refuse = |message: String, span| {
            self.diagnostics
                .push(Diagnostic::new(findings::HMAC_KEY, message, Some(span)));
        };
        let Some(active_key) = it.active_key else {
            refuse(
                format!(
                    "auth_hmac of vrrp_instance {} has no active_key; it is ignored",
                    draft.name
                ),
                it.span,
            );
            return None;
        };
        if !it.keys.iter().any(|key| key.id == active_key) {
            refuse(
                format!(
                    "auth_hmac of vrrp_instance {} has no key {active_key}; it is ignored",
                    draft.name
                ),
                active_key.span,
            );
            return None;
        }
        if let Some(legacy) = draft.authentication.take() {
            let message = format!("vrrp_instance {} has auth_hmac; authentication is ignored", draft.name);
            self.report(
                Diagnostic::new(findings::TWO_AUTHENTICATIONS, message, Some(legacy.span))
                    .note("auth_hmac is here", Some(it.span)),
            );
        }
        let mut mode = it.mode;
        if draft.strict() && *mode != HmacMode::Enforce {
            self.strict_conflict(draft, "auth_hmac can only enforce, which is used", mode.span);
            mode.value = HmacMode::Enforce;
        }
        let (least, most) = (Duration::from_secs(5), Duration::from_mins(5));
        let window = it
            .time_window
            .unwrap_or(advert_int.saturating_mul(3).clamp(least, most));
        Some(AuthHmac {
            keys: it.keys,
            active_key: *active_key,
            time_window: window,
            anti_replay: it.anti_replay,
            mode: *mode,
        })
    }

    pub(super) fn resolve_authentication(
        &mut self,
        draft: &mut Draft,
        version: VrrpVersion,
        family: AddressFamily,
        state: &mut InitialState,
    ) -> Option<Authentication> {
        let it = draft.authentication.take()?;
        let ignored = if draft.strict() {
            Some(format!(
                "Strict mode has no authentication; it is ignored in vrrp_instance {}",
                draft.name
            ))
        } else if version == VrrpVersion::V3 {
            Some(format!(
                "VRRP version 3 has no authentication; it is ignored in vrrp_instance {}",
                draft.name
            ))
        } else {
            None
        };
        if let Some(message) = ignored {
            self.report(Diagnostic::new(findings::AUTHENTICATION_V3, message, Some(it.span)));
            return None;
        }
        let Some(kind) = it.kind else {
            let message = format!(
                "The authentication of vrrp_instance {} lacks auth_type; there is none",
                draft.name
            );
            let diagnostic = Diagnostic::new(findings::AUTHENTICATION_TYPE, message, Some(it.span));
            self.report(diagnostic.hint("write auth_type PASS and auth_pass on two lines"));
            return None;
        };
        let Some(password) = it.password else {
            let message = format!(
                "The authentication of vrrp_instance {} lacks auth_pass; there is none",
                draft.name
            );
            let diagnostic = Diagnostic::new(findings::AUTHENTICATION_INCOMPLETE, message, Some(it.span));
            self.report(diagnostic.hint("write auth_type PASS and auth_pass on two lines"));
            return None;
        };
        let mut bytes = [0; PASSWORD_BYTES];
        for (byte, written) in bytes.iter_mut().zip(password.bytes()) {
            *byte = written;
        }
        if *kind == "PASS" {
            return Some(Authentication::Pass(bytes));
        }
        self.authentication_header(draft, kind.span, family, state)
            .then_some(Authentication::Ah(bytes))
    }

    /// What follows `auth_pass`; more than an advert has room for is cut off when it is used.
    fn password(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let password = self.spanned(item.word(1)?);
        if password.len() > PASSWORD_BYTES {
            let message = format!("auth_pass has {} bytes; only the first 8 count", password.len());
            let finding = findings::PASSWORD_TOO_LONG;
            self.report(Diagnostic::new(finding, message, Some(password.span)));
        }
        Some(password)
    }

    /// Is the authentication header possible? A router that starts as master has not learnt the sequence number.
    fn authentication_header(
        &mut self,
        draft: &Draft,
        span: Span,
        family: AddressFamily,
        state: &mut InitialState,
    ) -> bool {
        if family == AddressFamily::Inet6 {
            let message = format!("auth_type AH is for IPv4; vrrp_instance {} has none", draft.name);
            self.report(Diagnostic::new(findings::AUTHENTICATION_V3, message, Some(span)));
            return false;
        }
        if *state == InitialState::Master && draft.priority != Some(super::OWNER) {
            let message = format!(
                "With auth_type AH vrrp_instance {} must start as BACKUP, which it does",
                draft.name
            );
            let place = draft.state.map_or(span, |state| state.span);
            self.report(Diagnostic::new(findings::AH_MASTER, message, Some(place)));
            *state = InitialState::Backup;
        }
        true
    }
}
