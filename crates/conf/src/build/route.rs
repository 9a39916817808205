//! Lines of routes.
#![deny(clippy::arithmetic_side_effects)]

mod encap;
pub(super) mod host_names;
pub(super) mod line;
pub(super) mod names;
pub(super) mod words;

use super::Builder;
use crate::config::{AddressFamily, Metric, NextHop, Prefix, Route, RouteCreation};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use line::Lines;
use names::Names;
use std::net::IpAddr;
use std::time::Duration;
use words::{Family, Network, Words};

/// `RTPROT_KEEPALIVED`: what else somebody could have made, so it is not watched.
pub(super) const PROTOCOL: u8 = 18;
/// `RTN_UNICAST`.
const UNICAST: u8 = 1;
/// Shorter times for TCP are not taken.
const SHORTEST: Duration = Duration::from_millis(200);

/// A route as far as it is read.
struct Draft {
    route: Route,
    family: Family,
    destination: Option<Network>,
    from: Option<Network>,
    protocol: Option<(u8, Span)>,
    or: bool,
}

impl<'a> Builder<'a> {
    /// The lines of a block of routes.
    pub(super) fn routes(&mut self, block: usize, context: Context) -> Vec<Route> {
        let kind = Lines {
            new: Draft::new,
            option: Self::route_option,
            finish: Self::finish_route,
        };
        self.made_of_lines(block, context, &kind)
    }

    /// Takes one option; `None` when the line is to be dropped, which was said.
    fn route_option(
        &mut self,
        draft: &mut Draft,
        option: Word<'a>,
        words: &mut Words<'a>,
        context: Context,
    ) -> Option<()> {
        let family = &mut draft.family;
        let route = &mut draft.route;
        match option.text {
            "inet" | "inet6" => return self.forced_family(family, option, words, context),
            "src" => {
                let value = self.value(option, words)?;
                route.src = Some(self.line_address(option, value, family)?);
            }
            "via" => route.via = Some(self.gateway(option, words, family)?),
            "gw" => {
                self.old_word(option, "via");
                route.via = Some(self.gateway(option, words, family)?);
            }
            "or" => return self.second_gateway(draft, option, words),
            "nexthop" => route.nexthops = self.nexthops(words, family),
            "from" => {
                let value = self.value(option, words)?;
                draft.from = Some(self.network(option, value, family)?);
                return self.only_ipv6(option, draft);
            }
            "dev" | "oif" => {
                let value = self.value(option, words)?;
                route.dev = Some(self.spanned(value));
            }
            "vrf" => {
                let value = self.value(option, words)?;
                route.vrf = Some(self.spanned(value));
            }
            "onlink" => route.onlink = true,
            "no_track" => route.no_track = true,
            "encap" => route.encap = self.encap(option, words),
            "as" => self.mpls_word(option, words),
            "track_group" if context == Context::StaticRoutes => {
                let value = self.value(option, words)?;
                route.track_group = self.known_track_group(value);
            }
            _ => return self.attribute(draft, option, words),
        }
        Some(())
    }

    /// Options of what the route is for the kernel, wherever it leads.
    fn attribute(&mut self, draft: &mut Draft, option: Word<'a>, words: &mut Words<'a>) -> Option<()> {
        let family = &mut draft.family;
        let route = &mut draft.route;
        match option.text {
            "tos" | "dsfield" => route.tos = self.named_u8(option, words, Names::Service)?,
            "table" => route.table = Some(self.named(option, words, Names::Table)?),
            "protocol" => {
                let protocol = self.named_u8(option, words, Names::Protocol)?;
                draft.protocol = Some((protocol, option.span(self.text)));
            }
            "scope" => route.scope = Some(self.named_u8(option, words, Names::Scope)?),
            "metric" | "priority" | "preference" => route.metric = Some(self.number_u32(option, words)?),
            "realms" => route.realms = Some(self.realms(option, words, family)?),
            "expires" => {
                route.expires = Some(self.number_u32(option, words)?);
                return self.only_ipv6(option, draft);
            }
            "pref" => {
                route.pref = Some(self.router_preference(option, words)?);
                return self.only_ipv6(option, draft);
            }
            _ => return self.tcp_option(draft, option, words),
        }
        Some(())
    }

    /// Options of how TCP uses the route.
    fn tcp_option(&mut self, draft: &mut Draft, option: Word<'a>, words: &mut Words<'a>) -> Option<()> {
        let route = &mut draft.route;
        match option.text {
            "mtu" => route.mtu = Some(self.metric(option, words)?),
            "advmss" => route.advmss = Some(self.metric(option, words)?),
            "reordering" => route.reordering = Some(self.metric(option, words)?),
            "cwnd" => route.cwnd = Some(self.metric(option, words)?),
            "ssthresh" => route.ssthresh = Some(self.metric(option, words)?),
            "window" => route.window = Some(self.number_u32(option, words)?),
            "initcwnd" => route.initcwnd = Some(self.number_u32(option, words)?),
            "initrwnd" => route.initrwnd = Some(self.number_u32(option, words)?),
            "rtt" => route.rtt = Some(self.time(option, words, 8)?),
            "rttvar" => route.rttvar = Some(self.time(option, words, 4)?),
            "rto_min" => route.rto_min = Some(self.time(option, words, 1)?),
            "hoplimit" => route.hoplimit = u8::try_from(self.number(option, words, 255)?).ok(),
            "quickack" => route.quickack = Some(self.number(option, words, 1)? == 1),
            "fastopen_no_cookie" => route.fastopen_no_cookie = Some(self.number(option, words, 1)? == 1),
            "congctl" => {
                route.congctl_lock = words.next_if(|word| word.text == "lock").is_some();
                route.congctl = Some(self.value(option, words)?.text.to_owned());
            }
            "features" => {
                let value = self.value(option, words)?;
                route.ecn |= value.text == "ecn";
                if value.text != "ecn" {
                    self.left_out(value, "is no feature; 'ecn' is the only one");
                }
            }
            "ttl-propagate" => {
                let value = self.value(option, words)?;
                route.ttl_propagate = Some(value.text == "enabled");
                if !matches!(value.text, "enabled" | "disabled") {
                    self.left_out(value, "is neither 'enabled' nor 'disabled', which is used");
                }
            }
            "add" => route.creation = RouteCreation::Add,
            "prepend" => route.creation = RouteCreation::Prepend,
            "append" => route.creation = RouteCreation::Append,
            _ => return self.destination(draft, option, words),
        }
        Some(())
    }

    /// `[to] [TYPE] PREFIX`: what is no option.
    fn destination(&mut self, draft: &mut Draft, option: Word<'a>, words: &mut Words<'a>) -> Option<()> {
        let mut word = option;
        if word.text == "to" {
            word = self.value(option, words)?;
        }
        let kind = self
            .number_of(Names::RouteType, word.text)
            .and_then(|kind| u8::try_from(kind).ok());
        if let Some(kind) = kind.filter(|_| words.peek().is_some()) {
            draft.route.kind = kind;
            word = self.value(word, words)?;
        }
        draft.destination = Some(self.network(option, word, &mut draft.family)?);
        Some(())
    }

    /// `inet` or `inet6`. keepalived skips the word after it, so files have a word there that means nothing; a word
    /// that means something is taken here.
    pub(super) fn forced_family(
        &mut self,
        family: &mut Family,
        option: Word<'a>,
        words: &mut Words<'a>,
        context: Context,
    ) -> Option<()> {
        let forced = if option.text == "inet" {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let means_nothing = |word: &Word<'a>| {
            let address = word.text.split('/').next().unwrap_or_default();
            context.find(word.text).is_none() && address.parse::<IpAddr>().is_err()
        };
        words.next_if(means_nothing);
        if family.is(forced) {
            return Some(());
        }
        self.bad_option(option, "contradicts the addresses of the line")
    }

    /// `[inet|inet6] ADDRESS`. Only a gateway whose family is named may have another one than the route: IPv4 can go
    /// through an IPv6 router.
    pub(super) fn gateway(&mut self, option: Word<'a>, words: &mut Words<'a>, family: &mut Family) -> Option<IpAddr> {
        let named = words.next_if(|word| matches!(word.text, "inet" | "inet6"));
        let value = self.value(option, words)?;
        let may_differ = |named: &Word<'a>| family.0 == Some(AddressFamily::Inet) && named.text == "inet6";
        let Some(named) = named else {
            return self.line_address(option, value, family);
        };
        let address = value.text.parse::<IpAddr>().ok();
        let fits = address.filter(|address| address.is_ipv4() == (named.text == "inet"));
        match fits {
            None => self.bad_value(named, value, "an address of that family"),
            Some(_) if may_differ(&named) => fits,
            Some(_) => self.line_address(option, value, family),
        }
    }

    fn old_word(&mut self, option: Word<'a>, new: &str) {
        let message = format!("'{}' is deprecated", option.text);
        let span = option.span(self.text);
        self.report(Diagnostic::new(findings::DEPRECATED, message, Some(span)).hint(format!("write '{new}'")));
    }

    fn second_gateway(&mut self, draft: &mut Draft, option: Word<'a>, words: &mut Words<'a>) -> Option<()> {
        self.old_word(option, "nexthop");
        let gateway = self.gateway(option, words, &mut draft.family)?;
        if draft.or {
            self.left_out(option, "is given twice; the second one is ignored");
            return Some(());
        }
        draft.or = true;
        draft.route.nexthops.push(NextHop {
            via: Some(gateway),
            ..NextHop::default()
        });
        Some(())
    }

    fn mpls_word(&mut self, option: Word<'a>, words: &mut Words<'a>) {
        words.next_if(|word| word.text == "to");
        self.left_out(option, "is for MPLS, which is not supported; it is ignored");
    }

    fn left_out(&mut self, word: Word<'a>, reason: &str) {
        let message = format!("'{}' {reason}", word.text);
        self.invalid(findings::LINE_OPTION, message, word).send(self);
    }

    fn only_ipv6(&mut self, option: Word<'a>, draft: &mut Draft) -> Option<()> {
        if draft.family.is(AddressFamily::Inet6) {
            return Some(());
        }
        self.bad_option(option, "is for IPv6")
    }

    fn router_preference(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<u8> {
        let value = self.value(option, words)?;
        match value.text {
            "medium" => Some(0),
            "high" => Some(1),
            "low" => Some(3),
            number => match number.parse() {
                Ok(number) => Some(number),
                Err(_) => self.bad_value(option, value, "low, medium, high or a number up to 255"),
            },
        }
    }

    fn metric(&mut self, option: Word<'a>, words: &mut Words<'a>) -> Option<Metric<u32>> {
        let lock = words.next_if(|word| word.text == "lock").is_some();
        let value = self.number_u32(option, words)?;
        Some(Metric { value, lock })
    }

    /// A time in seconds (`s`), milliseconds (`ms`), or a plain number of so many parts of a millisecond.
    fn time(&mut self, option: Word<'a>, words: &mut Words<'a>, parts: u32) -> Option<Metric<Duration>> {
        let lock = words.next_if(|word| word.text == "lock").is_some();
        let value = self.value(option, words)?;
        let Some(mut time) = tcp_time(value.text, parts) else {
            return self.bad_value(option, value, "a number, with s or ms after it");
        };
        if time < SHORTEST {
            let message = format!("'{}' is less than {SHORTEST:?}, which is used", option.text);
            self.invalid(findings::OUT_OF_RANGE, message, value).send(self);
            time = SHORTEST;
        }
        Some(Metric { value: time, lock })
    }

    fn finish_route(&mut self, mut draft: Draft, first: Word<'a>) -> Option<Route> {
        let Some(destination) = draft.destination else {
            let message = "The route has no destination; the line is ignored".to_owned();
            self.invalid(findings::NO_DESTINATION, message, first).send(self);
            return None;
        };
        let mut route = draft.route;
        route.family = draft.family.0.unwrap_or_default();
        route.destination = destination.in_family(route.family);
        route.from = draft.from.map(|from| from.in_family(route.family));
        if draft.or {
            route.nexthops.insert(
                0,
                NextHop {
                    via: route.via.take(),
                    dev: route.dev.clone(),
                    ..NextHop::default()
                },
            );
        }
        if let Some((protocol, span)) = draft.protocol.take() {
            route.protocol = self.trackable_protocol(protocol, route.no_track, span);
        }
        if let Some(group) = route.track_group.take_if(|_| route.dev.is_none()) {
            let message = format!("A route needs an interface to follow track_group {group}; the group is ignored");
            let diagnostic = Diagnostic::new(findings::UNTRACKED, message, Some(group.span));
            self.report(diagnostic.hint("dev INTERFACE"));
        } else if !route.no_track && route.dev.is_none() {
            let message = "Without an interface the route cannot be tracked".to_owned();
            self.invalid(findings::UNTRACKED_ROUTE, message, first)
                .hint("write dev INTERFACE, or no_track")
                .send(self);
            route.no_track = true;
        }
        Some(route)
    }

    /// What is tracked must be known as keepalived's own.
    pub(super) fn trackable_protocol(&mut self, protocol: u8, no_track: bool, span: Span) -> u8 {
        if no_track || protocol == PROTOCOL {
            return protocol;
        }
        let message = format!("With protocol {protocol} it could not be tracked; protocol {PROTOCOL} is used");
        self.report(Diagnostic::new(findings::TRACKED_PROTOCOL, message, Some(span)).hint("write no_track"));
        PROTOCOL
    }
}

impl Draft {
    fn new(span: Span) -> Self {
        Self {
            route: Route::new(span),
            family: Family::default(),
            destination: None,
            from: None,
            protocol: None,
            or: false,
        }
    }
}

impl Route {
    fn new(span: Span) -> Self {
        Self {
            destination: Prefix::all(AddressFamily::Inet),
            family: AddressFamily::Inet,
            kind: UNICAST,
            src: None,
            via: None,
            from: None,
            tos: 0,
            table: None,
            protocol: PROTOCOL,
            scope: None,
            metric: None,
            dev: None,
            onlink: false,
            encap: None,
            expires: None,
            mtu: None,
            hoplimit: None,
            advmss: None,
            rtt: None,
            rttvar: None,
            reordering: None,
            window: None,
            cwnd: None,
            ssthresh: None,
            realms: None,
            rto_min: None,
            initcwnd: None,
            initrwnd: None,
            ecn: false,
            quickack: None,
            congctl: None,
            congctl_lock: false,
            pref: None,
            ttl_propagate: None,
            fastopen_no_cookie: None,
            creation: RouteCreation::default(),
            nexthops: Vec::new(),
            no_track: false,
            vrf: None,
            track_group: None,
            span: Spanned::new((), span),
        }
    }
}

/// The kernel counts such times in parts of milliseconds, in 32 bits.
fn tcp_time(text: &str, parts: u32) -> Option<Duration> {
    let (number, microseconds) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1_000.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000_000.0)
    } else {
        (text, 1_000.0 / f64::from(parts))
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let microseconds = number.parse::<f64>().ok().filter(|_| digits)? * microseconds;
    let most = f64::from(u32::MAX) * 1_000.0 / f64::from(parts);
    (microseconds < most).then(|| Duration::from_secs_f64(microseconds / 1_000_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_tcp() {
        assert_eq!(tcp_time("300ms", 8), Some(Duration::from_millis(300)));
        assert_eq!(tcp_time("1.000125s", 8), Some(Duration::from_micros(1_000_125)));
        assert_eq!(tcp_time("4008", 8), Some(Duration::from_millis(501)));
        for wrong in ["4294967295", "", "x", "1e3", "-1", "inf"] {
            assert_eq!(tcp_time(wrong, 8), None, "{wrong}");
        }
    }
}
