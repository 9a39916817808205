//! The one table of keywords.
//!
//! Where a keyword may stand, what it takes, whether it does something yet: dispatch, checks of arguments, hints
//! and (with `holdfast explain`) documentation come from here. A keyword of keepalived that is not in this table is
//! an unknown keyword.

mod address;
mod checker;
mod describe;
mod effect;
mod global;
mod index;
mod lexical;
mod route;
mod top;
mod track;
mod virtual_server;
mod vrrp;

pub use lexical::LEXICAL;

use std::collections::HashMap;
use std::sync::OnceLock;

/// The longest time where keepalived has no limit.
pub(crate) const MAX_MICROSECONDS: i64 = 4_294_967_295_000_000;

/// What a keyword takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Flag,
    /// Nothing, or `true`, `on`, `yes`, `false`, `off`, `no`.
    Bool,
    /// A whole number from–to.
    Integer(i64, i64),
    /// Nothing, or a whole number from–to.
    OptionalInteger(i64, i64),
    /// Seconds with up to six decimals; the limits are microseconds.
    Seconds(i64, i64),
    /// Milliseconds with up to three decimals; the limits are microseconds.
    Milliseconds(i64, i64),
    /// A whole number of at most this size, positive or negative, and perhaps `reverse`.
    Weight(i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An IP address.
    Address,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// At least one word.
    Word,
    /// Exactly one word.
    OneWord,
    /// A whole number; beyond from–to the nearest one that is allowed is used, with an error.
    Clamped(i64, i64),
    /// Words with rules of their own, perhaps none.
    Text,
    /// A command, and perhaps a user and a group.
    Script,
    /// A block; what may stand in it.
    Block(Context),
    /// The first word of a line in a block of lines, such as an address.
    Entry,
}

/// Does a keyword do something?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    InEffect,
    /// It is read, and a warning says that it does nothing.
    NotYet,
    /// Yes, and keepalived does not know it.
    Extension,
}

/// Another name for a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The keyword that is meant.
    pub of: &'static str,
    /// keepalived counts the use of this name as an error.
    pub deprecated: bool,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// As it is written.
    pub name: &'static str,
    /// What it takes, for the parser.
    pub value: Value,
    /// What it takes, for people.
    pub arguments: &'static str,
    /// What holds without it; empty where that makes no sense.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The first version of keepalived that knows it, when 2.2.7 does not.
    pub since: Option<&'static str>,
    /// Does it do something?
    pub status: Status,
    /// The keyword it stands for.
    pub alias: Option<Alias>,
}

const fn keyword(
    name: &'static str,
    value: Value,
    arguments: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Keyword {
    Keyword {
        name,
        value,
        arguments,
        default,
        doc,
        since: None,
        status: Status::InEffect,
        alias: None,
    }
}

impl Keyword {
    const fn not_yet(mut self) -> Self {
        self.status = Status::NotYet;
        self
    }

    const fn extension(mut self) -> Self {
        self.status = Status::Extension;
        self
    }

    const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    const fn alias(mut self, of: &'static str) -> Self {
        self.alias = Some(Alias { of, deprecated: false });
        self
    }

    const fn deprecated(mut self, of: &'static str) -> Self {
        self.alias = Some(Alias { of, deprecated: true });
        self
    }

    /// What the block of this keyword holds, if it has one.
    pub fn block(&self) -> Option<Context> {
        match self.value {
            Value::Block(context) => Some(context),
            _ => None,
        }
    }
}

/// How a block is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each line begins with a keyword.
    Keywords,
    /// Each line begins with an address, a name or the like; options follow.
    Lines,
    /// Only words, in lines of any length.
    Names,
}

macro_rules! contexts {
    ($($name:ident $shape:ident $title:literal [$($rows:expr),*];)*) => {
        /// A block, as far as the words in it go.
        #[allow(clippy::doc_markdown)] // titles are shown as they are
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Context {
            $(#[doc = $title] $name,)*
        }

        impl Context {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The rows of the table that hold here.
            pub fn tables(self) -> &'static [&'static [Keyword]] {
                match self {
                    $(Self::$name => &[$($rows),*],)*
                }
            }

            /// How it is laid out.
            pub fn shape(self) -> Shape {
                match self {
                    $(Self::$name => Shape::$shape,)*
                }
            }

            /// What it is called in messages.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

contexts! {
    Top Keywords "the top level" [top::TOP];
    GlobalDefs Keywords "global_defs" [global::GLOBAL_DEFS];
    VrrpInstance Keywords "vrrp_instance" [vrrp::VRRP_INSTANCE];
    Authentication Keywords "authentication" [vrrp::AUTHENTICATION];
    AuthHmac Keywords "auth_hmac" [vrrp::AUTH_HMAC];
    UnicastPeer Lines "unicast_peer" [vrrp::UNICAST_PEER];
    VirtualIpaddress Lines "virtual_ipaddress" [address::ADDRESS];
    StaticIpaddress Lines "static_ipaddress" [address::STATIC_ADDRESS];
    VirtualRoutes Lines "virtual_routes" [route::ROUTE];
    VirtualRules Lines "virtual_rules" [route::RULE];
    StaticRoutes Lines "static_routes" [route::ROUTE, route::STATIC_ROUTE_TRACK];
    StaticRules Lines "static_rules" [route::RULE, route::STATIC_RULE_TRACK];
    Nexthop Lines "nexthop" [route::NEXTHOP];
    Encap Lines "encap" [route::ENCAP];
    TrackInterface Lines "track_interface" [track::TRACK_INTERFACE];
    TrackScript Lines "track_script" [track::TRACK_SCRIPT];
    TrackFile Lines "track_file" [track::TRACK_FILE];
    Names Names "a list of names" [];
    VrrpSyncGroup Keywords "vrrp_sync_group" [vrrp::VRRP_SYNC_GROUP];
    VrrpScript Keywords "vrrp_script" [track::VRRP_SCRIPT];
    VrrpTrackProcess Keywords "vrrp_track_process" [track::VRRP_TRACK_PROCESS];
    TrackFileBlock Keywords "track_file" [track::TRACK_FILE_BLOCK];
    TrackGroup Keywords "track_group" [track::TRACK_GROUP];
    GarpGroup Keywords "garp_group" [track::GARP_GROUP];
    LinkbeatInterfaces Lines "linkbeat_interfaces" [track::LINKBEAT_INTERFACES];
    InterfaceUpDownDelays Lines "interface_up_down_delays" [track::INTERFACE_UP_DOWN_DELAYS];
    BfdInstance Keywords "bfd_instance" [track::BFD_INSTANCE];
    Ssl Keywords "SSL" [virtual_server::SSL];
    VirtualServerGroup Lines "virtual_server_group" [virtual_server::VIRTUAL_SERVER_GROUP];
    VirtualServer Keywords "virtual_server" [virtual_server::VIRTUAL_SERVER];
    RealServer Keywords "real_server" [virtual_server::REAL_SERVER];
    HttpGet Keywords "HTTP_GET" [checker::CONNECT, checker::TIMING, checker::HTTP, checker::HTTP_URL];
    SslGet Keywords "SSL_GET" [checker::CONNECT, checker::TIMING, checker::HTTP, checker::SSL_GET];
    Url Keywords "url" [checker::URL];
    SslUrl Keywords "url" [checker::URL, checker::SSL_URL];
    TcpCheck Keywords "TCP_CHECK" [checker::CONNECT, checker::TIMING, checker::TCP_CHECK];
    SmtpCheck Keywords "SMTP_CHECK" [checker::CONNECT, checker::TIMING, checker::SMTP_CHECK];
    SmtpHost Keywords "host" [checker::CONNECT, checker::TIMING, checker::SMTP_HOST];
    DnsCheck Keywords "DNS_CHECK" [checker::CONNECT, checker::TIMING, checker::DNS_CHECK];
    MiscCheck Keywords "MISC_CHECK" [checker::TIMING, checker::MISC_CHECK];
    PingCheck Keywords "PING_CHECK" [checker::CONNECT, checker::TIMING, checker::PING_CHECK];
    UdpCheck Keywords "UDP_CHECK" [checker::CONNECT, checker::TIMING, checker::UDP_CHECK];
    GrpcCheck Keywords "GRPC_CHECK" [checker::CONNECT, checker::TIMING, checker::GRPC_CHECK, checker::TLS];
    BfdCheck Keywords "BFD_CHECK" [checker::BFD_CHECK];
    FileCheck Keywords "FILE_CHECK" [checker::FILE_CHECK];
    ExpectCheck Keywords "EXPECT_CHECK" [checker::CONNECT, checker::TIMING, checker::EXPECT_CHECK];
    AgentCheck Keywords "AGENT_CHECK" [checker::CONNECT, checker::TIMING, checker::AGENT_CHECK];
}

impl Context {
    /// All rows that hold here.
    pub fn keywords(self) -> impl Iterator<Item = &'static Keyword> {
        self.tables().iter().flat_map(|table| table.iter())
    }

    /// The block at the end of a path of keywords, such as `virtual_server/real_server`; `(top)` is the top level.
    pub fn at_path(path: &str) -> Option<Self> {
        if path == "(top)" {
            return Some(Self::Top);
        }
        path.split('/')
            .try_fold(Self::Top, |outer, name| outer.inside(outer.find(name)?))
    }

    /// What the words after a keyword of this block, or the block after it, may be.
    fn inside(self, keyword: &Keyword) -> Option<Self> {
        match (self, keyword.name) {
            (Self::VirtualRoutes | Self::StaticRoutes, "nexthop") => Some(Self::Nexthop),
            (Self::VirtualRoutes | Self::StaticRoutes, "encap") => Some(Self::Encap),
            _ => keyword.block(),
        }
    }

    /// All paths that lead to it, as [`Self::at_path`] takes them.
    pub fn paths(self) -> &'static [String] {
        static PATHS: OnceLock<HashMap<Context, Vec<String>>> = OnceLock::new();
        let paths = PATHS.get_or_init(|| {
            let mut paths = HashMap::new();
            collect_paths(Self::Top, "", &mut paths);
            paths
        });
        paths.get(&self).map_or(&[], Vec::as_slice)
    }

    /// Where something in it stands, in messages.
    pub(crate) fn place(self) -> String {
        if self == Self::Top {
            "at the top level".to_owned()
        } else {
            format!("in {}", self.title())
        }
    }

    /// The row of a keyword that may stand here.
    pub fn find(self, name: &str) -> Option<&'static Keyword> {
        index::of(self).get(name).copied()
    }
}

/// Blocks do not contain themselves, so this ends.
fn collect_paths(context: Context, path: &str, paths: &mut HashMap<Context, Vec<String>>) {
    let shown = if path.is_empty() { "(top)" } else { path };
    paths.entry(context).or_default().push(shown.to_owned());
    for keyword in context.keywords() {
        if let Some(inner) = context.inside(keyword) {
            let path = if path.is_empty() {
                keyword.name.to_owned()
            } else {
                format!("{path}/{}", keyword.name)
            };
            collect_paths(inner, &path, paths);
        }
    }
}

/// The blocks in which a keyword may stand.
pub fn homes(name: &str) -> impl Iterator<Item = Context> {
    Context::ALL
        .iter()
        .copied()
        .filter(move |context| context.shape() == Shape::Keywords && context.find(name).is_some())
}

/// The candidate that differs from a word by so few letters that it was probably meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = match length {
        3..=4 => 1,
        5..=8 => 2,
        9..=64 => 3,
        _ => return None,
    };
    candidates
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, removed or swapped with their neighbour. Case counts for nothing.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|character| character.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|character| character.to_ascii_lowercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (cell(&last, column) + usize::from(letter != other))
                .min(cell(&last, column + 1) + 1)
                .min(cell(&current, column) + 1);
            let swapped =
                row > 0 && column > 0 && left.get(row - 1) == Some(other) && right.get(column - 1) == Some(letter);
            if swapped {
                best = best.min(cell(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
