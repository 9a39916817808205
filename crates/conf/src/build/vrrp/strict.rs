//! `strict_mode`: what the RFCs do not have is corrected, and said.

use super::{Draft, OWNER};
use crate::build::Builder;
use crate::config::{InitialState, VmacAddress, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Span;
use std::time::Duration;

/// Adverts that may be missed (RFC 5798 section 6.1).
const DOWN_TIMER_ADVERTS: u8 = 3;

impl Builder<'_> {
    pub(super) fn strict_conflict(&mut self, draft: &Draft, what: &str, span: Span) {
        let message = format!("In strict mode {what} in vrrp_instance {}", draft.name);
        self.report(Diagnostic::new(findings::STRICT, message, Some(span)));
    }

    /// Corrects what the instance says of itself.
    pub(super) fn check_strict(
        &mut self,
        draft: &mut Draft,
        version: VrrpVersion,
        state: &mut InitialState,
        priority: u8,
    ) {
        if !draft.strict() {
            return;
        }
        let due = if priority == OWNER {
            InitialState::Master
        } else {
            InitialState::Backup
        };
        if *state != due {
            let span = draft.state.map_or(draft.name.span, |state| state.span);
            self.strict_conflict(
                draft,
                "only priority 255 goes with state MASTER, which is corrected",
                span,
            );
            *state = due;
        }
        if let Some(delay) = draft.preempt_delay.take().filter(|delay| !delay.is_zero()) {
            self.strict_conflict(draft, "there is no preempt_delay; it is ignored", delay.span);
        }
        if draft.down_timer_adverts != DOWN_TIMER_ADVERTS {
            let span = draft.span_of("down_timer_adverts");
            self.strict_conflict(draft, "down_timer_adverts is 3, which is used", span);
            draft.down_timer_adverts = DOWN_TIMER_ADVERTS;
        }
        self.strict_adverts(draft);
        if draft.vmac_xmit_base.take().is_some() {
            let span = draft.span_of("vmac_xmit_base");
            self.strict_conflict(draft, "there is no vmac_xmit_base; it is ignored", span);
        }
        if let Some(vmac) = draft.vmac.as_mut()
            && vmac.value.address != VmacAddress::Virtual
        {
            vmac.value.address = VmacAddress::Virtual;
            let span = vmac.span;
            self.strict_conflict(draft, "a VMAC has the virtual MAC address, which is used", span);
        }
        if version == VrrpVersion::V2 && draft.accept == Some(true) && priority != OWNER {
            let span = draft.span_of("accept");
            self.strict_conflict(
                draft,
                "version 2 takes no packets for its addresses; accept is ignored",
                span,
            );
            draft.accept = None;
        }
        if let Some(peer) = draft.unicast_peer.first() {
            let span = peer.address.span;
            self.strict_conflict(draft, "adverts are multicast; the peers are used nevertheless", span);
        }
        self.strict_addresses(draft);
    }

    fn strict_adverts(&mut self, draft: &mut Draft) {
        if draft.garp.lower_prio_repeat.is_some_and(|repeat| repeat > 0) {
            let span = draft.span_of("garp_lower_prio_repeat");
            self.strict_conflict(
                draft,
                "an advert of lower priority is not answered by ARP; none is sent",
                span,
            );
        }
        draft.garp.lower_prio_repeat = Some(0);
        draft.garp.lower_prio_delay = Some(Duration::ZERO);
        if !draft.lower_prio_no_advert && draft.is_written("lower_prio_no_advert") {
            let span = draft.span_of("lower_prio_no_advert");
            self.strict_conflict(draft, "an advert of lower priority is not answered; none is sent", span);
        }
        draft.lower_prio_no_advert = true;
        if draft.higher_prio_send_advert && draft.is_written("higher_prio_send_advert") {
            let span = draft.span_of("higher_prio_send_advert");
            self.strict_conflict(
                draft,
                "an advert of higher priority is not answered; none is sent",
                span,
            );
        }
        draft.higher_prio_send_advert = false;
    }

    fn strict_addresses(&mut self, draft: &mut Draft) {
        if draft.no_virtual_ipaddress {
            let span = draft.span_of("no_virtual_ipaddress");
            self.strict_conflict(
                draft,
                "no instance is without address; no_virtual_ipaddress is ignored",
                span,
            );
            draft.no_virtual_ipaddress = false;
        }
        let first = draft.virtual_ipaddress.first().map(|first| first.address);
        let global = |address: &std::net::IpAddr| match address {
            std::net::IpAddr::V4(_) => false,
            std::net::IpAddr::V6(address) => !address.is_unicast_link_local(),
        };
        if let Some(first) = first.filter(|first| global(first)) {
            self.strict_conflict(draft, "the first IPv6 address must be link-local", first.span);
        }
    }
}
